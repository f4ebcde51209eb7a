/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps to rules.  See emit.h; where a step is done is in apply/build.c and attach.c.
 *
 * Three names of one place: as everybody will see it (PATH), in the tree that is built on
 * the stage (STATE/stage.N/N/BELOW), and in one that is built in no namespace, where it is
 * told from the root of its file system (/BELOW).
 */
#include "apparmor/emit.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/index.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/texts.h"
#include "strategy/strategy.h"

struct emitter {
	struct om_aa_rules *rules;
	const struct om_aa_options *o;
	const struct om_aa_input *in;
	const struct om_step *root; /* first mount of the construction, or NULL */
	/* How many names of a directory come back one by one. */
	struct om_index parents;
	OM_VEC(size_t) counts;
	struct om_texts texts;
};

#define OPTIONS_SIZE 160
#define SUFFIX_DIR "/"
#define SUFFIX_FILE ""
#define SUFFIX_ANY "{,/}" /* a directory or a file: the plan does not say */

static void emitter_done(struct emitter *x)
{
	om_index_done(&x->parents);
	om_vec_free(&x->counts);
	om_texts_done(&x->texts);
}
#define _cleanup_emitter_ _cleanup_(emitter_done)

static struct om_aa_path on_stage(const struct emitter *x, const char *below,
				  const char *suffix)
{
	if (!*below)
		return (struct om_aa_path){ { OM_AA_LITERAL(x->o->state),
					      OM_AA_PATTERN("/stage.[0-9]*/[0-9]*"),
					      OM_AA_PATTERN(suffix) } };
	return (struct om_aa_path){ { OM_AA_LITERAL(x->o->state),
				      OM_AA_PATTERN("/stage.[0-9]*/[0-9]*/"),
				      OM_AA_LITERAL(below), OM_AA_PATTERN(suffix) } };
}

/* Where an update keeps what goes until it has ended (apply/aside.c). */
static struct om_aa_path aside(const struct emitter *x, const char *suffix)
{
	return (struct om_aa_path){ { OM_AA_LITERAL(x->o->state),
				      OM_AA_PATTERN("/aside.[0-9]*/[0-9]*"),
				      OM_AA_PATTERN(suffix) } };
}

/* The root of a construction, and in an update what comes back when that fails. */
static struct om_aa_path brought_from(const struct emitter *x, const char *suffix)
{
	if (!x->o->updates)
		return on_stage(x, "", suffix);
	return (struct om_aa_path){ { OM_AA_LITERAL(x->o->state),
				      OM_AA_PATTERN("/{aside,stage}.[0-9]*/[0-9]*"),
				      OM_AA_PATTERN(suffix) } };
}

static struct om_aa_path detached(const char *below, const char *suffix)
{
	if (!*below)
		return (struct om_aa_path){ { OM_AA_PATTERN(suffix) } };
	return (struct om_aa_path){ { OM_AA_PATTERN("/"), OM_AA_LITERAL(below),
				      OM_AA_PATTERN(suffix) } };
}

static struct om_aa_path at(const char *path, const char *suffix)
{
	if (path[1] == '\0' && *suffix == '/')
		return (struct om_aa_path){ { OM_AA_PATTERN(suffix) } };
	return (struct om_aa_path){ { OM_AA_LITERAL(path), OM_AA_PATTERN(suffix) } };
}

static int add_file(const struct emitter *x, unsigned families, unsigned may,
		    struct om_aa_path path)
{
	return om_aa_rules_add(x->rules, &(struct om_aa_rule){ .kind = OM_AA_FILE,
							       .families = families,
							       .may = may,
							       .path = path });
}

static int add_mount(const struct emitter *x, unsigned families, const char *options,
		     struct om_aa_path source, struct om_aa_path path)
{
	return om_aa_rules_add(x->rules, &(struct om_aa_rule){ .kind = OM_AA_MOUNT,
							       .families = families,
							       .options = options,
							       .source = source,
							       .path = path });
}

static const struct om_aa_path any;

/* A rule that belongs to no one construction: the first would seem to have it alone. */
static int add_shared(const struct emitter *x, const struct om_aa_rule *rule)
{
	size_t section = x->rules->section;
	int r = om_aa_rules_section(x->rules, "What all constructions share");

	if (r == 0)
		r = om_aa_rules_add(x->rules, rule);
	x->rules->section = section;
	return r;
}

