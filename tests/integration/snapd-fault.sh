#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The program as snap-update-ns, killed at each call that changes something, or with that
# call failing: what is there then is the one profile or the other, or nothing, as the exit
# status says, and the next one sets everything right.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
. "${top_srcdir:-.}/tests/integration/snapd-lib.sh" || exit 1
om_start "$@"
make_squashfs_base
make_host
make_ns foo || skip_all "cannot pin a mount namespace"

# What is there, in the namespace, in the current profile and on the host.  Lines come in the
# order in which they were mounted, and what could not be had at first comes last.
state() { table; current | sort; tree host-etc; tree var-snap; }
one=("$share" "$conf" "$link" "$content")
two=("/snap/foo/1/etc /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0" "$content"
	"/snap/foo/1/share /usr/share/bar none rbind,rw,x-snapd.origin=layout 0 0")

# reach ENTRY...: to that profile, whatever is there.
reach() {
	desire "$@"
	update foo
	[ $rc = 0 ]
}
nothing=$(state)
reach "${one[@]}" || skip_all "the profile cannot be applied: $(said)"
first=$(state)
reach "${two[@]}" && second=$(state)
reach "" && is "control: back to nothing" "$(state)" "$nothing"
is "control: three states" "$(printf '%s\n' "$nothing" "$first" "$second" | cksum | wc -l)" 1
[ "$first" != "$second" ] && [ "$first" != "$nothing" ] && ok "control: they differ" ||
	not_ok "control: they differ"

# What the original has made, from whatever is there.
reach_foreign() { reach "" && make_foreign; }
reach_foreign && third=$(state)

# campaign WHAT ERRNO FROM TO FROM-STATE TO-STATE: to TO, from the profile FROM (the names of
# arrays).
campaign() {
	local what=$1 errno=$2 n step=${OM_SNAPD_STEP:-3} bad="" other=0 got status
	local -n from=$3 to=$4
	local from_state=$5 to_state=$6
	for ((n = 1; n < 3000; n += step)); do
		if [ "${from[0]}" = foreign ]; then reach_foreign; else reach "${from[@]}"; fi || { bad+=" $n:reset($(said))"; break; }
		desire "${to[@]}"
		timeout 60 "$TOOLS/failnth" "$n" "$errno" -- ./snap-update-ns foo >out 2>err
		status=$?
		got=$(state)
		if [ $status = 200 ]; then
			[ "$got" = "$to_state" ] || bad+=" $n:whole"
			break
		fi
		case $status in
		# Content may be left out, when that is said.
		0) [ "$got" = "$to_state" ] || grep -q "^cannot change mount namespace" err ||
			bad+=" $n:lie" ;;
		1) [ "$got" = "$from_state" ] || [ "$got" = "$nothing" ] || bad+=" $n:partial" ;;
		137) [ "$errno" = 0 ] || bad+=" $n:killed" ;;
		*) bad+=" $n:exit($status)" ;;
		esac
		[ "$got" = "$from_state" ] || [ "$got" = "$to_state" ] || other=$((other + 1))
		update foo
		[ "$rc" = 0 ] && [ "$(state)" = "$to_state" ] || bad+=" $n:next($rc)"
	done
	is "$what, at $(((n - 1) / step)) calls" "$bad" ""
	# Killed half way, something else must have been seen: else nothing was interrupted.
	[ "$errno" != 0 ] || [ $other -gt 0 ] || not_ok "control: $what: a half is seen"
}
# shellcheck disable=SC2034 # by its name
none=("")
campaign "killed in a construction" 0 none one "$nothing" "$first"
campaign "killed in an update" 0 one two "$first" "$second"
campaign "killed on the way back" 0 two none "$second" "$nothing"
# shellcheck disable=SC2034 # by its name
foreign=(foreign)
campaign "killed in an update of what the original made" 0 foreign two "$third" "$second"
campaign "killed on the way back from that" 0 foreign none "$third" "$nothing"
campaign "a call fails in a construction" 5 none one "$nothing" "$first"
campaign "a call fails in an update" 28 one two "$first" "$second"
campaign "a call fails on the way back" 5 two none "$second" "$nothing"
plan_end
