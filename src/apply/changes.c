/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See changes.h.  Which act shows an entry is told by the place that both name.
 */
#include "apply/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/status.h"
#include "base/cleanup.h"
#include "base/index.h"
#include "base/path.h"
#include "diff/diff.h"
#include "probe/chase.h"
#include "strategy/strategy.h"

void om_changes_done(struct om_changes *c)
{
	for (size_t i = 0; c->olds && i < c->old->n; i++) {
		free(c->olds[i].target);
		free(c->olds[i].source);
	}
	for (size_t i = 0; c->news && i < c->new->n; i++) {
		free(c->news[i].target);
		free(c->news[i].source);
	}
	free(c->olds);
	free(c->news);
	free(c->outers);
	free(c->touched);
	free(c->fresh.entries);
	c->outers = NULL;
	c->olds = c->news = NULL;
	c->touched = NULL;
	c->fresh = (struct om_profile){ 0 };
}

/* --- what is there ----------------------------------------------------------------- */

/* What is short at the moment says nothing of a path. */
static bool is_shortage(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* Where the path leads; as it is written when that cannot be told: planning will say so. */
static int resolve(const struct om_changes *c, const char *path, bool follow, char **ret)
{
	_cleanup_chased_ struct om_chased chased = { .fd = -1 };
	int r = om_chase(c->sys, c->root_fd, path, follow, &chased, NULL);

	if (is_shortage(r))
		return r;
	/* With a link or a file in the way the path that was found ends there. */
	*ret = r == 0 && !chased.link && !chased.blocked ? TAKE_PTR(chased.path)
							 : strdup(path);
	return *ret ? 0 : -ENOMEM;
}

static int resolve_all(const struct om_changes *c, const struct om_profile *p,
		       struct om_changes_entry **ret)
{
	struct om_changes_entry *v = *ret = calloc(p->n + 1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < p->n; i++) {
		v[i].entry = &p->entries[i];
		v[i].mount = v[i].outer = c->j->acts.n;
		r = resolve(c, p->entries[i].target, false, &v[i].target);
		if (r == 0 && om_entry_is_bind(v[i].entry))
			r = resolve(c, p->entries[i].source, true, &v[i].source);
	}
	return r;
}

static int refuse(const struct om_changes *c, const struct om_entry *entry,
		  const char *path, const char *why, struct om_error *e)
{
	(void)om_fail(e, OM_ERR_REFUSED, -ESTALE, "cannot update %s: %s", OM_Q(path),
		      why);
	if (entry)
		om_error_where(e, c->old->name, entry->line, 0, "target");
	om_error_fix(e, "name the profile that was applied, or: overmount undo --force, "
			"then overmount apply");
	return -ESTALE;
}

/* Mounts alone: a name on a file system of an application is its own to change. */
static int check_states(const struct om_changes *c, struct om_error *e)
{
	size_t n = c->j->acts.n;
	_cleanup_free_ enum om_act_state *states = calloc(n + 1, sizeof(*states));

	if (!states)
		return -ENOMEM;
	om_acts_look(c->sys, c->root_fd, c->j, states);
	for (size_t i = 0; i < n; i++) {
		const struct om_act *act = &c->j->acts.v[i];

		if (act->inverse == OM_INVERSE_DETACH && states[i] != OM_ACT_PRESENT)
			return refuse(c, NULL, act->path, om_act_state_text(states[i]),
				      e);
	}
	return 0;
}

static bool is_construction(const struct om_act *act)
{
	return act->inverse == OM_INVERSE_DETACH && act->strategy != OM_STRATEGY_PLAIN;
}

/* Is it the mount of an entry? */
static bool is_wanted(const struct om_act *act)
{
	return act->inverse == OM_INVERSE_DETACH &&
	       (act->inner ? act->entry : act->strategy == OM_STRATEGY_PLAIN);
}

/* What a name lies on: the last mount at a directory above it, or what that is in. */
static size_t find_carrier(const struct om_changes *c, const char *path)
{
	for (size_t i = c->n_outers; i-- > 0;) {
		const struct om_act *act = &c->j->acts.v[c->outers[i]];

		if (act->inverse == OM_INVERSE_DETACH &&
		    om_path_is_below(path, act->path))
			return c->outers[i];
	}
	return c->j->acts.n;
}

/* Is the link, or what is hidden, as it was made?  1, 0 or -errno. */
static int is_as_made(const struct om_changes *c, const struct om_changes_entry *old)
{
	_cleanup_close_ int fd =
		om_open_beneath(c->sys, c->root_fd, old->target, O_PATH | O_NOFOLLOW);
	char link[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? old->entry->kind == OM_ENTRY_HIDE
						       : fd;
	if (old->entry->kind == OM_ENTRY_HIDE)
		return 0;
	n = readlinkat(fd, "", link, sizeof(link));
	return n >= 0 && (size_t)n == strlen(old->entry->symlink) &&
	       memcmp(link, old->entry->symlink, (size_t)n) == 0;
}

/* What a later entry covers cannot be looked at. */
static bool is_covered(const struct om_changes *c, size_t i)
{
	for (size_t k = i + 1; k < c->old->n; k++)
		if (om_path_is_under(c->olds[i].target, c->olds[k].target))
			return true;
	return false;
}

static int match_name(struct om_changes *c, size_t i, struct om_error *e)
{
	struct om_changes_entry *old = &c->olds[i];
	int r = is_covered(c, i) ? 1 : is_as_made(c, old);

	old->outer = find_carrier(c, old->target);
	if (r < 0)
		return r;
	c->touched[i] = r == 0;
	return r == 0 && old->outer == c->j->acts.n
		       ? refuse(c, old->entry, old->entry->target,
				"it is not there as the old profile has it", e)
		       : 0;
}

static int match_mount(struct om_changes *c, const struct om_index *wanted, size_t i,
		       bool *claimed, struct om_error *e)
{
	struct om_changes_entry *old = &c->olds[i];
	size_t found = om_index_find(wanted, old->target);

	if (found == SIZE_MAX)
		found = om_index_find(wanted, old->entry->target);
	if (found == SIZE_MAX || claimed[found])
		return refuse(c, old->entry, old->entry->target,
			      "the old profile has it, and it is not applied", e);
	claimed[found] = true;
	old->mount = found;
	old->outer = om_journal_outer(c->j, found);
	return 0;
}

static int match(struct om_changes *c, struct om_error *e)
{
	const struct om_journal *j = c->j;
	_cleanup_free_ bool *claimed = calloc(j->acts.n + 1, sizeof(*claimed));
	struct om_index wanted = { 0 };
	int r = claimed ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < j->acts.n; i++)
		if (is_wanted(&j->acts.v[i]) &&
		    om_index_find(&wanted, j->acts.v[i].path) == SIZE_MAX)
			r = om_index_add(&wanted, j->acts.v[i].path, i);
	for (size_t i = 0; r == 0 && i < c->old->n; i++)
		r = om_entry_is_mount(c->olds[i].entry)
			    ? match_mount(c, &wanted, i, claimed, e)
			    : match_name(c, i, e);
	for (size_t i = 0; r == 0 && i < j->acts.n; i++)
		if (is_wanted(&j->acts.v[i]) && !claimed[i])
			r = refuse(c, NULL, j->acts.v[i].path,
				   "it is applied, and the old profile does not have it",
				   e);
	om_index_done(&wanted);
	return r;
}

/*
 * Is what the path of its source leads to another object than what is bound?  Where a later
 * act covers the source, or the mount, that cannot be told.  1, 0 or -errno.
 */
static int is_replaced(const struct om_changes *c, const struct om_changes_entry *old)
{
	const struct om_journal *j = c->j;
	_cleanup_close_ int source = -1;
	_cleanup_close_ int fd = -1;
	struct stat was, is;

	for (size_t i = c->n_outers; i-- > 0 && c->outers[i] > old->outer;)
		if (j->acts.v[c->outers[i]].inverse == OM_INVERSE_DETACH &&
		    om_path_is_under(old->source, j->acts.v[c->outers[i]].path))
			return 0;
	if (om_act_find_mount(c->sys, c->root_fd, &j->acts.v[old->mount], &fd) !=
	    OM_ACT_PRESENT)
		return 0;
	source = om_open_beneath(c->sys, c->root_fd, old->source, O_PATH | O_NOFOLLOW);
	if (source == -ENOENT || source == -ENOTDIR || source == -ELOOP)
		return 1;
	if (source < 0)
		return source;
	if (fstat(fd, &was) < 0 || fstat(source, &is) < 0)
		return -errno;
	return was.st_dev != is.st_dev || was.st_ino != is.st_ino;
}

static int look(struct om_changes *c, struct om_error *e)
{
	int r = resolve_all(c, c->old, &c->olds);

	if (r == 0)
		r = resolve_all(c, c->new, &c->news);
	if (r < 0)
		return r;
	c->outers = calloc(c->j->acts.n + 1, sizeof(*c->outers));
	c->touched = calloc(c->old->n + 1, sizeof(*c->touched));
	c->fresh.entries = calloc(c->new->n + 1, sizeof(*c->fresh.entries));
	c->fresh.name = c->new->name;
	if (!c->outers || !c->touched || !c->fresh.entries)
		return -ENOMEM;
	for (size_t i = 0; i < c->j->acts.n; i++)
		if (!c->j->acts.v[i].inner)
			c->outers[c->n_outers++] = i;
	r = check_states(c, e);
	if (r == 0)
		r = match(c, e);
	for (size_t i = 0; r >= 0 && i < c->old->n; i++) {
		if (!om_entry_is_bind(c->olds[i].entry))
			continue;
		r = is_replaced(c, &c->olds[i]);
		c->touched[i] = r > 0;
	}
	return r < 0 ? r : 0;
}

int om_changes_look(struct om_changes *c, struct om_error *e)
{
	int r = look(c, e);

	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot look at what is applied")
		     : 0;
}

/* --- what goes --------------------------------------------------------------------- */

void om_changes_take(struct om_changes *c, size_t act)
{
	if (act >= c->j->acts.n || c->j->acts.v[act].aside)
		return;
	c->j->acts.v[act].aside = true;
	c->n_aside++;
}

/* Is the path, in the hole of a construction, on a mount that an entry has there? */
static bool is_on_bind(const struct om_changes *c, size_t outer, const char *path)
{
	for (size_t i = 0; i < c->old->n; i++)
		if (c->olds[i].outer == outer && om_entry_is_bind(c->olds[i].entry) &&
		    om_path_is_under(path, c->olds[i].target))
			return true;
	return false;
}

/*
 * A name comes or goes: so does the construction in whose hole it is, and the tmpfs on
 * which it is.  Nothing is changed in what stays.
 */
static void take_holder(struct om_changes *c, const char *path)
{
	for (size_t i = 0; i < c->n_outers; i++) {
		const struct om_act *act = &c->j->acts.v[c->outers[i]];

		if (!act->aside && is_construction(act) &&
		    om_path_is_below(path, act->path) &&
		    !is_on_bind(c, c->outers[i], path))
			om_changes_take(c, c->outers[i]);
	}
	for (size_t i = 0; i < c->old->n; i++)
		if (c->olds[i].entry->kind == OM_ENTRY_TMPFS &&
		    om_path_is_below(path, c->olds[i].target))
			om_changes_take(c, c->olds[i].outer);
}

/* What lies on act i, or shows it, or has it copied. */
static void take_dependents_of(struct om_changes *c, size_t i)
{
	const struct om_act *acts = c->j->acts.v;

	for (size_t k = c->n_outers; k-- > 0 && c->outers[k] > i;)
		if (!acts[c->outers[k]].aside &&
		    om_path_overlap(acts[c->outers[k]].path, acts[i].path))
			om_changes_take(c, c->outers[k]);
	for (size_t k = 0; k < c->old->n; k++)
		if (c->olds[k].outer > i && c->olds[k].source &&
		    om_path_overlap(c->olds[k].source, acts[i].path))
			om_changes_take(c, c->olds[k].outer);
}

/* Of what comes behind, so that one walk finds what depends on dependents, too. */
static void take_dependents(struct om_changes *c)
{
	for (size_t i = 0; i < c->n_outers; i++) {
		const struct om_act *act = &c->j->acts.v[c->outers[i]];

		if (act->aside && act->inverse == OM_INVERSE_DETACH)
			take_dependents_of(c, c->outers[i]);
	}
}

static void take_changed(struct om_changes *c, const struct om_diff *diff)
{
	for (size_t i = 0; i < diff->changes.n; i++) {
		const struct om_change *change = &diff->changes.v[i];
		const struct om_changes_entry *entry;

		if (change->act == OM_DIFF_UNDO) {
			entry = &c->olds[change->old - c->old->entries];
			om_changes_take(c, entry->outer);
		} else if (change->act == OM_DIFF_DO) {
			entry = &c->news[change->new - c->new->entries];
			if (entry->source && entry->entry->create_source)
				take_holder(c, entry->source);
		} else {
			continue;
		}
		take_holder(c, entry->target);
	}
}

/* Who goes because of others cannot stay; whether somebody was not known to. */
static bool touch(struct om_changes *c)
{
	bool grown = false;

	for (size_t i = 0; i < c->old->n; i++) {
		size_t outer = c->olds[i].outer;

		if (c->touched[i] || outer >= c->j->acts.n || !c->j->acts.v[outer].aside)
			continue;
		c->touched[i] = grown = true;
	}
	return grown;
}

static void list_fresh(struct om_changes *c, const struct om_diff *diff)
{
	c->fresh.n = 0;
	for (size_t i = 0; i < diff->changes.n; i++)
		if (diff->changes.v[i].act == OM_DIFF_DO)
			c->fresh.entries[c->fresh.n++] = *diff->changes.v[i].new;
}

/* What cannot be moved: the kernel does not, when what it is mounted on is shared. */
static int check_movable(const struct om_changes *c, struct om_error *e)
{
	for (size_t i = 0; i < c->j->acts.n; i++) {
		const struct om_act *act = &c->j->acts.v[i];

		if (!act->aside || act->inverse != OM_INVERSE_DETACH ||
		    (!act->shared && act->path[1] != '\0'))
			continue;
		(void)om_fail(e, OM_ERR_REFUSED, -EBUSY,
			      "cannot update %s: it lies on a shared mount, from which "
			      "nothing can be moved",
			      OM_Q(act->path));
		om_error_fix(e, "overmount undo, then overmount apply");
		return -EBUSY;
	}
	return 0;
}

int om_changes_find(struct om_changes *c, struct om_error *e)
{
	bool grown = true;

	(void)touch(c);
	while (grown) {
		_cleanup_diff_ struct om_diff diff = { 0 };
		int r = om_diff_make_built(c->old, c->new, NULL, c->touched, &diff, e);

		if (r < 0)
			return r;
		take_changed(c, &diff);
		take_dependents(c);
		grown = touch(c);
		if (!grown)
			list_fresh(c, &diff);
	}
	return check_movable(c, e);
}
