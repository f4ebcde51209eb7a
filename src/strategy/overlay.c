/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overlay: a tiny private skeleton with just the missing names, read-only over the hole.
 * Two mounts whatever the number of siblings.  What an overlay of a directory loses is
 * given back here: submounts are bound on top, and the attributes of the hole's mount are
 * copied, because overlayfs takes neither from its layers.
 */
#include <errno.h>
#include <stdint.h>

#include "base/path.h"
#include "strategy/names.h"
#include "strategy/overlay.h"
#include "strategy/strategy.h"

bool om_overlay_is_absent(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_ABSENT;
}

bool om_overlay_is_blacklisted(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_BLACKLISTED;
}

bool om_overlay_is_not_loaded(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_NOT_LOADED;
}

bool om_overlay_is_unknown(const struct om_case *c)
{
	return c->overlay == OM_OVERLAY_UNKNOWN;
}

bool om_overlay_has_other_label(const struct om_case *c)
{
	return c->label == OM_LABEL_OTHER;
}

bool om_overlay_hole_is_writable(const struct om_case *c)
{
	return c->writable;
}

bool om_overlay_is_live_area(const struct om_case *c)
{
	return c->live_area;
}

bool om_overlay_has_live_objects(const struct om_case *c)
{
	return c->live_objects;
}

bool om_overlay_is_mutable(const struct om_case *c)
{
	return c->mutable;
}

bool om_overlay_is_too_deep(const struct om_case *c)
{
	return c->fit == OM_FIT_DEPTH;
}

bool om_overlay_has_locked(const struct om_case *c)
{
	return c->fit == OM_FIT_LOCKED;
}

bool om_overlay_does_not_fit(const struct om_case *c)
{
	return c->fit == OM_FIT_NO;
}

bool om_overlay_may_not_fit(const struct om_case *c)
{
	return c->fit == OM_FIT_UNKNOWN;
}

bool om_overlay_has_many(const struct om_case *c)
{
	return c->submounts == OM_SUBMOUNTS_MANY;
}

bool om_overlay_cannot_hide(const struct om_case *c)
{
	return c->whiteout != OM_WHITEOUT_FINE;
}

bool om_overlay_has_few(const struct om_case *c)
{
	return c->submounts == OM_SUBMOUNTS_FEW;
}

static bool keeps_label(const struct om_case *c)
{
	return c->label == OM_LABEL_KEPT;
}

static bool keeps_label_of_helper(const struct om_case *c)
{
	return c->label == OM_LABEL_HELPER_KEPT;
}

static const struct om_rule rules[] = {
	{ om_case_is_strict_unknown, OM_ANSWER_NO, OM_WHY_STRICT },
	{ om_case_is_part_writable, OM_ANSWER_NO, OM_WHY_WRITABLE_PART },
	{ om_case_takes_names, OM_ANSWER_NO, OM_WHY_HOLE_TAKES_NAMES },
	OM_OVERLAY_KERNEL_RULES,
	{ keeps_label, OM_ANSWER_NO, OM_WHY_OVL_MOUNTER_LABEL },
	{ keeps_label_of_helper, OM_ANSWER_NO, OM_WHY_OVL_HELPER_LABEL },
	OM_OVERLAY_HOLE_RULES,
	{ om_overlay_has_few, OM_ANSWER_YES, OM_WHY_OVL_REBIND },
	{ NULL, OM_ANSWER_YES, OM_WHY_OVL_RO },
};

/* What the kernel needs beside an upper layer, and makes something of its own in. */
static int expand_work(const struct om_scene_dir *hole, struct om_plan *plan)
{
	return om_plan_add(plan, &(struct om_step){ .kind = OM_STEP_MKDIR,
						    .place = OM_PLACE_SKELETON,
						    .entry = SIZE_MAX,
						    .path = om_plan_work_dir(hole->path),
						    .mode = 0700 });
}

static int expand_skeleton(const struct om_decisions *d, size_t index,
			   const struct om_names *names, bool writable,
			   struct om_plan *plan)
{
	const struct om_scene_dir *hole =
		&d->scene->dirs.v[d->constructions.v[index].hole];
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
	int r;

	/* The root, what leads to the layer, its names, and two directories to work in. */
	if (writable)
		om_expand_room(d, index, 1 + om_path_depth(hole->path) + names->v.n + 2,
			       &skeleton);
	r = om_plan_add(plan, &skeleton);
	if (r == 0)
		r = om_plan_add(plan, &layer);
	for (size_t i = 0; r == 0 && i < names->v.n; i++)
		r = om_names_expand(d, &names->v.v[i], OM_PLACE_SKELETON, plan);
	return r == 0 && writable ? expand_work(hole, plan) : r;
}

static int expand_submounts(const struct om_scene_dir *hole, struct om_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < hole->submounts.n; i++)
		r = om_plan_add(plan,
				&(struct om_step){ .kind = OM_STEP_BIND,
						   .place = OM_PLACE_STAGE,
						   .recursive = true,
						   .brings = true,
						   .entry = SIZE_MAX,
						   .path = hole->submounts.v[i].path,
						   .source = hole->submounts.v[i].path });
	return r;
}

int om_overlay_expand(const struct om_decisions *d, size_t index, bool writable,
		      struct om_plan *plan)
{
	const struct om_scene_dir *hole =
		&d->scene->dirs.v[d->constructions.v[index].hole];
	_cleanup_names_ struct om_names names = { 0 };
	struct om_step overlay = {
		.kind = OM_STEP_OVERLAY,
		.place = OM_PLACE_STAGE,
		.root = true,
		.writable = writable,
		.entry = SIZE_MAX,
		.path = hole->path,
		.source = hole->path,
		.attr = writable ? hole->attr & ~(unsigned)OM_ATTR_RDONLY
				 : hole->attr | OM_ATTR_RDONLY,
		.hole_dev = hole->dev,
		.hole_ino = hole->ino,
	};
	int r = om_names_collect(d, index, &names);

	if (r == 0)
		r = expand_skeleton(d, index, &names, writable, plan);
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

static int overlay_expand(const struct om_decisions *d, size_t index,
			  struct om_plan *plan)
{
	return om_overlay_expand(d, index, false, plan);
}

const struct om_strategy om_strategy_overlay = {
	.id = OM_STRATEGY_OVERLAY,
	.name = "overlay",
	.rules = rules,
	.expand = overlay_expand,
};
