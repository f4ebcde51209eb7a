/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See machine.h.
 */
#include "property/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "strategy/names.h"

static enum om_object object_of(const struct node *node)
{
	switch (node->kind) {
	case KIND_DIR:
		return OM_OBJECT_DIR;
	case KIND_FILE:
		return OM_OBJECT_FILE;
	case KIND_LINK:
	case KIND_WHITEOUT:
		break;
	}
	return OM_OBJECT_SYMLINK;
}

static struct om_scene_dir *scene_add(const struct world *w, struct om_scene *scene,
				      const char *path, uint64_t salt)
{
	size_t known = om_index_find(&scene->dirs_index, path);
	struct place at = world_lookup(w, path);
	struct om_scene_dir dir = { .unique = true };

	if (known != SIZE_MAX)
		return &scene->dirs.v[known];
	dir.path = strdup(path);
	dir.mount_id = ((uint64_t)at.mount + 1) * 1000 ^ salt;
	dir.read_only = w->mounts[at.mount].read_only;
	dir.attr = dir.read_only ? OM_ATTR_RDONLY : 0;
	dir.ours = w->mounts[at.mount].ours;
	dir.mode = at.node->mode;
	dir.uid = at.node->uid;
	dir.gid = at.node->gid;
	dir.ino = 1;
	if (!dir.path || om_vec_push(&scene->dirs, dir) < 0 ||
	    om_index_add(&scene->dirs_index, dir.path, scene->dirs.n - 1) < 0)
		abort();
	return &scene->dirs.v[scene->dirs.n - 1];
}

static int survey_target(const struct world *w, struct om_scene *scene,
			 const struct om_entry *entry, struct om_scene_entry *se,
			 uint64_t salt)
{
	char *path = world_resolve(w, entry->target, false), *existing;
	struct place at;

	if (!path)
		return -ELOOP;
	existing = world_existing(w, path, &at);
	if (strcmp(existing, path) == 0) {
		se->target_object = object_of(at.node);
		if (at.node->kind == KIND_LINK)
			se->target_link = strdup(at.node->text);
		existing = om_path_parent(path);
		se->hole = (size_t)(scene_add(w, scene, existing, salt) - scene->dirs.v);
		free(existing);
	} else {
		if (at.node->kind != KIND_DIR)
			return -ENOTDIR;
		se->hole = (size_t)(scene_add(w, scene, existing, salt) - scene->dirs.v);
	}
	se->target = strdup(path);
	return 0;
}

static int survey_source(const struct world *w, const struct om_entry *entry,
			 struct om_scene_entry *se)
{
	char *path = world_resolve(w, entry->source, true), *existing;
	struct place at;

	if (!path)
		return -ELOOP;
	se->source = strdup(path);
	existing = world_existing(w, path, &at);
	if (strcmp(existing, path) == 0)
		se->source_object = object_of(at.node);
	else
		se->source_missing = strdup(path);
	return 0;
}

/* The topmost mounts strictly below. */
static void find_submounts(const struct world *w, struct place at, const char *path,
			   struct om_scene_dir *dir)
{
	for (const struct node *n = at.node->first; n; n = n->next) {
		struct place child = world_child(w, at, n->name);
		char *below = om_path_join(path, n->name);
		struct om_submount submount = { .path = below };

		if (child.mount != at.mount) {
			if (om_vec_push(&dir->submounts, submount) < 0)
				abort();
			continue;
		}
		find_submounts(w, child, below, dir);
		free(below);
	}
}

static bool touch(const char *a, const char *b)
{
	return om_path_is_under(a, b) || om_path_is_under(b, a);
}

