#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bad input names file, line, field and reason on one line, and changes nothing.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,usr/share,snap/app/1/foo}
: >tree/usr/share/file
ln -s share tree/usr/link
mount --bind tree base
mount -o remount,bind,ro base
mounts_before=$(mounts)
tree_before=$(tree base)

# refuse NAME EXIT EXPRESSION LINE...: the last lines are the profile
refuse() {
	local name=$1 want=$2 expression=$3 r out
	shift 3
	printf '%s\n' "$@" >bad.fstab
	out=$("$OVERMOUNT" apply --root base --state state bad.fstab 2>&1)
	r=$?
	if [ $r != "$want" ]; then
		not_ok "$name: exit $want" "exit $r: $out"
	elif [ "$(printf '%s\n' "$out" | grep -vc '^fix: ')" != 1 ]; then
		not_ok "$name: one line" "$out"
	elif ! printf '%s\n' "$out" | grep -Eq -- "$expression"; then
		not_ok "$name: matches $expression" "$out"
	elif [ "$(mounts)" != "$mounts_before" ] || [ "$(tree base)" != "$tree_before" ]; then
		not_ok "$name: changes nothing"
	else
		ok "$name"
	fi
}
good='/snap/app/1/foo /usr/share/foo none rbind 0 0'
printf '%s\n' "$good" >good.fstab
"$OVERMOUNT" apply --root base --state state good.fstab && [ "$(mounts)" != "$mounts_before" ] &&
	ok "control: a good line is applied" || not_ok "control: a good line is applied"
"$OVERMOUNT" undo --state state

refuse "two fields" 1 'bad.fstab:2: .*cannot .*fields' "$good" '/a /usr/share/b'
refuse "target under /proc" 1 'bad.fstab:1: target: cannot .*"/proc/x"' '/snap /proc/x none bind 0 0'
refuse "target under /sys" 1 'bad.fstab:1: target: cannot .*reserved' '/snap /sys/x none bind 0 0'
refuse "unknown option" 1 'bad.fstab:2: options: cannot .*"frob".*unknown' "$good" '/snap /usr/share/x none bind,frob 0 0'
refuse "source that does not exist" 16 'bad.fstab:2: source: cannot bind "/nope".*does not exist' "$good" '/nope /usr/share/x none bind 0 0'
refuse "relative target" 1 'bad.fstab:1: target: .*absolute' '/snap usr/x none bind 0 0'
refuse "dots in the target" 1 'bad.fstab:1: target: ' '/snap /usr/../x none bind 0 0'
refuse "type ext4" 1 'bad.fstab:1: type: ' '/snap /usr/share/x ext4 bind 0 0'
refuse "a directory as a file" 16 'bad.fstab:1: source: .*not a file' '/snap /usr/share/x none bind,x-snapd.kind=file 0 0'
refuse "a file as a directory" 16 'bad.fstab:1: source: .*not a directory' '/usr/share/file /usr/share/x none bind 0 0'
refuse "another kind at the target" 16 'bad.fstab:1: target: .*kind' '/snap /usr/share/file none bind 0 0'
refuse "a file on the way" 16 'bad.fstab:1: target: .*not a directory' '/snap /usr/share/file/x none bind 0 0'
refuse "a new top-level directory" 16 'bad.fstab:1: target: .*root directory' '/snap /nix none bind 0 0'
refuse "same target twice" 1 'bad.fstab:2: target: .*line 1' "$good" "/snap /usr/share/foo none bind 0 0"
refuse "escape sequences are shown, not sent" 1 '\\x1b' $'/snap /usr/share/\e[2J none bind 0 0'

# What is read of a link in /proc is not where the kernel goes.
umount base
mkdir -p tree/{dev,run/overmount,proc}
ln -s /dev tree/usr/to-dev
ln -s round tree/usr/round
ln -s /run tree/var-run
mount --bind tree base
mount -o remount,bind,ro base
mount --rbind /proc base/proc
mounts_before=$(mounts)
# Without /proc, which is never the same twice.
tree() { "$TOOLS/tree-snapshot" "$1/usr"; }
tree_before=$(tree base)
refuse "a link of /proc as source" 16 'bad.fstab:1: source: cannot follow the symbolic link "/proc/self": .*process' \
	'/proc/self/root/etc /usr/share/x none bind 0 0'
