#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every system call of an apply fails once, with each error: the mount table and the tree are
# as before, or complete, and the exit status says which.  make check-fault runs all of it;
# make check a part (OM_FAULT=short).
. "${top_srcdir:-.}/tests/integration/lib.sh"
om_start "$@"

short=${OM_FAULT:-short}
errors="5 12 28 1 4 11 16 38 22 24" # EIO ENOMEM ENOSPC EPERM EINTR EAGAIN EBUSY ENOSYS EINVAL EMFILE
surfaces=("" "6.1" "5.4" "4.4" "openat2")
strategies="overlay mimic"
[ "$short" != short ] || { errors="5" surfaces=("" "4.4") strategies="overlay"; }
errors=${OM_ERRORS:-$errors}

mkdir -p tree/{etc,usr/share/{X11,doc},snap/app/1/{foo/sub,content}}
echo hello >tree/snap/app/1/foo/hello
echo conf >tree/snap/app/1/conf
echo content >tree/snap/app/1/content/file
echo doc >tree/usr/share/doc/doc
: >tree/etc/passwd
mount --bind tree base
mount -o remount,bind,ro base
bind='/snap/app/1/foo /usr/share/foo none rbind,rw 0 0'
file='/snap/app/1/conf /etc/conf none bind,rw,x-snapd.kind=file 0 0'
link='none /etc/link none x-snapd.kind=symlink,x-snapd.symlink=/x 0 0'
tmp='tmpfs /usr/share/X11/tmp tmpfs mode=0700 0 0'
exist='/snap/app/1/foo /usr/share/doc none rbind,rw 0 0'
nested='tmpfs /usr/share/foo/sub/tmp tmpfs mode=0700 0 0'
content='/snap/app/1/content /usr/share/doc none rbind,ro 0 0'
over='/usr/share/doc /usr/share/seen none rbind,ro 0 0'
missing='/snap/app/1/nothing /usr/share/never none rbind,ro 0 0'
# The last one has two waves, the second surveyed with the mounts of the first.
profiles=("$bind" "$bind"$'\n'"$file"$'\n'"$link"$'\n'"$tmp" "$content"$'\n'"$over")
[ "$short" = short ] || profiles=("$bind" "$file" "$link" "$tmp" "$exist" "$content"$'\n'"$over"
	"$bind"$'\n'"$file"$'\n'"$link"$'\n'"$tmp"$'\n'"$exist" "$bind"$'\n'"$nested" "$link"$'\n'"$missing")

mounts_before=$(mounts)
tree_before=$(tree base)
is_as_before() { [ "$(mounts)" = "$mounts_before" ] && [ "$(tree base)" = "$tree_before" ]; }
injections=0
# one N ERRNO COMMAND...: what went wrong, or nothing; 1 when there are fewer calls.
one() {
	local n=$1 err=$2 r
	shift 2
	"$TOOLS/failnth" -a "$n" "$err" -- "$@" >out 2>&1
	r=$?
	if [ $r = 200 ]; then
		"${masked[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
		return 1
	fi
	injections=$((injections + 1))
	case $r in
	0) [ "$(tree base)" = "$complete" ] || bad+=" $n/$err:lie" ;;
	1 | 2 | 16 | 32) is_as_before || bad+=" $n/$err:partial($r)" ;;
	*) bad+=" $n/$err:exit($r)" ;;
	esac
	if ! is_as_before; then
		# Undone under the same surface: ids of mounts must be of one kind.
		"${masked[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
		is_as_before || { bad+=" $n/$err:stuck"; return 1; }
	fi
	return 0
}

# run PROFILE SURFACE STRATEGY ERRNO
run() {
	local n=0 status
	masked=(env)
	[ -z "$2" ] || masked=("$TOOLS/enosys" "$2" --)
	apply=("${masked[@]}" "$OVERMOUNT" apply --root base --state state --strategy "$3" p.fstab)
	printf '%s\n' "$1" >p.fstab
	"${apply[@]}" >out 2>&1
	status=$?
	complete=$(tree base)
	"${masked[@]}" "$OVERMOUNT" undo --state state >/dev/null 2>&1
	is_as_before || { not_ok "control: undone is as before" "$(cat out)"; plan_end; }
	bad=
	while one $((++n)) "$4" "${apply[@]}"; do :; done
	[ $n -gt 50 ] || [ $status != 0 ] || bad+=" only $n calls"
	total_bad+=${bad:+" [$1|$2|$3]$bad"}
}

for ((p = 0; p < ${#profiles[@]}; p++)); do
	for surface in "${surfaces[@]}"; do
		total_bad=
		before=$injections
		for strategy in $strategies; do
			for err in $errors; do run "${profiles[p]}" "$surface" "$strategy" "$err"; done
		done
		is "profile $((p + 1)), surface ${surface:-native}: $((injections - before)) injections" "$total_bad" ""
	done
done

# A builder that mounts one by one and looks at no result leaves half of it.
mount -t tmpfs naive base/usr/share
is_as_before && not_ok "control: a half-built state is noticed" || ok "control: a half-built state is noticed"
umount base/usr/share
is_as_before && ok "control: and that it is gone" || not_ok "control: and that it is gone"
echo "# $injections injections"
plan_end
