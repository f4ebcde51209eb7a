#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What became of what was applied, and who holds the lock.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo} aside
echo hello >tree/snap/app/1/foo/hello
mount --bind tree base
mount -o remount,bind,ro base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x,x-snapd.origin=layout 0 0
P
before=$(mounts)
launched=("$OVERMOUNT")
om() {
	local command=$1
	shift
	"${launched[@]}" "$command" --state state "$@"
}
# states: TARGET=STATE, a word each.
states() { om status | awk 'NR > 1 { printf "%s=%s ", $1, $5 }'; }
# checked: status of check, and the targets that it complains about.
checked() {
	om check >out 2>err
	echo "$? $(wc -l <out) $(sed -n 's/^overmount: "\([^"]*\)": .*/\1/p' err | tr '\n' ' ')"
}

om status >out 2>err
is "nothing is applied" "$? $(cat out)$(cat err)" "16 overmount: nothing is applied in this mount namespace"
om apply --root base p.fstab || not_ok "apply"
is "all is present" "$(states)" "/etc=present /usr/share=present /usr/share/foo=present "
is "check is silent" "$(checked)" "0 0 "
if command -v jq >/dev/null; then
	is "--json" "$(om status --json | jq -rc '.schema, .complete, (.acts | map([.target, .kind, .strategy, .state, .unique]))' | tr '\n' ' ')" \
		'overmount.status/1 true [["/etc","mount","overlay","present",true],["/usr/share","mount","overlay","present",true],["/usr/share/foo","mount","overlay","present",true]] '
else
	skip "--json" "jq is missing"
fi
mount -t tmpfs stranger base/usr/share
is "a stranger on top" "$(states)" "/etc=present /usr/share=covered /usr/share/foo=covered "
is "check tells of it" "$(checked)" "8 0 /usr/share /usr/share/foo "
mount -t tmpfs another base/usr/share
is "two strangers on top" "$(states)" "/etc=present /usr/share=covered /usr/share/foo=covered "
is "where the kernel cannot look, it is unknown" \
	"$("$TOOLS/enosys" statmount -- "$OVERMOUNT" status --state state | awk 'NR > 1 { print $5 }' | tr '\n' ' ')" "present unknown unknown "
umount base/usr/share
umount base/usr/share
is "and gone again" "$(states)" "/etc=present /usr/share=present /usr/share/foo=present "
mount --move base/usr/share aside
is "moved elsewhere" "$(states)" "/etc=present /usr/share=moved /usr/share/foo=moved "
mount --move aside base/usr/share
is "and back" "$(states)" "/etc=present /usr/share=present /usr/share/foo=present "
umount -l base/etc
is "taken away" "$(states)" "/etc=gone /usr/share=present /usr/share/foo=present "
is "check tells of that" "$(checked)" "8 0 /etc "
om undo
is "undo after all that" "$? $(mounts)" "0 $before"

# What is inside a construction is looked at, too, with both kinds of ids.
for surface in native 4.4; do
	launched=("$OVERMOUNT")
	[ $surface = native ] || launched=("$TOOLS/enosys" "$surface" -- "$OVERMOUNT")
	for strategy in overlay mimic; do
		title="$surface, $strategy:"
		om apply --root base --strategy $strategy p.fstab || not_ok "$title apply"
		mount -o remount,bind,rw base/usr/share/foo
		is "$title a mount inside is remounted" "$(checked)" "8 0 /usr/share/foo "
		mount -o remount,bind,ro base/usr/share/foo
		is "$title and back" "$(checked)" "0 0 "
		mount -o remount,bind,rw base/etc
		is "$title so is the hole" "$(checked)" "8 0 /etc "
		mount -o remount,bind,ro base/etc
		mount --make-shared base/usr/share/foo
		is "$title it is made shared" "$(checked)" "8 0 /usr/share/foo "
		mount --make-private base/usr/share/foo
		mount -t tmpfs stranger base/usr/share/foo
		is "$title a stranger on it" "$(states)" "/etc=present /usr/share=present /usr/share/foo=covered "
		om undo 2>err
		is "$title undo refuses" "$? $(head -n1 err)" \
			'16 overmount: cannot undo "/usr/share/foo": something else is mounted on top of it'
		umount base/usr/share/foo
		mount --move base/usr/share/foo aside
		is "$title moved elsewhere" "$(states)" "/etc=present /usr/share=present /usr/share/foo=moved "
		om undo
		is "$title undo takes that away, too" "$? $(mounts)" "0 $before"
		om apply --root base --strategy $strategy p.fstab
		umount base/usr/share/foo
		is "$title taken away" "$(checked)" "8 0 /usr/share/foo "
		om undo
		is "$title undone without it" "$? $(mounts)" "0 $before"
	done
done
launched=("$OVERMOUNT")
om apply --root base --strategy mimic p.fstab
umount base/usr/share/X11
is "what was only bound back is told of when it is gone" "$(checked)" "8 0 /usr/share/X11 "
om undo
mkdir tree/snap/app/1/foo/deep
"$OVERMOUNT" apply --state state --root base p.fstab
mount -t tmpfs stranger base/usr/share/foo/deep
"$OVERMOUNT" undo --state state 2>err
is "a stranger deep inside: undo refuses" "$? $(head -n1 err)" \
	"16 overmount: cannot undo \"/usr/share\": something else is mounted inside of it, at \"$PWD/base/usr/share/foo/deep\""
"$OVERMOUNT" undo --state state --force 2>err
is "--force takes it along and says so" "$? $(mounts) $(grep -c 'inside of it is taken away too' err)" "0 $before 1"
rmdir tree/snap/app/1/foo/deep

# Ids of mounts are of two kinds, and a filter of system calls may hide one of them.
"$TOOLS/enosys" statx -- "$OVERMOUNT" apply --state state --root base p.fstab
is "applied without unique ids: all is present" "$(states)" "/etc=present /usr/share=present /usr/share/foo=present "
om undo
is "applied without unique ids, undone with them" "$? $(mounts)" "0 $before"
om apply --root base p.fstab
"$TOOLS/enosys" statx -- "$OVERMOUNT" undo --state state >out 2>err
is "whose journal it is cannot be told: refused" "$? $(grep -c '^overmount: cannot tell whether the journal' err)" "16 1"
is "and nothing is lost by it" "$(states)" "/etc=present /usr/share=present /usr/share/foo=present "
om undo
is "undone where it was applied" "$? $(mounts)" "0 $before"

# Killed between two constructions: what is there is no complete profile.
for ((n = 1; n < 200; n++)); do
	"$TOOLS/failnth" "$n" 0 -- "$OVERMOUNT" apply --root base --state state p.fstab >/dev/null 2>&1
	[ $? = 200 ] && break
	om check >out 2>err
	status=$?
	om undo >/dev/null 2>&1
	case $status in 8 | 16) ;; *) bad="${bad:-} $n:$status" ;; esac
	[ $status = 8 ] && cut=$((${cut:-0} + 1))
