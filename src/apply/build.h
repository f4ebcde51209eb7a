/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building out of sight.  One construction at a time: its mounts hang in a detached tree,
 * or on a private tmpfs (the stage) where detached trees cannot nest or the fd mount API
 * is missing.  Nothing here decides: the surface comes from facts, the steps from a plan.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/vec.h"
#include "probe/facts.h"
#include "strategy/plan.h"
#include "sys/sys.h"

/* A mount in the construction, but for its root. */
struct om_build_inner {
	const struct om_step *step; /* borrowed from the plan */
	struct om_mount_id id;
	unsigned attr; /* OM_ATTR_*, its own and of its file system */
	unsigned want; /* of its own, at least */
	uint64_t dev;  /* of its root, when the id is reusable */
	uint64_t ino;
	/* What the step's bind brought along: comes behind that, in the order of ids. */
	bool brought;
	bool follows; /* it goes when that of the source goes */
	char *path;   /* owned; NULL: that of the step */
};

struct om_build {
	const struct om_sys *sys;
	int root_fd;   /* borrowed: targets */
	int source_fd; /* borrowed: sources of binds that are entries */
	/*
	 * Borrowed: directory that the stage may cover, made when it is missing; relative
	 * to the directory stage_at, which may be AT_FDCWD.
	 */
	int stage_at;
	const char *stage_path;
	const struct om_facts *facts;
	int layers; /* borrowed: overmount-layers makes overlays; not above 0: we do */
	const char *layers_path; /* borrowed: see om_layers_make(); may be NULL */
	bool fd_api;
	bool detached;
	int stage_fd;	 /* owned, -1 while not needed */
	bool stage_made; /* the directory was made by us */
	unsigned slots;
	int tree_fd; /* owned: root of the construction */
	char *tree_path;
	uint64_t hole_dev; /* what it is to cover; hole_ino 0: whatever is there */
	uint64_t hole_ino;
	unsigned tree_attr; /* of its root: see struct om_build_inner */
	unsigned tree_want;
	bool tree_is_new;	/* that is a file system of ours, not a bind */
	bool unlisted;		/* there may be mounts in it that are not among `inner` */
	size_t overlay_options; /* how many options the overlay at its root was given */
	bool overlay_userxattr; /* and whether it marks what it changes as users can */
	int skeleton_fd;	/* owned */
	char *dir_path;		/* cache of the directory last worked in */
	int dir_fd;
	enum om_place dir_place;
	OM_VEC(struct om_mount_id) ours; /* the tmpfs mounts made for entries */
	/* Their devices: a copy that a later construction binds back has the same. */
	OM_VEC(dev_t) ours_devs;
	size_t ours_before; /* how many of them are of earlier trees */
	OM_VEC(struct om_build_inner) inner;
};

void om_build_init(struct om_build *b, const struct om_sys *sys,
		   const struct om_facts *facts) _nonnull_all_;
/* Drops the construction and the stage: what was not attached is gone. */
void om_build_done(struct om_build *b);
/* Executes one step that is not live; 0 or -errno with *e filled. */
int om_build_step(struct om_build *b, const struct om_step *step, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
/*
 * Is fd a directory (or, without dir, anything but that and a link) as the plan has it?
 * O_PATH with O_NOFOLLOW opens a link itself, and binding one would be to follow it later.
 * 0 or -errno; *ret is what it is.
 */
struct stat;
int om_build_check_kind(int fd, bool dir, struct stat *ret) _must_check_;
/* Forgets the construction, attached or not. */
void om_build_drop_tree(struct om_build *b) _nonnull_all_;
/*
 * Sets attributes (OM_ATTR_*) and propagation (MS_PRIVATE, MS_SLAVE or 0) of the mount
 * whose root fd is, by whichever call the kernel has.
 */
int om_build_set_attr(struct om_build *b, int fd, bool recursive, unsigned attr,
		      unsigned long propagation) _nonnull_all_ _must_check_;
