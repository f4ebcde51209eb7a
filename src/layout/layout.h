/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The `layout:` section of a snap.yaml becomes a mount profile.  Pure: bytes in,
 * profile out.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "profile/profile.h"

struct om_layout_args {
	const char *file; /* for messages */
	const char *text; /* the YAML document */
	size_t size;
	const char *name;	  /* snap name; NULL: the document's `name:` */
	const char *revision;	  /* NULL: "unset", as snapd prints it */
	const char *instance_key; /* NULL: not a parallel instance */
};

/*
 * Compiles the section.  A document without `layout:` gives an empty profile.
 * ret_name (may be NULL) receives the snap's name without key, malloc'ed, or NULL when the
 * document has none.
 * Errors: -EINVAL with *e filled (FILE:LINE:COLUMN, the key path as field), -ENOMEM.
 */
int om_layout_compile(const struct om_layout_args *args, struct om_profile **ret,
		      char **ret_name, struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * Checks a snap name or an instance key by snapd's grammar; NULL when good, else the
 * reason in words.
 */
const char *om_snap_name_check(const char *name) _nonnull_all_;
const char *om_instance_key_check(const char *key) _nonnull_all_;
