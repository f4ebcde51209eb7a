/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Constants that older headers lack, each with the kernel that added it, and system call
 * numbers that are the same on every architecture (they came after the tables were
 * unified).  Nothing decides by these versions.
 */
#pragma once

#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428 /* 5.2, with the four below */
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_openat2
#define SYS_openat2 437 /* 5.6 */
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442 /* 5.12 */
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U /* 5.8 */
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U /* 6.8 */
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* 5.14 */
#endif
