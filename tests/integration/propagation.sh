#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where the parent of a target is shared, its peers get what is attached, whole, by the same
# one step, and lose it by undo: on kernels without the new mount API, too.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo}
echo hello >tree/snap/app/1/foo/hello
echo rgb >tree/usr/share/X11/rgb.txt
mount --bind tree base
mount -o remount,bind,ro base
mount --make-shared base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
P
# A peer: a namespace that gets what is mounted below base here.
unshare -m --propagation unchanged sh -c ': >ready; exec sleep 1000' &
peer=$!
while [ ! -e ready ] || [ "$(cat /proc/$peer/comm)" != sleep ]; do sleep 0.01; done
theirs() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master):[0-9]+/\1/g' /proc/$peer/mountinfo | sort
}
before=$(mounts)
their_before=$(theirs)
their_tree=$(tree /proc/$peer/root/mnt/base)
for surface in native 6.1 5.4 4.4; do
	run=(env)
	[ $surface = native ] || run=("$TOOLS/enosys" "$surface" --)
	for strategy in overlay mimic; do
		"${run[@]}" "$OVERMOUNT" apply --strategy $strategy --root base --state state p.fstab
		is "$surface, $strategy: applied, and seen by the peer" \
			"$? $(cat /proc/$peer/root/mnt/base/usr/share/{foo/hello,X11/rgb.txt} | xargs) $(readlink /proc/$peer/root/mnt/base/etc/link)" \
			"0 hello rgb /x"
		"${run[@]}" "$OVERMOUNT" undo --state state
		is "$surface, $strategy: undone here" "$? $(mounts)" "0 $before"
		is "$surface, $strategy: and there" "$(theirs) $(tree /proc/$peer/root/mnt/base)" "$their_before $their_tree"
	done
	# Killed at any call, the peer has whole constructions or none.
	bad="" some=0
	for ((n = 3; ; n += 2)); do
		"$TOOLS/failnth" $n 0 -- "${run[@]}" "$OVERMOUNT" apply --root base --state state p.fstab >/dev/null 2>&1
		[ $? = 137 ] || break
		if [ -e /proc/$peer/root/mnt/base/usr/share/foo ]; then
			some=$((some + 1))
			[ "$(cat /proc/$peer/root/mnt/base/usr/share/{foo/hello,X11/rgb.txt} | xargs)" = "hello rgb" ] || bad+=" $n:half"
		fi
		"${run[@]}" "$OVERMOUNT" recover --state state >/dev/null || bad+=" $n:recover"
		"${run[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
		[ "$(mounts)" = "$before" ] && [ "$(theirs)" = "$their_before" ] || { bad+=" $n:left $(mounts | diff - <(echo "$before")) $(theirs | diff - <(echo "$their_before"))"; break; }
	done
	"${run[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
	is "$surface: killed until $n, the peer never has a half" "$bad" ""
	[ $some -gt 0 ] && ok "control: it has a whole one $some times" || not_ok "control: it has a whole one"
done
kill $peer
plan_end
