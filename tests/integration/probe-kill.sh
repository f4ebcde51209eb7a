#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SIGKILL at random points of a probe: no mount, no file, no process, no module stays.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

runs=${OM_RUNS:-1000}
mkdir control

# What must not change: mounts, /run, the directory of the cache, file systems.
state_of_system() {
	mounts
	find /run -xdev -printf '%p %M %u %s\n' 2>/dev/null | sort
	find state control -mindepth 1 ! -path state/facts | sort
	cat /proc/filesystems
}

# A prober without namespaces, which must be caught.
cat >naive <<'EOS'
mount -t tmpfs naive control
: >control/file
umount control
EOS
before=$(state_of_system)
"$TOOLS/killer" 60 4000 1 -- sh naive >out
if [ "$(state_of_system)" != "$before" ]; then
	ok "control: a prober that mounts where others see it is caught"
else
	not_ok "control: a prober that mounts where others see it is caught" "$(cat out)"
fi
while umount control 2>/dev/null; do :; done
rm -f control/file
cat >stayer <<'EOS'
setsid sh -c 'echo $$ >>stayers; exec sleep 60' &
wait
EOS
# Time enough for a shell to start where other tests take both processors.
"$TOOLS/killer" 3 200000 1 -- sh stayer >out
is "control: a process that stays is caught" "$?" 1
xargs kill <stayers 2>/dev/null

# How long a whole run takes decides where the kills fall: from the start to its end.
start=$(date +%s%N)
for _ in 1 2 3 4 5; do "$OVERMOUNT" probe --state state >facts.out; done
us=$((($(date +%s%N) - start) / 5000))
before=$(state_of_system)
for seed in 1 2; do
	"$TOOLS/killer" $((runs / 2)) $us $seed -- "$OVERMOUNT" probe --state state >out
	is "seed $seed: nothing stays behind" "$?" 0
	read -r killed _ total _ <out
	# Kills after the end prove nothing.  Other tests run beside this one, and how fast a run
	# is changes with them.
	[ "$killed" -gt $((total / 4)) ] && ok "seed $seed: $(cat out), probe takes $us us" ||
		not_ok "seed $seed: enough runs are killed" "$(cat out)"
	is "seed $seed: mounts, files and file systems are as before" "$(state_of_system)" "$before"
done
# Killed between two caches there may be none; a cache that is there is whole.
rm -f state/facts
"$TOOLS/killer" $((runs / 5)) $us 3 -- "$OVERMOUNT" probe --cached --state state >out
is "without a cache: nothing stays behind" "$?" 0
is "without a cache: mounts, files and file systems are as before" "$(state_of_system)" "$before"
is "the facts are those of before" \
	"$("$OVERMOUNT" probe --cached --state state | grep -v mounts-left)" \
	"$(grep -v mounts-left facts.out)"
plan_end
