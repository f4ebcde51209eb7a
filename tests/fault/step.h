/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The step race: an apply stops before each of its system calls, somebody else acts once,
 * and it runs on.  What is there afterwards must be what it would be had he acted before
 * or behind it, or nothing of ours.
 */
#pragma once

#include "fault/cell.h"

/* As cell_run(), for MODE_STEP; the profile is one of step_profiles. */
void step_run(const struct settings *settings, const struct cell *cell, unsigned number,
	      struct tally *tally);
/* One action at one call, told at length on stdout. */
void step_replay(const struct settings *settings, const struct cell *cell, unsigned at,
		 const char *action, struct tally *tally);
