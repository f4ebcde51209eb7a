#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a failing test says comes from cmocka: no other print_error() takes the place of its
# own.  libapparmor.a has one, and with that fail_msg() dies instead of telling.
. "$(dirname "$0")/lib.sh" || exit 99

usurpers() {
	local program

	while read -r program; do
		! "$NM" "$program" 2>/dev/null | grep -qE ' [Tt] (print_error|print_message)$' ||
			echo "$program: has a print_error() of its own"
	done
}

"$CC" -w -o "$lint_tmp/bad" -x c - <<<'void print_error(void) { } int main(void) { return 0; }'
mapfile -t programs < <(find "$top_builddir/tests/unit" -maxdepth 1 -type f -perm -u=x 2>/dev/null)
[ ${#programs[@]} -gt 0 ] || lint_skip_all "nothing is built in $top_builddir"
lint_control "a print_error() that is not cmocka's" usurpers <<<"$lint_tmp/bad"
lint_check "${#programs[@]} tests speak through cmocka" usurpers < <(printf '%s\n' "${programs[@]}")
lint_done
