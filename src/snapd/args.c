/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See args.h.  There is no --help: whoever calls this is a program.
 */
#include "snapd/args.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "snapd/name.h"

static int bad(struct om_error *e, const char *reason)
{
	return om_fail(e, OM_ERR_INPUT, -EINVAL, "%s", reason);
}

static int read_uid(const char *text, struct om_snapd_args *ret, struct om_error *e)
{
	unsigned long long uid;

	if (!text)
		return bad(e, "-u requires an argument");
	if (text[0] == '-' && om_parse_number(text + 1, 10, UINT32_MAX, &uid) == 0)
		return bad(e, "user id cannot be negative");
	/* The greatest one means "nobody" to the calls that set one. */
	if (om_parse_number(text, 10, UINT32_MAX - 1, &uid) < 0)
		return bad(e, "cannot parse user id");
	ret->has_uid = true;
	ret->uid = (uid_t)uid;
	return 0;
}

static int read_option(char *const *argv, int *i, struct om_snapd_args *ret,
		       struct om_error *e)
{
	const char *option = argv[*i];

	if (om_streq(option, "--from-snap-confine")) {
		ret->from_snap_confine = true;
		return 0;
	}
	if (om_streq(option, "--user-mounts")) {
		ret->user_mounts = true;
		return 0;
	}
	/* argv ends with NULL. */
	if (om_streq(option, "-u"))
		return read_uid(argv[++*i], ret, e);
	return bad(e, "unsupported option");
}

int om_snapd_args_read(int argc, char *const *argv, struct om_snapd_args *ret,
		       struct om_error *e)
{
	const char *reason;
	int r = 0;

	*ret = (struct om_snapd_args){ 0 };
	if (argc < 1 || !argv || !argv[0])
		return bad(e, "argv0 is corrupted");
	for (int i = 1; r == 0 && i < argc && argv[i]; i++) {
		if (argv[i][0] == '-')
			r = read_option(argv, &i, ret, e);
		else if (ret->name)
			r = bad(e, "too many positional arguments");
		else
			ret->name = argv[i];
	}
	if (r < 0)
		return r;
	if (!ret->name)
		return bad(e, "snap name not provided");
	reason = om_instance_name_bad(ret->name);
	return reason ? bad(e, reason) : 0;
}
