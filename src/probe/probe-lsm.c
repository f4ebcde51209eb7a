/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AppArmor: whether it is in force, and the label that an overlay of ours would carry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/apparmor.h>

#include "base/cleanup.h"
#include "probe/probe.h"

static void probe_label(struct om_facts *facts)
{
	_cleanup_free_ char *label = NULL;
	char *mode; /* points into label */

	if (aa_getcon(&label, &mode) < 0) {
		om_facts_set(facts, OM_FACT_APPARMOR_LABEL, OM_UNKNOWN, NULL,
			     "aa_getcon: %s", strerrorname_np(errno));
		return;
	}
	om_facts_set(facts, OM_FACT_APPARMOR_LABEL,
		     strcmp(label, "unconfined") == 0 ? OM_YES : OM_NO, label,
		     "aa_getcon: mode %s", mode ? mode : "none");
}

void om_probe_lsm(struct om_facts *facts)
{
	if (aa_is_enabled()) {
		om_facts_set(facts, OM_FACT_APPARMOR, OM_YES, NULL, "aa_is_enabled");
		probe_label(facts);
		return;
	}
	switch (errno) {
	case ENOSYS:
		om_facts_set(facts, OM_FACT_APPARMOR, OM_NO, NULL,
			     "aa_is_enabled: not in this kernel");
		break;
	case ECANCELED:
		om_facts_set(facts, OM_FACT_APPARMOR, OM_NO, NULL,
			     "aa_is_enabled: disabled at boot");
		break;
	case ENOENT:
		/* The interface is not mounted: it may be in force all the same. */
		om_facts_set(facts, OM_FACT_APPARMOR, OM_UNKNOWN, NULL,
			     "aa_is_enabled: securityfs is not mounted");
		probe_label(facts);
		return;
	default:
		om_facts_set(facts, OM_FACT_APPARMOR, OM_UNKNOWN, NULL,
			     "aa_is_enabled: %s", strerrorname_np(errno));
		return;
	}
	om_facts_set(facts, OM_FACT_APPARMOR_LABEL, OM_YES, "unconfined",
		     "no AppArmor, so no label");
}
