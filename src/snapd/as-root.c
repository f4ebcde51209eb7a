/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See as-root.h.  What belongs to root already can be changed only by its owner, which one
 * becomes for a moment: without CAP_FOWNER there is no other way, and nobody else can reach
 * what is being built.
 */
#include "snapd/as-root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

static const struct om_sys *base_of(const struct om_sys *sys)
{
	return sys->userdata;
}

/*
 * Of a name that was made; taken away again when it cannot be.  The group may be that of a
 * directory which hands it down.
 */
static int give(const struct om_sys *sys, int r, int dirfd, const char *name, int flags)
{
	const struct om_sys *base = base_of(sys);
	struct stat st;

	if (r < 0)
		return r;
	r = fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	if (r == 0)
		r = base->chown(base, dirfd, name, 0,
				st.st_gid == getegid() ? 0 : st.st_gid);
	if (r < 0)
		(void)!base->unlink(base, dirfd, name, flags);
	return r;
}

static int make_dir(const struct om_sys *sys, int dirfd, const char *name, mode_t mode)
{
	const struct om_sys *base = base_of(sys);

	return give(sys, base->mkdir(base, dirfd, name, mode), dirfd, name, AT_REMOVEDIR);
}

static int make_file(const struct om_sys *sys, int dirfd, const char *name, mode_t mode)
{
	const struct om_sys *base = base_of(sys);

	return give(sys, base->mkfile(base, dirfd, name, mode), dirfd, name, 0);
}

static int make_link(const struct om_sys *sys, const char *content, int dirfd,
		     const char *name)
{
	const struct om_sys *base = base_of(sys);

	return give(sys, base->symlink(base, content, dirfd, name), dirfd, name, 0);
}

static int make_node(const struct om_sys *sys, int dirfd, const char *name, mode_t mode,
		     dev_t dev)
{
	const struct om_sys *base = base_of(sys);

	return give(sys, base->mknod(base, dirfd, name, mode, dev), dirfd, name, 0);
}

/*
 * Takes what fd is, and says whose it was.  The group, too: nobody can set the set-group-ID
 * bit for one that is not the own.
 */
static int take(int fd, struct stat *was)
{
	if (fstat(fd, was) < 0)
		return -errno;
	return fchown(fd, geteuid(), getegid()) < 0 ? -errno : 0;
}

static int give_back(int fd, const struct stat *was, int r)
{
	return fchown(fd, was->st_uid, was->st_gid) < 0 && r == 0 ? -errno : r;
}

static int change_mode(const struct om_sys *sys, int fd, mode_t mode)
{
	const struct om_sys *base = base_of(sys);
	struct stat was;
	int r = take(fd, &was);

	return r < 0 ? r : give_back(fd, &was, base->chmod(base, fd, mode));
}

static int set_attribute(const struct om_sys *sys, int fd, const char *name,
			 const void *value, size_t size)
{
	const struct om_sys *base = base_of(sys);
	struct stat was;
	int r = take(fd, &was);

	return r < 0 ? r
		     : give_back(fd, &was, base->setxattr(base, fd, name, value, size));
}

/* The root of a tmpfs is its mounter's unless it says whose; what is said later counts. */
static int open_fs(const struct om_sys *sys, const char *type)
{
	const struct om_sys *base = base_of(sys);
	_cleanup_close_ int fs = base->fsopen(base, type);
	int r = fs < 0 ? fs : 0;

	if (r < 0 || !om_streq(type, "tmpfs"))
		return r < 0 ? r : TAKE_FD(fs);
	r = base->fsconfig_string(base, fs, "uid", "0");
	if (r == 0)
		r = base->fsconfig_string(base, fs, "gid", "0");
	return r < 0 ? r : TAKE_FD(fs);
}

static int mount_fs(const struct om_sys *sys, const char *source, const char *target,
		    const char *type, unsigned long flags, const char *data)
{
	const struct om_sys *base = base_of(sys);
	_cleanup_free_ char *all = NULL;

	if (!om_streq(type, "tmpfs"))
		return base->mount(base, source, target, type, flags, data);
	all = om_asprintf("uid=0,gid=0%s%s", data ? "," : "", data ? data : "");
	return all ? base->mount(base, source, target, type, flags, all) : -ENOMEM;
}

void om_snapd_as_root(const struct om_sys *base, struct om_sys *ret)
{
	*ret = *base;
	ret->userdata = (void *)(uintptr_t)base;
	ret->mkdir = make_dir;
	ret->mkfile = make_file;
	ret->symlink = make_link;
	ret->mknod = make_node;
	ret->chmod = change_mode;
	ret->setxattr = set_attribute;
	ret->fsopen = open_fs;
	ret->mount = mount_fs;
}

int om_snapd_make_state_dir(const char *path, struct om_error *e)
{
	_cleanup_free_ char *made = om_asprintf("%s.%d", path, (int)getpid());
	int r = made ? 0 : -ENOMEM;

	if (r < 0 || access(path, F_OK) == 0)
		return r;
	if (mkdir(made, 0700) < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot create %s",
				     OM_Q(made));
	if (chown(made, 0, 0) < 0)
		r = -errno;
	/* Somebody else may have been faster: then that one is it. */
	if (r == 0 && rename(made, path) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		r = -errno;
	(void)rmdir(made);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot create the state directory %s", OM_Q(path))
		     : 0;
}
