#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# libovermount as its users have it: installed, found by pkg-config, linked into C and C++,
# shared and static.  What it exports is what the header declares, and libovermount.sym lists.
# That a program really is in its profile then: tests/matrix/apparmor.sh.
. "${top_srcdir:-.}/tests/integration/lib.sh" || exit 99
CC=${CC:-cc}
NM=${NM:-nm}
top_srcdir=$(cd "${top_srcdir:-.}" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)
[ -e "$top_builddir/libovermount.la" ] || { not_ok "the library is built"; plan_end; }
[ "$(id -u)" = 0 ] || skip_all "needs root"
command -v pkg-config >/dev/null || skip_all "pkg-config is missing"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# Of the make that started us: its job server and variables are not for this one.
unset MAKEFLAGS MAKELEVEL MFLAGS
out=$(make -C "$top_builddir" -s install DESTDIR="$work/root" 2>&1) ||
	{ not_ok "make install" "$out"; plan_end; }
ok "make install"
installed=$(cd root && find . \( -name 'overmount.h' -o -name 'libovermount.*' \) -printf '%f\n' | sort)
header=$(find root -name overmount.h)
shared=$(find root -name libovermount.so)
archive=$(find root -name libovermount.a)
pc=$(find root -name libovermount.pc)

# What a build without one of the two (--disable-shared, --disable-static) cannot show.
kinds=
[ -z "$shared" ] || kinds=shared
[ -z "$archive" ] || kinds="${kinds:+$kinds }static"
[ "$kinds" = "shared static" ] || skip "shared and static" "configured without: there is $kinds"
is "a header, what pkg-config wants, and the library" \
	"$(grep -vE '\.(so.*|a|la)$' <<<"$installed")" "libovermount.pc"$'\n'"overmount.h"

# --- what it exports ---------------------------------------------------------------------

# exported FILE.so, public FILE.a: the names that others can use.
exported() { "$NM" -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $NF); print $NF }' | sort; }
listed() { sed -n '/^global:/,/^local:/s/^\t\(.*\);$/\1/p' "$top_srcdir/src/lib/libovermount.sym" | sort; }
declared() { "$CC" -E -P "$1" | grep -oE '\b[a-z_]+ *\(' | tr -d ' (' | grep '^overmount_' | sort -u; }
foreign() { "$NM" -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -vE '^(overmount|om)_'; }
# But for what brings a sanitizer along.
needed() {
	readelf -dW "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sed 's/\.so.*//' | grep -v 'san$' | sort | tr '\n' ' '
}

cat >leak.c <<'C'
int overmount_open_program(void);
int overmount_open_program(void) { return 0; }
int helper(void);
int helper(void) { return 0; }
C
"$CC" -shared -fPIC -o leak.so leak.c && "$CC" -c -fPIC -o leak.o leak.c && ar cr leak.a leak.o
is "control: another function that is exported is noticed" "$(exported leak.so)" \
	"helper"$'\n'"overmount_open_program"
is "control: and in an archive" "$(foreign leak.a)" helper
if [ -n "$shared" ]; then
	is "what is exported is what is listed" "$(exported "$shared")" "$(listed)"
	is "each with its version" "$("$NM" -D --defined-only "$shared" | grep -vc '@@OVERMOUNT_0$')" 1
	is "its name" "$(readelf -dW "$shared" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" libovermount.so.0
	is "it needs the C library and libapparmor" "$(needed "$shared")" "libapparmor libc "
fi
[ -z "$archive" ] || is "the archive has no names but ours" "$(foreign "$archive")" ""
is "what is listed is what the header declares" "$(listed)" \
	"$(declared "$header" | grep -vx overmount_error_freep)"
echo 'int overmount_more(int);' | cat "$header" - >more.h
is "control: a function more in the header is noticed" \
	"$(declared more.h | grep -vxFf <(listed))" "overmount_error_freep"$'\n'"overmount_more"
