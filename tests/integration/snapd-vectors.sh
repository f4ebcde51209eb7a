#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What snapd's own tests assert of its tool, by the number of the vector, seen from outside:
# what is there afterwards, what is in the current profile, what is refused.  Each function
# is a vector, run in a namespace of its own with this program and, as the control, with the
# distribution's tool.  Where the two differ, by() holds what each of them does, and why.
# docs/snapd-vectors.md lists them all.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
. "${top_srcdir:-.}/tests/integration/snapd-lib.sh" || exit 1
# What the control does, is written down for one release.
release=2.57
tools=(ours)
package=$("${top_srcdir:-.}/scripts/unpacked" snapd 2>/dev/null)/usr/lib/snapd
grep -qs "^VERSION=$release" "$package/info" && tools+=(theirs)
om_start "$@"

# --- A namespace for each vector ------------------------------------------------------------

more_of_base() {
	local v
	mkdir -p tree/usr/lib/x86_64-linux-gnu tree/opt/{v27/{1,2/c,3/c/stuff,4/c/stuff/dir},v29/libexec}
	mkdir -p tree/opt/v29/lib/x86_64-linux-gnu tree/opt/there/{a,b,c,d} tree/opt/v38/{bar,mytmp}
	echo base >tree/opt/v38/bar/f
	echo base >tree/opt/file
	ln -s there tree/opt/to-dir
	ln -s file tree/opt/to-file
	for v in rgb.txt xkb; do [ -e tree/usr/share/X11/$v ] || return 1; done
}

more_of_snaps() {
	mkdir -p snap/foo/1/{v27/dir,dir,sub} snap/foo/1/r/{a,b} snap/other/{2,sub/sub} snap/app/1
	echo one >snap/foo/1/file1
	echo two >snap/foo/1/file2
	echo in >snap/foo/1/dir/in
	echo sub >snap/other/sub/sub/f
	echo other >snap/other/2/content
	ln -s dir snap/foo/1/link
	mkdir -p snap/other/strange
}

