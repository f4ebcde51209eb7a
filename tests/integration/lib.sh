# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# TAP and fixtures for integration tests.  A test sources this file and calls
# `om_start NAME "$@"` first: it starts the test again in a private mount namespace, or says why
# that cannot be.
set -u

top_builddir=${top_builddir:-$PWD}
OVERMOUNT=${OVERMOUNT:-$top_builddir/overmount}
# shellcheck disable=SC2034 # used by the tests
TOOLS=$top_builddir/tests/tools
export LC_ALL=C
tap_n=0
tap_failed=0

ok() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $1"; }
not_ok() {
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $1"
	[ -n "${2:-}" ] && printf '%s\n' "$2" | head -n 30 | sed 's/^/# /'
	return 0
}
skip() { tap_n=$((tap_n + 1)); echo "ok $tap_n - $1 # SKIP $2"; }
# is TEXT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "$(diff <(printf '%s\n' "$3") <(printf '%s\n' "$2"))"
	fi
}
plan_end() {
	echo "1..$tap_n"
	[ "$tap_failed" = 0 ]
	exit
}
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

om_start() {
	if [ -z "${OM_IN_NAMESPACE:-}" ]; then
		[ "$(id -u)" = 0 ] || skip_all "needs root"
		unshare -m true 2>/dev/null || skip_all "cannot make a mount namespace"
		OM_IN_NAMESPACE=1 exec unshare -m --propagation private bash "$0" "$@"
	fi
	# Everything lives on a tmpfs of this namespace: nothing outlives the test.
	work=/mnt
	mount -t tmpfs -o mode=0755 om-test "$work" || skip_all "cannot mount a tmpfs"
	cd "$work" || exit 1
	mkdir state base
	[ -x "$OVERMOUNT" ] && [ -x "$TOOLS/tree-snapshot" ] ||
		{ not_ok "the program and the tools of the tests are built"; plan_end; }
	check_comparators
}

# Mount table without ids, propagation groups by number only in kind.
mounts() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g' \
		/proc/self/mountinfo | sort
}
# tree DIR: names, types, modes, owners, link targets, contents and extended attributes.
tree() { "$TOOLS/tree-snapshot" "$1"; }

# noticed WHAT COMMAND...: what the command changes must be seen by the comparator.
noticed() {
	local what=$1 before
	shift
	before=$("${comparator[@]}")
	"$@" || not_ok "control: cannot plant $what"
	if [ -z "$before" ] || [ "$("${comparator[@]}")" = "$before" ]; then
		not_ok "control: $what is noticed"
	else
		ok "control: $what is noticed"
	fi
}
# A comparator that sees nothing would let every test pass.
check_comparators() {
	local c=control comparator=(mounts)
	mkdir -p $c/dir && echo text >$c/file && ln -s file $c/link
	mount --bind $c $c
	noticed "a mount" mount -t tmpfs planted $c/dir
	noticed "a flag of a mount" mount -o remount,bind,nosuid $c/dir
	noticed "propagation" mount --make-shared $c/dir
	noticed "a mount that is gone" umount $c/dir
	comparator=(tree "$c")
	noticed "a mode" chmod 0711 $c/dir
	noticed "an owner" chown 5 $c/file
	noticed "a content" sed -i s/e/a/ $c/file
	noticed "a link target" ln -sfn elsewhere $c/link
	noticed "a name" rmdir $c/dir
	umount $c
	rm -r $c
}

# fill_share DIR N: N names of all sorts, none of them foo.
fill_share() {
	local i
	mkdir -p "$1"
	for ((i = 0; i < $2; i++)); do
		case $((i % 10)) in
		0) mkdir "$1/dir$i" && echo "$i" >"$1/dir$i/content" ;;
		1) ln -s "dir$((i - 1))" "$1/link$i" ;;
		*) echo "$i" >"$1/file$i" ;;
		esac
	done
	mkdir -p "$1/X11/xkb" "$1/closed" "$1/open" "$1/name with space"
	echo rgb >"$1/X11/rgb.txt"
	echo secret >"$1/closed/secret"
	echo text >"$1/name with space/f"
	chmod 0700 "$1/closed"
	chown 7:8 "$1/closed"
	chmod 1777 "$1/open"
	chmod 0711 "$1/X11"
}

# base_tree DIR N: what a base snap has, with programs that run.
base_tree() {
	local file lib
	mkdir -p "$1"/{bin,dev,etc,proc,snap,sys,tmp,var/lib,usr/bin,usr/share,usr/lib}
	echo root:x:0:0::/:/bin/sh >"$1/etc/passwd"
	fill_share "$1/usr/share" "$2"
	for file in cat ls sh id; do
		file=$(command -v "$file")
		cp -L "$file" "$1/usr/bin/"
		for lib in $(ldd "$file" | grep -o '/[^ ]*'); do
			mkdir -p "$1${lib%/*}"
			cp -Ln "$lib" "$1$lib"
		done
	done
}

# make_squashfs TREE: mounts an image of it at base, or skips the test.
make_squashfs() {
	command -v mksquashfs >/dev/null || skip_all "mksquashfs is missing"
	mksquashfs "$1" base.squashfs -quiet -no-progress -comp lzo >/dev/null ||
		skip_all "mksquashfs failed"
	rm -rf "$1"
	mount -o loop,ro base.squashfs base 2>/dev/null ||
		skip_all "cannot mount a squashfs image"
}

# make_snap DIR: what the layouts of the tests name.
make_snap() {
	mkdir -p "$1/usr/share/foo" "$1/etc"
	echo hello >"$1/usr/share/foo/hello"
	echo conf >"$1/etc/foo.conf"
}
