#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# After a crash: overmount recover, here, in other mount namespaces, and for dead ones.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo}
echo hello >tree/snap/app/1/foo/hello
mount --bind tree base
mount -o remount,bind,ro base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
tmpfs /usr/share/X11/tmp tmpfs mode=0700 0 0
P
own=$(stat -L -c %i /proc/self/ns/mnt)
before=$(mounts)
tree_before=$(tree base)
is_as_before() { [ "$(mounts)" = "$before" ] && [ "$(tree base)" = "$tree_before" ]; }
om() {
	local command=$1
	shift
	"$OVERMOUNT" "$command" --state state "$@"
}
# crash N COMMAND...: killed at its Nth system call; 1 when it has fewer.
crash() {
	local n=$1
	shift
	"$TOOLS/failnth" -a "$n" 0 -- "$@" >/dev/null 2>&1
	[ $? = 137 ]
}
left() { find state -mindepth 1 ! -name facts -printf '%f ' | sort; }

is "nothing to recover" "$(om recover 2>&1)$? $(left)" "0 "
om apply --root base p.fstab
complete=$(tree base)
is "a whole profile stays" "$(om recover) $?" "mnt:[$own] applied 0"
is "as it was" "$(tree base)" "$complete"
om undo
is "undo after recover" "$? $(left)" "0 "
is_as_before && ok "all is as before" || not_ok "all is as before"

# --- killed at each call ---------------------------------------------------------------

# all WHAT COMMAND...: apply under COMMAND is killed at each call; recover brings all back.
all() {
	local what=$1 n bad="" undone=0 whole=0 out
	shift
	for ((n = 1; ; n++)); do
		crash $n "$@" "$OVERMOUNT" apply --root base --state state p.fstab || break
		out=$("$@" "$OVERMOUNT" recover --state state 2>&1) || bad+=" $n:$out"
		case $out in
		*undone) undone=$((undone + 1)) ;;
		*applied)
			whole=$((whole + 1))
			[ "$(tree base)" = "$complete" ] || bad+=" $n:incomplete"
			"$@" "$OVERMOUNT" undo --state state || bad+=" $n:undo"
			;;
		esac
		is_as_before && [ -z "$(left)" ] || { bad+=" $n:left($(left))"; break; }
	done
	"$@" "$OVERMOUNT" undo --state state >/dev/null 2>&1
	is "$what: killed at each of $((n - 1)) calls, $undone undone, $whole whole" "$bad" ""
	[ $undone -gt 10 ] && [ $whole -gt 0 ] && ok "control: $what: both happen" ||
		not_ok "control: $what: both happen"
}
all native env
all 4.4 "$TOOLS/enosys" 4.4 --

# Something of a stranger on top of what the dead one left.
for ((n = 1; ; n++)); do
	crash $n "$OVERMOUNT" apply --root base --state state p.fstab || break
	[ "$(mounts | grep -c ' /mnt/base/')" -gt 0 ] && break
	om recover >/dev/null
done
place=$(mounts | sed -n 's/^[^ ]* \/mnt\/base\(\/[^ ]*\) .*/\1/p' | head -n 1)
mount -t tmpfs stranger "base$place"
seen=$(mounts)
out=$(om recover 2>&1)
is "a stranger on top: refused" "$? $(mounts)" "16 $seen"
[[ $out == *"\"$place\""*'on top'*'fix:'*'--force'* ]] && ok "and told" || not_ok "and told" "$out"
out=$(om apply --root base p.fstab 2>&1)
is "so does the next apply" "$? $(mounts)" "16 $seen"
out=$(om recover --force 2>&1)
is "--force" "$? $(grep -c 'taken away too' <<<"$out")" "0 1"
is_as_before && ok "as before" || not_ok "as before"

# --- another boot, and a dead namespace ------------------------------------------------

crash $n "$OVERMOUNT" apply --root base --state state p.fstab
echo 01234567-89ab-cdef-0123-456789abcdef >boot
mount --bind boot /proc/sys/kernel/random/boot_id
seen=$(mounts)
is "a journal of another boot is dropped" "$(om recover) $(left)" "mnt:[$own] gone "
is "and no mount is touched" "$(mounts)" "$seen"
umount /proc/sys/kernel/random/boot_id
umount -l "base$place"
is_as_before && ok "control: there was one" || not_ok "control: there was one" "$(mounts)"

