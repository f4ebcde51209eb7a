/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See build.h.  Mounts are made with all attributes before anybody can see them.
 */
#include "apply/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/brought.h"
#include "apply/layers.h"
#include "apply/mirror.h"
#include "apply/stage.h"
#include "base/cleanup.h"
#include "base/path.h"
#include "probe/chase.h"

#define ATIME_ATTRS                                                                      \
	(OM_ATTR_NOATIME | OM_ATTR_NODIRATIME | OM_ATTR_RELATIME | OM_ATTR_STRICTATIME)

void om_build_init(struct om_build *b, const struct om_sys *sys,
		   const struct om_facts *facts)
{
	bool overlay = om_facts_get(facts, OM_FACT_OVERLAY_RO) == OM_YES;

	*b = (struct om_build){
		.sys = sys, .facts = facts, .stage_fd = -1, .stage_at = AT_FDCWD
	};
	b->tree_fd = b->skeleton_fd = b->dir_fd = -1;
	b->fd_api = om_facts_get(facts, OM_FACT_MOUNT_API) == OM_YES;
	b->detached = b->fd_api &&
		      om_facts_get(facts, OM_FACT_DETACHED_NESTING) == OM_YES &&
		      om_facts_get(facts, OM_FACT_MOUNT_SETATTR) == OM_YES &&
		      (!overlay ||
		       om_facts_get(facts, OM_FACT_OVERLAY_DETACHED_LOWER) == OM_YES);
}

static void forget_dir(struct om_build *b)
{
	b->dir_fd = om_close(b->dir_fd);
	free(b->dir_path);
	b->dir_path = NULL;
}

static void forget_inner(struct om_build *b)
{
	for (size_t i = 0; i < b->inner.n; i++)
		free(b->inner.v[i].path);
	b->inner.n = 0;
}

void om_build_drop_tree(struct om_build *b)
{
	forget_dir(b);
	b->tree_fd = om_close(b->tree_fd);
	b->skeleton_fd = om_close(b->skeleton_fd);
	free(b->tree_path);
	b->tree_path = NULL;
	b->overlay_options = 0;
	b->overlay_userxattr = false;
	b->ours_before = b->ours.n;
	b->unlisted = false;
	forget_inner(b);
}

void om_build_done(struct om_build *b)
{
	/* A second try, for callers that could do nothing about the first one's failure. */
	if (om_stage_close(b) < 0)
		(void)!om_stage_close(b);
	b->stage_fd = om_close(b->stage_fd);
	om_vec_free(&b->ours);
	om_vec_free(&b->ours_devs);
	forget_inner(b);
	om_vec_free(&b->inner);
}

int om_build_set_attr(struct om_build *b, int fd, bool recursive, unsigned attr,
		      unsigned long propagation)
{
	unsigned now;
	int r = b->sys->mount_setattr(b->sys, fd, recursive, attr, propagation);

	if (r != -ENOSYS)
		return r;
	/* compat: until 5.12 is the floor: a remount replaces all flags, so keep the old. */
	if (propagation) {
		r = b->sys->mount(b->sys, NULL, OM_FD_PATH(fd), NULL,
				  propagation | (recursive ? MS_REC : 0), NULL);
		if (r < 0)
			return r;
	}
	if (!attr)
		return 0;
	r = b->sys->mount_attr(b->sys, fd, &now);
	/* Of these one is in force, and the new one shall be it. */
	if (attr & ATIME_ATTRS)
		now &= ~(unsigned)ATIME_ATTRS;
	return r < 0 ? r
		     : b->sys->mount(b->sys, NULL, OM_FD_PATH(fd), NULL,
				     MS_REMOUNT | MS_BIND | om_attr_to_ms(now | attr),
				     NULL);
}

/* A mount that is about to hang at `at` (an fd in the tree), or at the root of a tree. */
struct place {
	int at;	    /* -1: the root of a tree */
	int parent; /* for reopening what was mounted at `at` */
	const char *name;
	bool dir;
};

int om_build_check_kind(int fd, bool dir, struct stat *ret)
{
	if (fstat(fd, ret) < 0)
		return -errno;
	if (S_ISLNK(ret->st_mode))
		return -ELOOP;
	if (dir != (bool)S_ISDIR(ret->st_mode))
		return dir ? -ENOTDIR : -EISDIR;
	return 0;
}

