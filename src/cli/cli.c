/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cli.h.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/layers.h"
#include "apply/state.h"
#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "probe/cache.h"
#include "probe/probe.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

static const struct option all_options[] = {
	{ "root", required_argument, NULL, OM_OPT_ROOT },
	{ "state", required_argument, NULL, OM_OPT_STATE },
	{ "strategy", required_argument, NULL, OM_OPT_STRATEGY },
	{ "policy", required_argument, NULL, OM_OPT_POLICY },
	{ "allow", required_argument, NULL, OM_OPT_ALLOW },
	{ "steps", no_argument, NULL, OM_OPT_STEPS },
	{ "json", no_argument, NULL, OM_OPT_JSON },
	{ "name", required_argument, NULL, OM_OPT_NAME },
	{ "revision", required_argument, NULL, OM_OPT_REVISION },
	{ "instance-key", required_argument, NULL, OM_OPT_INSTANCE_KEY },
	{ "profile", required_argument, NULL, OM_OPT_PROFILE },
	{ "layout", required_argument, NULL, OM_OPT_LAYOUT },
	{ "snap", required_argument, NULL, OM_OPT_SNAP },
	{ "data", required_argument, NULL, OM_OPT_DATA },
	{ "common", required_argument, NULL, OM_OPT_COMMON },
	{ "facts", required_argument, NULL, OM_OPT_FACTS },
	{ "save", required_argument, NULL, OM_OPT_SAVE },
	{ "compare", required_argument, NULL, OM_OPT_COMPARE },
	{ "explain", required_argument, NULL, OM_OPT_EXPLAIN },
	{ "cached", no_argument, NULL, OM_OPT_CACHED },
	{ "load-modules", no_argument, NULL, OM_OPT_LOAD_MODULES },
	{ "app-label", required_argument, NULL, OM_OPT_APP_LABEL },
	{ "timeout", required_argument, NULL, OM_OPT_TIMEOUT },
	{ "namespace", required_argument, NULL, OM_OPT_NAMESPACE },
	{ "force", no_argument, NULL, OM_OPT_FORCE },
	{ "all", no_argument, NULL, OM_OPT_ALL },
	{ "compat", required_argument, NULL, OM_OPT_COMPAT },
	{ "extra-layout", required_argument, NULL, OM_OPT_EXTRA_LAYOUT },
	{ "passwd", required_argument, NULL, OM_OPT_PASSWD },
	{ "group", required_argument, NULL, OM_OPT_GROUP },
	{ "diff", no_argument, NULL, OM_OPT_DIFF },
	{ "old-revision", required_argument, NULL, OM_OPT_OLD_REVISION },
	{ "base-layout", required_argument, NULL, OM_OPT_BASE_LAYOUT },
	{ "base-revision", required_argument, NULL, OM_OPT_BASE_REVISION },
	{ "from-profile", no_argument, NULL, OM_OPT_FROM_PROFILE },
	{ "interfaces", required_argument, NULL, OM_OPT_INTERFACES },
	{ "technique", required_argument, NULL, OM_OPT_TECHNIQUE },
	{ "portable", no_argument, NULL, OM_OPT_PORTABLE },
	{ "snippet", no_argument, NULL, OM_OPT_SNIPPET },
	{ "app", no_argument, NULL, OM_OPT_APP },
	{ "check", no_argument, NULL, OM_OPT_CHECK },
	{ "program", required_argument, NULL, OM_OPT_PROGRAM },
	{ "layers-helper", required_argument, NULL, OM_OPT_LAYERS_HELPER },
	{ "confine", required_argument, NULL, OM_OPT_CONFINE },
	{ "stack", required_argument, NULL, OM_OPT_STACK },
};

static size_t select_options(const int *wanted, struct option *ret)
{
	size_t n = 0;

	for (; *wanted; wanted++)
		for (size_t i = 0; i < ARRAY_SIZE(all_options); i++)
			if (all_options[i].val == *wanted)
				ret[n++] = all_options[i];
	ret[n++] = (struct option){ "help", no_argument, NULL, 'h' };
	ret[n++] = (struct option){ "version", no_argument, NULL, 'V' };
	ret[n] = (struct option){ 0 };
	return n;
}

