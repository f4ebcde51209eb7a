/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See wish.h.  All that a profile can say is here a second time, in another direction: from
 * what is meant to the text, which the parser has to take back.
 */
#include "property/wish.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "profile/check.h"
#include "property/world.h"

#define N(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))
#define MAX_WORDS 32

/* --- words ----------------------------------------------------------------------------- */

static struct {
	const char *name;
	unsigned n; /* entries that had it */
} vocabulary[] = {
	{ "defaults", 0 },
	{ "rw", 0 },
	{ "ro", 0 },
	{ "suid", 0 },
	{ "nosuid", 0 },
	{ "dev", 0 },
	{ "nodev", 0 },
	{ "exec", 0 },
	{ "noexec", 0 },
	{ "noatime", 0 },
	{ "relatime", 0 },
	{ "strictatime", 0 },
	{ "nodiratime", 0 },
	{ "bind", 0 },
	{ "rbind", 0 },
	{ "private", 0 },
	{ "rprivate", 0 },
	{ "slave", 0 },
	{ "rslave", 0 },
	{ "mode", 0 },
	{ "uid", 0 },
	{ "gid", 0 },
	{ "size", 0 },
	{ "nr_inodes", 0 },
	{ "x-snapd.kind", 0 },
	{ "x-snapd.symlink", 0 },
	{ "x-snapd.id", 0 },
	{ "x-snapd.needed-by", 0 },
	{ "x-snapd.synthetic", 0 },
	{ "x-snapd.origin", 0 },
	{ "x-snapd.detach", 0 },
	{ "x-snapd.mode", 0 },
	{ "x-snapd.uid", 0 },
	{ "x-snapd.gid", 0 },
	{ "x-snapd.user", 0 },
	{ "x-snapd.group", 0 },
	{ "x-overmount.create-source", 0 },
	{ "x-overmount.hide", 0 },
};

struct words {
	struct choices *c;
	const char *v[MAX_WORDS];
	uint32_t n;
};

static void count_word(const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; i < N(vocabulary); i++)
		if (strncmp(word, vocabulary[i].name, n) == 0 &&
		    vocabulary[i].name[n] == '\0') {
			vocabulary[i].n++;
			return;
		}
	abort();
}

const char *wishes_rare_option(unsigned least)
{
	for (size_t i = 0; i < N(vocabulary); i++)
		if (vocabulary[i].n < least)
			return vocabulary[i].name;
	return NULL;
}

static void add_word(struct words *w, const char *format, ...) _printf_(2, 3);
static void add_word(struct words *w, const char *format, ...)
{
	static char text[OM_MAX_PATH + 64];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (w->n == MAX_WORDS)
		abort();
	count_word(text);
	w->v[w->n++] = pool_text(text);
}

/* In any order, with commas. */
static const char *join(struct words *w)
{
	struct om_str s = { 0 };
	const char *joined;

	for (uint32_t i = 0; i < w->n; i++) {
		uint32_t k = i + draw(w->c, w->n - i);
		const char *word = w->v[k];

		w->v[k] = w->v[i];
		w->v[i] = word;
		om_str_addf(&s, "%s%s", i ? "," : "", word);
	}
	joined = pool_text(om_str_get(&s));
	om_str_free(&s);
	return joined;
}

/* --- names ----------------------------------------------------------------------------- */

/* All that AppArmor and variables do not claim. */
static const char fit[] = " !#%&'()+,-./0123456789:;<=>ABCXYZ\\_`abcxyz|~";
static const char *const odd_names[] = {
	" ",
	"x y",
	"\\",
	"\\040",
	"\\134",
	"a\\",
	"-rf",
	"#c",
	"=",
	",",
	":",
	"...",
	"..x",
	".x",
	"none",
	"defaults",
	"(d)",
	"%20",
	"\xc3\xa9",
	"\xc2\xa1",
	"~",
	"'",
	"tmpfs",
	"0",
	"a,b",
	"UUID=x",
	"e\xcc\x81",
	"\xef\xbf\xbd",
	"bind",
	"a=b",
	"&<>|;",
	"x-y.z",
	"\xe6\x97\xa5\xe6\x9c\xac",
	"\xf0\x9f\x98\x80",
};

