#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# overmount apparmor: what it prints and refuses.  Whether the rules are the right ones, and
# mean what they say, is tests/integration/apparmor-rules.sh.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

base_tree tree 30
mkdir tree/home
make_snap tree/snap/app/1
make_squashfs tree
facts=$(cd "${top_srcdir:-.}" && pwd)/kernel-matrix/facts
cat >one.fstab <<'P'
/snap/app/1/usr/share/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
P
cat >two.fstab <<'P'
/snap/app/1/usr/share/foo /usr/share/bar none rbind,rw,x-snapd.origin=layout 0 0
/usr/share/bar /var/lib/baz none rbind,x-snapd.origin=layout 0 0
P
aa() { "$OVERMOUNT" apparmor --root base --name app "$@"; }
rules() { grep -v '^ *#' | sed 's/, #.*/,/; s/^ *//' | grep ',$' | sort; }

mounts_before=$(mounts)
one=$(aa --facts "$facts/6.12.yaml" one.fstab)
is "a whole profile" "$?" 0
case $one in
*$'\n''profile snap-update-ns.app flags=(attach_disconnected,mediate_deleted) {'*$'\n''}')
	ok "it has a name, flags and an end" ;;
*) not_ok "it has a name, flags and an end" "$one" ;;
esac
is "the hole and its undoing are in it" "$(rules <<<"$one" | grep -c 'usr/share/"')" 4
is "twice the same" "$(aa --facts "$facts/6.12.yaml" one.fstab)" "$one"
both=$(aa --facts "$facts/6.12.yaml" one.fstab two.fstab)
# What comes back when an update fails comes from another place as well.
is "of two revisions, nothing of the one is missing" \
	"$(comm -23 <(rules <<<"$one") <(sed 's/{aside,stage}/stage/' <<<"$both" | rules))" ""
is "nor of the other" "$(comm -23 <(aa --facts "$facts/6.12.yaml" two.fstab | rules) \
	<(sed 's/{aside,stage}/stage/' <<<"$both" | rules))" ""
is "an update has a place for what goes; without one there is none" \
	"$(rules <<<"$both" | grep -c '^umount ".*/aside') $(rules <<<"$one" | grep -c aside)" "1 0"
is "the snippet has the same rules" \
	"$(aa --facts "$facts/6.12.yaml" --snippet one.fstab | rules)" "$(rules <<<"$one")"
is "and nothing around them" \
	"$(aa --facts "$facts/6.12.yaml" --snippet one.fstab | grep -v '^  \|^$')" ""

portable=$(aa --portable one.fstab)
# For one name of a root that no namespace has there may be a glob, where a mimic has many.
no_names_of_root() { grep -vE '^("/[^/*]+/" w|mount options=\(move\) -> "/[^/*]+/"),$'; }
is "portable: there are globs" "$(rules <<<"$portable" | grep -cE '^("/\*/" w|mount options=\(move\) -> "/\*/"),')" 2
for kernel in 5.10 6.1 6.12 7.3; do
	for technique in direct mimic; do
		is "portable: all that $technique needs on $kernel" "$(comm -23 \
			<(aa --facts "$facts/$kernel.yaml" --technique $technique one.fstab | rules |
				no_names_of_root) \
			<(rules <<<"$portable"))" ""
	done
done
is "control: a rule of another profile is missing" "$(comm -23 \
	<(aa --facts "$facts/7.3.yaml" --technique direct two.fstab | rules) <(rules <<<"$portable") | grep -c '"/bar/"')" 1
mimic=$(aa --facts "$facts/6.12.yaml" --technique mimic one.fstab)
is "left open: all that a mimic needs" "$(comm -23 <(rules <<<"$mimic") <(rules <<<"$one"))" ""
is "and all that an overlay needs" "$(comm -23 \
	<(aa --facts "$facts/6.12.yaml" --technique direct one.fstab | rules) <(rules <<<"$one"))" ""
is "direct by name: no mimic" \
	"$(aa --facts "$facts/6.12.yaml" --technique direct one.fstab | grep -c 'by mimic')" 0