/* Is it still the directory that was surveyed, and whose names were listed? */
static int check_hole(const struct om_step *step, int fd)
{
	struct stat st;

	if (step->hole_ino == 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_dev == step->hole_dev && st.st_ino == step->hole_ino ? 0 : -ESTALE;
}

/* Is what shall be at the place there now?  -EPROTO when it was only said to be. */
static int check_placed(const struct om_build *b, const struct place *place,
			const char *slot, int fd)
{
	int r = place->at < 0
			? b->sys->same_object(b->sys, fd, b->stage_fd, slot)
			: b->sys->same_object(b->sys, fd, place->parent, place->name);

	return r < 0 ? r : r == 1 ? 0 : -EPROTO;
}

struct fs_option {
	const char *key;
	const char *value; /* NULL: a flag */
};

struct new_fs {
	const char *type;
	const struct fs_option *options;
	size_t n_options;
	const int *layers;
	size_t n_layers;
	const int *upper; /* and where to work beside it; NULL: nothing is written */
	unsigned attr;
};

static int set_lower(struct om_build *b, int fs, const struct new_fs *how)
{
	_cleanup_str_ struct om_str paths = { 0 };
	int r = 0;

	if (om_facts_get(b->facts, OM_FACT_OVERLAY_LAYER_FD) == OM_YES) {
		for (size_t i = 0; r == 0 && i < how->n_layers; i++)
			r = b->sys->fsconfig_fd(b->sys, fs, "lowerdir+", how->layers[i]);
		return r;
	}
	for (size_t i = 0; i < how->n_layers; i++)
		om_str_addf(&paths, "%s%s", i ? ":" : "", OM_FD_PATH(how->layers[i]));
	return paths.err < 0 ? paths.err
			     : b->sys->fsconfig_string(b->sys, fs, "lowerdir",
						       om_str_get(&paths));
}

static int set_upper(struct om_build *b, int fs, const int *upper)
{
	int r = b->sys->fsconfig_string(b->sys, fs, "upperdir", OM_FD_PATH(upper[0]));

	return r < 0 ? r
		     : b->sys->fsconfig_string(b->sys, fs, "workdir",
					       OM_FD_PATH(upper[1]));
}

static int configure(struct om_build *b, int fs, const struct new_fs *how)
{
	int r = b->sys->fsconfig_string(b->sys, fs, "source", OM_SOURCE_NAME);

	for (size_t i = 0; r == 0 && i < how->n_options; i++)
		r = how->options[i].value
			    ? b->sys->fsconfig_string(b->sys, fs, how->options[i].key,
						      how->options[i].value)
			    : b->sys->fsconfig_flag(b->sys, fs, how->options[i].key);
	if (r == 0 && how->n_layers > 0)
		r = set_lower(b, fs, how);
	return r == 0 && how->upper ? set_upper(b, fs, how->upper) : r;
}

/* The kernel's own words about the failure, where the context has a log. */
static int with_log(int fs, int r, struct om_error *e)
{
	char log[256];
	ssize_t n = read(fs, log, sizeof(log) - 1);

	if (n > 2) {
		log[n] = '\0';
		log[strcspn(log, "\n")] = '\0';
		om_error_fix(e, "the kernel says: %s", OM_Q(log));
	}
	return r;
}

/* Takes a detached mount over; its fd, when it is at its place. */
static int put_at(struct om_build *b, int mount, const struct place *place)
{
	_cleanup_close_ int fd = mount;
	_cleanup_close_ int slot = -1;
	char name[OM_SLOT_SIZE];
	int r;

	if (place->at < 0 && b->detached)
		return TAKE_FD(fd);
	if (place->at < 0) {
		slot = om_stage_slot(b, true, name);
		if (slot < 0)
			return slot;
	}
	r = b->sys->move_mount(b->sys, fd, place->at < 0 ? slot : place->at, "");
	if (r == 0)
		r = check_placed(b, place, name, fd);
	return r < 0 ? r : TAKE_FD(fd);
}

static int mount_new_by_fd(struct om_build *b, const struct new_fs *how,
			   const struct place *place, struct om_error *e)
{
	_cleanup_close_ int fs = -1;
	int r;

	fs = b->sys->fsopen(b->sys, how->type);
	if (fs < 0)
		return fs;
	r = configure(b, fs, how);
	if (r == 0)
		r = b->sys->fsconfig_create(b->sys, fs);
	if (r < 0)
		return with_log(fs, r, e);
	r = b->sys->fsmount(b->sys, fs, how->attr);
	return r < 0 ? r : put_at(b, r, place);
}

/* The same as configure(), for mount(2). */
static void add_data(const struct new_fs *how, struct om_str *data)
{
	for (size_t i = 0; i < how->n_options; i++)
		om_str_addf(data, "%s%s%s%s", data->len ? "," : "", how->options[i].key,
			    how->options[i].value ? "=" : "",
			    how->options[i].value ? how->options[i].value : "");
	for (size_t i = 0; i < how->n_layers; i++)
		om_str_addf(data, "%s%s",
			    i		? ":"
			    : data->len ? ",lowerdir="
					: "lowerdir=",
			    OM_FD_PATH(how->layers[i]));
	if (how->upper)
		om_str_addf(data, ",upperdir=%s,workdir=%s", OM_FD_PATH(how->upper[0]),
			    OM_FD_PATH(how->upper[1]));
}

/* What was mounted there: it is another object than the directory below. */
static int open_covering(const struct om_build *b, int parent, const char *name,
			 int below)
{
	_cleanup_close_ int fd =
		b->sys->open(b->sys, parent, name, O_PATH | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : b->sys->same_object(b->sys, fd, below, "");

	return r < 0 ? r : r == 1 ? -EPROTO : TAKE_FD(fd);
}

static int mount_new_by_path(struct om_build *b, const struct new_fs *how,
			     const struct place *place)
{
	_cleanup_close_ int slot = -1;
	_cleanup_str_ struct om_str data = { 0 };
	char name[OM_SLOT_SIZE];
	int r;

	add_data(how, &data);
	if (data.err < 0)
		return data.err;
	/* mount(2) cuts at a page in silence and mounts what is left. */
	if (data.len > 4000)
		return -E2BIG;
	if (place->at < 0) {
		slot = om_stage_slot(b, true, name);
		if (slot < 0)
			return slot;
	}
	r = b->sys->mount(b->sys, OM_SOURCE_NAME,
			  OM_FD_PATH(place->at < 0 ? slot : place->at), how->type,
			  om_attr_to_ms(how->attr), om_str_get(&data));
	if (r < 0)
		return r;
	return place->at < 0 ? open_covering(b, b->stage_fd, name, slot)
			     : open_covering(b, place->parent, place->name, place->at);
}

static int mount_new(struct om_build *b, const struct new_fs *how,
		     const struct place *place, struct om_error *e)
{
	return b->fd_api ? mount_new_by_fd(b, how, place, e)
			 : mount_new_by_path(b, how, place);
}

/* The same for a root, by overmount-layers. */
static int mount_by_layers(struct om_build *b, const struct new_fs *how,
			   struct om_error *e)
{
	const struct place root = { .at = -1, .dir = true };
	struct om_layers_ask ask = { .skeleton = how->layers[0],
				     .hole = how->layers[1],
				     .place = -1,
				     .attr = how->attr,
				     .n_options = how->n_options };
	_cleanup_close_ int slot = -1;
	char name[OM_SLOT_SIZE];
	int r;

	if (!b->fd_api) {
		slot = ask.place = om_stage_slot(b, true, name);
		if (slot < 0)
			return slot;
	}
	r = om_layers_make(b, &ask, e);
	if (r < 0)
		return r;
	return b->fd_api ? put_at(b, r, &root)
			 : open_covering(b, b->stage_fd, name, slot);
}

static int bind_by_fd(struct om_build *b, int source, const struct om_step *step,
		      const struct place *place)
{
	_cleanup_close_ int slot = -1;
	_cleanup_close_ int fd = -1;
	char name[OM_SLOT_SIZE];
	int r;

	fd = b->sys->open_tree(b->sys, source, "", step->recursive);
	if (fd < 0)
		return fd;
	if (step->attr && b->detached) {
		r = om_build_set_attr(b, fd, step->recursive, step->attr, 0);
		if (r < 0)
			return r;
	}
	if (place->at < 0 && b->detached)
		return TAKE_FD(fd);
	if (place->at < 0) {
		slot = om_stage_slot(b, place->dir, name);
		if (slot < 0)
			return slot;
	}
	r = b->sys->move_mount(b->sys, fd, place->at < 0 ? slot : place->at, "");
	if (r == 0)
		r = check_placed(b, place, name, fd);
	if (r == 0 && step->attr && !b->detached)
		r = om_build_set_attr(b, fd, step->recursive, step->attr, 0);
	return r < 0 ? r : TAKE_FD(fd);
}

static int bind_by_path(struct om_build *b, int source, const struct om_step *step,
			const struct place *place)
{
	_cleanup_close_ int slot = -1;
	_cleanup_close_ int fd = -1;
	unsigned long flags = MS_BIND | (step->recursive ? MS_REC : 0);
	char name[OM_SLOT_SIZE];
	int r;

	if (place->at < 0) {
		slot = om_stage_slot(b, place->dir, name);
		if (slot < 0)
			return slot;
	}
	r = b->sys->mount(b->sys, OM_FD_PATH(source),
			  OM_FD_PATH(place->at < 0 ? slot : place->at), NULL, flags,
			  NULL);
	if (r < 0)
		return r;
	fd = b->sys->open(b->sys, place->at < 0 ? b->stage_fd : place->parent,
			  place->at < 0 ? name : place->name, O_PATH | O_NOFOLLOW, 0);
	r = fd < 0 ? fd : b->sys->same_object(b->sys, source, fd, "");
	if (r <= 0)
		return r < 0 ? r : -EPROTO;
	r = step->attr ? om_build_set_attr(b, fd, step->recursive, step->attr, 0) : 0;
	return r < 0 ? r : TAKE_FD(fd);
}

/* The directory of the skeleton or of the tree that holds path; borrowed from the cache. */
static int open_parent(struct om_build *b, enum om_place place, const char *path)
{
	int base = place == OM_PLACE_SKELETON ? b->skeleton_fd : b->tree_fd;
	const char *top = place == OM_PLACE_SKELETON ? "/" : b->tree_path;
	_cleanup_free_ char *parent = om_path_parent(path);
	const char *below;
	int fd;

	if (!parent)
		return -ENOMEM;
	if (b->dir_path && b->dir_place == place && strcmp(b->dir_path, parent) == 0)
		return b->dir_fd;
	below = om_path_below(parent, top);
	fd = b->sys->open(b->sys, base, *below ? below : ".",
			  O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	forget_dir(b);
	b->dir_fd = fd;
	b->dir_path = TAKE_PTR(parent);
	b->dir_place = place;
	return fd;
}

/* Opens the place of a step inside the tree; -1 in ret->at for the root of the tree. */
static int find_place(struct om_build *b, const struct om_step *step, struct place *ret)
{
	*ret = (struct place){ .at = -1, .parent = -1, .dir = step->dir };
	if (step->root)
		return 0;
	ret->parent = open_parent(b, step->place, step->path);
	if (ret->parent < 0)
		return ret->parent;
	ret->name = om_path_base(step->path);
	ret->at = b->sys->open(b->sys, ret->parent, ret->name, O_PATH | O_NOFOLLOW, 0);
	return ret->at < 0 ? ret->at : 0;
}

static int start_tree(struct om_build *b, const struct om_step *step, int fd)
{
	forget_dir(b);
	(void)om_close(b->tree_fd);
	b->tree_fd = fd;
	b->tree_want = om_attr_visible(step->attr);
	b->tree_is_new = step->kind != OM_STEP_BIND;
	b->hole_dev = step->hole_dev;
	b->hole_ino = step->hole_ino;
	free(b->tree_path);
	b->tree_path = strdup(step->path);
	return b->tree_path ? 0 : -ENOMEM;
}

static int note_ours(struct om_build *b, const struct om_mount_id *id, int fd)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : om_vec_push(&b->ours, *id);

	return r < 0 ? r : om_vec_push(&b->ours_devs, st.st_dev);
}

/* The attributes of a mount, of which it must have these. */
static int read_attr(const struct om_build *b, int fd, unsigned want, unsigned *ret_attr)
{
	int r = b->sys->mount_attr(b->sys, fd, ret_attr);

	return r < 0 ? r : (*ret_attr & want) == want ? 0 : -EPROTO;
}

/* For the journal: what it is to be, once the construction is visible. */
static int note_inner(struct om_build *b, const struct om_step *step,
		      const struct om_mount_id *id, int fd, unsigned inherited)
{
	struct om_build_inner inner = { .step = step,
					.id = *id,
					.want = om_attr_visible(step->attr) };
	struct stat st;
	int r = read_attr(b, fd, inner.want | inherited, &inner.attr);

	if (r < 0)
		return r;
	if (!id->unique) {
		if (fstat(fd, &st) < 0)
			return -errno;
		inner.dev = st.st_dev;
		inner.ino = st.st_ino;
	}
	return om_vec_push(&b->inner, inner);
}

/*
 * Nested mounts are held by the tree; only the root's fd is kept.  inherited: attributes
 * that it has of what it was bound from.
 */
static int keep_one(struct om_build *b, const struct om_step *step, int fd,
		    unsigned inherited)
{
	bool is_ours = step->kind == OM_STEP_TMPFS && !step->source;
	unsigned want = om_attr_visible(step->attr);
	struct om_mount_id id;
	int r = 0;

	if (is_ours || !step->root)
		r = b->sys->mount_id(b->sys, fd, &id.id, &id.unique);
	if (r == 0 && is_ours)
		r = note_ours(b, &id, fd);
	if (r == 0 && step->root)
		r = read_attr(b, fd, want | inherited, &b->tree_attr);
	return r < 0 || step->root ? r : note_inner(b, step, &id, fd, inherited);
}

/* fd is owned here.  source: what a bind may have brought mounts along from, or -1. */
static int keep_mount(struct om_build *b, const struct om_step *step, int fd,
		      unsigned inherited, int source)
{
	int r = keep_one(b, step, fd, inherited);

	if (r == 0 && source >= 0)
		r = om_brought_find(b, step, source, fd);
	if (r == 0 && step->root)
		return start_tree(b, step, fd);
	(void)om_close(fd);
	return r;
}

/* The kernel rounds up to pages; 0 asks for its default. */
static int check_capacity(const struct om_build *b, int fd, const struct om_step *step)
{
	uint64_t bytes, inodes;
	int r;

	if (!step->size && !step->inodes)
		return 0;
	r = b->sys->capacity(b->sys, fd, &bytes, &inodes);
	if (r < 0)
		return r;
	if (step->size && (bytes < step->size || bytes - step->size >= 65536))
		return -EPROTO;
	return step->inodes && inodes != step->inodes ? -EPROTO : 0;
}

/* Nobody can own it, or set its mode, once it is there. */
static bool is_born_read_only(const struct om_step *step)
{
	return step->attr & OM_ATTR_RDONLY && !step->source;
}

static mode_t tmpfs_mode(const struct om_step *step)
{
	return step->mode == OM_MODE_UNSET ? 01777 : step->mode;
}

/* In a user namespace only the user is mapped for sure, whose it is anyway. */
static size_t add_owner(const struct om_step *step, char buf[3][24],
			struct fs_option *options)
{
	(void)snprintf(buf[0], sizeof(buf[0]), "%o", (unsigned)tmpfs_mode(step));
	(void)snprintf(buf[1], sizeof(buf[1]), "%u", step->uid);
	(void)snprintf(buf[2], sizeof(buf[2]), "%u", step->gid);
	options[0] = (struct fs_option){ "mode", buf[0] };
	options[1] = (struct fs_option){ "uid", buf[1] };
	options[2] = (struct fs_option){ "gid", buf[2] };
	return geteuid() == 0 ? 3 : 1;
}

/* A tmpfs as large as the step says. */
static int mount_tmpfs(struct om_build *b, const struct om_step *step,
		       const struct place *place, struct om_error *e)
{
	char size[24], inodes[24], owner[3][24];
	struct fs_option options[5];
	struct new_fs how = { .type = "tmpfs", .attr = step->attr, .options = options };

	if (is_born_read_only(step))
		how.n_options = add_owner(step, owner, options);
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)step->size);
	(void)snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)step->inodes);
	if (step->size)
		options[how.n_options++] = (struct fs_option){ "size", size };
	if (step->inodes)
		options[how.n_options++] = (struct fs_option){ "nr_inodes", inodes };
	return mount_new(b, &how, place, e);
}

