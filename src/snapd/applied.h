/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was applied of a desired profile, in the order in which it was: an update starts
 * from there.  The current profile would not do, since it leaves links out.
 */
#pragma once

#include <stdbool.h>

#include "apply/state.h"
#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/texts.h"
#include "base/vec.h"
#include "profile/profile.h"
#include "snapd/fstab.h"

/* An entry of the desired profile that was applied. */
struct om_snapd_item {
	unsigned line; /* of the desired profile; 0: the file system for files */
	bool source;   /* not itself, but what was made in the place of its source */
};

struct om_snapd_items {
	OM_VEC(struct om_snapd_item) list; /* owned */
};

struct om_snapd_applied {
	struct om_snapd_profile lines; /* owned, as all here */
	/* The same for the engine, in the same order; what stands for a source has line 0. */
	struct om_profile profile;
	struct om_texts texts;
};

/*
 * Entries of the engine that stand for sources which were not there: an empty directory on
 * a tmpfs of its own; an empty file, and the tmpfs that such files are on, in the directory
 * of the state.  The name of a file is kept in texts; NULL as its source: no memory.
 */
struct om_entry om_snapd_source_dir(const char *path) _nonnull_all_;
struct om_entry om_snapd_source_file(const char *path,
				     struct om_texts *texts) _nonnull_all_;
struct om_entry om_snapd_source_files(void);
#define OM_SNAPD_FILES OM_STATE_DIR "/files"

/*
 * Lines and entries for what was applied of a desired profile.  -EEXIST when a target is
 * there twice, which the engine cannot compare; -EINVAL, -ENOMEM.  om_snapd_applied_done()
 * in any case.
 */
int om_snapd_applied_make(const struct om_snapd_profile *desired,
			  const struct om_snapd_items *items,
			  struct om_snapd_applied *ret) _nonnull_all_ _must_check_;
/* The same from the text that om_snapd_applied_print() has made. */
int om_snapd_applied_parse(const char *text, size_t size,
			   struct om_snapd_applied *ret) _nonnull_all_ _must_check_;
void om_snapd_applied_print(const struct om_snapd_applied *applied,
			    struct om_str *out) _nonnull_all_;
void om_snapd_applied_done(struct om_snapd_applied *applied);
#define _cleanup_applied_ _cleanup_(om_snapd_applied_done)
