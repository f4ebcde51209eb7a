/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See facts.h.
 */
#include "probe/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *question;
} table[_OM_FACT_MAX] = {
	[OM_FACT_MOUNT_API] = { "mount-api.fd",
				"are fsopen, fsmount, open_tree and move_mount there" },
	[OM_FACT_DETACHED_NESTING] = { "mount-api.detached-nesting",
				       "can a mount be attached inside a detached tree" },
	[OM_FACT_MOUNT_SETATTR] = { "mount-api.setattr",
				    "can attributes be set on a detached mount" },
	[OM_FACT_UNIQUE_MOUNT_ID] = { "mount-api.unique-id",
				      "do mounts have ids that are never reused" },
	[OM_FACT_OPENAT2] = { "openat2",
			      "can a path be resolved strictly beneath a directory" },
	[OM_FACT_OVERLAY_RO] = { "overlay.ro",
				 "does a read-only skeleton over a real directory show both" },
	[OM_FACT_OVERLAY_LAYER_FD] = { "overlay.layer-fd",
				       "can layers be given by file descriptor" },
	[OM_FACT_OVERLAY_DETACHED_LOWER] = { "overlay.detached-lower",
					     "can a layer lie on a detached mount" },
	[OM_FACT_OVERLAY_NOFOLLOW] = { "overlay.redirect-nofollow",
				       "is redirect_dir=nofollow accepted" },
	[OM_FACT_OVERLAY_METACOPY_OFF] = { "overlay.metacopy-off",
					   "is metacopy=off accepted" },
	[OM_FACT_OVERLAY_MODULE] = { "overlay.module",
				     "where does the overlay file system come from" },
	[OM_FACT_APPARMOR] = { "apparmor.enabled", "is AppArmor in force" },
	[OM_FACT_APPARMOR_LABEL] = { "apparmor.unconfined",
				     "is this process unconfined" },
};

void om_facts_init(struct om_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		facts->fact[i].state = OM_UNKNOWN;
}

void om_facts_set(struct om_facts *facts, enum om_fact_id id, enum om_tristate state,
		  const char *value, const char *format, ...)
{
	struct om_fact *fact = &facts->fact[id];
	va_list ap;

	fact->state = state;
	(void)snprintf(fact->value, sizeof(fact->value), "%s", value ? value : "");
	va_start(ap, format);
	(void)vsnprintf(fact->evidence, sizeof(fact->evidence), format, ap);
	va_end(ap);
}

const char *om_fact_name(enum om_fact_id id)
{
	return table[id].name;
}

const char *om_fact_question(enum om_fact_id id)
{
	return table[id].question;
}

const char *om_tristate_name(enum om_tristate state)
{
	switch (state) {
	case OM_NO:
		return "no";
	case OM_YES:
		return "yes";
	case OM_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}
