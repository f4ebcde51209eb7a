/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See undo.h.  A path only says where to look: the mount that is taken away is the one
 * whose identity the journal holds, never what a stranger put on top of it.
 */
#include "apply/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "apply/attach.h"
#include "apply/below.h"
#include "apply/status.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/path.h"
#include "probe/chase.h"

/* More mounts than this on one place are not undone, but told. */
#define MAX_STACK 64
/* A call that has failed once need not fail again: an interrupt, a shortage that passed. */
#define MAX_TRIES 3

#define TEXT_STRANGER "something else is mounted inside of it"

/* "PATH: WHY" */
static void tell_only(const struct om_act *act, const char *why, struct om_str *residue)
{
	om_str_addf(residue, "%s: %s\n", OM_Q(act->path), why);
}

/* And the command that shows it. */
static void tell(const struct om_undo *u, const struct om_act *act, const char *why,
		 struct om_str *residue)
{
	_cleanup_str_ struct om_str path = { 0 };

	om_str_addf(&path, "%s%s", u->root_path[1] ? u->root_path : "", act->path);
	tell_only(act, why, residue);
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
		tell_only(act, "what was mounted on top is taken away too", residue);
	return r;
}

/* Whether something is on top is asked of entries alone: of the rest there are thousands. */
static bool is_in_place(const struct om_act *act, struct om_below *below)
{
	const struct om_mount_id id = om_act_id(act);

	return !act->entry && om_below_has(below, &id);
}

/* Mounts of the acts from index i on are not newer; UINT64_MAX when that is not known. */
static uint64_t newest_of(const struct om_journal *j, size_t i, uint64_t at_least)
{
	uint64_t newest = at_least;

	for (; i < j->acts.n; i++) {
		const struct om_act *act = &j->acts.v[i];

		if (act->inverse != OM_INVERSE_DETACH || act->inner)
			continue;
		/* Ids of the other kind say nothing about age. */
		if (!act->done || !act->unique || act->newest == 0)
			return UINT64_MAX;
		if (act->newest > newest)
			newest = act->newest;
	}
	return newest;
}

/*
 * Has somebody mounted inside of it since?  Later acts of ours may have, too, as long as
 * they are not undone.  Told where, as far as that is known.
 */
static bool has_stranger(const struct om_undo *u, const struct om_journal *j,
			 size_t outer, char *path, size_t size)
{
	const struct om_mount_id outer_id = om_act_id(&j->acts.v[outer]);
	uint64_t newest = newest_of(j, outer, u->newest_left);
	struct om_mount_id id = { 0, true };

	path[0] = '\0';
	if (om_below_find_stranger(u->sys, &outer_id, newest, &id.id) == 0)
		return false;
	if (u->sys->mount_point(u->sys, &id, 0, path, size) < 0)
		path[0] = '\0';
	return true;
}

/*
 * What was inside goes with its construction, unless somebody has moved it elsewhere: then
 * it goes first, while nothing else can have its id.
 */
static int undo_moved(const struct om_undo *u, const struct om_journal *j, size_t outer,
		      struct om_str *residue)
{
	const struct om_mount_id id = om_act_id(&j->acts.v[outer]);
	struct om_below below;
	int result = 0;

	om_below_init(&below, u->sys, &id);
	for (size_t i = om_journal_first_inner(j, outer); i < outer; i++) {
		const struct om_act *act = &j->acts.v[i];
		_cleanup_close_ int fd = -1;
		enum om_act_state state;
		int r = 0;

		if (is_in_place(act, &below))
			continue;
		state = om_act_find_mount(u->sys, u->root_fd, act, &fd);
		if (state == OM_ACT_MOVED)
			r = om_detach(u->sys, fd);
		else if (state == OM_ACT_COVERED && !u->force)
			r = -EBUSY;
		if (r == 0)
			continue;
		tell(u, act,
		     state == OM_ACT_MOVED ? om_mount_strerror(r)
					   : om_act_state_text(state),
		     residue);
		result = -EBUSY;
	}
	return result;
}

int om_undo_inner(const struct om_undo *u, const struct om_journal *j, size_t outer,
		  struct om_str *residue)
{
	const struct om_act *act = &j->acts.v[outer];
	char path[OM_MAX_PATH + 1];
	int r = undo_moved(u, j, outer, residue);

	if (r < 0 || !has_stranger(u, j, outer, path, sizeof(path)))
		return r;
	if (u->force)
		tell_only(act, "what was mounted inside of it is taken away too",
			  residue);
	else
		tell(u, act, TEXT_STRANGER, residue);
	return u->force ? 0 : -EBUSY;
}

/* Once it is gone, what it had covered is the root. */
static bool uncovers_root(const struct om_undo *u, const struct om_act *act)
{
	return u->n_covered > 0 && act->inverse == OM_INVERSE_DETACH && !act->inner &&
	       act->path[1] == '\0';
}

/* *told: how much of residue is true whatever comes of the act. */
static int undo_mount(const struct om_undo *u, const struct om_journal *j, size_t index,
		      struct om_str *residue, size_t *told)
{
	const struct om_act *act = &j->acts.v[index];
	bool detached = false;
	int root_fd = u->root_fd, r = 0;

