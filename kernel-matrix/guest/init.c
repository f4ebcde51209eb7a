/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first process of the guest.  It moves the root into a file system that can be pivoted
 * away from, mounts what every system has, loads the modules named in /matrix/load, runs
 * /matrix/script with a serial port each for its output, its errors and its exit status, and
 * ends the machine.  Static: nothing has to be there before it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define NEW_ROOT "/newroot"
#define PORT_OUT "/dev/ttyS1"
#define PORT_ERR "/dev/ttyS2"
#define PORT_STATUS "/dev/ttyS3"
/* Of boot itself, when there is no script's. */
#define STATUS_NONE 125

/* Ends the machine; what the kernel prints then comes after all that we had to say. */
_Noreturn static void finish(int status)
{
	FILE *f = fopen(PORT_STATUS, "we");

	if (f) {
		(void)fprintf(f, "%d\n", status);
		(void)fflush(f);
		(void)tcdrain(fileno(f));
	}
	sync();
	(void)reboot(RB_AUTOBOOT);
	for (;;)
		(void)pause();
}

__attribute__((format(printf, 1, 2))) _Noreturn static void die(const char *format, ...)
{
	int saved = errno, fd = open(PORT_ERR, O_WRONLY | O_CLOEXEC);
	va_list ap;

	if (fd < 0)
		fd = STDERR_FILENO;
	(void)dprintf(fd, "matrix: ");
	va_start(ap, format);
	(void)vdprintf(fd, format, ap);
	va_end(ap);
	(void)dprintf(fd, ": %s\n", strerror(saved));
	(void)tcdrain(fd);
	finish(STATUS_NONE);
}

static void copy_file(const char *from, const char *to, const struct stat *st)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st->st_mode & 07777);
	ssize_t n = 1;

	if (in < 0 || out < 0)
		die("cannot copy \"%s\"", from);
	for (off_t left = st->st_size; left > 0 && n > 0; left -= n)
		n = sendfile(out, in, NULL, (size_t)left);
	if (n <= 0 || fchmod(out, st->st_mode & 07777) < 0 || close(out) < 0)
		die("cannot copy \"%s\"", from);
	(void)close(in);
	/* Both together may be more than the memory holds. */
	if (unlink(from) < 0)
		die("cannot remove \"%s\"", from);
}

static void copy_link(const char *from, const char *to)
{
	char target[4096];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		die("cannot read the link \"%s\"", from);
	target[n] = '\0';
	if (symlink(target, to) < 0)
		die("cannot copy \"%s\"", from);
}

/* For nftw(): one file, directory or link of the old root. */
static int copy(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	char to[4096];

	(void)flag;
	if (ftw->level == 0)
		return FTW_CONTINUE;
	if (strcmp(path, NEW_ROOT) == 0)
		return FTW_SKIP_SUBTREE;
	if (snprintf(to, sizeof(to), NEW_ROOT "%s", path) >= (int)sizeof(to)) {
		errno = ENAMETOOLONG;
		die("cannot copy \"%s\"", path);
	}
	if (S_ISDIR(st->st_mode)) {
		if (mkdir(to, 0755) < 0 || chmod(to, st->st_mode & 07777) < 0)
			die("cannot make \"%s\"", path);
	} else if (S_ISREG(st->st_mode)) {
		copy_file(path, to, st);
	} else if (S_ISLNK(st->st_mode)) {
		copy_link(path, to);
	}
	/* The kernel has made /dev/console, which devtmpfs brings again. */
	return FTW_CONTINUE;
}

/*
 * The root that the kernel unpacks an initramfs into has no parent, and so can't be left by
 * pivot_root(2).  An ordinary system's root has one.
 */
static void move_root(void)
{
	if (mkdir(NEW_ROOT, 0755) < 0 ||
	    mount("root", NEW_ROOT, "tmpfs", 0, "mode=0755") < 0)
		die("cannot mount the new root");
	if (nftw("/", copy, 32, FTW_PHYS | FTW_MOUNT | FTW_ACTIONRETVAL) != 0)
		die("cannot copy the root");
	if (chdir(NEW_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 ||
	    chroot(".") < 0 || chdir("/") < 0)
		die("cannot move to the new root");
}

static const struct {
	const char *type, *dir, *options;
	bool optional; /* security modules may be left out */
} mounts[] = {
	{ "proc", "/proc", NULL, false },
	{ "sysfs", "/sys", NULL, false },
	{ "securityfs", "/sys/kernel/security", NULL, true },
	{ "devtmpfs", "/dev", NULL, false },
	{ "devpts", "/dev/pts", NULL, true },
	{ "tmpfs", "/dev/shm", "mode=1777", false },
	{ "tmpfs", "/run", "mode=0755", false },
	{ "tmpfs", "/tmp", "mode=1777", false },
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		(void)mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
			  mounts[i].options) < 0 &&
		    !mounts[i].optional)
			die("cannot mount \"%s\"", mounts[i].dir);
	}
}

/* As a terminal, a port would turn each newline into two characters. */
static void make_raw(const char *port)
{
	struct termios t;
	int fd = open(port, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &t) < 0)
		die("no serial port \"%s\"", port);
	cfmakeraw(&t);
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		die("cannot set \"%s\"", port);
	/* Stays open: the last close would take the settings along. */
}

static void redirect(const char *path, int flags, int to)
{
	int fd = open(path, flags);

	if (fd < 0 || dup2(fd, to) < 0)
		die("cannot open \"%s\"", path);
	if (fd != to)
		(void)close(fd);
}

/* The exit status of the program, as a shell has it. */
static int run(char *const argv[], const char *out, const char *err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("cannot fork");
	if (pid == 0) {
		redirect("/dev/null", O_RDONLY, STDIN_FILENO);
		redirect(out, O_WRONLY, STDOUT_FILENO);
		redirect(err, O_WRONLY, STDERR_FILENO);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	/* Orphans end here as well. */
	for (pid_t ended; (ended = wait(&status)) != pid;)
		if (ended < 0 && errno != EINTR)
			die("cannot wait for \"%s\"", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void load_modules(void)
{
	char line[256];
	FILE *f = fopen("/matrix/load", "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (run((char *const[]){ "/usr/sbin/modprobe", line, NULL }, PORT_ERR,
			PORT_ERR) != 0) {
			errno = ENOEXEC;
			die("cannot load the module \"%s\"", line);
		}
	}
	if (f)
		(void)fclose(f);
}

int main(void)
{
	(void)umask(022);
	(void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	(void)setenv("HOME", "/root", 1);
	(void)setenv("TERM", "dumb", 1);
	move_root();
	(void)mkdir("/root", 0700);
	mount_all();
	make_raw(PORT_OUT);
	make_raw(PORT_ERR);
	make_raw(PORT_STATUS);
	load_modules();
	finish(run((char *const[]){ "/bin/sh", "/matrix/script", NULL }, PORT_OUT,
		   PORT_ERR));
}
