/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a profile: survey, decide, expand and execute, wave by wave, all in one journal.
 */
#pragma once

#include "apply/build.h"
#include "apply/journal.h"
#include "base/error.h"
#include "base/macro.h"
#include "probe/facts.h"
#include "probe/scene.h"
#include "profile/profile.h"
#include "strategy/strategy.h"
#include "sys/sys.h"

struct om_apply {
	const struct om_sys *sys; /* borrowed, as all below */
	const struct om_facts *facts;
	const struct om_policy *policy;
	struct om_journal *journal;
	/* Called with each wave's decisions and plan before it is executed; may be NULL. */
	int (*observe)(const struct om_decisions *d, const struct om_plan *plan,
		       void *arg);
	void *observe_arg;
	/* Asked before each step whether to give up, and undo; may be NULL. */
	bool (*interrupted)(void);
	bool rehearse_only; /* the last wave is observed but not executed */
	bool left;   /* of what was being built something could not be taken away */
	int root_fd; /* owned; replaced when the root itself is covered */
	OM_VEC(int) covered; /* owned; the roots that were, from the first on */
	int source_fd;	     /* borrowed; -1: the same as root_fd */
	const char *root_path;
	struct om_build build;
};

void om_apply_init(struct om_apply *a, const struct om_sys *sys,
		   const struct om_facts *facts) _nonnull_all_;
void om_apply_done(struct om_apply *a);

/* How a wave is surveyed: where the tree and the sources are now, and what is ours. */
struct om_survey om_apply_survey(const struct om_apply *a) _nonnull_all_;

/* Lists the directories whose children the chosen strategies need, into the scene. */
int om_apply_list_children(const struct om_survey *survey, const struct om_decisions *d,
			   struct om_scene *scene, struct om_error *e)
	_nonnull_(1, 2, 3) _must_check_;

/*
 * All or nothing is the caller's: on failure *e says what failed (kind SYSTEM or REFUSED)
 * and the journal holds what is visible.  om_apply_or_undo() does both.
 */
int om_apply_profile(struct om_apply *a, const struct om_profile *p, struct om_error *e)
	_nonnull_(1, 2) _must_check_;

/*
 * As om_apply_profile(); on failure everything is undone, and the kind of *e tells how
 * that went: SYSTEM or REFUSED (nothing had been touched), UNDONE, BROKEN (with residue).
 */
int om_apply_or_undo(struct om_apply *a, const struct om_profile *p,
		     struct om_str *residue, struct om_error *e)
	_nonnull_(1, 2, 3) _must_check_;