static int build_skeleton(struct om_build *b, const struct om_step *step,
			  struct om_error *e)
{
	const struct place place = { .at = -1, .dir = true };
	int r;

	(void)om_close(b->skeleton_fd);
	forget_dir(b);
	b->skeleton_fd = mount_tmpfs(b, step, &place, e);
	if (b->skeleton_fd < 0)
		return b->skeleton_fd;
	r = om_set_mode(b->sys, b->skeleton_fd, 0755);
	return r < 0 ? r : check_capacity(b, b->skeleton_fd, step);
}

/* The directory that a mimic stands for. */
static int mirror_hole(const struct om_build *b, const struct om_step *step, int fd)
{
	_cleanup_close_ int hole =
		om_open_beneath(b->sys, b->root_fd, step->source, O_PATH | O_DIRECTORY);
	int r = hole < 0 ? hole : check_hole(step, hole);

	return r < 0 ? r : om_mirror_fd(b->sys, hole, fd);
}

/* The owner and the mode that it was to be mounted with. */
static int check_owner(int fd, const struct om_step *step)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 07777) != tmpfs_mode(step))
		return -EPROTO;
	return geteuid() != 0 || (st.st_uid == step->uid && st.st_gid == step->gid)
		       ? 0
		       : -EPROTO;
}

