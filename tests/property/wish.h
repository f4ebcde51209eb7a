/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random good profiles, together with what each of their entries is meant to say, and with
 * what a hand may do to the text of one.
 */
#pragma once

#include "base/str.h"
#include "profile/profile.h"
#include "property/choice.h"

#define MAX_WISHES 6

struct wishes {
	/* In the order of the text.  Strings lie in the pool (world.h). */
	struct om_entry v[MAX_WISHES];
	size_t n;
	struct om_str text;
};

/* The pool is emptied first. */
void wishes_make(struct wishes *w, struct choices *c);
void wishes_done(struct wishes *w);

/* Some bytes of the text become others, go, or come. */
void text_damage(struct om_str *text, struct choices *c);

/* Which member of two entries is another one, but for line and order; NULL: none. */
const char *entry_difference(const struct om_entry *a, const struct om_entry *b);

/* An option that has not been in `least` entries so far, or NULL. */
const char *wishes_rare_option(unsigned least);
