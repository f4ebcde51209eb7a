/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See classes.h.
 */
#include "snapd/classes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/index.h"
#include "base/path.h"
#include "base/texts.h"
#include "probe/chase.h"
#include "snapd/entry.h"
#include "snapd/record.h"

struct run {
	const struct om_snapd_classes *c;
	struct om_texts texts;	 /* of what is applied */
	struct om_index seen;	 /* targets: the first entry of a place has it */
	struct om_index sources; /* that are made for layouts */
	struct om_str *residue;
};

static void run_done(struct run *r)
{
	om_texts_done(&r->texts);
	om_index_done(&r->seen);
	om_index_done(&r->sources);
}

/* Entries that are applied together. */
struct set {
	OM_VEC(struct om_entry) entries;
	bool optional;
};

/* The names are in a directory tree of the namespace, which is that of this process. */
static bool exists(const struct run *r, const char *path)
{
	struct stat st;

	return fstatat(r->c->apply->root_fd, om_path_relative(path), &st,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

void om_snapd_tell(void (*say)(void *arg, const char *line), void *arg,
		   const struct om_snapd_entry *entry, const char *reason)
{
	_cleanup_str_ struct om_str line = { 0 };

	om_str_add(&line, "cannot change mount namespace according to change mount (");
	om_snapd_entry_print(entry, &line);
	om_str_addf(&line, "): %s", reason);
	say(arg, om_str_get(&line));
}

static void tell(const struct run *r, const struct om_snapd_entry *entry,
		 const struct om_error *e)
{
	om_snapd_tell(r->c->say, r->c->say_arg, entry, e->message);
	/* The same plan is refused again; a call that failed need not fail again. */
	if (e->err != -EACCES && e->err != -EINVAL)
		*r->c->passing = true;
}

/* What fails with a single entry: told for one that is not needed, else the end. */
static int judge(const struct run *r, const struct om_snapd_entry *entry, int rc,
		 struct om_error *own, struct om_error *e)
{
	bool optional = om_snapd_entry_origin(entry) == OM_ORIGIN_GENERAL;

	if (rc == 0)
		return 0;
	(void)om_fail_errno(own, OM_ERR_SYSTEM, rc, "cannot mount");
	if (optional && rc != -ENOMEM) {
		tell(r, entry, own);
		return 0;
	}
	om_error_where(own, r->c->file, entry->line, 0, NULL);
	*e = *own;
	return rc;
}

static int ensure(const struct run *r, const struct om_snapd_entry *entry,
		  struct om_error *e)
{
	const char *parent = om_snapd_entry_value(entry, "x-snapd.must-exist-dir");
	int rc = om_places_ensure(r->c->places, entry->dir, parent ? parent : "", e);

	if (rc == 0)
		rc = om_snapd_profile_add(r->c->current, entry);
	return rc < 0 ? rc
		      : om_vec_push(&r->c->items->list,
				    (struct om_snapd_item){ .line = entry->line });
}

/*
 * Where links lead, as the engine follows them: what it finds missing in the data of the
 * snap would become a hole, and hide what is written there.
 */
static int make_place(const struct run *r, const char *path, bool follow, bool file,
		      struct om_error *e)
{
	const struct om_apply *apply = r->c->apply;
	_cleanup_chased_ struct om_chased chased = { .fd = -1 };

	if (om_chase(apply->sys, apply->root_fd, path, follow, &chased, NULL) < 0 ||
	    chased.link || chased.blocked)
		return om_places_make(r->c->places, path, file, e);
	return om_places_make(r->c->places, chased.path, file, e);
}

/* The names that may be made for good, before the engine looks what is missing. */
static int make_places(const struct run *r, const struct om_snapd_entry *entry,
		       const struct om_entry *converted, struct om_error *e)
{
	bool file = converted->kind == OM_ENTRY_BIND_FILE;
	int rc = 0;

	if (converted->kind != OM_ENTRY_SYMLINK)
		rc = make_place(r, converted->target, false, file, e);
	if (rc == 0 && om_snapd_entry_is_bind(entry))
		rc = make_place(r, converted->source, true, file, e);
	return rc;
}

static bool is_ignored(const struct run *r, const struct om_snapd_entry *entry)
{
	return om_snapd_entry_has(entry, "x-snapd.ignore-missing") &&
	       (!exists(r, entry->dir) ||
		(om_snapd_entry_is_bind(entry) && !exists(r, entry->name)));
}

static int add_entry(struct run *r, struct set *set, const struct om_snapd_entry *entry,
		     struct om_error *e)
{
	struct om_entry converted;
	int rc = om_snapd_entry_convert(entry, &r->texts, &converted, e);

	/* snapd's tool mounts only the first one of a place, and says nothing. */
	if (rc == 0 && om_index_find(&r->seen, converted.target) != SIZE_MAX)
		return 0;
	if (rc == 0)
		rc = make_places(r, entry, &converted, e);
	if (rc == 0)
		rc = om_index_add(&r->seen, converted.target, 0);
	return rc < 0 ? rc : om_vec_push(&set->entries, converted);
}

static int collect_one(struct run *r, struct set *set, const struct om_snapd_entry *entry,
		       struct om_error *e)
{
	switch (om_snapd_entry_kind(entry)) {
	case OM_SNAPD_UNKNOWN:
		return 0;
	case OM_SNAPD_ENSURE_DIR:
		return ensure(r, entry, e);
	case OM_SNAPD_DIR:
	case OM_SNAPD_FILE:
	case OM_SNAPD_SYMLINK:
		break;
	}
	return is_ignored(r, entry) ? 0 : add_entry(r, set, entry, e);
}

static int collect(struct run *r, enum om_origin origin, struct set *set,
		   struct om_error *e)
{
	const struct om_snapd_profile *desired = r->c->desired;
	int rc = 0;

	set->optional = origin == OM_ORIGIN_GENERAL;
	for (size_t i = 0; rc == 0 && i < desired->entries.n; i++) {
		const struct om_snapd_entry *entry = &desired->entries.v[i];
		struct om_error own = { 0 };

		if (om_snapd_entry_origin(entry) != origin)
			continue;
		rc = collect_one(r, set, entry, &own);
		rc = judge(r, entry, rc, &own, e);
	}
	return rc;
}

/* Files have a file system together; 0 also when it is there. */
static int make_files(struct run *r, struct set *set, struct om_error *e)
{
	const struct om_apply *apply = r->c->apply;
	int rc;

	if (om_index_find(&r->sources, OM_SNAPD_FILES) != SIZE_MAX)
		return 0;
	rc = apply->sys->mkdir(apply->sys, apply->root_fd,
			       om_path_relative(OM_SNAPD_FILES), 0700);
	if (rc < 0 && rc != -EEXIST)
		return om_fail_errno(e, OM_ERR_SYSTEM, rc, "cannot create directory %s",
				     OM_Q(OM_SNAPD_FILES));
	rc = om_index_add(&r->sources, OM_SNAPD_FILES, 0);
	return rc < 0 ? rc : om_vec_push(&set->entries, om_snapd_source_files());
}

/*
 * A layout may show what the snap does not have: it is made then, empty, on a tmpfs, as in
 * the original on that of a mimic.
 */
static int make_source(struct run *r, struct set *set, const struct om_entry *entry,
		       struct om_error *e)
{
	bool file = entry->kind == OM_ENTRY_BIND_FILE;
	struct om_entry source;
	int rc = file ? make_files(r, set, e) : 0;

	if (rc == 0)
		rc = om_index_add(&r->sources, entry->source, 0);
	if (rc < 0)
		return rc;
	source = file ? om_snapd_source_file(entry->source, &r->texts)
		      : om_snapd_source_dir(entry->source);
	return source.source ? om_vec_push(&set->entries, source) : -ENOMEM;
}

static int collect_sources(struct run *r, const struct set *layouts, struct set *set,
			   struct om_error *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < layouts->entries.n; i++) {
		const struct om_entry *entry = &layouts->entries.v[i];

		if (om_entry_is_bind(entry) && !exists(r, entry->source) &&
		    om_index_find(&r->sources, entry->source) == SIZE_MAX)
			rc = make_source(r, set, entry, e);
	}
	return rc;
}

static int observe(const struct om_decisions *d, const struct om_plan *plan, void *arg)
{
	const struct om_snapd_classes *c = arg;

	return om_snapd_record(c->desired, d->profile, plan, c->current);
}

static void cut(struct om_snapd_profile *p, size_t n)
{
	while (p->entries.n > n) {
		p->entries.n--;
		om_vec_free(&p->entries.v[p->entries.n].options);
	}
}

/* Leaves out the entry that an error is about; false when it is not known which one. */
static bool leave_out(const struct run *r, struct set *set, const struct om_error *e)
{
	for (size_t i = 0; e->line > 0 && i < set->entries.n; i++) {
		const struct om_snapd_entry *entry;

		if (set->entries.v[i].line != e->line)
			continue;
		entry = om_snapd_find_line(r->c->desired, e->line);
		if (entry)
			tell(r, entry, e);
		set->entries.n--;
		memmove(&set->entries.v[i], &set->entries.v[i + 1],
			(set->entries.n - i) * sizeof(*set->entries.v));
		return true;
	}
	return false;
}

/* Which entries they were for; layouts: where sources were made, else NULL. */
static int list_items(const struct run *r, const struct set *set,
		      const struct set *layouts)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < set->entries.n; i++) {
		const struct om_entry *entry = &set->entries.v[i];
		struct om_snapd_item item = { .line = entry->line,
					      .source = layouts != NULL };

		for (size_t k = 0; layouts && k < layouts->entries.n; k++)
			if (om_streq(layouts->entries.v[k].source, entry->target))
				item.line = layouts->entries.v[k].line;
		rc = om_vec_push(&r->c->items->list, item);
	}
	return rc;
}

