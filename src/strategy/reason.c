/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reasons as data.  Ids are part of the interface: they never change their meaning.
 */
#include "strategy/reason.h"

#include <stddef.h>

static const struct {
	const char *id;
	const char *text;
	const char *fix;
} reasons[_OM_WHY_MAX] = {
	[OM_WHY_TARGET_EXISTS] = { "target-exists",
				   "the target exists with the right kind", NULL },
	[OM_WHY_PARENT_OURS] = { "parent-ours",
				 "the parent lies on a tmpfs of this profile", NULL },
	[OM_WHY_LINK_EXISTS] = { "link-exists", "the link is there already", NULL },
	[OM_WHY_OVL_RO] = { "ovl-ro",
			    "one read-only overlay adds the name, siblings cost nothing",
			    NULL },
	[OM_WHY_OVL_REBIND] = { "ovl-rebind",
				"one read-only overlay adds the name, submounts are bound back",
				NULL },
	[OM_WHY_MIMIC] = { "mimic", "a tmpfs with every sibling bound back adds the name",
			   NULL },
	[OM_WHY_NEEDS_HOLE] = { "needs-hole",
				"the target is missing and its parent takes no new name",
				NULL },
	[OM_WHY_OVL_ABSENT] = { "ovl-absent", "this kernel mounts no read-only overlay",
				NULL },
	[OM_WHY_OVL_UNKNOWN] = { "ovl-unknown", "overlay could not be tried here", NULL },
	[OM_WHY_OVL_MOUNTER_LABEL] = { "ovl-mounter-label",
				       "this process is confined and an overlay would keep its AppArmor label",
				       NULL },
	[OM_WHY_OVL_MANY_SUBMOUNTS] = { "ovl-many-submounts",
					"more submounts than an overlay can carry back",
					NULL },
	[OM_WHY_HOLE_WRITABLE] = { "hole-writable",
				   "the hole is writable and its siblings must write through",
				   NULL },
	[OM_WHY_NOT_ALLOWED] = { "not-allowed",
				 "the strategy is not among the allowed ones",
				 "use --strategy auto" },
	[OM_WHY_KIND_CHANGE] = { "kind-change", "the target exists with another kind",
				 "remove the entry, or make it the kind that the base has" },
	[OM_WHY_ROOT_HOLE] = { "root-hole",
			       "a new name in the root directory of a live namespace",
			       "use overmount run, or a target in an existing directory" },
	[OM_WHY_NO_SOURCE] = { "no-source", "the source does not exist",
			       "create the source, or correct its path" },
	[OM_WHY_SOURCE_NOT_DIR] = { "source-not-dir", "the source is not a directory",
				    "use bind-file in a layout, x-snapd.kind=file in a profile" },
	[OM_WHY_SOURCE_NOT_FILE] = { "source-not-file", "the source is not a file",
				     "use bind in a layout, without x-snapd.kind=file in a profile" },
	[OM_WHY_NO_STRATEGY] = { "no-strategy", "no allowed strategy can do it",
				 "use --strategy auto" },
};

const char *om_why_id(enum om_why why)
{
	return reasons[why].id;
}

const char *om_why_text(enum om_why why)
{
	return reasons[why].text;
}

const char *om_why_fix(enum om_why why)
{
	return reasons[why].fix;
}
