#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Holes that take new names by policy: what the application can do in them, how much of it,
# and that nothing of it stays.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

base_tree tree 30
mkdir -p tree/snap/app/1/foo tree/usr/share/gone/deep tree/usr/share/sub tree/opt/deep
echo hello >tree/snap/app/1/foo/hello
echo text >tree/usr/share/file
echo text >tree/usr/share/gone/deep/file
ln -s file tree/usr/share/link
mount --bind tree base
mount -t tmpfs sub base/usr/share/sub
mount -o remount,bind,ro,nosuid,nodev base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,ro 0 0
/snap/app/1/foo /opt/deep/er/foo none rbind,ro 0 0
P
size=262144
policy() { printf 'schema: overmount.policy/1\n%s\n' "$1" >"${2:-policy.yaml}"; }
policy "writable: { holes: [/usr], size: $size }"
mounts_before=$(mounts)
tree_before=$(tree base)
is_as_before() { [ "$(mounts)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ]; }
share=base/usr/share

surface=native
om() {
	if [ "$surface" = native ]; then
		"$OVERMOUNT" "$@"
	else
		"$TOOLS/enosys" "$surface" -- "$OVERMOUNT" "$@"
	fi
}
apply() { om apply --root base --state state --policy policy.yaml p.fstab; }
undo() { om undo --state state "$@"; }
# can COMMAND...: 0 when it works, else what it says.
can() { "$@" 2>&1 && echo yes; }
error_of() { head -n 1 <<<"${1##*: }"; }
strategy_of() { "$OVERMOUNT" status --state state --json | jq -r ".acts[] | select(.target == \"$1\") | .strategy"; }

# What is in the hole itself is the same with both.
check_new_names() {
	local n
	is "$name: what the entry asked for" "$(cat $share/foo/hello)" hello
	is "$name: a new file" "$(echo new >$share/new && cat $share/new)" new
	is "$name: a new directory" "$(mkdir -p $share/d/e && echo x >$share/d/e/f && ls $share/d/e)" f
	is "$name: a name that was made is removed" "$(rm -r $share/new $share/d && can test ! -e $share/new)" yes
	is "$name: a submount is what it was" "$(findmnt -fno SOURCE $share/sub)" sub
	is "$name: the attributes of the hole, but for read-only" "$(findmnt -no VFS-OPTIONS $share | tr , '\n' | grep -xE 'rw|ro|nosuid|nodev' | paste -sd ,)" rw,nosuid,nodev
	is "$name: another hole takes none" "$(error_of "$(can touch base/opt/deep/new)")" "Read-only file system"
	chmod 0755 $share
	is "$name: permissions hold" "$(error_of "$(can setpriv --reuid 65534 --regid 65534 --clear-groups touch $share/other)")" "Permission denied"
	dd if=/dev/zero of=$share/big bs=4096 count=$((size / 2048)) 2>err
	n=$(stat -c %s $share/big)
	is "$name: no room left" "$(error_of "$(head -n 1 err)")" "No space left on device"
	[ "$n" -le $size ] && [ "$n" -gt $((size / 2)) ] && ok "$name: $n bytes of $size were taken" ||
		not_ok "$name: $n bytes of $size were taken"
	rm $share/big
	for ((n = 0; n < 1000; n++)); do
		: >$share/n$n || break
	done 2>/dev/null
	[ "$n" -le $((size / 4096)) ] && [ "$n" -gt $((size / 8192)) ] && ok "$name: $n empty files were taken" ||
		not_ok "$name: $n empty files were taken"
	rm -f $share/n[0-9]*
}
check_overlay_rw() {
	echo more >>$share/file
	is "$name: a file of the base is changed" "$(cat $share/file)" $'text\nmore'
	is "$name: the link to it shows that" "$(cat $share/link)" $'text\nmore'
	rm -r $share/gone $share/link
	is "$name: a tree of the base is removed" "$(can test ! -e $share/gone -a ! -L $share/link)" yes
	is "$name: an empty one is in its place" "$(mkdir $share/gone && ls -A $share/gone)" ""
	mv $share/X11 $share/X12
	is "$name: a directory of the base gets another name" "$(cat $share/X12/rgb.txt; can test ! -e $share/X11)" $'rgb\nyes'
	is "$name: where others may write they can" "$(setpriv --reuid 65534 --regid 65534 --clear-groups touch $share/open/other && stat -c %u $share/open/other)" 65534
	is "$name: and not where they may not" "$(error_of "$(can setpriv --reuid 65534 --regid 65534 --clear-groups rm -f $share/file)")" "Permission denied"
}
check_mimic() {
	is "$name: a file of the base is as it was" "$(error_of "$(can bash -c "echo more >>$share/file")")" "Read-only file system"
	is "$name: it cannot be removed" "$(error_of "$(can rm $share/file)")" "Device or resource busy"
	is "$name: nor get another name" "$(error_of "$(can mv $share/X11 $share/X12)")" "Device or resource busy"
	is "$name: nothing is added below" "$(error_of "$(can touch $share/X11/new)")" "Read-only file system"
}

for surface in native 5.4 4.4; do
	for strategy in overlay-rw mimic; do
		name="$surface, $strategy"
		policy "strategies: [overlay, $strategy]
writable: { holes: [/usr], size: $size }"
		out=$(apply 2>&1)
		is "$name: applied" "$? $out" "0 "
		is "$name: both holes have a strategy of their own" "$(strategy_of /usr/share) $(strategy_of /opt/deep)" "$strategy overlay"
		check_new_names
		check_"${strategy//-/_}"
		is "$name: it is as it was made" "$(om check --state state 2>&1; echo $?)" 0
		exec 7>$share/kept
		echo one >&7
		out=$(undo 2>&1)
		is "$name: undone, with a file open" "$? $out" "0 "
		is "$name: who has it open can go on" "$(can bash -c 'echo two >&7 && cat /proc/self/fd/7')" $'one\ntwo\nyes'
		exec 7>&-
		is "$name: the mount table is as before" "$(mounts)" "$mounts_before"
		is "$name: the tree is as before" "$(tree base)" "$tree_before"
	done
done
surface=native
policy "writable: { holes: [/usr], size: $size }"

# A stranger in it is not taken along.
apply
mkdir $share/here && mount -t tmpfs stranger $share/here
undo >out 2>&1
is "a stranger in what was written: refused" "$? $(findmnt -no SOURCE $share/here)" "16 stranger"
undo --force >out 2>&1
is_as_before && ok "and taken along by force" || not_ok "and taken along by force" "$(cat out)"

# --- what goes wrong -------------------------------------------------------------------

# nth TRACE PATTERN: which of its calls, the last one.
nth() { grep fsconfig "$1" | grep -n -- "$2" | tail -n 1 | cut -d: -f1; }
# What the mount was given, and how much it holds.
options() {
	findmnt -no OPTIONS $share | tr , '\n' | grep -vE 'upperdir|workdir|lowerdir' | sort
	stat -f -c '%S %b %c' $share
}
# Is it all of it, and does it take new names?
is_whole() { [ "$(tree base)" = "$complete" ] && echo x >$share/x && rm $share/x && [ "$(options)" = "$options" ]; }
# each WHAT ERRNO: apply fails at (0: is killed at) each of its calls.
each() {
	local what=$1 errno=$2 n r bad="" whole=0 back=0
	for ((n = 1; n < 500; n++)); do
		"$TOOLS/failnth" $n "$errno" -- "${command[@]}" apply --root base --state state --policy policy.yaml p.fstab >out 2>&1
		r=$?
		[ $r = 200 ] && break
		[ $r = 64 ] && bad+=" $n:64"
		[ $r = 0 ] && { is_whole && whole=$((whole + 1)) || bad+=" $n:lie"; }
		[ $r != 0 ] && [ "$errno" != 0 ] && { is_as_before && back=$((back + 1)) || bad+=" $n:partial($r)"; }
		[ "$errno" = 0 ] && { "${command[@]}" recover --state state >/dev/null 2>&1 || bad+=" $n:recover"; }
		"${command[@]}" undo --state state >/dev/null 2>&1
		is_as_before || { bad+=" $n:stuck"; break; }
	done
	"${command[@]}" undo --state state >/dev/null 2>&1
	[ $n -gt 20 ] || bad+=" only $n calls"
	is "$what: each of $((n - 1)) calls, $whole whole, $back as before" "$bad" ""
}
for strategy in overlay-rw mimic; do
	policy "strategies: [overlay, $strategy]
writable: { holes: [/usr], size: $size }"
	apply
	complete=$(tree base)
	options=$(options)
	undo
	command=("$OVERMOUNT")
	each "$strategy, EIO" 5
	each "$strategy, killed" 0
	command=("$TOOLS/enosys" 4.4 -- "$OVERMOUNT")
	each "$strategy on 4.4, EIO" 5
	each "$strategy on 4.4, killed" 0
done

policy "writable: { holes: [/usr], size: $size }"
# Options that somebody says yes to and does not set, and one that the kernel does not know.
if command -v strace >/dev/null; then
	apply
	complete=$(tree base)
	options=$(options)
	undo
	bad=
	strace -qq -o trace -e trace=fsconfig "$OVERMOUNT" apply --root base --state state --policy policy.yaml p.fstab
	undo
	calls=$(grep -c fsconfig trace)
	for ((n = 1; n <= calls; n++)); do
		strace -qq -o trace.n -e trace=fsconfig -e inject=fsconfig:retval=0:when=$n \
			"$OVERMOUNT" apply --root base --state state --policy policy.yaml p.fstab >out 2>&1
		r=$?
		grep -q INJECTED trace.n || bad+=" $n:not injected"
		case $r in
		0) is_whole || bad+=" $n:$(grep INJECTED trace.n)" ;;
		*) is_as_before || bad+=" $n:partial($r)" ;;
		esac
		undo >/dev/null 2>&1
		is_as_before || { bad+=" $n:stuck"; break; }
	done
	is "each of $calls fsconfig(2) that says yes and does nothing" "$bad" ""
	n=$(nth trace '"index", "off"')
	strace -qq -o trace.n -e trace=fsconfig -e inject=fsconfig:error=EINVAL:when="$n" \
		"$OVERMOUNT" apply --root base --state state --policy policy.yaml p.fstab >out 2>&1
	is "a kernel that does not know index=off" "$? $(cat out) $(can is_whole) $(grep -c '"upperdir"' trace.n)" "0  yes 1"
	undo
