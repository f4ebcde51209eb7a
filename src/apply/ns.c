/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See ns.h.
 */
#include "apply/ns.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
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

void om_ns_done(struct om_ns *ns)
{
	ns->fd = om_close(ns->fd);
}

/* -EINVAL for what is not a mount namespace. */
static int take(int fd, struct om_ns *ret)
{
	struct stat st;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNS || fstat(fd, &st) < 0) {
		(void)om_close(fd);
		return -EINVAL;
	}
	*ret = (struct om_ns){ .fd = fd, .inode = st.st_ino };
	return 0;
}

int om_ns_open(const char *text, struct om_ns *ret, struct om_error *e)
{
	unsigned long long pid;
	char path[48];
	int r;

	*ret = (struct om_ns){ .fd = -1 };
	if (om_parse_number(text, 10, INT_MAX, &pid) == 0) {
		(void)snprintf(path, sizeof(path), "/proc/%llu/ns/mnt", pid);
		r = take(open(path, O_RDONLY | O_CLOEXEC), ret);
	} else {
		r = take(open(text, O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret);
	}
	if (r == -EINVAL)
		return om_fail(e, OM_ERR_INPUT, r,
			       "cannot join %s: it is no mount namespace", OM_Q(text));
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot open the mount namespace %s", OM_Q(text))
		     : 0;
}

/* Opens the file if it is that namespace; 0 when found. */
static int try_file(const char *path, uint64_t inode, struct om_ns *ret)
{
	struct stat st;

	if (stat(path, &st) < 0 || st.st_ino != inode)
		return -ENOENT;
	if (take(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret) < 0)
		return -ENOENT;
	return 0;
}

static int try_pins(const char *pid, uint64_t inode, struct om_ns *ret)
{
	_cleanup_free_ char *table = om_asprintf("/proc/%s/mountinfo", pid);
	_cleanup_free_ char *root = om_asprintf(" mnt:[%" PRIu64 "] ", inode);
	_cleanup_fclose_ FILE *f = table && root ? fopen(table, "re") : NULL;
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int r = -ENOENT;

	while (r < 0 && f && getline(&line, &size, f) > 0) {
		_cleanup_free_ char *path = NULL;
		char *point = strstr(line, root);

		if (!point)
			continue;
		point += strlen(root);
		point[strcspn(point, " ")] = '\0';
		path = om_asprintf("/proc/%s/root%s", pid, point);
		if (path)
			r = try_file(path, inode, ret);
	}
	return r;
}

static int try_fds(const char *pid, uint64_t inode, struct om_ns *ret)
{
	_cleanup_free_ char *dir = om_asprintf("/proc/%s/fd", pid);
	_cleanup_closedir_ DIR *fds = dir ? opendir(dir) : NULL;
	const struct dirent *d;
	int r = -ENOENT;

	while (r < 0 && fds && (d = readdir(fds))) {
		_cleanup_free_ char *path = om_asprintf("%s/%s", dir, d->d_name);
		char want[48], link[48];
		ssize_t n = path ? readlink(path, link, sizeof(link) - 1) : -1;

		(void)snprintf(want, sizeof(want), "mnt:[%" PRIu64 "]", inode);
		link[n < 0 ? 0 : n] = '\0';
		if (om_streq(link, want))
			r = try_file(path, inode, ret);
	}
	return r;
}

int om_ns_find(uint64_t inode, struct om_ns *ret)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	const struct dirent *d;
	int r = -ENOENT;

	*ret = (struct om_ns){ .fd = -1, .inode = inode };
	if (!proc)
		return -errno;
	while (r < 0 && (d = readdir(proc))) {
		_cleanup_free_ char *path = NULL;

		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		path = om_asprintf("/proc/%s/ns/mnt", d->d_name);
		if (!path)
			return -ENOMEM;
		r = try_file(path, inode, ret);
		if (r < 0)
			r = try_pins(d->d_name, inode, ret);
		if (r < 0)
			r = try_fds(d->d_name, inode, ret);
	}
	return r;
}
