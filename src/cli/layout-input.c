/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a layout is compiled from: the snap.yaml, the command line, and the files in which
 * names of users and groups are looked up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "layout/layout.h"
#include "layout/reverse.h"
#include "snapd/unclash.h"

struct input {
	struct om_layout_args args;
	struct om_cli_owners owners;
	char *text; /* owned */
	struct om_layout_base base;
	char *base_text; /* owned */
	struct om_layout_extra extras[OM_CLI_LIST];
	char *extra_texts[OM_CLI_LIST]; /* owned; the extras point into them */
};

static void input_free(struct input *in)
{
	free(in->text);
	free(in->base_text);
	om_cli_owners_done(&in->owners);
	for (size_t i = 0; i < ARRAY_SIZE(in->extra_texts); i++)
		free(in->extra_texts[i]);
}

/* A file that nobody asked for need not be there: then there are no names. */
static int load_names(const char *given, const char *usual, char **text,
		      struct om_owner_names *ret, struct om_error *e)
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

int om_cli_load_owners(const struct om_cli *cli, struct om_cli_owners *ret,
		       struct om_error *e)
{
	int r = load_names(om_cli_get(cli, OM_OPT_PASSWD), "/etc/passwd",
			   &ret->passwd_text, &ret->passwd, e);

	return r < 0 ? r
		     : load_names(om_cli_get(cli, OM_OPT_GROUP), "/etc/group",
				  &ret->group_text, &ret->group, e);
}

void om_cli_owners_done(struct om_cli_owners *owners)
{
	free(owners->passwd_text);
	free(owners->group_text);
}

static int load(const struct om_cli *cli, const char *file, const char *revision,
		struct input *in, struct om_error *e)
{
	int r;

	in->args.file = file;
	in->args.name = om_cli_get(cli, OM_OPT_NAME);
	in->args.revision = revision;
	in->args.instance_key = om_cli_get(cli, OM_OPT_INSTANCE_KEY);
	r = om_cli_read_input(file, OM_MAX_YAML_SIZE, &in->text, &in->args.size, e);
	in->args.text = in->text;
	if (r == 0)
		r = om_cli_load_owners(cli, &in->owners, e);
	in->args.passwd = in->owners.passwd;
	in->args.group = in->owners.group;
	return r;
}

static int read_extras(const struct om_cli *cli, struct input *in, struct om_error *e)
{
	for (size_t i = 0; i < cli->n_list; i++) {
		char *text = in->extra_texts[i] = strdup(cli->list[i]);
		char *colon = text ? strchr(text, ':') : NULL;

		if (!text)
			return -ENOMEM;
		if (!colon)
			return om_fail(e, OM_ERR_INPUT, -EINVAL,
				       "cannot use extra layout %s: want SOURCE:TARGET",
				       OM_Q(text));
		*colon = '\0';
		in->extras[i] = (struct om_layout_extra){ text, colon + 1 };
	}
	in->args.extras = in->extras;
	in->args.n_extras = cli->n_list;
	return 0;
}

static int read_compat(const struct om_cli *cli, struct input *in, struct om_error *e)
{
	const char *compat = om_cli_get(cli, OM_OPT_COMPAT);

	in->args.snapd = om_streq(compat, "snapd");
	in->args.proposal = om_streq(compat, "proposal");
	if (!compat || in->args.snapd || in->args.proposal)
		return 0;
	return om_fail(e, OM_ERR_INPUT, -EINVAL,
		       "cannot be compatible with %s: want snapd or proposal",
		       OM_Q(compat));
}

static int load_base(const struct om_cli *cli, struct input *in, struct om_error *e)
{
	const char *file = om_cli_get(cli, OM_OPT_BASE_LAYOUT);
	int r;

	in->base.revision = om_cli_get(cli, OM_OPT_BASE_REVISION);
	if (!file)
		return in->base.revision ? om_fail(e, OM_ERR_INPUT, -EINVAL,
						   "cannot use --base-revision without "
						   "--base-layout")
					 : 0;
	if (in->args.snapd)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot use base layout %s: snapd knows none", OM_Q(file));
	r = om_cli_read_input(file, OM_MAX_YAML_SIZE, &in->base_text, &in->base.size, e);
	in->base.file = file;
	in->base.text = in->base_text;
	in->args.base = &in->base;
	return r;
}

