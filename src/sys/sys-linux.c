/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real table: one thin function per operation.  The only file that makes mount calls.
 * The new calls go through syscall(2), so that a build against old headers still uses
 * them on a new kernel.
 */
#include "sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "profile/profile.h"
#include "sys/missing.h"
#include "sys/readback.h"

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

/*
 * The standard streams are open (main() sees to it, and so does who uses this as a
 * library), so a new descriptor is none of them: the "0" is of a filter that says yes.
 */
static int new_fd(long r)
{
	return r < 0 ? -errno : r <= STDERR_FILENO ? -EPROTO : (int)r;
}

static int linux_open(const struct om_sys *sys _unused_, int dirfd, const char *path,
		      int flags, mode_t mode)
{
	return new_fd(openat(dirfd, path, flags | O_CLOEXEC, mode));
}

static int linux_open_beneath(const struct om_sys *sys _unused_, int dirfd,
			      const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	/* -EAGAIN: a rename somewhere raced with the walk; the kernel asks to retry. */
	for (unsigned tries = 0; tries < 128; tries++) {
		int fd = new_fd(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));

		if (fd != -EAGAIN && fd != -EINTR)
			return fd;
	}
	return -EAGAIN;
}

static int linux_mkdir(const struct om_sys *sys _unused_, int dirfd, const char *name,
		       mode_t mode)
{
	return result(mkdirat(dirfd, name, mode));
}

static int linux_mkfile(const struct om_sys *sys _unused_, int dirfd, const char *name,
			mode_t mode)
{
	int fd = openat(dirfd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
			mode);

	if (fd < 0)
		return -errno;
	if (fd <= STDERR_FILENO)
		return -EPROTO;
	(void)om_close(fd);
	return 0;
}

static int linux_symlink(const struct om_sys *sys _unused_, const char *content,
			 int dirfd, const char *name)
{
	return symlinkat(content, dirfd, name) < 0
		       ? -errno
		       : om_readback_link(dirfd, name, content);
}

static int linux_unlink(const struct om_sys *sys _unused_, int dirfd, const char *name,
			int flags)
{
	return unlinkat(dirfd, name, flags) < 0 ? -errno : om_readback_gone(dirfd, name);
}

static int linux_chown(const struct om_sys *sys _unused_, int dirfd, const char *name,
		       uid_t uid, gid_t gid)
{
	int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);

	return fchownat(dirfd, name, uid, gid, flags) < 0
		       ? -errno
		       : om_readback_owner(dirfd, name, flags, uid, gid);
}

static int linux_chmod(const struct om_sys *sys _unused_, int fd, mode_t mode)
{
	return fchmod(fd, mode) < 0 ? -errno : om_readback_mode(fd, mode);
}

static int linux_setxattr(const struct om_sys *sys _unused_, int fd, const char *name,
			  const void *value, size_t size)
{
	return fsetxattr(fd, name, value, size, 0) < 0
		       ? -errno
		       : om_readback_xattr(fd, name, value, size);
}

static int linux_mknod(const struct om_sys *sys _unused_, int dirfd, const char *name,
		       mode_t mode, dev_t dev)
{
	return mknodat(dirfd, name, mode, dev) < 0
		       ? -errno
		       : om_readback_node(dirfd, name, mode, dev);
}

static int linux_mount_attr(const struct om_sys *sys _unused_, int fd, unsigned *ret_attr)
{
	return om_attr_of_fd(fd, ret_attr);
}

static int linux_mount(const struct om_sys *sys _unused_, const char *source,
		       const char *target, const char *type, unsigned long flags,
		       const char *data)
{
	_cleanup_close_ int fd = -1;

	if (mount(source, target, type, flags, data) < 0)
		return -errno;
	if (!(flags & MS_REMOUNT))
		return 0;
	fd = open(target, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : om_readback_attr(fd, om_attr_of_ms(flags));
}

static int linux_umount(const struct om_sys *sys _unused_, const char *target, int flags)
{
	return result(umount2(target, flags));
}

static int linux_fsopen(const struct om_sys *sys _unused_, const char *type)
{
	return new_fd(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

static int linux_fsconfig_string(const struct om_sys *sys _unused_, int fs,
				 const char *key, const char *value)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0));
}

static int linux_fsconfig_flag(const struct om_sys *sys _unused_, int fs, const char *key)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0));
}

static int linux_fsconfig_fd(const struct om_sys *sys _unused_, int fs, const char *key,
			     int fd)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd));
}

static int linux_fsconfig_create(const struct om_sys *sys _unused_, int fs)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

