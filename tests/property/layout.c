/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties of layouts: a real snap.yaml (tests/corpus) that a hand has damaged is refused
 * in words that name a place in it, in both modes; or our own mode makes a profile of it that
 * reads back, and snapd's mode prints the same bytes.  Controls must be found, and made small.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdio.h"
#include "base/vec.h"
#include "layout/layout.h"
#include "property/report.h"
#include "property/wish.h"
#include "property/world.h"

enum sabotage {
	SABOTAGE_NOTHING,
	SABOTAGE_MODE,	/* snapd's mode is taken for ours */
	SABOTAGE_BYTES, /* snapd's mode forgets an origin */
	SABOTAGE_PLACE, /* messages have lost their line */
};

static struct counts {
	unsigned refused, accepted, by_snapd_only;
} counts;

/* --- documents ------------------------------------------------------------------------- */

static char *all; /* owned */
static OM_VEC(const char *) documents;

static bool load(void)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/tests/corpus/variants.yaml",
		       top ? top : ".");
	if (om_read_file(AT_FDCWD, path, 1 << 20, &all, &size) < 0)
		return false;
	for (const char *p = all; p; p = strstr(p + 1, "\n---"))
		if (om_vec_push(&documents, p + (*p == '\n')) < 0)
			return false;
	return documents.n == 467;
}

static void unload(void)
{
	om_vec_free(&documents);
	free(all);
}

/* What YAML has and profiles have not. */
static void damage_yaml(struct om_str *text, struct choices *c)
{
	static const char *const pieces[] = {
		"&a ",
		"*a",
		"!!str ",
		"!x ",
		"- ",
		": ",
		":",
		"{",
		"}",
		"[",
		"]",
		"|\n",
		">\n",
		"'",
		"\"",
		"\\x1b",
		"\"/usr/\\0\"",
		"? ",
		"---\n",
		"...\n",
		"%YAML 1.1\n",
		"\t",
		"#",
		"<<: ",
		"~",
		"null",
		"$SNAP1",
		"${SNAP}",
		"name:",
		"layout:",
		"\n  /usr/x: ",
		"bind-file",
		"symlink",
		"type: tmpfs",
		", mode: 1777",
		"$SNAP/a,b",
		"/../",
		"//",
		"\xe2\x80\xa8",
		"\xc2\x85",
		"@",
	};
	uint32_t n = draw(c, 3);

	while (n-- > 0) {
		size_t at = draw(c, (uint32_t)text->len + 1), rest = text->len - at;
		char *tail = pool_room(rest + 1);

		memcpy(tail, text->s + at, rest);
		om_str_cut(text, at);
		om_str_add(text, pieces[draw(c, sizeof(pieces) / sizeof(pieces[0]))]);
		om_str_add_n(text, tail, rest);
	}
}

static void make(struct om_str *text, struct choices *c)
{
	const char *start = documents.v[draw(c, (uint32_t)documents.n)];
	const char *end = strstr(start, "\n---");
	size_t n = end ? (size_t)(end + 1 - start) : strlen(start);

	pool_reset();
	om_str_add_n(text, start, n);
	damage_yaml(text, c);
	if (draw_percent(c, 40))
		text_damage(text, c);
	if (text->err < 0)
		abort();
}

/* --- checks ---------------------------------------------------------------------------- */

static int print(const struct om_str *text, bool snapd, struct om_error_list *errors,
		 struct om_str *out, struct om_error *e)
{
	const struct om_layout_args args = { .file = "y",
					     .text = om_str_get(text),
					     .size = text->len,
					     .name = "app",
					     .revision = "7",
					     .snapd = snapd,
					     .errors = errors };

	return om_layout_print(&args, out, e);
}

/* Every message blames the document, is behind a place in it, and can be shown. */
static const char *check_errors(const struct om_error_list *errors,
				const struct om_str *out)
{
	if (errors->n == 0)
		return "nobody knows why";
	if (out->len > 0)
		return "it is refused, and something is printed";
	for (size_t i = 0; i < errors->n; i++) {
		const struct om_error *e = &errors->v[i];

		if (e->kind != OM_ERR_INPUT)
			return "the input is not blamed";
		if (e->line == 0 || !om_startswith(e->where, "y:") ||
		    !om_startswith(e->message, "cannot "))
			return "no place, or no words";
		for (const char *p = e->message; *p; p++)
			if (!isprint((unsigned char)*p))
				return "the message cannot be shown";
		if (i > 0 && e->line < errors->v[i - 1].line)
			return "not in the order of the lines";
	}
	return NULL;
}

