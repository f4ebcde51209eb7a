/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What only a look at every name or a try can tell of a directory.  Whether an overlay
 * fits depends on that very file system and its mounts: depth that is used up, submounts
 * that are locked, a mount that is unbindable.  It is tried in a child, in a copy of the
 * mount namespace that dies with it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"
#include "probe/chase.h"
#include "probe/prober.h"
#include "probe/scene.h"

/* Shared with the child. */
struct examination {
	struct om_prober prober;
	const struct om_survey *survey;
	const struct om_scene_dir *dir;
	struct stat st; /* of the directory, so that the child finds the same one */

	struct om_scene_try overlay;
	enum om_tristate locked[OM_MAX_SUBMOUNTS];
};

int om_scene_note_live(struct om_scene_dir *dir, const char *name, mode_t mode)
{
	if (dir->looked || !(S_ISSOCK(mode) || S_ISFIFO(mode)) || dir->n_live++ > 0)
		return 0;
	dir->live = strdup(name);
	return dir->live ? 0 : -ENOMEM;
}

static mode_t kind_of(int dirfd, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return DTTOIF(d->d_type);
	return fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode : 0;
}

static int find_live(const struct om_survey *survey, struct om_scene_dir *dir)
{
	_cleanup_closedir_ DIR *stream = NULL;
	int fd;

	if (dir->looked)
		return 0;
	fd = om_open_beneath(survey->sys, survey->root_fd, dir->path,
			     O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	stream = om_fdopendir(fd);
	if (!stream)
		return -ENOMEM;
	for (;;) {
		const struct dirent *d;
		int r;

		errno = 0;
		d = readdir(stream);
		if (!d) {
			dir->looked = true;
			return -errno;
		}
		r = om_scene_note_live(dir, d->d_name, kind_of(dirfd(stream), d));
		if (r < 0)
			return r;
	}
}

/* The path of something below the surveyed root, as this process sees it. */
static char *host_path(const struct om_survey *survey, const char *path)
{
	return om_asprintf(
		"%s%s", om_streq(survey->root_path, "/") ? "" : survey->root_path, path);
}

/*
 * The directory in the child's copy of the namespace: descriptors from before belong to
 * the parent's, where an overlay does not take them as layers.
 */
static int reopen(const struct examination *x)
{
	_cleanup_free_ char *path = host_path(x->survey, x->dir->path);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!path)
		return -ENOMEM;
	fd = x->prober.sys->open(x->prober.sys, AT_FDCWD, path,
				 O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != x->st.st_dev || st.st_ino != x->st.st_ino)
		return -ESTALE;
	return TAKE_FD(fd);
}

static void set_try(struct examination *x, int r, const struct om_overlay_try *how)
{
	bool log = r < 0 && how->log[0];

	x->overlay.possible = om_prober_judge(r);
	(void)snprintf(x->overlay.evidence, sizeof(x->overlay.evidence), "%s%s%s%s%s%s",
		       r < 0 ? how->call : "mounted", r < 0 ? ": " : "",
		       r < 0 ? strerrorname_np(-r) : "", log ? " (" : "",
		       log ? how->log : "", log ? ")" : "");
}

/* One overlay over the directory, then another one over the first. */
static void try_overlays(struct examination *x, int hole)
{
	struct om_prober *p = &x->prober;
	struct om_overlay_try how = { .top = p->dir,
				      .upper = "s",
				      .lower_fd = hole,
				      .at_dir = p->dir,
				      .at = "one",
				      .call = "making the layers" };
	struct om_overlay_try again;
	_cleanup_close_ int one = -1;
	_cleanup_close_ int two = -1;
	int r = om_overlay_layers(p);

	if (r == 0)
		r = p->sys->mkdir(p->sys, p->dir, "one", 0755);
	if (r == 0)
		r = p->sys->mkdir(p->sys, p->dir, "two", 0755);
	one = r < 0 ? r : om_overlay_mount(p, &how);
	set_try(x, one, &how);
	if (one < 0)
		return;
	again = how;
	again.lower_fd = one;
	again.at = "two";
	two = om_overlay_mount(p, &again);
	x->overlay.depth_left = two < 0 ? 1 : 2;
}

/*
 * A locked mount cannot be taken off in the copy of the namespace either.  By path, and
 * before the scratch covers anything.
 */
static void try_locks(struct examination *x)
{
	const struct om_sys *sys = x->prober.sys;

	for (size_t i = 0; i < x->dir->submounts.n && i < OM_MAX_SUBMOUNTS; i++) {
		_cleanup_free_ char *path =
			host_path(x->survey, x->dir->submounts.v[i].path);
		int r = path ? sys->umount(sys, path, MNT_DETACH | UMOUNT_NOFOLLOW)
			     : -ENOMEM;

		x->locked[i] = r == 0 ? OM_NO : r == -EINVAL ? OM_YES : OM_UNKNOWN;
	}
}

