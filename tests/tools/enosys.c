/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * enosys WHAT -- COMMAND...: runs COMMAND with system calls answered by ENOSYS, so that
 * the ways for older kernels are tested on any kernel.  WHAT is a comma separated list of
 * names, or a preset: 4.4 (mount(2) only), 4.15 (the same with statx), 5.4 (the first fd mount
 * API, no openat2), 6.1 (all but what came later; nesting still works, that cannot be masked).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/surface.h"

int main(int argc, char **argv)
{
	struct mask mask;

	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		(void)fprintf(stderr, "usage: enosys WHAT -- COMMAND...\n");
		return 2;
	}
	if (!mask_parse(argv[1], &mask))
		return 2;
	if (mask_install(&mask) < 0) {
		perror("enosys: cannot install the filter");
		return 2;
	}
	(void)execvp(argv[3], argv + 3);
	perror("enosys: cannot execute");
	return 127;
}
