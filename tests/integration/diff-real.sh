#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What `diff` says, done with mount(8) and umount(8): an updated namespace must show what a
# fresh one shows, file by file and mount by mount.  The kernel is the reference.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
command -v jq >/dev/null || skip_all "jq is missing"

# Directories a and b in one another, each with a file that says which one it is.
mkdir w
dirs=(w)
for ((depth = 0; depth < 5; depth++)); do
	next=()
	for dir in "${dirs[@]}"; do next+=("$dir/a" "$dir/b"); done
	mkdir "${next[@]}"
	for dir in "${next[@]}"; do echo "${dir#w}" >"$dir/id"; done
	dirs=("${next[@]}")
done
: >empty.fstab

RANDOM=${OM_PROPERTY_SEED:-7}
paths=(/a /b /a/a /a/b /b/a /b/b)
pick() { local words=("$@"); picked=${words[RANDOM % $#]}; }
# random_line TARGET: a bind of another path.
random_line() {
	pick "${paths[@]}"
	[ "$picked" != "$1" ] || picked=$1/b
	line="/w$picked /w$1 none"
	pick bind rbind rbind,ro bind,nosuid
	line+=" $picked"
	pick "" "" ,x-snapd.origin=layout
	line+="$picked 0 0"
}
# random_pair: old.fstab, and new.fstab which is much the same.
random_pair() {
	local target i change old=() new=()
	for target in "${paths[@]}"; do
		[ $((RANDOM % 2)) = 0 ] || { random_line "$target" && old+=("$line"); }
	done
	new=("${old[@]}")
	for ((i = RANDOM % 2; i < 2 && ${#new[@]} > 0; i++)); do
		change=$((RANDOM % ${#new[@]}))
		target=${new[change]#* /w}
		random_line "${target%% *}"
		new[change]=$line
	done
	[ $((RANDOM % 3)) != 0 ] || unset "old[RANDOM % 2]"
	printf '%s\n' "${old[@]}" >old.fstab
	printf '%s\n' "${new[@]}" >new.fstab
}
# acts OLD NEW: one line an act: ACT SOURCE TARGET OPTIONS.
acts() {
	"$OVERMOUNT" diff --json "$1" "$2" 2>/dev/null | jq -r '.changes[] | .act as $act |
		(if $act == "undo" then .old else .new end) | split(" ") |
		"\($act) \(.[0]) \(.[1]) \(.[3])"'
}
# perform ACTS: below $PWD, as told; fails when the kernel does not let it.
perform() {
	local act source target options
	while read -r act source target options; do
		case $act in
		undo) umount -l ".$target" || return ;;
		do)
			options=${options%,x-snapd.origin=layout}
			mount -o "${options%%,*}" ".$source" ".$target" || return
			[[ $options != *,* ]] || mount -o "remount,bind,${options#*,}" ".$target" ||
				return
			;;
		esac
	done <"$1"
}
# Everything that is seen below w, and what is mounted there: targets, roots and options.
look() {
	grep -r "" --include=id w 2>/dev/null | sort
	# A set: what does not meet may have been mounted in any order.
	awk -v w="$PWD/w" '$5 ~ "^" w { print $4, substr($5, length(w)), $6 }' /proc/self/mountinfo |
		sort
}
export -f perform look
# in_new_namespace ACTS...: what is seen after them.
in_new_namespace() {
	unshare -m --propagation private bash -c 'for acts in "$@"; do
		perform "$acts" 2>/dev/null || exit
	done; look' _ "$@"
}

tried=0 updated=0 stale=0 kept=0 undone=0 bad=""
want=${OM_DIFF_REAL:-40}
while [ $updated -lt "$want" ] && [ $tried -lt $((8 * want)) ]; do
	tried=$((tried + 1))
	random_pair
	acts old.fstab new.fstab >update.acts
	# Only what keeps one and changes another tells something.
	grep -q '^keep' update.acts && grep -q '^do' update.acts || continue
	acts empty.fstab old.fstab >old.acts
	acts empty.fstab new.fstab >new.acts
	fresh=$(in_new_namespace new.acts) && in_new_namespace old.acts >/dev/null || continue
	updated=$((updated + 1))
	kept=$((kept + $(grep -c '^keep' update.acts)))
	undone=$((undone + $(grep -c '^undo' update.acts)))
	got=$(in_new_namespace old.acts update.acts) || bad+=" $tried:failed"
	[ "$got" = "$fresh" ] || {
		bad+=" $tried"
		{ cat old.fstab; echo; cat new.fstab; cat update.acts; diff <(echo "$fresh") <(echo "$got"); } >bad.txt
	}
	# Control: who keeps each line that is in both.
	{
		acts old.fstab empty.fstab | grep -vFf <(sed 's/ none / /; s/ 0 0$//' new.fstab)
		grep -vFf <(sed 's/ none / /; s/ 0 0$//' old.fstab) new.acts
	} >naive.acts
	[ "$(in_new_namespace old.acts naive.acts)" = "$fresh" ] || stale=$((stale + 1))
done
[ $updated -ge "$want" ] && ok "$updated updates of $tried random pairs, $kept mounts kept, $undone undone" ||
	not_ok "$updated updates of $tried random pairs"
[ -z "$bad" ] && ok "each shows what a fresh namespace shows" ||
	not_ok "each shows what a fresh namespace shows" "pairs$bad
$(cat bad.txt 2>/dev/null)"
[ $stale -gt 3 ] && ok "control: $stale of them are stale when each line that is in both is kept" ||
	not_ok "control: who keeps each line is seen to be wrong" "only $stale"
plan_end
