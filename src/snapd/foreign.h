/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What snapd's own tool has made, taken away as it does it: by the paths of its profile.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "snapd/fstab.h"
#include "sys/sys.h"

/*
 * Takes away what p lists, from the last entry to the first, but for the root that
 * snap-confine made.  A mount that is not there any more is done.  The first failure ends
 * it: *e filled.
 */
int om_snapd_undo_listed(const struct om_sys *sys, int root_fd,
			 const struct om_snapd_profile *p, struct om_error *e)
	_nonnull_(1, 3) _must_check_;
