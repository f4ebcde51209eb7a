/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See undo.h.  A path only says where to look: the mount that is taken away is the one
 * whose identity the journal holds, never what a stranger put on top of it.
 */
#include "apply/undo.h"

#include <errno.h>
#include <fcntl.h>

#include "apply/attach.h"
#include "apply/status.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/path.h"
#include "probe/chase.h"

/* More mounts than this on one place are not undone, but told. */
#define MAX_STACK 64
/* A call that has failed once need not fail again: an interrupt, a shortage that passed. */
#define MAX_TRIES 3

/* "PATH: WHY", and the command that shows it. */
static void tell(const struct om_undo *u, const struct om_act *act, const char *why,
		 struct om_str *residue)
{
	_cleanup_str_ struct om_str path = { 0 };

	om_str_addf(&path, "%s%s", u->root_path[1] ? u->root_path : "", act->path);
	om_str_addf(residue, "%s: %s\n", OM_Q(act->path), why);
	if (act->inverse == OM_INVERSE_DETACH && path.err == 0) {
		om_str_add(residue, "  findmnt -o +ID,PROPAGATION --mountpoint ");
		om_str_add_shell(residue, om_str_get(&path));
		om_str_add(residue, "\n");
	}
}

/* With force: what is on the place goes too, a mount at a time. */
static int uncover(const struct om_undo *u, const struct om_act *act,
		   struct om_str *residue)
{
	_cleanup_close_ int fd =
		om_open_beneath(u->sys, u->root_fd, act->path, O_PATH | O_NOFOLLOW);
	int r = fd < 0 ? fd : om_detach(u->sys, fd);

	if (r == 0)
		tell(u, act, "what was mounted on top is taken away too", residue);
	return r;
}

/* *told: how much of residue is true whatever comes of the act. */
static int undo_mount(const struct om_undo *u, const struct om_act *act,
		      struct om_str *residue, size_t *told)
{
	bool detached = false;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < MAX_STACK; i++) {
		_cleanup_close_ int fd = -1;

		switch (om_act_find_mount(u->sys, u->root_fd, act, &fd)) {
		case OM_ACT_GONE:
			return 0;
		case OM_ACT_PRESENT:
		case OM_ACT_MOVED:
			/* Looked at once more: it must be gone then. */
			r = detached ? -EPROTO : om_detach(u->sys, fd);
			detached = r == 0;
			break;
		case OM_ACT_COVERED:
			if (!u->force) {
				tell(u, act, om_act_state_text(OM_ACT_COVERED), residue);
				return -EBUSY;
			}
			r = uncover(u, act, residue);
			*told = r < 0 ? *told : residue->len;
			break;
		case OM_ACT_USED:
		case OM_ACT_UNKNOWN:
		default:
			if (detached)
				return 0;
			tell(u, act, om_act_state_text(OM_ACT_UNKNOWN), residue);
			return -EBUSY;
		}
	}
	r = r < 0 ? r : -EPROTO;
	tell(u, act, om_mount_strerror(r), residue);
	return r;
}

static int undo_name(const struct om_undo *u, const struct om_act *act,
		     struct om_str *residue)
{
	char parent[OM_MAX_PATH + 1];
	_cleanup_close_ int fd = -1;
	int r;

	om_path_parent_to(parent, act->path);
	r = fd = om_open_beneath(u->sys, u->root_fd, parent, O_PATH | O_DIRECTORY);
	if (fd >= 0 && om_act_find_name(act, u->other_boot, fd) == OM_ACT_PRESENT)
		r = u->sys->unlink(u->sys, fd, om_path_base(act->path),
				   act->inverse == OM_INVERSE_RMDIR ? AT_REMOVEDIR : 0);
	/* What somebody has put into it by now is not ours to remove. */
	if (r >= 0 || r == -ENOENT || r == -ENOTDIR || r == -ENOTEMPTY || r == -EEXIST)
		return 0;
	tell(u, act, om_mount_strerror(r), residue);
	return r;
}

/* Tells what goes wrong only when it does not go otherwise. */
static int undo_act(const struct om_undo *u, const struct om_act *act,
		    struct om_str *residue)
{
	size_t told = residue->len;
	int r = 0;

	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		om_str_cut(residue, told);
		if (act->inverse != OM_INVERSE_DETACH)
			r = undo_name(u, act, residue);
		else if (!u->names_only)
			r = undo_mount(u, act, residue, &told);
		if (r == 0)
			break;
	}
	return r;
}

int om_undo(const struct om_undo *u, struct om_journal *j, size_t first,
	    struct om_str *residue)
{
	int result = 0;

	while (j->acts.n > first) {
		struct om_act *act = &j->acts.v[j->acts.n - 1];

		if (undo_act(u, act, residue) < 0)
			result = -EBUSY;
		free(act->path);
		j->acts.n--;
	}
	return result;
}

/* A later act on the same place, or above it, covers it and is undone before. */
static bool is_covered_by_ours(const struct om_journal *j, size_t i)
{
	for (size_t k = i + 1; k < j->acts.n; k++)
		if (j->acts.v[k].inverse == OM_INVERSE_DETACH &&
		    om_path_is_under(j->acts.v[i].path, j->acts.v[k].path))
			return true;
	return false;
}

int om_undo_check(const struct om_undo *u, const struct om_journal *j, struct om_error *e)
{
	for (size_t i = 0; i < j->acts.n; i++) {
		const struct om_act *act = &j->acts.v[i];
		_cleanup_close_ int fd = -1;
		int r;

		if (act->inverse != OM_INVERSE_DETACH || is_covered_by_ours(j, i) ||
		    om_act_find_mount(u->sys, u->root_fd, act, &fd) != OM_ACT_COVERED)
			continue;
		r = om_fail(e, OM_ERR_REFUSED, -EBUSY, "cannot undo %s: %s",
			    OM_Q(act->path), om_act_state_text(OM_ACT_COVERED));
		om_error_fix(e, "unmount that first, or take it away too: "
				"overmount undo --force");
		return r;
	}
	return 0;
}
