#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=dash
#
# Applies, updates, kills, recovers and undoes profiles under what `overmount apparmor` prints for
# them, enforced, and counts what is denied.  Wants /matrix/aa with base.squashfs (a base that
# holds overmount, helper, failnth and busybox), profiles/*.fstab, the pairs of them in sessions,
# and techniques; tests/matrix/apparmor.sh makes them.  Prints
#
#   ok NAME             it is as it should be
#   no NAME             it is not; why follows on lines that begin with a blank
#   # TEXT              how often
#
# Each pair is tried in a mount namespace whose root is the base.  What is inside runs this script
# again there: apparmor.sh inside NAME TECHNIQUE OLD NEW WORD...  A technique is one of `overmount
# apparmor`, or helper-alone: it is not tried whether the application can use what the helper makes.

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

# What the application sees at each target, and can do with it, by what its shell has built in.
use_targets() {
	while read -r _ target _ options _; do
		target=$(printf '%b' "$(echo "$target" | sed 's/\\\([0-7]\)/\\0\1/g')")
		case $options in
		*x-overmount.hide*) say "! [ -e '$target' ] || echo '$target is there'" ;;
		*x-snapd.kind=symlink*) say "[ -L '$target' ] || echo 'no link $target'" ;;
		*x-snapd.kind=file*) say "read -r _ <'$target' || echo 'not read: $target'" ;;
		*) say "cd '$target' && echo * >/dev/null || echo 'no directory $target'" ;;
		esac
	done <"$1" >/tmp/use
	confined $app /usr/bin/busybox sh -c "$(cat /tmp/use)"
}

use_all() {
	use_targets "$1"
	# Programs of the base, seen through what was built: one alone, one with a loader and
	# libraries, and a file mapped as a loader does it.
	for command in "/usr/share/tool/run hello" "/usr/bin/true" \
		"/usr/bin/helper use /usr/share/tool/run"; do
		# shellcheck disable=SC2086 # words
		out=$(confined $app $command) || say "$command: $out"
	done
}

# kill_often NAME WORD COMMAND...: kills it at calls that are further and further apart, and
# recovers each time, of which some must say WORD: they had something to do.
kill_often() {
	each=$1
	word=$2
	shift 2
	at=2
	times=0
	bad=
	words=
	while :; do
		out=$(/usr/bin/failnth $at 0 -- /usr/bin/helper run -x -l $mounter $tool "$@" \
			</dev/null 2>&1)
		[ $? = 137 ] || break
		times=$((times + 1))
		out=$(confined $mounter $tool recover) || bad="$bad $at:$out"
		words="$words ${out##* }"
		# It was killed when all was done.
		case $1,$out in
		apply,*applied) out=$(confined $mounter $tool undo) || bad="$bad $at:$out" ;;
		esac
		at=$((at + at / 2 + 1))
	done
	say "# killed $times"
	is "$each: recovered each of the times that it is killed" "$bad" ""
	is "$each: some had something to recover" \
		"$(say "$words" | grep -cw "$word")" 1
}

# ask TECHNIQUE: who makes the overlays, and whether the application is asked what they are good for.
# Who may not mount overlays may not ask.
ask() {
	case $1 in
	direct) say --app-label $app ;;
	helper) say --app-label $app --layers-helper $layers ;;
	helper-alone) say --layers-helper $layers ;;
	esac
}

