/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profile text in fstab syntax, both ways.
 *
 * libmount is the reference for the syntax, but it skips a line that it does not
 * understand, and takes much that nobody meant (octal NUL, NBSP as a part of a name).
 * So every line goes through our own, stricter tokeniser first, and libmount must then
 * find exactly the same strings.
 */
#include <errno.h>
#include <libmount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "base/vec.h"
#include "profile/check.h"
#include "profile/dialect.h"
#include "profile/profile.h"
#include "profile/text.h"

#define MAX_FIELDS 7 /* one more than there may be, to tell that there are too many */

enum field { SOURCE, TARGET, TYPE, OPTIONS, FREQ, PASSNO, REST };

static const char *const field_names[MAX_FIELDS] = { "source",	"target", "type",
						     "options", "freq",	  "passno",
						     "line" };

/* What an entry was before it was translated. */
struct original {
	size_t place;
	const char *source, *type, *options;
};

struct parser {
	const struct om_profile_args *args;
	struct om_error *e;
	OM_VEC(struct om_entry) entries;
	OM_VEC(struct original) originals;
	char *arena; /* the next free byte; large enough by construction */
	unsigned line;
};

struct fields {
	char *v[MAX_FIELDS]; /* decoded, in the arena */
	size_t n;
	bool comment; /* a field behind the first starts with '#' */
};

static int fail(struct parser *ps, const char *field, int rc)
{
	om_error_where(ps->e, ps->args->name, ps->line, 0, field);
	return rc;
}

static int fail_line(struct parser *ps, const char *reason)
{
	return fail(ps, "line",
		    om_fail(ps->e, OM_ERR_INPUT, -EINVAL, "cannot read line: %s",
			    reason));
}

/* Value of the escape at p (behind the backslash), or the reason why it is none. */
static const char *read_escape(const char *p, size_t n, char *ret)
{
	unsigned value = 0;
	size_t digits = 0;

	while (digits < 3 && digits < n && p[digits] >= '0' && p[digits] <= '7')
		value = value * 8 + (unsigned)(p[digits++] - '0');
	if (n == 0)
		return "unfinished escape";
	if (digits < 3)
		return digits == n ? "unfinished escape" : "bad escape";
	if (value == 0)
		return "octal \\000 (NUL) is not allowed";
	if (value > 0377)
		return "octal value above \\377";
	*ret = (char)value;
	return NULL;
}

static int decode(struct parser *ps, const char *raw, size_t n, const char *field,
		  char **ret)
{
	char *start = ps->arena, *out = start, buf[OM_REASON_SIZE];
	const char *reason = NULL;

	for (size_t i = 0; i < n && !reason; i++) {
		if (raw[i] != '\\') {
			*out++ = raw[i];
			continue;
		}
		reason = read_escape(raw + i + 1, n - i - 1, out++);
		i += 3;
	}
	if (reason) {
		(void)snprintf(start, n + 1, "%.*s", (int)n, raw);
	} else {
		*out++ = '\0';
		reason = om_text_unfit(buf, start);
	}
	if (reason)
		return fail(ps, field,
			    om_fail(ps->e, OM_ERR_INPUT, -EINVAL, "cannot read %s: %s",
				    OM_Q(start), reason));
	ps->arena = out;
	*ret = start;
	return 0;
}

static int split(struct parser *ps, const char *line, size_t size, struct fields *f)
{
	size_t i = 0;

	while (f->n < MAX_FIELDS) {
		size_t start;
		int rc;

		while (i < size && (line[i] == ' ' || line[i] == '\t'))
			i++;
		if (i == size)
			return 0;
		if (line[i] == '#' && f->n == 0)
			return 0;
		if (line[i] == '#')
			f->comment = true;
		start = i;
		while (i < size && line[i] != ' ' && line[i] != '\t')
			i++;
		rc = decode(ps, line + start, i - start, field_names[f->n], &f->v[f->n]);
		if (rc < 0)
			return rc;
		f->n++;
	}
	return 0;
}

static int check_count(struct parser *ps, const struct fields *f)
{
	if (f->comment && f->n > TYPE)
		return fail_line(ps, "comments must start the line");
	if (f->n == MAX_FIELDS)
		return fail_line(ps, "unexpected text after passno");
	if (f->n == OPTIONS)
		return fail_line(ps, "options missing: expected 4 to 6 fields, found 3");
	if (f->n < OPTIONS)
		return fail_line(ps, f->n == 1 ? "expected 4 to 6 fields, found 1"
					       : "expected 4 to 6 fields, found 2");
	/* snapd and libmount ignore these two; we do not ignore what was meant. */
	for (size_t i = FREQ; i < f->n; i++)
		if (!om_streq(f->v[i], "0"))
			return fail(ps, field_names[i],
				    om_fail(ps->e, OM_ERR_INPUT, -EINVAL,
					    "cannot use %s: want 0", OM_Q(f->v[i])));
	return 0;
}

