#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a directory is like decides the strategy, and what is chosen then works there.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
command -v jq >/dev/null || skip_all "jq is missing"

mkdir -p tree/{usr/share/a,run/sub,fifo,deep,many,sub/a,own,snap/app/1/foo} layers/{1,2,3}
mkfifo tree/fifo/pipe
echo hello >tree/snap/app/1/foo/hello
mount --bind tree base
mount -o remount,bind,ro base
before=$(mounts)

# why TARGET [OPTION...]: strategy, reason, and why overlay was rejected.
why() {
	local target=$1
	shift
	echo "/snap/app/1/foo $target none rbind 0 0" >p.fstab
	"$OVERMOUNT" plan --root base --json "$@" p.fstab 2>err | jq -r '.entries[0] |
		[.strategy, .reason, (.rejected[] | select(.strategy == "overlay") | .reason)] | join(" ")'
}
# works WHAT PROBE...: the entry that was planned last is applied, shows, and is undone.
works() {
	local what=$1 target out
	shift
	read -r _ target _ <p.fstab
	out=$("$OVERMOUNT" apply --root base --state state p.fstab 2>&1) &&
		[ "$(cat "base$target/hello")" = hello ] && "$@" &&
		"$OVERMOUNT" undo --state state && [ "$(mounts)" = "$before" ] &&
		ok "$what: works" || not_ok "$what: works" "$out"
}
writes_through() {
	(timeout 5 cat base/fifo/pipe >got &) && echo text >tree/fifo/pipe &&
		sleep 0.2 && [ "$(cat got)" = text ]
}

is "nothing special" "$(why /usr/share/foo)" "overlay ovl-ro"
works "overlay" true
is "a fifo in a directory that can change" "$(why /fifo/foo)" "mimic mimic live-objects"
works "mimic beside a fifo" writes_through
is "where names come and go" "$(why /run/sub/foo)" "mimic mimic live-area"
works "mimic in /run" true

for i in $(seq 65); do
	mkdir "tree/many/$i"
	mount -t tmpfs m "base/many/$i"
done
before=$(mounts)
is "65 submounts" "$(why /many/foo)" "mimic mimic ovl-many-submounts"
works "mimic over 65 submounts" mountpoint -q base/many/65
umount base/many/{2..65}
before=$(mounts)
is "one submount" "$(why /many/foo)" "overlay ovl-rebind"
works "overlay with a submount" mountpoint -q base/many/1

mount -t tmpfs s base/sub/a
mount --make-unbindable base/sub/a
is "an unbindable submount" "$(why /sub/foo)" "refuse submount-unbindable submount-unbindable"
[ "$(grep -c '^fix: ' err)" = 1 ] && ok "and the way out is told" ||
	not_ok "and the way out is told" "$(cat err)"
mount --make-private base/sub/a
before=$(mounts)
is "the way out is one" "$(why /sub/foo)" "overlay ovl-rebind"
works "a submount that was unbindable" mountpoint -q base/sub/a
mount --bind base/own base/own
mount -o remount,bind,ro base/own
mount --make-unbindable base/own
is "an unbindable mount" "$(why /own/foo)" "refuse hole-unbindable hole-unbindable"
umount base/own

over() { mount -t overlay over -o "ro,lowerdir=layers/$1:$2" "$3" 2>/dev/null; }
if over 1 base/deep base/deep; then
	before=$(mounts)
	is "one level of overlay leaves one" "$(why /deep/foo)" "overlay ovl-ro"
	works "overlay over an overlay" true
	over 2 base/deep base/deep
	before=$(mounts)
	is "two levels leave none" "$(why /deep/foo)" "mimic mimic ovl-depth"
	works "mimic over two overlays" true
	is "only overlay is allowed" "$(why /deep/foo --strategy overlay)" "refuse ovl-depth ovl-depth"
	umount base/deep base/deep
else
	skip "levels of overlay" "no overlay"
fi
# Entries that need what earlier ones bring: each overlay lies on the one before.
if [ "$(why /usr/share/foo)" = "overlay ovl-ro" ]; then
	mkdir -p tree/snap/app/1/a/in/in && echo deep >tree/snap/app/1/a/in/in/file
	cat >p.fstab <<-P
		/snap/app/1/a /usr/share/a1 none rbind 0 0
		/usr/share/a1/in /usr/share/a2 none rbind 0 0
		/usr/share/a2/in /usr/share/a3 none rbind 0 0
	P
	before=$(mounts)
	is "three waves in one directory" "$("$OVERMOUNT" plan --root base --json p.fstab | jq -c '[.entries[].strategy]')" '["overlay","overlay","mimic"]'
	is "planning them leaves nothing" "$(mounts)" "$before"
	"$OVERMOUNT" apply --root base --state state p.fstab 2>err
	is "they are applied" "$? $(cat base/usr/share/a3/file err)" "0 deep"
	"$OVERMOUNT" undo --state state
	is "and undone" "$(mounts)" "$before"
