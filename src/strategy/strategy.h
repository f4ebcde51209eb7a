/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Choosing.  A strategy is one file with one struct, listed in one table in the order of
 * preference (strategy.c).  Pure: profile, scene, facts and policy go in, decisions come
 * out; expanding turns them into steps (plan.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/vec.h"
#include "probe/facts.h"
#include "probe/scene.h"
#include "profile/profile.h"
#include "strategy/plan.h"
#include "strategy/reason.h"

enum om_strategy_id {
	OM_STRATEGY_PLAIN,
	OM_STRATEGY_OVERLAY,
	OM_STRATEGY_MIMIC,
	OM_STRATEGY_REFUSE,
	_OM_STRATEGY_MAX,
};

/* What the caller permits. */
struct om_policy {
	bool allow[_OM_STRATEGY_MAX]; /* refuse is always allowed */
	bool root_hole; /* names may be added to "/": the namespace is being built */
};

extern const struct om_policy om_policy_default;

struct om_verdict {
	bool yes;
	enum om_why why;
};

struct om_decision {
	enum om_strategy_id strategy;
	enum om_why why;
	size_t construction; /* index, or SIZE_MAX when nothing is shared */
	struct {
		enum om_strategy_id strategy;
		enum om_why why;
	} rejected[_OM_STRATEGY_MAX];
	size_t n_rejected;
};

/* All entries of the scene whose names are added in one hole. */
struct om_construction {
	size_t hole; /* directory of the scene */
	enum om_strategy_id strategy;
};

struct om_decisions {
	const struct om_profile *profile;	      /* borrowed */
	const struct om_scene *scene;		      /* borrowed */
	const struct om_facts *facts;		      /* borrowed */
	const struct om_policy *policy;		      /* borrowed */
	struct om_decision *entries;		      /* one per entry of the scene */
	OM_VEC(struct om_construction) constructions; /* outer ones first */
};

struct om_strategy {
	enum om_strategy_id id;
	const char *name;
	/* Can it do entry i (of the scene)?  The hole of entry i is already the shared one. */
	struct om_verdict (*consider)(const struct om_decisions *d, size_t i);
	/* Expanding needs the children of the hole and of the directories opened in it. */
	bool lists_children;
	/* Appends the steps of a construction, or of a single entry when it has none. */
	int (*expand)(const struct om_decisions *d, size_t index, struct om_plan *plan);
};

extern const struct om_strategy om_strategy_plain;
extern const struct om_strategy om_strategy_overlay;
extern const struct om_strategy om_strategy_mimic;
extern const struct om_strategy om_strategy_refuse;

/* The table; NULL for an unknown name. */
const struct om_strategy *om_strategy_get(enum om_strategy_id id);

/*
 * Decides every entry of the scene.  0 also when entries are refused (see
 * om_decisions_refusal()); -ENOMEM.
 */
int om_decide(const struct om_profile *profile, const struct om_scene *scene,
	      const struct om_facts *facts, const struct om_policy *policy,
	      struct om_decisions *ret) _nonnull_all_ _must_check_;
void om_decisions_done(struct om_decisions *d);
#define _cleanup_decisions_ _cleanup_(om_decisions_done)

/* 0, or -EACCES with the first refused entry told in *e. */
int om_decisions_refusal(const struct om_decisions *d, struct om_error *e) _nonnull_(1);

/* Appends the steps of all decisions to plan: constructions first, outer ones first. */
int om_expand(const struct om_decisions *d,
	      struct om_plan *plan) _nonnull_all_ _must_check_;

/* Helpers for strategies. */
const struct om_entry *om_decisions_entry(const struct om_decisions *d, size_t i);
const struct om_scene_dir *om_decisions_hole(const struct om_decisions *d, size_t i);
/* Steps that fill the name of entry i inside a construction or on the live tree. */
int om_expand_entry_mount(const struct om_decisions *d, size_t i, enum om_place place,
			  struct om_plan *plan) _must_check_;
int om_expand_attach(const struct om_plan_target *target,
		     struct om_plan *plan) _must_check_;
