/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The story of one entry in words: what was asked, what was found, each strategy with its
 * reasons, what was chosen and what it costs.
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "base/str.h"
#include "strategy/cost.h"
#include "strategy/strategy.h"

/* What another strategy for holes would cost, by its id. */
struct om_cost_others {
	bool known[_OM_STRATEGY_MAX];
	struct om_cost cost[_OM_STRATEGY_MAX];
};

/* Entry i of the scene.  cost is NULL when nothing was planned; others may be NULL. */
void om_explain(const struct om_decisions *d, size_t i, const struct om_cost *cost,
		const struct om_cost_others *others, struct om_str *out) _nonnull_(1, 5);
