/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's name, for people and as part of a key.  The one place that asks for it
 * (tests/lint/check-no-version-compare.sh): nothing is ever decided by it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "sys/sys.h"

int om_kernel_name(struct om_kernel_name *ret)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	(void)snprintf(ret->release, sizeof(ret->release), "%s", name.release);
	(void)snprintf(ret->build, sizeof(ret->build), "%s", name.version);
	(void)snprintf(ret->machine, sizeof(ret->machine), "%s", name.machine);
	return 0;
}
