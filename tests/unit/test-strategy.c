/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decision as a truth table: every case that there is, against a reference that was
 * written down by outcome, not by strategy.  OM_TRUTH=full: for each entry that needs a hole
 * every hole and every policy, also where they cannot matter, and what plain settles alone is
 * held against every hole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "strategy/strategy.h"

/* The fields of a case, and how many values each has.  Those of the hole come last. */
enum field {
	TARGET,
	SOURCE,
	REPLACEABLE,
	OURS,
	ROOT,
	RESERVED,
	OUTSIDE,
	DEEP,
	TOO_MANY,
	N_ENTRY,
	OVERLAY = N_ENTRY,
	LABEL,
	WRITABLE,
	AREA,
	OBJECTS,
	MUTABLE,
	UNBINDABLE,
	SUB_UNBINDABLE,
	FIT,
	SUBMOUNTS,
	WHITEOUT,
	STRICT,
	OVERLAY_ALLOWED,
	MIMIC_ALLOWED,
	ORDER, /* one of orders */
	WRITES,
	UPPER, /* matters only where something is written, as the next one */
	RW_ALLOWED,
	N_FIELDS,
};

static const unsigned n_values[N_FIELDS] = { 6, 4, 2, 2, 2, 2, 2, 2, 2, 5, 6, 2, 2, 2,
					     2, 2, 2, 5, 3, 3, 2, 2, 2, 6, 3, 4, 2 };

/* All of them; the first three have overlay before overlay-rw. */
#define N_ORDERS 6
static const enum om_strategy_id orders[N_ORDERS][OM_N_HOLE_STRATEGIES] = {
	{ OM_STRATEGY_OVERLAY, OM_STRATEGY_OVERLAY_RW, OM_STRATEGY_MIMIC },
	{ OM_STRATEGY_OVERLAY, OM_STRATEGY_MIMIC, OM_STRATEGY_OVERLAY_RW },
	{ OM_STRATEGY_MIMIC, OM_STRATEGY_OVERLAY, OM_STRATEGY_OVERLAY_RW },
	{ OM_STRATEGY_MIMIC, OM_STRATEGY_OVERLAY_RW, OM_STRATEGY_OVERLAY },
	{ OM_STRATEGY_OVERLAY_RW, OM_STRATEGY_MIMIC, OM_STRATEGY_OVERLAY },
	{ OM_STRATEGY_OVERLAY_RW, OM_STRATEGY_OVERLAY, OM_STRATEGY_MIMIC },
};

/* What follows from them. */
enum {
	MIMIC_BEFORE = N_FIELDS, /* it comes before the overlay that is meant */
	LAST,			 /* of the allowed ones that are asked; PLAIN: none is */
	N_ALL,
};

/* One row of the reference: up to fourteen fields that must have a value. */
struct reference {
	struct {
		unsigned char field, value;
	} when[14];
	unsigned char n;
	enum om_strategy_id strategy;
	enum om_why why;
	unsigned long hits;
};

#define WHEN(...)                                                                        \
	.when = { __VA_ARGS__ }, .n = sizeof((unsigned char[][2]){ __VA_ARGS__ }) / 2

#define PLAIN OM_STRATEGY_PLAIN
#define REFUSE OM_STRATEGY_REFUSE
#define HERE                                                                             \
	{ OVERLAY, OM_OVERLAY_WORKS }, { WRITABLE, 0 }, { AREA, 0 }, { OBJECTS, 0 },     \
		{ MUTABLE, 0 }, { UNBINDABLE, 0 }, { SUB_UNBINDABLE, 0 },                \
		{ WHITEOUT, OM_WHITEOUT_FINE },                                          \
	{                                                                                \
		FIT, OM_FIT_YES                                                          \
	}
#define NONE                                                                             \
	{                                                                                \
		WRITES, OM_WRITES_NONE                                                   \
	}
#define ALL                                                                              \
	{                                                                                \
		WRITES, OM_WRITES_ALL                                                    \
	}

