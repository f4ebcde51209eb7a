#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Short of descriptors, memory, file size, stack, processes, room and inodes for the state,
# inodes of a tmpfs, mounts: the profile is applied whole, or everything is as before and the
# exit status says so; no signal, nothing half done; and undo brings back.  make check takes
# steps (OM_FAULT=full: all of it).
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"

# Those of make would be counted against the limit.
for fd in /proc/$$/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || [ "$fd" = 255 ] || exec {fd}>&-
done
full=
[ "${OM_FAULT:-short}" != full ] || full=1
# step SHORT: the step of a loop, 1 in full.
step() { [ -n "$full" ] && echo 1 || echo "$1"; }

mkdir -p tree/{etc,usr/share/{X11,doc},snap/app/1/{foo/sub,content}} st many
echo hello >tree/snap/app/1/foo/hello
echo conf >tree/snap/app/1/conf
echo content >tree/snap/app/1/content/file
echo doc >tree/usr/share/doc/doc
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
cat >small.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw 0 0
P
cat >large.fstab <<'P'
/snap/app/1/foo /usr/share/foo none rbind,rw 0 0
/snap/app/1/conf /etc/conf none bind,rw,x-snapd.kind=file 0 0
none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0
tmpfs /usr/share/X11/tmp tmpfs mode=0700 0 0
/snap/app/1/content /usr/share/doc none rbind,ro 0 0
/usr/share/doc /usr/share/X11/tmp/seen none rbind,ro 0 0
P
state=state

# The very same mounts, by their ids.
remember() { mounts_before=$(</proc/self/mountinfo) tree_before=$(tree base); }
is_as_before() { [ "$(</proc/self/mountinfo)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ]; }
# om COMMAND...: apply or undo on the surface, under the limits.
surface=() limits=() operands=()
also=2 # another status that is right when everything is as before
om() { { "${limits[@]}" "${surface[@]}" "$OVERMOUNT" "$@" --state "$state" "${operands[@]}" </dev/null >out 2>err; } 2>/dev/null; }
# prepare PROFILE STRATEGY [SURFACE]: what is applied, and what it looks like when complete.
prepare() {
	surface=()
	[ -z "${3:-}" ] || surface=("$TOOLS/enosys" "$3" --)
	limits=() operands=()
	apply=(apply --root base --strategy "$2")
	profile=$1
	remember
	operands=("$profile")
	om "${apply[@]}" || not_ok "control: $1 can be applied" "$(<err)"
	complete=$(tree base)
	operands=()
	om undo || not_ok "control: $1 can be undone" "$(<err)"
	is_as_before || not_ok "control: $1 undone is as before"
	begin
}
begin() { bad="" applied=0 refused=0 unborn=0; }
has_journal() { compgen -G "$state/journal.*" >/dev/null; }
# Without limits: what is there goes, or is said to be stuck.
bring_back() {
	limits=() operands=()
	if ! is_as_before || has_journal; then om undo; fi
	is_as_before && return
	bad+=" $1:stuck"
	local place
	for place in $(awk -v below="$work/base/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | tac); do
		umount -l "$place"
	done
	umount -l "$state/stage" 2>/dev/null
	rm -rf "$state"
	is_as_before || not_ok "the test can go on" "$(mounts)"
}
# judge LABEL STATUS: what an apply that ended so has left.
judge() {
	case $2 in
	0)
		applied=$((applied + 1))
		[ "$(tree base)" = "$complete" ] || bad+=" $1:lie"
		;;
	1 | 2 | 16 | 32 | "$also")
		refused=$((refused + 1))
		is_as_before || bad+=" $1:partial($2)"
		;;
	*)
		bad+=" $1:exit($2)"
		is_as_before || bad+=":partial"
		;;
	esac
	bring_back "$1"
}
# Under some limits no program starts at all: then the loader fails, not we.
# Does it come as far as to a word of its own?
starts() {
	{ "${limits[@]}" "$OVERMOUNT" --version </dev/null; } >/dev/null 2>&1
	case $? in 0 | 2) ;; *) return 1 ;; esac
}
# try_apply LABEL: apply under the limits.
try_apply() {
	operands=("$profile")
	om "${apply[@]}"
	judge "$1" $?
}
# try LABEL: apply under the limits, then undo under them.
try() {
	local saved=("${limits[@]}") status
	if ! starts; then
		unborn=$((unborn + 1))
		return
	fi
	try_apply "$1"
	limits=() operands=("$profile")
	om "${apply[@]}" || bad+=" $1:cannot-apply-again"
	limits=("${saved[@]}") operands=()
	om undo
	status=$?
	case $status in
	0) is_as_before || bad+=" $1:undo-lies" ;;
	1 | 2 | 16 | 32 | "$also") [ "$(tree base)" = "$complete" ] || bad+=" $1:undo-partial($status)" ;;
	*) bad+=" $1:undo-exit($status)" ;;
	esac
	bring_back "$1"
	limits=("${saved[@]}")
}
# conclude WHAT: both outcomes must have been seen, or the limits limited nothing.
conclude() {
	local seen="$applied applied, $refused refused, $unborn not started"
	limits=()
	[ $applied -gt 0 ] || bad+=" never-applied"
	[ $refused -gt 0 ] || bad+=" never-refused"
	[ -z "$bad" ] && ok "$1: $seen" || not_ok "$1: $seen" "$(fold -s -w 100 <<<"${bad:1}")"
	begin
}

