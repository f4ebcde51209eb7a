/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold for an entry by itself, and between the entries of a profile.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "profile/profile.h"

/* True when no profile may mount there; path is clean. */
bool om_profile_is_reserved(const char *path) _nonnull_all_;

/*
 * Completes an entry of which source, target, type, options and line are set: checks the
 * paths and the type, reads the options.  scratch is a writable copy of the options; the
 * entry points into it.  -EINVAL with *e filled, without a place; *ret_field then names
 * the field.
 */
int om_entry_complete(struct om_entry *entry, char *scratch, const char **ret_field,
		      struct om_error *e) _nonnull_(1, 2, 3) _must_check_;

/*
 * Checks that targets and ids are unique, that needed-by names an id and leads to no circle,
 * and that no two entries have each other in their sources.  -EINVAL with *e filled, the place included; -ENOMEM.
 */
int om_profile_check(const struct om_profile *p, struct om_error *e)
	_nonnull_(1) _must_check_;
