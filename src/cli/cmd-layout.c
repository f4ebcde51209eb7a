/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount layout: the `layout:` section of a snap.yaml as a mount profile.
 */
#include <stdio.h>

#include "cli/cli.h"

static int run_layout(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_NAME,	    OM_OPT_REVISION,
				       OM_OPT_COMPAT,	    OM_OPT_INSTANCE_KEY,
				       OM_OPT_PASSWD,	    OM_OPT_GROUP,
				       OM_OPT_EXTRA_LAYOUT, 0 };
	/* Too large for a stack that might be small. */
	static struct om_error_list errors;
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_str_ struct om_str text = { 0 };
	struct om_error e = { 0 };

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 1)
		return om_cli_usage(&cli, "want one snap.yaml");
	if (om_cli_print_layout(&cli, cli.argv[0], &text, &errors, &e) < 0)
		return errors.n > 0 && e.kind == OM_ERR_INPUT ? om_cli_errors(&errors)
							      : om_cli_error(&e, NULL);
	(void)fputs(om_str_get(&text), stdout);
	return 0;
}

const struct om_command om_cmd_layout = {
	.name = "layout",
	.synopsis = "[options] SNAP.yaml",
	.summary = "print the mount profile of a snap's layout",
	.options =
		"     --name NAME         name of the snap (default: from the file)\n"
		"     --revision REV      revision of the snap (default: unset)\n"
		"     --instance-key KEY  key of a parallel instance\n"
		"     --compat snapd      accept and refuse what snapd does\n"
		"     --extra-layout SOURCE:TARGET\n"
		"                         a bind mount besides (may be repeated)\n" OM_HELP_OWNERS,
	.run = run_layout,
};
