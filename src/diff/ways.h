/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers at paths, and the least of those that are on the way to a path or beyond it, so
 * that an entry need not be compared with every other one.
 */
#pragma once

#include <stddef.h>

#include "base/index.h"
#include "base/macro.h"
#include "base/texts.h"
#include "base/vec.h"

/* No number. */
#define OM_WAY_NONE ((size_t)-1)

struct om_way {
	size_t self;  /* the least number at the path itself */
	size_t under; /* the least of the path and of all that lies below it */
};

struct om_ways {
	struct om_index index; /* of nodes by their path */
	struct om_texts texts; /* the paths */
	OM_VEC(struct om_way) nodes;
};

/* Puts a number at a clean path.  -ENOMEM. */
int om_ways_add(struct om_ways *ways, const char *path,
		size_t number) _nonnull_all_ _must_check_;
/* The least number at the path or above it. */
size_t om_ways_above(const struct om_ways *ways, const char *path) _nonnull_all_;
/* The least number at the path, above it or below it. */
size_t om_ways_least(const struct om_ways *ways, const char *path) _nonnull_all_;
void om_ways_done(struct om_ways *ways);
