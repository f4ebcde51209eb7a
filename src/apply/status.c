/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See status.h.  A path shows only what is on top; whether a mount that it does not show
 * is still there is asked by the id that is never reused, where the kernel has one.
 */
#include "apply/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "probe/chase.h"

static const struct {
	const char *name;
	const char *text;
} states[] = {
	[OM_ACT_PRESENT] = { "present", "as it was made" },
	[OM_ACT_COVERED] = { "covered", "something else is mounted on top of it" },
	[OM_ACT_MOVED] = { "moved", "somebody has mounted it elsewhere" },
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

/* Is `id` among the mounts that lie beneath `top`, on the same place? */
static bool is_stacked_below(const struct om_sys *sys, uint64_t top, uint64_t id)
{
	/* What covers a mount has it as its parent; a stack is not deep. */
	for (unsigned depth = 0; depth < 64; depth++) {
		uint64_t parent;

		if (sys->statmount(sys, top, &parent) < 0 || parent == top)
			return false;
		if (parent == id)
			return true;
		top = parent;
	}
	return false;
}

static enum om_act_state look_for(const struct om_sys *sys, const struct om_act *act,
				  uint64_t top)
{
	uint64_t parent;
	int r = act->unique ? sys->statmount(sys, act->mount_id, &parent) : -ENOSYS;

	if (r == -ENOENT)
		return OM_ACT_GONE;
	if (r < 0)
		return OM_ACT_UNKNOWN;
	return is_stacked_below(sys, top, act->mount_id) ? OM_ACT_COVERED : OM_ACT_MOVED;
}

static enum om_act_state look_at_mount(const struct om_sys *sys, int root_fd,
				       const struct om_act *act)
{
	_cleanup_close_ int fd =
		om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
	uint64_t top = 0;

	if (fd >= 0 && om_mount_id_as(sys, fd, act->unique, &top) == 0 &&
	    top == act->mount_id)
		return OM_ACT_PRESENT;
	return look_for(sys, act, top);
}

static enum om_act_state look_at_name(const struct om_sys *sys, int root_fd,
				      const struct om_act *act)
{
	_cleanup_close_ int fd =
		om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);

	/* -ELOOP: a symbolic link that was made is not followed, so it is there. */
	if (fd >= 0 || fd == -ELOOP)
		return OM_ACT_PRESENT;
	return fd == -ENOENT || fd == -ENOTDIR ? OM_ACT_GONE : OM_ACT_UNKNOWN;
}

enum om_act_state om_act_look(const struct om_sys *sys, int root_fd,
			      const struct om_act *act)
{
	return act->inverse == OM_INVERSE_DETACH ? look_at_mount(sys, root_fd, act)
						 : look_at_name(sys, root_fd, act);
}
