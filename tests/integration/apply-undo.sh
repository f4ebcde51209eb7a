#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# apply and undo leave nothing; every strategy on every surface makes the same tree.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

base_tree tree 200
make_snap tree/snap/app/1
make_squashfs tree
mount -t tmpfs sub base/usr/share/open
echo below >base/usr/share/open/below
cat >p.fstab <<'P'
/snap/app/1/usr/share/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/etc/foo.conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
/snap/app/1/etc/foo.conf /etc/passwd none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
none /usr/share/X11/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1,x-snapd.origin=layout 0 0
tmpfs /usr/share/zdeep/er/tmp tmpfs mode=1770,uid=5,gid=6,size=65536 0 0
tmpfs /usr/lib tmpfs mode=0750 0 0
/snap/app/1/usr/share/foo /usr/share/with\040space none rbind,ro,nosuid 0 0
/usr/share/foo /usr/share/zdeep/er/tmp/again none rbind,x-snapd.origin=layout 0 0
P
om() {
	if [ "$surface" = native ]; then
		"$OVERMOUNT" "$@"
	else
		"$TOOLS/enosys" "$surface" -- "$OVERMOUNT" "$@"
	fi
}

mounts_before=$(mounts)
tree base >tree.before
: >tree.first
mkdir control && cp -a base/etc control/ && tree control >c1 && chmod 0700 control/etc && tree control >c2
if cmp -s c1 c2; then not_ok "control: a changed mode is noticed"; else ok "control: a changed mode is noticed"; fi

for surface in native 4.4 5.4 mount_setattr; do
	for strategy in auto overlay mimic; do
		name="$surface, $strategy"
		if ! out=$(om apply --root base --state state --strategy $strategy p.fstab 2>&1); then
			not_ok "$name: applied" "$out"
			continue
		fi
		ok "$name: applied"
		tree base >tree.now
		[ -s tree.first ] || cp tree.now tree.first
		is "$name: the same tree as the others" "$(cat tree.now)" "$(cat tree.first)"
		is "$name: the tmpfs has its mode and owner" \
			"$(stat -c '%a %u %g' base/usr/share/zdeep/er/tmp)" "1770 5 6"
		is "$name: what depends on an earlier entry" \
			"$(cat base/usr/share/zdeep/er/tmp/again/hello)" hello
		is "$name: the submount is kept" "$(cat base/usr/share/open/below)" below
		om apply --root base --state state p.fstab >/dev/null 2>&1
		is "$name: applying twice is refused" "$?" 16
		out=$(om undo --state state 2>&1)
		is "$name: undone" "$? $out" "0 "
		is "$name: the mount table is as before" "$(mounts)" "$mounts_before"
		tree base >tree.now
		is "$name: the tree is as before" "$(cat tree.now)" "$(cat tree.before)"
	done
done
om undo --state state >/dev/null 2>&1
is "there is nothing more to undo" "$?" 16
grep -q 'foo/hello' tree.first && ok "control: the tree in between had the layout" ||
	not_ok "control: the tree in between had the layout"
plan_end
