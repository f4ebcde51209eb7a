/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * killer RUNS MAX_US SEED -- COMMAND...: runs COMMAND that often and kills it (SIGKILL)
 * after a random time up to MAX_US microseconds.  Children that it leaves behind come to
 * us; each must be gone within three seconds.  Prints "KILLED of RUNS killed"; exit 1 when a
 * process stayed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAY_SECONDS 2

static time_t now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void nap(unsigned us)
{
	struct timespec t = { .tv_sec = us / 1000000,
			      .tv_nsec = (long)(us % 1000000) * 1000 };

	(void)nanosleep(&t, NULL);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

/* Everything that is left, ours by adoption; 0 when all are gone in time. */
static int reap_all(void)
{
	/* By the clock: a nap may take many times what it should where others are at work. */
	for (time_t end = now() + STAY_SECONDS; now() <= end;) {
		pid_t r = waitpid(-1, NULL, WNOHANG);

		if (r < 0 && errno == ECHILD)
			return 0;
		if (r == 0)
			nap(100);
	}
	return -1;
}

int main(int argc, char **argv)
{
	unsigned runs, max_us, killed = 0;

	if (argc < 6 || strcmp(argv[4], "--") != 0) {
		(void)fprintf(stderr, "usage: killer RUNS MAX_US SEED -- COMMAND...\n");
		return 2;
	}
	runs = (unsigned)atoi(argv[1]);
	max_us = (unsigned)atoi(argv[2]);
	srand((unsigned)atoi(argv[3]));
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (unsigned i = 0; i < runs; i++) {
		pid_t pid = start(argv + 5);
		int status = 0;

		if (pid < 0) {
			perror("killer: fork");
			return 2;
		}
		nap((unsigned)rand() % max_us);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		killed += WIFSIGNALED(status);
		if (reap_all() < 0) {
			(void)printf("run %u: a process stayed behind\n", i);
			return 1;
		}
	}
	(void)printf("%u of %u killed\n", killed, runs);
	return 0;
}
