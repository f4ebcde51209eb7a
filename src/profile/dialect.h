/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines of profiles as the first proposal of layouts spelt them: the type x-snap-symlink, and
 * the options x-snap-user:, x-snap-group:, x-snap-mode: and x-snap-symlink:.  They become what
 * today's spelling would be, so that nobody behind needs to know of them.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "profile/profile.h"

bool om_dialect_is(const struct om_entry *entry) _nonnull_all_;

/*
 * Translates an entry of which source, target, type and options are set: source and type
 * become static words of today, and the options are added to out.  -EINVAL with *e filled,
 * without a place; *ret_field then names the field.  -ENOMEM.
 */
int om_dialect_translate(struct om_entry *entry, const struct om_profile_args *args,
			 struct om_str *out, const char **ret_field, struct om_error *e)
	_nonnull_(1, 2, 3, 4) _must_check_;
