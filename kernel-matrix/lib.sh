# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the scripts of the kernel matrix share.  Sourced, not run.

matrix_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
matrix_top=$(dirname "$matrix_dir")
. "$matrix_top/scripts/lib.sh" || exit 99

# Kernels are large and can be had again: they never go into the repository.
# shellcheck disable=SC2034 # used by those who source this
matrix_cache=${XDG_CACHE_HOME:-$HOME/.cache}/overmount-matrix

# What of the matrix is tried in each run of the tests.
# shellcheck disable=SC2034 # used by those who source this
matrix_smoke=desktop,first-start,no-overlay

# Options of apt that every call has, whoever runs it.  The sandbox user could not write
# below a home directory, and apt would say so each time.
# shellcheck disable=SC2034 # used by those who source this
apt_always=(
	-q
	-o APT::Sandbox::User=root
	-o Acquire::AllowInsecureRepositories=false
	-o Acquire::AllowDowngradeToInsecureRepositories=false
	-o APT::Get::AllowUnauthenticated=false
)

# matrix_python ARGUMENT...: runs Python with our modules, and with PyYAML.  The first python3
# of the PATH may be one that knows nothing of the system's packages.
matrix_python() {
	local python

	for python in python3 /usr/bin/python3; do
		if "$python" -c 'import yaml' 2>/dev/null; then
			PYTHONPATH=$matrix_dir "$python" -B "$@"
			return
		fi
	done
	need_packages python3 python3-yaml
	PYTHONPATH=$matrix_dir /usr/bin/python3 -B "$@"
}

# Prints LINE PACKAGE FLAVOUR SUITE... of each kernel.
matrix_table() {
	matrix_python -m matrix.kernels
}

matrix_lines() {
	matrix_table | awk '{ print $1 }'
}

# Prints where apparmor_parser is.  It comes from the package, which is not installed: installing
# it would change what the system that the tests run on does.
matrix_apparmor_parser() {
	local dir=$matrix_cache/apparmor temp

	if [ ! -e "$dir/sbin/apparmor_parser" ]; then
		mkdir -p "$matrix_cache"
		temp=$(mktemp -d "$matrix_cache/apparmor.XXXXXX")
		(
			cd "$temp"
			apt-get "${apt_always[@]}" download apparmor >&2 ||
				{ as_root apt-get -q update >&2 &&
					apt-get "${apt_always[@]}" download apparmor >&2; }
		) || die "cannot download the package apparmor"
		dpkg-deb -x "$temp"/apparmor_*.deb "$temp/tree"
		mkdir -p "$temp/done/sbin"
		find "$temp/tree" -name apparmor_parser -type f -exec cp {} "$temp/done/sbin/" \;
		[ -e "$temp/done/sbin/apparmor_parser" ] || die "no apparmor_parser in its package"
		# Somebody else may have been faster, and has the same.
		mv -T "$temp/done" "$dir" 2>/dev/null || :
		rm -rf "$temp"
	fi
	echo "$dir/sbin/apparmor_parser"
}

# usage STATUS: prints the comment at the head of the script that runs, but for its
# first lines: the interpreter, the licence and an empty one.
usage() {
	awk 'NR < 4 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
	exit "$1"
}

# argument OPTION COUNT: dies if no value follows the option.
argument() {
	[ "$2" -ge 2 ] || die "$1 needs a value (--help tells more)"
}