done
om undo >/dev/null 2>&1
is "killed at each of $((n - 1)) calls, check never says that all is well" "${bad:-}" ""
[ "${cut:-0}" -gt 0 ] && ok "control: $cut of them had begun" || not_ok "control: some had begun"

# --- the lock --------------------------------------------------------------------------

# An apply that takes a second over its first call.
slow_apply() {
	rm -f held
	strace -qq -o held -e trace=fsopen -e inject=fsopen:delay_enter=1000000:when=1 \
		"$OVERMOUNT" apply --state state --root base p.fstab 2>/dev/null &
	while [ ! -s held ]; do sleep 0.01; done
	holder=$(pgrep -P $!)
}
if command -v strace >/dev/null; then
	slow_apply
	om undo >out 2>err
	is "the holder of the lock is named" "$? $(cat err)" \
		"2 overmount: cannot lock the state directory \"state\": process $holder (overmount) holds it
fix: wait for it, or give --timeout SECONDS"
	om undo --timeout 10 2>err
	is "--timeout waits for it" "$? $(cat err)" "0 "
	wait
	is "and undoes what the other one did" "$(mounts)" "$before"
else
	skip "the holder of the lock is named" "strace is missing"
fi
om apply --timeout x --root base p.fstab >out 2>err
is "a timeout that is no number" "$? $(cat err)" \
	'1 overmount: cannot wait for "x" seconds: want a number up to 86400'

# Three at once, many times, with the directory coming and going: never half a profile.
rmdir aside
loop() {
	local i
	for ((i = 0; i < 300; i++)); do
		"$OVERMOUNT" apply --timeout 20 --state shared --root base p.fstab >/dev/null 2>&1
		echo "apply $?"
		# With facts in it the directory, and the lock, would stay.
		rm -f shared/facts
		"$OVERMOUNT" undo --timeout 20 --state shared >/dev/null 2>&1
		echo "undo $?"
	done
}
loop >one & loop >two & loop >three
wait
is "three at once: applied or refused, undone or refused" \
	"$(sort -u one two three | grep -vE '^(apply|undo) (0|16)$')" ""
is "three at once: nothing is left" "$(mounts)" "$before"
[ "$(grep -c 'apply 0' one)" -gt 0 ] && [ "$(grep -c 'apply 0' two)" -gt 0 ] &&
	ok "control: both have applied" || not_ok "control: both have applied" "$(sort one two | uniq -c)"
plan_end
