/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See places.h.
 */
#include "snapd/places.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "probe/chase.h"

#define SNAP_DIR "/snap"

static bool is_below_snap(const char *dir, const char *name, size_t n)
{
	const char *rest = om_startswith(dir, SNAP_DIR "/");

	return rest && strncmp(rest, name, n) == 0 && (!rest[n] || rest[n] == '/');
}

bool om_places_permit(const struct om_places *p, const char *dir)
{
	static const char *const free_places[] = { "/tmp", "/var/snap", "/dev/shm",
						   "/run/systemd",
						   "/var/lib/snapd/hostfs/tmp" };

	if (p->of_user)
		return p->home && om_path_is_under(dir, p->home);
	for (size_t i = 0; i < ARRAY_SIZE(free_places); i++)
		if (om_path_is_under(dir, free_places[i]))
			return true;
	/* An instance is seen under the name of the snap, too. */
	return is_below_snap(dir, p->name, strlen(p->name)) ||
	       is_below_snap(dir, p->name, strcspn(p->name, "_"));
}

mode_t om_places_mode(const char *path)
{
	static const struct {
		const char *pattern;
		mode_t mode;
	} hints[] = {
		{ "/var/lib/snapd/hostfs/tmp/snap-private-tmp/snap.*", 0700 },
		{ "/var/lib/snapd/hostfs/tmp/snap-private-tmp/snap.*/tmp", 01777 },
		{ "/var/lib/snapd/hostfs/tmp/snap-private-tmp/snap.*/tmp/.X11-unix",
		  01777 },
		{ "/tmp/.X11-unix", 01777 },
		{ "/dev/shm/snap.*", 01777 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (fnmatch(hints[i].pattern, path, FNM_PATHNAME) == 0)
			return hints[i].mode;
	return 0755;
}

/* A walk from the root, one component after the other, never through a link. */
struct step {
	int fd;	     /* owned; of the directory */
	char *path;  /* owned; its path */
	dev_t root;  /* device of "/", when that is ours */
	bool opened; /* what we have made ourselves is ours */
};

static void step_done(struct step *s)
{
	s->fd = om_close(s->fd);
	free(s->path);
}

static bool may_write(const struct om_places *p, const struct step *s)
{
	struct stat st;

	return s->opened || om_places_permit(p, s->path) ||
	       (s->root != 0 && fstat(s->fd, &st) == 0 && st.st_dev == s->root);
}

static int begin(const struct om_places *p, struct step *s)
{
	struct statfs fs;
	struct stat st;

	*s = (struct step){ .fd = -1 };
	s->path = strdup("/");
	s->fd = s->path ? p->sys->open(p->sys, p->root_fd, ".", O_PATH | O_DIRECTORY, 0)
			: -ENOMEM;
	if (s->fd < 0)
		return s->fd;
	if (p->root_ours && fstatfs(s->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
	    fstat(s->fd, &st) == 0)
		s->root = st.st_dev;
	return 0;
}

/* Makes the name; 0 when it is there, or need not be because it is not for us to make. */
static int make_name(const struct om_places *p, struct step *s, const char *name,
		     const char *path, bool file)
{
	mode_t mode = om_places_mode(path);
	int r;

	if (!may_write(p, s))
		return 0;
	r = file ? p->sys->mkfile(p->sys, s->fd, name, mode)
		 : p->sys->mkdir(p->sys, s->fd, name, mode);
	if (r == -EROFS || r == -EEXIST)
		return 0;
	if (r == 0)
		s->opened = true;
	return r == 0 ? p->sys->chown(p->sys, s->fd, name, 0, 0) : r;
}

/* Goes into the component; 1 when there is no way on. */
static int descend(const struct om_places *p, struct step *s, char *path, bool last,
		   bool file)
{
	const char *name = om_path_base(path);
	struct stat st;
	int fd, r = 0;

	if (fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = errno == ENOENT ? make_name(p, s, name, path, last && file) : -errno;
	if (r < 0 || last)
		return r < 0 ? r : 1;
	fd = p->sys->open(p->sys, s->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 1;
	if (fd < 0)
		return fd;
	(void)om_close(s->fd);
	s->fd = fd;
	free(s->path);
	s->path = path;
	return 0;
}

int om_places_make(const struct om_places *p, const char *path, bool file,
		   struct om_error *e)
{
	_cleanup_(step_done) struct step s;
	size_t depth = om_path_depth(path);
	int r = begin(p, &s);

	for (size_t i = 1; r == 0 && i <= depth; i++) {
		char *prefix = strndup(path, om_path_prefix_len(path, i));

		r = prefix ? descend(p, &s, prefix, i == depth, file) : -ENOMEM;
		if (s.path != prefix)
			free(prefix);
	}
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot create %s", OM_Q(path))
		     : 0;
}

/* The directory that has to be there. */
static int open_existing(const struct om_places *p, const char *path, struct om_error *e)
{
	int fd = om_open_beneath(p->sys, p->root_fd, path, O_PATH | O_DIRECTORY);

	if (fd == -ENOENT)
		return om_fail(e, OM_ERR_SYSTEM, fd, "parent directory %s does not exist",
			       OM_Q(path));
	if (fd == -ENOTDIR)
		return om_fail(e, OM_ERR_SYSTEM, fd,
			       "cannot use parent path %s: not a directory", OM_Q(path));
	return fd < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, fd, "cannot open directory %s",
				      OM_Q(path))
		      : fd;
}

/* Replaces *fd by the directory in it, which is made when it is missing. */
static int ensure_one(const struct om_places *p, int *fd, const char *path,
		      struct om_error *e)
{
	const char *name = om_path_base(path);
	int next, r = p->sys->mkdir(p->sys, *fd, name, 0700);

	if (r < 0 && r != -EEXIST)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot create directory %s",
				     OM_Q(path));
	next = p->sys->open(p->sys, *fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (next == -ENOTDIR || next == -ELOOP)
		return om_fail(e, OM_ERR_SYSTEM, next,
			       "cannot create directory %s: existing file in the way",
			       OM_Q(path));
	if (next < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, next, "cannot open directory %s",
				     OM_Q(path));
	(void)om_close(*fd);
	*fd = next;
	return 0;
}

int om_places_ensure(const struct om_places *p, const char *path, const char *must_exist,
		     struct om_error *e)
{
	_cleanup_close_ int fd = -1;
	size_t depth = om_path_depth(path);
	int r = 0;

	if (om_path_unclean(path) || om_path_unclean(must_exist) ||
	    !om_path_is_below(path, must_exist))
		return om_fail(e, OM_ERR_INPUT, -EINVAL, "path %s is not a parent of %s",
			       OM_Q(must_exist), OM_Q(path));
	fd = open_existing(p, must_exist, e);
	if (fd < 0)
		return fd;
	for (size_t i = om_path_depth(must_exist) + 1; r == 0 && i <= depth; i++) {
		_cleanup_free_ char *prefix = strndup(path, om_path_prefix_len(path, i));

		r = prefix ? ensure_one(p, &fd, prefix, e) : -ENOMEM;
	}
	return r;
}
