/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A newer snap-confine (2.77) starts the tool as the user whose app it is, with the rights to
 * mount, to give files away and to pass over permissions, and no other.  Whatever the tool
 * makes must be root's nevertheless, as everything in the namespace of a snap is.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

/*
 * The same operations, but what they make is root's: *ret, whose userdata is base.  Both
 * must outlive what uses it.
 */
void om_snapd_as_root(const struct om_sys *base, struct om_sys *ret) _nonnull_all_;
/*
 * Makes the directory of the state, root's from the first moment at which it has its name.
 * 0 also when it is there.  -errno with *e filled.
 */
int om_snapd_make_state_dir(const char *path, struct om_error *e)
	_nonnull_(1) _must_check_;
