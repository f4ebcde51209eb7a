/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See status.h.  A path shows only what is on top; whether a mount that it does not show
 * is still there, and where, is asked by its id.
 */
#include "apply/status.h"

#include <errno.h>
#include <fcntl.h>
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

/* Is it the mount of the act that fd lies on? */
static bool is_that_mount(const struct om_sys *sys, const struct om_act *act, int fd)
{
	struct om_mount_look look;
	uint64_t id;

	if (om_mount_id_as(sys, fd, act->unique, &id) < 0 || id != act->mount_id)
		return false;
	/* A reusable id may be another mount's by now. */
	return act->unique || act->print == 0 ||
	       (sys->mount_look(sys, fd, &look) == 0 && look.print == act->print);
}

/*
 * Where a unique id cannot be looked for (a filter of system calls hides statmount): what
 * was never marked as done, or is not even a mount point, is not there.
 */
static enum om_act_state guess(const struct om_sys *sys, int root_fd,
			       const struct om_act *act)
{
	_cleanup_free_ char *parent = om_path_parent(act->path);
	_cleanup_close_ int above = -1;
	_cleanup_close_ int fd = -1;
	uint64_t above_id, id;

	if (!act->done)
		return OM_ACT_GONE;
	fd = om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
	if (fd == -ENOENT)
		return OM_ACT_GONE;
	if (!parent || fd < 0)
		return OM_ACT_UNKNOWN;
	above = om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY);
	if (above < 0 || om_mount_id_as(sys, above, act->unique, &above_id) < 0 ||
	    om_mount_id_as(sys, fd, act->unique, &id) < 0)
		return OM_ACT_UNKNOWN;
	return id == above_id ? OM_ACT_GONE : OM_ACT_UNKNOWN;
}

static enum om_act_state search_mount(const struct om_sys *sys, int root_fd,
				      const struct om_act *act, int *ret_fd)
{
	const struct om_mount_id id = { act->mount_id, act->unique };
	_cleanup_close_ int fd = -1;
	char path[OM_MAX_PATH + 1];
	int r = sys->mount_point(sys, &id, act->print, path, sizeof(path));

	if (r == -ENOENT)
		return OM_ACT_GONE;
	if (r == -ENOSYS || r == -EPERM)
		return guess(sys, root_fd, act);
	if (r < 0)
		return OM_ACT_UNKNOWN;
	fd = sys->open(sys, AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
	/* Its place shows something else: that lies on top of it. */
	if (fd < 0 || !is_that_mount(sys, act, fd))
		return OM_ACT_COVERED;
	*ret_fd = TAKE_FD(fd);
	return OM_ACT_MOVED;
}

enum om_act_state om_act_find_mount(const struct om_sys *sys, int root_fd,
				    const struct om_act *act, int *ret_fd)
{
	_cleanup_close_ int fd =
		om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);

	*ret_fd = -1;
	if (fd < 0 || !is_that_mount(sys, act, fd))
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
	_cleanup_free_ char *parent = om_path_parent(act->path);
	_cleanup_close_ int fd = -1;

	if (!parent)
		return OM_ACT_UNKNOWN;
	fd = om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? OM_ACT_GONE : OM_ACT_UNKNOWN;
	return om_act_find_name(act, false, fd);
}

enum om_act_state om_act_look(const struct om_sys *sys, int root_fd,
			      const struct om_act *act)
{
	_cleanup_close_ int fd = -1;

	return act->inverse == OM_INVERSE_DETACH
		       ? om_act_find_mount(sys, root_fd, act, &fd)
		       : look_at_name(sys, root_fd, act);
}
