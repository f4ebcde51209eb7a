#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# From one profile to another in a live namespace: what no change touches stays the very same
# mount, and the tree is that of the new profile applied afresh.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,opt,data/dir,usr/share/X11,usr/share/doc,usr/lib/x,var/lib}
mkdir -p tree/snap/app/{1,2}/{foo,etc,content} tree/snap/content/{1,2}
for v in 1 2; do
	echo "foo $v" >tree/snap/app/$v/foo/file
	echo "conf $v" >tree/snap/app/$v/etc/conf
	echo "content $v" >tree/snap/content/$v/file
done
echo doc >tree/usr/share/doc/doc
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
layout=x-snapd.origin=layout
bind() { echo "$1 $2 none ${3:-rbind,rw},$layout 0 0"; }
link() { echo "none $2 none x-snapd.kind=symlink,x-snapd.symlink=$1,$layout 0 0"; }
content() { echo "$1 $2 none bind,ro 0 0"; }
surface=(env) state=state
om() {
	local command=$1
	shift
	"${surface[@]}" "$OVERMOUNT" "$command" --state $state "$@"
}
mounts_before=$(mounts)
tree_before=$(tree base)
is_as_before() { [ "$(mounts)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ]; }
# fresh PROFILE: the tree and the mounts that it makes when it is applied afresh.
fresh() {
	om apply --root base --strategy "$strategy" "$1" || echo "cannot apply $1"
	tree base
	om undo
}
# id TARGET: of the mount that is seen there; it is never given to another one.
id() { "$OVERMOUNT" status --state state --json | jq -r --arg t "$1" '[.acts[] | select(.target == $t)][-1].mount_id'; }
left() { find state -mindepth 1 ! -name facts ! -name 'lock.*' -printf '%f ' | sed 's/[0-9]* $//'; }

# change WHAT: from the profile a to b and back, as if each had been applied afresh.
change() {
	local want_a want_b out
	want_a=$(fresh a)
	want_b=$(fresh b)
	[ "$want_a" != "$want_b" ] || not_ok "control: $1: the two differ"
	om apply --root base --strategy "$strategy" a
	out=$(om update --strategy "$strategy" a b 2>&1)
	is "$what: $1: exit" "$? $out" "0 "
	is "$what: $1: the tree is that of the new one" "$(tree base)" "$want_b"
	is "$what: $1: all is present" "$(om check 2>&1)$? $(left)" "0 journal."
	out=$(om update --strategy "$strategy" b a 2>&1)
	is "$what: $1: back" "$? $out" "0 "
	is "$what: $1: the tree is that of the old one" "$(tree base)" "$want_a"
	out=$(om undo 2>&1)
	is_as_before && ok "$what: $1: undone" || not_ok "$what: $1: undone $out" "$(mounts | diff - <(echo "$mounts_before"))"
}

for what in overlay mimic "overlay 4.4" "mimic 4.4"; do
	strategy=${what% *}
	surface=(env)
	[[ $what = *4.4 ]] && surface=("$TOOLS/enosys" 4.4 --)

	{ bind /snap/app/1/foo /usr/share/foo; } >a
	{ bind /snap/app/1/foo /usr/share/foo; bind /snap/app/1/etc /usr/share/bar; } >b
	change "an entry comes into a hole"

	{ bind /snap/app/1/foo /usr/share/foo; link /x /etc/link; } >a
	{ bind /snap/app/2/foo /usr/share/foo; link /y /etc/link; } >b
	change "a source and a link change"

	{ content /snap/content/1 /snap/app/1/content; bind /snap/app/1/content /usr/share/foo; } >a
	{ content /snap/content/2 /snap/app/1/content; bind /snap/app/1/content /usr/share/foo; } >b
	change "content below a layout changes"
	{ bind /snap/app/1/content /usr/share/foo; } >b
	change "content below a layout goes"

	{ echo "tmpfs /opt tmpfs mode=0755,$layout 0 0"; bind /snap/app/1/foo /opt/foo; } >a
	{ echo "tmpfs /opt tmpfs mode=0755,$layout 0 0"; link /x /opt/link; } >b
	change "names on a tmpfs change"

	{ bind /snap/app/1/foo /usr/share/doc; } >a
	{ bind /snap/app/1/foo /usr/share/doc; bind /snap/app/1/foo /usr/share/foo; } >b
	change "a hole takes in what was mounted before"

	: >a
	{ bind /snap/app/1/foo /usr/share/foo; link /x /etc/link; } >b
	change "from nothing"
done

# --- what stays ------------------------------------------------------------------------

strategy=auto
{
	bind /snap/app/1/foo /usr/share/foo
	link /x /etc/link
	content /snap/content/1 /data/dir
} >a
{
	bind /snap/app/1/foo /usr/share/foo
	link /y /etc/link
	content /snap/content/1 /data/dir
	bind /snap/app/2/foo /usr/lib/foo
} >b
for what in native 4.4; do
	surface=(env)
	[ $what = 4.4 ] && surface=("$TOOLS/enosys" 4.4 --)
	om apply --root base a
	exec 5<base/usr/share/foo/file 6<base/data/dir
	kept=$(id /usr/share) inner=$(id /usr/share/foo) plain=$(id /data/dir) etc=$(id /etc)
	om update a b
	is "$what: what does not change is the same mount" \
		"$? $(id /usr/share) $(id /usr/share/foo) $(id /data/dir)" "0 $kept $inner $plain"
	[ "$(id /etc)" != "$etc" ] && ok "$what: control: what changes is another one" ||
		not_ok "$what: control: what changes is another one"
	is "$what: what is open stays open" "$(cat <&5) $(cat /proc/self/fd/6/file)" "foo 1 content 1"
	is "$what: and in the namespace" "$(awk '/^mnt_id:/ { print $2 }' /proc/self/fdinfo/6)" \
		"$(awk '$5 == "/mnt/base/data/dir" { print $1 }' /proc/self/mountinfo)"
	exec 5<&- 6<&-
	om undo
	is_as_before && ok "$what: undone" || not_ok "$what: undone" "$(mounts)"
done
surface=(env)

# calls COMMAND...: how many calls change something.
calls() {
	local n
	for ((n = 1; n < 900; n++)); do
		"$TOOLS/failnth" $n 5 -- "$@" >/dev/null 2>&1
		[ $? = 200 ] && break
	done
	echo $((n - 1))
}
om apply --root base b
n=$(calls "$OVERMOUNT" status --state state)
is "to the same profile: no call that changes anything but for the lock" \
	"$(calls "$OVERMOUNT" update --state state b b)" "$n"
is "and nothing has changed" "$(om check 2>&1)$?" 0
n=$(find state -name 'journal.*' -printf '%s %T@\n')
om update b b
is "nor has the journal" "$? $(find state -name 'journal.*' -printf '%s %T@\n')" "0 $n"

# A source that somebody has replaced is another one, though its path is the same.
om undo
mkdir -p live/{s,t,u} && echo old >live/s/file
cat >c <<'P'
/s /t none bind,ro 0 0
/s /u none bind,ro 0 0
P
now=$(mounts)
om apply --root live c
mv live/s live/gone && mkdir live/s && echo new >live/s/file
om update c c
is "a source that was replaced" "$? $(cat live/t/file live/u/file)" "0 new
new"
om undo
is "and undone" "$? $(mounts)" "0 $now"

# --- what is refused, with nothing changed ---------------------------------------------

# refused WHAT STATUS WORDS COMMAND...
refused() {
	local what=$1 status=$2 words=$3 seen out
	shift 3
	seen=$(mounts)
	out=$("$@" 2>&1)
	is "$what: exit, and nothing has changed" "$? $(mounts)" "$status $seen"
	[[ $out == overmount:*$words* ]] && ok "$what: told" || not_ok "$what: told" "$out"
}
refused "nothing is applied" 16 "nothing is applied" om update a b
om apply --root base a
refused "another root" 16 'cannot update below' om update --root live a b
refused "the old profile is another one" 16 'b:4: target: cannot update "/usr/lib/foo": *not applied*fix:' \
	om update b a
: >empty
{ cat a && bind /nowhere /usr/lib/foo; } >missing
echo x >bad
refused "the old profile is only a part" 16 '"/*": it is applied, and the old profile does not have it' \
	om update empty a
refused "the new one has a source that is missing" 16 'cannot*"/nowhere"' \
	om update a missing
refused "the new one cannot be read" 1 'bad:1' om update a bad
mount -t tmpfs stranger base/etc
refused "a stranger on what changes" 16 '"/etc": something else is mounted on top of it*fix:' om update a b
umount base/etc
umount -l base/usr/share/foo
refused "a mount that is gone" 16 '"/usr/share/foo": somebody has taken it away*fix:' om update a b
om undo --force
is_as_before && ok "undone" || not_ok "undone" "$(mounts)"

# --- other namespaces, shared parents, signals -----------------------------------------

unshare -m --propagation private sleep 10000 &
pid=$!
while [ "$(cat /proc/$pid/comm)" != sleep ]; do sleep 0.01; done
# Of a path that is not absolute the namespace would have another idea.
state=/mnt/state
there() { nsenter -t $pid -m -- "$@"; }
om apply --namespace $pid --root /mnt/base a
kept=$(there awk '$5 == "/mnt/base/usr/share" { print $1 }' /proc/self/mountinfo)
om update --namespace $pid a b
is "in another namespace" "$? $(there cat /mnt/base/usr/lib/foo/file) $(there readlink /mnt/base/etc/link)" "0 foo 2 /y"
is "what stays is the same mount" "$(there awk '$5 == "/mnt/base/usr/share" { print $1 }' /proc/self/mountinfo)" "$kept"
is "and here nothing has changed" "$(mounts)" "$mounts_before"
is "nothing is left beside the journal" "$(left)" "journal."
om undo --namespace $pid
om apply --namespace $pid --root /mnt/base a
there mount -t tmpfs -o mode=0755 none /mnt/state
there chmod 0777 /mnt/state
refused "the state directory there cannot be used" 16 'is not in that mount namespace' \
	om update --namespace $pid a b
there umount /mnt/state
om undo --namespace $pid
kill $pid

mount --make-shared base
om apply --root base a
refused "a mount that lies on a shared one" 16 '"/etc": it lies on a shared mount*fix: overmount undo' om update a b
{ cat a && content /snap/content/2 /opt; } >d
om update a d
is "what only comes can" "$? $(cat base/opt/file)" "0 content 2"
om undo
mount --make-private base
is_as_before && ok "undone" || not_ok "undone" "$(mounts | diff - <(echo "$mounts_before"))"

# A signal before the end: all is as before.
if command -v strace >/dev/null; then
	om apply --root base a
	now=$(mounts; tree base; om check 2>&1)
	strace -qq -o trace -e inject=renameat:error=EIO:when=1 -e trace=renameat \
		"$OVERMOUNT" update --state state a b >out 2>&1
	is "the journal cannot be replaced" "$? $(head -n 1 out)" \
		"32 overmount: cannot replace the journal: Input/output error"
	is "all is as before" "$(mounts; tree base; om check 2>&1)" "$now"
	strace -qq -o trace -e inject=move_mount:signal=SIGTERM:when=1 -e trace=move_mount \
		"$OVERMOUNT" update --state state a b >out 2>&1
	is "SIGTERM" "$? $(head -n 1 out)" "32 overmount: cannot go on: interrupted by a signal"
	is "all is as before" "$(mounts; tree base; om check 2>&1)" "$now"
	is "nothing is left" "$(left)" "journal."
	om undo
else
	skip "signals" "strace is missing"
fi
plan_end
