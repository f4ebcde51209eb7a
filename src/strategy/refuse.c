/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * refuse: always applicable, last in the table.  It says why and builds nothing.
 */
#include <errno.h>

#include "strategy/strategy.h"

static struct om_verdict refuse_consider(const struct om_decisions *d, size_t i)
{
	const struct om_decision *decision = &d->entries[i];

	/* The reason of the last strategy that was allowed and still could not. */
	for (size_t k = decision->n_rejected; k-- > 0;)
		if (decision->rejected[k].why != OM_WHY_NOT_ALLOWED &&
		    decision->rejected[k].why != OM_WHY_NEEDS_HOLE)
			return (struct om_verdict){ true, decision->rejected[k].why };
	return (struct om_verdict){ true, OM_WHY_NO_STRATEGY };
}

static int refuse_expand(const struct om_decisions *d _unused_, size_t i _unused_,
			 struct om_plan *plan _unused_)
{
	return -EACCES;
}

const struct om_strategy om_strategy_refuse = {
	.id = OM_STRATEGY_REFUSE,
	.name = "refuse",
	.consider = refuse_consider,
	.expand = refuse_expand,
};
