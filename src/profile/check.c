/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See check.h.  Everything here goes by the text alone; what needs a look at the file
 * system is checked by the planner.
 */
#include "profile/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "profile/options.h"
#include "profile/text.h"

/* Areas of the system and of snapd, where a mount would break more than it brings. */
static const char *const reserved[] = { "/proc",	 "/sys",
					"/dev",		 "/run/overmount",
					"/run/snapd/ns", "/var/lib/snapd" };

bool om_profile_is_reserved(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (om_path_is_under(path, reserved[i]))
			return true;
	return false;
}

static const char *path_bad(char buf[static OM_REASON_SIZE], const char *path)
{
	const char *reason;

	if (om_streq(path, "\"\""))
		return "empty";
	/* Before "not absolute": a variable is the likelier slip. */
	if (path[0] == '$' || path[0] == '@')
		return om_text_special(buf, path);
	reason = om_path_unclean(path);
	return reason ? reason : om_text_special(buf, path);
}

static const char *target_bad(char buf[static OM_REASON_SIZE], const char *target)
{
	const char *reason = path_bad(buf, target);

	if (reason)
		return reason;
	if (om_streq(target, "/"))
		return "it would hide the root directory";
	return om_profile_is_reserved(target) ? "reserved location" : NULL;
}

static const char *source_bad(char buf[static OM_REASON_SIZE],
			      const struct om_entry *entry)
{
	static const char *const tags[] = { "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=",
					    "ID=" };
	const char *source = entry->source;

	switch (entry->kind) {
	case OM_ENTRY_TMPFS:
		return om_streq(source, "tmpfs") || om_streq(source, "none")
			       ? NULL
			       : "the source of a tmpfs must be tmpfs";
	case OM_ENTRY_SYMLINK:
		return om_streq(source, "none")
			       ? NULL
			       : "the source of a symbolic link must be none";
	case OM_ENTRY_HIDE:
		return om_streq(source, "none")
			       ? NULL
			       : "the source of a name that is hidden must be none";
	case OM_ENTRY_BIND_DIR:
	case OM_ENTRY_BIND_FILE:
	case _OM_ENTRY_MAX:
		break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (om_startswith(source, tags[i]))
			return "tags are not supported";
	if (om_streq(source, "none"))
		return "a bind mount needs a path";
	/* snapd records a mimic's own parts as binds onto themselves. */
	if (om_streq(source, entry->target) && !entry->synthetic)
		return "it would be bound onto itself";
	return path_bad(buf, source);
}

static int check_type(const char *type, struct om_error *e)
{
	int rc;

	if (om_streq(type, "none") || om_streq(type, "tmpfs"))
		return 0;
	if (om_streq(type, "overlay") || om_startswith(type, "overlay,"))
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot use type %s: layers are chosen by overmount",
			       OM_Q(type));
	rc = om_fail(e, OM_ERR_INPUT, -EINVAL,
		     "cannot use type %s: it must be none or tmpfs", OM_Q(type));
	if (strcasecmp(type, "tmpfs") == 0 || strcasecmp(type, "none") == 0)
		om_error_fix(e, "write it in lower case");
	return rc;
}

static int check_target(const struct om_entry *entry, struct om_error *e)
{
	char buf[OM_REASON_SIZE];
	const char *reason = target_bad(buf, entry->target);

	if (!reason)
		return 0;
	return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot mount at %s: %s",
		       OM_Q(entry->target), reason);
}

static int check_source(const struct om_entry *entry, struct om_error *e)
{
	char buf[OM_REASON_SIZE];
	const char *reason = source_bad(buf, entry);

	if (!reason)
		return 0;
	return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use source %s: %s",
		       OM_Q(entry->source), reason);
}

int om_entry_complete(struct om_entry *entry, char *scratch, const char **ret_field,
		      struct om_error *e)
{
	int rc;

	*ret_field = "target";
	rc = check_target(entry, e);
	if (rc < 0)
		return rc;
	*ret_field = "type";
	rc = check_type(entry->type, e);
	if (rc < 0)
		return rc;
	*ret_field = "options";
	rc = om_options_read(entry, scratch, e);
	if (rc < 0)
		return rc;
	/* Last: what a source must look like depends on the options. */
	*ret_field = "source";
	return check_source(entry, e);
}

static int by_line(const struct om_entry *a, const struct om_entry *b)
{
	/* Entries lie in the order of their lines. */
	return a < b ? -1 : a > b;
}

static int by_target(const void *pa, const void *pb)
{
	const struct om_entry *a = *(const struct om_entry *const *)pa;
	const struct om_entry *b = *(const struct om_entry *const *)pb;
	int r = strcmp(a->target, b->target);

	return r ? r : by_line(a, b);
}

static int by_id(const void *pa, const void *pb)
{
	const struct om_entry *a = *(const struct om_entry *const *)pa;
	const struct om_entry *b = *(const struct om_entry *const *)pb;
	int r = strcmp(a->id, b->id);

	return r ? r : by_line(a, b);
}

static int key_id(const void *key, const void *entry)
{
	return strcmp(key, (*(const struct om_entry *const *)entry)->id);
}

struct prefix {
	const char *path;
	size_t n;
};

static int key_prefix(const void *key, const void *entry)
{
	const struct prefix *prefix = key;
	const char *target = (*(const struct om_entry *const *)entry)->target;
	int r = strncmp(prefix->path, target, prefix->n);

	return r ? r : -(target[prefix->n] != '\0');
}