static int fail_memory(struct parser *ps)
{
	return om_fail_errno(ps->e, OM_ERR_SYSTEM, -ENOMEM, "cannot read the profile");
}

static int translate(struct parser *ps, struct om_entry *entry)
{
	const struct original original = { ps->entries.n, entry->source, entry->type,
					   entry->options };
	_cleanup_str_ struct om_str options = { 0 };
	const char *field;
	int rc = om_dialect_translate(entry, ps->args, &options, &field, ps->e);

	if (rc == -EINVAL)
		return fail(ps, field, rc);
	if (rc < 0 || om_vec_push(&ps->originals, original) < 0)
		return fail_memory(ps);
	entry->options = memcpy(ps->arena, options.s, options.len + 1);
	ps->arena += options.len + 1;
	return 0;
}

static int read_entry(struct parser *ps, const struct fields *f)
{
	struct om_entry entry = {
		.source = f->v[SOURCE],
		.target = f->v[TARGET],
		.type = f->v[TYPE],
		.options = f->v[OPTIONS],
		.mode = OM_MODE_UNSET,
		.line = ps->line,
	};
	const char *field;
	char *scratch;
	size_t size;
	int rc = om_dialect_is(&entry) ? translate(ps, &entry) : 0;

	if (rc < 0)
		return rc;
	size = strlen(entry.options) + 1;
	scratch = memcpy(ps->arena, entry.options, size);
	ps->arena += size;
	rc = om_entry_complete(&entry, scratch, &field, ps->e);
	if (rc < 0)
		return fail(ps, field, rc);
	if (ps->entries.n == OM_MAX_ENTRIES)
		return fail_line(ps, "more than 4096 entries");
	return om_vec_push(&ps->entries, entry) < 0 ? fail_memory(ps) : 0;
}

static int read_line(struct parser *ps, const char *line, size_t size)
{
	struct fields f = { 0 };
	const char *nul;
	int rc;

	if (size > OM_MAX_LINE)
		return fail_line(ps, "longer than 65535 bytes");
	nul = memchr(line, '\0', size);
	if (nul)
		return fail(ps, "line",
			    om_fail(ps->e, OM_ERR_INPUT, -EINVAL,
				    "cannot read line: NUL byte at column %zu",
				    (size_t)(nul - line) + 1));
	if (size > 0 && line[size - 1] == '\r')
		return fail_line(ps, "line ends with carriage return (DOS file?)");
	if (ps->line == 1 && size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		return fail_line(ps, "byte-order mark");
	rc = split(ps, line, size, &f);
	if (rc < 0 || f.n == 0)
		return rc;
	rc = check_count(ps, &f);
	if (rc < 0)
		return rc;
	return read_entry(ps, &f);
}

static int read_lines(struct parser *ps, const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		int rc;

		ps->line++;
		rc = read_line(ps, text, (size_t)(stop - text));
		if (rc < 0)
			return rc;
		text = stop + 1;
	}
	return 0;
}

static void unref_table(struct libmnt_table **table)
{
	mnt_unref_table(*table);
}

static void free_iter(struct libmnt_iter **iter)
{
	mnt_free_iter(*iter);
}

static bool is_same(const struct parser *ps, struct libmnt_fs *fs, size_t place,
		    size_t *next)
{
	const struct om_entry *entry = &ps->entries.v[place];
	struct original o = { place, entry->source, entry->type, entry->options };

	if (*next < ps->originals.n && ps->originals.v[*next].place == place)
		o = ps->originals.v[(*next)++];
	return om_streq(mnt_fs_get_source(fs), o.source) &&
	       om_streq(mnt_fs_get_target(fs), entry->target) &&
	       om_streq(mnt_fs_get_fstype(fs), o.type) &&
	       om_streq(mnt_fs_get_options(fs), o.options) && mnt_fs_get_freq(fs) == 0 &&
	       mnt_fs_get_passno(fs) == 0;
}

