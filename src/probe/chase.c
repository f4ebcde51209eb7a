/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See chase.h.  A base has links that are as good as directories (/lib, /var/run), so the
 * survey follows those that nobody but root or the caller can have made; everything after
 * it works on the canonical path and follows nothing.
 */
#include "probe/chase.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"
#include "sys/caps.h"

/* Owner of files whose real owner a user namespace does not map (kernel default). */
#define OVERFLOW_UID 65534

struct walk {
	const struct om_sys *sys;
	int root_fd;
	int fd;		    /* owned; where the walk stands */
	struct om_str done; /* canonical path so far, "" for the root */
	char *todo;	    /* owned; what is left, relative */
	unsigned links;
};

int om_open_beneath(const struct om_sys *sys, int root_fd, const char *path, int flags)
{
	_cleanup_close_ int fd = -1;
	const char *p = om_path_relative(path);
	int r = sys->open_beneath(sys, root_fd, p, flags);

	if (r != -ENOSYS && r != -EPERM)
		return r;
	/* compat: until 5.6 is the floor: a walk that follows nothing. */
	for (;;) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(p, "/");
		bool last = p[n] == '\0';
		int at = fd >= 0 ? fd : root_fd;

		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, p, n);
		name[n] = '\0';
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		r = sys->open(sys, at, name,
			      (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW, 0);
		if (r < 0 || last)
			return r;
		(void)om_close(fd);
		fd = r;
		p += n + 1;
	}
}

static bool is_trusted_owner(uid_t uid)
{
	uid_t own = om_own_uid();

	return uid == 0 || uid == own || (uid == OVERFLOW_UID && own != 0);
}

static const char *distrust_link(int dir_fd, const struct stat *link)
{
	struct statfs fs;
	struct stat dir;

	if (fstat(dir_fd, &dir) < 0 || fstatfs(dir_fd, &fs) < 0)
		return "its directory cannot be examined";
	/* What is read of /proc/PID/root is not where the kernel goes. */
	if (fs.f_type == PROC_SUPER_MAGIC)
		return "links in /proc mean something else for each process";
	if (!is_trusted_owner(link->st_uid) || !is_trusted_owner(dir.st_uid))
		return "it is under the control of another user";
	if ((dir.st_mode & S_IWOTH) && !(dir.st_mode & S_ISVTX))
		return "its directory is writable for everybody";
	return NULL;
}

static int restart(struct walk *w)
{
	int fd = w->sys->open(w->sys, w->root_fd, ".", O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	(void)om_close(w->fd);
	w->fd = fd;
	om_str_free(&w->done);
	return 0;
}

static int note_followed(struct om_followed *followed, const char *dir, const char *name)
{
	char *path = om_asprintf("%s/%s", dir, name);
	int r = path ? om_vec_push(&followed->links, path) : -ENOMEM;

	if (r < 0)
		free(path);
	return r;
}

/* Puts the content of a link in front of what is left and starts over at the root. */
static int follow(struct walk *w, int link_fd, const char *rest)
{
	char content[PATH_MAX];
	struct om_str todo = { 0 };
	ssize_t n = readlinkat(link_fd, "", content, sizeof(content) - 1);

	if (n < 0)
		return -errno;
	if (++w->links > OM_MAX_LINKS)
		return -ELOOP;
	content[n] = '\0';
	if (content[0] != '/')
		om_str_addf(&todo, "%s/", om_str_get(&w->done));
	om_str_addf(&todo, "%s/%s", content, rest);
	free(w->todo);
	w->todo = om_str_take(&todo);
	return w->todo ? restart(w) : -ENOMEM;
}

static int go_up(struct walk *w)
{
	char *slash = w->done.s ? strrchr(w->done.s, '/') : NULL;
	int fd;

	if (!slash)
		return 0; /* ".." of the root is the root */
	*slash = '\0';
	w->done.len = (size_t)(slash - w->done.s);
	fd = om_open_beneath(w->sys, w->root_fd, w->done.len ? w->done.s : "/",
			     O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	(void)om_close(w->fd);
	w->fd = fd;
	return 0;
}

/* Nothing more exists: the rest is taken as it is written. */
static int finish_missing(struct walk *w, const char *rest, struct om_chased *ret)
{
	ret->existing = w->done.len ? w->done.len : 1;
	while (*rest) {
		size_t n = strcspn(rest, "/");

		if (n > 0) {
			om_str_add(&w->done, "/");
			om_str_add_n(&w->done, rest, n);
		}
		rest += n + (rest[n] == '/');
	}
	return w->done.err;
}

struct step {
	const char *name;
	const char *rest; /* into todo */
	bool last;
	bool follow_last;
};

/* One component: 0 go on, 1 the walk has ended. */
static int enter(struct walk *w, const struct step *s, struct om_chased *ret)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	fd = w->sys->open(w->sys, w->fd, s->name, O_PATH | O_NOFOLLOW, 0);
	if (fd == -ENOENT)
		return 2;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(s->last && !s->follow_last)) {
		ret->link_reason = distrust_link(w->fd, &st);
		if (!ret->link_reason) {
			r = note_followed(&ret->followed, om_str_get(&w->done), s->name);
			return r < 0 ? r : follow(w, fd, s->rest);
		}
		ret->link = om_asprintf("%s/%s", om_str_get(&w->done), s->name);
		return ret->link ? 2 : -ENOMEM;
	}
	om_str_addf(&w->done, "/%s", s->name);
	(void)om_close(w->fd);
	w->fd = TAKE_FD(fd);
	if (s->last || S_ISDIR(st.st_mode)) {
		/* The rest of todo moves to its front; names never overlap the front. */
		memmove(w->todo, s->rest, strlen(s->rest) + 1);
		return 0;
	}
	ret->blocked = strdup(om_str_get(&w->done));
	return ret->blocked ? 1 : -ENOMEM;
}

