/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See ways.h.  A node for every path and for every directory above it.
 */
#include "diff/ways.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The first n bytes of path; "/" is nothing but its slash. */
static const char *cut(char buf[static OM_MAX_PATH + 2], const char *path, size_t n)
{
	memcpy(buf, path, n);
	buf[n] = '\0';
	return buf;
}

static struct om_way *find(const struct om_ways *ways, const char *path)
{
	size_t place = om_index_find(&ways->index, path);

	return place == SIZE_MAX ? NULL : &ways->nodes.v[place];
}

static struct om_way *make(struct om_ways *ways, const char *path)
{
	struct om_way *node = find(ways, path);
	const char *kept;

	if (node)
		return node;
	kept = om_texts_keep(&ways->texts, path, strlen(path));
	if (!kept || om_index_add(&ways->index, kept, ways->nodes.n) < 0 ||
	    om_vec_push(&ways->nodes, (struct om_way){ OM_WAY_NONE, OM_WAY_NONE }) < 0)
		return NULL;
	return &ways->nodes.v[ways->nodes.n - 1];
}

int om_ways_add(struct om_ways *ways, const char *path, size_t number)
{
	size_t depth = om_path_depth(path);
	char buf[OM_MAX_PATH + 2];

	for (size_t i = 0; i <= depth; i++) {
		struct om_way *node =
			make(ways, cut(buf, path, om_path_prefix_len(path, i)));

		if (!node)
			return -ENOMEM;
		node->under = least(node->under, number);
		if (i == depth)
			node->self = least(node->self, number);
	}
	return 0;
}

size_t om_ways_above(const struct om_ways *ways, const char *path)
{
	size_t depth = om_path_depth(path), found = OM_WAY_NONE;
	char buf[OM_MAX_PATH + 2];

	for (size_t i = 0; i <= depth; i++) {
		const struct om_way *node =
			find(ways, cut(buf, path, om_path_prefix_len(path, i)));

		/* Below what is not there, nothing is. */
		if (!node)
			break;
		found = least(found, node->self);
	}
	return found;
}

size_t om_ways_least(const struct om_ways *ways, const char *path)
{
	const struct om_way *node = find(ways, path);

	return least(om_ways_above(ways, path), node ? node->under : OM_WAY_NONE);
}

void om_ways_done(struct om_ways *ways)
{
	om_index_done(&ways->index);
	om_texts_done(&ways->texts);
	om_vec_free(&ways->nodes);
}
