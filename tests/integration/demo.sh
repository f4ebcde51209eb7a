#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The demo checks what it shows: it must come to its end.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
command -v mksquashfs >/dev/null || skip_all "mksquashfs is missing"
[ "$(id -u)" = 0 ] || skip_all "needs root"

bash "${top_srcdir:-.}/tests/demo/demo.sh" "$OVERMOUNT" >/dev/null 2>&1
is "scripts/demo comes to its end" "$?" 0
# A program that does nothing must not get through it.
bash "${top_srcdir:-.}/tests/demo/demo.sh" "$(command -v true)" >/dev/null 2>&1
[ $? != 0 ] && ok "control: a program that does nothing is seen" ||
	not_ok "control: a program that does nothing is seen"
plan_end
