/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See foreign.h.
 */
#include "snapd/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "apply/attach.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "probe/chase.h"
#include "snapd/entry.h"

/* The directory that holds the name; -ENOENT when it is gone with something else. */
static int open_parent(const struct om_sys *sys, int root_fd, const char *path)
{
	_cleanup_free_ char *parent = om_path_parent(path);

	return parent ? om_open_beneath(sys, root_fd, parent, O_PATH | O_DIRECTORY)
		      : -ENOMEM;
}

/* Does something lie on the name?  1, 0 or -errno. */
static int is_mount_point(const struct om_sys *sys, int parent, int fd)
{
	uint64_t above, here;
	bool unique;
	int r = sys->mount_id(sys, parent, &above, &unique);

	if (r == 0)
		r = sys->mount_id(sys, fd, &here, &unique);
	return r < 0 ? r : above != here;
}

/*
 * The empty file or directory that was made to mount on, as the original removes it, but
 * only on a tmpfs, where it must have been made: anywhere else it may be the host's, and
 * have been empty before.
 */
static void remove_place(const struct om_sys *sys, int parent, const char *name)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(parent, &fs) < 0 || fs.f_type != TMPFS_MAGIC ||
	    fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (S_ISDIR(st.st_mode))
		(void)!sys->unlink(sys, parent, name, AT_REMOVEDIR);
	else if (S_ISREG(st.st_mode) && st.st_size == 0)
		(void)!sys->unlink(sys, parent, name, 0);
}

static int undo_mount(const struct om_sys *sys, int parent, const char *name)
{
	_cleanup_close_ int fd = sys->open(sys, parent, name, O_PATH | O_NOFOLLOW, 0);
	int r = fd < 0 ? fd : is_mount_point(sys, parent, fd);

	/* Not there, or not mounted: somebody has taken it away before (LP #1884849). */
	if (r == 0 || r == -ENOENT)
		return 0;
	if (r == 1)
		r = om_detach(sys, fd);
	if (r == 0)
		remove_place(sys, parent, name);
	return r;
}

static int undo_link(const struct om_sys *sys, int parent, const char *name)
{
	struct stat st;
	int r;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	r = sys->unlink(sys, parent, name, 0);
	/* It goes with the construction that it is in. */
	return r == -EROFS ? 0 : r;
}

static int undo_entry(const struct om_sys *sys, int root_fd,
		      const struct om_snapd_entry *entry, const char *dir)
{
	bool link = om_snapd_entry_kind(entry) == OM_SNAPD_SYMLINK;
	_cleanup_close_ int parent = open_parent(sys, root_fd, dir);

	if (parent < 0)
		return parent == -ENOENT || parent == -ENOTDIR ? 0 : parent;
	return link ? undo_link(sys, parent, om_path_base(dir))
		    : undo_mount(sys, parent, om_path_base(dir));
}

int om_snapd_undo_listed(const struct om_sys *sys, int root_fd,
			 const struct om_snapd_profile *p, struct om_error *e)
{
	struct om_texts texts = { 0 };
	int r = 0;

	for (size_t i = p->entries.n; r == 0 && i-- > 0;) {
		const struct om_snapd_entry *entry = &p->entries.v[i];
		const char *dir = om_snapd_clean(&texts, entry->dir);

		if (!dir)
			r = -ENOMEM;
		else if (dir[1] == '\0' ||
			 om_snapd_entry_origin(entry) == OM_ORIGIN_ROOTFS ||
			 om_snapd_entry_kind(entry) >= OM_SNAPD_ENSURE_DIR)
			continue;
		else
			r = undo_entry(sys, root_fd, entry, dir);
		if (r < 0)
			r = om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot take away %s",
					  OM_Q(entry->dir));
	}
	om_texts_done(&texts);
	return r;
}
