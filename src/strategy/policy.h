/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A policy as a file: what whoever runs overmount permits to profiles (docs/plan.md).
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "strategy/strategy.h"

#define OM_POLICY_SCHEMA "overmount.policy/1"

/*
 * Reads a policy.  What the file leaves out is as in om_policy_default; unknown keys are
 * errors.  -EINVAL with *e filled (kind OM_ERR_INPUT), or -ENOMEM; *ret then is the
 * default.  om_policy_done() in any case.
 */
int om_policy_read(const char *file, const char *text, size_t size, struct om_policy *ret,
		   struct om_error *e) _nonnull_(1, 2, 4) _must_check_;
void om_policy_done(struct om_policy *policy);
#define _cleanup_policy_ _cleanup_(om_policy_done)

/*
 * Of the strategies for holes only the one with that name is left, if it was allowed, or
 * all for "auto".  -EINVAL for a name that no strategy for holes has.
 */
int om_policy_restrict(struct om_policy *policy,
		       const char *name) _nonnull_all_ _must_check_;