static void print_help(const struct om_command *command)
{
	(void)printf("\nUsage:\n overmount %s %s\n\n%s.\n\nOptions:\n%s"
		     " -h, --help               display this help\n"
		     " -V, --version            display version\n",
		     command->name, command->synopsis, command->summary,
		     command->options);
}

/* Whoever joins a namespace stands in its root then: a relative path would be another. */
static const char *make_absolute(const char *path)
{
	static char absolute[2 * PATH_MAX];
	char dir[PATH_MAX];

	if (path[0] == '/' || !getcwd(dir, sizeof(dir)))
		return path;
	(void)snprintf(absolute, sizeof(absolute), "%s/%s", dir, path);
	return absolute;
}

struct om_cli om_cli_parse(const struct om_command *command, const int *options, int argc,
			   char **argv)
{
	struct om_cli cli = { .command = command, .exit = -1 };
	struct option selected[ARRAY_SIZE(all_options) + 3];
	int c;

	(void)select_options(options, selected);
	opterr = 0;
	/* "+": what follows the first operand belongs to the command that is run. */
	while (cli.exit < 0 &&
	       (c = getopt_long(argc, argv, "+:hV", selected, NULL)) != -1) {
		if (c == 'h') {
			print_help(command);
			cli.exit = 0;
		} else if (c == 'V') {
			(void)printf("overmount %s\n", PACKAGE_VERSION);
			cli.exit = 0;
		} else if (c == ':') {
			cli.exit = om_cli_usage(&cli, "option %s needs a value",
						OM_Q(argv[optind - 1]));
		} else if (c == '?') {
			cli.exit = om_cli_usage(&cli, "unknown option %s",
						OM_Q(argv[optind - 1]));
		} else if (c == OM_OPT_EXTRA_LAYOUT && cli.n_list == OM_CLI_LIST) {
			cli.exit = om_cli_usage(&cli, "more than %d extra layouts",
						OM_CLI_LIST);
		} else if (c == OM_OPT_EXTRA_LAYOUT) {
			cli.list[cli.n_list++] = optarg;
		} else {
			cli.value[c - OM_OPT_ROOT] = optarg ? optarg : "";
		}
	}
	if (om_cli_get(&cli, OM_OPT_STATE) &&
	    (om_cli_get(&cli, OM_OPT_NAMESPACE) || om_cli_get(&cli, OM_OPT_ALL)))
		cli.value[OM_OPT_STATE - OM_OPT_ROOT] =
			make_absolute(om_cli_get(&cli, OM_OPT_STATE));
	cli.argc = argc - optind;
	cli.argv = argv + optind;
	return cli;
}

const char *om_cli_get(const struct om_cli *cli, enum om_cli_option option)
{
	return cli->value[option - OM_OPT_ROOT];
}

int om_cli_usage(const struct om_cli *cli, const char *format, ...)
{
	va_list ap;

	(void)fprintf(stderr, "overmount: %s: ", cli->command->name);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	(void)fprintf(stderr, "\nTry 'overmount %s --help' for more information.\n",
		      cli->command->name);
	return OM_ERR_INPUT;
}

int om_cli_error(const struct om_error *e, const struct om_str *residue)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "overmount: %s%s%s\n", e->where, e->where[0] ? ": " : "",
		      e->message);
	if (e->fix[0])
		(void)fprintf(stderr, "fix: %s\n", e->fix);
	if (e->kind == OM_ERR_UNDONE)
		(void)fprintf(stderr, "overmount: everything is undone\n");
	if (residue && residue->len > 0)
		(void)fprintf(stderr, "overmount: not undone:\n%s", om_str_get(residue));
	return e->kind == OM_ERR_NONE ? OM_ERR_INTERNAL : (int)e->kind;
}

/* A command before us that failed leaves nothing, which would do as a profile. */
static int read_stdin(size_t max, char **ret, size_t *ret_size, struct om_error *e)
{
	int r = om_read_fd(STDIN_FILENO, max, ret, ret_size);

	if (r < 0 || *ret_size > 0)
		return r;
	(void)om_fail(e, OM_ERR_INPUT, -ENODATA, "cannot read: nothing came");
	om_error_fix(e, "see whether the command before it failed; what is meant to be "
			"empty can be given as a file");
	return -ENODATA;
}