# fresh: nothing was done yet, neither in the namespace nor on the host.
fresh() {
	drop_ns foo 2>/dev/null
	rm -rf /run/overmount host-etc/* var-snap/* tmp/.snap tmp/v*
	mkdir -p var-snap/foo/{1,common}
	cp base/etc/passwd host-etc/
	make_ns foo || return 1
	before=$(table)
	written=$(tree host-etc; tree var-snap)
}

# change ENTRY...: makes it what is desired, with the tool.
change() {
	desire "$@"
	run "${by[@]}"
}
run() {
	timeout 60 "$@" foo >out 2>err
	rc=$?
}
# traced ARGUMENT... : makes it that, where calls fail; false where that cannot be.  Calls are
# counted for each thread, of which the original has some: it is tried until one fails.
traced() {
	local wanted try
	command -v strace >/dev/null || return
	wanted=$(cat /var/lib/snapd/mount/snap.foo.fstab)
	for try in 1 2 3 4 5 6 7 8; do
		timeout 60 strace -f -qq -o trace "$@" "${by[@]}" foo >out 2>err
		rc=$?
		[ $rc = 0 ] && [ "$(told)" = 0 ] && [ "$try" -lt 8 ] || break
		change ""
		desire "$wanted"
	done
}
failed() { if grep -q INJECTED trace; then echo some; else echo none; fi; }
# by OURS THEIRS: where one is expected of this program and another of that one.
by() { if [ "$tool" = ours ]; then echo "$1"; else echo "$2"; fi; }
# that WHAT GOT WANT
that() { is "$vector, $tool: $1" "$2" "$3"; }
told() { grep -c '^cannot change mount namespace\|^.*cannot change mount namespace according to change mount' err; }
left() { [ "$(table)" = "$before" ] && echo nothing || diff <(echo "$before") <(table); }
unwritten() { [ "$(tree host-etc; tree var-snap)" = "$written" ] && echo nothing || echo something; }
seen() { inside cat "$@" 2>&1 | tr '\n' ' '; }
listed() { current | awk -v d="$1" '$2 == d { print $1, $2, $3 }'; }
at() { inside cat /proc/self/mountinfo | awk -v d="$1" '$5 == d' | wc -l; }
layout() { echo "$1 $2 none rbind,rw,x-snapd.origin=layout 0 0"; }
layout_file() { echo "$1 $2 none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"; }
layout_link() { echo "none $2 none x-snapd.kind=symlink,x-snapd.symlink=$1,x-snapd.origin=layout 0 0"; }
S=/snap/foo/1

# --- Which changes, and in which order ---------------------------------------------------------

# The root is snap-confine's, as long as it says so.
V24() {
	local root
	root=$(inside cat /proc/self/mountinfo | awk '$5 == "/"')
	change "$content"
	that "the root stays" "$rc:$(inside cat /proc/self/mountinfo | awk '$5 == "/"')" "0:$root"
	that "and is listed first" "$(current)" "$rootfs"$'\n'"$content"
}

# Without that word snapd takes the root away, which leaves nothing to run in.  Ours never
# does: it only lists it no more.
V25() {
	[ "$tool" = ours ] || return 0
	echo "tmpfs / tmpfs defaults 0 0" >/run/snapd/ns/snap.foo.fstab
	change "$content"
	that "the root stays" "$rc:$(seen $S/content-target/content)" "0:content "
	that "and is not listed" "$(current)" "$content"
}

# However much of it is there: the same in the end.
V27() {
	local n c
	for n in 1 2 3 4; do
		c=/opt/v27/$n/c
		change "none $c/stuff/dir/symlink1 none x-snapd.kind=symlink,x-snapd.symlink=$S/dir 0 0" \
			"$S/file2 $c/stuff/dir/file2 none bind,x-snapd.kind=file 0 0" \
			"$S/dir $c/stuff/dir none bind 0 0" "$S/v27 $c/stuff none bind 0 0" \
			"$S/file1 $c/stuff/dir/file1 none bind,x-snapd.kind=file 0 0"
		that "what is in each other, $n" "$rc:$(told):$(seen $c/stuff/dir/{file1,file2,in,symlink1/in})" \
			"0:0:one two in in "
		change ""
		that "and all of it goes, $n" "$rc:$(left)" "0:nothing"
	done
}

six() {
	change "$(layout $S/dir $S/fooo-top)" "$(layout $S/dir $S/fooo/deeper)" \
		"$(layout $S/dir $1/lib/x86_64-linux-gnu/wpe-webkit-1.0)" \
		"$(layout $S/dir $1/libexec/wpe-webkit-1.0)" \
		"$(layout $S/dir /var/fooo-top)" "$(layout $S/dir /var/fooo/deeper)"
	that "holes in holes" "$rc:$(seen $S/{fooo-top,fooo/deeper}/in $1/lib/x86_64-linux-gnu/wpe-webkit-1.0/in \
		$1/libexec/wpe-webkit-1.0/in /var/{fooo-top,fooo/deeper}/in)" "0:in in in in in in "
	that "siblings are seen" "$(inside ls /usr/share/X11/rgb.txt /opt/file)" \
		$'/opt/file\n/usr/share/X11/rgb.txt'
	change ""
	that "and all of it goes" "$rc:$(left)" "0:nothing"
}
# LP #1844496: the outer hole must be there before the inner one.
V28() { six /usr; }
V29() { six /opt/v29; }

# Two mounts in one place, of which the upper one goes.  Snapd keeps what is below it; ours
# takes what another has made away and makes what is wanted anew: the same is seen.
V38() {
	inside sh -e -c 'cd /opt/v38 && mount --bind bar bar && mount -t tmpfs tmpfs mytmp &&
		mount -t tmpfs tmpfs bar'
	printf '%s\n' "/opt/v38/bar /opt/v38/bar none rbind,x-snapd.synthetic,x-snapd.needed-by=/opt/v38/mytmp 0 0" \
		"tmpfs /opt/v38/mytmp tmpfs x-snapd.origin=layout 0 0" \
		"tmpfs /opt/v38/bar tmpfs x-snapd.synthetic,x-snapd.needed-by=/opt/v38/bar/two 0 0" \
		>>/run/snapd/ns/snap.foo.fstab
	that "control: it is hidden" "$(inside ls /opt/v38/bar)" ""
	change "tmpfs /opt/v38/mytmp tmpfs x-snapd.origin=layout 0 0"
	# Its own test says so, but the release that is the control goes by paths alone.
	that "what was below is seen again" "$rc:$(inside ls /opt/v38/bar)" "$(by 0:f 0:)"
	that "what is wanted is there" "$(inside stat -f -c %T /opt/v38/mytmp):$(at /opt/v38/mytmp)" "tmpfs:1"
}

# Only the first one counts for ours; which one, snapd leaves to its sorting.
V50() {
	change "/snap/other/1 $S/content-target none bind 0 0" "/snap/other/2 $S/content-target none bind 0 0"
	that "one of two" "$rc:$(at $S/content-target)" "0:1"
	that "which one" "$(seen $S/content-target/content)" "content "
	that "one is listed" "$(listed $S/content-target | wc -l)" 1
}

# The layout shows what the content brings, although its own target is there already and
# that of the content is not.  Newer snapd: the same.
V51() {
	change "$(layout $S/missing/sub /opt/there/a)" "/snap/other/sub $S/missing none bind 0 0"
	that "content before the layout of it" "$rc:$(inside ls /opt/there/a)" "$(by 0:f 0:)"
}

# --- What is saved -------------------------------------------------------------------------------

V53() {
	change "$(layout $S/dir /opt/there/a)" "$(layout $S/dir /opt/there/b)"
	change "$(layout $S/dir /opt/there/a)" "$(layout $S/dir /opt/there/c)"
	that "what stays and what comes" "$rc:$(current | grep -v rootfs)" \
		"0:$(layout $S/dir /opt/there/a)"$'\n'"$(layout $S/dir /opt/there/c)"
}

# --- Each entry alone -------------------------------------------------------------------------------

V54() {
	local d=() one
	for one in a b c d; do d+=("$(layout $S/dir /opt/there/$one)"); done
	change "${d[@]:0:3}"
	that "as they were done" "$rc:$(current | grep -v rootfs)" "0:$(printf '%s\n' "${d[@]:0:3}")"
	run "${by[@]}"
	# The release that is the control turns them around (SNAPDENG-31644).
	that "kept in their order" "$rc:$(current | grep -v rootfs)" \
		"0:$(by "$(printf '%s\n' "${d[@]:0:3}")" "$(printf '%s\n' "${d[2]}" "${d[1]}" "${d[0]}")")"
	change "${d[@]:0:2}" "${d[3]}"
	that "new ones come last" "$rc:$(current | grep -v rootfs | tail -n 1)" "0:${d[3]}"
}

# What an interface brings: all but what cannot be had.
V55() {
	change "$S/dir /opt/there/a none bind 0 0" "/snap/none /opt/there/b none bind 0 0" \
		"$S/dir /opt/there/c none bind 0 0" "/snap/none /opt/there/d none bind,x-snapd.ignore-missing 0 0"
	that "done, and told once" "$rc:$(told):$(grep -c /opt/there/b err)" "0:1:1"
	that "the others are listed" "$(current | grep -v rootfs)" \
		"$S/dir /opt/there/a none bind 0 0"$'\n'"$S/dir /opt/there/c none bind 0 0"
	that "and there" "$(seen /opt/there/{a,c}/in)" "in in "
}

# Snapd leaves what came before in the namespace, listed nowhere.
V56() {
	change "$(layout $S/dir /opt/there/a)" "$(layout $S/dir /opt/file)" "$(layout $S/dir /opt/there/c)"
	that "a layout that cannot be" "$rc:$(grep -c '^cannot update snap namespace: ' out)" "1:1"
	that "nothing is listed" "$(current)" "$rootfs"
	that "what came before" "$(at /opt/there/a)" "$(by 0 1)"
	change "$S/dir /opt/file none rbind,x-snapd.origin=overname 0 0"
	that "an overname that cannot be" "$rc:$(grep -c '^cannot update snap namespace: ' out)" "1:1"
}

# --- What is listed of a mimic -------------------------------------------------------------------------

V57() {
	change "$(layout $S/dir /etc/dir)"
	that "the mimic comes before its entry" "$rc:$(current | awk '$2 ~ "^/etc" { print $2 }' | sed -n '1p;$p')" \
		$'0:/etc\n/etc/dir'
}

V58() {
	local needed="x-snapd.synthetic,x-snapd.needed-by=/etc/dir"
	mkdir host-etc/sub
	change "$(layout $S/dir /etc/dir)"
	that "text, as snapd writes it" "$rc:$(current | grep -v rootfs | sort)" \
		"0:$(printf '%s\n' "$(layout $S/dir /etc/dir)" \
			"/etc/passwd /etc/passwd none bind,x-snapd.kind=file,$needed$(by ,x-snapd.detach "") 0 0" \
			"/etc/sub /etc/sub none rbind,$needed,x-snapd.detach 0 0" \
			"tmpfs /etc tmpfs $needed,mode=0755,uid=0,gid=0 0 0" | sort)"
}

# --- A single entry -----------------------------------------------------------------------------------------

# Snapd mounts whatever the kernel knows.  No interface asks for that, and ours does not.
V60() {
	change "tmpfs /opt/there/a tmpfs rw 0 0" "none /opt/there/b ramfs ro 0 0"
	that "a file system" "$rc:$(inside stat -f -c %T /opt/there/a)" "0:tmpfs"
	that "another one" "$(told):$(inside stat -f -c %T /opt/there/b)" "$(by 1:squashfs 0:ramfs)"
}

# What is mounted in a namespace of a snap must not come out again: ours refuses to share.
V61() {
	inside mount --make-rshared /snap
	change "$S/dir /opt/there/a none bind,rshared 0 0" "$S/dir /opt/there/b none bind,slave 0 0" \
		"$S/dir /opt/file none bind,slave 0 0"
	that "shared" "$(inside cat /proc/self/mountinfo | grep -c ' /opt/there/a .* shared:')" "$(by 0 1)"
	that "slave" "$(inside cat /proc/self/mountinfo | grep -c ' /opt/there/b .* master:')" 1
	that "what could not be mounted" "$(at /opt/file):$(told)" "$(by 0:2 0:1)"
}

V62() {
	change "tmpfs /opt/there/a tmpfs ro,funky 0 0" "tmpfs /opt/there/b tmpfs ro,x-snapd.funky 0 0"
	that "a word of a file system that it does not know" "$rc:$(told):$(at /opt/there/a)" "0:1:0"
	that "a word of snapd" "$(at /opt/there/b):$(inside mkdir /opt/there/b/x 2>&1 | grep -c Read-only)" "1:1"
}

V63() {
	change "$S/dir /var/snap/foo/common/v63/x none bind 0 0"
	that "names are made where they may" "$rc:$(seen /var/snap/foo/common/v63/x/in):$(stat -c '%a %u:%g' var-snap/foo/common/v63{,/x} | tr '\n' ' ')" \
		"0:in :755 0:0 755 0:0 "
}

V64() {
	chmod 0751 host-etc
	chown 5:6 host-etc
	change "$(layout $S/dir /etc/dir)"
	that "a name in a directory that is not ours" "$rc:$(seen /etc/dir/in /etc/passwd)" "0:in root:x:0:0::/:/bin/sh "
	that "which keeps mode and owner" "$(inside stat -c '%a %u:%g' /etc)" "751 5:6"
	that "and is listed with them" "$(current | grep -o 'mode=.*gid=[0-9]*')" "mode=0751,uid=5,gid=6"
	that "the host has nothing of it" "$(ls host-etc)" passwd
	that "one tmpfs, as the original has it" "$(listed /etc)" "tmpfs /etc tmpfs"
	# Nor is there anything in /tmp, where others could have put it before (CVE-2026-3888).
	that "what is set aside for that" "$(ls -A tmp)" "$(by "" .snap)"
	change ""
	that "and all of it goes" "$rc:$(left)" "0:nothing"
	chown 0:0 host-etc
	chmod 0755 host-etc
}

V65() {
	desire "$(layout $S/dir /etc/dir)"
	traced -P /etc -e trace=getdents64 -e inject=getdents64:error=EIO || return 0
	that "names that cannot be listed" "$rc:$(failed)" "1:some"
	that "is said" "$(grep -c "$(by 'cannot list "/etc"' 'cannot create writable mimic over "/etc": ')" out)" 1
	that "nothing is there" "$(left):$(current)" "nothing:$rootfs"
}

# Ours sets nothing aside in /tmp, so that nobody can be in the way there.
V66() {
	echo >tmp/.snap
	change "$(layout $S/dir /etc/dir)"
	that "a file in the place of /tmp/.snap" "$rc:$(grep -c 'cannot create writable mimic over "/etc": ' out)" "$(by 0:0 1:1)"
	rm tmp/.snap
}

# The same is refused, in other words; but links of root are followed.
V67() {
	local what entry ours theirs
	while IFS='|' read -r what entry ours theirs; do
		fresh
		change "$entry"
		that "$what" "$rc:$(sed 's/.*change mount ([^)]*): //' err)" "0:$(by "$ours" "$theirs")"
		[ -z "$(by "$ours" "$theirs")" ] || that "$what: nothing is there" "$(left)" nothing
	done <<-END
		a file in the place of a directory|$S/dir /opt/file none bind 0 0|cannot create "/opt/file": the target exists with another kind [kind-change]|cannot use "/opt/file" as mount point: not a directory
		a link to a directory in its place|$S/dir /opt/to-dir none bind 0 0|cannot create "/opt/to-dir": the target exists with another kind [kind-change]|cannot use "/opt/to-dir" as mount point: not a directory
		a directory in the place of a file|$S/file1 /opt/there none bind,x-snapd.kind=file 0 0|cannot create "/opt/there": the target exists with another kind [kind-change]|cannot use "/opt/there" as mount point: not a regular file
		a link to a file in its place|$S/file1 /opt/to-file none bind,x-snapd.kind=file 0 0|cannot create "/opt/to-file": the target exists with another kind [kind-change]|cannot use "/opt/to-file" as mount point: not a regular file
		a file as the source of a directory|$S/file1 /opt/there/a none bind 0 0|cannot bind "$S/file1": the source is not a directory [source-not-dir]|cannot use "$S/file1" as bind-mount source: not a directory
		a link as the source of a directory|$S/link /opt/there/a none bind 0 0||cannot use "$S/link" as bind-mount source: not a directory
		a directory as the source of a file|$S/dir /opt/file none bind,x-snapd.kind=file 0 0|cannot bind "$S/dir": the source is not a file [source-not-file]|cannot use "$S/dir" as bind-mount source: not a regular file
	END
}

V68() {
	inside mount -t tmpfs tmpfs /snap/other/sub/sub
	change "/snap/other/sub /opt/there/a none bind 0 0" "/snap/other/sub /opt/there/b none rbind 0 0"
	that "bind is one mount, rbind all of them" "$rc:$(inside ls /opt/there/a/sub):$(inside ls /opt/there/b/sub)" "0:f:"
}

V69() {
	mkdir var-snap/foo/common/v69
	change "/var/snap/foo/common/v69 /opt/there/a none bind,ro 0 0"
	that "read-only" "$rc:$(inside mkdir /opt/there/a/x 2>&1 | grep -c Read-only)" "0:1"
	change ""
	desire "/var/snap/foo/common/v69 /opt/there/a none bind,ro 0 0"
	traced -e trace=mount,mount_setattr -e "inject=$(by 'mount,mount_setattr:error=EPERM' 'mount:error=EPERM:when=2+')" || return 0
	# The release that is the control leaves it there, writable.
	that "what cannot be read-only is not there at all" "$(told):$(at /opt/there/a):$(current)" "1:$(by 0 1):$rootfs"
}

# Snapd refuses what the kernel of its time could not do.
V70() {
	mkdir -p var-snap/foo/common/v70/sub
	inside mount -t tmpfs tmpfs /var/snap/foo/common/v70/sub
	change "/var/snap/foo/common/v70 /opt/there/a none rbind,ro 0 0"
	that "read-only, with all that is mounted in it" \
		"$rc:$(told):$(at /opt/there/a):$(inside mkdir /opt/there/a/{,sub/}x 2>&1 | grep -c Read-only)" \
		"$(by 0:0:1:2 0:1:0:1)"
	change "/var/snap/foo/common/v70 /opt/there/a none ro 0 0"
	that "neither a bind nor a file system" "$rc:$(told):$(at /opt/there/a)" "0:1:0"
}

V71() {
	change "$S/none/x /opt/there/a none bind 0 0"
	that "content whose source is missing" "$rc:$(told):$(at /opt/there/a)" "0:1:0"
	change "$(layout $S/none/x /opt/there/a)"
	that "a layout whose source is missing" "$rc:$(at /opt/there/a)" "0:1"
	that "shows an empty one, that takes names" \
		"$(inside sh -c "ls /opt/there/a; mkdir /opt/there/a/y && ls $S/none/x"):$(find snap/foo/1 -name none)" "y:"
	that "beside what the snap has" "$(seen $S/dir/in)" "in "
	change "$(layout_file $S/dir/none.conf /opt/file)" "$(layout_file $S/no/ne.conf /etc/none.conf)"
	that "a file that is missing, and one in what is missing" \
		"$rc:$(inside stat -c '%F %s %a %u:%g' $S/dir/none.conf /opt/file $S/no/ne.conf /etc/none.conf | uniq)" \
		"0:regular empty file 0 $(by 644 755) 0:0"
	that "show an empty one, that can be written to" \
		"$(inside sh -c "echo x >/opt/file; cat $S/dir/none.conf; echo y >$S/no/ne.conf; cat /etc/none.conf" 2>&1 | tr '\n' ' ')" "x y "
	that "beside what the snap has then" "$(seen $S/dir/in):$(inside ls $S/dir $S/no | tr '\n' ' '):$(find snap -name none.conf)" \
		"in :$S/dir: in none.conf  $S/no: ne.conf :"
	change "$(layout_file $S/dir/none.conf /opt/file)" "$(layout_file $S/no/ne.conf /etc/none.conf)" \
		"$(layout $S/dir /opt/there/a)"
	that "are the same after an update beside them" "$rc:$(seen /opt/file /etc/none.conf)" "0:x y "
	change ""
	that "and all of it goes" "$rc:$(left)" "0:nothing"
	[ "$tool" = ours ] && [ -x theirs ] || return 0
	change "$(layout_file $S/dir/none.conf /opt/file)"
	desire ""
	run ./theirs
	that "and snapd takes it away, too" "$rc:$(left):$(current)" "0:nothing:$rootfs"
}

V72() {
	change "$S/dir /opt/there/c none bind 0 0" "/snap/none /opt/there/a none bind,x-snapd.ignore-missing 0 0" \
		"$S/dir /opt/none/a none bind,x-snapd.ignore-missing 0 0" \
		"/var/snap/foo/common/v72 /opt/there/b none bind,x-snapd.ignore-missing 0 0"
	that "what is missing is passed over" "$rc:$(said)" "0:"
	that "and nothing is made" "$(at /opt/there/a):$(at /opt/there/b):$(inside ls /opt | grep -c none):$(unwritten)" \
		"0:0:0:nothing"
	that "what is not missing is there" "$(current)" "$rootfs"$'\n'"$S/dir /opt/there/c none bind 0 0"
	change "$S/dir /opt/there/a none bind,x-snapd.ignore-missing 0 0"
	that "also when it could be missing" "$rc:$(seen /opt/there/a/in)" "0:in "
}

# --- What is taken away ---------------------------------------------------------------------------------------

# hold PATH: a process of the snap is in that directory.
hold() {
	nsenter --mount=/run/snapd/ns/foo.mnt sh -c "cd $1 && echo >&2 && read -r line" \
		<&"$held" >holding 2>&1 &
	holder=$!
	while [ ! -s holding ]; do sleep 0.05; done
}
V73() {
	local holder held
	mkfifo hold 2>/dev/null
	exec {held}<>hold
	change "tmpfs /opt/there/a tmpfs rw 0 0" "$S/dir /opt/there/b none bind 0 0" "$S/dir /opt/there/c none bind,x-snapd.detach 0 0"
	that "control: something is there" "$rc:$(at /opt/there/a)" "0:1"
	hold /opt/there/b
	change ""
	that "what is in use goes, too" "$rc:$(left):$(current)" "0:nothing:$rootfs"
	kill $holder
	wait $holder 2>/dev/null
	exec {held}>&-
}

V74() {
	make_foreign
	inside umount -l /opt/foo
	change ""
	# LP #1884849
	that "what somebody has taken away already" "$rc:$(left):$(current)" "0:nothing:$rootfs"
	make_foreign
	traced -e trace=umount2 -e inject=umount2:error=EINVAL || return 0
	that "what cannot be taken away" "$rc:$(failed)" "1:some"
	that "is still listed" "$(listed /opt/foo)" "/snap/foo/1/share /opt/foo none"
	that "and still there" "$(at /opt/foo)" 1
	change ""
	# Snapd's does not: it misses the link that it has removed already.
	that "and goes the next time" "$rc:$(at /opt/kept):$(at $S/content-target)" "$(by 0:0:0 1:1:1)"
}

V75() {
	inside sh -e -c "mount -t tmpfs tmpfs /opt/there && cd /opt/there && mkdir empty full &&
		mkdir full/x && : >none && echo x >some && mount --bind $S/dir empty &&
		mount --bind $S/dir full && mount --bind $S/file1 none && mount --bind $S/file1 some
		mount --bind $S/dir /usr/share/X11/xkb"
	printf '%s\n' "$S/dir /opt/there/empty none bind 0 0" "$S/dir /opt/there/full none bind 0 0" \
		"$S/file1 /opt/there/none none bind,x-snapd.kind=file 0 0" \
		"$S/file1 /opt/there/some none bind,x-snapd.kind=file 0 0" \
		"$S/dir /usr/share/X11/xkb none bind 0 0" >>/run/snapd/ns/snap.foo.fstab
	change ""
	that "what was made to mount on goes with it" "$rc:$(inside ls /opt/there | tr '\n' ' '):$(current)" "0:full some :$rootfs"
	that "but not from a squashfs" "$(inside ls -d /usr/share/X11/xkb)" /usr/share/X11/xkb
	# It may have been the host's, and empty before: only on a tmpfs it cannot.
	inside sh -e -c "mount -t ramfs ramfs /opt/there && mkdir /opt/there/empty && mount --bind $S/dir /opt/there/empty"
	echo "$S/dir /opt/there/empty none bind 0 0" >>/run/snapd/ns/snap.foo.fstab
	change ""
	that "nor from where it may be somebody else's" "$rc:$(inside ls /opt/there)" "0:$(by empty "")"
}

# --- Links ------------------------------------------------------------------------------------------------------

V76() {
	local what entry ours theirs
	change "$(layout_link $S/dir /opt/there/l)"
	that "a link" "$rc:$(inside cat /opt/there/l/in)" "0:in"
	change ""
	that "goes" "$rc:$(left):$(inside ls /opt/there/l 2>&1 | grep -c 'No such')" "0:nothing:1"
	change "$(layout_link there /opt/to-dir)"
	that "the same link is there" "$rc:$(left)" "0:nothing"
	while IFS='|' read -r what entry ours theirs; do
		fresh
		change "$entry"
		that "$what" "$rc:$(head -n 1 out | sed 's/^cannot update snap namespace: //')" "1:$(by "$ours" "$theirs")"
		that "$what: nothing is there" "$(left)" nothing
	done <<-END
		another link is there|$(layout_link $S/dir /opt/to-dir)|var/lib/snapd/mount/snap.foo.fstab:1: target: cannot create "/opt/to-dir": the target exists with another kind [kind-change]|cannot create symbolic link "/opt/to-dir": existing symbolic link in the way
		a file is there|$(layout_link $S/dir /opt/file)|var/lib/snapd/mount/snap.foo.fstab:1: target: cannot create "/opt/file": the target exists with another kind [kind-change]|cannot create symlink in "/opt/file": existing file in the way
		a link to nothing|none /opt/there/l none x-snapd.kind=symlink,x-snapd.origin=layout 0 0|var/lib/snapd/mount/snap.foo.fstab:1: cannot make a symbolic link at "/opt/there/l": x-snapd.symlink= is missing|cannot create symlink with empty target: "/opt/there/l"
	END
}

V77() {
	echo other >host-etc/other.conf
	change "$(layout_link $S/file1 /etc/demo.conf)"
	that "a link where it would be the host's" "$rc:$(seen /etc/demo.conf /etc/other.conf)" "0:one other "
	that "which has nothing of it" "$(ls host-etc | tr '\n' ' ')" "other.conf passwd "
	that "one tmpfs" "$(listed /etc)" "tmpfs /etc tmpfs"
	that "and what was bound back to it" "$(listed /etc/other.conf)" "/etc/other.conf /etc/other.conf none"
}

# Snapd leaves out what is neither a file, a directory nor a link.
V78() {
	mkdir host-etc/dir
	echo in >host-etc/dir/in
	ln -s passwd host-etc/link
	ln -s nowhere host-etc/broken
	mknod host-etc/block b 7 200
	mknod host-etc/char c 1 3
	mkfifo host-etc/fifo
	change "$(layout_link $S/file1 /etc/new)"
	that "what is bound back" "$rc:$(inside stat -c '%n %F' /etc/{passwd,dir,dir/in,link,broken,new})" \
		"0:$(printf '%s\n' '/etc/passwd regular file' '/etc/dir directory' '/etc/dir/in regular file' \
			/etc/{link,broken,new}' symbolic link')"
	that "where the links lead" "$(inside stat -c %N /etc/{link,broken} | tr '\n' ' ')" \
		"'/etc/link' -> 'passwd' '/etc/broken' -> 'nowhere' "
	that "what else there is" "$(inside sh -c 'cd /etc && ls -d block char fifo' 2>/dev/null | tr '\n' ' ')" "$(by 'block char fifo ' '')"
}

# --- Failures on the way ------------------------------------------------------------------------------------------

# Only ours: which call of the original fails is not to be had, its threads count apart.
V79() {
	[ "$tool" = ours ] || return 0
	echo >host-etc/file
	mkdir host-etc/dir host-etc/dir2
	ln -s file host-etc/link
	desire "$(layout $S/dir /etc/new)"
	traced -e trace=mount,open_tree -e "inject=mount,open_tree:error=ENOMEM:when=3+" || return 0
	that "a mount that fails in the midst" "$rc:$(failed)" "1:some"
	that "nothing is left" "$(left):$(current)" "nothing:$rootfs"
}

# A construction becomes visible by its last step, so that nothing has to be taken back.
V80() {
	desire "$(layout $S/dir /etc/new)"
	traced -e trace=mount,fsopen -e inject=mount,fsopen:error=EPERM || return 0
	that "the very first mount fails" "$rc:$(failed):$(left):$(current)" "1:some:nothing:$rootfs"
	[ "$tool" = ours ] || return 0
	traced -e trace=mount,open_tree,umount2 -e "inject=mount,open_tree:error=ENOMEM:when=2+" \
		-e inject=umount2:error=EBUSY || return 0
	that "nothing can be taken back" "$rc:$(failed):$(at /etc)" "1:some:2"
}

V83() {
	local ids='inside cat /proc/self/mountinfo'
	change "$(layout $S/dir /opt/there/a)" "$(layout $S/dir /etc/new)" "tmpfs /opt/there/b tmpfs rw 0 0"
	ids=$(inside cat /proc/self/mountinfo)
	that "control: something is there" "$rc:$(seen /opt/there/a/in)" "0:in "
	run "${by[@]}"
	that "what stays is not touched" "$rc:$(inside cat /proc/self/mountinfo)" "0:$ids"
}

# --- Whose directory it is -------------------------------------------------------------------------------------------

V84() {
	inside sh -c 'mount -t tmpfs strange /opt/there/a && mkdir /opt/there/a/old'
	change "$(layout $S/dir /opt/there/a/new)"
	that "a tmpfs of somebody else" "$rc:$(inside ls /opt/there/a | tr '\n' ' ')" "0:new old "
	change ""
	that "has nothing of it" "$rc:$(inside ls /opt/there/a)" "0:old"
	change "tmpfs /opt/there/b tmpfs rw 0 0" "$S/dir /opt/there/b/x none bind 0 0"
	that "a tmpfs of the profile" "$rc:$(seen /opt/there/b/x/in):$(current | grep -c synthetic)" "0:in :0"
	change "$S/dir /opt/there/b/x none bind 0 0"
	that "that is none any more" "$rc:$(seen /opt/there/b/x/in)" "0:in "
	change "tmpfs /opt/there/b tmpfs rw 0 0" "$S/dir /opt/there/b/x none bind 0 0"
	that "and is one again" "$rc:$(seen /opt/there/b/x/in)" "0:in "
}

V85() {
	change "tmpfs /opt/there/b tmpfs rw 0 0" "/etc /opt/there/b/x/etc none rbind,rw 0 0" \
		"$S/dir /opt/there/b/x/etc/new none bind 0 0" "$S/dir /opt/there/b/x/y/z none bind 0 0"
	that "directories of the own tmpfs" "$rc:$(seen /opt/there/b/x/y/z/in)" "0:in "
	that "and one in it that is not" "$(seen /opt/there/b/x/etc/new/in):$(unwritten)" "in :nothing"
}

# A name in "/" is made only where that is snap-confine's own tmpfs.
V87() {
	change "$(layout $S/dir /new-top)"
	that "in the own root" "$rc:$(seen /new-top/in)" "0:in "
	fresh
	: >/run/snapd/ns/snap.foo.fstab
	change "$(layout $S/dir /new-top)"
	that "in another one" "$rc:$(head -n 1 out)" "1:cannot update snap namespace: $(by \
		'var/lib/snapd/mount/snap.foo.fstab:1: target: cannot create "/new-top": a new name in the root directory of a live namespace [root-hole]' \
		'cannot recover from trespassing over /')"
	that "nothing is there" "$(left)" nothing
}

make_squashfs_base() {
	local file
	base_tree tree 20
	mkdir -p tree/usr/lib/snapd tree/opt/kept
	mkdir -p tree/var/{lib/snapd,snap,tmp} tree/{run,root,home}
	more_of_base
	for file in mount umount mkdir rmdir ln stat; do
		add_program "$(command -v $file)" /usr/bin/$file
	done
	make_squashfs tree
}
make_squashfs_base
make_host
umount snap
more_of_snaps
mount --bind snap snap
mount -o remount,bind,ro snap
if [ ${#tools[@]} -gt 1 ]; then
	cp "$package/snap-update-ns" theirs
else
	skip "the control" "no snapd $release here"
fi
command -v strace >/dev/null || skip "calls that fail" "strace is missing"
make_ns foo || skip_all "cannot pin a mount namespace"
for vector in ${OM_VECTOR:-$(declare -F | sed -n 's/^declare -f \(V[0-9]*\)$/\1/p' | sort -V)}; do
	for tool in "${tools[@]}"; do
		by=(./snap-update-ns)
		[ "$tool" = ours ] || by=(./theirs)
		fresh && "$vector"
	done
done
plan_end
