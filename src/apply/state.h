/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state directory: one journal per mount namespace, and the lock around it.
 */
#pragma once

#include <stdint.h>

#include "apply/journal.h"
#include "apply/ns.h"
#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

#define OM_STATE_DIR "/run/overmount"
/* The rest of the name is the inode of the namespace. */
#define OM_JOURNAL_PREFIX "journal."

struct om_state {
	const char *path;      /* borrowed */
	int dirfd;	       /* owned */
	int lockfd;	       /* owned; locked */
	int stage_at;	       /* owned; the directory as the namespace has it, or -1 */
	struct om_mount_id ns; /* of the root mount: stands for the mount namespace */
	uint64_t ns_table_id;  /* the same mount in mountinfo */
	uint64_t ns_inode;
	uint8_t boot[16];
	bool made;	     /* the directory was made by us */
	bool dead;	     /* the namespace is */
	char name[48];	     /* of the journal */
	char lock_name[48];  /* each namespace has a lock of its own */
	char stage_name[48]; /* and a directory for a stage, in stage_at */
	char aside_name[48]; /* and one for what an update takes away, in stage_at, too */
};

/*
 * Opens the directory (making it when missing, 0700) and locks what is of the mount
 * namespace ns, which is joined then unless it is dead; NULL: of this one.  The directory
 * must belong to the caller and not be writable for others.  -EWOULDBLOCK, with the holder
 * named in *e, when another process still holds the lock after timeout_ms.
 */
int om_state_open(const struct om_sys *sys, const char *path, const struct om_ns *ns,
		  unsigned timeout_ms, struct om_state *ret, struct om_error *e)
	_nonnull_(1, 2, 5) _must_check_;
/*
 * Loads the journal of this mount namespace.  -ENOENT when there is none; -ESTALE when it
 * is of another boot or of a dead namespace whose number was reused, whose mounts have
 * died with it.  -ENODATA, with *e filled, when it cannot be told whose it is.
 */
int om_state_load_journal(struct om_state *s, struct om_journal *j, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
/*
 * Removes the journal and the lock, and the directory when it was made by us and nothing
 * is left in it.  -errno when the journal is still there.
 */
int om_state_forget(struct om_state *s) _nonnull_all_ _must_check_;
void om_state_done(struct om_state *s);
#define _cleanup_state_ _cleanup_(om_state_done)
#define OM_STATE_INIT                                                                    \
	{                                                                                \
		.dirfd = -1, .lockfd = -1, .stage_at = -1                                \
	}
