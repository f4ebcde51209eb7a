/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a command and says what it took: `CPU-MILLISECONDS MAX-RSS-KIB` on standard error,
 * after whatever the command wrote there.  Processor time, because time on the wall says
 * more about who else is at work.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long milliseconds(const struct timeval *t)
{
	return t->tv_sec * 1000LL + t->tv_usec / 1000;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2)
		return 126;
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 126;
	(void)fprintf(stderr, "%lld %ld\n",
		      milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime),
		      usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
