/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See layers.h.
 */
#include "apply/layers.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "layers/layers.h"

#define TECHNIQUE "overmount apparmor --technique helper"

/* Its label is what the overlay keeps: with an enforced one nothing is gained by it. */
static bool is_bad_label(const struct om_build *b, const struct om_layers_reply *reply)
{
	return reply->confined &&
	       om_facts_get(b->facts, OM_FACT_APPARMOR_LABEL) == OM_NO &&
	       om_facts_get(b->facts, OM_FACT_OVERLAY_LABEL_APP) != OM_YES;
}

static void explain(int r, const struct om_layers_reply *reply, struct om_error *e)
{
	if (r == -EACCES && om_streq(reply->what, OM_LAYERS_EXECUTING))
		om_error_fix(e, "let the AppArmor profile execute overmount-layers, "
				"as " TECHNIQUE " prints it");
	else if (r == -ECHILD)
		om_error_fix(e, "overmount-layers ended without a reply: see whether "
				"--layers-helper names it, and it may run here");
	else if (reply->log[0])
		om_error_fix(e, "overmount-layers failed at %s, and the kernel says: %s",
			     OM_Q(reply->what), OM_Q(reply->log));
	else
		om_error_fix(e, "overmount-layers failed at %s", OM_Q(reply->what));
}

int om_layers_make(const struct om_build *b, const struct om_layers_ask *ask,
		   struct om_error *e)
{
	struct om_layers_reply reply;
	int r = b->sys->layers(b->sys, b->layers, ask, &reply);

	if (r < 0) {
		explain(r, &reply, e);
		return r;
	}
	if (!is_bad_label(b, &reply))
		return r;
	if (r > 0)
		(void)om_close(r);
	om_error_fix(e,
		     "overmount-layers runs as %s: load the profiles that " TECHNIQUE
		     " prints",
		     OM_Q(reply.label));
	return -EACCES;
}
