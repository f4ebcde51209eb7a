#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# An apply is killed at each of its system calls, and what it left is recovered; each call fails
# once, and everything is as before, or complete.  Wants failnth and tree-snapshot
# (build/tests/tools) in /usr/bin:
#
#   kernel-matrix/boot --kernel 5.10 --load overlay --script kernel-matrix/guest/crash.sh \
#           --file build/tests/tools/failnth:/usr/bin/failnth \
#           --file build/tests/tools/tree-snapshot:/usr/bin/tree-snapshot
#
# Prints a line for each campaign; exit status 1 when one has gone wrong.

cd /tmp || exit 2
failed=0
mkdir -p tree/etc tree/usr/share/X11 tree/snap/app/1/foo base state
echo hello >tree/snap/app/1/foo/hello
echo rgb >tree/usr/share/X11/rgb.txt
mount -o bind tree base
mount -o remount,bind,ro base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
tmpfs /usr/share/X11/tmp tmpfs mode=0700 0 0
P
mounts() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g' /proc/self/mountinfo | sort
}
left() { find state -mindepth 1 ! -name facts; }
before=$(mounts)
tree_before=$(tree-snapshot base)
is_as_before() { [ "$(mounts)" = "$before" ] && [ "$(tree-snapshot base)" = "$tree_before" ]; }
# report WHAT COUNT BAD
report() {
	[ -z "$3" ] || failed=1
	echo "$1: $2${3:+, BAD:$3}"
}

kill_all() {
	n=1 undone=0 bad=
	while :; do
		failnth -a $n 0 -- overmount apply --strategy "$1" --root base --state state p.fstab >/dev/null 2>&1
		[ $? = 137 ] || break
		is_as_before || undone=$((undone + 1))
		out=$(overmount recover --state state 2>&1) || bad="$bad $n:$out"
		case $out in
		*applied) [ "$(tree-snapshot base)" = "$complete" ] || bad="$bad $n:incomplete"
			overmount undo --state state || bad="$bad $n:undo" ;;
		esac
		is_as_before && [ -z "$(left)" ] || { bad="$bad $n:left"; break; }
		n=$((n + 1))
	done
	overmount undo --state state >/dev/null 2>&1
	[ $undone -gt 0 ] || bad="$bad none-left-anything"
	report "$1 killed" "$((n - 1)) times, $undone left something" "$bad"
}

fail_all() {
	n=1 bad=
	while :; do
		failnth -a $n "$2" -- overmount apply --strategy "$1" --root base --state state p.fstab >/dev/null 2>&1
		r=$?
		[ $r != 200 ] || break
		case $r in
		0) [ "$(tree-snapshot base)" = "$complete" ] || bad="$bad $n:lie"
			overmount undo --state state || bad="$bad $n:undo" ;;
		2 | 16 | 32) ;;
		*) bad="$bad $n:exit($r)" ;;
		esac
		is_as_before || { bad="$bad $n:left"; break; }
		n=$((n + 1))
	done
	overmount undo --state state >/dev/null 2>&1
	report "$1 failed with errno $2" "$((n - 1)) times" "$bad"
}

for strategy in overlay mimic; do
	overmount apply --strategy $strategy --root base --state state p.fstab || failed=1
	complete=$(tree-snapshot base)
	overmount status --state state
	is_as_before && report "$strategy" "nothing was done" " control"
	overmount undo --state state || failed=1
	is_as_before || report "$strategy" "undone" " not as before"
	kill_all $strategy
	fail_all $strategy 5
	fail_all $strategy 12
done
exit $failed
