/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See json.h.
 */
#include "base/json.h"

#include <assert.h>
#include <string.h>

static size_t utf8_length(const unsigned char *p)
{
	size_t n = p[0] < 0x80			 ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						 : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies beyond Unicode. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* How many bytes at p can stand as they are. */
static size_t plain_length(const unsigned char *p)
{
	size_t n = 0;

	while (p[n] >= 0x20 && p[n] < 0x7f && p[n] != '"' && p[n] != '\\')
		n++;
	return n || p[0] < 0x80 ? n : utf8_length(p);
}

static void add_string(struct om_str *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	om_str_add(out, "\"");
	while (*p) {
		size_t n = plain_length(p);

		if (n > 0)
			om_str_add_n(out, (const char *)p, n);
		else if (*p == '"' || *p == '\\')
			om_str_addf(out, "\\%c", *p);
		else
			om_str_addf(out, "\\u%04x", *p);
		p += n ? n : 1;
	}
	om_str_add(out, "\"");
}

static void start(struct om_json *j, const char *key)
{
	if (j->filled[j->depth])
		om_str_add(&j->out, ",");
	j->filled[j->depth] = true;
	if (j->depth > 0) {
		om_str_add(&j->out, "\n");
		for (unsigned i = 0; i < j->depth; i++)
			om_str_add(&j->out, "   ");
	}
	if (key) {
		add_string(&j->out, key);
		om_str_add(&j->out, ": ");
	}
}

static void open_level(struct om_json *j, const char *key, const char *bracket)
{
	start(j, key);
	om_str_add(&j->out, bracket);
	assert(j->depth + 1 < OM_JSON_DEPTH);
	j->filled[++j->depth] = false;
}

static void close_level(struct om_json *j, const char *bracket)
{
	bool filled = j->filled[j->depth];

	assert(j->depth > 0);
	j->depth--;
	if (filled) {
		om_str_add(&j->out, "\n");
		for (unsigned i = 0; i < j->depth; i++)
			om_str_add(&j->out, "   ");
	}
	om_str_add(&j->out, bracket);
	if (j->depth == 0)
		om_str_add(&j->out, "\n");
}

void om_json_object(struct om_json *j, const char *key)
{
	open_level(j, key, "{");
}

void om_json_array(struct om_json *j, const char *key)
{
	open_level(j, key, "[");
}

void om_json_end_object(struct om_json *j)
{
	close_level(j, "}");
}

void om_json_end_array(struct om_json *j)
{
	close_level(j, "]");
}

void om_json_string(struct om_json *j, const char *key, const char *value)
{
	start(j, key);
	if (value)
		add_string(&j->out, value);
	else
		om_str_add(&j->out, "null");
}

void om_json_number(struct om_json *j, const char *key, long long value)
{
	start(j, key);
	om_str_addf(&j->out, "%lld", value);
}

void om_json_bool(struct om_json *j, const char *key, bool value)
{
	start(j, key);
	om_str_add(&j->out, value ? "true" : "false");
}
