/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of the profile that a layout becomes: the snap's own directories under the
 * names that its code knows (overname), the layout, and what goes with it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "layout/compiler.h"
#include "profile/check.h"

/* One line; the strings begin at these places of the arena. */
struct line {
	const struct om_layout_item *raw; /* NULL: not of a layout */
	const char *file;		  /* in which it stands */
	size_t source, target, options, scratch;
	const char *type;
};

struct emitter {
	struct om_layout_compiler *c;
	struct om_str arena;
	OM_VEC(struct line) lines;
};

/* Adds text with its NUL to the arena and returns where it starts. */
static size_t put(struct emitter *em, const char *text)
{
	size_t at = em->arena.len;

	om_str_add_n(&em->arena, text, strlen(text) + 1);
	return at;
}

static int add_line(struct emitter *em, const struct om_layout_item *raw,
		    const char *file, const char *source, const char *target,
		    const char *options)
{
	struct line line = {
		.raw = raw,
		.file = file,
		.source = put(em, source),
		.target = put(em, target),
		.options = put(em, options),
		.scratch = put(em, options),
		.type = om_streq(source, "tmpfs") ? "tmpfs" : "none",
	};

	return em->arena.err < 0 ? em->arena.err : om_vec_push(&em->lines, line);
}

static void put_options(const struct om_layout_compiled *item, struct om_str *out)
{
	static const char *const leading[_OM_LAYOUT_KEY_MAX] = {
		[OM_LAYOUT_BIND] = "rbind,rw,",
		[OM_LAYOUT_BIND_FILE] = "bind,rw,x-snapd.kind=file,",
		[OM_LAYOUT_SYMLINK] = "x-snapd.kind=symlink,x-snapd.symlink=",
		[OM_LAYOUT_TYPE] = "",
	};

	om_str_add(out, leading[item->kind]);
	if (item->kind == OM_LAYOUT_SYMLINK)
		om_str_addf(out, "%s,", item->source);
	if (item->uid)
		om_str_addf(out, "x-snapd.uid=%llu,", item->uid);
	if (item->gid)
		om_str_addf(out, "x-snapd.gid=%llu,", item->gid);
	if (item->mode != 0755)
		om_str_addf(out, "x-snapd.mode=%#o,", (unsigned)item->mode);
	om_str_add(out, "x-snapd.origin=layout");
}

static int add_item(struct emitter *em, const struct om_layout_compiled *item,
		    const char *file)
{
	_cleanup_str_ struct om_str options = { 0 };
	const char *source = item->kind == OM_LAYOUT_TYPE      ? "tmpfs"
			     : item->kind == OM_LAYOUT_SYMLINK ? "none"
							       : item->source;

	put_options(item, &options);
	if (options.err < 0)
		return options.err;
	return add_line(em, item->raw, file, source, item->target, options.s);
}

static int add_overname(struct emitter *em, const char *dir)
{
	const struct om_layout_compiler *c = em->c;
	_cleanup_free_ char *target = om_asprintf("%s/%s", dir, c->space.name);
	_cleanup_free_ char *source =
		om_asprintf("%s/%s_%s", dir, c->space.name, c->args->instance_key);

	if (!target || !source)
		return -ENOMEM;
	return add_line(em, NULL, NULL, source, target, "rbind,x-snapd.origin=overname");
}

static int add_items(struct emitter *em, const struct om_layout_compiler *c)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++)
		r = add_item(em, &c->items[i], c->args->file);
	return r;
}

static int add_lines(struct emitter *em)
{
	const struct om_layout_compiler *c = em->c;
	int r = 0;

	if (c->args->instance_key) {
		r = add_overname(em, "/snap");
		if (r == 0)
			r = add_overname(em, "/var/snap");
	}
	if (r == 0 && c->base)
		r = add_items(em, c->base);
	if (r == 0)
		r = add_items(em, c);
	for (size_t i = 0; i < c->args->n_extras && r == 0; i++)
		r = add_line(em, NULL, NULL, c->args->extras[i].source,
			     c->args->extras[i].target, "rbind,rw,x-snapd.origin=layout");
	return r;
}

static void emitter_free(struct emitter *em)
{
	om_str_free(&em->arena);
	om_vec_free(&em->lines);
}

/* The lines of the base are in another file than that of which a profile has the name. */
static struct om_entry make_entry(const struct om_layout_compiler *c, const char *arena,
				  const struct line *line)
{
	return (struct om_entry){
		.source = arena + line->source,
		.target = arena + line->target,
		.type = line->type,
		.options = arena + line->options,
		.line = line->file == c->args->file ? line->raw->target.line : 0,
	};
}

static int add_entry(struct om_layout_compiler *c, struct om_profile *p,
		     const struct line *line)
{
	struct om_entry *entry = &p->entries[p->n];
	const char *field;
	int r;

	*entry = make_entry(c, p->arena, line);
	p->n++;
	r = om_entry_complete(entry, p->arena + line->scratch, &field, c->e);
	if (r == 0 || !line->raw)
		return r;
	om_layout_where(c->e, line->file, &line->raw->target, line->raw->target.s, NULL);
	return om_error_collect(c->args->errors, c->e, r);
}

int om_layout_emit(struct om_layout_compiler *c, struct om_profile **ret)
{
	_cleanup_(emitter_free) struct emitter em = { .c = c };
	_cleanup_profile_ struct om_profile *p = calloc(1, sizeof(*p));
	int r = p ? add_lines(&em) : -ENOMEM;

	if (r < 0)
		return om_layout_fail_memory(c);
	p->name = strdup(c->args->file);
	p->entries = calloc(em.lines.n + 1, sizeof(*p->entries));
	p->arena = em.lines.n ? om_str_take(&em.arena) : strdup("");
	if (!p->name || !p->entries || !p->arena)
		return om_layout_fail_memory(c);
	for (size_t i = 0; i < em.lines.n && r == 0; i++)
		r = add_entry(c, p, &em.lines.v[i]);
	if (r == 0 && c->args->errors)
		r = om_error_list_first(c->args->errors, c->e);
	if (r == 0)
		r = om_profile_check(p, c->e);
	if (r == 0)
		*ret = TAKE_PTR(p);
	return r;
}

int om_layout_emit_text(struct om_layout_compiler *c, struct om_str *out)
{
	_cleanup_(emitter_free) struct emitter em = { .c = c };

	if (add_lines(&em) < 0)
		return om_layout_fail_memory(c);
	for (size_t i = 0; i < em.lines.n; i++) {
		const struct om_entry entry = make_entry(c, em.arena.s, &em.lines.v[i]);

		om_entry_print(&entry, out);
		om_str_add(out, "\n");
	}
	return out->err < 0 ? om_layout_fail_memory(c) : 0;
}
