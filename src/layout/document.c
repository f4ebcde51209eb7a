/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See document.h.
 */
#include "layout/document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "base/yaml.h"

struct reader {
	struct om_yaml yaml;
	const struct om_layout_args *args;
	struct om_layout_document *document;
	bool layout_seen;
};

static const char *const key_names[_OM_LAYOUT_KEY_MAX] = {
	[OM_LAYOUT_BIND] = "bind",	 [OM_LAYOUT_BIND_FILE] = "bind-file",
	[OM_LAYOUT_SYMLINK] = "symlink", [OM_LAYOUT_TYPE] = "type",
	[OM_LAYOUT_USER] = "user",	 [OM_LAYOUT_GROUP] = "group",
	[OM_LAYOUT_MODE] = "mode",
};

const char *om_layout_key_name(enum om_layout_key key)
{
	return key_names[key];
}

void om_layout_where(struct om_error *e, const char *file,
		     const struct om_layout_text *at, const char *target, const char *key)
{
	char field[256], bare[200];

	if (at->column == 0) {
		om_error_where(e, file, at->line, 0,
			       !key			    ? "target"
			       : om_startswith(key, "bind") ? "source"
							    : "options");
		return;
	}
	(void)snprintf(field, sizeof(field), "layout%s%s%s%s", target ? "." : "",
		       target ? om_bare(bare, sizeof(bare), target) : "", key ? "." : "",
		       key ? key : "");
	om_error_where(e, file, at->line, at->column, field);
}

static struct om_layout_text mark_text(const yaml_mark_t *mark)
{
	return (struct om_layout_text){ .line = (unsigned)mark->line + 1,
					.column = (unsigned)mark->column + 1 };
}

/*
 * Fails at a place, for a reason.  0 when the error was collected: then the caller goes on
 * behind the node.
 */
static int fail_at(struct reader *r, const yaml_event_t *at, const char *target,
		   const char *key, const char *reason, const char *name)
{
	struct om_layout_text place = mark_text(&at->start_mark);
	char quoted[OM_QUOTE_SIZE] = "";
	int rc;

	if (name)
		om_quote(quoted, name);
	rc = om_fail(r->yaml.e, OM_ERR_INPUT, -EINVAL, "cannot read %s: %s",
		     name ? quoted : "the layout", reason);
	om_layout_where(r->yaml.e, r->yaml.file, &place, target, key);
	return om_error_collect(r->args->errors, r->yaml.e, rc);
}

/* As fail_at(), for the document outside of its layouts. */
static int fail_top(struct reader *r, const yaml_event_t *at, const char *field,
		    const char *reason)
{
	int rc = om_yaml_fail(&r->yaml, at, field, NULL, reason);

	return om_error_collect(r->args->errors, r->yaml.e, rc);
}

static int keep_text(struct reader *r, const yaml_event_t *event, const char *text,
		     struct om_layout_text *ret)
{
	free(ret->s);
	*ret = mark_text(&event->start_mark);
	ret->s = strdup(text);
	return ret->s ? 0 : om_yaml_fail_memory(&r->yaml);
}

/*
 * Checks and keeps the scalar that event is.  A collection is read to its end.  ret->s is
 * NULL when it was not good and the error was collected.
 */
static int keep(struct reader *r, const yaml_event_t *event, unsigned depth,
		const char *target, const char *key, struct om_layout_text *ret)
{
	const char *reason = om_yaml_scalar_bad(event);
	bool null = !reason && om_yaml_is_null(event);
	int rc;

	if (null && r->args->snapd)
		return keep_text(r, event, "", ret);
	if (null)
		reason = "expected a string, found nothing";
	if (!reason)
		return keep_text(r, event, om_yaml_text(event), ret);
	rc = fail_at(r, event, target, key, reason, NULL);
	return rc < 0 ? rc : om_yaml_leave(&r->yaml, depth);
}

static int keep_next(struct reader *r, struct om_layout_item *item,
		     enum om_layout_key key)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	unsigned depth = r->yaml.depth;
	struct om_layout_text *value = &item->values[key];
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc == 0)
		rc = keep(r, &event, depth, item->target.s, key_names[key], value);
	item->bad |= !value->s;
	return rc;
}

/* The key of an item cannot be used: it and its value are passed over. */
static int pass_over(struct reader *r, const yaml_event_t *event, unsigned depth,
		     struct om_layout_item *item, const char *reason, const char *name)
{
	int rc = fail_at(r, event, item->target.s, NULL, reason, name);

	item->bad = true;
	if (rc == 0)
		rc = om_yaml_leave(&r->yaml, depth);
	return rc < 0 ? rc : om_yaml_skip(&r->yaml);
}

static int read_pair(struct reader *r, const yaml_event_t *event, unsigned depth,
		     struct om_layout_item *item)
{
	const char *reason = om_yaml_scalar_bad(event), *name;

