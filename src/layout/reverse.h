/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way back: the snap.yaml whose layout yields a profile, where there is one.  Pure.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "profile/profile.h"

struct om_reverse_args {
	const struct om_profile *profile;
	/* NULL: as the paths of the profile have it. */
	const char *name, *revision, *instance_key;
	bool proposal; /* as of om_layout_args */
	/* NULL: the first error ends it.  Else what is wrong with each line goes there. */
	struct om_error_list *errors;
};

/*
 * Adds a document with the name of the snap and its layout, behind a comment that says by
 * which options it yields the profile: the same entries in the same order of application,
 * in what they mean.  -EINVAL with *e filled and nothing added when a line comes from no
 * layout; the place is the line's.  -ENOMEM.
 */
int om_layout_reverse(const struct om_reverse_args *args, struct om_str *out,
		      struct om_error *e) _nonnull_(1, 2) _must_check_;
