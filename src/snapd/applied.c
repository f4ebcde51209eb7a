/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See applied.h.
 */
#include "snapd/applied.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/index.h"
#include "snapd/entry.h"
#include "snapd/record.h"

struct om_entry om_snapd_source_dir(const char *path)
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

struct om_entry om_snapd_source_files(void)
{
	return om_snapd_source_dir(OM_SNAPD_FILES);
}

struct om_entry om_snapd_source_file(const char *path, struct om_texts *texts)
{
	uint32_t hash = OM_HASH_START;
	char name[sizeof(OM_SNAPD_FILES) + 20];

	/* Of the path alone, so that an update finds it to be the same. */
	for (const char *p = path; *p; p++)
		hash = om_hash_byte(hash, *p);
	(void)snprintf(name, sizeof(name), "%s/%08x%08x", OM_SNAPD_FILES,
		       om_crc32c(path, strlen(path)), hash);
	return (struct om_entry){ .kind = OM_ENTRY_BIND_FILE,
				  .origin = OM_ORIGIN_LAYOUT,
				  .source = om_texts_keep(texts, name, strlen(name)),
				  .target = path,
				  .type = "none",
				  .options = "bind,x-snapd.kind=file",
				  .create_source = true,
				  .mode = OM_MODE_UNSET,
				  .id = path };
}

/* As lines they read back as the entries above. */
static int add_source_dir(struct om_snapd_profile *lines, const char *path)
{
	const char *options[] = { "mode=0755", "x-snapd.origin=layout" };
	struct om_snapd_entry entry = { .name = "tmpfs", .dir = path, .type = "tmpfs" };

	entry.options.v = options;
	entry.options.n = ARRAY_SIZE(options);
	return om_snapd_profile_add(lines, &entry);
}

static int add_source_file(struct om_snapd_applied *a, const char *path)
{
	const char *options[] = { "bind", "x-snapd.kind=file", "x-snapd.origin=layout",
				  "x-overmount.create-source" };
	struct om_snapd_entry entry = {
		.name = om_snapd_source_file(path, &a->texts).source,
		.dir = path,
		.type = ""
	};

	entry.options.v = options;
	entry.options.n = ARRAY_SIZE(options);
	return entry.name ? om_snapd_profile_add(&a->lines, &entry) : -ENOMEM;
}

/* In the place of the source of an entry; for none: what such files are on. */
static int add_source(struct om_snapd_applied *a, const struct om_snapd_entry *entry)
{
	if (!entry)
		return add_source_dir(&a->lines, OM_SNAPD_FILES);
	return om_snapd_entry_kind(entry) == OM_SNAPD_FILE
		       ? add_source_file(a, entry->name)
		       : add_source_dir(&a->lines, entry->name);
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
			item->line > 0 ? om_snapd_find_line(desired, item->line) : NULL;

		if (!entry && (item->line > 0 || !item->source))
			r = -EINVAL;
		else if (item->source)
			r = add_source(ret, entry);
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
