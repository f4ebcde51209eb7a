/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree and its mounts as text, and the scene that a survey of them would give: plans for
 * machines that nobody has.  Links on the way to a name are not followed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/vec.h"
#include "probe/scene.h"
#include "profile/profile.h"
#include "strategy/strategy.h"

struct world_node {
	char *path; /* owned */
	char *link; /* owned; of a symbolic link */
	enum om_object object;
	bool live; /* a socket or a fifo */
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct world_mount {
	char *path; /* owned */
	char type[32];
	unsigned attr; /* OM_ATTR_* */
	bool fixed, ours, unbindable, locked, no_fit;
	int levels; /* of overlay that still fit; -1: cannot be told */
};

struct world {
	OM_VEC(struct world_node) nodes;
	OM_VEC(struct world_mount) mounts; /* in order of creation */
	size_t n_mounts;		   /* that the namespace has already */
	uint64_t max_mounts;		   /* that it can have; 0: not known */
};

/*
 * One line: `dir|file|fifo PATH [MODE UID GID]`, `link PATH CONTENT`, `many DIR PREFIX N`
 * or `mount PATH TYPE [WORD...]`, with the words ro, fixed (read-only for everybody), ours,
 * unbindable, locked, no-fit, unknown-fit, nosuid, nodev, noexec and levels=N; or
 * `max-mounts MOUNTED N`.  What leads to a path is made.  Returns false for anything else.
 */
bool world_line(struct world *w, const char *line);
void world_done(struct world *w);

/* The scene of entries first..first+n-1, with submounts and whatever a look finds. */
struct om_scene *world_survey(const struct world *w, const struct om_profile *p,
			      size_t first, size_t n);
/* Lists what the constructions of d need when they are built by any strategy. */
void world_list(const struct world *w, const struct om_decisions *d,
		struct om_scene *scene);
/* Changes the tree as applying d would, for the next wave. */
void world_apply(struct world *w, const struct om_decisions *d);
/* Makes what the entries name: all sources, and the parents of targets below /snap. */
void world_make_sources(struct world *w, const struct om_profile *p);
