# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the tests of the matrix that start machines share.  tests/integration/lib.sh comes first.
. "${top_srcdir:-.}/kernel-matrix/lib.sh" || exit 99
BUILD_DIR=$(cd "${top_builddir:-build}" && pwd)
export BUILD_DIR

# matrix_start KERNEL...: says SKIP, loudly, where no machine or no such kernel can be had.
matrix_start() {
	local kernel reason

	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	for kernel in "$@"; do
		if ! reason=$( (need_packages qemu-system-x86 busybox-static cpio kmod xz-utils zstd \
			squashfs-tools e2fsprogs && "$matrix_dir/fetch" "$kernel") 2>&1 >/dev/null); then
			echo "the kernel matrix is NOT tested: ${reason##*$'\n'}" >&2
			skip_all "the kernel matrix is NOT tested: ${reason##*$'\n'}"
		fi
	done
}
