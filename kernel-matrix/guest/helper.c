/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the shell cannot do for the cells of the matrix.  Static, so that it runs wherever it
 * is copied to.
 *
 *   helper run [-mx] [-t FILE] [-l LABEL] COMMAND...
 *                                runs COMMAND in that AppArmor profile, and writes into FILE
 *                                how long it took, in microseconds; -m: in a copy of the
 *                                mount namespace that goes on getting what its peers get;
 *                                -x: becomes COMMAND, so that who traces it sees that
 *   helper limit SECONDS COMMAND...
 *                                runs COMMAND in mount and pid namespaces of its own; when
 *                                time is up all that it started is killed
 *   helper socket PATH           leaves a socket at PATH, as a program does that ended
 *   helper use FILE              uses FILE as a loader does: reads it, maps it private and
 *                                gives up writing, maps it and asks to execute; prints "used"
 *   helper hello                 prints "hello": it was executed
 *   helper bind|move SOURCE TARGET
 *   helper tmpfs|umount TARGET   mounts it, or takes it away
 *   helper                       hangs, in the place of another program
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int complain(const char *what, const char *path)
{
	(void)fprintf(stderr, "helper: cannot %s \"%s\": %s\n", what, path,
		      strerror(errno));
	return 1;
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The next exec enters the profile. */
static int set_label(const char *label)
{
	int n, fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);

	/* compat: before Linux 5.8 all security modules share one file. */
	if (fd < 0)
		fd = open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = dprintf(fd, "exec %s", label);
	(void)close(fd);
	return n < 0 ? -1 : 0;
}

static void execute(const char *label, char **command)
{
	if (label && set_label(label) < 0)
		(void)complain("enter the profile", label);
	else if (execvp(command[0], command) < 0)
		(void)complain("execute", command[0]);
	_exit(125);
}

static int write_time(const char *path, int64_t us)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return complain("write", path);
	(void)fprintf(f, "%" PRId64 "\n", us);
	return fclose(f) == 0 ? 0 : complain("write", path);
}

static int run(const char *file, const char *label, char **command)
{
	int64_t start = now_us();
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return complain("fork for", command[0]);
	if (pid == 0)
		execute(label, command);
	if (waitpid(pid, &status, 0) < 0)
		return complain("wait for", command[0]);
	if (file && write_time(file, now_us() - start) != 0)
		return 125;
	return status_of(status);
}

static int run_limited(const char *limit, char **command)
{
	struct timespec time = { .tv_sec = strtol(limit, NULL, 10) };
	sigset_t child;
	int status;
	pid_t pid;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	if (time.tv_sec <= 0 || unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		return complain("limit", command[0]);
	pid = fork();
	if (pid < 0)
		return complain("fork for", command[0]);
	if (pid == 0) {
		(void)sigprocmask(SIG_UNBLOCK, &child, NULL);
		execute(NULL, command);
	}
	/* It is the first of its namespace: when it dies the others do. */
	if (sigtimedwait(&child, NULL, &time) < 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) < 0)
		return complain("wait for", command[0]);
	return status_of(status);
}

static int leave_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return complain("make a socket at", path);
	}
	(void)strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return complain("make a socket at", path);
	return 0;
}

/* The loader's two steps, and an ordinary read. */
static int use(const char *path)
{
	char start[4];
	void *data, *code;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return complain("open", path);
	if (read(fd, start, sizeof(start)) != (ssize_t)sizeof(start))
		return complain("read", path);
	data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return complain("map", path);
	if (mprotect(data, 4096, PROT_READ) < 0)
		return complain("protect", path);
	code = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (code == MAP_FAILED)
		return complain("map again", path);
	if (mprotect(code, 4096, PROT_READ | PROT_EXEC) < 0)
		return complain("map for execution", path);
	if (memcmp(code, start, sizeof(start)) != 0) {
		errno = EIO;
		return complain("see the same twice in", path);
	}
	(void)puts("used");
	return 0;
}

static int change_mounts(const char *what, const char *source, const char *target)
{
	int r;

	if (strcmp(what, "bind") == 0)
		r = mount(source, target, NULL, MS_BIND, NULL);
	else if (strcmp(what, "move") == 0)
		r = mount(source, target, NULL, MS_MOVE, NULL);
	else if (strcmp(what, "tmpfs") == 0)
		r = mount("tmpfs", target, "tmpfs", 0, NULL);
	else
		r = umount2(target, MNT_DETACH);
	return r < 0 ? complain(what, target) : 0;
}

static int main_run(int argc, char **argv)
{
	const char *file = NULL, *label = NULL;
	bool become = false;
	int option;

	while ((option = getopt(argc, argv, "+mxt:l:")) != -1) {
		if (option == 'm' && unshare(CLONE_NEWNS) < 0)
			return complain("copy", "the mount namespace");
		if (option == 'm')
			continue;
		if (option == 'x')
			become = true;
		else if (option == 't')
			file = optarg;
		else if (option == 'l')
			label = optarg;
		else
			return 2;
	}
	if (optind < argc && become)
		execute(label, argv + optind);
	return optind < argc ? run(file, label, argv + optind) : 2;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	while (argc == 1)
		(void)pause();
	if (strcmp(what, "run") == 0)
		return main_run(argc - 1, argv + 1);
	if (strcmp(what, "limit") == 0 && argc > 3)
		return run_limited(argv[2], argv + 3);
	if (strcmp(what, "socket") == 0 && argc == 3)
		return leave_socket(argv[2]);
	if (strcmp(what, "use") == 0 && argc == 3)
		return use(argv[2]);
	if (strcmp(what, "hello") == 0 && argc == 2)
		return puts("hello") < 0;
	if ((strcmp(what, "bind") == 0 || strcmp(what, "move") == 0) && argc == 4)
		return change_mounts(what, argv[2], argv[3]);
	if ((strcmp(what, "tmpfs") == 0 || strcmp(what, "umount") == 0) && argc == 3)
		return change_mounts(what, NULL, argv[2]);
	(void)fprintf(stderr, "usage: helper run|limit|socket|use|hello|bind|move|tmpfs|"
			      "umount ARGUMENT...\n");
	return 2;
}