static int linux_fs_log(const struct om_sys *sys _unused_, int fs, char *buf, size_t size)
{
	char message[256];
	ssize_t n;

	/* One read(2) gives one message; it starts with its level and a blank ("e "). */
	*buf = '\0';
	while ((n = read(fs, message, sizeof(message) - 1)) > 0) {
		message[n] = '\0';
		message[strcspn(message, "\n")] = '\0';
		(void)snprintf(buf, size, "%s", n > 2 ? message + 2 : message);
	}
	return *buf ? 0 : -ENODATA;
}

static int linux_fsmount(const struct om_sys *sys _unused_, int fs, unsigned attr)
{
	return new_fd(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, om_attr_to_api(attr)));
}

static int linux_open_tree(const struct om_sys *sys _unused_, int dirfd, const char *path,
			   bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
			 (recursive ? AT_RECURSIVE : 0) | (*path ? 0 : AT_EMPTY_PATH);

	return new_fd(syscall(SYS_open_tree, dirfd, path, flags));
}

static int linux_move_mount(const struct om_sys *sys _unused_, int fd, int dirfd,
			    const char *path)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return result(syscall(SYS_move_mount, fd, "", dirfd, path, flags));
}

static int linux_move_mount_beneath(const struct om_sys *sys _unused_, int fd, int dirfd,
				    const char *path)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_BENEATH |
			 (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return result(syscall(SYS_move_mount, fd, "", dirfd, path, flags));
}

static int linux_mount_setattr(const struct om_sys *sys _unused_, int fd, bool recursive,
			       unsigned attr, unsigned long propagation)
{
	unsigned atime = OM_ATTR_NOATIME | OM_ATTR_RELATIME | OM_ATTR_STRICTATIME;
	struct mount_attr how = {
		.attr_set = om_attr_to_api(attr),
		.attr_clr = attr & atime ? MOUNT_ATTR__ATIME : 0,
		.propagation = propagation,
	};
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	if (syscall(SYS_mount_setattr, fd, "", flags, &how, sizeof(how)) < 0)
		return -errno;
	return attr ? om_readback_attr(fd, attr) : 0;
}

/*
 * fdinfo has the id on every kernel; statx(2) is missing before 4.11.  Read as a whole and
 * without memory: undo wants it, too.
 */
static int mount_id_from_fdinfo(int fd, uint64_t *ret_id)
{
	_cleanup_close_ int info = -1;
	char path[48], text[1024];
	unsigned long long id;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	n = info < 0 ? -1 : OM_RETRY(read(info, text, sizeof(text) - 1));
	if (n < 0)
		return -errno;
	text[n] = '\0';
	at = strstr(text, "mnt_id:");
	if (!at || sscanf(at, "mnt_id: %llu", &id) != 1)
		return -ENODATA;
	*ret_id = id;
	return 0;
}

static int linux_statx_mount_id(const struct om_sys *sys _unused_, int fd, bool unique,
				uint64_t *ret_id)
{
	unsigned want = unique ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID;
	struct statx stx;

	memset(&stx, 0, sizeof(stx));
	if (statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, want, &stx) < 0)
		return -errno;
	*ret_id = stx.stx_mnt_id;
	return stx.stx_mask & want ? 0 : -ENODATA;
}

static int linux_mount_id(const struct om_sys *sys, int fd, uint64_t *ret_id,
			  bool *ret_unique)
{
	int r = linux_statx_mount_id(sys, fd, true, ret_id);

	*ret_unique = r == 0;
	/* Without the unique id the same call may have told the reusable one; ask again,
	 * since what a kernel does with a bit that it does not know is not laid down. */
	if (r == -ENODATA || r == -EINVAL)
		r = linux_statx_mount_id(sys, fd, false, ret_id);
	if (r == -ENODATA || r == -EINVAL || r == -ENOSYS)
		return mount_id_from_fdinfo(fd, ret_id);
	return r;
}

static int linux_statmount(const struct om_sys *sys _unused_, uint64_t id,
			   uint64_t *ret_parent)
{
	struct om_mnt_id_req request = { .size = sizeof(request),
					 .mnt_id = id,
					 .param = OM_STATMOUNT_MNT_BASIC };
	struct om_statmount answer = { 0 };

	if (syscall(SYS_statmount, &request, &answer, sizeof(answer), 0) < 0)
		return -errno;
	if (!(answer.mask & OM_STATMOUNT_MNT_BASIC) || answer.mnt_id != id)
		return -ENODATA;
	*ret_parent = answer.mnt_parent_id;
	return 0;
}

