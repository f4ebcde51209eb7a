#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The system calls of apply fail, lie or are the last, one after the other, on all surfaces:
# the mount table and the tree are as before, or complete, and the exit status says which.
# What is done, and how what it prints is read: tests/fault/campaign.c.
# make check-fault runs all of it, which takes hours; make check a part (OM_FAULT=short).
# OM_EVERY=K: every Kth injection only (10: each call meets one of the ten errors); OM_ERRNOS,
# OM_ONLY: these errors, these profiles.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

campaign=$top_builddir/tests/fault/campaign
naive=$top_builddir/tests/fault/naive
[ -x "$campaign" ] && [ -x "$naive" ] || { not_ok "the campaign is built"; plan_end; }

# run NAME LEAST ARGUMENT...: a result for each profile and surface, and one for the sum,
# which wants at least LEAST injections.
run() {
	local name=$1 least=$2 title lines=() i detail sum
	shift 2
	mapfile -t lines < <("$campaign" --program "$OVERMOUNT" \
		--profiles "$top_srcdir/tests/fault/profiles" "$@" 2>&1 </dev/null)
	for ((i = 0; i < ${#lines[@]} - 1; i++)); do
		title=${lines[i]} detail=
		while [[ ${lines[i + 1]:-} == "  "* ]]; do detail+=${lines[++i]}$'\n'; done
		if [[ $title =~ :\ [0-9]+\ injections(, [0-9]+ broken)?$ ]]; then
			ok "$name: $title"
		else
			not_ok "$name: $title" "$detail"
		fi
	done
	sum=${lines[-1]:-nothing}
	if [[ $sum =~ ^([0-9]+)\ injections,\ 0\ bad,\ [0-9]+\ broken,\ 0\ nondeterministic$ ]] &&
		[ "${BASH_REMATCH[1]}" -ge "$least" ]; then
		ok "$name: $sum"
	else
		not_ok "$name: $sum, want at least $least injections"
	fi
}

# A builder that mounts one by one and writes nothing down leaves half of it.
partial=$("$campaign" --naive "$naive" --surfaces full --strategies mimic --errnos 5 \
	--modes once,persistent,kill 2>&1 </dev/null | grep -c ' partial')
if [ "$partial" -ge 10 ]; then
	ok "control: of a naive builder $partial partial states are noticed"
else
	not_ok "control: of a naive builder $partial partial states are noticed, want 10"
fi

modes=once,persistent,kill,lie
if [ "${OM_FAULT:-short}" = short ]; then
	profiles=${OM_ONLY:-04-file,29-one,34-waves,46-own}
	errnos=${OM_ERRNOS:-5,4}
	every=${OM_EVERY:-29}
	run warm 500 --only "$profiles" --errnos "$errnos" --every "$every" --modes $modes
	run cold 5 --only "$profiles" --errnos "$errnos" --every $((10 * every)) --cold \
		--surfaces full,no-nesting --modes once,kill
	run nested 1 --only "$profiles" --every "$every" --surfaces full,4.4 --modes nested
else
	surfaces=full,no-nesting,no-openat2,4.4,no-overlay,6.1,5.4
	more=(--surfaces "$surfaces")
	[ -z "${OM_ONLY:-}" ] || more+=(--only "$OM_ONLY")
	[ -z "${OM_ERRNOS:-}" ] || more+=(--errnos "$OM_ERRNOS")
	every=${OM_EVERY:-1}
	run warm 10 "${more[@]}" --every "$every" --modes $modes
	run cold 10 "${more[@]}" --every $((5 * every)) --cold --modes $modes
	run nested 10 "${more[@]}" --every "$every" --modes nested
fi
plan_end