static int examine_in_child(void *arg)
{
	struct examination *x = arg;
	struct om_prober *p = &x->prober;
	struct om_overlay_try how = { 0 };
	_cleanup_close_ int hole = -1;
	int r = om_prober_private(p->sys, &how.call);

	if (r == 0) {
		how.call = "open of the directory";
		r = hole = reopen(x);
	}
	if (r >= 0)
		r = p->dir = om_prober_scratch(p->sys, &how.call);
	if (r < 0)
		set_try(x, r, &how);
	else
		try_overlays(x, hole);
	return 0;
}

/* In a child of its own: what it takes off would be missing in the other one. */
static int unlock_in_child(void *arg)
{
	struct examination *x = arg;
	const char *call;

	if (om_prober_private(x->prober.sys, &call) == 0)
		try_locks(x);
	return 0;
}

/* Only copies of mounts that a more privileged namespace owns are locked. */
static bool may_be_locked(const struct om_prober *p)
{
	char map[64];
	unsigned long inside, outside, count;

	if (om_prober_read(p, "/proc/self/uid_map", map, sizeof(map)) < 0)
		return true;
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
	       inside != 0 || outside != 0 || count != UINT32_MAX;
}

static int stat_dir(const struct om_survey *survey, const struct om_scene_dir *dir,
		    struct stat *ret)
{
	_cleanup_close_ int fd = om_open_beneath(survey->sys, survey->root_fd, dir->path,
						 O_PATH | O_DIRECTORY);

	return fd < 0 ? fd : fstat(fd, ret) < 0 ? -errno : 0;
}

static void examine(struct examination *x, const struct om_probe_options *options)
{
	struct om_prober *p = &x->prober;
	struct om_fact fact = { 0 };
	int r = 0;

	x->overlay.possible = OM_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(x->locked); i++)
		x->locked[i] = OM_UNKNOWN;
	om_prober_init(p, options);
	/* Copying a namespace makes unbindable mounts bindable, so a try would tell wrong;
	 * what the kernel does with them as layers is EINVAL, on every one that was tried. */
	if (x->dir->unbindable)
		x->overlay = (struct om_scene_try){
			.possible = OM_NO,
			.evidence = "its mount is unbindable (mountinfo)"
		};
	else if (!om_overlay_possible(p, &fact))
		(void)snprintf(x->overlay.evidence, sizeof(x->overlay.evidence), "%s",
			       fact.evidence);
	else
		r = p->sys->in_child(p->sys, examine_in_child, x);
	if (r < 0)
		(void)snprintf(x->overlay.evidence, sizeof(x->overlay.evidence),
			       "child: %s", strerrorname_np(-r));
	if (!may_be_locked(p))
		memset(x->locked, 0, sizeof(x->locked)); /* OM_NO */
	else if (x->dir->submounts.n > 0)
		(void)p->sys->in_child(p->sys, unlock_in_child, x);
}

int om_scene_examine(const struct om_survey *survey, struct om_scene_dir *dir,
		     bool load_modules, struct om_error *e)
{
	const struct om_probe_options options = { .sys = survey->sys,
						  .load_modules = load_modules };
	struct examination *x;
	int r = 0;

	if (dir->examined)
		return 0;
	x = mmap(NULL, sizeof(*x), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		 0);
	if (x == MAP_FAILED)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot examine %s",
				     OM_Q(dir->path));
	x->survey = survey;
	x->dir = dir;
	r = stat_dir(survey, dir, &x->st);
	if (r == 0)
		r = find_live(survey, dir);
	if (r == 0) {
		examine(x, &options);
		dir->overlay = x->overlay;
		for (size_t i = 0; i < dir->submounts.n && i < OM_MAX_SUBMOUNTS; i++)
			dir->submounts.v[i].locked = x->locked[i];
		dir->examined = true;
	}
	(void)munmap(x, sizeof(*x));
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot examine %s",
				     OM_Q(dir->path));
	return 0;
}

/*
 * Only copies of mounts that a more privileged namespace owns are locked, and an overlay
 * over an overlay may find no level left.
 */
static bool needs_try(const struct om_survey *survey, const struct om_scene_dir *dir)
{
	const struct om_probe_options options = { .sys = survey->sys };
	struct om_prober p;

	if (dir->stacked)
		return true;
	if (dir->submounts.n == 0)
		return false;
	om_prober_init(&p, &options);
	return may_be_locked(&p);
}

int om_scene_look(const struct om_survey *survey, struct om_scene_dir *dir,
		  struct om_error *e)
{
	int r;

	/* A hole that can be written is never covered by an overlay. */
	if (!dir->read_only || dir->ours)
		return 0;
	if (survey->list && !dir->fixed)
		r = om_scene_list(survey, dir, e);
	else
		r = dir->fixed ? 0 : find_live(survey, dir);
	/* What must not be listed cannot be copied either: nothing else would be better. */
	if (r < 0 && r != -EACCES)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot look into %s",
				     OM_Q(dir->path));
	return needs_try(survey, dir) ? om_scene_examine(survey, dir, false, e) : 0;
}
