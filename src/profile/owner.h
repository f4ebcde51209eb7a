/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a name of a user or a group stands for, by the text of a passwd or group file.  It is
 * settled where a profile is made or read, and no name service is ever asked.
 */
#pragma once

#include <sys/types.h>

#include "base/macro.h"
#include "profile/profile.h"

/*
 * The id that a word stands for: root, a number below 4294967295, or a name of the file.  0 with
 * *ret set; -ERANGE for a number that is too large, -ENOENT for what is neither, -EINVAL
 * when the line of the name has no number.
 */
int om_owner_find(const struct om_owner_names *names, const char *word,
		  uid_t *ret) _nonnull_all_ _must_check_;

/* Why om_owner_find() returned r, in words and in buf (or static). */
#define OM_OWNER_REASON_SIZE 192
const char *om_owner_reason(const struct om_owner_names *names, int r,
			    char buf[static OM_OWNER_REASON_SIZE]) _nonnull_all_;