inside() {
	name=$1
	technique=$2
	old=/profiles/$3.fstab
	new=/profiles/$4.fstab
	shift 4
	what=" $* "
	strategy=overlay
	[ "$technique" != mimic ] || strategy=mimic
	set -- --strategy $strategy
	case $what,$strategy in *" live "*,overlay) set -- ;; esac
	# shellcheck disable=SC2046 # words
	set -- "$@" $(ask "$technique")
	kill=
	case $what in *" kill "*) kill=1 ;; esac
	case $what in *" kinds "*) set -- "$@" --allow kind-change ;; esac

	mounts >/tmp/before
	dmesg -c >/dev/null
	out=$(confined $mounter $tool apply "$@" "$old")
	is "$name: applied" "$? $out" "0 "
	is "$name: nothing is denied while it is applied" "$(denied)" ""
	confined $mounter $tool status >/tmp/status
	is "$name: by $strategy" "$(grep -qw "$strategy" /tmp/status || cat /tmp/status)" ""
	is "$name: the application can use it" "$(use_all "$old")" ""
	is "$name: and nothing is denied to it" "$(denied)" ""
	out=$(confined $mounter $tool check)
	is "$name: checked" "$? $out" "0 "

	out=$(confined $mounter $tool update "$@" "$old" "$new")
	is "$name: updated" "$? $out" "0 "
	is "$name: nothing is denied while it is updated" "$(denied)" ""
	is "$name: the application can use what it is now" "$(use_all "$new")" ""
	is "$name: and nothing of that is denied to it" "$(denied)" ""
	if [ -n "$kill" ]; then
		kill_often "$name: an update" restored update "$@" "$new" "$old"
		is "$name: nothing is denied to updates that are killed, and recovered" \
			"$(denied)" ""
	fi

	out=$(confined $mounter $tool undo)
	is "$name: undone" "$? $out" "0 "
	is "$name: nothing is denied while it is undone" "$(denied)" ""
	mounts >/tmp/after
	is "$name: no mount is left" "$(diff /tmp/before /tmp/after)" ""
	out=$(confined $mounter $tool recover)
	is "$name: nothing to recover, and nothing denied" "$(denied)" ""

	[ -n "$kill" ] || return 0
	kill_often "$name: an apply" undone apply "$@" "$old"
	is "$name: nothing is denied when it is killed, and recovered" "$(denied)" ""
	confined $mounter $tool undo >/dev/null
	mounts >/tmp/after
	is "$name: no mount is left by those that were killed" "$(diff /tmp/before /tmp/after)" ""
}

# holes NAME TECHNIQUE OLD NEW: what an application does, in three kinds of hole.
use_holes() {
	for hole in /usr/share /usr/lib/x86_64-linux-gnu /snap/app/1/stuff; do
		is "$1: 32 ways to use what is in $hole" \
			"$(confined $app /usr/bin/use-tree $hole/tool $hole snap.app.hook)" "32 of 32 work"
	done
	is "$1: nothing is denied to those" "$(denied)" ""
}

holes() {
	dmesg -c >/dev/null
	set -- "$1" "$2" "/profiles/$3.fstab" "/profiles/$4.fstab"
	strategy=overlay
	[ "$2" != mimic ] || strategy=mimic
	# shellcheck disable=SC2046 # words
	out=$(confined $mounter $tool apply --strategy $strategy $(ask "$2") "$3")
	is "$1: applied" "$? $out" "0 "
	is "$1: nothing is denied while it is applied" "$(denied)" ""
	use_holes "$1"
	# A refresh: the rules are those of another revision from now on, and the overlays live.
	: >/profiles/refresh
	while [ -e /profiles/refresh ]; do sleep 0.2; done
	use_holes "$1, with the profile of the next revision"
	: >/profiles/refresh
	while [ -e /profiles/refresh ]; do sleep 0.2; done
	out=$(confined $app /usr/bin/use-tree /usr/share/tool /usr/share snap.app.hook)
	# The rules of our own label are asked about each time; no others are.
	works="as much"
	[ "$2" != direct ] || works="less"
	is "control: $1, by a profile without what is in the hole: $works works" \
		"$([ "$out" = "32 of 32 work" ] && echo "as much" || echo "less")" "$works"
	: >/profiles/refresh
	while [ -e /profiles/refresh ]; do sleep 0.2; done
	dmesg -c >/dev/null
	use_holes "$1, with the rules again"
	out=$(confined $mounter $tool undo)
	is "$1: undone" "$? $out" "0 "
	is "$1: nothing is denied while it is undone" "$(denied)" ""
}

# right COMMAND...: it succeeds, by the mounter's profile, and nothing is denied.
right() {
	out=$(confined $mounter $tool "$@") || { say "$1: $out"; return 1; }
	out=$(denied)
	[ -z "$out" ] || { say "$1: $out"; return 1; }
}

