/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holds the processes of a snap still while its mount namespace changes, so that none of
 * them sees it half done.  Both versions of control groups; a snap without processes has
 * nothing to freeze.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/vec.h"

struct om_freezer {
	int host_fd;	    /* borrowed; the root in which /sys is */
	const char *name;   /* borrowed; of the instance */
	int timeout_ms;	    /* to wait for all together */
	OM_VEC(int) groups; /* owned; directories of frozen groups of version 2 */
	int v1_fd;	    /* owned; freezer.state, or -1 */
};

#define OM_FREEZER_TIMEOUT 3000

void om_freezer_init(struct om_freezer *f, int host_fd, const char *name) _nonnull_all_;
/*
 * Freezes, and waits until the kernel says that all are frozen.  On failure everything is
 * thawed and *e filled.  -ETIMEDOUT when they would not.
 */
int om_freezer_freeze(struct om_freezer *f, struct om_error *e) _nonnull_(1) _must_check_;
/* Idempotent; what goes wrong is not told, for there is nothing to be done about it. */
void om_freezer_thaw(struct om_freezer *f) _nonnull_all_;
#define _cleanup_freezer_ _cleanup_(om_freezer_thaw)
