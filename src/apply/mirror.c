/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See mirror.h.  Access to a merged directory is decided by its topmost layer: a skeleton
 * directory with laxer rights than the one below would open it.
 */
#include "apply/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"
#include "probe/chase.h"

int om_tolerate_unmapped(int r)
{
	return r == -EINVAL && geteuid() != 0 ? 0 : r;
}

/* chmod and xattrs want an fd that was really opened. */
static int reopen(const struct om_sys *sys, int fd)
{
	return sys->open(sys, fd, ".", O_RDONLY | O_DIRECTORY, 0);
}

int om_set_mode(const struct om_sys *sys, int fd, mode_t mode)
{
	_cleanup_close_ int dir = reopen(sys, fd);

	return dir < 0 ? dir : sys->chmod(sys, dir, mode);
}

int om_set_owner_mode(const struct om_sys *sys, int fd, uid_t uid, gid_t gid, mode_t mode)
{
	_cleanup_close_ int dir = reopen(sys, fd);
	struct stat now;
	int r = 0;

	if (dir < 0)
		return dir;
	/* A directory with the set-group-ID bit hands its group down. */
	if (fstat(dir, &now) < 0)
		return -errno;
	if (now.st_uid != uid || now.st_gid != gid)
		r = om_tolerate_unmapped(sys->chown(sys, dir, "", uid, gid));
	/* After chown, which clears bits. */
	return r < 0 ? r : sys->chmod(sys, dir, mode);
}

/* A security module may keep its own; a user namespace may not have the right. */
static bool may_lack(const char *name)
{
	return om_startswith(name, "security.") || geteuid() != 0;
}

static int copy_xattr(const struct om_sys *sys, int from, int to, const char *name)
{
	char value[4096];
	ssize_t n;
	int r;

	/* An overlay's own marks are not attributes of the directory. */
	if (om_startswith(name, "trusted.overlay.") ||
	    om_startswith(name, "user.overlay."))
		return 0;
	n = fgetxattr(from, name, value, sizeof(value));
	if (n < 0)
		return errno == ENODATA || (errno == EPERM && may_lack(name)) ? 0
									      : -errno;
	r = sys->setxattr(sys, to, name, value, (size_t)n);
	/* tmpfs has user.* only from 6.6 on. */
	return r == -EOPNOTSUPP || (r == -EPERM && may_lack(name)) ? 0 : r;
}

static int copy_xattrs(const struct om_sys *sys, int from, int to)
{
	char names[8192];
	ssize_t n = flistxattr(from, names, sizeof(names));
	int r = 0;

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *p = names; r == 0 && p < names + n; p += strlen(p) + 1)
		r = copy_xattr(sys, from, to, p);
	return r;
}

int om_mirror(const struct om_sys *sys, int root_fd, const char *path, int fd)
{
	_cleanup_close_ int look =
		om_open_beneath(sys, root_fd, path, O_PATH | O_DIRECTORY);

	return look < 0 ? look : om_mirror_fd(sys, look, fd);
}

int om_mirror_fd(const struct om_sys *sys, int look, int fd)
{
	_cleanup_close_ int from = -1;
	_cleanup_close_ int to = -1;
	struct stat st;
	int r;

	if (fstat(look, &st) < 0)
		return -errno;
	to = reopen(sys, fd);
	if (to < 0)
		return to;
	from = reopen(sys, look);
	/* An ordinary user may not read it: then there is nothing to be seen of it either. */
	if (from < 0 && from != -EACCES)
		return from;
	r = from < 0 ? 0 : copy_xattrs(sys, from, to);
	return r < 0 ? r
		     : om_set_owner_mode(sys, to, st.st_uid, st.st_gid,
					 st.st_mode & 07777);
}

int om_make_parents(const struct om_sys *sys, int base, const char *path)
{
	char part[OM_MAX_PATH + 1];
	size_t depth = om_path_depth(path);

	for (size_t i = 1; i < depth; i++) {
		size_t n = om_path_prefix_len(path, i);
		int r;

		memcpy(part, path + 1, n - 1);
		part[n - 1] = '\0';
		r = sys->mkdir(sys, base, part, 0755);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}