n=$(listed | wc -l)
# macros HEADER: what it defines that is not ours.
macros() {
	"$CC" -E -dM "$1" | diff - <("$CC" -E -dM -x c /dev/null) | grep '^<' | grep -v ' _*OVERMOUNT_'
}
echo '#define STACK 1' | cat "$header" - >more.h
is "control: a macro that is not ours is noticed" "$(macros more.h)" "< #define STACK 1"
is "and the header has none" "$(macros "$header")" ""
is "fewer than 30 functions" "$((n > 0 && n < 30))" 1
is "no program of ours wants it" "$(needed "$OVERMOUNT" | grep -c overmount)" 0
# libtool would have linked those in another way than their flags say.
is "a static program is static" "$(needed "$top_builddir/kernel-matrix/helper")" ""
! grep -q '^YAML_LIBS = .*-Bstatic' "$top_builddir/Makefile" ||
	is "what a program has inside it does not want" "$(needed "$OVERMOUNT" | grep -cE 'yaml|apparmor')" 0

# --- the header --------------------------------------------------------------------------

# compiles LANGUAGE COMPILER FLAG...: a file that has the header alone.
compiles() {
	local language=$1
	shift
	echo '#include <overmount.h>' |
		"$@" -pedantic -Wall -Wextra -Werror -I"${include:-${header%/*}}" -fsyntax-only -x "$language" - 2>&1 |
		grep -E 'error|warning'
}
mkdir bad
sed '0,/^#ifdef __cplusplus$/s/^#ifdef __cplusplus$/struct bad { size_t n; };\n&/' "$header" >bad/overmount.h
is "control: a header that wants another is noticed" \
	"$(include=bad compiles c "$CC" -std=c99 | grep -c size_t)" 1
sed '0,/^#ifdef __cplusplus$/s/^#ifdef __cplusplus$/static int bad(void) { return ({ 0; }); }\n&/' "$header" >bad/overmount.h
is "control: what is no standard is noticed" \
	"$(include=bad compiles c "$CC" -std=c99 | grep -c 'ISO C forbids')" 1
for std in c99 c11 gnu17; do
	is "the header alone, as $std" "$(compiles c "$CC" -std=$std)" ""
done
cxx=$(command -v "${CXX:-c++}") || cxx=$(command -v g++) || cxx=
if [ -n "$cxx" ]; then
	for std in c++98 c++17; do
		is "the header alone, as $std" "$(compiles c++ "$cxx" -std=$std)" ""
	done
else
	skip "the header alone, as C++" "there is no C++ compiler"
fi

# --- programs of others ------------------------------------------------------------------

cat >user.c <<'C'
#include <errno.h>
#include <overmount.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void tell(const char *what, int r, struct overmount_error *error)
{
	printf("%s: %d %d %d\n%s\n%s\n", what, r < 0 ? -r == overmount_error_errno(error) : r > 2,
	       overmount_error_errno(error), overmount_error_kind(error),
	       overmount_error_message(error), overmount_error_fix(error));
	fflush(stdout);
	overmount_error_freep(&error);
}

int main(int argc, char **argv)
{
	struct overmount_error *error;
	int fd, r;

	if (argc < 3)
		return 99;
	r = overmount_enter_profile(argv[1], 0, &error);
	tell("enter", r, error);
	r = overmount_enter_profile(argv[1], OVERMOUNT_STACK, &error);
	tell("stack", r, error);
	r = overmount_enter_profile(argv[1], 1U << 31, &error);
	tell("flags", r, error);
	r = overmount_execute_in_profile(argv[1], 0, argv[2], "/bin:/usr/bin", argv + 2, environ, &error);
	tell("all", r, error);
	r = overmount_open_program("no-such-program", "/bin:/usr/bin", &error);
	tell("missing", r, error);
	fd = overmount_open_program(argv[2], "/bin:/usr/bin", &error);
	tell("open", fd, error);
	r = overmount_execute(fd, argv + 2, environ, &error);
	tell("execute", r, error);
	return 98;
}
C