/* clang-format off */
static struct reference table[] = {
	/* Never mind the tree: the policy says no. */
	{ WHEN({ RESERVED, 1 }), REFUSE, OM_WHY_RESERVED, 0 },
	{ WHEN({ OUTSIDE, 1 }), REFUSE, OM_WHY_OUTSIDE_ROOTS, 0 },
	{ WHEN({ DEEP, 1 }), REFUSE, OM_WHY_TOO_DEEP, 0 },
	{ WHEN({ TOO_MANY, 1 }), REFUSE, OM_WHY_TOO_MANY_ENTRIES, 0 },
	/* Nothing to show. */
	{ WHEN({ SOURCE, OM_SOURCE_NONE }), REFUSE, OM_WHY_NO_SOURCE, 0 },
	{ WHEN({ SOURCE, OM_SOURCE_NOT_DIR }), REFUSE, OM_WHY_SOURCE_NOT_DIR, 0 },
	{ WHEN({ SOURCE, OM_SOURCE_NOT_FILE }), REFUSE, OM_WHY_SOURCE_NOT_FILE, 0 },
	/* Nothing is missing. */
	{ WHEN({ TARGET, OM_TARGET_FITS }), PLAIN, OM_WHY_TARGET_EXISTS, 0 },
	{ WHEN({ TARGET, OM_TARGET_SAME_LINK }), PLAIN, OM_WHY_LINK_EXISTS, 0 },
	{ WHEN({ TARGET, OM_TARGET_ABSENT }), PLAIN, OM_WHY_NOTHING_TO_HIDE, 0 },
	{ WHEN({ TARGET, OM_TARGET_OTHER }, { REPLACEABLE, 0 }), REFUSE, OM_WHY_KIND_CHANGE, 0 },
	{ WHEN({ TARGET, OM_TARGET_HIDES }, { REPLACEABLE, 0 }), REFUSE, OM_WHY_HIDES, 0 },
	/* Something is, and can be made. */
	{ WHEN({ TARGET, OM_TARGET_MISSING }, { OURS, 1 }), PLAIN, OM_WHY_PARENT_OURS, 0 },
	{ WHEN({ ROOT, 1 }), REFUSE, OM_WHY_ROOT_HOLE, 0 },
	/* A hole, for what is missing or gives way. */
	{ WHEN({ LAST, PLAIN }), REFUSE, OM_WHY_NO_STRATEGY, 0 },
	{ WHEN({ STRICT, 1 }, { OVERLAY, OM_OVERLAY_UNKNOWN }), REFUSE, OM_WHY_STRICT, 0 },
	{ WHEN({ STRICT, 1 }, { FIT, OM_FIT_UNKNOWN }), REFUSE, OM_WHY_STRICT, 0 },
	{ WHEN({ STRICT, 1 }, { WHITEOUT, OM_WHITEOUT_UNKNOWN }), REFUSE, OM_WHY_STRICT, 0 },
	{ WHEN(ALL, { STRICT, 1 }, { UPPER, OM_UPPER_UNKNOWN }), REFUSE, OM_WHY_STRICT, 0 },
	{ WHEN({ WRITES, OM_WRITES_PART }), REFUSE, OM_WHY_WRITABLE_PART, 0 },
	/* One that is to stay as it is. */
	{ WHEN(NONE, { MIMIC_ALLOWED, 1 }, { MIMIC_BEFORE, 1 }, { UNBINDABLE, 0 }, { SUB_UNBINDABLE, 0 }),
	  OM_STRATEGY_MIMIC, OM_WHY_MIMIC, 0 },
	{ WHEN(NONE, HERE, { LABEL, OM_LABEL_NONE }, { OVERLAY_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_NONE }),
	  OM_STRATEGY_OVERLAY, OM_WHY_OVL_RO, 0 },
	{ WHEN(NONE, HERE, { LABEL, OM_LABEL_READS }, { OVERLAY_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_NONE }),
	  OM_STRATEGY_OVERLAY, OM_WHY_OVL_RO, 0 },
	{ WHEN(NONE, HERE, { LABEL, OM_LABEL_HELPER }, { OVERLAY_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_NONE }),
	  OM_STRATEGY_OVERLAY, OM_WHY_OVL_RO, 0 },
	{ WHEN(NONE, HERE, { LABEL, OM_LABEL_NONE }, { OVERLAY_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_FEW }),
	  OM_STRATEGY_OVERLAY, OM_WHY_OVL_REBIND, 0 },
	{ WHEN(NONE, HERE, { LABEL, OM_LABEL_READS }, { OVERLAY_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_FEW }),
	  OM_STRATEGY_OVERLAY, OM_WHY_OVL_REBIND, 0 },
	{ WHEN(NONE, HERE, { LABEL, OM_LABEL_HELPER }, { OVERLAY_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_FEW }),
	  OM_STRATEGY_OVERLAY, OM_WHY_OVL_REBIND, 0 },
	{ WHEN(NONE, { MIMIC_ALLOWED, 1 }, { UNBINDABLE, 0 }, { SUB_UNBINDABLE, 0 }),
	  OM_STRATEGY_MIMIC, OM_WHY_MIMIC, 0 },
	/* One that takes new names. */
	{ WHEN(ALL, { MIMIC_ALLOWED, 1 }, { MIMIC_BEFORE, 1 }, { UNBINDABLE, 0 }, { SUB_UNBINDABLE, 0 }),
	  OM_STRATEGY_MIMIC, OM_WHY_MIMIC_RW, 0 },
	{ WHEN(ALL, HERE, { LABEL, OM_LABEL_NONE }, { UPPER, OM_UPPER_WORKS }, { RW_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_NONE }),
	  OM_STRATEGY_OVERLAY_RW, OM_WHY_OVL_RW, 0 },
	{ WHEN(ALL, HERE, { LABEL, OM_LABEL_NONE }, { UPPER, OM_UPPER_WORKS }, { RW_ALLOWED, 1 }, { SUBMOUNTS, OM_SUBMOUNTS_FEW }),
	  OM_STRATEGY_OVERLAY_RW, OM_WHY_OVL_RW_REBIND, 0 },
	{ WHEN(ALL, { MIMIC_ALLOWED, 1 }, { UNBINDABLE, 0 }, { SUB_UNBINDABLE, 0 }),
	  OM_STRATEGY_MIMIC, OM_WHY_MIMIC_RW, 0 },
	/* Nothing fits: the reason of the strategy that was asked last. */
	{ WHEN({ LAST, OM_STRATEGY_MIMIC }, { UNBINDABLE, 1 }), REFUSE, OM_WHY_HOLE_UNBINDABLE, 0 },
	{ WHEN({ LAST, OM_STRATEGY_MIMIC }), REFUSE, OM_WHY_SUBMOUNT_UNBINDABLE, 0 },
	{ WHEN(ALL, { LAST, OM_STRATEGY_OVERLAY }), REFUSE, OM_WHY_HOLE_TAKES_NAMES, 0 },
	/* One of the overlays. */
	{ WHEN({ OVERLAY, OM_OVERLAY_ABSENT }), REFUSE, OM_WHY_OVL_ABSENT, 0 },
	{ WHEN({ OVERLAY, OM_OVERLAY_BLACKLISTED }), REFUSE, OM_WHY_OVL_BLACKLISTED, 0 },
	{ WHEN({ OVERLAY, OM_OVERLAY_NOT_LOADED }), REFUSE, OM_WHY_OVL_NOT_LOADED, 0 },
	{ WHEN({ OVERLAY, OM_OVERLAY_UNKNOWN }), REFUSE, OM_WHY_OVL_UNKNOWN, 0 },
	{ WHEN({ LABEL, OM_LABEL_OTHER }), REFUSE, OM_WHY_OVL_OTHER_LABEL, 0 },
	{ WHEN(NONE, { LABEL, OM_LABEL_KEPT }), REFUSE, OM_WHY_OVL_MOUNTER_LABEL, 0 },
	{ WHEN(NONE, { LABEL, OM_LABEL_HELPER_KEPT }), REFUSE, OM_WHY_OVL_HELPER_LABEL, 0 },
	{ WHEN(ALL, { UPPER, OM_UPPER_ABSENT }), REFUSE, OM_WHY_OVL_NO_UPPER, 0 },
	{ WHEN(ALL, { UPPER, OM_UPPER_UNKNOWN }), REFUSE, OM_WHY_OVL_UPPER_UNKNOWN, 0 },
	{ WHEN(ALL, { LABEL, OM_LABEL_READS }), REFUSE, OM_WHY_OVL_UPPER_LABEL, 0 },
	{ WHEN(ALL, { LABEL, OM_LABEL_KEPT }), REFUSE, OM_WHY_OVL_UPPER_LABEL, 0 },
	{ WHEN(ALL, { LABEL, OM_LABEL_HELPER }), REFUSE, OM_WHY_OVL_UPPER_LABEL, 0 },
	{ WHEN(ALL, { LABEL, OM_LABEL_HELPER_KEPT }), REFUSE, OM_WHY_OVL_UPPER_LABEL, 0 },
	{ WHEN(ALL, { UPPER, OM_UPPER_NO_PLACE }), REFUSE, OM_WHY_OVL_UPPER_ROOT, 0 },
	{ WHEN({ WRITABLE, 1 }), REFUSE, OM_WHY_HOLE_WRITABLE, 0 },
	{ WHEN({ AREA, 1 }), REFUSE, OM_WHY_LIVE_AREA, 0 },
	{ WHEN({ OBJECTS, 1 }), REFUSE, OM_WHY_LIVE_OBJECTS, 0 },
	{ WHEN({ MUTABLE, 1 }), REFUSE, OM_WHY_MUTABLE_LOWER, 0 },
	{ WHEN({ UNBINDABLE, 1 }), REFUSE, OM_WHY_HOLE_UNBINDABLE, 0 },
	{ WHEN({ SUB_UNBINDABLE, 1 }), REFUSE, OM_WHY_SUBMOUNT_UNBINDABLE, 0 },
	{ WHEN({ FIT, OM_FIT_DEPTH }), REFUSE, OM_WHY_OVL_DEPTH, 0 },
	{ WHEN({ FIT, OM_FIT_LOCKED }), REFUSE, OM_WHY_OVL_LOCKED, 0 },
	{ WHEN({ FIT, OM_FIT_NO }), REFUSE, OM_WHY_OVL_NO_FIT, 0 },
	{ WHEN({ FIT, OM_FIT_UNKNOWN }), REFUSE, OM_WHY_OVL_UNKNOWN_HERE, 0 },
	{ WHEN({ SUBMOUNTS, OM_SUBMOUNTS_MANY }), REFUSE, OM_WHY_OVL_MANY_SUBMOUNTS, 0 },
	{ WHEN({ WHITEOUT, OM_WHITEOUT_NO }), REFUSE, OM_WHY_OVL_WHITEOUT, 0 },
	{ WHEN({ WHITEOUT, OM_WHITEOUT_UNKNOWN }), REFUSE, OM_WHY_OVL_WHITEOUT, 0 },
};
/* clang-format on */

