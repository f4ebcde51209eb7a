/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options that an entry may have, as one table, and the reading of them.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "profile/profile.h"

/*
 * Reads the options of entry (source, target, type and options are set) into its other
 * members.  scratch is a writable copy of the options; it is cut at its commas and the
 * entry points into it.  -EINVAL with *e filled, without a place.
 */
int om_options_read(struct om_entry *entry, char *scratch, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
