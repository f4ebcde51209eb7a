/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount namespace of our own, and a directory as its root.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

/* A mount namespace that is not the own one. */
struct om_ns {
	int fd; /* owned; -1 when it is dead */
	uint64_t inode;
};
void om_ns_done(struct om_ns *ns);
#define _cleanup_ns_ _cleanup_(om_ns_done)

/*
 * The mount namespace that text names: the pid of a process in it, or a file that it is
 * pinned to (a bind mount of /proc/PID/ns/mnt).  0, or -errno with *e filled.
 */
int om_ns_open(const char *text, struct om_ns *ret, struct om_error *e)
	_nonnull_(1, 2) _must_check_;
/*
 * The mount namespace with that inode: of a process, pinned to a file in the namespace of
 * a process, or held open by a process.  -ENOENT when there is none: it is dead.
 */
int om_ns_find(uint64_t inode, struct om_ns *ret) _nonnull_all_ _must_check_;

/*
 * New mount namespace, private; for an ordinary user through a new user namespace in
 * which the user keeps the own ids.  *e says what is missing where that is not allowed.
 */
int om_ns_enter_new(const struct om_sys *sys, struct om_error *e)
	_nonnull_(1) _must_check_;

/*
 * Makes the directory dir_fd (O_PATH, opened by path) a mount point of its own, with all
 * mounts below it; fd of the new mount, or -errno.
 */
int om_ns_clone_root(const struct om_sys *sys, int dir_fd, const char *path,
		     struct om_error *e) _nonnull_(1, 3) _must_check_;
