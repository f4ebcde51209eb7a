/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state directory: one journal per mount namespace, and the lock around it.
 */
#pragma once

#include <stdint.h>

#include "apply/journal.h"
#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

#define OM_STATE_DIR "/run/overmount"

struct om_state {
	int dirfd;	       /* owned */
	int lockfd;	       /* owned; locked */
	struct om_mount_id ns; /* of the root mount: stands for the mount namespace */
	uint64_t ns_table_id;  /* the same mount in mountinfo */
	bool made;	       /* the directory was made by us */
	char name[48];	       /* of the journal */
};

/*
 * Opens (making it when missing, 0700) and locks the directory.  It must belong to the
 * caller and not be writable for others.  -EWOULDBLOCK, with the holder named in *e, when
 * another process still holds it after timeout_ms.
 */
int om_state_open(const struct om_sys *sys, const char *path, unsigned timeout_ms,
		  struct om_state *ret, struct om_error *e)
	_nonnull_(1, 2, 4) _must_check_;
/*
 * Loads the journal of this mount namespace.  -ENOENT when there is none; one of a dead
 * namespace whose name was reused is removed, for its mounts died with it.  -ENODATA, with
 * *e filled, when it cannot be told whose it is.
 */
int om_state_load_journal(struct om_state *s, struct om_journal *j, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
/* Removes the journal, and the directory when nothing is left in it. */
void om_state_forget(struct om_state *s, const char *path) _nonnull_all_;
void om_state_done(struct om_state *s);
#define _cleanup_state_ _cleanup_(om_state_done)