int om_cli_read_input(const char *file, size_t max, char **ret, size_t *ret_size,
		      struct om_error *e)
{
	int r = om_streq(file, "-") ? read_stdin(max, ret, ret_size, e)
				    : om_read_file(AT_FDCWD, file, max, ret, ret_size);

	if (r == 0)
		return 0;
	if (r == -EFBIG)
		(void)om_fail(e, OM_ERR_INPUT, r, "cannot read: larger than %zu MiB",
			      max >> 20);
	else if (r == -EAGAIN)
		(void)om_fail(e, OM_ERR_SYSTEM, r,
			      "cannot read: it was changed while it was being read");
	else if (r == -EISDIR || r == -EINVAL)
		(void)om_fail(e, OM_ERR_SYSTEM, r, "cannot read: not a regular file");
	else
		/* It is no mount: the errno means what it usually does. */
		(void)om_fail(e, OM_ERR_SYSTEM, r, "cannot read: %s", strerror(-r));
	om_error_where(e, file, 0, 0, NULL);
	return r;
}

int om_cli_load_profile(const struct om_cli *cli, const char *file,
			struct om_profile **ret, struct om_error *e)
{
	_cleanup_(om_cli_owners_done) struct om_cli_owners owners = { 0 };
	_cleanup_free_ char *text = NULL;
	struct om_profile_args args = { .name = file };
	int r = om_cli_read_input(file, OM_MAX_PROFILE_SIZE, &text, &args.size, e);

	/* Hardly a profile has names, and a start shall not wait for two files more. */
	if (r == 0 && om_profile_wants_names(text, args.size))
		r = om_cli_load_owners(cli, &owners, e);
	args.text = text;
	args.passwd = owners.passwd;
	args.group = owners.group;
	if (r == 0)
		r = om_profile_read(&args, ret, e);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot load %s", OM_Q(file));
	om_profile_sort(*ret);
	return 0;
}

int om_cli_errors(const struct om_error_list *errors)
{
	int r = OM_ERR_INPUT;

	for (size_t i = 0; i < errors->n; i++)
		r = om_cli_error(&errors->v[i], NULL);
	if (errors->more)
		(void)fprintf(stderr, "overmount: %zu more errors are not shown\n",
			      errors->more);
	return r;
}

static int load_policy(const char *file, struct om_policy *ret, struct om_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = om_cli_read_input(file, OM_MAX_YAML_SIZE, &text, &size, e);

	if (r == 0)
		r = om_policy_read(file, text, size, ret, e);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot load %s", OM_Q(file))
		     : 0;
}

/* A policy is somebody else's word: nobody adds to it. */
static int allow_more(const char *what, const char *file, struct om_policy *policy,
		      struct om_error *e)
{
	if (!om_streq(what, "kind-change"))
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot allow %s: want kind-change", OM_Q(what));
	if (file)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot allow %s: the policy %s says what is permitted",
			       OM_Q(what), OM_Q(file));
	policy->kind_changes = true;
	return 0;
}

int om_cli_policy(const struct om_cli *cli, struct om_policy *ret, struct om_error *e)
{
	const char *file = om_cli_get(cli, OM_OPT_POLICY);
	const char *name = om_cli_get(cli, OM_OPT_STRATEGY);
	const char *allow = om_cli_get(cli, OM_OPT_ALLOW);
	int r = 0;

	*ret = om_policy_default;
	if (file)
		r = load_policy(file, ret, e);
	if (r == 0 && allow)
		r = allow_more(allow, file, ret, e);
	if (r == 0 && name && om_policy_restrict(ret, name) < 0)
		return om_fail(
			e, OM_ERR_INPUT, -EINVAL,
			"cannot use strategy %s: want auto, overlay, overlay-rw or mimic",
			OM_Q(name));
	return r;
}

int om_cli_open_root(const struct om_cli *cli, int *ret_fd, char **ret_path,
		     struct om_error *e)
{
	const char *root = om_cli_get(cli, OM_OPT_ROOT);
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	ssize_t n;

