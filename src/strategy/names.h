/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names that a construction adds to its hole: shared by overlay, which puts them into
 * a skeleton, and mimic, which puts them among the siblings.
 */
#pragma once

#include <stdbool.h>

#include "base/index.h"
#include "base/macro.h"
#include "base/vec.h"
#include "strategy/strategy.h"

struct om_name {
	char *path;   /* owned; absolute */
	bool exists;  /* a directory of the hole that must be opened on the way */
	size_t entry; /* of the scene, for leaves; SIZE_MAX for directories on the way */
};

struct om_names {
	OM_VEC(struct om_name) v; /* parents before children */
	struct om_index index;	  /* of their paths */
};

/* Collects the names of construction index; -ENOMEM. */
int om_names_collect(const struct om_decisions *d, size_t index,
		     struct om_names *ret) _nonnull_all_ _must_check_;
void om_names_done(struct om_names *names);
#define _cleanup_names_ _cleanup_(om_names_done)
const struct om_name *om_names_find(const struct om_names *names,
				    const char *path) _nonnull_all_;

/* The steps that make one name at place (skeleton or stage). */
int om_names_expand(const struct om_decisions *d, const struct om_name *name,
		    enum om_place place, struct om_plan *plan) _nonnull_all_ _must_check_;
