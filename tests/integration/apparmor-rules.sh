#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rules of `overmount apparmor`, compiled by the real parser: names mean themselves, and what
# apply, check and undo ask the kernel for on five kinds of kernel (seen by strace) is permitted,
# neither less nor much more.  OM_APPARMOR=full tries 100,000 names instead of 2,000, and each
# rule on all kinds.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
om_start "$@"
top=$(cd "${top_srcdir:-.}" && pwd)
. "$top/kernel-matrix/lib.sh" || exit 99
facts=$top/kernel-matrix/facts

command -v python3 >/dev/null || skip_all "python3 is missing"
if [ -z "${APPARMOR_PARSER:-}" ] && ! command -v apparmor_parser >/dev/null; then
	APPARMOR_PARSER=$(matrix_apparmor_parser 2>/dev/null) ||
		skip_all "there is no apparmor_parser, and its package cannot be had"
	export APPARMOR_PARSER
fi
py() { python3 -B "$top/tests/tools/$1.py" "${@:2}"; }

# --- names -------------------------------------------------------------------------------
case ${OM_APPARMOR:-} in full) count=100000 ;; *) count=2000 ;; esac
out=$(py aaquote "$TOOLS/quote-path" $count)
is "$count names mean themselves" "$? ${out##*$'\n'}" "0 $count paths, 0 bad"
out=$(py aaquote "$TOOLS/quote-path" $count --raw)
is "control: as they are, they do not" "$?" 1

# --- calls -------------------------------------------------------------------------------
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	skip "what is asked for is permitted" "there is no strace, or it may not trace"
	plan_end
fi
base_tree tree 30
make_snap tree/snap/app/1
mkdir -p tree/{home,media,mnt,opt,root,run,srv} tree/var/{cache,log,snap,spool}
for file in "$OVERMOUNT" "$TOOLS/enosys"; do
	cp -L "$file" tree/usr/bin/
	for lib in $(ldd "$file" | grep -o '/[^ ]*'); do
		mkdir -p "tree${lib%/*}"
		cp -Ln "$lib" "tree$lib"
	done
done
mkdir tree/usr/lib/overmount
cp "$top_builddir/static/overmount-layers" tree/usr/lib/overmount/
cat >tree/p.fstab <<'P'
/snap/app/1/usr/share/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/etc/foo.conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
/snap/app/1/etc/foo.conf /etc/passwd none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
none /usr/share/X11/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1,x-snapd.origin=layout 0 0
tmpfs /usr/share/zdeep/er/tmp tmpfs mode=1770,uid=5,gid=6,size=65536 0 0
tmpfs /usr/lib/x tmpfs mode=0750 0 0
/snap/app/1/usr/share/foo /usr/share/with\040space none rbind,ro,nosuid 0 0
/usr/share/foo /usr/share/zdeep/er/tmp/again none rbind,x-snapd.origin=layout 0 0
none /usr/share/file2 none x-overmount.hide 0 0
P
# What it is updated to: names come, go and change in each hole, and one mount stays.
cat >tree/q.fstab <<'P'
/snap/app/1/usr/share/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/etc/foo.conf /etc/passwd none bind,ro,x-snapd.kind=file,x-snapd.origin=layout 0 0
none /usr/share/X11/other none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1,x-snapd.origin=layout 0 0
tmpfs /usr/lib/x tmpfs mode=0751 0 0
tmpfs /opt/x tmpfs mode=0700 0 0
/snap/app/1/usr/share/foo /usr/share/zdeep/other none rbind,ro,nosuid 0 0
none /usr/share/file3 none x-overmount.hide 0 0
P
make_squashfs tree
mount -t tmpfs run base/run
mount -t proc proc base/proc
mount -t sysfs sys base/sys
mount --rbind /dev base/dev
# A submount of a hole, which comes back.
mount -t tmpfs sub base/usr/share/open

# trace NAME MASK ARGUMENT...: what overmount does in the base, with calls masked.
trace() {
	local name=$1 mask=$2 pre=() status
	shift 2
	[ -z "$mask" ] || pre=(/usr/bin/enosys "$mask" --)
	# shellcheck disable=SC2086 # none, or one
	strace -f -y -v -s 5000 ${injecting:-} -o "$name.all" \
		chroot base "${pre[@]}" /usr/bin/overmount "$@"
	status=$?
	# What chroot and enosys did is not ours.
	sed '0,/execve("\/usr\/bin\/overmount"/d' "$name.all" >"$name"
	return $status
}

