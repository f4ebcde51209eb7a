#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Nothing decides by the kernel's version: what works is found by trying it.  One file asks
# for its name, which is shown to people and keys the cache.
. "$(dirname "$0")/lib.sh" || exit 99

version_compares() {
	grep -nHE '\buname[[:space:]]*\(|LINUX_VERSION_CODE|KERNEL_VERSION|linux/version\.h|\bstrverscmp\b|proc/(version|sys/kernel/osrelease)' "$@"
}

cat >"$lint_tmp/bad.c" <<'EOF'
if (uname(&u) == 0)
EOF
mapfile -t files < <(lint_c_files | grep '^src/' | grep -vx src/sys/kernel-name.c)
lint_control "uname()" version_compares "$lint_tmp/bad.c"
lint_check "no kernel version in ${#files[@]} files" version_compares "${files[@]}"
lint_done
