/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Golden plans of cases that somebody has met (tests/golden/cases/README.md), each on
 * several recorded kernels.  OM_UPDATE_GOLDEN=1 writes them anew, to be read by eye.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fdio.h"
#include "fake/world.h"
#include "layout/layout.h"
#include "probe/record.h"
#include "strategy/cost.h"
#include "strategy/explain.h"
#include "strategy/policy.h"
#include "strategy/wave.h"

/* Fewer would mean that somebody has lost some. */
#define LEAST_CASES 60
#define CASES "tests/golden/cases"

struct golden_case {
	char name[128];
	char kernels[256];
	struct world world;
	struct om_str policy, facts, profile, explain; /* lines */
	char layout[128];
	char only[16];
	bool root_hole, make_sources, steps;
};

static om_why_set seen;

/* DIR/NAME.SUFFIX of the source tree. */
static char *read_test_file(const char *dir, const char *name, const char *suffix)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	char *text = NULL;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s/%s.%s", top ? top : ".", dir, name,
		       suffix);
	if (om_read_file(AT_FDCWD, path, 1 << 20, &text, &size) < 0)
		fail_msg("cannot read %s", path);
	return text;
}

static void read_lines(struct golden_case *c, const char *name, const char *suffix);

static bool read_flag(struct golden_case *c, const char *line)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = { { "root-hole", &c->root_hole },
		      { "make-sources", &c->make_sources },
		      { "steps", &c->steps } };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (om_streq(line, flags[i].word))
			return *flags[i].flag = true;
	return false;
}

static void read_line(struct golden_case *c, const char *line)
{
	const struct {
		const char *word;
		struct om_str *lines;
	} lists[] = { { "policy ", &c->policy },
		      { "fact ", &c->facts },
		      { "entry ", &c->profile },
		      { "explain ", &c->explain } };
	const char *rest;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if ((rest = om_startswith(line, lists[i].word))) {
			om_str_addf(lists[i].lines, "%s\n", rest);
			return;
		}
	if (*line == '#' || *line == '\0' || read_flag(c, line))
		return;
	if ((rest = om_startswith(line, "include ")))
		read_lines(c, rest, "world");
	else if ((rest = om_startswith(line, "kernels ")))
		(void)snprintf(c->kernels, sizeof(c->kernels), "%s", rest);
	else if ((rest = om_startswith(line, "layout ")))
		(void)snprintf(c->layout, sizeof(c->layout), "%s", rest);
	else if ((rest = om_startswith(line, "only ")))
		(void)snprintf(c->only, sizeof(c->only), "%s", rest);
	else if (!world_line(&c->world, line))
		fail_msg("%s: what is \"%s\"?", c->name, line);
}

static void read_lines(struct golden_case *c, const char *name, const char *suffix)
{
	char *text = read_test_file(CASES, name, suffix), *saved;

	for (char *line = strtok_r(text, "\n", &saved); line;
	     line = strtok_r(NULL, "\n", &saved))
		read_line(c, line);
	free(text);
}

static void case_done(struct golden_case *c)
{
	world_done(&c->world);
	om_str_free(&c->policy);
	om_str_free(&c->facts);
	om_str_free(&c->profile);
	om_str_free(&c->explain);
}

static struct om_profile *load_profile(const struct golden_case *c)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };
	int r;

	if (c->layout[0]) {
		char *text = read_test_file("tests/corpus/yaml", c->layout, "yaml");
		const struct om_layout_args args = { .file = "snap.yaml",
						     .text = text,
						     .size = strlen(text),
						     .revision = "1" };

		r = om_layout_compile(&args, &p, NULL, &e);
		free(text);
	} else {
		r = om_profile_parse("p", om_str_get(&c->profile), c->profile.len, &p,
				     &e);
	}
	if (r < 0)
		fail_msg("%s: %s: %s", c->name, e.where, e.message);
	om_profile_sort(p);
	return p;
}

static void load_facts(const struct golden_case *c, const char *kernel,
		       struct om_facts *facts)
{
	char *text = read_test_file("kernel-matrix/facts", kernel, "yaml");
	char *lines = strdup(om_str_get(&c->facts)), *saved;
	static struct om_record record;
	struct om_error e = { 0 };

