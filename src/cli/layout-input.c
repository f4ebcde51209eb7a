/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a layout is compiled from: the snap.yaml, the command line, and the files in which
 * names of users and groups are looked up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "layout/layout.h"

struct input {
	struct om_layout_args args;
	char *text, *passwd, *group; /* owned */
	struct om_layout_extra extras[OM_CLI_LIST];
};

static void input_free(struct input *in)
{
	free(in->text);
	free(in->passwd);
	free(in->group);
}

/* A file that nobody asked for need not be there: then there are no names. */
static int load_names(const char *given, const char *usual, char **text,
		      struct om_layout_names *ret, struct om_error *e)
{
	size_t size;
	int r;

	ret->file = given ? given : usual;
	r = om_cli_read_input(ret->file, OM_MAX_NAMES_SIZE, text, &size, e);
	if (r == -ENOENT && !given) {
		om_error_clear(e);
		return 0;
	}
	ret->text = *text;
	return r;
}

static int load(const struct om_cli *cli, const char *file, struct input *in,
		struct om_error *e)
{
	int r;

	in->args.file = file;
	in->args.name = om_cli_get(cli, OM_OPT_NAME);
	in->args.revision = om_cli_get(cli, OM_OPT_REVISION);
	in->args.instance_key = om_cli_get(cli, OM_OPT_INSTANCE_KEY);
	r = om_cli_read_input(file, OM_MAX_YAML_SIZE, &in->text, &in->args.size, e);
	in->args.text = in->text;
	if (r == 0)
		r = load_names(om_cli_get(cli, OM_OPT_PASSWD), "/etc/passwd", &in->passwd,
			       &in->args.passwd, e);
	if (r == 0)
		r = load_names(om_cli_get(cli, OM_OPT_GROUP), "/etc/group", &in->group,
			       &in->args.group, e);
	return r;
}

int om_cli_compile_layout(const struct om_cli *cli, const char *file,
			  struct om_profile **ret, char **ret_name, struct om_error *e)
{
	_cleanup_(input_free) struct input in = { 0 };
	int r = load(cli, file, &in, e);

	if (r == 0)
		r = om_layout_compile(&in.args, ret, ret_name, e);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot compile %s",
				     OM_Q(file));
	return 0;
}

static int read_extras(const struct om_cli *cli, struct input *in, struct om_error *e)
{
	for (size_t i = 0; i < cli->n_list; i++) {
		char *colon = strchr(cli->list[i], ':');

		if (!colon)
			return om_fail(e, OM_ERR_INPUT, -EINVAL,
				       "cannot use extra layout %s: want SOURCE:TARGET",
				       OM_Q(cli->list[i]));
		*colon = '\0';
		in->extras[i] = (struct om_layout_extra){ cli->list[i], colon + 1 };
	}
	in->args.extras = in->extras;
	in->args.n_extras = cli->n_list;
	return 0;
}

int om_cli_print_layout(const struct om_cli *cli, const char *file, struct om_str *out,
			struct om_error_list *errors, struct om_error *e)
{
	const char *compat = om_cli_get(cli, OM_OPT_COMPAT);
	_cleanup_(input_free) struct input in = { .args.errors = errors };
	int r;

	if (compat && !om_streq(compat, "snapd"))
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot be compatible with %s: want snapd", OM_Q(compat));
	in.args.snapd = compat != NULL;
	r = load(cli, file, &in, e);
	if (r == 0)
		r = read_extras(cli, &in, e);
	if (r == 0)
		r = om_layout_print(&in.args, out, e);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot compile %s",
				     OM_Q(file));
	return 0;
}
