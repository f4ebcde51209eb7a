/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See wave.h.
 */
#include "strategy/wave.h"

#include "base/path.h"

static bool depends_on(const struct om_entry *later, const struct om_entry *earlier)
{
	bool bind = later->kind == OM_ENTRY_BIND_DIR || later->kind == OM_ENTRY_BIND_FILE;

	return om_path_is_under(later->target, earlier->target) ||
	       om_path_is_under(earlier->target, later->target) ||
	       (bind && (om_path_is_under(later->source, earlier->target) ||
			 /* What is bound has the earlier target in it. */
			 om_path_is_under(earlier->target, later->source)));
}

size_t om_wave_length(const struct om_profile *p, size_t first)
{
	size_t n = 1;

	for (; first + n < p->n; n++)
		for (size_t i = first; i < first + n; i++)
			if (depends_on(&p->entries[first + n], &p->entries[i]))
				return n;
	return n;
}
