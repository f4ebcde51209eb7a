/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * refuse: always applicable, last in the table.  It says why and builds nothing.
 */
#include <errno.h>

#include "strategy/strategy.h"

enum om_why om_refuse_why(const struct om_decision *decision)
{
	/* The reason of the last strategy that was allowed and still could not. */
	for (size_t k = decision->n_rejected; k-- > 0;)
		if (decision->rejected[k].why != OM_WHY_NOT_ALLOWED &&
		    decision->rejected[k].why != OM_WHY_NEEDS_HOLE &&
		    decision->rejected[k].why != OM_WHY_REPLACES)
			return decision->rejected[k].why;
	return OM_WHY_NO_STRATEGY;
}

static int refuse_expand(const struct om_decisions *d _unused_, size_t i _unused_,
			 struct om_plan *plan _unused_)
{
	return -EACCES;
}

const struct om_strategy om_strategy_refuse = {
	.id = OM_STRATEGY_REFUSE,
	.name = "refuse",
	.expand = refuse_expand,
};
