/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See apply.h.  Decides nothing: what to do comes from strategy/, how from build.c.
 */
#include "apply/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/attach.h"
#include "apply/stage.h"
#include "apply/undo.h"
#include "base/cleanup.h"
#include "base/crc.h"
#include "base/path.h"
#include "probe/chase.h"
#include "probe/scene.h"
#include "strategy/names.h"
#include "strategy/wave.h"

void om_apply_init(struct om_apply *a, const struct om_sys *sys,
		   const struct om_facts *facts)
{
	*a = (struct om_apply){
		.sys = sys, .facts = facts, .root_fd = -1, .source_fd = -1
	};
	a->policy = &om_policy_default;
	om_build_init(&a->build, sys, facts);
}

void om_apply_done(struct om_apply *a)
{
	om_build_done(&a->build);
	a->root_fd = om_close(a->root_fd);
	for (size_t i = 0; i < a->covered.n; i++)
		(void)om_close(a->covered.v[i]);
	om_vec_free(&a->covered);
}

static int do_attach(struct om_apply *a, const struct om_step *step, struct om_error *e)
{
	bool covers = step->path[1] == '\0';
	int r = covers ? om_vec_push(&a->covered, a->root_fd) : 0;

	if (r == 0)
		r = om_attach(&a->build, a->journal, a->root_fd, step);
	/* What covers the root is from now on the root. */
	if (r == 0 && covers)
		a->root_fd = TAKE_FD(a->build.tree_fd);
	else if (covers && a->covered.n > 0 &&
		 a->covered.v[a->covered.n - 1] == a->root_fd)
		a->covered.n--;
	om_build_drop_tree(&a->build);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot attach %s",
				     OM_Q(step->path));
	return 0;
}

static int make_name(const struct om_apply *a, const struct om_step *step, int parent,
		     const char *name)
{
	if (step->kind == OM_STEP_MKDIR)
		return a->sys->mkdir(a->sys, parent, name, step->mode);
	if (step->kind == OM_STEP_MKFILE)
		return a->sys->mkfile(a->sys, parent, name, 0644);
	return a->sys->symlink(a->sys, step->source, parent, name);
}

static int journal_name(struct om_apply *a, const struct om_step *step, int parent)
{
	struct om_act act = { .inverse = om_step_invert(step),
			      .strategy = step->strategy };
	const char *name = om_path_base(step->path);
	struct stat st;
	size_t index;
	int r;

	if (step->kind == OM_STEP_SYMLINK)
		act.print = om_crc32c(step->source, strlen(step->source));
	r = om_journal_intent(a->journal, &act, step->path);
	if (r < 0)
		return r;
	index = (size_t)r;
	r = make_name(a, step, parent, name);
	/* Done without an object: nothing was made, whatever has the name is not ours. */
	if (r < 0 && r != -EPROTO)
		return om_journal_mark_done(a->journal, index) < 0 ? -EIO : r;
	if (r == 0 && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r < 0)
		return r;
	a->journal->acts.v[index].dev = st.st_dev;
	a->journal->acts.v[index].ino = st.st_ino;
	return om_journal_mark_done(a->journal, index);
}

/* The path may lead elsewhere by now: into a directory of somebody else. */
static int check_ours(const struct om_build *b, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < b->ours_devs.n; i++)
		if (b->ours_devs.v[i] == st.st_dev)
			return 0;
	return -ESTALE;
}

/* A name on a live file system of ours. */
static int do_live_name(struct om_apply *a, const struct om_step *step,
			struct om_error *e)
{
	_cleanup_free_ char *parent = om_path_parent(step->path);
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!parent)
		return -ENOMEM;
	fd = om_open_beneath(a->sys, a->root_fd, parent, O_PATH | O_DIRECTORY);
	r = fd < 0 ? fd : check_ours(&a->build, fd);
	/* Two entries share a parent: the first one made it and undoes it. */
	if (r == 0 && step->kind == OM_STEP_MKDIR &&
	    fstatat(fd, om_path_base(step->path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		return 0;
	if (r == 0)
		r = journal_name(a, step, fd);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot create %s",
				     OM_Q(step->path));
	return 0;
}

static int reserve(struct om_apply *a, const struct om_plan *plan, struct om_error *e)
{
	size_t acts = 0, inner = 0;
	int r;

	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];

		if (step->place == OM_PLACE_LIVE)
			acts++;
		else if (step->kind == OM_STEP_BIND || step->kind == OM_STEP_TMPFS)
			inner += om_journal_inner_size(step->path);
	}
	r = om_journal_reserve(a->journal, acts, inner);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot reserve space for the journal");
	return 0;
}

static int execute(struct om_apply *a, const struct om_plan *plan,
		   const struct om_profile *p, struct om_error *e)
{
	int r = reserve(a, plan, e);

	if (r < 0)
		return r;
	a->build.root_fd = a->root_fd;
	a->build.source_fd = a->source_fd >= 0 ? a->source_fd : a->root_fd;
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];

		if (a->interrupted && a->interrupted())
			return om_fail(e, OM_ERR_SYSTEM, -EINTR,
				       "cannot go on: interrupted by a signal");
		if (step->place != OM_PLACE_LIVE)
			r = om_build_step(&a->build, step, e);
		else
			r = step->kind == OM_STEP_ATTACH ? do_attach(a, step, e)
							 : do_live_name(a, step, e);
		if (r < 0) {
			if (step->entry != SIZE_MAX)
				om_error_where(e, p->name, p->entries[step->entry].line,
					       0, "target");
			return r;
		}
		if (a->build.root_fd != a->root_fd) {
			a->build.root_fd = a->root_fd;
			if (a->source_fd < 0)
				a->build.source_fd = a->root_fd;
		}
	}
	return 0;
}

