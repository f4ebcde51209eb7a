#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Real kernels enforce what `overmount apparmor` prints: profiles are applied, used, updated,
# undone and, killed half-way, recovered under it, and nothing is denied.
#
#   OM_APPARMOR_KERNELS="6.1 7.3"    the kernels (6.12)
#   OM_APPARMOR_TECHNIQUES="mimic"   who makes overlays (direct helper mimic)
#   OM_APPARMOR_SESSIONS="29 30"     the pairs of profiles (see below)
#   OM_APPARMOR_MUTANTS="mimic"      those of which each rule is left out (helper)
#   OM_APPARMOR_RULES="umount"       a pattern: the rules that are left out (signal)
#   OM_APPARMOR=full                 all pairs of profiles, and all rules, on 5.10, 6.1, 6.12 and 7.3
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
. "${top_srcdir:-.}/tests/matrix/lib.sh" || exit 99

kernels=6.12
# What is applied, and what it is updated to: OLD NEW WORD..., with these words:
#   kill   it is killed at many calls
#   live   entries on a file system that can be written to: no strategy is asked for
#   kinds  names of another kind give way
# Each of the corpus is SNAP=VARIANT (tests/corpus/variants.yaml) or SNAP, the newest, of which
# SNAP:2 is the same in revision 2; the others are of tests/fault/profiles, by number.
sessions="
gimp=17 gimp=18
maas maas:2
29 30 kill
62 61 kinds"
if [ "${OM_APPARMOR:-}" = full ]; then
	kernels="5.10 6.1 6.12 7.3"
	sessions="
gimp=17 gimp=18 kill
maas maas:2
29 30 kill
62 61 kinds kill
charmed-postgresql=2 charmed-postgresql=3
docker=7 docker=8
k8s=5 k8s=6 kill
lxd=3 lxd=4
libreoffice libreoffice:2
umu-launcher umu-launcher:2
03 04
07 16
12 14
21 22
25 26
31 32
33 34
36 37
57 59 live kill
60 56"
fi
kernels=${OM_APPARMOR_KERNELS:-$kernels}
sessions=${OM_APPARMOR_SESSIONS-$sessions}
techniques=${OM_APPARMOR_TECHNIQUES:-direct helper mimic}
mutants=helper
rules=signal
[ "${OM_APPARMOR:-}" != full ] || { mutants=$techniques; rules=; }
mutants=${OM_APPARMOR_MUTANTS-$mutants}
rules=${OM_APPARMOR_RULES-$rules}
# shellcheck disable=SC2086 # words
matrix_start $kernels
top=$(cd "${top_srcdir:-.}" && pwd)
helper=$BUILD_DIR/kernel-matrix/helper

# take BASE PROGRAM DEST: with what it needs.
take() {
	local lib
	mkdir -p "$1${3%/*}"
	cp -L "$2" "$1$3"
	for lib in $(ldd "$2" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$1${lib%/*}"
		cp -Ln "$lib" "$1$lib"
	done
}

# fill_tool DIR: what tests/tools/use-tree uses.
fill_tool() {
	mkdir -p "$1/sub"
	echo text >"$1/text"
	echo text >"$1/sub/text"
	ln -s text "$1/link"
	cp "$helper" "$1/static"
	cp "$BUILD_DIR/tests/tools/use-tree-fixed" "$1/dynamic"
	cp "$BUILD_DIR/tests/tools/use-tree" "$1/pie"
	cp -L "$base/usr/lib/x86_64-linux-gnu/libz.so.1" "$1/plug.so" 2>/dev/null ||
		cp -L "$(ldconfig -p | awk '$1 == "libz.so.1" { print $NF; exit }')" "$1/plug.so"
	printf '#!/usr/bin/busybox sh\nexit 0\n' >"$1/script"
	chmod 755 "$1/script"
}

make_image() {
	local base=$work/base dir
	mkdir -p "$base"/{dev,etc,home,media,mnt,opt,proc,profiles,root,run,snap,srv,sys,tmp}
	mkdir -p "$base"/usr/{bin,lib,lib64,sbin,share,libexec} "$base"/var/{cache,lib,log,snap,spool}
	for dir in bin lib lib64 sbin; do
		ln -s "usr/$dir" "$base/$dir"
	done
	mkdir -p "$base"/usr/share/{doc,fonts,icons,locale,themes,tool} "$base"/etc/ssl
	echo dark >"$base/usr/share/themes/name"
	echo text >"$base/srv/text"
	# What the profiles of tests/fault name.
	mkdir -p "$base"/etc/{conf.d,alternatives} "$base"/usr/lib/{app,sub} "$base/srv/www" \
		"$base"/usr/share/{X11/xkb,closed,open,"name with space"}
	chown 7:8 "$base/usr/share/closed"
	chmod 2700 "$base/usr/share/closed"
	chmod 1777 "$base/usr/share/open"
	chmod 0711 "$base/usr/share/doc"
	echo rgb >"$base/usr/share/X11/rgb.txt"
	echo doc >"$base/usr/share/doc/doc"
	echo tool >"$base/usr/bin/tool"
	ln -s doc "$base/usr/share/docs"
	ln -s nowhere "$base/usr/share/dangling"
	echo root:x:0:0::/root:/bin/sh >"$base/etc/passwd"
	echo root:x:0: >"$base/etc/group"
	take "$base" "$OVERMOUNT" /usr/bin/overmount
	take "$base" "$BUILD_DIR/static/overmount-layers" /usr/lib/overmount/overmount-layers
	take "$base" "$(type -P true)" /usr/bin/true
	take "$base" "$BUILD_DIR/tests/tools/use-tree" /usr/bin/use-tree
	take "$base" "$BUILD_DIR/tests/tools/enter-profile" /usr/bin/enter-profile
	# The loader lies where the C library does, as in a base.
	dir=usr/lib/x86_64-linux-gnu
	mv "$base/usr/lib64/ld-linux-x86-64.so.2" "$base/$dir/"
	ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$base/usr/lib64/"
	fill_tool "$base/usr/share/tool"
	fill_tool "$base/$dir/tool"
	# For tables; nothing names it that ldd could see.
	dir=$(ldconfig -p | awk '$1 == "libsmartcols.so.1" { print $NF; exit }')
	take "$base" "$dir" "/usr/lib/x86_64-linux-gnu/${dir##*/}"
	take "$base" "$helper" /usr/bin/helper
	take "$base" "$helper" /usr/share/tool/run
	take "$base" "$BUILD_DIR/tests/tools/failnth" /usr/bin/failnth
	take "$base" "$(type -P busybox)" /usr/bin/busybox
	for dir in sh cat ls sed grep sort cut head diff dmesg readlink printf mount umount; do
		ln -s busybox "$base/usr/bin/$dir"
	done
	ldconfig -r "$base"
	mksquashfs "$base" "$work/aa/base.squashfs" -quiet -no-progress -comp gzip >/dev/null
}

mkdir -p "$work/aa/profiles"
make_image
# write_profile NAME: as sessions name it.
write_profile() {
	local snap=${1%[:=]*} revision=1 yaml=$top/tests/corpus/yaml/${1%:*}.yaml
	case $1 in
	[0-9]*) cp "$top/tests/fault/profiles/$1"-*.fstab "$work/aa/profiles/$1.fstab"; return ;;
	*:2) revision=2 ;;
	*=*)
		yaml=$work/variant.yaml
		awk -v wanted="--- # $snap ${1#*=}/" '/^---/ { inside = index($0, wanted) == 1; next }
			inside' "$top/tests/corpus/variants.yaml" >"$yaml"
		;;
	esac
	"$OVERMOUNT" layout --revision $revision "$yaml" >"$work/aa/profiles/$1.fstab"
	[ -s "$work/aa/profiles/$1.fstab" ] || not_ok "$1 is compiled"
}
echo "$sessions" | sed '/^$/d' >"$work/aa/sessions"
echo "$techniques" >"$work/aa/techniques"
echo "$mutants" >"$work/aa/mutants"
printf '%s' "$rules" >"$work/aa/rules"
while read -r old new _; do
	write_profile "$old"
	write_profile "$new"