else
	skip "options that are not set" "strace is missing"
fi

# --- whose hole it is ------------------------------------------------------------------

why() { "$OVERMOUNT" plan --root base --policy policy.yaml --json "$@" p.fstab 2>/dev/null | jq -r '.entries[] | select(.target | startswith("/usr")) | "\(.strategy) \(.reason)"'; }
policy "writable: { holes: [/usr/share/fo] }"
is "a path beside the hole says nothing" "$(why)" "overlay ovl-rebind"
apply
is "and it takes no new name" "$(error_of "$(can touch $share/new)")" "Read-only file system"
undo
policy "writable: { holes: [/usr/share/foo] }"
is "nor does one below it" "$(why)" "overlay ovl-rebind"
policy "writable: { holes: [/] }"
is "the root says it of all" "$(why)" "overlay-rw ovl-rw-rebind"
is "only a read-only overlay is allowed" "$(why --strategy overlay)" "refuse hole-takes-names"
is "only overlay-rw is allowed" "$(why --strategy overlay-rw)" "overlay-rw ovl-rw-rebind"

# In a user namespace nobody may set trusted.*.
if unshare -Urm true 2>/dev/null; then
	policy "writable: { holes: [/usr], size: $size }"
	mkdir user
	cat >user.sh <<-'U'
		cd /mnt/user && mkdir -p tree/usr/share/gone/deep tree/snap/foo base state
		echo text >tree/usr/share/gone/deep/file; echo hello >tree/snap/foo/hello
		mount --bind tree base && mount -o remount,bind,ro base
		echo '/snap/foo /usr/share/foo none rbind 0 0' >p.fstab
		$1 "$OVERMOUNT" apply --root base --state state --policy ../policy.yaml p.fstab || exit
		cat base/usr/share/foo/hello && rm -r base/usr/share/gone && mkdir base/usr/share/gone && ls -A base/usr/share/gone
		"$OVERMOUNT" status --state state --json | jq -r '.acts[0].strategy'
		"$OVERMOUNT" undo --state state && cat base/usr/share/gone/deep/file
	U
	export OVERMOUNT
	is "in a user namespace a tree of the base is removed" "$(unshare -Urm bash user.sh "" 2>&1)" $'hello\noverlay-rw\ntext'
	is "the same by mount(2)" "$(unshare -Urm bash user.sh "$TOOLS/enosys 4.4 --" 2>&1)" $'hello\noverlay-rw\ntext'
	if command -v strace >/dev/null; then
		unshare -Urm bash user.sh "strace -qq -o trace -e trace=fsconfig" >/dev/null 2>&1
		n=$(nth user/trace userxattr)
		unshare -Urm bash user.sh "strace -qq -o trace.n -e trace=fsconfig -e inject=fsconfig:retval=0:when=$n" >out 2>&1
		is "userxattr that says yes and does nothing" "$? $(grep -c 'userxattr.*INJECTED' user/trace.n)" "32 1"
	fi
else
	skip "in a user namespace" "there is none"
fi

# As the application, in a root of its own.
out=$("$OVERMOUNT" run --root base --policy policy.yaml --profile p.fstab -- /usr/bin/sh -c 'echo ran >/usr/share/ran && cat /usr/share/ran' 2>&1)
is "run: the application writes" "$out" ran
is_as_before && ok "run: the base is as before" || not_ok "run: the base is as before"
plan_end
