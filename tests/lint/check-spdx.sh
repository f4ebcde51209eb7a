#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each source file names its licence in one of its first three lines.
. "$(dirname "$0")/lib.sh" || exit 99

unlicensed() {
	local file

	for file in "$@"; do
		head -n 3 "$file" |
			grep -q 'SPDX-License-Identifier: LGPL-2\.1-or-later' ||
			echo "$file: no SPDX-License-Identifier: LGPL-2.1-or-later"
	done
}

echo 'int x;' >"$lint_tmp/bad.c"
mapfile -t files < <(
	lint_c_files
	lint_shell_files
	find src tests kernel-matrix -name local.am
	find kernel-matrix tests \( -name '*.py' -o -name '*.yaml' \) \
		! -path '*/corpus/*' ! -path '*/facts/*' ! -path '*/results/*'
	ls configure.ac Makefile.am
)
lint_control "a file without a licence" unlicensed "$lint_tmp/bad.c"
lint_check "${#files[@]} files name their licence" unlicensed "${files[@]}"
lint_done
