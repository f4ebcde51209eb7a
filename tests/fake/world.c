/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See world.h.
 */
#include "fake/world.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "strategy/names.h"

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "world: %s\n", what);
	abort();
}

static char *copy(const char *text)
{
	char *s = strdup(text);

	must(s, "no memory");
	return s;
}

static const struct world_node *find(const struct world *w, const char *path)
{
	for (size_t i = w->nodes.n; i-- > 0;)
		if (strcmp(w->nodes.v[i].path, path) == 0)
			return &w->nodes.v[i];
	return NULL;
}

static void add_node(struct world *w, const char *path, const struct world_node *like)
{
	struct world_node node = *like;

	if (find(w, path))
		return;
	if (path[1] != '\0') {
		char *parent = om_path_parent(path);

		add_node(w, parent,
			 &(struct world_node){ .object = OM_OBJECT_DIR, .mode = 0755 });
		free(parent);
	}
	node.path = copy(path);
	node.link = like->link ? copy(like->link) : NULL;
	must(om_vec_push(&w->nodes, node) == 0, "no memory");
}

static void add_mount(struct world *w, const char *path, const struct world_mount *like)
{
	struct world_mount m = *like;

	m.path = copy(path);
	must(om_vec_push(&w->mounts, m) == 0, "no memory");
}

static void set_mount_word(struct world_mount *m, const char *word)
{
	static const struct {
		const char *word;
		unsigned attr;
	} attrs[] = { { "ro", OM_ATTR_RDONLY },
		      { "nosuid", OM_ATTR_NOSUID },
		      { "nodev", OM_ATTR_NODEV },
		      { "noexec", OM_ATTR_NOEXEC } };
	const struct {
		const char *word;
		bool *flag;
	} flags[] = { { "fixed", &m->fixed },
		      { "ours", &m->ours },
		      { "locked", &m->locked },
		      { "unbindable", &m->unbindable },
		      { "no-fit", &m->no_fit } };

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (om_streq(word, attrs[i].word)) {
			m->attr |= attrs[i].attr;
			return;
		}
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (om_streq(word, flags[i].word)) {
			*flags[i].flag = true;
			return;
		}
	if (om_streq(word, "unknown-fit"))
		m->levels = -1;
	else
		must(sscanf(word, "levels=%d", &m->levels) == 1, word);
}

static void read_mount(struct world *w, const char *path, char *words)
{
	struct world_mount m = { .levels = 2 };
	char *saved, *word = strtok_r(words, " ", &saved);

	must(word, "a mount without a type");
	(void)snprintf(m.type, sizeof(m.type), "%s", word);
	if (om_streq(word, "overlay"))
		m.levels = 1;
	while ((word = strtok_r(NULL, " ", &saved)))
		set_mount_word(&m, word);
	if (m.fixed)
		m.attr |= OM_ATTR_RDONLY;
	add_node(w, path, &(struct world_node){ .object = OM_OBJECT_DIR, .mode = 0755 });
	add_mount(w, path, &m);
}

bool world_line(struct world *w, const char *line)
{
	char kind[16], path[1024], rest[1024] = "";
	struct world_node node = { .object = OM_OBJECT_FILE, .mode = 0644 };
	unsigned n;

	if (sscanf(line, "%15s %1023s %1023[^\n]", kind, path, rest) < 2)
		return false;
	if (om_streq(kind, "mount")) {
		read_mount(w, path, rest);
		return true;
	}
	if (om_streq(kind, "max-mounts")) {
		must(sscanf(line, "%*s %zu %lu", &w->n_mounts, &w->max_mounts) == 2,
		     line);
		return true;
	}
	if (om_streq(kind, "many")) {
		char prefix[64], name[1200];

		must(sscanf(rest, "%63s %u", prefix, &n) == 2, line);
		for (unsigned i = 0; i < n; i++) {
			(void)snprintf(name, sizeof(name), "%s/%s%u", path, prefix, i);
			add_node(w, name, &node);
		}
		return true;
	}
	if (om_streq(kind, "dir"))
		node.object = OM_OBJECT_DIR;
	else if (om_streq(kind, "link"))
		node.object = OM_OBJECT_SYMLINK;
	else if (om_streq(kind, "fifo"))
		node.object = OM_OBJECT_OTHER;
	else if (!om_streq(kind, "file"))
		return false;
	node.live = node.object == OM_OBJECT_OTHER;
	node.link = node.object == OM_OBJECT_SYMLINK ? rest : NULL;
	if (node.object == OM_OBJECT_DIR)
		node.mode = 0755;
	if (rest[0] && !node.link)
		must(sscanf(rest, "%o %u %u", &node.mode, &node.uid, &node.gid) == 3,
		     line);
	add_node(w, path, &node);
	return true;
}

