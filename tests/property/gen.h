/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random small trees, profiles over them, facts and policies.
 */
#pragma once

#include "probe/facts.h"
#include "profile/profile.h"
#include "property/choice.h"
#include "property/world.h"
#include "strategy/strategy.h"

struct sample {
	struct world world; /* the base, as it is before */
	struct om_str text; /* of the profile */
	struct om_profile *profile;
	struct om_facts facts;
	struct om_policy policy;
	char *writable[2]; /* what its list of holes points to */
	uint64_t salt;	   /* for what must not matter */
};

/* A sample from choices; the pool is emptied first. */
void sample_make(struct sample *s, struct choices *c);
void sample_done(struct sample *s);
/* What a person needs to see it again. */
void sample_print(const struct sample *s, struct text *ret);