/* Links have led two entries together: as the survey refuses it. */
static int check_links(const struct world *w, const struct om_profile *p,
		       const struct om_scene *scene)
{
	const struct om_entry *entries = &p->entries[scene->first];

	for (size_t i = 0; i < scene->n; i++)
		for (size_t k = 0; k < i; k++) {
			const struct om_scene_entry *a = &scene->entries[i];
			const struct om_scene_entry *b = &scene->entries[k];

			if (touch(a->target, b->target) ||
			    (a->source && touch(a->source, b->target)) ||
			    (b->source && touch(a->target, b->source)) ||
			    world_leads_through(w, &entries[i], b->target) ||
			    world_leads_through(w, &entries[k], a->target))
				return -ELOOP;
		}
	return 0;
}

int scene_of_world(const struct world *w, const struct om_profile *p, size_t first,
		   size_t n, uint64_t salt, struct om_scene **ret)
{
	struct om_scene *scene = calloc(1, sizeof(*scene));
	bool missing = false;
	int r = 0;

	scene->first = first;
	scene->n = n;
	scene->entries = calloc(n, sizeof(*scene->entries));
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct om_entry *entry = &p->entries[first + i];

		r = survey_target(w, scene, entry, &scene->entries[i], salt);
		if (r == 0 && (entry->kind == OM_ENTRY_BIND_DIR ||
			       entry->kind == OM_ENTRY_BIND_FILE))
			r = survey_source(w, entry, &scene->entries[i]);
		missing |= r == 0 && !om_scene_entry_fits(&scene->entries[i], entry);
	}
	if (r == 0)
		r = check_links(w, p, scene);
	for (size_t i = 0; r == 0 && missing && i < scene->dirs.n; i++) {
		struct om_scene_dir *dir = &scene->dirs.v[i];

		find_submounts(w, world_lookup(w, dir->path), dir->path, dir);
	}
	if (r < 0)
		(void)om_scene_free(scene);
	else
		*ret = scene;
	return r;
}

static void list_dir(const struct world *w, struct om_scene_dir *dir)
{
	struct place at = world_lookup(w, dir->path);

	if (dir->listed)
		return;
	for (const struct node *n = at.node->first; n; n = n->next) {
		const struct place place = world_child(w, at, n->name);
		struct om_scene_child child = {
			.name = om_texts_keep(&dir->texts, n->name, strlen(n->name)),
			.object = object_of(place.node),
			.uid = place.node->uid,
			.gid = place.node->gid
		};

		if (place.node->kind == KIND_LINK)
			child.link = om_texts_keep(&dir->texts, place.node->text,
						   strlen(place.node->text));
		if (om_vec_push(&dir->children, child) < 0)
			abort();
	}
	dir->listed = true;
}

int scene_list_children(const struct world *w, const struct om_decisions *d,
			struct om_scene *scene, uint64_t salt)
{
	for (size_t i = 0; i < d->constructions.n; i++) {
		struct om_names names = { 0 };

		if (!om_strategy_get(d->constructions.v[i].strategy)->lists_children)
			continue;
		if (om_names_collect(d, i, &names) < 0)
			abort();
		list_dir(w, &scene->dirs.v[d->constructions.v[i].hole]);
		for (size_t k = 0; k < names.v.n; k++)
			if (names.v.v[k].exists)
				list_dir(w, scene_add(w, scene, names.v.v[k].path, salt));
		om_names_done(&names);
	}
	return 0;
}

void machine_start(struct machine *m, struct world *w)
{
	m->w = w;
	m->skeleton = NULL;
	m->tree = -1;
	m->tree_path = NULL;
	m->n = 0;
}

static struct place tree_root(const struct machine *m)
{
	return (struct place){ m->tree, m->w->mounts[m->tree].root };
}

/* Where the step happens: a path there, or its parent. */
static struct place find(const struct machine *m, const struct om_step *step,
			 const char *path)
{
	struct place none = { -1, NULL };

	switch (step->place) {
	case OM_PLACE_LIVE:
		return world_lookup(m->w, path);
	case OM_PLACE_SKELETON:
		/* Not a mount: no other is put on it. */
		return m->skeleton
			       ? world_walk(m->w, (struct place){ -2, m->skeleton }, path)
			       : none;
	case OM_PLACE_STAGE:
		break;
	}
	if (m->tree < 0 || !om_path_is_under(path, m->tree_path))
		return none;
	return world_walk(m->w, tree_root(m), om_path_below(path, m->tree_path));
}

