/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See document.h.  Works on libyaml's events: aliases are never expanded, so a document
 * costs no more than its bytes.
 */
#include "layout/document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/str.h"

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct om_error *e;
	struct om_layout_document *document;
	unsigned depth;
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
	rc = om_fail(r->e, OM_ERR_INPUT, -EINVAL, "cannot read %s: %s",
		     name ? quoted : "the layout", reason);
	om_layout_where(r->e, r->file, &at, target, key);
	return rc;
}

static int fail_memory(struct reader *r)
{
	return om_fail_errno(r->e, OM_ERR_SYSTEM, -ENOMEM,
			     "cannot read the YAML document");
}

/* The next event, checked for depth; the caller deletes it. */
static int next(struct reader *r, yaml_event_t *event)
{
	yaml_parser_t *parser = &r->parser;

	if (!yaml_parser_parse(parser, event)) {
		int rc;

		if (parser->error == YAML_MEMORY_ERROR)
			return fail_memory(r);
		rc = om_fail(r->e, OM_ERR_INPUT, -EINVAL,
			     "cannot read the YAML document: %s",
			     parser->problem ? parser->problem : "malformed");
		om_error_where(r->e, r->file, (unsigned)parser->problem_mark.line + 1,
			       (unsigned)parser->problem_mark.column + 1, NULL);
		return rc;
	}
	if (event->type == YAML_MAPPING_START_EVENT ||
	    event->type == YAML_SEQUENCE_START_EVENT)
		r->depth++;
	else if (event->type == YAML_MAPPING_END_EVENT ||
		 event->type == YAML_SEQUENCE_END_EVENT)
		r->depth--;
	if (r->depth > OM_MAX_YAML_DEPTH) {
		int rc = om_fail(
			r->e, OM_ERR_INPUT, -EINVAL,
			"cannot read the YAML document: nested deeper than 64 levels");

		om_error_where(r->e, r->file, (unsigned)event->start_mark.line + 1,
			       (unsigned)event->start_mark.column + 1, NULL);
		yaml_event_delete(event);
		return rc;
	}
	return 0;
}

/* Reads past the node that starts with the next event. */
static int skip(struct reader *r)
{
	unsigned depth = r->depth;

	do {
		yaml_event_t event;
		int rc = next(r, &event);

		if (rc < 0)
			return rc;
		yaml_event_delete(&event);
	} while (r->depth > depth);
	return 0;
}

/* What a scalar of the layout section may be: plain text, no YAML machinery. */
static const char *scalar_bad(const yaml_event_t *event)
{
	if (event->type == YAML_ALIAS_EVENT)
		return "aliases are not supported";
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return "expected a string, found a list";
	if (event->type != YAML_SCALAR_EVENT)
		return "expected a string, found a map";
	if (event->data.scalar.anchor)
		return "anchors are not supported";
	if (event->data.scalar.tag)
		return "tags are not supported";
	if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
		return "NUL character in a string";
	return NULL;
}

static bool is_null(const yaml_event_t *event)
{
	const char *s;

	if (event->type != YAML_SCALAR_EVENT ||
	    event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    event->data.scalar.tag || event->data.scalar.anchor)
		return false;
	s = (const char *)event->data.scalar.value;
	return !*s || om_streq(s, "~") || om_streq(s, "null");
}

/* Checks and keeps a scalar. */
static int keep(struct reader *r, const yaml_event_t *event, const char *target,
		const char *key, struct om_layout_text *ret)
{
	const char *reason = scalar_bad(event);

	if (!reason && is_null(event))
		reason = "expected a string, found nothing";
	if (reason)
		return fail_at(r, &event->start_mark, target, key, reason, NULL);
	*ret = mark_text(&event->start_mark);
	ret->s = strdup((const char *)event->data.scalar.value);
	return ret->s ? 0 : fail_memory(r);
}

static int keep_next(struct reader *r, const char *target, const char *key,
		     struct om_layout_text *ret)
{
	yaml_event_t event;
	int rc = next(r, &event);

	if (rc < 0)
		return rc;
	rc = keep(r, &event, target, key, ret);
	yaml_event_delete(&event);
	return rc;
}

static const char *map_bad(const yaml_event_t *event)
{
	if (event->type == YAML_ALIAS_EVENT)
		return "aliases are not supported";
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return "expected a map, found a list";
	if (event->type != YAML_MAPPING_START_EVENT)
		return "expected a map, found a string";
	if (event->data.mapping_start.anchor)
		return "anchors are not supported";
	return event->data.mapping_start.tag ? "tags are not supported" : NULL;
}

static int read_pair(struct reader *r, const yaml_event_t *event,
		     struct om_layout_item *item)
{
	const char *reason = scalar_bad(event), *name;

	if (reason)
		return fail_at(r, &event->start_mark, item->target.s, NULL, reason, NULL);
	name = (const char *)event->data.scalar.value;
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
	yaml_event_t event;
	const char *reason;
	int rc = next(r, &event);

	if (rc < 0)
		return rc;
	reason = is_null(&event) ? "expected a map, found nothing" : map_bad(&event);
	if (reason)
		rc = fail_at(r, &event.start_mark, item->target.s, NULL, reason, NULL);
	yaml_event_delete(&event);
	while (rc == 0) {
		bool end;

		rc = next(r, &event);
		if (rc < 0)
			return rc;
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			rc = read_pair(r, &event, item);
		yaml_event_delete(&event);
		if (end)
			return 0;
	}
	return rc;
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
		return fail_memory(r);
	item = &d->items.v[d->items.n - 1];
	rc = keep(r, event, NULL, NULL, &item->target);
	if (rc < 0)
		return rc;
	return read_item(r, item);
}

