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
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static int reap(pid_t pid, int *ret_status)
{
	pid_t r;

	do
		r = waitpid(pid, ret_status, 0);
	while (r < 0 && errno == EINTR);
	/* -ECHILD: the program ignores SIGCHLD, and the kernel has reaped it already. */
	return r < 0 ? -errno : 0;
}

int om_sys_in_child(const struct om_sys *sys _unused_, int (*fn)(void *arg), void *arg)
{
	_cleanup_close_ int reader = -1;
	pid_t parent = getpid(), pid;
	int result = -ECHILD, status, ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	pid = fork();
	if (pid == 0) {
		om_sys_die_with(parent);
		result = fn(arg);
		_exit(om_write_all(ends[1], &result, sizeof(result)) < 0);
	}
	(void)om_close(ends[1]);
	if (pid < 0)
		return -errno;
	do
		n = read(reader, &result, sizeof(result));
	while (n < 0 && errno == EINTR);
	(void)reap(pid, &status);
	return n == sizeof(result) ? result : -ECHILD;
}

int om_sys_list(const struct om_sys *sys _unused_, int dirfd)
{
	_cleanup_closedir_ DIR *stream = NULL;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream) {
		(void)om_close(fd);
		return -ENOMEM;
	}
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

/* In the child: never returns.  The errno goes through fd, which a success closes. */
static void execute(int dirfd, const char *name, uid_t uid, int report)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), err;

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	/* Threads do not matter: this is a fresh child. */
	if (uid == OM_UID_SAME || syscall(SYS_setresuid, uid, uid, uid) == 0)
		(void)syscall(SYS_execveat, dirfd, name, argv, envp, 0);
	err = -errno;
	(void)!om_write_all(report, &err, sizeof(err));
	_exit(127);
}

int om_sys_exec(const struct om_sys *sys _unused_, int dirfd, const char *name, uid_t uid)
{
	_cleanup_close_ int reader = -1;
	pid_t parent = getpid(), pid;
	int err = 0, status, ends[2], r;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	pid = fork();
	if (pid == 0) {
		om_sys_die_with(parent);
		execute(dirfd, name, uid, ends[1]);
	}
	(void)om_close(ends[1]);
	if (pid < 0)
		return -errno;
	do
		n = read(reader, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	r = reap(pid, &status);
	if (n == sizeof(err))
		return err;
	if (r < 0 || !WIFEXITED(status))
		return -ECHILD;
	return WEXITSTATUS(status);
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
