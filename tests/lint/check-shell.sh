#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No script has anything that makes shellcheck warn.
. "$(dirname "$0")/lib.sh"

command -v shellcheck >/dev/null || lint_skip_all "shellcheck is not installed"

complaints() {
	shellcheck -x -P SCRIPTDIR -P . -S warning -f gcc "$@"
}

# shellcheck disable=SC2016 # the variable is the offence
printf '#!/bin/sh\ncd $1\n[ $x == 1 ]\n' >"$lint_tmp/bad.sh"
mapfile -t files < <(lint_shell_files)
lint_control "a script with an unquoted variable" complaints "$lint_tmp/bad.sh"
lint_check "${#files[@]} scripts" complaints "${files[@]}"
lint_done
