/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths as AppArmor's rules have them.  A rule is made of what we wrote and what a profile
 * names, and only the former may mean more than itself: a path of somebody else is pieces
 * of literal text, of which no byte can end a string, start a comment, name a variable or
 * match anything but itself.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "base/str.h"

struct om_aa_piece {
	const char *text;
	bool literal; /* else a pattern, which is our own text */
};

#define OM_AA_PIECES 5

/* One after the other; ends at the first without a text. */
struct om_aa_path {
	struct om_aa_piece piece[OM_AA_PIECES];
};

#define OM_AA_LITERAL(text_)                                                             \
	{                                                                                \
		.text = (text_), .literal = true                                         \
	}
#define OM_AA_PATTERN(text_)                                                             \
	{                                                                                \
		.text = (text_), .literal = false                                        \
	}

/* Exactly this name. */
struct om_aa_path om_aa_name(const char *path) _nonnull_all_;
/* This directory: AppArmor's name of one ends in a slash. */
struct om_aa_path om_aa_dir(const char *path) _nonnull_all_;
/* The directory and all that is in it. */
struct om_aa_path om_aa_tree(const char *path) _nonnull_all_;

/*
 * Adds it between double quotes, in printable ASCII alone and without another quote.  What
 * AppArmor's parser gives a meaning is escaped with a backslash or written as \xHH, as every
 * byte that cannot be printed is.
 */
void om_aa_path_add(const struct om_aa_path *path, struct om_str *out) _nonnull_all_;
