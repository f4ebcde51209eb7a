/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who the tool is: started by root, with root's effective id (a snap-confine that is
 * setuid), or by a user with the few capabilities that a newer snap-confine hands over.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"

/* -EPERM with *e filled when what the profile of a snap takes is not there. */
int om_snapd_check_rights(struct om_error *e) _must_check_;
/*
 * Becomes the calling user for good, with no right but the one to mount.  -errno with *e
 * filled.
 */
int om_snapd_become_user(struct om_error *e) _must_check_;
