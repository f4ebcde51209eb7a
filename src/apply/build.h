/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building out of sight.  One construction at a time: its mounts hang in a detached tree,
 * or on a private tmpfs (the stage) where detached trees cannot nest or the fd mount API
 * is missing.  Nothing here decides: the surface comes from facts, the steps from a plan.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/vec.h"
#include "probe/facts.h"
#include "strategy/plan.h"
#include "sys/sys.h"

struct om_build {
	const struct om_sys *sys;
	int root_fd;		/* borrowed: targets */
	int source_fd;		/* borrowed: sources of binds that are entries */
	const char *stage_path; /* borrowed: directory that the stage may cover */
	const struct om_facts *facts;
	bool fd_api;
	bool detached;
	int stage_fd;	 /* owned, -1 while not needed */
	bool stage_made; /* the directory stage_path was made by us */
	unsigned slots;
	int tree_fd; /* owned: root of the construction */
	char *tree_path;
	int skeleton_fd; /* owned */
	char *dir_path;	 /* cache of the directory last worked in */
	int dir_fd;
	enum om_place dir_place;
	OM_VEC(uint64_t) ours; /* ids of the tmpfs mounts made for entries */
};

void om_build_init(struct om_build *b, const struct om_sys *sys,
		   const struct om_facts *facts) _nonnull_all_;
/* Drops the construction and the stage: what was not attached is gone. */
void om_build_done(struct om_build *b);
/* Drops the stage and says whether that went well: 0 or -errno. */
int om_build_close_stage(struct om_build *b) _nonnull_all_ _must_check_;
/*
 * Takes away a stage that a killed process left at path.  The caller holds the lock of
 * the directory around it, so whatever is mounted there is ours.  0 or -errno.
 */
int om_stage_clear(const struct om_sys *sys, const char *path) _nonnull_all_ _must_check_;
/* Executes one step that is not live; 0 or -errno with *e filled. */
int om_build_step(struct om_build *b, const struct om_step *step, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
/* Forgets the construction, attached or not. */
void om_build_drop_tree(struct om_build *b) _nonnull_all_;
/* Moves the construction onto target_fd. */
int om_build_move(struct om_build *b, int target_fd) _nonnull_all_ _must_check_;
/*
 * Takes exactly the mount whose root fd is out of the namespace, with all on top of it.
 * The caller has checked that nothing of a stranger is on top.
 */
int om_detach(const struct om_sys *sys, int fd) _nonnull_all_ _must_check_;
