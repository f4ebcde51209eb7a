/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See status.h.  A path shows only what is on top; whether a mount that it does not show
 * is still there, and where, is asked by its id.
 */
#include "apply/status.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/limits.h"
#include "base/path.h"
#include "probe/chase.h"

static const struct {
	const char *name;
	const char *text;
} states[] = {
	[OM_ACT_PRESENT] = { "present", "as it was made" },
	[OM_ACT_CHANGED] = { "changed", "somebody has changed its attributes" },
	[OM_ACT_COVERED] = { "covered", "something else is mounted on top of it" },
	[OM_ACT_MOVED] = { "moved", "somebody has mounted it elsewhere" },
	[OM_ACT_USED] = { "used", "somebody has written into it" },
	[OM_ACT_GONE] = { "gone", "somebody has taken it away" },
	[OM_ACT_UNKNOWN] = { "unknown",
			     "something else is there, and this kernel cannot look for it" },
};

const char *om_act_state_name(enum om_act_state state)
{
	return states[state].name;
}

const char *om_act_state_text(enum om_act_state state)
{
	return states[state].text;
}

/* How often the place of a mount may change between two looks. */
#define MAX_CHASES 1024
/* That somebody renames back and forth just so is as likely as so many coins alike. */
#define MAX_SAME 32

/*
 * Is it the mount of the act that fd lies on?  1, 0, 2 when it has its id, or -errno;
 * *ret_seen is the id of what it lies on.
 */
static int is_that_mount(const struct om_sys *sys, const struct om_act *act, int fd,
			 uint64_t *ret_seen)
{
	const struct om_mount_id id = om_act_id(act);
	struct om_mount_look look;
	struct stat st;
	int r = om_mount_id_as(sys, fd, act->unique, ret_seen);

	if (r < 0)
		return r;
	if (*ret_seen != act->mount_id || act->unique)
		return *ret_seen == act->mount_id;
	/* A reusable id may be another mount's by now. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_ino != act->ino || (act->inner && st.st_dev != act->dev))
		return 2;
	r = act->print == 0 ? 0 : sys->mount_look(sys, &id, &look);
	return r < 0 ? r : act->print == 0 || look.print == act->print ? 1 : 2;
}

/*
 * Where a unique id cannot be looked for (a filter of system calls hides statmount): what
 * the path does not show, and was never marked as done, is not there; nor is what is not
 * even a mount point.
 */
static enum om_act_state guess(const struct om_sys *sys, int root_fd,
			       const struct om_act *act)
{
	char parent[OM_MAX_PATH + 1];
	_cleanup_close_ int above = -1;
	_cleanup_close_ int fd = -1;
	uint64_t above_id, id;

	fd = om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
	if (fd == -ENOENT)
		return OM_ACT_GONE;
	if (fd < 0 || om_mount_id_as(sys, fd, act->unique, &id) < 0)
		return OM_ACT_UNKNOWN;
	if (!act->done)
		return OM_ACT_GONE;
	om_path_parent_to(parent, act->path);
	above = om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY);
	if (above < 0 || om_mount_id_as(sys, above, act->unique, &above_id) < 0)
		return OM_ACT_UNKNOWN;
	return id == above_id ? OM_ACT_GONE : OM_ACT_UNKNOWN;
}

/*
 * The mount is somewhere: at the path that the kernel names, unless a directory on the way
 * is renamed before it is opened.  When the same path leads to the same other place again
 * and again, nobody is renaming: something lies on top of the mount, or above it.
 */
