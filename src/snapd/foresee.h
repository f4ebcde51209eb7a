/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What applying a desired profile would come to, found by doing it in a copy of the mount
 * namespace that dies with the child in which it was made: which entries can be had, and
 * which sources have to be made, depends on what is there once the entries before are.
 */
#pragma once

#include "apply/journal.h"
#include "apply/state.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "snapd/applied.h"
#include "snapd/classes.h"

/*
 * Takes away in the copy what j says is applied, and applies like->desired there.  0:
 * items and *passing are set, and *said has the lines that like->say() would have been
 * given.  Names that may be made for good are made.  -errno: it cannot be applied, or
 * foreseen, with *e filled.
 */
int om_snapd_foresee(const struct om_snapd_classes *like, const struct om_journal *j,
		     const struct om_state *state, struct om_snapd_items *items,
		     struct om_str *said, struct om_error *e)
	_nonnull_(1, 2, 3, 4, 5) _must_check_;
