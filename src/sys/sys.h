/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything that changes the tree of mounts or files goes through this table, so that
 * a test can record it, make any call fail, or answer it from a model.  Every operation
 * returns 0 or a new fd on success and a negative errno otherwise; none prints or retries
 * for ever.  What sets a mode, an owner, an attribute or the content of a link, and what
 * removes a name, looks afterwards whether it is so now: -EPROTO when a kernel or a filter
 * has said yes and not done it.  Paths are relative to an fd wherever the kernel allows it.
 *
 * Mount attributes are OM_ATTR_* bits (profile/profile.h): the operations translate them
 * for mount(2), fsmount(2) and mount_setattr(2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"

/* An id of a mount and its kind: never reused, or as mountinfo has it. */
struct om_mount_id {
	uint64_t id;
	bool unique;
};

/* The source of every file system that is ours. */
#define OM_SOURCE_NAME "overmount"

/* What the kernel says of an attached mount. */
struct om_mount_look {
	uint64_t parent;      /* id, of the kind that was asked with; 0: not told */
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE */
	unsigned attr;	      /* OM_ATTR_* of the mount alone, not of its file system */
	/*
	 * Device, type and source as a number, for reusable ids, which alone do not tell
	 * one mount from another; 0 where the unique id does.  Not the root: whoever owns
	 * the source of a bind can rename it.
	 */
	uint32_t print;
	bool has_options;
	char options[512]; /* of its file system, as mountinfo has them */
	bool has_source;
	char source[64]; /* likewise, cut */
};

/* The overlay that overmount-layers is to make (layers/layers.h). */
struct om_layers_ask {
	int skeleton, hole; /* -1: make nothing, only say which label you have */
	int place; /* empty directory to mount at; -1: none, a mount comes back */
	unsigned attr;
	size_t n_options;
};
struct om_layers_reply;

struct om_sys {
	void *userdata; /* for the implementation */

	/* openat(2); O_CLOEXEC is always added. */
	int (*open)(const struct om_sys *sys, int dirfd, const char *path, int flags,
		    mode_t mode);
	/* openat2(2) with RESOLVE_BENEATH|NO_SYMLINKS|NO_MAGICLINKS; -ENOSYS before 5.6. */
	int (*open_beneath)(const struct om_sys *sys, int dirfd, const char *path,
			    int flags);
	/* Here and below the umask of the process counts: programs set it to 0 first. */
	int (*mkdir)(const struct om_sys *sys, int dirfd, const char *name, mode_t mode);
	/* Creates a regular file exclusively and closes it. */
	int (*mkfile)(const struct om_sys *sys, int dirfd, const char *name, mode_t mode);
	int (*symlink)(const struct om_sys *sys, const char *content, int dirfd,
		       const char *name);
	/* flags: 0 or AT_REMOVEDIR */
	int (*unlink)(const struct om_sys *sys, int dirfd, const char *name, int flags);
	/* Owner of name itself (never of what a link points to). */
	int (*chown)(const struct om_sys *sys, int dirfd, const char *name, uid_t uid,
		     gid_t gid);
	/* fd must be open for reading, not O_PATH. */
	int (*chmod)(const struct om_sys *sys, int fd, mode_t mode);
	int (*setxattr)(const struct om_sys *sys, int fd, const char *name,
			const void *value, size_t size);
	int (*mknod)(const struct om_sys *sys, int dirfd, const char *name, mode_t mode,
		     dev_t dev);

	/* mount(2) and umount2(2); flags are MS_* and MNT_*. */
	int (*mount)(const struct om_sys *sys, const char *source, const char *target,
		     const char *type, unsigned long flags, const char *data);
	int (*umount)(const struct om_sys *sys, const char *target, int flags);

	/* The mount API of 5.2; -ENOSYS where it is missing, -ENODEV for an unknown type. */
	int (*fsopen)(const struct om_sys *sys, const char *type);
	int (*fsconfig_string)(const struct om_sys *sys, int fs, const char *key,
			       const char *value);
	int (*fsconfig_flag)(const struct om_sys *sys, int fs, const char *key);
	/* FSCONFIG_SET_FD: -EBADF, -EINVAL or -EOPNOTSUPP where the type takes no fd. */
	int (*fsconfig_fd)(const struct om_sys *sys, int fs, const char *key, int fd);
	int (*fsconfig_create)(const struct om_sys *sys, int fs);
	/*
	 * What the context says about what went wrong: its last message, without the
	 * newline.  -ENODATA when it says nothing.
	 */
	int (*fs_log)(const struct om_sys *sys, int fs, char *buf, size_t size);
	/* Detached mount of a created context, with attributes attr. */
	int (*fsmount)(const struct om_sys *sys, int fs, unsigned attr);
	/* Detached clone of the mount at dirfd/path ("" for dirfd itself). */
	int (*open_tree)(const struct om_sys *sys, int dirfd, const char *path,
			 bool recursive);
	/* Attaches or moves mount fd to dirfd/path ("" for dirfd itself). */
	int (*move_mount)(const struct om_sys *sys, int fd, int dirfd, const char *path);
	/* Attaches mount fd beneath the mount at dirfd/path; -EINVAL before 6.5. */
	int (*move_mount_beneath)(const struct om_sys *sys, int fd, int dirfd,
				  const char *path);
	/* Sets attr and propagation (MS_PRIVATE, MS_SLAVE or 0); -ENOSYS before 5.12. */
	int (*mount_setattr)(const struct om_sys *sys, int fd, bool recursive,
			     unsigned attr, unsigned long propagation);
	/* OM_ATTR_* bits of the mount that fd lies on, as far as the kernel tells them. */
	int (*mount_attr)(const struct om_sys *sys, int fd, unsigned *ret_attr);
	/*
	 * Identity of the mount that fd lies on: the unique id where the kernel has one
	 * (6.8), else *ret_unique is false and the id is the reusable one.
	 */
	int (*mount_id)(const struct om_sys *sys, int fd, uint64_t *ret_id,
			bool *ret_unique);
	/* The same from statx(2) alone, of the kind asked for; -ENODATA where it has none. */
	int (*statx_mount_id)(const struct om_sys *sys, int fd, bool unique,
			      uint64_t *ret_id);
	/* Unique id of the parent of the mount with a unique id; -ENOSYS before 6.8. */
	int (*statmount)(const struct om_sys *sys, uint64_t id, uint64_t *ret_parent);
	/*
	 * -ENOENT: it is not attached in this namespace; -ENOSYS: a unique id cannot be
	 * looked for (a filter of system calls).  Allocates nothing.
	 */
	int (*mount_look)(const struct om_sys *sys, const struct om_mount_id *id,
			  struct om_mount_look *ret);
	/*
	 * Where the mount with that id (and print, if it is reusable) hangs, as a path from
	 * the root of this process.  -ENOENT: not in this namespace; -ENOSYS: a unique id
	 * cannot be looked for; -ENODATA: it hangs where no path leads.
	 */
	int (*mount_point)(const struct om_sys *sys, const struct om_mount_id *id,
			   uint32_t print, char *buf, size_t size);
	/* Is `name` in dirfd ("": dirfd) the very object that fd is?  1, 0 or -errno. */
	int (*same_object)(const struct om_sys *sys, int fd, int dirfd, const char *name);
	/* Bytes and inodes that the file system of fd can hold. */
	int (*capacity)(const struct om_sys *sys, int fd, uint64_t *ret_bytes,
			uint64_t *ret_inodes);
	/*
	 * Unique ids of mounts below id (OM_MOUNT_ROOT: of the namespace), at any depth, from
	 * the first one greater than after, ascending; how many.
	 */
	int (*listmount)(const struct om_sys *sys, uint64_t id, uint64_t after,
			 uint64_t *ids, size_t n);
	int (*close_range)(const struct om_sys *sys, unsigned first, unsigned last);

	int (*unshare)(const struct om_sys *sys, int flags);
	/* Joins the mount namespace that fd stands for: root and cwd become its root. */
	int (*join_mount_ns)(const struct om_sys *sys, int fd);
	/* New user and mount namespaces, in which the caller keeps its own ids. */
	int (*unshare_user)(const struct om_sys *sys);
	/* Makes the mount at fd the root of the namespace and detaches the old root. */
	int (*pivot_root)(const struct om_sys *sys, int fd);

	/*
	 * Runs fn in a forked child that dies with its parent, and returns what fn returned
	 * (-errno, or a number from 0 on).  -ECHILD when the child died before.
	 */
	int (*in_child)(const struct om_sys *sys, int (*fn)(void *arg), void *arg);
	/* Uses of an object as a program would make them, to see what is permitted. */
	int (*list)(const struct om_sys *sys, int dirfd); /* all names, once */
	int (*stat)(const struct om_sys *sys, int dirfd, const char *name);
	int (*read_byte)(const struct om_sys *sys, int dirfd, const char *name);
	/* Maps it for reading, then makes the mapping executable, as a loader does. */
	int (*map_exec)(const struct om_sys *sys, int dirfd, const char *name);
	/*
	 * Executes it in a child, its standard streams on /dev/null, as uid unless that is
	 * OM_UID_SAME; the exit status, or the negative errno of execveat(2).
	 */
	int (*exec)(const struct om_sys *sys, int dirfd, const char *name, uid_t uid);

	/* libapparmor.  0 when it is in force; -ENOSYS, -ECANCELED, -ENOENT: see there. */
	int (*apparmor)(const struct om_sys *sys);
	/* Label and mode ("" when there is none) of this thread. */
	int (*apparmor_label)(const struct om_sys *sys, char *label, size_t label_size,
			      char *mode, size_t mode_size);
	/*
	 * Does policy let a label read the file of that name, and map it to execute?  1, 0 or
	 * -errno; flags of the profile are not asked about, and a label that there is not may
	 * nothing.
	 */
	int (*apparmor_query)(const struct om_sys *sys, const char *label,
			      const char *path);
	/* Changes the label of this thread, now or on its next exec. */
	int (*apparmor_change)(const struct om_sys *sys, const char *label, bool on_exec);
	/* The same, beside the label that there is. */
	int (*apparmor_stack)(const struct om_sys *sys, const char *label, bool on_exec);
	/* The label of the next exec; -ENODATA when that changes nothing. */
	int (*apparmor_pending)(const struct om_sys *sys, char *label, size_t size);

	/*
	 * Has the program overmount-layers (a descriptor) make a read-only overlay: fd of a
	 * detached mount, or 0 when it is mounted at the place, or nothing was to be made.  -errno with *ret telling at
	 * what; of a program that gives no reply -ECHILD, of a strange one -EPROTO.
	 */
	int (*layers)(const struct om_sys *sys, int program,
		      const struct om_layers_ask *ask, struct om_layers_reply *ret);

	/* libkmod.  enum om_module, or -errno when it cannot tell. */
	int (*module)(const struct om_sys *sys, const char *name);
	/* Loads it unless it is blacklisted. */
	int (*module_load)(const struct om_sys *sys, const char *name);
};

/* Of the mount that fd lies on, of the kind asked for; -ENODATA where there is none. */
int om_mount_id_as(const struct om_sys *sys, int fd, bool unique, uint64_t *ret_id);
/* Does fd lie on one of these mounts?  1, 0 or -errno. */
int om_mount_is_among(const struct om_sys *sys, int fd, const struct om_mount_id *ids,
		      size_t n);

#define OM_MOUNT_ROOT UINT64_MAX
#define OM_UID_SAME ((uid_t)-1)

/* Where a module is, in the words of om_module_name(). */
enum om_module {
	OM_MODULE_MISSING,
	OM_MODULE_BUILTIN,
	OM_MODULE_LIVE,
	OM_MODULE_LOADABLE,
	OM_MODULE_BLACKLISTED,
};
const char *om_module_name(enum om_module module);

/* The real kernel. */
extern const struct om_sys om_sys_linux;
/* Its parts that live in files of their own. */
int om_sys_in_child(const struct om_sys *sys, int (*fn)(void *arg), void *arg);
int om_sys_list(const struct om_sys *sys, int dirfd);
int om_sys_stat(const struct om_sys *sys, int dirfd, const char *name);
int om_sys_read_byte(const struct om_sys *sys, int dirfd, const char *name);
int om_sys_map_exec(const struct om_sys *sys, int dirfd, const char *name);
int om_sys_exec(const struct om_sys *sys, int dirfd, const char *name, uid_t uid);
int om_sys_unshare_user(const struct om_sys *sys);
int om_sys_mount_look(const struct om_sys *sys, const struct om_mount_id *id,
		      struct om_mount_look *ret);
int om_sys_mount_point(const struct om_sys *sys, const struct om_mount_id *id,
		       uint32_t print, char *buf, size_t size);
int om_sys_apparmor(const struct om_sys *sys);
int om_sys_apparmor_label(const struct om_sys *sys, char *label, size_t label_size,
			  char *mode, size_t mode_size);
int om_sys_apparmor_query(const struct om_sys *sys, const char *label, const char *path);
int om_sys_apparmor_change(const struct om_sys *sys, const char *label, bool on_exec);
int om_sys_apparmor_stack(const struct om_sys *sys, const char *label, bool on_exec);
int om_sys_apparmor_pending(const struct om_sys *sys, char *label, size_t size);
int om_sys_layers(const struct om_sys *sys, int program, const struct om_layers_ask *what,
		  struct om_layers_reply *reply);
int om_sys_module(const struct om_sys *sys, const char *name);
int om_sys_module_load(const struct om_sys *sys, const char *name);

/* As the kernel calls itself.  For people and for keys; nothing is decided by it. */
struct om_kernel_name {
	char release[65];
	char build[65];
	char machine[65];
};
int om_kernel_name(struct om_kernel_name *ret) _nonnull_all_ _must_check_;

/*
 * Kills this process when its parent dies; parent is the parent's pid as seen before the
 * fork.  Leaves at once when it is dead already.
 */
void om_sys_die_with(pid_t parent);

/* OM_ATTR_* bits as MOUNT_ATTR_* bits, and back; those of the words that mountinfo has. */
uint64_t om_attr_to_api(unsigned attr);
unsigned om_attr_of_api(uint64_t api);
unsigned om_attr_of_words(const char *words) _nonnull_all_;
/* MS_* flags of OM_ATTR_* bits, for the operations and for rendering steps. */
unsigned long om_attr_to_ms(unsigned attr);
unsigned om_attr_of_ms(unsigned long flags);
/* OM_ATTR_* bits of the mount that fd lies on (fstatvfs); 0 or negative errno. */
int om_attr_of_fd(int fd, unsigned *ret_attr) _nonnull_all_ _must_check_;
/* "/proc/self/fd/N", for calls that know only paths. */
#define OM_FD_PATH_SIZE 32
const char *om_fd_path(char buf[static OM_FD_PATH_SIZE], int fd);
#define OM_FD_PATH(fd) om_fd_path((char[OM_FD_PATH_SIZE]){ 0 }, (fd))
