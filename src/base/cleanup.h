/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Automatic release of local resources, and the hand-over that cancels it.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"

/* Closes an fd, keeps errno (close(2) may clobber it on NFS), returns -1 to store back. */
static inline int om_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
	}
	return -1;
}

static inline void om_free_p(void *p)
{
	free(*(void **)p);
}

static inline void om_close_p(int *fd)
{
	(void)om_close(*fd);
}

static inline void om_fclose_p(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void om_closedir_p(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* As fdopendir(3), but fd is closed on failure too: it is handed over in any case. */
static inline DIR *om_fdopendir(int fd)
{
	DIR *stream = fdopendir(fd);

	if (!stream)
		(void)om_close(fd);
	return stream;
}

#define _cleanup_free_ _cleanup_(om_free_p)
#define _cleanup_close_ _cleanup_(om_close_p)
#define _cleanup_fclose_ _cleanup_(om_fclose_p)
#define _cleanup_closedir_ _cleanup_(om_closedir_p)

#define TAKE_GENERIC(var, type, none)                                                    \
	({                                                                               \
		type *om_take_ = &(var);                                                 \
		type om_taken_ = *om_take_;                                              \
		*om_take_ = (none);                                                      \
		om_taken_;                                                               \
	})
/* Hands a pointer or an fd over: the local no longer owns it. */
#define TAKE_PTR(p) TAKE_GENERIC(p, typeof(p), NULL)
#define TAKE_FD(fd) TAKE_GENERIC(fd, int, -1)
