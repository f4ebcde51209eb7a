/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties of the planner over random samples, without a system: the same plan for the
 * same inputs, an inverse for every step, and what the profile promises once all steps are
 * done.  Each has a control that must be found, and made small.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/path.h"
#include "property/gen.h"
#include "property/machine.h"
#include "property/report.h"
#include "property/view.h"
#include "strategy/names.h"
#include "strategy/wave.h"

static struct world machine_world, view_world;

/* What a run is made to do wrong, for controls. */
enum sabotage {
	SABOTAGE_NOTHING,
	SABOTAGE_DROP_STEP, /* the last step but one of a plan is left out */
	SABOTAGE_SKIP_INVERSE,
	SABOTAGE_SALT_SHOWS, /* a number that must not matter gets into the plan */
	SABOTAGE_OPEN,	     /* what is sealed is taken for open */
	SABOTAGE_DEPENDENCY, /* entries that lie in one another are planned together */
};

static struct counts {
	unsigned kept, refused, by_policy, open, part, taking;
} counts;

struct run {
	struct machine machine;
	const struct sample *s;
	enum sabotage sabotage;
	uint64_t salt;
	struct om_str steps; /* rendered */
	size_t stop_after;   /* steps that are done, all together */
	size_t done;
	bool refused;
	bool by_policy;	   /* refused because no allowed strategy can do it */
	int error;	   /* of a step that could not be done */
	bool part;	   /* refused because only a part is to take new names */
	const char *wrong; /* of what a hole takes once a wave is there */
};

static bool is_mutated(const struct run *run, const struct om_plan *plan, size_t i)
{
	return run->sabotage == SABOTAGE_DROP_STEP && plan->steps.n > 2 &&
	       i == plan->steps.n - 2;
}

static void run_plan(struct run *run, const struct om_plan *plan)
{
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];

		if (run->sabotage == SABOTAGE_SALT_SHOWS)
			om_str_addf(&run->steps, "%u ", (unsigned)run->salt % 7);
		om_step_render(step, "/", "/stage", &run->steps);
		om_str_add(&run->steps, "\n");
	}
	for (size_t i = 0; i < plan->steps.n && run->error == 0; i++) {
		if (run->done == run->stop_after)
			return;
		if (!is_mutated(run, plan, i))
			run->error = machine_step(&run->machine, &plan->steps.v[i]);
		run->done++;
	}
}

static void note_refusal(struct run *run, struct om_decisions *d)
{
	run->refused = om_decisions_refusal(d, NULL) < 0;
	for (size_t i = 0; i < d->scene->n; i++)
		run->by_policy |= d->entries[i].strategy == OM_STRATEGY_REFUSE &&
				  d->entries[i].n_rejected > 1;
	for (size_t i = 0; i < d->scene->n; i++)
		run->part |= d->entries[i].why == OM_WHY_WRITABLE_PART;
}

static bool is_to_take_names(const struct sample *s, const char *hole)
{
	for (size_t i = 0; i < s->policy.writable.n; i++)
		if (om_path_is_under(hole, s->writable[i]))
			return true;
	return false;
}

/* A hole takes new names by policy, or when it did before; otherwise it must not. */
static void check_holes(struct run *run, const struct om_decisions *d)
{
	const struct world *w = run->machine.w;

	for (size_t i = 0; i < d->constructions.n; i++) {
		const struct om_scene_dir *hole =
			&d->scene->dirs.v[d->constructions.v[i].hole];
		bool takes = !hole->read_only || is_to_take_names(run->s, hole->path);
		struct place at = world_lookup(w, hole->path);

		counts.taking += takes && hole->read_only;
		if (run->sabotage == SABOTAGE_OPEN)
			takes = true;
		if (w->mounts[at.mount].read_only == takes)
			run->wrong = takes ? "a hole takes no new name"
					   : "a hole takes new names";
	}
}

