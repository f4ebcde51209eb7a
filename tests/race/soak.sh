#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Thousands of applies and undoes side by side leave no mount, file, descriptor or process,
# and take no more memory at the end than at the start (tests/race/soak.c).  make check: some
# seconds; make check-soak: OM_SOAK cycles.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
SOAK=$top_builddir/tests/race/soak

mkdir -p tree/{etc,usr/share/{X11,doc},snap/app/1/{foo/sub,content}} spare
echo hello >tree/snap/app/1/foo/hello
echo conf >tree/snap/app/1/conf
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
bind='/snap/app/1/foo /usr/share/foo none rbind,rw 0 0'
file='/snap/app/1/conf /etc/conf none bind,rw,x-snapd.kind=file 0 0'
link='none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0'
tmp='tmpfs /usr/share/X11/tmp tmpfs mode=0700 0 0'
exist='/snap/app/1/content /usr/share/doc none rbind,ro 0 0'
over='/usr/share/doc /usr/share/seen none rbind,ro 0 0'
printf '%s\n' "$bind" >1.fstab
printf '%s\n' "$bind" "$file" "$link" "$tmp" "$exist" >2.fstab
printf '%s\n' "$exist" "$over" >3.fstab

# soak ARGUMENT...: what it said in $said.
soak() {
	said=$(timeout -k 5 7200 "$SOAK" "$@" "$OVERMOUNT" "$TOOLS/enosys" ./[123].fstab </dev/null 2>&1)
	status=$?
	# Of each of the four, and of all.
	lines=$(wc -l <<<"$said")
}

for leak in mount:mounts file:entries fd:descriptors process:process rss:memory; do
	soak -p "${leak%:*}" 64
	if [ $status = 1 ] && grep -q "^worker 0: .* TROUBLE: .*${leak#*:}" <<<"$said"; then
		ok "control: a leak is noticed, ${leak%:*}"
	else
		not_ok "control: a leak is noticed, ${leak%:*}" "$said (status $status)"
	fi
	rm -rf state[012]
done
if [ -n "${OM_SOAK:-}" ]; then
	soak "$OM_SOAK"
else
	soak -t 4 100000
fi
if [ $status = 0 ] && [ "$lines" = 5 ] && [ "$(grep -c 'applied=0 ' <<<"$said")" = 0 ]; then
	ok "nothing leaks, $(tail -n 1 <<<"$said")"
	sed 's/^/# /' <<<"$said"
else
	not_ok "nothing leaks" "$said (status $status)"
fi
is "the mounts of this namespace" "$(mounts | grep -c planted)" 0
plan_end
