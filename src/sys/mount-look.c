/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says of one attached mount: by its unique id, where there is one, which
 * costs the same beside any number of mounts; else from its line in mountinfo.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/fdio.h"
#include "sys/missing.h"
#include "sys/sys.h"

/* Room for the options of an overlay of ours: two layers and two options. */
#define OPTIONS_SIZE 1024

struct answer {
	struct om_statmount fixed;
	char text[OPTIONS_SIZE];
};

/* What the kernel can tell of it; less where it does not know a part, or has no room. */
static int look_by_id(uint64_t id, struct om_mount_look *ret)
{
	struct om_mnt_id_req request = { .size = sizeof(request),
					 .mnt_id = id,
					 .param = OM_STATMOUNT_MNT_BASIC |
						  OM_STATMOUNT_MNT_OPTS |
						  OM_STATMOUNT_SB_SOURCE };
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
	*ret = (struct om_mount_look){ .parent = a.fixed.mnt_parent_id,
				       .propagation = a.fixed.mnt_propagation,
				       .attr = om_attr_of_api(a.fixed.mnt_attr) };
	if (a.fixed.mask & OM_STATMOUNT_MNT_OPTS && a.fixed.mnt_opts < OPTIONS_SIZE) {
		ret->has_options = true;
		(void)snprintf(ret->options, sizeof(ret->options), "%s",
			       a.text + a.fixed.mnt_opts);
	}
	if (a.fixed.mask & OM_STATMOUNT_SB_SOURCE && a.fixed.sb_source < OPTIONS_SIZE) {
		ret->has_source = true;
		(void)snprintf(ret->source, sizeof(ret->source), "%s",
			       a.text + a.fixed.sb_source);
	}
	return 0;
}

/* Cuts the next blank-separated word off *line; "" at its end. */
static const char *next_word(char **line)
{
	const char *word = strsep(line, " ");

	return word ? word : "";
}

/* One line of mountinfo: what identifies the mount, and where it hangs. */
struct line {
	struct om_mount_look look;
	const char *point; /* escaped; in the table's buffer */
};

/* 36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=.. */
static void parse_line(char *text, struct line *ret)
{
	const char *identity[3];
	uint32_t crc[3];
	const char *word;

	*ret = (struct line){ .look = { .has_options = true, .has_source = true } };
	(void)next_word(&text);
	ret->look.parent = strtoull(next_word(&text), NULL, 10);
	identity[0] = next_word(&text); /* device */
	(void)next_word(&text);
	ret->point = next_word(&text);
	ret->look.attr = om_attr_of_words(next_word(&text));
	while (*(word = next_word(&text)) && strcmp(word, "-") != 0) {
		if (strncmp(word, "shared:", 7) == 0)
			ret->look.propagation |= MS_SHARED;
		if (strncmp(word, "master:", 7) == 0)
			ret->look.propagation |= MS_SLAVE;
	}
	if (ret->look.propagation == 0)
		ret->look.propagation = MS_PRIVATE;
	identity[1] = next_word(&text); /* type */
	identity[2] = next_word(&text); /* source */
	(void)snprintf(ret->look.source, sizeof(ret->look.source), "%s", identity[2]);
	(void)snprintf(ret->look.options, sizeof(ret->look.options), "%s",
		       next_word(&text));
	for (size_t i = 0; i < ARRAY_SIZE(crc); i++)
		crc[i] = om_crc32c(identity[i], strlen(identity[i]));
	ret->look.print = om_crc32c(crc, sizeof(crc));
}

/*
 * The table in pieces of whole lines.  Two escaped paths fit into the buffer: a line that
 * does not is an error, since half a line would be taken for another mount.  On the stack:
 * undo must not want memory.
 */
struct table {
	int fd; /* owned */
	size_t n;
	char buf[40960];
};

/* Fills the buffer; how many bytes there are, 0 at the end, or -errno. */
static int fill(struct table *t)
{
	while (t->n < sizeof(t->buf) - 1) {
		ssize_t r =
			OM_RETRY(read(t->fd, t->buf + t->n, sizeof(t->buf) - 1 - t->n));

		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		t->n += (size_t)r;
	}
	t->buf[t->n] = '\0';
	return (int)t->n;
}

/* The line of the mount in what the buffer holds; the rest of it goes to the front. */
static char *search_buffer(struct table *t, uint64_t id, int *ret)
{
	char *line = t->buf, *end;

	while ((end = memchr(line, '\n', t->n - (size_t)(line - t->buf)))) {
		*end = '\0';
		if (strtoull(line, NULL, 10) == id)
			return line;
		line = end + 1;
	}
	if (line == t->buf)
		*ret = -EBADMSG;
	t->n -= (size_t)(line - t->buf);
	memmove(t->buf, line, t->n);
	return NULL;
}

/* The line of the mount with the reusable id; it points into *t. */
static int find_line(struct table *t, uint64_t id, struct line *ret)
{
	_cleanup_close_ int fd =
		open("/proc/self/mountinfo", O_RDONLY | O_NOCTTY | O_CLOEXEC);
	char *text = NULL;
	int r = fd < 0 ? -errno : 1;

	t->fd = fd;
	t->n = 0;
	while (r > 0 && !text) {
		r = fill(t);
		if (r > 0)
			text = search_buffer(t, id, &r);
	}
	if (r < 0)
		return r;
	if (!text)
		return -ENOENT;
	parse_line(text, ret);
	return 0;
}

int om_sys_mount_look(const struct om_sys *sys _unused_, const struct om_mount_id *id,
		      struct om_mount_look *ret)
{
	struct table table;
	struct line line;
	int r;

	if (id->unique)
		return look_by_id(id->id, ret);
	r = find_line(&table, id->id, &line);
	if (r == 0)
		*ret = line.look;
	return r;
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
	struct table table;
	struct line line;
	int r;

	if (id->unique)
		return point_by_id(id->id, buf, size);
	r = find_line(&table, id->id, &line);
	if (r < 0)
		return r;
	/* Another mount has the id by now. */
	if (print != 0 && line.look.print != print)
		return -ENOENT;
	return unescape(line.point, buf, size);
}