void world_done(struct world *w)
{
	for (size_t i = 0; i < w->nodes.n; i++) {
		free(w->nodes.v[i].path);
		free(w->nodes.v[i].link);
	}
	for (size_t i = 0; i < w->mounts.n; i++)
		free(w->mounts.v[i].path);
	om_vec_free(&w->nodes);
	om_vec_free(&w->mounts);
}

/* The mount that path lies on: of the deepest ones the last. */
static size_t mount_of(const struct world *w, const char *path)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < w->mounts.n; i++)
		if (om_path_is_under(path, w->mounts.v[i].path) &&
		    (best == SIZE_MAX ||
		     strlen(w->mounts.v[i].path) >= strlen(w->mounts.v[best].path)))
			best = i;
	must(best != SIZE_MAX, "nothing is mounted at /");
	return best;
}

static bool is_visible(const struct world *w, size_t mount)
{
	return mount_of(w, w->mounts.v[mount].path) == mount;
}

/* Is mount a below mount b, and nothing between it and dir? */
static void add_submounts(const struct world *w, struct om_scene_dir *dir)
{
	for (size_t i = 0; i < w->mounts.n; i++) {
		const struct world_mount *m = &w->mounts.v[i];
		struct om_submount sub = { .unbindable = m->unbindable,
					   .locked = m->locked ? OM_YES : OM_NO };
		bool topmost = om_path_is_below(m->path, dir->path) && is_visible(w, i);

		for (size_t k = 0; topmost && k < w->mounts.n; k++)
			if (om_path_is_below(w->mounts.v[k].path, dir->path) &&
			    om_path_is_below(m->path, w->mounts.v[k].path))
				topmost = false;
		if (!topmost)
			continue;
		for (size_t k = 0; k < w->mounts.n; k++)
			sub.unbindable |=
				om_path_is_below(w->mounts.v[k].path, m->path) &&
				w->mounts.v[k].unbindable;
		sub.path = copy(m->path);
		must(om_vec_push(&dir->submounts, sub) == 0, "no memory");
	}
}

static bool is_child(const char *path, const char *dir)
{
	return om_path_is_below(path, dir) &&
	       om_path_depth(path) == om_path_depth(dir) + 1;
}

static void look(const struct world *w, struct om_scene_dir *dir,
		 const struct world_mount *m)
{
	bool try = dir->stacked || m->no_fit || m->levels < 0;

	dir->looked = !dir->fixed;
	for (size_t i = 0; dir->looked && i < w->nodes.n; i++) {
		if (!w->nodes.v[i].live || !is_child(w->nodes.v[i].path, dir->path))
			continue;
		if (dir->n_live++ == 0)
			dir->live = copy(om_path_base(w->nodes.v[i].path));
	}
	dir->overlay.possible = m->levels > 0 && !m->no_fit ? OM_YES : OM_NO;
	for (size_t i = 0; i < dir->submounts.n; i++)
		if (dir->submounts.v[i].locked == OM_YES) {
			dir->overlay.possible = OM_NO;
			try = true;
		}
	if (m->levels < 0)
		dir->overlay.possible = OM_UNKNOWN;
	dir->examined = try;
	(void)snprintf(dir->overlay.evidence, sizeof(dir->overlay.evidence), "%s",
		       dir->overlay.possible == OM_YES ? "mounted" : "mount: EINVAL");
}

