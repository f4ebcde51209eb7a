# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the scripts share: packages and messages.  Sourced, not run.

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# Runs a command as root, through sudo where we are somebody else.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "cannot run \"$*\": not root, and sudo is not installed"
	fi
}

# Prints those of the named Debian packages that are not installed.
missing_packages() {
	local package status

	for package in "$@"; do
		status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=
		[ "$status" = installed ] || echo "$package"
	done
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -q --no-install-recommends "$@"
}

# Installs what is missing of the named Debian packages.  The package lists are fetched
# only when the ones at hand don't lead to the packages.
need_packages() {
	local missing=()

	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "no apt here; these Debian packages (or their like) are taken to be installed: $*"
		return 0
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	if apt-get install -s --no-install-recommends "${missing[@]}" >/dev/null 2>&1 &&
		apt_install "${missing[@]}" >&2; then
		return 0
	fi
	say "fetching the package lists"
	as_root apt-get update -q >&2 || say "apt-get update reported errors; trying all the same"
	apt_install "${missing[@]}" >&2 ||
		die "cannot install ${missing[*]}: see apt-get's words above"
}
