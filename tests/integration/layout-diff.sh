#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an update is (`layout --diff` of two snap.yaml, `diff` of two profiles), the layout of
# a base, and the way from a profile back to a layout.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

cat >old.yaml <<'END'
name: app
layout:
  /etc/app.conf:
    symlink: $SNAP_COMMON/app.conf
  /opt/rt:
    bind: $SNAP/rt
  /var/cache/app:
    type: tmpfs
    mode: 700
END
sed 's/mode: 700/mode: 755/' old.yaml >new.yaml
printf '  /usr/share/app:\n    bind-file: $SNAP_COMMON/app\n' >>new.yaml

squeezed() { sed -E 's/ +/ /g; s/ $//'; }
diffed() {
	"$OVERMOUNT" layout --diff "$@" >out 2>err
	echo "$?"
	squeezed <out
	cat err
}
is "layout --diff" "$(diffed --old-revision 1 --revision 2 old.yaml new.yaml)" '0
ACT TARGET KIND SOURCE WHY
undo /var/cache/app tmpfs tmpfs differs in mode
undo /opt/rt bind /snap/app/1/rt differs in source
keep /etc/app.conf symlink /var/snap/app/common/app.conf nothing about it changes
do /opt/rt bind /snap/app/2/rt differs in source
do /usr/share/app bind-file /var/snap/app/common/app nothing was at its target
do /var/cache/app tmpfs tmpfs differs in mode'
is "the same revision by default" "$(diffed old.yaml old.yaml | cut -d' ' -f1,2 | tr '\n' ' ')" \
	"0 ACT TARGET keep /etc/app.conf keep /opt/rt keep /var/cache/app "
is "options of layouts" "$(diffed --name other --instance-key k \
	--extra-layout /run/systemd/journal.a:/run/systemd/journal old.yaml old.yaml |
	cut -d' ' -f1,2,4 | sed 's/nothing//' | tr '\n' ' ')" \
	"0 ACT TARGET SOURCE keep /snap/other /snap/other_k keep /var/snap/other /var/snap/other_k \
keep /etc/app.conf /var/snap/other/common/app.conf keep /opt/rt /snap/other/unset/rt \
keep /run/systemd/journal /run/systemd/journal.a keep /var/cache/app tmpfs "
echo 'name: app' >none.yaml
is "nothing to nothing" "$(diffed none.yaml none.yaml)" 0
printf 'name: app\nlayout:\n  /nix:\n    bind: $SNAP/x\n  /proc:\n    type: tmpfs\n' >bad.yaml
is "errors of the new one, all of them" "$(diffed old.yaml bad.yaml)" '1
overmount: bad.yaml:3:3: layout./nix: cannot lay out "/nix": it defines a new top-level directory "/nix"
overmount: bad.yaml:5:3: layout./proc: cannot lay out "/proc": it is in an off-limits area'
is "errors of the old one" "$(diffed bad.yaml old.yaml | head -n2)" '1
overmount: bad.yaml:3:3: layout./nix: cannot lay out "/nix": it defines a new top-level directory "/nix"'
is "a revision that is none" "$(diffed --old-revision v old.yaml old.yaml)" \
	'1
overmount: cannot use revision "v": it must be a number, x and a number, or unset'
is "as snapd" "$(diffed --compat snapd old.yaml old.yaml)" \
	'1
overmount: cannot compare: what snapd accepts need not be a profile'
is "one file" "$(diffed old.yaml | head -n2)" \
	'1
overmount: layout: want two files snap.yaml, the old and the new one'
is "three files" "$(diffed old.yaml old.yaml old.yaml | head -n1)" 1
"$OVERMOUNT" layout --old-revision 1 old.yaml >out 2>err
is "--old-revision alone" "$? $(cat out) $(head -n1 err)" \
	"1  overmount: layout: --json and --old-revision go with --diff"

