/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See yaml.h.
 */
#include "base/yaml.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"

int om_yaml_open(struct om_yaml *y, const char *file, const char *text, size_t size,
		 struct om_error *e)
{
	*y = (struct om_yaml){ .file = file, .text = text, .size = size, .e = e };
	/* A byte-order mark; libyaml passes it over only where it guesses the encoding. */
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		y->text = text += 3;
		y->size = size -= 3;
	}
	if (size > OM_MAX_YAML_SIZE) {
		int rc = om_fail(e, OM_ERR_INPUT, -EINVAL,
				 "cannot read the YAML document: larger than 1 MiB");

		om_error_where(e, file, 0, 0, NULL);
		return rc;
	}
	if (!yaml_parser_initialize(&y->parser))
		return om_yaml_fail_memory(y);
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)text, size);
	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	return 0;
}

void om_yaml_close(struct om_yaml *y)
{
	yaml_parser_delete(&y->parser);
}

int om_yaml_fail(struct om_yaml *y, const yaml_event_t *at, const char *field,
		 const char *what, const char *reason)
{
	int rc = om_fail(y->e, OM_ERR_INPUT, -EINVAL, "cannot read %s: %s",
			 what ? what : "the YAML document", reason);

	om_error_where(y->e, y->file, (unsigned)at->start_mark.line + 1,
		       (unsigned)at->start_mark.column + 1, field);
	return rc;
}

int om_yaml_fail_memory(struct om_yaml *y)
{
	return om_fail_errno(y->e, OM_ERR_SYSTEM, -ENOMEM,
			     "cannot read the YAML document");
}

/* Where the parser failed.  Of bytes that are no text libyaml tells only the offset. */
static yaml_mark_t problem_mark(const struct om_yaml *y)
{
	yaml_mark_t mark = { 0 };

	if (y->parser.error != YAML_READER_ERROR)
		return y->parser.problem_mark;
	for (const char *p = y->text; p < y->text + y->parser.problem_offset; p++) {
		if (*p == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((*p & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

/* Whether there is a tab among the blanks before the place. */
static bool is_behind_tab(const struct om_yaml *y, const yaml_mark_t *mark)
{
	const char *p = y->text, *end = y->text + y->size;

	for (size_t line = mark->line; line > 0 && p; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		p += p != NULL;
	}
	for (; p && p < end && (*p == ' ' || *p == '\t'); p++)
		if (*p == '\t')
			return true;
	return false;
}

static int fail_parse(struct om_yaml *y)
{
	const yaml_event_t at = { .start_mark = problem_mark(y) };
	int rc;

	if (y->parser.error == YAML_MEMORY_ERROR)
		return om_yaml_fail_memory(y);
	rc = om_yaml_fail(y, &at, NULL, NULL,
			  y->parser.problem ? y->parser.problem : "malformed");
	if (is_behind_tab(y, &at.start_mark))
		om_error_fix(y->e, "indent with blanks, not with tabs");
	return rc;
}

static bool is_start(const yaml_event_t *event)
{
	return event->type == YAML_MAPPING_START_EVENT ||
	       event->type == YAML_SEQUENCE_START_EVENT;
}

int om_yaml_next(struct om_yaml *y, yaml_event_t *ret)
{
	if (!yaml_parser_parse(&y->parser, ret))
		return fail_parse(y);
	if (is_start(ret))
		y->depth++;
	else if (ret->type == YAML_MAPPING_END_EVENT ||
		 ret->type == YAML_SEQUENCE_END_EVENT)
		y->depth--;
	if (y->depth > OM_MAX_YAML_DEPTH)
		return om_yaml_fail(y, ret, NULL, NULL, "nested deeper than 64 levels");
	return 0;
}

int om_yaml_next_key(struct om_yaml *y, yaml_event_t *ret)
{
	int rc = om_yaml_next(y, ret);

	return rc < 0 ? rc : ret->type != YAML_MAPPING_END_EVENT;
}

int om_yaml_leave(struct om_yaml *y, unsigned depth)
{
	while (y->depth > depth) {
		_cleanup_event_ yaml_event_t event = { 0 };
		int rc = om_yaml_next(y, &event);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int om_yaml_skip(struct om_yaml *y)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	unsigned depth = y->depth;
	int rc = om_yaml_next(y, &event);

	return rc < 0 ? rc : om_yaml_leave(y, depth);
}

int om_yaml_top(struct om_yaml *y, yaml_event_t *ret)
{
	int rc;

	/* The stream's start, then the document's or, of an empty file, the end. */
	do {
		yaml_event_delete(ret);
		rc = om_yaml_next(y, ret);
		if (rc < 0)
			return rc;
	} while (ret->type == YAML_STREAM_START_EVENT ||
		 ret->type == YAML_DOCUMENT_START_EVENT);
	if (ret->type == YAML_MAPPING_START_EVENT)
		return 1;
	if (ret->type == YAML_STREAM_END_EVENT)
		return 0;
	if (!om_yaml_is_null(ret))
		return om_yaml_fail(y, ret, NULL, NULL, "expected a map at the top");
	return om_yaml_end(y);
}

int om_yaml_end(struct om_yaml *y)
{
	_cleanup_event_ yaml_event_t end = { 0 }, behind = { 0 };
	int rc = om_yaml_next(y, &end);

	if (rc == 0)
		rc = om_yaml_next(y, &behind);
	if (rc < 0)
		return rc;
	if (behind.type != YAML_STREAM_END_EVENT)
		return om_yaml_fail(y, &behind, NULL, NULL, "more than one document");
	return 0;
}

bool om_yaml_is_null(const yaml_event_t *event)
{
	const char *s;

	if (event->type != YAML_SCALAR_EVENT ||
	    event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    event->data.scalar.tag || event->data.scalar.anchor)
		return false;
	s = om_yaml_text(event);
	return !*s || om_streq(s, "~") || om_streq(s, "null");
}

const char *om_yaml_scalar_bad(const yaml_event_t *event)
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

const char *om_yaml_map_bad(const yaml_event_t *event)
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

const char *om_yaml_text(const yaml_event_t *event)
{
	return (const char *)event->data.scalar.value;
}

/* The character that text starts with: its length, or 0 when that is not valid UTF-8. */
static size_t decode(const unsigned char *text, unsigned *ret)
{
	/* The least character of each length: anything below is an overlong form. */
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = text[0] < 0x80	  ? 1
		   : text[0] >> 5 == 0x06 ? 2
		   : text[0] >> 4 == 0x0e ? 3
		   : text[0] >> 3 == 0x1e ? 4
					  : 0;
	unsigned c = n > 1 ? text[0] & (0x7fu >> n) : text[0];

	for (size_t i = 1; i < n; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		c = c << 6 | (text[i] & 0x3fu);
	}
	*ret = c;
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

void om_yaml_add_quoted(struct om_str *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	om_str_add(out, "\"");
	while (*p) {
		unsigned c = 0;
		size_t n = decode(p, &c);

		if (n == 0)
			om_str_add(out, "?");
		else if (c == '"' || c == '\\')
			om_str_addf(out, "\\%c", (int)c);
		else if (c == '\n')
			om_str_add(out, "\\n");
		else if (c >= 0x20 && c <= 0x7e)
			om_str_addf(out, "%c", (int)c);
		else if (c <= 0xff)
			om_str_addf(out, "\\x%02x", c);
		else
			om_str_addf(out, c <= 0xffff ? "\\u%04x" : "\\U%08x", c);
		p += n ? n : 1;
	}
	om_str_add(out, "\"");
}
