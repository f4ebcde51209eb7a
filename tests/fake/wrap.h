/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no privilege, no file and no kernel brings about: memory that is gone, an fstat(2)
 * that fails, files of somebody else, a module's parameter.  The linker puts these in the
 * place of the real functions (--wrap), in programs that link with $(fake_wrap).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct fake_wrap {
	unsigned fail_allocation; /* 1: the next one, and it alone; 0: none */
	int fail_fstat;		  /* an errno, or 0 */
	void (*on_fstat)(int fd); /* called before, or NULL */
	int fail_readlink;	  /* likewise: readlink(2), readlinkat(2) */
	bool other_user;	  /* geteuid() is one higher than it is */
	const char *line;	  /* what om_read_line() reads, or NULL: the file */
	bool no_line;		  /* which does not exist */
};
extern struct fake_wrap fake_wrap;