/* What speaks against an overlay, one by one: the set of all reasons is just these. */
static om_why_set against_overlay(const unsigned char v[N_FIELDS], bool rw)
{
	enum { BOTH, RO, RW };
	static const struct {
		unsigned char field, value, of;
		enum om_why why;
	} single[] = {
		{ WRITES, OM_WRITES_PART, BOTH, OM_WHY_WRITABLE_PART },
		{ WRITES, OM_WRITES_ALL, RO, OM_WHY_HOLE_TAKES_NAMES },
		{ OVERLAY, OM_OVERLAY_ABSENT, BOTH, OM_WHY_OVL_ABSENT },
		{ OVERLAY, OM_OVERLAY_BLACKLISTED, BOTH, OM_WHY_OVL_BLACKLISTED },
		{ OVERLAY, OM_OVERLAY_NOT_LOADED, BOTH, OM_WHY_OVL_NOT_LOADED },
		{ OVERLAY, OM_OVERLAY_UNKNOWN, BOTH, OM_WHY_OVL_UNKNOWN },
		{ LABEL, OM_LABEL_KEPT, RO, OM_WHY_OVL_MOUNTER_LABEL },
		{ LABEL, OM_LABEL_HELPER_KEPT, RO, OM_WHY_OVL_HELPER_LABEL },
		{ LABEL, OM_LABEL_OTHER, BOTH, OM_WHY_OVL_OTHER_LABEL },
		{ UPPER, OM_UPPER_ABSENT, RW, OM_WHY_OVL_NO_UPPER },
		{ UPPER, OM_UPPER_UNKNOWN, RW, OM_WHY_OVL_UPPER_UNKNOWN },
		{ LABEL, OM_LABEL_READS, RW, OM_WHY_OVL_UPPER_LABEL },
		{ LABEL, OM_LABEL_KEPT, RW, OM_WHY_OVL_UPPER_LABEL },
		{ LABEL, OM_LABEL_HELPER, RW, OM_WHY_OVL_UPPER_LABEL },
		{ LABEL, OM_LABEL_HELPER_KEPT, RW, OM_WHY_OVL_UPPER_LABEL },
		{ UPPER, OM_UPPER_NO_PLACE, RW, OM_WHY_OVL_UPPER_ROOT },
		{ WRITABLE, 1, BOTH, OM_WHY_HOLE_WRITABLE },
		{ AREA, 1, BOTH, OM_WHY_LIVE_AREA },
		{ OBJECTS, 1, BOTH, OM_WHY_LIVE_OBJECTS },
		{ MUTABLE, 1, BOTH, OM_WHY_MUTABLE_LOWER },
		{ UNBINDABLE, 1, BOTH, OM_WHY_HOLE_UNBINDABLE },
		{ SUB_UNBINDABLE, 1, BOTH, OM_WHY_SUBMOUNT_UNBINDABLE },
		{ FIT, OM_FIT_DEPTH, BOTH, OM_WHY_OVL_DEPTH },
		{ FIT, OM_FIT_LOCKED, BOTH, OM_WHY_OVL_LOCKED },
		{ FIT, OM_FIT_NO, BOTH, OM_WHY_OVL_NO_FIT },
		{ FIT, OM_FIT_UNKNOWN, BOTH, OM_WHY_OVL_UNKNOWN_HERE },
		{ SUBMOUNTS, OM_SUBMOUNTS_MANY, BOTH, OM_WHY_OVL_MANY_SUBMOUNTS },
		{ WHITEOUT, OM_WHITEOUT_NO, BOTH, OM_WHY_OVL_WHITEOUT },
		{ WHITEOUT, OM_WHITEOUT_UNKNOWN, BOTH, OM_WHY_OVL_WHITEOUT },
	};
	om_why_set all = 0;

	if (!v[rw ? RW_ALLOWED : OVERLAY_ALLOWED])
		return OM_WHY_BIT(OM_WHY_NOT_ALLOWED);
	for (size_t i = 0; i < ARRAY_SIZE(single); i++)
		if (single[i].of != (rw ? RO : RW) &&
		    v[single[i].field] == single[i].value)
			all |= OM_WHY_BIT(single[i].why);
	if (v[STRICT] && (v[OVERLAY] == OM_OVERLAY_UNKNOWN || v[FIT] == OM_FIT_UNKNOWN ||
			  v[WHITEOUT] == OM_WHITEOUT_UNKNOWN ||
			  (v[WRITES] == OM_WRITES_ALL && v[UPPER] == OM_UPPER_UNKNOWN)))
		all |= OM_WHY_BIT(OM_WHY_STRICT);
	return all;
}

