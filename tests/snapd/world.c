/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: world SPEC TOOL NAME PROFILE...
 *
 * Makes a host and on it a mount namespace as snap-confine makes one, both of which die with
 * this program, and runs a snap-update-ns for each profile in turn: for the first one inside,
 * as snap-confine does, for the others from outside, as snapd does.  After each run says what
 * there is: exit status, what the tool said, the current profile, and a line for each name,
 * with whether it can be written to, which is tried.
 *
 * SPEC has a line for each name that there is beforehand, fields separated by tabs:
 *   d PATH MODE UID GID | f PATH MODE UID GID TEXT | l PATH TARGET | p PATH | x PATH NAME VALUE
 * PATH begins with base/ (read-only), snap/ (read-only) or host/ (writable).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WORK "/mnt"
#define TIMEOUT 60
#define PROBE ".overmount-probe"

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, format);
	(void)fprintf(stderr, "world: ");
	(void)vfprintf(stderr, format, ap);
	(void)fprintf(stderr, ": %s\n", strerror(err));
	va_end(ap);
	exit(99);
}

static void must_mount(const char *source, const char *target, const char *type,
		       unsigned long flags, const char *data)
{
	if (mount(source, target, type, flags, data) < 0)
		die("cannot mount %s at %s", source ? source : "-", target);
}

static void bind(const char *source, const char *target, bool ro)
{
	must_mount(source, target, NULL, MS_BIND | MS_REC, NULL);
	if (ro)
		must_mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

/* The directories of the path, and the last name, too, when that is one. */
static void make_dirs(const char *path, bool last)
{
	char *copy = strdup(path);

	for (char *p = copy ? strchr(copy + 1, '/') : NULL; p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			die("cannot make %s", copy);
		*p = '/';
	}
	free(copy);
	if (last && mkdir(path, 0755) < 0 && errno != EEXIST)
		die("cannot make %s", path);
}

static void write_file(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) < 0)
		die("cannot write %s", path);
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t n = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &n, '\0', f) < 0 && text)
		text[0] = '\0';
	(void)fclose(f);
	return text;
}

/* --- The world ------------------------------------------------------------------------ */

static void give(const char *path, char *const *field)
{
	if (chmod(path, (mode_t)strtoul(field[2], NULL, 8)) < 0 ||
	    lchown(path, (uid_t)atoi(field[3]), (gid_t)atoi(field[4])) < 0)
		die("cannot give %s its mode", path);
}

static void make_name(char *const *field, size_t n)
{
	const char *path = field[1];

	make_dirs(path, false);
	if (strcmp(field[0], "d") == 0 && n >= 5) {
		make_dirs(path, true);
		give(path, field);
	} else if (strcmp(field[0], "f") == 0 && n >= 6) {
		write_file(path, field[5], O_TRUNC);
		give(path, field);
	} else if (strcmp(field[0], "l") == 0 && n >= 3) {
		if (symlink(field[2], path) < 0)
			die("cannot make the link %s", path);
	} else if (strcmp(field[0], "p") == 0) {
		if (mkfifo(path, 0644) < 0)
			die("cannot make the fifo %s", path);
	} else if (strcmp(field[0], "x") == 0 && n >= 4) {
		if (lsetxattr(path, field[2], field[3], strlen(field[3]), 0) < 0)
			die("cannot set an attribute of %s", path);
	} else {
		errno = EINVAL;
		die("cannot read the line of %s", path);
	}
}

static void make_names(char *spec)
{
	for (char *line, *lines = spec; (line = strsep(&lines, "\n"));) {
		char *field[6] = { 0 };
		size_t n = 0;

		while (n < 6 && (field[n] = strsep(&line, "\t")))
			n++;
		if (n >= 2)
			make_name(field, n);
	}
}

/* What is of the base and what of the host, as snap-confine has it. */
static void make_root(void)
{
	static const char *const of_host[] = { "etc",	       "home",	   "root",
					       "tmp",	       "run",	   "media",
					       "sys",	       "var/snap", "var/tmp",
					       "var/lib/snapd" };
	DIR *base = opendir("base");
	struct dirent *name;

	if (!base || mkdir("root", 0755) < 0)
		die("cannot make a root");
	must_mount("root", "root", "tmpfs", 0, "mode=0755");
	while ((name = readdir(base))) {
		char from[512], to[512], target[512];
		ssize_t n;

		if (name->d_name[0] == '.')
			continue;
		(void)snprintf(from, sizeof(from), "base/%s", name->d_name);
		(void)snprintf(to, sizeof(to), "root/%s", name->d_name);
		n = readlink(from, target, sizeof(target) - 1);
		if (n >= 0) {
			target[n] = '\0';
			if (symlink(target, to) < 0)
				die("cannot make the link %s", to);
			continue;
		}
		make_dirs(to, true);
		bind(from, to, false);
	}
	(void)closedir(base);
	for (size_t i = 0; i < sizeof(of_host) / sizeof(*of_host); i++) {
		char from[64], to[64];

		(void)snprintf(from, sizeof(from), "host/%s", of_host[i]);
		(void)snprintf(to, sizeof(to), "root/%s", of_host[i]);
		make_dirs(from, true);
		bind(from, to, false);
	}
	bind("/proc", "root/proc", false);
	bind("/dev", "root/dev", false);
	bind("snap", "root/snap", false);
}

