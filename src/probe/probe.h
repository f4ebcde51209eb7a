/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds facts by trying, never by version.  Everything is tried in a child that has a
 * mount namespace and a tmpfs of its own: what it makes dies with it, at whatever point
 * it is killed, and it dies with its parent.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "probe/facts.h"
#include "sys/sys.h"

/* A probe that makes no progress for so long is given up. */
#define OM_PROBE_TIMEOUT_MS 5000

struct om_probe_options {
	const struct om_sys *sys;
	/* Label of the application, or NULL: then overlay.label-app stays unknown. */
	const char *app_label;
	int layers; /* borrowed: overmount-layers makes overlays; not above 0: we do */
	/* Trying a file system that is not registered makes the kernel load its module, so
	 * without this it is not tried. */
	bool load_modules;
	unsigned timeout_ms; /* 0: OM_PROBE_TIMEOUT_MS */
};

/* What plan, apply and run depend on. */
#define OM_FACTS_FOR_APPLY                                                               \
	(OM_FACT_BIT(OM_FACT_MOUNT_API) | OM_FACT_BIT(OM_FACT_DETACHED_NESTING) |        \
	 OM_FACT_BIT(OM_FACT_MOUNT_SETATTR) | OM_FACT_BIT(OM_FACT_OVERLAY_RO) |          \
	 OM_FACT_BIT(OM_FACT_OVERLAY_LAYER_FD) |                                         \
	 OM_FACT_BIT(OM_FACT_OVERLAY_DETACHED_LOWER) |                                   \
	 OM_FACT_BIT(OM_FACT_OVERLAY_NOFOLLOW) |                                         \
	 OM_FACT_BIT(OM_FACT_OVERLAY_METACOPY_OFF) |                                     \
	 OM_FACT_BIT(OM_FACT_OVERLAY_OPTIONS) | OM_FACT_BIT(OM_FACT_APPARMOR_LABEL) |    \
	 OM_FACT_BIT(OM_FACT_OVERLAY_LABEL_APP) | OM_FACT_BIT(OM_FACT_SELINUX) |         \
	 OM_FACT_BIT(OM_FACT_SMACK))

/*
 * Finds the wanted facts and those that they need; the others are left as they are.
 * Never fails: what cannot be tried is unknown, with the reason as its evidence.
 */
void om_probe(const struct om_probe_options *options, om_fact_set want,
	      struct om_facts *facts) _nonnull_all_;

/* The same in this process, which must be one that nobody shares a namespace with. */
void om_probe_here(const struct om_probe_options *options, om_fact_set want,
		   struct om_facts *facts) _nonnull_all_;
