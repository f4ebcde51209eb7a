/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See state.h.
 */
#include "apply/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
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
	int r;

	if (stat("/proc/self/ns/mnt", &ns) < 0)
		return -errno;
	(void)snprintf(s->name, sizeof(s->name), "journal.%llu",
		       (unsigned long long)ns.st_ino);
	root = sys->open(sys, AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (root < 0)
		return root;
	r = sys->mount_id(sys, root, &s->ns.id, &s->ns.unique);
	/* Each kind is compared with what was written down of its kind. */
	if (r == 0 && s->ns.unique)
		return sys->statx_mount_id(sys, root, false, &s->ns_table_id);
	s->ns_table_id = s->ns.id;
	return r;
}

/* Who holds the lock, for people only: the process may be gone when they read it. */
static int refuse_locked(const struct om_state *s, const char *path, struct om_error *e)
{
	char pid[16] = "", name[32] = "", file[48], bare[64] = "";
	int r;

	if (om_read_line(s->dirfd, LOCK_NAME, pid, sizeof(pid)) == 0 && *pid) {
		(void)snprintf(file, sizeof(file), "/proc/%.10s/comm", pid);
		if (om_read_line(AT_FDCWD, file, name, sizeof(name)) < 0)
			name[0] = '\0';
	}
	if (*name)
		(void)om_bare(bare, sizeof(bare), name);
	r = om_fail(e, OM_ERR_SYSTEM, -EWOULDBLOCK,
		    "cannot lock the state directory %s: %s%s%s%s%s holds it", OM_Q(path),
		    *pid ? "process " : "another process", pid, *bare ? " (" : "", bare,
		    *bare ? ")" : "");
	om_error_fix(e, "wait for it, or give --timeout SECONDS");
	return r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* flock(2) that gives up; polled, since a signal would be the program's, not ours. */
static int wait_for_lock(int fd, unsigned timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (now_ms() >= end)
			return -EWOULDBLOCK;
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

/* Is the lock that we hold the one that others would take? */
static bool is_current(const struct om_state *s)
{
	struct stat held, there;

	return fstat(s->lockfd, &held) == 0 &&
	       fstatat(s->dirfd, LOCK_NAME, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

static void name_holder(const struct om_state *s)
{
	char pid[16];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	/* Only for a message: that it cannot be written hinders nobody. */
	if (ftruncate(s->lockfd, 0) == 0)
		(void)!pwrite(s->lockfd, pid, (size_t)n, 0);
}

/* -ESTALE when the holder before us has removed the directory or the lock meanwhile. */
static int open_locked(const char *path, unsigned timeout_ms, struct om_state *ret,
		       struct om_error *e)
{
	int r;

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
	r = ret->lockfd < 0 ? -errno : wait_for_lock(ret->lockfd, timeout_ms);
	if (r == -EWOULDBLOCK)
		return refuse_locked(ret, path, e);
	if (r == -ENOENT || (r == 0 && !is_current(ret)))
		return -ESTALE;
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot lock the state directory %s", OM_Q(path));
	name_holder(ret);
	return 0;
}

int om_state_open(const struct om_sys *sys, const char *path, unsigned timeout_ms,
		  struct om_state *ret, struct om_error *e)
{
	int r = -ESTALE;

	for (unsigned tries = 0; r == -ESTALE && tries < 16; tries++) {
		if (tries > 0)
			om_state_done(ret);
		*ret = (struct om_state){ .dirfd = -1, .lockfd = -1 };
		r = open_locked(path, timeout_ms, ret, e);
	}
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot lock the state directory %s", OM_Q(path));
	r = identify_namespace(sys, ret);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot identify the mount namespace");
	return 0;
}

int om_state_load_journal(struct om_state *s, struct om_journal *j, struct om_error *e)
{
	int r = om_journal_load(j, s->dirfd, s->name, e);

	if (r < 0)
		return r;
	if (j->ns.unique && !s->ns.unique) {
		r = om_fail(
			e, OM_ERR_REFUSED, -ENODATA,
			"cannot tell whether the journal %s is of this mount namespace: "
			"it has ids of mounts that cannot be asked for now",
			OM_Q(s->name));
		om_error_fix(e, "run this where apply was run: a filter of system calls "
				"may hide statx");
		return r;
	}
	if (j->ns.id == (j->ns.unique ? s->ns.id : s->ns_table_id))
		return 0;
	(void)unlinkat(s->dirfd, s->name, 0);
	return -ENOENT;
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
