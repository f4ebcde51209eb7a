/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of snap-update-ns, as snap-confine and snapd write it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/macro.h"

struct om_snapd_args {
	const char *name; /* of the instance; borrowed from argv */
	/* The caller has made the namespace, is in it, and holds the lock. */
	bool from_snap_confine;
	bool user_mounts; /* the profile of a user, not that of the snap */
	bool has_uid;	  /* of the user whose namespace snapd wants to be updated */
	uid_t uid;
};

/* 0, or -EINVAL with *e filled (kind INPUT). */
int om_snapd_args_read(int argc, char *const *argv, struct om_snapd_args *ret,
		       struct om_error *e) _nonnull_(3) _must_check_;