# killed CALL COMMAND...: there, by who has started it; and recovered.
killed() {
	at=$1
	shift
	out=$(/usr/bin/failnth $at 0 -- /usr/bin/helper run -x -l $mounter $tool "$@" </dev/null 2>&1)
	[ $? = 137 ] || { say "$1 is not killed at $at: $out"; return 1; }
	right recover
}

# without_securityfs COMMAND...: where it is not mounted.
without_securityfs() {
	busybox unshare -m sh -c "umount -l /sys/kernel/security && exec /usr/bin/helper run \
		-l $mounter $tool $* >/dev/null 2>&1 </dev/null"
	out=$(denied)
	[ -z "$out" ] || { say "$1 without securityfs: $out"; return 1; }
}

# Who is confined has opened the program, and that is asked about again then.
from_confined() {
	out=$(confined starter /usr/bin/helper run -l $mounter $tool status)
	out=$(denied)
	[ -z "$out" ] || { say "started by who is confined: $out"; return 1; }
}

who_executes() {
	for each in /proc/[0-9]*; do
		[ "$(readlink "$each/exe")" != "$1" ] || say "${each#/proc/}"
	done
}

# hung PROGRAM COMMAND...: where a program hangs, it is killed, by who may.
hung() {
	program=$1
	shift
	mount -o bind /usr/bin/helper "$program"
	confined $mounter $tool "$@" >/dev/null
	# Its end is not waited for.
	for _ in $(seq 20); do
		left=$(who_executes "$program")
		[ -n "$left" ] || break
		sleep 0.5
	done
	out=$(denied | grep 'operation="signal"')
	[ -z "$left" ] || out="$out it is not killed"
	# shellcheck disable=SC2086 # words
	[ -z "$left" ] || kill -KILL $left
	# Who was killed may execute it still.
	umount -l "$program"
	[ -z "$out" ] || { say "$program hangs: $out"; return 1; }
}

# stop PID: a child of overmount, while PID lives; one that has ended cannot be stopped any more.
stop() {
	# Who waits for us has not reaped it.
	while read -r _ _ state _ <"/proc/$1/stat" && [ "$state" != Z ]; do
		for each in /proc/[0-9]*/stat; do
			read -r pid comm _ parent _ <"$each" && [ "$comm" = "(overmount)" ] &&
				read -r _ comm _ <"/proc/$parent/stat" && [ "$comm" = "(overmount)" ] &&
				kill -STOP "$pid" && sleep 0.1 && read -r _ _ state _ <"$each" &&
				[ "$state" = T ] && say "$pid" && return
		done
	done 2>/dev/null
}

# stopped COMMAND...: where a child of it hangs, it is killed.
stopped() {
	for _ in $(seq 10); do
		confined $mounter $tool "$@" >/dev/null &
		child=$(stop $!)
		wait
		[ -z "$child" ] || break
	done
	out=$(denied | grep 'operation="signal"')
	[ -n "$child" ] && [ -z "$out" ] || { say "a child hangs: ${out:-none was seen}"; return 1; }
}

# What may hang in trying what the kernel can do.  Not all of that is permitted.
hang_all() {
	stopped probe "$@" || return
	case " $* " in *" --app-label "*) hung /usr/bin/true probe "$@" || return ;; esac
	case " $* " in *" --layers-helper "*) hung $layers probe "$@" ;; esac
}

# The application sees the targets, and what else is in the holes.
used() {
	out=$(use_all $old)
	out=$out$(confined $app /usr/bin/busybox sh -c "{ ls /srv /usr/share && cat /srv/text; } >/dev/null")
	out=$out$(denied)
	[ -z "$out" ] || { say "used: $out"; return 1; }
}

# All that a mounter does, until something is wrong.
do_all() {
	# shellcheck disable=SC2046 # words
	right apply "$@" $old && used && right status && right check &&
		killed 20 update "$@" $old $new && killed 40 update "$@" $old $new &&
		killed 60 update "$@" $old $new && right update "$@" $old $new && right undo &&
		from_confined && without_securityfs plan "$@" $old &&
		hang_all $(ask "$technique") && killed 20 apply "$@" $old && killed 40 apply "$@" $old &&
		killed 60 apply "$@" $old
}

