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
#include "strategy/case.h"
#include "strategy/plan.h"
#include "strategy/reason.h"

enum om_strategy_id {
	OM_STRATEGY_PLAIN,
	OM_STRATEGY_OVERLAY,
	OM_STRATEGY_MIMIC,
	OM_STRATEGY_OVERLAY_RW, /* journals have the number */
	OM_STRATEGY_REFUSE,
	_OM_STRATEGY_MAX,
};

/* Those that add a name to a hole are between plain and refuse. */
#define OM_N_HOLE_STRATEGIES (OM_STRATEGY_REFUSE - OM_STRATEGY_OVERLAY)

/* Clean absolute paths. */
struct om_policy_paths {
	char **v; /* owned, as what it points to */
	size_t n;
};

/* What the caller permits.  policy.h reads one from a file. */
struct om_policy {
	bool allow[_OM_STRATEGY_MAX]; /* refuse is always allowed */
	/* The strategies for holes, all of them: the first one that is allowed and fits. */
	enum om_strategy_id order[OM_N_HOLE_STRATEGIES];
	bool root_hole; /* names may be added to "/": the namespace is being built */
	/* An overlay may lie over what others can change behind its back. */
	bool mutable_lowers;
	bool kind_changes; /* names of another kind may give way; snapd refuses them */
	bool strict;	   /* what could not be found out is refused */
	struct om_policy_paths roots;	 /* where targets may lie; none: everywhere */
	struct om_policy_paths reserved; /* where they may not */
	struct om_policy_paths writable; /* holes that take new names after apply */
	size_t writable_size; /* bytes of the tmpfs that takes them, for each hole */
	size_t max_entries;
	size_t max_siblings; /* names of one directory that mimic copies */
	size_t max_submounts;
	size_t max_depth; /* components of a target */
};

extern const struct om_policy om_policy_default;

struct om_decision {
	enum om_strategy_id strategy;
	enum om_why why;
	size_t construction; /* index, or SIZE_MAX when nothing is shared */
	struct {
		enum om_strategy_id strategy;
		enum om_why why; /* the first */
		om_why_set all;
	} rejected[_OM_STRATEGY_MAX];
	size_t n_rejected;
};

/* All entries of the scene whose names are added in one hole. */
struct om_construction {
	size_t hole; /* directory of the scene */
	enum om_strategy_id strategy;
	bool live; /* sockets or fifos in it, or in a deeper hole that it takes in */
	bool writable, sealed; /* both: only a part of it takes new names after apply */
	bool hides;	       /* a name of the base */
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
	/* Its table, up to the row that always holds; refuse has none. */
	const struct om_rule *rules;
	/* Asked only about holes that take new names after apply. */
	bool for_writing;
	/* Expanding needs the children of the hole and of the directories opened in it. */
	bool lists_children;
	/* Appends the steps of a construction, or of a single entry when it has none. */
	int (*expand)(const struct om_decisions *d, size_t index, struct om_plan *plan);
};

extern const struct om_strategy om_strategy_plain;
extern const struct om_strategy om_strategy_overlay;
extern const struct om_strategy om_strategy_overlay_rw;
extern const struct om_strategy om_strategy_mimic;
extern const struct om_strategy om_strategy_refuse;
/* Why the entry is refused, after all strategies were rejected. */
enum om_why om_refuse_why(const struct om_decision *decision) _nonnull_all_;

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

/*
 * 0, or -EACCES with the first refused entry told in *e.  When the children of holes have
 * been listed meanwhile, entries whose construction would copy too many are refused now.
 */
int om_decisions_refusal(struct om_decisions *d, struct om_error *e) _nonnull_(1);

/*
 * The decision alone, without anything that it would be found from: entry or not, hole or
 * not.  What the table of plain leaves open is chosen in the policy's order.
 */
void om_case_decide(const struct om_case *c, const struct om_policy *policy,
		    struct om_decision *ret) _nonnull_all_;

/* Appends the steps of all decisions to plan: constructions first, outer ones first. */
int om_expand(const struct om_decisions *d,
	      struct om_plan *plan) _nonnull_all_ _must_check_;

/*
 * The steps of the constructions alone, as if strategy id had been chosen for all of them;
 * the children of their holes must be listed when it needs them.
 */
int om_expand_as(const struct om_decisions *d, enum om_strategy_id id,
		 struct om_plan *plan) _nonnull_all_ _must_check_;

/* Whether the strategy is asked about the construction at all. */
bool om_construction_asks(const struct om_construction *construction,
			  enum om_strategy_id id) _nonnull_all_;

/*
 * Whether the names in a hole are wanted whatever is found there: no strategy that does
 * without them can be chosen.
 */
bool om_decide_lists(const struct om_facts *facts,
		     const struct om_policy *policy) _nonnull_all_;

/* The facts that matter for this profile and policy, besides those that always do. */
om_fact_set om_decide_wants(const struct om_profile *profile,
			    const struct om_policy *policy) _nonnull_all_;

/* Helpers for strategies. */
const struct om_entry *om_decisions_entry(const struct om_decisions *d, size_t i);
const struct om_scene_dir *om_decisions_hole(const struct om_decisions *d, size_t i);
/* Steps that fill the name of entry i inside a construction or on the live tree. */
int om_expand_entry_mount(const struct om_decisions *d, size_t i, enum om_place place,
			  struct om_plan *plan) _must_check_;
/*
 * The size of the tmpfs of a construction that takes new names, which itself needs `own`
 * inodes of it; nothing is limited for one that takes none.
 */
void om_expand_room(const struct om_decisions *d, size_t index, size_t own,
		    struct om_step *step) _nonnull_all_;
int om_expand_attach(const struct om_plan_target *target,
		     struct om_plan *plan) _must_check_;
