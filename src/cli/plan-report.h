/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `overmount plan` prints: gathered wave by wave while the profile is rehearsed.
 */
#pragma once

#include <stdbool.h>

#include "apply/apply.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/vec.h"
#include "strategy/cost.h"
#include "strategy/explain.h"
#include "strategy/strategy.h"

struct om_plan_row {
	char *target; /* owned */
	struct om_decision decision;
	bool planned; /* cost is known: nothing in its wave is refused */
	struct om_cost cost;
	struct om_cost_others others;
};

struct om_plan_report {
	OM_VEC(struct om_plan_row) rows;
	bool want_steps;
	struct om_str steps; /* rendered, one a line */
	const char *root;
	const char *stage;
	struct om_apply *apply; /* borrowed, while it runs */
	bool compare;		/* find out what the strategies not taken would cost */
	const char *explain;	/* the target to be explained, or NULL */
	struct om_str story;
};

void om_plan_report_done(struct om_plan_report *report) _nonnull_all_;
/* For om_apply.observe; arg is the report. */
int om_plan_report_observe(const struct om_decisions *d, const struct om_plan *plan,
			   void *arg) _nonnull_all_ _must_check_;

int om_plan_report_table(const struct om_plan_report *report, struct om_error *e)
	_nonnull_(1) _must_check_;
int om_plan_report_json(struct om_plan_report *report, struct om_error *e)
	_nonnull_(1) _must_check_;
int om_plan_report_story(const struct om_plan_report *report, struct om_error *e)
	_nonnull_(1) _must_check_;
void om_plan_report_steps(const struct om_plan_report *report) _nonnull_all_;
