/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay: a tiny private skeleton with just the missing names, read-only over the hole.
 * Two mounts whatever the number of siblings.  What an overlay of a directory loses is
 * given back here: submounts are bound on top, and the attributes of the hole's mount are
 * copied, because overlayfs takes neither from its layers.
 */
#include <errno.h>
#include <stdint.h>

#include "base/limits.h"
#include "strategy/names.h"
#include "strategy/strategy.h"

static struct om_verdict verdict(bool yes, enum om_why why)
{
	return (struct om_verdict){ yes, why };
}

static struct om_verdict overlay_consider(const struct om_decisions *d, size_t i)
{
	const struct om_scene_dir *hole = om_decisions_hole(d, i);

	switch (om_facts_get(d->facts, OM_FACT_OVERLAY_RO)) {
	case OM_NO:
		return verdict(false, OM_WHY_OVL_ABSENT);
	case OM_UNKNOWN:
		return verdict(false, OM_WHY_OVL_UNKNOWN);
	case OM_YES:
		break;
	}
	/* The overlay keeps our label; only seeing the application use it proves enough. */
	if (om_facts_get(d->facts, OM_FACT_APPARMOR_LABEL) == OM_NO &&
	    om_facts_get(d->facts, OM_FACT_OVERLAY_LABEL_APP) != OM_YES)
		return verdict(false, OM_WHY_OVL_MOUNTER_LABEL);
	if (!hole->read_only)
		return verdict(false, OM_WHY_HOLE_WRITABLE);
	if (hole->submounts.n > OM_MAX_SUBMOUNTS)
		return verdict(false, OM_WHY_OVL_MANY_SUBMOUNTS);
	return verdict(true, hole->submounts.n > 0 ? OM_WHY_OVL_REBIND : OM_WHY_OVL_RO);
}

static int expand_skeleton(const struct om_decisions *d, const struct om_scene_dir *hole,
			   const struct om_names *names, struct om_plan *plan)
{
	struct om_step skeleton = {
		.kind = OM_STEP_SKELETON,
		.place = OM_PLACE_SKELETON,
		.entry = SIZE_MAX,
		.path = "/",
		.mode = 0755,
		.attr = OM_ATTR_NOSUID | OM_ATTR_NODEV,
	};
	/* The layer lies at the hole's own path, so that the names that a security module
	 * computes from the layer are the natural ones. */
	struct om_step layer = {
		.kind = OM_STEP_MKDIR,
		.place = OM_PLACE_SKELETON,
		.entry = SIZE_MAX,
		.path = hole->path,
		.source = hole->path,
	};
	int r = om_plan_add(plan, &skeleton);

	if (r == 0)
		r = om_plan_add(plan, &layer);
	for (size_t i = 0; r == 0 && i < names->v.n; i++)
		r = om_names_expand(d, &names->v.v[i], OM_PLACE_SKELETON, plan);
	return r;
}

static int expand_submounts(const struct om_scene_dir *hole, struct om_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < hole->submounts.n; i++)
		r = om_plan_add(plan,
				&(struct om_step){ .kind = OM_STEP_BIND,
						   .place = OM_PLACE_STAGE,
						   .recursive = true,
						   .entry = SIZE_MAX,
						   .path = hole->submounts.v[i].path,
						   .source = hole->submounts.v[i].path });
	return r;
}

static int overlay_expand(const struct om_decisions *d, size_t index,
			  struct om_plan *plan)
{
	const struct om_scene_dir *hole =
		&d->scene->dirs.v[d->constructions.v[index].hole];
	_cleanup_names_ struct om_names names = { 0 };
	struct om_step overlay = {
		.kind = OM_STEP_OVERLAY,
		.place = OM_PLACE_STAGE,
		.root = true,
		.entry = SIZE_MAX,
		.path = hole->path,
		.source = hole->path,
		.attr = hole->attr | OM_ATTR_RDONLY,
		.hole_dev = hole->dev,
		.hole_ino = hole->ino,
	};
	int r = om_names_collect(d, index, &names);

	if (r == 0)
		r = expand_skeleton(d, hole, &names, plan);
	if (r == 0)
		r = om_plan_add(plan, &overlay);
	if (r == 0)
		r = expand_submounts(hole, plan);
	for (size_t i = 0; r == 0 && i < names.v.n; i++)
		if (names.v.v[i].entry != SIZE_MAX)
			r = om_expand_entry_mount(d, names.v.v[i].entry, OM_PLACE_STAGE,
						  plan);
	if (r < 0)
		return r;
	return om_expand_attach(&(struct om_plan_target){ SIZE_MAX, hole->path, true },
				plan);
}

const struct om_strategy om_strategy_overlay = {
	.id = OM_STRATEGY_OVERLAY,
	.name = "overlay",
	.consider = overlay_consider,
	.expand = overlay_expand,
};
