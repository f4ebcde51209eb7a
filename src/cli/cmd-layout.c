/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount layout: the `layout:` section of a snap.yaml as a mount profile.
 */
#include <stdio.h>

#include "cli/cli.h"

static int run_layout(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_NAME, OM_OPT_REVISION, OM_OPT_INSTANCE_KEY,
				       0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_profile_ struct om_profile *profile = NULL;
	_cleanup_str_ struct om_str text = { 0 };
	struct om_error e = { 0 };

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 1)
		return om_cli_usage(&cli, "want one snap.yaml");
	if (om_cli_compile_layout(&cli, cli.argv[0], &profile, NULL, &e) < 0)
		return om_cli_error(&e, NULL);
	om_profile_print(profile, &text);
	(void)fputs(om_str_get(&text), stdout);
	return 0;
}

const struct om_command om_cmd_layout = {
	.name = "layout",
	.synopsis = "[options] SNAP.yaml",
	.summary = "print the mount profile of a snap's layout",
	.options = "     --name NAME         name of the snap (default: from the file)\n"
		   "     --revision REV      revision of the snap (default: unset)\n"
		   "     --instance-key KEY  key of a parallel instance\n",
	.run = run_layout,
};
