/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See world.h.
 */
#include "property/world.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"

#define POOL_SIZE (32U << 20)
/* Cases have short paths. */
#define PATH_ROOM 2048

static char *pool;
static size_t used;

void pool_reset(void)
{
	used = 0;
}

static void *take(size_t n)
{
	void *room;

	if (!pool)
		pool = malloc(POOL_SIZE);
	n = (n + 15) & ~(size_t)15;
	if (!pool || used + n > POOL_SIZE)
		abort();
	room = pool + used;
	used += n;
	memset(room, 0, n);
	return room;
}

char *pool_room(size_t n)
{
	return take(n);
}

const char *pool_text(const char *text)
{
	return strcpy(take(strlen(text) + 1), text);
}

struct node *node_new(enum kind kind, mode_t mode, uid_t uid, gid_t gid)
{
	struct node *node = take(sizeof(*node));

	*node = (struct node){ .kind = kind, .mode = mode, .uid = uid, .gid = gid };
	node->text = "";
	return node;
}

struct node *node_find(const struct node *dir, const char *name)
{
	for (struct node *n = dir->first; n; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

struct node *node_add(struct node *dir, const char *name, struct node *child)
{
	struct node **at = &dir->first;

	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at && strcmp((*at)->name, name) == 0)
		return NULL;
	child->name = pool_text(name);
	child->parent = dir;
	child->next = *at;
	*at = child;
	return child;
}

struct node *node_make(struct node *dir, const char *name, struct node *child)
{
	if (dir->mode & 02000) {
		child->gid = dir->gid;
		child->mode |= child->kind == KIND_DIR ? 02000 : 0;
	}
	return node_add(dir, name, child);
}

void node_remove(struct node *child)
{
	struct node **at = &child->parent->first;

	while (*at != child)
		at = &(*at)->next;
	*at = child->next;
	child->parent = child->next = NULL;
}

static struct node *copy_alone(const struct node *node)
{
	struct node *copy = node_new(node->kind, node->mode, node->uid, node->gid);

	copy->text = node->text;
	return copy;
}

struct node *node_copy(const struct node *node)
{
	struct node *copy = copy_alone(node);

	for (const struct node *n = node->first; n; n = n->next)
		(void)node_add(copy, n->name, node_copy(n));
	return copy;
}

struct node *node_merge(const struct node *upper, const struct node *lower)
{
	struct node *merged = copy_alone(upper);

	for (const struct node *n = upper->first; n; n = n->next) {
		const struct node *below = node_find(lower, n->name);
		bool both = below && n->kind == KIND_DIR && below->kind == KIND_DIR;

		if (n->kind == KIND_WHITEOUT)
			continue;
		(void)node_add(merged, n->name,
			       both ? node_merge(n, below) : node_copy(n));
	}
	for (const struct node *n = lower->first; n; n = n->next)
		if (!node_find(upper, n->name))
			(void)node_add(merged, n->name, node_copy(n));
	return merged;
}

int world_mount(struct world *w, struct node *root)
{
	if (w->n >= MAX_MOUNTS)
		abort();
	w->mounts[w->n] = (struct mounted){ .root = root, .parent = -1 };
	return w->n++;
}

void world_put(struct world *w, int mount, struct place at)
{
	w->mounts[mount].parent = at.mount;
	w->mounts[mount].at = at.node;
}

static bool is_in(const struct node *node, const struct node *dir)
{
	while (node && node != dir)
		node = node->parent;
	return node;
}

int world_bind(struct world *w, struct place source, bool recursive)
{
	int mount = world_mount(w, source.node), n = w->n;

	w->mounts[mount].read_only = w->mounts[source.mount].read_only;
	w->mounts[mount].ours_fs = w->mounts[source.mount].ours_fs;
	for (int i = 0; recursive && i < n; i++) {
		const struct mounted *m = &w->mounts[i];
		int copy;

		if (m->gone || !m->at || m->parent != source.mount ||
		    !is_in(m->at, source.node) || i == mount)
			continue;
		/* What covers the source itself was crossed already. */
		copy = world_bind(w, (struct place){ i, m->root }, true);
		world_put(w, copy, (struct place){ mount, w->mounts[i].at });
	}
	return mount;
}

void world_umount(struct world *w, int mount)
{
	w->mounts[mount].gone = true;
	for (int i = 0; i < w->n; i++)
		if (!w->mounts[i].gone && w->mounts[i].at && w->mounts[i].parent == mount)
			world_umount(w, i);
}

struct place world_top(const struct world *w, struct place at)
{
	for (int i = w->n - 1; at.node && i >= 0; i--) {
		const struct mounted *m = &w->mounts[i];

		if (m->gone || m->at != at.node || m->parent != at.mount)
			continue;
		at = (struct place){ i, m->root };
		i = w->n;
	}
	return at;
}

struct place world_child(const struct world *w, struct place dir, const char *name)
{
	struct place child = { dir.mount, NULL };

	if (dir.node && dir.node->kind == KIND_DIR)
		child.node = node_find(dir.node, name);
	return world_top(w, child);
}

struct place world_walk(const struct world *w, struct place start, const char *path)
{
	struct place at = start;

