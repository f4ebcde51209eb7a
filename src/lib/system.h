/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library does through struct om_sys: as om_sys_linux does it, without mounts, and
 * in a process that is not ours.  A test links its own.
 */
#pragma once

#include "sys/sys.h"

const struct om_sys *om_lib_sys(void);
