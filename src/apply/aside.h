/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where an update keeps what it takes away until it has ended: a private tmpfs in the state
 * directory.  A mount that is moved there is the same one when it comes back, with its id,
 * its content and whoever has it open.
 */
#pragma once

#include "apply/build.h"
#include "apply/journal.h"
#include "base/macro.h"
#include "base/str.h"
#include "sys/sys.h"

/* A place for them: the directory name in `at`, which is covered when it is first needed. */
void om_aside_init(struct om_build *aside, const struct om_sys *sys, int at,
		   const char *name) _nonnull_all_;
/*
 * Moves the mount of act `index`, and all on top of it, out of the tree.  0, -ESTALE when it
 * is not where it was put, or -errno.
 */
int om_aside_put(struct om_build *aside, const struct om_journal *j, size_t index,
		 int root_fd) _nonnull_all_ _must_check_;
/*
 * Moves everything back that is there, in the order of acts.  Idempotent; needs nothing but
 * the journal of an update that has begun.  What cannot be brought back is appended to
 * residue.  0 or -EBUSY.
 */
int om_aside_back(const struct om_sys *sys, int at, const char *name, int root_fd,
		  const struct om_journal *j,
		  struct om_str *residue) _nonnull_all_ _must_check_;
