/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See start.h.
 */
#include "cli/start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macro.h"

mode_t om_cli_umask;

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

bool om_cli_start(void)
{
	hold_standard_streams();
	om_cli_umask = umask(0);
	return hold_stack();
}

static const int held_signals[] = { SIGINT, SIGTERM, SIGHUP };

void om_cli_hold_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(held_signals); i++)
		(void)sigaddset(&set, held_signals[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* A limit on the size of files shall be an error of write(2), not our end. */
	(void)signal(SIGXFSZ, SIG_IGN);
}

bool om_cli_interrupted(void)
{
	sigset_t set;

	if (sigpending(&set) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(held_signals); i++)
		if (sigismember(&set, held_signals[i]) == 1)
			return true;
	return false;
}
