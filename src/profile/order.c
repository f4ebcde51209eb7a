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

bool om_paths_depend(const char *target, const char *source, const char *earlier_target,
		     const char *earlier_source)
{
	return om_path_overlap(target, earlier_target) ||
	       /* A source has the target of the other one in it or not, and one that lies in the
		* target of the other one is there or not. */
	       (source && om_path_overlap(source, earlier_target)) ||
	       (earlier_source && om_path_overlap(target, earlier_source));
}
