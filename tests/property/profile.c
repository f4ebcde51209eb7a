/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Properties of profiles as text: what is meant is what is read, what is printed reads back
 * as the same and prints the same again, and text that a hand has damaged is refused with
 * words, or is good.  Each has a control that must be found, and made small.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "profile/profile.h"
#include "property/report.h"
#include "property/wish.h"

/* What a printer might do wrong. */
enum sabotage {
	SABOTAGE_NOTHING,
	SABOTAGE_BLANK,	    /* blanks are not escaped */
	SABOTAGE_BACKSLASH, /* backslashes are not escaped */
	SABOTAGE_OPTION,    /* the last option is lost */
	SABOTAGE_DEFAULTS,  /* what is a default anyhow is left out */
	SABOTAGE_ORDER,	    /* the last entry comes first */
	SABOTAGE_DIGITS,    /* escapes are two digits long where that is enough */
};

static struct counts {
	unsigned entries[_OM_ENTRY_MAX], refused, accepted;
} counts;

/* --- printing, and printing wrongly ---------------------------------------------------- */

static void replace(struct om_str *s, const char *from, const char *to)
{
	struct om_str out = { 0 };
	const char *p = om_str_get(s), *hit;

	while ((hit = strstr(p, from))) {
		om_str_add_n(&out, p, (size_t)(hit - p));
		om_str_add(&out, to);
		p = hit + strlen(from);
	}
	om_str_add(&out, p);
	om_str_free(s);
	*s = out;
}

/* Of each line what stands before " 0 0" loses its last option, if it has several. */
static void lose_option(struct om_str *s)
{
	struct om_str out = { 0 };

	for (const char *p = om_str_get(s), *end; *p; p = end + 1) {
		size_t n, options;

		end = strchr(p, '\n');
		n = (size_t)(end - p) - strlen(" 0 0");
		for (options = n; p[options - 1] != ' ';)
			options--;
		while (n > options && p[n] != ',')
			n--;
		if (n == options)
			n = (size_t)(end - p) - strlen(" 0 0");
		om_str_add_n(&out, p, n);
		om_str_add(&out, " 0 0\n");
	}
	om_str_free(s);
	*s = out;
}

static void last_first(struct om_str *s)
{
	struct om_str out = { 0 };
	const char *p = om_str_get(s);
	size_t n = s->len;

	while (n > 1 && p[n - 2] != '\n')
		n--;
	n -= n > 0;
	om_str_add(&out, p + n);
	om_str_add_n(&out, p, n);
	om_str_free(s);
	*s = out;
}

static void print(const struct om_profile *p, enum sabotage sabotage, struct om_str *out)
{
	om_profile_print(p, out);
	switch (sabotage) {
	case SABOTAGE_NOTHING:
		break;
	case SABOTAGE_BLANK:
		replace(out, "\\040", " ");
		break;
	case SABOTAGE_BACKSLASH:
		replace(out, "\\134", "\\");
		break;
	case SABOTAGE_OPTION:
		lose_option(out);
		break;
	case SABOTAGE_DEFAULTS:
		replace(out, ",suid", "");
		break;
	case SABOTAGE_ORDER:
		last_first(out);
		break;
	case SABOTAGE_DIGITS:
		replace(out, "\\040", "\\40");
		break;
	}
}

/* --- reading --------------------------------------------------------------------------- */

static int parse(const struct om_str *text, struct om_profile **ret, struct om_error *e)
{
	/* Not om_str_get(): a profile of nothing may still have bytes. */
	return om_profile_parse("p", text->s ? text->s : "", text->len, ret, e);
}

/* As printed: a line an entry, and nothing but single blanks between. */
static const char *check_form(const struct om_profile *p, const struct om_str *text)
{
	size_t lines = 0, blanks = 0;

	for (size_t i = 0; i < text->len; i++) {
		lines += text->s[i] == '\n';
		blanks += text->s[i] == ' ';
		if (text->s[i] != '\n' && iscntrl((unsigned char)text->s[i]))
			return "a control character is printed";
	}
	return lines == p->n && blanks == 5 * p->n ? NULL : "another number of fields";
}

static const char *check_back(const struct om_profile *p, enum sabotage sabotage)
{
	_cleanup_str_ struct om_str printed = { 0 }, again = { 0 };
	_cleanup_profile_ struct om_profile *q = NULL;
	const char *wrong;

	print(p, sabotage, &printed);
	if (parse(&printed, &q, NULL) < 0)
		return "what was printed is refused";
	if (q->n != p->n)
		return "another number of entries";
	for (size_t i = 0; i < p->n; i++) {
		wrong = entry_difference(&p->entries[i], &q->entries[i]);
		if (wrong)
			return wrong;
		if (q->entries[i].line != i + 1)
			return "it is on another line";
	}
	om_profile_print(q, &again);
	if (!om_streq(om_str_get(&printed), om_str_get(&again)))
		return "it is printed otherwise";
	return check_form(p, &printed);
}