else
	skip "three waves in one directory" "no overlay"
fi
# LP #1831010: a source in which an earlier target lies is bound with what is there.
mkdir -p tree/snap/app/1/b
cat >p.fstab <<-P
	/snap/app/1/foo /snap/app/1/b/c none rbind 0 0
	/snap/app/1/b /snap/app/1/d none rbind 0 0
P
for strategy in overlay mimic; do
	"$OVERMOUNT" apply --root base --state state --strategy $strategy p.fstab 2>err
	is "$strategy: a source with a target in it" "$? $(cat base/snap/app/1/d/c/hello err)" "0 hello"
	"$OVERMOUNT" undo --state state
	is "$strategy: undone" "$(mounts)" "$before"
done

# Kinds that give way, and everything beside them stays; both strategies show the same tree.
mkdir -p tree/kinds/{dir/deep,dir2,mounted/m,beside}
echo file >tree/kinds/file
ln -s beside tree/kinds/link
mount -t tmpfs m base/kinds/mounted/m
before=$(mounts)
cat >p.fstab <<-P
	none /kinds/dir none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1/foo 0 0
	/snap/app/1/foo/hello /kinds/dir2 none bind,x-snapd.kind=file 0 0
	/snap/app/1/foo /kinds/file none rbind 0 0
	/snap/app/1/b /kinds/file/new none rbind 0 0
	tmpfs /kinds/link tmpfs mode=0700 0 0
P
tree base/kinds >tree.kinds
"$OVERMOUNT" apply --root base --state state p.fstab 2>err
is "kinds: refused as snapd does" "$? $(sed -E 's/.*\[(.*)\]$/\1/;q' err)" "16 kind-change"
for strategy in overlay mimic; do
	"$OVERMOUNT" apply --root base --state state --strategy $strategy --allow kind-change p.fstab 2>err
	is "kinds, $strategy: applied" "$? $(cat err)" "0 "
	tree base/kinds >tree.$strategy
	is "kinds, $strategy: shown" "$(readlink base/kinds/dir) $(cat base/kinds/dir2 base/kinds/file/hello) $(stat -c %a,%F base/kinds/link) $(cd base/kinds/file && echo *)" \
		"/snap/app/1/foo hello
hello 700,directory hello new"
	is "kinds, $strategy: a mount beside them stays" "$(mountpoint -q base/kinds/mounted/m; echo $?)" 0
	"$OVERMOUNT" undo --state state
	is "kinds, $strategy: undone" "$(mounts) $(tree base/kinds)" "$before $(cat tree.kinds)"
done
is "kinds: both strategies show the same" "$(cat tree.overlay)" "$(cat tree.mimic)"
echo 'none /kinds/mounted none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0' >p.fstab
"$OVERMOUNT" apply --root base --state state --allow kind-change p.fstab 2>err
is "kinds: what is mounted in it would be lost" "$? $(sed -E 's/.*\[(.*)\]$/\1/;q' err)" "16 kind-change"
"$OVERMOUNT" plan --root base --allow frob p.fstab 2>err
is "kinds: nothing else can be allowed" "$? $(cat err)" '1 overmount: cannot allow "frob": want kind-change'
umount base/kinds/mounted/m
before=$(mounts)

# Names that shall not be seen: a directory, a file, a link, one deeper, one that is not there.
cat >p.fstab <<-P
	none /kinds/dir none x-overmount.hide 0 0
	none /kinds/file none x-overmount.hide 0 0
	none /kinds/link none x-overmount.hide 0 0
	none /kinds/mounted/m none x-overmount.hide 0 0
	none /kinds/nothing/there none x-overmount.hide 0 0
P
tree base/kinds >tree.kinds
"$OVERMOUNT" apply --root base --state state p.fstab 2>err
is "hidden: refused unless it is permitted" "$? $(sed -E 's/.*cannot (hide).*\[(.*)\]$/\1 \2/;q' err)" "16 hide hides"
for strategy in overlay mimic; do
	"$OVERMOUNT" apply --root base --state state --strategy $strategy --allow kind-change p.fstab 2>err
	is "hidden, $strategy: applied" "$? $(cat err)" "0 "
	tree base/kinds >tree.$strategy
	is "hidden, $strategy: the rest is seen" "$(cd base/kinds && echo * mounted/*)" "beside dir2 mounted mounted/*"
	is "hidden, $strategy: nothing is there" "$(stat base/kinds/dir base/kinds/link base/kinds/mounted/m 2>&1 | grep -c 'No such file')" 3
	"$OVERMOUNT" undo --state state
	is "hidden, $strategy: undone" "$(mounts) $(tree base/kinds)" "$before $(cat tree.kinds)"