static const char *check_profile(const struct om_str *printed)
{
	_cleanup_profile_ struct om_profile *p = NULL;
	_cleanup_str_ struct om_str again = { 0 };

	if (om_profile_parse("p", om_str_get(printed), printed->len, &p, NULL) < 0)
		return "what it becomes is no profile";
	om_profile_print(p, &again);
	return om_streq(om_str_get(&again), om_str_get(printed))
		       ? NULL
		       : "it is printed otherwise";
}

/* The one thing that we permit and snapd does not. */
static bool has_owner(const struct om_str *printed)
{
	return strstr(om_str_get(printed), "x-snapd.uid=") ||
	       strstr(om_str_get(printed), "x-snapd.gid=");
}

static const char *compare_modes(const struct om_str *ours, int snapd_r,
				 const struct om_str *snapds, enum sabotage sabotage)
{
	const char *theirs = om_str_get(snapds);

	if (has_owner(ours))
		return NULL;
	if (snapd_r < 0)
		return "snapd refuses what we accept";
	if (sabotage == SABOTAGE_BYTES && strstr(theirs, "x-snapd.kind=symlink"))
		return "the modes print other bytes";
	return om_streq(om_str_get(ours), theirs) ? NULL : "the modes print other bytes";
}

static const char *check_text(const struct om_str *text, enum sabotage sabotage)
{
	static struct om_error_list errors, snapd_errors;
	_cleanup_str_ struct om_str ours = { 0 }, snapds = { 0 };
	struct om_error e = { 0 }, snapd_e = { 0 };
	const char *wrong;
	int r, snapd_r;

	memset(&errors, 0, sizeof(errors));
	memset(&snapd_errors, 0, sizeof(snapd_errors));
	r = print(text, sabotage == SABOTAGE_MODE, &errors, &ours, &e);
	snapd_r = print(text, true, &snapd_errors, &snapds, &snapd_e);
	if (sabotage == SABOTAGE_PLACE && errors.n > 0)
		errors.v[0].line = 0;
	counts.refused += r < 0;
	counts.accepted += r == 0;
	counts.by_snapd_only += r < 0 && snapd_r == 0;
	wrong = snapd_r < 0 ? check_errors(&snapd_errors, &snapds) : NULL;
	if (!wrong && r < 0)
		wrong = check_errors(&errors, &ours);
	if (wrong || r < 0)
		return wrong;
	wrong = check_profile(&ours);
	return wrong ? wrong : compare_modes(&ours, snapd_r, &snapds, sabotage);
}

static const char *check(struct choices *c, const void *arg)
{
	_cleanup_str_ struct om_str text = { 0 };

	make(&text, c);
	return check_text(&text, *(const enum sabotage *)arg);
}

static void show(struct choices *c, const void *arg, struct text *ret)
{
	_cleanup_str_ struct om_str text = { 0 };

	(void)arg;
	make(&text, c);
	text_add(ret, om_str_get(&text), text.len);
	text_add(ret, "\n", 1);
}

static const struct {
	const char *what;
	enum sabotage sabotage;
	unsigned small; /* of a control: numbers that may be left */
} trials[] = {
	{ "what is damaged is refused with a place, or a profile", SABOTAGE_NOTHING, 0 },
	{ "snapd's mode taken for ours", SABOTAGE_MODE, 40 },
	{ "modes that print other bytes", SABOTAGE_BYTES, 40 },
	{ "a message without a place", SABOTAGE_PLACE, 40 },
};

int main(void)
{
	unsigned cases = property_full() ? 1000000 : 10000;

	property_result(load(), "the corpus is there");
	for (size_t i = 0; documents.n > 0 && i < sizeof(trials) / sizeof(trials[0]);
	     i++) {
		const struct property p = { trials[i].what,	 check, show,
					    &trials[i].sabotage, cases, 5000,
					    trials[i].small };

		property_run(&p);
		if (i > 0)
			continue;
		printf("# %u refused, of which snapd accepts %u; %u accepted\n",
		       counts.refused, counts.by_snapd_only, counts.accepted);
		property_result(counts.refused > cases / 10 &&
					counts.accepted > cases / 10 &&
					counts.by_snapd_only > cases / 200,
				"there are enough of each");
	}
	unload();
	return property_end();
}
