#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The real snap-confine, out of the distribution's own package, starts an app with the
# static program as its tool: in a root, a pid namespace and a control group of its own, the
# base a squashfs with busybox and no library at all.  The same with the tool that came with
# it is the control, and what the app sees must be the same.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
tool=$top_builddir/static/snap-update-ns
[ -x "$tool" ] || skip_all "no static program (scripts/build --static)"
package=$("${top_srcdir:-.}/scripts/unpacked" snapd 2>/dev/null) || skip_all "no package snapd"
package=$package/usr/lib/snapd
busybox=$(command -v busybox) || skip_all "busybox is missing"
ldd "$busybox" >/dev/null 2>&1 && skip_all "busybox is not static"
# A namespace can be pinned only from one with a smaller number, and some kernels (6.18)
# give each processor a range of its own: with one processor they come in order.
taskset -pc 0 $$ >/dev/null 2>&1
om_start "$@"

# Control groups are everybody's: names that no snap has.
snap=om-test-foo
base=om-test-base
groups=/sys/fs/cgroup/freezer

# add_program FILE PATH: to the host, with the shared libraries that it wants.
add_program() {
	local lib
	mkdir -p "host${2%/*}"
	cp -L "$1" "host$2"
	for lib in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "host${lib%/*}"
		cp -Ln "$lib" "host$lib"
	done
}

# pack TREE: an image of it, TREE.squashfs.
pack() {
	mksquashfs "$1" "$1.squashfs" -quiet -no-progress -comp lzo >/dev/null ||
		skip_all "mksquashfs failed"
	rm -rf "$1"
}

make_base() {
	local b=base-tree
	mkdir -p $b/{bin,dev,etc,home,media,mnt,opt,proc,root,run,snap,sys,tmp,usr/bin,usr/lib/snapd}
	mkdir -p $b/{usr/src,var/lib/snapd,var/log,var/snap,var/tmp,lib/modules,lib/firmware}
	cp "$busybox" $b/bin/busybox
	ln -s busybox $b/bin/sh
	fill_share $b/usr/share 60
	pack $b
}

# make_app REVISION
make_app() {
	local a=app-$1
	mkdir -p "$a"/{share,etc,content}
	echo "hello $1" >"$a/share/hello"
	echo "conf $1" >"$a/etc/foo.conf"
	pack "$a"
}

# make_provider REVISION
make_provider() {
	mkdir "provider-$1"
	echo "content $1" >"provider-$1/content"
	pack "provider-$1"
}

# mount_snap IMAGE NAME REVISION
mount_snap() {
	mkdir -p "host/snap/$2/$3"
	mount -o loop,ro "$1.squashfs" "host/snap/$2/$3" ||
		skip_all "cannot mount a squashfs image"
	ln -sfn "$3" "host/snap/$2/current"
}

make_host() {
	local file
	mkdir host
	mount -t tmpfs -o mode=0755 om-host host
	mkdir -p host/{bin,dev,etc,home/u,lib/modules,lib/firmware,media,mnt,opt,proc,root,run,snap,sys,tmp}
	mkdir -p host/{usr/bin,usr/src,usr/lib/snapd,var/log,var/tmp}
	mkdir -p host/var/lib/snapd/{seccomp/bpf,mount,hostfs,void,lib/gl,lib/vulkan,cookie}
	mkdir -p "host/var/snap/$snap"/{1,2,common} "host/var/snap/${snap}_bar"/{1,common}
	chmod 1777 host/tmp host/var/tmp
	chown 1000:1000 host/home/u
	echo "root:x:0:0::/root:/bin/sh" >host/etc/passwd
	echo "passwd: files" >host/etc/nsswitch.conf
	for file in snap-confine snap-discard-ns; do
		add_program "$package/$file" /usr/lib/snapd/$file
	done
	chmod 4755 host/usr/lib/snapd/snap-confine
	for file in sh cat mount umount sleep env ls setpriv nsenter; do
		add_program "$(command -v $file)" /usr/bin/$file
	done
	ln -s usr/bin/sh host/bin/
	mount --rbind /dev host/dev
	mount --rbind /sys host/sys
	mount -t tmpfs -o mode=0755 om-run host/run
	mkdir -p host/run/{snapd/ns,snapd/lock,netns,user/1000}
	chown 1000:1000 host/run/user/1000
	mount_snap base-tree $base 1
	mount_snap app-1 $snap 1
	mount_snap app-2 $snap 2
	mount_snap app-1 ${snap}_bar 1
	mount_snap provider-1 om-test-content 1
	mount_snap provider-2 om-test-content 2
	ln -sfn 1 host/snap/$snap/current
	# No filter of system calls: another tool's work.
	for file in $snap ${snap}_bar; do
		echo "@unrestricted" >"host/var/lib/snapd/seccomp/bpf/snap.$file.app.bin"
	done
	touch host/var/lib/snapd/seccomp/bpf/global.bin
}

