# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the lints share.  Each lint defines a function that prints one line per offence and
# hands it to lint_control (a file that offends on purpose: it must be seen) and to
# lint_check (the tree: nothing may be seen).
#
# make sets top_srcdir and top_builddir; by hand, they are found from here.

lint_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_srcdir=${top_srcdir:-$(cd "$lint_here/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
CC=${CC:-cc}
NM=${NM:-nm}
lint_tmp=$(mktemp -d)
trap 'rm -rf "$lint_tmp"' EXIT
lint_n=0
cd "$top_srcdir" || exit 1

lint_skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

lint_result() {
	local verdict=$1

	lint_n=$((lint_n + 1))
	shift
	echo "$verdict $lint_n - $*"
}

# lint_control DESCRIPTION COMMAND...: the command must print an offence.
lint_control() {
	local what=$1 out

	shift
	out=$("$@" 2>&1)
	if [ -n "$out" ]; then
		lint_result ok "control: $what is seen"
	else
		lint_result "not ok" "control: $what is seen"
	fi
}

# lint_check DESCRIPTION COMMAND...: the command must print nothing.
lint_check() {
	local what=$1 out

	shift
	out=$("$@" 2>&1)
	if [ -z "$out" ]; then
		lint_result ok "$what"
	else
		lint_result "not ok" "$what"
		printf '%s\n' "$out" | sed 's/^/# /'
	fi
}

# The status stays 0: make reads the results, and would count a failing status as one more.
lint_done() {
	echo "1..$lint_n"
	exit 0
}

# The C sources and headers of the project.
lint_c_files() {
	find src tests bench include kernel-matrix -name '*.[ch]' 2>/dev/null | sort
}

# The shell scripts, found by name or by their first line.
lint_shell_files() {
	{
		find scripts tests bench kernel-matrix .ci autogen.sh -name '*.sh' -type f 2>/dev/null
		grep -rlE -m1 '^#!.*[/ ](ba)?sh' scripts .ci bench kernel-matrix tests 2>/dev/null
	} | sort -u
}

# The objects of the source folders named, as built, for the library (NAME_la-), too; of those
# only what still has a source, for an old build directory keeps the rest.
lint_objects() {
	local folder object source

	for folder in "$@"; do
		for object in "$top_builddir/src/$folder"/*.o; do
			source=$(basename "$object" .o)
			[ -e "src/$folder/${source#*_la-}.c" ] && echo "$object"
		done
	done
}

# Prints FOLDER/OBJECT: SYMBOL for every undefined symbol of the objects on stdin.
lint_undefined() {
	local object

	while read -r object; do
		"$NM" -u "$object" | awk -v name="${object#"$top_builddir"/}" '
			{ sub(/@.*/, "", $NF); print name ": " $NF }'
	done
}
