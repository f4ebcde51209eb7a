/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Children, and uses of an object as a program would make them.  Each use is complete:
 * an overlay opens the directory below it only when names are asked for, and a security
 * module judges a mapping again when it becomes executable.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "sys/sys.h"

void om_sys_die_with(pid_t parent)
{
	pid_t now;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	now = getppid();
	/* 0: it lives outside of our pid namespace, where it cannot be named. */
	if (now != parent && now != 0)
		_exit(1);
}

static int reap(pid_t pid, int *ret_status)
{
	ssize_t r = OM_RETRY(waitpid(pid, ret_status, 0));

	/* -ECHILD: the program ignores SIGCHLD, and the kernel has reaped it already. */
	return r < 0 ? -errno : 0;
}

/*
 * Forks a child that runs body, which may write one number to the pipe it is given.  How
 * many bytes of it came (sizeof(int), or 0), or -errno when there is no child.
 */
static ssize_t with_child(void (*body)(int report, void *arg), void *arg, int *ret_number,
			  int *ret_status)
{
	_cleanup_close_ int reader = -1;
	pid_t parent = getpid(), pid;
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	pid = fork();
	if (pid == 0) {
		om_sys_die_with(parent);
		body(ends[1], arg);
		_exit(0);
	}
	(void)om_close(ends[1]);
	if (pid < 0)
		return -errno;
	n = OM_RETRY(read(reader, ret_number, sizeof(*ret_number)));
	if (reap(pid, ret_status) < 0)
		*ret_status = -1;
	return n;
}

struct call {
	int (*fn)(void *arg);
	void *arg;
};

static void call_fn(int report, void *arg)
{
	const struct call *call = arg;
	int result = call->fn(call->arg);

	(void)!om_write_all(report, &result, sizeof(result));
}

int om_sys_in_child(const struct om_sys *sys _unused_, int (*fn)(void *arg), void *arg)
{
	struct call call = { fn, arg };
	int result, status;
	ssize_t n = with_child(call_fn, &call, &result, &status);

	return n == sizeof(result) ? result : n < 0 ? (int)n : -ECHILD;
}

int om_sys_list(const struct om_sys *sys _unused_, int dirfd)
{
	_cleanup_closedir_ DIR *stream = NULL;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	stream = om_fdopendir(fd);
	if (!stream)
		return -ENOMEM;
	do
		errno = 0;
	while (readdir(stream));
	return -errno;
}

int om_sys_stat(const struct om_sys *sys _unused_, int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int om_sys_read_byte(const struct om_sys *sys _unused_, int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char byte;

	if (fd < 0)
		return -errno;
	return read(fd, &byte, 1) < 0 ? -errno : 0;
}

int om_sys_map_exec(const struct om_sys *sys _unused_, int dirfd, const char *name)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *p;
	int r = 0;

	if (fd < 0)
		return -errno;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* A loader maps for writing, relocates, and takes the right back (RELRO). */
	if (mprotect(p, size, PROT_READ | PROT_WRITE) < 0 ||
	    mprotect(p, size, PROT_READ) < 0 ||
	    mprotect(p, size, PROT_READ | PROT_EXEC) < 0)
		r = -errno;
	(void)munmap(p, size);
	return r;
}

struct program {
	int dirfd;
	const char *name;
	uid_t uid;
};

/* In the child.  The errno goes into the pipe, which a success closes. */
static void execute(int report, void *arg)
{
	const struct program *program = arg;
	char *argv[] = { (char[]){ "true" }, NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), err;
	uid_t uid = program->uid;

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	/* Threads do not matter: this is a fresh child. */
	if (uid == OM_UID_SAME || syscall(SYS_setresuid, uid, uid, uid) == 0)
		(void)syscall(SYS_execveat, program->dirfd, program->name, argv, envp, 0);
	err = -errno;
	(void)!om_write_all(report, &err, sizeof(err));
}

int om_sys_exec(const struct om_sys *sys _unused_, int dirfd, const char *name, uid_t uid)
{
	struct program program = { dirfd, name, uid };
	int err, status;
	ssize_t n = with_child(execute, &program, &err, &status);

	if (n != 0)
		return n == sizeof(err) ? err : n < 0 ? (int)n : -ECHILD;
	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : om_write_all(fd, text, strlen(text));
}

int om_sys_unshare_user(const struct om_sys *sys)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];
	int r = sys->unshare(sys, CLONE_NEWUSER | CLONE_NEWNS);

	if (r < 0)
		return r;
	r = write_file("/proc/self/setgroups", "deny");
	if (r < 0 && r != -ENOENT)
		return r;
	(void)snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	r = write_file("/proc/self/uid_map", map);
	if (r < 0)
		return r;
	(void)snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return write_file("/proc/self/gid_map", map);
}
