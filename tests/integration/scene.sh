#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What probe tells of paths: the hole, its file system, submounts, live objects, and whether
# an overlay fits on that very directory.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
command -v jq >/dev/null || skip_all "jq is missing"

# scene ROOT PATH FILTER
scene() { "$OVERMOUNT" probe --root "$1" --json "$2" | jq -rc ".targets[0] | $3"; }

mkdir -p base/usr/share base/run base/sub/{plain,private,deep} base/mine layers/{a,b,c}
chown 7:8 base/mine
chmod 0751 base/mine
mount -t tmpfs -o nosuid,nodev scene base/usr
mkdir -p base/usr/share
mount -o remount,bind,ro,nosuid,nodev base/usr
is "the hole of a missing name" "$(scene base /usr/share/foo/bar '[.hole, .kind, .fstype, .read_only, .nosuid, .noexec]')" \
	'["/usr/share","none","tmpfs",true,true,false]'
is "an existing directory lies in its parent" "$(scene base /usr/share '[.hole, .kind]')" '["/usr","directory"]'
is "whose it is" "$(scene base /mine/x '[.uid, .gid, .mode]')" '[7,8,"0751"]'

before=$(mounts)
mount -t tmpfs sub base/sub/plain
mount -t tmpfs sub base/sub/private
mount --make-unbindable base/sub/private
mkdir base/sub/plain/below
mount -t tmpfs below base/sub/plain/below
is "topmost submounts, and which cannot be bound" "$(scene base /sub/foo '.submounts | map([.path, .locked, .unbindable])')" \
	'[["/sub/plain","no",false],["/sub/private","no",true]]'
is "an unbindable mount takes no overlay" "$(scene base /sub/private/foo '[.unbindable, .overlay]')" '[true,"no"]'
# The claim itself, tried for real.
if mount -t overlay real -o ro,lowerdir=layers/a:base/sub/private layers/c 2>/dev/null; then
	not_ok "the kernel refuses it too"
	umount layers/c
else
	ok "the kernel refuses it too"
fi
is "its neighbour does" "$(scene base /sub/plain/foo '[.unbindable, .overlay, .overlay_depth_left]')" '[false,"yes",2]'
# In a user namespace the copies of our mounts cannot be parted.
if unshare -Urm true 2>/dev/null; then
	is "submounts that are locked" "$(unshare -Urm "$OVERMOUNT" probe --root base --json /sub/foo | jq -rc '.targets[0] | .submounts | map([.path, .locked])')" \
		'[["/sub/plain","yes"],["/sub/private","yes"]]'
	is "locked submounts leave no room for an overlay" "$(unshare -Urm "$OVERMOUNT" probe --root base --json /sub/foo | jq -rc '.targets[0].overlay')" no
	is "those that the namespace made are not" "$(unshare -Urm sh -c "mount -t tmpfs own base/sub/deep && '$OVERMOUNT' probe --root base --json /sub/foo" | jq -rc '.targets[0].submounts[] | select(.path == "/sub/deep") | .locked')" no
else
	skip "submounts that are locked" "no user namespaces"
fi

mkfifo base/run/fifo
# A socket as a program leaves it.
if command -v python3 >/dev/null; then
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("base/run/socket")'
	is "live objects" "$(scene base /run/foo .live_objects)" 2
else
	is "live objects" "$(scene base /run/foo .live_objects)" 1
fi
is "none elsewhere" "$(scene base /mine/foo '[.live_objects, .first_live_object]')" '[0,null]'

over() { mount -t overlay over -o "ro,lowerdir=layers/$1:$2" "$3"; }
if over a layers/b base/sub/deep 2>/dev/null; then
	is "one level of overlay leaves one" "$(scene base /sub/deep/foo '[.fstype, .overlay, .overlay_depth_left]')" '["overlay","yes",1]'
	mkdir two && over c base/sub/deep two
	is "two levels leave none" "$(scene two /foo '[.fstype, .overlay, .overlay_depth_left]')" '["overlay","no",0]'
	umount two base/sub/deep
else
	skip "levels of overlay" "no overlay"
fi
umount base/sub/private base/sub/plain/below base/sub/plain
is "nothing is left of it" "$(mounts)" "$before"

"$OVERMOUNT" probe --root base relative >out 2>err
is "a relative path" "$? $(wc -l <out) $(grep -c 'cannot survey "relative"' err)" "1 0 1"
"$OVERMOUNT" probe --root missing /x >out 2>err
is "a missing root" "$?" 2
"$OVERMOUNT" probe --root base /usr/share/foo >out
read -r a b c d _ <out
is "columns" "$a $b $c $d" "TARGET KIND HOLE FSTYPE"
plan_end
