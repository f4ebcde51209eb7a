/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See fstab.h.
 */
#include "snapd/fstab.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"

#define BLANKS " \t"
/* What is trimmed from the ends of a line. */
#define SPACES " \t\r\v\f"

/* The four escapes that snapd knows, and the bytes that they stand for. */
static const struct {
	const char *escape;
	char byte;
} escapes[] = {
	{ "\\040", ' ' },
	{ "\\011", '\t' },
	{ "\\012", '\n' },
	{ "\\134", '\\' },
};

#define ESCAPE_LENGTH 4

/* Any other backslash stays what it is. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_SIZE(escapes) &&
		       strncmp(text, escapes[i].escape, ESCAPE_LENGTH) != 0)
			i++;
		*to++ = i < ARRAY_SIZE(escapes) ? escapes[i].byte : *text;
		text += i < ARRAY_SIZE(escapes) ? ESCAPE_LENGTH : 1;
	}
	*to = '\0';
}

static void add_escaped(struct om_str *out, const char *text)
{
	for (; *text; text++) {
		size_t i = 0;

		while (i < ARRAY_SIZE(escapes) && escapes[i].byte != *text)
			i++;
		if (i < ARRAY_SIZE(escapes))
			om_str_add(out, escapes[i].escape);
		else
			om_str_add_n(out, text, 1);
	}
}

static const char *keep(struct om_snapd_profile *p, const char *text)
{
	return om_texts_keep(&p->texts, text, strlen(text));
}

/* The fields of a line, cut out of it. */
struct fields {
	OM_VEC(char *) v;
};

static int cut_fields(char *line, struct fields *ret)
{
	while (*(line += strspn(line, BLANKS)) && *line != '#') {
		int r = om_vec_push(&ret->v, line);

		if (r < 0)
			return r;
		line += strcspn(line, BLANKS);
		if (*line)
			*line++ = '\0';
	}
	return 0;
}

/*
 * More than six: the options have blanks in them, as the kernel's own table may.  They are
 * one field again, with one blank each; all lie in one line, so there is room.
 */
static void join_options(struct fields *f)
{
	char *end = f->v.v[3] + strlen(f->v.v[3]);

	for (size_t i = 4; i < f->v.n - 2; i++) {
		size_t n = strlen(f->v.v[i]);

		*end++ = ' ';
		memmove(end, f->v.v[i], n);
		end += n;
	}
	*end = '\0';
	f->v.v[4] = f->v.v[f->v.n - 2];
	f->v.v[5] = f->v.v[f->v.n - 1];
	f->v.n = 6;
}

static int read_number(const char *text, const char *what, int *ret, struct om_error *e)
{
	unsigned long long value;
	bool negative = text[0] == '-';

	if (om_parse_number(text + negative, 10, INT_MAX, &value) < 0)
		return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot parse %s: %s", what,
			       OM_Q(text));
	*ret = negative ? -(int)value : (int)value;
	return 0;
}

static int read_options(struct om_snapd_profile *p, char *text,
			struct om_snapd_entry *entry)
{
	char *word;

	unescape(text);
	while ((word = strsep(&text, ","))) {
		const char *kept = keep(p, word);
		int r = kept ? om_vec_push(&entry->options, kept) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_fields(struct om_snapd_profile *p, struct fields *f,
		       struct om_snapd_entry *entry, struct om_error *e)
{
	int r = 0;

	if (f->v.n < 3)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "expected at least 3 fields, found %zu", f->v.n);
	if (f->v.n > 6)
		join_options(f);
	for (size_t i = 0; i < 3; i++)
		unescape(f->v.v[i]);
	entry->name = keep(p, f->v.v[0]);
	entry->dir = keep(p, f->v.v[1]);
	entry->type = keep(p, f->v.v[2]);
	if (!entry->name || !entry->dir || !entry->type)
		return -ENOMEM;
	if (f->v.n > 3)
		r = read_options(p, f->v.v[3], entry);
	if (r == 0 && f->v.n > 4)
		r = read_number(f->v.v[4], "dump frequency", &entry->freq, e);
	if (r == 0 && f->v.n > 5)
		r = read_number(f->v.v[5], "check pass number", &entry->passno, e);
	return r;
}

static int read_line(struct om_snapd_profile *p, char *line, unsigned number,
		     struct om_error *e)
{
	struct om_snapd_entry entry = { .line = number };
	struct fields f = { 0 };
	size_t n = strlen(line);
	int r;

