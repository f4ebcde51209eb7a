/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay-rw: the missing names lie in the upper layer of an overlay over the hole, on a
 * private tmpfs of limited size.  What the application may do by permissions it can do;
 * nothing reaches the base, and all of it goes with the construction.  Only where the
 * policy asks for a hole that takes new names.
 */
#include "strategy/overlay.h"
#include "strategy/strategy.h"

/* The upper layer is written with our credentials: that reading works proves nothing. */
static bool writes_with_label(const struct om_case *c)
{
	return c->label != OM_LABEL_NONE && c->label != OM_LABEL_OTHER;
}

static bool has_no_upper(const struct om_case *c)
{
	return c->upper == OM_UPPER_ABSENT;
}

static bool may_have_no_upper(const struct om_case *c)
{
	return c->upper == OM_UPPER_UNKNOWN;
}

static bool has_no_place(const struct om_case *c)
{
	return c->upper == OM_UPPER_NO_PLACE;
}

static const struct om_rule rules[] = {
	{ om_case_is_strict_unknown, OM_ANSWER_NO, OM_WHY_STRICT },
	{ om_case_is_part_writable, OM_ANSWER_NO, OM_WHY_WRITABLE_PART },
	OM_OVERLAY_KERNEL_RULES,
	{ has_no_upper, OM_ANSWER_NO, OM_WHY_OVL_NO_UPPER },
	{ may_have_no_upper, OM_ANSWER_NO, OM_WHY_OVL_UPPER_UNKNOWN },
	{ writes_with_label, OM_ANSWER_NO, OM_WHY_OVL_UPPER_LABEL },
	{ has_no_place, OM_ANSWER_NO, OM_WHY_OVL_UPPER_ROOT },
	OM_OVERLAY_HOLE_RULES,
	{ om_overlay_has_few, OM_ANSWER_YES, OM_WHY_OVL_RW_REBIND },
	{ NULL, OM_ANSWER_YES, OM_WHY_OVL_RW },
};

static int overlay_rw_expand(const struct om_decisions *d, size_t index,
			     struct om_plan *plan)
{
	return om_overlay_expand(d, index, true, plan);
}

const struct om_strategy om_strategy_overlay_rw = {
	.id = OM_STRATEGY_OVERLAY_RW,
	.name = "overlay-rw",
	.rules = rules,
	.for_writing = true,
	.expand = overlay_rw_expand,
};
