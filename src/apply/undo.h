/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undoing by identity, from a journal alone.
 */
#pragma once

#include <stdint.h>

#include "apply/journal.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "sys/sys.h"

struct om_undo {
	const struct om_sys *sys; /* borrowed, as all here */
	int root_fd;
	const char *root_path; /* of root_fd, for people */
	/* What was the root before acts covered it, one for each, from the first on. */
	const int *covered;
	size_t n_covered;
	/* What somebody else has mounted on top of ours is taken away with it. */
	bool force;
	/* The mounts are gone with their namespace: only names may be left. */
	bool names_only;
	/* Set by om_undo(): mounts that it could not take away are not newer than this. */
	uint64_t newest_left;
	/* The journal is of another boot: numbers of devices may have changed since. */
	bool other_boot;
};

/*
 * Undoes the acts of j from the last to the first, down to act `first`.  Idempotent: what
 * is not there any more is done, and what has taken its name or place is left alone.  A
 * mount is found where it is now, by its identity.  What cannot be undone is appended to
 * residue, with the command that shows it; so is, with force, what was taken away beside.
 * 0, or -EBUSY when something is left.
 */
int om_undo(const struct om_undo *u, struct om_journal *j, size_t first,
	    struct om_str *residue) _nonnull_all_ _must_check_;

/*
 * What is inside the construction of act `outer` is made to go with it: what somebody has
 * moved elsewhere is taken away at once.  0, or -EBUSY with what is in the way told.
 */
int om_undo_inner(const struct om_undo *u, const struct om_journal *j, size_t outer,
		  struct om_str *residue) _nonnull_all_ _must_check_;

/*
 * Is something of a stranger on top of a mount of j, or inside of one?  0, or -EBUSY with
 * the first one told in *e (REFUSED).
 */
int om_undo_check(const struct om_undo *u, const struct om_journal *j, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
/* The same of act i alone, which is none that is inside another. */
int om_undo_check_act(const struct om_undo *u, const struct om_journal *j, size_t i,
		      struct om_error *e) _nonnull_(1, 2) _must_check_;
