#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=dash
#
# Applies and undoes profiles under what `overmount apparmor` prints for them, enforced, and
# counts what is denied.  Wants /matrix/aa with base.squashfs (a base that holds overmount,
# helper and busybox) and profiles/*.fstab; tests/matrix/apparmor.sh makes them.  Prints
#
#   ok NAME             it is as it should be
#   no NAME             it is not; why follows on lines that begin with a blank
#
# Each profile is applied in a mount namespace whose root is the base.  What is inside runs this
# script again there: apparmor.sh inside NAME PROFILE STRATEGY [helper | helper-alone]; alone: it
# is not tried whether the application can use what it makes.

here=/matrix/aa
tool=/usr/bin/overmount
mounter=snap-update-ns.app
app=snap.app.app
layers=/usr/lib/overmount/overmount-layers
export LC_ALL=C

say() { printf '%s\n' "$*"; }

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		say "ok $1"
	else
		say "no $1"
		printf '%s\n' "$2" | head -n 12 | cut -c1-400 | sed 's/^/  /'
	fi
}

# What AppArmor has denied since the last time.
denied() { dmesg -c | grep -o 'apparmor="DENIED".*'; }

# --- in the base -------------------------------------------------------------------------

# confined LABEL COMMAND...: its output goes through a pipe, which has no path.
confined() {
	label=$1
	shift
	/usr/bin/helper run -l "$label" "$@" </dev/null 2>&1
}

mounts() { sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //' /proc/self/mountinfo | sort; }

# What the application sees at a target, and can do with it.
use_target() {
	target=$1
	options=$2
	case $options in
	*x-snapd.kind=symlink*) confined $app /usr/bin/busybox readlink "$target" ;;
	*x-snapd.kind=file*) confined $app /usr/bin/busybox cat "$target" ;;
	*) confined $app /usr/bin/busybox ls "$target" ;;
	esac
}

use_all() {
	while read -r source target _ options _; do
		target=$(printf '%b' "$(echo "$target" | sed 's/\\\([0-7]\)/\\0\1/g')")
		out=$(use_target "$target" "$options") || say "$target: $out"
	done <"$1"
	# Programs of the base, seen through what was built: one alone, one with a loader and
	# libraries, and a file mapped as a loader does it.
	for command in "/usr/share/tool/run hello" "/usr/bin/true" \
		"/usr/bin/helper use /usr/share/tool/run" "/usr/bin/busybox cat /etc/passwd"; do
		# shellcheck disable=SC2086 # words
		out=$(confined $app $command) || say "$command: $out"
	done
}

inside() {
	name=$1
	profile=$2
	strategy=$3
	mounts >/tmp/before
	dmesg -c >/dev/null
	# Who may not mount overlays may not ask whether one is of use either.
	ask=
	[ "$strategy" = mimic ] || ask="--app-label $app"
	case ${4:-} in
	helper) ask="$ask --layers-helper $layers" ;;
	helper-alone) ask="--layers-helper $layers" ;;
	esac
	# shellcheck disable=SC2086 # words
	out=$(confined $mounter $tool apply --strategy "$strategy" $ask "$profile")
	is "$name: applied" "$? $out" "0 "
	is "$name: nothing is denied while it is applied" "$(denied)" ""
	confined $mounter $tool status >/tmp/status
	is "$name: by $strategy" "$(grep -qw "$strategy" /tmp/status || cat /tmp/status)" ""
	is "$name: the application can use it" "$(use_all "$profile")" ""
	is "$name: and nothing is denied to it" "$(denied)" ""
	out=$(confined $mounter $tool check)
	is "$name: checked" "$? $out" "0 "
	out=$(confined $mounter $tool undo)
	is "$name: undone" "$? $out" "0 "
	is "$name: nothing is denied while it is undone" "$(denied)" ""
	mounts >/tmp/after
	is "$name: no mount is left" "$(diff /tmp/before /tmp/after)" ""
	out=$(confined $mounter $tool recover)
	is "$name: nothing to recover, and nothing denied" "$(denied)" ""
}

# --- around it ---------------------------------------------------------------------------

