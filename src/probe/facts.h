/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a kernel can do, as data: tri-state, with the value found and the evidence.  Pure:
 * strategies read facts, only probe/ makes them.  UNKNOWN is not NO.
 */
#pragma once

#include "base/macro.h"

enum om_tristate { OM_NO, OM_YES, OM_UNKNOWN };

enum om_fact_id {
	OM_FACT_MOUNT_API,
	OM_FACT_DETACHED_NESTING,
	OM_FACT_MOUNT_SETATTR,
	OM_FACT_UNIQUE_MOUNT_ID,
	OM_FACT_OPENAT2,
	OM_FACT_OVERLAY_RO,
	OM_FACT_OVERLAY_LAYER_FD,
	OM_FACT_OVERLAY_DETACHED_LOWER,
	OM_FACT_OVERLAY_NOFOLLOW,
	OM_FACT_OVERLAY_METACOPY_OFF,
	OM_FACT_OVERLAY_MODULE,
	OM_FACT_APPARMOR,
	OM_FACT_APPARMOR_LABEL,
	_OM_FACT_MAX,
};

struct om_fact {
	enum om_tristate state;
	char value[64];
	char evidence[160];
};

struct om_facts {
	struct om_fact fact[_OM_FACT_MAX];
};

/* Every fact unknown, without evidence. */
void om_facts_init(struct om_facts *facts) _nonnull_all_;
void om_facts_set(struct om_facts *facts, enum om_fact_id id, enum om_tristate state,
		  const char *value, const char *format, ...) _printf_(5, 6)
	_nonnull_(1, 5);
static inline enum om_tristate om_facts_get(const struct om_facts *facts,
					    enum om_fact_id id)
{
	return facts->fact[id].state;
}
/* Stable name such as "overlay.ro", and what depends on the fact. */
const char *om_fact_name(enum om_fact_id id);
const char *om_fact_question(enum om_fact_id id);
const char *om_tristate_name(enum om_tristate state);
