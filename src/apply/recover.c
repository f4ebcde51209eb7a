/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See recover.h.
 */
#include "apply/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "apply/aside.h"
#include "apply/stage.h"
#include "apply/undo.h"
#include "base/cleanup.h"

static int forget(struct om_state *s, const struct om_journal *j, struct om_error *e)
{
	int r;

	s->made = s->made || j->origin.made_dir;
	r = om_state_forget(s);
	return r < 0 ? om_fail_errno(e, OM_ERR_BROKEN, r, "cannot remove the journal %s",
				     OM_Q(s->name))
		     : 0;
}

/* More than this undo never has open at once. */
#define DESCRIPTORS 8

int om_recover_try_descriptors(int fd)
{
	int fds[DESCRIPTORS];
	size_t n = 0;
	int r = 0;

	while (r == 0 && n < DESCRIPTORS) {
		fds[n] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		r = fds[n] < 0 ? -errno : 0;
		n += r == 0;
	}
	while (n > 0)
		(void)om_close(fds[--n]);
	return r;
}

static int undo(const struct om_undo *how, struct om_state *s, struct om_journal *j,
		struct om_str *residue, struct om_error *e)
{
	struct om_undo u = *how;
	_cleanup_close_ int root_fd =
		u.sys->open(u.sys, AT_FDCWD, j->root_path, O_PATH | O_DIRECTORY, 0);
	int r;

	/* Of a dead namespace: what is named by paths is here, or it is nowhere. */
	if (root_fd < 0 && u.names_only)
		return forget(s, j, e);
	r = root_fd < 0 ? root_fd : om_recover_try_descriptors(root_fd);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot undo beneath %s",
				     OM_Q(j->root_path));
	u.root_fd = root_fd;
	u.root_path = j->root_path;
	r = u.force || u.names_only ? 0 : om_undo_check(&u, j, e);
	if (r < 0)
		return r;
	if (om_undo(&u, j, 0, residue) < 0)
		return om_fail(e, OM_ERR_BROKEN, -EBUSY, "cannot undo everything");
	return forget(s, j, e);
}

int om_recover_undo(const struct om_sys *sys, struct om_state *s, bool force,
		    struct om_journal *j, struct om_str *residue, struct om_error *e)
{
	const struct om_undo how = { .sys = sys, .force = force };

	return undo(&how, s, j, residue, e);
}

int om_recover_put_back(const struct om_sys *sys, struct om_state *s, int root_fd,
			struct om_journal *j, struct om_str *residue)
{
	int r = om_aside_back(sys, s->stage_at, s->aside_name, root_fd, j, residue);

	if (r < 0)
		return r;
	/* What has failed once need not fail again. */
	r = -EIO;
	for (unsigned tries = 0; r < 0 && tries < 3; tries++)
		r = om_journal_cut(j);
	if (r == 0) {
		om_journal_drop_replacement(s->dirfd, s->name);
		r = -EIO;
		for (unsigned tries = 0; r < 0 && tries < 3; tries++)
			r = om_stage_clear(sys, s->stage_at, s->aside_name);
	}
	if (r < 0)
		om_str_addf(residue, "%s: %s\n", OM_Q(s->name), om_mount_strerror(r));
	return r < 0 ? -EBUSY : 0;
}

/* An update did not end: what it has made goes, and what it has put aside comes back. */
static int settle_update(const struct om_undo *how, struct om_state *s,
			 struct om_journal *j, struct om_str *residue, struct om_error *e)
{
	struct om_undo u = *how;
	_cleanup_close_ int root_fd =
		u.sys->open(u.sys, AT_FDCWD, j->root_path, O_PATH | O_DIRECTORY, 0);
	int r = root_fd < 0 ? root_fd : om_recover_try_descriptors(root_fd);

	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot undo beneath %s",
				     OM_Q(j->root_path));
	u.root_fd = root_fd;
	u.root_path = j->root_path;
	for (size_t i = j->n_before; r == 0 && !u.force && i < j->acts.n; i++)
		if (!j->acts.v[i].inner)
			r = om_undo_check_act(&u, j, i, e);
	if (r < 0)
		return r;
	if (om_undo(&u, j, j->n_before, residue) < 0 ||
	    om_recover_put_back(u.sys, s, root_fd, j, residue) < 0)
		return om_fail(e, OM_ERR_BROKEN, -EBUSY,
			       "cannot bring everything back that an update has taken "
			       "away");
	return OM_RECOVERED_RESTORED;
}

/* An update was cut short after it had ended. */
static int clear_aside(const struct om_sys *sys, struct om_state *s, struct om_error *e)
{
	int r = s->stage_at < 0 ? 0 : om_stage_clear(sys, s->stage_at, s->aside_name);

	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot take away what an update has put aside")
		     : OM_RECOVERED_APPLIED;
}

static int settle(const struct om_sys *sys, struct om_state *s, bool force,
		  struct om_journal *j, struct om_str *residue, struct om_error *e)
{
	struct om_undo how = { .sys = sys, .force = force };
	int loaded = om_state_load_journal(s, j, e), r;

	if (loaded == -ENOENT)
		return OM_RECOVERED_NOTHING;
	if (loaded < 0 && loaded != -ESTALE)
		return loaded;
	if (loaded == 0 && j->committed)
		return j->origin.updated ? clear_aside(sys, s, e) : OM_RECOVERED_APPLIED;
	if (loaded == 0 && j->updating)
		return settle_update(&how, s, j, residue, e);
	/* Of a dead one the mounts that were aside are gone, too. */
	if (j->updating || j->origin.updated) {
		om_journal_drop_replacement(s->dirfd, s->name);
		(void)unlinkat(s->dirfd, s->aside_name, AT_REMOVEDIR);
	}
	how.names_only = loaded == -ESTALE;
	how.other_boot = memcmp(j->origin.boot, s->boot, sizeof(s->boot)) != 0;
	r = undo(&how, s, j, residue, e);
	return r < 0 ? r : loaded == -ESTALE ? OM_RECOVERED_DROPPED : OM_RECOVERED_UNDONE;
}

int om_recover(const struct om_sys *sys, struct om_state *s, bool force,
	       struct om_journal *j, struct om_str *residue, struct om_error *e)
{
	int r = s->stage_at < 0 ? 0 : om_stage_clear(sys, s->stage_at, s->stage_name);

	om_journal_init(j);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot take an old stage away");
	r = settle(sys, s, force, j, residue, e);
	if (r != OM_RECOVERED_APPLIED && r != OM_RECOVERED_RESTORED)
		om_journal_done(j);
	return r;
}
