#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a person or a program meets at the command line.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share/X11,snap/app/1/foo}
mount --bind tree base
mount -o remount,bind,ro base
echo '/snap/app/1/foo /usr/share/foo none rbind 0 0' >p.fstab

for command in layout diff probe plan apply undo status check run; do
	out=$("$OVERMOUNT" $command --help)
	[ $? = 0 ] && [[ $out == *"Usage:"*"overmount $command"* ]] && ok "$command --help" ||
		not_ok "$command --help" "$out"
	"$OVERMOUNT" $command --frob >out 2>err
	[ $? = 1 ] && [ ! -s out ] && grep -q "^Try 'overmount $command --help'" err &&
		ok "$command: unknown option" || not_ok "$command: unknown option" "$(cat err)"
done
[[ $("$OVERMOUNT" --version) == overmount\ [0-9]* ]] && ok "--version" || not_ok "--version"
"$OVERMOUNT" >out 2>err
is "no command" "$?" 1
"$OVERMOUNT" frob >out 2>err
is "unknown command" "$?" 1
"$OVERMOUNT" plan --strategy frob p.fstab >out 2>err
is "unknown strategy" "$? $(cat err)" \
	'1 overmount: cannot use strategy "frob": want auto, overlay, overlay-rw or mimic'

before=$(mounts)
"$OVERMOUNT" plan --root base p.fstab >out
is "plan changes nothing" "$(mounts)" "$before"
is "plan: columns" "$(head -n1 out | xargs)" "TARGET STRATEGY STEPS MOUNTS MEMORY WHY"
grep -q '^/usr/share/foo *overlay ' out && ok "plan: a row" || not_ok "plan: a row" "$(cat out)"
"$OVERMOUNT" plan --root base --steps p.fstab >out
is "plan --steps ends with one move" "$(grep -c 'mount --move' out)" 1
"$OVERMOUNT" plan --root base --explain /usr/share/foo p.fstab >out
is "plan --explain" "$(sed -E 's/about [0-9]+/about N/' out)" 'Entry     "/usr/share/foo"
Asked     show the directory "/snap/app/1/foo" here, with what is mounted in it (p.fstab:1)
Found     nothing at "/usr/share/foo"
Hole      "/usr/share": "tmpfs", mounted read-only
plain     no: the target is missing and its parent takes no new name [needs-hole]
overlay   chosen: one read-only overlay does it, siblings cost nothing [ovl-ro]
          6 steps, 3 mounts, 4 inodes, about N KiB of kernel memory
mimic     not asked: an earlier strategy can
          would cost 3 mounts, 3 inodes, about N KiB of kernel memory'
"$OVERMOUNT" plan --root base --explain /usr/share/bar p.fstab >out 2>err
is "plan --explain: no such target" "$? $(cat out err)" \
	'1 overmount: p.fstab: cannot explain "/usr/share/bar": it is the target of no entry
fix: overmount plan PROFILE lists the targets'
"$OVERMOUNT" plan --root base --json --explain /usr/share/foo p.fstab >out 2>err
is "plan: one form at a time" "$? $(cat out) $(head -n1 err)" \
	"1  overmount: plan: want one of --explain, --steps and --json"
# What is said of a strategy is what it does: the mounts are counted after an apply.
for strategy in overlay mimic; do
	"$OVERMOUNT" plan --root base --strategy $strategy p.fstab >out
	"$OVERMOUNT" apply --root base --state state --strategy $strategy p.fstab
	n=$(comm -13 <(echo "$before") <(mounts) | wc -l)
	"$OVERMOUNT" undo --state state
	# The skeleton of an overlay is mounted, but nowhere.
	[ $strategy = overlay ] && n=$((n + 1))
	is "plan: the mounts of $strategy" "$(awk 'END { print $4 }' out)" "$n"
done
if command -v jq >/dev/null; then
	is "plan --json: costs" "$("$OVERMOUNT" plan --root base --json p.fstab | jq -c '.entries[0] | [.cost.mounts, .cost.inodes, .not_taken[0].strategy, .not_taken[0].mounts]')" '[3,4,"mimic",3]'
	is "plan --json" "$("$OVERMOUNT" plan --root base --json p.fstab | jq -r '.schema, .entries[0].strategy, (.steps | length)' | tr '\n' ' ')" "overmount.plan/1 overlay 6 "
	is "probe --json" "$("$OVERMOUNT" probe --json | jq -r '.facts | map(select(.fact == "mount-api.fd" or .fact == "overlay.ro")) | length')" 2
else
	skip "plan --json: costs" "jq is missing"
	skip "plan --json" "jq is missing"
	skip "probe --json" "jq is missing"
fi
# Without standard streams: what is opened must not become what messages go to.
before=$(mounts)
"$OVERMOUNT" apply --root base --state state p.fstab <&- >&- 2>&-
is "apply without standard streams" "$? $("$OVERMOUNT" check --state state 2>&1)" "0 "
"$OVERMOUNT" undo --state state <&- >&- 2>&-
is "undo without standard streams" "$? $(mounts)" "0 $before"
"$OVERMOUNT" apply --root base --state state missing.fstab <&- >&- 2>&-
is "an error that nobody can read" "$?" 2
"$OVERMOUNT" probe >out
read -r a b c d <out
is "probe: columns" "$a $b $c $d" "FACT STATE VALUE EVIDENCE"
"$OVERMOUNT" plan --root base --strategy overlay --steps p.fstab >steps
# The steps are what a person would type: typing them gives the same tree.
sed -e "s#/run/overmount/stage#$work/stage#g" steps >typed
"$OVERMOUNT" apply --root base --state state --strategy overlay p.fstab
tree base >tree.applied
"$OVERMOUNT" undo --state state
mkdir stage && mount -t tmpfs typed stage && sh -e typed
is "typing the steps gives the same tree" "$(tree base)" "$(cat tree.applied)"
# What interfaces bring goes behind the layout.
printf 'name: foo\nlayout:\n  /usr/foo: {type: tmpfs}\n' >foo.yaml
printf '%s\n' 'tmpfs /usr/foo tmpfs defaults 0 0' '/x /y none bind,ro 0 0' \
	'/x /y none bind,ro,nodev 0 0' >interfaces.fstab
out=$("$OVERMOUNT" layout --interfaces interfaces.fstab foo.yaml 2>err)
is "layout --interfaces: one is renamed, two become one" "$? $out" '0 tmpfs /usr/foo tmpfs x-snapd.origin=layout 0 0
tmpfs /usr/foo-2 tmpfs defaults 0 0
/x /y none nodev,ro,bind 0 0'
is "and the new name is told" "$(<err)" \
	'overmount: interfaces.fstab: the entry at "/usr/foo" goes to "/usr/foo-2": another one is there'
for with in --diff --from-profile; do
	"$OVERMOUNT" layout $with --interfaces interfaces.fstab foo.yaml foo.yaml >out 2>err </dev/null
	is "layout $with knows no interfaces" "$? $(<out)" "1 "
done
plan_end
