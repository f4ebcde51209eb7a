/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel for a process that acts in root's place as somebody else: what it makes is
 * root's, as if root had made it.
 */
#pragma once

#include "base/macro.h"
#include "sys/sys.h"

/*
 * Fills ret with base, changed where a file system or a name is made, or a mode is set.
 * ret->userdata is base, which must outlive it.
 */
void om_snapd_as_root(const struct om_sys *base, struct om_sys *ret) _nonnull_all_;
