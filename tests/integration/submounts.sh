#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an overlay would lose is kept: submounts, and the flags of the mount below.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{usr/share/a,usr/share/b/c,snap/app/1/foo}
mount --bind tree base
mount -o remount,bind,ro,nosuid,nodev,noexec base
mount -t tmpfs one base/usr/share/a
mount -t tmpfs two base/usr/share/b/c
: >base/usr/share/a/one
: >base/usr/share/b/c/two
# Covered by another mount, so not a submount that anybody can see.
mkdir base/usr/share/a/hidden
mount -t tmpfs three base/usr/share/a/hidden
mount -t tmpfs four base/usr/share/a
: >base/usr/share/a/four
echo '/snap/app/1/foo /usr/share/foo none rbind 0 0' >p.fstab
before=$(mounts)
for strategy in overlay mimic; do
	"$OVERMOUNT" apply --root base --state state --strategy $strategy p.fstab || not_ok "$strategy: applied"
	is "$strategy: top submount" "$(ls base/usr/share/a)" four
	is "$strategy: deeper submount" "$(ls base/usr/share/b/c)" two
	flags=$(findmnt -no VFS-OPTIONS -M base/usr/share)
	for flag in ro nosuid nodev noexec; do
		[[ ,$flags, == *,$flag,* ]] && ok "$strategy: $flag is kept" ||
			not_ok "$strategy: $flag is kept" "$flags"
	done
	touch base/usr/share/a/new && ok "$strategy: a submount stays writable" ||
		not_ok "$strategy: a submount stays writable"
	rm base/usr/share/a/new
	touch base/usr/share/new 2>/dev/null && not_ok "$strategy: the hole stays read-only" ||
		ok "$strategy: the hole stays read-only"
	"$OVERMOUNT" undo --state state
	is "$strategy: as before" "$(mounts)" "$before"
done

# A stranger on top of ours is told and left alone, and nothing is undone.
"$OVERMOUNT" apply --root base --state state p.fstab
mount -t tmpfs stranger base/usr/share
out=$("$OVERMOUNT" undo --state state 2>&1)
is "a stranger on top: refused" "$?" 16
[[ $out == *'"/usr/share"'*'on top'* ]] && ok "a stranger on top is named" ||
	not_ok "a stranger on top is named" "$out"
is "the stranger is still there" "$(findmnt -no SOURCE -M base/usr/share | tail -n1)" stranger
is "and all of ours" "$("$OVERMOUNT" status --state state | awk 'NR > 1 { print $5 }' | sort | uniq -c | xargs)" "2 covered"
umount base/usr/share
"$OVERMOUNT" undo --state state
is "without the stranger: undone" "$? $(mounts)" "0 $before"
"$OVERMOUNT" apply --root base --state state p.fstab
mount -t tmpfs stranger base/usr/share
mount -t tmpfs another base/usr/share
out=$("$OVERMOUNT" undo --force --state state 2>&1)
is "--force takes them along" "$? $(mounts)" "0 $before"
is "and tells of both" "$(grep -c "taken away too" <<<"$out")" 2
plan_end
