/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See dialect.h.
 */
#include "profile/dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/owner.h"

#define PREFIX "x-snap-"
#define TYPE_LINK PREFIX "symlink"

enum word {
	WORD_SYMLINK,
	WORD_USER,
	WORD_GROUP,
	WORD_MODE,
	_WORD_MAX,
};

static const char *const words[_WORD_MAX] = {
	[WORD_SYMLINK] = PREFIX "symlink",
	[WORD_USER] = PREFIX "user",
	[WORD_GROUP] = PREFIX "group",
	[WORD_MODE] = PREFIX "mode",
};

struct translator {
	struct om_entry *entry;
	const struct om_profile_args *args;
	struct om_str *out;
	struct om_error *e;
	bool origin; /* one is given */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	char *values[_WORD_MAX]; /* owned */
};

bool om_dialect_is(const struct om_entry *entry)
{
	const char *options = entry->options;

	if (om_streq(entry->type, TYPE_LINK) || om_startswith(options, PREFIX))
		return true;
	return strstr(options, "," PREFIX) != NULL;
}

static int bad(struct translator *t, const char *word, const char *reason)
{
	return om_fail(t->e, OM_ERR_INPUT, -EINVAL, "cannot use option %s: %s",
		       OM_Q(word), reason);
}

/* Words that are not of the dialect stay as they are, and are judged by others. */
static int read_word(struct translator *t, const char *word)
{
	size_t n = strcspn(word, ":=");

	if (!om_startswith(word, PREFIX)) {
		t->origin |= om_startswith(word, "x-snapd.origin=") != NULL;
		om_str_addf(t->out, "%s,", word);
		return 0;
	}
	for (size_t i = 0; i < _WORD_MAX; i++) {
		if (strlen(words[i]) != n || strncmp(words[i], word, n) != 0)
			continue;
		if (word[n] != ':' || !word[n + 1])
			return bad(t, word, "want a colon and a value");
		if (t->values[i])
			return bad(t, word, "given twice");
		t->values[i] = strdup(word + n + 1);
		return t->values[i] ? 0 : -ENOMEM;
	}
	return bad(t, word,
		   "unknown option, want x-snap-user:, x-snap-group:, x-snap-mode: or "
		   "x-snap-symlink:");
}

static int read_words(struct translator *t)
{
	_cleanup_str_ struct om_str all = { 0 };
	char *next;
	int r = 0;

	om_str_add(&all, t->entry->options);
	if (all.err < 0)
		return all.err;
	next = all.s;
	while (next && r == 0) {
		const char *word = strsep(&next, ",");

		/* An empty word is left for who counts them. */
		r = read_word(t, word);
	}
	return r;
}

static int check_kind(struct translator *t)
{
	bool link = om_streq(t->entry->type, TYPE_LINK);
	bool tmpfs = om_streq(t->entry->type, "tmpfs");

	if (link && !t->values[WORD_SYMLINK])
		return om_fail(t->e, OM_ERR_INPUT, -EINVAL,
			       "cannot make a symbolic link at %s: x-snap-symlink: is "
			       "missing",
			       OM_Q(t->entry->target));
	if (!link && t->values[WORD_SYMLINK])
		return bad(t, words[WORD_SYMLINK], "the type must be x-snap-symlink");
	for (enum word i = WORD_USER; i < _WORD_MAX; i++)
		if (!tmpfs && t->values[i])
			return bad(t, words[i], "only for type tmpfs");
	return 0;
}

static int read_owner(struct translator *t, enum word word,
		      const struct om_owner_names *names, uid_t *ret)
{
	const char *value = t->values[word];
	char buf[OM_OWNER_REASON_SIZE];
	int r = value ? om_owner_find(names, value, ret) : 0;

	if (r == 0)
		return 0;
	r = om_fail(t->e, OM_ERR_INPUT, -EINVAL, "cannot use %s %s: %s",
		    word == WORD_USER ? "user" : "group", OM_Q(value),
		    om_owner_reason(names, r, buf));
	om_error_fix(t->e, "give the number, or the right file with %s",
		     word == WORD_USER ? "--passwd" : "--group");
	return r;
}

/* A layout that says nothing means 0755. */
static int read_mode(struct translator *t)
{
	const char *value = t->values[WORD_MODE];
	unsigned long long mode = 0755;

	if (value && om_parse_number(value, 8, 01777, &mode) < 0)
		return bad(t, words[WORD_MODE], "not octal, or above 01777");
	t->mode = (mode_t)mode;
	return 0;
}

static void put(struct translator *t)
{
	if (t->values[WORD_SYMLINK])
		om_str_addf(t->out, "x-snapd.kind=symlink,x-snapd.symlink=%s,",
			    t->values[WORD_SYMLINK]);
	if (t->uid)
		om_str_addf(t->out, "x-snapd.uid=%u,", (unsigned)t->uid);
	if (t->gid)
		om_str_addf(t->out, "x-snapd.gid=%u,", (unsigned)t->gid);
	if (t->mode != 0755)
		om_str_addf(t->out, "x-snapd.mode=%#o,", (unsigned)t->mode);
	/* Nothing but a layout was written in this way. */
	if (!t->origin)
		om_str_add(t->out, "x-snapd.origin=layout");
	else
		om_str_cut(t->out, t->out->len - 1);
	if (om_streq(t->entry->type, TYPE_LINK))
		t->entry->type = "none";
	else if (om_streq(t->entry->source, "none"))
		t->entry->source = "tmpfs";
}

static void translator_done(struct translator *t)
{
	for (size_t i = 0; i < _WORD_MAX; i++)
		free(t->values[i]);
}

int om_dialect_translate(struct om_entry *entry, const struct om_profile_args *args,
			 struct om_str *out, const char **ret_field, struct om_error *e)
{
	_cleanup_(translator_done) struct translator t = {
		.entry = entry, .args = args, .out = out, .e = e
	};
	int r = read_words(&t);

	*ret_field = "options";
	if (r == 0)
		r = check_kind(&t);
	if (r == 0)
		r = read_owner(&t, WORD_USER, &args->passwd, &t.uid);
	if (r == 0)
		r = read_owner(&t, WORD_GROUP, &args->group, &t.gid);
	if (r == 0)
		r = read_mode(&t);
	if (r < 0)
		return r;
	put(&t);
	return out->err;
}
