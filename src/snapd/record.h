/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The current profile as snapd's own tool understands it.  That takes away, in reverse
 * order, whatever is listed, by its path; so each mount of a construction is listed, and
 * nothing that only goes with one.
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "profile/profile.h"
#include "snapd/fstab.h"
#include "strategy/plan.h"

/* The id that stands for entries that the original must not keep: none has it. */
#define OM_SNAPD_NOBODY "overmount"

/*
 * Appends what the plan makes.  entries are those of the desired profile: a step's entry
 * is known by its line.  -ENOMEM.
 */
int om_snapd_record(const struct om_snapd_profile *desired,
		    const struct om_profile *entries, const struct om_plan *plan,
		    struct om_snapd_profile *current) _nonnull_all_ _must_check_;
/* Is it a line for something that stands for a source which was not there? */
bool om_snapd_is_source(const struct om_snapd_entry *entry) _nonnull_all_;
/* The entry with that line, or NULL. */
const struct om_snapd_entry *om_snapd_find_line(const struct om_snapd_profile *p,
						unsigned line) _nonnull_all_;