static int push(struct machine *m, const struct om_step *step, int mount,
		struct node *node)
{
	if (m->n >= MAX_UNDO)
		abort();
	m->undo[m->n++] = (struct undo){ om_step_invert(step), mount, node };
	return 0;
}

static int hang(struct machine *m, const struct om_step *step, int mount)
{
	struct place at;

	if (step->root) {
		m->tree = mount;
		m->tree_path = step->path;
		return push(m, step, mount, NULL);
	}
	at = find(m, step, step->path);
	if (!at.node)
		return -ENOENT;
	if ((at.node->kind == KIND_DIR) != (m->w->mounts[mount].root->kind == KIND_DIR))
		return -ENOTDIR;
	world_put(m->w, mount, at);
	return push(m, step, mount, NULL);
}

static void mirror(struct node *node, const struct node *like)
{
	node->mode = like->mode;
	node->uid = like->uid;
	node->gid = like->gid;
}

static int step_tmpfs(struct machine *m, const struct om_step *step)
{
	struct node *root = node_new(KIND_DIR, step->mode, step->uid, step->gid);
	int mount = world_mount(m->w, root);

	if (step->source) {
		struct place like = world_lookup(m->w, step->source);

		if (!like.node)
			return -ENOENT;
		mirror(root, like.node);
	} else if (step->mode == OM_MODE_UNSET) {
		root->mode = 01777;
	}
	m->w->mounts[mount].ours = m->w->mounts[mount].ours_fs = !step->source;
	m->w->mounts[mount].read_only = step->attr & OM_ATTR_RDONLY;
	return hang(m, step, mount);
}

static int step_overlay(struct machine *m, const struct om_step *step)
{
	struct place lower = world_lookup(m->w, step->source);
	struct place upper =
		world_walk(m->w, (struct place){ -2, m->skeleton }, step->source);
	int mount;

	if (!lower.node || !upper.node)
		return -ENOENT;
	mount = world_mount(m->w, node_merge(upper.node, lower.node));
	m->w->mounts[mount].read_only = !step->writable;
	return hang(m, step, mount);
}

static int step_bind(struct machine *m, const struct om_step *step)
{
	struct place source = world_lookup(m->w, step->source);
	int mount;

	if (!source.node)
		return -ENOENT;
	mount = world_bind(m->w, source, step->recursive);
	if (step->attr & OM_ATTR_RDONLY)
		m->w->mounts[mount].read_only = true;
	return hang(m, step, mount);
}

static struct node *make_node(const struct machine *m, const struct om_step *step)
{
	struct node *node = node_new(KIND_DIR, step->mode, step->uid, step->gid);

	if (step->kind == OM_STEP_MKFILE) {
		node->kind = KIND_FILE;
		node->mode = 0644;
	} else if (step->kind == OM_STEP_SYMLINK) {
		node->kind = KIND_LINK;
		node->mode = 0777;
		node->text = pool_text(step->source);
	} else if (step->kind == OM_STEP_WHITEOUT) {
		node->kind = KIND_WHITEOUT;
	} else if (step->source) {
		mirror(node, world_lookup(m->w, step->source).node);
	}
	return node;
}

static void make_skeleton_parents(struct machine *m, const char *path)
{
	struct node *at = m->skeleton;
	size_t depth = om_path_depth(path);

	for (size_t i = 1; i < depth; i++) {
		size_t from = om_path_prefix_len(path, i - 1),
		       to = om_path_prefix_len(path, i);
		char name[256] = "";

		from = i == 1 ? 0 : from;
		memcpy(name, path + from + 1, to - from - 1);
		if (!node_find(at, name))
			(void)node_add(at, name, node_new(KIND_DIR, 0755, 0, 0));
		at = node_find(at, name);
	}
}