# Facts of a kernel that has mount(2) alone.
sed '/^  mount-api\.\(fd\|open-tree\|fsopen\|move-mount\):/{n;s/"yes"/"no"/}' \
	"$facts/5.10.yaml" >mount2.yaml

# replay FAMILY WHAT...: asks the profile about the traces.
replay() {
	local family=$1
	shift
	py aareplay profile "$PWD/base" "$family" "${@/#/$family.}"
}

# needless FAMILY MASK: rules without which nothing of all that would be denied.
needless() {
	# shellcheck disable=SC2086 # none, or one
	py aareplay --needless ${2:+--masked} profile "$PWD/base" "$1" \
		"$1".{apply,check,undo,died,recover,u-{apply,update,check,died,recover,undo}}
}

# die FAMILY MASK STRATEGY: an apply that is killed when it attaches what it attaches last, and
# what recovers from it.  Calls are counted by process.
die() {
	local family=$1 call=move_mount first
	[ "$family" != mount2 ] || call=mount
	read -r first _ <"$family.apply.all"
	local n
	n=$(grep -c "^$first  *$call(" "$family.apply.all")
	if injecting=--inject=$call:signal=KILL:when=$n trace "$family.died" "$2" apply \
		--strategy "$3" --allow kind-change /p.fstab 2>/dev/null; then
		return 1
	fi
	trace "$family.recover" "$2" recover >/dev/null
}

# update FAMILY MASK STRATEGY: from p to q, and one back that is killed when all is there but
# the journal, and what brings q back.
update() {
	local family=$1 mask=$2
	set -- --strategy "$3" --allow kind-change
	trace "$family.u-apply" "$mask" apply "$@" /p.fstab &&
		trace "$family.u-update" "$mask" update "$@" /p.fstab /q.fstab &&
		trace "$family.u-check" "$mask" check || return 1
	if injecting=--inject=renameat:signal=KILL:when=1 trace "$family.u-died" "$mask" update \
		"$@" /q.fstab /p.fstab 2>/dev/null; then
		return 1
	fi
	trace "$family.u-recover" "$mask" recover | grep -q ' restored$' &&
		trace "$family.u-undo" "$mask" undo
}