static int read_layout(struct reader *r)
{
	yaml_event_t event;
	const char *reason;
	bool null;
	int rc = next(r, &event);

	if (rc < 0)
		return rc;
	null = is_null(&event);
	reason = null ? NULL : map_bad(&event);
	if (reason)
		rc = fail_at(r, &event.start_mark, NULL, NULL, reason, NULL);
	yaml_event_delete(&event);
	while (rc == 0 && !null) {
		bool end;

		rc = next(r, &event);
		if (rc < 0)
			return rc;
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			rc = add_item(r, &event);
		yaml_event_delete(&event);
		if (end)
			return 0;
	}
	return rc;
}

static int fail_top(struct reader *r, const yaml_event_t *event, const char *field,
		    const char *reason)
{
	int rc = om_fail(r->e, OM_ERR_INPUT, -EINVAL, "cannot read the YAML document: %s",
			 reason);

	om_error_where(r->e, r->file, (unsigned)event->start_mark.line + 1,
		       (unsigned)event->start_mark.column + 1, field);
	return rc;
}

static int read_name(struct reader *r)
{
	struct om_layout_text *name = &r->document->name;
	yaml_event_t event;
	const char *reason;
	int rc = next(r, &event);

	if (rc < 0)
		return rc;
	reason = scalar_bad(&event);
	if (reason) {
		rc = fail_top(r, &event, "name", reason);
	} else {
		*name = mark_text(&event.start_mark);
		name->s = strdup((const char *)event.data.scalar.value);
		if (!name->s)
			rc = fail_memory(r);
	}
	yaml_event_delete(&event);
	return rc;
}

/* One key of the document and its value; the event holds the key. */
static int read_top_pair(struct reader *r, const yaml_event_t *event, bool *layout_seen)
{
	const char *name = "";
	unsigned depth = r->depth;

	if (event->type == YAML_SCALAR_EVENT)
		name = (const char *)event->data.scalar.value;
	if (om_streq(name, "layouts"))
		return fail_top(r, event, "layouts",
				"use singular \"layout\" instead of plural \"layouts\"");
	if (om_streq(name, "layout")) {
		if (*layout_seen)
			return fail_top(r, event, "layout", "the key is given twice");
		*layout_seen = true;
		return read_layout(r);
	}
	if (om_streq(name, "name")) {
		if (r->document->name.s)
			return fail_top(r, event, "name", "the key is given twice");
		return read_name(r);
	}
	/* A key that is a collection itself: its start has been read, read to its end. */
	if (event->type == YAML_MAPPING_START_EVENT ||
	    event->type == YAML_SEQUENCE_START_EVENT)
		while (r->depth >= depth) {
			int rc = skip(r);

			if (rc < 0)
				return rc;
		}
	return skip(r);
}

static int read_top(struct reader *r)
{
	bool layout_seen = false;

	for (;;) {
		yaml_event_t event;
		bool end;
		int rc = next(r, &event);

		if (rc < 0)
			return rc;
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			rc = read_top_pair(r, &event, &layout_seen);
		yaml_event_delete(&event);
		if (rc < 0 || end)
			return rc;
	}
}

/* The document's end, and nothing behind it. */
static int expect_end(struct reader *r)
{
	yaml_event_t event;
	int rc;

	rc = next(r, &event);
	if (rc < 0)
		return rc;
	yaml_event_delete(&event);
	rc = next(r, &event);
	if (rc < 0)
		return rc;
	if (event.type != YAML_STREAM_END_EVENT)
		rc = fail_top(r, &event, NULL, "more than one document");
	yaml_event_delete(&event);
	return rc;
}

static int read_stream(struct reader *r)
{
	yaml_event_type_t type = YAML_STREAM_START_EVENT;

	/* Stream start, then the document's start or, of an empty file, the end. */
	while (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT) {
		yaml_event_t event;
		int rc = next(r, &event);

		if (rc < 0)
			return rc;
		type = event.type;
		if (type != YAML_STREAM_START_EVENT &&
		    type != YAML_DOCUMENT_START_EVENT && type != YAML_STREAM_END_EVENT &&
		    type != YAML_MAPPING_START_EVENT && !is_null(&event))
			rc = fail_top(r, &event, NULL, "expected a map at the top");
		yaml_event_delete(&event);
		if (rc < 0)
			return rc;
	}
	if (type == YAML_STREAM_END_EVENT)
		return 0;
	if (type == YAML_MAPPING_START_EVENT) {
		int rc = read_top(r);

		if (rc < 0)
			return rc;
	}
	return expect_end(r);
}

int om_layout_document_read(const char *file, const char *text, size_t size,
			    struct om_layout_document *ret, struct om_error *e)
{
	struct reader r = { .file = file, .e = e, .document = ret };
	int rc;

	if (size > OM_MAX_YAML_SIZE) {
		rc = om_fail(e, OM_ERR_INPUT, -EINVAL,
			     "cannot read the YAML document: larger than 1 MiB");
		om_error_where(e, file, 0, 0, NULL);
		return rc;
	}
	if (!yaml_parser_initialize(&r.parser))
		return fail_memory(&r);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	rc = read_stream(&r);
	yaml_parser_delete(&r.parser);
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
