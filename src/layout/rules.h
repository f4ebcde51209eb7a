/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the paths of a layout may be, in both modes, and what its variables stand for.
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "profile/text.h"

/* Whose layout it is. */
struct om_layout_space {
	const char *name;	    /* of the snap, borrowed; NULL: no item may follow */
	char *snap, *data, *common; /* what the variables stand for; owned */
	bool snapd;		    /* judge as snapd does */
	bool proposal;		    /* the root takes names, and links lead anywhere */
};

/* 0 or -ENOMEM; om_layout_space_done() in any case. */
int om_layout_space_init(struct om_layout_space *space, const char *name,
			 const char *revision, bool snapd) _nonnull_(1, 3) _must_check_;
void om_layout_space_done(struct om_layout_space *space) _nonnull_all_;

/*
 * Replaces $SNAP, $SNAP_DATA and $SNAP_COMMON.  0 with *ret malloc'ed, -ENOMEM, or
 * -EINVAL with the reason in buf.
 */
int om_layout_expand(const struct om_layout_space *space, const char *text, char **ret,
		     char buf[static OM_REASON_SIZE]) _nonnull_all_ _must_check_;

/*
 * Why a target or a source cannot be used, in words (in buf or static), or NULL.  raw is
 * the text before it was expanded.
 */
const char *om_layout_target_bad(const struct om_layout_space *space, const char *raw,
				 const char *target,
				 char buf[static OM_REASON_SIZE]) _nonnull_all_;
const char *om_layout_source_bad(const struct om_layout_space *space, const char *source,
				 char buf[static OM_REASON_SIZE]) _nonnull_all_;
/* As om_layout_source_bad(), of what a symbolic link leads to. */
const char *om_layout_link_bad(const struct om_layout_space *space, const char *link,
			       char buf[static OM_REASON_SIZE]) _nonnull_all_;
