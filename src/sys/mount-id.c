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

int om_mount_is_among(const struct om_sys *sys, int fd, const struct om_mount_id *ids,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t id;
		int r = om_mount_id_as(sys, fd, ids[i].unique, &id);

		if (r < 0 || id == ids[i].id)
			return r < 0 ? r : 1;
	}
	return 0;
}