# With the layout of a base below.
printf 'name: core\nlayout:\n  /usr/lib/b:\n    bind: $SNAP/b\n' >base.yaml
below=(--base-layout base.yaml --base-revision 7)
is "--base-layout" "$("$OVERMOUNT" layout "${below[@]}" --revision 1 old.yaml | head -n2)" \
	'/snap/core/7/b /usr/lib/b none rbind,rw,x-snapd.origin=layout 0 0
none /etc/app.conf none x-snapd.kind=symlink,x-snapd.symlink=/var/snap/app/common/app.conf,x-snapd.origin=layout 0 0'
is "layout --diff --base-layout" "$(diffed "${below[@]}" old.yaml old.yaml | cut -d' ' -f1,2 | tr '\n' ' ')" \
	"0 ACT TARGET keep /etc/app.conf keep /opt/rt keep /usr/lib/b keep /var/cache/app "
printf '  /opt:\n    type: tmpfs\n  /etc/app.conf:\n    type: tmpfs\n' >>base.yaml
"$OVERMOUNT" layout "${below[@]}" old.yaml >out 2>err
is "what meets a layout of the base" "$? $(cat out err)" \
	'1 overmount: old.yaml:3:3: layout./etc/app.conf: cannot lay out "/etc/app.conf": the base lays it out, too, at base.yaml:7:3
overmount: old.yaml:5:3: layout./opt/rt: cannot lay out "/opt/rt": it lies under "/opt", of the base, at base.yaml:5:3'
"$OVERMOUNT" layout --compat snapd "${below[@]}" old.yaml >out 2>err
is "--base-layout as snapd" "$? $(cat out err)" \
	'1 overmount: cannot use base layout "base.yaml": snapd knows none'
"$OVERMOUNT" layout --base-revision 7 old.yaml >out 2>err
is "--base-revision alone" "$? $(cat out err)" \
	'1 overmount: cannot use --base-revision without --base-layout'
"$OVERMOUNT" layout --base-layout missing.yaml old.yaml >out 2>err
is "a base that is not there" "$? $(cat out err)" \
	'2 overmount: missing.yaml: cannot read: No such file or directory'

# Of profiles, where an entry depends on another one.
cat >old.fstab <<'END'
/snap/content/7 /snap/app/1/rt none bind,ro 0 0
/snap/app/1/rt /opt/rt none rbind,rw,x-snapd.origin=layout 0 0
/srv/a /srv/b none bind 0 0
END
sed 's/content.7/content\/8/' old.fstab >new.fstab
is "diff" "$("$OVERMOUNT" diff old.fstab new.fstab | squeezed)" \
	'ACT TARGET KIND SOURCE WHY
undo /opt/rt bind /snap/app/1/rt its source meets "/snap/app/1/rt", which is undone
undo /snap/app/1/rt bind /snap/content/7 differs in source
do /snap/app/1/rt bind /snap/content/8 differs in source
keep /srv/b bind /srv/a nothing about it changes
do /opt/rt bind /snap/app/1/rt its source meets "/snap/app/1/rt", which is undone'
is "it is the same each time" "$("$OVERMOUNT" diff old.fstab new.fstab | sha256sum)" \
	"$("$OVERMOUNT" diff old.fstab new.fstab | sha256sum)"
"$OVERMOUNT" diff old.fstab none.yaml >out 2>err
is "diff: no profile" "$? $(cat out) $(cat err)" \
	'1  overmount: none.yaml:1: line: cannot read line: expected 4 to 6 fields, found 2'
"$OVERMOUNT" diff old.fstab >out 2>err
is "diff: one profile" "$? $(head -n1 err)" \
	"1 overmount: diff: want two profiles, the old and the new one"
if command -v jq >/dev/null; then
	is "diff --json" "$("$OVERMOUNT" diff --json old.fstab new.fstab |
		jq -r '.schema, .undo, .keep, .do, (.changes[0] | .act, .target, .kind, .reason,
			.what, .because, .why, .old, .new)')" \
		'overmount.layout-diff/1
