#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=dash
#
# One cell of the matrix, in namespaces of its own: makes the base as the cell wants it,
# looks at what overmount finds, plans and does, and whether all is as before afterwards.
#
#   cell.sh DIR LAYOUT AXIS=VALUE...   prints records, see matrix.sh
#
# It runs itself again in the user namespace, where there is one.

dir=$1
layout=$2
shift 2
for word in "$@"; do
	case $word in
	lsm=*) lsm=${word#*=} ;;
	lower=*) lower=${word#*=} ;;
	children=*) children=${word#*=} ;;
	propagation=*) propagation=${word#*=} ;;
	surface=*) surface=${word#*=} ;;
	userns=*) userns=${word#*=} ;;
	mask=*) mask=${word#*=} ;;
	esac
done
export LC_ALL=C
work=/mnt
base=$work/base
profile=$dir/profiles/$layout
tab=$(printf '\t')
peer=

record() {
	local line=$1

	shift
	while [ $# -gt 0 ]; do
		line=$line$tab$1
		shift
	done
	printf '%s\n' "$line"
}

# The cell cannot go on, and nobody but we are to blame.
broken() {
	record error "$*"
	exit 99
}

skip() {
	record skip "$*"
	exit 0
}

# Each line of stdin, as records of that kind.
lines() { sed "s/^/$1$tab/"; }

# check NAME CONDITION-STATUS [FILE]: what went wrong is told from FILE.
check() {
	if [ "$2" = 0 ]; then
		record check "$1" ok
		return 0
	fi
	record check "$1" no
	[ -z "${3:-}" ] || head -n 20 "$3" | cut -c1-300 | lines detail
	return 1
}

# same NAME GOT WANTED: two files must have the same lines; those that differ are told.
same() {
	if cmp -s "$2" "$3"; then
		check "$1" 0
	else
		diff "$3" "$2" | grep '^[-+<>]' | grep -v '^\(---\|+++\)' >$work/difference
		check "$1" 1 $work/difference
	fi
}

# --- who does it -----------------------------------------------------------------------

app=
tool="$dir/bin/overmount"
[ "$surface" = native ] || mask=$surface
[ -z "$mask" ] || tool="$dir/bin/enosys $mask -- $tool"
app_label=
if [ "$lsm" = confined ]; then
	app="$dir/bin/helper run -l snap.matrix.app"
	app_label="--app-label snap.matrix.app"
	tool="-l overmount-matrix $tool"
fi
tool="$dir/bin/helper run -t $work/time $tool"

# --- the base --------------------------------------------------------------------------

variant() {
	case $children in
	3000 | sockets) echo "$children" ;;
	*) echo few ;;
	esac
}

# image TYPE DIR: mounts the image of that type, read-only.
image() {
	local file

	grep -qw "$1" /proc/filesystems || skip "this kernel has no $1"
	file=$dir/images/$(variant).$1
	[ -e "$file" ] || skip "there is no image of $1: its mkfs is missing"
	mount -t "$1" -o loop,ro "$file" "$2" || skip "$1 cannot be mounted here"
}

# over LOWER DIR: a read-only overlay, as the root of a live system or a container is.
over() {
	skeleton=$((${skeleton:-0} + 1))
	mkdir $work/skeleton$skeleton
	mount -t overlay -o "ro,lowerdir=$work/skeleton$skeleton:$1" over "$2" ||
		skip "an overlay cannot be mounted"
}

mount_lower() {
	case $lower in
	tmpfs)
		mkdir $work/image $work/copy
		image squashfs $work/image
		mount -t tmpfs -o mode=0755 lower $work/copy
		cp -a $work/image/. $work/copy/ || broken "cannot copy the base"
		umount $work/image
		mount -o bind $work/copy $base
		mount -o remount,bind,ro $base || broken "cannot make the base read-only"
		;;
	overlay1 | overlay2)
		mkdir $work/image $work/one
		image squashfs $work/image
		if [ "$lower" = overlay1 ]; then
			over $work/image $base
		else
			over $work/image $work/one
			over $work/one $base
		fi
		;;
	*) image "$lower" $base ;;
	esac
}

