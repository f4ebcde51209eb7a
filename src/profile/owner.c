/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See owner.h.
 */
#include "profile/owner.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The third field of the line that starts with the name, in a file of either kind. */
static int find_line(const char *text, const char *name, unsigned long long *ret)
{
	size_t n = strlen(name);

	while (*text) {
		size_t length = strcspn(text, "\n");
		const char *line = text, *end = text + length;
		char number[16];
		size_t digits;

		text = *end ? end + 1 : end;
		if (length <= n || strncmp(line, name, n) != 0 || line[n] != ':')
			continue;
		line += n + 1;
		line += strcspn(line, ":\n");
		if (*line != ':')
			return -EINVAL;
		digits = strcspn(++line, ":\n");
		if (digits >= sizeof(number))
			return -EINVAL;
		(void)snprintf(number, sizeof(number), "%.*s", (int)digits, line);
		return om_parse_number(number, 10, UINT32_MAX - 1, ret) < 0 ? -EINVAL : 0;
	}
	return -ENOENT;
}

int om_owner_find(const struct om_owner_names *names, const char *word, uid_t *ret)
{
	unsigned long long id = 0;
	int r = om_streq(word, "root") ? 0
				       : om_parse_number(word, 10, UINT32_MAX - 1, &id);

	if (r == -EINVAL)
		r = names->text ? find_line(names->text, word, &id) : -ENOENT;
	if (r == 0)
		*ret = (uid_t)id;
	return r;
}

const char *om_owner_reason(const struct om_owner_names *names, int r,
			    char buf[static OM_OWNER_REASON_SIZE])
{
	char bare[128];

	if (r == -ERANGE)
		return "it must be below 4294967295";
	(void)snprintf(buf, OM_OWNER_REASON_SIZE,
		       r == -ENOENT ? "it is neither a number nor a name in %s"
				    : "its line in %s has no valid number",
		       om_bare(bare, sizeof(bare), names->file ? names->file : "a file"));
	return buf;
}
