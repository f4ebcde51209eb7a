/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An om_sys that needs no privilege: every mount is a directory of its own below a
 * scratch directory, file operations are real, and every call that changes something is
 * written down as a line.  It can make the Nth of these calls fail, or all of one kind.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "base/vec.h"
#include "sys/sys.h"

struct recorder_mount {
	uint64_t dev, ino; /* of the directory that stands for the mount */
	uint64_t id; /* the unique one, from 1000 on; the reusable ones from 100 on */
	uint64_t on_dev, on_ino; /* where it is attached; 0 when detached */
	long in;		 /* the mount that this place is in, or -1 */
	unsigned attr;		 /* OM_ATTR_* */
	char label[16];
};

struct recorder {
	struct om_sys sys; /* pass &r->sys */
	struct om_str log;
	OM_VEC(struct recorder_mount) mounts;
	char scratch[64];    /* owned directory */
	unsigned calls;	     /* that change something */
	unsigned fail_at;    /* 0: never */
	bool fail_on;	     /* from fail_at on, not only that one */
	const char *failing; /* how the lines of calls begin that fail always, or NULL */
	int fail_errno;
	bool no_fd_api;
	bool confined_helper;	/* the label of overmount-layers is enforced */
	int fail_attr;		/* what mount_attr() fails with, or 0 */
	bool reusable_ids;	/* of mounts, as before 6.8 */
	uint64_t bytes, inodes; /* that the last tmpfs was asked to hold */
};

void recorder_init(struct recorder *r);
void recorder_done(struct recorder *r);
/* How many mounts are attached now, not counting those in one that is not. */
size_t recorder_attached(const struct recorder *r);
