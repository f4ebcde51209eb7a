#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The program as snap-update-ns: a namespace that is built as snap-confine builds one, a
# profile, again, another one, and back to nothing; what fails and what it says.  Where the
# static program was built it is that one that runs inside of the namespace.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
. "${top_srcdir:-.}/tests/integration/snapd-lib.sh" || exit 1
om_start "$@"

make_squashfs_base
make_host

lost="/snap/gone/1 /snap/foo/1/content-target/lost none bind,ro 0 0"

# --- Nothing to update ------------------------------------------------------------------

update foo
is "no namespace: nothing to do" "$rc:$(said)" "0:"
: >/run/snapd/ns/foo.mnt
update foo
is "a namespace that was unmounted: nothing to do" "$rc:$(said)" "0:"
ln -sf /proc/self/ns/mnt /run/snapd/ns/foo.mnt
update foo
is "a link in the place of a namespace is refused" "$rc" 1
rm /run/snapd/ns/foo.mnt
update --help
is "V105: unknown options" "$rc:$(said)" "1:cannot update snap namespace: unsupported option"
update foo_
is "V106: bad names" "$rc:$(said)" \
	"1:cannot update snap namespace: instance key must contain at least one letter or digit"

# --- Construction, as snap-confine asks for it -------------------------------------------

make_ns foo || skip_all "cannot pin a mount namespace"
before=$(table)
host_before=$(tree host-etc; tree var-snap)
etc_before=$(tree host-etc)
timeout 60 nsenter --mount=/run/snapd/ns/foo.mnt /usr/lib/snapd/snap-update-ns \
	--from-snap-confine foo >out 2>err
is "V109: --from-snap-confine without the lock" "$?:$(said)" \
	"1:cannot update snap namespace: mount namespace of snap \"foo\" is not locked but --from-snap-confine was used"
constructed foo
is "without a profile: done" "$rc:$(said)" "0:"
is "without a profile: nothing changed" "$(current; table)" "$rootfs"$'\n'"$before"
# snap-confine need not have emptied the file of the namespace before this one.
printf '%s\n' "tmpfs /etc tmpfs x-snapd.synthetic,x-snapd.needed-by=/etc/x 0 0" \
	"/etc/x /etc/passwd none bind,x-snapd.kind=file,x-snapd.synthetic 0 0" >>/run/snapd/ns/snap.foo.fstab
constructed foo
is "what was listed of another namespace is not believed" "$rc:$(said):$(current)" "0::$rootfs"
is "and nothing is taken away by its path" "$(table)" "$before"
is "nor removed" "$(tree host-etc; tree var-snap)" "$host_before"

desire "$share" "$conf" "$link" "$content"
constructed foo
is "a profile is applied" "$rc:$(said)" "0:"
is "layout: a directory" "$(inside cat /usr/share/foo/hello)" hello
is "layout: a file in a directory of the host" "$(inside cat /etc/foo.conf)" conf
is "layout: a link" "$(inside cat /usr/lib/link/hello)" hello
is "content" "$(inside cat /snap/foo/1/content-target/content)" content
is "siblings are seen" "$(inside cat /usr/share/X11/rgb.txt)" rgb
is "the host's directories have nothing new" "$(tree host-etc; tree var-snap)" "$host_before"
is "V17: entries are in the current profile as they were" \
	"$(current | grep -cxF -e "$rootfs" -e "$share" -e "$conf" -e "$content")" 4
is "the root stays first" "$(current | head -n 1)" "$rootfs"
is "each construction is listed, as synthetic" \
	"$(current | grep 'x-snapd.synthetic' | awk '$2 == "/usr/share" || $2 == "/etc" { print $2, $3 }' | sort)" \
	"$(if current | grep -q ' overlay '; then echo /etc tmpfs; echo /usr/share overlay
	else echo /etc tmpfs; echo /usr/share tmpfs; fi)"
is "the profile belongs to root and everybody reads it" \
	"$(stat -c '%u:%g %a' /run/snapd/ns/snap.foo.fstab)" "0:0 644"
