/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * floor SOURCE HOLE NAME: the directory SOURCE at HOLE/NAME, with the calls that it takes
 * and no other: nothing is parsed, probed, verified or written down.  No program that does
 * the job by an overlay can be faster, which makes it the measure for one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef FSCONFIG_SET_FD
#define FSCONFIG_SET_FD 5
#endif

static int fail(const char *what)
{
	(void)fprintf(stderr, "floor: cannot %s: %s\n", what, strerror(errno));
	return 2;
}

static int fs_open(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static int fs_mount(int fs)
{
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
}

static int add_lower(int fs, int fd)
{
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, "lowerdir+", NULL, fd);
}

static int move(int from, int to, const char *path, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, "", to, path,
			    MOVE_MOUNT_F_EMPTY_PATH | flags);
}

int main(int argc, char **argv)
{
	int skeleton, overlay, bind, hole, fs;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: floor SOURCE HOLE NAME\n");
		return 1;
	}
	hole = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	skeleton = fs_mount(fs_open("tmpfs"));
	if (hole < 0 || skeleton < 0 || mkdirat(skeleton, argv[3], 0755) < 0)
		return fail("make the skeleton");
	fs = fs_open("overlay");
	if (fs < 0 || add_lower(fs, skeleton) < 0 || add_lower(fs, hole) < 0)
		return fail("stack the layers");
	overlay = fs_mount(fs);
	if (overlay < 0)
		return fail("make the overlay");
	bind = (int)syscall(SYS_open_tree, AT_FDCWD, argv[1],
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (bind < 0 || move(bind, overlay, argv[3], 0) < 0)
		return fail("bind the source");
	if (move(overlay, hole, "", MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return fail("attach");
	return 0;
}
