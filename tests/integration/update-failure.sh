#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An update that fails at any call, or is killed there: what is applied is the old profile or
# the new one, whole, and the exit status or the journal says which.
# In make check at the calls that change something, for some of the pairs; OM_FAULT=full (make
# check-fault) at every call, for all of them.  OM_PAIRS, OM_SURFACES: these alone.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

mkdir -p tree/{etc,opt,data/dir,usr/share/X11,usr/share/doc,usr/lib/x}
mkdir -p tree/snap/app/{1,2}/{foo,content} tree/snap/content/{1,2}
for v in 1 2; do
	echo "foo $v" >tree/snap/app/$v/foo/file
	echo "content $v" >tree/snap/content/$v/file
done
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
# All that is made here lies below the directory of the test.
here() { mounts | grep -F " $work"; }
mounts_before=$(here)
tree_before=$(tree base)
om() {
	local command=$1
	shift
	"${surface[@]}" "$OVERMOUNT" "$command" --state state "$@"
}
# What is there, and what the journal says of it; descriptors are told by their numbers in the
# options of an overlay.
seen() { tree base; here | sed 's,/proc/self/fd/[0-9]*,FD,g'; om check 2>&1; }
left() { find state -mindepth 1 ! -name facts ! -name 'lock.*' -printf '%f ' | sed 's/[0-9]* $//'; }
apply_a() { om apply --root base --strategy "$strategy" a || echo "cannot apply"; }

# Two profiles, a and b.
layout=x-snapd.origin=layout
pair() {
	case $1 in
	source)
		echo "/snap/app/1/foo /usr/share/foo none rbind,rw,$layout 0 0" >a
		sed s/app.1/app\\/2/ a >b
		for profile in a b; do echo "none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x,$layout 0 0" >>$profile; done
		;;
	content)
		cat >a <<-P
			/snap/content/1 /snap/app/1/content none bind,ro 0 0
			/snap/app/1/content /usr/share/foo none rbind,rw,$layout 0 0
			tmpfs /opt tmpfs mode=0755,$layout 0 0
		P
		cat >b <<-P
			/snap/content/2 /snap/app/1/content none bind,ro 0 0
			/snap/app/1/content /usr/share/foo none rbind,rw,$layout 0 0
			tmpfs /opt tmpfs mode=0755,$layout 0 0
			none /opt/link none x-snapd.kind=symlink,x-snapd.symlink=/x,$layout 0 0
		P
		;;
	come)
		: >a
		echo "/snap/app/1/foo /usr/share/foo none rbind,rw,$layout 0 0" >b
		;;
	go)
		cat >a <<-P
			/snap/app/1/foo /usr/share/foo none rbind,rw,$layout 0 0
			/snap/app/1/foo /data/dir none bind,ro 0 0
		P
		echo "/snap/app/1/foo /data/dir none bind,ro 0 0" >b
		;;
	esac
}
# begin PAIR: what each of the two looks like, by all that is compared; a is applied.
begin() {
	pair "$1"
	apply_a
	seen_a=$(seen)
	om update --strategy "$strategy" a b || not_ok "control: $1: update"
	seen_b=$(seen)
	om update --strategy "$strategy" b a || not_ok "control: $1: update"
	[ "$(seen)" = "$seen_a" ] && [ "$seen_a" != "$seen_b" ] && ok "$what, $1: control: there and back" ||
		not_ok "$what, $1: control: there and back" "$(seen | diff - <(echo "$seen_a"))"
}
finish() {
	om undo
	[ "$(here)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ] ||
		not_ok "$what, $1: undone" "$(here | diff - <(echo "$mounts_before"))"
}
# The state that the next run starts from, whatever this one has left: a.
again() {
	local now
	now=$(seen)
	[ "$now" = "$seen_a" ] && return
	[ "$now" = "$seen_b" ] && om update --strategy "$strategy" b a >/dev/null 2>&1 &&
		[ "$(seen)" = "$seen_a" ]
}

# fail_all ERRNO PAIR: each call fails once.  ERRNO 0: it says that it is done, and is not.
fail_all() {
	local n r now bad="" undone=0 broken=0 how=() all=$all
	# What lies about a look at its input has other input.
	[ "$1" = 0 ] && how=(-l) all=
	begin "$2"
	for ((n = 1; n < 2000; n++)); do
		"$TOOLS/failnth" ${all:+-a} "${how[@]}" $n "$1" -- "${surface[@]}" "$OVERMOUNT" update --state state \
			--strategy "$strategy" a b >out 2>&1
		r=$?
		[ $r = 200 ] && break
		now=$(seen)
		case $r in
		0) [ "$now" = "$seen_b" ] || bad+=" $n:lie" ;;
		1 | 2 | 16) [ "$now" = "$seen_a" ] || bad+=" $n:partial($r)" ;;
		32) undone=$((undone + 1)); [ "$now" = "$seen_a" ] || bad+=" $n:partial($r)" ;;
		# Who is lied to about what is taken away may not know that it is not.
		64) broken=$((broken + 1)); [ "$1" = 0 ] || bad+=" $n:exit($r)" ;;
		*) bad+=" $n:exit($r)" ;;
		esac
		om recover >/dev/null 2>&1
		[ $r != 64 ] || [ "$(seen)" = "$seen_a" ] || bad+=" $n:partial($r)"
		again || { bad+=" $n:stuck"; break; }
	done
	om recover >/dev/null 2>&1
	again || bad+=" stuck"
	[ $undone -gt 2 ] || bad+=" only $undone undone"
	[ "$(left)" = journal. ] || bad+=" left($(left))"
	[ $broken -le 2 ] || bad+=" $broken broken"
	is "$what, $2, errno $1: $((n - 1)) failures, $undone undone, $broken for recover to undo" "$bad" ""
	[ -z "$bad" ] || { cat out; seen | diff - <(echo "$seen_a"); } | head -n 20 | sed 's/^/# /'
	finish "$2"
}

