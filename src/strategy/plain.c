/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plain: the target exists with the right kind, or its parent is ours to write.  Nothing
 * is built but the mount itself.  Also the place of the checks that hold for every
 * strategy: what is missing at the source, and a target of another kind.
 */
#include "strategy/strategy.h"

#include <string.h>

#include "base/path.h"

static bool is_reserved(const struct om_case *c)
{
	return c->reserved;
}

static bool is_outside(const struct om_case *c)
{
	return c->outside;
}

static bool is_too_deep(const struct om_case *c)
{
	return c->too_deep;
}

static bool is_one_of_too_many(const struct om_case *c)
{
	return c->too_many;
}

static bool has_no_source(const struct om_case *c)
{
	return c->source == OM_SOURCE_NONE;
}

static bool source_is_no_dir(const struct om_case *c)
{
	return c->source == OM_SOURCE_NOT_DIR;
}

static bool source_is_no_file(const struct om_case *c)
{
	return c->source == OM_SOURCE_NOT_FILE;
}

static bool target_fits(const struct om_case *c)
{
	return c->target == OM_TARGET_FITS;
}

static bool link_is_there(const struct om_case *c)
{
	return c->target == OM_TARGET_SAME_LINK;
}

static bool is_absent(const struct om_case *c)
{
	return c->target == OM_TARGET_ABSENT;
}

static bool target_is_other(const struct om_case *c)
{
	return c->target == OM_TARGET_OTHER && !c->replaceable;
}

static bool must_not_hide(const struct om_case *c)
{
	return c->target == OM_TARGET_HIDES && !c->replaceable;
}

static bool parent_is_ours(const struct om_case *c)
{
	return c->parent_ours && c->target == OM_TARGET_MISSING;
}

static bool is_root_hole(const struct om_case *c)
{
	return c->root_hole;
}

static bool target_gives_way(const struct om_case *c)
{
	return c->replaceable &&
	       (c->target == OM_TARGET_OTHER || c->target == OM_TARGET_HIDES);
}

static const struct om_rule rules[] = {
	{ is_reserved, OM_ANSWER_REFUSE, OM_WHY_RESERVED },
	{ is_outside, OM_ANSWER_REFUSE, OM_WHY_OUTSIDE_ROOTS },
	{ is_too_deep, OM_ANSWER_REFUSE, OM_WHY_TOO_DEEP },
	{ is_one_of_too_many, OM_ANSWER_REFUSE, OM_WHY_TOO_MANY_ENTRIES },
	{ has_no_source, OM_ANSWER_REFUSE, OM_WHY_NO_SOURCE },
	{ source_is_no_dir, OM_ANSWER_REFUSE, OM_WHY_SOURCE_NOT_DIR },
	{ source_is_no_file, OM_ANSWER_REFUSE, OM_WHY_SOURCE_NOT_FILE },
	{ target_fits, OM_ANSWER_YES, OM_WHY_TARGET_EXISTS },
	{ link_is_there, OM_ANSWER_YES, OM_WHY_LINK_EXISTS },
	{ is_absent, OM_ANSWER_YES, OM_WHY_NOTHING_TO_HIDE },
	{ target_is_other, OM_ANSWER_REFUSE, OM_WHY_KIND_CHANGE },
	{ must_not_hide, OM_ANSWER_REFUSE, OM_WHY_HIDES },
	{ parent_is_ours, OM_ANSWER_YES, OM_WHY_PARENT_OURS },
	{ is_root_hole, OM_ANSWER_REFUSE, OM_WHY_ROOT_HOLE },
	{ target_gives_way, OM_ANSWER_NO, OM_WHY_REPLACES },
	{ NULL, OM_ANSWER_NO, OM_WHY_NEEDS_HOLE },
};

/* Directories between the deepest existing one and the target, then the target's own name. */
static int make_names(const struct om_decisions *d, size_t i, struct om_plan *plan)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	const struct om_scene_entry *se = &d->scene->entries[i];
	size_t depth = om_path_depth(d->scene->dirs.v[se->hole].path);
	size_t last = om_path_depth(se->target);
	struct om_step step = { .place = OM_PLACE_LIVE, .mode = 0755 };
	int r = 0;

	step.entry = d->scene->first + i;
	while (r == 0 && depth++ < last) {
		char *path = strndup(se->target, om_path_prefix_len(se->target, depth));

		if (!path)
			return -ENOMEM;
		step.path = path;
		step.kind = OM_STEP_MKDIR;
		if (depth == last && entry->kind == OM_ENTRY_BIND_FILE)
			step.kind = OM_STEP_MKFILE;
		if (depth == last && entry->kind == OM_ENTRY_SYMLINK) {
			step.kind = OM_STEP_SYMLINK;
			step.source = entry->symlink;
		}
		r = om_plan_add(plan, &step);
		free(path);
	}
	return r;
}

static int plain_expand(const struct om_decisions *d, size_t i, struct om_plan *plan)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	const struct om_scene_entry *se = &d->scene->entries[i];
	int r = 0;

	if (se->target_object == OM_OBJECT_NONE && entry->kind != OM_ENTRY_HIDE)
		r = make_names(d, i, plan);
	if (r < 0 || !om_entry_is_mount(entry))
		return r;
	r = om_expand_entry_mount(d, i, OM_PLACE_LIVE, plan);
	if (r < 0)
		return r;
	return om_expand_attach(&(struct om_plan_target){ d->scene->first + i, se->target,
							  entry->kind !=
								  OM_ENTRY_BIND_FILE },
				plan);
}

const struct om_strategy om_strategy_plain = {
	.id = OM_STRATEGY_PLAIN,
	.name = "plain",
	.rules = rules,
	.expand = plain_expand,
};
