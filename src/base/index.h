/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds places of an array by a text, so that thousands of entries beside a hundred
 * thousand names need no search through all of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

struct om_index_slot {
	const char *key; /* borrowed; NULL: free */
	uint32_t hash;
	uint32_t place;
};

struct om_index {
	struct om_index_slot *slots; /* owned */
	size_t n;
	size_t size; /* a power of two, or 0 */
};

/* The place of the key, or SIZE_MAX. */
size_t om_index_find(const struct om_index *index, const char *key) _nonnull_all_;
/* Adds a key that is not there; it must outlive the index.  -ENOMEM. */
int om_index_add(struct om_index *index, const char *key,
		 size_t place) _nonnull_all_ _must_check_;
void om_index_done(struct om_index *index);

/* FNV-1a, going on from hash. */
#define OM_HASH_START 0x811c9dc5U
static inline uint32_t om_hash_byte(uint32_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 0x01000193U;
}
