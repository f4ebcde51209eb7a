/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See choice.h.
 */
#include "property/choice.h"

#include <string.h>

void choices_start(struct choices *c, uint64_t seed)
{
	c->n = c->pos = 0;
	c->replay = false;
	c->state = seed;
}

void choices_rewind(struct choices *c)
{
	c->pos = 0;
	c->replay = true;
}

/* splitmix64 */
static uint32_t next(struct choices *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (uint32_t)(z >> 32);
}

uint32_t draw(struct choices *c, uint32_t bound)
{
	uint32_t value;

	if (c->pos >= c->n && (c->replay || c->pos >= MAX_CHOICES))
		return 0;
	if (c->pos >= c->n)
		c->v[c->n++] = next(c) % bound;
	value = c->v[c->pos++];
	return value < bound ? value : bound - 1;
}

bool draw_percent(struct choices *c, uint32_t n)
{
	return draw(c, 100) >= 100 - n;
}

struct shrinking {
	struct choices *best;
	fails_fn fails;
	const void *arg;
	unsigned tries, budget;
};

static bool is_smaller(const struct choices *a, const struct choices *b)
{
	if (a->n != b->n)
		return a->n < b->n;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i] != b->v[i])
			return a->v[i] < b->v[i];
	return false;
}

/* Takes the try if it is smaller and still fails. */
static bool consider(struct shrinking *s, struct choices *try)
{
	if (s->tries >= s->budget || !is_smaller(try, s->best))
		return false;
	s->tries++;
	choices_rewind(try);
	if (!s->fails(try, s->arg))
		return false;
	/* What was not drawn has no part in it. */
	if (try->pos < try->n)
		try->n = try->pos;
	*s->best = *try;
	return true;
}

static bool cut_blocks(struct shrinking *s, size_t size)
{
	bool better = false;

	for (size_t i = s->best->n; i >= size && i > 0; i--) {
		struct choices try = *s->best;
		size_t at = i - size;

		if (i > try.n)
			continue;
		memmove(try.v + at, try.v + i, (try.n - i) * sizeof(*try.v));
		try.n -= size;
		better |= consider(s, &try);
	}
	return better;
}

static bool lower_values(struct shrinking *s)
{
	bool better = false;

	for (size_t i = 0; i < s->best->n; i++) {
		const uint32_t old = s->best->v[i];
		const uint32_t tries[] = { 0, old / 2, old - 1 };

		for (size_t k = 0; old > 0 && i < s->best->n && k < 3; k++) {
			struct choices try = *s->best;

			try.v[i] = tries[k];
			if (consider(s, &try)) {
				better = true;
				break;
			}
		}
	}
	return better;
}

/* A block may go only together with the number that counts it. */
static bool cut_counted(struct shrinking *s, size_t size)
{
	bool better = false;

	for (size_t count = 0; count < s->best->n && count < 2; count++)
		for (size_t i = s->best->n; i >= size && i - size > count; i--) {
			struct choices try = *s->best;

			if (i > try.n || try.v[count] == 0)
				continue;
			try.v[count]--;
			memmove(try.v + i - size, try.v + i,
				(try.n - i) * sizeof(*try.v));
			try.n -= size;
			better |= consider(s, &try);
		}
	return better;
}

unsigned shrink(struct choices *c, fails_fn fails, const void *arg, unsigned budget)
{
	struct shrinking s = { c, fails, arg, 0, budget };
	bool better = true;

	while (better && s.tries < budget) {
		better = false;
		for (size_t size = 32; size > 0; size /= 2)
			better |= cut_blocks(&s, size);
		for (size_t size = 20; size > 0; size--)
			better |= cut_counted(&s, size);
		better |= lower_values(&s);
	}
	choices_rewind(c);
	return s.tries;
}
