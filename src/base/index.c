/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See index.h.  Open addressing, at most half full.
 */
#include "base/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

/* Eight bytes at a time: each of 100,000 siblings is looked up by its whole path. */
static uint32_t hash_text(const char *text)
{
	size_t n = strlen(text);
	uint64_t hash = n, word;

	for (; n >= sizeof(word); n -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, text, n);
	return (uint32_t)mix(hash, word);
}

/* The slot of the key, or the free one where it would be. */
static struct om_index_slot *find_slot(const struct om_index *index, const char *key,
				       uint32_t hash)
{
	size_t mask = index->size - 1, i = hash & mask;

	while (index->slots[i].key &&
	       (index->slots[i].hash != hash || strcmp(index->slots[i].key, key) != 0))
		i = (i + 1) & mask;
	return &index->slots[i];
}

size_t om_index_find(const struct om_index *index, const char *key)
{
	const struct om_index_slot *slot;

	if (index->n == 0)
		return SIZE_MAX;
	slot = find_slot(index, key, hash_text(key));
	return slot->key ? slot->place : SIZE_MAX;
}

static int grow(struct om_index *index)
{
	struct om_index grown = { .size = index->size ? 2 * index->size : 16 };

	grown.slots = calloc(grown.size, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->size; i++)
		if (index->slots[i].key)
			*find_slot(&grown, index->slots[i].key, index->slots[i].hash) =
				index->slots[i];
	grown.n = index->n;
	free(index->slots);
	*index = grown;
	return 0;
}

int om_index_add(struct om_index *index, const char *key, size_t place)
{
	uint32_t hash = hash_text(key);
	int r = 2 * index->n >= index->size ? grow(index) : 0;

	if (r < 0)
		return r;
	*find_slot(index, key, hash) =
		(struct om_index_slot){ key, hash, (uint32_t)place };
	index->n++;
	return 0;
}

void om_index_done(struct om_index *index)
{
	free(index->slots);
	*index = (struct om_index){ 0 };
}
