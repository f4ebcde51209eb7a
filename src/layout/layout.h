/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The `layout:` section of a snap.yaml becomes a mount profile.  Pure: bytes in,
 * profile out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "profile/profile.h"

/* A bind mount that goes with the layout, and is judged as one of a profile. */
struct om_layout_extra {
	const char *source;
	const char *target;
};

/* The base snap's own layout, that goes below the snap's. */
struct om_layout_base {
	const char *file; /* for messages */
	const char *text; /* the base's snap.yaml */
	size_t size;
	const char *revision; /* NULL: "unset" */
};

struct om_layout_args {
	const char *file; /* for messages */
	const char *text; /* the YAML document */
	size_t size;
	const char *name;	  /* snap name; NULL: the document's `name:` */
	const char *revision;	  /* NULL: "unset", as snapd prints it */
	const char *instance_key; /* NULL: not a parallel instance */
	/* Accept and refuse what snapd does, holes and all (docs/layout.md). */
	bool snapd;
	/* Accept besides what the first proposal of layouts could say; not with snapd. */
	bool proposal;
	const struct om_layout_extra *extras; /* behind the layout, in this order */
	size_t n_extras;
	const struct om_layout_base *base; /* NULL: none; not with snapd */
	struct om_owner_names passwd, group;
	/* NULL: the first error ends it.  Else all errors of the document go there. */
	struct om_error_list *errors;
};

/*
 * Compiles the section.  A document without `layout:` gives an empty profile.
 * ret_name (may be NULL) receives the snap's name without key, malloc'ed, or NULL when the
 * document has none.  Not for args->snapd: what snapd accepts may be no profile of ours.
 * Errors: -EINVAL with *e filled (FILE:LINE:COLUMN, the key path as field), -ENOMEM.
 */
int om_layout_compile(const struct om_layout_args *args, struct om_profile **ret,
		      char **ret_name, struct om_error *e) _nonnull_(1, 2) _must_check_;

/* As om_layout_compile(), in either mode, to the text of a profile. */
int om_layout_print(const struct om_layout_args *args, struct om_str *out,
		    struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * Checks a snap name or an instance key by snapd's grammar; NULL when good, else the
 * reason in words.
 */
const char *om_snap_name_check(const char *name) _nonnull_all_;
const char *om_instance_key_check(const char *key) _nonnull_all_;
/* The same of a revision: a number, x and a number, or unset. */
const char *om_snap_revision_check(const char *revision) _nonnull_all_;
