/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See confine.h.
 */
#include "confine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define LABEL_SIZE 512
#define STACKED "//&"

/* --- the program -------------------------------------------------------------------------- */

static int open_one(const struct om_sys *sys, const char *path)
{
	_cleanup_close_ int fd = sys->open(sys, AT_FDCWD, path, O_PATH, 0);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_mode & 0111 ? TAKE_FD(fd) : -EACCES;
}

static int find_program(const struct om_sys *sys, const char *name, const char *search)
{
	int found = -ENOENT;

	if (strchr(name, '/'))
		return open_one(sys, name);
	for (const char *dir = search; *name; dir++) {
		size_t n = strcspn(dir, ":");
		/* An empty one is the working directory. */
		_cleanup_free_ char *path =
			om_asprintf("%.*s%s%s", (int)n, dir, n ? "/" : "./", name);
		int fd = path ? open_one(sys, path) : -ENOMEM;

		if (fd >= 0 || fd == -ENOMEM)
			return fd;
		if (fd == -EACCES)
			found = fd;
		dir += n;
		if (*dir == '\0')
			break;
	}
	return found;
}

/* Of files, as exec(3) says it; om_fail_errno() speaks of mounts. */
static int cannot_execute(const char *name, int r, struct om_error *e)
{
	return om_fail(e, OM_ERR_SYSTEM, r, "cannot execute %s: %s", OM_Q(name),
		       strerror(-r));
}

int om_open_program(const struct om_sys *sys, const char *name, const char *search,
		    struct om_error *e)
{
	int fd = find_program(sys, name, search);

	return fd < 0 ? cannot_execute(name, fd, e) : fd;
}

int om_execute_program(int fd, char *const *argv, char *const *envp, struct om_error *e)
{
	int flags = fcntl(fd, F_GETFD), r;
	char path[32];

	(void)fexecve(fd, argv, envp);
	r = -errno;
	/* The interpreter of a script opens it again, which fexecve() has it do in /dev. */
	if (r == -ENOENT && flags >= 0 && fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) == 0) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		(void)execve(path, argv, envp);
		r = -errno;
		(void)fcntl(fd, F_SETFD, flags);
	}
	return cannot_execute(argv[0], r, e);
}

/* --- the label ---------------------------------------------------------------------------- */

struct trial {
	const struct om_sys *sys;
	const struct om_confine *confine;
};

static int change(const struct om_sys *sys, const struct om_confine *confine,
		  bool on_exec)
{
	return confine->stack ? sys->apparmor_stack(sys, confine->label, on_exec)
			      : sys->apparmor_change(sys, confine->label, on_exec);
}

/* Is one of the labels of a stack the one that was asked for? */
static bool has_label(const char *stack, const char *label)
{
	size_t n = strlen(label);

	for (const char *at = stack; at; at = strstr(at, STACKED)) {
		at += at == stack ? 0 : STRLEN(STACKED);
		if (strncmp(at, label, n) == 0 &&
		    (at[n] == '\0' || om_startswith(at + n, STACKED)))
			return true;
	}
	return false;
}

static int try_entering(void *arg)
{
	const struct trial *trial = arg;
	const struct om_sys *sys = trial->sys;
	const char *want = trial->confine->label;
	char label[LABEL_SIZE], mode[16];
	int r = sys->apparmor_label(sys, label, sizeof(label), mode, sizeof(mode));

	/* A copy of this process, which those who have the label already could look into. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (r == 0)
		r = change(sys, trial->confine, false);
	if (r < 0)
		return r;
	r = sys->apparmor_label(sys, label, sizeof(label), mode, sizeof(mode));
	/* Not every profile lets its application read that.  Just now it could be read: so it is
	 * another one, and which one the next exec enters is read with our own label. */
	if (r == -EACCES || r == -EPERM)
		return 0;
	if (r < 0)
		return r;
	return (trial->confine->stack ? has_label(label, want) : om_streq(label, want))
		       ? 0
		       : -EPROTO;
}