	while (*path && at.node) {
		char name[OM_MAX_COMPONENT + 1];
		size_t n;

		path += *path == '/';
		n = strcspn(path, "/");
		if (n == 0)
			break;
		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		at = world_child(w, at, name);
		path += n;
	}
	return at;
}

struct place world_lookup(const struct world *w, const char *path)
{
	return world_walk(w, world_top(w, (struct place){ 0, w->mounts[0].root }), path);
}

/* Root made the link and nobody else can put another one in its place. */
static bool is_trusted(const struct node *dir, const struct node *link)
{
	return link->uid == 0 && dir->uid == 0 &&
	       (!(dir->mode & 0002) || dir->mode & 01000);
}

/* One name more, or up again. */
static void extend(char *done, const char *name)
{
	if (strcmp(name, "..") == 0)
		*(strrchr(done, '/') ? strrchr(done, '/') : done) = '\0';
	else if (strcmp(name, ".") != 0)
		(void)sprintf(done + strlen(done), "/%s", name);
}

/* Sets *ret when a link that is followed is at through or below. */
static char *resolve(const struct world *w, const char *path, bool follow_last,
		     const char *through, bool *ret)
{
	char *done = pool_room(PATH_ROOM), *todo = pool_room(PATH_ROOM);
	unsigned links = 0;

	(void)strcpy(todo, path);
	while (*(todo += strspn(todo, "/"))) {
		size_t n = strcspn(todo, "/");
		bool last = todo[n + strspn(todo + n, "/")] == '\0';
		struct place dir = world_lookup(w, done), at;
		char name[OM_MAX_COMPONENT + 1];
		char *longer;

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, todo);
		todo += n;
		at = world_child(w, dir, name);
		if (!at.node || at.node->kind != KIND_LINK || (last && !follow_last)) {
			extend(done, name);
			continue;
		}
		if (!is_trusted(dir.node, at.node) || ++links > OM_MAX_LINKS)
			return NULL;
		longer = pool_room(PATH_ROOM);
		(void)sprintf(longer, "%s/%s", done, name);
		*ret = *ret || om_path_is_under(longer, through);
		(void)sprintf(longer, "%s/%s/%s", at.node->text[0] == '/' ? "" : done,
			      at.node->text, todo);
		todo = longer;
		*done = '\0';
	}
	if (!*done)
		(void)strcpy(done, "/");
	return done;
}

char *world_resolve(const struct world *w, const char *path, bool follow_last)
{
	bool ignored = false;

	return resolve(w, path, follow_last, "/", &ignored);
}

bool world_leads_through(const struct world *w, const struct om_entry *entry,
			 const char *target)
{
	bool ret = false;

	(void)resolve(w, entry->target, false, target, &ret);
	if (om_entry_is_bind(entry))
		(void)resolve(w, entry->source, true, target, &ret);
	return ret;
}

char *world_existing(const struct world *w, const char *path, struct place *ret)
{
	char *part = strcpy(pool_room(strlen(path) + 2), path);

	for (;;) {
		*ret = world_lookup(w, part);
		if (ret->node)
			return part;
		*strrchr(part, '/') = '\0';
		if (!*part)
			(void)strcpy(part, "/");
	}
}

static uint64_t hash(const char *data)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	while (*data)
		h = (h ^ (unsigned char)*data++) * 0x100000001b3ULL;
	return h;
}

static void add_escaped(struct text *t, const char *text)
{
	char octal[8];

	for (; *text; text++) {
		if (*text > ' ' || *text < 0) {
			text_add(t, text, 1);
			continue;
		}
		(void)snprintf(octal, sizeof(octal), "\\%03o", (unsigned)*text);
		text_add(t, octal, strlen(octal));
	}
}

static void print_node(const struct node *node, const char *path, struct text *t)
{
	char buf[128];

	add_escaped(t, path);
	(void)snprintf(buf, sizeof(buf), " %c %04o %u %u %zu 0:0 ", "dflw"[node->kind],
		       (unsigned)node -> mode, node -> uid, node -> gid,
		       strlen(node->text));
	text_add(t, buf, strlen(buf));
	if (node->kind == KIND_LINK) {
		add_escaped(t, node->text);
	} else if (node->kind == KIND_FILE) {
		(void)snprintf(buf, sizeof(buf), "%016llx",
			       (unsigned long long)hash(node->text));
		text_add(t, buf, strlen(buf));
	} else {
		text_add(t, "-", 1);
	}
	text_add(t, "\n", 1);
}

static void print_place(const struct world *w, struct place at, const char *path,
			struct text *t)
{
	char below[PATH_ROOM];

	print_node(at.node, *path ? path : "/", t);
	for (const struct node *n = at.node->first; n; n = n->next) {
		(void)snprintf(below, sizeof(below), "%s/%s", path, n->name);
		print_place(w, world_child(w, at, n->name), below, t);
	}
}

void world_print(const struct world *w, struct text *ret)
{
	print_place(w, world_lookup(w, "/"), "", ret);
	text_sort(ret);
}

void world_print_mounts(const struct world *w, struct text *ret)
{
	char line[128];

	for (int i = 0; i < w->n; i++) {
		const struct mounted *m = &w->mounts[i];

		if (m->gone || (i > 0 && !m->at))
			continue;
		(void)snprintf(line, sizeof(line), "%d on %d %p of %p ro=%d\n", i,
			       m->parent, (void *)m->at, (void *)m->root, m->read_only);
		text_add(ret, line, strlen(line));
	}
}
