/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * failnth [-a] [-l] N ERRNO -- COMMAND...: makes the Nth of the calls that change mounts or
 * files (-a: of all calls behind the first umask(2), with which overmount begins, so that
 * the loader's own are left out) fail with ERRNO (a number) without executing it, counted over the
 * whole process.  With ERRNO 0 the process is killed instead, or with -l the call says that
 * it is done (0) and is not.  Exit status: the
 * command's; 200 when the command made fewer than N such calls; 137 when it was killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault/tracer.h"

#define EXIT_NOT_REACHED 200

int main(int argc, char **argv)
{
	struct tracer_run run = { .only_changes = true };
	bool lie = false;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		if (strcmp(argv[1], "-a") == 0)
			run.only_changes = false;
		else if (strcmp(argv[1], "-l") == 0)
			lie = true;
		else
			break;
	}
	if (argc < 5 || strcmp(argv[3], "--") != 0) {
		(void)fprintf(stderr, "usage: failnth [-a] [-l] N ERRNO -- COMMAND...\n");
		return 2;
	}
	run.argv = (const char *const *)(argv + 4);
	run.at = (unsigned)atoi(argv[1]);
	run.err = atoi(argv[2]);
	run.how = lie ? TRACER_LIE : run.err ? TRACER_ONCE : TRACER_KILL;
	if (tracer_run(&run) < 0)
		return 2;
	return run.reached ? run.status : EXIT_NOT_REACHED;
}
