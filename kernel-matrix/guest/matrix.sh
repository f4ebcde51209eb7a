#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=dash
#
# Runs the cells of the matrix, one after the other, on the kernel that it finds itself on.
#
#   matrix.sh DIR   DIR has the programs (bin), the images (images), the profiles (profiles)
#                   and `cells`, a line `NAME LAYOUT AXIS=VALUE...` for each cell
#
# Prints one record a line, fields with tabs between:
#
#   boot FIELD VALUE        what machine this is
#   cell NAME               begins a cell; then, of it,
#     skip REASON           it cannot be tried here
#     error REASON          our test broke
#     facts LINE            a line of the file that probe wrote (YAML)
#     plan LINE             a line of what plan printed, without the steps (JSON)
#     outcome STRATEGY EXIT-STATUS WORDS
#     check NAME ok         or: check NAME no; then, of it,
#     detail WORDS
#     time NAME MICROSECONDS
#     denied PROFILE OPERATION COUNT
#   end NAME                ends it
#   finished                there are no more
#
# MATRIX_HERE=1: this is a machine that somebody uses.  Nothing of it is changed: modules and
# AppArmor's policy stay as they are, and cells that want them otherwise are skipped.

dir=$1
here=${MATRIX_HERE:-}
limit=${MATRIX_LIMIT:-60}
mask=${MATRIX_MASK:-}
release=$(uname -r)
modules=/usr/lib/modules/$release
tab=$(printf '\t')
export LC_ALL=C

record() {
	local line=$1

