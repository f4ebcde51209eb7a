/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one cell of the step race knows, and how it runs the program, looks and tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fault/attacker.h"
#include "fault/cell.h"
#include "fault/step-scene.h"
#include "fault/tracer.h"

enum step_command { STEP_APPLY, STEP_UNDO, STEP_RECOVER, STEP_CHECK, N_STEP_COMMANDS };

struct step_session {
	const struct settings *settings;
	const struct cell *cell;
	const struct step_profile *profile;
	struct tally *tally;
	unsigned number;
	bool verbose;
	struct text facts;
	bool has_facts;
	struct tracer_template templates[N_STEP_COMMANDS];
	struct attack attack;
	struct mount_table base;   /* before the program began */
	struct text stamps;	   /* as well */
	struct tracer_call *calls; /* of the clean run */
	size_t n_calls;
	int clean_check;
	unsigned committed; /* the call that writes the last record */
	/* Nothing done; applied; only the action; applied, then the action; and first it. */
	struct step_view before, complete, none, after, first, now, settled;
	bool none_done, after_done;
	int first_status;
	/* The verdict that is being worked on. */
	unsigned at;
	const struct action *action;
	bool bad;
};

/* A verdict on what is being worked on: at and action of the session. */
__attribute__((format(printf, 2, 3))) void step_bad(struct step_session *s,
						    const char *format, ...);
/* At length, if the session is verbose. */
void step_show(const struct step_session *s, const char *title,
	       const struct step_view *v);
/* The content of a file; false when there is none. */
bool step_read(const char *path, struct text *ret);
/* A new fixture in which nothing has happened. */
void step_start_anew(struct step_session *s);
void step_command(struct step_session *s, enum step_command command,
		  struct tracer_run *t);
/* Without any interference; the exit status. */
int step_command_plain(struct step_session *s, enum step_command command);
/* The action of the session; arg is the session. */
void step_act(void *arg);
void step_session_look(const struct step_session *s, struct step_view *ret);
