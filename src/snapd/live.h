/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From what is applied to a desired profile in a live namespace: what depends on no change
 * stays the very same mount.
 */
#pragma once

#include <stdint.h>

#include "apply/journal.h"
#include "apply/state.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "snapd/applied.h"
#include "snapd/classes.h"

struct om_snapd_live {
	/*
	 * Ready to apply, in the journal of what is applied.  Its current profile is the one
	 * before, and then the one afterwards.
	 */
	const struct om_snapd_classes *classes;
	struct om_state *state;
	const struct om_snapd_applied *old;
	struct om_snapd_applied *ret; /* what is applied now; the caller's in any case */
	bool ended; /* set when the update is made, although it could not be listed */
};

/*
 * 0: all of it is done.  1: it cannot be done that way and nothing has changed, as when
 * something that is fatal cannot be had; *e says why.  Else -errno: interrupted with all as
 * before; BROKEN, with residue; or `ended`.  With 1 the journal has to be loaded again.
 */
int om_snapd_live_update(struct om_snapd_live *l, struct om_str *residue,
			 struct om_error *e) _nonnull_all_ _must_check_;

/* Stands for the acts of a journal; 0 when there are none. */
uint32_t om_snapd_sum_acts(const struct om_journal *j) _nonnull_all_;
