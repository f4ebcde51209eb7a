/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See diff.h.  One walk through the old profile decides: all that an entry depends on comes
 * before it, so its fate is known.  Instead of comparing each entry with each other one, the
 * numbers of those that count lie at their paths, and the least of them is asked for.
 */
#include "diff/diff.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/index.h"
#include "diff/ways.h"

#define NONE OM_WAY_NONE

struct fate {
	enum om_diff_why why;
	const struct om_entry *because;
	const char *what;
};

struct differ {
	const struct om_profile *old, *new;
	const bool *replaced, *rebuilt; /* may be NULL */
	struct fate *fates;		/* owned; of old */
	size_t *new_of;			/* owned; of old: its place in new, or NONE */
	size_t *old_of;			/* owned; of new: its place in old, or NONE */
	size_t *moved; /* owned; of new: who came behind it and comes before, or NONE */
	struct om_index targets, ids; /* of new */
	struct om_ways undone;	      /* targets that are undone, by their place in old */
	/* What is done, by its place in new: where it comes, and what it shows. */
	struct om_ways fresh, shown;
};

static bool is_kept(const struct fate *fate)
{
	return fate->why == OM_DIFF_SAME || fate->why == OM_DIFF_NEEDED;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Where target or source of an entry pass. */
static size_t least_passed(const struct om_ways *ways, const struct om_entry *entry)
{
	size_t found = om_ways_least(ways, entry->target);

	return om_entry_is_bind(entry) ? least(found, om_ways_least(ways, entry->source))
				       : found;
}

static int add_first(struct om_index *index, const char *key, size_t place)
{
	return om_index_find(index, key) == SIZE_MAX ? om_index_add(index, key, place)
						     : 0;
}

/* Entries of one target belong together, but a mimic's parts are nobody's wish. */
static int match(struct differ *d)
{
	int r = 0;

	for (size_t j = 0; j < d->new->n &&r == 0; j++) {
		d->old_of[j] = d->moved[j] = NONE;
		r = add_first(&d->targets, d->new->entries[j].target, j);
		if (r == 0)
			r = add_first(&d->ids, d->new->entries[j].id, j);
	}
	for (size_t i = 0; i < d->old->n && r == 0; i++) {
		const struct om_entry *entry = &d->old->entries[i];
		size_t j = om_index_find(&d->targets, entry->target);

		d->new_of[i] = NONE;
		if (j == NONE || d->new->entries[j].synthetic != entry->synthetic ||
		    d->old_of[j] != NONE)
			continue;
		d->new_of[i] = j;
		d->old_of[j] = i;
	}
	return r;
}

/* It is done at its place of the new profile, whatever was there before. */
static int do_anew(struct differ *d, size_t j)
{
	const struct om_entry *entry = &d->new->entries[j];
	int r = om_ways_add(&d->fresh, entry->target, j);

	if (r == 0 && om_entry_is_bind(entry))
		r = om_ways_add(&d->shown, entry->source, j);
	return r;
}

/*
 * Finds for each entry of new whether somebody came behind it and now comes before it where
 * it passes, or shows it.  Who came before it and now comes behind is found as its partner,
 * and takes it along.  Places are turned around, so that the least is the last.
 */
static int find_moved(struct differ *d)
{
	struct om_ways targets = { 0 }, sources = { 0 };
	int r = 0;

	for (size_t j = 0; j < d->new->n &&r == 0; j++) {
		const struct om_entry *entry = &d->new->entries[j];
		size_t i = d->old_of[j], last;

		if (i == NONE)
			continue;
		last = least(least_passed(&targets, entry),
			     om_ways_least(&sources, entry->target));
		if (last != NONE && ~last > i)
			d->moved[j] = ~last;
		r = om_ways_add(&targets, entry->target, ~i);
		if (r == 0 && om_entry_is_bind(entry))
			r = om_ways_add(&sources, entry->source, ~i);
	}
	om_ways_done(&targets);
	om_ways_done(&sources);
	return r;
}

static struct fate because_of(enum om_diff_why why, const struct om_profile *p,
			      size_t place)
{
	return (struct fate){ .why = why, .because = &p->entries[place] };
}

/* What the change of others means to an entry that is wanted at place j of new. */
static struct fate judge_others(const struct differ *d, const struct om_entry *entry,
				size_t j)
{
	/* A part of a mimic is bound onto itself. */
	bool bind = om_entry_is_bind(entry) && !entry->synthetic;
	size_t other = om_ways_least(&d->undone, entry->target);

	if (other != NONE)
		return because_of(OM_DIFF_TARGET_UNDONE, d->old, other);
	other = bind ? om_ways_least(&d->undone, entry->source) : NONE;
	if (other != NONE)
		return because_of(OM_DIFF_SOURCE_UNDONE, d->old, other);
	/* A mimic can take new names: only what comes upon it counts. */
	other = entry->synthetic ? om_ways_above(&d->fresh, entry->target)
				 : om_ways_least(&d->fresh, entry->target);
	if (other < j)
		return because_of(OM_DIFF_TARGET_NEW, d->new, other);
	other = bind ? om_ways_least(&d->fresh, entry->source) : NONE;
	if (other < j)
		return because_of(OM_DIFF_SOURCE_NEW, d->new, other);
	other = entry->synthetic ? NONE : om_ways_least(&d->shown, entry->target);
	if (other < j)
		return because_of(OM_DIFF_SHOWN, d->new, other);
	return (struct fate){ .why = OM_DIFF_SAME };
}

/* A part of a mimic stays with the entry that it was made for. */
static struct fate judge_synthetic(const struct differ *d, const struct om_entry *entry)
{
	size_t j = entry->needed_by ? om_index_find(&d->ids, entry->needed_by) : NONE;
	size_t other = om_index_find(&d->targets, entry->target);
	struct fate fate;

	if (j == NONE)
		return (struct fate){ .why = OM_DIFF_UNNEEDED };
	if (other != NONE)
		return because_of(OM_DIFF_IN_THE_WAY, d->new, other);
	fate = judge_others(d, entry, j);
	if (fate.why == OM_DIFF_SAME)
		fate.why = OM_DIFF_NEEDED;
	return fate;
}

static struct fate judge(const struct differ *d, size_t i)
{
	const struct om_entry *entry = &d->old->entries[i];
	size_t j = d->new_of[i];
	const char *what;

	if (j == NONE)
		return entry->synthetic ? judge_synthetic(d, entry)
					: (struct fate){ .why = OM_DIFF_GONE };
	what = om_entry_difference(entry, &d->new->entries[j]);
	if (what)
		return (struct fate){ .why = OM_DIFF_CHANGED, .what = what };
	if (d->replaced && d->replaced[i] && om_entry_is_bind(entry))
		return (struct fate){ .why = OM_DIFF_SOURCE_REPLACED };
	if (d->rebuilt && d->rebuilt[i])
		return (struct fate){ .why = OM_DIFF_REBUILT };
	if (d->moved[j] != NONE)
		return because_of(OM_DIFF_REORDERED, d->old, d->moved[j]);
	return judge_others(d, entry, j);
}

static int decide(struct differ *d)
{
	int r = 0;

	for (size_t j = 0; j < d->new->n &&r == 0; j++)
		if (d->old_of[j] == NONE)
			r = do_anew(d, j);
	for (size_t i = 0; i < d->old->n && r == 0; i++) {
		const char *target = d->old->entries[i].target;
		size_t j = d->new_of[i];

		d->fates[i] = judge(d, i);
		if (!is_kept(&d->fates[i])) {
			r = om_ways_add(&d->undone, target, i);
			if (r == 0 && j != NONE)
				r = do_anew(d, j);
		}
	}
	return r;
}

static int add_change(struct om_diff *ret, enum om_diff_act act, const struct fate *fate,
		      const struct om_entry *old, const struct om_entry *new)
{
	ret->n[act]++;
	return om_vec_push(&ret->changes, (struct om_change){ .act = act,
							      .why = fate->why,
							      .old = old,
							      .new = new,
							      .because = fate->because,
							      .what = fate->what });
}

static const struct om_entry *entry_at(const struct om_profile *p, size_t place)
{
	return place == NONE ? NULL : &p->entries[place];
}

static int add_old(const struct differ *d, struct om_diff *ret)
{
	int r = 0;

	for (size_t i = d->old->n; i-- > 0 && r == 0;)
		if (!is_kept(&d->fates[i]))
			r = add_change(ret, OM_DIFF_UNDO, &d->fates[i],
				       &d->old->entries[i],
				       entry_at(d->new, d->new_of[i]));
	for (size_t i = 0; i < d->old->n && r == 0; i++)
		if (is_kept(&d->fates[i]) && d->new_of[i] == NONE)
			r = add_change(ret, OM_DIFF_KEEP, &d->fates[i],
				       &d->old->entries[i], NULL);
	return r;
}

static int add_new(const struct differ *d, struct om_diff *ret)
{
	static const struct fate comes = { .why = OM_DIFF_NEW };
	int r = 0;

	for (size_t j = 0; j < d->new->n &&r == 0; j++) {
		size_t i = d->old_of[j];
		const struct fate *fate = i == NONE ? &comes : &d->fates[i];

		r = add_change(ret,
			       i != NONE && is_kept(fate) ? OM_DIFF_KEEP : OM_DIFF_DO,
			       fate, entry_at(d->old, i), &d->new->entries[j]);
	}
	return r;
}

static void differ_done(struct differ *d)
{
	free(d->fates);
	free(d->new_of);
	free(d->old_of);
	free(d->moved);
	om_index_done(&d->targets);
	om_index_done(&d->ids);
	om_ways_done(&d->undone);
	om_ways_done(&d->fresh);
	om_ways_done(&d->shown);
}

int om_diff_make(const struct om_profile *old, const struct om_profile *new,
		 const bool *source_replaced, struct om_diff *ret, struct om_error *e)
{
	return om_diff_make_built(old, new, source_replaced, NULL, ret, e);
}

int om_diff_make_built(const struct om_profile *old, const struct om_profile *new,
		       const bool *source_replaced, const bool *rebuilt,
		       struct om_diff *ret, struct om_error *e)
{
	_cleanup_(differ_done) struct differ d = {
		.old = old,
		.new = new,
		.replaced = source_replaced,
		.rebuilt = rebuilt,
		.fates = calloc(old->n + 1, sizeof(*d.fates)),
		.new_of = calloc(old->n + 1, sizeof(*d.new_of)),
		.old_of = calloc(new->n + 1, sizeof(*d.old_of)),
		.moved = calloc(new->n + 1, sizeof(*d.moved)),
	};
	int r = d.fates && d.new_of && d.old_of && d.moved ? match(&d) : -ENOMEM;

	*ret = (struct om_diff){ 0 };
	if (r == 0)
		r = find_moved(&d);
	if (r == 0)
		r = decide(&d);
	if (r == 0)
		r = add_old(&d, ret);
	if (r == 0)
		r = add_new(&d, ret);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot compare the profiles")
		     : 0;
}

void om_diff_done(struct om_diff *diff)
{
	om_vec_free(&diff->changes);
	*diff = (struct om_diff){ 0 };
}