done <"$work/aa/sessions"
cat >"$work/aa/profiles/control.fstab" <<'P'
/snap/app/1/share /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
none /usr/share/themes/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1,x-snapd.origin=layout 0 0
tmpfs /usr/share/deep/er/tmp tmpfs mode=1777 0 0
/snap/app/1/share /usr/share/with\040space none rbind,ro,nosuid 0 0
P
# With what only some rules are for: an owner, a mode, a submount and a name that is hidden.  /etc
# is no hole, or the rules for that would be those for the cache of the loader, too.
{
	grep -v ' /etc/' "$work/aa/profiles/control.fstab"
	echo "/snap/app/1/conf /srv/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0"
	echo "/snap/app/1/share /srv/new none rbind,rw,x-snapd.origin=layout 0 0"
	echo "/snap/app/1/share /usr/share/closed/new none rbind,rw,x-snapd.origin=layout 0 0"
	echo "none /usr/share/themes/name none x-overmount.hide 0 0"
} >"$work/aa/profiles/mutants.fstab"
# No construction stays as it is.
grep -v -e /srv/foo -e /usr/share/foo "$work/aa/profiles/mutants.fstab" >"$work/aa/profiles/mutants-next.fstab"

# Three kinds of hole: of the base, one with the C library and the loader, and inside a snap.
for hole in /usr/share /usr/lib/x86_64-linux-gnu /snap/app/1/stuff; do
	cat <<-P
		/snap/app/1/new-dir $hole/new-dir none rbind,rw,x-snapd.origin=layout 0 0
		/snap/app/1/new-file $hole/new-file none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
		none $hole/new-link none x-snapd.kind=symlink,x-snapd.symlink=$hole/tool/text,x-snapd.origin=layout 0 0
	P
done >"$work/aa/profiles/holes.fstab"
grep -v '/new-file ' "$work/aa/profiles/holes.fstab" >"$work/aa/profiles/holes-next.fstab"

for kernel in $kernels; do
	"$matrix_dir/boot" --kernel "$kernel" --timeout "${OM_APPARMOR_TIMEOUT:-3600}" \
		--load overlay --load squashfs --load loop --memory 1024 \
		--file "$work/aa:/matrix/aa" --script "$matrix_dir/guest/apparmor.sh" \
		--console "$work/console" >"$work/out" 2>"$work/err"
	is "$kernel: the machine ran to its end" "$? $(cat "$work/err")" "0 "
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "$kernel: ${line#ok }" ;;
		"no "*) not_ok "$kernel: ${line#no }" ;;
		*) echo "# $line" ;;
		esac
	done <"$work/out"
	echo "# $kernel: $(wc -l <"$work/aa/sessions") pairs of profiles by $techniques;" \
		"$(sed -n 's/^# killed //p' "$work/out" | awk '{ n += $1 } END { print n + 0 }') times killed;" \
		"$(grep -c '^no .*denied' "$work/out") times denied"
	is "$kernel: the control was tried" "$(grep -c '^ok control: a rule less' "$work/out")" 1
	is "$kernel: and those of the helper" "$(grep -cE '^ok control: (no rule to execute|a helper).*: there is no overlay' "$work/out")" 3
done
plan_end
