/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See snapshot.h.
 */
#include "fault/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
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
#define MAX_XATTRS 64

void text_add(struct text *t, const char *data, size_t n)
{
	if (t->n + n + 1 > t->allocated) {
		t->allocated = 2 * (t->n + n) + 4096;
		t->s = realloc(t->s, t->allocated);
		if (!t->s)
			abort();
	}
	memcpy(t->s + t->n, data, n);
	t->n += n;
	t->s[t->n] = '\0';
}

void text_clear(struct text *t)
{
	t->n = 0;
	if (t->s)
		t->s[0] = '\0';
}

void text_done(struct text *t)
{
	free(t->s);
	*t = (struct text){ 0 };
}

bool text_same(const struct text *a, const struct text *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->s, b->s, a->n) == 0);
}

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format,
						      ...)
{
	char buf[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf, sizeof(buf), format, ap);
	va_end(ap);
	text_add(t, buf, n < (int)sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the lines from offset start on. */
static void sort_lines(struct text *t, size_t start)
{
	size_t count = 0, n = t->n - start;
	char *copy, **lines;

	if (n == 0)
		return;
	copy = malloc(n);
	lines = malloc((n / 2 + 1) * sizeof(*lines));
	if (!copy || !lines)
		abort();
	memcpy(copy, t->s + start, n);
	for (char *p = copy, *end; p < copy + n; p = end + 1) {
		end = memchr(p, '\n', n - (size_t)(p - copy));
		*end = '\0';
		lines[count++] = p;
	}
	qsort(lines, count, sizeof(*lines), compare);
	t->n = start;
	for (size_t i = 0; i < count; i++) {
		text_add(t, lines[i], strlen(lines[i]));
		text_add(t, "\n", 1);
	}
	free(lines);
	free(copy);
}

void text_sort(struct text *t)
{
	sort_lines(t, 0);
}

/* FNV-1a: enough to notice a difference, nobody attacks this. */
static uint64_t hash(uint64_t h, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)data[i]) * 0x100000001b3ULL;
	return h;
}

/* Names may hold blanks and newlines; a line and its fields must not. */
static void add_name(struct text *t, const char *name)
{
	for (; *name; name++) {
		if (*name <= ' ' && *name >= 0)
			add(t, "\\%03o", (unsigned)*name);
		else
			text_add(t, name, 1);
	}
}

/* 0 or -errno. */
static int add_content(struct text *t, const char *path, const struct stat *st)
{
	static char buf[MAX_VALUE];
	uint64_t h = HASH_START;
	ssize_t n;
	int fd;

	if (S_ISLNK(st->st_mode)) {
		n = readlink(path, buf, sizeof(buf) - 1);
		if (n < 0)
			return -errno;
		buf[n] = '\0';
		add_name(t, buf);
	} else if (S_ISREG(st->st_mode)) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		while ((n = read(fd, buf, sizeof(buf))) > 0)
			h = hash(h, buf, (size_t)n);
		(void)close(fd);
		if (n < 0)
			return -EIO;
		add(t, "%016llx", (unsigned long long)h);
	} else {
		text_add(t, "-", 1);
	}
	return 0;
}

