/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount run: a command in a mount namespace of its own, with a directory as its root
 * and a profile applied.  The namespace is built before the command starts and dies with
 * it, so there is nothing to journal on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/ns.h"
#include "apply/state.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "cli/cli.h"
#include "confine/confine.h"

/* As a shell has it. */
#define EXIT_CANNOT_EXECUTE 126
#define EXIT_NOT_FOUND 127

struct session {
	struct om_cli cli;
	struct om_profile *profile; /* owned; what the user asked for */
	char *snap_name;	    /* owned */
	char *snap_path;	    /* owned; canonical path of --snap on the host */
	char *root_path;	    /* owned */
	int host_fd;		    /* owned; "/" of the caller */
	int dir_fd;		    /* owned; --root */
	struct om_policy policy;
};

static void session_done(struct session *s)
{
	(void)om_profile_free(s->profile);
	free(s->snap_name);
	free(s->snap_path);
	free(s->root_path);
	om_policy_done(&s->policy);
	(void)om_close(s->host_fd);
	(void)om_close(s->dir_fd);
}

static int load_input(struct session *s, struct om_error *e)
{
	const char *layout = om_cli_get(&s->cli, OM_OPT_LAYOUT);
	const char *snap = om_cli_get(&s->cli, OM_OPT_SNAP);

	if (!layout)
		return om_cli_load_profile(&s->cli, om_cli_get(&s->cli, OM_OPT_PROFILE),
					   &s->profile, e);
	s->snap_path = realpath(snap, NULL);
	if (!s->snap_path)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot open the snap %s",
				     OM_Q(snap));
	if (!om_cli_get(&s->cli, OM_OPT_REVISION))
		s->cli.value[OM_OPT_REVISION - OM_OPT_ROOT] = "x1";
	return om_cli_compile_layout(&s->cli, layout, &s->profile, &s->snap_name, e);
}

static void add_bind(struct om_str *text, const char *source, const char *target,
		     const char *options)
{
	struct om_entry entry = {
		.source = source, .target = target, .type = "none", .options = options
	};

	om_entry_print(&entry, text);
	om_str_add(text, "\n");
}

static int add_host_path(struct om_str *text, const char *path, const char *target,
			 struct om_error *e)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	if (!real)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot open %s",
				     OM_Q(path));
	add_bind(text, real, target, "rbind");
	return 0;
}

#define DATA_PREFIX "/var/snap/"

static bool needs_data(const struct session *s)
{
	for (size_t i = 0; i < s->profile->n; i++)
		if (om_startswith(s->profile->entries[i].source, DATA_PREFIX))
			return true;
	return false;
}

/* What stands around the profile: the snap itself and its data. */
static int describe_snap(const struct session *s, struct om_str *text, struct om_error *e)
{
	const char *data = om_cli_get(&s->cli, OM_OPT_DATA);
	const char *common = om_cli_get(&s->cli, OM_OPT_COMMON);
	const char *revision = om_cli_get(&s->cli, OM_OPT_REVISION);
	_cleanup_free_ char *snap_at = NULL;
	_cleanup_free_ char *data_at = NULL;
	_cleanup_free_ char *common_at = NULL;
	int r = 0;

	if (!s->snap_path)
		return 0;
	snap_at = om_asprintf("/snap/%s/%s", s->snap_name, revision);
	data_at = om_asprintf("/var/snap/%s/%s", s->snap_name, revision);
	common_at = om_asprintf("/var/snap/%s/common", s->snap_name);
	if (!snap_at || !data_at || !common_at)
		return -ENOMEM;
	/* A snap is never writable for its apps, whatever file system it is unpacked on. */
	add_bind(text, s->snap_path, snap_at, "rbind,ro");
	if (data || common || needs_data(s))
		om_str_addf(text, "tmpfs /var/snap/%s tmpfs mode=0755 0 0\n",
			    s->snap_name);
	if (data)
		r = add_host_path(text, data, data_at, e);
	if (r == 0 && common)
		r = add_host_path(text, common, common_at, e);
	return r;
}

/* /proc and /dev, by hand: the parser rightly refuses them as targets of a profile. */
static int parse_surroundings(const struct session *s, struct om_profile **ret,
			      struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };
	int r = describe_snap(s, &text, e);

	if (r == 0)
		r = text.err;
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot prepare");
	return om_profile_parse("(run)", om_str_get(&text), text.len, ret, e);
}

