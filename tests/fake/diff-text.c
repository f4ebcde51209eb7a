/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See diff-text.h.
 */
#include "fake/diff-text.h"

void diff_text(const struct om_diff *diff, struct om_str *out)
{
	for (size_t i = 0; i < diff->changes.n; i++) {
		const struct om_change *c = &diff->changes.v[i];

		om_str_addf(out, "%s %s %s", om_diff_act_name(c->act),
			    om_change_entry(c)->target, om_diff_why_id(c->why));
		if (c->because)
			om_str_addf(out, " %s", c->because->target);
		if (c->what)
			om_str_addf(out, " %s", c->what);
		om_str_add(out, "\n");
	}
}
