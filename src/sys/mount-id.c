/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ids of mounts, by kind.  What was written down under one kind must not be compared with
 * the other: a kernel, or a filter of system calls, may tell both, or only one.
 */
#include <errno.h>

#include "sys/sys.h"

int om_mount_id_as(const struct om_sys *sys, int fd, bool unique, uint64_t *ret_id)
{
	bool got;
	int r = sys->mount_id(sys, fd, ret_id, &got);

	if (r < 0 || got == unique)
		return r;
	return unique ? -ENODATA : sys->statx_mount_id(sys, fd, false, ret_id);
}
