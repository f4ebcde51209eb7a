/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capabilities, and whose the files of this process are.  A newer snap-confine (2.77) starts
 * its tool as the calling user with the rights to mount, to give files away and to pass over
 * modes: what such a process keeps and trusts is root's, not the user's.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"

#define OM_CAP_BIT(cap) ((uint64_t)1 << (cap))

struct om_caps {
	uint64_t effective;
	uint64_t permitted;
};

/* Of this process.  -errno. */
int om_caps_get(struct om_caps *ret) _nonnull_all_ _must_check_;
/*
 * The user whose files this process takes for its own: root for one that acts in root's
 * place without being able to become root, else the effective user.  In a user namespace a
 * process has all capabilities, and is its user.
 */
uid_t om_own_uid(void);