# What this machine says of a profile that is not there, by the program, which has it from the same
# functions: its two lines, without its name.
label=overmount.no.such.profile
: >none
said=$("$OVERMOUNT" run --profile none --confine $label -- true 2>&1) ||
	said=$(sed 's/^overmount: //; s/^fix: //' <<<"$said")
case $said in
*"AppArmor is not in this kernel"*) number=38 ;;
*"AppArmor was disabled at boot"*) number=125 ;;
*"securityfs is not mounted"* | *"it is not loaded"*) number=2 ;;
*"is not permitted"*) number=13 ;;
*) number="unknown: $said" ;;
esac
[[ $said == *$'\n'* ]] || said=$said$'\n'
expect() {
	cat <<-END
		enter: 1 $number 16
		$said
		stack: 1 $number 16
		$said
		flags: 1 22 1
		cannot enter the AppArmor profile "$label": the flags 0x80000000 are not known

		all: 1 $number 16
		$said
		missing: 1 2 2
		cannot execute "no-such-program": No such file or directory

		open: 1 0 0


		it was executed
	END
}

# build KIND COMPILER LANGUAGE: user-KIND-LANGUAGE, by what pkg-config says.
build() {
	local flags libs pkg=(env PKG_CONFIG_SYSROOT_DIR="$work/root" PKG_CONFIG_PATH="${pc%/*}:${PKG_CONFIG_PATH:-}" pkg-config)
	flags=$("${pkg[@]}" --cflags libovermount) || return
	if [ "$1" = static ]; then
		libs="$archive $("${pkg[@]}" --static --libs-only-l libovermount | sed 's/-lovermount//')"
	else
		libs=$("${pkg[@]}" --libs libovermount) || return
	fi
	# shellcheck disable=SC2086 # several flags in one variable
	"$2" -x "$3" -Wall -Wextra -Werror $instrumented $flags -o "user-$1-$3" user.c -x none $libs
}

# What the library is instrumented with, its users have to be, too.
instrumented=
"$NM" "${archive:-$shared}" 2>/dev/null | grep -q __asan_ && instrumented="$instrumented -fsanitize=address"
"$NM" "${archive:-$shared}" 2>/dev/null | grep -q __ubsan_ && instrumented="$instrumented -fsanitize=undefined"
"$NM" "${archive:-$shared}" 2>/dev/null | grep -q __gcov_ && instrumented="$instrumented --coverage"
is "the machine says what is missing" "${number%%:*}" "$((number + 0))"
for language in c c++; do
	compiler=$CC
	[ $language = c ] || compiler=$cxx
	if [ -z "$compiler" ]; then
		skip "a program in C++" "there is no C++ compiler"
		continue
	fi
	for kind in $kinds; do
		out=$(build "$kind" "$compiler" $language 2>&1)
		is "$language, $kind: it is compiled and linked" "$? $out" "0 "
		out=$(LD_LIBRARY_PATH=${shared%/*} ./user-$kind-$language $label echo it was executed 2>&1)
		is "$language, $kind: it is told what is missing, and executes" "$? $out" "0 $(expect)"
		is "$language, $kind: it wants the library, or has it" \
			"$(needed user-$kind-$language | grep -c libovermount)" "$([ $kind = static ] || echo 1)$([ $kind != static ] || echo 0)"
	done
done

# The program of tests/matrix/apparmor.sh: built here, and it says the same.
out=$("$TOOLS/enter-profile" $label true 2>&1)
is "enter-profile" "$? $out" "16 enter-profile: $(sed '2s/^/fix: /' <<<"$said")"
for option in -t -3; do
	is "enter-profile $option" "$("$TOOLS/enter-profile" $option $label true 2>&1)" "$out"
done
plan_end