static const char *draw_characters(struct choices *c)
{
	uint32_t n = 1 + draw(c, 6);
	char *text = pool_room(8);

	for (uint32_t i = 0; i < n; i++)
		text[i] = fit[draw(c, N(fit) - 1)];
	text[n] = '\0';
	for (char *p = text; *p; p++)
		*p = *p == '/' ? '_' : *p;
	return om_streq(text, ".") || om_streq(text, "..") ? "a" : text;
}

static const char *draw_name(struct choices *c)
{
	static const char *const plain[] = { "a", "b", "c", "usr", "share", "foo" };
	uint32_t how = draw(c, 12);
	char *name;

	if (how < 6)
		return plain[how];
	if (how < 9)
		return odd_names[draw(c, N(odd_names))];
	if (how < 11 || !draw_percent(c, 20))
		return draw_characters(c);
	name = pool_room(OM_MAX_COMPONENT + 1);
	memset(name, 'l', OM_MAX_COMPONENT);
	name[OM_MAX_COMPONENT] = '\0';
	return name;
}

static const char *draw_path(struct choices *c)
{
	char *path = pool_room(OM_MAX_PATH + 1);
	uint32_t depth = 1 + draw(c, 4);
	size_t len = 0;

	if (draw_percent(c, 1))
		depth = 1 + draw(c, OM_MAX_DEPTH - 2);
	while (depth-- > 0) {
		const char *name = draw_name(c);

		/* What makes it unlike others comes in front. */
		if (len + strlen(name) + 16 > OM_MAX_PATH)
			break;
		len += (size_t)sprintf(path + len, "/%s", name);
	}
	return path;
}

static bool is_taken(const struct wishes *w, const char *path)
{
	for (size_t i = 0; i < w->n; i++)
		if (om_streq(w->v[i].target, path))
			return true;
	return om_profile_is_reserved(path);
}

static const char *draw_target(struct wishes *w, struct choices *c)
{
	const char *path = draw_path(c);

	for (unsigned i = 0; is_taken(w, path); i++) {
		char *other = pool_room(strlen(path) + 12);

		(void)sprintf(other, "/t%u%s", i, path);
		path = other;
	}
	return path;
}

/* --- what an entry says ---------------------------------------------------------------- */

static bool is_bind(const struct om_entry *e)
{
	return e->kind == OM_ENTRY_BIND_DIR || e->kind == OM_ENTRY_BIND_FILE;
}

static void draw_origin(struct om_entry *e, struct words *w)
{
	static const char *const names[] = { [OM_ORIGIN_LAYOUT] = "layout",
					     [OM_ORIGIN_OVERNAME] = "overname",
					     [OM_ORIGIN_ROOTFS] = "rootfs" };
	static const enum om_origin origins[] = { OM_ORIGIN_GENERAL, OM_ORIGIN_LAYOUT,
						  OM_ORIGIN_OVERNAME, OM_ORIGIN_ROOTFS };

	e->origin = origins[draw(w->c, N(origins))];
	if (e->origin != OM_ORIGIN_GENERAL)
		add_word(w, "x-snapd.origin=%s", names[e->origin]);
}

/* One of some words, or none. */
static uint32_t draw_word(struct words *w, uint32_t percent, const char *const *names,
			  uint32_t n)
{
	uint32_t i;

	if (!draw_percent(w->c, percent))
		return UINT32_MAX;
	i = draw(w->c, n);
	add_word(w, "%s", names[i]);
	return i;
}