done
is "hidden: both strategies show the same" "$(cat tree.overlay)" "$(cat tree.mimic)"
printf 'none /kinds/dir none x-overmount.hide 0 0\n' >p.fstab
printf '/kinds/dir /kinds/elsewhere none rbind 0 0\n' >>p.fstab
"$OVERMOUNT" apply --root base --state state --allow kind-change p.fstab 2>err
is "hidden: it is nobody's source" "$? $(sed -E 's/.*\[(.*)\]$/\1/;q' err)" "32 no-source"
is "hidden: all is undone" "$(mounts)" "$before"

# What a policy says, for plan and apply alike.
echo "/snap/app/1/foo /usr/share/foo none rbind 0 0" >p.fstab
policy() { printf 'schema: overmount.policy/1\n%s\n' "$1" >policy.yaml; }
both() {
	local out
	out=$(why /usr/share/foo --policy policy.yaml)
	is "plan: $1" "$out" "$2"
	"$OVERMOUNT" apply --root base --state state --policy policy.yaml p.fstab 2>err
	case $? in
	0)
		out="$("$OVERMOUNT" status --state state | awk 'NR == 2 { print $3 }') "
		"$OVERMOUNT" undo --state state
		;;
	16) out="refuse $(sed -En '1s/.*\[(.*)\]$/\1/p' err) $(grep -c '^fix: ' err)" ;;
	*) out="$? $(cat err)" ;;
	esac
	is "apply: $1" "$out" "${3:-${2%% *} }"
	is "nothing is left of it" "$(mounts)" "$before"
}
before=$(mounts)
policy "strategies: [mimic, overlay]"
both "mimic first" "mimic mimic"
policy "strategies: []"
both "no strategy" "refuse no-strategy not-allowed" "refuse no-strategy 1"
policy "mutable-lowers: false"
both "what can change below" "mimic mimic mutable-lower"
policy "write-roots: [/etc, /opt]"
both "outside" "refuse outside-roots" "refuse outside-roots 1"
policy "write-roots: [/usr]"
both "inside" "overlay ovl-ro"
policy "reserved: [/usr/share]"
both "reserved" "refuse reserved-area" "refuse reserved-area 1"
policy "limits: { entries: 0 }"
both "entries" "refuse too-many-entries" "refuse too-many-entries 1"
policy "limits: { depth: 2 }"
both "depth" "refuse too-deep" "refuse too-deep 1"
printf 'schema: overmount.policy/1\nstrategies: [mimic]\nlimits: { siblings: 0 }\n' >policy.yaml
both "siblings" "refuse mimic-limit" "refuse mimic-limit 1"
policy "strict: true"
both "strict, and all is known" "overlay ovl-ro"
policy "stricter: true"
"$OVERMOUNT" plan --root base --policy policy.yaml p.fstab >out 2>err
is "an unknown key" "$? $(cat out err)" '1 overmount: policy.yaml:2:1: stricter: cannot read "stricter": unknown key
fix: the keys here are schema, strategies, write-roots, reserved, mutable-lowers, kind-changes, strict, limits, writable'
"$OVERMOUNT" plan --root base --policy missing.yaml p.fstab >out 2>err
is "no such policy" "$? $(cat out err)" '2 overmount: missing.yaml: cannot read: No such file or directory'
# A user namespace gets mounts that cannot be taken apart.
if unshare -Urm true 2>/dev/null; then
	locked=$(unshare -Urm "$OVERMOUNT" plan --root base --json p.fstab 2>err | jq -r '.entries[0].strategy')
	[ "$locked" = overlay ] && ok "in a user namespace: no submount, overlay" || not_ok "in a user namespace: no submount, overlay" "$locked $(cat err)"
	echo "/snap/app/1/foo /sub/foo none rbind 0 0" >p.fstab
	is "locked submounts" "$(unshare -Urm "$OVERMOUNT" plan --root base --json p.fstab 2>err | jq -r '.entries[0] | [.strategy, .rejected[1].reason] | join(" ")')" "mimic ovl-locked"
	out=$(unshare -Urm bash -c '"$1" apply --root base --state state p.fstab && cat base/sub/foo/hello && mountpoint base/sub/a' - "$OVERMOUNT" 2>&1)
	[[ $out == hello* ]] && ok "mimic over locked submounts: works" || not_ok "mimic over locked submounts: works" "$out"
else
	skip "locked submounts" "no user namespace"
fi
plan_end