static bool has_dir(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int apply_host_dirs(const struct session *s, struct om_apply *apply,
			   struct om_str *residue, struct om_error *e)
{
	struct om_entry entries[2];
	char name[] = "(run)";
	struct om_profile host = { .entries = entries, .name = name };

	entries[host.n++] = (struct om_entry){ .kind = OM_ENTRY_BIND_DIR,
					       .source = "/proc",
					       .target = "/proc",
					       .recursive = true };
	if (has_dir(s->dir_fd, "dev"))
		entries[host.n++] = (struct om_entry){ .kind = OM_ENTRY_BIND_DIR,
						       .source = "/dev",
						       .target = "/dev",
						       .recursive = true };
	return om_apply_or_undo(apply, &host, residue, e);
}

/*
 * Where the stage may be mounted: any directory of the host serves in a namespace of our
 * own, as long as nothing that is still needed lies below it.
 */
static const char *find_stage(const struct session *s)
{
	static const char *const places[] = { "/mnt", "/srv", "/opt",
					      "/run", "/tmp", "/var" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (has_dir(s->host_fd, places[i] + 1) &&
		    !om_path_is_under(s->root_path, places[i]) &&
		    !(s->snap_path && om_path_is_under(s->snap_path, places[i])))
			return places[i];
	return "/usr";
}

/* Data directories that a layout names are made in the fresh /var/snap. */
static void allow_data(struct session *s)
{
	for (size_t i = 0; i < s->profile->n; i++)
		if (om_startswith(s->profile->entries[i].source, DATA_PREFIX))
			s->profile->entries[i].create_source = true;
}

static int build_root(struct session *s, struct om_apply *apply, struct om_str *residue,
		      struct om_error *e)
{
	_cleanup_profile_ struct om_profile *around = NULL;
	/* What stands around is ours: where things may lie is said of the profile. */
	struct om_policy ours = s->policy;
	int r = parse_surroundings(s, &around, e);

	ours.roots = ours.reserved = ours.writable = (struct om_policy_paths){ 0 };
	ours.max_entries = om_policy_default.max_entries;
	ours.max_depth = om_policy_default.max_depth;
	apply->policy = &ours;
	apply->source_fd = s->host_fd;
	if (r == 0 && s->root_path[1] != '\0')
		r = apply_host_dirs(s, apply, residue, e);
	if (r == 0)
		r = om_apply_or_undo(apply, around, residue, e);
	apply->policy = &s->policy;
	if (r < 0)
		return r;
	apply->source_fd = -1;
	if (s->snap_path)
		allow_data(s);
	return om_apply_or_undo(apply, s->profile, residue, e);
}

static int enter(struct session *s, struct om_str *residue, struct om_error *e)
{
	struct om_journal journal;
	struct om_facts facts;
	struct om_apply apply;
	int r;

	r = om_ns_enter_new(&om_sys_linux, e);
	if (r == 0)
		r = om_cli_open_root(&s->cli, &s->dir_fd, &s->root_path, e);
	if (r < 0)
		return r;
	s->host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	om_cli_probe(&s->cli, -1, om_decide_wants(s->profile, &s->policy), &facts);
	om_journal_init(&journal);
	om_apply_init(&apply, &om_sys_linux, &facts);
	apply.policy = &s->policy;
	apply.journal = &journal;
	apply.root_path = s->root_path;
	apply.build.layers = s->cli.layers;
	apply.build.stage_path = find_stage(s);
	apply.root_fd =
		s->root_path[1] == '\0'
			? dup(s->host_fd)
			: om_ns_clone_root(&om_sys_linux, s->dir_fd, s->root_path, e);
	r = apply.root_fd < 0 ? apply.root_fd : build_root(s, &apply, residue, e);
	om_build_done(&apply.build);
	if (r == 0 && (s->root_path[1] != '\0' || journal.acts.n > 0))
		r = om_sys_linux.pivot_root(&om_sys_linux, apply.root_fd);
	/* The root that is the root already cannot be pivoted to, and need not. */
	if (r == -EBUSY && s->root_path[1] == '\0')
		r = 0;
	if (r < 0)
		(void)om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot enter the root %s",
				    OM_Q(s->root_path));
	om_apply_done(&apply);
	om_journal_done(&journal);
	return r;
}

/* Returns when that fails. */
static int run_confined(const struct om_cli *cli, char **argv, struct om_error *e)
{
	const char *change = om_cli_get(cli, OM_OPT_CONFINE);
	const char *search = getenv("PATH");
	const struct om_confine confine = {
		.label = change ? change : om_cli_get(cli, OM_OPT_STACK), .stack = !change
	};
	const struct om_program program = { .name = argv[0],
					    .search = search ? search : "/bin:/usr/bin",
					    .argv = argv,
					    .envp = environ };

	return om_execute_in_profile(&om_sys_linux, &confine, &program, e);
}

static int check_usage(const struct om_cli *cli)
{
	bool profile = om_cli_get(cli, OM_OPT_PROFILE);
	bool layout = om_cli_get(cli, OM_OPT_LAYOUT);

	if (cli->argc == 0)
		return om_cli_usage(cli, "want a command");
	if (profile == layout)
		return om_cli_usage(cli, "want either --profile or --layout");
	if (om_cli_get(cli, OM_OPT_CONFINE) && om_cli_get(cli, OM_OPT_STACK))
		return om_cli_usage(cli, "want one of --confine and --stack");
	if (layout != (om_cli_get(cli, OM_OPT_SNAP) != NULL))
		return om_cli_usage(cli, "--layout and --snap go together");
	return 0;
}

static int run_run(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = {
		OM_OPT_ROOT,	     OM_OPT_STRATEGY,  OM_OPT_POLICY,
		OM_OPT_ALLOW,	     OM_OPT_PROFILE,   OM_OPT_LAYOUT,
		OM_OPT_SNAP,	     OM_OPT_NAME,      OM_OPT_REVISION,
		OM_OPT_DATA,	     OM_OPT_COMMON,    OM_OPT_STATE,
		OM_OPT_LOAD_MODULES, OM_OPT_APP_LABEL, OM_OPT_LAYERS_HELPER,
		OM_OPT_CONFINE,	     OM_OPT_STACK,     OM_OPT_COMPAT,
		OM_OPT_PASSWD,	     OM_OPT_GROUP,     0
	};
	struct session s = { .host_fd = -1, .dir_fd = -1 };
	_cleanup_str_ struct om_str residue = { 0 };
	struct om_error e = { 0 };
	int r;

	s.cli = om_cli_parse(command, options, argc, argv);
	if (s.cli.exit >= 0)
		return s.cli.exit;
	r = check_usage(&s.cli);
	if (r != 0)
		return r;
	r = om_cli_open_layers(&s.cli, &e);
	if (r == 0)
		r = om_cli_policy(&s.cli, &s.policy, &e);
	s.policy.root_hole = true;
	if (r == 0)
		r = load_input(&s, &e);
	if (r == 0)
		r = enter(&s, &residue, &e);
	argv = s.cli.argv;
	session_done(&s);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot run");
		return om_cli_error(&e, &residue);
	}
	(void)umask(om_cli_umask);
	if (om_cli_get(&s.cli, OM_OPT_CONFINE) || om_cli_get(&s.cli, OM_OPT_STACK)) {
		r = run_confined(&s.cli, argv, &e);
		/* What cannot be executed is told as without a profile. */
		if (e.kind == OM_ERR_REFUSED)
			return om_cli_error(&e, NULL);
		errno = -r;
	} else {
		(void)execvp(argv[0], argv);
	}
	r = errno;
	(void)fprintf(stderr, "overmount: cannot execute %s: %s\n", OM_Q(argv[0]),
		      strerror(r));
	return r == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}

const struct om_command om_cmd_run = {
	.name = "run",
	.synopsis =
		"[options] (--profile F | --layout SNAP.yaml --snap DIR) -- COMMAND...",
	.summary = "run a command in a new mount namespace with a profile applied",
	.options =
		"     --root DIR          directory that becomes the root (default: /)\n" OM_HELP_POLICY
		"     --profile FILE      the mount profile\n"
		"     --layout SNAP.yaml  take the profile from a snap's layout\n"
		"     --snap DIR          what appears at /snap/NAME/REVISION\n"
		"     --name NAME         name of the snap (default: from the file)\n"
		"     --revision REV      revision of the snap (default: x1)\n"
		"     --compat proposal   accept the first proposal of layouts\n"
		"     --data DIR          what appears at $SNAP_DATA (default: a tmpfs)\n"
		"     --common DIR        what appears at $SNAP_COMMON (default: a tmpfs)\n"
		"     --confine LABEL     start the command in that AppArmor profile\n"
		"     --stack LABEL       the same, beside the label that this process has\n"
		"     --state DIR         directory of cached facts (default: " OM_STATE_DIR
		")\n" OM_HELP_OWNERS OM_HELP_PROBING,
	.run = run_run,
};
