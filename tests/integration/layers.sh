#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# overmount-layers: what it makes, on each surface, and what it refuses to whoever may execute
# it.  Under AppArmor it is tried in tests/matrix/apparmor.sh.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
helper=$top_builddir/static/overmount-layers
[ -x "$helper" ] || { not_ok "overmount-layers is built"; plan_end; }

# --- the program ---------------------------------------------------------------------------
if command -v readelf >/dev/null; then
	is "it asks for no library and no interpreter" "$(readelf -dW "$helper" | grep NEEDED
		readelf -lW "$helper" | grep interpreter)" ""
fi
"$helper" </dev/null >out 2>&1
is "without a socket it ends, and says why" "$? $(head -n 1 out)" \
	"1 overmount-layers: cannot start: only overmount can use it"

base_tree tree 10
make_snap tree/snap/app/1
cp "$helper" tree/usr/share/layers-inside
make_squashfs tree
mkdir -p sk/usr/share/new dir lower
chmod 0700 dir
echo x >sk/file
mount -t tmpfs -o mode=0755,nosuid,nodev lower lower
mkdir lower/in ro
mount --bind lower ro
mount -o remount,bind,ro,noexec,nosuid,nodev ro

# request VERSION ATTR OPTIONS: in the order of bytes of this machine.
request() { python3 -c 'import struct, sys; print(struct.pack("=3I", *map(int, sys.argv[1:])).hex())' "$@"; }
good=$(request 1 1 0)
ask() { "$TOOLS/ask-layers" "$helper" "$@"; }
before=$(mounts)
share=sk/usr/share
hole=base/usr/share
is "two layers: a mount comes back" "$(ask "$good" $share $hole)" "0 , 1 descriptors"
is "none: it says which label it has" "$(ask "$good")" "0 , 0 descriptors"
is "where it cannot look, its label counts as enforced" \
	"$(unshare -m sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$TOOLS/ask-layers" "$helper" "$good")" \
	"0 , 0 descriptors, confined"
is "one descriptor" "$(ask "$good" $share)" "EPROTO counting the descriptors, 0 descriptors"
is "four" "$(ask "$good" $share $hole dir dir)" "EPROTO reading the request, 0 descriptors"
is "eight" "$(ask "$good" $share $hole dir dir $share $hole dir dir)" \
	"EPROTO reading the request, 0 descriptors"
is "another version" "$(ask "$(request 2 1 0)" $share $hole)" "EPROTO comparing versions, 0 descriptors"
is "writable" "$(ask "$(request 1 0 0)" $share $hole)" "EPROTO checking the request, 0 descriptors"
is "an attribute that is none" "$(ask "$(request 1 513 0)" $share $hole)" \
	"EPROTO checking the request, 0 descriptors"
is "too many options" "$(ask "$(request 1 1 3)" $share $hole)" "EPROTO checking the request, 0 descriptors"
is "half a request" "$(ask "${good:0:16}" $share $hole)" "EPROTO reading the request, 0 descriptors"
is "one that is too long" "$(ask "${good}00" $share $hole)" "EPROTO reading the request, 0 descriptors"
is "a skeleton that is a file" "$(ask "$good" sk/file $hole)" "ENOTDIR checking the skeleton, 0 descriptors"
is "a skeleton that is on no tmpfs" "$(ask "$good" $hole $hole)" \
	"EMEDIUMTYPE checking the skeleton, 0 descriptors"
is "a file below" "$(ask "$good" $share base/etc/passwd)" \
	"ENOTDIR checking the directory below, 0 descriptors"
is "a directory below that can be written" "$(ask "$good" $share lower/in)" \
	"EPERM checking the directory below, 0 descriptors"
is "the same, where its mount is read-only" "$(ask "$good" $share ro/in)" "0 , 1 descriptors"
is "a place that is not empty" "$(ask "$good" $share $hole sk)" \
	"EPERM checking the place to mount at, 0 descriptors"
chmod 0700 sk
is "nor when it is ours" "$(ask "$good" $share $hole sk)" \
	"ENOTEMPTY checking the place to mount at, 0 descriptors"