static enum om_act_state search_mount(const struct om_sys *sys, int root_fd,
				      const struct om_act *act, int *ret_fd)
{
	const struct om_mount_id id = om_act_id(act);
	char path[OM_MAX_PATH + 1], last_path[OM_MAX_PATH + 1] = "";
	uint64_t seen = 0, last_seen = 0;

	for (unsigned i = 0, same = 1; i < MAX_CHASES; i++) {
		_cleanup_close_ int fd = -1;
		int r = sys->mount_point(sys, &id, act->print, path, sizeof(path));

		if (r == -ENOENT)
			return OM_ACT_GONE;
		if (r == -ENOSYS || r == -EPERM)
			return guess(sys, root_fd, act);
		if (r < 0)
			return OM_ACT_UNKNOWN;
		fd = sys->open(sys, AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
		r = fd < 0 ? fd : is_that_mount(sys, act, fd, &seen);
		if (r == 1) {
			*ret_fd = TAKE_FD(fd);
			return OM_ACT_MOVED;
		}
		/* The id has been given to another mount, so ours is no more. */
		if (r == 2)
			return OM_ACT_GONE;
		if (r < 0 && r != -ENOENT)
			return OM_ACT_UNKNOWN;
		seen = r < 0 ? 0 : seen;
		same = seen == last_seen && om_streq(path, last_path) ? same + 1 : 1;
		if (same == MAX_SAME)
			return OM_ACT_COVERED;
		last_seen = seen;
		memcpy(last_path, path, sizeof(path));
	}
	return OM_ACT_UNKNOWN;
}

enum om_act_state om_act_find_mount(const struct om_sys *sys, int root_fd,
				    const struct om_act *act, int *ret_fd)
{
	_cleanup_close_ int fd =
		om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
	uint64_t seen;

	*ret_fd = -1;
	if (fd < 0 || is_that_mount(sys, act, fd, &seen) != 1)
		return search_mount(sys, root_fd, act, ret_fd);
	*ret_fd = TAKE_FD(fd);
	return OM_ACT_PRESENT;
}

static bool is_content(const struct om_act *act, int parent_fd, const char *name)
{
	char content[OM_MAX_PATH + 1];
	ssize_t n = readlinkat(parent_fd, name, content, sizeof(content));

	return n >= 0 && om_crc32c(content, (size_t)n) == act->print;
}

/* What nobody has written down as done: is it what would have been made? */
static bool looks_like_ours(const struct om_act *act, const struct stat *st,
			    int parent_fd, const char *name)
{
	if (st->st_uid != geteuid())
		return false;
	if (S_ISLNK(st->st_mode))
		return is_content(act, parent_fd, name);
	return S_ISDIR(st->st_mode) || (st->st_size == 0 && st->st_nlink == 1);
}

enum om_act_state om_act_find_name(const struct om_act *act, bool other_boot,
				   int parent_fd)
{
	const char *name = om_path_base(act->path);
	struct stat st;
	mode_t type;

	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? OM_ACT_GONE : OM_ACT_UNKNOWN;
	type = st.st_mode & S_IFMT;
	if (act->inverse == OM_INVERSE_RMDIR ? type != S_IFDIR
					     : type != S_IFREG && type != S_IFLNK)
		return OM_ACT_GONE;
	if (!act->done)
		return looks_like_ours(act, &st, parent_fd, name) ? OM_ACT_PRESENT
								  : OM_ACT_GONE;
	if (st.st_ino != act->ino || (st.st_dev != act->dev && !other_boot))
		return OM_ACT_GONE;
	return type == S_IFREG && st.st_size > 0 ? OM_ACT_USED : OM_ACT_PRESENT;
}

static enum om_act_state look_at_name(const struct om_sys *sys, int root_fd,
				      const struct om_act *act)
{
	char parent[OM_MAX_PATH + 1];
	_cleanup_close_ int fd = -1;

	om_path_parent_to(parent, act->path);
	fd = om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? OM_ACT_GONE : OM_ACT_UNKNOWN;
	return om_act_find_name(act, false, fd);
}

/* Where it was put, and as it was? */
static enum om_act_state look_at_mount(const struct om_sys *sys, int root_fd,
				       const struct om_act *act)
{
	const struct om_mount_id id = om_act_id(act);
	_cleanup_close_ int fd = -1;
	enum om_act_state state = om_act_find_mount(sys, root_fd, act, &fd);
	struct om_mount_look look;
	unsigned attr;

	if (state == OM_ACT_GONE && act->follows)
		return OM_ACT_PRESENT;
	if (state != OM_ACT_PRESENT || !act->done)
		return state;
	if (sys->mount_attr(sys, fd, &attr) < 0)
		return OM_ACT_UNKNOWN;
	/* A filter may hide what it has of its own, and how it propagates. */
	if (attr == act->attr && sys->mount_look(sys, &id, &look) == 0)
		return (look.attr & act->want) == act->want &&
				       !(look.propagation & MS_SHARED) == !act->shared
			       ? OM_ACT_PRESENT
			       : OM_ACT_CHANGED;
	return attr == act->attr ? OM_ACT_PRESENT : OM_ACT_CHANGED;
}

/*
 * Where the mount is, as the kernel names it, and where the cover is: do they differ in
 * what they were asked for alone?
 */
static bool is_beside(const struct om_sys *sys, const struct om_act *act,
		      const struct om_act *cover)
{
	const struct om_mount_id id = om_act_id(act);
	const struct om_mount_id cover_id = om_act_id(cover);
	char path[OM_MAX_PATH + 1], cover_path[OM_MAX_PATH + 1];
	size_t n, len;

	if (sys->mount_point(sys, &id, act->print, path, sizeof(path)) < 0 ||
	    sys->mount_point(sys, &cover_id, cover->print, cover_path,
			     sizeof(cover_path)) < 0)
		return false;
	n = strlen(cover_path);
	len = strlen(cover->path);
	return n >= len && strcmp(cover_path + n - len, cover->path) == 0 &&
	       strncmp(path, cover_path, n - len) == 0 &&
	       strcmp(path + n - len, act->path) == 0;
}

/* A name below a mount of ours, or a mount below another: no path leads there. */
static enum om_act_state look_below(const struct om_sys *sys, const struct om_act *act,
				    const struct om_act *cover)
{
	const struct om_mount_id id = om_act_id(act);
	struct om_mount_look look;
	int r = act->inverse == OM_INVERSE_DETACH ? sys->mount_look(sys, &id, &look)
						  : -ENOSYS;

	if (r == -ENOENT || (r == 0 && act->print != 0 && look.print != act->print))
		return OM_ACT_GONE;
	if (r < 0)
		return r == -ENOSYS ? OM_ACT_PRESENT : OM_ACT_UNKNOWN;
	return is_beside(sys, act, cover) ? OM_ACT_PRESENT : OM_ACT_MOVED;
}

bool om_act_is_in_place(enum om_act_state state)
{
	return state == OM_ACT_PRESENT || state == OM_ACT_CHANGED;
}

/* later: what has become of the acts behind act i. */
static enum om_act_state look_at(const struct om_sys *sys, int root_fd,
				 const struct om_journal *j, size_t i,
				 const enum om_act_state *later)
{
	const struct om_act *act = &j->acts.v[i];
	size_t outer = om_journal_outer(j, i), cover = om_journal_cover(j, i);

	/* Of what is inside a construction that was never attached nothing is seen. */
	if (outer == j->acts.n)
		return OM_ACT_GONE;
	if (outer > i && !om_act_is_in_place(later[outer]))
		return later[outer];
	if (cover < j->acts.n && om_act_is_in_place(later[cover]))
		return look_below(sys, act, &j->acts.v[cover]);
	return act->inverse == OM_INVERSE_DETACH ? look_at_mount(sys, root_fd, act)
						 : look_at_name(sys, root_fd, act);
}

void om_acts_look(const struct om_sys *sys, int root_fd, const struct om_journal *j,
		  enum om_act_state *ret)
{
	for (size_t i = j->acts.n; i-- > 0;)
		ret[i] = look_at(sys, root_fd, j, i, ret);
}