static const struct {
	unsigned attr;
	const char *word;
} attr_words[] = {
	{ OM_ATTR_NOSUID, "nosuid" },		{ OM_ATTR_NODEV, "nodev" },
	{ OM_ATTR_NOEXEC, "noexec" },		{ OM_ATTR_NOATIME, "noatime" },
	{ OM_ATTR_NODIRATIME, "nodiratime" },	{ OM_ATTR_RELATIME, "relatime" },
	{ OM_ATTR_STRICTATIME, "strictatime" },
};

static void add_attr_words(char *buf, unsigned attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(attr_words); i++)
		if (attr & attr_words[i].attr)
			(void)snprintf(buf + strlen(buf), OPTIONS_SIZE - strlen(buf),
				       ", %s", attr_words[i].word);
}

/* A new file system, where mount(2) makes it. */
static int add_new(const struct emitter *x, const char *type, unsigned attr,
		   const char *below)
{
	char options[OPTIONS_SIZE];

	(void)snprintf(options, sizeof(options), "%s",
		       attr & OM_ATTR_RDONLY ? "ro" : "rw");
	add_attr_words(options, attr);
	return om_aa_rules_add(
		x->rules, &(struct om_aa_rule){ .kind = OM_AA_MOUNT,
						.families = OM_AA_MOUNT2,
						.type = type,
						.options = options,
						.device = "overmount",
						.path = on_stage(x, below, SUFFIX_DIR) });
}

/* Attributes of a mount that is there; all of them are given each time. */
static int add_remount(const struct emitter *x, unsigned attr, const char *below,
		       const char *suffix)
{
	char options[OPTIONS_SIZE];

	(void)snprintf(options, sizeof(options), "remount, bind%s",
		       attr & OM_ATTR_RDONLY ? ", ro" : "");
	add_attr_words(options, attr);
	return add_mount(x, OM_AA_REMOUNTS, options, any, on_stage(x, below, suffix));
}

static const struct om_aa_place *find_place(const struct om_aa_input *in,
					    const char *path)
{
	for (size_t i = 0; i < in->n_places; i++)
		if (om_streq(in->places[i].path, path))
			return &in->places[i];
	return NULL;
}

/* --- sections --------------------------------------------------------------------------- */

static int begin_section(const struct emitter *x, const struct om_step *step)
{
	const struct om_entry *entry;
	char title[1024];

	if (step->entry == SIZE_MAX && !x->root)
		return 0;
	if (step->entry == SIZE_MAX) {
		(void)snprintf(title, sizeof(title), "Names in %s, by %s",
			       OM_Q(x->root->path),
			       om_strategy_get(x->root->strategy)->name);
		return om_aa_rules_section(x->rules, title);
	}
	entry = &x->in->profile->entries[step->entry];
	(void)snprintf(title, sizeof(title), "Entry %s: %s", OM_Q(entry->target),
		       om_entry_kind_name(entry->kind));
	if (om_entry_is_mount(entry) && entry->kind != OM_ENTRY_TMPFS)
		(void)snprintf(title + strlen(title), sizeof(title) - strlen(title),
			       " of %s", OM_Q(entry->source));
	return om_aa_rules_section(x->rules, title);
}

/* --- names ------------------------------------------------------------------------------ */

static const char *below_root(const struct emitter *x, const struct om_step *step)
{
	return om_path_below(step->path, x->root->path);
}

/* Does a rule for all that is in the hole let it be read anyhow? */
static bool reads_all(const struct emitter *x)
{
	return x->root && x->root->kind == OM_STEP_OVERLAY &&
	       x->o->technique == OM_AA_DIRECT;
}

/* A directory whose mode, owner and names are looked at. */
static int add_read(const struct emitter *x, const char *path)
{
	return reads_all(x) ? 0 : add_file(x, OM_AA_ALL, OM_AA_R, at(path, SUFFIX_DIR));
}

/* In the skeleton a name has the path that it will have. */
static int add_skeleton_dir(const struct emitter *x, const struct om_step *step)
{
	unsigned may = step->source ? OM_AA_R | OM_AA_W : OM_AA_W;
	size_t depth = om_path_depth(step->path);
	int r = 0;

	for (size_t i = 1; r == 0 && step->source && i < depth; i++) {
		char part[OM_MAX_PATH + 1];
		size_t n = om_path_prefix_len(step->path, i);

		memcpy(part, step->path, n);
		part[n] = '\0';
		r = add_file(x, OM_AA_DETACHED, OM_AA_W, at(part, SUFFIX_DIR));
	}
	return r < 0 ? r : add_file(x, OM_AA_DETACHED, may, at(step->path, SUFFIX_DIR));
}

