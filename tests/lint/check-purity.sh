#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What plans can't act: the objects of profile, layout, diff, strategy, apparmor and base (but for
# base/fdio, which reads files for others) call nothing that reaches the system, a clock or
# the environment.  Only the names below are allowed.
. "$(dirname "$0")/lib.sh" || exit 99

allowed=(
	# Ours, and the memory and text of the C library.
	'om_[a-z0-9_]+'
	'mem[a-z]+' 'str[a-z0-9_]+' 'stpcpy' 'stpncpy' 'strto[a-z]+'
	'malloc' 'calloc' 'realloc' 'reallocarray' 'free'
	'v?s?n?printf' 'va?sn?printf' 'asprintf' 'qsort' 'bsearch' 'abort' '__assert_fail'
	'__ctype_[a-z]+_loc' 'isalnum' 'isdigit' 'tolower' 'toupper'
	# strto*() report through errno, which no pure function looks at otherwise.
	'__errno_location' '__isoc[0-9]+_[a-z]+'
	# libmount parses from a stream: one over memory.
	'fmemopen' 'open_memstream' 'fclose' 'fflush'
	# What the compiler adds.
	'__stack_chk_fail' '__[a-z]+_chk' '_GLOBAL_OFFSET_TABLE_'
	'__(asan|ubsan|gcov|sanitizer|llvm)_[a-z0-9_]+'
	# The two parsers.
	'yaml_[a-z_]+'
	'mnt_(new|free|ref|unref|reset|fs|table|optstr|optmap|optlist|get_builtin|mangle|unmangle|parse)[a-z_]*'
)

# libmount functions that open files or ask the system in spite of their name.
denied='mnt_table_(parse_(file|dir|fstab|mtab|swaps)|write_file|replace_file)|mnt_new_table_from_(file|dir)|mnt_table_is_fs_mounted|v?printf|strftime[a-z_]*'

impurities() {
	local pattern

	pattern=$(IFS='|'; echo "${allowed[*]}")
	lint_undefined | awk -v allowed="^($pattern)\$" -v denied="^($denied)\$" '
		$2 ~ denied || $2 !~ allowed'
}

compile() {
	"$CC" -w -fno-builtin -c -o "$lint_tmp/$1.o" -x c -
}
compile open <<<'int open(const char *, int, ...); int bad(void) { return open("x", 0); }'
compile time <<<'long time(long *); long bad(void) { return time(0); }'
compile env <<<'char *getenv(const char *); char *bad(void) { return getenv("x"); }'
compile print <<<'int printf(const char *, ...); int bad(void) { return printf("x"); }'
compile good <<<'char *strdup(const char *); char *good(const char *s) { return strdup(s); }'

mapfile -t objects < <(lint_objects base profile layout diff strategy apparmor | grep -v '/base/.*fdio\.o$')
[ ${#objects[@]} -gt 0 ] || lint_skip_all "nothing is built in $top_builddir"
for control in open time env print; do
	lint_control "$control" impurities <<<"$lint_tmp/$control.o"
done
lint_check "strdup() is allowed" impurities <<<"$lint_tmp/good.o"
lint_check "${#objects[@]} objects make no system call" \
	impurities < <(printf '%s\n' "${objects[@]}")
lint_done
