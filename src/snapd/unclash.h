/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A layout and what interfaces bring, in one profile: snapd lets two entries of one target
 * become one where they can, and gives the later one another name where they can't.
 */
#pragma once

#include "base/macro.h"
#include "base/str.h"
#include "snapd/fstab.h"

/*
 * Appends the entries to *ret, which is empty, as snapd's compiler of profiles does:
 * directories that are only to be there (ensure-dir) last and never compared; a later entry
 * with the target, source and type of an earlier one, both without origin, into that one;
 * any other that has the target of an earlier one at TARGET-2, TARGET-3 and so on.  For each
 * of these a line is added to notes.  -ENOMEM.
 */
int om_snapd_unclash(const struct om_snapd_profile *entries, struct om_snapd_profile *ret,
		     struct om_str *notes) _nonnull_all_ _must_check_;
