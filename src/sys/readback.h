/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is it so now?  A filter of system calls may answer "done" without letting the kernel do
 * anything (SECCOMP_RET_ERRNO with 0; sandboxes do that for chown and mknod), and a
 * missing read-only flag must not be found out by an attacker.  0 when it is as asked,
 * -EPROTO when it is not, or the errno of looking.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/macro.h"

int om_readback_mode(int fd, mode_t mode) _must_check_;
int om_readback_owner(int dirfd, const char *name, int flags, uid_t uid,
		      gid_t gid) _must_check_;
int om_readback_xattr(int fd, const char *name, const void *value,
		      size_t size) _must_check_;
int om_readback_link(int dirfd, const char *name, const char *content) _must_check_;
int om_readback_node(int dirfd, const char *name, mode_t mode, dev_t dev) _must_check_;
int om_readback_gone(int dirfd, const char *name) _must_check_;
/* All of attr (OM_ATTR_*) is set on the mount that fd lies on. */
int om_readback_attr(int fd, unsigned attr) _must_check_;
