/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * use-tree DIR HOLE OTHER-LABEL: uses what is in DIR, and three names that a profile has added
 * to HOLE, in the 32 ways in which applications do.  DIR holds text, link (to text), static,
 * dynamic, pie, script, plug.so and sub/; HOLE has new-link (to DIR/text), new-file and new-dir,
 * with text and static in it.  What is open here is used by a process with OTHER-LABEL, too.
 *
 * Prints what does not work, one a line, and "N of 32 work"; exit status 1 unless all do.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PAGE 4096

static const char *dir, *hole, *other_label, *self;
static unsigned tried, bad;

static const char *in(const char *directory, const char *name)
{
	static char paths[4][4096];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void check(const char *what, bool done)
{
	int err = errno;

	tried++;
	if (done)
		return;
	bad++;
	(void)printf("%s: %s\n", what, strerror(err));
	(void)fflush(stdout);
}

/* --- ways ------------------------------------------------------------------------------ */

static bool lists(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	return d && closedir(d) == 0 && n > 2;
}

static bool reads(const char *path)
{
	char c;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool done = fd >= 0 && read(fd, &c, 1) == 1;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

static bool sends(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), to[2];
	bool done = fd >= 0 && pipe(to) == 0 && sendfile(to[1], fd, NULL, 1) == 1;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

static bool ends_well(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return status == 0;
}

/* Its exit status is told as an errno; 127 is the loader's. */
static bool executes(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stdout);
		(void)execl(path, path, "hello", (char *)NULL);
		_exit(errno);
	}
	return ends_well(pid);
}

static bool executes_fd(const char *path)
{
	char *const argv[] = { (char *)path, (char *)"hello", NULL };
	char *const none[] = { NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	pid_t pid = fd < 0 ? -1 : fork();

	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stdout);
		(void)fexecve(fd, argv, none);
		_exit(errno);
	}
	if (fd >= 0)
		(void)close(fd);
	return ends_well(pid);
}

static bool maps_fd(int fd, int first, int then)
{
	void *data = fd < 0 ? MAP_FAILED : mmap(NULL, PAGE, first, MAP_PRIVATE, fd, 0);
	bool done = data != MAP_FAILED && mprotect(data, PAGE, then) == 0;
	int err = errno;

	if (data != MAP_FAILED)
		(void)munmap(data, PAGE);
	errno = err;
	return done;
}

static bool maps(const char *path, int first, int then)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool done = maps_fd(fd, first, then);
	int err = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = err;
	return done;
}

static bool loads(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	errno = ELIBACC;
	return library && dlclose(library) == 0;
}

static bool watches(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC);
	bool done = fd >= 0 && inotify_add_watch(fd, path, IN_CREATE) >= 0;

	if (fd >= 0)
		(void)close(fd);
	return done;
}

static bool stats(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static bool statxes(const char *path)
{
	struct statx stx;

	return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &stx) == 0;
}

static bool links(const char *path)
{
	char text[256];

	return readlink(path, text, sizeof(text)) > 0;
}

static bool has_attributes(const char *path)
{
	return listxattr(path, NULL, 0) >= 0 || errno == ENOTSUP;
}

/* --- what another process does with it ------------------------------------------------- */

enum way { WAY_READ, WAY_MAP, WAY_PROTECT, WAYS };

static bool uses_fd(int fd, enum way way)
{
	char c;

	switch (way) {
	case WAY_READ:
		return pread(fd, &c, 1, 0) == 1;
	case WAY_MAP:
		return maps_fd(fd, PROT_READ | PROT_EXEC, PROT_READ | PROT_EXEC);
	case WAY_PROTECT:
		return maps_fd(fd, PROT_READ, PROT_READ | PROT_EXEC);
	case WAYS:
		break;
	}
	return false;
}