static void make_world(char *spec, const char *name)
{
	char path[256];

	must_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	must_mount("world", WORK, "tmpfs", 0, "mode=0755");
	if (chdir(WORK) < 0)
		die("cannot work in " WORK);
	make_names(spec);
	make_dirs("host/run/snapd/ns", true);
	make_dirs("host/run/snapd/lock", true);
	make_dirs("host/var/lib/snapd/mount", true);
	/* Version 1, and nobody to freeze. */
	make_dirs("host/sys/fs/cgroup", true);
	bind("base", "base", true);
	bind("snap", "snap", true);
	make_root();
	bind("host/run", "/run", false);
	must_mount("world", "/var/lib", "tmpfs", 0, "mode=0755");
	make_dirs("/var/lib/snapd", true);
	bind("host/var/lib/snapd", "/var/lib/snapd", false);
	bind("host/sys", "/sys", false);
	(void)snprintf(path, sizeof(path), "/run/snapd/ns/snap.%s.fstab", name);
	write_file(path, "tmpfs / tmpfs x-snapd.origin=rootfs 0 0\n", O_TRUNC);
	(void)snprintf(path, sizeof(path), "/run/snapd/lock/%s.lock", name);
	write_file(path, "", 0);
}

/* The namespace, kept by a process that waits; a descriptor of it. */
static int make_namespace(const char *name, pid_t *keeper)
{
	char path[256], pid[64], ready;
	int fds[2], fd;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("cannot make a pipe");
	*keeper = fork();
	if (*keeper == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNS) < 0 || chdir("root") < 0 ||
		    mkdir("old", 0755) < 0 || syscall(SYS_pivot_root, ".", "old") < 0 ||
		    umount2("old", MNT_DETACH) < 0 || rmdir("old") < 0 || chdir("/") < 0)
			die("cannot make a namespace");
		(void)!write(fds[1], "+", 1);
		for (;;)
			pause();
	}
	(void)close(fds[1]);
	if (*keeper < 0 || read(fds[0], &ready, 1) != 1)
		die("cannot make a namespace");
	(void)close(fds[0]);
	(void)snprintf(pid, sizeof(pid), "/proc/%d/ns/mnt", (int)*keeper);
	(void)snprintf(path, sizeof(path), "/run/snapd/ns/%s.mnt", name);
	write_file(path, "", 0);
	must_mount(pid, path, NULL, MS_BIND, NULL);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("cannot open the namespace");
	return fd;
}

/* --- What there is -------------------------------------------------------------------- */

static uint64_t hash(uint64_t h, const void *data, size_t n)
{
	for (const unsigned char *p = data; n > 0; n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text <= ' ' || *text == '\\' || *text == 0x7f)
			(void)printf("\\%03o", (unsigned char)*text);
		else
			(void)putchar(*text);
	}
}

static char try_dir(int fd)
{
	if (mkdirat(fd, PROBE, 0700) < 0)
		return errno == EROFS ? 'r' : '!';
	return unlinkat(fd, PROBE, AT_REMOVEDIR) < 0 ? '!' : 'w';
}

static char try_file(int at, const char *name)
{
	int fd = openat(at, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == EROFS ? 'r' : '!';
	(void)close(fd);
	return 'w';
}

static void print_content(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t h = 0xcbf29ce484222325ULL;
	char buf[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		h = hash(h, buf, (size_t)n);
	(void)printf(" %016llx", (unsigned long long)h);
	if (fd >= 0)
		(void)close(fd);
}

static void print_attributes(const char *path)
{
	char names[4096], value[256];
	ssize_t n = llistxattr(path, names, sizeof(names));

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t size = lgetxattr(path, p, value, sizeof(value));

		if (strncmp(p, "trusted.overlay.", 16) != 0 && size >= 0)
			(void)printf(" %s=%016llx", p,
				     (unsigned long long)hash(1, value, (size_t)size));
	}
}

/* What belongs to the tools, to the kernel, or to nobody. */
static bool is_passed_over(const char *path)
{
	static const char *const paths[] = { "/proc",
					     "/sys",
					     "/dev",
					     "/run/snapd",
					     "/run/overmount",
					     "/tmp/.snap",
					     "/var/lib/snapd/mount" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (strcmp(path, paths[i]) == 0)
			return true;
	return false;
}

static void print_tree(int at, const char *name, const char *path);

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_below(int fd, const char *path)
{
	char *names[4096], child[4096];
	size_t n = 0;
	struct dirent *entry;
	DIR *dir = fdopendir(dup(fd));

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    n < 4096)
			names[n++] = strdup(entry->d_name);
	if (dir)
		(void)closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(child, sizeof(child), "%s/%s", path[1] ? path : "",
			       names[i]);
		print_tree(fd, names[i], child);
		free(names[i]);
	}
}

