/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount namespace of our own, and a directory as its root.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

/*
 * New mount namespace, private; for an ordinary user through a new user namespace in
 * which the user keeps the own ids.  *e says what is missing where that is not allowed.
 */
int om_ns_enter_new(const struct om_sys *sys, struct om_error *e)
	_nonnull_(1) _must_check_;

/*
 * Makes the directory dir_fd (O_PATH, opened by path) a mount point of its own, with all
 * mounts below it; fd of the new mount, or -errno.
 */
int om_ns_clone_root(const struct om_sys *sys, int dir_fd, const char *path,
		     struct om_error *e) _nonnull_(1, 3) _must_check_;
