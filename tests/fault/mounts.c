/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See mounts.h.
 */
#include "fault/mounts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_STATMOUNT 457
#define CALL_LISTMOUNT 458
#define LIST_ROOT (~0ULL)
/* MNT_BASIC, MNT_ROOT, MNT_POINT, FS_TYPE */
#define WANTED (0x2ULL | 0x8ULL | 0x10ULL | 0x20ULL)
#define MASK_MNT_ID_UNIQUE 0x4000U

/* The headers of the system are older than the calls. */
struct request {
	uint32_t size, spare;
	uint64_t id, param;
};

struct answer {
	uint32_t size, options;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t sb_flags, fs_type;
	uint64_t id, parent;
	uint32_t old_id, old_parent;
	uint64_t attr, propagation, peers, master, from;
	uint32_t root, point;
	uint64_t spare[50];
	char strings[1024];
};

static bool read_one(uint64_t id, struct mount_entry *ret)
{
	struct request request = { .size = sizeof(request), .id = id, .param = WANTED };
	struct answer answer = { 0 };

	if (syscall(CALL_STATMOUNT, &request, &answer, sizeof(answer), 0) < 0)
		return false;
	*ret = (struct mount_entry){ .id = answer.id,
				     .parent = answer.parent,
				     .attr = (unsigned)answer.attr,
				     .propagation = (unsigned long)answer.propagation };
	(void)snprintf(ret->type, sizeof(ret->type), "%s",
		       answer.strings + answer.fs_type);
	(void)snprintf(ret->root, sizeof(ret->root), "%s", answer.strings + answer.root);
	if (answer.mask & 0x10)
		(void)snprintf(ret->point, sizeof(ret->point), "%s",
			       answer.strings + answer.point);
	return true;
}

bool mounts_read(struct mount_table *ret)
{
	struct request request = { .size = sizeof(request), .id = LIST_ROOT };
	uint64_t ids[MOUNTS_MAX];
	long n = syscall(CALL_LISTMOUNT, &request, ids, MOUNTS_MAX, 0);

	ret->n = 0;
	if (n < 0 || n == MOUNTS_MAX)
		return false;
	for (long i = 0; i < n; i++)
		if (read_one(ids[i], &ret->v[ret->n]))
			ret->n++;
	return true;
}

const struct mount_entry *mounts_find(const struct mount_table *t, uint64_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].id == id)
			return &t->v[i];
	return NULL;
}

uint64_t mounts_id_of(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, MASK_MNT_ID_UNIQUE, &stx) < 0 ||
	    !(stx.stx_mask & MASK_MNT_ID_UNIQUE))
		return 0;
	return stx.stx_mnt_id;
}

static const char *kind_of(unsigned long propagation)
{
	if (propagation & MS_SHARED)
		return propagation & MS_SLAVE ? "shared,slave" : "shared";
	return propagation & MS_SLAVE	     ? "slave"
	       : propagation & MS_UNBINDABLE ? "unbindable"
					     : "private";
}

void mounts_line(struct text *ret, const struct mount_entry *m, bool propagation)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s %s %s %s%s%s%s %s\n",
			 m->point[0] ? m->point : "(nowhere)", m->type, m->root,
			 m->attr & MOUNT_RDONLY ? "ro" : "rw",
			 m->attr & MOUNT_NOSUID ? ",nosuid" : "",
			 m->attr & MOUNT_NODEV ? ",nodev" : "",
			 m->attr & MOUNT_NOEXEC ? ",noexec" : "",
			 propagation ? kind_of(m->propagation) : "-");

	text_add(ret, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}
