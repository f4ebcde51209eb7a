/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * naive apply|undo|recover --root BASE --state STATE ...: the control of the campaign, a
 * builder of the kind that overmount replaces.  It has one profile, a name `foo` in
 * /usr/share of the root: the directory is bound aside, a tmpfs comes over it, and what
 * was there is bound back one by one.  Nothing is written down; a failure takes the
 * mounts away by name.  The campaign must find what it leaves half done.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE "base/usr/share"
#define SCRATCH "scratch"

static int back(const struct dirent *entry)
{
	char from[512], to[512];
	int fd;

	(void)snprintf(from, sizeof(from), SCRATCH "/%s", entry->d_name);
	(void)snprintf(to, sizeof(to), SHARE "/%s", entry->d_name);
	if (entry->d_type == DT_DIR) {
		if (mkdir(to, 0755) < 0)
			return -1;
	} else if (entry->d_type == DT_LNK) {
		char link[256];
		ssize_t n = readlink(from, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		return n < 0 ? -1 : symlink(link, to);
	} else {
		fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			return -1;
		(void)close(fd);
	}
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL);
}

static int all_back(void)
{
	struct dirent *entry;
	DIR *d = opendir(SCRATCH);
	int r = d ? 0 : -1;

	while (r == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			r = back(entry);
	if (d)
		(void)closedir(d);
	return r;
}

static int undo(void)
{
	int r = umount2(SHARE "/foo", MNT_DETACH);

	(void)umount2(SCRATCH, MNT_DETACH);
	(void)rmdir(SCRATCH);
	return r == 0 && umount2(SHARE, MNT_DETACH) == 0 ? 0 : 2;
}

static int apply(void)
{
	if (mkdir(SCRATCH, 0700) < 0)
		return 2;
	if (mount(SHARE, SCRATCH, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount("tmpfs", SHARE, "tmpfs", 0, "mode=0755") < 0 || all_back() < 0 ||
	    mkdir(SHARE "/foo", 0755) < 0 ||
	    mount("base/snap/app/1/foo", SHARE "/foo", NULL, MS_BIND | MS_REC, NULL) <
		    0) {
		(void)undo();
		return 32;
	}
	(void)umount2(SCRATCH, MNT_DETACH);
	(void)rmdir(SCRATCH);
	return 0;
}

int main(int argc, char **argv)
{
	(void)umask(0);
	if (argc < 2)
		return 1;
	return strcmp(argv[1], "apply") == 0 ? apply() : undo();
}
