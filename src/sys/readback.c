/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See readback.h.
 */
#include "sys/readback.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "profile/profile.h"
#include "sys/sys.h"

static int verdict(bool as_asked)
{
	return as_asked ? 0 : -EPROTO;
}

int om_readback_mode(int fd, mode_t mode)
{
	/* An ordinary user loses this bit for a group that is not the own: chmod(2). */
	mode_t mask = geteuid() == 0 ? 07777 : 07777 & ~(mode_t)S_ISGID;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return verdict((st.st_mode & mask) == (mode & mask));
}

int om_readback_owner(int dirfd, const char *name, int flags, uid_t uid, gid_t gid)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, flags) < 0)
		return -errno;
	return verdict(st.st_uid == uid && st.st_gid == gid);
}

int om_readback_xattr(int fd, const char *name, const void *value, size_t size)
{
	char now[4096];
	ssize_t n;

	/* The kernel keeps its own form of access lists and of capabilities. */
	if (size > sizeof(now) || om_startswith(name, "system.") ||
	    om_streq(name, "security.capability"))
		return 0;
	n = fgetxattr(fd, name, now, sizeof(now));
	if (n < 0)
		return errno == ENODATA ? -EPROTO : -errno;
	return verdict((size_t)n == size && memcmp(now, value, size) == 0);
}

int om_readback_link(int dirfd, const char *name, const char *content)
{
	char now[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, now, sizeof(now));

	if (n < 0)
		return errno == ENOENT ? -EPROTO : -errno;
	return verdict((size_t)n == strlen(content) &&
		       memcmp(now, content, (size_t)n) == 0);
}

int om_readback_node(int dirfd, const char *name, mode_t mode, dev_t dev)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -EPROTO : -errno;
	return verdict((st.st_mode & S_IFMT) == (mode & S_IFMT) && st.st_rdev == dev);
}

int om_readback_gone(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EPROTO;
	return verdict(errno == ENOENT);
}

int om_readback_attr(int fd, unsigned attr)
{
	unsigned now, want = om_attr_visible(attr);
	int r = om_attr_of_fd(fd, &now);

	if (r < 0)
		return r;
	if (attr & OM_ATTR_STRICTATIME && now & (OM_ATTR_NOATIME | OM_ATTR_RELATIME))
		return -EPROTO;
	return verdict((now & want) == want);
}