	for (unsigned i = 0; r == 0 && i < MAX_STACK; i++) {
		_cleanup_close_ int fd = -1;

		switch (om_act_find_mount(u->sys, root_fd, act, &fd)) {
		case OM_ACT_GONE:
			/* A reusable id may be a stranger's since it went. */
			return detached || !act->unique
				       ? 0
				       : om_undo_inner(u, j, index, residue);
		case OM_ACT_PRESENT:
		case OM_ACT_MOVED:
			if (!detached && om_undo_inner(u, j, index, residue) < 0)
				return -EBUSY;
			*told = residue->len;
			/* Looked at once more: it must be gone then. */
			r = detached ? -EPROTO : om_detach(u->sys, fd);
			detached = r == 0;
			/* By the mount itself it would be found for ever. */
			if (detached && uncovers_root(u, act))
				root_fd = u->covered[u->n_covered - 1];
			break;
		case OM_ACT_COVERED:
			if (!u->force) {
				tell(u, act, om_act_state_text(OM_ACT_COVERED), residue);
				return -EBUSY;
			}
			r = uncover(u, act, residue);
			*told = r < 0 ? *told : residue->len;
			break;
		case OM_ACT_CHANGED:
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
static int undo_act(const struct om_undo *u, const struct om_journal *j, size_t index,
		    struct om_str *residue)
{
	const struct om_act *act = &j->acts.v[index];
	size_t told = residue->len;
	int r = 0;

	for (unsigned tries = 0; tries < MAX_TRIES; tries++) {
		om_str_cut(residue, told);
		if (act->inverse != OM_INVERSE_DETACH)
			r = undo_name(u, act, residue);
		else if (!u->names_only)
			r = undo_mount(u, j, index, residue, &told);
		if (r == 0)
			break;
	}
	return r;
}

static enum om_act_state find(const struct om_undo *u, const struct om_act *act)
{
	_cleanup_close_ int fd = -1;

	return om_act_find_mount(u->sys, u->root_fd, act, &fd);
}

/*
 * Which mounts may still be ours, now that the last act was left.  How new those of an
 * attach that failed are is not known; but if somebody lies on it, that is newer than all
 * that was written down of it, and must not go with what both lie in.
 */
static uint64_t newest_with(const struct om_undo *u, const struct om_journal *j,
			    size_t last)
{
	const struct om_act *act = &j->acts.v[last];
	uint64_t newest = u->newest_left;

	if (act->done || !act->unique || find(u, act) != OM_ACT_COVERED)
		return newest_of(j, last, newest);
	for (size_t i = om_journal_first_inner(j, last); i <= last; i++)
		if (j->acts.v[i].mount_id > newest)
			newest = j->acts.v[i].mount_id;
	return newest;
}

int om_undo(const struct om_undo *u, struct om_journal *j, size_t first,
	    struct om_str *residue)
{
	struct om_undo now = *u;
	int result = 0;

	while (j->acts.n > first) {
		size_t last = j->acts.n - 1;

		/* What is inside went with what it is in. */
		if (!j->acts.v[last].inner && undo_act(&now, j, last, residue) < 0) {
			now.newest_left = newest_with(&now, j, last);
			result = -EBUSY;
		}
		if (uncovers_root(&now, &j->acts.v[last]))
			now.root_fd = now.covered[--now.n_covered];
		free(j->acts.v[last].path);
		j->acts.n = last;
	}
	return result;
}

static int refuse(const struct om_act *act, const char *why, struct om_error *e)
{
	int r = om_fail(e, OM_ERR_REFUSED, -EBUSY, "cannot undo %s: %s", OM_Q(act->path),
			why);

	om_error_fix(e, "unmount that first, or take it away too: overmount undo "
			"--force");
	return r;
}

static int check_inner(const struct om_undo *u, const struct om_journal *j, size_t outer,
		       struct om_error *e)
{
	const char *covered = om_act_state_text(OM_ACT_COVERED);
	const struct om_act *act = &j->acts.v[outer];
	char path[OM_MAX_PATH + 1], why[OM_MAX_PATH + 64];
	const struct om_mount_id id = om_act_id(act);
	struct om_below below;

	om_below_init(&below, u->sys, &id);
	for (size_t i = om_journal_first_inner(j, outer); i < outer; i++)
		if (!is_in_place(&j->acts.v[i], &below) &&
		    om_journal_cover(j, i) == j->acts.n &&
		    find(u, &j->acts.v[i]) == OM_ACT_COVERED)
			return refuse(&j->acts.v[i], covered, e);
	if (!has_stranger(u, j, outer, path, sizeof(path)))
		return 0;
	(void)snprintf(why, sizeof(why), TEXT_STRANGER "%s%s", path[0] ? ", at " : "",
		       path[0] ? OM_Q(path) : "");
	return refuse(act, why, e);
}

int om_undo_check_act(const struct om_undo *u, const struct om_journal *j, size_t i,
		      struct om_error *e)
{
	const struct om_act *act = &j->acts.v[i];
	enum om_act_state state;

	if (act->inverse != OM_INVERSE_DETACH || om_journal_cover(j, i) < j->acts.n)
		return 0;
	state = find(u, act);
	if (state == OM_ACT_COVERED)
		return refuse(act, om_act_state_text(state), e);
	return state == OM_ACT_PRESENT ? check_inner(u, j, i, e) : 0;
}

int om_undo_check(const struct om_undo *u, const struct om_journal *j, struct om_error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < j->acts.n; i++)
		if (!j->acts.v[i].inner)
			r = om_undo_check_act(u, j, i, e);
	return r;
}