	while (n > 0 && strchr(SPACES, line[n - 1]))
		line[--n] = '\0';
	line += strspn(line, SPACES);
	if (!*line || *line == '#')
		return 0;
	r = cut_fields(line, &f);
	if (r == 0)
		r = read_fields(p, &f, &entry, e);
	if (r == 0)
		r = om_vec_push(&p->entries, entry);
	if (r < 0)
		om_vec_free(&entry.options);
	om_vec_free(&f.v);
	return r;
}

int om_snapd_profile_parse(struct om_snapd_profile *p, const char *file, const char *text,
			   size_t size, struct om_error *e)
{
	_cleanup_free_ char *copy = strndup(text, size);
	char *next = copy, *line;
	unsigned number = 0;
	int r = copy ? 0 : -ENOMEM;

	if (r == 0 && strlen(copy) != size)
		r = om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot read: it has a NUL byte");
	while (r == 0 && (line = strsep(&next, "\n")))
		r = read_line(p, line, ++number, e);
	if (r == -EINVAL)
		om_error_where(e, file, number, 0, NULL);
	else if (r < 0)
		(void)om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot read %s", OM_Q(file));
	return r;
}

int om_snapd_profile_add(struct om_snapd_profile *p, const struct om_snapd_entry *entry)
{
	struct om_snapd_entry copy = { .freq = entry->freq,
				       .passno = entry->passno,
				       .line = entry->line };
	int r = 0;

	copy.name = keep(p, entry->name);
	copy.dir = keep(p, entry->dir);
	copy.type = keep(p, entry->type);
	if (!copy.name || !copy.dir || !copy.type)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < entry->options.n; i++) {
		const char *option = keep(p, entry->options.v[i]);

		r = option ? om_vec_push(&copy.options, option) : -ENOMEM;
	}
	if (r == 0)
		r = om_vec_push(&p->entries, copy);
	if (r < 0)
		om_vec_free(&copy.options);
	return r;
}

void om_snapd_profile_done(struct om_snapd_profile *p)
{
	for (size_t i = 0; i < p->entries.n; i++)
		om_vec_free(&p->entries.v[i].options);
	om_vec_free(&p->entries);
	om_texts_done(&p->texts);
}

void om_snapd_entry_print(const struct om_snapd_entry *entry, struct om_str *out)
{
	const char *const fields[] = { entry->name, entry->dir, entry->type };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		add_escaped(out, fields[i][0] ? fields[i] : "none");
		om_str_add(out, " ");
	}
	for (size_t i = 0; i < entry->options.n; i++) {
		om_str_add(out, i > 0 ? "," : "");
		add_escaped(out, entry->options.v[i]);
	}
	om_str_addf(out, "%s %d %d", entry->options.n > 0 ? "" : "defaults", entry->freq,
		    entry->passno);
}

void om_snapd_profile_print(const struct om_snapd_profile *p, struct om_str *out)
{
	for (size_t i = 0; i < p->entries.n; i++) {
		om_snapd_entry_print(&p->entries.v[i], out);
		om_str_add(out, "\n");
	}
}

bool om_snapd_entry_equal(const struct om_snapd_entry *a, const struct om_snapd_entry *b)
{
	if (!om_streq(a->name, b->name) || !om_streq(a->dir, b->dir) ||
	    !om_streq(a->type, b->type) || a->freq != b->freq || a->passno != b->passno ||
	    a->options.n != b->options.n)
		return false;
	for (size_t i = 0; i < a->options.n; i++)
		if (!om_streq(a->options.v[i], b->options.v[i]))
			return false;
	return true;
}

/* The place of the first option `key=`, or options.n. */
static size_t find_key(const struct om_snapd_entry *entry, const char *key, size_t n)
{
	size_t i = 0;

	while (i < entry->options.n && (strncmp(entry->options.v[i], key, n) != 0 ||
					entry->options.v[i][n] != '='))
		i++;
	return i;
}

const char *om_snapd_entry_value(const struct om_snapd_entry *entry, const char *key)
{
	size_t n = strlen(key), i = find_key(entry, key, n);

	return i < entry->options.n ? entry->options.v[i] + n + 1 : NULL;
}

bool om_snapd_entry_has(const struct om_snapd_entry *entry, const char *word)
{
	for (size_t i = 0; i < entry->options.n; i++)
		if (om_streq(entry->options.v[i], word))
			return true;
	return false;
}

int om_snapd_entry_replace(struct om_snapd_profile *p, struct om_snapd_entry *entry,
			   const char *option)
{
	size_t n = strcspn(option, "="), i;
	const char *kept;

	if (!option[n] || !option[n + 1])
		return 0;
	i = find_key(entry, option, n);
	if (i == entry->options.n)
		return 0;
	kept = keep(p, option);
	if (!kept)
		return -ENOMEM;
	entry->options.v[i] = kept;
	return 0;
}

const char *om_snapd_entry_id(const struct om_snapd_entry *entry)
{
	const char *id = om_snapd_entry_value(entry, "x-snapd.id");

	return id && *id ? id : entry->dir;
}
