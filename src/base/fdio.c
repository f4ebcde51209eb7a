/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See fdio.h.
 */
#include "base/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int om_read_fd(int fd, size_t max, char **ret_data, size_t *ret_size)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0, cap = 0;

	for (;;) {
		ssize_t n;

		if (cap - size < 2) {
			size_t want = cap ? cap * 2 : 16384;
			char *grown = realloc(data, want);

			if (!grown)
				return -ENOMEM;
			data = grown;
			cap = want;
		}
		n = OM_RETRY(read(fd, data + size, cap - size - 1));
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
	}
	data[size] = '\0';
	*ret_data = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

/* What the kernel shows (size 0) is another thing at each look, and is not asked. */
static bool was_changed(int fd, const struct stat *before)
{
	struct stat now;

	return before->st_size > 0 && fstat(fd, &now) == 0 &&
	       (now.st_size != before->st_size ||
		now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != before->st_mtim.tv_nsec);
}

int om_read_file(int dirfd, const char *path, size_t max, char **ret_data,
		 size_t *ret_size)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *data = NULL;
	struct stat st;
	int r;

	/* O_NONBLOCK: a fifo in the place of the file must not stop us. */
	fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = om_read_fd(fd, max, &data, ret_size);
	if (r < 0)
		return r;
	if (was_changed(fd, &st))
		return -EAGAIN;
	*ret_data = TAKE_PTR(data);
	return 0;
}

int om_read_line(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	n = OM_RETRY(read(fd, buf, size - 1));
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int om_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = OM_RETRY(write(fd, p, size));

		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int om_fd_is_named(int fd, int dirfd, const char *name)
{
	struct stat st, there;

	if (fstat(fd, &st) < 0 || fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return st.st_dev == there.st_dev && st.st_ino == there.st_ino;
}