/* The next exec enters the profile. */
static bool set_label(void)
{
	int n, fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);

	/* compat: before Linux 5.8 all security modules share one file. */
	if (fd < 0)
		fd = open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : dprintf(fd, "exec %s", other_label);
	if (fd >= 0)
		(void)close(fd);
	return n >= 0;
}

static bool another_uses(const char *path, enum way way)
{
	char number[16], ways[16];
	int fd = open(path, O_RDONLY);
	pid_t pid = fd < 0 ? -1 : fork();

	(void)snprintf(number, sizeof(number), "%d", fd);
	(void)snprintf(ways, sizeof(ways), "%d", (int)way);
	if (pid == 0) {
		if (set_label())
			(void)execl(self, self, "--inherited", number, ways,
				    (char *)NULL);
		_exit(errno);
	}
	if (fd >= 0)
		(void)close(fd);
	return ends_well(pid);
}

/* --- all of them ----------------------------------------------------------------------- */

static void use_dir(void)
{
	check("readdir", lists(dir));
	check("readdir of a directory in it", lists(in(dir, "sub")));
	check("stat", stats(in(dir, "text")));
	check("statx", statxes(in(dir, "text")));
	check("readlink", links(in(dir, "link")));
	check("read through a link", reads(in(dir, "link")));
	check("read", reads(in(dir, "text")));
	check("sendfile", sends(in(dir, "text")));
	check("exec of a static program", executes(in(dir, "static")));
	check("exec of a dynamic program", executes(in(dir, "dynamic")));
	check("exec of one that may be anywhere", executes(in(dir, "pie")));
	check("exec of a script", executes(in(dir, "script")));
	check("fexecve", executes_fd(in(dir, "static")));
	check("mmap to read", maps(in(dir, "plug.so"), PROT_READ, PROT_READ));
	check("mmap to execute",
	      maps(in(dir, "plug.so"), PROT_READ | PROT_EXEC, PROT_READ | PROT_EXEC));
	check("mprotect to read",
	      maps(in(dir, "plug.so"), PROT_READ | PROT_WRITE, PROT_READ));
	check("mprotect to execute",
	      maps(in(dir, "plug.so"), PROT_READ, PROT_READ | PROT_EXEC));
	check("dlopen", loads(in(dir, "plug.so")));
	check("inotify", watches(dir));
	check("listxattr", has_attributes(in(dir, "text")));
}

static void use_hole(void)
{
	char new_dir[4096];

	(void)snprintf(new_dir, sizeof(new_dir), "%s/new-dir", hole);
	check("readdir of the hole", lists(hole));
	check("readlink of a new link", links(in(hole, "new-link")));
	check("read through a new link", reads(in(hole, "new-link")));
	check("stat of a new file", stats(in(hole, "new-file")));
	check("read of a new file", reads(in(hole, "new-file")));
	check("readdir of a new directory", lists(new_dir));
	check("read in a new directory", reads(in(new_dir, "text")));
	check("exec in a new directory", executes(in(new_dir, "static")));
	check("mprotect of what is in a new directory",
	      maps(in(new_dir, "static"), PROT_READ, PROT_READ | PROT_EXEC));
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--inherited") == 0)
		return uses_fd(atoi(argv[2]), (enum way)atoi(argv[3])) ? 0 : errno;
	/* It is one of the programs that are tried, too. */
	if (argc == 2 && strcmp(argv[1], "hello") == 0)
		return 0;
	if (argc != 4) {
		(void)fprintf(stderr, "usage: use-tree DIR HOLE OTHER-LABEL\n");
		return 2;
	}
	self = argv[0];
	dir = argv[1];
	hole = argv[2];
	other_label = argv[3];
	use_dir();
	use_hole();
	check("read by another", another_uses(in(dir, "plug.so"), WAY_READ));
	check("mmap by another", another_uses(in(dir, "plug.so"), WAY_MAP));
	check("mprotect by another", another_uses(in(dir, "plug.so"), WAY_PROTECT));
	(void)printf("%u of %u work\n", tried - bad, tried);
	return bad > 0 || tried != 32;
}
