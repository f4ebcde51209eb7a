#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A little of the matrix, by what is expected of an old and of a new kernel: AppArmor on, overlay
# and mimic, the module loaded, loadable and absent.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
. "${top_srcdir:-.}/tests/matrix/lib.sh" || exit 99

matrix_start 5.10 7.3
"$matrix_dir/run" --kernels 5.10,7.3 --cells "$matrix_smoke" --results "$work/results" \
	>"$work/out" 2>&1
status=$?
while read -r line; do
	case $line in
	ok*) ok "${line#ok * }" ;;
	*) not_ok "${line#not ok * }" "$(cat "$work/out")" ;;
	esac
done < <(grep -E '^(not )?ok ' "$work/results/results.ktap" 2>/dev/null)
is "all six cells were tried, and came out as expected" "$status $tap_n" "0 6"
is "each by an expectation" "$(grep -c '"expected": true' "$work/results/results.json")" 6
plan_end