static void to_case(const unsigned char v[N_FIELDS], struct om_case *c,
		    struct om_policy *policy)
{
	*c = (struct om_case){ .target = v[TARGET],
			       .source = v[SOURCE],
			       .replaceable = v[REPLACEABLE],
			       .parent_ours = v[OURS],
			       .root_hole = v[ROOT],
			       .reserved = v[RESERVED],
			       .outside = v[OUTSIDE],
			       .too_deep = v[DEEP],
			       .too_many = v[TOO_MANY],
			       .overlay = v[OVERLAY],
			       .label = v[LABEL],
			       .upper = v[UPPER],
			       .writes = v[WRITES],
			       .writable = v[WRITABLE],
			       .live_area = v[AREA],
			       .live_objects = v[OBJECTS],
			       .mutable = v[MUTABLE],
			       .unbindable = v[UNBINDABLE],
			       .submount_unbindable = v[SUB_UNBINDABLE],
			       .fit = v[FIT],
			       .submounts = v[SUBMOUNTS],
			       .whiteout = v[WHITEOUT],
			       .strict = v[STRICT] };
	policy->allow[OM_STRATEGY_OVERLAY] = v[OVERLAY_ALLOWED];
	policy->allow[OM_STRATEGY_MIMIC] = v[MIMIC_ALLOWED];
	policy->allow[OM_STRATEGY_OVERLAY_RW] = v[RW_ALLOWED];
	memcpy(policy->order, orders[v[ORDER]], sizeof(policy->order));
}

static void derive(const unsigned char v[N_FIELDS], unsigned char all[N_ALL])
{
	bool rw = v[WRITES] == OM_WRITES_ALL, overlay_seen = false;

	memcpy(all, v, N_FIELDS);
	all[LAST] = PLAIN;
	all[MIMIC_BEFORE] = 0;
	for (size_t k = 0; k < OM_N_HOLE_STRATEGIES; k++) {
		enum om_strategy_id id = orders[v[ORDER]][k];

		if (id == (rw ? OM_STRATEGY_OVERLAY_RW : OM_STRATEGY_OVERLAY))
			overlay_seen = true;
		if (id == OM_STRATEGY_MIMIC)
			all[MIMIC_BEFORE] = !overlay_seen;
		if ((id == OM_STRATEGY_OVERLAY && v[OVERLAY_ALLOWED]) ||
		    (id == OM_STRATEGY_MIMIC && v[MIMIC_ALLOWED]) ||
		    (id == OM_STRATEGY_OVERLAY_RW && v[RW_ALLOWED] &&
		     v[WRITES] != OM_WRITES_NONE))
			all[LAST] = (unsigned char)id;
	}
}

static struct reference *look_up(const unsigned char fields[N_FIELDS])
{
	unsigned char v[N_ALL];

	derive(fields, v);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t k = 0;

		while (k < table[i].n &&
		       v[table[i].when[k].field] == table[i].when[k].value)
			k++;
		if (k == table[i].n)
			return &table[i];
	}
	fail_msg("the reference has no row for a case");
	return NULL;
}

static om_why_set seen;

