/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one step by which a construction becomes visible, and the one that takes a mount
 * away again: both by identity.
 */
#pragma once

#include "apply/build.h"
#include "apply/journal.h"
#include "base/macro.h"
#include "strategy/plan.h"
#include "sys/sys.h"

/*
 * Attaches the construction of b at step->path beneath root_fd: writes the intent, moves
 * it there with one call, looks whether it is there and is what was built, and marks the
 * intent done.  What is not where it should be (a directory on the way was renamed) is
 * withdrawn: -ESTALE; what is not as it was built: -EPROTO.  When step covers the root,
 * b->tree_fd is the new root.
 */
int om_attach(struct om_build *b, struct om_journal *j, int root_fd,
	      const struct om_step *step) _nonnull_all_ _must_check_;

/*
 * Takes exactly the mount whose root fd is out of the namespace, with all on top of it.
 * The caller has checked that nothing of a stranger is on top.
 */
int om_detach(const struct om_sys *sys, int fd) _nonnull_all_ _must_check_;

/*
 * What was being built, and was not attached, is closed; what somebody has moved out of
 * the stage meanwhile is taken away.  0, or -EBUSY when something is left.
 */
int om_abandon(struct om_build *b, int root_fd) _nonnull_all_ _must_check_;