# killed COMMAND...: at call $n; 1 when it has fewer.
killed() {
	"$TOOLS/failnth" ${all:+-a} $n 0 -- "${surface[@]}" "$OVERMOUNT" "$@" >out 2>&1
	[ $? != 200 ]
}
# kill_naive PAIR: whoever undoes the one and applies the other is caught by the same looks.
kill_naive() {
	local n now partial=0
	begin "$1"
	for ((n = 1; n < 2000; n++)); do
		om undo
		killed apply --root base --state state --strategy "$strategy" b || break
		om recover >/dev/null 2>&1
		now=$(seen)
		[ "$now" = "$seen_a" ] || [ "$now" = "$seen_b" ] || partial=$((partial + 1))
		om undo >/dev/null 2>&1
		apply_a
	done
	om recover >/dev/null 2>&1
	[ $partial -ge 10 ] && ok "$what, $1: control: a naive update is neither $partial times" ||
		not_ok "$what, $1: control: a naive update is neither $partial times"
	finish "$1"
}
# kill_all PAIR
kill_all() {
	local n out now bad="" old=0 back=0 new=0
	begin "$1"
	for ((n = 1; n < 2000; n++)); do
		killed update --state state --strategy "$strategy" a b || break
		out=$(om recover 2>&1) || bad+=" $n:recover($out)"
		now=$(seen)
		case $out in
		*restored)
			back=$((back + 1)) deepest=$n
			[ "$now" = "$seen_a" ] || bad+=" $n:partial"
			;;
		*applied)
			[ "$now" = "$seen_a" ] && old=$((old + 1))
			[ "$now" = "$seen_b" ] && new=$((new + 1))
			;;
		esac
		[ "$(left)" = journal. ] || bad+=" $n:left($(left))"
		again || { bad+=" $n:stuck"; break; }
	done
	om recover >/dev/null 2>&1
	again || bad+=" stuck"
	[ $old -gt 0 ] && [ $back -gt 2 ] && [ $new -gt 0 ] || bad+=" not of each"
	is "$what, $1: killed $((n - 1)) times: $old before anything, $back brought back, $new at the end" "$bad" ""
	[ -z "$bad" ] || { cat out; seen | diff - <(echo "$seen_a"); } | head -n 20 | sed 's/^/# /'
	finish "$1"
}

# kill_recover PAIR: the update is killed as late as kill_all has found that it is brought back,
# and what brings it back is killed at each call, or fails there (ERRNO).  By what the journal
# went through before, the update may have ended by then: then nothing is brought back.
kill_recover() {
	local m bad="" errno=$2 back=0 now
	begin "$1"
	for ((m = 1; m < 2000; m++)); do
		n=$deepest
		killed update --state state --strategy "$strategy" a b
		"$TOOLS/failnth" ${all:+-a} $m $errno -- "${surface[@]}" "$OVERMOUNT" recover \
			--state state >out 2>&1
		[ $? = 200 ] && break
		om recover >out 2>&1 || bad+=" $m:$(cat out)"
		now=$(seen)
		[ "$now" = "$seen_a" ] && back=$((back + 1))
		[ "$now" = "$seen_a" ] || [ "$now" = "$seen_b" ] || bad+=" $m:partial"
		om recover >out 2>&1 && [ "$(seen)" = "$now" ] || bad+=" $m:again"
		again || { bad+=" $m:stuck"; break; }
	done
	again || bad+=" stuck"
	[ $back -gt 5 ] || bad+=" only $back"
	is "$what, $1: recover killed (errno 0) or failing, errno $errno, $((m - 1)) times, $back brought back" "$bad" ""
	finish "$1"
}

full=
[ "${OM_FAULT:-short}" = full ] && full=yes
for what in ${OM_SURFACES:-overlay mimic overlay-4.4 mimic-4.4}; do
	strategy=${what%-4.4}
	surface=(env)
	pairs="source content come go"
	[ -n "$full" ] || pairs="content go"
	if [[ $what = *4.4 ]]; then
		surface=("$TOOLS/enosys" 4.4 --)
		[ -n "$full" ] || pairs=content
	fi
	all=$full
	for pair in ${OM_PAIRS:-$pairs}; do
		kill_all $pair
		kill_recover $pair 0
		kill_recover $pair 5
		fail_all 5 $pair
		fail_all 0 $pair
		[ -n "$full" ] && fail_all 12 $pair
	done
done
surface=(env) strategy=overlay what=naive all=
kill_naive source
plan_end