static void check_rejected(const struct om_decision *d, const unsigned char v[N_FIELDS])
{
	for (size_t k = 0; k < d->n_rejected; k++) {
		assert_true(d->rejected[k].all & OM_WHY_BIT(d->rejected[k].why));
		assert_true(d->rejected[k].strategy != d->strategy);
		seen |= OM_WHY_BIT(d->rejected[k].why);
		if (d->rejected[k].strategy == OM_STRATEGY_OVERLAY)
			assert_int_equal(d->rejected[k].all, against_overlay(v, false));
		if (d->rejected[k].strategy != OM_STRATEGY_OVERLAY_RW)
			continue;
		/* Nobody who wants nothing written is told why nothing can be. */
		assert_int_not_equal(v[WRITES], OM_WRITES_NONE);
		assert_int_equal(d->rejected[k].all, against_overlay(v, true));
	}
}

static void check(const unsigned char v[N_FIELDS])
{
	struct om_policy policy = om_policy_default;
	struct reference *row = look_up(v);
	struct om_decision d;
	struct om_case c;

	to_case(v, &c, &policy);
	om_case_decide(&c, &policy, &d);
	if (d.strategy != row->strategy || d.why != row->why) {
		for (size_t i = 0; i < N_FIELDS; i++)
			print_message("%u ", v[i]);
		fail_msg("want %s [%s], got %s [%s]",
			 om_strategy_get(row->strategy)->name, om_why_id(row->why),
			 om_strategy_get(d.strategy)->name, om_why_id(d.why));
	}
	check_rejected(&d, v);
	seen |= OM_WHY_BIT(d.why);
	/* Who is refused is told the way out. */
	if (d.strategy == OM_STRATEGY_REFUSE)
		assert_non_null(om_why_fix(d.why));
	row->hits++;
}

/* The next combination of fields first..end-1; false after the last one. */
static bool next(unsigned char v[N_FIELDS], size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		if (++v[i] < n_values[i])
			return true;
		v[i] = 0;
	}
	return false;
}

static bool plain_leaves_open(const unsigned char v[N_FIELDS])
{
	bool open = v[TARGET] == OM_TARGET_MISSING ||
		    ((v[TARGET] == OM_TARGET_OTHER || v[TARGET] == OM_TARGET_HIDES) &&
		     v[REPLACEABLE]);

	for (size_t i = ROOT; i < N_ENTRY; i++)
		open = open && v[i] == 0;
	return open && v[SOURCE] == OM_SOURCE_FINE &&
	       (!v[OURS] || v[TARGET] != OM_TARGET_MISSING);
}

/* For an entry that plain settles: the first and the last hole, each field changed once. */
static void check_some_holes(unsigned char v[N_FIELDS])
{
	for (unsigned last = 0; last < 2; last++) {
		for (size_t i = N_ENTRY; i < N_FIELDS; i++)
			v[i] = last ? (unsigned char)(n_values[i] - 1) : 0;
		check(v);
		for (size_t i = N_ENTRY; i < N_FIELDS; i++) {
			unsigned char before = v[i];

			for (v[i] = 0; v[i] < n_values[i]; v[i]++)
				check(v);
			v[i] = before;
		}
	}
	memset(v + N_ENTRY, 0, N_FIELDS - N_ENTRY);
}

/*
 * Every hole.  In the short form what can be written is left out where it cannot matter,
 * and for all entries but one, since nothing of an entry matters to a hole.
 */
static void check_all_holes(unsigned char v[N_FIELDS], bool full, bool first)
{
	do {
		bool none = v[WRITES] == OM_WRITES_NONE;
		/* To hide a name is the same question whether anything is written or not. */
		bool some = v[WHITEOUT] != OM_WHITEOUT_NO &&
			    (v[WRITES] == OM_WRITES_ALL || v[UPPER] == 0);

		if (full || (none && v[UPPER] == 0 && v[RW_ALLOWED] == 0) ||
		    (first && !none && some))
			check(v);
		else if (!first && !none)
			break;
	} while (next(v, N_ENTRY, N_FIELDS));
	memset(v + N_ENTRY, 0, N_FIELDS - N_ENTRY);
}

/* Every hole as it is found, one policy: of what plain settles it is not asked. */
static void check_found_holes(unsigned char v[N_FIELDS])
{
	do
		check(v);
	while (next(v, N_ENTRY, STRICT));
	memset(v + N_ENTRY, 0, N_FIELDS - N_ENTRY);
}

static void test_truth_table(void **state _unused_)
{
	const char *truth = getenv("OM_TRUTH");
	bool full = truth && strcmp(truth, "full") == 0, first = true;
	unsigned char v[N_FIELDS] = { 0 };

	do {
		if (plain_leaves_open(v)) {
			check_all_holes(v, full, first);
			first = false;
		} else if (full) {
			check_found_holes(v);
			check_some_holes(v);
		} else {
			check_some_holes(v);
		}
	} while (next(v, 0, N_ENTRY));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].hits == 0)
			fail_msg("row %zu of the reference is never reached", i);
	/* Only what needs the listed children is not among them. */
	for (enum om_why why = 0; why < _OM_WHY_MAX; why++)
		if (why != OM_WHY_MIMIC_LIMIT && why != OM_WHY_MIMIC_MOUNTS &&
		    !(seen & OM_WHY_BIT(why)))
			fail_msg("reason %s is never given", om_why_id(why));
}

/* What people and programs are told: ids of one form, each once, one sentence. */
static void test_reasons(void **state _unused_)
{
	for (enum om_why why = 0; why < _OM_WHY_MAX; why++) {
		const char *id = om_why_id(why), *text = om_why_text(why);

		assert_non_null(id);
		assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz-"), strlen(id));
		assert_true(strlen(text) > 8 && text[strlen(text) - 1] != '.');
		for (enum om_why other = 0; other < why; other++)
			assert_string_not_equal(id, om_why_id(other));
	}
}