# What this kernel cannot do is masked by what a detached tree needs; AppArmor's part is asked
# of the profile, not of this kernel.
for kind in detached::7.3 fd-move:mount_setattr:6.12 fd:mount_setattr:6.1 \
	fd-remount:5.4:5.10 mount2:4.4:mount2; do
	IFS=: read -r family mask kernel <<<"$kind"
	file=$facts/$kernel.yaml
	[ "$kernel" != mount2 ] || file=$PWD/mount2.yaml
	for strategy in overlay mimic; do
		name="$family, $strategy"
		technique=direct
		[ $strategy = overlay ] || technique=mimic
		rm -rf base/run/*
		if ! trace "$family.apply" "$mask" apply --strategy $strategy --allow kind-change /p.fstab ||
			! trace "$family.check" "$mask" check || ! trace "$family.undo" "$mask" undo; then
			not_ok "$name: applied and undone"
			continue
		fi
		"$OVERMOUNT" apparmor --root base --name app --technique $technique \
			--allow kind-change --facts "$file" base/p.fstab | sed 's,"/mnt/base/p.fstab","/p.fstab",' >profile
		out=$(replay "$family" apply check undo)
		is "$name: all that is asked for is permitted ($out)" "${out##*, }" "0 denied"
		rm -rf base/run/*
		if die "$family" "$mask" $strategy; then
			out=$(replay "$family" died recover)
			is "$name: and of one that was killed, and recovered ($out)" "${out##*, }" "0 denied"
			is "$name: it had something to recover" "$(grep -c 'umount2(.*= 0' "$family.recover" |
				sed 's/^[1-9].*/some/')" some
		else
			not_ok "$name: it is killed, and recovered"
		fi
		sed '/umount "\/etc\/",/d' profile >less && mv less profile
		is "control: $name: a rule less, and something is denied" \
			"$(replay "$family" apply check undo | grep -c "^umount \[b'/etc/'\]")" 1
		rm -rf base/run/*
		if update "$family" "$mask" $strategy; then
			"$OVERMOUNT" apparmor --root base --name app --technique $technique \
				--allow kind-change --facts "$file" base/p.fstab base/q.fstab |
				sed 's,"/mnt/base/\(.\).fstab","/\1.fstab",' >profile
			out=$(replay "$family" u-apply u-update u-check u-died u-recover u-undo)
			is "$name: and of an update, and of one that was killed ($out)" \
				"${out##*, }" "0 denied"
			# It takes a second for every two rules.
			case ${OM_APPARMOR:-},$name in
			full,* | *,"detached, overlay" | *,"mount2, mimic")
				is "$name: without any one rule, something is denied" \
					"$(needless "$family" "$mask")" "" ;;
			esac
			cp profile last
			sed '/aside\./d' last >profile
			out=$(replay "$family" u-update)
			is "control: $name: without a place for what goes, an update is denied" \
				"$(grep -c '^mount .*aside' <<<"$out")" 1
		else
			not_ok "$name: it is updated, killed and recovered"
			chroot base /usr/bin/overmount undo
		fi
	done
done

# --- the helper ------------------------------------------------------------------------------
# What it does itself is asked of nobody; by direct rules a mounter with mount(2) alone may make
# its own overlays, by these it may not.
helper=/usr/lib/overmount/overmount-layers
for kind in detached::7.3 fd-move:mount_setattr:6.12 fd:mount_setattr:6.1 \
	fd-remount:5.4:5.10 mount2:4.4:mount2; do
	IFS=: read -r family mask kernel <<<"$kind"
	file=$facts/$kernel.yaml
	[ "$kernel" != mount2 ] || file=$PWD/mount2.yaml
	rm -rf base/run/*
	if ! trace "$family.apply" "$mask" apply --strategy overlay --allow kind-change \
		--layers-helper $helper /p.fstab || ! trace "$family.undo" "$mask" undo; then
		not_ok "$family, helper: applied and undone"
		continue
	fi
	"$OVERMOUNT" apparmor --root base --name app --technique helper --allow kind-change \
		--facts "$file" base/p.fstab |
		sed 's,"/mnt/base/p.fstab","/p.fstab",; /^# An overlay keeps the label/,$d' >profile
	out=$(replay "$family" apply undo)
	is "$family, helper: all that is asked for is permitted ($out)" "${out##*, }" "0 denied"
	is "$family, helper: it was executed" \
		"$(grep -c 'execveat(.*overmount-layers.*= 0' "$family.apply" | sed 's/^[1-9].*/some/')" some
	rm -rf base/run/*
	trace "$family.apply" "$mask" apply --strategy overlay --allow kind-change /p.fstab &&
		trace "$family.undo" "$mask" undo
	[ "$family" != mount2 ] || is "control: $family, helper: overlays of our own are denied" \
		"$(replay "$family" apply undo | grep -c "^mount \[b'overmount'\].*b'overlay'" |
			sed 's/^[1-9].*/some/')" some
done

