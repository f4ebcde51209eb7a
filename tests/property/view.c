/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See view.h.
 */
#include "property/view.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "strategy/wave.h"

static struct node *flatten(const struct world *w, struct place at)
{
	struct node *flat =
		node_new(at.node->kind, at.node->mode, at.node->uid, at.node->gid);

	flat->text = at.node->text;
	for (struct node *n = at.node->first; n; n = n->next) {
		struct place child = world_child(w, at, n->name);
		struct node *copy = node_add(flat, n->name, flatten(w, child));

		if (child.mount != at.mount)
			copy->under = flatten(w, (struct place){ at.mount, n });
	}
	return flat;
}

/* With what is mounted in it, or as a bind that is not recursive shows it. */
static struct node *copy(const struct node *node, bool recursive)
{
	struct node *c = node_new(node->kind, node->mode, node->uid, node->gid);

	c->text = node->text;
	for (const struct node *n = node->first; n; n = n->next) {
		struct node *child =
			node_add(c, n->name,
				 copy(n->under && !recursive ? n->under : n, recursive));

		if (recursive && n->under)
			child->under = copy(n->under, true);
	}
	return c;
}

struct putting {
	struct world *w;
	struct world *before; /* for PLANTED_ORDER */
	const struct om_profile *p;
	const struct view_rules *rules;
	const char **targets; /* canonical */
	const char **sources;
	bool *second; /* see is_second_view() */
	bool changed; /* the entry is a change of kind */
};

static bool has_mount(const struct node *node)
{
	bool found = node->under;

	for (const struct node *n = node->first; n && !found; n = n->next)
		found = has_mount(n);
	return found;
}

/* What is there is of another kind, or shall not be seen. */
static bool gives_way(struct putting *put, const char *path, const struct node *node)
{
	put->changed = true;
	return put->rules->kind_changes && !has_mount(node) &&
	       (om_path_depth(path) > 1 || put->rules->root_hole);
}

static bool is_kind_of(const struct om_entry *entry, const struct node *node)
{
	switch (entry->kind) {
	case OM_ENTRY_BIND_DIR:
	case OM_ENTRY_TMPFS:
		return node->kind == KIND_DIR;
	case OM_ENTRY_BIND_FILE:
		return node->kind == KIND_FILE;
	case OM_ENTRY_SYMLINK:
		return node->kind == KIND_LINK && strcmp(node->text, entry->symlink) == 0;
	case OM_ENTRY_HIDE:
	case _OM_ENTRY_MAX:
		break;
	}
	return false;
}

/* 0 when the entry cannot be put there. */
static bool fits(struct putting *put, const struct om_entry *entry, const char *path)
{
	struct place at;
	const char *existing = world_existing(put->w, path, &at);

	put->changed = false;
	if (strcmp(existing, path) != 0)
		return at.node->kind == KIND_DIR &&
		       (existing[1] != '\0' || put->rules->root_hole ||
			entry->kind == OM_ENTRY_HIDE);
	return is_kind_of(entry, at.node) || gives_way(put, path, at.node);
}

/* What appears at the target; NULL: the source is not fit. */
static struct node *value(const struct putting *put, const struct om_entry *entry,
			  size_t i)
{
	const struct world *w = put->rules->planted == PLANTED_ORDER ? put->before
								     : put->w;
	struct place source;
	struct node *node;

	if (entry->kind == OM_ENTRY_TMPFS)
		return node_new(KIND_DIR,
				put->rules->planted == PLANTED_MODE ? 0755
				: entry->mode == OM_MODE_UNSET	    ? 01777
								    : entry->mode,
				entry->uid, entry->gid);
	if (entry->kind == OM_ENTRY_SYMLINK) {
		node = node_new(KIND_LINK, 0777, 0, 0);
		node->text = pool_text(entry->symlink);
		return node;
	}
	put->sources[i] = world_resolve(put->w, entry->source, true);
	if (!put->sources[i])
		return NULL;
	source = world_lookup(w, put->sources[i]);
	if (!source.node ||
	    source.node->kind !=
		    (entry->kind == OM_ENTRY_BIND_DIR ? KIND_DIR : KIND_FILE))
		return NULL;
	return copy(source.node, entry->recursive);
}

static void lose_sibling(struct node *dir, const char *name)
{
	struct node *last = NULL;

	for (struct node *n = dir->first; n; n = n->next)
		if (strcmp(n->name, name) != 0)
			last = n;
	if (last)
		node_remove(last);
}

/* A mount has an owner of its own, a link what the directory hands down. */
static void add_value(struct node *dir, const char *name, struct node *node)
{
	(void)(node->kind == KIND_LINK ? node_make : node_add)(dir, name, node);
}

static void hide(const struct putting *put, const char *path)
{
	struct place at = world_lookup(put->w, path);

	if (at.node)
		node_remove(at.node);
}