# The file systems of the base, and what the profile names as sources.
make_base() {
	mount -t squashfs -o loop,ro $here/base.squashfs /base || exit 1
	mount -t proc proc /base/proc
	mount -o rbind /sys /base/sys
	mount -o rbind /dev /base/dev
	for dir in run tmp snap var/snap profiles; do
		mount -t tmpfs -o mode=0755 $dir /base/$dir
	done
	cp $here/profiles/*.fstab /base/profiles/
	cat $here/profiles/*.fstab | while read -r source _ _ options _; do
		case $source,$options in
		/usr/*) ;;
		/*,*x-snapd.kind=file*)
			mkdir -p "/base${source%/*}"
			echo "the snap's" >"/base$source"
			;;
		/*)
			mkdir -p "/base${source%,*}/inside"
			echo "the snap's" >"/base${source%,*}/about"
			;;
		esac
	done
	mount -o remount,ro snap /base/snap
}

# What snapd gives an application on a base that is not its own, and what the layout adds.
app_profile() {
	cat <<-END
		profile $app flags=(attach_disconnected,mediate_deleted) {
		  signal,
		  / r,
		  /bin/{,**} mrklix,
		  /lib/{,**} mrklix,
		  /lib64/{,**} mrklix,
		  /usr/{,**} mrklix,
		  /etc/{,**} r,
		  /proc/{,**} r,
		  /dev/null rw,
		  /snap/{,**} mrklix,
		  /var/snap/{,**} mrwklix,
		$1
		}
	END
}

# load NAMES TECHNIQUE [SED-PROGRAM]: puts the profiles in force; what sed makes of it.
load() {
	files=
	for each in $1; do
		files="$files /base/profiles/$each.fstab"
	done
	# shellcheck disable=SC2086 # words
	$tool apparmor --root /base --name app --technique "$2" $files \
		>/run/printed 2>/run/errors ||
		{ is "$1, $2: a profile is printed" "$(cat /run/errors)" ""; return 1; }
	sed -e 's,"/base/profiles/,"/profiles/,' -e "${3:-}" /run/printed >/run/mounter
	# shellcheck disable=SC2086 # words
	app_profile "$($tool apparmor --root /base --name app --technique "$2" --app $files)" \
		>/run/app
	# What it only warns of is told, and no failure.
	if apparmor_parser -r -K -T /run/mounter /run/app >/run/errors 2>&1; then
		say "ok $1, $2: both profiles are loaded"
		sed 's/^/  /' /run/errors
	else
		is "$1, $2: both profiles are loaded" "$(cat /run/errors)" ""
	fi
}

# enter_for FUNCTION: the same for one of those below.
enter_for() {
	unshare -m sh -c '
		mount --make-rprivate / && cd /base && pivot_root . . && umount -l . && cd / &&
		exec sh /profiles/script "$@"' sh "$@"
}

# enter ARGUMENT...: runs `inside` in a namespace whose root is the base.
enter() {
	unshare -m sh -c '
		mount --make-rprivate / && cd /base && pivot_root . . && umount -l . && cd / &&
		exec sh /profiles/script inside "$@"' sh "$@"
}

# enforced RULE: makes the helper's profile one that is enforced, with that rule besides.
enforced() {
	say "s/flags=(unconfined)/flags=(attach_disconnected)/
		/^profile overmount-layers/a\\
capability sys_admin, mount, network, $1"
}

# refused NAME TEXT: the profile that is loaded gives no overlay, and that is told beforehand.
refused() {
	out=$(enter "control" /profiles/control.fstab overlay helper-alone)
	is "control: $1: there is no overlay" "$(say "$out" | grep -c '16 .*\[ovl-helper-label\]')" 1
	[ -z "${2:-}" ] ||
		is "control: $1: that is denied" "$(say "$out" | grep -q "$2" && echo yes)" yes
}

# Without the rule that lets it be executed, or when its label is enforced and may not read
# what it shows, there is no overlay by the helper.  One that may read is as good as ours.
helper_controls() {
	load control helper '/px -> overmount-layers,/d' >/dev/null
	refused "no rule to execute the helper" \
		'operation="exec".*name="/usr/lib/overmount/overmount-layers"'
	load control helper "$(enforced '/usr/lib/overmount/overmount-layers mr,')" >/dev/null
	refused "a helper that may not say which label it has" \
		'profile="overmount-layers" name="/proc/[0-9]*/attr'
	load control helper "$(enforced '/{,**} mr, /dev/null rw, capability dac_read_search,')" >/dev/null
	refused "a helper whose label is enforced"
	enter "an enforced helper that may read" /profiles/control.fstab overlay helper |
		grep -E '^no|: the application can use it'
}

