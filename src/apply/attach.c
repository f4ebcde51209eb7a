/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See attach.h.
 */
#include "apply/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "apply/below.h"
#include "apply/stage.h"
#include "apply/status.h"
#include "apply/undo.h"
#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"
#include "probe/chase.h"

static int move(struct om_build *b, int target_fd)
{
	/* Mounts of a shared source would send what happens below them back to it. */
	int r = om_build_set_attr(b, b->tree_fd, true, 0, MS_SLAVE);

	if (r < 0)
		return r;
	if (b->fd_api)
		return b->sys->move_mount(b->sys, b->tree_fd, target_fd, "");
	return b->sys->mount(b->sys, OM_FD_PATH(b->tree_fd), OM_FD_PATH(target_fd), NULL,
			     MS_MOVE, NULL);
}

/*
 * At the mount that fd lies on, by its unique id or, where a filter hides that call, by the
 * other one; *id says which.
 */
static int look_by_id(const struct om_sys *sys, int fd, struct om_mount_id *id,
		      struct om_mount_look *ret)
{
	int r = sys->mount_look(sys, id, ret);

	if (r != -ENOSYS)
		return r;
	id->unique = false;
	r = sys->statx_mount_id(sys, fd, false, &id->id);
	return r < 0 ? -ENOSYS : sys->mount_look(sys, id, ret);
}

static int look_at_fd(const struct om_sys *sys, int fd, struct om_mount_look *ret)
{
	struct om_mount_id id;
	int r = sys->mount_id(sys, fd, &id.id, &id.unique);

	return r < 0 ? r : look_by_id(sys, fd, &id, ret);
}

/* A mount under a shared parent becomes shared itself, whatever it was (mount(2)). */
static int check_propagation(const struct om_build *b, const struct om_mount_look *look,
			     int target_fd)
{
	struct om_mount_look parent;
	int r;

	if (!(look->propagation & MS_SHARED))
		return 0;
	r = look_at_fd(b->sys, target_fd, &parent);
	return r < 0 ? r : parent.propagation & MS_SHARED ? 0 : -EPROTO;
}

/* The kernel puts it on top of what somebody has mounted there since it was opened. */
static int check_parent(const struct om_build *b, const struct om_mount_look *look,
			bool unique, int target_fd)
{
	uint64_t id;
	int r;

	if (look->parent == 0)
		return 0;
	r = om_mount_id_as(b->sys, target_fd, unique, &id);
	return r < 0 ? r : id == look->parent ? 0 : -ESTALE;
}

static bool is_source(const struct om_mount_look *look)
{
	return !look->has_source || om_streq(look->source, OM_SOURCE_NAME);
}

/* Nothing asks a context for its source, so that of each tmpfs is looked at here. */
static int check_sources(const struct om_build *b, const struct om_mount_look *root)
{
	if (b->tree_is_new && !is_source(root))
		return -EPROTO;
	for (size_t i = b->ours_before; i < b->ours.n; i++) {
		struct om_mount_look look;
		int r;

		/* mount(2) takes it together with all the rest. */
		if (!b->ours.v[i].unique)
			continue;
		r = b->sys->mount_look(b->sys, &b->ours.v[i], &look);
		if (r == -ENOSYS)
			continue;
		if (r < 0)
			return r;
		if (!is_source(&look))
			return -EPROTO;
	}
	return 0;
}

/* The kernel shows an option only where it is not the default. */
static bool is_default(const char *parameter, const char *value)
{
	char text[8];

	return om_read_line(AT_FDCWD, parameter, text, sizeof(text)) < 0 ||
	       om_streq(text, value);
}

static int check_options(const struct om_build *b, const struct om_mount_look *look)
{
	static const struct {
		const char *option;
		const char *parameter;
	} options[] = {
		{ "redirect_dir=nofollow",
		  "/sys/module/overlay/parameters/redirect_always_follow" },
		{ "metacopy=off", "/sys/module/overlay/parameters/metacopy" },
		{ "index=off", "/sys/module/overlay/parameters/index" },
	};

	if (b->overlay_userxattr && look->has_options &&
	    !strstr(look->options, "userxattr"))
		return -EPROTO;

	for (size_t i = 0; look->has_options && i < b->overlay_options; i++)
		if (!strstr(look->options, options[i].option) &&
		    !is_default(options[i].parameter, "N"))
			return -EPROTO;
	return 0;
}

/* On the stage somebody could have changed it; it is as it was when it was built. */
static int check_attr(const struct om_sys *sys, int fd, const struct om_act *act)
{
	unsigned attr;
	int r = sys->mount_attr(sys, fd, &attr);

	return r < 0 ? r : attr == act->attr ? 0 : -ESTALE;
}

