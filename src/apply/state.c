/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See state.h.
 */
#include "apply/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static int check_dir(int fd, const char *path, struct om_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot inspect %s",
				     OM_Q(path));
	/* Root's is as good: whoever may pass over permissions works for root there. */
	if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 0022))
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
	int r;

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
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char pid[24] = "", file[48], name[32] = "", bare[64] = "";
	int r;

	/* 0: it is in a pid namespace that cannot be seen from here. */
	if (fcntl(s->lockfd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK && l.l_pid > 0) {
		(void)snprintf(pid, sizeof(pid), "%d", (int)l.l_pid);
		(void)snprintf(file, sizeof(file), "/proc/%s/comm", pid);
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

/*
 * A lock of this process (fcntl(2)), not of the open file: it dies with the process even
 * while a child that probes still has the file.  Polled, since a signal would be the
 * program's, not ours.  The file is opened once, for closing another fd of it unlocks.
 */
static int wait_for_lock(int fd, unsigned timeout_ms)
{
	const struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int64_t end = now_ms() + timeout_ms;

	while (OM_RETRY(fcntl(fd, F_SETLK, &l)) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		if (now_ms() >= end)
			return -EWOULDBLOCK;
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

static int open_dir(const char *path, bool *ret_made, struct om_error *e)
{
	_cleanup_close_ int fd = -1;
	int r;

	*ret_made = mkdir(path, 0700) == 0;
	if (!*ret_made && errno != EEXIST)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno,
				     "cannot create the state directory %s", OM_Q(path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Whoever undid last has removed it meanwhile. */
	if (fd < 0 && errno == ENOENT)
		return -ESTALE;
	if (fd < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno,
				     "cannot open the state directory %s", OM_Q(path));
	r = check_dir(fd, path, e);
	return r < 0 ? r : TAKE_FD(fd);
}

/* -ESTALE when the holder before us has removed the directory or the lock meanwhile. */
static int open_locked(unsigned timeout_ms, struct om_state *s, struct om_error *e)
{
	int r;

	s->dirfd = open_dir(s->path, &s->made, e);
	if (s->dirfd < 0)
		return s->dirfd;
	s->lockfd = openat(s->dirfd, s->lock_name,
			   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = s->lockfd < 0 ? -errno : wait_for_lock(s->lockfd, timeout_ms);
	if (r == -EWOULDBLOCK)
		return refuse_locked(s, s->path, e);
	/* Is the lock that we hold the one that others would take? */
	if (r == -ENOENT ||
	    (r == 0 && om_fd_is_named(s->lockfd, s->dirfd, s->lock_name) <= 0))
		return -ESTALE;
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot lock the state directory %s", OM_Q(s->path));
	return 0;
}

/* Everything that is named after the namespace. */
static void name_files(struct om_state *s, uint64_t ns)
{
	unsigned long long number = ns;

	s->ns_inode = ns;
	(void)snprintf(s->name, sizeof(s->name), OM_JOURNAL_PREFIX "%llu", number);
	(void)snprintf(s->lock_name, sizeof(s->lock_name), "lock.%llu", number);
	(void)snprintf(s->stage_name, sizeof(s->stage_name), "stage.%llu", number);
	(void)snprintf(s->aside_name, sizeof(s->aside_name), "aside.%llu", number);
}

/* 16 bytes of "b0b0b0b0-b0b0-...". */
static int read_boot(uint8_t boot[static 16])
{
	char text[64];
	size_t n = 0;
	int r = om_read_line(AT_FDCWD, BOOT_ID, text, sizeof(text));

	for (const char *p = text; r == 0 && n < 16 && sscanf(p, "%2hhx", &boot[n]) == 1;
	     n++)
		p += 2 + (p[2] == '-');
	return r < 0 ? r : n == 16 ? 0 : -EBADMSG;
}

static int lock(struct om_state *s, unsigned timeout_ms, struct om_error *e)
{
	int64_t end = now_ms() + timeout_ms, left = timeout_ms;
	int r = -ESTALE;

	/* Who waits beside busy ones finds many a lock that has just been removed. */
	for (unsigned tries = 0; r == -ESTALE && (tries < 16 || left > 0); tries++) {
		om_state_done(s);
		r = open_locked((unsigned)left, s, e);
		left = end > now_ms() ? end - now_ms() : 0;
	}
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot lock the state directory %s", OM_Q(s->path))
		     : 0;
}

static int join(const struct om_sys *sys, const struct om_ns *ns, struct om_state *s,
		struct om_error *e)
{
	bool made;
	int r = sys->join_mount_ns(sys, ns->fd);

	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot join the mount namespace");
	/* The path leads elsewhere now, so the directory stays.  What is staged must be
	 * staged where it is used. */
	s->made = false;
	s->stage_at = open_dir(s->path, &made, NULL);
	return 0;
}

int om_state_open(const struct om_sys *sys, const char *path, const struct om_ns *ns,
		  unsigned timeout_ms, struct om_state *ret, struct om_error *e)
{
	struct stat st;
	int r;

	*ret = (struct om_state)OM_STATE_INIT;
	ret->path = path;
	ret->dead = ns && ns->fd < 0;
	r = !ns && stat("/proc/self/ns/mnt", &st) < 0 ? -errno : read_boot(ret->boot);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot identify the mount namespace");
	name_files(ret, ns ? ns->inode : st.st_ino);
	r = lock(ret, timeout_ms, e);
	if (r < 0 || ret->dead)
		return r;
	if (ns) {
		r = join(sys, ns, ret, e);
		if (r < 0)
			return r;
	} else {
		ret->stage_at = dup(ret->dirfd);
	}
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
	if (s->dead || memcmp(j->origin.boot, s->boot, sizeof(s->boot)) != 0)
		return -ESTALE;
	if (j->origin.ns.unique && !s->ns.unique) {
		r = om_fail(
			e, OM_ERR_REFUSED, -ENODATA,
			"cannot tell whether the journal %s is of this mount namespace: "
			"it has ids of mounts that cannot be asked for now",
			OM_Q(s->name));
		om_error_fix(e, "run this where apply was run: a filter of system calls "
				"may hide statx");
		return r;
	}
	return j->origin.ns.id == (j->origin.ns.unique ? s->ns.id : s->ns_table_id)
		       ? 0
		       : -ESTALE;
}

int om_state_forget(struct om_state *s)
{
	int r = -EPROTO;

	/* What failed once, or was only said to be done, is tried again. */
	for (unsigned tries = 0; r < 0 && tries < 3; tries++) {
		struct stat st;

		if (unlinkat(s->dirfd, s->name, 0) < 0 && errno != ENOENT)
			r = -errno;
		else if (fstatat(s->dirfd, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			r = -EPROTO;
		else
			r = errno == ENOENT ? 0 : -errno;
	}
	/* Who waits for it finds out that it is not the one in the directory any more. */
	if (r == 0)
		(void)unlinkat(s->dirfd, s->lock_name, 0);
	if (r == 0 && s->made)
		(void)rmdir(s->path);
	return r;
}

void om_state_done(struct om_state *s)
{
	s->lockfd = om_close(s->lockfd);
	s->dirfd = om_close(s->dirfd);
	s->stage_at = om_close(s->stage_at);
}
