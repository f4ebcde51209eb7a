#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Applications while an attacker renames what lies on the way, judged by what the kernel says
# is mounted (tests/race/free-race.c).  make check-race: a million that really tried to attach;
# make check: ten thousand.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
RACE=$top_builddir/tests/race/free-race

[ "$(nproc)" -ge 2 ] || skip_all "needs two processors"
attacks="target out source parent"
constructions="hole sibling" # slower by far
surfaces="native walk old"
# Of the engine in all; seconds for each; tries and escapes of the naive program for each.
if [ "${OM_RACE:-short}" = full ]; then
	total=1000000 seconds=3600 tries=100000 enough=100000 at_least=100
else
	total=10000 seconds=10 tries=10000 enough=5 at_least=1
fi
each=$(((total + 11) / 12))

# race ARGUMENT...: on a fresh tmpfs; the line that it printed in $line.
race() {
	mkdir arena
	mount -t tmpfs -o mode=0755 arena arena
	line=$(cd arena && timeout -k 5 4000 "$RACE" "$@" 2>&1 </dev/null)
	status=$?
	umount -l arena
	rmdir arena
	[ $status != 77 ] || skip_all "this kernel has no statmount(2)"
}
# get NAME: its figure in $line.
get() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" <<<"$line"; }

# The attackers must be able to do harm, and the judge to see it.
for attack in $attacks $constructions; do
	race -n -s 60 -e $enough "$attack" native $tries
	if [ $status = 1 ] && [ "$(get escapes)" -ge $at_least ]; then
		ok "control: a naive program fails, $line"
	else
		not_ok "control: a naive program fails" "$line (status $status)"
	fi
done

effective=0 escapes=0 left=""
for attack in $attacks $constructions; do
	[[ $constructions != *$attack* ]] || each=$((total / 500))
	for surface in $surfaces; do
		race -s $seconds "$attack" "$surface" $each
		if [ $status -le 1 ] && [ "$(get escapes)/$(get wrong)" = 0/0 ] &&
			[ "$(get effective)" -gt 0 ] && [ $((each < 500 ? 1 : $(get settled))) -gt 0 ]; then
			ok "$line"
		else
			not_ok "no escape, and nothing is wrong" "$line (status $status)"
		fi
		effective=$((effective + $(get effective)))
		escapes=$((escapes + $(get escapes)))
		# Where ids are reused, a mount that was carried away may be a stranger's: there it
		# is enough that it is told.
		if [ "$(get left)" != 0 ] || { [ "$(get stuck)" != 0 ] && [ "$surface" != old ]; }; then
			left+="$attack/$surface: left $(get left), stuck $(get stuck)"$'\n'
		fi
	done
done
is "undo takes away what was carried elsewhere" "$left" ""
# A loaded machine runs into the limit of time.
if [ $effective -ge $((total / 100)) ]; then
	ok "$effective effective applications, $escapes escapes"
else
	not_ok "$effective effective applications of $total, $escapes escapes"
fi
plan_end
