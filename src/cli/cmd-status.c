/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount status and overmount check: what is applied in the current mount namespace,
 * and whether it still is as it was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/state.h"
#include "apply/status.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "strategy/strategy.h"

#define N_COLUMNS 6

static const char *kind_of(const struct om_act *act)
{
	switch (act->inverse) {
	case OM_INVERSE_DETACH:
		return "mount";
	case OM_INVERSE_RMDIR:
		return "directory";
	case OM_INVERSE_UNLINK:
	case OM_INVERSE_DISCARD:
		break;
	}
	return "file";
}

static const char *strategy_of(const struct om_act *act)
{
	/* Read from a file: it may be of a newer version. */
	return act->strategy < _OM_STRATEGY_MAX
		       ? om_strategy_get((enum om_strategy_id)act->strategy)->name
		       : "unknown";
}

static int print_table(const struct om_journal *j, const enum om_act_state *states,
		       struct om_error *e)
{
	static const struct om_column columns[N_COLUMNS] = {
		{ .name = "TARGET" },	{ .name = "KIND" },
		{ .name = "STRATEGY" }, { .name = "MOUNT-ID", .right = true },
		{ .name = "STATE" },	{ .name = "WHY", .trunc = true },
	};
	size_t n = j->acts.n;
	_cleanup_free_ const char **cells = calloc(n * N_COLUMNS + 1, sizeof(*cells));
	_cleanup_free_ char(*ids)[24] = calloc(n + 1, sizeof(*ids));

	if (!cells || !ids)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot print");
	for (size_t i = 0; i < n; i++) {
		const struct om_act *act = &j->acts.v[i];
		const char **row = cells + i * N_COLUMNS;

		(void)snprintf(ids[i], sizeof(ids[i]), "%" PRIu64, act->mount_id);
		row[0] = act->path;
		row[1] = kind_of(act);
		row[2] = strategy_of(act);
		row[3] = act->inverse == OM_INVERSE_DETACH ? ids[i] : NULL;
		row[4] = om_act_state_name(states[i]);
		row[5] = om_act_state_text(states[i]);
	}
	return om_table_print("acts", columns, N_COLUMNS, cells, n, false, e);
}

static void print_json(const struct om_journal *j, const enum om_act_state *states)
{
	struct om_json json = { 0 };

	om_json_object(&json, NULL);
	om_json_string(&json, "schema", "overmount.status/1");
	om_json_string(&json, "root", j->root_path);
	om_json_bool(&json, "complete", j->committed);
	om_json_array(&json, "acts");
	for (size_t i = 0; i < j->acts.n; i++) {
		const struct om_act *act = &j->acts.v[i];
		char id[24];

		(void)snprintf(id, sizeof(id), "%" PRIu64, act->mount_id);
		om_json_object(&json, NULL);
		om_json_string(&json, "target", act->path);
		om_json_string(&json, "kind", kind_of(act));
		om_json_string(&json, "strategy", strategy_of(act));
		/* A string: the ids are larger than what a double holds exactly. */
		om_json_string(&json, "mount_id",
			       act->inverse == OM_INVERSE_DETACH ? id : NULL);
		om_json_bool(&json, "unique", act->unique);
		om_json_string(&json, "state", om_act_state_name(states[i]));
		om_json_end_object(&json);
	}
	om_json_end_array(&json);
	om_json_end_object(&json);
	(void)fputs(om_str_get(&json.out), stdout);
	om_str_free(&json.out);
}

/* One line for each act that is not as it was made; how many. */
static size_t complain(const struct om_journal *j, const enum om_act_state *states,
		       bool print)
{
	size_t n = 0;

	for (size_t i = 0; i < j->acts.n; i++) {
		if (states[i] == OM_ACT_PRESENT)
			continue;
		n++;
		if (print)
			(void)fprintf(stderr, "overmount: %s: %s\n",
				      OM_Q(j->acts.v[i].path),
				      om_act_state_text(states[i]));
	}
	if (!j->committed && print)
		(void)fprintf(stderr, "overmount: the last apply did not end\n"
				      "fix: overmount undo\n");
	return n + !j->committed;
}

/* What a path shows is the last mount of ours on it; a name below that is not seen. */
static const struct om_act *shown(const struct om_journal *j, size_t i)
{
	const struct om_act *act = &j->acts.v[i];

	for (size_t k = i + 1; act->inverse != OM_INVERSE_DETACH && k < j->acts.n; k++)
		if (j->acts.v[k].inverse == OM_INVERSE_DETACH &&
		    strcmp(j->acts.v[k].path, act->path) == 0)
			return &j->acts.v[k];
	return act;
}

/* The exit code, or -errno. */
static int show(const struct om_cli *cli, const struct om_journal *j, struct om_error *e)
{
	bool quiet = cli->command == &om_cmd_check;
	_cleanup_free_ enum om_act_state *states = calloc(j->acts.n + 1, sizeof(*states));
	_cleanup_close_ int root_fd = -1;
	size_t drifted;
	int r = 0;

	if (!states)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot look");
	root_fd = open(j->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot open the root %s",
				     OM_Q(j->root_path));
	for (size_t i = 0; i < j->acts.n; i++)
		states[i] = om_act_look(&om_sys_linux, root_fd, shown(j, i));
	if (om_cli_get(cli, OM_OPT_JSON))
		print_json(j, states);
	else if (!quiet)
		r = print_table(j, states, e);
	drifted = complain(j, states, quiet || !j->committed);
	return r < 0 ? r : quiet && drifted > 0 ? OM_EXIT_DIFFERENT : 0;
}

static int run_status(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_STATE, OM_OPT_NAMESPACE, OM_OPT_TIMEOUT,
				       OM_OPT_JSON, 0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	struct om_error e = { 0 };
	struct om_journal j;
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 0)
		return om_cli_usage(&cli, "want no operand");
	om_journal_init(&j);
	r = om_cli_open_state(&cli, &state, &e);
	if (r == 0)
		r = om_state_load_journal(&state, &j, &e);
	if (r == -ENOENT || r == -ESTALE)
		r = om_cli_nothing(&state, "", &e);
	if (r == 0)
		r = show(&cli, &j, &e);
	om_journal_done(&j);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot look");
		return om_cli_error(&e, NULL);
	}
	return r;
}

const struct om_command om_cmd_status = {
	.name = "status",
	.synopsis = "[options]",
	.summary = "show what is applied in the current mount namespace",
	.options =
		"     --json              JSON output\n"
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n" OM_HELP_NAMESPACE OM_HELP_TIMEOUT,
	.run = run_status,
};

const struct om_command om_cmd_check = {
	.name = "check",
	.synopsis = "[options]",
	.summary = "exit with 8 unless all that was applied is as it was made",
	.options =
		"     --json              JSON output\n"
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n" OM_HELP_NAMESPACE OM_HELP_TIMEOUT,
	.run = run_status,
};
