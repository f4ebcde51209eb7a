/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See state.h.
 */
#include "apply/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probe/cache.h"

#define LOCK_NAME "lock"

static int check_dir(int fd, const char *path, struct om_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot inspect %s",
				     OM_Q(path));
	if (st.st_uid != geteuid() || (st.st_mode & 0022))
		return om_fail(
			e, OM_ERR_SYSTEM, -EPERM,
			"cannot use %s: uid %u mode %04o, want uid %u and not writable "
			"for others",
			OM_Q(path), st.st_uid, st.st_mode & 07777, geteuid());
	return 0;
}

/*
 * The inode of a namespace is reused; the unique id of the mount at its root is not,
 * since every namespace gets its own copies of the mounts.
 */
static int identify_namespace(const struct om_sys *sys, struct om_state *s)
{
	_cleanup_close_ int root = -1;
	struct stat ns;
	bool unique;

	if (stat("/proc/self/ns/mnt", &ns) < 0)
		return -errno;
	(void)snprintf(s->name, sizeof(s->name), "journal.%llu",
		       (unsigned long long)ns.st_ino);
	root = sys->open(sys, AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (root < 0)
		return root;
	return sys->mount_id(sys, root, &s->ns_id, &unique);
}

int om_state_open(const struct om_sys *sys, const char *path, struct om_state *ret,
		  struct om_error *e)
{
	int r;

	*ret = (struct om_state){ .dirfd = -1, .lockfd = -1 };
	if (mkdir(path, 0700) == 0)
		ret->made = true;
	else if (errno != EEXIST)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno,
				     "cannot create the state directory %s", OM_Q(path));
	ret->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret->dirfd < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno,
				     "cannot open the state directory %s", OM_Q(path));
	r = check_dir(ret->dirfd, path, e);
	if (r < 0)
		return r;
	ret->lockfd = openat(ret->dirfd, LOCK_NAME,
			     O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (ret->lockfd < 0 || flock(ret->lockfd, LOCK_EX | LOCK_NB) < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno,
				     "cannot lock the state directory %s", OM_Q(path));
	r = identify_namespace(sys, ret);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot identify the mount namespace");
	return 0;
}

void om_state_forget(struct om_state *s, const char *path)
{
	if (s->name[0])
		(void)unlinkat(s->dirfd, s->name, 0);
	/* With facts in it the directory stays, and then so must the lock that others use. */
	if (!s->made || faccessat(s->dirfd, OM_CACHE_NAME, F_OK, 0) == 0)
		return;
	(void)unlinkat(s->dirfd, LOCK_NAME, 0);
	(void)rmdir(path);
}

void om_state_done(struct om_state *s)
{
	s->lockfd = om_close(s->lockfd);
	s->dirfd = om_close(s->dirfd);
}
