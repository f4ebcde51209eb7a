/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plain: the target exists with the right kind, or its parent is ours to write.  Nothing
 * is built but the mount itself.  Also the place of the checks that hold for every
 * strategy: what is missing at the source, and a target of another kind.
 */
#include "strategy/strategy.h"

#include <string.h>

#include "base/path.h"

static struct om_verdict no(enum om_why why)
{
	return (struct om_verdict){ false, why };
}

static struct om_verdict yes(enum om_why why)
{
	return (struct om_verdict){ true, why };
}

static bool source_is_bad(const struct om_entry *entry, const struct om_scene_entry *se,
			  enum om_why *ret)
{
	if (entry->kind != OM_ENTRY_BIND_DIR && entry->kind != OM_ENTRY_BIND_FILE)
		return false;
	if (se->source_missing && entry->create_source && se->source_ours)
		return false;
	if (se->source_object == OM_OBJECT_NONE)
		*ret = OM_WHY_NO_SOURCE;
	else if (entry->kind == OM_ENTRY_BIND_DIR && se->source_object != OM_OBJECT_DIR)
		*ret = OM_WHY_SOURCE_NOT_DIR;
	else if (entry->kind == OM_ENTRY_BIND_FILE && se->source_object == OM_OBJECT_DIR)
		*ret = OM_WHY_SOURCE_NOT_FILE;
	else
		return false;
	return true;
}

static struct om_verdict existing_target(const struct om_entry *entry,
					 const struct om_scene_entry *se)
{
	bool dir = se->target_object == OM_OBJECT_DIR;
	bool link = se->target_object == OM_OBJECT_SYMLINK;

	switch (entry->kind) {
	case OM_ENTRY_BIND_DIR:
	case OM_ENTRY_TMPFS:
		return dir ? yes(OM_WHY_TARGET_EXISTS) : no(OM_WHY_KIND_CHANGE);
	case OM_ENTRY_BIND_FILE:
		return dir || link ? no(OM_WHY_KIND_CHANGE) : yes(OM_WHY_TARGET_EXISTS);
	case OM_ENTRY_SYMLINK:
		if (link && se->target_link &&
		    strcmp(se->target_link, entry->symlink) == 0)
			return yes(OM_WHY_LINK_EXISTS);
		return no(OM_WHY_KIND_CHANGE);
	case _OM_ENTRY_MAX:
		break;
	}
	return no(OM_WHY_KIND_CHANGE);
}

static struct om_verdict plain_consider(const struct om_decisions *d, size_t i)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	const struct om_scene_entry *se = &d->scene->entries[i];
	const struct om_scene_dir *dir = &d->scene->dirs.v[se->hole];
	enum om_why why;

	if (source_is_bad(entry, se, &why))
		return no(why);
	if (se->target_object != OM_OBJECT_NONE)
		return existing_target(entry, se);
	if (dir->ours && !dir->read_only)
		return yes(OM_WHY_PARENT_OURS);
	if (dir->path[1] == '\0' && !d->policy->root_hole)
		return no(OM_WHY_ROOT_HOLE);
	return no(OM_WHY_NEEDS_HOLE);
}

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

	if (se->target_object == OM_OBJECT_NONE)
		r = make_names(d, i, plan);
	if (r < 0 || entry->kind == OM_ENTRY_SYMLINK)
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
	.consider = plain_consider,
	.expand = plain_expand,
};