# The first process of the host: what joins its namespaces is there.
boot() {
	local i
	# shellcheck disable=SC2016 # the inner shell's
	unshare -m -p -f --propagation private "$BASH" -c '
		cd host && mkdir old && pivot_root . old &&
		/old/bin/mount -t proc proc /proc && umount -l old && mount --make-rshared / &&
		echo $$ >/run/booted && exec sleep 600' 2>boot.log &
	launcher=$!
	for ((i = 0; i < 100; i++)); do
		[ -s host/run/booted ] && break
		sleep 0.1
	done
	init=$(pgrep -P "$launcher" | head -n 1)
	[ -n "$init" ] && [ -s host/run/booted ] ||
		skip_all "the host does not start: $(tail -n 1 boot.log)"
}

host() { nsenter -t "$init" -m -p -- "$@"; }

# confine COMMAND...: as snapd runs an app; $out has what it said, $rc its status.
confine() {
	out=$(host "${as[@]}" env -i PATH=/usr/bin SNAP_INSTANCE_NAME="$instance" SNAP_REVISION=1 \
		SNAP_REAL_HOME="$home" XDG_RUNTIME_DIR="$runtime" \
		/usr/lib/snapd/snap-confine --base $base "snap.$instance.app" "$@" 2>&1)
	rc=$?
}
as=() instance=$snap home=/root runtime=/run/user/0

# update: as snapd runs the tool in a namespace that is there.
update() {
	out=$(host env -i PATH=/usr/bin /usr/lib/snapd/snap-update-ns "$instance" 2>&1)
	rc=$?
}

# use TOOL: from now on that one is the tool.
use() {
	cp "$1" host/usr/lib/snapd/snap-update-ns.new
	mv host/usr/lib/snapd/snap-update-ns{.new,}
}
discard() { host /usr/lib/snapd/snap-discard-ns "$instance" >/dev/null 2>&1; }
desire() { printf '%s\n' "$@" >"host/var/lib/snapd/mount/snap.$instance.fstab"; }
current() { host cat "/run/snapd/ns/snap.$instance.fstab"; }
# The table of the namespace that is preserved, as the app sees it.
table() {
	# Numbers of devices are given anew.
	host nsenter --mount="/run/snapd/ns/$instance.mnt" /bin/busybox cat /proc/self/mountinfo |
		sed -E 's/^[0-9]+ [0-9]+ //; s/(master|shared):[0-9]+/\1/g; s/^0:[0-9]+ //' | sort
}

clean_up() {
	kill -KILL "$init" 2>/dev/null
	wait "$launcher" 2>/dev/null
	rmdir $groups/snap.$snap $groups/snap.${snap}_bar 2>/dev/null
	return 0
}

# The profiles: a link, a directory and a file of a layout, and content.
profile() {
	share="/snap/$snap/$1/share /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0"
	conf="/snap/$snap/$1/etc/foo.conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"
	link="none /usr/lib/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/$snap/$1/share,x-snapd.origin=layout 0 0"
}
content() { echo "/snap/om-test-content/$1 /snap/$snap/1/content none bind,ro 0 0"; }