2
1
2
undo
/opt/rt
bind
source-undone
null
/snap/app/1/rt
its source meets "/snap/app/1/rt", which is undone
/snap/app/1/rt /opt/rt none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/rt /opt/rt none rbind,rw,x-snapd.origin=layout 0 0'
	is "layout --diff --json" "$("$OVERMOUNT" layout --diff --json --old-revision 1 \
		--revision 2 old.yaml new.yaml | jq -c '[.changes[] | [.act, .what]]')" \
		'[["undo","mode"],["undo","source"],["keep",null],["do","source"],["do",null],["do","mode"]]'
else
	skip "diff --json" "jq is missing"
	skip "layout --diff --json" "jq is missing"
fi

# The way back.
"$OVERMOUNT" layout --revision 3 --instance-key k old.yaml >p.fstab
"$OVERMOUNT" layout --from-profile p.fstab >back.yaml
is "--from-profile" "$? $(cat back.yaml)" '0 # overmount layout --revision 3 --instance-key k
name: app
layout:
  /etc/app.conf:
    symlink: $SNAP_COMMON/app.conf
  /opt/rt:
    bind: $SNAP/rt
  /var/cache/app:
    type: tmpfs
    mode: 700'
is "--from-profile and there again" \
	"$("$OVERMOUNT" layout --revision 3 --instance-key k back.yaml)" "$(cat p.fstab)"
is "--from-profile of standard input, under another name" \
	"$("$OVERMOUNT" layout --from-profile --name app --revision 3 - <p.fstab)" "$(cat back.yaml)"
"$OVERMOUNT" layout --from-profile old.fstab >out 2>err
is "lines that come from no layout, all of them" "$? $(cat out err)" \
	'1 overmount: old.fstab:1: options: cannot express "/snap/app/1/rt": it is no layout'"'"'s, for it has no x-snapd.origin=layout
overmount: old.fstab:3: options: cannot express "/srv/b": it is no layout'"'"'s, for it has no x-snapd.origin=layout'
"$OVERMOUNT" layout --from-profile --compat snapd p.fstab >out 2>err
is "--from-profile as snapd" "$? $(cat out err)" \
	'1 overmount: cannot make a layout: what snapd accepts need not be a profile'
for other in --diff "--base-layout base.yaml" "--extra-layout /a:/b"; do
	# shellcheck disable=SC2086 # an option and its value
	"$OVERMOUNT" layout --from-profile $other p.fstab >out 2>err
	is "--from-profile and ${other%% *}" "$? $(cat out) $(head -n1 err)" \
		"1  overmount: layout: --from-profile does not go with --diff, --base-layout, --extra-layout and --interfaces"
done
"$OVERMOUNT" layout --from-profile >out 2>err
is "--from-profile of nothing" "$? $(head -n1 err)" "1 overmount: layout: want one profile"

# A layout that is the same stays as it is, and comes back, whatever real snaps ask for.
corpus=$top_srcdir/tests/corpus/yaml n=0 kept=0 back=0
for yaml in "$corpus"/*.yaml; do
	lines=$("$OVERMOUNT" layout --name app "$yaml" 2>/dev/null | wc -l)
	[ "$lines" -gt 0 ] || continue
	n=$((n + 1))
	[ "$("$OVERMOUNT" layout --name app --diff "$yaml" "$yaml" | grep -c '^keep')" = "$lines" ] &&
		kept=$((kept + 1))
	"$OVERMOUNT" layout --name app --revision 1 "$yaml" >p.fstab
	"$OVERMOUNT" layout --from-profile --name app p.fstab |
		"$OVERMOUNT" layout --revision 1 - >again.fstab
	[ "$(sort p.fstab)" = "$(sort again.fstab)" ] && back=$((back + 1))
done
[ "$n" -gt 100 ] && ok "$n layouts of real snaps" || not_ok "layouts of real snaps" "only $n"
is "each stays when it is the same" "$kept" "$n"
is "each comes back from its profile" "$back" "$n"
plan_end
