/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files beside the tool: profiles, which are replaced as a whole, and the lock of a snap.
 * Paths are relative to the root that the caller started in, which is not that of the
 * namespace that is worked in later.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "snapd/fstab.h"

/* What snapd and its tools have agreed on; %s is the name of the instance. */
#define OM_SNAPD_DESIRED "var/lib/snapd/mount/snap.%s.fstab"
#define OM_SNAPD_DESIRED_USER "var/lib/snapd/mount/snap.%s.user-fstab"
#define OM_SNAPD_NS_DIR "run/snapd/ns"
#define OM_SNAPD_LOCK_DIR "run/snapd/lock"

/* The profile in the file; one that is not there is empty.  -errno with *e filled. */
int om_snapd_load(int host_fd, const char *path, struct om_snapd_profile *ret,
		  struct om_error *e) _nonnull_(2, 3) _must_check_;
/* The text of the file, malloc'ed; -ENOENT without *e. */
int om_snapd_read(int host_fd, const char *path, char **ret, size_t *ret_size,
		  struct om_error *e) _nonnull_(2, 3, 4) _must_check_;
/*
 * Replaces the file in one step: root's, 0644, whoever runs this.  The old one is there
 * until the new one is whole.
 */
int om_snapd_save(int host_fd, const char *dir, const char *name,
		  const struct om_str *text, struct om_error *e)
	_nonnull_(2, 3, 4) _must_check_;

/*
 * The lock of the snap: taken, or, with held, seen to be taken by the caller.  *ret_fd is
 * owned by the caller, -1 with held.
 */
int om_snapd_lock(int host_fd, const char *name, bool held, int *ret_fd,
		  struct om_error *e) _nonnull_(2, 4) _must_check_;
