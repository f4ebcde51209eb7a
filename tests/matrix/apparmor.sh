#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Real kernels enforce what `overmount apparmor` prints: layouts of the corpus are applied, used
# and undone under it, and nothing is denied.  OM_APPARMOR_KERNELS names the kernels (6.12).
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
. "${top_srcdir:-.}/tests/matrix/lib.sh" || exit 99

kernels=${OM_APPARMOR_KERNELS:-6.12}
layouts="gimp maas"
[ "${OM_APPARMOR:-}" != full ] ||
	layouts="gimp octave charmed-postgresql umu-launcher libreoffice maas cups lxd docker"
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

make_image() {
	local base=$work/base dir
	mkdir -p "$base"/{dev,etc,home,media,mnt,opt,proc,profiles,root,run,snap,srv,sys,tmp}
	mkdir -p "$base"/usr/{bin,lib,lib64,sbin,share,libexec} "$base"/var/{cache,lib,log,snap,spool}
	for dir in bin lib lib64 sbin; do
		ln -s "usr/$dir" "$base/$dir"
	done
	mkdir -p "$base"/usr/share/{doc,fonts,icons,locale,themes,tool} "$base"/etc/ssl
	echo dark >"$base/usr/share/themes/name"
	echo root:x:0:0::/root:/bin/sh >"$base/etc/passwd"
	echo root:x:0: >"$base/etc/group"
	take "$base" "$OVERMOUNT" /usr/bin/overmount
	take "$base" "$BUILD_DIR/static/overmount-layers" /usr/lib/overmount/overmount-layers
	take "$base" "$(type -P true)" /usr/bin/true
	# For tables; nothing names it that ldd could see.
	dir=$(ldconfig -p | awk '$1 == "libsmartcols.so.1" { print $NF; exit }')
	take "$base" "$dir" "/usr/lib/x86_64-linux-gnu/${dir##*/}"
	take "$base" "$helper" /usr/bin/helper
	take "$base" "$helper" /usr/share/tool/run
	take "$base" "$(type -P busybox)" /usr/bin/busybox
	for dir in sh cat ls sed grep sort cut head diff dmesg readlink printf mount umount; do
		ln -s busybox "$base/usr/bin/$dir"
	done
	mksquashfs "$base" "$work/aa/base.squashfs" -quiet -no-progress -comp gzip -all-root \
		>/dev/null
}

mkdir -p "$work/aa/profiles"
make_image
for layout in $layouts; do
	"$OVERMOUNT" layout --revision 1 "$top/tests/corpus/yaml/$layout.yaml" \
		>"$work/aa/profiles/$layout.fstab" || not_ok "$layout is compiled"
done
cat >"$work/aa/profiles/control.fstab" <<'P'
/snap/app/1/share /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0
/snap/app/1/conf /etc/foo.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0
none /usr/share/themes/link none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1,x-snapd.origin=layout 0 0
tmpfs /usr/share/deep/er/tmp tmpfs mode=1777 0 0
/snap/app/1/share /usr/share/with\040space none rbind,ro,nosuid 0 0
P

for kernel in $kernels; do
	"$matrix_dir/boot" --kernel "$kernel" --timeout "${OM_APPARMOR_TIMEOUT:-600}" \
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
	is "$kernel: the control was tried" "$(grep -c '^ok control: a rule less' "$work/out")" 1
	is "$kernel: and those of the helper" "$(grep -cE '^ok control: (no rule to execute|a helper).*: there is no overlay' "$work/out")" 3
done
plan_end