# mutants TECHNIQUE: what is wrong by each profile that is put in force meanwhile.
mutants() {
	technique=$1
	strategy=overlay
	[ "$1" != mimic ] || strategy=mimic
	# shellcheck disable=SC2046 # words
	set -- --strategy $strategy --allow kind-change $(ask "$1")
	old=/profiles/mutants.fstab
	new=/profiles/mutants-next.fstab
	mounts >/tmp/before
	while :; do
		while [ ! -e /profiles/refresh ]; do sleep 0.1; done
		[ "$(cat /profiles/refresh)" != end ] || return 0
		rm -f /run/overmount/facts
		dmesg -c >/dev/null
		do_all "$@" >/profiles/wrong
		# Without a profile, whatever it has left.
		$tool recover >/dev/null 2>&1
		$tool undo >/dev/null 2>&1
		mounts | diff /tmp/before - >>/profiles/wrong
		rm /profiles/refresh
	done
}

# asked NAME WANTED: what becomes of an apply by overlay, and that it can be used where it is 0.
asked() {
	out=$(confined $mounter $tool apply --strategy overlay --app-label $app /profiles/control.fstab)
	is "$1" "$? $(say "$out" | grep -o '\[ovl-.*\]')" "$2"
	case $2 in
	0*)
		is "$1: the application can use it" "$(use_all /profiles/control.fstab)" ""
		confined $mounter $tool undo
		;;
	esac
}

# What no plan has, by the mounter's profile (with a rule to be executed): each is denied.  Without
# a profile each is done.
outside() {
	while read -r what; do
		# shellcheck disable=SC2086 # words
		out=$(confined $mounter /usr/bin/helper $what)
		is "outside of the plan: $what" "$? $out" \
			"1 helper: cannot ${what%% *} \"${what##* }\": Permission denied"
	done </profiles/outside
	# shellcheck disable=SC2086 # words
	is "control: without a profile they are done" "$(while read -r what; do
		/usr/bin/helper $what 2>&1
	done </profiles/outside)" ""
	dmesg -c >/dev/null
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
		/usr/* | /opt/* | */nothing,*) ;;
		/*,*x-snapd.kind=file*)
			mkdir -p "/base${source%/*}"
			echo "the snap's" >"/base$source"
			;;
		/*)
			source=$(printf '%b' "$(echo "$source" | sed 's/\\\([0-7]\)/\\0\1/g')")
			mkdir -p "/base$source/inside"
			echo "the snap's" >"/base$source/about"
			;;
		esac
	done
	# What tests/fault/profiles want besides.
	rm -rf /base/snap/app/1/link
	ln -s foo /base/snap/app/1/link
	mkdir -p /base/var/snap/app/1/dir /submounts/usr/lib/sub
	echo file >/base/var/snap/app/1/file
	mount -t tmpfs submounts /submounts
	mkdir -p /submounts/usr/lib/sub/inner
	mount -o bind /submounts/usr/lib/sub /base/usr/lib/sub
	mount -o bind /submounts/usr/lib/sub/inner /base/srv/www
	mount -o remount,bind,ro,noexec /base/usr/lib/sub
	mkdir -p /base/snap/bin /base/snap/app/1/stuff
	cp -a /base/usr/share/tool /base/snap/app/1/stuff/
	cp /base/usr/share/tool/text /base/usr/share/tool/static /base/snap/app/1/new-dir/
	mount -o remount,ro snap /base/snap
}

# What snapd gives an application on a base that is not its own, and what the layout adds.  It is
# root's, and looks into what others own.
app_profile() {
	cat <<-END
		profile ${2:-$app} flags=(attach_disconnected,mediate_deleted) {
		  capability dac_override,
		  capability dac_read_search,
		  signal peer=snap.app.*,
		  signal (receive) peer=unconfined,
		  / r,
		  /bin/{,**} mrklix,
		  /lib/{,**} mrklix,
		  /lib64/{,**} mrklix,
		  /usr/{,**} mrklix,
		  /etc/{,**} r,
		  /proc/{,**} r,
		  /proc/[0-9]*/attr/{,apparmor/}exec w,
		  change_profile -> snap.app.*,
		  /dev/null rw,
		  /snap/{,**} mrklix,
		  /srv/{,**} r,
		  /var/snap/{,**} mrwklix,
		$1
		}
	END
}

