#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What layouts of real snaps became in their next version, as live updates: with the same
# revision of the snap, so that much stays; with the next one; and back.  Each time the tree is
# that of the profile applied afresh.  100 pairs in make check, OM_FAULT=full: all of them.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

most=100
[ "${OM_FAULT:-short}" = full ] && most=1000
variants=$top_srcdir/tests/corpus/variants.yaml
[ -e "$variants" ] || { not_ok "the corpus is there"; plan_end; }
# One file for each: NUMBER.yaml, in the order of the corpus.
mkdir yaml
awk '/^---/ { n++; next } { print > sprintf("yaml/%03d.yaml", n) }' "$variants"

# make_world PROFILE...: sources, and parents of targets, in the directory tree.
make_world() {
	local source target type options parent
	local -A targets=()
	rm -rf tree
	while read -r _ target _; do targets[$target]=1; done < <(cat "$@")
	mkdir -p tree/{proc,dev,usr/share/kept,etc,var/lib,mnt,opt,root,srv,snap}
	echo kept >tree/usr/share/kept/file
	while read -r source target type options _; do
		# What one version has a link for may be a directory to another one.
		parent=${target%/*}
		while [ -n "$parent" ] && [ -n "${targets[$parent]:-}" ]; do parent=${parent%/*}; done
		mkdir -p "tree$parent" && echo sibling >"tree$parent/a sibling"
		[ "$type" = tmpfs ] || [ "$source" = none ] && continue
		if [[ $options == *kind=file* ]]; then
			mkdir -p "tree${source%/*}" && echo "of $source" >"tree$source"
		else
			mkdir -p "tree$source" && echo "of $source" >"tree$source/inside"
		fi
	done < <(cat "$@") 2>/dev/null
}
om() {
	local command=$1
	shift
	"$OVERMOUNT" "$command" --state state "$@" 2>err
}
# fresh PROFILE: the tree that it makes, in want.PROFILE; the exit status.
fresh() {
	om apply --root base --strategy "$strategy" "$1" || return
	tree base >"want.$1"
	om undo
}
updates=0 kept=0 refusals=0 differ=0
# go FROM TO: an update, which says whether it can be done what a fresh apply says.
go() {
	local r
	om status --json >before
	om update --strategy "$strategy" "$1" "$2"
	r=$?
	if [ ! -e "want.$2" ]; then
		refusals=$((refusals + 1))
		[ $r = 16 ] || { echo "$1 to $2: $r instead of refused"; return 1; }
		tree base | cmp -s - "want.$1" || echo "$1 to $2: refused, and not as before"
		return 1
	fi
	updates=$((updates + 1))
	[ $r = 0 ] || { echo "$1 to $2: $r: $(cat err)"; return 1; }
	cmp -s "want.$1" "want.$2" || differ=$((differ + 1))
	tree base | cmp -s - "want.$2" || echo "$1 to $2: $(tree base | diff - "want.$2" | head -n 4)"
	om check >/dev/null || echo "$1 to $2: check: $(cat err)"
	om status --json >after
	[ -n "$jq" ] && kept=$((kept + $("$jq" -n --slurpfile a before --slurpfile b after \
		'[$a[0].acts[].mount_id] - ([$a[0].acts[].mount_id] - [$b[0].acts[].mount_id]) | length')))
	return 0
}

jq=$(command -v jq)
pairs=0 snap=
for yaml in yaml/*.yaml; do
	was=$snap
	snap=$(sed -n 's/^name: //p' "$yaml")
	previous=${current:-}
	current=$yaml
	[ "$snap" = "$was" ] && [ $pairs -lt $most ] || continue
	"$OVERMOUNT" layout --revision 1 "$previous" >a 2>/dev/null &&
		"$OVERMOUNT" layout --revision 1 "$yaml" >b 2>/dev/null &&
		"$OVERMOUNT" layout --revision 2 "$yaml" >c 2>/dev/null || continue
	pairs=$((pairs + 1))
	# What it says is undone and kept is the old one, what is done and kept the new one.
	"$OVERMOUNT" layout --diff --old-revision 1 --revision 1 "$previous" "$yaml" >changes 2>&1 &&
		"$OVERMOUNT" layout --diff --old-revision 1 --revision 2 "$previous" "$yaml" >>changes 2>&1
	r=$?
	count() { grep -cE "^($1|keep) " changes; }
	[ "$r $(count undo) $(count "do")" = \
		"0 $((2 * $(wc -l <a))) $((2 * $(wc -l <b)))" ] || not_ok "$snap: --diff" "$(<changes)"
	make_world a b c
	mount --bind tree base
	mount -o remount,bind,ro base
	mounts >mounts.before
	tree base >tree.before
	bad=""
	for strategy in overlay mimic; do
		rm -f want.*
		fresh a
		fresh b
		fresh c
		# The older one may be what a base with the parents of the other cannot have.
		now=a
		[ -e want.a ] || now=b
		[ -e want.$now ] || { bad+="$strategy: cannot apply: $(cat err)"; break; }
		om apply --root base --strategy $strategy $now || bad+="$strategy: apply: $(cat err)"
		for next in b c a b; do
			[ $next = $now ] && continue
			said=$(go $now $next; echo "=$? $updates $kept $refusals $differ")
			bad+=${said%=*}
			read -r r updates kept refusals differ <<<"${said##*=}"
			[ "$r" = 0 ] && now=$next
		done
		om undo || bad+="$strategy: undo: $(cat err)"
		mounts | cmp -s - mounts.before || bad+="$strategy: mounts are left"
		tree base | cmp -s - tree.before || bad+="$strategy: the tree has changed"
	done
	umount -R base
	[ -z "$bad" ] && ok "$snap, ${yaml##*/}" || not_ok "$snap, ${yaml##*/}" "$bad"
done
[ $pairs -ge 100 ] && [ $updates -gt 400 ] && ok "$pairs pairs, $updates updates, $refusals refused" ||
	not_ok "$pairs pairs, $updates updates, $refusals refused"
[ $differ -gt 200 ] && ok "control: $differ of them change the tree" || not_ok "control: $differ of them change the tree"
[ -z "$jq" ] && skip "mounts were kept" "jq is missing" || { [ $kept -gt 100 ] && ok "$kept mounts were kept" || not_ok "$kept mounts were kept"; }
plan_end
