/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See live.h.  What the engine has kept is told by the identity of its mounts before and
 * after, and the lines of the current profile that stand for them stay.
 */
#include "snapd/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apply/changes.h"
#include "apply/update.h"
#include "base/cleanup.h"
#include "base/crc.h"
#include "base/index.h"
#include "snapd/entry.h"
#include "snapd/foresee.h"
#include "snapd/record.h"

/* No act. */
#define NONE SIZE_MAX

/* What tells an act from another one. */
struct print {
	uint64_t id, ino, dev;
	uint32_t path, look;
	enum om_inverse inverse;
};

/* What a line of the current profile stands for. */
struct stand {
	size_t act; /* of a mount that is only a part of a construction, or NONE */
	size_t old; /* of an entry: its place in the old profile, or NONE */
};

struct update {
	struct om_snapd_live *l; /* borrowed */
	struct om_snapd_items items;
	struct om_changes changes;
	struct print *before; /* owned, as all here; of the acts */
	size_t n_before;
	bool *kept;	       /* of the acts before */
	struct stand *stands;  /* of the lines of the current profile */
	struct om_index parts; /* paths of the parts of constructions, to first_part */
	size_t *first_part;    /* the first one of a path that has no line yet, or NONE */
	size_t *next_part;     /* of the acts: the next part of its path, or NONE */
	struct om_index olds;  /* targets of the old profile */
	struct om_index news;  /* and of the new one */
	struct om_texts texts; /* paths of lines */
	struct om_snapd_profile fresh; /* lines of what came */
};

static void update_done(struct update *u)
{
	om_changes_done(&u->changes);
	om_vec_free(&u->items.list);
	free(u->before);
	free(u->kept);
	free(u->stands);
	free(u->first_part);
	free(u->next_part);
	om_index_done(&u->parts);
	om_index_done(&u->olds);
	om_index_done(&u->news);
	om_texts_done(&u->texts);
	om_snapd_profile_done(&u->fresh);
}

static struct print print_of(const struct om_act *act)
{
	return (struct print){ .id = act->mount_id,
			       .ino = act->ino,
			       .dev = act->dev,
			       .path = om_crc32c(act->path, strlen(act->path)),
			       .look = act->print,
			       .inverse = act->inverse };
}

static bool is_same(const struct print *a, const struct print *b)
{
	return a->id == b->id && a->ino == b->ino && a->dev == b->dev &&
	       a->path == b->path && a->look == b->look && a->inverse == b->inverse;
}

uint32_t om_snapd_sum_acts(const struct om_journal *j)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < j->acts.n; i++) {
		const struct om_act *act = &j->acts.v[i];
		struct {
			uint64_t id;
			uint32_t inverse, path, look, before;
		} text = { .id = act->mount_id,
			   .inverse = act->inverse,
			   .path = om_crc32c(act->path, strlen(act->path)),
			   .look = act->print,
			   .before = sum };

		sum = om_crc32c(&text, sizeof(text));
	}
	return sum;
}

/* --- Before -------------------------------------------------------------------------- */

static int index_targets(const struct om_profile *p, struct om_index *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = om_index_add(ret, p->entries[i].target, i);
	return r;
}

/* Is it a mount of a construction that is there for no entry? */
static bool is_part(const struct om_act *act)
{
	return act->inverse == OM_INVERSE_DETACH && !act->follows &&
	       (act->inner ? !act->entry : act->strategy != OM_STRATEGY_PLAIN);
}

/* Parts of one path, in the order in which they were made, which is that of their lines. */
static int index_parts(struct update *u)
{
	const struct om_journal *j = u->changes.j;
	int r = 0;

	for (size_t i = j->acts.n; r == 0 && i-- > 0;) {
		size_t chain;

		if (!is_part(&j->acts.v[i]))
			continue;
		chain = om_index_find(&u->parts, j->acts.v[i].path);
		if (chain == NONE) {
			chain = u->parts.n;
			u->first_part[chain] = NONE;
			r = om_index_add(&u->parts, j->acts.v[i].path, chain);
		}
		u->next_part[i] = u->first_part[chain];
		u->first_part[chain] = i;
	}
	return r;
}

static size_t take_part(struct update *u, const char *path)
{
	size_t chain = om_index_find(&u->parts, path), i = NONE;

	if (chain != NONE)
		i = u->first_part[chain];
	if (i != NONE)
		u->first_part[chain] = u->next_part[i];
	return i;
}

static bool is_aside_from(const struct om_snapd_entry *entry)
{
	return om_snapd_entry_origin(entry) == OM_ORIGIN_ROOTFS ||
	       om_snapd_entry_kind(entry) == OM_SNAPD_ENSURE_DIR;
}

static int match_line(struct update *u, size_t i)
{
	const struct om_snapd_entry *line = &u->l->classes->current->entries.v[i];
	const char *path = om_snapd_clean(&u->texts, line->dir);

	u->stands[i] = (struct stand){ .act = NONE, .old = NONE };
	if (!path)
		return -ENOMEM;
	if (is_aside_from(line))
		return 0;
	if (om_snapd_entry_has(line, "x-snapd.synthetic") && !om_snapd_is_source(line)) {
		u->stands[i].act = take_part(u, path);
		return u->stands[i].act == NONE ? -ESTALE : 0;
	}
	u->stands[i].old = om_index_find(&u->olds, path);
	return u->stands[i].old == NONE ? -ESTALE : 0;
}

