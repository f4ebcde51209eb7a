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

#include "base/index.h"
#include "base/path.h"
#include "base/str.h"
#include "base/texts.h"
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

/* What is expanded: the hole, the names that come to it, and where something is mounted. */
struct expansion {
	const struct om_scene_dir *hole;
	struct om_names names;
	struct om_index mounted; /* the submounts of the hole, and what leads to them */
	struct om_texts texts;
	struct om_plan *plan;
};

static void expansion_done(struct expansion *x)
{
	om_names_done(&x->names);
	om_index_done(&x->mounted);
	om_texts_done(&x->texts);
}
#define _cleanup_expansion_ _cleanup_(expansion_done)

static int find_mounted(struct expansion *x)
{
	size_t hole_depth = om_path_depth(x->hole->path);

	for (size_t i = 0; i < x->hole->submounts.n; i++) {
		const char *path = x->hole->submounts.v[i].path;

		for (size_t depth = om_path_depth(path); depth > hole_depth; depth--) {
			const char *part = om_texts_keep(&x->texts, path,
							 om_path_prefix_len(path, depth));
			int r = part ? 0 : -ENOMEM;

			if (r == 0 && om_index_find(&x->mounted, part) != SIZE_MAX)
				break;
			if (r == 0)
				r = om_index_add(&x->mounted, part, i);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int expand_child(const struct expansion *x, const struct om_scene_child *child,
			const char *path)
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
		.brings = is_dir && om_index_find(&x->mounted, path) != SIZE_MAX,
		.dir = is_dir,
		.entry = SIZE_MAX,
		.path = path,
		.source = path,
	};
	int r;

	if (child->object == OM_OBJECT_SYMLINK) {
		name.kind = OM_STEP_SYMLINK;
		name.source = child->link;
		return om_plan_add(x->plan, &name);
	}
	r = om_plan_add(x->plan, &name);
	return r < 0 ? r : om_plan_add(x->plan, &bind);
}

/* Puts back what a directory holds, but for the names that the construction brings. */
static int expand_children(const struct expansion *x, const struct om_scene_dir *dir)
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
		if (!om_names_find(&x->names, path.s))
			r = expand_child(x, &dir->children.v[i], path.s);
	}
	return r;
}

static int expand_names(const struct expansion *x, const struct om_decisions *d)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->names.v.n; i++) {
		const struct om_name *name = &x->names.v.v[i];
		const struct om_scene_dir *dir =
			name->exists ? om_scene_get_dir(d->scene, name->path) : NULL;

		r = om_names_expand(d, name, OM_PLACE_STAGE, x->plan);
		if (r == 0 && name->entry != SIZE_MAX)
			r = om_expand_entry_mount(d, name->entry, OM_PLACE_STAGE,
						  x->plan);
		if (r == 0 && dir)
			r = expand_children(x, dir);
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
	_cleanup_expansion_ struct expansion x = { .hole = hole, .plan = plan };
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
	int r = om_names_collect(d, index, &x.names);

	if (r == 0)
		r = find_mounted(&x);
	om_expand_room(d, index, count_own(d, hole, &x.names), &tmpfs);
	if (r == 0)
		r = om_plan_add(plan, &tmpfs);
	if (r == 0)
		r = expand_children(&x, hole);
	if (r == 0)
		r = expand_names(&x, d);
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
