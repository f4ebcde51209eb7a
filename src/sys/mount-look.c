/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says of one attached mount: by its unique id, where there is one, which
 * costs the same beside any number of mounts; else from its line in mountinfo.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "sys/missing.h"
#include "sys/sys.h"

/* Room for the options of an overlay of ours: two layers and two options. */
#define OPTIONS_SIZE 1024

struct answer {
	struct om_statmount fixed;
	char text[OPTIONS_SIZE];
};

static int look_by_id(uint64_t id, struct om_mount_look *ret)
{
	struct om_mnt_id_req request = { .size = sizeof(request),
					 .mnt_id = id,
					 .param = OM_STATMOUNT_MNT_BASIC |
						  OM_STATMOUNT_MNT_OPTS };
	struct answer a = { 0 };
	long r = syscall(SYS_statmount, &request, &a, sizeof(a), 0);

	/* Longer options than there is room for: those of somebody else's mount. */
	if (r < 0 && errno == EOVERFLOW) {
		request.param = OM_STATMOUNT_MNT_BASIC;
		r = syscall(SYS_statmount, &request, &a, sizeof(a), 0);
	}
	if (r < 0)
		return -errno;
	if (!(a.fixed.mask & OM_STATMOUNT_MNT_BASIC) || a.fixed.mnt_id != id)
		return -ENODATA;
	*ret = (struct om_mount_look){ .propagation = a.fixed.mnt_propagation };
	if (a.fixed.mask & OM_STATMOUNT_MNT_OPTS && a.fixed.mnt_opts < OPTIONS_SIZE) {
		ret->has_options = true;
		(void)snprintf(ret->options, sizeof(ret->options), "%s",
			       a.text + a.fixed.mnt_opts);
	}
	return 0;
}

/* Cuts the next blank-separated word off *line; "" at its end. */
static const char *next_word(char **line)
{
	const char *word = strsep(line, " \n");

	return word ? word : "";
}

/* One line of mountinfo: what identifies the mount, and where it hangs. */
struct line {
	struct om_mount_look look;
	const char *point; /* escaped */
};

/* 36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=.. */
static void parse_line(char *text, struct line *ret)
{
	const char *identity[4];
	uint32_t crc[4];
	const char *word;

	*ret = (struct line){ .look.has_options = true };
	(void)next_word(&text);
	(void)next_word(&text);
	identity[0] = next_word(&text); /* device */
	identity[1] = next_word(&text); /* root */
	ret->point = next_word(&text);
	(void)next_word(&text);
	while (*(word = next_word(&text)) && strcmp(word, "-") != 0) {
		if (strncmp(word, "shared:", 7) == 0)
			ret->look.propagation |= MS_SHARED;
		if (strncmp(word, "master:", 7) == 0)
			ret->look.propagation |= MS_SLAVE;
	}
	if (ret->look.propagation == 0)
		ret->look.propagation = MS_PRIVATE;
	identity[2] = next_word(&text); /* type */
	identity[3] = next_word(&text); /* source */
	(void)snprintf(ret->look.options, sizeof(ret->look.options), "%s",
		       next_word(&text));
	for (size_t i = 0; i < ARRAY_SIZE(crc); i++)
		crc[i] = om_crc32c(identity[i], strlen(identity[i]));
	ret->look.print = om_crc32c(crc, sizeof(crc));
}

/* The line of the mount with the reusable id; *text is to be freed after use. */
static int find_line(uint64_t id, char **text, struct line *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	size_t size = 0;

	if (!f)
		return -errno;
	while (getline(text, &size, f) > 0) {
		if (strtoull(*text, NULL, 10) != id)
			continue;
		parse_line(*text, ret);
		return 0;
	}
	return ferror(f) ? -EIO : -ENOENT;
}

static int look_in_table(uint64_t id, struct om_mount_look *ret)
{
	_cleanup_free_ char *text = NULL;
	struct line line;
	int r = find_line(id, &text, &line);

	if (r == 0)
		*ret = line.look;
	return r;
}

int om_sys_mount_look(const struct om_sys *sys, int fd, struct om_mount_look *ret)
{
	uint64_t id;
	bool unique;
	int r = sys->mount_id(sys, fd, &id, &unique);

	if (r < 0)
		return r;
	if (unique) {
		r = look_by_id(id, ret);
		/* The id may be unique and the call that takes it be filtered away. */
		if (r != -ENOSYS && r != -EPERM)
			return r;
		r = sys->statx_mount_id(sys, fd, false, &id);
		if (r < 0)
			return r;
	}
	return look_in_table(id, ret);
}

static int point_by_id(uint64_t id, char *buf, size_t size)
{
	struct om_mnt_id_req request = { .size = sizeof(request),
					 .mnt_id = id,
					 .param = OM_STATMOUNT_MNT_BASIC |
						  OM_STATMOUNT_MNT_POINT };
	struct {
		struct om_statmount fixed;
		char text[PATH_MAX + 1];
	} a = { 0 };

	if (syscall(SYS_statmount, &request, &a, sizeof(a), 0) < 0)
		return -errno;
	if (!(a.fixed.mask & OM_STATMOUNT_MNT_POINT) ||
	    a.fixed.mnt_point >= sizeof(a.text) || a.text[a.fixed.mnt_point] != '/')
		return -ENODATA;
	return (size_t)snprintf(buf, size, "%s", a.text + a.fixed.mnt_point) < size
		       ? 0
		       : -ENAMETOOLONG;
}

/* mountinfo writes blank, tab, newline and backslash as three octal digits. */
static int unescape(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	while (*text && n + 1 < size) {
		if (text[0] == '\\' && text[1] && text[2] && text[3]) {
			buf[n++] = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					  (text[3] - '0'));
			text += 4;
		} else {
			buf[n++] = *text++;
		}
	}
	buf[n] = '\0';
	return *text ? -ENAMETOOLONG : 0;
}

int om_sys_mount_point(const struct om_sys *sys _unused_, const struct om_mount_id *id,
		       uint32_t print, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	struct line line;
	int r;

	if (id->unique)
		return point_by_id(id->id, buf, size);
	r = find_line(id->id, &text, &line);
	if (r < 0)
		return r;
	/* Another mount has the id by now. */
	if (print != 0 && line.look.print != print)
		return -ENOENT;
	return unescape(line.point, buf, size);
}
