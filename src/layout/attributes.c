/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owners and modes of a layout.  snapd permits no owner but root and forgets the mode; here
 * both are honoured, so they are refused where nothing would honour them.  Names are looked
 * up in the text of a passwd or group file: what a name stands for is settled when the
 * layout is compiled, and no name service is ever asked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "layout/compiler.h"

/* The id behind a name; 0, -ENOENT, or -EINVAL when the line of the name has none. */
static int find_id(const char *text, const char *name, unsigned long long *ret)
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

static int fail_name(struct om_layout_compiler *c, const struct om_layout_item *raw,
		     enum om_layout_key key, int r)
{
	bool user = key == OM_LAYOUT_USER;
	const struct om_layout_names *names = user ? &c->args->passwd : &c->args->group;
	char reason[192], bare[128];

	(void)snprintf(reason, sizeof(reason),
		       r == -ENOENT ? "it is neither a number nor a name in %s"
				    : "its line in %s has no valid number",
		       om_bare(bare, sizeof(bare), names->file ? names->file : "a file"));
	return om_layout_fail_value(c, raw, key, reason,
				    user ? "give the number, or the right file with "
					   "--passwd"
					 : "give the number, or the right file with "
					   "--group");
}

static int read_owner(struct om_layout_compiler *c, const struct om_layout_compiled *item,
		      enum om_layout_key key, unsigned long long *ret)
{
	const struct om_layout_item *raw = item->raw;
	const char *value = raw->values[key].s;
	const struct om_layout_names *names = key == OM_LAYOUT_USER ? &c->args->passwd
								    : &c->args->group;
	int r;

	if (!value || !*value || om_streq(value, "root"))
		return 0;
	if (c->args->snapd)
		return om_layout_fail_value(c, raw, key, "it must be root", NULL);
	if (item->kind != OM_LAYOUT_TYPE)
		return om_layout_fail_value(c, raw, key,
					    "only a tmpfs has an owner of its own", NULL);
	r = om_parse_number(value, 10, UINT32_MAX - 1, ret);
	if (r == -ERANGE)
		return om_layout_fail_value(c, raw, key, "it must be below 4294967295",
					    NULL);
	if (r == 0)
		return 0;
	r = names->text ? find_id(names->text, value, ret) : -ENOENT;
	return r < 0 ? fail_name(c, raw, key, r) : 0;
}

static int read_mode(struct om_layout_compiler *c, struct om_layout_compiled *item)
{
	const struct om_layout_item *raw = item->raw;
	const char *mode = raw->values[OM_LAYOUT_MODE].s;
	unsigned long long bits = 0755;

	item->mode = 0755;
	if (!mode || (c->args->snapd && !*mode))
		return 0;
	if (om_parse_number(mode, 8, UINT32_MAX, &bits) < 0)
		return om_layout_fail_value(c, raw, OM_LAYOUT_MODE,
					    "it must be octal, at most 01777", NULL);
	if (bits & ~01777ULL)
		return om_layout_fail_value(
			c, raw, OM_LAYOUT_MODE,
			"only the permissions and the sticky bit may be set", NULL);
	/* The default may be written down anywhere. */
	if (!c->args->snapd && item->kind != OM_LAYOUT_TYPE && bits != 0755)
		return om_layout_fail_value(c, raw, OM_LAYOUT_MODE,
					    "only a tmpfs has a mode of its own", NULL);
	item->mode = (mode_t)bits;
	return 0;
}

int om_layout_read_attributes(struct om_layout_compiler *c,
			      struct om_layout_compiled *item)
{
	int r = read_owner(c, item, OM_LAYOUT_USER, &item->uid);

	if (r == 0)
		r = read_owner(c, item, OM_LAYOUT_GROUP, &item->gid);
	return r < 0 ? r : read_mode(c, item);
}
