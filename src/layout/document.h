/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a snap.yaml says about layouts, as written: nothing is expanded, and nothing is
 * judged but its form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/vec.h"
#include "layout/layout.h"

/* Keys of an item. */
enum om_layout_key {
	OM_LAYOUT_BIND,
	OM_LAYOUT_BIND_FILE,
	OM_LAYOUT_SYMLINK,
	OM_LAYOUT_TYPE, /* up to here: kinds, of which an item has exactly one */
	OM_LAYOUT_USER,
	OM_LAYOUT_GROUP,
	OM_LAYOUT_MODE,
	_OM_LAYOUT_KEY_MAX,
};

/* A scalar and where it stands; s is NULL when it was not given. */
struct om_layout_text {
	char *s; /* owned */
	unsigned line;
	unsigned column;
};

struct om_layout_item {
	struct om_layout_text target;
	struct om_layout_text values[_OM_LAYOUT_KEY_MAX];
	bool bad; /* an error in it was collected: what is missing may have been meant */
};

struct om_layout_document {
	struct om_layout_text name;
	bool name_bad;			     /* an error in it was collected */
	OM_VEC(struct om_layout_item) items; /* in the order of the file */
};

/*
 * Reads args->text.  Top-level keys other than name and layout may hold anything.  On
 * failure *ret holds what was read so far; it must be freed in any case.
 *
 * As snapd does, when args->snapd is set: keys that it does not know are passed over, of
 * a key that is given twice the last one counts, nothing is as good as an empty string,
 * and only the first document is looked at.
 *
 * -EINVAL with *e filled, the place included; -ENOMEM.  With args->errors what can be
 * passed over goes there.
 */
int om_layout_document_read(const struct om_layout_args *args,
			    struct om_layout_document *ret,
			    struct om_error *e) _nonnull_all_ _must_check_;
void om_layout_document_free(struct om_layout_document *document) _nonnull_all_;

const char *om_layout_key_name(enum om_layout_key key);

/*
 * Sets the place of an error to that of at; the field is `layout.TARGET.KEY`.  What has no
 * column is a line of a profile (reverse.c), and the field is one of its.
 */
void om_layout_where(struct om_error *e, const char *file,
		     const struct om_layout_text *at, const char *target, const char *key)
	_nonnull_(2, 3);