	if (!root)
		root = "/";
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot open the root %s",
				     OM_Q(root));
	n = readlink(OM_FD_PATH(fd), path, sizeof(path) - 1);
	if (n < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno,
				     "cannot resolve the root %s", OM_Q(root));
	path[n] = '\0';
	*ret_path = strdup(path);
	if (!*ret_path)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot open the root");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int om_cli_open_layers(struct om_cli *cli, struct om_error *e)
{
	const char *program = om_cli_get(cli, OM_OPT_LAYERS_HELPER);
	_cleanup_close_ int fd = -1;
	const char *bad;
	struct stat st;

	if (!program)
		return 0;
	fd = open(program, O_PATH | O_CLOEXEC);
	/* The second is what a security module denies. */
	if (fd < 0 || fstat(fd, &st) < 0)
		return om_fail(e, OM_ERR_SYSTEM, -errno,
			       "cannot open the layers helper %s: %s", OM_Q(program),
			       strerror(errno));
	bad = om_layers_check(&st);
	if (bad)
		return om_fail(e, OM_ERR_REFUSED, -EACCES,
			       "cannot use the layers helper %s: %s", OM_Q(program), bad);
	cli->layers = TAKE_FD(fd);
	return 0;
}

struct om_probe_options om_cli_probe_options(const struct om_cli *cli)
{
	return (struct om_probe_options){
		.sys = &om_sys_linux,
		.app_label = om_cli_get(cli, OM_OPT_APP_LABEL),
		.layers = cli->layers,
		.load_modules = om_cli_get(cli, OM_OPT_LOAD_MODULES) != NULL,
	};
}

const char *om_cli_state_path(const struct om_cli *cli)
{
	const char *path = om_cli_get(cli, OM_OPT_STATE);

	return path ? path : OM_STATE_DIR;
}

int om_cli_open_state_of(const struct om_cli *cli, const struct om_ns *ns,
			 struct om_state *ret, struct om_error *e)
{
	const char *text = om_cli_get(cli, OM_OPT_TIMEOUT);
	unsigned long long seconds = 0;

	if (text && om_parse_number(text, 10, 86400, &seconds) < 0)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot wait for %s seconds: want a number up to 86400",
			       OM_Q(text));
	return om_state_open(&om_sys_linux, om_cli_state_path(cli), ns,
			     (unsigned)seconds * 1000, ret, e);
}

int om_cli_open_state(const struct om_cli *cli, struct om_state *ret, struct om_error *e)
{
	const char *text = om_cli_get(cli, OM_OPT_NAMESPACE);
	_cleanup_ns_ struct om_ns ns = { .fd = -1 };
	int r = text ? om_ns_open(text, &ns, e) : 0;

	return r < 0 ? r : om_cli_open_state_of(cli, text ? &ns : NULL, ret, e);
}

int om_cli_nothing(struct om_state *state, const char *verb, struct om_error *e)
{
	(void)!om_state_forget(state);
	return om_fail(e, OM_ERR_REFUSED, -ENOENT,
		       "%snothing is applied in this mount namespace", verb);
}

void om_cli_probe(const struct om_cli *cli, int state_fd, om_fact_set more,
		  struct om_facts *facts)
{
	const struct om_probe_options options = om_cli_probe_options(cli);
	_cleanup_close_ int own = -1;

	/* A directory that is not there (or not ours) is no cache, and no error. */
	if (state_fd < 0)
		state_fd = own = om_cache_open_dir(om_cli_state_path(cli));
	om_facts_init(facts);
	if (cli->layers > 0)
		more |= OM_FACT_BIT(OM_FACT_OVERLAY_LABEL_HELPER);
	om_probe_cached(&options, state_fd, OM_FACTS_FOR_APPLY | more, facts);
	/* Who leaves strategies out may be refused, and shall be told the reason. */
	if (om_cli_get(cli, OM_OPT_STRATEGY) || om_cli_get(cli, OM_OPT_POLICY))
		om_cli_probe_module(cli, facts);
}

void om_cli_probe_module(const struct om_cli *cli, struct om_facts *facts)
{
	const struct om_probe_options options = om_cli_probe_options(cli);

	if (om_facts_get(facts, OM_FACT_OVERLAY_RO) != OM_YES)
		om_probe(&options, OM_FACT_BIT(OM_FACT_OVERLAY_MODULE), facts);
}

int om_cli_load_record(const char *file, struct om_record *ret, struct om_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = om_cli_read_input(file, OM_MAX_YAML_SIZE, &text, &size, e);

	if (r == 0)
		r = om_record_read(file, text, size, ret, e);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot load %s", OM_Q(file))
		     : 0;
}
