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
#include "cli/cli.h"
#include "cli/plan-report.h"
#include "strategy/wave.h"

static int print_report(const struct om_cli *cli, struct om_plan_report *report,
			struct om_error *e)
{
	if (om_cli_get(cli, OM_OPT_JSON))
		return om_plan_report_json(report, e);
	if (report->explain)
		return om_plan_report_story(report, e);
	if (!om_cli_get(cli, OM_OPT_STEPS))
		return om_plan_report_table(report, e);
	om_plan_report_steps(report);
	return 0;
}

static int make_plan(const struct om_cli *cli, const struct om_profile *profile,
		     struct om_plan_report *report, struct om_error *e)
{
	const char *foreign = om_cli_get(cli, OM_OPT_FACTS);
	bool waves = profile->n > 0 && om_wave_length(profile, 0) < profile->n;
	_cleanup_str_ struct om_str residue = { 0 };
	_cleanup_free_ char *root_path = NULL;
	struct om_journal journal;
	_cleanup_policy_ struct om_policy policy = om_policy_default;
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
	om_cli_probe(cli, -1, om_decide_wants(profile, &policy), &facts);
	if (!foreign)
		om_cli_probe_module(cli, &facts);
	om_journal_init(&journal);
	om_apply_init(&apply, &om_sys_linux, &facts);
	/* Decided for the other kernel; what must be rehearsed is built as this one can. */
	if (foreign)
		apply.facts = &record.facts;
	apply.root_fd = root_fd;
	apply.root_path = report->root = root_path;
	apply.policy = &policy;
	apply.journal = &journal;
	apply.observe = om_plan_report_observe;
	apply.observe_arg = report;
	report->apply = &apply;
	apply.rehearse_only = true;
	apply.build.layers = cli->layers;
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

static int count_forms(const struct om_cli *cli)
{
	static const enum om_cli_option forms[] = { OM_OPT_EXPLAIN, OM_OPT_STEPS,
						    OM_OPT_JSON };
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		n += om_cli_get(cli, forms[i]) != NULL;
	return n;
}

static int find_target(const struct om_profile *profile, const char *target,
		       struct om_error *e)
{
	for (size_t i = 0; i < profile->n; i++)
		if (om_streq(profile->entries[i].target, target))
			return 0;
	(void)om_fail(e, OM_ERR_INPUT, -ENOENT,
		      "cannot explain %s: it is the target of no entry", OM_Q(target));
	om_error_where(e, profile->name, 0, 0, NULL);
	om_error_fix(e, "overmount plan PROFILE lists the targets");
	return -ENOENT;
}

static int run_plan(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = {
		OM_OPT_ROOT,	  OM_OPT_STRATEGY,	OM_OPT_POLICY,
		OM_OPT_ALLOW,	  OM_OPT_STEPS,		OM_OPT_JSON,
		OM_OPT_FACTS,	  OM_OPT_STATE,		OM_OPT_LOAD_MODULES,
		OM_OPT_APP_LABEL, OM_OPT_LAYERS_HELPER, OM_OPT_EXPLAIN,
		OM_OPT_PASSWD,	  OM_OPT_GROUP,		0
	};
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_profile_ struct om_profile *profile = NULL;
	struct om_plan_report report = { .stage = "/run/overmount/stage" };
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 1)
		return om_cli_usage(&cli, "want one profile");
	if (count_forms(&cli) > 1)
		return om_cli_usage(&cli, "want one of --explain, --steps and --json");
	report.explain = om_cli_get(&cli, OM_OPT_EXPLAIN);
	report.want_steps = om_cli_get(&cli, OM_OPT_JSON) ||
			    om_cli_get(&cli, OM_OPT_STEPS);
	report.compare = report.explain || om_cli_get(&cli, OM_OPT_JSON);
	r = om_cli_open_layers(&cli, &e);
	if (r == 0)
		r = om_cli_load_profile(&cli, cli.argv[0], &profile, &e);
	if (r == 0 && report.explain)
		r = find_target(profile, report.explain, &e);
	if (r == 0)
		r = make_plan(&cli, profile, &report, &e);
	om_plan_report_done(&report);
	return r < 0 ? om_cli_error(&e, NULL) : 0;
}

const struct om_command om_cmd_plan = {
	.name = "plan",
	.synopsis = "[options] PROFILE",
	.summary = "show the strategy of every entry and why, change nothing",
	.options =
		"     --root DIR          directory below which all paths are (default: /)\n" OM_HELP_POLICY
		"     --explain TARGET    tell the story of one entry\n"
		"     --steps             list every step as a shell command\n"
		"     --json              JSON output\n"
		"     --facts FILE        plan for the kernel whose facts were saved there\n"
		"     --state DIR         directory of cached facts (default: " OM_STATE_DIR
		")\n" OM_HELP_OWNERS OM_HELP_PROBING,
	.run = run_plan,
};
