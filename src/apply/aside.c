/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See aside.h.  It is a stage, with a slot for each act that bears the act's number.
 */
#include "apply/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "apply/stage.h"
#include "apply/status.h"
#include "base/cleanup.h"
#include "probe/chase.h"

/* A call that has failed once need not fail again. */
#define MAX_TRIES 3

void om_aside_init(struct om_build *aside, const struct om_sys *sys, int at,
		   const char *name)
{
	*aside = (struct om_build){
		.sys = sys, .stage_at = at, .stage_path = name, .stage_fd = -1
	};
	aside->tree_fd = aside->skeleton_fd = aside->dir_fd = -1;
}

static int move(const struct om_sys *sys, int fd, int to)
{
	int r = sys->move_mount(sys, fd, to, "");

	/* compat: until 5.2 is the floor. */
	return r == -ENOSYS ? sys->mount(sys, OM_FD_PATH(fd), OM_FD_PATH(to), NULL,
					 MS_MOVE, NULL)
			    : r;
}

int om_aside_put(struct om_build *aside, const struct om_journal *j, size_t index,
		 int root_fd)
{
	_cleanup_close_ int slot = -1;
	_cleanup_close_ int fd = -1;
	char name[OM_SLOT_SIZE];
	struct stat st;
	int r;

	if (om_act_find_mount(aside->sys, root_fd, &j->acts.v[index], &fd) !=
	    OM_ACT_PRESENT)
		return -ESTALE;
	if (fstat(fd, &st) < 0)
		return -errno;
	aside->slots = (unsigned)index;
	slot = om_stage_slot(aside, S_ISDIR(st.st_mode), name);
	if (slot < 0)
		return slot;
	r = move(aside->sys, fd, slot);
	if (r == 0)
		r = aside->sys->same_object(aside->sys, fd, aside->stage_fd, name);
	return r < 0 ? r : r == 1 ? 0 : -EPROTO;
}

/* The mount in the slot of an act; -ENOENT when it was not put there. */
static int open_slot(const struct om_sys *sys, int aside_fd, const struct om_act *act,
		     size_t index)
{
	_cleanup_close_ int fd = -1;
	char name[OM_SLOT_SIZE];
	struct stat st;
	uint64_t id;
	int r;

	(void)snprintf(name, sizeof(name), "%u", (unsigned)index);
	fd = sys->open(sys, aside_fd, name, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	r = om_mount_id_as(sys, fd, act->unique, &id);
	if (r < 0)
		return r;
	if (id != act->mount_id)
		return -ENOENT;
	if (fstat(fd, &st) < 0)
		return -errno;
	return act->unique || st.st_ino == act->ino ? TAKE_FD(fd) : -ENOENT;
}

static int bring_back(const struct om_sys *sys, int aside_fd, int root_fd,
		      const struct om_act *act, size_t index)
{
	_cleanup_close_ int fd = aside_fd < 0 ? -ENOENT
					      : open_slot(sys, aside_fd, act, index);
	_cleanup_close_ int target = -1;
	_cleanup_close_ int there = -1;
	enum om_act_state state;
	int r;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0) {
		target = om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
		r = target < 0 ? target : move(sys, fd, target);
		if (r < 0)
			return r;
	}
	state = om_act_find_mount(sys, root_fd, act, &there);
	/* Covered by a stranger, or by another act that goes and was not put aside either. */
	return state == OM_ACT_PRESENT || state == OM_ACT_COVERED ? 0 : -ESTALE;
}

static void tell(const struct om_act *act, int err, struct om_str *residue)
{
	om_str_addf(residue, "%s: cannot be brought back: %s\n", OM_Q(act->path),
		    om_mount_strerror(err));
}

int om_aside_back(const struct om_sys *sys, int at, const char *name, int root_fd,
		  const struct om_journal *j, struct om_str *residue)
{
	_cleanup_close_ int aside_fd = -1;
	int result = 0;

	for (unsigned i = 0; aside_fd < 0 && aside_fd != -ENOENT && i < MAX_TRIES; i++)
		aside_fd = sys->open(sys, at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	for (size_t i = 0; i < j->n_before; i++) {
		const struct om_act *act = &j->acts.v[i];
		int r = -EIO;

		/* A name went with the mount that it is on. */
		if (!act->aside || act->inverse != OM_INVERSE_DETACH)
			continue;
		for (unsigned tries = 0; r < 0 && tries < MAX_TRIES; tries++)
			r = bring_back(sys, aside_fd, root_fd, act, i);
		if (r < 0) {
			tell(act, r, residue);
			result = -EBUSY;
		}
	}
	return result;
}
