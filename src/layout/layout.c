/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See layout.h.  Writes the bytes that snapd writes.  What is accepted is snapd's language
 * in one mode; in the other it is that language without its holes: prefixes are compared
 * by whole components, nested targets are found in whatever order they are spelt, nothing
 * is passed over, and what snapd itself stands on is not hidden.
 */
#include "layout/layout.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "layout/compiler.h"

int om_layout_fail_memory(struct om_layout_compiler *c)
{
	return om_fail_errno(c->e, OM_ERR_SYSTEM, -ENOMEM, "cannot compile the layout");
}

int om_layout_fail_target(struct om_layout_compiler *c, const struct om_layout_item *raw,
			  const char *reason)
{
	int r = om_fail(c->e, OM_ERR_INPUT, -EINVAL, "cannot lay out %s: %s",
			OM_Q(raw->target.s), reason);

	om_layout_where(c->e, c->args->file, &raw->target, raw->target.s, NULL);
	return om_error_collect(c->args->errors, c->e, r);
}

int om_layout_fail_value(struct om_layout_compiler *c, const struct om_layout_item *raw,
			 enum om_layout_key key, const char *reason, const char *fix)
{
	const struct om_layout_text *value = &raw->values[key];
	const char *noun = key == OM_LAYOUT_TYPE || key >= OM_LAYOUT_USER
				   ? om_layout_key_name(key)
				   : "source";
	int r = om_fail(c->e, OM_ERR_INPUT, -EINVAL, "cannot use %s %s: %s", noun,
			OM_Q(value->s), reason);

	om_layout_where(c->e, c->args->file, value, raw->target.s,
			om_layout_key_name(key));
	if (fix)
		om_error_fix(c->e, "%s", fix);
	return om_error_collect(c->args->errors, c->e, r);
}

/* What to write in place of a variable that is not known, or NULL. */
static const char *variable_fix(const char *text)
{
	return strstr(text, "${SNAP") ? "write variables without braces, such as $SNAP/x"
				      : NULL;
}

/* item->target stays NULL when the target was refused and the error was collected. */
static int read_target(struct om_layout_compiler *c, struct om_layout_compiled *item)
{
	_cleanup_free_ char *target = NULL;
	char buf[OM_REASON_SIZE];
	const char *raw = item->raw->target.s, *reason = NULL;

	if (!*raw)
		return om_layout_fail_target(c, item->raw, "empty path");
	switch (om_layout_expand(&c->space, raw, &target, buf)) {
	case -ENOMEM:
		return om_layout_fail_memory(c);
	case -EINVAL:
		reason = buf;
		if (variable_fix(raw))
			om_error_fix(c->e, "%s", variable_fix(raw));
		break;
	default:
		reason = om_layout_target_bad(&c->space, raw, target, buf);
	}
	if (reason)
		return om_layout_fail_target(c, item->raw, reason);
	item->target = TAKE_PTR(target);
	return 0;
}

/* Whether a kind is given; to snapd an empty one is none. */
static bool has_kind(const struct om_layout_compiler *c, const struct om_layout_item *raw,
		     unsigned key)
{
	const char *value = raw->values[key].s;

	return value && (*value || !c->args->snapd);
}

/* 0 when the kind is known, 1 when it is not and the error was collected. */
static int read_kind(struct om_layout_compiler *c, struct om_layout_compiled *item)
{
	char reason[128] =
		"it must define one of bind, bind-file, symlink and type, found";
	size_t used = strlen(reason);
	unsigned found = 0;
	int r;

	for (unsigned i = OM_LAYOUT_BIND; i <= OM_LAYOUT_TYPE; i++) {
		if (!has_kind(c, item->raw, i))
			continue;
		item->kind = (enum om_layout_key)i;
		used += (size_t)snprintf(reason + used, sizeof(reason) - used, "%s %s",
					 found ? " and" : "",
					 om_layout_key_name(item->kind));
		found++;
	}
	if (found == 1)
		return 0;
	if (found == 0)
		(void)snprintf(reason + used, sizeof(reason) - used, " none");
	r = om_layout_fail_target(c, item->raw, reason);
	return r < 0 ? r : 1;
}