	assert_int_equal(om_record_read("facts", text, strlen(text), &record, &e), 0);
	*facts = record.facts;
	free(text);
	for (char *line = strtok_r(lines, "\n", &saved); line;
	     line = strtok_r(NULL, "\n", &saved)) {
		char name[64], state[16], value[64] = "";
		enum om_tristate tristate;

		assert_true(sscanf(line, "%63s %15s %63s", name, state, value) >= 2);
		assert_int_equal(om_tristate_parse(state, &tristate), 0);
		assert_true(om_fact_by_name(name) < _OM_FACT_MAX);
		om_facts_set(facts, om_fact_by_name(name), tristate,
			     value[0] ? value : NULL, "edited");
	}
	free(lines);
}

static void load_policy(const struct golden_case *c, struct om_policy *policy)
{
	struct om_str text = { 0 };
	struct om_error e = { 0 };

	om_str_addf(&text, "schema: overmount.policy/1\n%s", om_str_get(&c->policy));
	if (om_policy_read("policy", om_str_get(&text), text.len, policy, &e) < 0)
		fail_msg("%s: %s: %s", c->name, e.where, e.message);
	if (c->only[0])
		assert_int_equal(om_policy_restrict(policy, c->only), 0);
	policy->root_hole = c->root_hole;
	om_str_free(&text);
}

static void print_reasons(om_why_set all, enum om_why first, struct om_str *out)
{
	om_str_addf(out, " %s", om_why_id(first));
	for (enum om_why why = 0; why < _OM_WHY_MAX; why++)
		if (why != first && (all & OM_WHY_BIT(why)))
			om_str_addf(out, ",%s", om_why_id(why));
	seen |= all;
}

static void print_entry(const struct om_decisions *d, size_t i,
			const struct om_cost *cost, struct om_str *out)
{
	const struct om_decision *decision = &d->entries[i];

	om_str_addf(out, "%s %s %s", om_decisions_entry(d, i)->target,
		    om_strategy_get(decision->strategy)->name, om_why_id(decision->why));
	seen |= OM_WHY_BIT(decision->why);
	if (decision->construction != SIZE_MAX)
		om_str_addf(out, " in %s", om_decisions_hole(d, i)->path);
	if (cost && cost->steps > 0)
		om_str_addf(out, ": %zu steps, %zu mounts, %zu inodes", cost->steps,
			    cost->mounts, cost->inodes);
	for (size_t k = 1; k < decision->n_rejected; k++) {
		om_str_addf(out, "; not %s:",
			    om_strategy_get(decision->rejected[k].strategy)->name);
		print_reasons(decision->rejected[k].all, decision->rejected[k].why, out);
	}
	if (decision->n_rejected > 0)
		seen |= decision->rejected[0].all;
	om_str_add(out, "\n");
}

static struct om_cost *cost_of(const struct om_decisions *d, const struct om_plan *plan)
{
	struct om_cost *costs = calloc(d->scene->n, sizeof(*costs));

	assert_non_null(costs);
	assert_int_equal(om_cost_of_plan(d, plan, costs), 0);
	return costs;
}

/* What each strategy would cost, as `overmount plan --explain` finds it. */
static void compare_costs(const struct om_decisions *d, size_t i,
			  struct om_cost_others *others)
{
	*others = (struct om_cost_others){ 0 };
	for (size_t k = 0; k < ARRAY_SIZE(d->policy->order); k++) {
		enum om_strategy_id id = d->policy->order[k];
		size_t construction = d->entries[i].construction;
		struct om_plan plan = { 0 };
		struct om_cost *costs;

		assert_int_equal(om_expand_as(d, id, &plan), 0);
		costs = cost_of(d, &plan);
		others->known[id] =
			construction != SIZE_MAX &&
			om_construction_asks(&d->constructions.v[construction], id) &&
			d->entries[i].strategy != id;
		others->cost[id] = costs[i];
		free(costs);
		om_plan_done(&plan);
	}
}

static void print_wave(const struct golden_case *c, const struct om_decisions *d,
		       const struct om_plan *plan, struct om_str *out)
{
	struct om_cost *costs = cost_of(d, plan);

	for (size_t i = 0; i < d->scene->n; i++)
		print_entry(d, i, &costs[i], out);
	for (size_t i = 0; i < d->scene->n; i++) {
		struct om_cost_others others;
		char target[1200];

		(void)snprintf(target, sizeof(target), "%s\n",
			       om_decisions_entry(d, i)->target);
		if (!strstr(om_str_get(&c->explain), target))
			continue;
		compare_costs(d, i, &others);
		om_explain(d, i, plan->steps.n > 0 ? &costs[i] : NULL, &others, out);
	}
	for (size_t i = 0; c->steps && i < plan->steps.n; i++) {
		om_step_render(&plan->steps.v[i], "/base", "/stage", out);
		om_str_add(out, "\n");
	}
	free(costs);
}

