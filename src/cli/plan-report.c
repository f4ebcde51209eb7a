/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See plan-report.h.
 */
#include "cli/plan-report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"

void om_plan_report_done(struct om_plan_report *report)
{
	for (size_t i = 0; i < report->rows.n; i++)
		free(report->rows.v[i].target);
	om_vec_free(&report->rows);
	om_str_free(&report->steps);
	om_str_free(&report->story);
}

/* Is it one for the construction of an entry, if that has one? */
static bool is_asked(const struct om_decisions *d, size_t construction,
		     enum om_strategy_id id)
{
	return construction != SIZE_MAX &&
	       om_construction_asks(&d->constructions.v[construction], id);
}

static bool is_asked_at_all(const struct om_decisions *d, enum om_strategy_id id)
{
	for (size_t i = 0; i < d->constructions.n; i++)
		if (is_asked(d, i, id))
			return true;
	return false;
}

/* What strategy id would cost for the entries from row first on. */
static int add_other(struct om_plan_report *report, struct om_decisions *d,
		     const struct om_survey *survey, struct om_scene *scene,
		     enum om_strategy_id id, size_t first)
{
	_cleanup_free_ struct om_cost *costs = calloc(scene->n, sizeof(*costs));
	_cleanup_plan_ struct om_plan plan = { 0 };
	int r = costs ? 0 : -ENOMEM;

	for (size_t i = 0; i < d->constructions.n; i++)
		d->constructions.v[i].strategy = id;
	if (r == 0)
		r = om_apply_list_children(survey, d, scene, NULL);
	if (r == 0)
		r = om_expand_as(d, id, &plan);
	if (r == 0)
		r = om_cost_of_plan(d, &plan, costs);
	for (size_t i = 0; r == 0 && i < scene->n; i++) {
		struct om_plan_row *row = &report->rows.v[first + i];

		row->others.known[id] = is_asked(d, d->entries[i].construction, id) &&
					row->decision.strategy != id;
		row->others.cost[id] = costs[i];
	}
	/* What cannot be listed is not known, that is all. */
	return r == -ENOMEM ? r : 0;
}

/* A second look at the same wave, with the children of every hole listed. */
static int add_others(struct om_plan_report *report, const struct om_decisions *d,
		      size_t first)
{
	struct om_survey survey = om_apply_survey(report->apply);
	_cleanup_scene_ struct om_scene *scene = NULL;
	_cleanup_decisions_ struct om_decisions again = { 0 };
	int r;

	/* What others would cost is counted by the names. */
	survey.list = true;
	r = om_scene_survey(&survey, d->profile, d->scene->first, d->scene->n, &scene,
			    NULL);
	if (r == 0)
		r = om_scene_find_submounts(&survey, scene, NULL);
	if (r == 0)
		r = om_decide(d->profile, scene, d->facts, d->policy, &again);
	for (size_t k = 0; r == 0 && k < ARRAY_SIZE(d->policy->order); k++)
		if (is_asked_at_all(&again, d->policy->order[k]))
			r = add_other(report, &again, &survey, scene, d->policy->order[k],
				      first);
	return r == -ENOMEM ? r : 0;
}

static int add_rows(struct om_plan_report *report, const struct om_decisions *d,
		    const struct om_plan *plan)
{
	_cleanup_free_ struct om_cost *costs = calloc(d->scene->n, sizeof(*costs));
	int r = costs ? om_cost_of_plan(d, plan, costs) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < d->scene->n; i++) {
		struct om_plan_row row = {
			.target = strdup(om_decisions_entry(d, i)->target),
			.decision = d->entries[i],
			.planned = plan->steps.n > 0,
			.cost = costs[i],
		};

		r = row.target ? om_vec_push(&report->rows, row) : -ENOMEM;
		if (r < 0)
			free(row.target);
	}
	return r;
}

static void explain(struct om_plan_report *report, const struct om_decisions *d,
		    size_t first)
{
	for (size_t i = 0; i < d->scene->n; i++) {
		const struct om_plan_row *row = &report->rows.v[first + i];

		if (!om_streq(row->target, report->explain))
			continue;
		om_explain(d, i, row->planned ? &row->cost : NULL, &row->others,
			   &report->story);
	}
}

int om_plan_report_observe(const struct om_decisions *d, const struct om_plan *plan,
			   void *arg)
{
	struct om_plan_report *report = arg;
	size_t first = report->rows.n;
	int r = add_rows(report, d, plan);

	if (r == 0 && report->compare && d->constructions.n > 0)
		r = add_others(report, d, first);
	if (r == 0 && report->explain)
		explain(report, d, first);
	for (size_t i = 0; r == 0 && report->want_steps && i < plan->steps.n; i++) {
		om_step_render(&plan->steps.v[i], report->root, report->stage,
			       &report->steps);
		om_str_add(&report->steps, "\n");
		r = report->steps.err;
	}
	return r;
}

static const struct om_column columns[] = { { .name = "TARGET" },
					    { .name = "STRATEGY" },
					    { .name = "STEPS", .right = true },
					    { .name = "MOUNTS", .right = true },
					    { .name = "MEMORY", .right = true },
					    { .name = "WHY" } };

enum { N_COLUMNS = ARRAY_SIZE(columns), N_NUMBERS = 3 };

