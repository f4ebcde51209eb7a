/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See caps.h.  The C library has capget(2) without declaring it, and a library for one call
 * would be one more to link.
 */
#include "sys/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <unistd.h>

int capget(cap_user_header_t header, const cap_user_data_t data);

int om_caps_get(struct om_caps *ret)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (capget(&header, data) < 0)
		return -errno;
	ret->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	ret->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static bool acts_for_root(void)
{
	const uint64_t wanted = OM_CAP_BIT(CAP_SYS_ADMIN) | OM_CAP_BIT(CAP_CHOWN) |
				OM_CAP_BIT(CAP_DAC_OVERRIDE);
	struct om_caps caps;

	return om_caps_get(&caps) == 0 && (caps.effective & wanted) == wanted &&
	       !(caps.permitted & OM_CAP_BIT(CAP_SETUID));
}

uid_t om_own_uid(void)
{
	uid_t uid = geteuid();

	return uid != 0 && acts_for_root() ? 0 : uid;
}
