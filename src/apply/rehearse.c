/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See rehearse.h.  Mounts are found by their paths: in the copy they have other ids.  What
 * they show is not copied, so nothing is written there: a file system of the profile in
 * which a name comes or goes is made anew.
 */
#include "apply/rehearse.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "apply/attach.h"
#include "apply/ns.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "probe/chase.h"
#include "strategy/strategy.h"

/* What the child tells, in memory that both see. */
struct result {
	struct om_error e;
	bool covers;
	bool covered[]; /* of each act */
};

struct rehearsal {
	const struct om_apply *like;
	const struct om_state *state;
	const struct om_changes *c;
	struct result *result;
};

/* A hole that takes in what was to stay would hide it. */
static int observe(const struct om_decisions *d _unused_, const struct om_plan *plan,
		   void *arg)
{
	const struct rehearsal *r = arg;
	const struct om_journal *j = r->c->j;

	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];

		if (step->kind != OM_STEP_ATTACH || step->strategy == OM_STRATEGY_PLAIN)
			continue;
		for (size_t k = 0; k < j->acts.n; k++)
			if (!j->acts.v[k].inner && !j->acts.v[k].aside &&
			    om_path_is_under(j->acts.v[k].path, step->path))
				r->result->covers = r->result->covered[k] = true;
	}
	return r->result->covers ? -ECANCELED : 0;
}

/* In the copy all that was above it is gone already. */
static int take_away(const struct om_sys *sys, int root_fd, const struct om_journal *j,
		     struct om_error *e)
{
	for (size_t i = j->acts.n; i-- > 0;) {
		const struct om_act *act = &j->acts.v[i];
		_cleanup_close_ int fd = -1;
		int r;

		if (!act->aside || act->inverse != OM_INVERSE_DETACH)
			continue;
		r = fd = om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
		if (fd >= 0)
			r = om_detach(sys, fd);
		if (r < 0)
			return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot take away %s",
					     OM_Q(act->path));
	}
	return 0;
}

static int apply_fresh(const struct rehearsal *r, int stage_at, struct om_apply *apply)
{
	const struct om_apply *like = r->like;

	apply->root_path = like->root_path;
	apply->policy = like->policy;
	apply->observe = observe;
	apply->observe_arg = (void *)(uintptr_t)r;
	apply->interrupted = like->interrupted;
	apply->build.layers = like->build.layers;
	apply->build.layers_path = like->build.layers_path;
	apply->build.stage_at = stage_at;
	apply->build.stage_path = r->state->stage_name;
	return om_apply_profile(apply, &r->c->fresh, &r->result->e);
}

static int rehearse(void *arg)
{
	const struct rehearsal *rehearsal = arg;
	const struct om_apply *like = rehearsal->like;
	const struct om_sys *sys = like->sys;
	struct om_error *e = &rehearsal->result->e;
	_cleanup_close_ int state_fd = -1;
	struct om_journal journal;
	struct om_apply apply;
	int r = om_ns_enter_new(sys, e);

	if (r < 0)
		return r;
	om_journal_init(&journal);
	om_apply_init(&apply, sys, like->facts);
	apply.journal = &journal;
	/* Opened only now: they must be those of the new namespace. */
	state_fd =
		sys->open(sys, AT_FDCWD, rehearsal->state->path, O_PATH | O_DIRECTORY, 0);
	r = apply.root_fd =
		sys->open(sys, AT_FDCWD, like->root_path, O_PATH | O_DIRECTORY, 0);
	if (r < 0)
		(void)om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot open the root %s",
				    OM_Q(like->root_path));
	else
		r = take_away(sys, apply.root_fd, rehearsal->c->j, e);
	if (r == 0)
		r = apply_fresh(rehearsal, state_fd, &apply);
	om_apply_done(&apply);
	om_journal_done(&journal);
	return r < 0 ? r : 0;
}

int om_rehearse(const struct om_apply *like, const struct om_state *state,
		struct om_changes *c, struct om_error *e)
{
	size_t n = c->j->acts.n, size = sizeof(struct result) + n * sizeof(bool);
	struct rehearsal rehearsal = { .like = like, .state = state, .c = c };
	struct result *result = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (result == MAP_FAILED)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot rehearse");
	rehearsal.result = result;
	r = like->sys->in_child(like->sys, rehearse, &rehearsal);
	if (result->covers) {
		for (size_t i = 0; i < n; i++)
			if (result->covered[i])
				om_changes_take(c, i);
		r = 1;
	} else if (r < 0) {
		if (e && result->e.kind != OM_ERR_NONE)
			*e = result->e;
		(void)om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot rehearse");
	}
	(void)munmap(result, size);
	return r;
}
