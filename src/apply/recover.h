/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After a crash: what the dead process had made visible goes away, by its journal.
 */
#pragma once

#include "apply/journal.h"
#include "apply/state.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "sys/sys.h"

/* What was found in a namespace. */
enum om_recovered {
	OM_RECOVERED_NOTHING,
	OM_RECOVERED_UNDONE,  /* an apply that did not end */
	OM_RECOVERED_DROPPED, /* the journal of a dead namespace or of another boot */
	OM_RECOVERED_APPLIED, /* a whole profile: it stays */
	OM_RECOVERED_RESTORED, /* an update that did not end: the profile before it is back */
};

/*
 * Clears the stage and settles the journal of s, whose lock is held.  With APPLIED and
 * RESTORED *j is loaded, and is the caller's; otherwise it is empty.  Idempotent.  REFUSED, with nothing
 * changed, when something of a stranger is on top and force is not given.
 */
int om_recover(const struct om_sys *sys, struct om_state *s, bool force,
	       struct om_journal *j, struct om_str *residue, struct om_error *e)
	_nonnull_(1, 2, 4, 5) _must_check_;

/*
 * Finds out before anything is touched whether undo would run out of descriptors; fd is any
 * that is open.  0 or -errno.
 */
int om_recover_try_descriptors(int fd) _must_check_;

/*
 * What an update has put aside comes back, what it has made being undone already, and the
 * journal is as it was before.  0, or -EBUSY with the rest told: the update is still not
 * ended then.
 */
int om_recover_put_back(const struct om_sys *sys, struct om_state *s, int root_fd,
			struct om_journal *j,
			struct om_str *residue) _nonnull_all_ _must_check_;

/* Undoes what j says, whole or not, and forgets it.  As om_recover(). */
int om_recover_undo(const struct om_sys *sys, struct om_state *s, bool force,
		    struct om_journal *j, struct om_str *residue, struct om_error *e)
	_nonnull_(1, 2, 4, 5) _must_check_;