static void set_cells(const struct om_plan_row *row, char (*numbers)[24],
		      const char **cells)
{
	(void)snprintf(numbers[0], sizeof(*numbers), "%zu", row->cost.steps);
	(void)snprintf(numbers[1], sizeof(*numbers), "%zu", row->cost.mounts);
	(void)snprintf(numbers[2], sizeof(*numbers), "%lluK",
		       (unsigned long long)(row->cost.memory + 1023) / 1024);
	cells[0] = row->target;
	cells[1] = om_strategy_get(row->decision.strategy)->name;
	for (size_t k = 0; k < N_NUMBERS; k++)
		cells[2 + k] = row->planned ? numbers[k] : "-";
	cells[5] = om_why_text(row->decision.why);
}

int om_plan_report_table(const struct om_plan_report *report, struct om_error *e)
{
	size_t n = report->rows.n;
	_cleanup_free_ const char **cells = calloc(n ? n * N_COLUMNS : 1, sizeof(*cells));
	_cleanup_free_ char(*numbers)[24] =
		calloc(n ? n * N_NUMBERS : 1, sizeof(*numbers));

	if (!cells || !numbers)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot print");
	for (size_t i = 0; i < n; i++)
		set_cells(&report->rows.v[i], numbers + i * N_NUMBERS,
			  cells + i * N_COLUMNS);
	return om_table_print("entries", columns, N_COLUMNS, cells, n, false, e);
}

/* A text that lacks a part would be taken for all of it. */
static int print_whole(const struct om_str *text, struct om_error *e)
{
	if (text->err < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, text->err, "cannot print");
	(void)fputs(om_str_get(text), stdout);
	return 0;
}

static void add_cost(struct om_json *j, const struct om_cost *cost)
{
	om_json_number(j, "mounts", (long long)cost->mounts);
	om_json_number(j, "inodes", (long long)cost->inodes);
	om_json_number(j, "kernel_memory", (long long)cost->memory);
}

static void add_rejected(struct om_json *j, const struct om_decision *decision)
{
	om_json_array(j, "rejected");
	for (size_t k = 0; k < decision->n_rejected; k++) {
		om_json_object(j, NULL);
		om_json_string(j, "strategy",
			       om_strategy_get(decision->rejected[k].strategy)->name);
		om_json_string(j, "reason", om_why_id(decision->rejected[k].why));
		om_json_array(j, "reasons");
		for (enum om_why why = 0; why < _OM_WHY_MAX; why++)
			if (decision->rejected[k].all & OM_WHY_BIT(why))
				om_json_string(j, NULL, om_why_id(why));
		om_json_end_array(j);
		om_json_end_object(j);
	}
	om_json_end_array(j);
}

static void add_other_costs(struct om_json *j, const struct om_cost_others *others)
{
	om_json_array(j, "not_taken");
	for (enum om_strategy_id id = 0; id < _OM_STRATEGY_MAX; id++) {
		if (!others->known[id])
			continue;
		om_json_object(j, NULL);
		om_json_string(j, "strategy", om_strategy_get(id)->name);
		add_cost(j, &others->cost[id]);
		om_json_end_object(j);
	}
	om_json_end_array(j);
}

static void add_row(struct om_json *j, const struct om_plan_row *row)
{
	om_json_object(j, NULL);
	om_json_string(j, "target", row->target);
	om_json_string(j, "strategy", om_strategy_get(row->decision.strategy)->name);
	om_json_number(j, "steps", (long long)row->cost.steps);
	om_json_string(j, "reason", om_why_id(row->decision.why));
	om_json_string(j, "why", om_why_text(row->decision.why));
	om_json_string(j, "fix",
		       row->decision.strategy == OM_STRATEGY_REFUSE
			       ? om_why_fix(row->decision.why)
			       : NULL);
	add_rejected(j, &row->decision);
	if (row->planned) {
		om_json_object(j, "cost");
		add_cost(j, &row->cost);
		om_json_end_object(j);
	} else {
		om_json_string(j, "cost", NULL);
	}
	add_other_costs(j, &row->others);
	om_json_end_object(j);
}

/*
 * What is in j so far is printed, and each step when it is there: not the whole text, of
 * which there may be megabytes, a second time in memory.
 */
static int print_steps(struct om_json *j, struct om_str *steps, struct om_error *e)
{
	int r = print_whole(&j->out, e);

	om_str_cut(&j->out, 0);
	for (char *line = steps->s, *end; r == 0 && line && *line; line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		om_json_string(j, NULL, line);
		*end = '\n';
		r = print_whole(&j->out, e);
		om_str_cut(&j->out, 0);
	}
	return r;
}

int om_plan_report_json(struct om_plan_report *report, struct om_error *e)
{
	struct om_json j = { 0 };
	int r;

	om_json_object(&j, NULL);
	om_json_string(&j, "schema", "overmount.plan/1");
	om_json_array(&j, "entries");
	for (size_t i = 0; i < report->rows.n; i++)
		add_row(&j, &report->rows.v[i]);
	om_json_end_array(&j);
	om_json_array(&j, "steps");
	r = print_steps(&j, &report->steps, e);
	om_json_end_array(&j);
	om_json_end_object(&j);
	if (r == 0)
		r = print_whole(&j.out, e);
	om_str_free(&j.out);
	return r;
}

int om_plan_report_story(const struct om_plan_report *report, struct om_error *e)
{
	return print_whole(&report->story, e);
}

void om_plan_report_steps(const struct om_plan_report *report)
{
	(void)fputs(om_str_get(&report->steps), stdout);
}
