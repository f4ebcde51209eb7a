/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See as-root.h.  A process that may give files away, but has no CAP_FOWNER, sets the mode
 * of what is root's by taking it for the moment: only what is being built, which nobody
 * else sees, gets a mode.
 */
#include "snapd/as-root.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sys/caps.h"

static const struct om_sys *base_of(const struct om_sys *sys)
{
	return sys->userdata;
}

static int as_root_mkdir(const struct om_sys *sys, int dirfd, const char *name,
			 mode_t mode)
{
	int r = base_of(sys)->mkdir(base_of(sys), dirfd, name, mode);

	return r < 0 ? r : om_own_name(dirfd, name);
}

static int as_root_mkfile(const struct om_sys *sys, int dirfd, const char *name,
			  mode_t mode)
{
	int r = base_of(sys)->mkfile(base_of(sys), dirfd, name, mode);

	return r < 0 ? r : om_own_name(dirfd, name);
}

static int as_root_symlink(const struct om_sys *sys, const char *content, int dirfd,
			   const char *name)
{
	int r = base_of(sys)->symlink(base_of(sys), content, dirfd, name);

	return r < 0 ? r : om_own_name(dirfd, name);
}

static int as_root_mknod(const struct om_sys *sys, int dirfd, const char *name,
			 mode_t mode, dev_t dev)
{
	int r = base_of(sys)->mknod(base_of(sys), dirfd, name, mode, dev);

	return r < 0 ? r : om_own_name(dirfd, name);
}

static bool is_tmpfs(const char *type)
{
	return om_streq(type, "tmpfs");
}

/* Options that come later count. */
static int as_root_fsopen(const struct om_sys *sys, const char *type)
{
	const struct om_sys *base = base_of(sys);
	int r = 0, fs = base->fsopen(base, type);

	if (fs < 0 || !is_tmpfs(type))
		return fs;
	r = base->fsconfig_string(base, fs, "uid", "0");
	if (r == 0)
		r = base->fsconfig_string(base, fs, "gid", "0");
	return r < 0 ? (om_close(fs), r) : fs;
}

static int as_root_mount(const struct om_sys *sys, const char *source, const char *target,
			 const char *type, unsigned long flags, const char *data)
{
	const struct om_sys *base = base_of(sys);
	_cleanup_free_ char *own = NULL;

	if (!is_tmpfs(type))
		return base->mount(base, source, target, type, flags, data);
	own = om_asprintf("uid=0,gid=0%s%s", data && *data ? "," : "", data ? data : "");
	return own ? base->mount(base, source, target, type, flags, own) : -ENOMEM;
}

/* Takes fd for the time of doing something with it that only its owner may do. */
static int take(int fd, struct stat *ret)
{
	return fstat(fd, ret) < 0 || fchown(fd, geteuid(), getegid()) < 0 ? -errno : 0;
}

static int give_back(int fd, const struct stat *st, int r)
{
	return fchown(fd, st->st_uid, st->st_gid) < 0 && r == 0 ? -errno : r;
}

static int as_root_chmod(const struct om_sys *sys, int fd, mode_t mode)
{
	const struct om_sys *base = base_of(sys);
	int r = base->chmod(base, fd, mode);
	struct stat st;

	if (r != -EPERM)
		return r;
	r = take(fd, &st);
	return r < 0 ? r : give_back(fd, &st, base->chmod(base, fd, mode));
}

static int as_root_setxattr(const struct om_sys *sys, int fd, const char *name,
			    const void *value, size_t size)
{
	const struct om_sys *base = base_of(sys);
	int r = base->setxattr(base, fd, name, value, size);
	struct stat st;

	if (r != -EPERM)
		return r;
	r = take(fd, &st);
	return r < 0 ? r
		     : give_back(fd, &st, base->setxattr(base, fd, name, value, size));
}

void om_snapd_as_root(const struct om_sys *base, struct om_sys *ret)
{
	*ret = *base;
	ret->userdata = (void *)(uintptr_t)base;
	ret->mkdir = as_root_mkdir;
	ret->mkfile = as_root_mkfile;
	ret->symlink = as_root_symlink;
	ret->mknod = as_root_mknod;
	ret->fsopen = as_root_fsopen;
	ret->mount = as_root_mount;
	ret->chmod = as_root_chmod;
	ret->setxattr = as_root_setxattr;
}
