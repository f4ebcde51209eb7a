/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where generators take their numbers from, so that one shrinker serves all of them: a
 * case is the list of the numbers that made it, and a smaller list makes a smaller case.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CHOICES 1024

struct choices {
	uint32_t v[MAX_CHOICES];
	size_t n;
	size_t pos;	/* of the next draw */
	bool replay;	/* what lies behind the end is 0 */
	uint64_t state; /* of the generator of new ones */
};

/* Fresh ones, the same for the same seed. */
void choices_start(struct choices *c, uint64_t seed);
/* The same draws again. */
void choices_rewind(struct choices *c);
/* 0 .. bound-1; 0 is the simplest. */
uint32_t draw(struct choices *c, uint32_t bound);
/* True in n of 100 cases; false is simpler. */
bool draw_percent(struct choices *c, uint32_t n);

/* Does the case fail?  Called with rewound choices. */
typedef bool (*fails_fn)(struct choices *c, const void *arg);

/*
 * Makes the case smaller as long as it fails, with at most `budget` tries.  How many tries
 * there were.
 */
unsigned shrink(struct choices *c, fails_fn fails, const void *arg, unsigned budget);
