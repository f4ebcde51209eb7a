#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Only src/sys makes calls that change mounts or namespaces.
. "$(dirname "$0")/lib.sh" || exit 99

reserved='mount|umount|umount2|fsopen|fsconfig|fsmount|fspick|open_tree|move_mount|mount_setattr|pivot_root|chroot|syscall|setns|unshare|clone|clone3'

mount_calls() {
	lint_undefined | grep -E ": ($reserved)\$"
}

cat >"$lint_tmp/bad.c" <<'EOF'
int umount2(const char *, int);
int bad(void) { return umount2("/", 0); }
EOF
"$CC" -c -o "$lint_tmp/bad.o" "$lint_tmp/bad.c"
folders=()
for folder in src/*/; do
	[ "$folder" = src/sys/ ] || folders+=("$(basename "$folder")")
done
mapfile -t objects < <(lint_objects "${folders[@]}")
[ ${#objects[@]} -gt 0 ] || lint_skip_all "nothing is built in $top_builddir"
mapfile -t own < <(lint_objects sys)
lint_control "umount2()" mount_calls <<<"$lint_tmp/bad.o"
lint_control "what src/sys itself calls" mount_calls < <(printf '%s\n' "${own[@]}")
lint_check "no mount call in ${#objects[@]} objects outside src/sys" \
	mount_calls < <(printf '%s\n' "${objects[@]}")
lint_done