static int read_source(struct om_layout_compiler *c, struct om_layout_compiled *item)
{
	_cleanup_free_ char *source = NULL;
	char buf[OM_REASON_SIZE];
	const char *raw = item->raw->values[item->kind].s, *reason, *fix = NULL;

	if (item->kind == OM_LAYOUT_TYPE)
		return om_streq(raw, "tmpfs")
			       ? 0
			       : om_layout_fail_value(c, item->raw, item->kind,
						      "it must be tmpfs", NULL);
	switch (om_layout_expand(&c->space, raw, &source, buf)) {
	case -ENOMEM:
		return om_layout_fail_memory(c);
	case -EINVAL:
		reason = buf;
		fix = variable_fix(raw);
		break;
	default:
		reason = item->kind == OM_LAYOUT_SYMLINK
				 ? om_layout_link_bad(&c->space, source, buf)
				 : om_layout_source_bad(&c->space, source, buf);
	}
	/* There is no escape for it among the options, where a link's content goes. */
	if (!reason && item->kind == OM_LAYOUT_SYMLINK && !c->args->snapd &&
	    strchr(source, ','))
		reason = "a profile cannot express a comma in a symbolic link";
	if (reason)
		return om_layout_fail_value(c, item->raw, item->kind, reason, fix);
	item->source = TAKE_PTR(source);
	return 0;
}

static int read_item(struct om_layout_compiler *c, struct om_layout_compiled *item)
{
	int r = read_target(c, item);

	/* What is wrong with its form says enough of an item. */
	if (r < 0 || item->raw->bad)
		return r;
	r = read_kind(c, item);
	if (r != 0)
		return r < 0 ? r : 0;
	r = read_source(c, item);
	return r < 0 ? r : om_layout_read_attributes(c, item);
}

static int by_raw_target(const void *pa, const void *pb)
{
	const struct om_layout_compiled *a = pa, *b = pb;
	int r = strcmp(a->raw->target.s, b->raw->target.s);

	/* As in the document, whose items lie in one array. */
	return r ? r : a->raw < b->raw ? -1 : a->raw > b->raw;
}

static int by_target(const void *pa, const void *pb)
{
	const struct om_layout_compiled *a =
		*(const struct om_layout_compiled *const *)pa;
	const struct om_layout_compiled *b =
		*(const struct om_layout_compiled *const *)pb;
	int r = om_path_compare(a->target, b->target);

	return r ? r : by_raw_target(a, b);
}

static int by_source(const void *pa, const void *pb)
{
	const struct om_layout_compiled *a =
		*(const struct om_layout_compiled *const *)pa;
	const struct om_layout_compiled *b =
		*(const struct om_layout_compiled *const *)pb;
	int r = strcmp(a->source, b->source);

	return r ? r : by_raw_target(a, b);
}

static int fail_nested(struct om_layout_compiler *c,
		       const struct om_layout_compiled *item,
		       const struct om_layout_compiled *above)
{
	_cleanup_free_ char *reason =
		om_asprintf("it lies under the layout %s", OM_Q(above->raw->target.s));

	return reason ? om_layout_fail_target(c, item->raw, reason)
		      : om_layout_fail_memory(c);
}

/* With the parent sorted first, everything below it follows at once. */
static int check_nesting(struct om_layout_compiler *c,
			 const struct om_layout_compiled **sorted, size_t n)
{
	const struct om_layout_compiled *above = NULL;
	int r = 0;

	qsort(sorted, n, sizeof(*sorted), by_target);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (above && om_path_is_under(sorted[i]->target, above->target))
			r = fail_nested(c, sorted[i], above);
		else
			above = sorted[i];
	}
	return r;
}

/*
 * snapd looks only at what comes before an item by the bytes that were written, and finds
 * nothing below "/", to which it adds another slash.
 */
