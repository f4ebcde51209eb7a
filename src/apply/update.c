/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See update.h.
 */
#include "apply/update.h"

#include <errno.h>

#include "apply/aside.h"
#include "apply/recover.h"
#include "apply/rehearse.h"
#include "apply/stage.h"
#include "apply/undo.h"
#include "base/cleanup.h"

/* What has failed once need not fail again. */
#define TRIES 3

static int check_strangers(const struct om_apply *a, const struct om_journal *j,
			   struct om_error *e)
{
	const struct om_undo undo = { .sys = a->sys,
				      .root_fd = a->root_fd,
				      .root_path = a->root_path };
	int r = 0;

	for (size_t i = 0; r == 0 && i < j->acts.n; i++)
		if (j->acts.v[i].aside)
			r = om_undo_check_act(&undo, j, i, e);
	return r;
}

/* Finds what changes, and that it can be; nothing is changed. */
static int prepare(const struct om_apply *a, const struct om_state *state,
		   struct om_changes *c, struct om_error *e)
{
	int r = om_changes_look(c, e);

	do {
		if (r >= 0)
			r = om_changes_find(c, e);
		if (r < 0 || (c->n_aside == 0 && c->fresh.n == 0))
			return r;
		r = om_rehearse(a, state, c, e);
	} while (r > 0);
	return r < 0 ? r : check_strangers(a, c->j, e);
}

static int put_aside(struct om_build *aside, struct om_apply *a, size_t *moved,
		     struct om_error *e)
{
	const struct om_journal *j = a->journal;

	for (size_t i = j->acts.n; i-- > 0;) {
		const struct om_act *act = &j->acts.v[i];
		int r;

		if (!act->aside || act->inverse != OM_INVERSE_DETACH)
			continue;
		if (a->interrupted && a->interrupted())
			return om_fail(e, OM_ERR_SYSTEM, -EINTR,
				       "cannot go on: interrupted by a signal");
		*moved += 1;
		r = om_aside_put(aside, j, i, a->root_fd);
		if (r < 0)
			return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot take away %s",
					     OM_Q(act->path));
	}
	return 0;
}

/* The one call from which on it is the new profile that is applied. */
static int end(struct om_apply *a, struct om_state *state, struct om_str *residue,
	       struct om_error *e)
{
	const struct om_undo undo = { .sys = a->sys,
				      .root_fd = a->root_fd,
				      .root_path = a->root_path };
	struct om_journal *j = a->journal;
	int r = om_journal_replace(j, state->dirfd, state->name);

	if (r == 0)
		return 0;
	(void)om_fail_errno(e, r == -EUCLEAN ? OM_ERR_BROKEN : OM_ERR_UNDONE, r,
			    "cannot replace the journal");
	if (r != -EUCLEAN && om_undo(&undo, j, j->n_before, residue) < 0 && e)
		e->kind = OM_ERR_BROKEN;
	return r;
}

/* How a failure ends: all is back, or *e becomes BROKEN. */
static void go_back(struct om_apply *a, struct om_state *state, bool moved,
		    struct om_str *residue, struct om_error *e)
{
	/* Of what came something is still there: what was there before must not cover it. */
	if (e->kind == OM_ERR_BROKEN)
		return;
	if (moved)
		e->kind = OM_ERR_UNDONE;
	if (om_recover_put_back(a->sys, state, a->root_fd, a->journal, residue) < 0)
		e->kind = OM_ERR_BROKEN;
}

static int forget_old(struct om_build *aside, struct om_str *residue, struct om_error *e)
{
	int r = -EIO;

	for (unsigned i = 0; r < 0 && i < TRIES; i++)
		r = om_stage_clear(aside->sys, aside->stage_at, aside->stage_path);
	if (r == 0)
		return 0;
	om_str_addf(residue, "%s: what was applied before is still kept there\n",
		    OM_Q(aside->stage_path));
	return om_fail_errno(e, OM_ERR_BROKEN, r,
			     "cannot take away what was applied before");
}

static int change(struct om_apply *a, struct om_state *state, struct om_changes *c,
		  struct om_str *residue, struct om_error *e)
{
	struct om_build aside;
	size_t moved = 0;
	int r = om_journal_begin_update(a->journal);

	om_aside_init(&aside, a->sys, state->stage_at, state->aside_name);
	if (r < 0)
		(void)om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot write the journal");
	if (r == 0)
		r = put_aside(&aside, a, &moved, e);
	if (r == 0 && c->fresh.n > 0)
		r = om_apply_or_undo(a, &c->fresh, residue, e);
	if (r == 0)
		r = end(a, state, residue, e);
	aside.stage_fd = om_close(aside.stage_fd);
	if (r == 0)
		return forget_old(&aside, residue, e);
	go_back(a, state, moved > 0, residue, e);
	return r;
}

int om_update(struct om_apply *a, struct om_state *state, struct om_changes *c,
	      struct om_str *residue, struct om_error *e)
{
	struct om_error own = { 0 };
	int r;

	e = e ? e : &own;
	if (state->stage_at < 0)
		return om_fail(e, OM_ERR_REFUSED, -ENOENT,
			       "cannot update: the state directory %s is not in that "
			       "mount namespace",
			       OM_Q(state->path));
	r = prepare(a, state, c, e);
	if (r < 0 || (c->n_aside == 0 && c->fresh.n == 0))
		return r;
	r = om_recover_try_descriptors(a->root_fd);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot update");
	return change(a, state, c, residue, e);
}
