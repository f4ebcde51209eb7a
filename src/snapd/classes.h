/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A desired profile, class by class, in snapd's order: overname, what interfaces bring,
 * layouts.  Without an overname or a layout the snap does not start; without what an
 * interface brings it does, and that is told.
 */
#pragma once

#include "apply/apply.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "snapd/applied.h"
#include "snapd/fstab.h"
#include "snapd/places.h"

struct om_snapd_classes {
	struct om_apply *apply; /* borrowed, as all here */
	const struct om_places *places;
	const struct om_snapd_profile *desired;
	struct om_snapd_profile *current; /* what was made is appended */
	struct om_snapd_items *items;	  /* and which entries that was for */
	const char *file;		  /* of the desired profile, for messages */
	void (*say)(void *arg, const char *line);
	void *say_arg;
	/* Set when something was left out that another try may bring. */
	bool *passing;
};

/*
 * Applies all classes in the journal of apply.  On failure what came before is still there
 * and in the journal; *e says what failed.
 */
int om_snapd_apply_classes(const struct om_snapd_classes *c, struct om_str *residue,
			   struct om_error *e) _nonnull_all_ _must_check_;

/* Says in snapd's words that an entry is left out, and why. */
void om_snapd_tell(void (*say)(void *arg, const char *line), void *arg,
		   const struct om_snapd_entry *entry, const char *reason)
	_nonnull_(1, 3, 4);
