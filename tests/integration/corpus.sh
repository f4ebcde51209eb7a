#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every layout of the corpus, from snap.yaml to an applied namespace and back, on a
# read-only base that has the parents that it names.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

corpus=$top_srcdir/tests/corpus
[ -d "$corpus/yaml" ] || { not_ok "the corpus is there"; plan_end; }
declare -A refused
while IFS=$'\t' read -r name variant _; do
	[ "$variant" = head ] && refused[$name]=1
done <"$corpus/refused.txt"

# make_world PROFILE: sources, and parents of targets, in the directory tree.
make_world() {
	rm -rf tree
	# Every base has the top-level directories that a layout may name.
	mkdir -p tree/{proc,dev,usr/share/kept,etc,var/lib,mnt,opt,root,srv,snap}
	echo kept >tree/usr/share/kept/file
	while read -r source target type options _ _; do
		mkdir -p "tree${target%/*}"
		echo sibling >"tree${target%/*}/a sibling"
		[ "$type" = tmpfs ] || [ "$source" = none ] && continue
		if [[ $options == *kind=file* ]]; then
			mkdir -p "tree${source%/*}"
			echo content >"tree$source"
		else
			mkdir -p "tree$source"
			echo content >"tree$source/inside"
		fi
	done <"$1"
}
# check_entries PROFILE: every target is what the profile says.
check_entries() {
	while read -r source target type options _ _; do
		if [[ $options == *kind=symlink* ]]; then
			link=${options#*x-snapd.symlink=}
			[ "$(readlink "base$target")" = "${link%%,*}" ] || echo "$target: not the link"
		elif [[ $options == *kind=file* ]]; then
			cmp -s "base$target" "base$source" || echo "$target: not the file"
		elif [ "$type" = tmpfs ]; then
			mountpoint -q "base$target" || echo "$target: not a tmpfs"
		else
			[ -f "base$target/inside" ] || echo "$target: not the directory"
		fi
	done <"$1"
}

total=0
for yaml in "$corpus"/yaml/*.yaml; do
	name=${yaml##*/}
	name=${name%.yaml}
	total=$((total + 1))
	out=$("$OVERMOUNT" layout --revision 1 "$yaml" 2>&1 >p.fstab)
	r=$?
	if [ -n "${refused[$name]:-}" ]; then
		[ $r = 1 ] && [ ! -s p.fstab ] && ok "$name: refused as it should be" ||
			not_ok "$name: refused as it should be" "$r $out"
		continue
	fi
	[ $r = 0 ] || { not_ok "$name: layout" "$out"; continue; }
	make_world p.fstab
	mount --bind tree base
	mount -o remount,bind,ro base
	mounts >mounts.before
	tree base >tree.before
	bad=""
	for strategy in overlay mimic; do
		"$OVERMOUNT" plan --root base --strategy $strategy p.fstab >/dev/null 2>err ||
			{ bad+="$strategy: plan: $(cat err)"; continue; }
		"$OVERMOUNT" apply --root base --state state --strategy $strategy p.fstab 2>err ||
			{ bad+="$strategy: apply: $(cat err)"; continue; }
		bad+=$(check_entries p.fstab)
		tree base >tree.$strategy
		"$OVERMOUNT" undo --state state 2>err || bad+="$strategy: undo: $(cat err)"
		mounts | cmp -s - mounts.before || bad+="$strategy: mounts are left"
		tree base | cmp -s - tree.before || bad+="$strategy: the tree has changed"
	done
	[ -z "$bad" ] && ! cmp -s tree.overlay tree.mimic &&
		bad="the strategies differ: $(diff tree.overlay tree.mimic | head -n 5)"
	umount -R base
	[ -z "$bad" ] && ok "$name" || not_ok "$name" "$bad"
done
[ "$total" = 200 ] && ok "all 200 layouts were there" || not_ok "all 200 layouts were there" "$total"
# Positive control: a link that is not what the profile says must be told.
mkdir -p base/usr/share && ln -s /wrong base/usr/share/l
echo 'none /usr/share/l none x-snapd.kind=symlink,x-snapd.symlink=/right 0 0' >p.fstab
[ -n "$(check_entries p.fstab)" ] && ok "control: a wrong link is noticed" || not_ok "control: a wrong link is noticed"
plan_end