/* Makes what is missing on the way. */
static void put_value(const struct putting *put, const char *path, struct node *node)
{
	struct place at;
	char *existing = world_existing(put->w, path, &at);

	if (strcmp(existing, path) == 0) {
		struct node *dir = at.node->parent, *old = at.node;

		node_remove(old);
		add_value(dir, om_path_base(path), node);
		node->under = put->changed ? NULL : old;
		return;
	}
	for (const char *rest = om_path_below(path, existing);;) {
		size_t n = strcspn(rest, "/");
		char name[256];

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, rest);
		if (put->rules->planted == PLANTED_SIBLING)
			lose_sibling(at.node, name);
		if (!rest[n]) {
			add_value(at.node, name, node);
			return;
		}
		at.node = node_make(at.node, name, node_new(KIND_DIR, 0755, 0, 0));
		rest += n + 1;
	}
}

static bool touch(const char *a, const char *b)
{
	return om_path_is_under(a, b) || om_path_is_under(b, a);
}

/* A second view of a tmpfs of the profile, or a view of such a view. */
static bool is_second_view(const struct putting *put, size_t i)
{
	for (size_t k = 0; put->sources[i] && k < i; k++)
		if ((put->p->entries[k].kind == OM_ENTRY_TMPFS || put->second[k]) &&
		    touch(put->targets[k], put->sources[i]))
			return true;
	return false;
}

/*
 * Documented: a bind that is not recursive, of what earlier entries have changed; and a
 * name that is made on a tmpfs of the profile of which there is a second view.
 */
static bool is_open(const struct putting *put, size_t i)
{
	/* Its own name is there before the bind, too. */
	bool seconds = put->second[i] = is_second_view(put, i), on_tmpfs = false;

	for (size_t k = 0; k < i; k++) {
		bool tmpfs = put->p->entries[k].kind == OM_ENTRY_TMPFS;

		if (put->sources[i] && !put->p->entries[i].recursive &&
		    touch(put->targets[k], put->sources[i]))
			return true;
		seconds = seconds || put->second[k];
		on_tmpfs = on_tmpfs ||
			   ((tmpfs || put->second[k]) &&
			    om_path_is_under(put->targets[i], put->targets[k]));
	}
	return seconds && on_tmpfs;
}

/* By what is there when the survey looks. */
static const char *led_to(const struct putting *put, size_t i, bool source)
{
	const struct om_entry *entry = &put->p->entries[i];
	bool bind = entry->kind == OM_ENTRY_BIND_DIR || entry->kind == OM_ENTRY_BIND_FILE;

	if (source)
		return bind ? world_resolve(put->w, entry->source, true) : NULL;
	return world_resolve(put->w, entry->target, false);
}

/* Entries of one wave of which links lead the one to what the other brings. */
static bool led_together(const struct putting *put, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++) {
		const char *target = led_to(put, i, false);
		const char *source = led_to(put, i, true);

		for (size_t k = first; target && k < i; k++) {
			const char *other = led_to(put, k, false);
			const char *from = led_to(put, k, true);

			if ((other && touch(target, other)) ||
			    (other && source && touch(source, other)) ||
			    (from && touch(target, from)) ||
			    (other &&
			     world_leads_through(put->w, &put->p->entries[i], other)) ||
			    world_leads_through(put->w, &put->p->entries[k], target))
				return true;
		}
	}
	return false;
}

enum promise view_of(const struct world *base, const struct om_profile *p,
		     const struct view_rules *rules, struct world *ret)
{
	struct world before = { .n = 0 };
	struct putting put = { .w = ret, .before = &before, .p = p, .rules = rules };
	bool open = false;
	size_t wave = 0, first_wave = 0;

	ret->n = 0;
	(void)world_mount(ret, flatten(base, world_lookup(base, "/")));
	(void)world_mount(&before, flatten(base, world_lookup(base, "/")));
	put.targets = (const char **)pool_room((p->n + 1) * sizeof(char *));
	put.sources = (const char **)pool_room((p->n + 1) * sizeof(char *));
	put.second = (bool *)pool_room(p->n + 1);
	for (size_t i = 0; i < p->n; i++) {
		const struct om_entry *entry = &p->entries[i];
		struct node *node;

		if (i == wave) {
			wave += om_wave_length(p, i);
			first_wave = first_wave ? first_wave : wave;
			if (led_together(&put, i, wave - i))
				return PROMISE_REFUSED;
		}
		put.targets[i] = world_resolve(ret, entry->target, false);
		if (!put.targets[i] || !fits(&put, entry, put.targets[i]))
			return PROMISE_REFUSED;
		/* Documented: in what a mimic has built each name is a mount. */
		open = open || (put.changed && first_wave < i + 1);
		if (entry->kind == OM_ENTRY_HIDE) {
			hide(&put, put.targets[i]);
			continue;
		}
		node = value(&put, entry, i);
		if (!node)
			return PROMISE_REFUSED;
		open = open || is_open(&put, i);
		if (entry->kind != OM_ENTRY_SYMLINK || put.changed ||
		    !world_lookup(ret, put.targets[i]).node)
			put_value(&put, put.targets[i], node);
	}
	return open ? PROMISE_OPEN : PROMISE_KEPT;
}