static void run_wave(struct run *run, size_t first, size_t n)
{
	const struct sample *s = run->s;
	struct om_scene *scene = NULL;
	struct om_decisions d;
	struct om_plan plan = { 0 };

	if (scene_of_world(run->machine.w, s->profile, first, n, run->salt, &scene) < 0) {
		run->refused = true;
		return;
	}
	if (om_decide(s->profile, scene, &s->facts, &s->policy, &d) < 0)
		abort();
	(void)scene_list_children(run->machine.w, &d, scene, run->salt);
	note_refusal(run, &d);
	if (!run->refused && om_expand(&d, &plan) < 0)
		abort();
	for (size_t i = 0; i < scene->n; i++)
		om_str_addf(&run->steps, "%s %s %s\n", om_decisions_entry(&d, i)->target,
			    om_strategy_get(d.entries[i].strategy)->name,
			    om_why_id(d.entries[i].why));
	run_plan(run, &plan);
	if (!run->refused && run->error == 0 && run->done != run->stop_after &&
	    run->sabotage != SABOTAGE_DROP_STEP && run->sabotage != SABOTAGE_DEPENDENCY)
		check_holes(run, &d);
	om_plan_done(&plan);
	om_decisions_done(&d);
	(void)om_scene_free(scene);
}

/* As om_apply_profile(), over a copy of the sample's world. */
static void run_start(struct run *run, const struct sample *s, struct world *w)
{
	const struct om_profile *p = s->profile;

	*w = s->world;
	run->s = s;
	machine_start(&run->machine, w);
	for (size_t first = 0, n; first < p->n && !run->refused && run->error == 0;
	     first += n) {
		n = run->sabotage == SABOTAGE_DEPENDENCY ? p->n - first
							 : om_wave_length(p, first);
		run_wave(run, first, n);
		if (run->done == run->stop_after)
			return;
	}
}

static void run_end(struct run *run)
{
	om_str_free(&run->steps);
}

/* --- the same plan --------------------------------------------------------------------- */

static const char *check_same(const struct sample *s, enum sabotage sabotage)
{
	struct run a = { .sabotage = sabotage, .stop_after = SIZE_MAX };
	struct run b = { .sabotage = sabotage, .stop_after = SIZE_MAX, .salt = s->salt };
	bool same;

	run_start(&a, s, &machine_world);
	(void)machine_undo(&a.machine);
	/* What was not written must not matter either. */
	(void)mallopt(M_PERTURB, (int)(s->salt & 0xff));
	run_start(&b, s, &machine_world);
	(void)mallopt(M_PERTURB, 0);
	(void)machine_undo(&b.machine);
	same = om_streq(om_str_get(&a.steps), om_str_get(&b.steps));
	run_end(&a);
	run_end(&b);
	return same ? NULL : "two plans for the same inputs";
}

/* --- every step has an inverse --------------------------------------------------------- */

static const char *check_inverse(const struct sample *s, enum sabotage sabotage)
{
	static struct text before, after;
	struct run run = { .sabotage = sabotage, .stop_after = SIZE_MAX };
	const char *wrong = NULL;
	size_t steps;

	run_start(&run, s, &machine_world);
	steps = run.done;
	for (int part = 0; !wrong && part < 2; part++) {
		if (part == 1) {
			run_end(&run);
			run = (struct run){ .sabotage = sabotage,
					    .stop_after = s->salt % (steps + 1) };
			run_start(&run, s, &machine_world);
		}
		text_clear(&before);
		text_clear(&after);
		world_print(&s->world, &before);
		world_print_mounts(&s->world, &before);
		if (sabotage == SABOTAGE_SKIP_INVERSE && run.machine.n > 0)
			run.machine.n--;
		if (machine_undo(&run.machine) < 0)
			wrong = "an inverse cannot be done";
		world_print(&machine_world, &after);
		world_print_mounts(&machine_world, &after);
		if (!wrong && !text_same(&before, &after))
			wrong = "the inverses do not lead back";
	}
	run_end(&run);
	return wrong;
}