# What the app sees.  With the original, a directory in which a name was added takes more of
# them; with us it is as read-only as it was, so that this is not tried.
look='for f in /usr/share/foo/hello /etc/foo.conf /usr/lib/link/hello; do cat $f; done
find /usr/share /usr/lib /etc | sort
stat -c "%n %a %u:%g %F" /usr/share /usr/share/* /usr/lib /usr/lib/* /etc /etc/*
touch /usr/share/foo/x /etc/foo.conf /usr/share/X11/new 2>&1; true'
seen='cat /usr/share/foo/hello /etc/foo.conf /usr/lib/link/hello'

command -v mksquashfs >/dev/null || skip_all "mksquashfs is missing"
make_base
make_app 1
make_app 2
make_provider 1
make_provider 2
make_host
trap clean_up EXIT
boot

theirs=$package/snap-update-ns
use "$theirs"
confine /bin/busybox echo started
[ "$rc:$out" = 0:started ] || skip_all "snap-confine starts nothing here: $(tail -n 1 <<<"$out")"
ok "control: snap-confine starts an app with the tool that came with it"
table >bare
discard

# --- The same app with one and with the other -----------------------------------------------

declare -A view
profile 1
for which in theirs ours; do
	if [ $which = ours ]; then use "$tool"; else use "$theirs"; fi
	desire "$share" "$conf" "$link"
	confine /bin/busybox sh -c "$look"
	is "$which: the app starts" "$rc" 0
	view[$which]=$out
	is "$which: content is visible" "$(head -n 3 <<<"$out")" $'hello 1\nconf 1\nhello 1'
	is "$which: the current profile is saved" \
		"$(current | grep -cxF -e "$share" -e "$conf")" 2
	discard
done
is "both show the app the same" "${view[ours]}" "${view[theirs]}"

# --- Ours, through the life of a snap ---------------------------------------------------------

confine /bin/busybox sh -c "$seen"
is "a new namespace" "$rc:$out" $'0:hello 1\nconf 1\nhello 1'
is "an overlay where it can be, a mimic where the host writes" \
	"$(current | awk '$2 == "/usr/share" || $2 == "/etc" { print $2, $3 }' | sort)" \
	"$(echo /etc tmpfs; if current | grep -q ' overlay '; then echo /usr/share overlay; else echo /usr/share tmpfs; fi)"
before=$(table)
confine /bin/busybox sh -c "$seen"
is "the preserved namespace" "$rc:$out" $'0:hello 1\nconf 1\nhello 1'
is "nothing in it has changed" "$(table)" "$before"

is "the journals of namespaces that were discarded are gone" \
	"$(find host/run/overmount -name 'journal.*' | wc -l)" 1

profile 2
desire "$share" "$conf" "$link"
update
is "a new revision, as snapd asks for it" "$rc:$out" "0:"
confine /bin/busybox sh -c "$seen"
is "the new revision is what the app sees" "$rc:$out" $'0:hello 2\nconf 2\nhello 2'
is "the processes of the snap are not frozen any more" \
	"$(cat $groups/snap.$snap/freezer.state 2>/dev/null || echo THAWED)" THAWED

# An app that runs meanwhile is held still: it sees the one or the other, and never less.
host env -i PATH=/usr/bin SNAP_INSTANCE_NAME=$snap SNAP_REVISION=1 \
	/usr/lib/snapd/snap-confine --base $base snap.$snap.app /bin/busybox sh -c \
	'while :; do cat /usr/share/foo/hello /usr/lib/link/hello 2>&1; done' >live.log 2>&1 &
live=$!
await() {
	local i
	for ((i = 0; i < 100; i++)); do
		tail -n 2 live.log | grep -qx "$1" && break
		sleep 0.1
	done
}
await "hello 2"
for ((i = 0; i < 5; i++)); do
	profile $((1 + i % 2))
	desire "$share" "$conf" "$link"
	update
	[ "$rc:$out" = 0: ] || break
done
is "updates beside an app that runs" "$rc:$out" "0:"
await "hello 1"
is "it saw the one and the other, and nothing else" "$(sort -u live.log)" $'hello 1\nhello 2'
# shellcheck disable=SC2046 # a number a word
kill -KILL $(cat $groups/snap.$snap/cgroup.procs) 2>/dev/null
wait $live 2>/dev/null

profile 1
desire "$share" "$(content 1)"
update
confine /bin/busybox cat /usr/share/foo/hello /snap/$snap/1/content/content
is "content is connected" "$rc:$out" $'0:hello 1\ncontent 1'
desire "$share" "$(content 2)"
update
confine /bin/busybox cat /usr/share/foo/hello /snap/$snap/1/content/content
is "content is refreshed" "$rc:$out" $'0:hello 1\ncontent 2'
desire "$share"
update
confine /bin/busybox sh -c "cat /usr/share/foo/hello; ls /snap/$snap/1/content"
is "content is disconnected" "$rc:$out" "0:hello 1"
desire "$share" "/snap/$snap/1/etc/foo.conf /etc none rbind,rw,x-snapd.origin=layout 0 0"
discard
confine /bin/busybox true
is "a layout that cannot be: the app does not start, as with the original" \
	"$rc:$(grep -c "snap-update-ns failed with code 1" <<<"$out")" "1:1"
discard

# --- Migration, both ways ---------------------------------------------------------------------

profile 1
desire "$share" "$conf" "$link" "$(content 1)"
use "$theirs"
confine /bin/busybox sh -c "$seen"
use "$tool"
update
is "made by the original: stays, when it is what is desired" "$rc:$out" "0:"
profile 2
desire "$share" "$conf" "$link"
update
is "made by the original: updated" "$rc:$out" "0:"
confine /bin/busybox sh -c "$seen"
is "and seen" "$rc:$out" $'0:hello 2\nconf 2\nhello 2'
use "$theirs"
profile 1
desire "$share" "$conf" "$link"
update
is "made by us: updated by the original" "$rc:$out" "0:"
confine /bin/busybox sh -c "$seen"
is "and seen then" "$rc:$out" $'0:hello 1\nconf 1\nhello 1'
use "$tool"
update
use "$theirs"
rm host/var/lib/snapd/mount/snap.$snap.fstab
update
is "the original takes all of it away" "$rc:$out" "0:"
is "and no mount is left behind" "$(table)" "$(cat bare)"
desire "$share" "$conf" "$link" \
	"/snap/$snap/1/none.conf /etc/none.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"
use "$tool"
update
is "made by us again, with a file that the snap does not have" "$rc:$out" "0:"
use "$theirs"
rm host/var/lib/snapd/mount/snap.$snap.fstab
update
is "a downgrade takes away what we made" "$rc:$out" "0:"
is "and no mount is left behind then" "$(table)" "$(cat bare)"
discard

# --- As a user, and a second instance -----------------------------------------------------------

use "$tool"
profile 1
desire "$share"
mkdir -p host/run/user/1000/doc/by-app/snap.$snap
echo document >host/run/user/1000/doc/by-app/snap.$snap/paper
chown -R 1000:1000 host/run/user/1000
# shellcheck disable=SC2016 # snapd's own variables
printf '%s\n' '$XDG_RUNTIME_DIR/doc/by-app/snap.'$snap' $XDG_RUNTIME_DIR/doc none bind,rw,x-snapd.ignore-missing 0 0' \
	>host/var/lib/snapd/mount/snap.$snap.user-fstab
as=(setpriv --reuid=1000 --regid=1000 --clear-groups) home=/home/u runtime=/run/user/1000
confine /bin/busybox sh -c "id -u; cat /usr/share/foo/hello /run/user/1000/doc/paper"
is "V107: as a user, with the mounts of the user" "$rc:$out" $'0:1000\nhello 1\ndocument'
is "the namespace of the snap has nothing of the user" "$(table | grep -c by-app)" 0
rm -r host/run/user/1000/doc
confine /bin/busybox sh -c "cat /usr/share/foo/hello"
is "what is missing is passed over" "$rc:$out" "0:hello 1"
# shellcheck disable=SC2016 # snapd's own variables
echo 'none $HOME/.local/share none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=$HOME 0 0' \
	>>host/var/lib/snapd/mount/snap.$snap.user-fstab
if grep -q SNAP_REAL_HOME host/usr/lib/snapd/snap-confine; then
	confine /bin/busybox true
	is "V82: directories that are to be made are the user's" \
		"$rc:$(stat -c '%a %u:%g' host/home/u/.local host/home/u/.local/share)" \
		$'0:700 1000:1000\n700 1000:1000'
	home=/home/none
	confine /bin/busybox true
	is "V108: a home that is not there" "$rc:$(grep -c 'cannot use invalid home directory "/home/none": No such file or directory' <<<"$out")" "1:1"
else
	skip "V82, V108: the home of the user" "this snap-confine does not hand it over"
fi
as=() home=/root runtime=/run/user/0
discard
rm host/var/lib/snapd/mount/snap.$snap.user-fstab

instance=${snap}_bar
desire "/snap/$instance /snap/$snap none rbind,x-snapd.origin=overname 0 0" \
	"/var/snap/$instance /var/snap/$snap none rbind,x-snapd.origin=overname 0 0" "$share"
echo mine >"host/var/snap/$instance/common/data"
confine /bin/busybox sh -c "cat /usr/share/foo/hello /var/snap/$snap/common/data; ls /snap/$snap"
is "a second instance sees its own under the name of the snap" "$rc:$out" \
	$'0:hello 1\nmine\n1\ncurrent'
update
is "and is as it should be" "$rc:$out" "0:"

# A number of a namespace is given out again: what was noted of one snap may be another's.
number=$(awk '{ print $2 }' "host/run/overmount/snap.$instance")
instance=$snap
desire "$share"
confine /bin/busybox true
sed -i -E "s/^(overmount\.snapd\/2) [0-9]+/\1 $number/" host/run/overmount/snap.$snap
discard
confine /bin/busybox true
is "the journal of another snap is left alone" \
	"$(find host/run/overmount -name "journal.$number" | wc -l)" 1
discard

plan_end
