/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write-only JSON: a depth stack and correct escaping, nothing else.  Bytes that are not
 * valid UTF-8 become \u00HH so that the output is always a valid document.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define OM_JSON_DEPTH 16

struct om_json {
	struct om_str out;
	unsigned depth;
	bool filled[OM_JSON_DEPTH]; /* this level has a member already */
};

/* key is NULL inside arrays and for the outermost value. */
void om_json_object(struct om_json *j, const char *key) _nonnull_(1);
void om_json_array(struct om_json *j, const char *key) _nonnull_(1);
void om_json_end_object(struct om_json *j) _nonnull_all_;
void om_json_end_array(struct om_json *j) _nonnull_all_;
/* A NULL value is written as null. */
void om_json_string(struct om_json *j, const char *key, const char *value) _nonnull_(1);
void om_json_number(struct om_json *j, const char *key, long long value) _nonnull_(1);
void om_json_bool(struct om_json *j, const char *key, bool value) _nonnull_(1);
