/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree-snapshot DIR...: one line for everything below each DIR, in the order of the names:
 *   PATH TYPE MODE UID GID SIZE RDEV HASH-OR-LINK XATTR=HASH...
 * Two trees that a program cannot tell apart print the same.  Times are left out, and the
 * size of a directory, which belongs to its file system.  Attributes that an overlay keeps
 * for itself (trusted.overlay.*) are left out too.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HASH_START 0xcbf29ce484222325ULL
#define MAX_VALUE 65536

static char **lines;
static size_t n_lines, n_allocated, root_len;

static void die(const char *path)
{
	(void)fprintf(stderr, "tree-snapshot: %s: %s\n", path, strerror(errno));
	exit(2);
}

/* FNV-1a: enough to notice a difference, nobody attacks this. */
static uint64_t hash(uint64_t h, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)data[i]) * 0x100000001b3ULL;
	return h;
}

/* Names may hold blanks and newlines; a line and its fields must not. */
static void print_name(FILE *f, const char *name)
{
	for (; *name; name++) {
		if (*name <= ' ' && *name >= 0)
			(void)fprintf(f, "\\%03o", (unsigned)*name);
		else
			(void)fputc(*name, f);
	}
}

static void print_content(FILE *f, const char *path, const struct stat *st)
{
	static char buf[MAX_VALUE];
	uint64_t h = HASH_START;
	ssize_t n;
	int fd;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, buf, sizeof(buf) - 1);
		if (n < 0)
			die(path);
		buf[n] = '\0';
		print_name(f, buf);
	} else if (S_ISREG(st->st_mode)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(path);
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			h = hash(h, buf, (size_t)n);
		if (n < 0)
			die(path);
		(void)close(fd);
		(void)fprintf(f, "%016llx", (unsigned long long)h);
	} else {
		(void)fputc('-', f);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_xattrs(FILE *f, const char *path)
{
	static char names[MAX_VALUE], value[MAX_VALUE];
	char *sorted[64];
	size_t count = 0;
	ssize_t n = llistxattr(path, names, sizeof(names));

	if (n < 0 && errno != ENOTSUP)
		die(path);
	for (char *p = names; n > 0 && p < names + n && count < 64; p += strlen(p) + 1)
		if (strncmp(p, "trusted.overlay.", 16) != 0)
			sorted[count++] = p;
	qsort(sorted, count, sizeof(sorted[0]), compare);
	for (size_t i = 0; i < count; i++) {
		n = lgetxattr(path, sorted[i], value, sizeof(value));
		if (n < 0)
			die(path);
		(void)fprintf(f, " %s=%016llx", sorted[i],
			      (unsigned long long)hash(HASH_START, value, (size_t)n));
	}
}

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return 'f';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	default:
		return 's';
	}
}

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	size_t size;
	FILE *f;

	(void)ftw;
	if (flag == FTW_NS || flag == FTW_DNR)
		die(path);
	if (n_lines == n_allocated) {
		n_allocated = n_allocated ? n_allocated * 2 : 1024;
		lines = realloc(lines, n_allocated * sizeof(*lines));
	}
	f = lines ? open_memstream(&lines[n_lines], &size) : NULL;
	if (!f)
		die(path);
	print_name(f, path[root_len] ? path + root_len : "/");
	(void)fprintf(f, " %c %04o %u %u %lld %u:%u ", type_of(st->st_mode),
		      (unsigned)(st->st_mode & 07777), st->st_uid, st->st_gid,
		      S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size,
		      major(st->st_rdev), minor(st->st_rdev));
	print_content(f, path, st);
	print_xattrs(f, path);
	if (fclose(f) != 0)
		die(path);
	n_lines++;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)fprintf(stderr, "usage: tree-snapshot DIR...\n");
		return 1;
	}
	for (int i = 1; i < argc; i++) {
		root_len = strlen(argv[i]);
		if (nftw(argv[i], visit, 64, FTW_PHYS) != 0)
			die(argv[i]);
	}
	qsort(lines, n_lines, sizeof(*lines), compare);
	for (size_t i = 0; i < n_lines; i++)
		if (puts(lines[i]) < 0)
			die("stdout");
	return fflush(stdout) == 0 ? 0 : 2;
}
