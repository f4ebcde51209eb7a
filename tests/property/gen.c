/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See gen.h.  What does not parse is left out, entry by entry: the parser has tests of its
 * own.  The first numbers count what follows, so that the shrinker finds them.
 */
#include "property/gen.h"
#include "property/view.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define MAX_DIRS 64

/* Fit for profiles; some sort between a name and what lies below it. */
static const char *const plain_names[] = { "a", "b", "c", "a-b", "ab", "a.b", "...", "d" };
static const char *const odd_names[] = { " ",	     "x y",   "new\nline", "*",
					 "\\",	     "\"q\"", "-rf",	   "#c",
					 "\xc3\xa9", "=,:",   "$HOME",	   "\xff\xfe" };
static const mode_t modes[] = { 0755, 0700, 0711, 01777, 0555, 02775, 0777, 0 };

struct growing {
	struct choices *c;
	struct sample *s;
	struct {
		struct node *node;
		int mount;
		const char *path;
	} dirs[MAX_DIRS];
	uint32_t n;
	uint32_t n_files;
};

static void add_dir(struct growing *g, struct node *node, int mount, const char *path)
{
	if (g->n >= MAX_DIRS)
		return;
	g->dirs[g->n].node = node;
	g->dirs[g->n].mount = mount;
	g->dirs[g->n++].path = pool_text(path);
}

static const char *draw_name(struct choices *c)
{
	uint32_t i = draw(c, N(plain_names) + 4);

	return i < N(plain_names) ? plain_names[i] : odd_names[draw(c, N(odd_names))];
}

static const char *draw_link(struct growing *g)
{
	static const char *const relative[] = { "a", "b", "../a", "nowhere", "." };

	if (draw_percent(g->c, 50))
		return g->dirs[draw(g->c, g->n)].path;
	return relative[draw(g->c, N(relative))];
}

static struct node *draw_node(struct growing *g)
{
	struct choices *c = g->c;
	enum kind kind = (enum kind)draw(c, 3);
	uid_t uid = draw_percent(c, 20) ? draw(c, 3) : 0;
	gid_t gid = draw_percent(c, 20) ? draw(c, 3) : 0;
	struct node *node = node_new(
		kind, kind == KIND_LINK ? 0777 : modes[draw(c, N(modes))], uid, gid);
	char text[16];

	if (kind == KIND_LINK) {
		node->text = draw_link(g);
	} else if (kind == KIND_FILE) {
		node->mode &= 0777;
		(void)snprintf(text, sizeof(text), "%u", g->n_files++);
		node->text = pool_text(text);
	}
	return node;
}

/* A tmpfs over a directory that has nothing yet. */
static void grow_mount(struct growing *g, uint32_t dir)
{
	struct world *w = &g->s->world;
	struct node *at = g->dirs[dir].node;
	int mount;

	if (at->first || dir == 0)
		return;
	mount = world_mount(w, node_new(KIND_DIR, modes[draw(g->c, N(modes))], 0, 0));
	world_put(w, mount, (struct place){ g->dirs[dir].mount, at });
	w->mounts[mount].read_only = true;
	g->dirs[dir].node = w->mounts[mount].root;
	g->dirs[dir].mount = mount;
}

static void grow_node(struct growing *g)
{
	uint32_t dir = draw(g->c, g->n);
	const char *name = draw_name(g->c);
	struct node *node = draw_node(g);
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", dir ? g->dirs[dir].path : "", name);
	if (dir == 0 || strlen(path) > 200 || !node_add(g->dirs[dir].node, name, node))
		return;
	if (node->kind != KIND_DIR)
		return;
	add_dir(g, node, g->dirs[dir].mount, path);
	if (draw_percent(g->c, 12))
		grow_mount(g, g->n - 1);
}