/* A scene of one read-only directory with n names, in which one target is missing. */
struct world {
	struct om_entry entry;
	struct om_profile profile;
	struct om_scene_child children[3];
	struct om_scene_dir dir;
	struct om_scene_entry scene_entry;
	struct om_scene scene;
	struct om_facts facts;
	struct om_policy policy;
};

static char dir_path[] = "/usr/share";
static char target[] = "/usr/share/foo";
static char profile_name[] = "p";

static void init_world(struct world *w, size_t n)
{
	*w = (struct world){ .policy = om_policy_default };
	w->entry =
		(struct om_entry){ .kind = OM_ENTRY_TMPFS, .target = target, .line = 7 };
	w->profile =
		(struct om_profile){ .entries = &w->entry, .n = 1, .name = profile_name };
	w->dir = (struct om_scene_dir){ .path = dir_path,
					.read_only = true,
					.hole = true };
	w->dir.children.v = w->children;
	w->dir.children.n = n;
	w->dir.listed = n > 0;
	w->scene_entry.target = target;
	w->scene.entries = &w->scene_entry;
	w->scene.n = 1;
	w->scene.dirs.v = &w->dir;
	w->scene.dirs.n = 1;
	om_facts_init(&w->facts);
}

static void test_too_many_siblings_are_seen_when_listed(void **state _unused_)
{
	struct om_error e = { 0 };
	struct om_decisions d;
	struct world w;

	init_world(&w, 3);
	w.policy.max_siblings = 3;
	assert_int_equal(om_decide(&w.profile, &w.scene, &w.facts, &w.policy, &d), 0);
	assert_int_equal(d.entries[0].strategy, OM_STRATEGY_MIMIC);
	assert_int_equal(om_decisions_refusal(&d, &e), 0);
	om_decisions_done(&d);
	w.policy.max_siblings = 2;
	assert_int_equal(om_decide(&w.profile, &w.scene, &w.facts, &w.policy, &d), 0);
	assert_int_equal(om_decisions_refusal(&d, &e), -EACCES);
	/* Asked again it says the same, and rejects nothing twice. */
	assert_int_equal(om_decisions_refusal(&d, &e), -EACCES);
	assert_int_equal(d.entries[0].why, OM_WHY_MIMIC_LIMIT);
	assert_int_equal(d.entries[0].n_rejected, 3);
	assert_string_equal(e.where, "p:7: target");
	assert_string_equal(e.fix, om_why_fix(OM_WHY_MIMIC_LIMIT));
	om_decisions_done(&d);
}

/* Only what is sure to fail is refused: links need no mount, and unknown is no limit. */
static void test_too_many_mounts_are_seen_when_listed(void **state _unused_)
{
	static const struct {
		size_t n_mounts;
		uint64_t max;
		enum om_why why;
	} rows[] = {
		{ 11, 12, OM_WHY_MIMIC },
		{ 12, 12, OM_WHY_MIMIC_MOUNTS },
		{ 12, 0, OM_WHY_MIMIC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct om_error e = { 0 };
		struct om_decisions d;
		struct world w;

		init_world(&w, 3);
		w.children[0].object = OM_OBJECT_SYMLINK;
		w.children[1].object = w.children[2].object = OM_OBJECT_FILE;
		w.dir.max_mounts = rows[i].max;
		w.scene.n_mounts = rows[i].n_mounts;
		assert_int_equal(om_decide(&w.profile, &w.scene, &w.facts, &w.policy, &d),
				 0);
		assert_int_equal(om_decisions_refusal(&d, &e) < 0,
				 rows[i].why != OM_WHY_MIMIC);
		assert_int_equal(d.entries[0].why, rows[i].why);
		om_decisions_done(&d);
	}
}

/* Where the case is read from: one fact after the other makes its own reason. */
static enum om_why rejected_by(struct world *w)
{
	struct om_decisions d;
	enum om_why why;

	w->policy.allow[OM_STRATEGY_MIMIC] = false;
	assert_int_equal(om_decide(&w->profile, &w->scene, &w->facts, &w->policy, &d), 0);
	why = d.entries[0].why;
	om_decisions_done(&d);
	return why;
}

static void test_facts_of_the_kernel(void **state _unused_)
{
	static const struct {
		enum om_tristate works;
		const char *module;
		enum om_why why;
	} rows[] = {
		{ OM_YES, "live", OM_WHY_OVL_RO },
		{ OM_YES, "blacklisted", OM_WHY_OVL_RO },
		{ OM_NO, "live", OM_WHY_OVL_ABSENT },
		{ OM_NO, NULL, OM_WHY_OVL_ABSENT },
		{ OM_NO, "blacklisted", OM_WHY_OVL_BLACKLISTED },
		{ OM_UNKNOWN, "blacklisted", OM_WHY_OVL_BLACKLISTED },
		{ OM_UNKNOWN, "loadable", OM_WHY_OVL_NOT_LOADED },
		{ OM_UNKNOWN, "missing", OM_WHY_OVL_ABSENT },
		{ OM_UNKNOWN, NULL, OM_WHY_OVL_UNKNOWN },
		{ OM_UNKNOWN, "builtin", OM_WHY_OVL_UNKNOWN },
	};
	struct world w;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		init_world(&w, 0);
		om_facts_set(&w.facts, OM_FACT_OVERLAY_RO, rows[i].works, NULL, "test");
		om_facts_set(&w.facts, OM_FACT_OVERLAY_MODULE, OM_NO, rows[i].module,
			     "test");
		assert_int_equal(rejected_by(&w), rows[i].why);
	}
	for (enum om_tristate label = OM_NO; label <= OM_UNKNOWN; label++)
		for (enum om_tristate app = OM_NO; app <= OM_UNKNOWN; app++) {
			init_world(&w, 0);
			om_facts_set(&w.facts, OM_FACT_OVERLAY_RO, OM_YES, NULL, "test");
			om_facts_set(&w.facts, OM_FACT_APPARMOR_LABEL, label, NULL, "t");
			om_facts_set(&w.facts, OM_FACT_OVERLAY_LABEL_APP, app, NULL, "t");
			assert_int_equal(rejected_by(&w),
					 label == OM_NO && app != OM_YES
						 ? OM_WHY_OVL_MOUNTER_LABEL
						 : OM_WHY_OVL_RO);
		}
}

