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
#include "profile/owner.h"

static int read_owner(struct om_layout_compiler *c, const struct om_layout_compiled *item,
		      enum om_layout_key key, unsigned long long *ret)
{
	const struct om_layout_item *raw = item->raw;
	const char *value = raw->values[key].s, *fix = NULL;
	bool user = key == OM_LAYOUT_USER;
	const struct om_owner_names *names = user ? &c->args->passwd : &c->args->group;
	char buf[OM_OWNER_REASON_SIZE];
	uid_t id;
	int r;

	if (!value || !*value || om_streq(value, "root"))
		return 0;
	if (c->args->snapd)
		return om_layout_fail_value(c, raw, key, "it must be root", NULL);
	if (item->kind != OM_LAYOUT_TYPE)
		return om_layout_fail_value(c, raw, key,
					    "only a tmpfs has an owner of its own", NULL);
	r = om_owner_find(names, value, &id);
	if (r != -ERANGE)
		fix = user ? "give the number, or the right file with --passwd"
			   : "give the number, or the right file with --group";
	if (r < 0)
		return om_layout_fail_value(c, raw, key, om_owner_reason(names, r, buf),
					    fix);
	*ret = id;
	return 0;
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
