/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attributes of mounts, in the words of each interface.
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "profile/profile.h"
#include "sys/missing.h"
#include "sys/sys.h"

struct attr_map {
	unsigned attr;
	unsigned long ms;
	uint64_t mount_attr;
	unsigned long st;
};

static const struct attr_map attr_map[] = {
	{ OM_ATTR_RDONLY, MS_RDONLY, MOUNT_ATTR_RDONLY, ST_RDONLY },
	{ OM_ATTR_NOSUID, MS_NOSUID, MOUNT_ATTR_NOSUID, ST_NOSUID },
	{ OM_ATTR_NODEV, MS_NODEV, MOUNT_ATTR_NODEV, ST_NODEV },
	{ OM_ATTR_NOEXEC, MS_NOEXEC, MOUNT_ATTR_NOEXEC, ST_NOEXEC },
	{ OM_ATTR_NODIRATIME, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, ST_NODIRATIME },
	{ OM_ATTR_NOATIME, MS_NOATIME, MOUNT_ATTR_NOATIME, ST_NOATIME },
	/* RELATIME is the zero of the kernel's atime field. */
	{ OM_ATTR_RELATIME, MS_RELATIME, MOUNT_ATTR_RELATIME, ST_RELATIME },
	{ OM_ATTR_STRICTATIME, MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, 0 },
};

unsigned om_attr_of_ms(unsigned long flags)
{
	unsigned attr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (flags & attr_map[i].ms)
			attr |= attr_map[i].attr;
	return attr;
}

uint64_t om_attr_to_api(unsigned attr)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (attr & attr_map[i].attr)
			flags |= attr_map[i].mount_attr;
	return flags;
}

unsigned long om_attr_to_ms(unsigned attr)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (attr & attr_map[i].attr)
			flags |= attr_map[i].ms;
	return flags;
}

unsigned om_attr_of_api(uint64_t api)
{
	unsigned attr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (attr_map[i].mount_attr && (api & attr_map[i].mount_attr))
			attr |= attr_map[i].attr;
	/* The zero of a field of its own. */
	return api & MOUNT_ATTR__ATIME ? attr : attr | OM_ATTR_RELATIME;
}

unsigned om_attr_of_words(const char *words)
{
	static const struct {
		const char *word;
		unsigned attr;
	} known[] = {
		{ "ro", OM_ATTR_RDONLY },	  { "nosuid", OM_ATTR_NOSUID },
		{ "nodev", OM_ATTR_NODEV },	  { "noexec", OM_ATTR_NOEXEC },
		{ "noatime", OM_ATTR_NOATIME },	  { "nodiratime", OM_ATTR_NODIRATIME },
		{ "relatime", OM_ATTR_RELATIME },
	};
	unsigned attr = 0;

	for (const char *p = words; *p;) {
		size_t n = strcspn(p, ",");

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (strlen(known[i].word) == n &&
			    strncmp(p, known[i].word, n) == 0)
				attr |= known[i].attr;
		p += n + (p[n] == ',');
	}
	return attr;
}

int om_attr_of_fd(int fd, unsigned *ret_attr)
{
	struct statvfs fs;
	unsigned attr = 0;

	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(attr_map); i++)
		if (attr_map[i].st && (fs.f_flag & attr_map[i].st))
			attr |= attr_map[i].attr;
	*ret_attr = attr;
	return 0;
}
