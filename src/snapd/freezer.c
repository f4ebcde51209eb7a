/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See freezer.h.  Version 2 says in cgroup.events when a group really is frozen: writing
 * to cgroup.freeze only asks for it, and reading it back tells what was asked.
 */
#include "snapd/freezer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"

#define CGROUPS "sys/fs/cgroup"
#define V1_STATE CGROUPS "/freezer/snap.%s/freezer.state"
/* Deeper than anybody nests them. */
#define MAX_DEPTH 32
#define POLL_MS 10

void om_freezer_init(struct om_freezer *f, int host_fd, const char *name)
{
	*f = (struct om_freezer){ .host_fd = host_fd,
				  .name = name,
				  .timeout_ms = OM_FREEZER_TIMEOUT,
				  .v1_fd = -1 };
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int write_word(int dir_fd, const char *file, const char *word)
{
	_cleanup_close_ int fd = openat(dir_fd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : om_write_all(fd, word, strlen(word));
}

/* --- Version 1 ------------------------------------------------------------------------ */

static int v1_write(const struct om_freezer *f, const char *word)
{
	return pwrite(f->v1_fd, word, strlen(word), 0) < 0 ? -errno : 0;
}

/* 1 when all are frozen. */
static int v1_is_frozen(const struct om_freezer *f)
{
	char state[32] = "";

	if (pread(f->v1_fd, state, sizeof(state) - 1, 0) < 0)
		return -errno;
	return strncmp(state, "FROZEN", STRLEN("FROZEN")) == 0;
}

static int v1_freeze(struct om_freezer *f)
{
	_cleanup_free_ char *path = om_asprintf(V1_STATE, f->name);

	if (!path)
		return -ENOMEM;
	f->v1_fd = openat(f->host_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (f->v1_fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return v1_write(f, "FROZEN");
}

/* --- Version 2 ------------------------------------------------------------------------ */

/* snap.NAME.*.scope or snap.NAME.*.service */
static bool is_of_snap(const char *group, const char *name)
{
	static const char *const ends[] = { ".scope", ".service" };
	const char *rest = om_startswith(group, "snap.");
	size_t n;

	rest = rest ? om_startswith(rest, name) : NULL;
	if (!rest || *rest != '.')
		return false;
	n = strlen(rest);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (n > strlen(ends[i]) && om_streq(rest + n - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

/* 1 when the group and all below are frozen, or it is gone. */
static int v2_is_frozen(int dir_fd)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = om_read_file(dir_fd, "cgroup.events", 4096, &text, &size);

	if (r == -ENOENT || r == -ENODEV)
		return 1;
	return r < 0 ? r : strstr(text, "frozen 1") != NULL;
}

struct walk {
	struct om_freezer *f;
	struct om_str path; /* of the directory, as /proc/self/cgroup has it */
	char own[4096];	    /* we would not go on if we froze ourselves */
};

static int freeze_group(struct walk *w, int fd)
{
	int r = write_word(fd, "cgroup.freeze", "1");

	/* It was removed meanwhile. */
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	r = fd < 0 ? -errno : om_vec_push(&w->f->groups, fd);
	if (r < 0)
		(void)om_close(fd);
	return r;
}

static int walk(struct walk *w, int dir_fd, unsigned depth);

static int walk_into(struct walk *w, int dir_fd, const char *name, unsigned depth)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	size_t length = w->path.len;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	om_str_add(&w->path, "/");
	om_str_add(&w->path, name);
	if (is_of_snap(name, w->f->name) && !om_streq(om_str_get(&w->path), w->own))
		r = freeze_group(w, fd);
	if (r == 0)
		r = walk(w, fd, depth + 1);
	om_str_cut(&w->path, length);
	return r < 0 ? r : w->path.err;
}

static int walk(struct walk *w, int dir_fd, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *d;
	int fd, r = 0;

	if (depth > MAX_DEPTH)
		return -ELOOP;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = om_fdopendir(fd);
	if (!dir)
		return -errno;
	while (r == 0 && (d = readdir(dir)))
		if (d->d_type == DT_DIR && d->d_name[0] != '.')
			r = walk_into(w, dirfd(dir), d->d_name, depth);
	return r;
}

/* The own group, "" when it is not told. */
static void read_own(struct walk *w)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	char *line;

	if (om_read_file(w->f->host_fd, "proc/self/cgroup", 65536, &text, &size) < 0)
		return;
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)om_bare(w->own, sizeof(w->own), line + 3);
		return;
	}
}

static int v2_freeze(struct om_freezer *f)
{
	_cleanup_close_ int fd =
		openat(f->host_fd, CGROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk w = { .f = f };
	int r;

	/* The root of version 2 has this file, and that of version 1 has not. */
	if (fd < 0 || faccessat(fd, "cgroup.controllers", F_OK, 0) < 0)
		return 0;
	read_own(&w);
	r = walk(&w, fd, 0);
	om_str_free(&w.path);
	return r;
}

/* --- Both ----------------------------------------------------------------------------- */

static int is_frozen(const struct om_freezer *f)
{
	int r = f->v1_fd < 0 ? 1 : v1_is_frozen(f);

	for (size_t i = 0; r == 1 && i < f->groups.n; i++)
		r = v2_is_frozen(f->groups.v[i]);
	return r;
}

static int wait_frozen(const struct om_freezer *f)
{
	int64_t end = now_ms() + f->timeout_ms;
	int r;

	while ((r = is_frozen(f)) == 0) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, POLL_MS);
	}
	return r < 0 ? r : 0;
}

int om_freezer_freeze(struct om_freezer *f, struct om_error *e)
{
	int r = v1_freeze(f);

	if (r == 0)
		r = v2_freeze(f);
	if (r == 0)
		r = wait_frozen(f);
	if (r == 0)
		return 0;
	om_freezer_thaw(f);
	if (r == -ETIMEDOUT)
		return om_fail(e, OM_ERR_SYSTEM, r,
			       "cannot finish freezing processes of snap \"%s\"",
			       f->name);
	return om_fail_errno(e, OM_ERR_SYSTEM, r,
			     "cannot freeze processes of snap \"%s\"", f->name);
}

void om_freezer_thaw(struct om_freezer *f)
{
	for (size_t i = 0; i < f->groups.n; i++) {
		(void)!write_word(f->groups.v[i], "cgroup.freeze", "0");
		(void)om_close(f->groups.v[i]);
	}
	om_vec_free(&f->groups);
	if (f->v1_fd >= 0)
		(void)!v1_write(f, "THAWED");
	f->v1_fd = om_close(f->v1_fd);
}