is "mimic: what is permitted for all names is not said of one" \
	"$(aa --facts "$facts/7.3.yaml" --technique mimic one.fstab | rules | grep -c -e '-> "/\*/"' -e '-> "/nest/"')" 1
is "mimic: no layer may be read" "$(rules <<<"$mimic" | grep -c 'usr/share/{')" 0
helper=$(aa --facts "$facts/6.12.yaml" --technique helper one.fstab)
is "helper: no layer may be read either" "$(rules <<<"$helper" | grep -c 'usr/share/{')" 0
is "helper: it is permitted, and has a profile" "$(grep -c overmount-layers <<<"$helper")" 3
is "helper: where it is" "$(aa --facts "$facts/6.12.yaml" --technique helper --layers-helper '/opt/a b' one.fstab |
	grep '/opt')" '  "/opt/a b" px -> overmount-layers,'
# /usr/share is a hole.
is "helper: that it lies in a hole is told" "$(aa --facts "$facts/6.12.yaml" --technique helper \
	--layers-helper /usr/share/layers one.fstab | grep -c '^# overmount-layers lies in "/usr/share"')" 1
is "helper: elsewhere it is not" "$(grep -c '^# overmount-layers lies' <<<"$helper")" 0
is "direct: no word of it" "$(grep -c overmount-layers <<<"$one")" 0
is "app: the target alone" "$(aa --app --technique mimic one.fstab | rules)" \
	'"/usr/share/foo{,/**}" rwmklix,'
is "app: who tries it may be ended" "$(aa --app one.fstab | rules)" \
	$'"/usr/share/foo{,/**}" rwmklix,\nsignal (receive) set=(kill) peer="snap-update-ns.app",'

# The hole lies on a file system that knows it by another name.
mkdir -p img/stuff img/home && echo x >img/stuff/x
mksquashfs img snap.squashfs -quiet -no-progress -comp lzo >/dev/null
mount -o loop,ro snap.squashfs base/snap/app/1
echo '/usr/share/X11 /snap/app/1/stuff/new none rbind,rw 0 0' >hole.fstab
is "a hole in the snap: both names may be read" \
	"$(aa --facts "$facts/6.12.yaml" hole.fstab | rules | grep 'stuff/{')" \
	$'"/snap/app/1/stuff/{,**}" rm,\n"/stuff/{,**}" rm,'
is "and the application needs the other one" \
	"$(aa --facts "$facts/6.12.yaml" --app hole.fstab | rules)" \
	$'"/snap/app/1/stuff/new{,/**}" rwmklix,\n"/stuff/{,**}" rm,\nsignal (receive) set=(kill) peer="snap-update-ns.app",'
is "but not where the helper makes it" \
	"$(aa --facts "$facts/6.12.yaml" --technique helper --app hole.fstab | rules)" \
	$'"/snap/app/1/stuff/new{,/**}" rwmklix,\nsignal (receive) set=(kill) peer="snap-update-ns.app",'
echo '/usr/share/X11 /snap/app/1/home/new none rbind,rw 0 0' >home.fstab
out=$(aa --facts "$facts/6.12.yaml" home.fstab 2>&1)
is "but not when that is the name of something else" "$?" 16
case $out in
*'cannot permit an overlay in "/snap/app/1/home": its file system calls it "/home"'*) ok "it is told" ;;
*) not_ok "it is told" "$out" ;;
esac
sed "s,/var/lib/baz,/usr/share/baz,; s,/usr/share/foo,/stuff," two.fstab >chain.fstab
out=$(aa --facts "$facts/6.12.yaml" chain.fstab 2>&1)
is "nor an overlay on an overlay of ours, in which every name is another one" "$? ${out%%: its*}" \
	'16 overmount: cannot permit an overlay in "/usr/share"'
aa --facts "$facts/6.12.yaml" --technique mimic home.fstab >/dev/null
is "nor is that in the way of a mimic" "$?" 0
umount base/snap/app/1