# load NAMES TECHNIQUE [WORDS [SED-PROGRAM]]: puts the profiles in force; what sed makes of it.
load() {
	files=
	case " ${3:-} " in *" kinds "*) files="--allow kind-change" ;; esac
	for each in $1; do
		files="$files /base/profiles/$each.fstab"
	done
	# shellcheck disable=SC2086 # words
	$tool apparmor --root /base --name app --technique "$2" $files \
		>/run/printed 2>/run/errors ||
		{ is "$1, $2: a profile is printed" "$(cat /run/errors)" ""; return 1; }
	sed -e 's,"/base/profiles/,"/profiles/,' -e "${4:-}" /run/printed >/run/mounter
	# shellcheck disable=SC2086 # words
	snippet=$($tool apparmor --root /base --name app --technique "$2" --app $files)
	{ app_profile "$snippet"; app_profile "$snippet" snap.app.hook; } >/run/app
	# What it only warns of is told, and no failure.
	if apparmor_parser -r -K -T /run/mounter /run/app >/run/errors 2>&1; then
		say "ok $1, $2: both profiles are loaded"
		sed 's/^/  /' /run/errors
	else
		is "$1, $2: both profiles are loaded" "$(cat /run/errors)" ""
	fi
}

# enter WHAT ARGUMENT...: runs `inside`, or another one of those, in a namespace whose root is the base.
enter() {
	unshare -m sh -c '
		mount --make-rprivate / && cd /base && pivot_root . . && umount -l . && cd / &&
		exec sh /profiles/script "$@"' sh "$@"
}

# reload WORDS OF LOAD: when who is inside asks for it.
reload() {
	while [ ! -e /base/profiles/refresh ] && [ -e /run/inside ]; do sleep 0.2; done
	load "$@"
	rm -f /base/profiles/refresh
}

# A profile that is replaced while what it has mounted lives.  Where a snap is refreshed, that of
# both revisions is in force, then that of the next one alone with the holes of both in it.
try_holes() {
	load "holes" "$1" || return
	: >/run/inside
	{ enter holes "three holes, $1" "$1" holes holes-next; rm -f /run/inside; } &
	reload "holes holes-next" "$1"
	# Only what is in the holes is left out.
	reload "holes holes-next" "$1" "" '/{,\*\*}" rm,/d'
	reload "holes holes-next" "$1"
	wait
}

# try_mutants TECHNIQUE: each rule is left out, of the profile that this kernel needs.
try_mutants() {
	load "mutants mutants-next" "$1" kinds || return
	awk '/^profile overmount-layers/ { exit } /^  [^ #].*,/ { print NR ":" $0 }' /run/mounter >/run/lines
	say 'profile starter { file, capability, change_profile, signal, }' >/run/starter
	apparmor_parser -r -K -T /run/starter
	# Some alone, while one looks into it.
	if [ -s $here/rules ]; then
		cp /run/lines /run/all
		grep -f $here/rules /run/all >/run/lines
	fi
	changes=$(grep -o change_profile /run/mounter)
	enter mutants "$1" &
	{ echo 0:nothing; cat /run/lines; } | while IFS=: read -r number line; do
		if [ "$number" = 0 ]; then cat /run/mounter; else sed "${number}d" /run/mounter; fi >/run/mutant
		# With all that this kernel asks about, of which the parser leaves things out otherwise.
		apparmor_parser -r -K -T --policy-features=/sys/kernel/security/apparmor/features \
			/run/mutant 2>/run/errors || is "$1: a profile is loaded" "$(cat /run/errors)" ""
		echo go >/base/profiles/refresh
		while [ -e /base/profiles/refresh ]; do sleep 0.1; done
		wrong=$(cat /base/profiles/wrong)
		case $number:$line$changes in
		0:*) is "control: $1: without no rule, nothing is denied" "$wrong" "" ;;
		# Before 5.8 only, and no kind of kernels begins there; apparmor_parser says the last
		# one by itself where there is a change_profile.
		*"capability mknod,"* | *"/fdinfo/"* | *"/sys/module/apparmor/"*"change_profile")
			is "$1: not needed here: $line" "$wrong" "" ;;
		*) is "$1: something is denied without: $line" "${wrong:+something}" something ;;
		esac
		say "# ${wrong:-nothing}" | head -n 1 | cut -c1-300
	done
	echo end >/base/profiles/refresh
	wait
	rm /base/profiles/refresh
	say "# mutants $(wc -l </run/lines)"
}