static int load_all(const struct om_cli *cli, const char *file, const char *revision,
		    struct input *in, struct om_error *e)
{
	int r = read_compat(cli, in, e);

	if (r == 0)
		r = load(cli, file, revision, in, e);
	if (r == 0)
		r = load_base(cli, in, e);
	return r < 0 ? r : read_extras(cli, in, e);
}

/* Where a profile is wanted, not its text. */
static int refuse_snapd(const struct input *in, const char *verb, struct om_error *e)
{
	if (!in->args.snapd)
		return 0;
	return om_fail(e, OM_ERR_INPUT, -EINVAL,
		       "cannot %s: what snapd accepts need not be a profile", verb);
}

int om_cli_compile_layout(const struct om_cli *cli, const char *file,
			  struct om_profile **ret, char **ret_name, struct om_error *e)
{
	_cleanup_(input_free) struct input in = { 0 };
	int r = load_all(cli, file, om_cli_get(cli, OM_OPT_REVISION), &in, e);

	if (r == 0)
		r = refuse_snapd(&in, "run", e);
	if (r == 0)
		r = om_layout_compile(&in.args, ret, ret_name, e);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot compile %s",
				     OM_Q(file));
	return 0;
}

/* What interfaces bring comes behind the layout, as snapd puts it there. */
static int add_interfaces(const char *file, struct om_str *out, struct om_error *e)
{
	_cleanup_snapd_profile_ struct om_snapd_profile all = { 0 }, unclashed = { 0 };
	_cleanup_str_ struct om_str notes = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = om_cli_read_input(file, OM_SNAPD_MAX_PROFILE, &text, &size, e);

	if (r == 0)
		r = om_snapd_profile_parse(&all, "layout", om_str_get(out), out->len, e);
	if (r == 0)
		r = om_snapd_profile_parse(&all, file, text, size, e);
	if (r == 0)
		r = om_snapd_unclash(&all, &unclashed, &notes);
	if (r < 0)
		return r;
	om_str_cut(out, 0);
	om_snapd_profile_print(&unclashed, out);
	for (char *line = notes.s, *end; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		(void)fprintf(stderr, "overmount: %s: %.*s\n", file, (int)(end - line),
			      line);
	}
	return out->err;
}

int om_cli_print_layout(const struct om_cli *cli, const char *file, struct om_str *out,
			struct om_error_list *errors, struct om_error *e)
{
	const char *interfaces = om_cli_get(cli, OM_OPT_INTERFACES);
	_cleanup_(input_free) struct input in = { .args.errors = errors };
	int r = load_all(cli, file, om_cli_get(cli, OM_OPT_REVISION), &in, e);

	if (r == 0)
		r = om_layout_print(&in.args, out, e);
	if (r == 0 && interfaces)
		r = add_interfaces(interfaces, out, e);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot compile %s",
				     OM_Q(file));
	return 0;
}

int om_cli_compile_revision(const struct om_cli *cli, const char *file,
			    const char *revision, struct om_profile **ret,
			    struct om_error_list *errors, struct om_error *e)
{
	_cleanup_(input_free) struct input in = { .args.errors = errors };
	int r = load_all(cli, file, revision, &in, e);

	if (r == 0)
		r = refuse_snapd(&in, "compare", e);
	if (r == 0)
		r = om_layout_compile(&in.args, ret, NULL, e);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot compile %s",
				     OM_Q(file));
	om_profile_sort(*ret);
	return 0;
}

int om_cli_reverse_layout(const struct om_cli *cli, const char *file, struct om_str *out,
			  struct om_error_list *errors, struct om_error *e)
{
	_cleanup_profile_ struct om_profile *profile = NULL;
	_cleanup_(input_free) struct input in = { 0 };
	struct om_reverse_args args = { .errors = errors };
	int r = read_compat(cli, &in, e);

	if (r == 0)
		r = refuse_snapd(&in, "make a layout", e);
	if (r == 0)
		r = om_cli_load_profile(cli, file, &profile, e);
	if (r < 0)
		return r;
	args.profile = profile;
	args.name = om_cli_get(cli, OM_OPT_NAME);
	args.revision = om_cli_get(cli, OM_OPT_REVISION);
	args.instance_key = om_cli_get(cli, OM_OPT_INSTANCE_KEY);
	args.proposal = in.args.proposal;
	return om_layout_reverse(&args, out, e);
}