static int compare_submounts(const void *a, const void *b)
{
	const struct om_submount *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static size_t add_dir(const struct world *w, struct om_scene *scene, const char *path,
		      bool hole)
{
	const struct world_node *node = find(w, path);
	const struct world_mount *m = &w->mounts.v[mount_of(w, path)];
	struct om_scene_dir dir = { .hole = hole };

	for (size_t i = 0; i < scene->dirs.n; i++)
		if (strcmp(scene->dirs.v[i].path, path) == 0) {
			if (!hole || scene->dirs.v[i].hole)
				return i;
			scene->dirs.v[i].hole = true;
			if (scene->dirs.v[i].read_only)
				look(w, &scene->dirs.v[i], m);
			return i;
		}
	must(node, path);
	dir.path = copy(path);
	dir.mount_id = mount_of(w, path) + 1;
	dir.attr = m->attr;
	dir.read_only = m->attr & OM_ATTR_RDONLY;
	dir.ours = m->ours;
	dir.mode = node->mode;
	dir.uid = node->uid;
	dir.gid = node->gid;
	dir.unbindable = m->unbindable;
	dir.fixed = m->fixed;
	dir.stacked = om_streq(m->type, "overlay");
	(void)snprintf(dir.fs_type, sizeof(dir.fs_type), "%s", m->type);
	add_submounts(w, &dir);
	if (dir.submounts.n > 0)
		qsort(dir.submounts.v, dir.submounts.n, sizeof(*dir.submounts.v),
		      compare_submounts);
	if (hole && dir.read_only && !dir.ours)
		look(w, &dir, m);
	must(om_vec_push(&scene->dirs, dir) == 0 &&
		     om_index_add(&scene->dirs_index, dir.path, scene->dirs.n - 1) == 0,
	     "no memory");
	return scene->dirs.n - 1;
}

/* The deepest part of path that is there, malloc'ed. */
static char *existing(const struct world *w, const char *path)
{
	for (size_t depth = om_path_depth(path); depth > 0; depth--) {
		char *part = strndup(path, om_path_prefix_len(path, depth));

		must(part, "no memory");
		if (find(w, part))
			return part;
		free(part);
	}
	return copy("/");
}

static void survey_entry(const struct world *w, struct om_scene *scene,
			 const struct om_entry *entry, struct om_scene_entry *se)
{
	char *there = existing(w, entry->target);
	const struct world_node *node = find(w, entry->target);

	se->target = copy(entry->target);
	if (node) {
		char *parent = om_path_parent(entry->target);

		se->target_object = node->object;
		se->target_link = node->link ? copy(node->link) : NULL;
		se->hole = add_dir(w, scene, parent, !om_scene_entry_fits(se, entry));
		free(parent);
	} else {
		must(find(w, there)->object == OM_OBJECT_DIR, there);
		se->hole = add_dir(w, scene, there, true);
	}
	free(there);
	if (entry->kind != OM_ENTRY_BIND_DIR && entry->kind != OM_ENTRY_BIND_FILE)
		return;
	se->source = copy(entry->source);
	node = find(w, entry->source);
	if (node) {
		se->source_object = node->object;
		return;
	}
	there = existing(w, entry->source);
	se->source_missing = strndup(
		entry->source,
		om_path_prefix_len(entry->source,
				   there[1] == '\0' ? 1 : om_path_depth(there) + 1));
	se->source_ours = w->mounts.v[mount_of(w, there)].ours;
	free(there);
}

struct om_scene *world_survey(const struct world *w, const struct om_profile *p,
			      size_t first, size_t n)
{
	struct om_scene *scene = calloc(1, sizeof(*scene));

	must(scene, "no memory");
	scene->first = first;
	scene->n_mounts = w->n_mounts;
	scene->entries = calloc(n, sizeof(*scene->entries));
	must(scene->entries, "no memory");
	for (scene->n = 0; scene->n < n; scene->n++)
		survey_entry(w, scene, &p->entries[first + scene->n],
			     &scene->entries[scene->n]);
	return scene;
}

static int compare_children(const void *a, const void *b)
{
	const struct om_scene_child *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static const char *keep(struct om_scene_dir *dir, const char *text)
{
	const char *kept = om_texts_keep(&dir->texts, text, strlen(text));

	must(kept, "no memory");
	return kept;
}

static void list_dir(const struct world *w, struct om_scene_dir *dir)
{
	if (dir->listed)
		return;
	for (size_t i = 0; i < w->nodes.n; i++) {
		const struct world_node *node = &w->nodes.v[i];
		struct om_scene_child child = { .object = node->object };

		if (!is_child(node->path, dir->path))
			continue;
		child.name = keep(dir, om_path_base(node->path));
		child.link = node->link ? keep(dir, node->link) : NULL;
		must(om_vec_push(&dir->children, child) == 0, "no memory");
	}
	if (dir->children.n > 0)
		qsort(dir->children.v, dir->children.n, sizeof(*dir->children.v),
		      compare_children);
	dir->max_mounts = w->max_mounts;
	dir->listed = true;
}

void world_list(const struct world *w, const struct om_decisions *d,
		struct om_scene *scene)
{
	for (size_t i = 0; i < d->constructions.n; i++) {
		struct om_names names;

		list_dir(w, &scene->dirs.v[d->constructions.v[i].hole]);
		must(om_names_collect(d, i, &names) == 0, "no memory");
		for (size_t k = 0; k < names.v.n; k++)
			if (names.v.v[k].exists)
				list_dir(w, &scene->dirs.v[add_dir(
						    w, scene, names.v.v[k].path, false)]);
		om_names_done(&names);
	}
}

/* All that is below source appears below target, too. */
static void copy_tree(struct world *w, const char *source, const char *target)
{
	size_t n = w->nodes.n;

	for (size_t i = 0; i < n; i++) {
		char *path;

		if (!om_path_is_below(w->nodes.v[i].path, source))
			continue;
		path = om_path_join(target, om_path_below(w->nodes.v[i].path, source));
		add_node(w, path,
			 &(struct world_node){ .object = w->nodes.v[i].object,
					       .link = w->nodes.v[i].link,
					       .mode = w->nodes.v[i].mode });
		free(path);
	}
}

/* What gives way to another kind. */
static void drop_tree(struct world *w, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->nodes.n; i++) {
		if (!om_path_is_under(w->nodes.v[i].path, path)) {
			w->nodes.v[kept++] = w->nodes.v[i];
			continue;
		}
		free(w->nodes.v[i].path);
		free(w->nodes.v[i].link);
	}
	w->nodes.n = kept;
}

static void apply_entry(struct world *w, const struct om_decisions *d, size_t i)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	const struct om_scene_entry *se = &d->scene->entries[i];
	struct world_mount m = { .type = "tmpfs", .ours = true, .levels = 2 };
	struct world_node node = { .object = OM_OBJECT_DIR, .mode = 0755 };

	if (d->entries[i].construction != SIZE_MAX)
		drop_tree(w, se->target);
	if (entry->kind == OM_ENTRY_HIDE)
		return;
	if (entry->kind == OM_ENTRY_SYMLINK) {
		char *link = copy(entry->symlink);

		node.object = OM_OBJECT_SYMLINK;
		node.link = link;
		add_node(w, se->target, &node);
		free(link);
		return;
	}
	if (entry->kind == OM_ENTRY_BIND_FILE)
		node.object = OM_OBJECT_FILE;
	add_node(w, se->target, &node);
	if (entry->kind != OM_ENTRY_TMPFS) {
		m = w->mounts.v[mount_of(w, se->source)];
		m.attr |= entry->attr;
		copy_tree(w, se->source, se->target);
	}
	add_mount(w, se->target, &m);
}

