/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolving a path beneath a root fd: what exists of it, and where trusted links lead.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "base/vec.h"
#include "sys/sys.h"

/* Symbolic links that were followed on a way, as canonical paths; owned. */
struct om_followed {
	OM_VEC(char *) links;
};
void om_followed_done(struct om_followed *followed);

struct om_chased {
	char *path;	 /* owned; canonical, missing components included */
	size_t existing; /* length of the part of path that exists ("/" counts as 1) */
	int fd;		 /* owned; O_PATH of the existing part */
	char *blocked;	 /* owned; an existing component that is not a directory */
	char *link;	 /* owned; a symbolic link that is not followed */
	const char *link_reason;
	struct om_followed followed;
};

/*
 * The last component is never followed when it is a link and follow_last is false.
 * 0 or -errno; a missing or blocked path is success, told in *ret.
 */
int om_chase(const struct om_sys *sys, int root_fd, const char *path, bool follow_last,
	     struct om_chased *ret, struct om_error *e) _nonnull_(1, 3, 5) _must_check_;

/*
 * Opens a canonical path beneath root_fd, following no link at all: openat2, or a walk
 * where it is missing.  flags as for open(2); fd or -errno.
 */
int om_open_beneath(const struct om_sys *sys, int root_fd, const char *path,
		    int flags) _nonnull_all_ _must_check_;

void om_chased_done(struct om_chased *c);
#define _cleanup_chased_ _cleanup_(om_chased_done)
