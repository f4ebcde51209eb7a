/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dispatch table.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

static const struct om_command *const commands[] = {
	&om_cmd_layout, &om_cmd_diff,  &om_cmd_probe,  &om_cmd_plan,
	&om_cmd_apply,	&om_cmd_undo,  &om_cmd_update, &om_cmd_recover,
	&om_cmd_status, &om_cmd_check, &om_cmd_run,    &om_cmd_apparmor,
};

static void print_help(void)
{
	(void)printf("\nUsage:\n overmount <command> [options]\n\n"
		     "Build mount namespaces for confined applications: names that a "
		     "read-only base lacks.\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)printf(" %-8s %s\n", commands[i]->name, commands[i]->summary);
	(void)printf("\nOptions:\n -h, --help     display this help\n"
		     " -V, --version  display version\n\n"
		     "Every command has its own --help.\n");
}

int main(int argc, char **argv)
{
	if (!om_cli_start())
		return OM_ERR_SYSTEM;
	if (argc > 0 && om_streq(basename(argv[0]), "snap-update-ns"))
		return om_cli_snap_update_ns(argc, argv);
	if (argc < 2) {
		(void)fprintf(stderr, "overmount: no command given\n"
				      "Try 'overmount --help' for more information.\n");
		return OM_ERR_INPUT;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help();
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		(void)printf("overmount %s\n", PACKAGE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	(void)fprintf(stderr,
		      "overmount: unknown command %s\n"
		      "Try 'overmount --help' for more information.\n",
		      OM_Q(argv[1]));
	return OM_ERR_INPUT;
}
