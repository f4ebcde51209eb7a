#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# demo.sh OVERMOUNT: the layout of a real desktop snap on a read-only base, from the plan
# to what the app sees and back.  Everything lives on a tmpfs in a mount namespace of the
# demo's own, so that nothing is left of it.
set -euo pipefail
export LC_ALL=C

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
die() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}
# Shows a command as typed, and its output a little to the right.
show() {
	printf '  $ %s\n' "$*"
	bash -c "$*" 2>&1 | sed 's/^/  /'
}

# Private, before the first mount: what is mounted here is seen nowhere else.
enter_namespace() {
	[ -z "${OM_DEMO_INSIDE:-}" ] || return 0
	overmount=$(readlink -e "$1") || die "there is no program \"$1\": run scripts/build"
	yaml=$here/../corpus/yaml/gimp.yaml
	[ -r "$yaml" ] || die "there is no $yaml"
	command -v mksquashfs >/dev/null || die "mksquashfs is missing (squashfs-tools)"
	set -- env OM_DEMO_INSIDE=1 "OM_DEMO_YAML=$(readlink -e "$yaml")" \
		unshare -m --propagation private bash "$here/demo.sh" "$overmount"
	[ "$(id -u)" = 0 ] && exec "$@"
	command -v sudo >/dev/null || die "needs root: it mounts a squashfs image"
	printf 'demo: mounting a squashfs image needs root: going on through sudo\n'
	exec sudo "$@"
}

# many DIR N: names like those that a base has.
many() {
	local i

	mkdir -p "$1"
	for ((i = 0; i < $2; i++)); do
		: >"$1/package$i"
	done
}

# A base snap: programs that run, and directories with many names.
make_base() {
	local file lib

	mkdir -p tree/{dev,proc,sys,tmp,run,snap,var/snap,usr/bin} tree/usr/libexec/old
	many tree/usr/share 420
	many tree/usr/lib 130
	many tree/usr/lib/x86_64-linux-gnu 780
	many tree/etc 90
	mkdir tree/usr/share/{locale,xml,X11}
	echo "the base's own" >tree/usr/share/X11/rgb.txt
	echo "the base's" >tree/etc/ld.so.cache
	for file in cat ls sh; do
		file=$(command -v $file)
		cp -L "$file" tree/usr/bin/
		for lib in $(ldd "$file" | grep -o '/[^ ]*'); do
			mkdir -p "tree${lib%/*}"
			cp -Ln "$lib" "tree$lib"
		done
	done
	mksquashfs tree base.squashfs -quiet -no-progress -comp gzip >/dev/null
	rm -rf tree
	mount -o loop,ro base.squashfs base || die "cannot mount a squashfs image here"
}

# What the layout names, inside the snap and its data.
make_snap() {
	local source _

	while read -r source _; do
		case $source in
		/var/snap/*)
			source=data/${source#/var/snap/gimp/x1/}
			mkdir -p "${source%/*}"
			echo "the snap's" >"$source"
			;;
		*)
			source=snap/${source#/snap/gimp/x1/}
			mkdir -p "$source"
			echo "from the snap" >"$source/about"
			;;
		esac
	done <gimp.fstab
	echo "brush 2.10" >snap/usr/share/gimp/brush
	# As snapd mounts them before it looks at the layout.
	mount -t tmpfs -o mode=0755 snap base/snap
	mount -t tmpfs -o mode=0755 data base/var/snap
	mkdir -p base/snap/gimp/x1 base/var/snap/gimp/x1
	mount --bind snap base/snap/gimp/x1
	mount --bind data base/var/snap/gimp/x1
}

# Without the numbers that the kernel gives to mounts.
mounts() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' /proc/self/mountinfo | sort
}

tree() {
	(cd base && find . -path ./proc -prune -o -printf '%p %y %m %U %G %s %l\n' | sort)
}

ms_since() {
	echo $(((${EPOCHREALTIME/./} - $1) / 10)) | sed 's/..$/.&/; s/^\./0./'
}

# One row: what a strategy costs.
measure() {
	local start applied undone n

	start=${EPOCHREALTIME/./}
	overmount apply --root base --state state --strategy "$1" gimp.fstab
	applied=$(ms_since "$start")
	n=$(($(wc -l </proc/self/mountinfo) - lines))
	[ "$(cat base/usr/share/gimp/brush)" = "brush 2.10" ] || die "$1: no layout to be seen"
	start=${EPOCHREALTIME/./}
	overmount undo --state state
	undone=$(ms_since "$start")
	printf '  %-9s %7s %9s ms %7s ms\n' "$1" "$n" "$applied" "$undone"
}

main() {
	local lines run

	mount -t tmpfs -o mode=0755 demo /mnt
	cd /mnt
	mkdir base snap data bin
	ln -s "$1" bin/overmount
	PATH=$PWD/bin:$PATH
	cp "$OM_DEMO_YAML" gimp.yaml
	make_base
	overmount layout --revision x1 gimp.yaml >gimp.fstab
	make_snap

	say "The layout of the GIMP snap: $(wc -l <gimp.fstab) paths that the app expects and its base lacks"
	show "sed -n '4,10p' gimp.yaml"
	echo "  ..."
	say "Its base is a squashfs image: read-only for everybody"
	show "ls base/usr/share | wc -l"
	show "mkdir base/usr/share/gimp" || true

	say "The plan: what would be done, and why"
	show "overmount plan --root base gimp.fstab"

	say "What the app sees"
	run="overmount run --root base --layout gimp.yaml --snap snap --data data --"
	show "$run cat /usr/share/gimp/brush /etc/ld.so.cache /usr/share/X11/rgb.txt"
	show "$run ls /usr/lib/x86_64-linux-gnu/evince/4/backends"

	say "What each strategy costs"
	mounts >mounts.before
	tree >tree.before
	lines=$(wc -l </proc/self/mountinfo)
	printf '  %-9s %7s %12s %10s\n' STRATEGY MOUNTS APPLY UNDO
	measure overlay
	measure mimic

	say "What is left after undo"
	mounts | diff mounts.before - || die "the mount table is not as before"
	tree | diff tree.before - || die "the tree is not as before"
	left=$(find state -mindepth 1 ! -path state/facts ! -path state/lock)
	[ -z "$left" ] || die "left behind: $(tr '\n' ' ' <<<"$left")"
	printf '  mount table: the same %s lines as before\n' "$(wc -l <mounts.before)"
	printf '  base: the same %s names as before\n' "$(wc -l <tree.before)"
	echo "  state directory: no journal, only what was found out about this kernel"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# = 1 ] || die "usage: demo.sh OVERMOUNT"
enter_namespace "$@"
main "$@"
