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

/* What there is to show: acts, outer ones first, and what has become of them. */
struct view {
	const struct om_journal *j;
	enum om_act_state *states; /* owned */
	size_t *rows;		   /* owned; acts */
	size_t n;
};

static void view_done(struct view *v)
{
	free(v->states);
	free(v->rows);
}

/*
 * Is it worth a line?  What is only bound back, of which there may be thousands, is when it
 * is not as it was made, and what it is in is still there.
 */
static bool is_shown(const struct view *v, size_t i, size_t outer)
{
	const struct om_act *act = &v->j->acts.v[i];

	return !act->inner || act->entry ||
	       (v->states[i] != OM_ACT_PRESENT && om_act_is_in_place(v->states[outer]));
}

static int view_make(const struct om_journal *j, int root_fd, struct view *ret)
{
	size_t n = j->acts.n, outer;

	*ret = (struct view){ .j = j,
			      .states = calloc(n + 1, sizeof(*ret->states)),
			      .rows = calloc(n + 1, sizeof(*ret->rows)) };
	if (!ret->states || !ret->rows)
		return -ENOMEM;
	om_acts_look(&om_sys_linux, root_fd, j, ret->states);
	for (size_t i = 0; i < n; i = outer + 1) {
		outer = om_journal_outer(j, i);
		if (outer < n)
			ret->rows[ret->n++] = outer;
		for (; i < outer; i++)
			if (is_shown(ret, i, outer))
				ret->rows[ret->n++] = i;
	}
	return 0;
}

static int print_table(const struct view *v, struct om_error *e)
{
	static const struct om_column columns[N_COLUMNS] = {
		{ .name = "TARGET" },	{ .name = "KIND" },
		{ .name = "STRATEGY" }, { .name = "MOUNT-ID", .right = true },
		{ .name = "STATE" },	{ .name = "WHY", .trunc = true },
	};
	_cleanup_free_ const char **cells = calloc(v->n * N_COLUMNS + 1, sizeof(*cells));
	_cleanup_free_ char(*ids)[24] = calloc(v->n + 1, sizeof(*ids));

	if (!cells || !ids)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot print");
	for (size_t i = 0; i < v->n; i++) {
		const struct om_act *act = &v->j->acts.v[v->rows[i]];
		enum om_act_state state = v->states[v->rows[i]];
		const char **row = cells + i * N_COLUMNS;

		(void)snprintf(ids[i], sizeof(ids[i]), "%" PRIu64, act->mount_id);
		row[0] = act->path;
		row[1] = kind_of(act);
		row[2] = strategy_of(act);
		row[3] = act->inverse == OM_INVERSE_DETACH ? ids[i] : NULL;
		row[4] = om_act_state_name(state);
		row[5] = om_act_state_text(state);
	}
	return om_table_print("acts", columns, N_COLUMNS, cells, v->n, false, e);
}

static void print_json(const struct view *v)
{
	struct om_json json = { 0 };

	om_json_object(&json, NULL);
	om_json_string(&json, "schema", "overmount.status/1");
	om_json_string(&json, "root", v->j->root_path);
	om_json_bool(&json, "complete", v->j->committed);
	om_json_array(&json, "acts");
	for (size_t i = 0; i < v->n; i++) {
		const struct om_act *act = &v->j->acts.v[v->rows[i]];
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
		om_json_bool(&json, "inside", act->inner);
		om_json_string(&json, "state", om_act_state_name(v->states[v->rows[i]]));
		om_json_end_object(&json);
	}
	om_json_end_array(&json);
	om_json_end_object(&json);
	(void)fputs(om_str_get(&json.out), stdout);
	om_str_free(&json.out);
}

/* One line for each act that is not as it was made; how many. */
static size_t complain(const struct view *v, bool print)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		enum om_act_state state = v->states[v->rows[i]];

		if (state == OM_ACT_PRESENT)
			continue;
		n++;
		if (print)
			(void)fprintf(stderr, "overmount: %s: %s\n",
				      OM_Q(v->j->acts.v[v->rows[i]].path),
				      om_act_state_text(state));
	}
	if (!v->j->committed && print)
		(void)fprintf(stderr,
			      "overmount: the last %s did not end\nfix: overmount %s\n",
			      v->j->updating ? "update" : "apply",
			      v->j->updating ? "recover" : "undo");
	return n + !v->j->committed;
}

/* The exit code, or -errno. */
static int show(const struct om_cli *cli, const struct om_journal *j, struct om_error *e)
{
	bool quiet = cli->command == &om_cmd_check;
	_cleanup_(view_done) struct view v = { 0 };
	_cleanup_close_ int root_fd = -1;
	size_t drifted;
	int r;

	root_fd = open(j->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot open the root %s",
				     OM_Q(j->root_path));
	r = view_make(j, root_fd, &v);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot look");
	if (om_cli_get(cli, OM_OPT_JSON))
		print_json(&v);
	else if (!quiet)
		r = print_table(&v, e);
	drifted = complain(&v, quiet || !j->committed);
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