/* Where directories are made on the stage is in a rule of their own (base.c). */
static int add_dir(const struct emitter *x, const struct om_step *step)
{
	int r = 0;

	if (step->place == OM_PLACE_LIVE)
		return add_file(x, OM_AA_ALL, OM_AA_W, at(step->path, SUFFIX_DIR));
	if (step->source)
		r = add_read(x, step->source);
	if (r < 0)
		return r;
	if (step->place == OM_PLACE_SKELETON)
		return add_skeleton_dir(x, step);
	return add_file(x, OM_AA_DETACHED, step->source ? OM_AA_R | OM_AA_W : OM_AA_W,
			detached(below_root(x, step), SUFFIX_DIR));
}

static int add_name(const struct emitter *x, const struct om_step *step)
{
	const char *below;
	int r;

	if (step->place == OM_PLACE_LIVE)
		return add_file(x, OM_AA_ALL, OM_AA_W, om_aa_name(step->path));
	below = step->place == OM_PLACE_SKELETON ? om_path_relative(step->path)
						 : below_root(x, step);
	r = add_file(x, OM_AA_STAGED, OM_AA_W, on_stage(x, below, SUFFIX_FILE));
	return r < 0 ? r
		     : add_file(x, OM_AA_DETACHED, OM_AA_W, detached(below, SUFFIX_FILE));
}

/*
 * What hides a name in a skeleton is a device 0:0, and whether that works is tried wherever
 * a name is to be hidden.  Since 5.8 (a3c751a50fe6) this one needs no capability; the kinds
 * from 5.12 on surely have that.
 */
static int add_hiding(const struct emitter *x)
{
	int r = om_aa_rules_section(x->rules, "Names that are hidden");

	if (r == 0)
		r = om_aa_rules_add(x->rules,
				    &(struct om_aa_rule){ .kind = OM_AA_CAPABILITY,
							  .families = OM_AA_REMOUNTS,
							  .word = "mknod" });
	return r < 0 ? r
		     : add_file(x, OM_AA_ALL, OM_AA_W,
				(struct om_aa_path){
					{ OM_AA_PATTERN("/run/whiteout/{,both,*/}") } });
}

static bool hides(const struct om_profile *profile)
{
	for (size_t i = 0; i < profile->n; i++)
		if (profile->entries[i].kind == OM_ENTRY_HIDE)
			return true;
	return false;
}

/* --- mounts ----------------------------------------------------------------------------- */

/* Detached trees are told from their own root: there is none for the root of one. */
static int add_place(const struct emitter *x, const struct om_step *step,
		     const char *suffix)
{
	return step->root ? 0
			  : add_mount(x, OM_AA_DETACHED, "move", any,
				      detached(below_root(x, step), suffix));
}

/* The root of a tmpfs that no namespace has is given its mode and owner. */
static int add_tmpfs_root(const struct emitter *x)
{
	return add_shared(x, &(struct om_aa_rule){ .kind = OM_AA_FILE,
						   .families = OM_AA_DETACHED,
						   .may = OM_AA_R | OM_AA_W,
						   .path = detached("", SUFFIX_DIR) });
}

static int add_skeleton(const struct emitter *x)
{
	int r = add_shared(x,
			   &(struct om_aa_rule){ .kind = OM_AA_MOUNT,
						 .families = OM_AA_MOUNT2,
						 .type = "tmpfs",
						 .options = "rw, nosuid, nodev",
						 .device = "overmount",
						 .path = on_stage(x, "", SUFFIX_DIR) });

	return r < 0 ? r : add_tmpfs_root(x);
}

static int add_tmpfs(const struct emitter *x, const struct om_step *step)
{
	int r = step->source ? add_read(x, step->source) : 0;

	if (r == 0)
		r = add_new(x, "tmpfs", step->attr, below_root(x, step));
	if (r == 0)
		r = add_tmpfs_root(x);
	return r < 0 ? r : add_place(x, step, SUFFIX_DIR);
}

/* What is in a layer, by the name that everybody has for it and by the file system's. */
static int add_layer(const struct emitter *x, const char *path)
{
	const struct om_aa_place *place = find_place(x->in, path);
	int r = add_file(x, OM_AA_ALL, OM_AA_R | OM_AA_M, om_aa_tree(path));

	if (r < 0 || !place || !place->fs_name || om_streq(place->fs_name, path))
		return r;
	return add_file(x, OM_AA_ALL, OM_AA_R | OM_AA_M, om_aa_tree(place->fs_name));
}

static int add_overlay(const struct emitter *x, const struct om_step *step)
{
	/* Only who makes it needs to be permitted to. */
	int r = x->o->technique == OM_AA_HELPER
			? 0
			: add_new(x, "overlay", step->attr, below_root(x, step));

	return r < 0 || !reads_all(x) ? r : add_layer(x, step->source);
}