cp one.fstab 'o"n\e,{@{x}}#*?.fstab'
is "a name that would be rules is a name" \
	"$(aa --facts "$facts/6.12.yaml" 'o"n\e,{@{x}}#*?.fstab' | rules | grep fstab)" \
	'"/mnt/o\x22n\x5ce,\{\@\{x\}\}#\*\?.fstab" r,'

fails() {
	local what=$1 status=$2 words=$3
	shift 3
	out=$("$@" 2>&1)
	is "$what: exit status" "$?" "$status"
	case $out in
	*"$words"*) ok "$what: $words" ;;
	*) not_ok "$what: $words" "$out" ;;
	esac
}
echo '/snap/app/1/nothing /usr/share/x none rbind 0 0' >refused.fstab
echo 'not a profile' >bad.fstab
fails "no profile" 1 "want a profile" aa
fails "no name" 1 "want --name" "$OVERMOUNT" apparmor one.fstab
fails "a name that is none" 1 'cannot use the name "a b"' "$OVERMOUNT" apparmor --name "a b" one.fstab
fails "a key that is none" 1 'cannot use the name "app_"' "$OVERMOUNT" apparmor --name app_ one.fstab
fails "a technique that is none" 1 'want direct, helper or mimic' aa --technique x one.fstab
fails "a state directory that is no path" 1 'cannot use --state "x"' aa --state x one.fstab
fails "a helper that is no path" 1 'cannot use --layers-helper "a"' aa --layers-helper a one.fstab
fails "a program that is no path" 1 'cannot use --program "/a/"' aa --program /a/ one.fstab
fails "a profile that is none" 1 'bad.fstab:1' aa one.fstab bad.fstab
fails "a profile that is not there" 2 'cannot read' aa missing.fstab
fails "a profile that is refused" 16 'refused.fstab:1: source' aa one.fstab refused.fstab
fails "--check of a part" 1 "wants a whole profile" aa --check --snippet one.fstab
is "an instance has a name, too" \
	"$("$OVERMOUNT" apparmor --root base --name app_x one.fstab | grep -c '^profile snap-update-ns.app_x ')" 1

aa --facts "$facts/6.12.yaml" two.fstab >want
# All of it or nothing, whichever allocation fails.
if LD_PRELOAD=$TOOLS/failmalloc.so "$OVERMOUNT" --version >/dev/null 2>&1; then
	bad=
	for ((n = 1; n < 2400; n += 31)); do
		OM_FAIL_MALLOC=$n LD_PRELOAD=$TOOLS/failmalloc.so "$OVERMOUNT" apparmor --root base \
			--name app --facts "$facts/6.12.yaml" two.fstab >out 2>err
		case $? in
		# libmount does not say that its memory is short (4).
		2 | 4) [ ! -s out ] || bad+=" $n" ;;
		0 | 200) [ -s out ] && cmp -s out want || bad+=" $n" ;;
		*) bad+=" $n" ;;
		esac
	done
	is "an allocation that fails: all or nothing" "$bad" ""
else
	skip "an allocation that fails" "nothing can be loaded into this build"
fi

# A parser of our own, to see how it is called and believed.
mkdir bin
cat >bin/apparmor_parser <<'P'
#!/bin/sh
echo "$*" >/mnt/parser.args
cat >/mnt/parser.text
exit "$(cat /mnt/parser.status)"
P
chmod +x bin/apparmor_parser
echo 0 >parser.status
is "--check prints nothing" "$(PATH=/mnt/bin:$PATH aa --facts "$facts/6.12.yaml" --check one.fstab)" ""
is "--check: the parser gets the profile" "$(cat parser.text)" "$one"
is "--check: and loads nothing" "$(grep -c -e -Q parser.args)" 1
echo 1 >parser.status
PATH=/mnt/bin:$PATH fails "--check of what the parser refuses" 4 "apparmor_parser refuses it (status 1)" \
	aa --check one.fstab
if [ -e /usr/sbin/apparmor_parser ] || [ -e /sbin/apparmor_parser ]; then
	skip "--check without a parser" "there is one"
else
	fails "--check without a parser" 16 "apparmor_parser is not installed" aa --check one.fstab
fi
is "the mount table is as before" "$(mounts)" "$mounts_before"
plan_end
