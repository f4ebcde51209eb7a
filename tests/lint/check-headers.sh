#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each header compiles alone, whatever was included before it.
. "$(dirname "$0")/lib.sh" || exit 99

broken_headers() {
	local header

	for header in "$@"; do
		# shellcheck disable=SC2086 # several flags in one variable
		"$CC" -std=gnu11 -D_GNU_SOURCE -include "$top_builddir/config.h" \
			-I"$top_srcdir/src" -I"$top_srcdir/tests" ${CPPFLAGS:-} \
			-Wall -Wextra -Werror -Wno-unused-function -fsyntax-only \
			-x c - <<<"#include \"$header\"" 2>&1 |
			grep -E 'error|warning'
	done
}

[ -e "$top_builddir/config.h" ] || lint_skip_all "no config.h in $top_builddir"
echo 'static inline size_t bad(void) { return 0; }' >"$lint_tmp/bad.h"
mapfile -t headers < <(lint_c_files | grep '\.h$' | sed "s,^,$top_srcdir/,")
lint_control "a header that needs another" broken_headers "$lint_tmp/bad.h"
lint_check "${#headers[@]} headers compile alone" broken_headers "${headers[@]}"
lint_done