/* The attributes that a bind has of its source count, too. */
static int add_bind_attr(const struct emitter *x, const struct om_step *step,
			 const char *suffix)
{
	const unsigned atime = OM_ATTR_NOATIME | OM_ATTR_NODIRATIME | OM_ATTR_RELATIME |
			       OM_ATTR_STRICTATIME;
	const struct om_aa_place *place = find_place(x->in, step->source);
	unsigned now = place && place->has_attr ? place->attr : 0;

	if (!step->attr)
		return 0;
	if (step->attr & atime)
		now &= ~atime;
	return add_remount(x, now | step->attr, below_root(x, step), suffix);
}

static const char *bind_options(const struct om_step *step)
{
	return step->recursive ? "rbind" : "bind";
}

static int add_bind(const struct emitter *x, const struct om_step *step)
{
	/* Of a mount in the hole the plan says only where it is. */
	const char *suffix = step->dir				       ? SUFFIX_DIR
			     : step->brings && step->entry == SIZE_MAX ? SUFFIX_ANY
								       : SUFFIX_FILE;
	int r = add_mount(x, OM_AA_MOUNT2, bind_options(step), at(step->source, suffix),
			  on_stage(x, below_root(x, step), suffix));

	if (r == 0)
		r = add_place(x, step, suffix);
	return r < 0 ? r : add_bind_attr(x, step, suffix);
}

/*
 * Taking a mount away is tried by moving it into a tree that is dropped, where it has the
 * name g, and then by umount2(2).
 */
static int add_detach(const struct emitter *x, const struct om_step *step,
		      const char *suffix)
{
	const struct om_aa_path grave = { { OM_AA_PATTERN("/g"),
					    OM_AA_PATTERN(suffix) } };
	const struct om_aa_path path = at(step->path, suffix);
	int r = om_aa_rules_add(x->rules, &(struct om_aa_rule){ .kind = OM_AA_UMOUNT,
								.families = OM_AA_ALL,
								.path = path });

	if (r == 0)
		r = add_mount(x, OM_AA_MOVES, "move", path, grave);
	if (r == 0 && x->o->updates)
		r = add_mount(x, OM_AA_MOUNT2 | OM_AA_MOVES, "move", path,
			      aside(x, suffix));
	return r < 0 ? r
		     : add_shared(x, &(struct om_aa_rule){ .kind = OM_AA_FILE,
							   .families = OM_AA_BY_FD,
							   .may = OM_AA_W,
							   .path = grave });
}

/* By the rules for this place something may be mounted over the program that is executed. */
static int note_helper(const struct emitter *x, const struct om_step *step)
{
	const char *helper = x->o->helper ? x->o->helper : OM_AA_HELPER_PATH;

	if (x->o->technique != OM_AA_HELPER || x->rules->covers_helper ||
	    !om_path_is_under(helper, step->path))
		return 0;
	x->rules->covers_helper =
		om_texts_keep(&x->rules->texts, step->path, strlen(step->path));
	return x->rules->covers_helper ? 0 : -ENOMEM;
}

static int add_attach(const struct emitter *x, const struct om_step *step)
{
	const char *suffix = step->dir ? SUFFIX_DIR : SUFFIX_FILE;
	const struct om_aa_path path = at(step->path, suffix);
	const struct om_aa_path tree = on_stage(x, "", suffix);
	int r = add_shared(x, &(struct om_aa_rule){ .kind = OM_AA_MOUNT,
						    .families = OM_AA_REMOUNTS,
						    .options = "rslave",
						    .path = tree });

	if (r == 0)
		r = note_helper(x, step);
	/* A file is mounted on one. */
	if (r == 0 && !step->dir)
		r = add_shared(x, &(struct om_aa_rule){ .kind = OM_AA_FILE,
							.families = OM_AA_STAGED,
							.may = OM_AA_W,
							.path = tree });
	if (r == 0)
		r = add_mount(x, OM_AA_MOUNT2 | OM_AA_FD_MOVE, "move",
			      brought_from(x, suffix), path);
	if (r == 0)
		r = add_mount(x, OM_AA_DETACHED, "move", any, path);
	return r < 0 ? r : add_detach(x, step, suffix);
}

/* --- names that come back --------------------------------------------------------------- */