static int build_tmpfs(struct om_build *b, const struct om_step *step, struct om_error *e)
{
	_cleanup_close_ int at = -1;
	struct place place;
	int fd, r = find_place(b, step, &place);

	if (r < 0)
		return r;
	at = place.at;
	fd = mount_tmpfs(b, step, &place, e);
	if (fd < 0)
		return fd;
	if (step->source)
		r = mirror_hole(b, step, fd);
	else if (is_born_read_only(step))
		r = check_owner(fd, step);
	else
		r = om_set_owner_mode(b->sys, fd, step->uid, step->gid, tmpfs_mode(step));
	if (r == 0)
		r = check_capacity(b, fd, step);
	return r < 0 ? (om_close(fd), r) : keep_mount(b, step, fd, 0, -1);
}

/* What is not known is asked for: the kernel's own default must not decide in silence. */
static bool takes_both_options(const struct om_facts *facts)
{
	return om_facts_get(facts, OM_FACT_OVERLAY_METACOPY_OFF) != OM_NO &&
	       om_facts_get(facts, OM_FACT_OVERLAY_OPTIONS) != OM_NO;
}

/*
 * Content of a lower layer must not steer the overlay by xattrs.  4.15 takes the first
 * option and not the second; what comes after both is only for what is written.
 */
