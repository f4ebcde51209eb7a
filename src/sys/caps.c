/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See caps.h.  The C library has capget(2) without declaring it, and a library for one call
 * would be one more to link.
 */
#include "sys/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <sys/stat.h>
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

/* The group may be that of a directory which hands it down. */
static int give(int dirfd, const char *name, int flags)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct stat st;

	if (om_own_uid() == uid)
		return 0;
	if (fstatat(dirfd, name, &st, flags) < 0)
		return -errno;
	uid = st.st_uid == uid ? 0 : (uid_t)-1;
	gid = st.st_gid == gid ? 0 : (gid_t)-1;
	return fchownat(dirfd, name, uid, gid, flags) < 0 ? -errno : 0;
}

int om_own_fd(int fd)
{
	return give(fd, "", AT_EMPTY_PATH);
}

int om_own_name(int dirfd, const char *name)
{
	return give(dirfd, name, AT_SYMLINK_NOFOLLOW);
}