# overmount run starts a program in the profile of the application, and says what is missing.
transition() {
	: >/tmp/none
	out=$($tool run --profile /tmp/none --confine $app -- busybox cat /proc/self/attr/current 2>&1)
	is "run --confine: that is its label" "$? $out" "0 $app (enforce)"
	out=$($tool run --profile /tmp/none --stack $app -- busybox cat /proc/self/attr/current 2>&1)
	is "run --stack: it is one of its labels" "$? $(say "$out" | grep -o "$app")" "0 $app"
	is "run --confine: nothing is denied" "$(denied)" ""
	out=$($tool run --profile /tmp/none --confine nobody -- true 2>&1)
	is "run --confine: no such profile" "$? $(say "$out" | head -n 1)" \
		'16 overmount: cannot enter the AppArmor profile "nobody": it is not loaded'
	out=$(confined other $tool run --profile /tmp/none --confine $app -- true)
	is "run --confine: who may not" "$? $(say "$out" | head -n 1)" \
		"16 overmount: cannot enter the AppArmor profile \"$app\": that is not permitted to \"other\""
	is "run --confine: that was denied" \
		"$(denied | grep -q 'operation="change_profile".*profile="other"' && echo yes)" yes
	$tool run --profile /tmp/none --confine $app -- /snap/nothing >/dev/null 2>&1
	is "run --confine: no such program" "$?" 127
}

# The path that AppArmor makes up for what was opened in another mount namespace.
opened_elsewhere() {
	for label in $app snap.app.bare; do
		fact=$($tool probe --app-label $label --explain apparmor.opened-elsewhere |
			sed -n 's/^Answer *//p')
		case $label in
		*.bare) is "control: opened elsewhere: without attach_disconnected it is not found" "$fact" no ;;
		*) is "opened elsewhere: with attach_disconnected it is found" "$fact" yes ;;
		esac
	done
}

# The profiles for these two, beside those of the application.
load_others() {
	sed "s/^profile $app flags=.*/profile snap.app.bare flags=(mediate_deleted) {/" /run/app >/run/others
	say 'profile other { file, capability, mount, umount, pivot_root, signal, network, }' >>/run/others
	# Where making a user namespace is asked about, parsers know it.
	sed 's/ network,/& userns,/' /run/others >/run/others2
	apparmor_parser -r -K -T /run/others2 >/dev/null 2>&1 ||
		is "the other profiles are loaded" "$(apparmor_parser -r -K -T /run/others 2>&1)" ""
}

main() {
	echo 0 >/proc/sys/kernel/printk_ratelimit
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] ||
		{ say "no AppArmor is enabled"; exit 1; }
	mkdir -p /base
	make_base
	cp "$0" /base/profiles/script
	for file in "$here"/profiles/*.fstab; do
		name=${file##*/}
		name=${name%.fstab}
		load "$name" direct && enter "$name, overlay" "/profiles/$name.fstab" overlay
		load "$name" helper && enter "$name, helper" "/profiles/$name.fstab" overlay helper
		load "$name" mimic && enter "$name, mimic" "/profiles/$name.fstab" mimic
	done
	# A refresh: what was applied is undone, and another one applied, by one profile.
	load "control $name" direct && for name in control "$name"; do
		enter "refresh to $name" "/profiles/$name.fstab" overlay
	done
	helper_controls
	load control direct >/dev/null && load_others && enter_for transition
	# The control: without the rule that takes the mount away something is denied.
	load control direct '/umount "\/usr\/share\/",/d' >/dev/null
	out=$(enter "control" /profiles/control.fstab overlay)
	is "control: a rule less, and something is denied" \
		"$(say "$out" | grep -c '^no control: nothing is denied while it is undone')" 1
	is "control: and all the rest is as it was" \
		"$(say "$out" | grep '^no' | grep -v -e undone -e 'no mount is left' -e 'nothing to recover')" ""
}

case ${1:-} in
inside)
	shift
	inside "$@"
	;;
transition)
	transition
	opened_elsewhere
	;;
*) main ;;
esac
exit 0
