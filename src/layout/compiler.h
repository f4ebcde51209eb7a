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
	const struct om_layout_compiler *base; /* the base's, compiled; NULL: none */
	bool is_base;
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

/* All but the output, of the document that was read. */
int om_layout_compile_items(struct om_layout_compiler *c) _nonnull_all_ _must_check_;
void om_layout_compiler_done(struct om_layout_compiler *c) _nonnull_all_;
/* All but the output, of one document. */
int om_layout_compile_one(struct om_layout_compiler *c) _nonnull_all_ _must_check_;

/* What the layout of the base is compiled from; nothing when there is none (base.c). */
struct om_layout_args
om_layout_args_of_base(const struct om_layout_args *args) _nonnull_all_;
/*
 * As om_layout_compile_one(), of the snap and of its base, if one is given.  Errors of both
 * are told; of what is wrong between them only where both are good by themselves.
 */
int om_layout_compile_both(struct om_layout_compiler *c, struct om_layout_compiler *base,
			   struct om_layout_args *base_args) _nonnull_all_ _must_check_;

/* The checked items as a profile, and as the text of one (emit.c). */
int om_layout_emit(struct om_layout_compiler *c,
		   struct om_profile **ret) _nonnull_all_ _must_check_;
int om_layout_emit_text(struct om_layout_compiler *c,
			struct om_str *out) _nonnull_all_ _must_check_;