static void draw_attributes(struct om_entry *e, struct words *w)
{
	static const char *const
		write[] = { "rw", "ro" },
		*const suid[] = { "suid", "nosuid" }, *const dev[] = { "dev", "nodev" },
		*const exec[] = { "exec", "noexec" }, *const dir[] = { "nodiratime" };
	static const char *const atime[] = { "noatime", "relatime", "strictatime" };
	static const unsigned atimes[] = { OM_ATTR_NOATIME, OM_ATTR_RELATIME,
					   OM_ATTR_STRICTATIME };
	static const char *const propagation[] = { "private", "rprivate", "slave",
						   "rslave" };
	uint32_t i;

	e->attr |= draw_word(w, 40, write, 2) == 1 ? OM_ATTR_RDONLY : 0;
	e->attr |= draw_word(w, 20, suid, 2) == 1 ? OM_ATTR_NOSUID : 0;
	e->attr |= draw_word(w, 20, dev, 2) == 1 ? OM_ATTR_NODEV : 0;
	e->attr |= draw_word(w, 20, exec, 2) == 1 ? OM_ATTR_NOEXEC : 0;
	e->attr |= draw_word(w, 10, dir, 1) == 0 ? OM_ATTR_NODIRATIME : 0;
	i = draw_word(w, 20, atime, 3);
	e->attr |= i < 3 ? atimes[i] : 0;
	i = draw_word(w, 20, propagation, 4);
	if (i < 4)
		e->propagation = i < 2 ? OM_PROPAGATION_PRIVATE : OM_PROPAGATION_SLAVE;
}

/* One owner under one name or several. */
static uid_t draw_owner(struct words *w, bool tmpfs, const char *id, const char *user)
{
	static const uid_t ids[] = { 0, 1, 1000, 65534, UINT32_MAX - 1 };
	uid_t owner = ids[draw(w->c, N(ids))];
	bool any = false;

	if (tmpfs && draw_percent(w->c, 30)) {
		add_word(w, "%s=%u", id, owner);
		any = true;
	}
	if (draw_percent(w->c, 20)) {
		add_word(w, "x-snapd.%s=%u", id, owner);
		any = true;
	}
	if (draw_percent(w->c, 20)) {
		add_word(w, "x-snapd.%s=%u", user, owner);
		any = true;
	}
	return any ? owner : 0;
}

static void draw_mode(struct om_entry *e, struct words *w)
{
	static const mode_t modes[] = { 0755, 0, 0700, 01777, 0644, 01000, 0777, 07 };
	mode_t mode = modes[draw(w->c, N(modes))];

	if (e->kind == OM_ENTRY_TMPFS && draw_percent(w->c, 50)) {
		add_word(w, "mode=%.*s%o", (int)draw(w->c, 3), "00", mode);
		e->mode = mode;
	}
	if (draw_percent(w->c, 30)) {
		add_word(w, "x-snapd.mode=0%o", mode);
		e->mode = mode;
	}
	if (e->mode == OM_MODE_UNSET && e->kind == OM_ENTRY_TMPFS &&
	    e->origin == OM_ORIGIN_LAYOUT)
		e->mode = 0755;
}

static void draw_limits(struct om_entry *e, struct words *w)
{
	static const char units[] = "kmgtKMGT";
	uint64_t n = 1 + draw(w->c, 1000);
	uint32_t unit;

	if (draw_percent(w->c, 50)) {
		unit = draw(w->c, 9);
		e->size = n << (unit == 0 ? 0 : 10 * ((unit - 1) % 4 + 1));
		if (unit == 0)
			add_word(w, "size=%llu", (unsigned long long)n);
		else
			add_word(w, "size=%llu%c", (unsigned long long)n,
				 units[unit - 1]);
	}
	if (draw_percent(w->c, 30)) {
		e->inodes = 1 + draw(w->c, 100000);
		add_word(w, "nr_inodes=%llu", (unsigned long long)e->inodes);
	}
}

/* What an option can hold: no comma, and no quote, which is nowhere here. */
static const char *draw_value(struct choices *c)
{
	char *value = strcpy(pool_room(OM_MAX_PATH + 1), draw_path(c));

	/* The first character of a link's content may be any. */
	if (draw_percent(c, 30))
		value++;
	for (char *p = value; *p; p++)
		*p = *p == ',' ? ';' : *p;
	return value;
}

static void draw_bookkeeping(struct wishes *w, size_t i, struct words *words)
{
	struct om_entry *e = &w->v[i];
	size_t needs = i + 1 + draw(words->c, MAX_WISHES);

	if (e->id != e->target)
		add_word(words, "x-snapd.id=%s", e->id);
	/* Who comes later needs it, so that there is no circle. */
	if (needs < w->n && draw_percent(words->c, 40) && !strchr(w->v[needs].id, ',')) {
		e->needed_by = w->v[needs].id;
		add_word(words, "x-snapd.needed-by=%s", e->needed_by);
	}
	if (e->kind == OM_ENTRY_HIDE)
		return;
	e->synthetic = draw_percent(words->c, 10);
	e->detach = draw_percent(words->c, 10);
	if (e->synthetic)
		add_word(words, "x-snapd.synthetic");
	if (e->detach)
		add_word(words, "x-snapd.detach");
}

