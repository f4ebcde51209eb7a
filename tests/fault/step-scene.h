/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of the step race, made anew for each step: a root whose /var/snap/app and /mnt
 * belong to the attacker, what may not be touched beside it, and a state directory that is
 * a small file system of its own.  And the profiles that are raced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "fault/attacker.h"
#include "fault/mounts.h"
#include "fault/snapshot.h"

#define STEP_PROFILE STEP_PATH "/profile.fstab"
#define STEP_STATE STEP_DIR "/state"

struct step_profile {
	const char *name;
	const char *text;
	struct focus focus;
	bool hole;     /* the strategy matters */
	bool submount; /* in the source */
	bool shared;   /* the mount of the fixture is */
};

extern const struct step_profile step_profiles[];
extern const size_t n_step_profiles;

/* NULL when there is none of that name. */
const struct step_profile *step_profile_get(const char *name);

/* In the working directory.  False, with errno, when it cannot be. */
bool step_scene_make(const struct step_profile *profile);
void step_scene_clear(void);

/* What is there now. */
struct step_view {
	struct mount_table mounts;
	bool base[MOUNTS_MAX],
		ours[MOUNTS_MAX]; /* which of them; what else is, somebody made */
	struct text lines;	  /* of the mounts of the fixture, sorted */
	struct text tree;	  /* the root as it is seen */
	struct text host;	  /* the file system below all mounts */
	struct text stamps;	  /* of what lies outside */
};

/*
 * As attack sees it, which also says what is whose.  The propagation of mounts that are not in base is left
 * out: it depends on what was shared when, and no profile asks for any.
 */
void step_look(struct step_view *ret, const struct attack *attack);
/* Is the mount of those that have a line? */
bool step_has_line(const struct mount_entry *m);
void step_view_done(struct step_view *v);
/* How many files of the tree have the content that nobody may read. */
unsigned step_count_secrets(const struct text *tree);