/* PATH TYPE MODE UID GID WRITABLE FSTYPE DEVICE, then content, link and attributes. */
static void print_tree(int at, const char *name, const char *path)
{
	struct statfs fs = { 0 };
	char link[4096], type = '?', writable = '-';
	struct stat st;
	int fd = -1;

	if (is_passed_over(path))
		return;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		print_escaped(path);
		(void)printf(" !%d\n", errno);
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		type = 'd';
		writable = try_dir(fd);
		(void)fstatfs(fd, &fs);
	} else if (S_ISREG(st.st_mode)) {
		type = 'f';
		writable = try_file(at, name);
	} else if (S_ISLNK(st.st_mode)) {
		type = 'l';
	}
	print_escaped(path);
	(void)printf(" %c %04o %u %u %c %lx %u:%u", type, st.st_mode & 07777, st.st_uid,
		     st.st_gid, writable, (unsigned long)fs.f_type, major(st.st_dev),
		     minor(st.st_dev));
	if (type == 'f')
		print_content(at, name);
	if (type == 'l') {
		ssize_t n = readlinkat(at, name, link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = '\0';
		(void)printf(" ");
		print_escaped(link);
	}
	print_attributes(path);
	(void)printf("\n");
	if (fd >= 0) {
		print_below(fd, path);
		(void)close(fd);
	}
}

static void print_lines(const char *head, const char *text)
{
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");

		(void)printf("%s %.*s\n", head, (int)n, line);
		line += n + (line[n] != '\0');
	}
}

/* --- The runs ------------------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("cannot wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* inside: as snap-confine, with the lock held; -1: as snapd. */
static int run(int tool, const char *name, int inside)
{
	static char self[] = "snap-update-ns", option[] = "--from-snap-confine";
	static char quiet[] = "SNAPD_DEBUG=0";
	char *const outer[] = { self, (char *)(uintptr_t)name, NULL };
	char *const inner[] = { self, option, (char *)(uintptr_t)name, NULL };
	char *const environment[] = { quiet, NULL };
	char path[256];
	int lock = -1, status;
	pid_t pid;

	(void)fflush(stdout);
	if (inside >= 0) {
		(void)snprintf(path, sizeof(path), "/run/snapd/lock/%s.lock", name);
		lock = open(path, O_RDWR | O_CLOEXEC);
		if (lock < 0 || flock(lock, LOCK_EX) < 0)
			die("cannot lock");
	}
	pid = fork();
	if (pid == 0) {
		int said = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0600);

		(void)alarm(TIMEOUT);
		if (said < 0 || dup2(said, 1) < 0 || dup2(said, 2) < 0 ||
		    (inside >= 0 && setns(inside, CLONE_NEWNS) < 0))
			die("cannot run the tool");
		(void)fexecve(tool, inside >= 0 ? inner : outer, environment);
		die("cannot execute the tool");
	}
	status = wait_for(pid);
	if (lock >= 0)
		(void)close(lock);
	return status;
}

static void report(int namespace_fd, const char *name, int step, int status)
{
	char path[256], *said = read_file("said"), *current;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "/run/snapd/ns/snap.%s.fstab", name);
	current = read_file(path);
	(void)printf("step %d %d\n", step, status);
	print_lines("said", said);
	print_lines("current", current);
	free(said);
	free(current);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setns(namespace_fd, CLONE_NEWNS) < 0)
			die("cannot look into the namespace");
		print_tree(AT_FDCWD, "/", "/");
		exit(fflush(stdout) == 0 ? 0 : 99);
	}
	if (wait_for(pid) != 0)
		die("cannot look");
}

int main(int argc, char **argv)
{
	char *spec, **profiles, path[256];
	const char *name;
	cpu_set_t one;
	pid_t keeper;
	int tool, ns, n = argc - 4;

	if (argc < 5) {
		(void)fprintf(stderr, "usage: world SPEC TOOL NAME PROFILE...\n");
		return 99;
	}
	/* Some kernels number namespaces by processor, and only later ones can be pinned. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
	(void)umask(0);
	name = argv[3];
	spec = read_file(argv[1]);
	tool = open(argv[2], O_RDONLY | O_CLOEXEC);
	profiles = calloc((size_t)n, sizeof(*profiles));
	for (int i = 0; profiles && i < n; i++)
		profiles[i] = read_file(argv[4 + i]);
	if (!spec || tool < 0 || !profiles)
		die("cannot read what is asked for");
	if (unshare(CLONE_NEWNS) < 0)
		die("cannot make a mount namespace");
	make_world(spec, name);
	ns = make_namespace(name, &keeper);
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "/var/lib/snapd/mount/snap.%s.fstab",
			       name);
		write_file(path, profiles[i] ? profiles[i] : "", O_TRUNC);
		report(ns, name, i, run(tool, name, i == 0 ? ns : -1));
	}
	(void)kill(keeper, SIGKILL);
	return 0;
}
