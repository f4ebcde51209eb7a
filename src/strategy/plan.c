/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See plan.h.
 */
#include "strategy/plan.h"

#include <string.h>

#include "base/limits.h"
#include "base/path.h"

/* A name and the mount on it come one after the other, and mostly from the same path. */
static const char *find_string(const struct om_plan *plan, const char *text)
{
	const struct om_step *last = plan->steps.n ? &plan->steps.v[plan->steps.n - 1]
						   : NULL;

	return last && strcmp(last->path, text) == 0 ? last->path : NULL;
}

int om_plan_add(struct om_plan *plan, const struct om_step *step)
{
	struct om_step copy = *step;
	bool same = step->source && strcmp(step->source, step->path) == 0;

	copy.strategy = plan->strategy;
	copy.path = find_string(plan, step->path);
	if (!copy.path)
		copy.path = om_texts_keep(&plan->texts, step->path, strlen(step->path));
	if (same)
		copy.source = copy.path;
	else if (step->source)
		copy.source =
			om_texts_keep(&plan->texts, step->source, strlen(step->source));
	if (!copy.path || (step->source && !copy.source))
		return -ENOMEM;
	return om_vec_push(&plan->steps, copy);
}

void om_plan_done(struct om_plan *plan)
{
	om_texts_done(&plan->texts);
	om_vec_free(&plan->steps);
}

const char *om_plan_work_dir(const char *hole)
{
	return om_path_is_under(hole, "/w") ? "/x" : "/w";
}

enum om_inverse om_step_invert(const struct om_step *step)
{
	if (step->place != OM_PLACE_LIVE)
		return OM_INVERSE_DISCARD;
	switch (step->kind) {
	case OM_STEP_MKDIR:
		return OM_INVERSE_RMDIR;
	case OM_STEP_MKFILE:
	case OM_STEP_SYMLINK:
	case OM_STEP_WHITEOUT:
		return OM_INVERSE_UNLINK;
	case OM_STEP_SKELETON:
	case OM_STEP_TMPFS:
	case OM_STEP_OVERLAY:
	case OM_STEP_BIND:
	case OM_STEP_SEAL:
	case OM_STEP_ATTACH:
	case _OM_STEP_MAX:
		break;
	}
	return OM_INVERSE_DETACH;
}

static const char *const doings[_OM_STEP_MAX] = {
	[OM_STEP_SKELETON] = "make the skeleton of an overlay for",
	[OM_STEP_TMPFS] = "mount a tmpfs for",
	[OM_STEP_OVERLAY] = "mount an overlay for",
	[OM_STEP_BIND] = "bind to",
	[OM_STEP_MKDIR] = "make the directory",
	[OM_STEP_MKFILE] = "make the file",
	[OM_STEP_SYMLINK] = "make the link",
	[OM_STEP_SEAL] = "set the attributes of",
	[OM_STEP_WHITEOUT] = "hide",
	[OM_STEP_ATTACH] = "attach",
};

const char *om_step_doing(enum om_step_kind kind)
{
	return doings[kind];
}

static const struct {
	unsigned attr;
	const char *word;
} attr_words[] = {
	{ OM_ATTR_RDONLY, "ro" },	  { OM_ATTR_NOSUID, "nosuid" },
	{ OM_ATTR_NODEV, "nodev" },	  { OM_ATTR_NOEXEC, "noexec" },
	{ OM_ATTR_NOATIME, "noatime" },	  { OM_ATTR_NODIRATIME, "nodiratime" },
	{ OM_ATTR_RELATIME, "relatime" }, { OM_ATTR_STRICTATIME, "strictatime" },
};

static void add_attr_words(struct om_str *options, unsigned attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(attr_words); i++)
		if (attr & attr_words[i].attr)
			om_str_addf(options, "%s%s", options->len ? "," : "",
				    attr_words[i].word);
}

struct rendering {
	const struct om_step *step;
	const char *root;
	const char *stage;
	struct om_str *out;
};

static void add_path(const struct rendering *r, const char *base, const char *path)
{
	char whole[2 * OM_MAX_PATH];
	size_t n = base[1] == '\0' ? 0 : strlen(base), more = strlen(path);

	if (path[1] == '\0' && n > 0)
		more = 0;
	if (n + more >= sizeof(whole)) {
		r->out->err = -ENAMETOOLONG;
		return;
	}
	memcpy(whole, base, n);
	memcpy(whole + n, path, more);
	whole[n + more] = '\0';
	om_str_add(r->out, " ");
	om_str_add_shell(r->out, whole);
}

/* The path of a step where a person would build it. */
static void add_built_path(const struct rendering *r)
{
	_cleanup_str_ struct om_str base = { 0 };

	switch (r->step->place) {
	case OM_PLACE_LIVE:
		add_path(r, r->root, r->step->path);
		return;
	case OM_PLACE_SKELETON:
		om_str_addf(&base, "%s/skeleton", r->stage);
		break;
	case OM_PLACE_STAGE:
		om_str_addf(&base, "%s/tree", r->stage);
		break;
	}
	add_path(r, om_str_get(&base), r->step->path);
}

static void add_options(const struct rendering *r, struct om_str *options)
{
	if (options->len == 0)
		return;
	om_str_add(r->out, " -o ");
	om_str_add_shell(r->out, om_str_get(options));
}

/* A person has to make the place of a construction's first mount by hand. */
static void render_place(const struct rendering *r)
{
	if (!r->step->root)
		return;
	om_str_add(r->out, r->step->kind == OM_STEP_BIND && !r->step->dir
				   ? "install -D /dev/null"
				   : "mkdir -p");
	add_built_path(r);
	om_str_add(r->out, " && ");
}

