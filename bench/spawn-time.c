/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn-time [-n ROUNDS] [-s SETUP] [-c PATH] [-t TEXT] [-j FILE] -- LABEL [@chroot=DIR]
 *            [@lock=FILE] COMMAND [ARG...] [-- LABEL ...]
 *
 * How long each command takes as a whole process, from posix_spawn to waitpid.  Every run
 * has a fresh mount namespace, in which the shell command SETUP ran; neither is timed.
 * After every run, PATH must read TEXT in that namespace, and must not before: a command
 * that did nothing has no time.  Rounds interleave the commands, each in an order of its
 * own, so that no command always runs after the same other.
 *
 * Stdout: LABEL, median, min, p90, tab separated, in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CASES 16
#define MAX_ROUNDS 1000
#define WARMUP 2

extern char **environ;

struct bench_case {
	const char *label, *root, *lock;
	char **argv;
	double us[MAX_ROUNDS];
};

static struct {
	int rounds;
	const char *setup, *path, *text, *json;
	struct bench_case cases[MAX_CASES];
	unsigned n;
} opt = { .rounds = 21 };

static void die(const char *label, const char *what)
{
	(void)fprintf(stderr, "spawn-time: %s: %s\n", label, what);
	_exit(1);
}

static bool path_is_right(void)
{
	char buf[256];
	size_t want = strlen(opt.text);
	ssize_t n;
	int fd = open(opt.path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf));
	(void)close(fd);
	return n >= (ssize_t)want && memcmp(buf, opt.text, want) == 0;
}

static double now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* All that the command finds when it starts. */
static void set_scene(const struct bench_case *c)
{
	int fd;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die(c->label, "cannot make a mount namespace");
	if (opt.setup && system(opt.setup) != 0)
		die(c->label, "the setup failed");
	/* Held until this process ends; the command opens the file for itself. */
	if (c->lock) {
		fd = open(c->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
			die(c->label, "cannot lock");
	}
	if (opt.path && path_is_right())
		die(c->label, "the result is there before the command");
}

static double time_once(const struct bench_case *c)
{
	double start, us;
	int status;
	pid_t pid;

	set_scene(c);
	/* The check looks with the eyes of the caller, so only a child enters the root. */
	if (c->root) {
		int cwd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (cwd < 0 || chroot(c->root) < 0 || chdir("/") < 0)
			die(c->label, "cannot chroot");
		start = now_us();
		if (posix_spawn(&pid, c->argv[0], NULL, NULL, c->argv, environ) != 0)
			die(c->label, "cannot start");
		(void)waitpid(pid, &status, 0);
		us = now_us() - start;
		if (fchdir(cwd) < 0 || chroot(".") < 0)
			die(c->label, "cannot leave the root");
	} else {
		start = now_us();
		if (posix_spawn(&pid, c->argv[0], NULL, NULL, c->argv, environ) != 0)
			die(c->label, "cannot start");
		(void)waitpid(pid, &status, 0);
		us = now_us() - start;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die(c->label, "the command failed");
	if (opt.path && !path_is_right())
		die(c->label, "the command succeeded, but its result is not there");
	return us;
}

/* In a child, whose end is the end of the namespace. */
static double run_once(const struct bench_case *c)
{
	double us = 0;
	int pipefd[2], status;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die(c->label, "cannot fork");
	if (pid == 0) {
		us = time_once(c);
		_exit(write(pipefd[1], &us, sizeof(us)) == sizeof(us) ? 0 : 1);
	}
	(void)close(pipefd[1]);
	if (read(pipefd[0], &us, sizeof(us)) != sizeof(us))
		us = -1;
	(void)close(pipefd[0]);
	(void)waitpid(pid, &status, 0);
	if (us < 0 || status != 0)
		exit(1);
	return us;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void run_rounds(void)
{
	unsigned order[MAX_CASES], seed = 1;

	for (unsigned i = 0; i < opt.n; i++)
		order[i] = i;
	for (int round = -WARMUP; round < opt.rounds; round++) {
		for (unsigned i = opt.n; i > 1; i--) {
			unsigned j = (unsigned)rand_r(&seed) % i, t = order[i - 1];

			order[i - 1] = order[j];
			order[j] = t;
		}
		for (unsigned i = 0; i < opt.n; i++) {
			double us = run_once(&opt.cases[order[i]]);

			if (round >= 0)
				opt.cases[order[i]].us[round] = us;
		}
	}
}

static void report(void)
{
	FILE *json = opt.json ? fopen(opt.json, "w") : NULL;

	if (opt.json && !json)
		die(opt.json, strerror(errno));
	if (json)
		(void)fprintf(json, "{\"rounds\": %d, \"cases\": [", opt.rounds);
	for (unsigned i = 0; i < opt.n; i++) {
		struct bench_case *c = &opt.cases[i];
		double median, min, p90;

		qsort(c->us, (size_t)opt.rounds, sizeof(c->us[0]), compare);
		median = c->us[opt.rounds / 2];
		min = c->us[0];
		p90 = c->us[opt.rounds * 9 / 10];
		(void)printf("%s\t%.0f\t%.0f\t%.0f\n", c->label, median, min, p90);
		if (json)
			(void)fprintf(json,
				      "%s{\"name\": \"%s\", \"median_us\": %.0f, "
				      "\"min_us\": %.0f, \"p90_us\": %.0f}",
				      i ? ", " : "", c->label, median, min, p90);
	}
	if (json && (fprintf(json, "]}\n") < 0 || fclose(json) != 0))
		die(opt.json, "cannot write");
}

/* The cases, from behind the first "--"; labels and commands are the caller's own. */
static bool parse_cases(char **argv)
{
	while (*argv) {
		struct bench_case *c = &opt.cases[opt.n];

		if (opt.n++ == MAX_CASES)
			return false;
		c->label = *argv++;
		for (; *argv && **argv == '@'; argv++) {
			if (strncmp(*argv, "@chroot=", 8) == 0)
				c->root = *argv + 8;
			else if (strncmp(*argv, "@lock=", 6) == 0)
				c->lock = *argv + 6;
			else
				return false;
		}
		c->argv = argv;
		while (*argv && strcmp(*argv, "--") != 0)
			argv++;
		if (argv == c->argv)
			return false;
		if (*argv)
			*argv++ = NULL;
	}
	return opt.n > 0;
}

int main(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "+n:s:c:t:j:")) != -1) {
		if (o == 'n')
			opt.rounds = atoi(optarg);
		else if (o == 's')
			opt.setup = optarg;
		else if (o == 'c')
			opt.path = optarg;
		else if (o == 't')
			opt.text = optarg;
		else if (o == 'j')
			opt.json = optarg;
		else
			return 2;
	}
	if (opt.rounds < 1 || opt.rounds > MAX_ROUNDS || !opt.path != !opt.text ||
	    !parse_cases(argv + optind)) {
		(void)fprintf(stderr,
			      "usage: spawn-time [-n ROUNDS] [-s SETUP] [-c PATH -t "
			      "TEXT] [-j FILE] -- LABEL COMMAND... [-- ...]\n");
		return 2;
	}
	run_rounds();
	report();
	return 0;
}
