/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See system.h.  om_sys_linux would bring all of src/sys along.
 */
#include "lib/system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* Who has closed a standard stream gets its number: nothing is wrong with that here. */
static int lib_open(const struct om_sys *sys _unused_, int dirfd, const char *path,
		    int flags, mode_t mode)
{
	int fd = openat(dirfd, path, flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

/*
 * The child is made by fork(3), and not by a clone that sends no SIGCHLD: libapparmor wants
 * memory, and after a bare clone another thread may have had its lock.  Until it is reaped all
 * signals wait, so that no handler of the caller runs in the child, and none waits for it.
 */
static int lib_in_child(const struct om_sys *sys, int (*fn)(void *arg), void *arg)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	/* Of this thread: Linux knows no other mask. */
	if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
		return -errno;
	r = om_sys_in_child(sys, fn, arg);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

const struct om_sys *om_lib_sys(void)
{
	static const struct om_sys sys = {
		.open = lib_open,
		.in_child = lib_in_child,
		.apparmor = om_sys_apparmor,
		.apparmor_label = om_sys_apparmor_label,
		.apparmor_change = om_sys_apparmor_change,
		.apparmor_stack = om_sys_apparmor_stack,
		.apparmor_pending = om_sys_apparmor_pending,
	};

	return &sys;
}