static void add_room_words(struct om_str *options, const struct om_step *s)
{
	if (s->size)
		om_str_addf(options, ",size=%llu", (unsigned long long)s->size);
	if (s->inodes)
		om_str_addf(options, ",nr_inodes=%llu", (unsigned long long)s->inodes);
}

static void render_skeleton(const struct rendering *r)
{
	om_str_addf(r->out, "mkdir -p %s/skeleton && ", r->stage);
	om_str_add(r->out, "mount -t tmpfs -o nosuid,nodev,mode=0755");
	add_room_words(r->out, r->step);
	om_str_addf(r->out, " overmount %s/skeleton", r->stage);
}

static void render_tmpfs(const struct rendering *r)
{
	const struct om_step *s = r->step;
	_cleanup_str_ struct om_str options = { 0 };

	add_attr_words(&options, s->attr);
	if (s->mode != OM_MODE_UNSET)
		om_str_addf(&options, "%smode=%04o", options.len ? "," : "", s->mode);
	om_str_addf(&options, "%suid=%u,gid=%u", options.len ? "," : "", s->uid, s->gid);
	add_room_words(&options, s);
	render_place(r);
	om_str_add(r->out, "mount -t tmpfs");
	add_options(r, &options);
	om_str_add(r->out, " overmount");
	add_built_path(r);
}

static void render_overlay(const struct rendering *r)
{
	const struct om_step *s = r->step;
	_cleanup_str_ struct om_str options = { 0 };
	const char *source = s->source[1] == '\0' ? "" : s->source;

	add_attr_words(&options, s->attr);
	om_str_addf(&options, "%slowerdir=", options.len ? "," : "");
	if (!s->writable)
		om_str_addf(&options, "%s/skeleton%s:", r->stage, source);
	om_str_addf(&options, "%s%s", r->root[1] == '\0' ? "" : r->root, s->source);
	if (s->writable)
		om_str_addf(&options, ",upperdir=%s/skeleton%s,workdir=%s/skeleton%s",
			    r->stage, source, r->stage, om_plan_work_dir(s->path));
	render_place(r);
	om_str_add(r->out, "mount -t overlay");
	add_options(r, &options);
	om_str_add(r->out, " overmount");
	add_built_path(r);
}

static void render_bind(const struct rendering *r)
{
	const struct om_step *s = r->step;
	_cleanup_str_ struct om_str options = { 0 };

	add_attr_words(&options, s->attr);
	render_place(r);
	om_str_add(r->out, s->recursive ? "mount --rbind" : "mount --bind");
	add_options(r, &options);
	add_path(r, r->root, s->source);
	add_built_path(r);
}

/* chmod and chown by reference take what the directory below has, whatever it is. */
static void render_mkdir(const struct rendering *r)
{
	static const char *const commands[] = { "chown", "chmod" };
	const struct om_step *s = r->step;

	om_str_add(r->out, "mkdir -p");
	if (!s->source)
		om_str_addf(r->out, " -m %04o", s->mode);
	add_built_path(r);
	for (size_t i = 0; s->source && i < ARRAY_SIZE(commands); i++) {
		om_str_addf(r->out, " && %s --reference", commands[i]);
		add_path(r, r->root, s->source);
		add_built_path(r);
	}
}

static void render_symlink(const struct rendering *r)
{
	om_str_add(r->out, "ln -s ");
	om_str_add_shell(r->out, r->step->source);
	add_built_path(r);
	if (r->step->uid == 0 && r->step->gid == 0)
		return;
	om_str_addf(r->out, " && chown -h %u:%u", r->step->uid, r->step->gid);
	add_built_path(r);
}

static void render_seal(const struct rendering *r)
{
	_cleanup_str_ struct om_str options = { 0 };

	om_str_add(&options, "remount,bind");
	add_attr_words(&options, r->step->attr);
	om_str_add(r->out, "mount");
	add_options(r, &options);
	add_built_path(r);
}

static void render_attach(const struct rendering *r)
{
	_cleanup_str_ struct om_str base = { 0 };

	om_str_addf(&base, "%s/tree", r->stage);
	om_str_add(r->out, "mount --move");
	add_path(r, om_str_get(&base), r->step->path);
	add_path(r, r->root, r->step->path);
}

void om_step_render(const struct om_step *step, const char *root, const char *stage,
		    struct om_str *out)
{
	const struct rendering r = { step, root, stage, out };

	switch (step->kind) {
	case OM_STEP_SKELETON:
		render_skeleton(&r);
		break;
	case OM_STEP_TMPFS:
		render_tmpfs(&r);
		break;
	case OM_STEP_OVERLAY:
		render_overlay(&r);
		break;
	case OM_STEP_BIND:
		render_bind(&r);
		break;
	case OM_STEP_MKDIR:
		render_mkdir(&r);
		break;
	case OM_STEP_MKFILE:
		om_str_add(out, "touch");
		add_built_path(&r);
		break;
	case OM_STEP_SYMLINK:
		render_symlink(&r);
		break;
	case OM_STEP_WHITEOUT:
		om_str_add(out, "mknod -m 0");
		add_built_path(&r);
		om_str_add(out, " c 0 0");
		break;
	case OM_STEP_SEAL:
		render_seal(&r);
		break;
	case OM_STEP_ATTACH:
		render_attach(&r);
		break;
	case _OM_STEP_MAX:
		break;
	}
}
