#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a layout says of a tmpfs arrives on the mount: its mode, its user and its group, by
# each strategy, from each spelling, and for who works in it.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

base_tree tree 30
mkdir -p tree/var/there tree/mytmp tree/usr/bin
chmod 0700 tree/var/there
make_squashfs tree
make_snap snap
cat >passwd <<'END'
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin
END
printf 'root:x:0:\nnogroup:x:65533:\nnobody:x:777:\n' >group
names=(--passwd passwd --group group)
cat >snap.yaml <<'END'
name: app
layout:
  /usr/share/tmp:
    type: tmpfs
    user: nobody
    group: nogroup
    mode: 1777
  /usr/share/plain:
    type: tmpfs
  /var/there:
    type: tmpfs
    user: 5
    group: 6
    mode: 0750
END

modes() { stat -c '%n %a %u %g' "${@/#/base}" 2>&1; }
apply() { "$OVERMOUNT" apply --root base --state state "$@"; }
undo() { "$OVERMOUNT" undo --state state; }
layout() { "$OVERMOUNT" layout "${names[@]}" --revision 1 "$@"; }
want='base/usr/share/tmp 1777 65534 65533
base/usr/share/plain 755 0 0
base/var/there 750 5 6'

is "control: the base has none of it" "$(modes /usr/share/tmp /usr/share/plain /var/there | sed 's/.*: No/No/')" \
	'No such file or directory
No such file or directory
base/var/there 700 0 0'
# What the kernel makes of a tmpfs without options: this is what must not be seen.
printf 'tmpfs /var/there tmpfs defaults 0 0\n' >bare.fstab
apply bare.fstab
is "control: a tmpfs that says nothing has the kernel's mode" "$(modes /var/there)" \
	'base/var/there 1777 0 0'
undo

before=$(mounts)
for strategy in overlay mimic; do
	rm -rf state/* 2>/dev/null
	is "$strategy: the plan" "$(layout snap.yaml |
		"$OVERMOUNT" plan --root base --strategy $strategy - | awk 'NR > 1 { print $1, $2 }')" \
		"/usr/share/plain $strategy
/usr/share/tmp $strategy
/var/there plain"
	for start in cold warm; do
		layout snap.yaml | apply --strategy $strategy -
		is "$strategy, $start: applied" "${PIPESTATUS[*]}" "0 0"
		is "$strategy, $start: mode, user and group" \
			"$(modes /usr/share/tmp /usr/share/plain /var/there)" "$want"
		is "$strategy, $start: it is a tmpfs" \
			"$(findmnt -nro FSTYPE --mountpoint "$PWD/base/usr/share/tmp")" tmpfs
		is "$strategy, $start: check" "$("$OVERMOUNT" check --state state 2>&1; echo $?)" 0
		if [ $start = warm ] && command -v setpriv >/dev/null; then
			user() { setpriv --reuid "$1" --regid "$1" --clear-groups -- "${@:2}"; }
			user 1000 touch base/usr/share/tmp/mine 2>err && ok "$strategy: anybody writes" ||
				not_ok "$strategy: anybody writes" "$(cat err)"
			user 1001 rm -f base/usr/share/tmp/mine 2>/dev/null
			[ -e base/usr/share/tmp/mine ] && ok "$strategy: the sticky bit keeps others off" ||
				not_ok "$strategy: the sticky bit keeps others off"
			user 65534 rm -f base/usr/share/tmp/mine 2>/dev/null
			[ ! -e base/usr/share/tmp/mine ] && ok "$strategy: but not its owner" ||
				not_ok "$strategy: but not its owner"
			user 1000 touch base/usr/share/plain/mine 2>/dev/null
			[ ! -e base/usr/share/plain/mine ] && ok "$strategy: 0755 keeps others off" ||
				not_ok "$strategy: 0755 keeps others off"
		elif [ $start = warm ]; then
			skip "$strategy: who writes" "setpriv is missing"
		fi
		undo
		is "$strategy, $start: undone" "$? $(mounts)" "0 $before"
		is "$strategy, $start: the base is as before" "$(modes /var/there)" \
			'base/var/there 700 0 0'
	done
	is "$strategy: run" "$("$OVERMOUNT" run --root base --state state --strategy $strategy \
		"${names[@]}" --layout snap.yaml --snap snap -- ls -dln /usr/share/tmp /var/there |
		awk '{ print $1, $3, $4, $NF }')" 'drwxrwxrwt 65534 65533 /usr/share/tmp
drwxr-x--- 5 6 /var/there'
done

# Who owns it is set before nothing can be set any more.
printf '%s\n' 'tmpfs /usr/share/tmp tmpfs ro,mode=0750,uid=5,gid=6 0 0' 'tmpfs /var/there tmpfs ro,nosuid 0 0' >ro.fstab
for strategy in overlay mimic; do
	for surface in env "$TOOLS/enosys 4.4 --" "$TOOLS/enosys mount_setattr --"; do
		rm -rf state/*
		# shellcheck disable=SC2086 # words
		$surface "$OVERMOUNT" apply --root base --state state --strategy $strategy ro.fstab
		is "$strategy: read-only, on ${surface##*/}" "$? $(modes /usr/share/tmp /var/there)" \
			$'0 base/usr/share/tmp 750 5 6\nbase/var/there 1777 0 0'
		is "$strategy: and takes nothing, on ${surface##*/}" \
			"$(touch base/usr/share/tmp/x base/var/there/x 2>&1 | grep -c 'Read-only')" 2
		# shellcheck disable=SC2086 # words
		is "$strategy: and is what was wanted, on ${surface##*/}" \
			"$($surface "$OVERMOUNT" check --state state 2>&1; echo $?)" 0
		# shellcheck disable=SC2086 # words
		$surface "$OVERMOUNT" undo --state state
		is "$strategy: and goes, on ${surface##*/}" "$? $(mounts)" "0 $before"
	done
