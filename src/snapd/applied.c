/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See applied.h.
 */
#include "snapd/applied.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/index.h"
#include "snapd/entry.h"
#include "snapd/record.h"

struct om_entry om_snapd_source_entry(const char *path)
{
	return (struct om_entry){ .kind = OM_ENTRY_TMPFS,
				  .origin = OM_ORIGIN_LAYOUT,
				  .source = "tmpfs",
				  .target = path,
				  .type = "tmpfs",
				  .options = "mode=0755",
				  .mode = 0755,
				  .id = path };
}

/* As a line, it reads back as om_snapd_source_entry() has it. */
static int add_source(struct om_snapd_profile *lines, const char *path)
{
	const char *options[] = { "mode=0755", "x-snapd.origin=layout" };
	struct om_snapd_entry entry = { .name = "tmpfs", .dir = path, .type = "tmpfs" };

	entry.options.v = options;
	entry.options.n = ARRAY_SIZE(options);
	return om_snapd_profile_add(lines, &entry);
}

static int complete(struct om_snapd_applied *a)
{
	struct om_index targets = { 0 };
	int r;

	a->profile.entries = calloc(a->lines.entries.n + 1, sizeof(*a->profile.entries));
	r = a->profile.entries ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < a->lines.entries.n; i++) {
		struct om_entry *entry = &a->profile.entries[i];

		r = om_snapd_entry_convert(&a->lines.entries.v[i], &a->texts, entry,
					   NULL);
		if (r == 0 && om_index_find(&targets, entry->target) != SIZE_MAX)
			r = -EEXIST;
		if (r == 0)
			r = om_index_add(&targets, entry->target, i);
		if (r == 0)
			a->profile.n++;
	}
	om_index_done(&targets);
	return r;
}

int om_snapd_applied_make(const struct om_snapd_profile *desired,
			  const struct om_snapd_items *items,
			  struct om_snapd_applied *ret)
{
	int r = 0;

	*ret = (struct om_snapd_applied){ 0 };
	for (size_t i = 0; r == 0 && i < items->list.n; i++) {
		const struct om_snapd_item *item = &items->list.v[i];
		const struct om_snapd_entry *entry =
			om_snapd_find_line(desired, item->line);

		if (!entry)
			r = -EINVAL;
		else if (item->source)
			r = add_source(&ret->lines, entry->name);
		/* Nothing is mounted for it, and nothing goes with it. */
		else if (om_snapd_entry_kind(entry) != OM_SNAPD_ENSURE_DIR)
			r = om_snapd_profile_add(&ret->lines, entry);
	}
	return r < 0 ? r : complete(ret);
}

int om_snapd_applied_parse(const char *text, size_t size, struct om_snapd_applied *ret)
{
	int r;

	*ret = (struct om_snapd_applied){ 0 };
	r = om_snapd_profile_parse(&ret->lines, "", text, size, NULL);
	return r < 0 ? r : complete(ret);
}

void om_snapd_applied_print(const struct om_snapd_applied *applied, struct om_str *out)
{
	om_snapd_profile_print(&applied->lines, out);
}

void om_snapd_applied_done(struct om_snapd_applied *applied)
{
	om_snapd_profile_done(&applied->lines);
	free(applied->profile.entries);
	om_texts_done(&applied->texts);
	*applied = (struct om_snapd_applied){ 0 };
}