static int look_before(struct update *u)
{
	const struct om_snapd_profile *current = u->l->classes->current;
	const struct om_journal *j = u->changes.j;
	int r;

	u->n_before = j->acts.n;
	u->before = calloc(j->acts.n + 1, sizeof(*u->before));
	u->kept = calloc(j->acts.n + 1, sizeof(*u->kept));
	u->stands = calloc(current->entries.n + 1, sizeof(*u->stands));
	u->first_part = calloc(j->acts.n + 1, sizeof(*u->first_part));
	u->next_part = calloc(j->acts.n + 1, sizeof(*u->next_part));
	if (!u->before || !u->kept || !u->stands || !u->first_part || !u->next_part)
		return -ENOMEM;
	for (size_t i = 0; i < j->acts.n; i++)
		u->before[i] = print_of(&j->acts.v[i]);
	r = index_parts(u);
	if (r == 0)
		r = index_targets(u->changes.old, &u->olds);
	if (r == 0)
		r = index_targets(u->changes.new, &u->news);
	for (size_t i = 0; r == 0 && i < current->entries.n; i++)
		r = match_line(u, i);
	return r;
}

/* --- Afterwards ---------------------------------------------------------------------- */

/* What was kept comes first in the journal, in the order in which it was. */
static void look_after(struct update *u)
{
	const struct om_journal *j = u->changes.j;
	size_t now = 0;

	for (size_t i = 0; i < u->n_before && now < j->acts.n; i++) {
		const struct print print = print_of(&j->acts.v[now]);

		u->kept[i] = is_same(&print, &u->before[i]);
		now += u->kept[i];
	}
}

static bool is_kept(const struct update *u, size_t i)
{
	const struct om_changes_entry *old;

	if (u->stands[i].act != NONE)
		return u->kept[u->stands[i].act];
	if (u->stands[i].old == NONE)
		return om_snapd_entry_origin(&u->l->classes->current->entries.v[i]) ==
		       OM_ORIGIN_ROOTFS;
	old = &u->changes.olds[u->stands[i].old];
	/* A link that lies on a mount of ours goes with that. */
	return old->mount < u->n_before	  ? u->kept[old->mount]
	       : old->outer < u->n_before ? u->kept[old->outer]
					  : false;
}

/* As the new profile words it. */
static int add_kept(const struct update *u, size_t i, struct om_snapd_profile *ret)
{
	const struct om_snapd_entry *line = &u->l->classes->current->entries.v[i];
	size_t found = NONE;

	if (u->stands[i].old != NONE && !om_snapd_is_source(line))
		found = om_index_find(&u->news,
				      u->changes.old->entries[u->stands[i].old].target);
	return om_snapd_profile_add(
		ret, found == NONE ? line : &u->l->ret->lines.entries.v[found]);
}

static int add_ensured(const struct update *u, struct om_snapd_profile *ret)
{
	const struct om_snapd_profile *desired = u->l->classes->desired;
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->items.list.n; i++) {
		const struct om_snapd_entry *entry =
			om_snapd_find_line(desired, u->items.list.v[i].line);

		if (entry && om_snapd_entry_kind(entry) == OM_SNAPD_ENSURE_DIR)
			r = om_snapd_profile_add(ret, entry);
	}
	return r;
}

/* The lines of what stays, and behind them those of what came. */
static int list_current(struct update *u)
{
	struct om_snapd_profile *current = u->l->classes->current;
	struct om_snapd_profile now = { 0 };
	int r = 0;

	look_after(u);
	for (size_t i = 0; r == 0 && i < current->entries.n; i++)
		if (is_kept(u, i))
			r = add_kept(u, i, &now);
	for (size_t i = 0; r == 0 && i < u->fresh.entries.n; i++)
		r = om_snapd_profile_add(&now, &u->fresh.entries.v[i]);
	if (r == 0)
		r = add_ensured(u, &now);
	if (r < 0) {
		om_snapd_profile_done(&now);
		return r;
	}
	om_snapd_profile_done(current);
	*current = now;
	return 0;
}

/* --- The update ---------------------------------------------------------------------- */

static int observe(const struct om_decisions *d, const struct om_plan *plan, void *arg)
{
	struct update *u = arg;

	return om_snapd_record(u->l->classes->desired, d->profile, plan, &u->fresh);
}

static void tell(const struct om_snapd_classes *classes, char *said)
{
	for (char *line = said, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		classes->say(classes->say_arg, line);
	}
}

static int prepare(struct update *u, struct om_str *said, struct om_error *e)
{
	const struct om_snapd_live *l = u->l;
	const struct om_apply *apply = l->classes->apply;
	int r = om_snapd_foresee(l->classes, apply->journal, l->state, &u->items, said,
				 e);

	if (r == 0)
		r = om_snapd_applied_make(l->classes->desired, &u->items, l->ret);
	u->changes = (struct om_changes){ .sys = apply->sys,
					  .root_fd = apply->root_fd,
					  .j = apply->journal,
					  .old = &l->old->profile,
					  .new = &l->ret->profile };
	if (r == 0)
		r = look_before(u);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot update") : 0;
}

static int update(struct update *u, struct om_str *residue, struct om_error *e)
{
	struct om_snapd_live *l = u->l;
	struct om_apply *apply = l->classes->apply;
	_cleanup_str_ struct om_str said = { 0 };
	int r = prepare(u, &said, e);

	if (r == 0) {
		apply->observe = observe;
		apply->observe_arg = u;
		r = om_update(apply, l->state, &u->changes, residue, e);
	}
	if (r < 0) {
		bool interrupted = apply->interrupted && apply->interrupted();

		return interrupted || e->kind == OM_ERR_BROKEN ? r : 1;
	}
	l->ended = true;
	if (said.len > 0)
		tell(l->classes, said.s);
	return list_current(u);
}

int om_snapd_live_update(struct om_snapd_live *l, struct om_str *residue,
			 struct om_error *e)
{
	struct update u = { .l = l };
	int r = update(&u, residue, e);

	update_done(&u);
	return r;
}
