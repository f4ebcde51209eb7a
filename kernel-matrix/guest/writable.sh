#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A hole that takes new names, on a real older kernel: by overlay-rw and by mimic, with all calls
# and with mount(2) alone.  Wants enosys and tree-snapshot (build/tests/tools) in /usr/bin:
#
#   kernel-matrix/boot --kernel 5.10 --load overlay --script kernel-matrix/guest/writable.sh \
#           --file build/tests/tools/enosys:/usr/bin/enosys \
#           --file build/tests/tools/tree-snapshot:/usr/bin/tree-snapshot
#
# Prints a line for each surface and strategy; exit status 1 when one has gone wrong.

cd /tmp || exit 2
failed=0
mkdir -p tree/usr/share/gone/deep tree/snap/app/1/foo base state
echo hello >tree/snap/app/1/foo/hello
echo text >tree/usr/share/file
echo text >tree/usr/share/gone/deep/file
mount -o bind tree base
mount -o remount,bind,ro base
echo '/snap/app/1/foo /usr/share/foo none rbind,ro 0 0' >p.fstab
mounts() { sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' /proc/self/mountinfo | sort; }
before=$(mounts)
tree_before=$(tree-snapshot base)
share=base/usr/share

bad=
# want WHAT COMMAND...
want() {
	what=$1
	shift
	"$@" >out 2>&1 || bad="$bad [$what: $(head -n 1 out)]"
}
new_file() { echo new >$share/new && [ "$(cat $share/new)" = new ]; }
change() { echo more >>$share/file && [ "$(wc -l <$share/file)" = 2 ]; }
no_change() { ! { echo more >>$share/file; } 2>/dev/null && [ "$(wc -l <$share/file)" = 1 ]; }
replace() { rm -r $share/gone && mkdir $share/gone && [ -z "$(ls -A $share/gone)" ]; }
is_full() { ! dd if=/dev/zero of=$share/big bs=4096 count=128 2>/dev/null && [ "$(stat -c %s $share/big)" -le 262144 ]; }
is_by() { overmount status --state state | grep -q "^/usr/share  *mount  *$1 "; }
is_before() { [ "$(mounts)" = "$before" ] && [ "$(tree-snapshot base)" = "$tree_before" ]; }

for surface in '' 'enosys 4.4 --'; do
	for strategy in overlay-rw mimic; do
		bad=
		printf 'schema: overmount.policy/1\nstrategies: [%s]\nwritable: { holes: [/usr], size: 262144 }\n' $strategy >policy
		# shellcheck disable=SC2086
		want applied $surface overmount apply --root base --state state --policy policy p.fstab
		want strategy is_by $strategy
		want "a new file" new_file
		if [ $strategy = mimic ]; then
			want "what is there stays" no_change
		else
			want "a change" change
			want "a removal" replace
		fi
		want "no room" is_full
		want check overmount check --state state
		# shellcheck disable=SC2086
		want undone $surface overmount undo --state state
		want "as before" is_before
		[ -z "$bad" ] || failed=1
		echo "$(uname -r) ${surface:-all calls} $strategy: ${bad:-good}"
	done
done
exit $failed
