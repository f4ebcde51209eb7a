/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See identity.h.  The C library has capset(2) without declaring it.
 */
#include "snapd/identity.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sys/caps.h"

int capset(cap_user_header_t header, const cap_user_data_t data);

#define SETS _LINUX_CAPABILITY_U32S_3

/* Effective and permitted; nothing is handed on. */
static int set_caps(uint64_t set)
{
	struct __user_cap_header_struct header = { .version =
							   _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[SETS] = {
		{ .effective = (uint32_t)set, .permitted = (uint32_t)set },
		{ .effective = (uint32_t)(set >> 32),
		  .permitted = (uint32_t)(set >> 32) },
	};

	return capset(&header, data) < 0 ? -errno : 0;
}

int om_snapd_check_rights(struct om_error *e)
{
	static const struct {
		int cap;
		const char *name;
	} wanted[] = {
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN" },
		{ CAP_CHOWN, "CAP_CHOWN" },
		{ CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE" },
	};
	struct om_caps caps;
	int r = om_caps_get(&caps);

	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot read capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!(caps.effective & OM_CAP_BIT(wanted[i].cap)))
			return om_fail(e, OM_ERR_SYSTEM, -EPERM,
				       "cannot start: %s capability not in effective set",
				       wanted[i].name);
	return 0;
}

/* From a setuid start: the real ids for all ids, and the permitted capabilities kept. */
static int drop_ids(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(1, &gid) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int om_snapd_become_user(struct om_error *e)
{
	struct om_caps caps;
	int r = geteuid() == 0 && getuid() != 0 ? drop_ids() : 0;

	if (r == 0)
		r = om_caps_get(&caps);
	if (r == 0 && !(caps.permitted & OM_CAP_BIT(CAP_SYS_ADMIN)))
		r = -EPERM;
	/* Root's own profile of a user: root it stays. */
	if (r == 0 && getuid() != 0)
		r = set_caps(OM_CAP_BIT(CAP_SYS_ADMIN));
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot become the user") : 0;
}