static int apply_set(struct run *r, struct set *set, struct om_error *e)
{
	size_t before = r->c->current->entries.n;
	char *name = strdup(r->c->file);
	int rc = name ? 0 : -ENOMEM;

	while (rc == 0 && set->entries.n > 0) {
		struct om_profile profile = { .entries = set->entries.v,
					      .n = set->entries.n,
					      .name = name };
		struct om_error own = { 0 };

		om_profile_sort(&profile);
		rc = om_apply_or_undo(r->c->apply, &profile, r->residue, &own);
		if (rc == 0)
			break;
		cut(r->c->current, before);
		(void)om_fail_errno(&own, OM_ERR_SYSTEM, rc, "cannot apply");
		if (!set->optional || own.kind == OM_ERR_BROKEN ||
		    !leave_out(r, set, &own))
			*e = own;
		else
			rc = 0;
	}
	free(name);
	return rc;
}

/* With what their sources want. */
static int apply_layouts(struct run *r, struct set *set, struct om_error *e)
{
	struct set sources = { 0 };
	int rc = collect_sources(r, set, &sources, e);

	if (rc == 0)
		rc = apply_set(r, &sources, e);
	if (rc == 0)
		rc = list_items(r, &sources, set);
	if (rc == 0)
		rc = apply_set(r, set, e);
	om_vec_free(&sources.entries);
	return rc;
}