static void grow_base(struct growing *g, uint32_t nodes)
{
	static const char *const top[] = { "h", "s", "k" };
	struct world *w = &g->s->world;
	struct node *root = node_new(KIND_DIR, 0755, 0, 0);

	(void)world_mount(w, root);
	add_dir(g, root, 0, "/");
	for (size_t i = 0; i < N(top); i++) {
		char path[8];

		(void)snprintf(path, sizeof(path), "/%s", top[i]);
		add_dir(g, node_add(root, top[i], node_new(KIND_DIR, 0755, 0, 0)), 0,
			path);
	}
	for (uint32_t i = 0; i < nodes; i++)
		grow_node(g);
	for (int i = 0; i < w->n; i++)
		w->mounts[i].read_only = !draw_percent(g->c, 25);
}

/* A directory that is there, and up to three names below that may be or not. */
static void draw_path(struct growing *g, char path[static 1024], uint32_t least)
{
	uint32_t dir = draw(g->c, g->n), names = least + draw(g->c, 3);

	(void)strcpy(path, dir ? g->dirs[dir].path : "");
	for (uint32_t i = 0; i < names || !*path; i++)
		(void)sprintf(path + strlen(path), "/%s",
			      plain_names[draw(g->c, N(plain_names))]);
}

static void draw_any_file(struct growing *g, char path[static 1024])
{
	const struct node *dir;
	uint32_t i = draw(g->c, g->n), skip = draw(g->c, 3);

	dir = g->dirs[i].node;
	for (const struct node *n = dir->first; n; n = n->next)
		if (n->kind == KIND_FILE && skip-- == 0) {
			(void)sprintf(path, "%s/%s", i ? g->dirs[i].path : "", n->name);
			return;
		}
	(void)strcpy(path, "/s/file");
}

/* Blanks and backslashes of fstab. */
static void add_field(struct om_str *out, const char *text)
{
	for (; *text; text++) {
		if (*text == ' ' || *text == '\\')
			om_str_addf(out, "\\%03o", *text);
		else
			om_str_add_n(out, text, 1);
	}
}

static void add_entry(struct growing *g, struct om_str *out)
{
	static const char *const kinds[] = { "rbind", "bind,x-snapd.kind=file",
					     "tmpfs", "symlink",
					     "bind",  "x-overmount.hide" };
	static const char *const origins[] = { "", ",x-snapd.origin=layout",
					       ",x-snapd.origin=overname" };
	uint32_t kind = draw(g->c, N(kinds));
	char source[1024] = "none", target[1024];

	draw_path(g, target, kind == 5 || draw_percent(g->c, 20) ? 0 : 1);
	if (kind == 0 || kind == 4)
		(void)strcpy(source, g->dirs[1 + draw(g->c, g->n - 1)].path);
	else if (kind == 1)
		draw_any_file(g, source);
	add_field(out, source);
	om_str_add(out, " ");
	add_field(out, target);
	if (kind == 2)
		om_str_addf(out, " tmpfs mode=%04o,uid=%u,gid=%u",
			    modes[draw(g->c, N(modes))], draw(g->c, 3), draw(g->c, 3));
	else if (kind == 3)
		om_str_addf(out, " none x-snapd.kind=symlink,x-snapd.symlink=%s",
			    draw_link(g));
	else
		om_str_addf(out, " none %s%s", kinds[kind],
			    kind != 5 && draw_percent(g->c, 30) ? ",ro" : "");
	om_str_addf(out, "%s 0 0\n", origins[draw(g->c, N(origins))]);
}

static void grow_profile(struct growing *g, uint32_t entries)
{
	/* One refused entry refuses all: in most samples there is none. */
	bool refused = draw_percent(g->c, 10);
	const struct view_rules rules = { .root_hole = g->s->policy.root_hole,
					  .kind_changes = g->s->policy.kind_changes };
	static struct world view;
	struct sample *s = g->s;

	for (uint32_t i = 0; i < entries; i++) {
		size_t len = s->text.len;
		struct om_profile *longer = NULL;

		add_entry(g, &s->text);
		if (om_profile_parse("p", s->text.s, s->text.len, &longer, NULL) < 0) {
			om_str_cut(&s->text, len);
			continue;
		}
		om_profile_sort(longer);
		if (!refused &&
		    view_of(&s->world, longer, &rules, &view) == PROMISE_REFUSED) {
			om_str_cut(&s->text, len);
			(void)om_profile_free(longer);
			continue;
		}
		(void)om_profile_free(s->profile);
		s->profile = longer;
	}
}