/* What covers the hole, and with mimic a mount for each sibling. */
static void apply_hole(struct world *w, const struct om_decisions *d,
		       const struct om_construction *c)
{
	const struct om_scene_dir *hole = &d->scene->dirs.v[c->hole];
	const struct world_mount below = w->mounts.v[mount_of(w, hole->path)];
	struct world_mount m = { .type = "tmpfs", .attr = hole->attr, .levels = 2 };

	if (c->writable)
		m.attr &= ~(unsigned)OM_ATTR_RDONLY;

	if (!om_strategy_get(c->strategy)->lists_children) {
		m.levels = below.levels - 1;
		m.fixed = !c->writable;
		(void)snprintf(m.type, sizeof(m.type), "overlay");
		add_mount(w, hole->path, &m);
		return;
	}
	add_mount(w, hole->path, &m);
	for (size_t i = 0; i < hole->children.n; i++) {
		char *path = om_path_join(hole->path, hole->children.v[i].name);

		if (hole->children.v[i].object != OM_OBJECT_SYMLINK)
			add_mount(w, path, &below);
		free(path);
	}
}

void world_apply(struct world *w, const struct om_decisions *d)
{
	for (size_t i = 0; i < d->constructions.n; i++)
		apply_hole(w, d, &d->constructions.v[i]);
	for (size_t i = 0; i < d->scene->n; i++)
		apply_entry(w, d, i);
}

void world_make_sources(struct world *w, const struct om_profile *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct om_entry *entry = &p->entries[i];
		bool dir = entry->kind == OM_ENTRY_BIND_DIR;

		if (dir || entry->kind == OM_ENTRY_BIND_FILE)
			add_node(w, entry->source,
				 &(struct world_node){ .object = dir ? OM_OBJECT_DIR
								     : OM_OBJECT_FILE,
						       .mode = dir ? 0755 : 0644 });
	}
}
