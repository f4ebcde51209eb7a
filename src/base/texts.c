/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See texts.h.
 */
#include "base/texts.h"

#include <stdlib.h>
#include <string.h>

/* Each room is twice the one before: a few texts shall cost little, too. */
#define FIRST_ROOM 512
#define LARGEST_ROOM 32768

static int add_room(struct om_texts *texts, size_t least)
{
	size_t size = FIRST_ROOM;
	char *room;
	int r;

	for (size_t i = 0; i < texts->rooms.n && size < LARGEST_ROOM; i++)
		size *= 2;
	if (size < least)
		size = least;
	room = malloc(size);
	r = room ? om_vec_push(&texts->rooms, room) : -ENOMEM;

	if (r < 0) {
		free(room);
		return r;
	}
	texts->room = room;
	texts->left = size;
	return 0;
}

const char *om_texts_keep(struct om_texts *texts, const char *text, size_t n)
{
	char *copy;

	if (n >= texts->left && add_room(texts, n + 1) < 0)
		return NULL;
	copy = memcpy(texts->room, text, n);
	copy[n] = '\0';
	texts->room += n + 1;
	texts->left -= n + 1;
	return copy;
}

void om_texts_done(struct om_texts *texts)
{
	for (size_t i = 0; i < texts->rooms.n; i++)
		free(texts->rooms.v[i]);
	om_vec_free(&texts->rooms);
	texts->room = NULL;
	texts->left = 0;
}