/* Is it there, and nothing else, and as it was built? */
static int verify(const struct om_build *b, int root_fd, const struct om_step *step,
		  int target_fd, struct om_act *act)
{
	struct om_mount_id id = om_act_id(act);
	_cleanup_close_ int now = -1;
	struct om_mount_look look;
	uint64_t seen;
	int r;

	if (step->path[1] != '\0') {
		/* The directory may have been renamed away meanwhile: look where the path
		 * leads now. */
		now = om_open_beneath(b->sys, root_fd, step->path, O_PATH | O_NOFOLLOW);
		r = now < 0 ? now : om_mount_id_as(b->sys, now, act->unique, &seen);
		if (r < 0)
			return r;
		if (seen != act->mount_id)
			return -ESTALE;
	}
	r = check_attr(b->sys, b->tree_fd, act);
	if (r < 0)
		return r;
	r = look_by_id(b->sys, b->tree_fd, &id, &look);
	/* A filter hides it: then it cannot be told, and is not held against the kernel. */
	if (r == -ENOSYS)
		return 0;
	act->shared = r == 0 && look.propagation & MS_SHARED;
	if (r == 0)
		r = check_parent(b, &look, id.unique, target_fd);
	if (r == 0)
		r = check_propagation(b, &look, target_fd);
	if (r == 0)
		r = check_sources(b, &look);
	return r < 0 ? r : check_options(b, &look);
}

/*
 * Is what was built inside still there?  That somebody mounts on top of it, now that he
 * can, is not our failure.
 */
static int verify_inner(const struct om_build *b, const struct om_journal *j,
			size_t outer, int root_fd)
{
	const struct om_mount_id outer_id = om_act_id(&j->acts.v[outer]);
	struct om_below below;

	om_below_init(&below, b->sys, &outer_id);
	for (size_t i = outer - b->inner.n; i < outer; i++) {
		const struct om_act *act = &j->acts.v[i];
		const struct om_mount_id id = om_act_id(act);
		_cleanup_close_ int fd = -1;
		enum om_act_state state;
		int r;

		/* Nobody but us could reach what was detached. */
		if (!act->entry && b->detached && om_below_has(&below, &id))
			continue;
		state = om_act_find_mount(b->sys, root_fd, act, &fd);
		if (state == OM_ACT_COVERED || (state == OM_ACT_GONE && act->follows))
			continue;
		r = state == OM_ACT_PRESENT ? check_attr(b->sys, fd, act) : -ESTALE;
		if (r < 0)
			return r;
	}
	return 0;
}

/* What comes to be inside from now on is a stranger's. */
static uint64_t find_newest(const struct om_build *b, const struct om_act *outer)
{
	const struct om_mount_id id = om_act_id(outer);
	bool list = b->unlisted;
	uint64_t newest = id.id;

	for (size_t i = 0; i < b->inner.n; i++) {
		const struct om_build_inner *inner = &b->inner.v[i];

		/* A failure may have hidden the unique id of one. */
		list = list || !inner->id.unique;
		if (inner->id.id > newest)
			newest = inner->id.id;
	}
	return list ? om_below_newest(b->sys, &id) : newest;
}

static struct om_act act_of_inner(const struct om_build_inner *inner)
{
	return (struct om_act){
		.inverse = OM_INVERSE_DETACH,
		.strategy = inner->step->strategy,
		/* borrowed */
		.path = inner->path ? inner->path : (char *)(uintptr_t)inner->step->path,
		.mount_id = inner->id.id,
		.unique = inner->id.unique,
		.dev = inner->dev,
		.ino = inner->ino,
		.attr = inner->attr,
		.want = inner->want,
		.inner = true,
		.entry = inner->step->entry != SIZE_MAX && !inner->brought,
		.follows = inner->follows,
	};
}

static int write_inner(const struct om_build *b, struct om_journal *j)
{
	_cleanup_free_ struct om_act *acts = NULL;
	size_t more = 0;
	int r;

	if (b->inner.n == 0)
		return 0;
	acts = calloc(b->inner.n, sizeof(*acts));
	if (!acts)
		return -ENOMEM;
	for (size_t i = 0; i < b->inner.n; i++) {
		acts[i] = act_of_inner(&b->inner.v[i]);
		/* The plan knew nothing of it. */
		if (b->inner.v[i].brought)
			more += om_journal_inner_size(acts[i].path);
	}
	r = more ? om_journal_reserve_more(j, more) : 0;
	return r < 0 ? r : om_journal_inner(j, acts, b->inner.n);
}

static int identify(const struct om_build *b, struct om_act *act)
{
	struct om_mount_look look;
	struct om_mount_id id = { 0 };
	struct stat st;
	int r = b->sys->mount_id(b->sys, b->tree_fd, &id.id, &id.unique);

	act->mount_id = id.id;
	act->unique = id.unique;
	act->attr = b->tree_attr;
	act->want = b->tree_want;
	if (r < 0 || id.unique)
		return r;
	if (fstat(b->tree_fd, &st) < 0)
		return -errno;
	act->ino = st.st_ino;
	/* On the stage it is in the table; detached, without unique ids, it is nowhere. */
	r = b->sys->mount_look(b->sys, &id, &look);
	if (r == 0)
		act->print = look.print;
	return r == -ENOENT ? 0 : r;
}