static int linux_same_object(const struct om_sys *sys _unused_, int fd, int dirfd,
			     const char *name)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);
	struct stat here, there;

	if (fstat(fd, &here) < 0 || fstatat(dirfd, name, &there, flags) < 0)
		return -errno;
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static int linux_capacity(const struct om_sys *sys _unused_, int fd, uint64_t *ret_bytes,
			  uint64_t *ret_inodes)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) < 0)
		return -errno;
	*ret_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	*ret_inodes = fs.f_files;
	return 0;
}

static int linux_listmount(const struct om_sys *sys _unused_, uint64_t id, uint64_t after,
			   uint64_t *ids, size_t n)
{
	struct om_mnt_id_req request = { .size = sizeof(request),
					 .mnt_id = id,
					 .param = after };

	return result(syscall(SYS_listmount, &request, ids, n, 0));
}

static int linux_close_range(const struct om_sys *sys _unused_, unsigned first,
			     unsigned last)
{
	return result(syscall(SYS_close_range, first, last, 0));
}

/* Of this process; 0 where there is no proc to ask. */
static ino_t mount_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/mnt", &st) < 0 ? 0 : st.st_ino;
}

/* In what was not copied nothing may be tried: everybody would see it. */
static int linux_unshare(const struct om_sys *sys _unused_, int flags)
{
	ino_t before = flags & CLONE_NEWNS ? mount_namespace() : 0;

	if (unshare(flags) < 0)
		return -errno;
	return before && mount_namespace() == before ? -EPROTO : 0;
}

static int linux_join_mount_ns(const struct om_sys *sys _unused_, int fd)
{
	return result(setns(fd, CLONE_NEWNS));
}

static int linux_pivot_root(const struct om_sys *sys _unused_, int fd)
{
	if (fchdir(fd) < 0)
		return -errno;
	/* With both names ".", the old root is stacked on the new one: no directory for it
	 * is needed, and detaching "." drops it (pivot_root(2), NOTES). */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0)
		return -errno;
	return result(chdir("/"));
}

const char *om_fd_path(char buf[static OM_FD_PATH_SIZE], int fd)
{
	(void)snprintf(buf, OM_FD_PATH_SIZE, "/proc/self/fd/%d", fd);
	return buf;
}

const struct om_sys om_sys_linux = {
	.open = linux_open,
	.open_beneath = linux_open_beneath,
	.mkdir = linux_mkdir,
	.mkfile = linux_mkfile,
	.symlink = linux_symlink,
	.unlink = linux_unlink,
	.chown = linux_chown,
	.chmod = linux_chmod,
	.setxattr = linux_setxattr,
	.mknod = linux_mknod,
	.mount = linux_mount,
	.umount = linux_umount,
	.fsopen = linux_fsopen,
	.fsconfig_string = linux_fsconfig_string,
	.fsconfig_flag = linux_fsconfig_flag,
	.fsconfig_fd = linux_fsconfig_fd,
	.fsconfig_create = linux_fsconfig_create,
	.fs_log = linux_fs_log,
	.fsmount = linux_fsmount,
	.open_tree = linux_open_tree,
	.move_mount = linux_move_mount,
	.move_mount_beneath = linux_move_mount_beneath,
	.mount_setattr = linux_mount_setattr,
	.mount_attr = linux_mount_attr,
	.mount_id = linux_mount_id,
	.statx_mount_id = linux_statx_mount_id,
	.statmount = linux_statmount,
	.mount_look = om_sys_mount_look,
	.mount_point = om_sys_mount_point,
	.same_object = linux_same_object,
	.capacity = linux_capacity,
	.listmount = linux_listmount,
	.close_range = linux_close_range,
	.unshare = linux_unshare,
	.join_mount_ns = linux_join_mount_ns,
	.unshare_user = om_sys_unshare_user,
	.pivot_root = linux_pivot_root,
	.in_child = om_sys_in_child,
	.list = om_sys_list,
	.stat = om_sys_stat,
	.read_byte = om_sys_read_byte,
	.map_exec = om_sys_map_exec,
	.exec = om_sys_exec,
	.apparmor = om_sys_apparmor,
	.apparmor_label = om_sys_apparmor_label,
	.apparmor_query = om_sys_apparmor_query,
	.apparmor_change = om_sys_apparmor_change,
	.apparmor_stack = om_sys_apparmor_stack,
	.apparmor_pending = om_sys_apparmor_pending,
	.layers = om_sys_layers,
	.module = om_sys_module,
	.module_load = om_sys_module_load,
};
