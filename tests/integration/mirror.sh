#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Directories that a strategy puts another one in place of keep all that can be seen of
# them: modes, owners, extended attributes, odd names, device nodes.  Whatever is shared
# with other namespaces stays shared, and no mount of ours gets out.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share,snap/app/1/foo,var/lib/private}
echo hello >tree/snap/app/1/foo/hello
share=tree/usr/share
for name in sgid nobody empty attr "with  two blanks" -dash $'new\nline' $'gr\303\274n'; do
	mkdir "$share/$name"
done
echo text >"$share/attr/file"
echo text >"$share/plain"
: >"$share/suid"
: >"$share/0000"
ln -s ../nowhere "$share/dangling"
ln -s plain "$share/a link"
ln -s / "$share/slash"
mkfifo "$share/nobody/fifo"
mknod "$share/null" c 1 3
chown 7:8 "$share/sgid" "$share/suid" "$share/attr/file"
chown -h 9:10 "$share/a link"
chmod 2750 "$share/sgid"
chmod 4711 "$share/suid"
chmod 0000 "$share/0000"
chown 65534:65534 "$share/nobody"
chmod 0711 tree/var/lib/private
chown 3:4 "$share"
chmod 1775 "$share"
# The kinds of attributes that this file system has.
attributes=
for name in user.comment trusted.overmount; do
	"$TOOLS/set-xattr" $name value "$share" && "$TOOLS/set-xattr" $name other "$share/attr" &&
		"$TOOLS/set-xattr" $name third "$share/attr/file" && attributes+=" $name"
done
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw 0 0
/snap/app/1/foo/hello /usr/share/attr/hello none bind,rw,x-snapd.kind=file 0 0
none /usr/share/sgid/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
/snap/app/1/foo /var/lib/private/deep/foo none rbind,rw 0 0
P

# control WHAT COMMAND...: what the command changes must be seen.
control() {
	local what=$1
	shift
	cp -a tree control
	tree control >c1
	(cd control/usr/share && "$@")
	tree control >c2
	cmp -s c1 c2 && not_ok "control: $what is noticed" || ok "control: $what is noticed"
	rm -rf control
}
control "the owner of a link" chown -h 1 slash
for name in $attributes; do
	control "$name" "$TOOLS/set-xattr" "$name" fourth attr
done

# The lines of what is in the base itself, not of the names that the entries add.
old_names() { grep -vE '^/usr/share/(foo|attr/hello|sgid/link)|^/var/lib/private/deep' "$1"; }

om() {
	if [ "$surface" = native ]; then
		"$OVERMOUNT" "$@"
	else
		"$TOOLS/enosys" "$surface" -- "$OVERMOUNT" "$@"
	fi
}

mount --bind tree base
mount -o remount,bind,ro base
tree base >tree.before
grep -q '^/usr/share/nobody/fifo p ' tree.before && ok "control: the snapshot is of the base" ||
	not_ok "control: the snapshot is of the base"
first=
for propagation in private shared; do
	mount --make-$propagation base
	mounts >mounts.before
	for surface in native 5.4 4.4; do
		for strategy in overlay mimic; do
			name="$propagation, $surface, $strategy"
			out=$(om apply --root base --state state --strategy $strategy p.fstab 2>&1)
			is "$name: applied" "$? $out" "0 "
			tree base >tree.now
			[ -n "$first" ] || cp tree.now tree.first
			first=1
			is "$name: what was there is the same" "$(old_names tree.now)" "$(cat tree.before)"
			is "$name: the tree is that of the others" "$(cat tree.now)" "$(cat tree.first)"
			out=$(om undo --state state 2>&1)
			is "$name: undone" "$? $out" "0 "
			is "$name: the mount table is as before" "$(mounts)" "$(cat mounts.before)"
			is "$name: the tree is as before" "$(tree base)" "$(cat tree.before)"
		done
	done
done

# A peer of the base: what is mounted here must not be left there.
mkdir peer
mount --make-shared base
mount --bind base peer
mounts >mounts.before
for strategy in overlay mimic; do
	"$OVERMOUNT" apply --root base --state state --strategy $strategy p.fstab
	"$OVERMOUNT" undo --state state
	is "a peer of the base, $strategy: nothing is left there" "$(mounts)" "$(cat mounts.before)"
done
if [ -n "$attributes" ]; then
	ok "extended attributes were compared:$attributes"
	if command -v strace >/dev/null; then
		strace -qq -o trace -e trace=fsetxattr -e inject=fsetxattr:error=EPERM \
			"$OVERMOUNT" apply --root base --state state --strategy mimic p.fstab >out 2>&1
		is "an attribute that cannot be set is not lost in silence" \
			"$? $(grep -c INJECTED trace) $(mounts)" "2 1 $(cat mounts.before)"
	else
		skip "an attribute that cannot be set is not lost in silence" "strace is missing"
	fi
else
	skip "extended attributes" "the tmpfs of this kernel has none"
fi
plan_end
