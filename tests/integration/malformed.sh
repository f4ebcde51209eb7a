#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The tables in tests/malformed: each input gives exactly the message and the exit status that
# stand there and changes nothing, or is applied, checked and undone.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

tables=$top_srcdir/tests/malformed

# --- what the inputs name --------------------------------------------------------------

mkdir -p tree/{auto,dev,etc,open,opt,proc,run,snap,sys,tmp,var/lib,var/tmp,usr/bin,usr/share/kept}
mkdir -p tree/snap/app/1/{foo/sub,bar} 'tree/usr/a,b:c\d'
echo hello >tree/snap/app/1/foo/hello
echo hi >tree/snap/app/1/bar/hi
echo file >tree/snap/app/1/file
echo file >tree/usr/share/file
echo kept >tree/usr/share/kept/kept
mkfifo tree/snap/app/1/fifo
mknod tree/snap/app/1/null c 1 3
! command -v python3 >/dev/null ||
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("tree/snap/app/1/socket")'
ln -s nothing tree/snap/app/1/nowhere
ln -s share tree/usr/to-share
ln -s /dev tree/usr/to-dev
ln -s round tree/usr/round
chmod 1777 tree/open tree/tmp tree/var/tmp
ln -s /etc tree/open/theirs
chown -h 1000 tree/open/theirs

# 63 times 64 bytes.
deep=$(printf '/yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy%.0s' {1..63})
mkdir -p "tree$deep" tree/{closed,shut,group,empty,many,d} 'tree/snap/app/1/my files'
echo hello >'tree/snap/app/1/my files/hello'
touch tree/snap/app/1/empty
ln -s foo tree/snap/app/1/to-foo
(cd tree/many && seq 10000 | xargs touch)
chmod 0711 tree/closed
chmod 0 tree/shut
chown 0:8 tree/group
chmod 2775 tree/group
ln -s ../run tree/var/run

mkdir directory
mkfifo fifo
ln -s p.fstab link.fstab
ln -s round.fstab round.fstab
printf 'schema: overmount.policy/1\nwrite-roots: [/usr/share, /snap]\n' >roots.policy

mount --bind tree base
mount -o remount,bind,ro base
mount -t tmpfs -o mode=1777 tmp base/tmp
echo theirs >base/tmp/theirs

om() { "$OVERMOUNT" "$@"; }
# changing HOW ARGUMENT...: the profile is changed while it is read.
changing() {
	OM_CHANGE=$1 OM_CHANGE_FILE=p.fstab LD_PRELOAD=$TOOLS/changing.so "$OVERMOUNT" "${@:2}"
}
# masked SURFACE ARGUMENT...: as on an older kernel.
masked() { "$TOOLS/enosys" "$1" -- "$OVERMOUNT" "${@:2}"; }

has_autofs() { grep -qw autofs /proc/filesystems && command -v python3 >/dev/null; }
# start_autofs DIR: mounts it there, for a daemon that never answers.
start_autofs() {
	rm -f ready
	python3 - "$PWD/$1" <<'P' &
import ctypes, os, sys, time
os.setpgrp()
_, pipe = os.pipe()
options = f"fd={pipe},pgrp={os.getpgrp()},minproto=5,maxproto=5,indirect"
if ctypes.CDLL(None).mount(b"autofs", sys.argv[1].encode(), b"autofs", 0, options.encode()) == 0:
    open("ready", "w").close()
    time.sleep(60)
P
	autofs=$!
	while kill -0 $autofs && [ ! -e ready ]; do sleep 0.05; done
	[ -e ready ]
}
stop_autofs() {
	kill $autofs
	wait $autofs 2>/dev/null
	umount "$1"
}

# --- journals --------------------------------------------------------------------------