static int refuse(const struct om_sys *sys, const struct om_confine *confine, int r,
		  struct om_error *e)
{
	char own[LABEL_SIZE] = "?", mode[16];
	const char *label = confine->label;

	(void)!sys->apparmor_label(sys, own, sizeof(own), mode, sizeof(mode));
	switch (r) {
	case -ENOENT:
		(void)om_fail(e, OM_ERR_REFUSED, r,
			      "cannot enter the AppArmor profile %s: it is not loaded",
			      OM_Q(label));
		om_error_fix(e, "load it with apparmor_parser -r FILE");
		return r;
	case -EACCES:
	case -EPERM:
		(void)om_fail(
			e, OM_ERR_REFUSED, r,
			"cannot enter the AppArmor profile %s: that is not permitted to %s",
			OM_Q(label), OM_Q(own));
		om_error_fix(
			e,
			"add `change_profile -> %s, /proc/[0-9]*/attr/{,apparmor/}{current,exec} "
			"rw,` to that profile; with no_new_privs nothing helps",
			OM_Q(label));
		return r;
	case -EPROTO:
		return om_fail(
			e, OM_ERR_REFUSED, r,
			"cannot enter the AppArmor profile %s: the kernel says that "
			"it is done, and the label is another one",
			OM_Q(label));
	default:
		if (confine->stack && r == -EINVAL)
			return om_fail(
				e, OM_ERR_REFUSED, r,
				"cannot stack the AppArmor profile %s: this kernel "
				"cannot, or that is no label",
				OM_Q(label));
		return om_fail_errno(e, OM_ERR_REFUSED, r,
				     "cannot enter the AppArmor profile %s", OM_Q(label));
	}
}

/* That AppArmor is there at all; libapparmor knows a reason for each of these. */
static int check_enabled(const struct om_sys *sys, const struct om_confine *confine,
			 struct om_error *e)
{
	int r = sys->apparmor(sys);

	if (r == 0)
		return 0;
	(void)om_fail(e, OM_ERR_REFUSED, r,
		      "cannot enter the AppArmor profile %s: AppArmor %s",
		      OM_Q(confine->label),
		      r == -ECANCELED ? "was disabled at boot"
		      : r == -ENOENT  ? "cannot be asked, securityfs is not mounted"
		      : r == -ENOSYS  ? "is not in this kernel"
				      : "cannot be asked");
	om_error_fix(e, "%s",
		     r == -ENOENT ? "mount -t securityfs securityfs /sys/kernel/security"
				  : "boot with apparmor=1 security=apparmor");
	return r;
}

int om_enter_profile(const struct om_sys *sys, const struct om_confine *confine,
		     struct om_error *e)
{
	struct trial trial = { sys, confine };
	char pending[LABEL_SIZE];
	int r = check_enabled(sys, confine, e);

	if (r < 0)
		return r;
	/* Whether that can be read is found out before there is anything to read. */
	r = sys->apparmor_pending(sys, pending, sizeof(pending));
	if (r == 0 || r == -ENODATA)
		r = sys->in_child(sys, try_entering, &trial);
	if (r == 0)
		r = change(sys, confine, true);
	if (r == 0)
		r = sys->apparmor_pending(sys, pending, sizeof(pending));
	if (r == 0 && !has_label(pending, confine->label))
		r = -EPROTO;
	return r < 0 ? refuse(sys, confine, r, e) : 0;
}

int om_execute_in_profile(const struct om_sys *sys, const struct om_confine *confine,
			  const struct om_program *program, struct om_error *e)
{
	_cleanup_close_ int fd = om_open_program(sys, program->name, program->search, e);
	int r = fd < 0 ? fd : om_enter_profile(sys, confine, e);

	return r < 0 ? r : om_execute_program(fd, program->argv, program->envp, e);
}
