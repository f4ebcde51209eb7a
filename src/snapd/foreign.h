/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What snapd's own tool has made, taken away as it does it: by the paths of its profile.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/macro.h"
#include "snapd/fstab.h"
#include "sys/sys.h"

struct om_snapd_listed {
	const struct om_sys *sys; /* borrowed, as all here */
	int root_fd;
	/*
	 * A file that says how far somebody who was killed has come with the same profile:
	 * by paths alone it could not be told that an entry is done, and what lies below its
	 * mount would be taken away, too.
	 */
	int progress_fd;
	uint32_t sum; /* of the profile: what is noted of another one does not count */
};

/*
 * Takes away what p lists, from the last entry to the first, but for the root that
 * snap-confine made.  A mount that is not there any more is done.  The first failure ends
 * it: *e filled.
 */
int om_snapd_undo_listed(const struct om_snapd_listed *l,
			 const struct om_snapd_profile *p, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