# applied: a profile is, and what is needed to bring its journal back.
applied() {
	echo '/snap/app/1/foo /usr/share/b none bind 0 0' >p.fstab
	om apply --root base --state state p.fstab || return
	mounts_applied=$(mounts)
	journal=$(echo state/journal.*)
	cp -p "$journal" saved
	# Space is reserved: what is not written yet is all zero.
	for ((records = 0; ; records++)); do
		dd if="$journal" bs=512 skip=$records count=1 status=none | cmp -s -n 512 - /dev/zero && break
	done
}
# put OFFSET TEXT: over what is there.
put() { printf '%s' "$2" | dd of="$journal" bs=1 seek="$1" conv=notrunc status=none; }
# Only the first half of the last record was written.
tear() {
	dd if=/dev/zero of="$journal" bs=256 seek=$((records * 2 - 1)) count=1 conv=notrunc status=none
}
another_boot() {
	echo 00000000-0000-4000-8000-000000000000 >boot_id
	mount --bind boot_id /proc/sys/kernel/random/boot_id
}
same_boot() { umount /proc/sys/kernel/random/boot_id; }
untouched() { [ "$(mounts | grep -v boot_id)" = "$mounts_applied" ]; }
# The journal is named after the namespace, and that has another number each time.
undo_it() {
	om undo --state state 2>&1 | sed 's/"journal\.[0-9]*"/"journal.N"/'
	return "${PIPESTATUS[0]}"
}
repaired() {
	cp -p saved "$journal" && om undo --state state
}

# --- the tables ------------------------------------------------------------------------

