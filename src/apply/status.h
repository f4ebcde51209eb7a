/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What has become of what was made visible: the journal against the tree as it is.
 */
#pragma once

#include "apply/journal.h"
#include "base/macro.h"
#include "sys/sys.h"

enum om_act_state {
	OM_ACT_PRESENT, /* as it was made */
	OM_ACT_CHANGED, /* the mount is there, with other attributes */
	OM_ACT_COVERED, /* the mount is there, and something else lies on top of it */
	OM_ACT_MOVED,	/* the mount is in the namespace, and not where it was put */
	OM_ACT_USED,	/* the name is there, and somebody has written into it */
	OM_ACT_GONE,	/* or something else has its name or place */
	OM_ACT_UNKNOWN, /* it is not what the path shows, and cannot be looked for */
};

/*
 * Where the mount of an act is now: *ret_fd (owned by the caller) lies on it when it is
 * PRESENT or MOVED, and is -1 otherwise.  Never CHANGED: its attributes are not looked at.
 */
enum om_act_state om_act_find_mount(const struct om_sys *sys, int root_fd,
				    const struct om_act *act, int *ret_fd) _nonnull_all_;
/* What has become of a name in its directory; other_boot as in struct om_undo. */
enum om_act_state om_act_find_name(const struct om_act *act, bool other_boot,
				   int parent_fd) _nonnull_all_;
/*
 * What has become of each act, beneath root_fd; changes nothing.  What a later act of ours
 * covers is present when it is there at all; what is inside a construction that is not in
 * its place shares its fate.  ret has room for all.
 */
void om_acts_look(const struct om_sys *sys, int root_fd, const struct om_journal *j,
		  enum om_act_state *ret) _nonnull_(1, 3);
/* Is it where it was put, whatever its attributes are? */
bool om_act_is_in_place(enum om_act_state state);
/* One word for people and programs, and what it means. */
const char *om_act_state_name(enum om_act_state state);
const char *om_act_state_text(enum om_act_state state);
