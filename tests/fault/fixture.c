/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See fixture.h.
 */
#include "fault/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/surface.h"

#define WORK "/mnt"

struct item {
	const char *path;
	mode_t mode;	  /* 0: as usual */
	const char *text; /* of a file, or where a link leads; NULL: a directory */
};

static const struct item tree[] = {
	{ "tree/etc/conf.d", 0, NULL },
	{ "tree/etc/alternatives", 0, NULL },
	{ "tree/usr/share/X11/xkb", 0, NULL },
	{ "tree/usr/share/closed", 0700, NULL },
	{ "tree/usr/share/open", 01777, NULL },
	{ "tree/usr/share/doc", 0711, NULL },
	{ "tree/usr/share/name with space", 0, NULL },
	{ "tree/usr/lib/app", 0, NULL },
	{ "tree/usr/lib/sub", 0, NULL },
	{ "tree/usr/bin", 0, NULL },
	{ "tree/opt", 0, NULL },
	{ "tree/srv/www", 0, NULL },
	{ "tree/var/snap", 0, NULL },
	{ "tree/var/lib", 0, NULL },
	{ "tree/snap/app/1/foo/sub", 0, NULL },
	{ "tree/snap/app/1/content/deep", 0, NULL },
	{ "tree/snap/app/1/a b", 0, NULL },
	{ "tree/snap/app/1/bin", 0, NULL },
	{ "tree/snap/other/2/data", 0, NULL },
	{ "data/app/1/dir", 0, NULL },
	{ "data/app/common", 0, NULL },
	{ "sub/inner", 0750, NULL },
	{ "base", 0, NULL },
	{ "output", 0600, "" },
	{ "tree/etc/passwd", 0644, "root:x:0:0::/:/bin/sh\n" },
	{ "tree/etc/conf.d/a", 0600, "a\n" },
	{ "tree/etc/alternatives/editor", S_IFLNK, "/usr/bin/ed" },
	{ "tree/usr/share/X11/rgb.txt", 0644, "rgb\n" },
	{ "tree/usr/share/closed/secret", 0600, "secret\n" },
	{ "tree/usr/share/doc/doc", 0644, "doc\n" },
	{ "tree/usr/share/name with space/f", 0644, "f\n" },
	{ "tree/usr/share/dangling", S_IFLNK, "nowhere" },
	{ "tree/usr/share/docs", S_IFLNK, "doc" },
	{ "tree/usr/lib/app/lib.so", 0755, "lib\n" },
	{ "tree/usr/bin/tool", 0755, "tool\n" },
	{ "tree/lib", S_IFLNK, "usr/lib" },
	{ "tree/snap/app/1/foo/hello", 0644, "hello\n" },
	{ "tree/snap/app/1/content/file", 0644, "content\n" },
	{ "tree/snap/app/1/content/deep/x", 0644, "x\n" },
	{ "tree/snap/app/1/a b/c d", 0644, "blank\n" },
	{ "tree/snap/app/1/conf", 0644, "conf\n" },
	{ "tree/snap/app/1/bin/tool", 0755, "new tool\n" },
	{ "tree/snap/app/1/link", S_IFLNK, "foo" },
	{ "tree/snap/other/2/data/x", 0644, "other\n" },
	{ "data/app/1/file", 0640, "file\n" },
	{ "sub/inner/y", 0644, "y\n" },
};

static bool make_parents(const char *path)
{
	char copy[256];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return false;
		*p = '/';
	}
	return true;
}

static bool make_item(const struct item *item)
{
	size_t n;
	int fd;

	if (!make_parents(item->path))
		return false;
	if (!item->text)
		return mkdir(item->path, 0755) == 0 &&
		       chmod(item->path, item->mode ? item->mode : 0755) == 0;
	if (item->mode == S_IFLNK)
		return symlink(item->text, item->path) == 0;
	n = strlen(item->text);
	fd = open(item->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, item->text, n) != (ssize_t)n ||
	    fchmod(fd, item->mode) < 0)
		return false;
	return close(fd) == 0;
}

static bool make_states(void)
{
	char path[64];

	if (mkdir("states", 0755) < 0)
		return false;
	for (size_t i = 0; i < n_surfaces; i++) {
		(void)snprintf(path, sizeof(path), "states/%s", surfaces[i].name);
		if (mkdir(path, 0700) < 0)
			return false;
	}
	return true;
}

static bool mount_base(void)
{
	/* Attributes that a mirror must keep; not every tmpfs has those of users. */
	if (setxattr("tree/usr/share/X11", "trusted.om-test", "v", 1, 0) < 0 ||
	    setxattr("tree/snap/app/1/foo/hello", "trusted.om-test", "w", 1, 0) < 0 ||
	    chown("tree/usr/share/closed", 7, 8) < 0 ||
	    chown("data/app/1", 1000, 1000) < 0)
		return false;
	return mount("tree", "base", NULL, MS_BIND, NULL) == 0 &&
	       mount(NULL, "base", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0 &&
	       mount("data", "base/var/snap", NULL, MS_BIND, NULL) == 0 &&
	       mount("sub", "base/usr/lib/sub", NULL, MS_BIND, NULL) == 0 &&
	       mount(NULL, "base/usr/lib/sub", NULL,
		     MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC, NULL) == 0;
}

bool fixture_make(void)
{
	if (chdir("/") < 0)
		return false;
	/* The earlier one, and all that is below it or on top of it. */
	while (umount2(WORK, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (mount("om-fault", WORK, "tmpfs", 0, "mode=0755") < 0 || chdir(WORK) < 0)
		return false;
	for (size_t i = 0; i < sizeof(tree) / sizeof(tree[0]); i++)
		if (!make_item(&tree[i]))
			return false;
	return make_states() && mount_base();
}

bool fixture_unshare(void)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}
