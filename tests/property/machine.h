/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The planner over a world instead of a system: what the survey would find, and what each
 * step and each inverse does.
 */
#pragma once

#include "property/world.h"
#include "probe/scene.h"
#include "strategy/strategy.h"

/* -ELOOP, -ENOTDIR: as the survey refuses.  Ids of mounts are changed by salt. */
int scene_of_world(const struct world *w, const struct om_profile *p, size_t first,
		   size_t n, uint64_t salt, struct om_scene **ret);
/* As om_apply_list_children(). */
int scene_list_children(const struct world *w, const struct om_decisions *d,
			struct om_scene *scene, uint64_t salt);

#define MAX_UNDO 512

struct undo {
	enum om_inverse inverse;
	int mount;
	struct node *node;
};

struct machine {
	struct world *w;
	struct node *skeleton;
	int tree; /* -1: no construction is being built */
	const char *tree_path;
	struct undo undo[MAX_UNDO];
	size_t n;
};

void machine_start(struct machine *m, struct world *w);
/* 0 or -errno, as the kernel would say. */
int machine_step(struct machine *m, const struct om_step *step);
/* All inverses, from the last to the first; -errno when one of them is not possible. */
int machine_undo(struct machine *m);
