/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See undo.h.  A path only says where to look: the mount that is taken away is the one
 * whose id the journal holds, never what a stranger put on top of it.
 */
#include "apply/undo.h"

#include <errno.h>
#include <fcntl.h>

#include "apply/build.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "probe/chase.h"

/* Is something mounted at path itself?  Its mount differs from that of its parent. */
static bool is_mount_point(const struct om_sys *sys, int root_fd,
			   const struct om_act *act, uint64_t id)
{
	_cleanup_free_ char *parent = om_path_parent(act->path);
	_cleanup_close_ int fd = -1;
	uint64_t parent_id;

	if (!parent)
		return true;
	fd = om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY);
	if (fd < 0 || om_mount_id_as(sys, fd, act->unique, &parent_id) < 0)
		return true;
	return parent_id != id;
}

static int undo_mount(const struct om_sys *sys, int root_fd, const struct om_act *act,
		      const char **ret_why)
{
	_cleanup_close_ int fd = -1;
	uint64_t id;
	int r;

	fd = om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : om_mount_id_as(sys, fd, act->unique, &id);
	if (r == -ENODATA) {
		*ret_why = "what is mounted there cannot be told by its unique id now";
		return r;
	}
	if (r < 0) {
		*ret_why = om_mount_strerror(r);
		return r;
	}
	if (id == act->mount_id) {
		r = om_detach(sys, fd);
		if (r < 0)
			*ret_why = om_mount_strerror(r);
		return r;
	}
	if (!act->done || !is_mount_point(sys, root_fd, act, id))
		return 0; /* never attached, or taken away by somebody else */
	*ret_why = "something else is mounted on top";
	return -EBUSY;
}

static int undo_name(const struct om_sys *sys, int root_fd, const struct om_act *act,
		     const char **ret_why)
{
	_cleanup_free_ char *parent = om_path_parent(act->path);
	_cleanup_close_ int fd = -1;
	int r;

	if (!parent)
		return -ENOMEM;
	fd = om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	r = sys->unlink(sys, fd, om_path_base(act->path),
			act->inverse == OM_INVERSE_RMDIR ? AT_REMOVEDIR : 0);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*ret_why = om_mount_strerror(r);
	return r;
}

int om_undo(const struct om_sys *sys, int root_fd, struct om_journal *j, size_t first,
	    struct om_str *residue)
{
	int result = 0;

	while (j->acts.n > first) {
		struct om_act *act = &j->acts.v[j->acts.n - 1];
		const char *why = "out of memory";
		int r = act->inverse == OM_INVERSE_DETACH
				? undo_mount(sys, root_fd, act, &why)
				: undo_name(sys, root_fd, act, &why);

		if (r < 0) {
			om_str_addf(residue, "%s: %s\n", OM_Q(act->path), why);
			result = -EBUSY;
		}
		free(act->path);
		j->acts.n--;
	}
	return result;
}
