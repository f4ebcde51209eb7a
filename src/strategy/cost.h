/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a plan costs, counted from its steps: for people who choose, never for a decision.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "base/str.h"
#include "strategy/strategy.h"

struct om_cost {
	size_t steps;
	size_t mounts;	 /* what is mounted in a submount or a source comes on top */
	size_t inodes;	 /* made on file systems of ours */
	uint64_t memory; /* of the kernel, in bytes: an estimate (docs/plan.md) */
};

/*
 * What each entry of the scene costs in plan, in ret (d->scene->n of them).  What a
 * construction has in common counts for the first entry that shares it.
 */
int om_cost_of_plan(const struct om_decisions *d, const struct om_plan *plan,
		    struct om_cost *ret) _nonnull_all_ _must_check_;

/* "2 mounts, 3 inodes, 14 KiB of kernel memory". */
void om_cost_print(const struct om_cost *cost, struct om_str *out) _nonnull_all_;
