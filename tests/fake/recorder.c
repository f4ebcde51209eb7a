/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See recorder.h.
 */
#include "fake/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake/tree.h"
#include "layers/layers.h"

static struct recorder *self(const struct om_sys *sys)
{
	return sys->userdata;
}

static struct recorder_mount *mount_of(struct recorder *r, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < r->mounts.n; i++)
		if (r->mounts.v[i].ino == st.st_ino && r->mounts.v[i].dev == st.st_dev)
			return &r->mounts.v[i];
	return NULL;
}

/* Name of what an fd stands for, the same in every run. */
static const char *fd_name(struct recorder *r, int fd, char *buf, size_t size)
{
	const struct recorder_mount *m = mount_of(r, fd);
	char path[4096];
	ssize_t n;

	if (m) {
		(void)snprintf(buf, size, "%s", m->label);
		return buf;
	}
	n = readlink(OM_FD_PATH(fd), path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	/* /SCRATCH/N/rest is mount N; the tree under test ends in tree/rest. */
	if (strncmp(path, r->scratch, strlen(r->scratch)) == 0)
		(void)snprintf(buf, size, "m%s", path + strlen(r->scratch) + 1);
	else
		(void)snprintf(buf, size, "%s",
			       strstr(path, "/tree") ? strstr(path, "/tree") + 5 : path);
	return buf;
}

/* The mount that fd is in; -1: none of these. */
static long mount_around(const struct recorder *r, int fd)
{
	size_t n = strlen(r->scratch);
	char path[4096];
	ssize_t len = readlink(OM_FD_PATH(fd), path, sizeof(path) - 1);

	path[len < 0 ? 0 : len] = '\0';
	return strncmp(path, r->scratch, n) == 0 ? strtol(path + n + 1, NULL, 10) : -1;
}

static bool is_attached(const struct recorder *r, const struct recorder_mount *m)
{
	return m->on_ino != 0 && (m->in < 0 || is_attached(r, &r->mounts.v[m->in]));
}

#define NAME(fd) fd_name(r, fd, (char[4096]){ 0 }, 4096)

/* Counts and writes down one change; the errno to fail with, or 0. */
__attribute__((format(printf, 2, 3))) static int change(struct recorder *r,
							const char *format, ...)
{
	char line[8192];
	va_list ap;
	bool fail;

	r->calls++;
	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	fail = r->fail_at &&
	       (r->fail_on ? r->calls >= r->fail_at : r->calls == r->fail_at);
	fail = fail || (r->failing && om_startswith(line, r->failing));
	om_str_addf(&r->log, "%s%s\n", line, fail ? " (failed)" : "");
	return fail ? -r->fail_errno : 0;
}

static int rec_mkdir(const struct om_sys *sys, int dirfd, const char *name, mode_t mode)
{
	struct recorder *r = self(sys);
	int e = change(r, "mkdir %s %s %04o", NAME(dirfd), name, mode);

	return e ? e : om_sys_linux.mkdir(sys, dirfd, name, mode);
}

static int rec_mkfile(const struct om_sys *sys, int dirfd, const char *name, mode_t mode)
{
	struct recorder *r = self(sys);
	int e = change(r, "mkfile %s %s %04o", NAME(dirfd), name, mode);

	return e ? e : om_sys_linux.mkfile(sys, dirfd, name, mode);
}

static int rec_symlink(const struct om_sys *sys, const char *content, int dirfd,
		       const char *name)
{
	struct recorder *r = self(sys);
	int e = change(r, "symlink %s %s -> %s", NAME(dirfd), name, content);

	return e ? e : om_sys_linux.symlink(sys, content, dirfd, name);
}

static int rec_unlink(const struct om_sys *sys, int dirfd, const char *name, int flags)
{
	struct recorder *r = self(sys);
	int e = change(r, "unlink %s %s", NAME(dirfd), name);

	return e ? e : om_sys_linux.unlink(sys, dirfd, name, flags);
}

static int rec_chmod(const struct om_sys *sys, int fd, mode_t mode)
{
	struct recorder *r = self(sys);
	int e = change(r, "chmod %s %04o", NAME(fd), mode);

	return e ? e : om_sys_linux.chmod(sys, fd, mode);
}

/* Owners are not real here: the test may run as anybody. */
static int rec_chown(const struct om_sys *sys, int dirfd, const char *name, uid_t uid,
		     gid_t gid)
{
	struct recorder *r = self(sys);

	return change(r, "chown %s %s %u:%u", NAME(dirfd), name, uid, gid);
}

static int rec_setxattr(const struct om_sys *sys, int fd, const char *name,
			const void *value, size_t size)
{
	(void)sys;
	(void)fd;
	(void)name;
	(void)value;
	(void)size;
	return 0;
}

static int new_mount(struct recorder *r, bool dir, unsigned attr)
{
	struct recorder_mount m = { .id = 1000 + r->mounts.n, .in = -1, .attr = attr };
	char path[128];
	struct stat st;
	int fd;

	(void)snprintf(m.label, sizeof(m.label), "m%zu", r->mounts.n);
	(void)snprintf(path, sizeof(path), "%s/%zu", r->scratch, r->mounts.n);
	fd = dir ? mkdir(path, 0755) : open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd > 0)
		(void)close(fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	m.dev = st.st_dev;
	m.ino = st.st_ino;
	(void)om_vec_push(&r->mounts, m);
	return fd;
}

static int rec_fsopen(const struct om_sys *sys, const char *type)
{
	struct recorder *r = self(sys);
	int e = r->no_fd_api ? -ENOSYS : change(r, "fsopen %s", type);

	return e ? e : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int rec_fsconfig_string(const struct om_sys *sys, int fs, const char *key,
			       const char *value)
{
	struct recorder *r = self(sys);

	(void)fs;
	if (strcmp(key, "size") == 0)
		r->bytes = strtoull(value, NULL, 10);
	if (strcmp(key, "nr_inodes") == 0)
		r->inodes = strtoull(value, NULL, 10);
	return change(self(sys), "fsconfig %s=%s", key, value);
}

static int rec_fsconfig_flag(const struct om_sys *sys, int fs, const char *key)
{
	(void)fs;
	return change(self(sys), "fsconfig %s", key);
}

static int rec_fsconfig_fd(const struct om_sys *sys, int fs, const char *key, int fd)
{
	struct recorder *r = self(sys);

	(void)fs;
	return change(r, "fsconfig %s=<%s>", key, NAME(fd));
}

static int rec_fsconfig_create(const struct om_sys *sys, int fs)
{
	(void)fs;
	return change(self(sys), "fsconfig create");
}

static int rec_fsmount(const struct om_sys *sys, int fs, unsigned attr)
{
	struct recorder *r = self(sys);
	int e = change(r, "fsmount attr %#x = m%zu", attr, r->mounts.n);

	(void)fs;
	return e ? e : new_mount(r, true, attr);
}

/* As overmount-layers does it; the program is not asked. */
static int rec_layers(const struct om_sys *sys, int program,
		      const struct om_layers_ask *ask, struct om_layers_reply *reply)
{
	struct recorder *r = self(sys);
	struct recorder_mount *m;
	struct stat st;
	int fd, e;

	(void)program;
	*reply = (struct om_layers_reply){ .what = "making it up",
					   .confined = r->confined_helper,
					   .label = "overmount-layers (enforce)" };
	e = change(r, "layers %s over %s at %s attr %#x options %zu = m%zu",
		   NAME(ask->skeleton), NAME(ask->hole),
		   ask->place < 0 ? "nowhere" : NAME(ask->place), ask->attr,
		   ask->n_options, r->mounts.n);
	if (e)
		return e;
	fd = new_mount(r, true, ask->attr);
	if (fd < 0 || ask->place < 0)
		return fd;
	m = mount_of(r, fd);
	(void)close(fd);
	if (!m || fstat(ask->place, &st) < 0)
		return -EINVAL;
	m->on_dev = st.st_dev;
	m->on_ino = st.st_ino;
	m->in = mount_around(r, ask->place);
	return 0;
}

static int rec_open_tree(const struct om_sys *sys, int dirfd, const char *path,
			 bool recursive)
{
	struct recorder *r = self(sys);
	struct stat st;
	int e = change(r, "open_tree %s%s%s = m%zu", NAME(dirfd), path,
		       recursive ? " recursive" : "", r->mounts.n);

	if (e)
		return e;
	return fstat(dirfd, &st) < 0 ? -errno : new_mount(r, S_ISDIR(st.st_mode), 0);
}

static int rec_move_mount(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	struct recorder *r = self(sys);
	struct recorder_mount *m = mount_of(r, fd);
	const struct recorder_mount *on;
	struct stat st;
	int e = change(r, "move_mount %s -> %s%s%s", NAME(fd), NAME(dirfd),
		       *path ? "/" : "", path);

	if (e)
		return e;
	if (!m || fstatat(dirfd, path, &st, AT_EMPTY_PATH) < 0)
		return -EINVAL;
	on = mount_of(r, dirfd);
	m->on_dev = st.st_dev;
	m->on_ino = st.st_ino;
	m->in = mount_around(r, dirfd);
	/* Into a grave: what is attached below a detached mount is not seen. */
	if (on && *path)
		m->on_dev = m->on_ino = 0;
	return 0;
}

static int rec_mount_setattr(const struct om_sys *sys, int fd, bool recursive,
			     unsigned attr, unsigned long propagation)
{
	struct recorder *r = self(sys);
	struct recorder_mount *m = mount_of(r, fd);
	int e = change(r, "mount_setattr %s%s attr %#x propagation %#lx", NAME(fd),
		       recursive ? " recursive" : "", attr, propagation);

	if (e == 0 && m)
		m->attr |= attr;
	return e;
}

static int rec_mount_attr(const struct om_sys *sys, int fd, unsigned *ret_attr)
{
	struct recorder *r = self(sys);
	const struct recorder_mount *m = mount_of(r, fd);

	*ret_attr = m ? m->attr : 0;
	return -r->fail_attr;
}

/* The fd that a path of OM_FD_PATH() is about, or -1. */
static int fd_of_path(const char *path)
{
	int fd = -1;

	return path && sscanf(path, "/proc/self/fd/%d", &fd) == 1 ? fd : -1;
}

static int rec_umount(const struct om_sys *sys, const char *target, int flags)
{
	struct recorder *r = self(sys);
	int fd = fd_of_path(target);
	struct recorder_mount *m;
	int e;

	e = change(r, "umount %s %d", fd < 0 ? target : NAME(fd), flags);
	if (e)
		return e;
	m = fd < 0 ? NULL : mount_of(r, fd);
	if (!m)
		return -EINVAL;
	m->on_dev = m->on_ino = 0;
	return 0;
}

/* Of mount(2) only the move has an effect. */
static int rec_mount(const struct om_sys *sys, const char *source, const char *target,
		     const char *type, unsigned long flags, const char *data)
{
	struct recorder *r = self(sys);
	int from = fd_of_path(source), to = fd_of_path(target);
	struct recorder_mount *m;
	struct stat st;
	int e = change(r, "mount %s -> %s type %s flags %#lx %s",
		       from < 0 ? "none" : NAME(from), to < 0 ? "none" : NAME(to),
		       type ? type : "none", flags, data ? data : "");

	if (e || !(flags & MS_MOVE))
		return e;
	m = mount_of(r, from);
	if (!m || fstat(to, &st) < 0)
		return -EINVAL;
	m->on_dev = st.st_dev;
	m->on_ino = st.st_ino;
	m->in = mount_around(r, to);
	return 0;
}

static uint64_t table_id(uint64_t unique_id)
{
	return unique_id < 1000 ? unique_id : unique_id - 900;
}

static int rec_mount_id(const struct om_sys *sys, int fd, uint64_t *ret_id,
			bool *ret_unique)
{
	struct recorder *r = self(sys);
	const struct recorder_mount *m = mount_of(r, fd);
	struct stat st;

	/* What was opened before a mount came on top of it is still what is below. */
	*ret_unique = !r->reusable_ids;
	*ret_id = m ? m->id : 1;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (r->reusable_ids)
		*ret_id = table_id(*ret_id);
	return 0;
}

static int rec_statx_mount_id(const struct om_sys *sys, int fd, bool unique,
			      uint64_t *ret_id)
{
	bool got;
	int r = rec_mount_id(sys, fd, ret_id, &got);

	if (r == 0 && unique && !got)
		return -ENODATA;
	if (r == 0 && !unique)
		*ret_id = table_id(*ret_id);
	return r;
}

/* What is attached at a place is what opening it gives. */
static int redirect(const struct om_sys *sys, int fd, int flags)
{
	struct recorder *r = self(sys);
	char path[128];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fd;
	for (size_t i = r->mounts.n; i-- > 0;) {
		if (r->mounts.v[i].on_ino != st.st_ino ||
		    r->mounts.v[i].on_dev != st.st_dev)
			continue;
		(void)close(fd);
		(void)snprintf(path, sizeof(path), "%s/%zu", r->scratch, i);
		/* Something may be attached on top of that, too. */
		return redirect(sys, open(path, flags | O_CLOEXEC), flags);
	}
	return fd;
}

static int rec_open(const struct om_sys *sys, int dirfd, const char *path, int flags,
		    mode_t mode)
{
	return redirect(sys, om_sys_linux.open(sys, dirfd, path, flags, mode), flags);
}

/* Component by component, since each may be a mount. */
static int rec_open_beneath(const struct om_sys *sys, int dirfd, const char *path,
			    int flags)
{
	int fd = openat(dirfd, ".", O_PATH | O_CLOEXEC);

	while (fd >= 0 && *path) {
		char name[256];
		size_t n = strcspn(path, "/");
		bool last = path[n] == '\0';
		int next;

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		next = om_sys_linux.open_beneath(sys, fd, name, last ? flags : O_PATH);
		(void)close(fd);
		/* What is mounted here replaces it, with the flags asked for. */
		fd = redirect(sys, next, last ? flags : O_PATH);
		path += last ? n : n + 1;
	}
	return fd < 0 && errno && fd == -1 ? -errno : fd;
}

static uint64_t id_of(const struct recorder_mount *m, bool unique)
{
	return unique ? m->id : table_id(m->id);
}

/* What is attached is private and has no options that anybody looks at. */
static int rec_mount_look(const struct om_sys *sys, const struct om_mount_id *id,
			  struct om_mount_look *ret)
{
	const struct recorder *r = self(sys);
	const struct recorder_mount *m = NULL;

	/* The root hangs on itself, and so does what nobody knows. */
	*ret = (struct om_mount_look){ .parent = id->id, .propagation = MS_PRIVATE };
	for (size_t i = 0; i < r->mounts.n; i++)
		if (id_of(&r->mounts.v[i], id->unique) == id->id)
			m = &r->mounts.v[i];
	if (!m)
		return 0;
	ret->parent = id->unique ? 1 : table_id(1);
	ret->attr = m->attr;
	if (m->in >= 0)
		ret->parent = id_of(&r->mounts.v[m->in], id->unique);
	return is_attached(r, m) ? 0 : -ENOENT;
}

/* Made one after the other, so in the order of their ids. */
static int rec_listmount(const struct om_sys *sys, uint64_t id, uint64_t after,
			 uint64_t *ids, size_t n)
{
	const struct recorder *r = self(sys);
	size_t found = 0;

	if (r->reusable_ids)
		return -ENOSYS;
	for (size_t i = 0; i < r->mounts.n && found < n; i++) {
		const struct recorder_mount *m = &r->mounts.v[i];
		long in = m->in;

		if (m->id <= after || !is_attached(r, m))
			continue;
		while (in >= 0 && r->mounts.v[in].id != id)
			in = r->mounts.v[in].in;
		if (in >= 0)
			ids[found++] = m->id;
	}
	return (int)found;
}

static int rec_mount_point(const struct om_sys *sys, const struct om_mount_id *id,
			   uint32_t print, char *buf, size_t size)
{
	const struct recorder *r = self(sys);

	(void)print;
	for (size_t i = 0; i < r->mounts.n; i++) {
		uint64_t unique = r->mounts.v[i].id;

		if ((id->unique ? unique : table_id(unique)) == id->id &&
		    is_attached(r, &r->mounts.v[i]))
			return snprintf(buf, size, "%s/%zu", r->scratch, i) < 0 ? -EIO
										: 0;
	}
	return -ENOENT;
}

static int rec_capacity(const struct om_sys *sys, int fd, uint64_t *ret_bytes,
			uint64_t *ret_inodes)
{
	(void)fd;
	*ret_bytes = self(sys)->bytes;
	*ret_inodes = self(sys)->inodes;
	return 0;
}

/* As redirected: what is attached at a place is the object there. */
static int rec_same_object(const struct om_sys *sys, int fd, int dirfd, const char *name)
{
	struct stat here, there;
	int at, r;

	if (*name == '\0')
		return om_sys_linux.same_object(sys, fd, dirfd, name);
	at = sys->open(sys, dirfd, name, O_PATH | O_NOFOLLOW, 0);
	if (at < 0)
		return at;
	r = fstat(fd, &here) < 0 || fstat(at, &there) < 0
		    ? -errno
		    : here.st_dev == there.st_dev && here.st_ino == there.st_ino;
	(void)close(at);
	return r;
}

void recorder_init(struct recorder *r)
{
	*r = (struct recorder){ .fail_errno = EIO };
	(void)snprintf(r->scratch, sizeof(r->scratch), "/tmp/om-recorder-XXXXXX");
	if (!mkdtemp(r->scratch))
		abort();
	r->sys = om_sys_linux;
	r->sys.userdata = r;
	r->sys.open = rec_open;
	r->sys.open_beneath = rec_open_beneath;
	r->sys.mkdir = rec_mkdir;
	r->sys.mkfile = rec_mkfile;
	r->sys.symlink = rec_symlink;
	r->sys.unlink = rec_unlink;
	r->sys.chown = rec_chown;
	r->sys.chmod = rec_chmod;
	r->sys.setxattr = rec_setxattr;
	r->sys.mount = rec_mount;
	r->sys.umount = rec_umount;
	r->sys.fsopen = rec_fsopen;
	r->sys.fsconfig_string = rec_fsconfig_string;
	r->sys.fsconfig_flag = rec_fsconfig_flag;
	r->sys.fsconfig_fd = rec_fsconfig_fd;
	r->sys.fsconfig_create = rec_fsconfig_create;
	r->sys.fsmount = rec_fsmount;
	r->sys.open_tree = rec_open_tree;
	r->sys.layers = rec_layers;
	r->sys.move_mount = rec_move_mount;
	r->sys.mount_setattr = rec_mount_setattr;
	r->sys.mount_attr = rec_mount_attr;
	r->sys.mount_id = rec_mount_id;
	r->sys.statx_mount_id = rec_statx_mount_id;
	r->sys.mount_look = rec_mount_look;
	r->sys.listmount = rec_listmount;
	r->sys.mount_point = rec_mount_point;
	r->sys.same_object = rec_same_object;
	r->sys.capacity = rec_capacity;
}

void recorder_done(struct recorder *r)
{
	fake_remove_tree(r->scratch);
	om_str_free(&r->log);
	om_vec_free(&r->mounts);
}

size_t recorder_attached(const struct recorder *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->mounts.n; i++)
		n += is_attached(r, &r->mounts.v[i]);
	return n;
}