/* A message is one line that any terminal can show. */
static const char *check_message(const struct om_error *e)
{
	if (e->kind != OM_ERR_INPUT)
		return "the input is not blamed";
	if (!om_startswith(e->where, "p:") || !om_startswith(e->message, "cannot "))
		return "no place, or no words";
	for (const char *p = e->message; *p; p++)
		if (!isprint((unsigned char)*p))
			return "the message cannot be shown";
	return NULL;
}

/* --- properties ------------------------------------------------------------------------ */

struct trial {
	const char *(*check)(struct wishes *w, struct choices *c, const struct trial *t);
	enum sabotage sabotage;
};

static const char *try_back(struct wishes *w, struct choices *c, const struct trial *t)
{
	_cleanup_profile_ struct om_profile *p = NULL;
	struct om_error e = { 0 };

	(void)c;
	if (parse(&w->text, &p, &e) < 0)
		return "a good profile is refused";
	if (p->n != w->n)
		return "another number of entries than was meant";
	for (size_t i = 0; i < p->n; i++) {
		const char *wrong = entry_difference(&w->v[i], &p->entries[i]);

		if (wrong)
			return wrong;
		counts.entries[p->entries[i].kind]++;
	}
	return check_back(p, t->sabotage);
}

static const char *try_damaged(struct wishes *w, struct choices *c, const struct trial *t)
{
	_cleanup_profile_ struct om_profile *p = NULL;
	struct om_error e = { 0 };

	text_damage(&w->text, c);
	if (parse(&w->text, &p, &e) < 0) {
		counts.refused++;
		return check_message(&e);
	}
	counts.accepted++;
	return check_back(p, t->sabotage);
}

static const char *check(struct choices *c, const void *arg)
{
	const struct trial *t = arg;
	struct wishes w;
	const char *wrong;

	wishes_make(&w, c);
	wrong = t->check(&w, c, t);
	wishes_done(&w);
	return wrong;
}

static void show(struct choices *c, const void *arg, struct text *ret)
{
	const struct trial *t = arg;
	struct om_error e = { 0 };
	struct om_profile *p = NULL;
	struct wishes w;

	wishes_make(&w, c);
	if (t->check == try_damaged)
		text_damage(&w.text, c);
	text_add(ret, om_str_get(&w.text), w.text.len);
	text_add(ret, "\n", 1);
	if (parse(&w.text, &p, &e) < 0)
		text_add(ret, e.message, strlen(e.message));
	text_add(ret, "\n", 1);
	(void)om_profile_free(p);
	wishes_done(&w);
}

static const struct {
	const char *what;
	struct trial trial;
	unsigned small; /* of a control: numbers that may be left */
} trials[] = {
	{ "what is meant is read, printed and read again", { try_back, 0 }, 0 },
	{ "what is damaged is refused in words, or good", { try_damaged, 0 }, 0 },
	{ "blanks that are not escaped", { try_back, SABOTAGE_BLANK }, 40 },
	{ "backslashes that are not escaped", { try_back, SABOTAGE_BACKSLASH }, 40 },
	{ "an option that is lost", { try_back, SABOTAGE_OPTION }, 40 },
	{ "a default that is left out", { try_back, SABOTAGE_DEFAULTS }, 40 },
	{ "entries in another order", { try_back, SABOTAGE_ORDER }, 40 },
	{ "escapes that are too short", { try_back, SABOTAGE_DIGITS }, 40 },
	{ "a wrong printer, where the text is damaged",
	  { try_damaged, SABOTAGE_BACKSLASH },
	  60 },
};

int main(void)
{
	unsigned cases = property_full() ? 1000000 : 10000;
	bool all_kinds = true;

	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++) {
		const struct property p = { trials[i].what,   check, show,
					    &trials[i].trial, cases, 20000,
					    trials[i].small };

		property_run(&p);
	}
	for (int kind = 0; kind < _OM_ENTRY_MAX; kind++)
		all_kinds = all_kinds && counts.entries[kind] > cases / 10;
	property_result(all_kinds, "all kinds of entries were among them");
	printf("# rarest option: %s\n",
	       wishes_rare_option(cases / 20) ? wishes_rare_option(cases / 20) : "none");
	property_result(!wishes_rare_option(cases / 20), "and all options");
	printf("# of the damaged ones %u were refused, %u were good\n", counts.refused,
	       counts.accepted);
	property_result(counts.refused > cases / 3 && counts.accepted > cases / 50,
			"damage does both");
	return property_end();
}