# --- layouts of real snaps ---------------------------------------------------------------
# make_sources PROFILE: on file systems of the snap and of its data, which it begins anew.
make_sources() {
	local source options path
	umount base/snap base/var/snap 2>/dev/null
	mount -t tmpfs -o mode=0755 snap base/snap
	mount -t tmpfs -o mode=0755 data base/var/snap
	while read -r source _ _ options _; do
		path=base$source
		case $source,$options in
		/snap/*,*x-snapd.kind=file* | /var/snap/*,*x-snapd.kind=file*)
			mkdir -p "${path%/*}" && echo "$source" >"$path" ;;
		/snap/* | /var/snap/*) mkdir -p "$path/inside" ;;
		esac
	done <"$1"
}

# try_layout FAMILY MASK FACTS PROFILE: 1 when the base cannot have it.
try_layout() {
	local family=$1 mask=$2 file=$3 profile=$4
	"$OVERMOUNT" apparmor --root base --name app --technique direct --facts "$file" "$profile" \
		>printed 2>errors || return 1
	sed 's,"/mnt/base/,"/,' printed >profile
	rm -rf base/run/*
	trace "$family.apply" "$mask" apply "${profile#base}" 2>errors || return 1
	trace "$family.check" "$mask" check || echo "check fails"
	trace "$family.undo" "$mask" undo || echo "undo fails"
	replay "$family" apply check undo
}

kinds="fd-move:mount_setattr:6.12"
layouts="gimp charmed-postgresql umu-launcher maas"
if [ "${OM_APPARMOR:-}" = full ]; then
	kinds="detached::7.3 fd-move:mount_setattr:6.12 fd-remount:5.4:5.10 mount2:4.4:mount2"
	layouts=$(cd "$top/tests/corpus/yaml" && printf '%s\n' *.yaml | sed 's/\.yaml$//')
fi
umount base/usr/share/open
mount -t tmpfs -o mode=0777 layouts base/tmp
tried=0
for layout in $layouts; do
	"$OVERMOUNT" layout --revision 1 "$top/tests/corpus/yaml/$layout.yaml" \
		>base/tmp/layout.fstab 2>/dev/null && [ -s base/tmp/layout.fstab ] || continue
	make_sources base/tmp/layout.fstab
	for kind in $kinds; do
		IFS=: read -r family mask kernel <<<"$kind"
		file=$facts/$kernel.yaml
		[ "$kernel" != mount2 ] || file=$PWD/mount2.yaml
		out=$(try_layout "$family" "$mask" "$file" base/tmp/layout.fstab) || {
			[ -z "$out" ] || not_ok "$family: layout of $layout" "$out"
			continue
		}
		is "$family: layout of $layout: all is permitted ($out)" "${out##*, }" "0 denied"
		tried=$((tried + 1))
	done
done
[ $tried -ge 4 ] && ok "$tried layouts were tried" || not_ok "$tried layouts were tried"
umount base/snap base/var/snap base/tmp

# strace cuts a call in two when another process makes one meanwhile.
cat >parts <<'END'
12 poll([{fd=3}], 1, 5000 <unfinished ...>
13  move_mount(5</x>, "", 6</y>, "nest", 0 <unfinished ...>
12 <... poll resumed>) = 1
13 <... move_mount resumed>) = 0
END
is "a call that is cut in two is one" "$(python3 -B -c 'import sys
sys.path.insert(0, sys.argv[1])
import aareplay
for call in aareplay.whole_calls(open("parts")):
    print(aareplay.CALL.match(call).groups())' "$top/tests/tools")" \
	"('12', 'poll', '[{fd=3}], 1, 5000', '1')
('13', 'move_mount', '5</x>, \"\", 6</y>, \"nest\", 0', '0')"

# --- no more than that -------------------------------------------------------------------
sed 's/^}$/  "\/nobody\/asks" r,\n}/' last >profile
is "control: a rule that nobody needs is found" "$(needless mount2 4.4)" '"/nobody/asks" r,'

# What is no part of the plan; on each kind of kernel, by a profile for all of them.
"$OVERMOUNT" apparmor --root base --name app --portable --allow kind-change base/p.fstab >profile
out=$(python3 -B - "$top/tests/tools" <<'P'
import sys
sys.path.insert(0, sys.argv[1])
import aapolicy
parser, _ = aapolicy.find_parser()
policy = aapolicy.Policy(parser, open("profile", "rb").read())
BIND, MOVE = aapolicy.MS_BIND, aapolicy.MS_MOVE
asked = {
    "reads the passwords": policy.file(b"/etc/gshadow/", "w"),
    "reads a home": policy.file(b"/home/me/x", "r"),
    "writes into the base": policy.file(b"/usr/bin/sh", "w"),
    "binds a home": policy.mount(b"/usr/share/foo/", b"/home/", b"", BIND),
    "binds onto the stage what is not in the plan":
        policy.mount(b"/run/overmount/stage.1/1/foo/", b"/root/", b"", BIND),
    "mounts over /snap/bin": policy.mount(b"/snap/bin/", b"/snap/app/1/", b"", BIND),
    "moves onto /snap/bin": policy.mount(b"/snap/bin/", b"", b"", MOVE),
    "moves onto a directory of the base": policy.mount(b"/usr/sbin/", b"", b"", MOVE),
    "mounts a disk": policy.mount(b"/usr/share/", b"/dev/sda1", b"ext4", 0),
    "mounts proc over the hole": policy.mount(b"/usr/share/", b"proc", b"proc", 0),
    "takes away a stranger's mount": policy.umount(b"/home/"),
    "takes away the root": policy.umount(b"/"),
}
print("\n".join(what for what, answer in asked.items() if answer))
# The control: each question is one that the profile can answer with yes.
assert policy.mount(b"/run/overmount/stage.1/1/foo/", b"/snap/app/1/usr/share/foo/", b"",
                    BIND | aapolicy.MS_REC)
assert policy.mount(b"/usr/share/", b"", b"", MOVE) and policy.umount(b"/usr/share/")
assert policy.file(b"/usr/share/", "r")
P
)
is "what is no part of the plan is denied" "$? $out" "0 "
plan_end
