/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dispatch table.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

static const struct om_command *const commands[] = {
	&om_cmd_layout, &om_cmd_diff,	 &om_cmd_probe,	 &om_cmd_plan,	&om_cmd_apply,
	&om_cmd_undo,	&om_cmd_recover, &om_cmd_status, &om_cmd_check, &om_cmd_run,
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

/* A file that is opened must not become what messages go to. */
static void hold_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

/* Undo wants no memory, but room on the stack: to die of that half way would be worse. */
#define STACK_LEAST (256 * 1024)
#define STACK_SIZE (1024 * 1024)

static bool hold_stack(void)
{
	struct rlimit limit;
	rlim_t now;

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= STACK_SIZE)
		return true;
	now = limit.rlim_cur;
	limit.rlim_cur = STACK_SIZE;
	if (limit.rlim_max < STACK_SIZE)
		limit.rlim_max = STACK_SIZE;
	if (setrlimit(RLIMIT_STACK, &limit) == 0 || now >= STACK_LEAST)
		return true;
	(void)fprintf(
		stderr,
		"overmount: cannot start: the stack is limited to %llu KiB, want %d\n"
		"fix: ulimit -s %d\n",
		(unsigned long long)now / 1024, STACK_LEAST / 1024, STACK_SIZE / 1024);
	return false;
}

int main(int argc, char **argv)
{
	hold_standard_streams();
	if (!hold_stack())
		return OM_ERR_SYSTEM;
	/* Each name is made with the mode that it shall have, whoever calls. */
	om_cli_umask = umask(0);
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