/* --- what was promised ----------------------------------------------------------------- */

static struct text want, got;

static const char *judge(const struct sample *s, const struct run *run,
			 enum promise promise)
{
	if (run->error < 0)
		return "a step cannot be done";
	if (run->wrong)
		return run->wrong;
	if (run->part && run->refused) {
		counts.part++;
		return s->policy.writable.n > 0 ? NULL : "a part of nothing";
	}
	if (run->by_policy && run->refused) {
		counts.by_policy++;
		return s->policy.allow[OM_STRATEGY_MIMIC] ? "mimic could do it" : NULL;
	}
	if (run->refused != (promise == PROMISE_REFUSED) && promise != PROMISE_OPEN)
		return run->refused ? "it is refused" : "it is not refused";
	if (promise != PROMISE_KEPT) {
		counts.open += promise == PROMISE_OPEN;
		counts.refused += promise == PROMISE_REFUSED;
		return NULL;
	}
	counts.kept++;
	text_clear(&want);
	text_clear(&got);
	world_print(&view_world, &want);
	world_print(&machine_world, &got);
	return text_same(&want, &got) ? NULL : "the tree is not what was promised";
}

static const char *check_view(const struct sample *s, enum sabotage sabotage,
			      enum planted planted)
{
	const struct view_rules rules = { s->policy.root_hole, s->policy.kind_changes,
					  planted };
	struct run run = { .sabotage = sabotage, .stop_after = SIZE_MAX };
	enum promise promise = view_of(&s->world, s->profile, &rules, &view_world);
	const char *wrong;

	run_start(&run, s, &machine_world);
	wrong = judge(s, &run, promise);
	(void)machine_undo(&run.machine);
	run_end(&run);
	return wrong;
}

/* --- waves ----------------------------------------------------------------------------- */

static bool touch(const char *a, const char *b)
{
	return om_path_is_under(a, b) || om_path_is_under(b, a);
}

static bool naive_depends(const struct om_entry *a, const struct om_entry *b)
{
	/* What has no source has none that touches. */
	const char *source = a->source[0] == '/' ? a->source : "/none";

	return touch(a->target, b->target) || touch(source, b->target) ||
	       (b->source[0] == '/' && touch(a->target, b->source));
}

static const char *check_waves(const struct sample *s)
{
	const struct om_profile *p = s->profile;

	for (size_t first = 0; first < p->n; first++) {
		size_t n = 1;
		bool cut = false;

		for (; !cut && first + n < p->n; n += !cut)
			for (size_t i = first; !cut && i < first + n; i++)
				cut = naive_depends(&p->entries[first + n],
						    &p->entries[i]);
		if (om_wave_length(p, first) != n)
			return "a wave has another length";
	}
	return NULL;
}

/* --- what is not random ---------------------------------------------------------------- */

/* What is live is taken back where it is; what is not seen is dropped. */
static bool inverts_all(void)
{
	bool good = true;

	for (int kind = 0; kind < _OM_STEP_MAX; kind++)
		for (int place = OM_PLACE_LIVE; place <= OM_PLACE_STAGE; place++) {
			const struct om_step step = { .kind = (enum om_step_kind)kind,
						      .place = (enum om_place)place };
			enum om_inverse right = OM_INVERSE_DETACH;

			if (place != OM_PLACE_LIVE)
				right = OM_INVERSE_DISCARD;
			else if (kind == OM_STEP_MKDIR)
				right = OM_INVERSE_RMDIR;
			else if (kind == OM_STEP_MKFILE || kind == OM_STEP_SYMLINK ||
				 kind == OM_STEP_WHITEOUT)
				right = OM_INVERSE_UNLINK;
			good = good && om_step_invert(&step) == right;
		}
	return good;
}