try_outside() {
	load control direct "" 's|^}$|  "/usr/bin/helper" rm,\n}|' || return
	cat >/base/profiles/outside <<-END
		bind /etc /usr/share/themes
		bind /root /usr/share
		bind /snap/app /snap/bin
		move /usr/lib/sub /snap/bin
		umount /var/snap
		tmpfs /usr/lib
		tmpfs /snap/bin
		umount /proc
	END
	enter outside
}

# Who may not enter the application's profile asks what its policy is.
try_asked() {
	access='s,change_profile -> .*,"/sys/kernel/security/apparmor/.access" rw\,,'
	load control direct "" "$access" && enter asked "policy is asked" "0 "
	load control direct "" '/change_profile -> /d' >/dev/null
	enter asked "control: policy may not be asked" "16 [ovl-mounter-label]"
	load control direct "" "$access" >/dev/null
	sed 's,/usr/{\,\*\*} mrklix,/usr/{\,**} r,' /run/app >/run/less
	apparmor_parser -r -K -T /run/less
	enter asked "control: policy lets the application map nothing" "16 [ovl-mounter-label]"
}

# enforced RULE: makes the helper's profile one that is enforced, with that rule besides.
enforced() {
	say "s/flags=(unconfined)/flags=(attach_disconnected)/
		/^profile overmount-layers/a\\
capability sys_admin, mount, network, $1"
}

# refused NAME TEXT: the profile that is loaded gives no overlay, and that is told beforehand.
refused() {
	out=$(enter inside "control" helper-alone control control)
	is "control: $1: there is no overlay" "$(say "$out" | sed -n '/^no control: applied$/{n;p;}' |
		grep -c '16 .*\[ovl-helper-label\]')" 1
	[ -z "${2:-}" ] ||
		is "control: $1: that is denied" "$(say "$out" | grep -q "$2" && echo yes)" yes
}

# Without the rule that lets it be executed, or when its label is enforced and may not read
# what it shows, there is no overlay by the helper.  One that may read is as good as ours.
helper_controls() {
	load control helper "" '/px -> overmount-layers,/d' >/dev/null
	refused "no rule to execute the helper" \
		'operation="exec".*name="/usr/lib/overmount/overmount-layers"'
	load control helper "" "$(enforced '/usr/lib/overmount/overmount-layers mr,')" >/dev/null
	refused "a helper that may not say which label it has" \
		'profile="overmount-layers" name="/proc/[0-9]*/attr'
	load control helper "" "$(enforced '/{,**} mr, /dev/null rw, capability dac_read_search,')" >/dev/null
	refused "a helper whose label is enforced"
	enter inside "an enforced helper that may read" helper control control |
		grep -E '^(no|  )|: the application can use'
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
	library
}