# decode TEXT: %HH is a byte, %(TEXT*N) is TEXT N times, %. at the end no newline.
decode() {
	local text=$1 out="" unit n end='\n'

	if [[ $text == *%. ]]; then
		text=${text%??}
		end=""
	fi
	while [[ $text == *'%('*'*'*')'* ]]; do
		out+=${text%%'%('*}
		text=${text#*'%('}
		unit=${text%%'*'*}
		text=${text#*'*'}
		printf -v n '%*s' "${text%%')'*}" ''
		out+=${n// /"$unit"}
		text=${text#*')'}
	done
	out+=$text
	out=${out//\\/\\\\}
	printf '%b' "${out//%/\\x}$end"
}

start_case() {
	title="$1" status="" want="" needs="" elsewhere="" setup="" teardown="" checks="" command=$default
	: >"$input"
}

# What is wrong with the case, or nothing.
run_case() {
	local out r line

	if [ -n "$elsewhere" ]; then
		for line in $elsewhere; do
			[ -s "$top_srcdir/$line" ] || echo "there is no $line"
		done
		return
	fi
	rm -rf state && mkdir state
	[ -z "$setup" ] || eval "$setup" || echo "cannot be prepared: $setup"
	[ -n "$status" ] || status=$default_status
	out=$(eval "$command" 2>&1 </dev/null)
	r=$?
	[ "$r" = "$status" ] || echo "exit status $r, want $status"
	[ "$out" = "${want%$'\n'}" ] ||
		printf 'it says:\n%s\nand not:\n%s\n' "$out" "${want%$'\n'}"
	while read -r line; do
		[ -z "$line" ] || eval "$line" || echo "does not hold: $line"
	done <<<"$checks"
	if [ "$r" = 0 ] && [[ $command == *' apply '* ]]; then
		out=$(om check --state state 2>&1) || echo "check: $out"
		out=$(om undo --state state 2>&1) || echo "undo: $out"
	fi
	[ -z "$teardown" ] || eval "$teardown" || echo "cannot be cleaned up: $teardown"
	[ "$(mounts)" = "$mounts_before" ] || echo "the mounts are changed"
	[ "$(tree base)" = "$tree_before" ] || echo "the tree is changed"
}

end_case() {
	local wrong

	[ -n "$title" ] || return 0
	if [ -n "$needs" ] && ! eval "$needs"; then
		skip "$title" "$needs fails"
		return
	fi
	wrong=$(run_case)
	"$report" "$title" "$wrong"
}

tell() { [ -z "$2" ] && ok "$1" || not_ok "$1" "$2"; }

# run_table REPORT: the table is the standard input.
run_table() {
	local report=$1 line title="" default="" default_status=1 input=/dev/null
	local status want setup teardown checks command needs elsewhere

	while IFS= read -r line; do
		case $line in
		'#'* | '') continue ;;
		'< '*) input=${line#??} ;;
		'@ '*)
			end_case
			start_case "${line#??}"
			;;
		'|'*) line=${line#|} && decode "${line# }" >>"$input" ;;
		'>'*) line=${line#>} && want+=$(decode "${line# }")$'\n' ;;
		'= '*) [ -n "$title" ] && status=${line#??} || default_status=${line#??} ;;
		'$ '*) setup+=${line#??}$'\n' ;;
		'& '*) teardown+=${line#??}$'\n' ;;
		'+ '*) needs=${line#??} ;;
		'~ '*) elsewhere+="${line#??} " ;;
		'? '*) checks+=${line#??}$'\n' ;;
		'! '*) [ -n "$title" ] && command=${line#??} || default=${line#??} ;;
		*) not_ok "the table can be read" "$line" ;;
		esac
	done
	end_case
}

mounts_before=$(mounts)
tree_before=$(tree base)
for table in fstab layout journal accept accept-layout; do
	run_table tell <"$tables/$table.txt"
done

# --- nothing is left out ---------------------------------------------------------------

# numbers TABLE...: those that have a case.
numbers() { sed -n 's/^@ \([0-9]*\).*/\1/p' "${@/#/$tables/}" | sort -nu; }
is "each number of the list of malformed inputs has a case" \
	"$(numbers fstab.txt layout.txt journal.txt | tr '\n' ' ')" "$(seq 140 | tr '\n' ' ')"
accepted=$(numbers accept.txt accept-layout.txt | wc -l)
[ "$accepted" -ge 60 ] && ok "at least 60 odd inputs are accepted ($accepted)" ||
	not_ok "at least 60 odd inputs are accepted" "$accepted"

# --- control ---------------------------------------------------------------------------

# What must be noticed: each of these cases is wrong in one way.
wrong_cases() {
	cat <<'C'
< p.fstab
! om apply --root base --state state p.fstab
@ another message
| /a
> overmount: p.fstab:1: line: cannot read line: expected 4 to 6 fields, found 2
@ another exit status
| /a
> overmount: p.fstab:1: line: cannot read line: expected 4 to 6 fields, found 1
= 2
@ a message too much
| /snap/app/1/foo /usr/share/b none bind 0 0
> overmount: p.fstab:1: line: cannot read line: expected 4 to 6 fields, found 1
= 0
@ what does not hold
| /snap/app/1/foo /usr/share/b none bind 0 0
? [ "$(<base/usr/share/b/hello)" = goodbye ]
= 0
@ a mount that is left
| /a
! mount -t tmpfs left base/tmp; om apply --root base --state state p.fstab
> overmount: p.fstab:1: line: cannot read line: expected 4 to 6 fields, found 1
@ a name that is left
| /a
! touch base/tmp/left; om apply --root base --state state p.fstab
> overmount: p.fstab:1: line: cannot read line: expected 4 to 6 fields, found 1
@ a file that is not there
~ tests/golden/cases/nothing.case
C
}
tell_control() {
	[ -n "$2" ] && ok "control: $1 is noticed" || not_ok "control: $1 is noticed"
	[ "$(findmnt -nro SOURCE base/tmp | tail -n 1)" != left ] || umount base/tmp
	rm -f base/tmp/left
}
run_table tell_control < <(wrong_cases)
# And they noticed that, not what another one had left.
run_table tell <<'C'
< p.fstab
! om apply --root base --state state p.fstab
@ control: all is as it was before
| /a
> overmount: p.fstab:1: line: cannot read line: expected 4 to 6 fields, found 1
C
plan_end
