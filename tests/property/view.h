/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a profile promises, without any strategy: the tree that was there, with the entries
 * put on top of it one after the other.
 */
#pragma once

#include "profile/profile.h"
#include "property/world.h"

enum promise {
	PROMISE_KEPT,
	PROMISE_REFUSED, /* nothing is changed */
	PROMISE_OPEN,	 /* documented: docs/apply.md, "What an application sees" */
};

/* Bugs to be found, for controls. */
enum planted {
	PLANTED_NOTHING,
	PLANTED_MODE,	 /* a tmpfs always has mode 0755 */
	PLANTED_SIBLING, /* the last name beside a new one is lost */
	PLANTED_ORDER,	 /* sources are taken as they were before the first entry */
	_PLANTED_MAX,
};

struct view_rules {
	bool root_hole; /* names may be added to the root */
	bool kind_changes;
	enum planted planted;
};

/* *ret is a world of one tree, without mounts. */
enum promise view_of(const struct world *base, const struct om_profile *p,
		     const struct view_rules *rules, struct world *ret);
