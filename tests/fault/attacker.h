/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody else does while a program is stopped in the middle of its work: a user
 * who owns the directories, from a mount namespace of his own, where nothing that is
 * mounted in this one hinders him; or a third party with root in this namespace.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/mounts.h"

#define ATTACKER_UID 1000

/* Where the fixture is; all paths below are relative to it. */
#define STEP_DIR "w"
#define STEP_PATH "/mnt/w"

enum attack_kind {
	ATTACK_PATH,	/* by the user: names and objects */
	ATTACK_ROOT,	/* the same, but by root, from the mount namespace of the user */
	ATTACK_MOUNT,	/* mounts of his own, attributes of those that are there */
	ATTACK_OURS,	/* takes away or changes a mount of the program */
	ATTACK_STATE,	/* the state directory */
	ATTACK_JOURNAL, /* what was written down is lost */
};

/* What a profile is about. */
struct focus {
	const char *target, *source;	   /* as this namespace sees them */
	const char *target_at, *source_at; /* in the file system itself */
	bool file;
};

struct attack {
	const struct focus *focus;
	int fs;		     /* the file system of the fixture, a mount nobody sees */
	int own_ns, user_ns; /* mount namespaces */
	int work;	     /* directory to return to */
	const struct mount_table *base; /* the mounts before the program began */

	/* What came of it. */
	bool done;    /* it could be done */
	bool on_done; /* ours was where it is to be, not on its way there */
	bool on_stage; /* in the stage, which is ours alone: what hangs there goes with it */
	uint64_t victim;  /* the mount of ours, of ATTACK_OURS */
	unsigned victims; /* it and all that hang in it */
	uint64_t made[8]; /* mounts of the attacker */
	size_t n_made;
};

struct action {
	const char *name;
	enum attack_kind kind;
	bool (*run)(struct attack *a);
	/* Makes good what hinders undo; NULL: nothing does. */
	bool (*repair)(void);
};

extern const struct action actions[];
extern const size_t n_actions;

/* Fills in what came of it. */
void attack_run(struct attack *a, const struct action *action);
bool attack_is_made(const struct attack *a, uint64_t id);
