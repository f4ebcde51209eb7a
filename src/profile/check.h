/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold for an entry by itself, and between the entries of a profile.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "profile/profile.h"

/* Checks source, target and type.  -EINVAL with *e filled; *ret_field names the field. */
int om_entry_check_paths(const struct om_entry *entry, const char **ret_field,
			 struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * Checks that targets and ids are unique, that needed-by names an id, and that no two
 * entries need each other.  -EINVAL with *e filled, the place included; -ENOMEM.
 */
int om_profile_check(const struct om_profile *p, struct om_error *e)
	_nonnull_(1) _must_check_;