static int walk_step(struct walk *w, bool follow_last, struct om_chased *ret)
{
	char name[NAME_MAX + 1];
	const char *p = w->todo + strspn(w->todo, "/");
	size_t n = strcspn(p, "/");
	struct step s = { .name = name, .rest = p + n + strspn(p + n, "/") };
	int r;

	if (n == 0)
		return 1;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, p, n);
	name[n] = '\0';
	s.last = *s.rest == '\0';
	s.follow_last = follow_last;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		r = name[1] ? go_up(w) : 0;
		memmove(w->todo, s.rest, strlen(s.rest) + 1);
		return r;
	}
	r = enter(w, &s, ret);
	if (r != 2)
		return r;
	r = finish_missing(w, p, ret);
	return r < 0 ? r : 1;
}

static void walk_done(struct walk *w)
{
	(void)om_close(w->fd);
	om_str_free(&w->done);
	free(w->todo);
}

static int walk_all(struct walk *w, bool follow_last, struct om_chased *ret)
{
	int r = w->todo ? restart(w) : -ENOMEM;

	while (r == 0)
		r = walk_step(w, follow_last, ret);
	if (r < 0)
		return r;
	if (w->done.err < 0)
		return w->done.err;
	if (ret->existing == 0)
		ret->existing = w->done.len ? w->done.len : 1;
	if (w->done.len == 0)
		om_str_add(&w->done, "/");
	ret->path = om_str_take(&w->done);
	ret->fd = TAKE_FD(w->fd);
	return ret->path ? 0 : -ENOMEM;
}

/* The parent was opened later than the path was looked for: it may be another one by now. */
static bool has_name(const struct om_sys *sys, int parent_fd, const char *path)
{
	_cleanup_close_ int fd =
		sys->open(sys, parent_fd, om_path_base(path), O_PATH | O_NOFOLLOW, 0);

	return fd != -ENOENT;
}

/* The whole path leads nowhere; its parent may be there, without a link on the way. */
static bool chase_parent(const struct om_sys *sys, int root_fd, const char *path,
			 struct om_chased *ret)
{
	_cleanup_free_ char *parent = om_path_parent(path);
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = parent && copy ? om_open_beneath(sys, root_fd, parent,
								  O_PATH | O_DIRECTORY)
						: -ENOMEM;

	if (fd < 0 || has_name(sys, fd, path))
		return false;
	ret->fd = TAKE_FD(fd);
	ret->path = TAKE_PTR(copy);
	ret->existing = strlen(parent);
	return true;
}

int om_chase(const struct om_sys *sys, int root_fd, const char *path, bool follow_last,
	     struct om_chased *ret, struct om_error *e)
{
	struct walk w = { .sys = sys, .root_fd = root_fd, .fd = -1 };
	struct stat st;
	int r;

	*ret = (struct om_chased){ .fd = -1 };
	/* The common case costs one call: everything is there and nothing is a link. */
	r = sys->open_beneath(sys, root_fd, om_path_relative(path), O_PATH | O_NOFOLLOW);
	if (r >= 0 && fstat(r, &st) == 0 && (!S_ISLNK(st.st_mode) || !follow_last)) {
		ret->fd = r;
		ret->path = strdup(path);
		ret->existing = strlen(path);
		return ret->path ? 0 : -ENOMEM;
	}
	(void)om_close(r);
	/* The next common one: all is there but the last name. */
	if (r == -ENOENT && chase_parent(sys, root_fd, path, ret))
		return 0;
	w.todo = strdup(path);
	r = walk_all(&w, follow_last, ret);
	walk_done(&w);
	if (r == -ELOOP)
		return om_fail(e, OM_ERR_SYSTEM, r,
			       "cannot resolve %s: too many symbolic links", OM_Q(path));
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot resolve %s",
				     OM_Q(path));
	return 0;
}

void om_followed_done(struct om_followed *followed)
{
	for (size_t i = 0; i < followed->links.n; i++)
		free(followed->links.v[i]);
	om_vec_free(&followed->links);
}

void om_chased_done(struct om_chased *c)
{
	om_followed_done(&c->followed);
	free(c->path);
	free(c->blocked);
	free(c->link);
	(void)om_close(c->fd);
	*c = (struct om_chased){ .fd = -1 };
}
