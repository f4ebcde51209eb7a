/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See names.h.
 */
#include "strategy/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"

const struct om_name *om_names_find(const struct om_names *names, const char *path)
{
	size_t i = om_index_find(&names->index, path);

	return i == SIZE_MAX ? NULL : &names->v.v[i];
}

static int add_name(struct om_names *names, const char *target, size_t depth, bool exists,
		    size_t entry)
{
	char *path = strndup(target, om_path_prefix_len(target, depth));
	int r;

	if (!path)
		return -ENOMEM;
	if (om_names_find(names, path)) {
		free(path);
		return 0;
	}
	r = om_vec_push(&names->v, (struct om_name){ path, exists, entry });
	if (r < 0) {
		free(path);
		return r;
	}
	return om_index_add(&names->index, path, names->v.n - 1);
}

static int collect_entry(const struct om_decisions *d, size_t i, size_t hole_depth,
			 struct om_names *names)
{
	const struct om_scene_entry *se = &d->scene->entries[i];
	size_t existing = om_path_depth(d->scene->dirs.v[se->hole].path);
	size_t last = om_path_depth(se->target);
	int r = 0;

	for (size_t depth = hole_depth + 1; r == 0 && depth <= last; depth++)
		r = add_name(names, se->target, depth, depth <= existing,
			     depth == last ? i : SIZE_MAX);
	return r;
}

int om_names_collect(const struct om_decisions *d, size_t index, struct om_names *ret)
{
	const char *hole = d->scene->dirs.v[d->constructions.v[index].hole].path;
	int r = 0;

	*ret = (struct om_names){ 0 };
	for (size_t i = 0; r == 0 && i < d->scene->n; i++)
		if (d->entries[i].construction == index)
			r = collect_entry(d, i, om_path_depth(hole), ret);
	return r;
}

void om_names_done(struct om_names *names)
{
	for (size_t i = 0; i < names->v.n; i++)
		free(names->v.v[i].path);
	om_vec_free(&names->v);
	om_index_done(&names->index);
}

int om_names_expand(const struct om_decisions *d, const struct om_name *name,
		    enum om_place place, struct om_plan *plan)
{
	struct om_step step = {
		.kind = OM_STEP_MKDIR,
		.place = place,
		.entry = SIZE_MAX,
		.path = name->path,
		.source = name->exists ? name->path : NULL,
		.mode = 0755,
	};

	if (name->entry != SIZE_MAX) {
		const struct om_entry *entry = om_decisions_entry(d, name->entry);

		step.entry = d->scene->first + name->entry;
		if (entry->kind == OM_ENTRY_BIND_FILE)
			step.kind = OM_STEP_MKFILE;
		if (entry->kind == OM_ENTRY_SYMLINK) {
			step.kind = OM_STEP_SYMLINK;
			step.source = entry->symlink;
			step.mode = 0777;
		}
		if (entry->kind == OM_ENTRY_HIDE) {
			/* Out of a mimic it is left. */
			if (place != OM_PLACE_SKELETON)
				return 0;
			step.kind = OM_STEP_WHITEOUT;
			step.mode = 0;
		}
	}
	return om_plan_add(plan, &step);
}
