/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a kernel can do, as data: tri-state, with the value found and the evidence.  Pure:
 * strategies read facts, only probe/ makes them.  UNKNOWN is not NO.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"

enum om_tristate { OM_NO, OM_YES, OM_UNKNOWN };

/* In the order in which they are shown.  Names, not numbers, are what is recorded. */
enum om_fact_id {
	OM_FACT_OPEN_TREE,
	OM_FACT_FSOPEN,
	OM_FACT_MOVE_MOUNT,
	OM_FACT_MOUNT_API,
	OM_FACT_DETACHED_NESTING,
	OM_FACT_MOVE_BENEATH,
	OM_FACT_MOUNT_SETATTR,
	OM_FACT_MOUNT_ID,
	OM_FACT_UNIQUE_MOUNT_ID,
	OM_FACT_STATMOUNT,
	OM_FACT_LISTMOUNT,
	OM_FACT_OPENAT2,
	OM_FACT_CLOSE_RANGE,
	OM_FACT_USERNS,
	OM_FACT_MOUNT_MAX,
	OM_FACT_MOUNTS_LEFT,
	OM_FACT_OVERLAY_MODULE,
	OM_FACT_SQUASHFS_MODULE,
	OM_FACT_OVERLAY_RO,
	OM_FACT_OVERLAY_LOWERDIR_PLUS,
	OM_FACT_OVERLAY_LAYER_FD,
	OM_FACT_OVERLAY_DETACHED_LOWER,
	OM_FACT_OVERLAY_NOFOLLOW,
	OM_FACT_OVERLAY_METACOPY_OFF,
	OM_FACT_OVERLAY_OPTIONS,
	OM_FACT_OVERLAY_DEPTH,
	OM_FACT_OVERLAY_UPPER,
	OM_FACT_OVERLAY_WHITEOUT,
	OM_FACT_OVERLAY_OPAQUE,
	OM_FACT_OVERLAY_USERXATTR,
	OM_FACT_OVERLAY_USERNS,
	OM_FACT_OVERLAY_NOSUID,
	OM_FACT_OVERLAY_LABEL_SELF,
	OM_FACT_OVERLAY_LABEL_APP,
	OM_FACT_OVERLAY_LABEL_HELPER,
	OM_FACT_LSM,
	OM_FACT_APPARMOR,
	OM_FACT_APPARMOR_LABEL,
	OM_FACT_APPARMOR_MOUNT,
	OM_FACT_APPARMOR_PIVOT_ROOT,
	OM_FACT_APPARMOR_MOVE_MOUNT,
	OM_FACT_APPARMOR_STACKING,
	OM_FACT_APPARMOR_USERNS,
	OM_FACT_APPARMOR_ONEXEC,
	OM_FACT_APPARMOR_OPENED,
	OM_FACT_SELINUX,
	OM_FACT_SMACK,
	_OM_FACT_MAX,
};

struct om_fact {
	enum om_tristate state;
	bool fleeting; /* may change while the kernel runs: not worth keeping */
	char value[128];
	char evidence[256];
};

struct om_facts {
	struct om_fact fact[_OM_FACT_MAX];
};

/* A set of facts. */
typedef uint64_t om_fact_set;
_Static_assert(_OM_FACT_MAX <= 64, "om_fact_set is too small");
#define OM_FACT_BIT(id) ((om_fact_set)1 << (id))
#define OM_FACTS_ALL (~(om_fact_set)0 >> (64 - _OM_FACT_MAX))

/* What people are told about a fact. */
struct om_fact_info {
	const char *name;     /* stable, such as "overlay.ro" */
	const char *question; /* what YES answers */
	const char *meaning;  /* what it means for those who build namespaces */
	const char *used_by;  /* what depends on it */
	const char *how;      /* how it is found */
};

/* Every fact unknown, without evidence. */
void om_facts_init(struct om_facts *facts) _nonnull_all_;
/* value may be NULL.  Too long texts are cut. */
void om_fact_set_to(struct om_fact *fact, enum om_tristate state, const char *value,
		    const char *format, ...) _printf_(4, 5) _nonnull_(1, 4);
void om_facts_set(struct om_facts *facts, enum om_fact_id id, enum om_tristate state,
		  const char *value, const char *format, ...) _printf_(5, 6)
	_nonnull_(1, 5);
static inline enum om_tristate om_facts_get(const struct om_facts *facts,
					    enum om_fact_id id)
{
	return facts->fact[id].state;
}
const struct om_fact_info *om_fact_info(enum om_fact_id id);
const char *om_fact_name(enum om_fact_id id);
/* The id of a name, or _OM_FACT_MAX. */
enum om_fact_id om_fact_by_name(const char *name) _nonnull_all_;
const char *om_tristate_name(enum om_tristate state);
/* 0, or -EINVAL for a word that is none of yes, no and unknown. */
int om_tristate_parse(const char *word, enum om_tristate *ret) _nonnull_all_ _must_check_;
