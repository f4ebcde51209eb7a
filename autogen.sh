#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes configure and the Makefile templates from configure.ac and the local.am files.
set -e
cd "$(dirname "$0")"
if ! command -v autoreconf >/dev/null; then
	echo "autogen.sh: cannot run autoreconf: not installed (Debian: apt-get install autoconf automake libtool)" >&2
	exit 1
fi
exec autoreconf -fi
