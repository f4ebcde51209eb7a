/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See file.h.
 */
#include "snapd/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "sys/sys.h"

int om_snapd_read(int host_fd, const char *path, char **ret, size_t *ret_size,
		  struct om_error *e)
{
	int r = om_read_file(host_fd, path, OM_SNAPD_MAX_PROFILE, ret, ret_size);

	return r == 0 || r == -ENOENT
		       ? r
		       : om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot read \"/%s\"", path);
}

int om_snapd_load(int host_fd, const char *path, struct om_snapd_profile *ret,
		  struct om_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = om_snapd_read(host_fd, path, &text, &size, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return om_snapd_profile_parse(ret, path, text, size, e);
}

/*
 * A user who is not root could open by its name what is his for a moment, and write to it
 * later: then it has no name until it is root's.
 */
static int open_new(int dir_fd, const char *name)
{
	int fd = geteuid() == 0
			 ? openat(dir_fd, name,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				  0600)
			 : openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static int give_name(int fd, int dir_fd, const char *name)
{
	return linkat(AT_FDCWD, OM_FD_PATH(fd), dir_fd, name, AT_SYMLINK_FOLLOW) < 0
		       ? -errno
		       : 0;
}

static int write_new(int dir_fd, const char *name, const struct om_str *text)
{
	_cleanup_close_ int fd = open_new(dir_fd, name);
	int r = fd < 0 ? fd : om_write_all(fd, om_str_get(text), text->len);

	/* The mode first: it is only its owner's to change. */
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	/* Without the right to give files away it is ours, which is no less safe. */
	if (r == 0 && fchown(fd, 0, 0) < 0 && errno != EPERM)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r == 0 && geteuid() != 0 ? give_name(fd, dir_fd, name) : r;
}

static int replace(int dir_fd, const char *name, const char *temp,
		   const struct om_str *text)
{
	int r;

	/* Of a process that died here: there is only one at a time, by the lock. */
	(void)unlinkat(dir_fd, temp, 0);
	r = write_new(dir_fd, temp, text);
	if (r == 0 && renameat(dir_fd, temp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, temp, 0);
	return r;
}

/* What has failed once need not fail again, and without it others go by an old one. */
#define MAX_TRIES 3

int om_snapd_save(int host_fd, const char *dir, const char *name,
		  const struct om_str *text, struct om_error *e)
{
	_cleanup_free_ char *temp = om_asprintf("%s.~", name);
	_cleanup_close_ int dir_fd =
		openat(host_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = text->err;

	if (r == 0 && !temp)
		r = -ENOMEM;
	if (r == 0 && dir_fd < 0)
		r = -errno;
	if (r == 0) {
		r = -EIO;
		for (unsigned tries = 0; r < 0 && tries < MAX_TRIES; tries++)
			r = replace(dir_fd, name, temp, text);
	}
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot save \"/%s/%s\"", dir,
				     name)
		     : 0;
}

/* The lock file, made when it is not there, as every tool of snapd does. */
static int open_lock(int host_fd, const char *path)
{
	int fd;

	(void)mkdirat(host_fd, OM_SNAPD_LOCK_DIR, 0700);
	fd = openat(host_fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int om_snapd_lock(int host_fd, const char *name, bool held, int *ret_fd,
		  struct om_error *e)
{
	_cleanup_free_ char *path = om_asprintf(OM_SNAPD_LOCK_DIR "/%s.lock", name);
	_cleanup_close_ int fd = path ? open_lock(host_fd, path) : -ENOMEM;
	int r = fd;

	*ret_fd = -1;
	if (r >= 0)
		r = OM_RETRY(flock(fd, LOCK_EX | (held ? LOCK_NB : 0))) < 0 ? -errno : 0;
	if (r < 0 && !(held && r == -EWOULDBLOCK))
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot lock \"/%s\"",
				     path ? path : OM_SNAPD_LOCK_DIR);
	if (held && r == 0)
		return om_fail(e, OM_ERR_SYSTEM, -EINVAL,
			       "mount namespace of snap \"%s\" is not locked but "
			       "--from-snap-confine was used",
			       name);
	if (!held)
		*ret_fd = TAKE_FD(fd);
	return 0;
}
