/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the compiler share.  Not for others: see layout.h.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "layout/document.h"
#include "layout/layout.h"
#include "layout/rules.h"

struct om_layout_compiled {
	const struct om_layout_item *raw;
	enum om_layout_key kind;
	char *target; /* expanded, owned; NULL: it was refused, and so was the item */
	char *source; /* expanded, owned; NULL for a tmpfs */
	mode_t mode;
	unsigned long long uid, gid;
};

struct om_layout_compiler {
	const struct om_layout_args *args;
	struct om_error *e; /* not NULL */
	struct om_layout_document document;
	struct om_layout_space space;
	struct om_layout_compiled *items; /* owned; in the order of the raw targets */
	size_t n;
};

/* -ENOMEM. */
int om_layout_fail_memory(struct om_layout_compiler *c) _nonnull_all_;
/* -EINVAL at the target or at a value of an item, or 0 when the error was collected. */
int om_layout_fail_target(struct om_layout_compiler *c, const struct om_layout_item *raw,
			  const char *reason) _nonnull_all_ _must_check_;
/* fix may be NULL. */
int om_layout_fail_value(struct om_layout_compiler *c, const struct om_layout_item *raw,
			 enum om_layout_key key, const char *reason, const char *fix)
	_nonnull_(1, 2, 4) _must_check_;

/* Reads user, group and mode of an item into it (attributes.c). */
int om_layout_read_attributes(struct om_layout_compiler *c,
			      struct om_layout_compiled *item) _nonnull_all_ _must_check_;

/* The checked items as a profile, and as the text of one (emit.c). */
int om_layout_emit(struct om_layout_compiler *c,
		   struct om_profile **ret) _nonnull_all_ _must_check_;
int om_layout_emit_text(struct om_layout_compiler *c,
			struct om_str *out) _nonnull_all_ _must_check_;
