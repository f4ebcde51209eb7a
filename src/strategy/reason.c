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
	[OM_WHY_REPLACES] = { "replaces",
			      "the target exists with another kind, which the policy lets give way",
			      NULL },
	[OM_WHY_RESERVED] = { "reserved-area",
			      "the target lies where the policy permits nothing",
			      "choose another target, or take the area out of reserved: in the policy" },
	[OM_WHY_OUTSIDE_ROOTS] = { "outside-roots",
				   "the target lies outside of what the policy permits",
				   "choose another target, or add its directory to write-roots: in the policy" },
	[OM_WHY_TOO_DEEP] = { "too-deep", "the target is deeper than the policy permits",
			      "choose a target with fewer components, or raise limits: depth in the policy" },
	[OM_WHY_TOO_MANY_ENTRIES] = { "too-many-entries",
				      "the profile has more entries than the policy permits",
				      "make the profile shorter, or raise limits: entries in the policy" },
	[OM_WHY_NO_SOURCE] = { "no-source", "the source does not exist",
			       "create the source, or correct its path" },
	[OM_WHY_SOURCE_NOT_DIR] = { "source-not-dir", "the source is not a directory",
				    "use bind-file in a layout, x-snapd.kind=file in a profile" },
	[OM_WHY_SOURCE_NOT_FILE] = { "source-not-file", "the source is not a file",
				     "use bind in a layout, without x-snapd.kind=file in a profile" },
	[OM_WHY_KIND_CHANGE] = { "kind-change", "the target exists with another kind",
				 "remove the entry, make it the kind that the base has, or use --allow kind-change where nothing is mounted" },
	[OM_WHY_ROOT_HOLE] = { "root-hole",
			       "a new name in the root directory of a live namespace",
			       "use overmount run, or a target in an existing directory" },
	[OM_WHY_STRICT] = { "strict-unknown",
			    "something that matters could not be found out, and the policy is strict",
			    "see what is unknown with overmount probe, or set strict: false in the policy" },
	[OM_WHY_OVL_ABSENT] = { "ovl-absent", "this kernel mounts no read-only overlay",
				"allow mimic, or use a kernel with overlay" },
	[OM_WHY_OVL_BLACKLISTED] = { "ovl-blacklisted",
				     "the overlay module is blacklisted",
				     "allow mimic, or take the blacklist line out of /etc/modprobe.d" },
	[OM_WHY_OVL_NOT_LOADED] = { "ovl-not-loaded", "the overlay module is not loaded",
				    "use --load-modules, or run modprobe overlay before" },
	[OM_WHY_OVL_UNKNOWN] = { "ovl-unknown", "overlay could not be tried here",
				 "allow mimic; overmount probe --explain overlay.ro says why" },
	[OM_WHY_OVL_MOUNTER_LABEL] = { "ovl-mounter-label",
				       "this process is confined and an overlay would keep its AppArmor label",
				       "use --app-label, allow mimic, or mount as an unconfined process" },
	[OM_WHY_HOLE_WRITABLE] = { "hole-writable",
				   "the hole is writable and its siblings must write through",
				   "allow mimic, or make the hole read-only" },
	[OM_WHY_LIVE_AREA] = { "live-area",
			       "names come and go in this area while programs run",
			       "allow mimic, or choose a target elsewhere" },
	[OM_WHY_LIVE_OBJECTS] = { "live-objects",
				  "sockets or fifos lie where names are added, an overlay would cut them off",
				  "allow mimic, or choose a target elsewhere" },
	[OM_WHY_MUTABLE_LOWER] = { "mutable-lower",
				   "others can change the directory below an overlay, and the policy minds",
				   "allow mimic, or set mutable-lowers: true in the policy" },
	[OM_WHY_HOLE_UNBINDABLE] = { "hole-unbindable",
				     "the mount of the directory is unbindable, so it can be no layer and nothing in it can be bound back",
				     "use mount --make-private on the mount that holds the directory" },
	[OM_WHY_SUBMOUNT_UNBINDABLE] = { "submount-unbindable",
					 "a mount below the directory is unbindable and would be lost",
					 "use mount --make-private on it; overmount probe --json PATH says which" },
	[OM_WHY_OVL_DEPTH] = { "ovl-depth",
			       "the directory lies on overlays already, and no level is left",
			       "allow mimic" },
	[OM_WHY_OVL_LOCKED] = { "ovl-locked",
				"mounts below the directory are locked, so the kernel takes it for no layer",
				"allow mimic" },
	[OM_WHY_OVL_NO_FIT] = { "ovl-no-fit",
				"an overlay was tried on this very directory and does not fit",
				"allow mimic; overmount probe PATH says why" },
	[OM_WHY_OVL_UNKNOWN_HERE] = { "ovl-unknown-here",
				      "whether an overlay fits on this directory could not be tried",
				      "allow mimic; overmount probe PATH says why" },
	[OM_WHY_OVL_MANY_SUBMOUNTS] = { "ovl-many-submounts",
					"more submounts than an overlay can carry back",
					"allow mimic, or raise limits: submounts in the policy" },
	[OM_WHY_MIMIC_LIMIT] = { "mimic-limit",
				 "the directory has more names than the policy lets a mimic copy",
				 "allow overlay, or raise limits: siblings in the policy" },
	[OM_WHY_MIMIC_MOUNTS] = { "mimic-mounts",
				  "a mimic would need more mounts than a namespace can have",
				  "allow overlay, or raise the sysctl fs.mount-max" },
	[OM_WHY_NOT_ALLOWED] = { "not-allowed",
				 "the strategy is not among the allowed ones",
				 "use --strategy auto, or add it to strategies: in the policy" },
	[OM_WHY_NO_STRATEGY] = { "no-strategy", "no allowed strategy can do it",
				 "use --strategy auto, or add one to strategies: in the policy" },
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
