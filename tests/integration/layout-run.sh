#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job: a snap's layout in, a process that sees it, beside 3,000 siblings.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

base_tree tree 3000
make_squashfs tree
make_snap snap
cat >snap.yaml <<'Y'
name: app
version: 1
layout:
  /usr/share/foo:
    bind: $SNAP/usr/share/foo
Y
: >empty.fstab

run() { "$OVERMOUNT" run --root base "$@"; }
layout=(--layout snap.yaml --snap snap)

[ ! -e base/usr/share/foo/hello ] && ok "control: the base has no foo" ||
	not_ok "control: the base has no foo"
without=$(run --profile empty.fstab -- cat /proc/self/mountinfo | wc -l)
for strategy in auto overlay mimic; do
	is "$strategy: the file is seen" \
		"$(run --strategy $strategy "${layout[@]}" -- cat /usr/share/foo/hello 2>&1)" hello
	is "$strategy: siblings are seen" \
		"$(run --strategy $strategy "${layout[@]}" -- cat /usr/share/dir10/content 2>&1)" 10
	is "$strategy: the snap is at its place" \
		"$(run --strategy $strategy "${layout[@]}" -- ls /snap/app/x1 2>&1)" "$(ls snap)"
done
with=$(run --strategy overlay "${layout[@]}" -- cat /proc/self/mountinfo | wc -l)
if [ $((with - without)) -le 6 ]; then
	ok "overlay: $((with - without)) more lines in mountinfo, 6 are allowed"
else
	not_ok "overlay: $((with - without)) more lines in mountinfo, 6 are allowed"
fi
run "${layout[@]}" -- sh -c 'exit 7'
is "the exit status is the command's" "$?" 7
run "${layout[@]}" -- /no/such/command 2>/dev/null
is "a command that is not there is 127" "$?" 127
is "name and revision can be given" \
	"$(run "${layout[@]}" --name other --revision 42 -- cat /snap/other/42/etc/foo.conf)" conf
is "the old root is gone" "$(run "${layout[@]}" -- ls / | tr '\n' ' ')" "$(ls base | tr '\n' ' ')"
# Once something covers the root it is the root, also for whoever takes it away.
for more in "" "/new /newer none rbind,x-snapd.origin=layout 0 0"; do
	printf '%s\n' "/usr/share/dir10 /new none rbind 0 0" \
		"$more" "/new${more:+er}/missing /usr/share/dir12 none rbind,x-snapd.origin=layout 0 0" >late.fstab
	for strategy in overlay mimic; do
		run --strategy $strategy --profile late.fstab -- true 2>err
		is "$strategy: what covered the root is undone${more:+, twice}" "$? $(tail -n 1 err)" \
			"32 overmount: everything is undone"
	done
done
before=$(mounts)
run "${layout[@]}" -- sh -c 'exit 0'
is "nothing is left in the caller's namespace" "$(mounts)" "$before"
plan_end