/* Of a confined mounter: what its helper is worth, and what an application has seen. */
static void test_facts_of_the_helper(void **state _unused_)
{
	static const struct {
		enum om_tristate helper, app;
		enum om_why why;
	} rows[] = {
		{ OM_YES, OM_YES, OM_WHY_OVL_RO },
		{ OM_YES, OM_UNKNOWN, OM_WHY_OVL_RO },
		/* u5.4: its label is not enforced, and yet the application is. */
		{ OM_YES, OM_NO, OM_WHY_OVL_HELPER_LABEL },
		{ OM_NO, OM_YES, OM_WHY_OVL_RO },
		{ OM_NO, OM_UNKNOWN, OM_WHY_OVL_HELPER_LABEL },
		{ OM_NO, OM_NO, OM_WHY_OVL_HELPER_LABEL },
		{ OM_UNKNOWN, OM_YES, OM_WHY_OVL_RO },
		{ OM_UNKNOWN, OM_UNKNOWN, OM_WHY_OVL_MOUNTER_LABEL },
		{ OM_UNKNOWN, OM_NO, OM_WHY_OVL_MOUNTER_LABEL },
	};
	struct world w;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (enum om_tristate label = OM_NO; label <= OM_YES; label++) {
			init_world(&w, 0);
			om_facts_set(&w.facts, OM_FACT_OVERLAY_RO, OM_YES, NULL, "t");
			om_facts_set(&w.facts, OM_FACT_APPARMOR_LABEL, label, NULL, "t");
			om_facts_set(&w.facts, OM_FACT_OVERLAY_LABEL_HELPER,
				     rows[i].helper, NULL, "t");
			om_facts_set(&w.facts, OM_FACT_OVERLAY_LABEL_APP, rows[i].app,
				     NULL, "t");
			assert_string_equal(om_why_id(rejected_by(&w)),
					    om_why_id(label == OM_YES ? OM_WHY_OVL_RO
								      : rows[i].why));
		}
	for (enum om_fact_id id = OM_FACT_SELINUX; id <= OM_FACT_SMACK; id++)
		for (enum om_tristate there = OM_NO; there <= OM_UNKNOWN; there++) {
			init_world(&w, 0);
			om_facts_set(&w.facts, OM_FACT_OVERLAY_RO, OM_YES, NULL, "t");
			om_facts_set(&w.facts, OM_FACT_APPARMOR_LABEL, OM_YES, NULL, "t");
			om_facts_set(&w.facts, id, there, NULL, "t");
			assert_int_equal(rejected_by(&w), there == OM_YES
								  ? OM_WHY_OVL_OTHER_LABEL
								  : OM_WHY_OVL_RO);
		}
}

