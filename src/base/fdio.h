/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole-file reading with a limit.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/macro.h"

/*
 * Repeats a call while a signal interrupts it; not for ever, for who answers EINTR always
 * (a filter, a debugger) would hang us.
 */
#define OM_INTERRUPTS_MAX 128
#define OM_RETRY(call)                                                                   \
	({                                                                               \
		unsigned _tries = 0;                                                     \
		ssize_t _r;                                                              \
                                                                                         \
		do                                                                       \
			_r = (call);                                                     \
		while (_r < 0 && errno == EINTR && ++_tries < OM_INTERRUPTS_MAX);        \
		_r;                                                                      \
	})

/*
 * Reads fd to its end into a malloc'ed, NUL-terminated buffer.  0, -EFBIG above max
 * bytes, -ENOMEM or the errno of read(2).
 */
int om_read_fd(int fd, size_t max, char **ret_data,
	       size_t *ret_size) _nonnull_all_ _must_check_;

/*
 * Opens path below dirfd, not blocking on a fifo, and reads it.  A directory is -EISDIR,
 * another kind that is not a regular file -EINVAL; -EAGAIN when somebody wrote to it
 * meanwhile: then it may be half old and half new.
 */
int om_read_file(int dirfd, const char *path, size_t max, char **ret_data,
		 size_t *ret_size) _nonnull_all_ _must_check_;

/* As om_read_file() for a short text: the newline at the end is cut. */
int om_read_line(int dirfd, const char *path, char *buf,
		 size_t size) _nonnull_all_ _must_check_;

/* Writes all bytes; 0 or the negative errno. */
int om_write_all(int fd, const void *data, size_t size) _nonnull_all_ _must_check_;

/* Is fd the file that the name below dirfd leads to, links not followed?  1, 0 or -errno. */
int om_fd_is_named(int fd, int dirfd, const char *name) _nonnull_all_ _must_check_;