/* Some numbers, of which one is 500 or more. */
static bool has_large(struct choices *c, const void *arg)
{
	uint32_t n = draw(c, 50);
	bool large = false;

	(void)arg;
	for (uint32_t i = 0; i < n; i++)
		large |= draw(c, 1000) >= 500;
	return large;
}

/* The smallest that there is: one number, and that is 500. */
static bool shrinks(void)
{
	static struct choices c;
	bool good = true;

	for (uint64_t seed = 1; seed <= 50; seed++) {
		choices_start(&c, seed);
		if (!has_large(&c, NULL))
			continue;
		(void)shrink(&c, has_large, NULL, 5000);
		good = good && c.n == 2 && c.v[0] == 1 && c.v[1] == 500;
	}
	return good;
}

/* --- running --------------------------------------------------------------------------- */

struct trial {
	const char *(*check)(const struct sample *s, const struct trial *t);
	enum sabotage sabotage;
	enum planted planted;
};

static const char *try_same(const struct sample *s, const struct trial *t)
{
	return check_same(s, t->sabotage);
}

static const char *try_inverse(const struct sample *s, const struct trial *t)
{
	return check_inverse(s, t->sabotage);
}

static const char *try_view(const struct sample *s, const struct trial *t)
{
	return check_view(s, t->sabotage, t->planted);
}

static const char *try_waves(const struct sample *s, const struct trial *t)
{
	(void)t;
	return check_waves(s);
}

static const struct {
	const char *what;
	struct trial trial;
	bool control;
} trials[] = {
	{ "the same plan for the same inputs", { try_same, 0, 0 }, false },
	{ "the inverses lead back", { try_inverse, 0, 0 }, false },
	{ "the steps do what was promised", { try_view, 0, 0 }, false },
	{ "waves are as long as by comparing all", { try_waves, 0, 0 }, false },
	{ "a number that must not matter", { try_same, SABOTAGE_SALT_SHOWS, 0 }, true },
	{ "what is sealed taken for open", { try_view, SABOTAGE_OPEN, 0 }, true },
	{ "an inverse left out", { try_inverse, SABOTAGE_SKIP_INVERSE, 0 }, true },
	{ "a step left out", { try_view, SABOTAGE_DROP_STEP, 0 }, true },
	{ "all in one wave", { try_view, SABOTAGE_DEPENDENCY, 0 }, true },
	{ "a model with wrong modes", { try_view, 0, PLANTED_MODE }, true },
	{ "a model that loses siblings", { try_view, 0, PLANTED_SIBLING }, true },
	{ "a model without order", { try_view, 0, PLANTED_ORDER }, true },
};

static const char *check(struct choices *c, const void *arg)
{
	const struct trial *t = arg;
	const char *wrong = NULL;
	struct sample s;

	sample_make(&s, c);
	if (s.profile)
		wrong = t->check(&s, t);
	sample_done(&s);
	return wrong;
}

static void show(struct choices *c, const void *arg, struct text *ret)
{
	const struct trial *t = arg;
	struct sample s;

	sample_make(&s, c);
	sample_print(&s, ret);
	sample_done(&s);
	if (t->check == try_view)
		snapshot_diff(ret, &want, &got, 10);
}

int main(void)
{
	unsigned cases = property_full() ? 100000 : 2000;

	property_result(inverts_all(), "every kind of step has its inverse");
	property_result(shrinks(), "control: the shrinker finds the smallest");
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		const struct property p = { trials[i].what,
					    check,
					    show,
					    &trials[i].trial,
					    cases,
					    20000,
					    trials[i].control ? 40 : 0 };

		property_run(&p);
		if (i != 2)
			continue;
		printf("# %u kept, %u refused, %u not allowed, %u open, %u writable in part\n",
		       counts.kept, counts.refused, counts.by_policy, counts.open,
		       counts.part);
		printf("# %u holes that were read-only take new names\n", counts.taking);
		property_result(counts.kept > cases / 2, "most of them are kept");
		property_result(counts.taking > cases / 20, "many holes take new names");
	}
	return property_end();
}
