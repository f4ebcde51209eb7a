/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LD_PRELOAD=failmalloc.so OM_FAIL_MALLOC=N[+] COMMAND...: the Nth allocation of COMMAND
 * (with `+`, and every later one) fails with ENOMEM: malloc, calloc and realloc, and so
 * what libc and the libraries allocate with them (strdup, fopen, opendir).  Allocations
 * count from the first umask(3) on, with which overmount begins: memory that is short
 * before that is the loader's affair.  A child goes on with the count of its parent.
 *
 * Exit status: the command's; 200 when it ended by itself after fewer than N allocations.
 * OM_FAIL_MALLOC=0 fails none and tells the number on standard error.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_NOT_REACHED 200

/* glibc's own, under the names that stay when these are replaced. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static unsigned long count, fail_at;
static bool begun, told, fail_on;

static bool must_fail(void)
{
	if (!begun)
		return false;
	count++;
	if (fail_at == 0 || count < fail_at || (count > fail_at && !fail_on))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return must_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return must_fail() ? NULL : __libc_realloc(old, size);
}

mode_t umask(mode_t mask)
{
	const char *n = getenv("OM_FAIL_MALLOC");

	if (n && !begun) {
		fail_at = strtoul(n, NULL, 10);
		fail_on = strchr(n, '+') != NULL;
		begun = told = true;
	}
	return (mode_t)syscall(SYS_umask, mask);
}

/* Not for children that leave by _exit(2), which is theirs to use. */
__attribute__((destructor)) static void tell(void)
{
	unsigned long all = count;

	if (!told)
		return;
	begun = false;
	(void)fflush(NULL);
	if (fail_at == 0)
		(void)fprintf(stderr, "%lu allocations\n", all);
	else if (all < fail_at)
		_exit(EXIT_NOT_REACHED);
}
