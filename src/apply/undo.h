/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undoing by identity, from a journal alone.
 */
#pragma once

#include "apply/journal.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "sys/sys.h"

/*
 * Undoes the acts of j from the last to the first, beneath root_fd, down to act `first`.
 * Idempotent: what is not there any more is done.  What cannot be undone is appended to
 * residue, a line each.  0, or -EBUSY when there is residue.
 */
int om_undo(const struct om_sys *sys, int root_fd, struct om_journal *j, size_t first,
	    struct om_str *residue) _nonnull_all_ _must_check_;