# snap-confine looks for the base's device there (a stale namespace otherwise).
device=$(awk '$5 == "'"$work"'/base" { print $3 }' /proc/self/mountinfo)
is "the base's device is still seen at /usr" \
	"$(inside cat /proc/self/mountinfo | awk -v d="$device" '$5 ~ "^/usr" && $3 == d' | head -n 1 | wc -l)" 1

# --- Again: nothing may change -----------------------------------------------------------

ids() { inside cat /proc/self/mountinfo | awk '{ print $1 }' | sort -n; }
applied=$(current; ids)
update foo
is "the same profile again, as snapd asks for it" "$rc:$(said)" "0:"
is "the same mounts are there" "$(current; ids)" "$applied"
constructed foo
is "and as snap-confine asks for it" "$rc:$(current; ids)" "0:$applied"

# --- Another profile, from outside --------------------------------------------------------

desire "$share" "$content"
update foo
is "less is desired" "$rc:$(said)" "0:"
is "what is desired is there" "$(inside cat /usr/share/foo/hello)" hello
is "what is not desired any more is gone" \
	"$(inside sh -c 'ls /etc/foo.conf /usr/lib/link' 2>&1 | grep -c 'No such')" 2
is "the current profile has no more" \
	"$(current | grep -v x-snapd.synthetic)" "$(printf '%s\n' "$rootfs" "$content" "$share")"

# --- What an interface brings may be missing, a layout may not -----------------------------

desire "$share" "$content" "$lost"
update foo
is "V55: content that is missing is told, and no failure" "$rc" 0
is "V55: and said in snapd's words" "$(grep -c 'cannot change mount namespace according to change mount (/snap/gone/1 /snap/foo/1/content-target/lost none bind,ro 0 0): ' err)" 1
is "V55: the rest is there" "$(inside cat /usr/share/foo/hello /snap/foo/1/content-target/content)" \
	$'hello\ncontent'
is "V55: only that is in the current profile" "$(current | grep -c gone)" 0
applied=$(current; ids)
update foo
is "content that is still missing changes nothing" "$rc:$(current; ids)" "0:$applied"

desire "$share" "/snap/foo/1/etc/foo.conf /etc/passwd none rbind,rw,x-snapd.origin=layout 0 0"
update foo
is "V56: a layout that cannot be is fatal" "$rc:$(grep -c '^cannot update snap namespace: ' out)" "1:1"
is "V56: nothing of it is there" "$(table)" "$before"
is "V56: and nothing is listed" "$(current)" "$rootfs"
is "the host's directories have nothing new after that" "$(tree host-etc; tree var-snap)" \
	"$host_before"

# --- Sources that are made ------------------------------------------------------------------

desire "/var/snap/foo/common/a/b /usr/share/data none rbind,rw,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/none /usr/share/none none rbind,rw,x-snapd.origin=layout 0 0"
update foo
is "sources that are missing are made" "$rc:$(said)" "0:"
is "in the data of the snap for good" "$(stat -c '%u:%g %a %F' var-snap/foo/common/a/b)" \
	"0:0 755 directory"
is "in the snap itself on a tmpfs" \
	"$(inside sh -c 'echo x >/usr/share/none/x && cat /snap/foo/1/none/x'):$(find snap/foo -name none)" \
	"x:"
desire "/var/snap/foo/common/a/b /usr/share/data none rbind,rw,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/none /usr/share/none none rbind,rw,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/one.conf /etc/one.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/sub/two.conf /usr/share/two.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"
update foo
is "files that are missing are made, too" "$rc:$(said)" "0:"
is "empty, and each by itself" \
	"$(inside sh -c 'cat /etc/one.conf /usr/share/two.conf; echo 1 >/etc/one.conf; echo 2 >/usr/share/two.conf
	cat /snap/foo/1/one.conf /snap/foo/1/sub/two.conf')" $'1\n2'
