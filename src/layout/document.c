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
	struct om_layout_document *document;
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

static int fail_at(struct reader *r, const yaml_mark_t *mark, const char *target,
		   const char *key, const char *reason, const char *name)
{
	struct om_layout_text at = mark_text(mark);
	char quoted[OM_QUOTE_SIZE] = "";
	int rc;

	if (name)
		om_quote(quoted, name);
	rc = om_fail(r->yaml.e, OM_ERR_INPUT, -EINVAL, "cannot read %s: %s",
		     name ? quoted : "the layout", reason);
	om_layout_where(r->yaml.e, r->yaml.file, &at, target, key);
	return rc;
}

static int keep_text(struct reader *r, const yaml_event_t *event,
		     struct om_layout_text *ret)
{
	*ret = mark_text(&event->start_mark);
	ret->s = strdup(om_yaml_text(event));
	return ret->s ? 0 : om_yaml_fail_memory(&r->yaml);
}

/* Checks and keeps a scalar. */
static int keep(struct reader *r, const yaml_event_t *event, const char *target,
		const char *key, struct om_layout_text *ret)
{
	const char *reason = om_yaml_scalar_bad(event);

	if (!reason && om_yaml_is_null(event))
		reason = "expected a string, found nothing";
	if (reason)
		return fail_at(r, &event->start_mark, target, key, reason, NULL);
	return keep_text(r, event, ret);
}

static int keep_next(struct reader *r, const char *target, const char *key,
		     struct om_layout_text *ret)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	int rc = om_yaml_next(&r->yaml, &event);

	return rc < 0 ? rc : keep(r, &event, target, key, ret);
}

static int read_pair(struct reader *r, const yaml_event_t *event,
		     struct om_layout_item *item)
{
	const char *reason = om_yaml_scalar_bad(event), *name;

	if (reason)
		return fail_at(r, &event->start_mark, item->target.s, NULL, reason, NULL);
	name = om_yaml_text(event);
	for (size_t i = 0; i < _OM_LAYOUT_KEY_MAX; i++) {
		if (!om_streq(name, key_names[i]))
			continue;
		if (item->values[i].s)
			return fail_at(r, &event->start_mark, item->target.s,
				       key_names[i], "the key is given twice", name);
		return keep_next(r, item->target.s, key_names[i], &item->values[i]);
	}
	/* A merge key is an alias in disguise. */
	return fail_at(r, &event->start_mark, item->target.s, NULL,
		       om_streq(name, "<<")
			       ? "merge keys are not supported"
			       : "unknown key, want bind, bind-file, symlink, type, "
				 "user, group or mode",
		       name);
}

static int read_item(struct reader *r, struct om_layout_item *item)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	const char *reason;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0)
		return rc;
	reason = om_yaml_is_null(&event) ? "expected a map, found nothing"
					 : om_yaml_map_bad(&event);
	if (reason)
		return fail_at(r, &event.start_mark, item->target.s, NULL, reason, NULL);
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc <= 0)
			return rc;
		rc = read_pair(r, &key, item);
		if (rc < 0)
			return rc;
	}
}

static int add_item(struct reader *r, const yaml_event_t *event)
{
	struct om_layout_document *d = r->document;
	struct om_layout_item *item;
	int rc;

	if (d->items.n == OM_MAX_ENTRIES)
		return fail_at(r, &event->start_mark, NULL, NULL,
			       "more than 4096 entries", NULL);
	if (om_vec_push(&d->items, (struct om_layout_item){ 0 }) < 0)
		return om_yaml_fail_memory(&r->yaml);
	item = &d->items.v[d->items.n - 1];
	rc = keep(r, event, NULL, NULL, &item->target);
	if (rc < 0)
		return rc;
	return read_item(r, item);
}

static int read_layout(struct reader *r)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	const char *reason;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0 || om_yaml_is_null(&event))
		return rc;
	reason = om_yaml_map_bad(&event);
	if (reason)
		return fail_at(r, &event.start_mark, NULL, NULL, reason, NULL);
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc <= 0)
			return rc;
		rc = add_item(r, &key);
		if (rc < 0)
			return rc;
	}
}

static int read_name(struct reader *r)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	const char *reason;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0)
		return rc;
	reason = om_yaml_scalar_bad(&event);
	if (reason)
		return om_yaml_fail(&r->yaml, &event, "name", NULL, reason);
	return keep_text(r, &event, &r->document->name);
}

/* One key of the document and its value; the event holds the key. */
static int read_top_pair(struct reader *r, const yaml_event_t *event, bool *layout_seen)
{
	struct om_yaml *y = &r->yaml;
	const char *name = "";
	unsigned depth = y->depth;

	if (event->type == YAML_SCALAR_EVENT)
		name = om_yaml_text(event);
	if (om_streq(name, "layouts"))
		return om_yaml_fail(
			y, event, "layouts", NULL,
			"use singular \"layout\" instead of plural \"layouts\"");
	if (om_streq(name, "layout")) {
		if (*layout_seen)
			return om_yaml_fail(y, event, "layout", NULL,
					    "the key is given twice");
		*layout_seen = true;
		return read_layout(r);
	}
	if (om_streq(name, "name")) {
		if (r->document->name.s)
			return om_yaml_fail(y, event, "name", NULL,
					    "the key is given twice");
		return read_name(r);
	}
	/* A key that is a collection itself: its start has been read, read to its end. */
	if (event->type == YAML_MAPPING_START_EVENT ||
	    event->type == YAML_SEQUENCE_START_EVENT)
		while (y->depth >= depth) {
			int rc = om_yaml_skip(y);

			if (rc < 0)
				return rc;
		}
	return om_yaml_skip(y);
}

static int read_top(struct reader *r)
{
	_cleanup_event_ yaml_event_t top = { 0 };
	bool layout_seen = false;
	int rc = om_yaml_top(&r->yaml, &top);

	if (rc <= 0)
		return rc;
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc == 0)
			return om_yaml_end(&r->yaml);
		if (rc > 0)
			rc = read_top_pair(r, &key, &layout_seen);
		if (rc < 0)
			return rc;
	}
}

int om_layout_document_read(const char *file, const char *text, size_t size,
			    struct om_layout_document *ret, struct om_error *e)
{
	struct reader r = { .document = ret };
	int rc = om_yaml_open(&r.yaml, file, text, size, e);

	if (rc == 0)
		rc = read_top(&r);
	om_yaml_close(&r.yaml);
	return rc;
}

void om_layout_document_free(struct om_layout_document *document)
{
	for (size_t i = 0; i < document->items.n; i++) {
		struct om_layout_item *item = &document->items.v[i];

		free(item->target.s);
		for (size_t k = 0; k < _OM_LAYOUT_KEY_MAX; k++)
			free(item->values[k].s);
	}
	om_vec_free(&document->items);
	free(document->name.s);
}