static void draw_kind_words(struct om_entry *e, struct words *w)
{
	switch (e->kind) {
	case OM_ENTRY_BIND_FILE:
		add_word(w, "x-snapd.kind=file");
		/* fall through */
	case OM_ENTRY_BIND_DIR:
		e->recursive = draw_percent(w->c, 50);
		add_word(w, "%s", e->recursive ? "rbind" : "bind");
		e->create_source = draw_percent(w->c, 10);
		if (e->create_source)
			add_word(w, "x-overmount.create-source");
		break;
	case OM_ENTRY_TMPFS:
		draw_limits(e, w);
		break;
	case OM_ENTRY_SYMLINK:
		e->symlink = draw_value(w->c);
		add_word(w, "x-snapd.kind=symlink");
		add_word(w, "x-snapd.symlink=%s", e->symlink);
		break;
	case OM_ENTRY_HIDE:
		add_word(w, "x-overmount.hide");
		break;
	case _OM_ENTRY_MAX:
		abort();
	}
}

static void draw_options(struct wishes *wishes, size_t i, struct choices *c)
{
	struct om_entry *e = &wishes->v[i];
	struct words w = { .c = c };

	draw_kind_words(e, &w);
	draw_origin(e, &w);
	draw_bookkeeping(wishes, i, &w);
	if (om_entry_is_mount(e))
		draw_attributes(e, &w);
	if (e->kind != OM_ENTRY_HIDE) {
		draw_mode(e, &w);
		e->uid = draw_owner(&w, e->kind == OM_ENTRY_TMPFS, "uid", "user");
		e->gid = draw_owner(&w, e->kind == OM_ENTRY_TMPFS, "gid", "group");
	}
	if (w.n == 0 || draw_percent(c, 5))
		add_word(&w, "defaults");
	e->options = join(&w);
}

/* --- entries --------------------------------------------------------------------------- */

static void draw_entry(struct wishes *w, struct choices *c)
{
	static const char *const tmpfs[] = { "tmpfs", "none" };
	struct om_entry *e = &w->v[w->n];

	*e = (struct om_entry){ .type = "none", .source = "none", .mode = OM_MODE_UNSET };
	e->kind = (enum om_entry_kind)draw(c, _OM_ENTRY_MAX);
	e->target = draw_target(w, c);
	e->id = e->target;
	if (draw_percent(c, 10)) {
		const char *value = draw_value(c);
		char *id = pool_room(strlen(value) + 16);

		(void)sprintf(id, "i%zu%s", w->n, value);
		e->id = id;
	}
	if (e->kind == OM_ENTRY_TMPFS) {
		e->type = "tmpfs";
		e->source = tmpfs[draw(c, 2)];
	} else if (is_bind(e)) {
		e->source = draw_path(c);
	}
	w->n++;
}

static bool is_circle(const struct om_entry *a, const struct om_entry *b)
{
	return is_bind(b) && om_path_is_under(a->source, b->target) &&
	       om_path_is_under(b->source, a->target);
}

/* Binds that have each other in their sources, or are bound onto themselves. */
static void part_circles(struct wishes *w)
{
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; is_bind(&w->v[i]) && k < w->n; k++)
			if (i == k ? om_streq(w->v[i].source, w->v[i].target)
				   : is_circle(&w->v[i], &w->v[k]))
				w->v[i].source = "/not-in-any-target";
}

/* --- text ------------------------------------------------------------------------------ */

static void add_field(struct om_str *out, const char *text, struct choices *c)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz/";
	uint32_t how = strlen(text) < 2000 ? draw(c, 4) : 0;

	for (; *text; text++) {
		bool must = *text == ' ' || *text == '\\';

		if (must || how == 3 || (how == 2 && !strchr(letters, *text)))
			om_str_addf(out, "\\%03o", (unsigned char)*text);
		else
			om_str_add_n(out, text, 1);
	}
}