static const struct fs_option overlay_options[] = {
	{ "redirect_dir", "nofollow" },
	{ "metacopy", "off" },
	{ "index", "off" },
};

static size_t count_options(const struct om_facts *facts)
{
	if (om_facts_get(facts, OM_FACT_OVERLAY_NOFOLLOW) == OM_NO)
		return 0;
	return takes_both_options(facts) ? 2 : 1;
}

/*
 * In a user namespace nobody may set trusted.*, by which an upper layer knows that a
 * directory is a new one: without userxattr an old one could not be removed there.
 */
static int needs_userxattr(const struct om_build *b)
{
	_cleanup_close_ int fd =
		b->sys->open(b->sys, b->skeleton_fd, ".", O_RDONLY | O_DIRECTORY, 0);
	int r = fd < 0 ? fd : b->sys->setxattr(b->sys, fd, "trusted.overmount", "y", 1);

	if (r == -EPERM)
		return 1;
	return r == -EOPNOTSUPP ? 0 : r;
}

/* When it cannot work beside the upper layer the kernel mounts read-only, and says yes. */
static int check_writable(const struct om_build *b, int fd)
{
	unsigned attr;
	int r = b->sys->mount_attr(b->sys, fd, &attr);

	return r < 0 ? r : attr & OM_ATTR_RDONLY ? -EROFS : 0;
}

