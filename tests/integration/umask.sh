#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The caller's umask has no say in what is built, and is given on to what is run.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo}
mount --bind tree base
mount -o remount,bind,ro base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/deep/er/foo none rbind,rw 0 0
tmpfs /usr/share/X11/a/tmp tmpfs mode=0755 0 0
none /usr/share/q/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
P
# built STRATEGY UMASK
built() {
	(umask "$2" && "$OVERMOUNT" apply --root base --state state --strategy "$1" p.fstab)
	tree base
	"$OVERMOUNT" undo --state state
}
for strategy in overlay mimic; do
	usual=$(built $strategy 022)
	for mask in 000 077 777; do
		is "$strategy: the tree under umask $mask" "$(built $strategy $mask)" "$usual"
	done
done
grep -q 'deep' <<<"$usual" && ok "control: the tree has what was asked for" ||
	not_ok "control: the tree has what was asked for" "$usual"
is "what is run has its caller's umask" \
	"$(: >empty && umask 027 && "$OVERMOUNT" run --profile empty -- sh -c umask 2>&1)" 0027
plan_end
