/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See stage.h.
 */
#include "apply/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "base/cleanup.h"

/* Mount ids differ between a directory and what covers it. */
static int is_covered(const struct om_sys *sys, int dir_fd, int fd)
{
	uint64_t below, top;
	bool unique;
	int r = sys->mount_id(sys, dir_fd, &below, &unique);

	if (r == 0)
		r = om_mount_id_as(sys, fd, unique, &top);
	return r < 0 ? r : below != top;
}

int om_stage_clear(const struct om_sys *sys, int at, const char *path)
{
	for (unsigned depth = 0; depth < 64; depth++) {
		_cleanup_close_ int fd =
			sys->open(sys, at, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
		int r = fd < 0 ? fd : is_covered(sys, at, fd);

		if (r == 0)
			r = sys->unlink(sys, at, path, AT_REMOVEDIR);
		else if (r > 0 && sys->umount(sys, OM_FD_PATH(fd), MNT_DETACH) == 0)
			continue;
		return r == -ENOENT ? 0 : r > 0 ? -EBUSY : r;
	}
	return -EBUSY;
}

int om_stage_unmount(struct om_build *b)
{
	int r = 0;

	if (b->stage_fd >= 0)
		r = b->sys->umount(b->sys, OM_FD_PATH(b->stage_fd), MNT_DETACH);
	if (r < 0)
		return r;
	b->stage_fd = om_close(b->stage_fd);
	/* -EBUSY: it is still mounted, whatever was said. */
	if (b->stage_made)
		r = b->sys->unlink(b->sys, b->stage_at, b->stage_path, AT_REMOVEDIR);
	b->stage_made = r < 0 && r != -ENOENT;
	return r == -ENOENT ? 0 : r;
}

int om_stage_close(struct om_build *b)
{
	om_build_drop_tree(b);
	return om_stage_unmount(b);
}

/* A private tmpfs on the directory dir_fd, which is stage_path. */
static int mount_stage(struct om_build *b, int dir_fd)
{
	const struct om_sys *sys = b->sys;
	int r = sys->mount(sys, OM_SOURCE_NAME, OM_FD_PATH(dir_fd), "tmpfs",
			   MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");

	if (r < 0)
		return r;
	b->stage_fd = sys->open(sys, b->stage_at, b->stage_path,
				O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (b->stage_fd < 0) {
		r = b->stage_fd;
		(void)sys->umount(sys, OM_FD_PATH(dir_fd), MNT_DETACH);
		return r;
	}
	r = sys->same_object(sys, b->stage_fd, dir_fd, "");
	if (r == 1) {
		/* Nothing was mounted, so there is nothing to take away either. */
		b->stage_fd = om_close(b->stage_fd);
		return -EPROTO;
	}
	/* A mount whose parent is shared cannot be moved (mount(2), EINVAL). */
	return r < 0 ? r
		     : sys->mount(sys, NULL, OM_FD_PATH(b->stage_fd), NULL, MS_PRIVATE,
				  NULL);
}

/* compat: until nesting of detached trees is everywhere: a private tmpfs to build on. */
static int open_stage(struct om_build *b)
{
	const struct om_sys *sys = b->sys;
	_cleanup_close_ int dir = -1;
	int r;

	if (b->stage_fd >= 0)
		return 0;
	r = sys->mkdir(sys, b->stage_at, b->stage_path, 0700);
	if (r < 0 && r != -EEXIST && r != -EROFS)
		return r;
	b->stage_made = r == 0;
	dir = sys->open(sys, b->stage_at, b->stage_path,
			O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	return dir < 0 ? dir : mount_stage(b, dir);
}

int om_stage_slot(struct om_build *b, bool dir, char name[static OM_SLOT_SIZE])
{
	const struct om_sys *sys = b->sys;
	int r = open_stage(b);

	if (r < 0)
		return r;
	(void)snprintf(name, OM_SLOT_SIZE, "%u", b->slots++);
	r = dir ? sys->mkdir(sys, b->stage_fd, name, 0700)
		: sys->mkfile(sys, b->stage_fd, name, 0600);
	return r < 0 ? r : sys->open(sys, b->stage_fd, name, O_PATH | O_NOFOLLOW, 0);
}