static int add_xattrs(struct text *t, const char *path)
{
	static char names[MAX_VALUE], value[MAX_VALUE];
	char *sorted[MAX_XATTRS];
	size_t count = 0;
	ssize_t n = llistxattr(path, names, sizeof(names));

	if (n < 0 && errno != ENOTSUP)
		return -errno;
	for (char *p = names; n > 0 && p < names + n && count < MAX_XATTRS;
	     p += strlen(p) + 1)
		if (strncmp(p, "trusted.overlay.", 16) != 0)
			sorted[count++] = p;
	qsort(sorted, count, sizeof(sorted[0]), compare);
	for (size_t i = 0; i < count; i++) {
		n = lgetxattr(path, sorted[i], value, sizeof(value));
		if (n < 0)
			return -errno;
		add(t, " %s=%016llx", sorted[i],
		    (unsigned long long)hash(HASH_START, value, (size_t)n));
	}
	return 0;
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

/* nftw(3) hands nothing through. */
static struct {
	struct text *text;
	size_t root_len;
	unsigned errors;
} walk;

static int visit(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	struct text *t = walk.text;
	int r = flag == FTW_NS || flag == FTW_DNR ? -EACCES : 0;

	(void)ftw;
	add_name(t, path[walk.root_len] ? path + walk.root_len : "/");
	if (r == 0) {
		add(t, " %c %04o %u %u %lld %u:%u ", type_of(st->st_mode),
		    (unsigned)(st->st_mode & 07777), st->st_uid, st->st_gid,
		    S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size,
		    major(st->st_rdev), minor(st->st_rdev));
		r = add_content(t, path, st);
	}
	if (r == 0)
		r = add_xattrs(t, path);
	if (r < 0) {
		add(t, " !%d", -r);
		walk.errors++;
	}
	text_add(t, "\n", 1);
	return 0;
}

unsigned snapshot_tree(struct text *ret, const char *dir)
{
	size_t start = ret->n;

	walk.text = ret;
	walk.root_len = strlen(dir);
	walk.errors = 0;
	if (nftw(dir, visit, 64, FTW_PHYS) != 0) {
		add(ret, "%s !%d\n", dir, errno);
		walk.errors++;
	}
	sort_lines(ret, start);
	return walk.errors;
}

/* Does the text at p begin with the word?  Its length, or 0. */
static size_t begins(const char *p, const char *word)
{
	size_t n = strlen(word);

	return strncmp(p, word, n) == 0 ? n : 0;
}

/*
 * The layers of an overlay at p, however they were given (paths, file descriptors, one by
 * one or all at once): only how many.  The length of what was read.
 */
static size_t add_layers(struct text *t, const char *p)
{
	const char *start = p;
	unsigned layers = 0;
	size_t n;

	while ((n = begins(p, "lowerdir=")) || (n = begins(p, "lowerdir+="))) {
		for (layers++; p[n] && p[n] != ',' && p[n] != '\n'; n++)
			layers += p[n] == ':';
		p += n + (p[n] == ',');
	}
	if (layers)
		add(t, "layers=%u,", layers);
	return (size_t)(p - start);
}

/* " shared:12 master:3" becomes " shared master". */
static void add_mount(struct text *t, const char *line, size_t n)
{
	static const char *const groups[] = { " shared:", " master:", " propagate_from:" };
	size_t len, i = 0;

	while (i < n) {
		i += add_layers(t, line + i);
		len = 0;
		for (size_t k = 0; k < sizeof(groups) / sizeof(groups[0]) && !len; k++)
			len = begins(line + i, groups[k]);
		if (len) {
			text_add(t, line + i, len - 1);
			i += len + strspn(line + i + len, "0123456789");
		} else if (i < n) {
			text_add(t, line + i++, 1);
		}
	}
	text_add(t, "\n", 1);
}

void snapshot_mounts(struct text *ret)
{
	size_t start = ret->n, size = 0;
	char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	ssize_t n;

	while (f && (n = getline(&line, &size, f)) > 0) {
		char *p = line;

		for (int i = 0; i < 3 && p; i++) {
			p = strchr(p, ' ');
			p = p ? p + 1 : NULL;
		}
		if (p)
			add_mount(ret, p, (size_t)(line + n - 1 - p));
	}
	if (!f)
		abort();
	free(line);
	(void)fclose(f);
	sort_lines(ret, start);
}

void snapshot_names(struct text *ret, const char *dir)
{
	size_t start = ret->n;
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		add(ret, "!%d\n", errno);
	while (d && (entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		add_name(ret, entry->d_name);
		text_add(ret, "\n", 1);
	}
	if (d)
		(void)closedir(d);
	sort_lines(ret, start);
}

static size_t line_len(const char *p, const char *end)
{
	const char *newline = memchr(p, '\n', (size_t)(end - p));

	return newline ? (size_t)(newline - p) : (size_t)(end - p);
}

void snapshot_diff(struct text *ret, const struct text *before, const struct text *after,
		   unsigned max)
{
	const char *a = before->s, *a_end = a + before->n;
	const char *b = after->s, *b_end = b + after->n;
	unsigned told = 0;

	while ((a < a_end || b < b_end) && told < max) {
		size_t m = a < a_end ? line_len(a, a_end) : 0;
		size_t n = b < b_end ? line_len(b, b_end) : 0;
		int order = a == a_end ? 1 : b == b_end ? -1 : 0;

		if (order == 0) {
			order = memcmp(a, b, m < n ? m : n);
			if (order == 0)
				order = m < n ? -1 : m > n;
		}
		if (order != 0) {
			add(ret, "%c%.*s\n", order < 0 ? '-' : '+',
			    (int)(order < 0 ? m : n), order < 0 ? a : b);
			told++;
		}
		if (order <= 0)
			a += m + 1;
		if (order >= 0)
			b += n + 1;
	}
}
