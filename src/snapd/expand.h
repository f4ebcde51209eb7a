/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Variables in the profile of a user: $XDG_RUNTIME_DIR and, for directories that are to be
 * made, $HOME.  In the profile of a snap there are none.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/macro.h"
#include "snapd/fstab.h"

struct om_snapd_user {
	uid_t uid;
	const char *home; /* borrowed */
	const char
		*home_bad; /* why that cannot be used; NULL: it can, as far as is known */
};

/* What is wrong with the text of a home directory, or NULL. */
const char *om_snapd_home_bad(const char *home) _nonnull_all_;

/* -EINVAL with *e filled (kind INPUT) when the home is needed and bad; -ENOMEM. */
int om_snapd_expand(struct om_snapd_profile *p, const struct om_snapd_user *user,
		    struct om_error *e) _nonnull_(1, 2) _must_check_;
