#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# `overmount run` builds in a namespace that nobody else has yet: killed at any system call, or
# failing there, it leaves nothing, and the command starts only when all is there.
if [ -z "${OM_PIDNS:-}" ] && [ "$(id -u)" = 0 ]; then
	# Of its own, so that the processes of other tests are not counted.
	OM_PIDNS=1 exec unshare -p -f --mount-proc bash "$0" "$@"
fi
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{bin,etc,proc,usr/share/X11,snap/app/1/foo}
echo hello >tree/snap/app/1/foo/hello
for file in sh cat; do
	file=$(command -v $file)
	cp -L "$file" tree/bin/
	for lib in $(ldd "$file" | grep -o '/[^ ]*'); do
		mkdir -p "tree${lib%/*}"
		cp -Ln "$lib" "tree$lib"
	done
done
mount --bind tree base
mount -o remount,bind,ro base
cat >p.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,ro 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
P
mounts_before=$(mounts)
tree_before=$(tree base)
is_as_before() { [ "$(mounts)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ]; }
# How many mount namespaces have a process.
namespaces() { readlink /proc/[0-9]*/ns/mnt 2>/dev/null | sort -u | wc -l; }
run=("$OVERMOUNT" run --root base --state state --profile p.fstab --
	/bin/sh -c 'cat /usr/share/foo/hello && [ -L /etc/link ] && echo whole')

is "it runs" "$("${run[@]}" 2>&1 | xargs)" "hello whole"
is_as_before && ok "and leaves nothing" || not_ok "and leaves nothing"
for strategy in overlay mimic; do
	cmd=("${run[0]}" run --strategy "$strategy" "${run[@]:2}")
	for surface in env "$TOOLS/enosys 4.4 --"; do
		bad="" started=0 failed=0
		before=$(namespaces)
		for ((n = 1; n < 2000; n += 5)); do
			# shellcheck disable=SC2086
			"$TOOLS/failnth" -a $n $((n % 2 * 5)) -- $surface "${cmd[@]}" >out 2>err
			status=$?
			[ $status = 200 ] && break
			if [ -s out ]; then
				started=$((started + 1))
				# The command itself may be what was hit, but it never sees a half.
				case "$(xargs <out)" in "hello whole" | hello) ;; *) bad+=" $n:$(xargs <out)" ;; esac
			else
				failed=$((failed + 1))
				[ $status != 0 ] || bad+=" $n:lie"
			fi
			is_as_before || { bad+=" $n:left"; break; }
			for ((i = 0; i < 100; i++)); do
				[ "$(namespaces)" -le "$before" ] && break
				sleep 0.02
			done
			[ $i -lt 100 ] || bad+=" $n:namespace"
		done
		is "$strategy, ${surface##*/}: killed or failing at $((n / 5)) calls, $failed before the command" "$bad" ""
		[ $failed -gt 10 ] && [ $started -gt 0 ] && ok "control: both happen" ||
			not_ok "control: both happen" "$failed before, $started after"
	done
done
# A namespace that stays is seen.
before=$(namespaces)
unshare -m sleep 5 &
sleeper=$!
for ((i = 0; i < 100; i++)); do
	[ "$(namespaces)" -gt "$before" ] && break
	sleep 0.02
done
is "control: a namespace that stays is noticed" "$((i < 100))" 1
kill $sleeper
plan_end
