/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of application, snapd's "origin and mount point".
 */
#include <stdlib.h>

#include "base/path.h"
#include "profile/profile.h"

static int rank(enum om_origin origin)
{
	switch (origin) {
	case OM_ORIGIN_OVERNAME:
		return 0;
	case OM_ORIGIN_LAYOUT:
		return 2;
	case OM_ORIGIN_ROOTFS:
	case OM_ORIGIN_GENERAL:
	case _OM_ORIGIN_MAX:
		break;
	}
	return 1;
}

static int compare(const void *pa, const void *pb)
{
	const struct om_entry *a = pa, *b = pb;
	int r = rank(a->origin) - rank(b->origin);

	if (r == 0)
		r = om_path_compare(a->target, b->target);
	/* qsort(3) promises no stability. */
	if (r == 0)
		r = a->order < b->order ? -1 : 1;
	return r;
}

void om_profile_sort(struct om_profile *p)
{
	if (p->n < 2)
		return;
	for (size_t i = 0; i < p->n; i++)
		p->entries[i].order = (unsigned)i;
	qsort(p->entries, p->n, sizeof(*p->entries), compare);
}
