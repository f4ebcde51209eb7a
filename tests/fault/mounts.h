/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mounts of this namespace as the kernel knows them, by their unique ids: also those
 * that mountinfo leaves out because no path leads to them any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/snapshot.h"

#define MOUNTS_MAX 256

/* Of attr, as in mount_setattr(2). */
#define MOUNT_RDONLY 1U
#define MOUNT_NOSUID 2U
#define MOUNT_NODEV 4U
#define MOUNT_NOEXEC 8U

struct mount_entry {
	uint64_t id, parent;
	unsigned attr;
	unsigned long propagation; /* MS_SHARED, MS_SLAVE, ... */
	char type[16];
	char root[192];	 /* in its file system */
	char point[192]; /* "" when no path leads there */
};

struct mount_table {
	struct mount_entry v[MOUNTS_MAX];
	size_t n;
};

/* False when the kernel cannot tell (before 6.8), or there are too many. */
bool mounts_read(struct mount_table *ret);
const struct mount_entry *mounts_find(const struct mount_table *t, uint64_t id);
/* Of the mount that fd lies on; 0 when it cannot be told. */
uint64_t mounts_id_of(int fd);
/* A line of the mount without ids; its propagation is left out on request. */
void mounts_line(struct text *ret, const struct mount_entry *m, bool propagation);
