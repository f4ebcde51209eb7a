/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts as a file: written by `overmount probe --save`, edited by hand, and read to plan
 * for a kernel that is elsewhere.  Pure: text in, text out.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "probe/facts.h"

#define OM_RECORD_SCHEMA "overmount.facts/1"

/*
 * Facts, and where they were found: as the kernel calls itself, for people and for choosing among
 * records.  Empty where it is not known; no decision depends on it.
 */
struct om_record {
	char kernel[65];  /* release */
	char version[65]; /* of the build */
	char machine[65];
	struct om_facts facts;
};

/*
 * Adds the record to out as YAML, with the question of each fact as a comment; 0 or -ENOMEM.
 * What is written depends on the record alone, and reading it gives the same record, but for
 * two things: om_fact.fleeting is not recorded, since a file stands still, and bytes that are
 * not valid UTF-8 become `?` (see om_yaml_add_quoted()).
 */
int om_record_write(const struct om_record *record,
		    struct om_str *out) _nonnull_all_ _must_check_;

/*
 * Reads what om_record_write() writes and what people make of it: in any order, and
 * `overlay.ro: "no"` is short for a map with a state alone.  Facts that are left out are
 * UNKNOWN with the evidence "not recorded".  Anything else that is not exactly as it should
 * be is -EINVAL with *e filled, the place included; -ENOMEM.  After a failure *ret is empty:
 * every fact unknown.
 */
int om_record_read(const char *file, const char *text, size_t size, struct om_record *ret,
		   struct om_error *e) _nonnull_(1, 2, 4) _must_check_;
