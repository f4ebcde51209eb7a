/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See ns.h.
 */
#include "apply/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"

/* What an administrator has set that forbids user namespaces. */
static const char *userns_obstacle(void)
{
	static const struct {
		const char *path;
		const char *bad;
		const char *text;
	} knobs[] = {
		{ "/proc/sys/kernel/unprivileged_userns_clone", "0",
		  "kernel.unprivileged_userns_clone is 0" },
		{ "/proc/sys/user/max_user_namespaces", "0",
		  "user.max_user_namespaces is 0" },
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
		  "kernel.apparmor_restrict_unprivileged_userns is 1" },
	};
	char value[16];

	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++)
		if (om_read_line(AT_FDCWD, knobs[i].path, value, sizeof(value)) == 0 &&
		    om_streq(value, knobs[i].bad))
			return knobs[i].text;
	return "the kernel or a security module forbids user namespaces";
}

int om_ns_enter_new(const struct om_sys *sys, struct om_error *e)
{
	int r = sys->unshare(sys, CLONE_NEWNS);

	if (r == -EPERM) {
		r = sys->unshare_user(sys);
		if (r < 0) {
			(void)om_fail(e, OM_ERR_SYSTEM, r,
				      "cannot make a user namespace: %s",
				      userns_obstacle());
			om_error_fix(e, "run as root, or allow user namespaces");
			return r;
		}
	} else if (r < 0) {
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot make a mount namespace");
	}
	r = sys->mount(sys, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot make the namespace private");
	return 0;
}

/* The mount just made at path: the same directory, reached again. */
static int reopen(const struct om_sys *sys, int dir_fd, const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat before, after;

	fd = sys->open(sys, AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (fstat(dir_fd, &before) < 0 || fstat(fd, &after) < 0)
		return -errno;
	if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
		return -ESTALE;
	return TAKE_FD(fd);
}

int om_ns_clone_root(const struct om_sys *sys, int dir_fd, const char *path,
		     struct om_error *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	fd = sys->open_tree(sys, dir_fd, "", true);
	r = fd < 0 ? fd : sys->move_mount(sys, fd, dir_fd, "");
	if (fd == -ENOSYS) {
		r = sys->mount(sys, OM_FD_PATH(dir_fd), OM_FD_PATH(dir_fd), NULL,
			       MS_BIND | MS_REC, NULL);
		if (r == 0)
			r = fd = reopen(sys, dir_fd, path);
	}
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot use %s as the root",
				     OM_Q(path));
	return TAKE_FD(fd);
}
