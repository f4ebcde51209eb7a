/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount apply and overmount undo: a profile in the current mount namespace, and back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/recover.h"
#include "apply/state.h"
#include "apply/undo.h"
#include "base/cleanup.h"
#include "cli/cli.h"

/* What an earlier apply left in this namespace: nothing, or a reason to stop. */
static int settle_earlier(struct om_state *state, struct om_str *residue,
			  struct om_error *e)
{
	struct om_journal j;
	int r = om_recover(&om_sys_linux, state, false, &j, residue, e);

	om_journal_done(&j);
	if (r != OM_RECOVERED_APPLIED && r != OM_RECOVERED_RESTORED)
		return r < 0 ? r : 0;
	r = om_fail(e, OM_ERR_REFUSED, -EEXIST,
		    "cannot apply: a profile is applied in this mount namespace already");
	om_error_fix(e, "overmount undo");
	return r;
}

/* Without the commit record the next apply would take this one for a crash. */
static int commit(struct om_apply *apply, struct om_str *residue, struct om_error *e)
{
	const struct om_undo undo = { .sys = apply->sys,
				      .root_fd = apply->root_fd,
				      .root_path = apply->root_path };
	int r = om_journal_commit(apply->journal);

	if (r == 0)
		return 0;
	(void)om_fail_errno(e, OM_ERR_UNDONE, r, "cannot commit the journal");
	if (om_undo(&undo, apply->journal, 0, residue) < 0)
		e->kind = OM_ERR_BROKEN;
	return r;
}

static int apply_profile(const struct om_cli *cli, const struct om_profile *profile,
			 struct om_state *state, struct om_str *residue,
			 struct om_error *e)
{
	_cleanup_free_ char *root_path = NULL;
	struct om_journal_origin origin = { .ns = state->ns, .made_dir = state->made };
	struct om_journal journal;
	_cleanup_policy_ struct om_policy policy = om_policy_default;
	struct om_facts facts;
	struct om_apply apply;
	int root_fd, r;

	r = om_cli_policy(cli, &policy, e);
	if (r == 0)
		r = om_cli_open_root(cli, &root_fd, &root_path, e);
	if (r < 0)
		return r;
	om_cli_probe(cli, state->dirfd, om_decide_wants(profile, &policy), &facts);
	om_apply_init(&apply, &om_sys_linux, &facts);
	apply.root_fd = root_fd;
	apply.root_path = root_path;
	apply.policy = &policy;
	apply.journal = &journal;
	apply.build.layers = cli->layers;
	apply.build.stage_at = state->stage_at;
	apply.build.stage_path = state->stage_name;
	apply.interrupted = om_cli_interrupted;
	origin.root_path = root_path;
	memcpy(origin.boot, state->boot, sizeof(origin.boot));
	r = om_journal_create(&journal, state->dirfd, state->name, &origin, e);
	if (r == 0 && profile->n > 0)
		r = om_apply_or_undo(&apply, profile, residue, e);
	if (r == 0)
		r = commit(&apply, residue, e);
	om_apply_done(&apply);
	/* A journal that stays is one of nothing: the next one to come sees that. */
	if (r < 0 && e->kind != OM_ERR_BROKEN)
		(void)!om_state_forget(state);
	om_journal_done(&journal);
	return r;
}

static int run_apply(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_ROOT,
				       OM_OPT_STATE,
				       OM_OPT_NAMESPACE,
				       OM_OPT_STRATEGY,
				       OM_OPT_POLICY,
				       OM_OPT_ALLOW,
				       OM_OPT_LOAD_MODULES,
				       OM_OPT_APP_LABEL,
				       OM_OPT_LAYERS_HELPER,
				       OM_OPT_TIMEOUT,
				       OM_OPT_PASSWD,
				       OM_OPT_GROUP,
				       0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_profile_ struct om_profile *profile = NULL;
	_cleanup_str_ struct om_str residue = { 0 };
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 1)
		return om_cli_usage(&cli, "want one profile");
	r = om_cli_open_layers(&cli, &e);
	if (r == 0)
		r = om_cli_load_profile(&cli, cli.argv[0], &profile, &e);
	om_cli_hold_signals();
	if (r == 0)
		r = om_cli_open_state(&cli, &state, &e);
	if (r == 0)
		r = settle_earlier(&state, &residue, &e);
	if (r == 0)
		r = apply_profile(&cli, profile, &state, &residue, &e);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot apply");
		return om_cli_error(&e, &residue);
	}
	return 0;
}

static int run_undo(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_STATE, OM_OPT_NAMESPACE, OM_OPT_FORCE,
				       OM_OPT_TIMEOUT, 0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_str_ struct om_str residue = { 0 };
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	bool force = om_cli_get(&cli, OM_OPT_FORCE);
	struct om_error e = { 0 };
	struct om_journal j;
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 0)
		return om_cli_usage(&cli, "want no operand");
	om_journal_init(&j);
	/* Half an undo is worse than one that takes its time. */
	om_cli_hold_signals();
	r = om_cli_open_state(&cli, &state, &e);
	if (r == 0)
		r = om_recover(&om_sys_linux, &state, force, &j, &residue, &e);
	if (r == OM_RECOVERED_NOTHING || r == OM_RECOVERED_DROPPED)
		r = om_cli_nothing(&state, "cannot undo: ", &e);
	else if (r == OM_RECOVERED_APPLIED || r == OM_RECOVERED_RESTORED)
		r = om_recover_undo(&om_sys_linux, &state, force, &j, &residue, &e);
	else if (r == OM_RECOVERED_UNDONE)
		r = 0;
	om_journal_done(&j);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot undo");
		return om_cli_error(&e, &residue);
	}
	/* With --force: what went beside. */
	(void)fputs(om_str_get(&residue), stderr);
	return 0;
}

const struct om_command om_cmd_apply = {
	.name = "apply",
	.synopsis = "[options] PROFILE",
	.summary = "apply a profile in the current mount namespace, all or nothing",
	.options =
		"     --root DIR          directory below which all paths are (default: /)\n"
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n" OM_HELP_POLICY OM_HELP_OWNERS OM_HELP_PROBING OM_HELP_NAMESPACE
			OM_HELP_TIMEOUT,
	.run = run_apply,
};

const struct om_command om_cmd_undo = {
	.name = "undo",
	.synopsis = "[options]",
	.summary = "undo what apply did in the current mount namespace",
	.options =
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n" OM_HELP_FORCE OM_HELP_NAMESPACE OM_HELP_TIMEOUT,
	.run = run_undo,
};
