#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# clang-format would change nothing.  Its versions differ in details, so one is pinned:
# that of Debian 12.
. "$(dirname "$0")/lib.sh" || exit 99

pinned=14
clang_format=
for candidate in "clang-format-$pinned" clang-format; do
	if "$candidate" --version 2>/dev/null | grep -q "version $pinned\."; then
		clang_format=$candidate
		break
	fi
done
[ -n "$clang_format" ] || lint_skip_all "clang-format $pinned is not installed"

misformatted() {
	"$clang_format" --style="file:$top_srcdir/.clang-format" --dry-run "$@" 2>&1 |
		grep -E '^[^ :]+:[0-9]+:[0-9]+: (warning|error)' | cut -d: -f1 | uniq -c |
		awk '{ print $2 ": " $1 " places differ from what `make format` writes" }'
}

printf 'int f( void ){return 0;}\n' >"$lint_tmp/bad.c"
mapfile -t files < <(lint_c_files)
lint_control "a function on one line" misformatted "$lint_tmp/bad.c"
lint_check "${#files[@]} files are formatted" misformatted "${files[@]}"
lint_done
