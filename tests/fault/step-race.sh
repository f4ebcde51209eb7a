#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Somebody else acts once while an apply is stopped before one of its system calls: nothing
# of it lands outside, lacks an attribute, shows what nobody may read or takes away what is
# not its own.  Who does what: tests/fault/attacker.c; what is asked: tests/fault/step-judge.h.
# make check-fault runs all of it; make check a part (OM_FAULT=short).
# OM_EVERY=K: every Kth step only; OM_ONLY: these profiles (tests/fault/step-scene.c).
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

campaign=$top_builddir/tests/fault/campaign
naive=$top_builddir/tests/fault/naive-bind
[ -x "$campaign" ] && [ -x "$naive" ] || { not_ok "the campaign is built"; plan_end; }
# Most of the time is spent waiting for the kernel.
race=("$campaign" --modes step --jobs $((8 * $(nproc))))
control=("${race[@]}" --naive "$naive" --strategies mimic --surfaces full --only bind)
"${control[@]}" --every 1000000 >control 2>&1 </dev/null
grep -q 'needs open_tree and listmount' control && skip_all "this kernel has no listmount"

# A builder that uses its paths again after it looked at them.
"${control[@]}" --every 7 >control 2>&1 </dev/null
for word in escape attributes secret; do
	n=$(grep -c " $word(" control)
	if [ "$n" -gt 0 ]; then
		ok "control: of a naive builder $n times $word is noticed"
	else
		not_ok "control: of a naive builder $word is never noticed" "$(tail -n 5 control)"
	fi
done

# Known and open (docs/apply.md, "What is not seen"): where ids are reused, mounts that a recursive
# bind brings along are not followed, and the kernel hides what was moved out of the root; and
# where there is only mount(2), nobody knows a mount that root moves out of the stage before it
# was opened.  Anything else is bad.
known='rbind:4\.4:[a-z]+:step:[0-9]+:ours-'
known+='|:4\.4:[a-z]+:step:[0-9]+:target-[a-z-]+ left\(0\)'
known+='|:4\.4:[a-z]+:step:[0-9]+:ours-elsewhere (escape|attributes|leftover|left)\('
unknown=0

surfaces=full,no-openat2,4.4
if [ "${OM_FAULT:-short}" = short ]; then
	every=${OM_EVERY:-499} least=50 only=bind,file,hole,own
else
	every=${OM_EVERY:-1} least=10 only=
fi
more=()
[ -z "$only" ] || more+=(--only "$only")
[ -z "${OM_ONLY:-}" ] || more+=(--only "$OM_ONLY")
mapfile -t lines < <("${race[@]}" --program "$OVERMOUNT" --surfaces $surfaces \
	--every "$every" "${more[@]}" 2>&1 </dev/null)
for ((i = 0; i < ${#lines[@]} - 1; i++)); do
	title=${lines[i]} detail=
	while [[ ${lines[i + 1]:-} == "  "* ]]; do detail+=${lines[++i]}$'\n'; done
	if [[ $title =~ :\ [0-9]+\ injections(, [0-9]+ broken)?$ ]]; then
		ok "$title"
	elif grep -qvE "$known" <<<"${detail%$'\n'}"; then
		unknown=$((unknown + 1))
		not_ok "$title" "$detail"
	else
		# Counted as an expected failure, and the count is in the title.
		tap_n=$((tap_n + 1))
		echo "not ok $tap_n - $title # TODO known"
	fi
done
sum=${lines[-1]:-nothing}
if [[ $sum =~ ^([0-9]+)\ injections,\ [0-9]+\ bad,\ [0-9]+\ broken,\ 0\ nondeterministic$ ]] &&
	[ "${BASH_REMATCH[1]}" -ge "$least" ] && [ $unknown = 0 ]; then
	ok "$sum"
else
	not_ok "$sum, want at least $least injections"
fi
plan_end
