/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When two entries ask for the same thing.  Not the bytes count but what they mean:
 * options may stand in another order, and what only keeps book is passed over.
 */
#include <stdbool.h>
#include <string.h>

#include "profile/profile.h"

/* Private is what a mount becomes that says nothing. */
static bool is_slave(const struct om_entry *entry)
{
	return entry->propagation == OM_PROPAGATION_SLAVE;
}

const char *om_entry_difference(const struct om_entry *a, const struct om_entry *b)
{
	if (!om_streq(a->target, b->target))
		return "target";
	if (a->kind != b->kind)
		return "kind";
	/* Only a bind has a source: to the others it is a word without a meaning. */
	if (om_entry_is_bind(a) && !om_streq(a->source, b->source))
		return "source";
	if (a->kind == OM_ENTRY_SYMLINK && !om_streq(a->symlink, b->symlink))
		return "link";
	if (a->recursive != b->recursive)
		return "recursion";
	if (a->create_source != b->create_source)
		return "creation of its source";
	if (a->attr != b->attr)
		return "attributes";
	if (is_slave(a) != is_slave(b))
		return "propagation";
	if (a->mode != b->mode)
		return "mode";
	if (a->uid != b->uid)
		return "user";
	if (a->gid != b->gid)
		return "group";
	if (a->size != b->size)
		return "size";
	return a->inodes != b->inodes ? "inodes" : NULL;
}