static int mount_writable(struct om_build *b, const struct om_step *step, int upper,
			  int hole, struct om_error *e)
{
	const struct place place = { .at = -1, .dir = true };
	struct fs_option options[ARRAY_SIZE(overlay_options) + 1];
	_cleanup_close_ int work = om_open_beneath(b->sys, b->skeleton_fd,
						   om_plan_work_dir(step->path),
						   O_PATH | O_DIRECTORY);
	const int layers[2] = { upper, work };
	struct new_fs how = { .type = "overlay",
			      .attr = step->attr,
			      .options = options,
			      .layers = &hole,
			      .n_layers = 1,
			      .upper = layers };
	size_t n = count_options(b->facts);
	int fd, r = work < 0 ? work : needs_userxattr(b);

	if (r < 0)
		return r;
	b->overlay_userxattr = r > 0;
	if (b->overlay_userxattr)
		options[how.n_options++] = (struct fs_option){ "userxattr", NULL };
	for (size_t i = 0; i < n; i++)
		options[how.n_options++] = overlay_options[i];
	b->overlay_options = n;
	fd = -EINVAL;
	/* Older kernels do not know the third one, and have nothing to turn off. */
	if (n == 2) {
		options[how.n_options++] = overlay_options[2];
		b->overlay_options = 3;
		fd = mount_new(b, &how, &place, e);
	}
	if (fd == -EINVAL) {
		how.n_options -= b->overlay_options - n;
		b->overlay_options = n;
		fd = mount_new(b, &how, &place, e);
	}
	r = fd < 0 ? fd : check_writable(b, fd);
	return r < 0 && fd >= 0 ? (om_close(fd), r) : fd;
}

