/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * apparmor_parser as the judge of a profile.  It reads the text from a pipe, compiles it
 * and loads nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "cli/cli.h"

/* Whose exit status says that the program is not there. */
#define NO_PROGRAM 127

static void execute(int text)
{
	/* -Q: load nothing.  -K, -T: no cache is read or written. */
	char *argv[] = { (char[]){ "apparmor_parser" }, (char[]){ "-Q" },
			 (char[]){ "-K" }, (char[]){ "-T" }, NULL };
	static const char *const places[] = { "/usr/sbin/apparmor_parser",
					      "/sbin/apparmor_parser" };

	if (dup2(text, STDIN_FILENO) < 0)
		_exit(NO_PROGRAM);
	/* It may write its messages to either. */
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)execvp(argv[0], argv);
	/* Where it is is not in everybody's PATH. */
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		(void)execv(places[i], argv);
	_exit(NO_PROGRAM);
}

/* The exit status of a parser that was given the text, or -errno. */
static int run_parser(const char *text)
{
	_cleanup_close_ int reader = -1;
	_cleanup_close_ int writer = -1;
	int ends[2], status;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	writer = ends[1];
	/* One that is not there reads nothing, and that is no reason to die. */
	(void)signal(SIGPIPE, SIG_IGN);
	pid = fork();
	if (pid == 0)
		execute(reader);
	if (pid < 0)
		return -errno;
	reader = om_close(reader);
	(void)!om_write_all(writer, text, strlen(text));
	writer = om_close(writer);
	if (OM_RETRY(waitpid(pid, &status, 0)) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

int om_cli_check_apparmor(const char *text, struct om_error *e)
{
	int r = run_parser(text);

	if (r == NO_PROGRAM) {
		r = om_fail(e, OM_ERR_REFUSED, -ENOENT,
			    "cannot check the profile: apparmor_parser is not installed");
		om_error_fix(e, "install it (on Debian: apt install apparmor)");
		return r;
	}
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot check the profile");
	if (r > 0)
		return om_fail(e, OM_ERR_INTERNAL, -EBADMSG,
			       "cannot check the profile: apparmor_parser refuses it "
			       "(status %d)",
			       r);
	return 0;
}