/* Given an owner, or what the directory hands down; a mirrored one gets it afterwards. */
static bool hands_down(const struct om_step *step)
{
	if (step->kind == OM_STEP_MKDIR)
		return !step->source;
	return step->kind == OM_STEP_MKFILE || step->entry != SIZE_MAX;
}

static int step_name(struct machine *m, const struct om_step *step)
{
	struct node *node;
	struct place dir;
	char *parent;

	if (step->source && step->kind == OM_STEP_MKDIR &&
	    !world_lookup(m->w, step->source).node)
		return -ENOENT;
	node = make_node(m, step);
	if (step->place == OM_PLACE_SKELETON && step->path[1] == '\0') {
		mirror(m->skeleton, node);
		return push(m, step, -1, NULL);
	}
	if (step->place == OM_PLACE_SKELETON && step->kind == OM_STEP_MKDIR &&
	    step->source)
		make_skeleton_parents(m, step->path);
	parent = om_path_parent(step->path);
	dir = find(m, step, parent);
	free(parent);
	if (!dir.node || dir.node->kind != KIND_DIR)
		return -ENOENT;
	if (step->place == OM_PLACE_LIVE && !m->w->mounts[dir.mount].ours_fs)
		return -ESTALE;
	if (step->place == OM_PLACE_LIVE && step->kind == OM_STEP_MKDIR &&
	    node_find(dir.node, om_path_base(step->path)))
		return 0;
	if (!(hands_down(step) ? node_make : node_add)(dir.node, om_path_base(step->path),
						       node))
		return -EEXIST;
	return push(m, step, -1, node);
}

static int step_attach(struct machine *m, const struct om_step *step)
{
	struct place at = world_lookup(m->w, step->path);

	if (m->tree < 0 || strcmp(m->tree_path, step->path) != 0)
		return -EINVAL;
	if (!at.node)
		return -ENOENT;
	world_put(m->w, m->tree, at);
	(void)push(m, step, m->tree, NULL);
	m->tree = -1;
	return 0;
}

int machine_step(struct machine *m, const struct om_step *step)
{
	switch (step->kind) {
	case OM_STEP_SKELETON:
		m->skeleton = node_new(KIND_DIR, step->mode, 0, 0);
		return push(m, step, -1, NULL);
	case OM_STEP_TMPFS:
		return step_tmpfs(m, step);
	case OM_STEP_OVERLAY:
		return step_overlay(m, step);
	case OM_STEP_BIND:
		return step_bind(m, step);
	case OM_STEP_MKDIR:
	case OM_STEP_MKFILE:
	case OM_STEP_SYMLINK:
	case OM_STEP_WHITEOUT:
		return step_name(m, step);
	case OM_STEP_SEAL:
		m->w->mounts[m->tree].read_only = step->attr & OM_ATTR_RDONLY;
		return push(m, step, -1, NULL);
	case OM_STEP_ATTACH:
		return step_attach(m, step);
	case _OM_STEP_MAX:
		break;
	}
	return -EINVAL;
}

static int invert(struct machine *m, const struct undo *undo)
{
	switch (undo->inverse) {
	case OM_INVERSE_DISCARD:
		return 0;
	case OM_INVERSE_DETACH:
		if (undo->mount < 0)
			return -EINVAL;
		world_umount(m->w, undo->mount);
		return 0;
	case OM_INVERSE_RMDIR:
	case OM_INVERSE_UNLINK:
		if (!undo->node || !undo->node->parent || undo->node->first)
			return -ENOTEMPTY;
		if ((undo->inverse == OM_INVERSE_RMDIR) != (undo->node->kind == KIND_DIR))
			return -ENOTDIR;
		node_remove(undo->node);
		return 0;
	}
	return -EINVAL;
}

int machine_undo(struct machine *m)
{
	int r = 0;

	if (m->tree >= 0)
		world_umount(m->w, m->tree);
	m->tree = -1;
	while (r == 0 && m->n > 0)
		r = invert(m, &m->undo[--m->n]);
	return r;
}
