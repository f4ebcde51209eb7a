/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount layout: the `layout:` section of a snap.yaml as a mount profile, the way back,
 * and what an update from one snap.yaml to another one is.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/diff-report.h"

/* Too large for a stack that might be small. */
static struct om_error_list errors;

static int fail(const struct om_error *e)
{
	return errors.n > 0 && e->kind == OM_ERR_INPUT ? om_cli_errors(&errors)
						       : om_cli_error(e, NULL);
}

static int run_diff(const struct om_cli *cli)
{
	_cleanup_profile_ struct om_profile *old = NULL, *new = NULL;
	struct om_error e = { 0 };
	int r;

	if (cli->argc != 2)
		return om_cli_usage(cli,
				    "want two files snap.yaml, the old and the new one");
	if (om_cli_get(cli, OM_OPT_INTERFACES))
		return om_cli_usage(cli, "--diff does not go with --interfaces");
	r = om_cli_compile_revision(cli, cli->argv[0],
				    om_cli_get(cli, OM_OPT_OLD_REVISION), &old, &errors,
				    &e);
	if (r == 0)
		r = om_cli_compile_revision(cli, cli->argv[1],
					    om_cli_get(cli, OM_OPT_REVISION), &new,
					    &errors, &e);
	if (r == 0)
		r = om_diff_report(old, new, om_cli_get(cli, OM_OPT_JSON) != NULL, &e);
	return r < 0 ? fail(&e) : 0;
}

static int run_print(const struct om_cli *cli)
{
	bool reverse = om_cli_get(cli, OM_OPT_FROM_PROFILE) != NULL;
	_cleanup_str_ struct om_str text = { 0 };
	struct om_error e = { 0 };
	int r;

	if (cli->argc != 1)
		return om_cli_usage(cli,
				    reverse ? "want one profile" : "want one snap.yaml");
	if (om_cli_get(cli, OM_OPT_JSON) || om_cli_get(cli, OM_OPT_OLD_REVISION))
		return om_cli_usage(cli, "--json and --old-revision go with --diff");
	r = reverse ? om_cli_reverse_layout(cli, cli->argv[0], &text, &errors, &e)
		    : om_cli_print_layout(cli, cli->argv[0], &text, &errors, &e);
	if (r < 0)
		return fail(&e);
	(void)fputs(om_str_get(&text), stdout);
	return 0;
}

/* A profile is all that there is, and a layout is all that comes of it. */
static int check_reverse(const struct om_cli *cli)
{
	static const enum om_cli_option others[] = { OM_OPT_DIFF, OM_OPT_BASE_LAYOUT,
						     OM_OPT_BASE_REVISION,
						     OM_OPT_INTERFACES };

	if (!om_cli_get(cli, OM_OPT_FROM_PROFILE))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (om_cli_get(cli, others[i]) || cli->n_list > 0)
			return om_cli_usage(cli,
					    "--from-profile does not go with --diff, "
					    "--base-layout, --extra-layout and "
					    "--interfaces");
	return 0;
}

static int run_layout(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = {
		OM_OPT_NAME,	     OM_OPT_REVISION,	   OM_OPT_COMPAT,
		OM_OPT_INSTANCE_KEY, OM_OPT_PASSWD,	   OM_OPT_GROUP,
		OM_OPT_EXTRA_LAYOUT, OM_OPT_DIFF,	   OM_OPT_OLD_REVISION,
		OM_OPT_BASE_LAYOUT,  OM_OPT_BASE_REVISION, OM_OPT_FROM_PROFILE,
		OM_OPT_JSON,	     OM_OPT_INTERFACES,	   0
	};
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	r = check_reverse(&cli);
	if (r != 0)
		return r;
	return om_cli_get(&cli, OM_OPT_DIFF) ? run_diff(&cli) : run_print(&cli);
}

const struct om_command om_cmd_layout = {
	.name = "layout",
	.synopsis = "[options] SNAP.yaml, --diff OLD.yaml NEW.yaml, or\n"
		    "                  --from-profile PROFILE",
	.summary = "print the mount profile of a snap's layout",
	.options =
		"     --name NAME         name of the snap (default: from the file)\n"
		"     --revision REV      revision of the snap (default: unset)\n"
		"     --instance-key KEY  key of a parallel instance\n"
		"     --compat snapd      accept and refuse what snapd does\n"
		"     --compat proposal   accept the first proposal of layouts besides\n"
		"     --base-layout FILE  snap.yaml of the base, whose layout goes below\n"
		"     --base-revision REV revision of the base (default: unset)\n"
		"     --extra-layout SOURCE:TARGET\n"
		"                         a bind mount besides (may be repeated)\n"
		"     --interfaces FILE   a profile of what interfaces bring, which goes\n"
		"                           behind the layout as snapd puts it there\n" OM_HELP_OWNERS
		"     --diff              show what an update from OLD to NEW keeps, undoes\n"
		"                           and does\n"
		"     --old-revision REV  revision of OLD (default: unset)\n"
		"     --json              JSON output of --diff\n"
		"     --from-profile      print the layout that yields a profile\n",
	.run = run_layout,
};
