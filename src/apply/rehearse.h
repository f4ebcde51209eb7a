/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An update is tried in a copy of the mount namespace first, which dies with the child that
 * has made it: what cannot be done there is refused before anything is changed.
 */
#pragma once

#include "apply/apply.h"
#include "apply/changes.h"
#include "apply/state.h"
#include "base/error.h"
#include "base/macro.h"

/*
 * Takes away what goes and applies what comes, as `like` would.  0; 1 when what comes would
 * cover what was to stay, which has been taken then: om_changes_find(), and again; -errno
 * with *e filled.
 */
int om_rehearse(const struct om_apply *like, const struct om_state *state,
		struct om_changes *c, struct om_error *e) _nonnull_(1, 2, 3) _must_check_;