# --- the judge sees what is planted ---

prepare small.fstab overlay
mount -t tmpfs planted base/usr/share
judge planted 2
[ -n "$bad" ] && ok "control: a partial state is noticed" || not_ok "control: a partial state is noticed"
begin
judge planted 0
[[ $bad == *lie* ]] && ok "control: a lie is noticed" || not_ok "control: a lie is noticed" "$bad"
begin
judge planted 139
[ -n "$bad" ] && ok "control: a signal is noticed" || not_ok "control: a signal is noticed"

# --- limits of the process ---

for strategy in overlay mimic; do
	for on in "" 4.4; do
		prepare large.fstab $strategy $on
		for ((n = 3; n <= 64; n += n < 24 ? 1 : $(step 8))); do
			limits=(prlimit "--nofile=$n" --)
			try "nofile=$n"
		done
		conclude "$strategy ${on:-native}: descriptors"
		for n in 0 1 511 512 513 4096 5120 8192 16384 65536 262144 1048576; do
			limits=(prlimit "--fsize=$n" --)
			try "fsize=$n"
		done
		conclude "$strategy ${on:-native}: size of a file"
		[ -n "$full" ] || [ -z "$on" ] || continue
		# From where the loader is content; what is too little for us lies right above.
		for ((least = 1024; least < 65536; least += 64)); do
			limits=(prlimit --as=$((least * 1024)) --)
			! starts || break
		done
		for ((n = least - 64; n <= least + 640; n += $(step 8) * 4)); do
			limits=(prlimit --as=$((n * 1024)) --)
			try "as=${n}K"
		done
		conclude "$strategy ${on:-native}: address space"
		for n in 8 32 48 64 96 128 256 1024; do
			limits=(prlimit --stack=$((n * 1024)) --)
			try "stack=${n}K"
		done
		conclude "$strategy ${on:-native}: stack"
	done
done

# --- room for the state ---

# state_on OPTIONS: a tmpfs for the state.
state_on() {
	limits=()
	mount -t tmpfs -o "mode=0755,$1" state st
	state=st/state
	remember
}
state_off() {
	umount st
	state=state
}
for strategy in overlay mimic; do
	prepare large.fstab $strategy
	for ((n = 0; n <= 40; n += $(step 1))); do
		state_on "size=$((n * 4 + 4))k"
		head -c 4096 /dev/zero >st/filler
		try_apply "bytes=$((n * 4))K"
		state_off
	done
	conclude "$strategy: bytes for the state"
	for ((n = 1; n <= 12; n++)); do
		state_on "nr_inodes=$n"
		try_apply "inodes=$n"
		state_off
	done
	conclude "$strategy: inodes for the state"
done
prepare large.fstab overlay
state_on "size=1m"
operands=("$profile")
om "${apply[@]}" || not_ok "control: the state fits" "$(<err)"
cat /dev/zero >st/filler 2>/dev/null
[ "$(stat -f -c %a st)" = 0 ] && ok "control: nothing is free" || not_ok "control: nothing is free"
operands=()
om undo
is "undo needs no room" "$? $(<err)" "0 "
is_as_before && ok "undo with a full state is as before" || not_ok "undo with a full state is as before"
state_off

# --- room on a file system that the profile makes ---

begin
for ((n = 1; n <= 10; n++)); do
	# Names in it are made on the way; the last one has a page of its own.
	printf 'tmpfs /usr/share/X11/tmp tmpfs nr_inodes=%d 0 0\n' "$n" >p.fstab
	echo '/snap/app/1/foo /usr/share/X11/tmp/a/b/c none rbind,rw 0 0' >>p.fstab
	echo 'none /usr/share/X11/tmp/a/l none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0' >>p.fstab
	remember
	surface=() operands=(p.fstab) limits=()
	apply=(apply --root base --strategy overlay)
	om "${apply[@]}"
	status=$?
	complete=$(tree base)
	[ $status != 0 ] || [ "$(cat base/usr/share/X11/tmp/a/b/c/hello)$(readlink base/usr/share/X11/tmp/a/l)" = hello/x ] ||
		bad+=" inodes=$n:lie"
	judge "inodes=$n" $status
done
conclude "inodes of a tmpfs of the profile"

# --- processes, for an ordinary user ---