dead=$(unshare -m bash -c "stat -L -c %i /proc/self/ns/mnt
	'$OVERMOUNT' apply --state state --root base p.fstab")
[ -e "state/journal.$dead" ] && ok "control: a dead namespace leaves its journal" ||
	not_ok "control: a dead namespace leaves its journal" "$(ls state)"
# Unless the kernel has given its number to a new one at once.
is "it is gone" "$(om recover --all) $? $(left)" "mnt:[$dead] gone 0 "

# --- others that live ------------------------------------------------------------------

# sleeper: starts a process in a namespace of its own, and sets $pid and $theirs.
sleeper() {
	rm -f ready
	unshare -m sh -c ': >ready; exec sleep 1000' &
	pid=$!
	while [ ! -e ready ] || [ "$(cat /proc/$pid/comm)" != sleep ]; do sleep 0.01; done
	theirs=$(stat -L -c %i /proc/$pid/ns/mnt)
}
# their MOUNTINFO
their() { sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g' "$1" | sort; }

sleeper
their_before=$(their /proc/$pid/mountinfo)
om apply --namespace $pid --root /mnt/base p.fstab
is "applied in another namespace" "$? $(their /proc/$pid/mountinfo | grep -c ' /mnt/base/')" "0 4"
is_as_before && ok "and not in this one" || not_ok "and not in this one"
is "status of that one" "$(om status --namespace $pid | awk 'NR > 1 { printf "%s=%s ", $1, $5 }')" \
	"/etc=present /usr/share=present /usr/share/X11/tmp=present /usr/share/foo=present "
is "status here" "$(om status 2>&1) $?" "overmount: nothing is applied in this mount namespace 16"
om check --namespace $pid
is "check of that one" "$?" 0
om undo --namespace $pid
is "undone there" "$? $(their /proc/$pid/mountinfo)" "0 $their_before"
"$OVERMOUNT" apply --state "state-$$" --namespace $pid --root /mnt/base p.fstab
"$OVERMOUNT" undo --state "state-$$" --namespace $pid
is "a relative state directory is ours, not one in the root there" \
	"$? $(find / -maxdepth 1 -name "state-$$")" "0 "
other=$pid other_before=$their_before
sleeper
their_before=$(their /proc/$pid/mountinfo)
for p in $pid $other; do
	crash 140 "$OVERMOUNT" apply --state state --namespace $p --root /mnt/base p.fstab ||
		not_ok "control: killed in $p"
done
is "control: two namespaces are half done" "$(find state -name 'journal.*' | wc -l)" 2
out=$(om recover --all 2>&1)
is "both are recovered" "$? $(wc -l <<<"$out") $(left)" "0 2 "
is "and as before" "$(their /proc/$pid/mountinfo) $(their /proc/$other/mountinfo)" \
	"$their_before $other_before"
kill $other
bad=
for surface in env "$TOOLS/enosys 4.4 --"; do
	for ((n = 5; ; n += 7)); do
		# shellcheck disable=SC2086
		crash $n $surface "$OVERMOUNT" apply --state state --namespace $pid --root /mnt/base p.fstab || break
		# shellcheck disable=SC2086
		$surface "$OVERMOUNT" recover --state state --all >/dev/null 2>err || bad+=" $n:$(cat err)"
		# shellcheck disable=SC2086
		$surface "$OVERMOUNT" undo --state state --namespace $pid >/dev/null 2>&1
		[ "$(their /proc/$pid/mountinfo)" = "$their_before" ] && [ -z "$(left)" ] || { bad+=" $n:left($(left))"; break; }
	done
	# shellcheck disable=SC2086
	$surface "$OVERMOUNT" undo --state state --namespace $pid >/dev/null 2>&1
	[ $n -gt 80 ] || bad+=" only $n calls"
done
is "killed in another namespace, recovered by --all from here" "$bad" ""

# Pinned, with no process in it.
: >pin
# A namespace can only be pinned in an older one, and which of two is older the kernel tells by
# numbers that each processor has its own supply of (EINVAL): another one may do.
for ((try = 0; try < 50; try++)); do
	mount --bind /proc/$pid/ns/mnt pin 2>/dev/null && break
	kill $pid
	wait $pid 2>/dev/null
	sleeper
	their_before=$(their /proc/$pid/mountinfo)
done
[ $try -lt 50 ] || not_ok "cannot pin"
before=$(mounts)
kill $pid
wait $pid 2>/dev/null
om apply --namespace pin --root /mnt/base p.fstab
is "applied in a pinned namespace" "$? $(nsenter --mount=pin cat /proc/self/mountinfo | grep -c ' /mnt/base/')" "0 4"
is "--all finds it by its pin" "$(om recover --all)" "mnt:[$theirs] applied"
om undo --namespace pin
is "undone there, too" "$? $(nsenter --mount=pin cat /proc/self/mountinfo | their /dev/stdin)" "0 $their_before"
om apply --namespace pin --root /mnt/base p.fstab
umount pin
before=$(mounts)
is "and when the pin is gone, so is it" "$(om recover --all) $(left)" "mnt:[$theirs] gone "

# --- what cannot be --------------------------------------------------------------------

for bad in p.fstab /proc/self/ns/net; do
	out=$(om apply --namespace $bad --root base p.fstab 2>&1)
	is "--namespace $bad" "$? $out" "1 overmount: cannot join \"$bad\": it is no mount namespace"
done
out=$(om undo --namespace 999999999 2>&1)
is "--namespace of a pid that is not" "$? $out" \
	'2 overmount: cannot open the mount namespace "999999999": No such file or directory'
is "nothing has changed" "$(mounts)$(left)" "$before"
plan_end
