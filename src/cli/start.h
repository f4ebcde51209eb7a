/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each program of ours does first, whatever it is called.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* The umask that the program was started with; it runs with none. */
extern mode_t om_cli_umask;

/*
 * Makes the process fit to run: its standard streams are open, its stack has room, and
 * names are made with the mode that they shall have.  False, and told, when it cannot be.
 */
bool om_cli_start(void);

/*
 * From here on SIGINT, SIGTERM and SIGHUP do not end the process; om_cli_interrupted()
 * says whether one has come.
 */
void om_cli_hold_signals(void);
bool om_cli_interrupted(void);

/* The program under the name of snapd's tool; the exit status. */
int om_cli_snap_update_ns(int argc, char **argv);
