#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Random profiles whose entries lie on, in and beside one another, and updates from each to the
# next: the tree is that of a fresh apply, and what could not be applied is refused, with the
# tree as it was.  OM_ROUNDS: how many; OM_SEED: the first of their seeds.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

rounds=${OM_ROUNDS:-40} seed=${OM_SEED:-1}
mkdir -p tree/{etc,opt,data/dir,usr/share/X11,usr/share/doc/a,usr/lib/x,var/lib}
for s in 1 2 3; do
	mkdir -p tree/snap/s$s/{dir/deep,content}
	echo "file $s" | tee tree/snap/s$s/file >tree/snap/s$s/dir/file
	echo "deep $s" >tree/snap/s$s/dir/deep/file
done
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
# All that is made here lies below the directory of the test.
here() { mounts | grep -F " $work"; }
mounts_before=$(here)
tree_before=$(tree base)
om() {
	local command=$1
	shift
	"${surface[@]}" "$OVERMOUNT" "$command" --state state "$@" 2>err
}

# A target has one entry; a source may be what another entry shows.
# shellcheck disable=SC2034 # by pick
targets=(/usr/share/foo /usr/share/foo/deep /usr/share/bar /usr/share/X11 /usr/share/doc/new
	/usr/share/doc/a /usr/new/x /usr/lib/x /opt /opt/t /opt/t/u /etc/l /etc/f /data/dir /data/dir/deep
	/snap/s1/content /snap/s1/content/deep /snap/s3/new)
# shellcheck disable=SC2034 # by pick
sources=(/snap/s1/dir /snap/s2/dir /snap/s1/content /snap/s3/dir /snap/s3/dir/deep /usr/share/foo
	/data/dir /opt)
pick() { local -n from=$1; picked=${from[RANDOM % ${#from[@]}]}; }
# entry TARGET: a line for it, of some kind.
entry() {
	local origin=""
	[ $((RANDOM % 2)) = 0 ] && origin=,x-snapd.origin=layout
	case $((RANDOM % 9)) in
	0) echo "tmpfs $1 tmpfs mode=0755$origin 0 0" ;;
	1) echo "none $1 none x-snapd.kind=symlink,x-snapd.symlink=/l$((RANDOM % 2))$origin 0 0" ;;
	3) echo "none $1 none x-overmount.hide$origin 0 0" ;;
	2) echo "/snap/s$((RANDOM % 3 + 1))/file $1 none bind,ro,x-snapd.kind=file$origin 0 0" ;;
	*)
		picked=$1
		while [ "$picked" = "$1" ]; do pick sources; done
		echo "$picked $1 none rbind$([ $((RANDOM % 2)) = 0 ] && echo ,ro)$origin 0 0"
		;;
	esac
}
# change FROM TO: some lines go, some are others, some come.
change() {
	local line target have=" " n
	: >"$2"
	while read -r line; do
		target=${line#* } target=${target%% *}
		case $((RANDOM % 6)) in
		0) continue ;;
		1) entry "$target" >>"$2" ;;
		*) echo "$line" >>"$2" ;;
		esac
		have+="$target "
	done <"$1"
	for ((n = RANDOM % 3; n >= 0; n--)); do
		pick targets
		target=$picked
		[[ $have == *" $target "* ]] || entry "$target" >>"$2"
		have+="$target "
	done
}
# In a namespace of its own nothing is applied yet.
unshare -m --propagation private sleep 10000 &
pid=$!
while [ "$(cat /proc/$pid/comm)" != sleep ]; do sleep 0.01; done
trap 'kill $pid' EXIT
mkdir other
# fresh PROFILE: the tree that it makes, in want; nothing when it cannot be applied.
fresh() {
	want=
	"${surface[@]}" "$OVERMOUNT" apply --namespace $pid --root /mnt/base --state /mnt/other \
		--strategy $strategy "$1" \
		2>err.fresh || return
	want=$(nsenter -t $pid -m -- "$TOOLS/tree-snapshot" /mnt/base | sed 's,/mnt/base,base,g')
	"${surface[@]}" "$OVERMOUNT" undo --namespace $pid --state /mnt/other
}

updates=0 refusals=0 kept=0 jq=$(command -v jq)
ids() { [ -z "$jq" ] || "${surface[@]}" "$OVERMOUNT" status --state state --json | "$jq" -r '.acts[].mount_id // empty' | sort; }
for ((i = seed; i < seed + rounds; i++)); do
	RANDOM=$i
	surface=(env)
	[ $((i % 3)) = 0 ] && surface=("$TOOLS/enosys" 4.4 --)
	strategy=overlay
	bad=""
	: >a
	fresh a
	seen=$want
	om apply --root base --strategy $strategy a || bad="apply: $(cat err)"
	for ((k = 0; k < 8; k++)); do
		change a b
		# What stays may have been built otherwise.
		strategy=overlay
		[ $((RANDOM % 2)) = 0 ] && strategy=mimic
		fresh b
		ids >before
		om update --strategy $strategy a b
		r=$?
		ids >after
		got=$(tree base)
		if [ $r = 0 ] && [ -n "$want" ]; then
			updates=$((updates + 1))
			[ "$got" = "$want" ] || bad+="$k: $strategy: $(diff <(echo "$want") <(echo "$got") | head -n 6)"$'\n'
			out=$("${surface[@]}" "$OVERMOUNT" check --state state 2>&1) || bad+="$k: $out"$'\n'
			kept=$((kept + $(comm -12 before after | wc -l)))
			seen=$got
			[ -n "$bad" ] && break
			mv b a
		elif [ $r = 16 ] || [ $r = 2 ] || [ $r = 1 ]; then
			refusals=$((refusals + 1))
			[ -z "$want" ] || bad+="$k: $strategy, refused: $(cat err)"$'\n'
			[ "$got" = "$seen" ] || bad+="$k: refused, and not as before"$'\n'
		else
			bad+="$k: $r: $(cat err) (fresh: $(cat err.fresh))"$'\n'
		fi
		[ -n "$bad" ] && break
	done
	[ -z "$bad" ] || bad+=$(echo; cat a; echo; cat b)
	om undo || bad+="undo: $(cat err)"
	[ "$(here)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ] ||
		bad+="not as before: $(diff <(echo "$mounts_before"; echo "$tree_before") <(here; tree base))"
	[ -z "$bad" ] && ok "seed $i" || not_ok "seed $i" "$bad"
	[ "$(here)" = "$mounts_before" ] || break
done
[ $updates -gt $((rounds * 2)) ] && [ $refusals -gt 0 ] && ok "$updates updates, $refusals refused" ||
	not_ok "$updates updates, $refusals refused"
[ -z "$jq" ] && skip "mounts were kept" "jq is missing" || { [ $kept -gt $rounds ] && ok "$kept mounts were kept" || not_ok "$kept mounts were kept"; }
plan_end
