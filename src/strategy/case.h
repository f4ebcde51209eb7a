/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that the decision about one entry depends on, reduced to what the tables of the
 * strategies ask.  Small enough that a test goes through every case that there is
 * (tests/unit/test-strategy.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"
#include "strategy/reason.h"

enum om_case_target {
	OM_TARGET_MISSING,
	OM_TARGET_FITS,
	OM_TARGET_SAME_LINK,
	OM_TARGET_ABSENT, /* and that is what is asked for */
	OM_TARGET_HIDES,  /* it is there and shall not be seen */
	OM_TARGET_OTHER,  /* of another kind, or another link */
	_OM_TARGET_MAX,
};

enum om_case_source {
	OM_SOURCE_FINE, /* there with the right kind, not needed, or to be made */
	OM_SOURCE_NONE,
	OM_SOURCE_NOT_DIR,
	OM_SOURCE_NOT_FILE,
	_OM_SOURCE_MAX,
};

/* Overlay on this kernel. */
enum om_case_overlay {
	OM_OVERLAY_WORKS,
	OM_OVERLAY_ABSENT,
	OM_OVERLAY_BLACKLISTED,
	OM_OVERLAY_NOT_LOADED,
	OM_OVERLAY_UNKNOWN,
	_OM_OVERLAY_MAX,
};

/* Overlay over this very hole. */
enum om_case_fit {
	OM_FIT_YES, /* or nothing there needs a try */
	OM_FIT_DEPTH,
	OM_FIT_LOCKED,
	OM_FIT_NO,
	OM_FIT_UNKNOWN,
	_OM_FIT_MAX,
};

/* A name of the base in the hole is to be hidden. */
enum om_case_whiteout {
	OM_WHITEOUT_FINE, /* or there is none */
	OM_WHITEOUT_NO,
	OM_WHITEOUT_UNKNOWN,
	_OM_WHITEOUT_MAX,
};

enum om_case_submounts {
	OM_SUBMOUNTS_NONE,
	OM_SUBMOUNTS_FEW,
	OM_SUBMOUNTS_MANY,
	_OM_SUBMOUNTS_MAX,
};

/* What is to become of the hole, by policy, once all is applied. */
enum om_case_writes {
	OM_WRITES_NONE,
	OM_WRITES_ALL,	/* it takes new names */
	OM_WRITES_PART, /* a part of it takes them, and another does not */
	_OM_WRITES_MAX,
};

/* The label that an overlay would keep. */
enum om_case_label {
	OM_LABEL_NONE,
	OM_LABEL_READS,	 /* an application was seen to read through it */
	OM_LABEL_HELPER, /* not ours: overmount-layers has one that is not enforced */
	OM_LABEL_KEPT,	 /* nobody proved it to be good */
	OM_LABEL_HELPER_KEPT, /* overmount-layers has no better one, or cannot be used */
	OM_LABEL_OTHER,	      /* of a security module that nobody asks */
	_OM_LABEL_MAX,
};

/* An upper layer on a tmpfs, for this hole. */
enum om_case_upper {
	OM_UPPER_WORKS,
	OM_UPPER_ABSENT,
	OM_UPPER_UNKNOWN,
	OM_UPPER_NO_PLACE, /* none is left beside it */
	_OM_UPPER_MAX,
};

struct om_case {
	/* The entry. */
	enum om_case_target target;
	enum om_case_source source;
	bool replaceable; /* a target of another kind may give way, and can */
	bool parent_ours; /* and it can be written */
	bool root_hole;	  /* it would be, and the policy has no such */
	bool reserved, outside, too_deep, too_many; /* by policy */

	/* The kernel, and the hole that the entry shares. */
	enum om_case_overlay overlay;
	enum om_case_label label;
	enum om_case_upper upper;
	enum om_case_writes writes;
	bool writable;
	bool live_area;	   /* where names come and go by custom, and can */
	bool live_objects; /* sockets, fifos */
	bool mutable;	   /* names can change, and the policy minds */
	bool unbindable;
	bool submount_unbindable;
	enum om_case_fit fit;
	enum om_case_submounts submounts;
	enum om_case_whiteout whiteout;
	bool strict; /* what is unknown is refused */
};

enum om_answer {
	OM_ANSWER_YES,
	OM_ANSWER_NO,	  /* another strategy may */
	OM_ANSWER_REFUSE, /* no strategy can */
};

/* One row of a strategy's table.  The first one that holds decides. */
struct om_rule {
	bool (*holds)(const struct om_case *c); /* NULL: always, the last row */
	enum om_answer answer;
	enum om_why why;
};

/* A set of reasons. */
typedef uint64_t om_why_set;
_Static_assert(_OM_WHY_MAX <= 64, "om_why_set is too small");
#define OM_WHY_BIT(why) ((om_why_set)1 << (why))

struct om_verdict {
	enum om_answer answer;
	enum om_why why;
	om_why_set all; /* every row that speaks against it, when it is no YES */
};

struct om_verdict om_rules_judge(const struct om_rule *rules,
				 const struct om_case *c) _nonnull_all_;

/* Rows that more than one table has. */
bool om_case_is_strict_unknown(const struct om_case *c) _nonnull_all_;
bool om_case_is_part_writable(const struct om_case *c) _nonnull_all_;
bool om_case_takes_names(const struct om_case *c) _nonnull_all_;
bool om_case_is_unbindable(const struct om_case *c) _nonnull_all_;
bool om_case_has_unbindable(const struct om_case *c) _nonnull_all_;

/* Fill the two halves of a case: what entry i needs, and what construction index has. */
struct om_decisions;
struct om_facts;
struct om_policy;
void om_case_of_entry(const struct om_decisions *d, size_t i,
		      struct om_case *ret) _nonnull_all_;
/* Of a hole of which nothing is known. */
void om_case_of_facts(const struct om_facts *facts, const struct om_policy *policy,
		      struct om_case *ret) _nonnull_all_;
void om_case_of_hole(const struct om_decisions *d, size_t index,
		     struct om_case *ret) _nonnull_all_;