user=(setpriv --reuid 1234 --regid 1234 --clear-groups)
cp "$OVERMOUNT" overmount
if "${user[@]}" unshare -Um true 2>/dev/null && "${user[@]}" ./overmount --version >/dev/null; then
	base_tree ubase 20 && make_snap ubase/snap/app/1
	echo '/snap/app/1/usr/share/foo /usr/share/foo none rbind,ro 0 0' >u.fstab
	remember
	begin
	for n in 0 1 2 100; do
		for strategy in overlay mimic; do
			seen=$("${user[@]}" prlimit --nproc=$n -- ./overmount run --root ubase --strategy $strategy \
				--profile u.fstab -- cat /usr/share/foo/hello </dev/null 2>err)
			status=$?
			case $status in
			0) applied=$((applied + 1)); [ "$seen" = hello ] || bad+=" nproc=$n:lie" ;;
			2 | 16 | 32) refused=$((refused + 1)); [ -z "$seen" ] || bad+=" nproc=$n:ran($status)" ;;
			*) bad+=" nproc=$n:exit($status)" ;;
			esac
			is_as_before || bad+=" nproc=$n:changed"
		done
	done
	conclude "processes of a user"
else
	skip "processes of a user" "an ordinary user may not make user namespaces here"
fi

# --- mounts in the namespace ---

max_file=/proc/sys/fs/mount-max
max=$(<$max_file)
restore() { echo "$max" >$max_file; }
if { echo "$max" >$max_file; } 2>/dev/null; then
	# The limit is for every namespace of this machine: with thousands of mounts in this
	# one, no other notices.
	mount --bind many many
	mkdir many/x
	for ((n = 0; n < 12; n++)); do mount --rbind many many/x; done
	trap restore EXIT
	for strategy in overlay mimic; do
		for on in "" 4.4; do
			prepare large.fstab $strategy $on
			now=$(wc -l </proc/self/mountinfo)
			[ "$now" -gt 4000 ] || not_ok "control: many mounts" "$now"
			for ((n = 0; n <= 40; n += n < 20 ? $(step 4) : 10)); do
				echo $((now + n)) >$max_file
				operands=("$profile") limits=()
				om "${apply[@]}"
				status=$?
				restore
				judge "mounts=$n" $status
			done
			conclude "$strategy ${on:-native}: mounts"
		done
	done
	restore
	umount -l many
	is "fs.mount-max is as before" "$(<$max_file)" "$max"
else
	skip "mounts" "fs.mount-max cannot be written"
fi

# --- every allocation ---

export OM_FAIL_MALLOC
preload=$TOOLS/failmalloc.so
# fail_allocations PROFILE STRATEGY SURFACE
fail_allocations() {
	local n status kind
	prepare "$1" "$2" "$3"
	OM_FAIL_MALLOC=0
	limits=(env LD_PRELOAD="$preload") operands=("$profile")
	surface=()
	[ -z "$3" ] || surface=("$TOOLS/enosys" "$3" --)
	om "${apply[@]}"
	all=$(sed -n 's/ allocations$//p' err | tail -n 1)
	bring_back counting
	# libmount does not say that its memory is short; then it read another profile than we.
	also=4
	for kind in "" +; do
		# The last one is not reached: then all is applied.
		for n in $(seq 1 "$(step 13)" "$all") $((2 * all)); do
			OM_FAIL_MALLOC=$n$kind
			# With the facts that are kept, and without.
			[ $((n % 2)) = 0 ] || rm -f "$state"/facts*
			limits=(env LD_PRELOAD="$preload") operands=("$profile")
			om "${apply[@]}"
			status=$?
			[ $status != 200 ] || status=0
			judge "$n$kind" $status
		done
	done
	also=2
	# And of the undo.
	for ((n = 1; n <= 60; n += $(step 7))); do
		OM_FAIL_MALLOC=$n
		limits=() operands=("$profile")
		om "${apply[@]}"
		limits=(env LD_PRELOAD="$preload") operands=()
		om undo
		status=$?
		case $status in
		0 | 200) is_as_before || bad+=" undo-$n:lie" ;;
		1 | 2 | 16 | 32) [ "$(tree base)" = "$complete" ] || bad+=" undo-$n:partial($status)" ;;
		*) bad+=" undo-$n:exit($status)" ;;
		esac
		bring_back "undo-$n"
	done
	conclude "$1 $2 ${3:-native}: $all allocations"
}
if [ ! -e "$preload" ]; then
	not_ok "failmalloc.so is built"
elif ! LD_PRELOAD="$preload" "$OVERMOUNT" --version >/dev/null 2>&1; then
	skip "allocations" "nothing can be loaded into this build"
else
	for strategy in overlay mimic; do
		for on in "" 4.4; do
			fail_allocations large.fstab $strategy "$on"
			[ -z "$full" ] || fail_allocations small.fstab $strategy "$on"
		done
	done
fi
plan_end
