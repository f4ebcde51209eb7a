/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See below.h.
 */
#include "apply/below.h"

#include <sys/mount.h>

void om_below_init(struct om_below *b, const struct om_sys *sys,
		   const struct om_mount_id *outer)
{
	b->sys = sys;
	b->outer = *outer;
	b->end = b->failed = !outer->unique;
	b->at = b->n = 0;
	b->last = 0;
}

/* How many more there are, or -errno. */
static int fill(struct om_below *b)
{
	int n = b->sys->listmount(b->sys, b->outer.id, b->last, b->ids,
				  ARRAY_SIZE(b->ids));

	if (n > 0)
		b->last = b->ids[n - 1];
	b->at = 0;
	b->n = n > 0 ? (size_t)n : 0;
	b->end = b->n < ARRAY_SIZE(b->ids);
	b->failed = n < 0;
	return n;
}

bool om_below_has(struct om_below *b, const struct om_mount_id *id)
{
	if (!id->unique)
		return false;
	for (;;) {
		while (b->at < b->n && b->ids[b->at] < id->id)
			b->at++;
		if (b->at < b->n || b->end)
			return b->at < b->n && b->ids[b->at] == id->id;
		(void)fill(b);
	}
}

bool om_below_next(struct om_below *b, uint64_t *ret_id)
{
	if (b->at == b->n && !b->end)
		(void)fill(b);
	if (b->at == b->n)
		return false;
	*ret_id = b->ids[b->at++];
	return true;
}

uint64_t om_below_newest(const struct om_sys *sys, const struct om_mount_id *outer)
{
	struct om_below b;

	om_below_init(&b, sys, outer);
	b.last = outer->id;
	while (!b.end)
		if (fill(&b) < 0)
			return 0;
	return b.last;
}

int om_below_find_stranger(const struct om_sys *sys, const struct om_mount_id *outer,
			   uint64_t newest, uint64_t *ret_id)
{
	struct om_below b;

	om_below_init(&b, sys, outer);
	b.last = newest;
	b.end = b.end || newest == UINT64_MAX;
	while (!b.end) {
		(void)fill(&b);
		for (size_t i = 0; i < b.n; i++) {
			const struct om_mount_id id = { b.ids[i], true };
			struct om_mount_look look;

			if (sys->mount_look(sys, &id, &look) < 0 ||
			    look.propagation & MS_SLAVE)
				continue;
			*ret_id = id.id;
			return 1;
		}
	}
	return 0;
}
