/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay: a tiny private skeleton with just the missing names, read-only over the hole.
 * Two mounts whatever the number of siblings.  What an overlay of a directory loses is
 * given back here: submounts are bound on top, and the attributes of the hole's mount are
 * copied, because overlayfs takes neither from its layers.
 */
#include <errno.h>
#include <stdint.h>

#include "strategy/names.h"
#include "strategy/strategy.h"

static bool is_absent(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_ABSENT;
}

static bool is_blacklisted(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_BLACKLISTED;
}

static bool is_not_loaded(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_NOT_LOADED;
}

static bool is_unknown(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_UNKNOWN;
}

static bool keeps_label(const struct om_case *c)
{
	return c->label;
}

static bool is_writable(const struct om_case *c)
{
	return c->writable;
}

static bool is_live_area(const struct om_case *c)
{
	return c->live_area;
}

static bool has_live_objects(const struct om_case *c)
{
	return c->live_objects;
}

static bool is_mutable(const struct om_case *c)
{
	return c->mutable;
}

static bool is_too_deep(const struct om_case *c)
{
	return c->fit == OM_FIT_DEPTH;
}

static bool has_locked_submount(const struct om_case *c)
{
	return c->fit == OM_FIT_LOCKED;
}

static bool does_not_fit(const struct om_case *c)
{
	return c->fit == OM_FIT_NO;
}

static bool may_not_fit(const struct om_case *c)
{
	return c->fit == OM_FIT_UNKNOWN;
}

static bool has_many_submounts(const struct om_case *c)
{
	return c->submounts == OM_SUBMOUNTS_MANY;
}

static bool has_few_submounts(const struct om_case *c)
{
	return c->submounts == OM_SUBMOUNTS_FEW;
}

/* What the kernel says about every hole first, then what this one says. */
static const struct om_rule rules[] = {
	{ om_case_is_strict_unknown, OM_ANSWER_NO, OM_WHY_STRICT },
	{ is_absent, OM_ANSWER_NO, OM_WHY_OVL_ABSENT },
	{ is_blacklisted, OM_ANSWER_NO, OM_WHY_OVL_BLACKLISTED },
	{ is_not_loaded, OM_ANSWER_NO, OM_WHY_OVL_NOT_LOADED },
	{ is_unknown, OM_ANSWER_NO, OM_WHY_OVL_UNKNOWN },
	{ keeps_label, OM_ANSWER_NO, OM_WHY_OVL_MOUNTER_LABEL },
	{ is_writable, OM_ANSWER_NO, OM_WHY_HOLE_WRITABLE },
	{ is_live_area, OM_ANSWER_NO, OM_WHY_LIVE_AREA },
	{ has_live_objects, OM_ANSWER_NO, OM_WHY_LIVE_OBJECTS },
	{ is_mutable, OM_ANSWER_NO, OM_WHY_MUTABLE_LOWER },
	{ om_case_is_unbindable, OM_ANSWER_NO, OM_WHY_HOLE_UNBINDABLE },
	{ om_case_has_unbindable, OM_ANSWER_NO, OM_WHY_SUBMOUNT_UNBINDABLE },
	{ is_too_deep, OM_ANSWER_NO, OM_WHY_OVL_DEPTH },
	{ has_locked_submount, OM_ANSWER_NO, OM_WHY_OVL_LOCKED },
	{ does_not_fit, OM_ANSWER_NO, OM_WHY_OVL_NO_FIT },
	{ may_not_fit, OM_ANSWER_NO, OM_WHY_OVL_UNKNOWN_HERE },
	{ has_many_submounts, OM_ANSWER_NO, OM_WHY_OVL_MANY_SUBMOUNTS },
	{ has_few_submounts, OM_ANSWER_YES, OM_WHY_OVL_REBIND },
	{ NULL, OM_ANSWER_YES, OM_WHY_OVL_RO },
};

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
	.rules = rules,
	.expand = overlay_expand,
};
