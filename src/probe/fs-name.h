/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name that a file system has for a directory, from its own root: by it, and not by the
 * path that leads there, a kernel tells AppArmor what is opened below an overlay.
 */
#pragma once

#include <stdint.h>

#include "base/macro.h"
#include "sys/sys.h"

/*
 * From the line of mountinfo (the whole table is text) of the mount with that id, on which
 * path lies.  *ret is malloc'ed.  -ENOENT: there is no such line, or path does not lie on
 * it; -ENOMEM.
 */
int om_fs_name(const char *text, uint64_t id, const char *path,
	       char **ret) _nonnull_all_ _must_check_;
/* The same for what fd stands for, which path leads to, by the table as it is now.  -errno. */
int om_fs_name_now(const struct om_sys *sys, int fd, const char *path,
		   char **ret) _nonnull_all_ _must_check_;
