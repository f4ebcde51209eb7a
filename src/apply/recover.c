/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See recover.h.
 */
#include "apply/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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

/* Finds out before anything is touched whether undo would run out of descriptors. */
static int try_descriptors(int fd)
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
	r = root_fd < 0 ? root_fd : try_descriptors(root_fd);
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
		return OM_RECOVERED_APPLIED;
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
	if (r != OM_RECOVERED_APPLIED)
		om_journal_done(j);
	return r;
}
