#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every single call that changes something fails once, and apply is killed at every one:
# the state is as before, or complete, and the exit status says which.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,usr/share/doc,snap/app/1/foo}
echo hello >tree/snap/app/1/foo/hello
echo doc >tree/usr/share/doc/doc
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x,x-snapd.origin=layout 0 0
/snap/app/1/foo /usr/share/doc none rbind,rw,x-snapd.origin=layout 0 0
tmpfs /usr/share/X11/tmp tmpfs mode=0700 0 0
P
mounts_before=$(mounts)
tree_before=$(tree base)
is_as_before() { [ "$(mounts)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ]; }

"$OVERMOUNT" apply --root base --state state p.fstab
complete=$(tree base)
is_as_before && not_ok "control: an applied profile is noticed" || ok "control: an applied profile is noticed"
"$OVERMOUNT" undo --state state
is_as_before && ok "control: undone is as before" || not_ok "control: undone is as before"

surface=(env)
# fail_all ERRNO STRATEGY
fail_all() {
	local n r bad="" undone=0
	for ((n = 1; n < 900; n++)); do
		"$TOOLS/failnth" ${all:+-a} "$n" "$1" -- "${surface[@]}" "$OVERMOUNT" apply --root base \
			--state state --strategy "$2" p.fstab >out 2>&1
		r=$?
		[ $r = 200 ] && break
		case $r in
		0) [ "$(tree base)" = "$complete" ] || bad+=" $n:lie" ;;
		1 | 2 | 16) is_as_before || bad+=" $n:partial($r)" ;;
		32) undone=$((undone + 1)); is_as_before || bad+=" $n:partial($r)" ;;
		*) bad+=" $n:exit($r)" ;;
		esac
		"${surface[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
		is_as_before || { bad+=" $n:stuck"; break; }
	done
	"${surface[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
	[ "$n" -lt 20 ] && bad+=" only $n calls"
	if [ -z "$bad" ]; then
		ok "${surface[*]} $2, errno $1: $((n - 1)) failures, $undone of them undone"
	else
		not_ok "${surface[*]} $2, errno $1:$bad" "$(cat out)"
	fi
}
# kill_all STRATEGY
kill_all() {
	local n r bad="" left=0
	for ((n = 1; n < 400; n++)); do
		"$TOOLS/failnth" "$n" 0 -- "${surface[@]}" "$OVERMOUNT" apply --root base \
			--state state --strategy "$1" p.fstab >out 2>&1
		r=$?
		[ $r = 200 ] && break
		is_as_before || left=$((left + 1))
		"${surface[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
		is_as_before || { bad+=" $n:stuck"; break; }
	done
	"${surface[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
	[ "$n" -lt 20 ] && bad+=" only $n calls"
	if [ -z "$bad" ]; then
		ok "${surface[*]} $1: killed $((n - 1)) times, $left left something, undo took it away"
	else
		not_ok "${surface[*]} $1: killed:$bad" "$(mounts | diff - <(echo "$mounts_before"))"
	fi
}
for strategy in overlay mimic; do
	for err in 5 12; do
		fail_all $err $strategy
	done
	kill_all $strategy
done
surface=("$TOOLS/enosys" 4.4 --)
fail_all 5 overlay
kill_all overlay
fail_all 5 mimic
kill_all mimic
# All calls, those that only look, too: a look that fails must not count as nothing seen, nor
# half a line of mountinfo as a whole one.
all=yes
fail_all 5 overlay

# Who owns the source may rename it: the mount is the same.
mkdir -p live/target live/source/s
echo '/source/s /target none rbind,ro 0 0' >q.fstab
now=$(mounts)
for surface in env "$TOOLS/enosys 4.4 --"; do
	# shellcheck disable=SC2086
	$surface "$OVERMOUNT" apply --root live --state state q.fstab || not_ok "$surface: apply"
	mv live/source live/other
	# shellcheck disable=SC2086
	$surface "$OVERMOUNT" undo --state state
	is "${surface##*/}: undone though the source was renamed" "$? $(mounts)" "0 $now"
	mv live/other live/source
done

# Interrupted without end.
if command -v strace >/dev/null; then
	for call in read:5 openat2:1 fcntl:1; do
		timeout 20 strace -qq -o trace -e trace="${call%:*}" -e inject="${call%:*}:error=EINTR:when=${call#*:}+" \
			"$OVERMOUNT" apply --root base --state state p.fstab >out 2>&1
		status=$?
		[ $status != 124 ] && is_as_before && ok "$call that is interrupted for ever: $status, as before" ||
			not_ok "$call that is interrupted for ever: $status" "$(cat out)"
		"$OVERMOUNT" recover --state state >/dev/null 2>&1
		"$OVERMOUNT" undo --state state >/dev/null 2>&1
	done

	# What a security module denies is found out by the one call, and told in words.
	"$OVERMOUNT" probe --state state >/dev/null
	denied=(strace -f -qq -o trace -e "trace=fsopen,mount"
		-e "inject=fsopen,mount:error=EACCES")
	for case in 'overlay:make the skeleton of an overlay for "/"' \
		'mimic:mount a tmpfs for "/etc"'; do
		"${denied[@]}" "$OVERMOUNT" apply --root base --state state --strategy "${case%%:*}" \
			p.fstab >out 2>&1
		is "${case%%:*} where no tmpfs may be mounted: exit, first line" "$? $(head -n 1 out)" \
			"2 overmount: cannot ${case#*:}: Permission denied"
		is_as_before && ok "and as before" || not_ok "and as before" "$(mounts)"
	done
else
	skip "calls that are interrupted for ever" "strace is missing"
fi
plan_end
