/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount recover: undoes what an apply that was killed has left, here or everywhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/ns.h"
#include "apply/recover.h"
#include "apply/state.h"
#include "base/cleanup.h"
#include "cli/cli.h"

static void say(const struct om_state *state, int found)
{
	static const char *const words[] = {
		[OM_RECOVERED_UNDONE] = "undone",
		[OM_RECOVERED_DROPPED] = "gone",
		[OM_RECOVERED_APPLIED] = "applied",
		[OM_RECOVERED_RESTORED] = "restored",
	};

	if (found > OM_RECOVERED_NOTHING)
		(void)printf("mnt:[%" PRIu64 "] %s\n", state->ns_inode, words[found]);
}

/* Settles the journal whose lock is held. */
static int recover_locked(const struct om_cli *cli, struct om_state *state,
			  struct om_str *residue, struct om_error *e)
{
	struct om_journal j;
	int r = om_recover(&om_sys_linux, state, om_cli_get(cli, OM_OPT_FORCE), &j,
			   residue, e);

	om_journal_done(&j);
	if (r == OM_RECOVERED_NOTHING)
		(void)!om_state_forget(state);
	say(state, r);
	return r < 0 ? r : 0;
}

static int recover_one(const struct om_cli *cli, struct om_str *residue,
		       struct om_error *e)
{
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	int r = om_cli_open_state(cli, &state, e);

	return r < 0 ? r : recover_locked(cli, &state, residue, e);
}

/* The journal of the namespace with that inode, wherever it is. */
static int recover_inode(const struct om_cli *cli, const struct om_ns *own,
			 uint64_t inode, struct om_str *residue, struct om_error *e)
{
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	_cleanup_ns_ struct om_ns ns = { .fd = -1 };
	int back, r = 0;

	if (inode != own->inode)
		r = om_ns_find(inode, &ns);
	if (r < 0 && r != -ENOENT)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot look for mount namespaces");
	r = om_cli_open_state_of(cli, inode == own->inode ? NULL : &ns, &state, e);
	if (r == 0)
		r = recover_locked(cli, &state, residue, e);
	if (inode == own->inode)
		return r;
	back = om_sys_linux.join_mount_ns(&om_sys_linux, own->fd);
	return back < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, back,
					"cannot return to the own mount namespace")
			: r;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Which namespaces have a journal; how many, or -errno. */
static int list_journals(const char *path, uint64_t **ret)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	OM_VEC(uint64_t) inodes = { 0 };
	const struct dirent *d;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (d = readdir(dir))) {
		unsigned long long inode;

		if (strncmp(d->d_name, OM_JOURNAL_PREFIX, strlen(OM_JOURNAL_PREFIX)) ==
			    0 &&
		    om_parse_number(d->d_name + strlen(OM_JOURNAL_PREFIX), 10, UINT64_MAX,
				    &inode) == 0)
			r = om_vec_push(&inodes, inode);
	}
	if (r < 0) {
		om_vec_free(&inodes);
		return r;
	}
	if (inodes.n > 0)
		qsort(inodes.v, inodes.n, sizeof(*inodes.v), compare);
	*ret = inodes.v;
	return (int)inodes.n;
}

/* What cannot be recovered does not hinder the rest; the first error is told. */
static int recover_all(const struct om_cli *cli, struct om_str *residue,
		       struct om_error *e)
{
	_cleanup_free_ uint64_t *inodes = NULL;
	_cleanup_ns_ struct om_ns own = { .fd = -1 };
	int n, result = om_ns_open("/proc/self/ns/mnt", &own, e);

	if (result < 0)
		return result;
	n = list_journals(om_cli_state_path(cli), &inodes);
	if (n < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, n, "cannot read %s",
				     OM_Q(om_cli_state_path(cli)));
	for (int i = 0; i < n; i++) {
		int r = recover_inode(cli, &own, inodes[i], residue, e);

		result = result < 0 ? result : r;
	}
	return result;
}

static int run_recover(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_STATE, OM_OPT_NAMESPACE, OM_OPT_FORCE,
				       OM_OPT_ALL,   OM_OPT_TIMEOUT,   0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	_cleanup_str_ struct om_str residue = { 0 };
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 0)
		return om_cli_usage(&cli, "want no operand");
	if (om_cli_get(&cli, OM_OPT_ALL) && om_cli_get(&cli, OM_OPT_NAMESPACE))
		return om_cli_usage(&cli, "want either --all or --namespace");
	om_cli_hold_signals();
	r = om_cli_get(&cli, OM_OPT_ALL) ? recover_all(&cli, &residue, &e)
					 : recover_one(&cli, &residue, &e);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot recover");
		return om_cli_error(&e, &residue);
	}
	(void)fputs(om_str_get(&residue), stderr);
	return 0;
}

const struct om_command om_cmd_recover = {
	.name = "recover",
	.synopsis = "[options]",
	.summary = "undo what an apply that was killed has left",
	.options =
		"     --all               in all mount namespaces that have a journal\n"
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n" OM_HELP_FORCE OM_HELP_NAMESPACE OM_HELP_TIMEOUT,
	.run = run_recover,
};
