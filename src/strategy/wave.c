/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See wave.h.  Sets of hashes, in which a path may seem to be but not be missed, spare
 * the comparison of every entry with every other one; what seems to depend is compared.
 */
#include "strategy/wave.h"

#include <stdint.h>

#include "base/index.h"
#include "base/path.h"

#define SET_BITS (1U << 17)

struct set {
	uint8_t bits[SET_BITS / 8];
};

/* Of the entries so far. */
struct seen {
	struct set targets;
	struct set above; /* the targets, and every directory above them */
	struct set sources;
	struct set above_sources; /* likewise */
};

static void set_add(struct set *set, uint32_t hash)
{
	hash %= SET_BITS;
	set->bits[hash / 8] |= (uint8_t)(1U << hash % 8);
}

static bool set_may_have(const struct set *set, uint32_t hash)
{
	hash %= SET_BITS;
	return set->bits[hash / 8] >> hash % 8 & 1;
}

static const char *source_of(const struct om_entry *entry)
{
	return om_entry_is_bind(entry) ? entry->source : NULL;
}

static bool depends_on(const struct om_entry *later, const struct om_entry *earlier)
{
	return om_paths_depend(later->target, source_of(later), earlier->target,
			       source_of(earlier));
}

/* Paths are hashed without the slash at their end, which only the root has. */
static uint32_t hash_path(const char *path)
{
	uint32_t hash = OM_HASH_START;

	for (; *path && (path[0] != '/' || path[1]); path++)
		hash = om_hash_byte(hash, *path);
	return hash;
}

/* May the path be in the set, or lie under one that is? */
static bool may_be_under(const struct set *set, const char *path)
{
	uint32_t hash = OM_HASH_START;

	for (;; path++) {
		if ((*path == '/' || !*path) && set_may_have(set, hash))
			return true;
		if (!*path)
			return false;
		hash = om_hash_byte(hash, *path);
	}
}

/* The path, and every directory above it. */
static void add_above(struct set *above, const char *path)
{
	uint32_t hash = OM_HASH_START;

	for (const char *p = path; *p; p++) {
		if (*p == '/')
			set_add(above, hash);
		hash = om_hash_byte(hash, *p);
	}
	set_add(above, hash_path(path));
}

static void see(struct seen *seen, const struct om_entry *entry)
{
	add_above(&seen->above, entry->target);
	set_add(&seen->targets, hash_path(entry->target));
	if (om_entry_is_bind(entry)) {
		add_above(&seen->above_sources, entry->source);
		set_add(&seen->sources, hash_path(entry->source));
	}
}

static bool may_depend(const struct seen *seen, const struct om_entry *later)
{
	uint32_t hash = hash_path(later->target);

	return may_be_under(&seen->targets, later->target) ||
	       may_be_under(&seen->sources, later->target) ||
	       set_may_have(&seen->above, hash) ||
	       set_may_have(&seen->above_sources, hash) ||
	       (om_entry_is_bind(later) &&
		(may_be_under(&seen->targets, later->source) ||
		 set_may_have(&seen->above, hash_path(later->source))));
}

size_t om_wave_length(const struct om_profile *p, size_t first)
{
	struct seen seen = { 0 };
	size_t n = 1;

	see(&seen, &p->entries[first]);
	for (; first + n < p->n; n++) {
		const struct om_entry *later = &p->entries[first + n];

		size_t i = may_depend(&seen, later) ? first : first + n;

		for (; i < first + n; i++)
			if (depends_on(later, &p->entries[i]))
				return n;
		see(&seen, later);
	}
	return n;
}