/* libmount must see what we saw, or one of the two is wrong. */
static int check_with_libmount(struct parser *ps, const char *text, size_t size)
{
	_cleanup_(unref_table) struct libmnt_table *table = mnt_new_table();
	_cleanup_(free_iter) struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	/* The cast drops a const that "r" keeps. */
	_cleanup_fclose_ FILE *f = fmemopen((void *)(uintptr_t)text, size, "r");
	struct libmnt_fs *fs;
	size_t n = 0, next = 0;

	if (!table || !iter || !f)
		return fail_memory(ps);
	if (mnt_table_parse_stream(table, f, ps->args->name) != 0)
		return om_fail(
			ps->e, OM_ERR_INTERNAL, -EINVAL,
			"cannot read the profile: libmount refuses what we accept");
	while (mnt_table_next_fs(table, iter, &fs) == 0 && n < ps->entries.n)
		if (!is_same(ps, fs, n++, &next)) {
			ps->line = ps->entries.v[n - 1].line;
			return fail(
				ps, "line",
				om_fail(ps->e, OM_ERR_INTERNAL, -EINVAL,
					"cannot read line: libmount reads it differently"));
		}
	if (n != ps->entries.n || mnt_table_get_nents(table) != (int)n)
		return om_fail(
			ps->e, OM_ERR_INTERNAL, -EINVAL,
			"cannot read the profile: libmount finds %d entries, we find %zu",
			mnt_table_get_nents(table), ps->entries.n);
	return 0;
}

static int parse(struct parser *ps, struct om_profile *p, const char *text, size_t size)
{
	int rc = read_lines(ps, text, size);

	p->entries = ps->entries.v;
	p->n = ps->entries.n;
	if (rc < 0 || p->n == 0)
		return rc;
	rc = check_with_libmount(ps, text, size);
	if (rc < 0)
		return rc;
	return om_profile_check(p, ps->e);
}

/*
 * Each byte at most twice: decoded, and cut at the commas; plus the ends.  What the dialect
 * says in few bytes takes up to three times as many, twice.
 */
static size_t arena_size(const struct om_profile_args *args)
{
	bool dialect = memmem(args->text, args->size, "x-snap-", 7) != NULL;

	return (dialect ? 8 : 2) * args->size + 4;
}

int om_profile_read(const struct om_profile_args *args, struct om_profile **ret,
		    struct om_error *e)
{
	_cleanup_profile_ struct om_profile *p = NULL;
	struct parser ps = { .args = args, .e = e };
	int rc;

	if (args->size > OM_MAX_PROFILE_SIZE) {
		rc = om_fail(e, OM_ERR_INPUT, -EINVAL,
			     "cannot read the profile: larger than 1 MiB");
		om_error_where(e, args->name, 0, 0, NULL);
		return rc;
	}
	p = calloc(1, sizeof(*p));
	if (p) {
		p->arena = malloc(arena_size(args));
		p->name = strdup(args->name);
	}
	if (!p || !p->arena || !p->name)
		return fail_memory(&ps);
	ps.arena = p->arena;
	rc = parse(&ps, p, args->text, args->size);
	om_vec_free(&ps.originals);
	if (rc < 0)
		return rc;
	*ret = TAKE_PTR(p);
	return 0;
}

int om_profile_parse(const char *name, const char *text, size_t size,
		     struct om_profile **ret, struct om_error *e)
{
	const struct om_profile_args args = { .name = name, .text = text, .size = size };

	return om_profile_read(&args, ret, e);
}

bool om_profile_wants_names(const char *text, size_t size)
{
	return memmem(text, size, "x-snap-user:", 12) ||
	       memmem(text, size, "x-snap-group:", 13);
}

struct om_profile *om_profile_free(struct om_profile *p)
{
	if (p) {
		free(p->entries);
		free(p->name);
		free(p->arena);
		free(p);
	}
	return NULL;
}

static void add_escaped(struct om_str *out, const char *text, const char *if_empty)
{
	if (!text || !*text)
		text = if_empty;
	while (*text) {
		size_t n = strcspn(text, " \t\n\\");

		om_str_add_n(out, text, n);
		text += n;
		if (*text)
			om_str_addf(out, "\\%03o", (unsigned char)*text++);
	}
}

void om_entry_print(const struct om_entry *entry, struct om_str *out)
{
	add_escaped(out, entry->source, "none");
	om_str_add(out, " ");
	add_escaped(out, entry->target, "none");
	om_str_add(out, " ");
	add_escaped(out, entry->type, "none");
	om_str_add(out, " ");
	add_escaped(out, entry->options, "defaults");
	om_str_add(out, " 0 0");
}

void om_profile_print(const struct om_profile *p, struct om_str *out)
{
	for (size_t i = 0; i < p->n; i++) {
		om_entry_print(&p->entries[i], out);
		om_str_add(out, "\n");
	}
}

const char *om_entry_kind_name(enum om_entry_kind kind)
{
	static const char *const names[_OM_ENTRY_MAX] = {
		[OM_ENTRY_BIND_DIR] = "bind", [OM_ENTRY_BIND_FILE] = "bind-file",
		[OM_ENTRY_TMPFS] = "tmpfs",   [OM_ENTRY_SYMLINK] = "symlink",
		[OM_ENTRY_HIDE] = "hide",
	};

	return kind < _OM_ENTRY_MAX ? names[kind] : "unknown";
}