static bool shows(const struct om_entry *entry, const struct om_entry *before)
{
	return om_entry_is_bind(entry) && om_path_is_under(entry->source, before->target);
}

static bool meets(const struct om_entry *entry, const struct om_entry *before)
{
	return om_path_overlap(entry->target, before->target) ||
	       (om_entry_is_bind(entry) &&
		om_path_overlap(entry->source, before->target));
}

/*
 * What shows something of a layout before it is put off until that is there: only then can
 * it be seen whether its source is.  So is what depends on something that was.
 */
static int put_off(struct set *set, struct set *later)
{
	size_t n = 0, all = set->entries.n;
	_cleanup_free_ bool *off = calloc(all + 1, sizeof(*off));
	int rc = off ? 0 : -ENOMEM;

	for (size_t i = 0; i < all && off; i++)
		for (size_t k = 0; k < i && !off[i]; k++)
			off[i] =
				shows(&set->entries.v[i], &set->entries.v[k]) ||
				(off[k] && meets(&set->entries.v[i], &set->entries.v[k]));
	for (size_t i = 0; rc == 0 && i < all; i++) {
		if (off[i])
			rc = om_vec_push(&later->entries, set->entries.v[i]);
		else
			set->entries.v[n++] = set->entries.v[i];
	}
	if (rc == 0)
		set->entries.n = n;
	return rc;
}

/* What they show may have more places now in which names may be made for good. */
static int make_places_again(const struct run *r, const struct set *set,
			     struct om_error *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < set->entries.n; i++) {
		const struct om_snapd_entry *entry =
			om_snapd_find_line(r->c->desired, set->entries.v[i].line);

		if (entry)
			rc = make_places(r, entry, &set->entries.v[i], e);
	}
	return rc;
}

static int apply_in_rounds(struct run *r, struct set *set, struct om_error *e)
{
	int rc = 0;

	for (unsigned round = 0; rc == 0 && set->entries.n > 0; round++) {
		struct om_profile profile = { .entries = set->entries.v,
					      .n = set->entries.n };
		struct set later = { 0 };

		om_profile_sort(&profile);
		rc = put_off(set, &later);
		if (rc == 0 && round > 0)
			rc = make_places_again(r, set, e);
		if (rc == 0)
			rc = apply_layouts(r, set, e);
		if (rc == 0)
			rc = list_items(r, set, NULL);
		om_vec_free(&set->entries);
		*set = later;
	}
	return rc;
}

static int apply_class(struct run *r, enum om_origin origin, struct om_error *e)
{
	struct set set = { 0 };
	int rc = collect(r, origin, &set, e);

	if (rc == 0 && origin == OM_ORIGIN_LAYOUT) {
		rc = apply_in_rounds(r, &set, e);
	} else if (rc == 0) {
		rc = apply_set(r, &set, e);
		if (rc == 0)
			rc = list_items(r, &set, NULL);
	}
	om_vec_free(&set.entries);
	return rc;
}

int om_snapd_apply_classes(const struct om_snapd_classes *c, struct om_str *residue,
			   struct om_error *e)
{
	static const enum om_origin order[] = { OM_ORIGIN_OVERNAME, OM_ORIGIN_GENERAL,
						OM_ORIGIN_LAYOUT };
	struct run r = { .c = c, .residue = residue };
	int rc = 0;

	c->apply->observe = observe;
	c->apply->observe_arg = (void *)(uintptr_t)c;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(order); i++)
		rc = apply_class(&r, order[i], e);
	run_done(&r);
	return rc < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, rc, "cannot apply %s",
				      OM_Q(c->file))
		      : 0;
}
