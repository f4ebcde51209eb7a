#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SIGTERM and SIGINT while a profile is applied: it is complete, or undone, and the exit
# status says which.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo}
echo hello >tree/snap/app/1/foo/hello
for ((i = 0; i < 1500; i++)); do echo "$i" >"tree/usr/share/file$i"; done
mount --bind tree base
mount -o remount,bind,ro base
# /etc is attached before the many siblings of /usr/share are bound.
cat >p.fstab <<'P'
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x,x-snapd.origin=layout 0 0
/snap/app/1/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
P
before=$(mounts)
"$OVERMOUNT" probe --state state >/dev/null
start=$(date +%s%N)
"$OVERMOUNT" apply --root base --state state --strategy mimic p.fstab
us=$((($(date +%s%N) - start) / 1000))
complete=$(mounts | wc -l)
"$OVERMOUNT" undo --state state

RANDOM=4
bad="" done=0 undone=0
for ((i = 0; i < 60; i++)); do
	signal=TERM
	[ $((i % 2)) = 0 ] || signal=INT
	# A shell without job control starts background commands with SIGINT ignored.
	setsid env --default-signal=INT "$OVERMOUNT" apply --root base --state state \
		--strategy mimic p.fstab >out 2>err &
	pid=$!
	sleep "$(printf '0.%06d' $((RANDOM * us / 32768)))"
	kill -$signal $pid 2>/dev/null
	wait $pid
	status=$?
	case $status in
	0) done=$((done + 1)); [ "$(mounts | wc -l)" = "$complete" ] || bad+=" $i:lie" ;;
	2 | 32) undone=$((undone + 1)); [ "$(mounts)" = "$before" ] || bad+=" $i:partial($status)" ;;
	# Before the program had begun.
	143 | 130) [ "$(mounts)" = "$before" ] || bad+=" $i:partial($status)" ;;
	*) bad+=" $i:exit($status)" ;;
	esac
	[ $status != 32 ] || grep -q 'interrupted by a signal' err || bad+=" $i:said $(head -n 1 err)"
	"$OVERMOUNT" undo --state state >/dev/null 2>&1
	[ "$(mounts)" = "$before" ] || { bad+=" $i:stuck"; break; }
done
is "60 signals: complete or undone, and told so" "$bad" ""
[ $undone -gt 5 ] && ok "control: $undone were undone, $done came too late" ||
	not_ok "control: some were undone" "$undone undone, $done done"
plan_end
