#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The static program needs nothing of the root that it is executed in.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
tool=$top_builddir/static/snap-update-ns
[ -x "$tool" ] || skip_all "not built (scripts/build --static, which needs source packages)"
command -v readelf >/dev/null || skip_all "readelf is missing"
om_start "$@"

# needs FILE: the interpreter and the libraries that it asks for.
needs() {
	readelf -lW "$1" | grep -o 'Requesting program interpreter: [^]]*'
	readelf -dW "$1" | grep -o '(NEEDED).*'
}

if [ -n "$(needs "$OVERMOUNT")" ]; then
	ok "control: a program with an interpreter and libraries is noticed"
else
	not_ok "control: a program with an interpreter and libraries is noticed"
fi
is "no interpreter and no libraries" "$(needs "$tool")" ""
mkdir empty
cp "$tool" empty/
is "it runs where nothing else is" "$(env -i "$(command -v chroot)" empty /snap-update-ns 2>&1; echo $?)" \
	"cannot update snap namespace: snap name not provided"$'\n'1
plan_end
