/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the reasons of a diff are called, and how they are told.
 */
#include "diff/diff.h"

static const struct {
	const char *id;
	/* Around the word in what, or the target of the entry behind it. */
	const char *text, *rest;
} reasons[_OM_DIFF_WHY_MAX] = {
	[OM_DIFF_SAME] = { "same", "nothing about it changes", "" },
	[OM_DIFF_NEEDED] = { "needed", "the entry that it was made for is still wanted",
			     "" },
	[OM_DIFF_NEW] = { "new", "nothing was at its target", "" },
	[OM_DIFF_GONE] = { "gone", "nothing shall be at its target any more", "" },
	[OM_DIFF_CHANGED] = { "changed", "differs in ", "" },
	[OM_DIFF_SOURCE_REPLACED] = { "source-replaced",
				      "its source is no longer what was bound", "" },
	[OM_DIFF_REORDERED] = { "reordered", "it and ", " change places" },
	[OM_DIFF_TARGET_UNDONE] = { "target-undone", "its target meets ",
				    ", which is undone" },
	[OM_DIFF_SOURCE_UNDONE] = { "source-undone", "its source meets ",
				    ", which is undone" },
	[OM_DIFF_TARGET_NEW] = { "target-new", "its target meets ",
				 ", which is done before" },
	[OM_DIFF_SOURCE_NEW] = { "source-new", "its source meets ",
				 ", which is done before" },
	[OM_DIFF_SHOWN] = { "shown", "it must not be there yet when ", " is done" },
	[OM_DIFF_UNNEEDED] = { "unneeded", "the entry that it was made for is gone", "" },
	[OM_DIFF_REBUILT] = { "rebuilt",
			      "it is built together with something that changes", "" },
	[OM_DIFF_IN_THE_WAY] = { "in-the-way", "its place is wanted by ", "" },
};

const char *om_diff_act_name(enum om_diff_act act)
{
	static const char *const names[_OM_DIFF_ACT_MAX] = {
		[OM_DIFF_UNDO] = "undo", [OM_DIFF_KEEP] = "keep", [OM_DIFF_DO] = "do"
	};

	return act < _OM_DIFF_ACT_MAX ? names[act] : "unknown";
}

const char *om_diff_why_id(enum om_diff_why why)
{
	return why < _OM_DIFF_WHY_MAX ? reasons[why].id : "unknown";
}

void om_diff_explain(const struct om_change *change, struct om_str *out)
{
	om_str_add(out, reasons[change->why].text);
	if (change->because)
		om_str_add(out, OM_Q(change->because->target));
	else if (change->what)
		om_str_add(out, change->what);
	om_str_add(out, reasons[change->why].rest);
}

const struct om_entry *om_change_entry(const struct om_change *change)
{
	return change->act == OM_DIFF_UNDO ? change->old
	       : change->new		   ? change->new
					   : change->old;
}
