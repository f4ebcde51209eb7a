/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of many mounts are still below another one: one call for hundreds, where the
 * kernel has unique ids.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "sys/sys.h"

struct om_below {
	const struct om_sys *sys; /* borrowed */
	struct om_mount_id outer;
	bool end;    /* there are no more ids */
	bool failed; /* or they were not told */
	uint64_t last;
	size_t at, n;
	uint64_t ids[512];
};

void om_below_init(struct om_below *b, const struct om_sys *sys,
		   const struct om_mount_id *outer) _nonnull_all_;
/*
 * Is the mount at any depth below the outer one?  To be asked in ascending order of ids,
 * which is the order of making.  False also when it cannot be told: look closer then.
 */
bool om_below_has(struct om_below *b, const struct om_mount_id *id) _nonnull_all_;
/* The next mount below the outer one, in ascending order of ids; false: no more are told. */
bool om_below_next(struct om_below *b, uint64_t *ret_id) _nonnull_all_;
/*
 * The newest mount below the outer one, or the outer one itself when there is none; 0 when
 * it cannot be told.
 */
uint64_t om_below_newest(const struct om_sys *sys,
			 const struct om_mount_id *outer) _nonnull_all_;
/*
 * Is a mount below the outer one that is newer than `newest` and nobody's slave?  What
 * propagates from elsewhere is a slave, and goes with the place that it came to.  1 with
 * its id, or 0, also when it cannot be told.
 */
int om_below_find_stranger(const struct om_sys *sys, const struct om_mount_id *outer,
			   uint64_t newest, uint64_t *ret_id) _nonnull_all_;
