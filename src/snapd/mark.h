/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A note beside the journals: the current profile as we wrote it last, and the desired one
 * that it came from, as checksums.  When snapd's own tool, or snap-confine for a new
 * namespace, has written the current profile since, it is theirs and read as such.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"

struct om_snapd_mark {
	uint64_t ns;   /* inode of the namespace that it was about */
	uint64_t root; /* unique id of the mount at its root; 0: there is none */
	/*
	 * The file is replaced after this was written: it is ours when it is the one or the
	 * other.
	 */
	uint32_t current;
	uint32_t next;
	uint32_t desired;
	uint32_t left; /* of the entries that could not be had, although it seems so */
	uint32_t acts; /* of the journal, 0 without one: another one is not spoken of */
	uint32_t applied; /* of the text of what is applied (struct om_snapd_applied) */
};

/* Of a profile's text; of one that is not there, of "". */
uint32_t om_snapd_sum(const char *text) _nonnull_all_;
/* False when there is none, or it cannot be read. */
bool om_snapd_mark_load(int state_fd, const char *name,
			struct om_snapd_mark *ret) _nonnull_all_;
int om_snapd_mark_save(int state_fd, const char *name, const struct om_snapd_mark *mark,
		       struct om_error *e) _nonnull_(2, 3) _must_check_;
void om_snapd_mark_forget(int state_fd, const char *name) _nonnull_all_;