/* Names are wanted by who has no overlay to hope for, and has a mimic. */
static void test_who_wants_the_names(void **state _unused_)
{
	static const struct {
		enum om_tristate works, label;
		bool overlay, mimic, strict, lists;
	} rows[] = {
		{ OM_YES, OM_YES, true, true, false, false },
		{ OM_YES, OM_YES, false, true, false, true },
		{ OM_YES, OM_YES, true, false, false, false },
		{ OM_YES, OM_YES, false, false, false, false },
		{ OM_NO, OM_YES, true, true, false, true },
		{ OM_UNKNOWN, OM_YES, true, true, false, true },
		{ OM_UNKNOWN, OM_YES, true, true, true, false },
		{ OM_NO, OM_YES, true, false, false, false },
		{ OM_YES, OM_NO, true, true, false, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned turned = 0; turned < 2; turned++) {
			struct om_policy policy = om_policy_default;
			struct om_facts facts;

			om_facts_init(&facts);
			om_facts_set(&facts, OM_FACT_OVERLAY_RO, rows[i].works, NULL,
				     "t");
			om_facts_set(&facts, OM_FACT_APPARMOR_LABEL, rows[i].label, NULL,
				     "t");
			policy.allow[OM_STRATEGY_OVERLAY] = rows[i].overlay;
			policy.allow[OM_STRATEGY_MIMIC] = rows[i].mimic;
			policy.strict = rows[i].strict;
			policy.order[turned] = OM_STRATEGY_OVERLAY;
			policy.order[!turned] = OM_STRATEGY_MIMIC;
			assert_int_equal(om_decide_lists(&facts, &policy), rows[i].lists);
		}
}

/* Every fact of the scene that a case has, by itself. */
static void test_facts_of_the_scene(void **state _unused_)
{
	static char run[] = "/run/x", etc[] = "/etc", sub[] = "/usr/share/a";
	struct om_submount submounts[2] = { { .path = sub }, { .path = sub } };
	struct world w;

#define ROW(want, ...)                                                                   \
	do {                                                                             \
		init_world(&w, 0);                                                       \
		om_facts_set(&w.facts, OM_FACT_OVERLAY_RO, OM_YES, NULL, "test");        \
		w.dir.submounts.v = submounts;                                           \
		submounts[0].unbindable = submounts[1].unbindable = false;               \
		submounts[0].locked = submounts[1].locked = OM_NO;                       \
		__VA_ARGS__;                                                             \
		assert_string_equal(om_why_id(rejected_by(&w)), want);                   \
	} while (false)
#define HIDE_DIR w.entry.kind = OM_ENTRY_HIDE, w.scene_entry.target_object = OM_OBJECT_DIR
	ROW("ovl-ro", );
	ROW("hole-writable", w.dir.read_only = false);
	ROW("live-area", w.dir.path = run);
	ROW("ovl-ro", w.dir.path = run, w.dir.fixed = true);
	ROW("live-objects", w.dir.n_live = 1);
	ROW("mutable-lower", w.policy.mutable_lowers = false);
	ROW("ovl-ro", w.policy.mutable_lowers = false, w.dir.fixed = true);
	ROW("hole-unbindable", w.dir.unbindable = true);
	ROW("ovl-rebind", w.dir.submounts.n = 2);
	ROW("ovl-rebind", w.dir.submounts.n = 2, w.policy.max_submounts = 2);
	ROW("ovl-many-submounts", w.dir.submounts.n = 2, w.policy.max_submounts = 1);
	ROW("submount-unbindable", w.dir.submounts.n = 2, submounts[1].unbindable = true);
	ROW("ovl-no-fit", w.dir.examined = true);
	ROW("ovl-depth", w.dir.examined = w.dir.stacked = true);
	ROW("ovl-locked", w.dir.examined = true, w.dir.submounts.n = 2,
	    submounts[1].locked = OM_YES);
	ROW("ovl-unknown-here", w.dir.examined = true,
	    w.dir.overlay.possible = OM_UNKNOWN);
	ROW("strict-unknown", w.dir.examined = true, w.policy.strict = true,
	    w.dir.overlay.possible = OM_UNKNOWN);
	ROW("ovl-ro", w.dir.examined = true, w.dir.overlay.possible = OM_YES);
	ROW("nothing-to-hide", w.entry.kind = OM_ENTRY_HIDE);
	ROW("hides", HIDE_DIR);
	ROW("ovl-whiteout", HIDE_DIR, w.policy.kind_changes = true);
	ROW("strict-unknown", HIDE_DIR, w.policy.kind_changes = true,
	    w.policy.strict = true);
	ROW("hides", HIDE_DIR, w.policy.kind_changes = true, w.dir.submounts.n = 2,
	    submounts[1].path = target);
	submounts[1].path = sub;
	ROW("ovl-ro", HIDE_DIR, w.policy.kind_changes = true,
	    om_facts_set(&w.facts, OM_FACT_OVERLAY_WHITEOUT, OM_YES, NULL, "test"));
	ROW("too-deep", w.policy.max_depth = 2);
	ROW("ovl-ro", w.policy.max_depth = 3);
	ROW("too-many-entries", w.policy.max_entries = 0);
	ROW("reserved-area",
	    w.policy.reserved = ((struct om_policy_paths){ (char *[]){ dir_path }, 1 }));
	ROW("outside-roots",
	    w.policy.roots = ((struct om_policy_paths){ (char *[]){ etc }, 1 }));
	ROW("ovl-ro", w.policy.roots = ((struct om_policy_paths){
			      (char *[]){ etc, dir_path }, 2 }));
#undef HIDE_DIR
#undef ROW
}

/* What is to be written, and by what: the policy, the paths of the holes, the facts. */
static void test_writable_holes(void **state _unused_)
{
	static char root[] = "/", usr[] = "/usr", shar[] = "/usr/shar",
		    foo[] = "/usr/share/foo";
	char **below = (char *[]){ shar, foo };
	struct world w;

#define ROW(want, ...)                                                                   \
	do {                                                                             \
		init_world(&w, 0);                                                       \
		om_facts_set(&w.facts, OM_FACT_OVERLAY_RO, OM_YES, NULL, "test");        \
		om_facts_set(&w.facts, OM_FACT_OVERLAY_UPPER, OM_YES, NULL, "test");     \
		w.policy.writable = ((struct om_policy_paths){ (char *[]){ usr }, 1 });  \
		__VA_ARGS__;                                                             \
		assert_string_equal(om_why_id(rejected_by(&w)), want);                   \
	} while (false)
	ROW("ovl-rw", );
	ROW("ovl-rw", w.policy.writable.v[0] = root);
	ROW("ovl-rw", w.policy.writable.v[0] = dir_path);
	/* Below the hole, or of another name. */
	ROW("ovl-ro", w.policy.writable = ((struct om_policy_paths){ below, 2 }));
	ROW("ovl-ro", w.policy.writable.n = 0);
	ROW("ovl-no-upper",
	    om_facts_set(&w.facts, OM_FACT_OVERLAY_UPPER, OM_NO, NULL, "test"));
	ROW("ovl-upper-unknown",
	    om_facts_set(&w.facts, OM_FACT_OVERLAY_UPPER, OM_UNKNOWN, NULL, "test"));
	ROW("ovl-upper-label",
	    om_facts_set(&w.facts, OM_FACT_APPARMOR_LABEL, OM_NO, NULL, "test"),
	    om_facts_set(&w.facts, OM_FACT_OVERLAY_LABEL_APP, OM_YES, NULL, "test"));
	ROW("ovl-upper-root", w.dir.path = w.policy.writable.v[0] = root,
	    w.policy.root_hole = true);
	ROW("hole-writable", w.dir.read_only = false);
	ROW("hole-takes-names", w.policy.allow[OM_STRATEGY_OVERLAY_RW] = false);
#undef ROW
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth_table),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_too_many_siblings_are_seen_when_listed),
		cmocka_unit_test(test_too_many_mounts_are_seen_when_listed),
		cmocka_unit_test(test_facts_of_the_kernel),
		cmocka_unit_test(test_facts_of_the_helper),
		cmocka_unit_test(test_who_wants_the_names),
		cmocka_unit_test(test_facts_of_the_scene),
		cmocka_unit_test(test_writable_holes),
	};

	return cmocka_run_group_tests_name("strategy", tests, NULL, NULL);
}