is "and neither the snap nor the host has anything new" \
	"$(find snap/foo -name one.conf -o -name sub):$(tree host-etc)" ":$etc_before"
applied=$(current; ids)
update foo
is "and stay" "$rc:$(current; ids)" "0:$applied"

# Through a link into the data of the snap, and through one that a layout makes.
desire "/snap/foo/1/data/linked /usr/share/linked none rbind,rw,x-snapd.origin=layout 0 0" \
	"none /snap/foo/1/content-target/common none x-snapd.kind=symlink,x-snapd.symlink=/var/snap/foo/common,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/content-target/common/made /usr/share/made none rbind,rw,x-snapd.origin=layout 0 0"
update foo
is "sources behind links are made" "$rc:$(said)" "0:"
is "for good, and nothing lies over the data" \
	"$(inside sh -c 'echo kept >/var/snap/foo/common/kept; echo 1 >/usr/share/linked/x; echo 2 >/usr/share/made/x')$(cat \
		var-snap/foo/common/{kept,linked/x,made/x}):$(current | grep -c ' /var/snap')" $'kept\n1\n2:0'
rm -r var-snap/foo/common/{kept,linked,made}

# Sources in what another layout shows: they are made there, when that is there.
desire "tmpfs /snap/foo/1/content-target tmpfs x-snapd.origin=layout 0 0" \
	"/snap/foo/1/content-target/a /usr/share/in-tmpfs none rbind,rw,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/content-target/b /usr/share/in-tmpfs.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0" \
	"/var/snap/foo/common/shown /usr/share/data none rbind,rw,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/share /snap/foo/1/etc none rbind,rw,x-snapd.origin=layout 0 0" \
	"/snap/foo/1/etc/missing /usr/share/in-bind none rbind,rw,x-snapd.origin=layout 0 0" \
	"/usr/share/in-bind/deeper /usr/share/twice none rbind,rw,x-snapd.origin=layout 0 0"
update foo
is "sources in what another layout shows are made, too" "$rc:$(said)" "0:"
is "and seen there" "$(inside sh -c 'echo 1 >/usr/share/in-tmpfs/x; echo 2 >/usr/share/in-tmpfs.conf; echo 3 >/usr/share/twice/x
	cat /snap/foo/1/content-target/a/x /snap/foo/1/content-target/b /usr/share/in-bind/deeper/x; ls -A /snap/foo/1/etc')" \
	$'1\n2\n3\nhello\nmissing'
applied=$(current; ids)
update foo
is "and stay as they are" "$rc:$(current; ids)" "0:$applied"

# --- And back --------------------------------------------------------------------------------

rm /var/lib/snapd/mount/snap.foo.fstab
update foo
is "nothing is desired: done" "$rc:$(said)" "0:"
is "nothing is left in the namespace" "$(table)" "$before"
is "nor in the current profile" "$(current)" "$rootfs"
is "nor a journal" "$(find /run/overmount -name 'journal.*')" ""

# --- Written by others ---------------------------------------------------------------------------------

desire "$share" "$conf" "$content"
update foo
is "once more" "$rc" 0
# The profile as snap-confine leaves it is not the one that was written.
sed -i '2,$d' /run/snapd/ns/snap.foo.fstab
update foo
is "a current profile that somebody else wrote: all is done anew" \
	"$rc:$(inside cat /usr/share/foo/hello):$(current | grep -cxF "$share")" "0:hello:1"
is "and nothing is there twice" "$(inside cat /proc/self/mountinfo | awk '$5 == "/usr/share/foo"' | wc -l)" 1

# --- What snapd's own tool has left ------------------------------------------------------------

rm /var/lib/snapd/mount/snap.foo.fstab
update foo
is "back to nothing" "$rc:$(table)" "0:$before"
make_foreign
written=$(current; ids)
desire "$content" "$oldfoo" "$oldlink"
update foo
is "what is desired and there already, of another's making, stays" \
	"$rc:$(current; ids)" "0:$written"
