/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mimic: a tmpfs with the hole's mode, owner and xattrs, every sibling bound back and
 * every symbolic link made again.  Works wherever bind mounts do; costs a mount per
 * sibling.  Directories on the way to a deeper name are opened the same way inside the
 * same tmpfs, so that one construction has one tmpfs.  It is as read-only as the hole was,
 * but where the policy asks for a hole that takes new names.
 */
#include <errno.h>
#include <stdint.h>

#include "base/str.h"
#include "strategy/names.h"
#include "strategy/strategy.h"

static const struct om_rule rules[] = {
	{ om_case_is_strict_unknown, OM_ANSWER_NO, OM_WHY_STRICT },
	{ om_case_is_part_writable, OM_ANSWER_NO, OM_WHY_WRITABLE_PART },
	{ om_case_is_unbindable, OM_ANSWER_NO, OM_WHY_HOLE_UNBINDABLE },
	{ om_case_has_unbindable, OM_ANSWER_NO, OM_WHY_SUBMOUNT_UNBINDABLE },
	{ om_case_takes_names, OM_ANSWER_YES, OM_WHY_MIMIC_RW },
	{ NULL, OM_ANSWER_YES, OM_WHY_MIMIC },
};

static int expand_child(const struct om_scene_child *child, const char *path,
			struct om_plan *plan)
{
	bool is_dir = child->object == OM_OBJECT_DIR;
	struct om_step name = {
		.kind = is_dir ? OM_STEP_MKDIR : OM_STEP_MKFILE,
		.place = OM_PLACE_STAGE,
		.entry = SIZE_MAX,
		.path = path,
		.mode = is_dir ? 0755 : 0644,
		.uid = child->uid,
		.gid = child->gid,
	};
	struct om_step bind = {
		.kind = OM_STEP_BIND,
		.place = OM_PLACE_STAGE,
		/* Files can have mounts on them, but never below. */
		.recursive = is_dir,
		.dir = is_dir,
		.entry = SIZE_MAX,
		.path = path,
		.source = path,
	};
	int r;

	if (child->object == OM_OBJECT_SYMLINK) {
		name.kind = OM_STEP_SYMLINK;
		name.source = child->link;
		return om_plan_add(plan, &name);
	}
	r = om_plan_add(plan, &name);
	return r < 0 ? r : om_plan_add(plan, &bind);
}

/* Puts back what a directory holds, but for the names that the construction brings. */
static int expand_children(const struct om_scene_dir *dir, const struct om_names *names,
			   struct om_plan *plan)
{
	_cleanup_str_ struct om_str path = { 0 };
	size_t len;
	int r = 0;

	om_str_add(&path, dir->path[1] == '\0' ? "" : dir->path);
	om_str_add(&path, "/");
	len = path.len;
	for (size_t i = 0; r == 0 && i < dir->children.n; i++) {
		om_str_cut(&path, len);
		om_str_add(&path, dir->children.v[i].name);
		if (path.err < 0)
			return path.err;
		if (!om_names_find(names, path.s))
			r = expand_child(&dir->children.v[i], path.s, plan);
	}
	return r;
}

static int expand_names(const struct om_decisions *d, const struct om_names *names,
			struct om_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->v.n; i++) {
		const struct om_name *name = &names->v.v[i];
		const struct om_scene_dir *dir =
			name->exists ? om_scene_get_dir(d->scene, name->path) : NULL;

		r = om_names_expand(d, name, OM_PLACE_STAGE, plan);
		if (r == 0 && name->entry != SIZE_MAX)
			r = om_expand_entry_mount(d, name->entry, OM_PLACE_STAGE, plan);
		if (r == 0 && dir)
			r = expand_children(dir, names, plan);
	}
	return r;
}

/* The names that the construction makes itself, at most, and its root. */
static size_t count_own(const struct om_decisions *d, const struct om_scene_dir *hole,
			const struct om_names *names)
{
	size_t n = 1 + hole->children.n + names->v.n;

	for (size_t i = 0; i < names->v.n; i++) {
		const struct om_scene_dir *dir =
			names->v.v[i].exists
				? om_scene_get_dir(d->scene, names->v.v[i].path)
				: NULL;

		n += dir ? dir->children.n : 0;
	}
	return n;
}

static int mimic_expand(const struct om_decisions *d, size_t index, struct om_plan *plan)
{
	const struct om_scene_dir *hole =
		&d->scene->dirs.v[d->constructions.v[index].hole];
	bool sealed = hole->attr & OM_ATTR_RDONLY && !d->constructions.v[index].writable;
	_cleanup_names_ struct om_names names = { 0 };
	struct om_step tmpfs = {
		.kind = OM_STEP_TMPFS,
		.place = OM_PLACE_STAGE,
		.root = true,
		.entry = SIZE_MAX,
		.path = hole->path,
		.source = hole->path,
		.mode = hole->mode,
		.uid = hole->uid,
		.gid = hole->gid,
		.attr = hole->attr & ~(unsigned)OM_ATTR_RDONLY,
		.hole_dev = hole->dev,
		.hole_ino = hole->ino,
	};
	struct om_step seal = {
		.kind = OM_STEP_SEAL,
		.place = OM_PLACE_STAGE,
		.entry = SIZE_MAX,
		.path = hole->path,
		.attr = hole->attr,
	};
	int r = om_names_collect(d, index, &names);

	om_expand_room(d, index, count_own(d, hole, &names), &tmpfs);
	if (r == 0)
		r = om_plan_add(plan, &tmpfs);
	if (r == 0)
		r = expand_children(hole, &names, plan);
	if (r == 0)
		r = expand_names(d, &names, plan);
	if (r == 0 && sealed)
		r = om_plan_add(plan, &seal);
	if (r < 0)
		return r;
	return om_expand_attach(&(struct om_plan_target){ SIZE_MAX, hole->path, true },
				plan);
}

const struct om_strategy om_strategy_mimic = {
	.id = OM_STRATEGY_MIMIC,
	.name = "mimic",
	.rules = rules,
	.lists_children = true,
	.expand = mimic_expand,
};
