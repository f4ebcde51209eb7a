/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owner, mode and extended attributes of directories that stand for others.
 */
#pragma once

#include <sys/types.h>

#include "base/macro.h"
#include "sys/sys.h"

/* Gives the directory fd the owner, mode and xattrs of path below root_fd. */
int om_mirror(const struct om_sys *sys, int root_fd, const char *path,
	      int fd) _nonnull_all_ _must_check_;
/* The same of an open directory. */
int om_mirror_fd(const struct om_sys *sys, int look, int fd) _nonnull_all_ _must_check_;
int om_set_mode(const struct om_sys *sys, int fd, mode_t mode) _nonnull_all_ _must_check_;
int om_set_owner_mode(const struct om_sys *sys, int fd, uid_t uid, gid_t gid,
		      mode_t mode) _nonnull_all_ _must_check_;
/* Makes the missing parents of path below base, 0755. */
int om_make_parents(const struct om_sys *sys, int base,
		    const char *path) _nonnull_all_ _must_check_;
/* In a user namespace an owner that is not mapped cannot be given: not an error. */
int om_tolerate_unmapped(int r);