desire "$content" "$share" "$oldlink"
update foo
is "another's making is updated" "$rc:$(said)" "0:"
is "what is desired is there now" \
	"$(inside cat /usr/share/foo/hello /opt/link/hello /snap/foo/1/content-target/content)" \
	$'hello\nhello\ncontent'
is "what is not is gone" "$(inside ls /opt)" "$(printf 'kept\nlink')"
# Somebody has taken one away meanwhile (LP #1884849).
inside umount /snap/foo/1/content-target
rm /var/lib/snapd/mount/snap.foo.fstab
update foo
is "all of it goes" "$rc:$(said):$(current)" "0::$rootfs"
is "and nothing is left" "$(table)" "$before"

# --- The profile of a user ------------------------------------------------------------------

# as_user HOME: as snap-confine asks for it, in a namespace that the app has for itself.
as_user() {
	nsenter --mount=/run/snapd/ns/foo.mnt unshare -m --propagation slave sh -c '
		mkdir -p /tmp/home && mount --bind /tmp/home-of-users /tmp/home
		mount --bind /tmp/home /home
		SNAP_REAL_HOME=$0 setpriv --ruid=1000 --rgid=1000 --clear-groups \
			/usr/lib/snapd/snap-update-ns --from-snap-confine --user-mounts foo &&
		cat /run/user/1000/doc/paper' "$1" >out 2>err
	rc=$?
}
mkdir -p tmp/home-of-users/u /run/user/1000/doc/by-app/snap.foo
echo document >/run/user/1000/doc/by-app/snap.foo/paper
chown -R 1000:1000 tmp/home-of-users/u /run/user/1000
# shellcheck disable=SC2016 # snapd's own variables
printf '%s\n' 'none $HOME/.local/share none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=$HOME 0 0' \
	'$XDG_RUNTIME_DIR/doc/by-app/snap.foo $XDG_RUNTIME_DIR/doc none bind,rw,x-snapd.ignore-missing 0 0' \
	'$XDG_RUNTIME_DIR/none $XDG_RUNTIME_DIR/missing none bind,rw,x-snapd.ignore-missing 0 0' \
	>/var/lib/snapd/mount/snap.foo.user-fstab
as_user /home/u
is "V107: the mounts of a user" "$rc:$(said)" "0:document"
is "V82: directories that are to be made are the user's" \
	"$(stat -c '%a %u:%g' tmp/home-of-users/u/.local tmp/home-of-users/u/.local/share)" \
	$'700 1000:1000\n700 1000:1000'
is "the namespace of the snap has nothing of it" "$(table)" "$before"
as_user /home/none
is "V108: a home that is not there" "$rc:$(grep -c 'cannot use invalid home directory "/home/none": No such file or directory$' out)" "1:1"
as_user ""
is "V108: no home at all" "$rc:$(grep -c 'cannot use invalid home directory "": cannot allow empty path$' out)" "1:1"

# --- As a user, with three capabilities: snap-confine since 2.77 -----------------------------

# Everything below the directories in which something is made, with numbers for owners.
owners() {
	inside ls -lAnR /usr/share /usr/lib /etc /opt /snap/foo /var/snap /tmp 2>/dev/null |
		sed -E '/^total/d; s/^([^ ]+) +[0-9]+ +([0-9]+) +([0-9]+) +[0-9]+ +[A-Z][a-z]+ +[0-9]+ +[0-9:]+ /\1 \2 \3 /'
}
caps=-all,+sys_admin,+chown,+dac_override
user=(/usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups "--inh-caps=$caps" "--ambient-caps=$caps")
# started USER...: as snap-confine asks for it, with the lock held; by root without USER.
started() {
	flock /run/snapd/lock/foo.lock env -i SNAPD_DEBUG=0 "${surface[@]}" "$(command -v nsenter)" \
		--mount=/run/snapd/ns/foo.mnt "$@" /usr/lib/snapd/snap-update-ns --from-snap-confine foo >out 2>err
	rc=$?
}
many=("$share" "$conf" "$link" "$content"
	"tmpfs /opt/t tmpfs x-snapd.origin=layout 0 0" "none /opt/t/link none x-snapd.kind=symlink,x-snapd.symlink=/a,x-snapd.origin=layout 0 0"
	"/snap/foo/1/none /usr/share/none none rbind,rw,x-snapd.origin=layout 0 0"
	"/snap/foo/1/one.conf /usr/share/X11/one.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"
	"/var/snap/foo/common/new/one /usr/share/closed/data none rbind,rw,x-snapd.origin=layout 0 0")
