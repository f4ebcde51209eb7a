#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A strategy is known by its name in its own file alone: nothing else compares with it or
# branches on it, so that another one can be added as one file and one line in the table.
. "$(dirname "$0")/lib.sh" || exit 99

branches() {
	local file

	for file in "$@"; do
		awk -v file="$file" '
			/strn?(case)?cmp|om_str_eq|streq/ && /"(overlay|overlay-rw|mimic|plain|refuse)"/ ||
			/(if|switch|while) \(.*om_strategy_(overlay|mimic|plain|refuse)/ {
				print file ":" FNR ": " $0
			}' "$file"
	done
}

printf '\tif (strcmp(s->name, "overlay") == 0)\n' >"$lint_tmp/bad.c"
printf '\tif (s == &om_strategy_mimic)\n' >"$lint_tmp/bad2.c"
mapfile -t files < <(
	find src/strategy src/apparmor src/apply src/cli -name '*.[ch]' |
		grep -vE '/(overlay|overlay-rw|mimic|plain|refuse)\.[ch]$' | sort
)
lint_control "a comparison with a strategy's name" branches "$lint_tmp/bad.c"
lint_control "a branch on a strategy" branches "$lint_tmp/bad2.c"
lint_check "no branch on a strategy in ${#files[@]} files" branches "${files[@]}"
lint_done
