/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an update keeps, undoes and does, as a table or as JSON.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "profile/profile.h"

/*
 * Compares two profiles, each in the order of application, and prints the result on stdout:
 * a table, or a document of the schema `overmount.layout-diff/1`.  0, or -errno with *e
 * filled.
 */
int om_diff_report(const struct om_profile *old, const struct om_profile *new, bool json,
		   struct om_error *e) _nonnull_all_ _must_check_;
