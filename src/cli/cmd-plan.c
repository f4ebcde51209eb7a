/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount plan: what apply would do and why, without doing it.  When later entries
 * depend on what earlier ones bring, the earlier waves are rehearsed in a mount namespace
 * that dies with this process.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/ns.h"
#include "apply/state.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "strategy/wave.h"

struct row {
	char *target;
	const char *strategy;
	size_t steps;
	enum om_why why;
	size_t entry;
	struct om_decision decision;
};

struct report {
	OM_VEC(struct row) rows;
	OM_VEC(char *) steps; /* rendered */
	const char *root;
	const char *stage;
};

static void report_done(struct report *report)
{
	for (size_t i = 0; i < report->rows.n; i++)
		free(report->rows.v[i].target);
	for (size_t i = 0; i < report->steps.n; i++)
		free(report->steps.v[i]);
	om_vec_free(&report->rows);
	om_vec_free(&report->steps);
}

static size_t count_own(const struct om_plan *plan, size_t entry)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->steps.n; i++)
		n += plan->steps.v[i].entry == entry;
	return n;
}

/* The steps of the construction at hole that no single entry owns. */
static size_t count_shared(const struct om_plan *plan, const char *hole)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];
		bool attach = step->kind == OM_STEP_ATTACH;

		n += step->entry == SIZE_MAX;
		if (attach && step->entry == SIZE_MAX && strcmp(step->path, hole) == 0)
			return n;
		if (attach)
			n = 0;
	}
	return 0;
}

static bool is_first_of_construction(const struct om_decisions *d, size_t i)
{
	size_t construction = d->entries[i].construction;

	if (construction == SIZE_MAX)
		return false;
	for (size_t k = 0; k < i; k++)
		if (d->entries[k].construction == construction)
			return false;
	return true;
}

static int observe(const struct om_decisions *d, const struct om_plan *plan, void *arg)
{
	struct report *report = arg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->scene->n; i++) {
		struct row row = {
			.target = strdup(om_decisions_entry(d, i)->target),
			.strategy = om_strategy_get(d->entries[i].strategy)->name,
			.steps = count_own(plan, d->scene->first + i),
			.why = d->entries[i].why,
			.entry = d->scene->first + i,
			.decision = d->entries[i],
		};

		if (is_first_of_construction(d, i))
			row.steps += count_shared(plan, om_decisions_hole(d, i)->path);
		r = row.target ? om_vec_push(&report->rows, row) : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < plan->steps.n; i++) {
		struct om_str text = { 0 };
		char *line;

		om_step_render(&plan->steps.v[i], report->root, report->stage, &text);
		line = om_str_take(&text);
		r = line ? om_vec_push(&report->steps, line) : -ENOMEM;
	}
	return r;
}

static int print_table(const struct report *report, struct om_error *e)
{
	static const struct om_column columns[] = { { .name = "TARGET" },
						    { .name = "STRATEGY" },
						    { .name = "STEPS", .right = true },
						    { .name = "WHY" } };
	size_t n = report->rows.n;
	_cleanup_free_ const char **cells = calloc(n ? n * 4 : 1, sizeof(*cells));
	_cleanup_free_ char(*numbers)[24] = calloc(n ? n : 1, sizeof(*numbers));

	if (!cells || !numbers)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot print");
	for (size_t i = 0; i < n; i++) {
		const struct row *row = &report->rows.v[i];

		(void)snprintf(numbers[i], sizeof(*numbers), "%zu", row->steps);
		cells[i * 4] = row->target;
		cells[i * 4 + 1] = row->strategy;
		cells[i * 4 + 2] = numbers[i];
		cells[i * 4 + 3] = om_why_text(row->why);
	}
	return om_table_print("entries", columns, ARRAY_SIZE(columns), cells, n, false,
			      e);
}

static void print_reasons(struct om_json *j, om_why_set all)
{
	om_json_array(j, "reasons");
	for (enum om_why why = 0; why < _OM_WHY_MAX; why++)
		if (all & OM_WHY_BIT(why))
			om_json_string(j, NULL, om_why_id(why));
	om_json_end_array(j);
}