# A program of somebody else does so by libovermount.
library() {
	for how in "" -t -3 -f "-u 1 -t -3"; do
		# shellcheck disable=SC2086 # words
		out=$(enter-profile $how $app busybox cat /proc/self/attr/current 2>&1)
		is "libovermount: that is its label ${how:-(one call)}" "$? $out" "0 $app (enforce)"
		# shellcheck disable=SC2086 # words
		out=$(enter-profile -s $how $app busybox cat /proc/self/attr/current 2>&1)
		is "libovermount: it is one of its labels ${how:-(one call)}" \
			"$? $(say "$out" | grep -o "$app")" "0 $app"
	done
	is "libovermount: a script, too" "$(enter-profile $app /usr/share/tool/script 2>&1; say $?)" 0
	is "libovermount: nothing is denied" "$(denied)" ""
	out=$(enter-profile nobody true 2>&1)
	is "libovermount: no such profile" "$? $out" \
		"16 enter-profile: cannot enter the AppArmor profile \"nobody\": it is not loaded
fix: load it with apparmor_parser -r FILE"
	out=$(confined other /usr/bin/enter-profile $app true)
	is "libovermount: who may not" "$? $(say "$out" | head -n 1)" \
		"16 enter-profile: cannot enter the AppArmor profile \"$app\": that is not permitted to \"other\""
	is "libovermount: that was denied" \
		"$(denied | grep -q 'operation="change_profile".*profile="other"' && echo yes)" yes
	enter-profile $app /snap/nothing >/dev/null 2>&1
	is "libovermount: no such program" "$?" 2
	# An application that may not read its own label is entered all the same.
	for how in "$tool run --profile /tmp/none --confine" enter-profile; do
		# shellcheck disable=SC2086 # words
		is "${how%% *}: an application that may not read its label" \
			"$($how snap.app.narrow busybox echo entered 2>&1)" "entered"
	done
	dmesg -c >/dev/null
	# What the profile of a caller has to have, and that the trial wants nothing more.
	is "libovermount: a caller that has the rules" \
		"$(confined caller /usr/bin/enter-profile $app true; say $?)" 0
	is "libovermount: nothing is denied to it" "$(denied)" ""
	is "libovermount: a caller that has them for one program" \
		"$(confined caller-exec /usr/bin/enter-profile $app true; say $?)" 0
	is "libovermount: nothing is denied to that one" "$(denied)" ""
	out=$(confined caller-less /usr/bin/enter-profile $app true)
	is "libovermount: a caller without the rules for /proc" "$? $(say "$out" | tail -n 1)" "16 \
fix: add \`change_profile -> \"$app\", /proc/[0-9]*/attr/{,apparmor/}{current,exec} rw,\` to that profile; with no_new_privs nothing helps"
	dmesg -c >/dev/null
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

# A profile that enters others: by these rules, and what its program and libapparmor read.
profile_of_caller() {
	say "profile $1 flags=(attach_disconnected) { $2 /usr/{,**} mr, /etc/ld.so.cache r, /dev/null rw,
		/proc/[0-9]*/mounts r, /sys/module/apparmor/parameters/enabled r, }"
}

# The profiles for these two, beside those of the application.
load_others() {
	sed "s/^profile $app flags=.*/profile snap.app.bare flags=(mediate_deleted) {/" /run/app >/run/others
	say 'profile snap.app.narrow flags=(attach_disconnected) { /usr/{,**} mrix, }' >>/run/others
	attr='/proc/[0-9]*/attr/{,apparmor/}{current,exec} rw,'
	profile_of_caller caller "change_profile -> snap.app.*, $attr" >>/run/others
	profile_of_caller caller-exec "change_profile /usr/bin/true -> snap.app.*, $attr" >>/run/others
	profile_of_caller caller-less "change_profile -> snap.app.*," >>/run/others
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
	while read -r old new words; do
		for technique in $(cat $here/techniques); do
			# shellcheck disable=SC2086 # words
			load "$old $new" "$technique" "$words" &&
				enter inside "$old to $new, $technique" "$technique" "$old" "$new" $words
		done
	done <$here/sessions
	for technique in $(cat $here/techniques); do
		try_holes "$technique"
	done
	try_outside
	try_asked
	for technique in $(cat $here/mutants); do
		try_mutants "$technique"
	done
	# A refresh: what was applied is undone, and another one applied, by one profile.
	for technique in $(cat $here/techniques); do
		load "control holes" "$technique" "" && for name in control holes; do
			enter inside "refresh to $name, $technique" "$technique" "$name" "$name"
		done
	done
	helper_controls
	load control direct >/dev/null && load_others && enter transition
	# The control: without the rule that takes the mount away something is denied.
	load control direct "" '/umount "\/usr\/share\/",/d' >/dev/null
	out=$(enter inside "control" direct control control)
	is "control: a rule less, and something is denied" \
		"$(say "$out" | grep -c '^no control: nothing is denied while it is undone')" 1
	is "control: and all the rest is as it was" \
		"$(say "$out" | grep '^no' | grep -v -e undone -e 'no mount is left' -e 'nothing to recover')" ""
}

case ${1:-} in
inside | holes | mutants | outside | asked) "$@" ;;
transition)
	transition
	opened_elsewhere
	;;
*) main ;;
esac
exit 0
