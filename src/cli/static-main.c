/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snap-update-ns as a program of its own, without any shared library: snap-confine runs it
 * where only those of the base snap are.
 */
#include "base/error.h"
#include "cli/start.h"

int main(int argc, char **argv)
{
	return om_cli_start() ? om_cli_snap_update_ns(argc, argv) : OM_ERR_SYSTEM;
}
