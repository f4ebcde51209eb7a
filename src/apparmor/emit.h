/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From plans to the rules that doing them, undoing them and recovering from half of them
 * needs.  What apply/ and sys/ ask the kernel for is written down here a second time, in
 * AppArmor's words: whoever changes a call there changes its rule here (docs/apparmor.md;
 * tests/integration/apparmor.sh compares the two).  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "apparmor/rules.h"
#include "base/macro.h"
#include "probe/facts.h"
#include "profile/profile.h"
#include "strategy/plan.h"

/* How an overlay comes to have a label through which an application can read. */
enum om_aa_technique {
	OM_AA_DIRECT, /* the mounter's own profile permits what the hole holds */
	OM_AA_HELPER, /* a program with an unconfined label makes it */
	OM_AA_MIMIC,  /* not at all: there is none */
	_OM_AA_TECHNIQUE_MAX,
};

struct om_aa_options {
	const char *name; /* instance name of the snap */
	enum om_aa_technique technique;
	const char *state;   /* directory of the journal */
	const char *program; /* that is run */
	const char *helper;  /* overmount-layers; NULL: OM_AA_HELPER_PATH */
	bool updates; /* from one of the profiles to another, while they are in use */
};

/* What a plan does not say of a directory or a source of a bind. */
struct om_aa_place {
	const char *path;
	const char *fs_name; /* from the root of its file system; NULL: not known */
	bool has_attr;
	unsigned attr; /* of its mount, OM_ATTR_* */
};

struct om_aa_input {
	const struct om_plan *plan;
	const struct om_profile *profile; /* that its entries are of */
	const struct om_aa_place *places;
	size_t n_places;
};

#define OM_AA_HELPER_PATH "/usr/lib/overmount/overmount-layers"

/* With more names in a directory than this, a mimic's rules have a glob for them. */
#define OM_AA_LIST_MAX 8

/* The families that a kernel with these facts may belong to: several when some are unknown. */
unsigned om_aa_families(const struct om_facts *facts) _nonnull_all_;

/*
 * Of this program, whatever it applies: what it reads to start, its state directory, its
 * stage, and trying what the kernel can do.  -ENOMEM.
 */
int om_aa_add_base(struct om_aa_rules *rules,
		   const struct om_aa_options *o) _nonnull_all_ _must_check_;
/* A file that it is given, and reads.  -ENOMEM. */
int om_aa_add_input(struct om_aa_rules *rules,
		    const char *path) _nonnull_all_ _must_check_;
/* What the steps of a plan need.  -ENOMEM. */
int om_aa_add_plan(struct om_aa_rules *rules, const struct om_aa_options *o,
		   const struct om_aa_input *in) _nonnull_all_ _must_check_;
/*
 * What the application needs besides its own profile to use what is applied.  -ENOMEM.
 */
int om_aa_add_app(struct om_aa_rules *rules, const struct om_aa_options *o,
		  const struct om_aa_input *in) _nonnull_all_ _must_check_;

/* Of these families, where the names that a layer has for its files are asked of the reader. */
unsigned om_aa_reader_families(enum om_aa_technique technique, unsigned families);

/* 0, or -EINVAL for a word that is none. */
int om_aa_technique_parse(const char *word,
			  enum om_aa_technique *ret) _nonnull_all_ _must_check_;

/*
 * The whole text: profile snap-update-ns.NAME with its flags and, for the helper, its
 * profile; or the rules alone.
 */
void om_aa_profile_print(const struct om_aa_rules *rules, const struct om_aa_options *o,
			 bool snippet, struct om_str *out) _nonnull_all_;