# What the layout names, on file systems of the snap and of its data.
mount_snap() {
	mount -t tmpfs -o mode=0755 snap $base/snap &&
		mount -t tmpfs -o mode=0755 data $base/var/snap ||
		broken "cannot mount the snap"
	while read -r source _ _ options _; do
		case $source in
		/*) ;;
		*) continue ;;
		esac
		case $options in
		*x-snapd.kind=file*)
			mkdir -p "$base${source%/*}"
			echo "the snap's $source" >"$base$source"
			;;
		*)
			mkdir -p "$base$source/inside"
			echo "the snap's $source" >"$base$source/about"
			ln -sf about "$base$source/link"
			chmod 0750 "$base$source/inside"
			;;
		esac
	done <"$profile"
	mount -o remount,bind,ro $base/snap || broken "cannot make the snap read-only"
}

mount_children() {
	local place

	for place in doc icons/large; do
		mount -t tmpfs -o nosuid,mode=0755 "child" "$base/usr/share/$place" ||
			broken "cannot mount below the base"
		echo "$place" >"$base/usr/share/$place/mounted"
	done
}

# As the cell wants it, with somebody who would notice.
set_propagation() {
	mount --make-private $base || broken "cannot make the base private"
	case $propagation in
	private) return ;;
	slave)
		mount --make-shared $base
		mkdir $work/master
		mount -o rbind $base $work/master
		mount --make-slave $base || broken "cannot make the base a slave"
		;;
	shared)
		mount --make-shared $base || broken "cannot make the base shared"
		"$dir/bin/helper" run -m sleep 1000 </dev/null >/dev/null &
		peer=$!
		while [ "$(readlink /proc/$peer/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ]; do
			kill -0 $peer || broken "the peer did not start"
		done
		;;
	esac
}

# --- what is seen ----------------------------------------------------------------------

# The mount table without ids; propagation groups by kind only.
mounts() {
	sed -E 's/^[0-9]+ [0-9]+ [0-9]+:[0-9]+ //; s/(shared|master|propagate_from):[0-9]+/\1/g' \
		"${1:-/proc/self/mountinfo}" | sort
}

tree() { "$dir/bin/tree-snapshot" "$1"; }

# The tree that an application sees.
view() { $app "$dir/bin/tree-snapshot" $base; }

# What must be seen once the profile is applied: the tree as it was ($1), with the tree of each
# source at its target.  Made from the profile, not from anything that overmount says.
expected() {
	: >$work/targets
	: >$work/added
	while read -r source target type options _; do
		echo "$target" >>$work/targets
		case $type,$options in
		tmpfs,*) echo "$target d 0700 0 0 0 0:0 -" ;;
		*x-snapd.kind=symlink*)
			link=${options##*x-snapd.symlink=}
			link=${link%%,*}
			echo "$target l 0777 0 0 ${#link} 0:0 $link"
			;;
		*)
			tree "$base$source" | sed "s,^/ ,$target ,; t; s,^/,$target/,"
			;;
		esac >>$work/added
	done <"$profile"
	{
		sed 's/^/T /' $work/targets
		sed 's/^/A /' $work/added
		sed 's/^/B /' "$1"
	} | awk '
		# Is the name one of the targets, or below one?
		function covered(name, parts, n, i, path) {
			n = split(name, parts, "/")
			for (i = 2; i <= n; i++) {
				path = path "/" parts[i]
				if (path in target)
					return 1
			}
			return 0
		}
		$1 == "T" { target[$2] = 1; next }
		{ line = substr($0, 3) }
		$1 == "B" && covered($2) { next }
		{ print line; seen[$2] = 1 }
		END {
			for (name in target) {
				n = split(name, parts, "/")
				path = ""
				for (i = 2; i < n; i++) {
					path = path "/" parts[i]
					if (!(path in seen))
						print path " d 0755 0 0 0 0:0 -"
					seen[path] = 1
				}
			}
		}' | sort
}

# --- the work --------------------------------------------------------------------------

facts() {
	$tool probe --save $work/facts.yaml $app_label >/dev/null 2>$work/errors
	check probe $? $work/errors || return
	sed '/^ *#/d' $work/facts.yaml | lines facts
}

plan() {
	$tool plan --json --root $base --state $work/plan-state $app_label "$profile" \
		>$work/plan 2>$work/errors
	check plan $? $work/errors
	# The steps are many, and no news to whoever knows the strategies.
	sed '/^   "steps": /,$d' $work/plan | lines plan
}

# chosen STRATEGY: for one of the entries?
chosen() { grep -q "^ \{9\}\"strategy\": \"$1\"" $work/plan; }

# look STRATEGY: is all to be seen that must be, and to be used?
look() {
	view >$work/view 2>$work/errors
	sort -o $work/view $work/view
	same "$1.view" $work/view $work/expected
	cp $work/view "$work/view.$1"
	# Where mounts have no unique ids, check takes the square of their number.
	if [ "$children" != 3000 ]; then
		$tool check --state $work/state >$work/out 2>&1
		check "$1.check" $? $work/out
	fi
	$app $base/usr/share/tool/run hello >$work/out 2>&1
	check "$1.execute" $? $work/out
	$app "$dir/bin/helper" use $base/usr/share/tool/run >$work/out 2>&1
	check "$1.map" $? $work/out
	case $propagation in
	slave)
		tree $work/master >$work/out
		same "$1.master-untouched" $work/out $work/master.before
		;;
	shared)
		tree /proc/$peer/root$base | sort >$work/out
		same "$1.peer-view" $work/out $work/expected
		;;
	esac
}

# look_back STRATEGY: nothing is left of it.
look_back() {
	mounts >$work/out
	same "$1.mounts-as-before" $work/out $work/mounts.before
	tree $base >$work/out
	same "$1.tree-as-before" $work/out $work/before
	find $work/state -mindepth 1 ! -name facts >$work/out
	[ ! -s $work/out ]
	check "$1.state-empty" $? $work/out
	if [ -n "$peer" ]; then
		mounts /proc/$peer/mountinfo >$work/out
		same "$1.peer-as-before" $work/out $work/peer.before
	fi
}

# try STRATEGY: applies, looks, takes back, looks again.
try() {
	local status

	timed "$1.apply" apply --root $base --state $work/state --strategy "$1" \
		--load-modules $app_label "$profile"
	status=$?
	record outcome "$1" $status "$(head -n 1 $work/out)"
	if [ $status = 0 ]; then
		look "$1"
		timed "$1.undo" undo --state $work/state
		check "$1.undo" $? $work/out
	fi
	look_back "$1"
}

# timed NAME ARGUMENT...: runs overmount and records how long it took.
timed() {
	local what=$1 status

	shift
	$tool "$@" >$work/out 2>&1
	status=$?
	record time "$what" "$(cat $work/time)"
	return $status
}

# All that comes after the base is there, in the user namespace if there is one.
inside() {
	[ "$children" != submounts ] || mount_children
	set_propagation
	# In a user namespace, what belongs to others stays closed, and is told as that.
	tree $base >$work/before || [ "$userns" = yes ] || broken "cannot read the base"
	[ "$propagation" != slave ] || tree $work/master >$work/master.before
	[ -z "$peer" ] || mounts /proc/$peer/mountinfo >$work/peer.before
	mounts >$work/mounts.before
	expected $work/before >$work/expected
	cmp -s $work/before $work/expected && broken "control: the layout changes nothing"
	facts
	plan
	# Only where the plan is neither the one nor the other is there something third to try.
	if chosen overlay && chosen mimic; then
		try auto
	fi
	try overlay
	try mimic
	if [ -e $work/view.overlay ] && [ -e $work/view.mimic ]; then
		same same-view $work/view.mimic $work/view.overlay
	fi
	[ -z "$peer" ] || kill $peer
}

if [ -n "${MATRIX_INSIDE:-}" ]; then
	inside
	exit 0
fi
mount --make-rprivate / && mount -t proc proc /proc || broken "cannot leave the propagation of the system"
mount -t tmpfs -o mode=0755 work $work || broken "cannot mount a tmpfs"
mkdir $work/base $work/state
mount_lower
mount_snap
if [ "$userns" = yes ]; then
	[ "$children" != locked ] || mount_children
	unshare -U -r true 2>/dev/null || skip "no user namespaces here"
	MATRIX_INSIDE=1 exec unshare -U -r -m sh "$0" "$dir" "$layout" "$@"
fi
inside
