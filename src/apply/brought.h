/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mounts that a recursive bind brings along with its source: written down like those
 * that were made one by one, so that whoever takes one away or moves it is noticed.
 */
#pragma once

#include "apply/build.h"
#include "base/macro.h"

/*
 * Adds what came along with the source to the mounts in the construction; fd is the root
 * of the new mount.  What is hidden under another mount, or cannot be bound, did not come
 * along for anybody to see.  Where mounts have no unique ids nothing is found.  0 or -errno.
 */
int om_brought_find(struct om_build *b, const struct om_step *step, int source,
		    int fd) _nonnull_all_ _must_check_;
