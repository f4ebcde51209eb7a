/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan: a flat array of steps, each with its inverse.  A construction is a root step
 * (tmpfs, overlay or bind), whatever is put into it out of sight, and one attach.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"
#include "base/str.h"
#include "base/texts.h"
#include "base/vec.h"
#include "profile/profile.h"

enum om_step_kind {
	OM_STEP_SKELETON, /* new private tmpfs for the upper layer of the next overlay */
	OM_STEP_TMPFS,
	OM_STEP_OVERLAY, /* skeleton over source; writable: as its upper layer */
	OM_STEP_BIND,
	OM_STEP_MKDIR, /* with source: mode, owner and xattrs of that directory */
	OM_STEP_MKFILE,
	OM_STEP_SYMLINK,  /* source is the content */
	OM_STEP_WHITEOUT, /* in a skeleton: the name of the layer below is hidden */
	OM_STEP_SEAL,	  /* attributes that would hinder building, set last */
	OM_STEP_ATTACH,	  /* the construction becomes visible at path */
	_OM_STEP_MAX,
};

/* Where a step happens. */
enum om_place {
	OM_PLACE_LIVE,	   /* on the tree that everybody sees */
	OM_PLACE_SKELETON, /* on the private tmpfs of the upper layer */
	OM_PLACE_STAGE,	   /* in the construction, before it is attached */
};

/* What undoes a step. */
enum om_inverse {
	OM_INVERSE_DISCARD, /* closing the construction drops it */
	OM_INVERSE_DETACH,
	OM_INVERSE_RMDIR,
	OM_INVERSE_UNLINK,
};

/* Small, since a mimic has two of them for each sibling. */
struct om_step {
	enum om_step_kind kind : 8;
	enum om_place place : 8;
	unsigned strategy : 8; /* enum om_strategy_id: who asks for it */
	enum om_propagation propagation : 8;
	bool root; /* the first mount of a construction: path is where it will be attached */
	bool recursive;
	bool brings;	    /* bind: mounts may come along with the source */
	bool dir;	    /* attach, bind: a directory, not a file */
	bool writable;	    /* overlay: what is changed goes to the skeleton */
	size_t entry;	    /* of the profile, or SIZE_MAX when several share it */
	const char *path;   /* borrowed from the plan; absolute, as it will be seen */
	const char *source; /* borrowed from the plan; NULL when the kind has none */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	unsigned attr; /* OM_ATTR_* */
	uint64_t size;
	uint64_t inodes;
	/* Of the first step of a construction: the hole, as surveyed; ino 0: none. */
	uint64_t hole_dev;
	uint64_t hole_ino;
};

struct om_plan {
	OM_VEC(struct om_step) steps;
	struct om_texts texts; /* of the steps */
	unsigned strategy;     /* of the steps that are added next */
};

/* Where a construction is attached. */
struct om_plan_target {
	size_t entry;
	const char *path;
	bool dir;
};

/* Copies step with its strings; -ENOMEM. */
int om_plan_add(struct om_plan *plan,
		const struct om_step *step) _nonnull_all_ _must_check_;
void om_plan_done(struct om_plan *plan);
#define _cleanup_plan_ _cleanup_(om_plan_done)

/*
 * Where the kernel may work beside the upper layer of a writable overlay at hole, on the
 * same skeleton: neither lies in the other.
 */
const char *om_plan_work_dir(const char *hole) _nonnull_all_;

/* Total: there is no step without an inverse. */
enum om_inverse om_step_invert(const struct om_step *step) _nonnull_all_;

/*
 * The step as the shell command that a person would type.  root is the directory below
 * which paths are, stage the directory where constructions are built.
 */
void om_step_render(const struct om_step *step, const char *root, const char *stage,
		    struct om_str *out) _nonnull_all_;
/* What it does, in words that the path goes behind: "cannot bind to PATH". */
const char *om_step_doing(enum om_step_kind kind);