/* Directories of which the holes take new names. */
static void draw_writable(struct growing *g)
{
	struct sample *s = g->s;
	uint32_t n = draw_percent(g->c, 40) ? 1 + draw(g->c, N(s->writable)) : 0;

	s->policy.writable.v = s->writable;
	s->policy.writable.n = n;
	for (uint32_t i = 0; i < n; i++)
		s->writable[i] = (char *)(uintptr_t)g->dirs[draw(g->c, g->n)].path;
}

static void draw_facts(struct growing *g)
{
	static const enum om_fact_id ids[] = { OM_FACT_OVERLAY_RO, OM_FACT_APPARMOR_LABEL,
					       OM_FACT_OVERLAY_LABEL_APP,
					       OM_FACT_OVERLAY_UPPER,
					       OM_FACT_OVERLAY_WHITEOUT };
	struct sample *s = g->s;

	om_facts_init(&s->facts);
	for (int i = 0; i < _OM_FACT_MAX; i++)
		om_facts_set(&s->facts, (enum om_fact_id)i, OM_YES, NULL, "property");
	for (size_t i = 0; i < N(ids); i++)
		if (draw_percent(g->c, 25))
			om_facts_set(&s->facts, ids[i], (enum om_tristate)draw(g->c, 3),
				     NULL, "property");
	s->policy = om_policy_default;
	s->policy.allow[OM_STRATEGY_OVERLAY] = !draw_percent(g->c, 25);
	s->policy.allow[OM_STRATEGY_MIMIC] = !draw_percent(g->c, 10);
	s->policy.allow[OM_STRATEGY_OVERLAY_RW] = !draw_percent(g->c, 25);
	draw_writable(g);
	s->policy.root_hole = draw_percent(g->c, 20);
	s->policy.kind_changes = draw_percent(g->c, 40);
}

void sample_make(struct sample *s, struct choices *c)
{
	struct growing g = { .c = c, .s = s };
	uint32_t entries = 1 + draw(c, 7), nodes = draw(c, 20);

	pool_reset();
	s->world.n = 0;
	s->text = (struct om_str){ 0 };
	s->profile = NULL;
	grow_base(&g, nodes);
	draw_facts(&g);
	grow_profile(&g, entries);
	s->salt = draw(c, 1000);
}

void sample_done(struct sample *s)
{
	s->profile = om_profile_free(s->profile);
	om_str_free(&s->text);
}

void sample_print(const struct sample *s, struct text *ret)
{
	char line[96];

	world_print(&s->world, ret);
	for (int i = 0; i < s->world.n; i++) {
		const struct mounted *m = &s->world.mounts[i];

		(void)snprintf(line, sizeof(line), "mount %d on %s: %s\n", i,
			       m->at ? m->at->name : "/", m->read_only ? "ro" : "rw");
		text_add(ret, line, strlen(line));
	}
	if (s->text.len)
		text_add(ret, s->text.s, s->text.len);
	for (size_t i = 0; i < s->policy.writable.n; i++) {
		text_add(ret, "writable ", 9);
		text_add(ret, s->writable[i], strlen(s->writable[i]));
		text_add(ret, "\n", 1);
	}
	(void)snprintf(line, sizeof(line),
		       "overlay=%s,%d upper=%s,%d mimic=%d root-hole=%d kinds=%d\n",
		       om_tristate_name(om_facts_get(&s->facts, OM_FACT_OVERLAY_RO)),
		       s->policy.allow[OM_STRATEGY_OVERLAY],
		       om_tristate_name(om_facts_get(&s->facts, OM_FACT_OVERLAY_UPPER)),
		       s->policy.allow[OM_STRATEGY_OVERLAY_RW],
		       s->policy.allow[OM_STRATEGY_MIMIC], s->policy.root_hole,
		       s->policy.kind_changes);
	text_add(ret, line, strlen(line));
}
