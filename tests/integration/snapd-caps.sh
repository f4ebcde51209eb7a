#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Started as a newer snap-confine (2.77) does: as the calling user, with three capabilities
# that are handed over as ambient ones.  What is there afterwards is what root would have
# made, and root goes on from there.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 1
. "${top_srcdir:-.}/tests/integration/snapd-lib.sh" || exit 1
caps=-all,+sys_admin,+chown,+dac_override
setpriv --inh-caps $caps --ambient-caps $caps --bounding-set $caps true 2>/dev/null ||
	skip_all "no setpriv that hands capabilities over"
om_start "$@"
make_squashfs_base
make_host
make_ns foo || skip_all "cannot pin a mount namespace"

as_user=(/usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups)
# constructed_by PREFIX...: as snap-confine asks for it, by who the prefix makes of root.
constructed_by() {
	flock /run/snapd/lock/foo.lock "${surface[@]}" env -i PATH=/usr/bin SNAPD_DEBUG=0 \
		"$(command -v nsenter)" --mount=/run/snapd/ns/foo.mnt "$@" \
		/usr/lib/snapd/snap-update-ns --from-snap-confine foo >out 2>err
	rc=$?
}
with() {
	constructed_by "${as_user[@]}" --inh-caps "$1" --ambient-caps "$1" --bounding-set "$1"
}
# Whom everything belongs to, where something was made.
owners() {
	inside find /usr/share /usr/lib/link /etc /snap/foo/1 /var/snap /run/snapd/ns/snap.foo.fstab \
		-printf '%p %M %U:%G\n' | sort
}
state() { find /run/overmount -printf '%P %M %U:%G\n' | sed -E 's/[0-9]{6,}/N/' | sort; }

mkdir -p var-snap/foo/common/theirs host-etc/sub
chown 1000:1000 var-snap/foo/common/theirs
chmod 0751 host-etc
chown 5:6 host-etc/sub
chmod 2775 host-etc/sub
ln -s /etc var-snap/foo/common/theirs/way
chown -h 1000:1000 var-snap/foo/common/theirs/way
made="/var/snap/foo/common/a/b /usr/share/data none rbind,rw,x-snapd.origin=layout 0 0"
tmp="tmpfs /usr/share/tmp tmpfs x-snapd.mode=0750,x-snapd.origin=layout 0 0"
deep="/snap/foo/1/share /etc/sub/deep/er none rbind,rw,x-snapd.origin=layout 0 0"
through="/snap/other/1 /var/snap/foo/common/theirs/way/through none bind,ro 0 0"
all=("$share" "$conf" "$link" "$content" "$made" "$tmp" "$deep")

start_anew() {
	drop_ns foo
	rm -rf /run/overmount var-snap/foo/common/a
	make_ns foo
}
before=$(table)
host_before=$(tree host-etc)
for name in "the mount API" "mount(2) alone"; do
	surface=()
	[ "$name" = "the mount API" ] || surface=("$TOOLS/enosys" 4.4 --)
	start_anew
	desire "${all[@]}"
	constructed_by
	is "$name: control: as root" "$rc:$(said)" "0:"
	owners_of_root=$(owners)
	as_root=$(table; current)$'\n'$owners_of_root
	state_of_root=$(state)
	start_anew

	with $caps
	is "$name: with three capabilities" "$rc:$(said)" "0:"
	is "$name: the same is there, and belongs to the same" "$(table; current; owners)" "$as_root"
	# What such a process has found out is nothing for root to go by.
	is "$name: the files of the program are root's, too" "$(state)" "$(grep -v '^facts ' <<<"$state_of_root")"
	is "$name: content is seen" "$(inside cat /usr/share/foo/hello /etc/sub/deep/er/hello)" $'hello\nhello'
	with $caps
	is "$name: the same profile again" "$rc:$(said):$(table; current; owners)" "0::$as_root"

	desire "${all[@]:0:2}" "$through"
	with $caps
	is "$name: what a user's link leads to is left out" "$rc:$(grep -c 'cannot change mount namespace' err)" "0:1"
	is "$name: and nothing is made there" "$(tree host-etc)" "$host_before"
	desire "${all[@]}"
	timeout 60 "${surface[@]}" ./snap-update-ns foo >out 2>err
	rc=$?
	is "$name: root goes on from there" "$rc:$(said):$(owners)" "0::$owners_of_root"
	desire ""
	with $caps
	is "$name: and back again" "$rc:$(said):$(table)" "0::$before"
	is "$name: nothing is left" "$(current):$(find /run/overmount -name 'journal.*')" "$rootfs:"
done

surface=()
for one in sys_admin chown dac_override; do
	desire "$share"
	with "${caps/,+$one/}"
	is "without CAP_${one^^}" "$rc:$(said)" "1:cannot update snap namespace: cannot start: CAP_${one^^} capability not in effective set"
	is "without CAP_${one^^}: nothing has changed" "$(table)" "$before"
done
drop_ns foo
plan_end
