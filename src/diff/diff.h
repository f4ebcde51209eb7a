/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a namespace in which one profile is applied needs to become that of another one:
 * for each entry, whether it stays, is undone or is done, and why.  Pure.
 *
 * A mount means what it asks for, given all that was mounted before it where its target or
 * its source passes.  So an entry is kept only when the new profile asks for the same, when
 * all of that is kept too, and when nothing comes new among it.  Comparing paths alone would
 * keep a layout that shows what its content was before (LP #2072395).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/vec.h"
#include "profile/profile.h"

enum om_diff_act {
	OM_DIFF_UNDO,
	OM_DIFF_KEEP,
	OM_DIFF_DO,
	_OM_DIFF_ACT_MAX,
};

/* Ids never change their meaning.  BECAUSE: the change names the other entry. */
enum om_diff_why {
	OM_DIFF_SAME,		 /* kept: nothing about it changes */
	OM_DIFF_NEEDED,		 /* kept: part of a mimic whose entry is still wanted */
	OM_DIFF_NEW,		 /* done: nothing is at its target */
	OM_DIFF_GONE,		 /* undone: the new profile does not have its target */
	OM_DIFF_CHANGED,	 /* asks for something else: see what */
	OM_DIFF_SOURCE_REPLACED, /* its source is another object than what was bound */
	OM_DIFF_REORDERED,	 /* it and BECAUSE change places */
	OM_DIFF_TARGET_UNDONE,	 /* its target meets BECAUSE, which is undone */
	OM_DIFF_SOURCE_UNDONE,	 /* its source meets BECAUSE, which is undone */
	OM_DIFF_TARGET_NEW,	 /* its target meets BECAUSE, which is done before it */
	OM_DIFF_SOURCE_NEW,	 /* its source meets BECAUSE, which is done before it */
	OM_DIFF_SHOWN,		 /* BECAUSE, which is done before it, shows its target */
	OM_DIFF_UNNEEDED,	 /* part of a mimic whose entry is gone */
	OM_DIFF_IN_THE_WAY,	 /* part of a mimic where BECAUSE is to be */
	OM_DIFF_REBUILT,	 /* it is built together with something that changes */
	_OM_DIFF_WHY_MAX,
};

struct om_change {
	enum om_diff_act act;
	enum om_diff_why why;
	/* Borrowed from the profiles; one of the two may be NULL. */
	const struct om_entry *old, *new;
	const struct om_entry *because; /* borrowed, or NULL */
	const char *what;		/* OM_DIFF_CHANGED: static, else NULL */
};

struct om_diff {
	/*
	 * In the order of acts: what is undone, from the last of the old profile to the
	 * first; parts of mimics that stay; then the new profile in its order, kept or done.
	 * What is asked for otherwise is there twice, undone and done.
	 */
	OM_VEC(struct om_change) changes; /* owned */
	size_t n[_OM_DIFF_ACT_MAX];	  /* how many of each act */
};

/*
 * Compares two profiles, each in the order of application and without a target that is
 * there twice, as om_profile_parse() and om_profile_sort() leave them; they must outlive
 * the result.  source_replaced: for each entry of old whether its source is no longer the
 * object that was bound; NULL: nobody has looked, and none is.  om_diff_done() in any case.
 * -ENOMEM with *e filled.
 */
int om_diff_make(const struct om_profile *old, const struct om_profile *new,
		 const bool *source_replaced, struct om_diff *ret, struct om_error *e)
	_nonnull_(1, 2, 4) _must_check_;
/*
 * The same, where entries of old are built together: those that are marked in rebuilt (NULL:
 * none) do not stay, whatever the profiles say.
 */
int om_diff_make_built(const struct om_profile *old, const struct om_profile *new,
		       const bool *source_replaced, const bool *rebuilt,
		       struct om_diff *ret, struct om_error *e)
	_nonnull_(1, 2, 5) _must_check_;
void om_diff_done(struct om_diff *diff);
#define _cleanup_diff_ _cleanup_(om_diff_done)

/* The entry that a change is about: of the new profile, unless it is undone. */
const struct om_entry *om_change_entry(const struct om_change *change) _nonnull_all_;
/* keep, undo, do. */
const char *om_diff_act_name(enum om_diff_act act);
/* Lower-case words with dashes. */
const char *om_diff_why_id(enum om_diff_why why);
/* Adds the reason of a change as a sentence for people. */
void om_diff_explain(const struct om_change *change, struct om_str *out) _nonnull_all_;
