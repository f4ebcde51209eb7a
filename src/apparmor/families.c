/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * To which family a kernel belongs: the surface that apply/build.c picks by the same
 * facts, and whether AppArmor sees a mount that is moved.
 */
#include "apparmor/emit.h"

/* What is not known may be either. */
static bool may_be(const struct om_facts *facts, enum om_fact_id id)
{
	return om_facts_get(facts, id) != OM_NO;
}

static bool may_not_be(const struct om_facts *facts, enum om_fact_id id)
{
	return om_facts_get(facts, id) != OM_YES;
}

static bool may_nest(const struct om_facts *facts)
{
	return may_be(facts, OM_FACT_DETACHED_NESTING) &&
	       may_be(facts, OM_FACT_MOUNT_SETATTR) &&
	       (may_not_be(facts, OM_FACT_OVERLAY_RO) ||
		may_be(facts, OM_FACT_OVERLAY_DETACHED_LOWER));
}

static bool may_need_stage(const struct om_facts *facts)
{
	return may_not_be(facts, OM_FACT_DETACHED_NESTING) ||
	       may_not_be(facts, OM_FACT_MOUNT_SETATTR) ||
	       (may_be(facts, OM_FACT_OVERLAY_RO) &&
		may_not_be(facts, OM_FACT_OVERLAY_DETACHED_LOWER));
}

unsigned om_aa_families(const struct om_facts *facts)
{
	unsigned families = 0;

	if (may_not_be(facts, OM_FACT_MOUNT_API))
		families |= OM_AA_MOUNT2;
	if (!may_be(facts, OM_FACT_MOUNT_API))
		return families;
	if (may_nest(facts))
		families |= OM_AA_DETACHED;
	if (!may_need_stage(facts))
		return families;
	/* Without AppArmor nobody asks: what one that comes later will see is not known. */
	if (may_be(facts, OM_FACT_APPARMOR_MOVE_MOUNT) ||
	    om_facts_get(facts, OM_FACT_APPARMOR) == OM_NO)
		families |= OM_AA_FD_MOVE;
	if (!may_not_be(facts, OM_FACT_APPARMOR_MOVE_MOUNT))
		return families;
	if (may_be(facts, OM_FACT_MOUNT_SETATTR))
		families |= OM_AA_FD;
	if (may_not_be(facts, OM_FACT_MOUNT_SETATTR))
		families |= OM_AA_FD_REMOUNT;
	return families;
}
