/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See unclash.h.
 */
#include "snapd/unclash.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/index.h"
#include "snapd/entry.h"

struct unclasher {
	const struct om_snapd_profile *entries;
	struct om_snapd_profile *ret;
	struct om_str *notes;
	struct om_index targets; /* as written, to their first entry in ret */
	size_t *last; /* owned; of each entry in ret: the number of its last name */
};

/* These say nothing by themselves once two entries are one. */
static bool is_settled_apart(const char *option)
{
	static const char *const words[] = { "ro", "rw", "async", "bind", "rbind" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(option, words[i]) == 0)
			return true;
	return false;
}

static int add_option(struct om_texts *texts, struct om_snapd_entry *entry,
		      const char *option)
{
	const char *kept = om_snapd_entry_has(entry, option)
				   ? NULL
				   : om_texts_keep(texts, option, strlen(option));

	if (!kept)
		return om_snapd_entry_has(entry, option) ? 0 : -ENOMEM;
	return om_vec_push(&entry->options, kept);
}

static int add_options(struct om_texts *texts, struct om_snapd_entry *to,
		       const struct om_snapd_entry *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->options.n; i++)
		if (!is_settled_apart(from->options.v[i]))
			r = add_option(texts, to, from->options.v[i]);
	return r;
}

static bool has_in_one(const struct om_snapd_entry *a, const struct om_snapd_entry *b,
		       const char *word)
{
	return om_snapd_entry_has(a, word) || om_snapd_entry_has(b, word);
}

/* Read-only if both are; recursive if one of them is, and a bind if the first one is. */
static int merge(struct om_texts *texts, struct om_snapd_entry *first,
		 const struct om_snapd_entry *later)
{
	struct om_snapd_entry merged = *first;
	int r;

	memset(&merged.options, 0, sizeof(merged.options));
	r = add_options(texts, &merged, first);
	if (r == 0)
		r = add_options(texts, &merged, later);
	if (r == 0 && om_snapd_entry_has(first, "ro") && om_snapd_entry_has(later, "ro"))
		r = add_option(texts, &merged, "ro");
	if (r == 0 && om_snapd_entry_is_bind(first))
		r = add_option(texts, &merged,
			       has_in_one(first, later, "rbind") ? "rbind" : "bind");
	if (r < 0) {
		om_vec_free(&merged.options);
		return r;
	}
	om_vec_free(&first->options);
	*first = merged;
	return 0;
}

static bool is_mergeable(const struct om_snapd_entry *first,
			 const struct om_snapd_entry *later)
{
	return strcmp(first->name, later->name) == 0 &&
	       strcmp(first->type, later->type) == 0 &&
	       !om_snapd_entry_value(first, "x-snapd.origin") &&
	       !om_snapd_entry_value(later, "x-snapd.origin");
}

static int add_renamed(struct unclasher *u, const struct om_snapd_entry *entry,
		       size_t first)
{
	struct om_snapd_entry renamed = *entry;
	_cleanup_free_ char *dir = om_asprintf("%s-%zu", entry->dir, ++u->last[first]);

	if (!dir)
		return -ENOMEM;
	renamed.dir = dir;
	om_str_addf(u->notes, "the entry at %s goes to %s: another one is there\n",
		    OM_Q(entry->dir), OM_Q(dir));
	return om_snapd_profile_add(u->ret, &renamed);
}

static int add(struct unclasher *u, const struct om_snapd_entry *entry)
{
	size_t first = om_index_find(&u->targets, entry->dir);
	size_t place = u->ret->entries.n;
	int r;

	if (first != SIZE_MAX)
		return is_mergeable(&u->ret->entries.v[first], entry)
			       ? merge(&u->ret->texts, &u->ret->entries.v[first], entry)
			       : add_renamed(u, entry, first);
	r = om_snapd_profile_add(u->ret, entry);
	u->last[place] = 1;
	return r < 0 ? r : om_index_add(&u->targets, entry->dir, place);
}

static int add_all(struct unclasher *u, bool ensure_dirs)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->entries->entries.n; i++) {
		const struct om_snapd_entry *entry = &u->entries->entries.v[i];
		bool is_ensure = om_snapd_entry_kind(entry) == OM_SNAPD_ENSURE_DIR;

		if (is_ensure == ensure_dirs)
			r = is_ensure ? om_snapd_profile_add(u->ret, entry)
				      : add(u, entry);
	}
	return r;
}

int om_snapd_unclash(const struct om_snapd_profile *entries, struct om_snapd_profile *ret,
		     struct om_str *notes)
{
	struct unclasher u = { .entries = entries,
			       .ret = ret,
			       .notes = notes,
			       .last = calloc(entries->entries.n + 1, sizeof(*u.last)) };
	int r = u.last ? add_all(&u, false) : -ENOMEM;

	if (r == 0)
		r = add_all(&u, true);
	om_index_done(&u.targets);
	free(u.last);
	return r < 0 ? r : notes->err;
}