static int mount_read_only(struct om_build *b, const struct om_step *step, int skeleton,
			   int hole, struct om_error *e)
{
	const struct place place = { .at = -1, .dir = true };
	const int layers[2] = { skeleton, hole };
	const struct new_fs how = { .type = "overlay",
				    .attr = step->attr,
				    .options = overlay_options,
				    .n_options = count_options(b->facts),
				    .layers = layers,
				    .n_layers = ARRAY_SIZE(layers) };

	b->overlay_options = how.n_options;
	return b->layers > 0 ? mount_by_layers(b, &how, e)
			     : mount_new(b, &how, &place, e);
}

static int build_overlay(struct om_build *b, const struct om_step *step,
			 struct om_error *e)
{
	_cleanup_close_ int skeleton = -1;
	_cleanup_close_ int hole = -1;
	int fd;

	skeleton = om_open_beneath(b->sys, b->skeleton_fd, step->source,
				   O_PATH | O_DIRECTORY);
	if (skeleton < 0)
		return skeleton;
	hole = om_open_beneath(b->sys, b->root_fd, step->source, O_PATH | O_DIRECTORY);
	fd = hole < 0 ? hole : check_hole(step, hole);
	if (fd < 0)
		return fd;
	fd = (step->writable ? mount_writable : mount_read_only)(b, step, skeleton, hole,
								 e);
	return fd < 0 ? fd : keep_mount(b, step, fd, 0, -1);
}

/* What is bound back is of the kind that it had, whatever that was, but for links. */
static int check_source(const struct om_step *step, int fd)
{
	struct stat st;

	if (step->entry != SIZE_MAX)
		return om_build_check_kind(fd, step->dir, &st);
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISLNK(st.st_mode) ? -ELOOP : 0;
}

/* A bind has the attributes of its source, but for how it treats times of access. */
static int read_inherited(const struct om_build *b, int source,
			  const struct om_step *step, unsigned *ret_attr)
{
	int r = b->sys->mount_attr(b->sys, source, ret_attr);

	if (step->attr & ATIME_ATTRS)
		*ret_attr &= ~(unsigned)ATIME_ATTRS;
	return r;
}