static void print_json(const struct report *report)
{
	struct om_json j = { 0 };

	om_json_object(&j, NULL);
	om_json_string(&j, "schema", "overmount.plan/1");
	om_json_array(&j, "entries");
	for (size_t i = 0; i < report->rows.n; i++) {
		const struct row *row = &report->rows.v[i];

		om_json_object(&j, NULL);
		om_json_string(&j, "target", row->target);
		om_json_string(&j, "strategy", row->strategy);
		om_json_number(&j, "steps", (long long)row->steps);
		om_json_string(&j, "reason", om_why_id(row->why));
		om_json_string(&j, "why", om_why_text(row->why));
		om_json_array(&j, "rejected");
		for (size_t k = 0; k < row->decision.n_rejected; k++) {
			om_json_object(&j, NULL);
			om_json_string(
				&j, "strategy",
				om_strategy_get(row->decision.rejected[k].strategy)->name);
			om_json_string(&j, "reason",
				       om_why_id(row->decision.rejected[k].why));
			print_reasons(&j, row->decision.rejected[k].all);
			om_json_end_object(&j);
		}
		om_json_end_array(&j);
		om_json_end_object(&j);
	}
	om_json_end_array(&j);
	om_json_array(&j, "steps");
	for (size_t i = 0; i < report->steps.n; i++)
		om_json_string(&j, NULL, report->steps.v[i]);
	om_json_end_array(&j);
	om_json_end_object(&j);
	(void)fputs(om_str_get(&j.out), stdout);
	om_str_free(&j.out);
}

static int print_report(const struct om_cli *cli, const struct report *report,
			struct om_error *e)
{
	if (om_cli_get(cli, OM_OPT_JSON)) {
		print_json(report);
	} else if (om_cli_get(cli, OM_OPT_STEPS)) {
		for (size_t i = 0; i < report->steps.n; i++)
			(void)puts(report->steps.v[i]);
	} else {
		return print_table(report, e);
	}
	return 0;
}

static int make_plan(const struct om_cli *cli, const struct om_profile *profile,
		     struct report *report, struct om_error *e)
{
	const char *foreign = om_cli_get(cli, OM_OPT_FACTS);
	bool waves = profile->n > 0 && om_wave_length(profile, 0) < profile->n;
	_cleanup_str_ struct om_str residue = { 0 };
	_cleanup_free_ char *root_path = NULL;
	struct om_journal journal;
	struct om_policy policy;
	struct om_facts facts;
	struct om_record record;
	struct om_apply apply;
	int root_fd = -1, r;

	r = om_cli_policy(cli, &policy, e);
	if (r == 0 && foreign)
		r = om_cli_load_record(foreign, &record, e);
	if (r < 0)
		return r;
	/* Before the root is opened: its mount must be the one of the new namespace.  An
	 * ordinary user can probe only in one, but gets a plan without it too. */
	if (waves || geteuid() != 0)
		r = om_ns_enter_new(&om_sys_linux, waves ? e : NULL);
	if (r < 0 && waves)
		return r;
	r = om_cli_open_root(cli, &root_fd, &root_path, e);
	if (r < 0)
		return r;
	om_cli_probe(cli, -1, &facts);
	om_journal_init(&journal);
	om_apply_init(&apply, &om_sys_linux, &facts);
	/* Decided for the other kernel; what must be rehearsed is built as this one can. */
	if (foreign)
		apply.facts = &record.facts;
	apply.root_fd = root_fd;
	apply.root_path = report->root = root_path;
	apply.policy = &policy;
	apply.journal = &journal;
	apply.observe = observe;
	apply.observe_arg = report;
	apply.rehearse_only = true;
	apply.build.stage_path = "/run";
	r = om_apply_profile(&apply, profile, e);
	om_apply_done(&apply);
	om_journal_done(&journal);
	if (r == 0 || e->kind == OM_ERR_REFUSED) {
		int printed = print_report(cli, report, e);

		r = r < 0 ? r : printed;
	}
	report->root = NULL;
	return r;
}

static int run_plan(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = {
		OM_OPT_ROOT,	     OM_OPT_STRATEGY,  OM_OPT_STEPS,
		OM_OPT_JSON,	     OM_OPT_FACTS,     OM_OPT_STATE,
		OM_OPT_LOAD_MODULES, OM_OPT_APP_LABEL, 0
	};
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_profile_ struct om_profile *profile = NULL;
	struct report report = { .stage = "/run/overmount/stage" };
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 1)
		return om_cli_usage(&cli, "want one profile");
	r = om_cli_load_profile(cli.argv[0], &profile, &e);
	if (r == 0)
		r = make_plan(&cli, profile, &report, &e);
	report_done(&report);
	return r < 0 ? om_cli_error(&e, NULL) : 0;
}

const struct om_command om_cmd_plan = {
	.name = "plan",
	.synopsis = "[options] PROFILE",
	.summary = "show the strategy of every entry and why, change nothing",
	.options =
		"     --root DIR          directory below which all paths are (default: /)\n"
		"     --strategy NAME     auto, overlay or mimic\n"
		"     --steps             list every step as a shell command\n"
		"     --json              JSON output\n"
		"     --facts FILE        plan for the kernel whose facts were saved there\n"
		"     --state DIR         directory of cached facts (default: " OM_STATE_DIR
		")\n" OM_HELP_PROBING,
	.run = run_plan,
};