/* One of those that a mimic takes over from the hole, if there are many: its directory. */
static const char *many_in(const struct emitter *x, const struct om_step *step,
			   char buf[static OM_MAX_PATH + 1])
{
	size_t i;

	if (!x->root || x->root->kind != OM_STEP_TMPFS || step->place != OM_PLACE_STAGE ||
	    step->entry != SIZE_MAX || step->root || step->kind == OM_STEP_SEAL ||
	    (step->kind == OM_STEP_MKDIR && step->source))
		return NULL;
	om_path_parent_to(buf, step->path);
	i = om_index_find(&x->parents, buf);
	return i != SIZE_MAX && x->counts.v[i] > OM_AA_LIST_MAX ? buf : NULL;
}

static int count_parent(struct emitter *x, const struct om_step *step)
{
	char parent[OM_MAX_PATH + 1];
	const char *kept;
	size_t i;
	int r;

	om_path_parent_to(parent, step->path);
	i = om_index_find(&x->parents, parent);
	if (i != SIZE_MAX) {
		x->counts.v[i]++;
		return 0;
	}
	kept = om_texts_keep(&x->texts, parent, strlen(parent));
	r = kept ? om_vec_push(&x->counts, 1) : -ENOMEM;
	return r < 0 ? r : om_index_add(&x->parents, kept, x->counts.n - 1);
}

static int count_parents(struct emitter *x)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->in->plan->steps.n; i++) {
		const struct om_step *step = &x->in->plan->steps.v[i];

		/* Each has a name, and may have a mount. */
		if (step->place == OM_PLACE_STAGE && step->entry == SIZE_MAX &&
		    (step->kind == OM_STEP_MKDIR || step->kind == OM_STEP_MKFILE ||
		     step->kind == OM_STEP_SYMLINK))
			r = count_parent(x, step);
	}
	return r;
}

static int add_many(const struct emitter *x, const struct om_step *step,
		    const char *parent)
{
	bool dir = step->kind == OM_STEP_BIND ? step->dir : step->kind == OM_STEP_MKDIR;
	const char *below = om_path_below(parent, x->root->path);
	const char *suffix = dir ? "/*/" : "/*";
	int r;

	if (step->kind == OM_STEP_BIND) {
		r = add_mount(x, OM_AA_MOUNT2, bind_options(step), at(parent, suffix),
			      on_stage(x, below, suffix));
		return r < 0 ? r
			     : add_mount(x, OM_AA_DETACHED, "move", any,
					 detached(below, suffix));
	}
	r = dir ? 0 : add_file(x, OM_AA_STAGED, OM_AA_W, on_stage(x, below, suffix));
	return r < 0 ? r : add_file(x, OM_AA_DETACHED, OM_AA_W, detached(below, suffix));
}

/* --- all of it -------------------------------------------------------------------------- */

static int add_step(const struct emitter *x, const struct om_step *step)
{
	switch (step->kind) {
	case OM_STEP_SKELETON:
		return add_skeleton(x);
	case OM_STEP_TMPFS:
		return add_tmpfs(x, step);
	case OM_STEP_OVERLAY:
		return add_overlay(x, step);
	case OM_STEP_BIND:
		return add_bind(x, step);
	case OM_STEP_MKDIR:
		return add_dir(x, step);
	case OM_STEP_MKFILE:
	case OM_STEP_SYMLINK:
	case OM_STEP_WHITEOUT:
		return add_name(x, step);
	case OM_STEP_SEAL:
		return add_remount(x, step->attr, below_root(x, step), SUFFIX_DIR);
	case OM_STEP_ATTACH:
		return add_attach(x, step);
	case _OM_STEP_MAX:
		break;
	}
	return -EINVAL;
}

/* The mount that the construction begun at step i hangs on. */
static const struct om_step *find_root(const struct om_plan *plan, size_t i)
{
	for (; i < plan->steps.n && !plan->steps.v[i].root; i++)
		;
	return i < plan->steps.n ? &plan->steps.v[i] : NULL;
}

int om_aa_add_plan(struct om_aa_rules *rules, const struct om_aa_options *o,
		   const struct om_aa_input *in)
{
	_cleanup_emitter_ struct emitter x = { .rules = rules, .o = o, .in = in };
	char buf[OM_MAX_PATH + 1];
	int r = count_parents(&x);

	if (r == 0 && hides(in->profile))
		r = add_hiding(&x);
	for (size_t i = 0; r == 0 && i < in->plan->steps.n; i++) {
		const struct om_step *step = &in->plan->steps.v[i];
		const char *parent;

		if (step->place != OM_PLACE_LIVE && !x.root)
			x.root = find_root(in->plan, i);
		r = begin_section(&x, step);
		if (r < 0)
			return r;
		parent = many_in(&x, step, buf);
		r = parent ? add_many(&x, step, parent) : add_step(&x, step);
		if (step->kind == OM_STEP_ATTACH)
			x.root = NULL;
	}
	return r;
}
