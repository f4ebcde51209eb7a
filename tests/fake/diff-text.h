/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an update comes to, as text that a test can compare.
 */
#pragma once

#include "base/str.h"
#include "diff/diff.h"

/* Appends one line a change: act, target, reason, and what else belongs to it. */
void diff_text(const struct om_diff *diff, struct om_str *out);
