#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# plan with 2,000 entries beside 100,000 siblings: what it takes does not grow with the one
# times the other.  The least of some runs counts, and time of the processor, so that others
# at work do not matter; the limits leave room for a slower machine and are far below what
# searching all names for each entry takes.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

hole=base/usr/share/hole
mount -o remount,nr_inodes=0 "$work" || skip_all "the tmpfs cannot have more inodes"
mkdir -p $hole base/snap/app/1/dir links
touch base/snap/app/1/file
(cd links && seq -f link%.0f 10000 | xargs touch) && cp -rs "$work/links/." $hole/
(cd $hole && seq -f file%.0f 80000 | xargs touch && seq -f dir%.0f 10000 | xargs mkdir)
is "control: the hole has its names" "$(find $hole -mindepth 1 | wc -l)" 100000

for ((i = 0; i < 500; i++)); do
	echo "/snap/app/1/dir /usr/share/hole/d$i none rbind,rw 0 0"
	echo "/snap/app/1/file /usr/share/hole/f$i none bind,rw,x-snapd.kind=file 0 0"
	echo "none /usr/share/hole/l$i none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0"
	echo "tmpfs /usr/share/hole/deep$i/er/tmp tmpfs mode=1777 0 0"
done >profile
mount --bind base base
mount -o remount,bind,ro base

"$OVERMOUNT" plan --root base --state state profile </dev/null >out 2>err ||
	not_ok "control: it can be planned" "$(<err)"

# measure COMMAND...: cpu, the least milliseconds of five runs, and rss, the most KiB.
measure() {
	local n

	for ((n = 0; n < 5; n++)); do
		"$TOOLS/spent" "$@" </dev/null 2>&1 >out | tail -n 1
	done >spent
	cpu=$(cut -d' ' -f1 spent | sort -n | head -n 1)
	rss=$(cut -d' ' -f2 spent | sort -n | tail -n 1)
}
# within WHAT CPU MEMORY: milliseconds and MiB.
within() {
	if [ "$cpu" -le "$2" ] && [ "$rss" -le $(($3 * 1024)) ]; then
		ok "$1 takes at most $2 ms and $3 MiB ($cpu ms, $rss KiB)"
	else
		not_ok "$1 takes at most $2 ms and $3 MiB" "$cpu ms, $rss KiB"
	fi
}

# shellcheck disable=SC2016 # for the other shell
measure bash -c 'head -c 70000000 /dev/zero | tail -c 70000000 | cksum
	for ((i = 0; i < 200000; i++)); do :; done'
if [ "$cpu" -gt 100 ] && [ "$rss" -gt 65536 ]; then
	ok "control: what takes more is noticed ($cpu ms, $rss KiB)"
else
	not_ok "control: what takes more is noticed" "$cpu ms, $rss KiB"
fi

for strategy in overlay mimic; do
	limit=100
	[ $strategy = overlay ] || limit=200
	for form in "" --steps --json; do
		memory=64
		# Which also says what the strategy not taken would cost: it lists the siblings.
		[ "$form" != --json ] || limit=400
		measure "$OVERMOUNT" plan --root base --state state --strategy $strategy \
			${form:+"$form"} profile
		within "plan by $strategy${form:+ $form}" $limit $memory
	done
	case $strategy in
	overlay) is "overlay: no step for a sibling" "$(jq '.steps | length' out)" 4504 ;;
	mimic)
		is "mimic: its steps" "$(jq '.steps | length' out)" 194503
		# Whatever order the kernel lists them in: the plan is the same plan.
		jq -r '.steps[]' out | sed -n 's|^mount .*/base\(/usr/share/hole/[^/ ]*\) .*/tree\1$|\1|p' >siblings
		is "mimic: siblings are bound back" "$(wc -l <siblings)" 90000
		is "mimic: in the order of their bytes" "$(LC_ALL=C sort siblings | cksum)" \
			"$(cksum <siblings)"
		;;
	esac
done
plan_end
