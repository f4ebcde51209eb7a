#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No script has anything that makes shellcheck warn, and none goes on without the library that
# it reads: bash does, and then whatever it tests is "command not found".
. "$(dirname "$0")/lib.sh" || exit 99

command -v shellcheck >/dev/null || lint_skip_all "shellcheck is not installed"

complaints() {
	shellcheck -x -P SCRIPTDIR -P . -S warning -f gcc "$@"
}

# shellcheck disable=SC2016 # the variable is the offence
printf '#!/bin/sh\ncd $1\n[ $x == 1 ]\n' >"$lint_tmp/bad.sh"
mapfile -t files < <(lint_shell_files)
lint_control "a script with an unquoted variable" complaints "$lint_tmp/bad.sh"
lint_check "${#files[@]} scripts" complaints "${files[@]}"

unguarded() {
	local file bad=0

	for file; do
		grep -q '^set -e' "$file" && continue
		grep -Hn '^\. .*lib\.sh"\?$' "$file" && bad=1
	done
	return $bad
}
# shellcheck disable=SC2016
printf '. "${top_srcdir:-.}/tests/integration/lib.sh"\n' >"$lint_tmp/unguarded.sh"
lint_control "a library that may be missing" unguarded "$lint_tmp/unguarded.sh"
lint_check "${#files[@]} scripts stop without their library" unguarded "${files[@]}"
lint_done
