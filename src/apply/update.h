/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From one profile to another in a live namespace.  What goes is moved aside, what comes is
 * built and attached, and then the journal is replaced: until that one call the old profile
 * comes back whatever happens, from then on it is gone.
 */
#pragma once

#include "apply/apply.h"
#include "apply/changes.h"
#include "apply/state.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"

/*
 * Makes what is applied be c->new instead of c->old.  a is ready to apply, with the journal
 * c->j.  0: so it is.  Else *e: REFUSED or SYSTEM, nothing was changed; UNDONE, all is as
 * before; BROKEN, with residue: something is left, and om_recover() goes on from there.
 */
int om_update(struct om_apply *a, struct om_state *state, struct om_changes *c,
	      struct om_str *residue, struct om_error *e)
	_nonnull_(1, 2, 3, 4) _must_check_;
