/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a strategy was chosen or rejected: stable ids, one sentence each, and the way out
 * for refusals.
 */
#pragma once

enum om_why {
	/* Chosen. */
	OM_WHY_TARGET_EXISTS,
	OM_WHY_PARENT_OURS,
	OM_WHY_LINK_EXISTS,
	OM_WHY_NOTHING_TO_HIDE,
	OM_WHY_OVL_RO,
	OM_WHY_OVL_REBIND,
	OM_WHY_OVL_RW,
	OM_WHY_OVL_RW_REBIND,
	OM_WHY_MIMIC,
	OM_WHY_MIMIC_RW,
	/* Only a step on the way: the strategies for holes come next. */
	OM_WHY_NEEDS_HOLE,
	OM_WHY_REPLACES,
	/* Rejected; each of them may be why an entry is refused. */
	OM_WHY_RESERVED,
	OM_WHY_OUTSIDE_ROOTS,
	OM_WHY_TOO_DEEP,
	OM_WHY_TOO_MANY_ENTRIES,
	OM_WHY_NO_SOURCE,
	OM_WHY_SOURCE_NOT_DIR,
	OM_WHY_SOURCE_NOT_FILE,
	OM_WHY_KIND_CHANGE,
	OM_WHY_HIDES,
	OM_WHY_ROOT_HOLE,
	OM_WHY_STRICT,
	OM_WHY_WRITABLE_PART,
	OM_WHY_HOLE_TAKES_NAMES,
	OM_WHY_OVL_ABSENT,
	OM_WHY_OVL_BLACKLISTED,
	OM_WHY_OVL_NOT_LOADED,
	OM_WHY_OVL_UNKNOWN,
	OM_WHY_OVL_OTHER_LABEL,
	OM_WHY_OVL_MOUNTER_LABEL,
	OM_WHY_OVL_HELPER_LABEL,
	OM_WHY_OVL_NO_UPPER,
	OM_WHY_OVL_UPPER_UNKNOWN,
	OM_WHY_OVL_UPPER_LABEL,
	OM_WHY_OVL_UPPER_ROOT,
	OM_WHY_HOLE_WRITABLE,
	OM_WHY_LIVE_AREA,
	OM_WHY_LIVE_OBJECTS,
	OM_WHY_MUTABLE_LOWER,
	OM_WHY_HOLE_UNBINDABLE,
	OM_WHY_SUBMOUNT_UNBINDABLE,
	OM_WHY_OVL_DEPTH,
	OM_WHY_OVL_LOCKED,
	OM_WHY_OVL_NO_FIT,
	OM_WHY_OVL_UNKNOWN_HERE,
	OM_WHY_OVL_MANY_SUBMOUNTS,
	OM_WHY_OVL_WHITEOUT,
	OM_WHY_MIMIC_LIMIT,
	OM_WHY_MIMIC_MOUNTS,
	OM_WHY_NOT_ALLOWED,
	OM_WHY_NO_STRATEGY,
	_OM_WHY_MAX,
};

/* Stable id such as "ovl-ro". */
const char *om_why_id(enum om_why why);
/* One sentence without a full stop. */
const char *om_why_text(enum om_why why);
/* The way out, or NULL. */
const char *om_why_fix(enum om_why why);