is "a place that is on no tmpfs" "$(ask "$good" $share $hole $hole)" \
	"EMEDIUMTYPE checking the place to mount at, 0 descriptors"
chmod 0755 dir
is "a place that others can reach" "$(ask "$good" $share $hole dir)" \
	"EPERM checking the place to mount at, 0 descriptors"
chmod 0700 dir && chown 7 dir
is "a place of somebody else" "$(ask "$good" $share $hole dir)" \
	"EPERM checking the place to mount at, 0 descriptors"
chown 0 dir
is "nothing is mounted by all that" "$(mounts)" "$before"
is "a place" "$(ask "$good" $share ro/in dir)" "0 , 0 descriptors"
is "it is an overlay, and denies what the mount below denies" \
	"$(findmnt -no FSTYPE,VFS-OPTIONS dir | tr -s ' ')" "overlay ro,nosuid,nodev,noexec,relatime"
umount dir

# --- the engine ------------------------------------------------------------------------------
cat >p.fstab <<'P'
/snap/app/1/usr/share/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/etc/foo.conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
none /usr/share/X11/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1,x-snapd.origin=layout 0 0
/usr/share/foo /var/lib/again none rbind,x-snapd.origin=layout 0 0
P
head -n 3 p.fstab >p1.fstab
# calls TRACE: who makes overlays.
calls() {
	awk -v mount2="${2:-}" '/execveat\(/ && /= 0$/ { helper[$1] = 1 }
		mount2 ? /mount\("overmount", .*"overlay"/ : /fsopen\("overlay"/ { print helper[$1] ? "helper" : "we" }' "$1"
}
before=$(mounts)
below=$(tree base)
for surface in detached: stage:mount_setattr mount2:open_tree,fsopen,move_mount; do
	name=${surface%%:*}
	mask=${surface#*:}
	pre=()
	[ -z "$mask" ] || pre=("$TOOLS/enosys" "$mask" --)
	rm -rf state/*
	"${pre[@]}" "$OVERMOUNT" apply --state "$PWD/state" --root base p.fstab || not_ok "$name: applied"
	plain=$(mounts | sed -E 's,/stage\.[0-9]+/[0-9]+,/stage,g; s,/fd/[0-9]+,/fd,g')
	"${pre[@]}" "$OVERMOUNT" undo --state "$PWD/state"
	out=$("${pre[@]}" "$OVERMOUNT" apply --state "$PWD/state" --root base --layers-helper "$helper" p.fstab 2>&1)
	is "$name: applied by the helper" "$? $out" "0 "
	is "$name: there is the same as without it" "$(mounts | sed -E 's,/stage\.[0-9]+/[0-9]+,/stage,g; s,/fd/[0-9]+,/fd,g')" "$plain"
	is "$name: it can be read" "$(cat base/usr/share/foo/hello base/var/lib/again/hello base/etc/foo.conf)" \
		$'hello\nhello\nconf'
	is "$name: checked" "$("${pre[@]}" "$OVERMOUNT" check --state "$PWD/state" 2>&1; echo $?)" 0
	is "$name: undone" "$("${pre[@]}" "$OVERMOUNT" undo --state "$PWD/state" 2>&1; echo $?)" 0
	is "$name: nothing is left" "$(mounts)" "$before"
	is "$name: nor changed" "$(tree base)" "$below"
	# Under a filter of system calls nothing is kept of what was found, so it is tried again.
	if [ $name != stage ] && command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
		strace -f -o trace "${pre[@]}" "$OVERMOUNT" apply --state "$PWD/state" --root base \
			--layers-helper "$helper" p1.fstab 2>/dev/null
		"${pre[@]}" "$OVERMOUNT" undo --state "$PWD/state"
		is "$name: nobody but the helper makes overlays" "$(calls trace ${mask:+1})" $'helper\nhelper'
	fi
done

# --- where it is not to be found ---------------------------------------------------------------
# It is opened before another namespace is entered, and executed by descriptor.
unshare -m --propagation private sh -c 'mount -t tmpfs none "$1" && touch ready && exec sleep 60' \
	sh "${helper%/*}" &
there=$!
for _ in $(seq 100); do
	[ -e ready ] && break
	sleep 0.1
done
is "in the other namespace it is not there" \
	"$(nsenter -t $there -m ls "$helper" 2>&1 | grep -c 'No such file')" 1
out=$("$OVERMOUNT" apply --namespace $there --state "$PWD/state" --root "$PWD/base" \
	--layers-helper "$helper" p.fstab 2>&1)
is "and is executed all the same" "$? $out" "0 "
is "the overlays are there" "$(grep -c ' - overlay overmount ' /proc/$there/mountinfo)" 3
is "undone there" "$("$OVERMOUNT" undo --namespace $there --state "$PWD/state" 2>&1; echo $?)" 0
kill $there
wait $there 2>/dev/null
out=$("$OVERMOUNT" run --root base --profile p1.fstab --layers-helper "$helper" -- \
	cat /usr/share/foo/hello /etc/foo.conf 2>&1)
is "run builds a root by it" "$? $out" $'0 hello\nconf'

# Where it lies in a hole, an update moves it away with what was there; the path by which it is
# executed is what AppArmor has a rule for.
inside=$PWD/base/usr/share/layers-inside
sed 's, /usr/share/foo , /usr/share/bar ,' p1.fstab >p2.fstab
executed() { sed -n 's/.*execveat([0-9]*<\([^>]*\)>.*/\1/p' "$1" | uniq; }
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	update=(update --state "$PWD/state" --root base --layers-helper "$inside")
	"$OVERMOUNT" apply --state "$PWD/state" --root base --layers-helper "$inside" p1.fstab
	out=$(strace -f -y -e trace=execveat,fsopen,mount -o trace "$OVERMOUNT" "${update[@]}" p1.fstab p2.fstab 2>&1)
	is "inside a hole: updated" "$? $out $(executed trace | wc -l)" "0  1"
	is "inside a hole: it is executed by the path that everybody sees" "$(executed trace)" "$inside"
	"$OVERMOUNT" undo --state "$PWD/state"
	is "inside a hole: nothing is left" "$(mounts)" "$before"
else
	skip "a helper that lies in a hole" "there is no strace, or it may not trace"
fi

# --- helpers that are none --------------------------------------------------------------------
# fails NAME HELPER STATUS WORDS: and nothing is changed.
fails() {
	out=$("$OVERMOUNT" apply --state "$PWD/state" --root base --layers-helper "$2" p.fstab 2>&1)
	is "$1: exit status" "$?" "$3"
	case $out in
	*"$4"*) ok "$1: $4" ;;
	*) not_ok "$1: $4" "$out" ;;
	esac
	is "$1: nothing is changed" "$(mounts)" "$before"
}
fails "one that is not there" nothing 2 'cannot open the layers helper "nothing": No such file'
fails "a directory" base 16 'cannot use the layers helper "base": not a regular file'
fails "a file" p.fstab 16 'cannot use the layers helper "p.fstab": not executable'
cp "$helper" theirs && chmod 0775 theirs
fails "one that others can change" theirs 16 'others can change it'
chmod 0755 theirs && chown 7 theirs
fails "one that others own" theirs 16 'others can change it'
fails "another program" "$(type -P true)" 2 'fix: overmount-layers ended without a reply'
printf '#!/bin/sh\necho hello\n' >script && chmod 0755 script
fails "a script, which has no name" script 2 'fix: overmount-layers'
printf 'text' >text && chmod 0755 text
fails "no program at all" text 2 'fix: overmount-layers failed at "executing it"'
cp "$TOOLS/strange-layers" strange-layers
cp "$helper" helper
for mode in short version none many; do
	echo $mode >strange
	fails "one with a strange reply, $mode" strange-layers 2 'failed at "understanding its reply"'
done
echo error >strange
fails "one whose texts have no end" strange-layers 2 'failed at "xxxxxxxx'
# Of two overlays only the first one comes: it goes again.
echo later >strange
fails "one that dies later" strange-layers 32 'fix: overmount-layers ended without a reply'
is "it did something before" "$(cat again)" xxx
is "at the end the mount table is as before" "$(mounts)" "$before"
plan_end
