/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: enter-profile [-s] [-t] [-3] [-f] [-u UID] LABEL PROGRAM ARGUMENT...
 *
 * Starts a program, by the installed header and library alone, in an AppArmor profile: -s beside
 * the label that there is, -t in another thread than the first, -3 by three calls in the place of
 * one, -f by a child that is forked before the last of them, -u as that user.  Fails as
 * overmount does: a line that says why, one that begins with `fix: ` where there is a way out,
 * and the kind of the error as the exit status.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/overmount.h"

extern char **environ;

struct task {
	const char *label;
	char **argv;
	unsigned flags;
	int one_by_one, forks;
	int kind; /* of the error */
};

static const char search[] = "/usr/bin:/bin";

/* It is the child that goes on. */
static void wait_for_child(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		return;
	_exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		      ? WEXITSTATUS(status)
		      : OVERMOUNT_ERROR_SYSTEM);
}

static int run(const struct task *task, struct overmount_error **error)
{
	int fd, r;

	if (!task->one_by_one)
		return overmount_execute_in_profile(task->label, task->flags,
						    task->argv[0], search, task->argv,
						    environ, error);
	fd = overmount_open_program(task->argv[0], search, error);
	if (fd < 0)
		return fd;
	r = overmount_enter_profile(task->label, task->flags, error);
	if (r == 0 && task->forks)
		wait_for_child();
	if (r == 0)
		r = overmount_execute(fd, task->argv, environ, error);
	(void)close(fd);
	return r;
}

static void *work(void *arg)
{
	struct overmount_error *error = NULL;
	struct task *task = arg;

	(void)run(task, &error);
	(void)fprintf(stderr, "enter-profile: %s\n", overmount_error_message(error));
	if (*overmount_error_fix(error))
		(void)fprintf(stderr, "fix: %s\n", overmount_error_fix(error));
	task->kind = overmount_error_kind(error);
	overmount_error_freep(&error);
	return NULL;
}

int main(int argc, char **argv)
{
	struct task task = { 0 };
	pthread_t thread;
	int option, threaded = 0;

	while ((option = getopt(argc, argv, "+st3fu:")) > 0) {
		if (option == 'u' && setuid((uid_t)atoi(optarg)) < 0)
			return OVERMOUNT_ERROR_SYSTEM;
		if (option == 's')
			task.flags |= OVERMOUNT_STACK;
		threaded |= option == 't';
		task.forks |= option == 'f';
		task.one_by_one |= option == '3' || option == 'f';
	}
	if (argc - optind < 2)
		return OVERMOUNT_ERROR_INPUT;
	task.label = argv[optind];
	task.argv = argv + optind + 1;
	if (!threaded)
		(void)work(&task);
	else if (pthread_create(&thread, NULL, work, &task) != 0 ||
		 pthread_join(thread, NULL) != 0)
		return OVERMOUNT_ERROR_SYSTEM;
	return task.kind;
}
