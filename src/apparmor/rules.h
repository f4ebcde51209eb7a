/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of AppArmor rules as data, in sections that say what each is for: every rule is
 * there once, in the first section that asked for it.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "apparmor/pattern.h"
#include "base/index.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/texts.h"
#include "base/vec.h"

/*
 * What a kernel asks AppArmor about depends on the calls that it has, and on which of them
 * its AppArmor sees.  Never on a version: each kernel belongs to one of these by its facts.
 */
enum om_aa_family {
	OM_AA_MOUNT2 = 1 << 0, /* mount(2) alone: everything is asked about */
	OM_AA_FD_REMOUNT = 1
			   << 1, /* mounts by descriptor, of which AppArmor sees nothing;
				      attributes by mount(2) */
	OM_AA_FD = 1 << 2,	 /* the same, attributes by mount_setattr(2) */
	OM_AA_FD_MOVE = 1 << 3,	 /* AppArmor sees move_mount(2); built on the stage */
	OM_AA_DETACHED = 1 << 4, /* the same; built in no namespace */
};

#define OM_AA_ALL                                                                        \
	(OM_AA_MOUNT2 | OM_AA_FD_REMOUNT | OM_AA_FD | OM_AA_FD_MOVE | OM_AA_DETACHED)
/* Those that build on a tmpfs in the state directory. */
#define OM_AA_STAGED (OM_AA_ALL & ~OM_AA_DETACHED)
#define OM_AA_BY_FD (OM_AA_ALL & ~OM_AA_MOUNT2)
/* Where move_mount(2) needs a rule. */
#define OM_AA_MOVES (OM_AA_FD_MOVE | OM_AA_DETACHED)
/* Where attributes and propagation are set by mount(2). */
#define OM_AA_REMOUNTS (OM_AA_MOUNT2 | OM_AA_FD_REMOUNT)

enum om_aa_kind {
	OM_AA_FILE,	      /* path, may */
	OM_AA_MOUNT,	      /* options, type, device or source, path (the target) */
	OM_AA_UMOUNT,	      /* path */
	OM_AA_CAPABILITY,     /* word */
	OM_AA_SIGNAL,	      /* path: the profile; word: which way, both when there is
			     none; options: the signals, all when there are none */
	OM_AA_CHANGE_PROFILE, /* path: the profile */
	OM_AA_EXEC,	      /* path; word: the profile that it gets */
	OM_AA_NETWORK,	      /* word: family and kind of a socket */
};

/* What may be done with a file. */
enum om_aa_may {
	OM_AA_R = 1 << 0,
	OM_AA_W = 1 << 1,
	OM_AA_M = 1 << 2,
	OM_AA_K = 1 << 3,
	OM_AA_L = 1 << 4,
	OM_AA_IX = 1 << 5,
};

struct om_aa_rule {
	enum om_aa_kind kind;
	unsigned families; /* where it is needed; a set of om_aa_family */
	unsigned may;
	struct om_aa_path path;
	struct om_aa_path source; /* empty: any, or none */
	const char *type;
	const char *device;
	const char *options; /* as between the parentheses */
	const char *word;
	size_t section;
	size_t next; /* of the same path, or SIZE_MAX; of the set alone */
};

struct om_aa_section {
	const char *title;
};

struct om_aa_rules {
	unsigned families; /* those that there shall be rules for */
	OM_VEC(struct om_aa_rule) rules;
	OM_VEC(struct om_aa_section) sections; /* in the order in which they began */
	size_t section;			       /* the one that rules are added to */
	/* Where overmount-layers can be covered by what the rules permit; NULL: nowhere. */
	const char *covers_helper;
	struct om_texts texts;
	struct om_index index; /* of the first of the rules that differ in `may` alone */
	struct om_index section_index; /* by title */
};

void om_aa_rules_done(struct om_aa_rules *rules);
#define _cleanup_aa_rules_ _cleanup_(om_aa_rules_done)

/* Rules that are added next belong to the section of that title.  -ENOMEM. */
int om_aa_rules_section(struct om_aa_rules *rules,
			const char *title) _nonnull_all_ _must_check_;
/*
 * Copies rule, unless it is of other families only, or another one permits as much.  One
 * that is there already is given its families; one that permits less goes (its families are
 * 0 then).  -ENOMEM.
 */
int om_aa_rules_add(struct om_aa_rules *rules,
		    const struct om_aa_rule *rule) _nonnull_all_ _must_check_;

/*
 * Takes away, when all are there, what is permitted for all names of a directory, or from
 * everywhere, too.  Without memory it stays: nothing is permitted by that which was not.
 */
void om_aa_rules_reduce(struct om_aa_rules *rules) _nonnull_all_;

/* The rule as a line, without the comma's newline. */
void om_aa_rule_print(const struct om_aa_rule *rule, struct om_str *out) _nonnull_all_;
/*
 * All sections that have a rule, each with its title as a comment; what not every one of
 * the families needs says so.
 */
void om_aa_rules_print(const struct om_aa_rules *rules, const char *indent,
		       struct om_str *out) _nonnull_all_;

/* Words for comments: mount2, fd-remount, fd, fd-move, detached. */
const char *om_aa_family_name(enum om_aa_family family);