	if (reason)
		return pass_over(r, event, depth, item, reason, NULL);
	name = om_yaml_text(event);
	for (unsigned i = 0; i < _OM_LAYOUT_KEY_MAX; i++) {
		if (!om_streq(name, key_names[i]))
			continue;
		if (item->values[i].s && !r->args->snapd)
			return pass_over(r, event, depth, item, "the key is given twice",
					 name);
		return keep_next(r, item, (enum om_layout_key)i);
	}
	/* A merge key is an alias in disguise. */
	if (om_streq(name, "<<"))
		return pass_over(r, event, depth, item, "merge keys are not supported",
				 name);
	if (r->args->snapd)
		return om_yaml_skip(&r->yaml);
	return pass_over(r, event, depth, item,
			 "unknown key, want bind, bind-file, symlink, type, user, group "
			 "or mode",
			 name);
}

static int read_item(struct reader *r, struct om_layout_item *item)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	unsigned depth = r->yaml.depth;
	const char *reason;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0)
		return rc;
	reason = om_yaml_is_null(&event) ? "expected a map, found nothing"
					 : om_yaml_map_bad(&event);
	if (reason) {
		item->bad = true;
		rc = fail_at(r, &event, item->target.s, NULL, reason, NULL);
		return rc < 0 ? rc : om_yaml_leave(&r->yaml, depth);
	}
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc <= 0)
			return rc;
		rc = read_pair(r, &key, depth + 1, item);
		if (rc < 0)
			return rc;
	}
}

static int add_item(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	struct om_layout_document *d = r->document;
	struct om_layout_item *item;
	int rc;

	if (d->items.n == OM_MAX_ENTRIES) {
		rc = om_yaml_fail(&r->yaml, event, "layout", "the layout",
				  "more than 4096 entries");
		return rc;
	}
	if (om_vec_push(&d->items, (struct om_layout_item){ 0 }) < 0)
		return om_yaml_fail_memory(&r->yaml);
	item = &d->items.v[d->items.n - 1];
	rc = keep(r, event, depth, NULL, NULL, &item->target);
	if (rc < 0)
		return rc;
	if (item->target.s)
		return read_item(r, item);
	d->items.n--;
	return om_yaml_skip(&r->yaml);
}

static void forget_items(struct om_layout_document *document)
{
	for (size_t i = 0; i < document->items.n; i++) {
		struct om_layout_item *item = &document->items.v[i];

		free(item->target.s);
		for (size_t k = 0; k < _OM_LAYOUT_KEY_MAX; k++)
			free(item->values[k].s);
	}
	om_vec_free(&document->items);
}

static int read_layout(struct reader *r)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	unsigned depth = r->yaml.depth;
	const char *reason;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0)
		return rc;
	if (om_yaml_is_null(&event)) {
		forget_items(r->document);
		return 0;
	}
	reason = om_yaml_map_bad(&event);
	if (reason) {
		rc = fail_at(r, &event, NULL, NULL, reason, NULL);
		return rc < 0 ? rc : om_yaml_leave(&r->yaml, depth);
	}
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc <= 0)
			return rc;
		rc = add_item(r, &key, depth + 1);
		if (rc < 0)
			return rc;
	}
}

static int read_name(struct reader *r)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	unsigned depth = r->yaml.depth;
	const char *reason;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0)
		return rc;
	reason = om_yaml_scalar_bad(&event);
	if (!reason)
		return keep_text(r, &event, om_yaml_text(&event), &r->document->name);
	r->document->name_bad = true;
	rc = fail_top(r, &event, "name", reason);
	return rc < 0 ? rc : om_yaml_leave(&r->yaml, depth);
}

/* One key of the document and its value; the event holds the key. */
static int read_top_pair(struct reader *r, const yaml_event_t *event, unsigned depth)
{
	const char *name = event->type == YAML_SCALAR_EVENT ? om_yaml_text(event) : "";
	bool is_layout = om_streq(name, "layout"), is_name = om_streq(name, "name");
	bool twice = (is_layout && r->layout_seen) || (is_name && r->document->name.s);
	int rc = 0;

	if (om_streq(name, "layouts"))
		rc = fail_top(r, event, "layouts",
			      "use singular \"layout\" instead of plural \"layouts\"");
	else if (twice && !r->args->snapd)
		rc = fail_top(r, event, name, "the key is given twice");
	else if (is_layout) {
		r->layout_seen = true;
		return read_layout(r);
	} else if (is_name) {
		return read_name(r);
	}
	/* A key that is a collection itself: its start has been read. */
	if (rc == 0)
		rc = om_yaml_leave(&r->yaml, depth);
	return rc < 0 ? rc : om_yaml_skip(&r->yaml);
}

static int read_top(struct reader *r)
{
	_cleanup_event_ yaml_event_t top = { 0 };
	int rc = om_yaml_top(&r->yaml, &top);
	unsigned depth = r->yaml.depth;

	while (rc > 0) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc == 0)
			return r->args->snapd ? 0 : om_yaml_end(&r->yaml);
		if (rc > 0)
			rc = read_top_pair(r, &key, depth);
		if (rc == 0)
			rc = 1;
	}
	return rc;
}

int om_layout_document_read(const struct om_layout_args *args,
			    struct om_layout_document *ret, struct om_error *e)
{
	struct reader r = { .args = args, .document = ret };
	int rc = om_yaml_open(&r.yaml, args->file, args->text, args->size, e);

	if (rc == 0)
		rc = read_top(&r);
	om_yaml_close(&r.yaml);
	return rc;
}

void om_layout_document_free(struct om_layout_document *document)
{
	forget_items(document);
	free(document->name.s);
}
