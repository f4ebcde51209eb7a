/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See wrap.h.
 */
#include "fake/wrap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fake_wrap fake_wrap;

/* The names are the linker's. */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n);
char *__wrap_om_asprintf(const char *format, ...);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
ssize_t __real_readlinkat(int dirfd, const char *name, char *buf, size_t size);
ssize_t __wrap_readlinkat(int dirfd, const char *name, char *buf, size_t size);
ssize_t __real_readlink(const char *name, char *buf, size_t size);
ssize_t __wrap_readlink(const char *name, char *buf, size_t size);
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
int __real_om_read_line(int dirfd, const char *path, char *buf, size_t size);
int __wrap_om_read_line(int dirfd, const char *path, char *buf, size_t size);

static bool no_memory(void)
{
	if (fake_wrap.fail_allocation == 0 || --fake_wrap.fail_allocation > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return no_memory() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
	return no_memory() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return no_memory() ? NULL : __real_strndup(text, n);
}

/* vasprintf(3) allocates where no wrap reaches. */
char *__wrap_om_asprintf(const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (no_memory())
		return NULL;
	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

int __wrap_fstat(int fd, struct stat *st)
{
	if (fake_wrap.on_fstat)
		fake_wrap.on_fstat(fd);
	if (fake_wrap.fail_fstat == 0)
		return __real_fstat(fd, st);
	errno = fake_wrap.fail_fstat;
	return -1;
}

ssize_t __wrap_readlinkat(int dirfd, const char *name, char *buf, size_t size)
{
	if (fake_wrap.fail_readlink == 0)
		return __real_readlinkat(dirfd, name, buf, size);
	errno = fake_wrap.fail_readlink;
	return -1;
}

ssize_t __wrap_readlink(const char *name, char *buf, size_t size)
{
	if (fake_wrap.fail_readlink == 0)
		return __real_readlink(name, buf, size);
	errno = fake_wrap.fail_readlink;
	return -1;
}

uid_t __wrap_geteuid(void)
{
	return __real_geteuid() + fake_wrap.other_user;
}

int __wrap_om_read_line(int dirfd, const char *path, char *buf, size_t size)
{
	if (fake_wrap.no_line)
		return -ENOENT;
	if (!fake_wrap.line)
		return __real_om_read_line(dirfd, path, buf, size);
	return (size_t)snprintf(buf, size, "%s", fake_wrap.line) < size ? 0 : -EINVAL;
}
