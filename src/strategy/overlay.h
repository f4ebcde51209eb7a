/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the overlays have in common: a read-only one (overlay.c), and one that takes changes
 * (overlay-rw.c).
 */
#pragma once

#include <stdbool.h>

#include "base/macro.h"
#include "strategy/strategy.h"

/* The rows of both tables: what the kernel says about every hole, then what this one says. */
#define OM_OVERLAY_KERNEL_RULES                                                          \
	{ om_overlay_is_absent, OM_ANSWER_NO, OM_WHY_OVL_ABSENT },                       \
		{ om_overlay_is_blacklisted, OM_ANSWER_NO, OM_WHY_OVL_BLACKLISTED },     \
		{ om_overlay_is_not_loaded, OM_ANSWER_NO, OM_WHY_OVL_NOT_LOADED },       \
		{ om_overlay_is_unknown, OM_ANSWER_NO, OM_WHY_OVL_UNKNOWN },             \
	{                                                                                \
		om_overlay_has_other_label, OM_ANSWER_NO, OM_WHY_OVL_OTHER_LABEL         \
	}

#define OM_OVERLAY_HOLE_RULES                                                            \
	{ om_overlay_hole_is_writable, OM_ANSWER_NO, OM_WHY_HOLE_WRITABLE },             \
		{ om_overlay_is_live_area, OM_ANSWER_NO, OM_WHY_LIVE_AREA },             \
		{ om_overlay_has_live_objects, OM_ANSWER_NO, OM_WHY_LIVE_OBJECTS },      \
		{ om_overlay_is_mutable, OM_ANSWER_NO, OM_WHY_MUTABLE_LOWER },           \
		{ om_case_is_unbindable, OM_ANSWER_NO, OM_WHY_HOLE_UNBINDABLE },         \
		{ om_case_has_unbindable, OM_ANSWER_NO, OM_WHY_SUBMOUNT_UNBINDABLE },    \
		{ om_overlay_is_too_deep, OM_ANSWER_NO, OM_WHY_OVL_DEPTH },              \
		{ om_overlay_has_locked, OM_ANSWER_NO, OM_WHY_OVL_LOCKED },              \
		{ om_overlay_does_not_fit, OM_ANSWER_NO, OM_WHY_OVL_NO_FIT },            \
		{ om_overlay_may_not_fit, OM_ANSWER_NO, OM_WHY_OVL_UNKNOWN_HERE },       \
		{ om_overlay_has_many, OM_ANSWER_NO, OM_WHY_OVL_MANY_SUBMOUNTS },        \
	{                                                                                \
		om_overlay_cannot_hide, OM_ANSWER_NO, OM_WHY_OVL_WHITEOUT                \
	}

bool om_overlay_is_absent(const struct om_case *c) _nonnull_all_;
bool om_overlay_is_blacklisted(const struct om_case *c) _nonnull_all_;
bool om_overlay_is_not_loaded(const struct om_case *c) _nonnull_all_;
bool om_overlay_is_unknown(const struct om_case *c) _nonnull_all_;
bool om_overlay_has_other_label(const struct om_case *c) _nonnull_all_;
bool om_overlay_hole_is_writable(const struct om_case *c) _nonnull_all_;
bool om_overlay_is_live_area(const struct om_case *c) _nonnull_all_;
bool om_overlay_has_live_objects(const struct om_case *c) _nonnull_all_;
bool om_overlay_is_mutable(const struct om_case *c) _nonnull_all_;
bool om_overlay_is_too_deep(const struct om_case *c) _nonnull_all_;
bool om_overlay_has_locked(const struct om_case *c) _nonnull_all_;
bool om_overlay_does_not_fit(const struct om_case *c) _nonnull_all_;
bool om_overlay_may_not_fit(const struct om_case *c) _nonnull_all_;
bool om_overlay_has_many(const struct om_case *c) _nonnull_all_;
bool om_overlay_cannot_hide(const struct om_case *c) _nonnull_all_;
bool om_overlay_has_few(const struct om_case *c) _nonnull_all_;

/* The steps of a construction: a read-only overlay, or one that takes changes. */
int om_overlay_expand(const struct om_decisions *d, size_t index, bool writable,
		      struct om_plan *plan) _nonnull_all_ _must_check_;