static void add_line(struct om_str *out, const struct om_entry *e, struct choices *c)
{
	static const char *const before[] = { "",    "\n", "# comment\n", "  \t# #\n\n",
					      "\t ", " " };
	static const char *const blanks[] = { " ", "\t", "  ", " \t " };
	static const char *const numbers[] = { " 0 0", "", " 0", "\t0  0", " 0 0 \t" };
	const char *const fields[] = { e->source, e->target, e->type, e->options };
	const char *blank = blanks[draw(c, N(blanks))];

	om_str_add(out, before[draw(c, N(before))]);
	for (size_t i = 0; i < N(fields); i++) {
		om_str_add(out, i ? blank : "");
		add_field(out, fields[i], c);
	}
	om_str_addf(out, "%s\n", numbers[draw(c, N(numbers))]);
}

void wishes_make(struct wishes *w, struct choices *c)
{
	/* First, so that the shrinker finds it. */
	uint32_t n = draw(c, MAX_WISHES + 1);

	*w = (struct wishes){ 0 };
	pool_reset();
	while (n-- > 0)
		draw_entry(w, c);
	part_circles(w);
	for (size_t i = 0; i < w->n; i++) {
		draw_options(w, i, c);
		add_line(&w->text, &w->v[i], c);
	}
	if (w->text.len > 0 && draw_percent(c, 10))
		om_str_cut(&w->text, w->text.len - 1);
	if (w->text.err < 0)
		abort();
}

void wishes_done(struct wishes *w)
{
	om_str_free(&w->text);
}

void text_damage(struct om_str *text, struct choices *c)
{
	static const char *const pieces[] = {
		"\\",
		"\\0",
		"\\000",
		"\\040",
		"\\777",
		" ",
		"\t",
		"\n",
		"\r",
		"#",
		",",
		",,",
		"=",
		"\"",
		"/",
		"//",
		"/../",
		"/.",
		"\xff",
		"\xc3",
		"\x1b",
		"$",
		"*",
		"none",
		"bind",
		"0",
		"-1",
		"\v",
		"\xc2\xa0",
		"\xe2\x80\x8b",
		"\xef\xbb\xbf",
		"ro",
		"x-snapd.id=",
		"mode=",
	};
	uint32_t n = 1 + draw(c, 4);

	while (n-- > 0 && text->len > 0) {
		size_t at = draw(c, (uint32_t)text->len + 1);
		size_t cut = draw(c, 3) * draw(c, 4), rest;
		const char *piece = draw_percent(c, 70) ? pieces[draw(c, N(pieces))] : "";
		char *tail;

		if (cut > text->len - at)
			cut = text->len - at;
		rest = text->len - at - cut;
		tail = pool_room(rest + 1);
		memcpy(tail, text->s + at + cut, rest);
		om_str_cut(text, at);
		om_str_add(text, piece);
		om_str_add_n(text, tail, rest);
	}
}

const char *entry_difference(const struct om_entry *a, const struct om_entry *b)
{
	const struct {
		const char *name;
		bool same;
	} members[] = {
		{ "kind", a->kind == b->kind },
		{ "origin", a->origin == b->origin },
		{ "source", om_streq(a->source, b->source) },
		{ "target", om_streq(a->target, b->target) },
		{ "type", om_streq(a->type, b->type) },
		{ "options", om_streq(a->options, b->options) },
		{ "symlink",
		  om_streq(a->symlink ? a->symlink : "", b->symlink ? b->symlink : "") },
		{ "recursive", a->recursive == b->recursive },
		{ "create_source", a->create_source == b->create_source },
		{ "attr", a->attr == b->attr },
		{ "propagation", a->propagation == b->propagation },
		{ "mode", a->mode == b->mode },
		{ "uid", a->uid == b->uid },
		{ "gid", a->gid == b->gid },
		{ "size", a->size == b->size },
		{ "inodes", a->inodes == b->inodes },
		{ "id", om_streq(a->id, b->id) },
		{ "needed_by", om_streq(a->needed_by ? a->needed_by : "",
					b->needed_by ? b->needed_by : "") },
		{ "synthetic", a->synthetic == b->synthetic },
		{ "detach", a->detach == b->detach },
	};

	for (size_t i = 0; i < N(members); i++)
		if (!members[i].same)
			return members[i].name;
	return NULL;
}