static int check_nesting_as_snapd(struct om_layout_compiler *c)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++)
		for (size_t k = 0; k < i && c->items[i].target; k++) {
			if (!c->items[k].target || om_streq(c->items[k].target, "/") ||
			    !om_path_is_under(c->items[i].target, c->items[k].target))
				continue;
			r = fail_nested(c, &c->items[i], &c->items[k]);
			break;
		}
	return r;
}

/* One source is a directory or a file, not both. */
static int check_sources(struct om_layout_compiler *c,
			 const struct om_layout_compiled **sorted, size_t n)
{
	int r = 0;

	qsort(sorted, n, sizeof(*sorted), by_source);
	for (size_t i = 1; i < n && r == 0; i++)
		if (om_streq(sorted[i]->source, sorted[i - 1]->source) &&
		    sorted[i]->kind != sorted[i - 1]->kind)
			r = om_layout_fail_value(
				c, sorted[i]->raw, sorted[i]->kind,
				sorted[i]->kind == OM_LAYOUT_BIND
					? "another layout uses it as a file"
					: "another layout uses it as a directory",
				NULL);
	return r;
}

static int check_items(struct om_layout_compiler *c)
{
	_cleanup_free_ const struct om_layout_compiled **sorted =
		calloc(c->n + 1, sizeof(*sorted));
	size_t n = 0;
	int r;

	if (!sorted)
		return om_layout_fail_memory(c);
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].target)
			sorted[n++] = &c->items[i];
	r = c->args->snapd ? check_nesting_as_snapd(c) : check_nesting(c, sorted, n);
	if (r < 0)
		return r;
	n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].source && (c->items[i].kind == OM_LAYOUT_BIND ||
					   c->items[i].kind == OM_LAYOUT_BIND_FILE))
			sorted[n++] = &c->items[i];
	return check_sources(c, sorted, n);
}

/* A target that is written twice: to snapd the last one counts, to us it is an error. */
static int check_twice(struct om_layout_compiler *c)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++) {
		const struct om_layout_item *raw = c->items[i].raw;

		if (kept > 0 &&
		    om_streq(raw->target.s, c->items[kept - 1].raw->target.s)) {
			if (!c->args->snapd)
				r = om_layout_fail_target(c, raw,
							  "the key is given twice");
			else
				c->items[kept - 1] = c->items[i];
		} else {
			c->items[kept++] = c->items[i];
		}
	}
	c->n = kept;
	return r;
}

static int read_items(struct om_layout_compiler *c)
{
	int r;

	c->n = c->document.items.n;
	c->items = calloc(c->n + 1, sizeof(*c->items));
	if (!c->items)
		return om_layout_fail_memory(c);
	for (size_t i = 0; i < c->n; i++)
		c->items[i].raw = &c->document.items.v[i];
	qsort(c->items, c->n, sizeof(*c->items), by_raw_target);
	r = check_twice(c);
	for (size_t i = 0; i < c->n && r == 0; i++)
		r = read_item(c, &c->items[i]);
	return r < 0 ? r : check_items(c);
}

static int fail_argument(struct om_layout_compiler *c, const char *what,
			 const char *value, const char *reason)
{
	return om_fail(c->e, OM_ERR_INPUT, -EINVAL, "cannot use %s %s: %s", what,
		       OM_Q(value), reason);
}

static int check_name(struct om_layout_compiler *c, const char *name)
{
	const char *reason;
	int r;

	if (!name) {
		if (c->document.items.n == 0 && !c->args->instance_key)
			return 0;
		r = om_fail(c->e, OM_ERR_INPUT, -EINVAL,
			    "cannot compile the layout: the document has no name");
		om_error_where(c->e, c->args->file, 0, 0, "name");
		om_error_fix(c->e, "%s",
			     c->is_base
				     ? "write its name: into it"
				     : "give the name of the snap on the command line");
		return r;
	}
	reason = om_snap_name_check(name);
	if (!reason)
		return 0;
	r = fail_argument(c, "snap name", name, reason);
	if (!c->args->name)
		om_error_where(c->e, c->args->file, c->document.name.line,
			       c->document.name.column, "name");
	return r;
}

