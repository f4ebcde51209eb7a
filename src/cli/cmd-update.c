/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount update: from the profile that is applied to another one, in a live namespace.
 */
#include <errno.h>
#include <fcntl.h>

#include "apply/recover.h"
#include "apply/update.h"
#include "base/cleanup.h"
#include "cli/cli.h"

/* The namespace may have been built below another root than the caller has in mind. */
static int check_root(const struct om_cli *cli, const struct om_journal *j,
		      const char *root_path, struct om_error *e)
{
	if (!om_cli_get(cli, OM_OPT_ROOT) || om_streq(root_path, j->root_path))
		return 0;
	(void)om_fail(e, OM_ERR_REFUSED, -EINVAL,
		      "cannot update below %s: what is applied is applied below %s",
		      OM_Q(root_path), OM_Q(j->root_path));
	return -EINVAL;
}

static int open_root(const struct om_cli *cli, const struct om_journal *j,
		     struct om_apply *apply, struct om_error *e)
{
	_cleanup_free_ char *root_path = NULL;
	int r = 0;

	if (om_cli_get(cli, OM_OPT_ROOT)) {
		r = om_cli_open_root(cli, &apply->root_fd, &root_path, e);
		if (r == 0)
			r = check_root(cli, j, root_path, e);
	} else {
		r = apply->root_fd = apply->sys->open(apply->sys, AT_FDCWD, j->root_path,
						      O_PATH | O_DIRECTORY, 0);
		if (r < 0)
			return om_fail_errno(e, OM_ERR_SYSTEM, r,
					     "cannot open the root %s",
					     OM_Q(j->root_path));
	}
	apply->root_path = j->root_path;
	return r < 0 ? r : 0;
}

static int update(const struct om_cli *cli, struct om_changes *c, struct om_state *state,
		  struct om_str *residue, struct om_error *e)
{
	_cleanup_policy_ struct om_policy policy = om_policy_default;
	struct om_facts facts;
	struct om_apply apply;
	int r = om_cli_policy(cli, &policy, e);

	if (r < 0)
		return r;
	om_cli_probe(cli, state->dirfd, om_decide_wants(c->new, &policy), &facts);
	om_apply_init(&apply, &om_sys_linux, &facts);
	r = open_root(cli, c->j, &apply, e);
	apply.policy = &policy;
	apply.journal = c->j;
	apply.build.layers = cli->layers;
	/* In another namespace that name may be another file's, and ours stays where it is. */
	if (!om_cli_get(cli, OM_OPT_NAMESPACE))
		apply.build.layers_path = om_cli_get(cli, OM_OPT_LAYERS_HELPER);
	apply.build.stage_at = state->stage_at;
	apply.build.stage_path = state->stage_name;
	apply.interrupted = om_cli_interrupted;
	c->sys = apply.sys;
	c->root_fd = apply.root_fd;
	if (r == 0)
		r = om_update(&apply, state, c, residue, e);
	om_changes_done(c);
	om_apply_done(&apply);
	return r;
}

/* What is applied in this namespace, whatever an earlier update has left. */
static int load_applied(struct om_state *state, struct om_journal *j,
			struct om_str *residue, struct om_error *e)
{
	int r = om_recover(&om_sys_linux, state, false, j, residue, e);

	if (r < 0 || r == OM_RECOVERED_APPLIED || r == OM_RECOVERED_RESTORED)
		return r < 0 ? r : 0;
	return om_cli_nothing(state, "cannot update: ", e);
}

static int run_update(const struct om_command *command, int argc, char **argv)
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
	_cleanup_profile_ struct om_profile *old = NULL;
	_cleanup_profile_ struct om_profile *new = NULL;
	_cleanup_str_ struct om_str residue = { 0 };
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	struct om_journal j;
	struct om_changes c = { .j = &j };
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 2)
		return om_cli_usage(&cli,
				    "want the profile that is applied, and the new one");
	om_journal_init(&j);
	r = om_cli_open_layers(&cli, &e);
	if (r == 0)
		r = om_cli_load_profile(&cli, cli.argv[0], &old, &e);
	if (r == 0)
		r = om_cli_load_profile(&cli, cli.argv[1], &new, &e);
	om_cli_hold_signals();
	if (r == 0)
		r = om_cli_open_state(&cli, &state, &e);
	if (r == 0)
		r = load_applied(&state, &j, &residue, &e);
	c.old = old;
	c.new = new;
	if (r == 0)
		r = update(&cli, &c, &state, &residue, &e);
	om_journal_done(&j);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot update");
		return om_cli_error(&e, &residue);
	}
	return 0;
}

const struct om_command om_cmd_update = {
	.name = "update",
	.synopsis = "[options] OLD NEW",
	.summary =
		"make what is applied, OLD, be NEW; what changes is missing for a moment",
	.options =
		"     --root DIR          directory below which all paths are (default: as "
		"applied)\n"
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n" OM_HELP_POLICY OM_HELP_PROBING OM_HELP_NAMESPACE OM_HELP_TIMEOUT,
	.run = run_update,
};
