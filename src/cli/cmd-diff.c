/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount diff: what an update from one mount profile to another one is.
 */
#include "cli/cli.h"
#include "cli/diff-report.h"

static int run_diff(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_JSON, OM_OPT_PASSWD, OM_OPT_GROUP, 0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_profile_ struct om_profile *old = NULL, *new = NULL;
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 2)
		return om_cli_usage(&cli, "want two profiles, the old and the new one");
	r = om_cli_load_profile(&cli, cli.argv[0], &old, &e);
	if (r == 0)
		r = om_cli_load_profile(&cli, cli.argv[1], &new, &e);
	if (r == 0)
		r = om_diff_report(old, new, om_cli_get(&cli, OM_OPT_JSON) != NULL, &e);
	return r < 0 ? om_cli_error(&e, NULL) : 0;
}

const struct om_command om_cmd_diff = {
	.name = "diff",
	.synopsis = "[options] OLD NEW",
	.summary = "show what an update of a mount profile keeps, undoes and does",
	.options = "     --json              JSON output\n" OM_HELP_OWNERS,
	.run = run_diff,
};