# Nobody has been here before: the directory of the state has to be made, too.
for what in native 4.4; do
	surface=()
	[ $what = 4.4 ] && surface=("$TOOLS/enosys" 4.4 --)
	rm -rf /run/overmount var-snap/foo/common/new
	desire "${many[@]}"
	started
	is "$what: by root" "$rc:$(said)" "0:"
	by_root=$(owners; current)
	desire ""
	update foo
	rm -rf /run/overmount var-snap/foo/common/new
	desire "${many[@]}"
	started "${user[@]}"
	is "$what: by a user with the rights to mount and to give away" "$rc:$(said)" "0:"
	is "$what: all is root's, and as if root had done it" "$(owners; current)" "$by_root"
	is "$what: so is what is noted" "$(find /run/overmount /run/snapd ! -name 'lock.*' ! -uid 0)" ""
	# One who was killed before the journal was given away.
	chown 1000 /run/overmount/journal.*
	desire "${many[@]:1}"
	update foo
	is "$what: root goes on from there" "$rc:$(said):$(inside ls /usr/share/foo 2>&1 | grep -c 'No such')" "0::1"
	desire ""
	update foo
	is "$what: and back" "$rc:$(said):$(table)" "0::$before"
done

# --- The freezer: of the machine, but in a group of the test's own ---------------------------

# cover GROUP: what there is at /sys/fs/cgroup in this namespace is that group, at $2.
cover() {
	mkdir "$1" 2>/dev/null || return 1
	mkdir -p groups && mount --bind "$1" groups
	if [ "$2" = . ]; then
		mount --move groups /sys/fs/cgroup
	else
		mount -t tmpfs om-groups /sys/fs/cgroup
		mkdir "/sys/fs/cgroup/$2" && mount --move groups "/sys/fs/cgroup/$2"
	fi
}
uncover() {
	umount -l /sys/fs/cgroup
	rmdir "$1"/*/ "$1"
}
# frozen WHAT FILE WORD THAWED: while the namespace changes, and not afterwards.
frozen() {
	local sleeper
	mkdir -p "${2%/*}"
	sleep 600 &
	sleeper=$!
	echo $sleeper >"${2%/*}/cgroup.procs"
	desire "$share" "$content"
	"$TOOLS/failnth" 20 0 -- ./snap-update-ns foo >out 2>err
	is "$1: frozen while something changes" "$?:$(grep -cx "$3" "$2")" "137:1"
	desire "$share"
	update foo
	is "$1: not any more when it is done" "$rc:$(grep -cx "$4" "$2"):$(said)" "0:1:"
	update foo
	is "$1: and not touched when there is nothing to do" "$rc:$(grep -cx "$4" "$2")" "0:1"
	kill $sleeper
	wait $sleeper 2>/dev/null
	desire ""
	update foo
}
group=/sys/fs/cgroup/freezer/om-test.$$
if cover "$group" freezer; then
	frozen "version 1" /sys/fs/cgroup/freezer/snap.foo/freezer.state FROZEN THAWED
	uncover "$group"
else
	skip "version 1" "this machine has no freezer of version 1"
fi
group=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/om-test.$$
if [ "$group" != "/om-test.$$" ] && cover "$group" .; then
	frozen "version 2" /sys/fs/cgroup/snap.foo.app-1.scope/cgroup.events "frozen 1" "frozen 0"
	uncover "$group"
else
	skip "version 2" "this machine has no groups of version 2, or they cannot be made"
fi

drop_ns foo
plan_end