static bool is_same(const struct om_entry *a, const struct om_entry *b)
{
	return om_streq(a->source, b->source) && om_streq(a->type, b->type) &&
	       om_streq(a->options, b->options);
}

static int fail_at(const struct om_profile *p, const struct om_entry *entry,
		   const char *field, int rc, struct om_error *e)
{
	om_error_where(e, p->name, entry->line, 0, field);
	return rc;
}

/* sorted holds the entries by target: equal ones are neighbours, earlier line first. */
static int check_targets(const struct om_profile *p, const struct om_entry **sorted,
			 struct om_error *e)
{
	const struct om_entry *first = NULL, *again = NULL;

	for (size_t i = 1; i < p->n; i++) {
		if (!om_streq(sorted[i]->target, sorted[i - 1]->target))
			continue;
		if (again && by_line(again, sorted[i]) < 0)
			continue;
		first = sorted[i - 1];
		again = sorted[i];
	}
	if (!again)
		return 0;
	return fail_at(p, again, "target",
		       om_fail(e, OM_ERR_INPUT, -EINVAL,
			       is_same(first, again)
				       ? "cannot mount at %s: duplicate of line %u"
				       : "cannot mount at %s: already used in line %u",
			       OM_Q(again->target), first->line),
		       e);
}

static int fail_needed(const struct om_profile *p, const struct om_entry *entry,
		       const char *reason, struct om_error *e)
{
	return fail_at(p, entry, "options",
		       om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot use id %s in x-snapd.needed-by: %s",
			       OM_Q(entry->needed_by), reason),
		       e);
}

/*
 * What needs an entry is there, and needs it no further.  Every entry names at most one, so
 * a walk that meets itself has found a circle; seen[] says which walk was where.
 */
static int check_needed(const struct om_profile *p, const struct om_entry **sorted,
			size_t *seen, struct om_error *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct om_entry *entry = &p->entries[i];

		while (entry->needed_by && seen[entry - p->entries] == 0) {
			const struct om_entry *const *found;

			seen[entry - p->entries] = i + 1;
			found = bsearch(entry->needed_by, sorted, p->n, sizeof(*sorted),
					key_id);
			if (!found)
				return fail_needed(p, entry, "no entry has it", e);
			if (seen[*found - p->entries] == i + 1)
				return fail_needed(p, entry,
						   "the entry would need itself", e);
			entry = *found;
		}
	}
	return 0;
}

/* sorted holds the entries by id. */
static int check_ids(const struct om_profile *p, const struct om_entry **sorted,
		     struct om_error *e)
{
	_cleanup_free_ size_t *seen = NULL;

	for (size_t i = 1; i < p->n; i++)
		if (om_streq(sorted[i]->id, sorted[i - 1]->id))
			return fail_at(
				p, sorted[i], "options",
				om_fail(e, OM_ERR_INPUT, -EINVAL,
					"cannot use id %s: duplicate id, already used "
					"in line %u",
					OM_Q(sorted[i]->id), sorted[i - 1]->line),
				e);
	seen = calloc(p->n, sizeof(*seen));
	if (!seen)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM,
				     "cannot check the profile");
	return check_needed(p, sorted, seen, e);
}

static bool is_bind(const struct om_entry *entry)
{
	return entry->kind == OM_ENTRY_BIND_DIR || entry->kind == OM_ENTRY_BIND_FILE;
}

/* An entry whose target holds entry's source while its own source lies in entry's target. */
static const struct om_entry *find_partner(const struct om_profile *p,
					   const struct om_entry **sorted,
					   const struct om_entry *entry)
{
	size_t depth = om_path_depth(entry->source);

	for (size_t i = 1; i <= depth; i++) {
		struct prefix key = { entry->source,
				      om_path_prefix_len(entry->source, i) };
		const struct om_entry *const *found;

		found = bsearch(&key, sorted, p->n, sizeof(struct om_entry *),
				key_prefix);
		if (found && *found != entry && is_bind(*found) &&
		    om_path_is_under((*found)->source, entry->target))
			return *found;
	}
	return NULL;
}

static int check_cycles(const struct om_profile *p, const struct om_entry **sorted,
			struct om_error *e)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct om_entry *entry = &p->entries[i], *partner;

		if (!is_bind(entry))
			continue;
		partner = find_partner(p, sorted, entry);
		if (partner)
			return fail_at(
				p, entry, "source",
				om_fail(e, OM_ERR_INPUT, -EINVAL,
					"cannot use source %s: it and the entry at %s "
					"depend on each other",
					OM_Q(entry->source), OM_Q(partner->target)),
				e);
	}
	return 0;
}

int om_profile_check(const struct om_profile *p, struct om_error *e)
{
	_cleanup_free_ const struct om_entry **sorted = NULL;
	int rc;

	if (p->n == 0)
		return 0;
	sorted = calloc(p->n, sizeof(*sorted));
	if (!sorted)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM,
				     "cannot check the profile");
	for (size_t i = 0; i < p->n; i++)
		sorted[i] = &p->entries[i];
	qsort(sorted, p->n, sizeof(*sorted), by_target);
	rc = check_targets(p, sorted, e);
	if (rc < 0)
		return rc;
	rc = check_cycles(p, sorted, e);
	if (rc < 0)
		return rc;
	qsort(sorted, p->n, sizeof(*sorted), by_id);
	return check_ids(p, sorted, e);
}