static int build_bind(struct om_build *b, const struct om_step *step)
{
	_cleanup_close_ int source = -1;
	_cleanup_close_ int at = -1;
	struct place place;
	unsigned inherited = 0;
	int fd, r = find_place(b, step, &place);

	if (r < 0)
		return r;
	at = place.at;
	source = om_open_beneath(b->sys,
				 step->entry == SIZE_MAX ? b->root_fd : b->source_fd,
				 step->source, O_PATH | O_NOFOLLOW);
	r = source < 0 ? source : check_source(step, source);
	if (r < 0)
		return r;
	fd = b->fd_api ? bind_by_fd(b, source, step, &place)
		       : bind_by_path(b, source, step, &place);
	if (fd < 0)
		return fd;
	/* On the stage somebody may have changed it already. */
	r = b->detached ? 0 : read_inherited(b, source, step, &inherited);
	return r < 0 ? (om_close(fd), r)
		     : keep_mount(b, step, fd, inherited, step->brings ? source : -1);
}

static int build_dir(struct om_build *b, const struct om_step *step)
{
	bool is_root = step->path[1] == '\0';
	_cleanup_close_ int fd = -1;
	int parent = -1, r;

	if (is_root && step->place == OM_PLACE_SKELETON)
		return om_mirror(b->sys, b->root_fd, step->source, b->skeleton_fd);
	if (step->place == OM_PLACE_SKELETON && step->source) {
		r = om_make_parents(b->sys, b->skeleton_fd, step->path);
		if (r < 0)
			return r;
	}
	parent = open_parent(b, step->place, step->path);
	if (parent < 0)
		return parent;
	r = b->sys->mkdir(b->sys, parent, om_path_base(step->path),
			  step->source ? 0700 : step->mode);
	if (r < 0 || !step->source)
		return r;
	fd = b->sys->open(b->sys, parent, om_path_base(step->path), O_PATH | O_DIRECTORY,
			  0);
	return fd < 0 ? fd : om_mirror(b->sys, b->root_fd, step->source, fd);
}

static int build_name(struct om_build *b, const struct om_step *step)
{
	const char *name = om_path_base(step->path);
	int parent = open_parent(b, step->place, step->path);
	int r;

	if (parent < 0)
		return parent;
	if (step->kind == OM_STEP_MKFILE)
		return b->sys->mkfile(b->sys, parent, name, 0644);
	if (step->kind == OM_STEP_WHITEOUT)
		return b->sys->mknod(b->sys, parent, name, S_IFCHR, 0);
	r = b->sys->symlink(b->sys, step->source, parent, name);
	if (r == 0 && step->entry == SIZE_MAX)
		r = om_tolerate_unmapped(
			b->sys->chown(b->sys, parent, name, step->uid, step->gid));
	return r;
}

static int seal(struct om_build *b, const struct om_step *step)
{
	int r = om_build_set_attr(b, b->tree_fd, false, step->attr, 0);

	b->tree_want |= om_attr_visible(step->attr);
	return r < 0 ? r : read_attr(b, b->tree_fd, b->tree_want, &b->tree_attr);
}

static int run_step(struct om_build *b, const struct om_step *step, struct om_error *e)
{
	switch (step->kind) {
	case OM_STEP_SKELETON:
		return build_skeleton(b, step, e);
	case OM_STEP_TMPFS:
		return build_tmpfs(b, step, e);
	case OM_STEP_OVERLAY:
		return build_overlay(b, step, e);
	case OM_STEP_BIND:
		return build_bind(b, step);
	case OM_STEP_MKDIR:
		return build_dir(b, step);
	case OM_STEP_MKFILE:
	case OM_STEP_SYMLINK:
	case OM_STEP_WHITEOUT:
		return build_name(b, step);
	case OM_STEP_SEAL:
		return seal(b, step);
	case OM_STEP_ATTACH:
	case _OM_STEP_MAX:
		break;
	}
	return -EINVAL;
}

int om_build_step(struct om_build *b, const struct om_step *step, struct om_error *e)
{
	struct om_error inner = { 0 };
	int r = run_step(b, step, &inner);

	if (r >= 0)
		return 0;
	r = om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot %s %s", om_step_doing(step->kind),
			  OM_Q(step->path));
	if (inner.fix[0])
		om_error_fix(e, "%s", inner.fix);
	return r;
}
