#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No function is longer than 60 lines, its braces not counted.
. "$(dirname "$0")/lib.sh" || exit 99

# In kernel style a function, and nothing else but a type or a table, opens with `{` alone
# in column 0 and closes with `}` alone in column 0.
long_functions() {
	awk -v max=60 '
		FNR == 1 { start = 0 }
		/^{[ \t]*$/ { start = FNR; name = before; next }
		/^}[ \t]*$/ && start {
			if (FNR - start - 1 > max)
				printf "%s:%d: %d lines: %s\n", FILENAME, start,
					FNR - start - 1, name
			start = 0
		}
		/^[A-Za-z_].*\(/ { before = $0 }
	' "$@"
}

{
	printf 'static int bad(void)\n{\n'
	for i in $(seq 61); do printf '\tint i%d = 0;\n' "$i"; done
	printf '}\n'
} >"$lint_tmp/bad.c"
{
	printf 'static int good(void)\n{\n'
	for i in $(seq 60); do printf '\tint i%d = 0;\n' "$i"; done
	printf '}\n'
} >"$lint_tmp/good.c"

mapfile -t files < <(lint_c_files)
lint_control "a function of 61 lines" long_functions "$lint_tmp/bad.c"
lint_check "60 lines are allowed" long_functions "$lint_tmp/good.c"
lint_check "no function above 60 lines in ${#files[@]} files" long_functions "${files[@]}"
lint_done