refuse "one that means the same for all" 16 'bad.fstab:1: source: cannot follow the symbolic link "/proc/mounts"' \
	'/proc/mounts /usr/share/x none bind,x-snapd.kind=file 0 0'
refuse "a link to a reserved place" 16 'bad.fstab:1: target: cannot mount at "/usr/to-dev/x": symbolic links lead to "/dev/x", a reserved location' \
	'/snap /usr/to-dev/x none bind 0 0'
refuse "to that of our state" 16 'bad.fstab:1: target: .*"/run/overmount"' '/snap /var-run/overmount none bind 0 0'
refuse "links that go round" 2 'bad.fstab:1: target: cannot resolve "/usr/round/x": too many symbolic links' \
	'/snap /usr/round/x none bind 0 0'

out=$("$OVERMOUNT" apply --root base --state state missing.fstab 2>&1)
is "a missing profile" "$? $out" "2 overmount: missing.fstab: cannot read: No such file or directory"
ln -s round.fstab round.fstab
out=$("$OVERMOUNT" apply --root base --state state round.fstab 2>&1)
is "a profile that is a link to itself" "$? $out" "2 overmount: round.fstab: cannot read: Too many levels of symbolic links"
out=$(OM_CHANGE=grow OM_CHANGE_FILE=good.fstab LD_PRELOAD=$TOOLS/changing.so \
	"$OVERMOUNT" apply --root base --state state good.fstab 2>&1)
is "a profile that is changed while it is read" "$? $out" \
	"2 overmount: good.fstab: cannot read: it was changed while it was being read"
out=$("$OVERMOUNT" apply --root nowhere --state state good.fstab 2>&1)
is "a missing root" "$? $out" \
	'2 overmount: cannot open the root "nowhere": No such file or directory'
printf 'name: app\nlayout:\n  /usr/share/foo:\n    bond: $SNAP/x\n' >bad.yaml
out=$("$OVERMOUNT" layout bad.yaml 2>&1)
r=$?
[ $r = 1 ] && [[ $out == *"bad.yaml:4:"*bond* ]] && [ "$(printf '%s\n' "$out" | grep -vc '^fix: ')" = 1 ] &&
	ok "an unknown key of a layout" || not_ok "an unknown key of a layout" "$r: $out"
printf 'name: app\nlayout:\n  /usr/share/foo:\n    bond: $SNAP/x\n  /proc/x:\n    type: tmpfs\n' >bad.yaml
"$OVERMOUNT" layout bad.yaml >out 2>err
r=$?
is "all errors of a layout, and nothing on stdout" "$r $(wc -c <out) $(cut -d: -f3,4 err | tr '\n' ' ')" \
	"1 0 4:5 5:3 "
{
	printf 'name: app\nlayout:\n'
	for i in $(seq 30); do printf '  /proc/%s: {type: tmpfs}\n' "$i"; done
} >bad.yaml
is "not more than twenty" "$("$OVERMOUNT" layout bad.yaml 2>&1 | sed -n '$p' | tr '\n' ' ')" \
	"overmount: 10 more errors are not shown "
printf 'name: app\nlayout:\n  /var/lib: {type: tmpfs}\n' >bad.yaml
is "snapd's holes are there on demand" "$("$OVERMOUNT" layout --compat snapd bad.yaml)" \
	"tmpfs /var/lib tmpfs x-snapd.origin=layout 0 0"
out=$("$OVERMOUNT" layout --compat lxd bad.yaml 2>&1)
is "nobody else's" "$? $out" '1 overmount: cannot be compatible with "lxd": want snapd or proposal'
is "the mount table is as before" "$(mounts)" "$mounts_before"
plan_end
