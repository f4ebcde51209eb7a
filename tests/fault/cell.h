/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One cell of the campaign: a profile, a surface, a strategy and a mode, and every
 * injection in it with its verdict.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "tools/surface.h"

enum mode {
	MODE_ONCE,
	MODE_PERSISTENT,
	MODE_KILL,
	MODE_NESTED,
	MODE_LIE,
	MODE_STEP,
	N_MODES
};

extern const char *const mode_names[N_MODES];

#define MAX_ERRNOS 32
/* Of a cell of MODE_STEP, which is large, done at the same time. */
#define STEP_PARTS 6

/* The same for all cells. */
struct settings {
	const char *program;
	const char *recover;	/* the command that settles what a crash left */
	bool naive;		/* the program is the control: nothing is known of it */
	bool cold;		/* no fact is known before a run */
	bool no_templates;	/* the program is executed for each run */
	unsigned every, offset; /* which of the calls: all with 1, 0 */
	int errnos[MAX_ERRNOS];
	unsigned n_errnos;
	int report; /* appended to, one line for each verdict: CELL TEXT */
};

struct cell {
	const char *profile; /* name */
	const char *path;    /* of the profile, absolute */
	const struct surface *surface;
	const char *strategy;
	const char *first_strategy; /* of a cell that is the same else, or NULL */
	enum mode mode;
	unsigned part;	  /* of STEP_PARTS, with MODE_STEP */
	int expected;	  /* exit status of a run without injection */
	bool no_change;	  /* although it succeeds: all is there already */
	bool allow_kinds; /* names of the base may give way */
};

struct tally {
	unsigned injections;
	unsigned bad;
	unsigned broken;  /* BROKEN was said, with reason, and recovery worked */
	unsigned strayed; /* another sequence of calls than in the clean run */
	bool done;
};

/* In a namespace and a fixture of this process.  number: how the report names it. */
void cell_run(const struct settings *settings, const struct cell *cell, unsigned number,
	      struct tally *tally);
/* One injection, told at length on stdout. */
void cell_replay(const struct settings *settings, const struct cell *cell, unsigned at,
		 int err, struct tally *tally);
