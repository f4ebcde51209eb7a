/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profiles as snapd's own tool reads and writes them: lenient where profile/fstab.c is
 * strict, because what is in them was written by snapd, or by its tool before an update.
 * An entry is kept as it was read, so that what is written back compares equal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/texts.h"
#include "base/vec.h"

/* Of the current profile: a mimic of snapd's has a line for each sibling. */
#define OM_SNAPD_MAX_PROFILE (16 << 20)

struct om_snapd_entry {
	const char *name; /* the source; this and all texts borrowed from the profile */
	const char *dir;  /* the target */
	const char *type;
	OM_VEC(const char *)
	options; /* without any: what was read had no field for them */
	int freq;
	int passno;
	unsigned line; /* of the file; 0 when made here */
};

struct om_snapd_profile {
	OM_VEC(struct om_snapd_entry) entries;
	struct om_texts texts; /* owned */
};

/*
 * Appends what text holds.  file is for messages.  -EINVAL with *e filled (kind INPUT), or
 * -ENOMEM.  om_snapd_profile_done() in any case.
 */
int om_snapd_profile_parse(struct om_snapd_profile *p, const char *file, const char *text,
			   size_t size, struct om_error *e)
	_nonnull_(1, 2, 3) _must_check_;
/* Appends a copy of an entry; -ENOMEM. */
int om_snapd_profile_add(struct om_snapd_profile *p,
			 const struct om_snapd_entry *entry) _nonnull_all_ _must_check_;
void om_snapd_profile_done(struct om_snapd_profile *p);
#define _cleanup_snapd_profile_ _cleanup_(om_snapd_profile_done)

void om_snapd_profile_print(const struct om_snapd_profile *p,
			    struct om_str *out) _nonnull_all_;
/* One entry, without the newline. */
void om_snapd_entry_print(const struct om_snapd_entry *entry,
			  struct om_str *out) _nonnull_all_;

/* Every field, and the options in their order. */
bool om_snapd_entry_equal(const struct om_snapd_entry *a,
			  const struct om_snapd_entry *b) _nonnull_all_;
/* The value of the first option `key=`, which may be empty, or NULL. */
const char *om_snapd_entry_value(const struct om_snapd_entry *entry,
				 const char *key) _nonnull_all_;
/* Is the word among the options? */
bool om_snapd_entry_has(const struct om_snapd_entry *entry,
			const char *word) _nonnull_all_;
/*
 * Puts `key=value` in the place of the first option with that key; nothing when there is
 * none, or the value is empty.  -ENOMEM.
 */
int om_snapd_entry_replace(struct om_snapd_profile *p, struct om_snapd_entry *entry,
			   const char *option) _nonnull_all_ _must_check_;
/* x-snapd.id, by default the target. */
const char *om_snapd_entry_id(const struct om_snapd_entry *entry) _nonnull_all_;
