/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where names may be made for good.  A missing name anywhere else is a hole, and the
 * engine's business: nothing that is made here is a mount, and nothing is ever written to
 * a directory of the host that is not listed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

struct om_places {
	const struct om_sys *sys; /* borrowed, as all here */
	int root_fd;		  /* the root of the namespace */
	const char *name;	  /* of the instance */
	bool of_user;		  /* the profile of a user */
	const char *home;	  /* of that one; NULL: none that can be used */
	bool root_ours; /* "/" is a tmpfs that snap-confine made for this namespace */
};

/* May names be made in this directory, whatever it lies on? */
bool om_places_permit(const struct om_places *p, const char *dir) _nonnull_all_;
/* The mode of what is made at path. */
mode_t om_places_mode(const char *path) _nonnull_all_;

/*
 * Makes what is missing of the path as far as that is permitted: directories, and a file
 * at the end of it.  0 also when something is still missing, because the place is not
 * permitted or read-only, or something else is in the way.
 */
int om_places_make(const struct om_places *p, const char *path, bool file,
		   struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * ensure-dir: makes path below the directory must_exist, which has to be there; 0700, the
 * caller's.
 */
int om_places_ensure(const struct om_places *p, const char *path, const char *must_exist,
		     struct om_error *e) _nonnull_(1, 2, 3) _must_check_;