done

# As it was first proposed: the section, and the lines of a profile.
cat >proposal.yaml <<'END'
name: app
layout:
  /usr/share/tmp:
    type: tmpfs
    user: nobody
    group: nobody
    mode: 1777
  /mytmp:
    type: tmpfs
    user: nobody
    group: nobody
    mode: 1777
  /usr/mylink:
    symlink: /link/target
END
cat >proposal.fstab <<'END'
none /mytmp tmpfs x-snap-user:nobody,x-snap-group:nobody,x-snap-mode:1777 0 0
none /usr/mylink x-snap-symlink x-snap-symlink:/link/target 0 0
none /usr/share/tmp tmpfs x-snap-user:nobody,x-snap-group:nobody,x-snap-mode:1777 0 0
END
layout proposal.yaml >out 2>err
is "control: today's rules refuse it" "$? $(cat out) $(wc -l <err)" "1  2"
layout --compat snapd proposal.yaml >out 2>err
is "snapd refuses it" "$? $(cat out)" "1 "
layout --compat frob proposal.yaml >out 2>err
is "compatible with what is not known" "$? $(cat out err)" \
	'1 overmount: cannot be compatible with "frob": want snapd or proposal'
is "the section and the lines are one profile" \
	"$(layout --compat proposal proposal.yaml >p.fstab;
	"$OVERMOUNT" diff "${names[@]}" p.fstab proposal.fstab | awk 'NR > 1 { print $1, $2 }')" \
	"keep /mytmp
keep /usr/mylink
keep /usr/share/tmp"
for strategy in overlay mimic; do
	for from in section lines; do
		if [ $from = section ]; then
			layout --compat proposal proposal.yaml | apply --strategy $strategy -
		else
			apply --strategy $strategy "${names[@]}" proposal.fstab
		fi
		is "$strategy: the proposal by its $from" \
			"$? $(modes /usr/share/tmp /mytmp) $(readlink base/usr/mylink)" \
			"0 base/usr/share/tmp 1777 65534 777
base/mytmp 1777 65534 777 /link/target"
		undo
		is "$strategy: the proposal by its $from is undone" "$? $(mounts)" "0 $before"
	done
done
# New names in the root are for those who make the root.
sed 's/mytmp/newtmp/' proposal.yaml >new.yaml
is "run: a new name in the root" "$("$OVERMOUNT" run --root base --state state "${names[@]}" \
	--compat proposal --layout new.yaml --snap snap -- ls -dln /newtmp | awk '{ print $1, $3, $4 }')" \
	"drwxrwxrwt 65534 777"
"$OVERMOUNT" run --root base --state state --compat snapd --layout new.yaml --snap snap -- true >out 2>err
is "run: not as snapd" "$? $(cat out err)" \
	'1 overmount: cannot run: what snapd accepts need not be a profile'
echo root:x:0: >other
apply --passwd passwd --group other proposal.fstab >out 2>err
is "a name that is not in the file" "$? $(cat out err)" \
	'1 overmount: proposal.fstab:1: options: cannot use group "nobody": it is neither a number nor a name in other
fix: give the number, or the right file with --group'
apply --passwd missing proposal.fstab >out 2>err
is "a file that is not there" "$? $(cat out) $(cat err)" \
	'2  overmount: missing: cannot read: No such file or directory'
is "nothing was changed" "$(mounts)" "$before"

# Standard input, where nothing may come.
: | apply - >out 2>err
is "nothing on standard input" "$? $(cat out) $(head -n1 err)" \
	"1  overmount: -: cannot read: nothing came"
layout new.yaml 2>/dev/null | apply - >out 2>/dev/null
is "a layout that failed before" "${PIPESTATUS[*]} $(mounts)" "1 1 $before"
is "a layout from standard input" "$(layout - <snap.yaml | sha256sum)" "$(layout snap.yaml | sha256sum)"
plan_end
