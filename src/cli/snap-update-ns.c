/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program under the name of snapd's tool: snap-confine and snapd run it.  What they
 * read is its exit status and, for the journal, what it says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/state.h"
#include "base/cleanup.h"
#include "cli/start.h"
#include "snapd/args.h"
#include "snapd/update.h"

/* snapd's tool knows no other failure. */
#define EXIT_FAILED 1

static bool debug;

static void say(const char *line)
{
	(void)fprintf(stderr, "%s\n", line);
}

/* As snapd's tool: on the standard output, from which snapd takes it. */
static int fail(const struct om_error *e, const struct om_str *residue)
{
	(void)printf("cannot update snap namespace: %s%s%s\n", e->where,
		     e->where[0] ? ": " : "", e->message);
	if (e->fix[0])
		(void)printf("fix: %s\n", e->fix);
	if (residue->len > 0)
		(void)printf("not undone:\n%s", om_str_get(residue));
	return EXIT_FAILED;
}

static int update(const struct om_snapd_args *args, const struct om_snapd_user *user)
{
	_cleanup_str_ struct om_str residue = { 0 };
	struct om_snapd_update u = { .sys = &om_sys_linux,
				     .args = args,
				     .state_path = OM_STATE_DIR,
				     .user = user,
				     .say = say,
				     .interrupted = om_cli_interrupted };
	struct om_error e = { 0 };
	int r;

	u.host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = u.host_fd < 0 ? om_fail_errno(&e, OM_ERR_SYSTEM, -errno,
					  "cannot open the root directory")
			  : om_snapd_update(&u, &residue, &e);
	(void)om_close(u.host_fd);
	if (debug)
		(void)fprintf(stderr, "overmount: mount namespace of snap \"%s\": %s\n",
			      args->name, r < 0 ? "failed" : "as its profile says");
	return r < 0 ? fail(&e, &residue) : 0;
}

int om_cli_snap_update_ns(int argc, char **argv)
{
	const char *home = getenv("SNAP_REAL_HOME"), *value = getenv("SNAPD_DEBUG");
	_cleanup_free_ char *kept = home ? strdup(home) : NULL;
	const struct om_str none = { 0 };
	struct om_snapd_args args;
	const struct om_snapd_user user = { .uid = getuid(), .home = kept ? kept : "" };
	struct om_error e = { 0 };

	debug = value && strcmp(value, "1") == 0;
	/* Nothing else of what the caller has set is for us. */
	if (clearenv() != 0)
		return EXIT_FAILED;
	if (om_snapd_args_read(argc, argv, &args, &e) < 0)
		return fail(&e, &none);
	om_cli_hold_signals();
	return update(&args, &user);
}
