/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strict reading of YAML, event by event over libyaml, and the quoting of what is written.
 * Every failure says where it is.  Aliases are never expanded, so a document costs no more
 * than its bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"

struct om_yaml {
	yaml_parser_t parser;
	const char *file; /* borrowed: named in errors */
	const char *text; /* borrowed */
	size_t size;
	struct om_error *e; /* borrowed, may be NULL */
	unsigned depth;	    /* collections that are open */
};

/* Deletes an event; one that is all zero or was deleted already is left alone. */
#define _cleanup_event_ _cleanup_(yaml_event_delete)

/*
 * Starts to read text, which must stay; om_yaml_close() in any case.  -EINVAL with *e
 * filled when it is larger than OM_MAX_YAML_SIZE, -ENOMEM.
 */
int om_yaml_open(struct om_yaml *y, const char *file, const char *text, size_t size,
		 struct om_error *e) _nonnull_(1, 2, 3) _must_check_;
/* Needs a struct that om_yaml_open() saw or that is all zero. */
void om_yaml_close(struct om_yaml *y) _nonnull_all_;

/*
 * The functions that read return -EINVAL with the error and its place filled, or -ENOMEM.
 * Their event is zero before; the caller deletes it (_cleanup_event_), after a failure too.
 */

/* The next event.  Nothing may be nested deeper than OM_MAX_YAML_DEPTH. */
int om_yaml_next(struct om_yaml *y, yaml_event_t *ret) _nonnull_all_ _must_check_;
/* In a map, where a key is due: 1 with the event that starts the key, 0 at the map's end. */
int om_yaml_next_key(struct om_yaml *y, yaml_event_t *ret) _nonnull_all_ _must_check_;
/* Reads past the node that starts with the next event. */
int om_yaml_skip(struct om_yaml *y) _nonnull_all_ _must_check_;
/* Reads until only depth collections are open, if more are. */
int om_yaml_leave(struct om_yaml *y, unsigned depth) _nonnull_all_ _must_check_;
/*
 * Reads up to the outermost map: 1 with the event that starts it, or 0 when the document
 * is empty, and then nothing else is there.
 */
int om_yaml_top(struct om_yaml *y, yaml_event_t *ret) _nonnull_all_ _must_check_;
/* After the outermost map: the document's end, and nothing behind it. */
int om_yaml_end(struct om_yaml *y) _nonnull_all_ _must_check_;

/*
 * Fails with -EINVAL at an event: `cannot read WHAT: REASON`.  what NULL means the whole
 * document; a word of the file goes through OM_Q().
 */
int om_yaml_fail(struct om_yaml *y, const yaml_event_t *at, const char *field,
		 const char *what, const char *reason) _nonnull_(1, 2, 5);
int om_yaml_fail_memory(struct om_yaml *y) _nonnull_all_;

/* An event that stands for nothing: an empty plain scalar, `~` or `null`. */
bool om_yaml_is_null(const yaml_event_t *event) _nonnull_all_;
/*
 * Why an event is no plain text or no plain map, in words, or NULL.  Aliases, anchors, tags
 * and NUL bytes are refused.  Null passes for a text: ask om_yaml_is_null() too.
 */
const char *om_yaml_scalar_bad(const yaml_event_t *event) _nonnull_all_;
const char *om_yaml_map_bad(const yaml_event_t *event) _nonnull_all_;
/* The text of an event that om_yaml_scalar_bad() passed; lives as long as the event. */
const char *om_yaml_text(const yaml_event_t *event) _nonnull_all_;

/*
 * Adds text as a double-quoted scalar on one line, in printable ASCII: every reader gives
 * the same text back.  The one loss: a byte that is not part of valid UTF-8 becomes `?`,
 * because a scalar holds characters; a stand-in of one byte never makes a text longer.
 */
void om_yaml_add_quoted(struct om_str *out, const char *text) _nonnull_all_;