/*
 * What the construction is to cover: of the right kind, since O_PATH opens a link itself,
 * and the very directory that it was made from.
 */
static int open_target(const struct om_build *b, int root_fd, const struct om_step *step)
{
	_cleanup_close_ int fd =
		om_open_beneath(b->sys, root_fd, step->path, O_PATH | O_NOFOLLOW);
	struct stat st;
	int r = fd < 0 ? fd : om_build_check_kind(fd, step->dir, &st);

	if (r < 0)
		return r;
	if (b->hole_ino != 0 && (st.st_ino != b->hole_ino || st.st_dev != b->hole_dev))
		return -ESTALE;
	return TAKE_FD(fd);
}

/* By the descriptor, wherever it hangs; not when that would take a stranger along. */
static int withdraw(const struct om_build *b, int root_fd, const struct om_journal *j,
		    size_t index)
{
	const struct om_undo undo = { .sys = b->sys,
				      .root_fd = root_fd,
				      .root_path = "/" };
	_cleanup_str_ struct om_str residue = { 0 };
	_cleanup_close_ int fd = -1;

	if (om_act_find_mount(b->sys, root_fd, &j->acts.v[index], &fd) ==
		    OM_ACT_COVERED ||
	    om_undo_inner(&undo, j, index, &residue) < 0)
		return -EBUSY;
	return om_detach(b->sys, b->tree_fd) < 0 ? -EBUSY : 0;
}

int om_attach(struct om_build *b, struct om_journal *j, int root_fd,
	      const struct om_step *step)
{
	struct om_act act = { .inverse = OM_INVERSE_DETACH, .strategy = step->strategy };
	_cleanup_close_ int target = open_target(b, root_fd, step);
	int index, r, left;

	if (target < 0)
		return target;
	r = identify(b, &act);
	if (r < 0)
		return r;
	r = write_inner(b, j);
	if (r < 0)
		return r;
	index = om_journal_intent(j, &act, step->path);
	r = index < 0 ? index : move(b, target);
	if (r < 0)
		return r;
	r = verify(b, root_fd, step, target, &j->acts.v[index]);
	/* What covers the root is from now on the root. */
	if (r == 0)
		r = verify_inner(b, j, (size_t)index,
				 step->path[1] == '\0' ? b->tree_fd : root_fd);
	if (r == 0) {
		j->acts.v[index].newest = find_newest(b, &j->acts.v[index]);
		return om_journal_mark_done(j, (size_t)index);
	}
	/* If withdrawing fails too, undo finds it by the intent. */
	left = withdraw(b, root_fd, j, (size_t)index);
	return left < 0 ? left : r;
}

/* Moving into a detached tree that is closed at once takes exactly this mount away. */
static int bury(const struct om_sys *sys, int fd)
{
	_cleanup_close_ int fs = -1;
	_cleanup_close_ int grave = -1;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	fs = sys->fsopen(sys, "tmpfs");
	r = fs < 0 ? fs : sys->fsconfig_create(sys, fs);
	if (r < 0)
		return r;
	grave = sys->fsmount(sys, fs, OM_ATTR_NOSUID | OM_ATTR_NODEV);
	if (grave < 0)
		return grave;
	r = S_ISDIR(st.st_mode) ? sys->mkdir(sys, grave, "g", 0700)
				: sys->mkfile(sys, grave, "g", 0600);
	return r < 0 ? r : sys->move_mount(sys, fd, grave, "g");
}

int om_detach(const struct om_sys *sys, int fd)
{
	int r = bury(sys, fd);

	/* compat: until 6.15 is the floor; also where the parent is shared. */
	if (r < 0)
		r = sys->umount(sys, OM_FD_PATH(fd), MNT_DETACH);
	return r;
}

/* What is in no namespace goes when its descriptor is closed. */
static int abandon_fd(const struct om_build *b, int fd)
{
	struct om_mount_look look;

	if (fd < 0 || look_at_fd(b->sys, fd, &look) < 0)
		return 0;
	return om_detach(b->sys, fd);
}

int om_abandon(struct om_build *b, int root_fd)
{
	int result = om_stage_unmount(b) < 0 && om_stage_unmount(b) < 0 ? -EBUSY : 0;

	for (size_t i = 0; i < b->inner.n; i++) {
		const struct om_act act = act_of_inner(&b->inner.v[i]);
		_cleanup_close_ int fd = -1;

		if (om_act_find_mount(b->sys, root_fd, &act, &fd) == OM_ACT_MOVED &&
		    om_detach(b->sys, fd) < 0)
			result = -EBUSY;
	}
	if (abandon_fd(b, b->tree_fd) < 0 || abandon_fd(b, b->skeleton_fd) < 0)
		result = -EBUSY;
	om_build_drop_tree(b);
	return result;
}
