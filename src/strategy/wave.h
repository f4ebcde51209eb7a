/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries that depend on the tree that an earlier entry makes must be planned against
 * that tree: the profile is cut into waves.  Pure and lexical.
 */
#pragma once

#include "base/macro.h"
#include "profile/profile.h"

/* How many entries from index first on can be surveyed and planned together (at least 1). */
size_t om_wave_length(const struct om_profile *p, size_t first) _nonnull_all_;