static int prepare(struct om_layout_compiler *c)
{
	const char *revision = c->args->revision ? c->args->revision : "unset";
	const char *key = c->args->instance_key, *reason;
	const char *name = c->args->name ? c->args->name : c->document.name.s;
	int r = check_name(c, name);

	if (r < 0)
		return r;
	reason = key ? om_instance_key_check(key) : NULL;
	if (reason)
		return fail_argument(c, "instance key", key, reason);
	reason = om_snap_revision_check(revision);
	if (reason)
		return fail_argument(c, "revision", revision, reason);
	r = om_layout_space_init(&c->space, name, revision, c->args->snapd);
	c->space.proposal = c->args->proposal;
	return r < 0 ? om_layout_fail_memory(c) : 0;
}

int om_layout_compile_items(struct om_layout_compiler *c)
{
	int r = prepare(c);

	return r < 0 ? r : read_items(c);
}

int om_layout_compile_one(struct om_layout_compiler *c)
{
	struct om_error_list *errors = c->args->errors;
	int r = om_layout_document_read(c->args, &c->document, c->e);

	/* Without the name that was meant, nothing can be said of the rest. */
	if (r == 0 && c->document.name_bad && !c->args->name)
		return om_error_list_first(errors, c->e);
	if (r == 0)
		r = om_layout_compile_items(c);
	if (!errors)
		return r;
	r = om_error_collect(errors, c->e, r);
	return r < 0 ? r : om_error_list_first(errors, c->e);
}

void om_layout_compiler_done(struct om_layout_compiler *c)
{
	for (size_t i = 0; i < c->n && c->items; i++) {
		free(c->items[i].target);
		free(c->items[i].source);
	}
	free(c->items);
	om_layout_space_done(&c->space);
	om_layout_document_free(&c->document);
}

int om_layout_compile(const struct om_layout_args *args, struct om_profile **ret,
		      char **ret_name, struct om_error *e)
{
	struct om_layout_args base_args = om_layout_args_of_base(args);
	struct om_error own = { 0 };
	_cleanup_(om_layout_compiler_done) struct om_layout_compiler base = {
		.args = &base_args
	};
	_cleanup_(om_layout_compiler_done) struct om_layout_compiler c = {
		.args = args, .e = e ? e : &own
	};
	_cleanup_profile_ struct om_profile *p = NULL;
	int r;

	assert(!args->snapd);
	r = om_layout_compile_both(&c, &base, &base_args);
	if (r == 0)
		r = om_layout_emit(&c, &p);
	if (r < 0)
		return r;
	if (ret_name) {
		*ret_name = c.space.name ? strdup(c.space.name) : NULL;
		if (c.space.name && !*ret_name)
			return om_layout_fail_memory(&c);
	}
	*ret = TAKE_PTR(p);
	return 0;
}

int om_layout_print(const struct om_layout_args *args, struct om_str *out,
		    struct om_error *e)
{
	struct om_layout_args base_args = om_layout_args_of_base(args);
	struct om_error own = { 0 };
	_cleanup_(om_layout_compiler_done) struct om_layout_compiler base = {
		.args = &base_args
	};
	_cleanup_(om_layout_compiler_done) struct om_layout_compiler c = {
		.args = args, .e = e ? e : &own
	};
	_cleanup_profile_ struct om_profile *p = NULL;
	int r = om_layout_compile_both(&c, &base, &base_args);

	if (r == 0 && args->snapd)
		return om_layout_emit_text(&c, out);
	if (r == 0)
		r = om_layout_emit(&c, &p);
	if (r < 0)
		return r;
	om_profile_print(p, out);
	return out->err < 0 ? om_layout_fail_memory(&c) : 0;
}