/* Plans entries first..first+n-1; whether the next wave can follow. */
static bool plan_wave(struct golden_case *c, const struct om_profile *p, size_t first,
		      size_t n, const struct om_facts *facts,
		      const struct om_policy *policy, struct om_str *out)
{
	struct om_scene *scene = world_survey(&c->world, p, first, n);
	struct om_plan plan = { 0 };
	struct om_error e = { 0 };
	struct om_decisions d;
	bool good;

	assert_int_equal(om_decide(p, scene, facts, policy, &d), 0);
	world_list(&c->world, &d, scene);
	good = om_decisions_refusal(&d, &e) == 0;
	if (good)
		assert_int_equal(om_expand(&d, &plan), 0);
	print_wave(c, &d, &plan, out);
	if (good)
		world_apply(&c->world, &d);
	else
		om_str_addf(out, "%s: %s\nfix: %s\n", e.where, e.message, e.fix);
	om_plan_done(&plan);
	om_decisions_done(&d);
	(void)om_scene_free(scene);
	return good;
}

static void plan_on(const char *name, const char *kernel, struct om_str *out)
{
	struct golden_case c = { 0 };
	struct om_policy policy;
	struct om_facts facts;
	struct om_profile *p;
	size_t n;

	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	read_lines(&c, name, "case");
	p = load_profile(&c);
	if (c.make_sources)
		world_make_sources(&c.world, p);
	load_facts(&c, kernel, &facts);
	load_policy(&c, &policy);
	for (size_t first = 0; first < p->n; first += n) {
		n = om_wave_length(p, first);
		if (first > 0)
			om_str_add(out, "then, when that is there\n");
		if (!plan_wave(&c, p, first, n, &facts, &policy, out))
			break;
	}
	om_policy_done(&policy);
	(void)om_profile_free(p);
	case_done(&c);
}

static void compare_golden(const char *name, const char *text)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	char *golden;
	FILE *f;

	if (!getenv("OM_UPDATE_GOLDEN")) {
		golden = read_test_file(CASES, name, "txt");
		if (strcmp(golden, text) != 0)
			fail_msg("%s is otherwise, now:\n%s", name, text);
		free(golden);
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/" CASES "/%s.txt", top ? top : ".", name);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

/* Kernels on which the plan is the same are listed together. */
static void check_case(const char *name, size_t *n_kernels)
{
	struct golden_case c = { .kernels =
					 "5.10 6.1 6.12 6.16 6.17 6.18 7.2 7.3 7.3-rc" };
	struct om_str out = { 0 }, last = { 0 };
	char *saved;

	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	read_lines(&c, name, "case");
	*n_kernels = 0;
	for (char *kernel = strtok_r(c.kernels, " ", &saved); kernel;
	     kernel = strtok_r(NULL, " ", &saved), (*n_kernels)++) {
		struct om_str text = { 0 }, again = { 0 };

		plan_on(name, kernel, &text);
		/* Same inputs, same bytes. */
		plan_on(name, kernel, &again);
		assert_string_equal(om_str_get(&text), om_str_get(&again));
		om_str_free(&again);
		om_str_addf(&out, "== %s%s\n", kernel,
			    om_streq(om_str_get(&text), om_str_get(&last)) ? ": the same"
									   : "");
		if (!om_streq(om_str_get(&text), om_str_get(&last)))
			om_str_add(&out, om_str_get(&text));
		om_str_free(&last);
		last = text;
	}
	compare_golden(name, om_str_get(&out));
	om_str_free(&out);
	om_str_free(&last);
	case_done(&c);
}

static int is_case(const struct dirent *d)
{
	const char *end = strstr(d->d_name, ".case");

	return end && end[5] == '\0';
}

static void test_cases(void **state _unused_)
{
	const char *top = getenv("top_srcdir");
	struct dirent **names;
	size_t on_four = 0;
	char path[512];
	int n;

	(void)snprintf(path, sizeof(path), "%s/" CASES, top ? top : ".");
	n = scandir(path, &names, is_case, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t n_kernels;

		names[i]->d_name[strlen(names[i]->d_name) - STRLEN(".case")] = '\0';
		check_case(names[i]->d_name, &n_kernels);
		on_four += n_kernels >= 4;
		free(names[i]);
	}
	free(names);
	print_message("%d cases, %zu of them on four kernels or more\n", n, on_four);
	for (enum om_why why = 0; why < _OM_WHY_MAX; why++)
		if (!(seen & OM_WHY_BIT(why)))
			fail_msg("reason %s is in no golden", om_why_id(why));
	assert_true(on_four >= LEAST_CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
