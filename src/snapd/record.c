/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See record.h.
 */
#include "snapd/record.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "snapd/entry.h"

#define SYNTHETIC "x-snapd.synthetic"
#define NEEDED_BY "x-snapd.needed-by"
#define DETACH "x-snapd.detach"
#define OF_LAYOUT "x-snapd.origin=layout"
#define MAX_OPTIONS 8

struct recorder {
	const struct om_snapd_profile *desired;
	const struct om_profile *entries;
	const struct om_plan *plan;
	struct om_snapd_profile *current;
	const char *needed_by; /* of the construction that is gone through; borrowed */
	char *option;	       /* owned; the option for that */
};

const struct om_snapd_entry *om_snapd_find_line(const struct om_snapd_profile *p,
						unsigned line)
{
	for (size_t i = 0; i < p->entries.n; i++)
		if (p->entries.v[i].line == line)
			return &p->entries.v[i];
	return NULL;
}

/* The entry of the desired profile that a step is for, or NULL. */
static const struct om_snapd_entry *entry_of(const struct recorder *r,
					     const struct om_step *step)
{
	if (step->entry == SIZE_MAX)
		return NULL;
	return om_snapd_find_line(r->desired, r->entries->entries[step->entry].line);
}

static int add(const struct recorder *r, const char *name, const char *dir,
	       const char *type, const char *const *options)
{
	const char *list[MAX_OPTIONS];
	struct om_snapd_entry entry = { .name = name, .dir = dir, .type = type };

	entry.options.v = list;
	while (options[entry.options.n]) {
		list[entry.options.n] = options[entry.options.n];
		entry.options.n++;
	}
	return om_snapd_profile_add(r->current, &entry);
}

/* The mount that a construction hangs in. */
static int add_root(const struct recorder *r, const struct om_step *step)
{
	char mode[24], uid[24], gid[24];

	if (step->kind == OM_STEP_OVERLAY)
		return add(r, "overmount", step->path, "overlay",
			   (const char *const[]){ SYNTHETIC, r->option, DETACH, NULL });
	(void)snprintf(mode, sizeof(mode), "mode=%#o", (unsigned)step->mode);
	(void)snprintf(uid, sizeof(uid), "uid=%u", step->uid);
	(void)snprintf(gid, sizeof(gid), "gid=%u", step->gid);
	return add(r, "tmpfs", step->path, "tmpfs",
		   (const char *const[]){ SYNTHETIC, r->option, mode, uid, gid, NULL });
}

/* What is only bound back: onto itself, as the original writes it. */
static int add_sibling(const struct recorder *r, const struct om_step *step)
{
	return add(r, step->path, step->path, "none",
		   step->dir || step->recursive
			   ? (const char *const[]){ "rbind", SYNTHETIC, r->option, DETACH,
						    NULL }
			   : (const char *const[]){ "bind", "x-snapd.kind=file",
						    SYNTHETIC, r->option, DETACH, NULL });
}

/*
 * What stands for a source that was not there: made for an entry, and not one of the
 * profile.
 */
static int add_source(const struct recorder *r, const struct om_step *step)
{
	if (step->kind == OM_STEP_TMPFS)
		return add(r, "tmpfs", step->path, "tmpfs",
			   (const char *const[]){ SYNTHETIC,
						  NEEDED_BY "=" OM_SNAPD_NOBODY,
						  OF_LAYOUT, "mode=0755", NULL });
	return add(r, step->path, step->path, "none",
		   (const char *const[]){ "bind", "x-snapd.kind=file", SYNTHETIC,
					  NEEDED_BY "=" OM_SNAPD_NOBODY, OF_LAYOUT,
					  DETACH, NULL });
}

bool om_snapd_is_source(const struct om_snapd_entry *entry)
{
	return om_snapd_entry_has(entry, SYNTHETIC) &&
	       om_snapd_entry_has(entry, OF_LAYOUT);
}

static int add_mount(const struct recorder *r, const struct om_step *step)
{
	const struct om_snapd_entry *entry = entry_of(r, step);

	if (entry)
		return om_snapd_profile_add(r->current, entry);
	if (step->entry != SIZE_MAX)
		return add_source(r, step);
	return step->root ? add_root(r, step) : add_sibling(r, step);
}

/*
 * Whose construction it is, up to its attach: that of the first entry in it.  A link in it
 * cannot be removed by itself, which the original would try: so with one it is nobody's,
 * and goes as a whole.
 */
static int find_owner(struct recorder *r, size_t first)
{
	r->needed_by = NULL;
	for (size_t i = first; i < r->plan->steps.n; i++) {
		const struct om_step *step = &r->plan->steps.v[i];
		const struct om_snapd_entry *entry = entry_of(r, step);

		if (step->kind == OM_STEP_ATTACH)
			break;
		if (step->entry != SIZE_MAX &&
		    (step->kind == OM_STEP_SYMLINK || !entry)) {
			r->needed_by = OM_SNAPD_NOBODY;
			break;
		}
		if (entry && !r->needed_by)
			r->needed_by = om_snapd_entry_id(entry);
	}
	free(r->option);
	r->option = om_asprintf(NEEDED_BY "=%s",
				r->needed_by ? r->needed_by : OM_SNAPD_NOBODY);
	return r->option ? 0 : -ENOMEM;
}

static int record_step(struct recorder *r, size_t i, bool *begins)
{
	const struct om_step *step = &r->plan->steps.v[i];
	const struct om_snapd_entry *entry;
	int rc = 0;

	if (*begins && step->place != OM_PLACE_LIVE) {
		rc = find_owner(r, i);
		*begins = false;
	}
	if (rc < 0)
		return rc;
	if (step->kind == OM_STEP_ATTACH)
		*begins = true;
	if (step->kind == OM_STEP_OVERLAY || step->kind == OM_STEP_TMPFS ||
	    step->kind == OM_STEP_BIND)
		return add_mount(r, step);
	/* On a file system of the profile: it can be removed there. */
	entry = entry_of(r, step);
	if (step->kind == OM_STEP_SYMLINK && step->place == OM_PLACE_LIVE && entry)
		return om_snapd_profile_add(r->current, entry);
	return 0;
}

int om_snapd_record(const struct om_snapd_profile *desired,
		    const struct om_profile *entries, const struct om_plan *plan,
		    struct om_snapd_profile *current)
{
	struct recorder r = {
		.desired = desired, .entries = entries, .plan = plan, .current = current
	};
	bool begins = true;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < plan->steps.n; i++)
		rc = record_step(&r, i, &begins);
	free(r.option);
	return rc;
}
