/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See fs-name.h.
 */
#include "probe/fs-name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"

/* The line whose first word is id, or NULL. */
static const char *find_line(const char *text, uint64_t id)
{
	while (*text) {
		char *end;

		if (strtoull(text, &end, 10) == id && end != text && *end == ' ')
			return text;
		text = strchr(text, '\n');
		if (!text)
			break;
		text++;
	}
	return NULL;
}

static bool is_octal(const char *text)
{
	for (size_t i = 1; i <= 3; i++)
		if (text[i] < '0' || text[i] > '7')
			return false;
	return true;
}

/* The n-th word of a line, unescaped; NULL when memory is gone. */
static char *word_of(const char *line, size_t n)
{
	struct om_str word = { 0 };

	while (n-- > 0) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	while (*line && *line != ' ' && *line != '\n') {
		char c = *line++;

		if (c == '\\' && is_octal(line - 1)) {
			c = (char)((line[0] - '0') << 6 | (line[1] - '0') << 3 |
				   (line[2] - '0'));
			line += 3;
		}
		om_str_add_n(&word, &c, 1);
	}
	om_str_add(&word, "");
	return om_str_take(&word);
}

int om_fs_name(const char *text, uint64_t id, const char *path, char **ret)
{
	const char *line = find_line(text, id);
	_cleanup_free_ char *root = NULL;
	_cleanup_free_ char *point = NULL;
	const char *below;

	if (!line)
		return -ENOENT;
	root = word_of(line, 3);
	point = word_of(line, 4);
	if (!root || !point)
		return -ENOMEM;
	if (*root != '/' || *point != '/' || !om_path_is_under(path, point))
		return -ENOENT;
	below = om_path_below(path, point);
	*ret = *below ? om_asprintf("%s/%s", root[1] ? root : "", below) : strdup(root);
	return *ret ? 0 : -ENOMEM;
}

int om_fs_name_now(const struct om_sys *sys, int fd, const char *path, char **ret)
{
	_cleanup_close_ int table =
		sys->open(sys, AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	_cleanup_free_ char *text = NULL;
	uint64_t id;
	size_t n;
	int r = table < 0 ? table : om_mount_id_as(sys, fd, false, &id);

	if (r == 0)
		r = om_read_fd(table, OM_MAX_MOUNTINFO, &text, &n);
	return r < 0 ? r : om_fs_name(text, id, path, ret);
}
