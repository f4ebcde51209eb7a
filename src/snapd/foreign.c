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
#include <unistd.h>

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

/* The entry that is about to be taken away, and its mount. */
struct progress {
	uint64_t sum; /* and a bit that tells one that was written */
	uint64_t index;
	uint64_t id;
};
#define WRITTEN ((uint64_t)1 << 32)

static struct progress progress_read(const struct om_snapd_listed *l)
{
	struct progress now;

	if (pread(l->progress_fd, &now, sizeof(now), 0) == (ssize_t)sizeof(now) &&
	    now.sum == (WRITTEN | l->sum))
		return now;
	return (struct progress){ .index = UINT64_MAX };
}

static int progress_write(const struct om_snapd_listed *l, size_t index, uint64_t id)
{
	const struct progress now = { WRITTEN | l->sum, index, id };
	ssize_t n = pwrite(l->progress_fd, &now, sizeof(now), 0);

	return n == (ssize_t)sizeof(now) ? 0 : n < 0 ? -errno : -ENOSPC;
}

static int undo_mount(const struct om_snapd_listed *l, const struct progress *begun,
		      size_t index, int parent, const char *name)
{
	_cleanup_close_ int fd =
		l->sys->open(l->sys, parent, name, O_PATH | O_NOFOLLOW, 0);
	int r = fd < 0 ? fd : is_mount_point(l->sys, parent, fd);
	uint64_t id = 0;
	bool unique;

	if (r == 1)
		r = l->sys->mount_id(l->sys, fd, &id, &unique) < 0 ? -EIO : 1;
	/*
	 * Not there, or not mounted: somebody has taken it away before (LP #1884849).
	 * Another one than that was to be: we have.
	 */
	if (r == 0 || r == -ENOENT ||
	    (r == 1 && begun->index == index && begun->id != id))
		return 0;
	if (r == 1)
		r = progress_write(l, index, id);
	if (r == 0)
		r = om_detach(l->sys, fd);
	if (r == 0)
		remove_place(l->sys, parent, name);
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

static int undo_entry(const struct om_snapd_listed *l, const struct progress *begun,
		      const struct om_snapd_profile *p, size_t index, const char *dir)
{
	const struct om_snapd_entry *entry = &p->entries.v[index];
	_cleanup_close_ int parent = -1;

	if (dir[1] == '\0' || om_snapd_entry_origin(entry) == OM_ORIGIN_ROOTFS ||
	    om_snapd_entry_kind(entry) >= OM_SNAPD_ENSURE_DIR)
		return 0;
	parent = open_parent(l->sys, l->root_fd, dir);
	if (parent < 0)
		return parent == -ENOENT || parent == -ENOTDIR ? 0 : parent;
	if (om_snapd_entry_kind(entry) == OM_SNAPD_SYMLINK)
		return undo_link(l->sys, parent, om_path_base(dir));
	return undo_mount(l, begun, index, parent, om_path_base(dir));
}

int om_snapd_undo_listed(const struct om_snapd_listed *l,
			 const struct om_snapd_profile *p, struct om_error *e)
{
	const struct progress begun = progress_read(l);
	struct om_texts texts = { 0 };
	int r = 0;

	for (size_t i = p->entries.n; r == 0 && i-- > 0;) {
		const char *dir = om_snapd_clean(&texts, p->entries.v[i].dir);

		/* Those behind are done. */
		if (i > begun.index)
			continue;
		r = dir ? undo_entry(l, &begun, p, i, dir) : -ENOMEM;
		if (r < 0)
			r = om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot take away %s",
					  OM_Q(p->entries.v[i].dir));
	}
	om_texts_done(&texts);
	return r;
}