static int list_construction(const struct om_survey *survey, const struct om_decisions *d,
			     struct om_scene *scene, size_t index, struct om_error *e)
{
	_cleanup_names_ struct om_names names = { 0 };
	int r = om_names_collect(d, index, &names);

	if (r == 0)
		r = om_scene_list(survey, &scene->dirs.v[d->constructions.v[index].hole],
				  e);
	for (size_t i = 0; r == 0 && i < names.v.n; i++) {
		struct om_scene_dir *dir;

		if (!names.v.v[i].exists)
			continue;
		dir = om_scene_add_dir(survey, scene, names.v.v[i].path, e);
		r = dir ? om_scene_list(survey, dir, e) : -EIO;
	}
	return r;
}

int om_apply_list_children(const struct om_survey *survey, const struct om_decisions *d,
			   struct om_scene *scene, struct om_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->constructions.n; i++)
		if (om_strategy_get(d->constructions.v[i].strategy)->lists_children)
			r = list_construction(survey, d, scene, i, e);
	return r;
}

static int plan_wave(struct om_apply *a, const struct om_survey *survey,
		     const struct om_profile *p, struct om_scene *scene,
		     struct om_decisions *d, struct om_plan *plan, struct om_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < scene->n; i++)
		if (!om_scene_entry_fits(&scene->entries[i],
					 &p->entries[scene->first + i])) {
			r = om_scene_find_submounts(survey, scene, e);
			break;
		}
	if (r == 0)
		r = om_decide(p, scene, a->facts, a->policy, d);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot plan");
	r = om_apply_list_children(survey, d, scene, e);
	/* A rehearsal shows refused entries too; nothing can be expanded then. */
	if (r == 0 && om_decisions_refusal(d, NULL) == 0)
		r = om_expand(d, plan);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot plan");
	return 0;
}

struct om_survey om_apply_survey(const struct om_apply *a)
{
	return (struct om_survey){
		.sys = a->sys,
		.root_fd = a->root_fd,
		.source_fd = a->source_fd >= 0 ? a->source_fd : a->root_fd,
		.root_path = a->root_path,
		.ours = a->build.ours.v,
		.n_ours = a->build.ours.n,
		.list = om_decide_lists(a->facts, a->policy),
	};
}

static int run_wave(struct om_apply *a, const struct om_profile *p, size_t first,
		    size_t n, struct om_error *e)
{
	const struct om_survey survey = om_apply_survey(a);
	_cleanup_scene_ struct om_scene *scene = NULL;
	_cleanup_decisions_ struct om_decisions d = { 0 };
	_cleanup_plan_ struct om_plan plan = { 0 };
	int r = om_scene_survey(&survey, p, first, n, &scene, e);

	if (r == 0)
		r = plan_wave(a, &survey, p, scene, &d, &plan, e);
	if (r == 0 && a->observe)
		r = a->observe(&d, &plan, a->observe_arg);
	if (r == 0)
		r = om_decisions_refusal(&d, e);
	if (r < 0 || (a->rehearse_only && first + n >= p->n))
		return r;
	r = execute(a, &plan, p, e);
	a->left = r < 0 && om_abandon(&a->build, a->root_fd) < 0;
	return r;
}

int om_apply_profile(struct om_apply *a, const struct om_profile *p, struct om_error *e)
{
	size_t n;
	int r = 0;

	for (size_t first = 0; r == 0 && first < p->n; first += n) {
		n = om_wave_length(p, first);
		r = run_wave(a, p, first, n, e);
	}
	if (r < 0)
		return r;
	r = om_stage_close(&a->build);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot take the stage %s away",
				     OM_Q(a->build.stage_path));
	return 0;
}

int om_apply_or_undo(struct om_apply *a, const struct om_profile *p,
		     struct om_str *residue, struct om_error *e)
{
	struct om_undo undo = { .sys = a->sys, .root_path = a->root_path };
	size_t before = a->journal->acts.n;
	int left = 0, r = om_apply_profile(a, p, e);
	bool touched = a->journal->acts.n > before;

	if (r == 0)
		return 0;
	if (a->left || (om_stage_close(&a->build) < 0 && om_stage_close(&a->build) < 0)) {
		left = -EBUSY;
		om_str_addf(residue, "%s: of the stage something is still mounted\n",
			    OM_Q(a->build.stage_path));
	}
	undo.root_fd = a->root_fd;
	undo.covered = a->covered.v;
	undo.n_covered = a->covered.n;
	if (om_undo(&undo, a->journal, before, residue) < 0)
		left = -EBUSY;
	if (left < 0 && e)
		e->kind = OM_ERR_BROKEN;
	else if (touched && e)
		e->kind = OM_ERR_UNDONE;
	return r;
}
