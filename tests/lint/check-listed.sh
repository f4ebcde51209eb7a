#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each source and each test is named in a local.am, or it would be neither built nor run.
. "$(dirname "$0")/lib.sh" || exit 99

# Prints those of the files on stdin that no line of the local.am files names.
unlisted() {
	local file

	while read -r file; do
		cat src/*/local.am tests/local.am |
			sed 's/#.*//' | tr -s ' \t' '\n\n' | grep -qxF "$file" ||
			echo "$file: in no local.am"
	done
}

files() {
	find src tests/fake -name '*.[ch]' 2>/dev/null
	# The source of a unit test is implied by the program's name.
	find tests/unit -name 'test-*.c' 2>/dev/null | sed 's/\.c$//'
	find tests/matrix tests/snapd -name '*.py' 2>/dev/null
	find tests/integration tests/lint tests/matrix -name '*.sh' -perm -u=x 2>/dev/null
}

mapfile -t listed < <(files | sort)
lint_control "an unlisted source" unlisted <<<"src/base/no-such-module.c"
lint_check "${#listed[@]} sources and tests are listed" \
	unlisted < <(printf '%s\n' "${listed[@]}")
lint_done