	shift
	while [ $# -gt 0 ]; do
		line=$line$tab$1
		shift
	done
	printf '%s\n' "$line"
}

is_registered() { grep -qw "$1" /proc/filesystems; }

enabled() { [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; }

# What overmount needs for its work on any tree.
mounter_profile() {
	cat <<-END
		profile overmount-matrix flags=(attach_disconnected) {
			capability,
			signal,
			ptrace,
			unix,
			network,
			mount,
			remount,
			umount,
			pivot_root,
			change_profile -> snap.matrix.*,
			/** rwlkmix,
			/ rw,
		}
	END
}

# What snapd gives an application on a base that is not one of its own, and the same below the
# directory that the base is mounted on here.
app_profile() {
	local root

	echo 'profile snap.matrix.app flags=(attach_disconnected,mediate_deleted) {'
	echo 'capability dac_read_search, capability dac_override, signal, network inet,'
	for root in '' /mnt/base; do
		cat <<-END
			$root/ r,
			$root/{bin,sbin,lib,lib64,usr,snap}/{,**} mrklix,
			$root/{etc,proc,dev,sys,run}/{,**} r,
			$root/{tmp,var}/{,**} mrwklix,
		END
	done
	echo "/mnt/ r, /dev/null rw, $dir/bin/* mrix,"
	echo '}'
}

load_profiles() {
	{ mounter_profile; app_profile; } >"$dir/policy"
	# -K, -T: no cache is read or written.
	apparmor_parser -a -K -T "$dir/policy" >&2
}

# overlay STATE: makes the module what the cell wants, or says why that cannot be.  Nothing
# that was ever loaded comes before a cell in which there is none: see the order of the cells.
overlay() {
	local file

	if [ -n "$here" ]; then
		overlay_here "$1"
		return
	fi
	if [ -z "$file_of_overlay" ]; then
		if is_registered overlay; then
			[ "$1" = loaded ] || { record skip "overlay is built into this kernel"; return 1; }
		elif [ "$1" != absent ]; then
			record skip "this kernel has no overlay"
			return 1
		fi
		return 0
	fi
	rm -f /etc/modprobe.d/matrix-overlay.conf
	if [ "$1" != loaded ] && is_registered overlay; then
		unload_overlay || return 1
	fi
	file=$file_of_overlay
	case $1 in
	absent) [ ! -e "$file" ] || { mv "$file" "$file.away" && /usr/sbin/depmod; } ;;
	*) [ -e "$file" ] || { mv "$file.away" "$file" && /usr/sbin/depmod; } ;;
	esac || { record error "cannot move overlay's module"; return 1; }
	case $1 in
	blacklisted) echo "blacklist overlay" >/etc/modprobe.d/matrix-overlay.conf ;;
	loaded)
		is_registered overlay || /usr/sbin/modprobe overlay 2>&1 ||
			{ record skip "overlay's module cannot be loaded"; return 1; }
		;;
	esac
}

overlay_here() {
	local state=absent

	if is_registered overlay; then
		state=loaded
	elif modprobe -qn overlay; then
		state=loadable
	fi
	[ "$1" = "$state" ] || { record skip "overlay is $state here"; return 1; }
}

# The namespaces that used it end a moment after their last process.
unload_overlay() {
	local i=0

	while ! /usr/sbin/rmmod overlay 2>/dev/null; do
		i=$((i + 1))
		[ $i -lt 50 ] || { record error "overlay cannot be unloaded"; return 1; }
		usleep 100000
	done
}

lsm() {
	case $1 in
	none)
		if enabled; then
			record skip "AppArmor is enabled here"
			return 1
		fi
		;;
	*)
		if ! enabled; then
			record skip "AppArmor is not enabled on this kernel"
			return 1
		elif [ "$1" = confined ] && [ -n "$here" ]; then
			record skip "the policy of a machine in use stays as it is"
			return 1
		elif [ "$1" = confined ] && [ -z "$policy" ]; then
			record error "AppArmor did not take our profiles"
			return 1
		fi
		;;
	esac
}

# What AppArmor denied since the last call, by profile and operation.
denials() {
	[ -z "$here" ] || return 0
	dmesg -c | grep 'apparmor="DENIED"' >"$dir/denied"
	sed 's/^[^a]*//' "$dir/denied" >&2
	sed -n 's/.*apparmor="DENIED" operation="\([^"]*\)".* profile="\([^"]*\)".*/\2 \1/p' "$dir/denied" |
		sort | uniq -c | while read -r count profile operation; do
			record denied "$profile" "$operation" "$count"
		done
}

# value AXIS AXIS=VALUE...
value() {
	local axis=$1 word

	shift
	for word in "$@"; do
		[ "${word%%=*}" != "$axis" ] || echo "${word#*=}"
	done
}

# What the cell that broke said last.
detail_errors() {
	tail -n 5 "$dir/errors" | while read -r line; do
		record detail "$line"
	done
}

run_cell() {
	local name=$1 layout=$2 status=0

	shift 2
	lsm "$(value lsm "$@")" || return 0
	overlay "$(value overlay "$@")" || return 0
	[ -n "$here" ] || dmesg -c >/dev/null
	"$dir/bin/helper" limit "$limit" sh "$dir/cell.sh" "$dir" "$layout" \
		"$@" mask="$mask" 2>"$dir/errors" || status=$?
	case $status in
	0) ;;
	99) detail_errors ;;
	137) record check limit no; record detail "not done after $limit seconds" ;;
	*)
		record error "the cell ended with status $status"
		detail_errors
		;;
	esac
	denials
}

[ -e "$dir/bin/overmount" ] || ln -s /usr/bin/overmount "$dir/bin/overmount"
policy=
file_of_overlay=
if [ -z "$here" ]; then
	mkdir -p /mnt
	# A probe asks for much that is denied, and the kernel would leave messages out.
	echo 0 >/proc/sys/kernel/printk_ratelimit
	for module in loop squashfs erofs ext4; do
		/usr/sbin/modprobe -q $module
	done
	file_of_overlay=$(find "$modules" -name 'overlay.ko' -o -name overlay.ko.away)
	if enabled && load_profiles; then
		policy=1
	fi
	if [ -e "$dir/setup" ]; then
		sh "$dir/setup" >&2
	fi
fi
record boot release "$release"
record boot version "$(uname -v)"
while read -r name layout axes; do
	record cell "$name"
	# shellcheck disable=SC2086 # one axis a word
	run_cell "$name" "$layout" $axes </dev/null
	record end "$name"
done <"$dir/cells"
record finished
