/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe/: every fact in every state, against a model of a kernel whose single answers are
 * replaced by those of kernels in the field; every call failing once; and the child in
 * which probes run, when one of them hangs or dies.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake/kernel.h"
#include "probe/probe.h"
#include "probe/prober.h"

#define FEATURES "/sys/kernel/security/apparmor/features/"
#define FILESYSTEMS "/proc/filesystems"
#define NO_OVERLAY "nodev\ttmpfs\n\tsquashfs\n"
#define APP "snap.app.x"
#define HELPER 1000 /* no descriptor, but nobody here looks */

struct row {
	enum om_fact_id id;
	enum om_tristate state;
	const char *evidence; /* part of it */
	const char *value;    /* NULL: not looked at */
	struct fake_rule rules[5];
	struct fake_file files[4];
	const char *app_label;
	bool helper;
	const char *label, *mode; /* NULL: unconfined */
	const char *message;
	bool load_modules;
	const char *called;	/* part of the log line of some call */
	const char *not_called; /* part of no line */
};

/* --- Rows ---------------------------------------------------------------------------- */

#define IS(fact, tristate, text)                                                         \
	.id = OM_FACT_##fact, .state = OM_##tristate, .evidence = (text)
#define NO_NAMESPACE                                                                     \
	{                                                                                \
		"unshare", NULL, -EPERM, 0                                               \
	}
#define NO_TREE                                                                          \
	{                                                                                \
		FEATURES "capability", NULL                                              \
	}
#define NOWHERE "no place to try it: unshare(CLONE_NEWNS): EPERM"

static const struct row mount_rows[] = {
	{ IS(OPEN_TREE, YES, "open_tree(OPEN_TREE_CLONE): done") },
	{ IS(OPEN_TREE, NO, "open_tree(OPEN_TREE_CLONE): ENOSYS"),
	  .rules = { { "open_tree", NULL, -ENOSYS, 0 } } },
	{ IS(OPEN_TREE, UNKNOWN, "open_tree(OPEN_TREE_CLONE): EPERM"),
	  .rules = { { "open_tree", NULL, -EPERM, 0 } } },
	{ IS(OPEN_TREE, UNKNOWN, NOWHERE), .rules = { NO_NAMESPACE } },
	{ IS(OPEN_TREE, NO, "open_tree(OPEN_TREE_CLONE): ENOSYS"),
	  .rules = { NO_NAMESPACE, { "open_tree", NULL, -ENOSYS, 0 } } },
	{ IS(OPEN_TREE, UNKNOWN, "making the namespace private: EACCES"),
	  .rules = { { "mount", "(none) on /", -EACCES, 0 } } },
	{ IS(OPEN_TREE, UNKNOWN, "mount of a tmpfs: EACCES"),
	  .rules = { { "mount", "tmpfs on /", -EACCES, 0 } } },
	/* Policy may permit a tmpfs somewhere else only. */
	{ IS(OPEN_TREE, YES, "done"),
	  .rules = { { "mount", "tmpfs on /run", -EACCES, 0 },
		     { "mount", "tmpfs on /mnt", -ENOENT, 0 } },
	  .called = "open /tmp" },

	{ IS(FSOPEN, YES, "fsopen, fsconfig and fsmount of a tmpfs: done") },
	{ IS(FSOPEN, NO, "fsopen tmpfs: ENOSYS"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(FSOPEN, UNKNOWN, "fsconfig of a tmpfs: EPERM"),
	  .rules = { { "fsconfig_string", "tmpfs mode", -EPERM, 0 } } },
	{ IS(FSOPEN, NO, "fsconfig of a tmpfs: EINVAL"),
	  .rules = { { "fsconfig_create", "tmpfs", -EINVAL, 0 } } },
	{ IS(FSOPEN, NO, "fsmount of a tmpfs: ENOSYS"),
	  .rules = { { "fsmount", NULL, -ENOSYS, 0 } } },

	{ IS(MOVE_MOUNT, YES, "move_mount of a detached mount: done") },
	{ IS(MOVE_MOUNT, YES, "done"), .rules = { { "open_tree", NULL, -ENOSYS, 0 } } },
	{ IS(MOVE_MOUNT, NO, "ENOSYS"), .rules = { { "move_mount", NULL, -ENOSYS, 0 } } },
	/* 4.15: none of the calls is there, and this one says so without an fd. */
	{ IS(MOVE_MOUNT, NO, "move_mount of a detached mount: ENOSYS"),
	  .rules = { { "open_tree", NULL, -ENOSYS, 0 },
		     { "fsopen", NULL, -ENOSYS, 0 },
		     { "move_mount", NULL, -ENOSYS, 0 } } },
	/* 6.12 under a profile without a rule for it. */
	{ IS(MOVE_MOUNT, UNKNOWN, "move_mount of a detached mount: EACCES"),
	  .rules = { { "move_mount", NULL, -EACCES, 0 } } },
	{ IS(MOVE_MOUNT, UNKNOWN, "no detached mount to move"),
	  .rules = { { "open_tree", NULL, -EPERM, 0 }, { "fsopen", NULL, -EPERM, 0 } } },
	{ IS(MOVE_MOUNT, UNKNOWN, NOWHERE), .rules = { NO_NAMESPACE } },

	{ IS(MOUNT_API, YES, "open_tree, fsopen and move_mount: done") },
	{ IS(MOUNT_API, NO, "fsopen tmpfs: ENOSYS"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(MOUNT_API, UNKNOWN, "move_mount of a detached mount: EACCES"),
	  .rules = { { "move_mount", NULL, -EACCES, 0 } } },
	{ IS(MOUNT_API, NO, "fsopen tmpfs: ENOSYS"),
	  .rules = { { "open_tree", NULL, -EPERM, 0 }, { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(MOUNT_API, NO, "open_tree(OPEN_TREE_CLONE): ENOSYS"),
	  .rules = { { "open_tree", NULL, -ENOSYS, 0 }, { "fsopen", NULL, -EPERM, 0 } } },

	{ IS(DETACHED_NESTING, YES, "move_mount into a detached tmpfs: done") },
	/* Up to 6.14. */
	{ IS(DETACHED_NESTING, NO, "move_mount into a detached tmpfs: EINVAL"),
	  .rules = { { "move_mount", "/nest", -EINVAL, 0 } } },
	{ IS(DETACHED_NESTING, NO, "making two detached mounts: ENOSYS"),
	  .rules = { { "open_tree", NULL, -ENOSYS, 0 },
		     { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(DETACHED_NESTING, YES, "done"),
	  .rules = { { "open_tree", NULL, -ENOSYS, 0 } } },
	{ IS(DETACHED_NESTING, YES, "done"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(DETACHED_NESTING, UNKNOWN, "EACCES"),
	  .rules = { { "move_mount", "/nest", -EACCES, 0 } } },

	{ IS(MOVE_BENEATH, YES, "move_mount(MOVE_MOUNT_BENEATH): done") },
	/* Before 6.5. */
	{ IS(MOVE_BENEATH, NO, "move_mount(MOVE_MOUNT_BENEATH): EINVAL"),
	  .rules = { { "move_mount_beneath", NULL, -EINVAL, 0 } } },
	{ IS(MOVE_BENEATH, UNKNOWN, "EPERM"),
	  .rules = { { "move_mount_beneath", NULL, -EPERM, 0 } } },
	{ IS(MOVE_BENEATH, UNKNOWN, "no detached mount to move"),
	  .rules = { { "open_tree", NULL, -EPERM, 0 }, { "fsopen", NULL, -EPERM, 0 } } },

	{ IS(MOUNT_SETATTR, YES, "mount_setattr(AT_RECURSIVE)") },
	/* Before 5.12, whether or not there is anything to set it on. */
	{ IS(MOUNT_SETATTR, NO, "ENOSYS"),
	  .rules = { { "mount_setattr", NULL, -ENOSYS, 0 } } },
	{ IS(MOUNT_SETATTR, NO, "ENOSYS"),
	  .rules = { { "mount_setattr", NULL, -ENOSYS, 0 },
		     { "open_tree", NULL, -ENOSYS, 0 },
		     { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(MOUNT_SETATTR, UNKNOWN, "EPERM"),
	  .rules = { { "mount_setattr", NULL, -EPERM, 0 } } },
	{ IS(MOUNT_SETATTR, UNKNOWN, "no detached mount to set it on"),
	  .rules = { { "open_tree", NULL, -EPERM, 0 }, { "fsopen", NULL, -EPERM, 0 } } },

	{ IS(MOUNT_ID, YES, "statx STATX_MNT_ID: bit set") },
	/* 4.15 to 5.7: the call is there, the bit is not; before, there is no call. */
	{ IS(MOUNT_ID, NO, "statx STATX_MNT_ID: bit clear"),
	  .rules = { { "statx_mount_id", "reusable", -ENODATA, 0 } } },
	{ IS(MOUNT_ID, NO, "statx STATX_MNT_ID: ENOSYS"),
	  .rules = { { "statx_mount_id", NULL, -ENOSYS, 0 } } },
	{ IS(MOUNT_ID, UNKNOWN, "statx STATX_MNT_ID: EPERM"),
	  .rules = { { "statx_mount_id", NULL, -EPERM, 0 } } },
	{ IS(UNIQUE_MOUNT_ID, YES, "statx STATX_MNT_ID_UNIQUE: bit set") },
	{ IS(UNIQUE_MOUNT_ID, NO, "statx STATX_MNT_ID_UNIQUE: bit clear"),
	  .rules = { { "statx_mount_id", "unique", -ENODATA, 0 } } },
	{ IS(UNIQUE_MOUNT_ID, UNKNOWN, "EIO"),
	  .rules = { { "statx_mount_id", "unique", -EIO, 0 } } },

	{ IS(STATMOUNT, YES, "statmount of the mount of \".\": done") },
	{ IS(STATMOUNT, NO, "ENOSYS"), .rules = { { "statmount", NULL, -ENOSYS, 0 } } },
	{ IS(STATMOUNT, NO, "ENOSYS"),
	  .rules = { { "statx_mount_id", "unique", -ENODATA, 0 },
		     { "listmount", NULL, -ENOSYS, 0 },
		     { "statmount", NULL, -ENOSYS, 0 } } },
	{ IS(STATMOUNT, YES, "done"),
	  .rules = { { "statx_mount_id", "unique", -ENODATA, 0 } } },
	{ IS(STATMOUNT, UNKNOWN, "no unique id to ask"),
	  .rules = { { "statx_mount_id", "unique", -ENODATA, 0 },
		     { "listmount", NULL, -ENOSYS, 0 } } },
	{ IS(STATMOUNT, UNKNOWN, "EPERM"),
	  .rules = { { "statmount", NULL, -EPERM, 0 } } },
	{ IS(LISTMOUNT, YES, "listmount(LSMT_ROOT): done") },
	{ IS(LISTMOUNT, NO, "ENOSYS"), .rules = { { "listmount", NULL, -ENOSYS, 0 } } },
	{ IS(LISTMOUNT, UNKNOWN, "EPERM"),
	  .rules = { { "listmount", NULL, -EPERM, 0 } } },
	{ IS(OPENAT2, YES, "openat2(RESOLVE_BENEATH): done") },
	{ IS(OPENAT2, NO, "ENOSYS"), .rules = { { "open_beneath", NULL, -ENOSYS, 0 } } },
	{ IS(OPENAT2, UNKNOWN, "EPERM"),
	  .rules = { { "open_beneath", NULL, -EPERM, 0 } } },
	{ IS(CLOSE_RANGE, YES, "close_range of one descriptor: done") },
	{ IS(CLOSE_RANGE, NO, "ENOSYS"),
	  .rules = { { "close_range", NULL, -ENOSYS, 0 } } },
	{ IS(CLOSE_RANGE, UNKNOWN, "EPERM"),
	  .rules = { { "close_range", NULL, -EPERM, 0 } } },
};

static const struct row limit_rows[] = {
	{ IS(USERNS, YES, "mount of a tmpfs: done") },
	{ IS(USERNS, NO, "EPERM"), .rules = { { "unshare_user", NULL, -EPERM, 0 } } },
	{ IS(USERNS, NO, "ENOSPC"), .rules = { { "unshare_user", NULL, -ENOSPC, 0 } } },
	{ IS(USERNS, NO, "EINVAL"), .rules = { { "unshare_user", NULL, -EINVAL, 0 } } },
	{ IS(USERNS, NO, "EACCES"), .rules = { { "mount", "in-userns", -EACCES, 0 } } },
	{ IS(USERNS, UNKNOWN, "ENOMEM"),
	  .rules = { { "unshare_user", NULL, -ENOMEM, 0 } } },
	{ IS(USERNS, UNKNOWN, "ECHILD"), .rules = { { "in_child", NULL, -ECHILD, 0 } } },

	{ IS(MOUNT_MAX, YES, "/proc/sys/fs/mount-max"), .value = "100000" },
	/* Before 4.9. */
	{ IS(MOUNT_MAX, NO, "not there"),
	  .files = { { "/proc/sys/fs/mount-max", NULL } } },
	{ IS(MOUNT_MAX, UNKNOWN, "not a number"),
	  .files = { { "/proc/sys/fs/mount-max", "many\n" } } },
	{ IS(MOUNT_MAX, UNKNOWN, "EACCES"),
	  .rules = { { "open", "mount-max", -EACCES, 0 } } },
	/* Five lines, of which one is the scratch's. */
	{ IS(MOUNTS_LEFT, YES, "4 of 100000 mounts are in use"), .value = "99996" },
	{ IS(MOUNTS_LEFT, YES, "5 of 100000 mounts are in use"), .value = "99995",
	  .rules = { NO_NAMESPACE } },
	{ IS(MOUNTS_LEFT, YES, "4 mounts, no fs.mount-max"), .value = "unlimited",
	  .files = { { "/proc/sys/fs/mount-max", NULL } } },
	{ IS(MOUNTS_LEFT, NO, "4 of 3 mounts are in use"), .value = "0",
	  .files = { { "/proc/sys/fs/mount-max", "3\n" } } },
	{ IS(MOUNTS_LEFT, NO, "4 of 4 mounts are in use"), .value = "0",
	  .files = { { "/proc/sys/fs/mount-max", "4\n" } } },
	{ IS(MOUNTS_LEFT, UNKNOWN, "not a number"),
	  .files = { { "/proc/sys/fs/mount-max", "many\n" } } },
	{ IS(MOUNTS_LEFT, UNKNOWN, "/proc/self/mountinfo: EACCES"),
	  .rules = { { "open", "mountinfo", -EACCES, 0 } } },
};

static const struct row module_rows[] = {
	{ IS(OVERLAY_MODULE, YES, FILESYSTEMS " and libkmod"), .value = "live" },
	{ IS(OVERLAY_MODULE, YES, FILESYSTEMS " and libkmod"), .value = "builtin",
	  .rules = { { "module", "overlay", OM_MODULE_BUILTIN, 0 } } },
	/* A kernel that has no modules, and one that is not told of what is built in. */
	{ IS(OVERLAY_MODULE, YES, "lists it; libkmod: ENOENT"), .value = "builtin",
	  .rules = { { "module", "overlay", -ENOENT, 0 } } },
	{ IS(OVERLAY_MODULE, YES, "lists it; libkmod: missing"), .value = "builtin",
	  .rules = { { "module", "overlay", OM_MODULE_MISSING, 0 } } },
	{ IS(OVERLAY_MODULE, NO, "libkmod; " FILESYSTEMS ": not listed"),
	  .value = "loadable", .files = { { FILESYSTEMS, NO_OVERLAY } } },
	{ IS(OVERLAY_MODULE, NO, "not listed"), .value = "blacklisted",
	  .rules = { { "module", "overlay", OM_MODULE_BLACKLISTED, 0 } },
	  .files = { { FILESYSTEMS, NO_OVERLAY } } },
	{ IS(OVERLAY_MODULE, NO, "not listed"), .value = "missing",
	  .rules = { { "module", "overlay", OM_MODULE_MISSING, 0 } },
	  .files = { { FILESYSTEMS, NO_OVERLAY } } },
	{ IS(OVERLAY_MODULE, NO, "not listed; libkmod: ENOENT"), .value = "",
	  .rules = { { "module", "overlay", -ENOENT, 0 } },
	  .files = { { FILESYSTEMS, NO_OVERLAY } } },
	/* Ubuntu's 4.4 has another format of this name, listed before the right one. */
	{ IS(OVERLAY_MODULE, NO, "not listed"), .value = "loadable",
	  .files = { { FILESYSTEMS, "nodev\toverlayfs\nnodev\tmyoverlay\n" } } },
	{ IS(OVERLAY_MODULE, YES, "libkmod"), .value = "live",
	  .files = { { FILESYSTEMS, "nodev\toverlayfs\nnodev\toverlay\n" } } },
	{ IS(OVERLAY_MODULE, NO, FILESYSTEMS ": EACCES"), .value = "loadable",
	  .rules = { { "open", FILESYSTEMS, -EACCES, 0 },
		     { "module", "overlay", OM_MODULE_LOADABLE, 0 } } },
	{ IS(OVERLAY_MODULE, UNKNOWN, FILESYSTEMS ": EACCES"), .value = "live",
	  .rules = { { "open", FILESYSTEMS, -EACCES, 0 } } },
	{ IS(OVERLAY_MODULE, UNKNOWN, FILESYSTEMS ": EACCES; libkmod: ENOENT"),
	  .value = "",
	  .rules = { { "open", FILESYSTEMS, -EACCES, 0 },
		     { "module", "overlay", -ENOENT, 0 } } },
	{ IS(OVERLAY_MODULE, YES, "libkmod"), .value = "live",
	  .files = { { FILESYSTEMS, NO_OVERLAY } }, .load_modules = true,
	  .called = "module_load overlay" },
	{ IS(SQUASHFS_MODULE, YES, FILESYSTEMS " and libkmod"), .value = "live" },
	{ IS(SQUASHFS_MODULE, NO, "not listed"), .value = "loadable",
	  .files = { { FILESYSTEMS, "nodev\toverlay\n" } } },
	{ IS(SQUASHFS_MODULE, UNKNOWN, FILESYSTEMS ": EACCES"), .value = "live",
	  .rules = { { "open", FILESYSTEMS, -EACCES, 0 } } },
};

/* Where overlay is not registered nothing may be tried that makes the kernel load it. */
#define UNREGISTERED(fact)                                                               \
	{ IS(fact, UNKNOWN, "not tried: overlay is not registered"),                     \
	  .files = { { FILESYSTEMS, NO_OVERLAY } }, .app_label = APP,                    \
	  .not_called = "fsopen overlay" },                                              \
		{ IS(fact, UNKNOWN, "not tried: overlay is not registered"),             \
		  .files = { { FILESYSTEMS, NO_OVERLAY } }, .app_label = APP,            \
		  .not_called = "mount overlay on" },                                    \
	{                                                                                \
		IS(fact, UNKNOWN, "EACCES, and trying might load a module"),             \
			.rules = { { "open", FILESYSTEMS, -EACCES, 0 } },                \
			.app_label = APP, .not_called = "fsopen overlay"                 \
	}

static const struct row unregistered_rows[] = {
	UNREGISTERED(OVERLAY_RO),	  UNREGISTERED(OVERLAY_LOWERDIR_PLUS),
	UNREGISTERED(OVERLAY_LAYER_FD),	  UNREGISTERED(OVERLAY_DETACHED_LOWER),
	UNREGISTERED(OVERLAY_NOFOLLOW),	  UNREGISTERED(OVERLAY_METACOPY_OFF),
	UNREGISTERED(OVERLAY_OPTIONS),	  UNREGISTERED(OVERLAY_DEPTH),
	UNREGISTERED(OVERLAY_UPPER),	  UNREGISTERED(OVERLAY_WHITEOUT),
	UNREGISTERED(OVERLAY_OPAQUE),	  UNREGISTERED(OVERLAY_USERXATTR),
	UNREGISTERED(OVERLAY_USERNS),	  UNREGISTERED(OVERLAY_NOSUID),
	UNREGISTERED(OVERLAY_LABEL_SELF), UNREGISTERED(OVERLAY_LABEL_APP),
};

#define CREATE_FAILS(args, err)                                                          \
	{                                                                                \
		"fsconfig_create", args, err, 0                                          \
	}
/* Each call of the fd API alone may be the one that is missing: mount(2) is asked. */
#define BY_MOUNT(fact, operation, arguments)                                             \
	{                                                                                \
		IS(fact, YES, NULL), .rules = { { operation, arguments, -ENOSYS, 0 } },  \
				     .called = "mount overlay on"                        \
	}

static const struct row overlay_rows[] = {
	{ IS(OVERLAY_RO, YES, "skeleton over a directory: mounted, both layers"),
	  .not_called = "mount overlay on" },
	BY_MOUNT(OVERLAY_RO, "fsopen", NULL),
	BY_MOUNT(OVERLAY_RO, "fsconfig_string", "overlay lowerdir="),
	BY_MOUNT(OVERLAY_RO, "fsconfig_create", "overlay"),
	BY_MOUNT(OVERLAY_RO, "fsmount", "overlay"),
	{ IS(OVERLAY_RO, NO,
	     "fsconfig(FSCONFIG_CMD_CREATE) of an overlay: EINVAL (overlay: no such thing)"),
	  .rules = { CREATE_FAILS("overlay", -EINVAL) },
	  .message = "overlay: no such thing" },
	{ IS(OVERLAY_RO, NO, "fsopen overlay: ENODEV"),
	  .rules = { { "fsopen", "overlay", -ENODEV, 0 } } },
	{ IS(OVERLAY_RO, NO, "mount(2) of an overlay: EINVAL"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 },
		     { "mount", "overlay", -EINVAL, 0 } } },
	{ IS(OVERLAY_RO, UNKNOWN, "mount(2) of an overlay: EACCES"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 },
		     { "mount", "overlay", -EACCES, 0 } } },
	/* It is mounted, and a layer is missing: old kernels cut long options in silence. */
	{ IS(OVERLAY_RO, NO, "looking up a name of the lower layer: ENOENT"),
	  .rules = { { "stat", "lower-name", -ENOENT, 0 } } },
	{ IS(OVERLAY_RO, NO, "looking up a name of the upper layer: ENOENT"),
	  .rules = { { "stat", "upper-name", -ENOENT, 0 } } },
	{ IS(OVERLAY_RO, UNKNOWN, "CMD_CREATE) of an overlay: EPERM"),
	  .rules = { CREATE_FAILS("overlay", -EPERM) } },
	{ IS(OVERLAY_RO, UNKNOWN, "making the layers: ENOSPC"),
	  .rules = { { "mkdir", "both/inside", -ENOSPC, 0 } } },
	{ IS(OVERLAY_RO, UNKNOWN, NOWHERE), .rules = { NO_NAMESPACE } },
	/* Loading is allowed: whatever libkmod says, the kernel is asked. */
	{ IS(OVERLAY_RO, YES, "mounted"), .files = { { FILESYSTEMS, NO_OVERLAY } },
	  .load_modules = true, .called = "fsopen overlay" },
	{ IS(OVERLAY_RO, NO, "fsopen overlay: ENODEV"),
	  .rules = { { "module_load", NULL, -ENOENT, 0 } },
	  .files = { { FILESYSTEMS, NO_OVERLAY } }, .load_modules = true },

	{ IS(OVERLAY_LOWERDIR_PLUS, YES, "layers one by one: mounted") },
	{ IS(OVERLAY_LOWERDIR_PLUS, NO, "fsconfig lowerdir+ with a path: EINVAL"),
	  .rules = { { "fsconfig_string", "lowerdir+", -EINVAL, 0 } } },
	{ IS(OVERLAY_LOWERDIR_PLUS, NO, "fsopen overlay: ENOSYS"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(OVERLAY_LOWERDIR_PLUS, UNKNOWN, "EPERM"),
	  .rules = { { "fsconfig_string", "lowerdir+", -EPERM, 0 } } },
	{ IS(OVERLAY_LAYER_FD, YES, "layers by descriptor: mounted") },
	/* 6.12; then 5.10 and 6.1, whose overlay is behind a shim. */
	{ IS(OVERLAY_LAYER_FD, NO, "fsconfig lowerdir+ with a descriptor: EBADF"),
	  .rules = { { "fsconfig_fd", NULL, -EBADF, 0 } } },
	{ IS(OVERLAY_LAYER_FD, NO, "with a descriptor: EOPNOTSUPP"),
	  .rules = { { "fsconfig_fd", NULL, -EOPNOTSUPP, 0 } } },
	/* It takes the second one in silence, and has one layer only. */
	{ IS(OVERLAY_LAYER_FD, NO, "CMD_CREATE) of an overlay: EINVAL"),
	  .rules = { { "fsconfig_fd", "/l", 0, 0 } } },
	{ IS(OVERLAY_LAYER_FD, UNKNOWN, "EPERM"),
	  .rules = { { "fsconfig_fd", NULL, -EPERM, 0 } } },
	{ IS(OVERLAY_DETACHED_LOWER, YES, "layers on a detached tmpfs: mounted") },
	/* 6.12. */
	{ IS(OVERLAY_DETACHED_LOWER, NO, "CMD_CREATE) of an overlay: EINVAL"),
	  .rules = { CREATE_FAILS("overlay", -EINVAL) } },
	{ IS(OVERLAY_DETACHED_LOWER, NO, "fsopen overlay: ENOSYS"),
	  .rules = { { "fsopen", "overlay", -ENOSYS, 0 } } },
	{ IS(OVERLAY_DETACHED_LOWER, NO, "detached tmpfs: ENOSYS"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } } },
	{ IS(OVERLAY_DETACHED_LOWER, UNKNOWN, "detached tmpfs: EPERM"),
	  .rules = { { "fsopen", "tmpfs", -EPERM, 0 } } },

	{ IS(OVERLAY_DEPTH, YES, "overlay over overlay: mounted"), .value = "2" },
	{ IS(OVERLAY_DEPTH, YES, "overlay over overlay: mounted"), .value = "2",
	  .rules = { { "move_mount", "overlay(", -ENOSYS, 0 } },
	  .called = "mount overlay on" },
	{ IS(OVERLAY_DEPTH, NO, "CMD_CREATE) of an overlay: EINVAL"), .value = "1",
	  .rules = { CREATE_FAILS(":#", -EINVAL) } },
	{ IS(OVERLAY_DEPTH, UNKNOWN, "CMD_CREATE) of an overlay: EPERM"), .value = "",
	  .rules = { CREATE_FAILS("overlay(", -EPERM) } },
	{ IS(OVERLAY_DEPTH, UNKNOWN, NOWHERE), .rules = { NO_NAMESPACE } },
};

#define MKNOD_WITHOUT_EFFECT                                                             \
	{                                                                                \
		"mknod", NULL, 0, 0                                                      \
	}
#define SETXATTR_WITHOUT_EFFECT                                                          \
	{                                                                                \
		"setxattr", NULL, 0, 0                                                   \
	}

static const struct row option_rows[] = {
	{ IS(OVERLAY_NOFOLLOW, YES, "redirect_dir=nofollow: mounted") },
	{ IS(OVERLAY_NOFOLLOW, NO, "redirect_dir=nofollow: fsconfig of an option"),
	  .rules = { { "fsconfig_string", "redirect_dir=nofollow", -EINVAL, 0 } } },
	/* 4.4. */
	{ IS(OVERLAY_NOFOLLOW, NO, "mount(2) of an overlay: EINVAL"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 },
		     { "mount", "redirect_dir=nofollow", -EINVAL, 0 } } },
	{ IS(OVERLAY_NOFOLLOW, UNKNOWN, "EPERM"),
	  .rules = { { "fsconfig_string", "redirect_dir=nofollow", -EPERM, 0 } } },
	{ IS(OVERLAY_METACOPY_OFF, YES, "metacopy=off: mounted") },
	{ IS(OVERLAY_METACOPY_OFF, NO, "EINVAL"),
	  .rules = { { "fsconfig_string", "metacopy=off", -EINVAL, 0 } } },
	{ IS(OVERLAY_METACOPY_OFF, UNKNOWN, "EPERM"),
	  .rules = { { "fsconfig_string", "metacopy=off", -EPERM, 0 } } },

	{ IS(OVERLAY_OPTIONS, YES, "both options: mounted"),
	  .value = "redirect_dir=nofollow,metacopy=off" },
	{ IS(OVERLAY_OPTIONS, YES, "both options: mounted"),
	  .value = "redirect_dir=nofollow,metacopy=off",
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } },
	  .called = ",redirect_dir=nofollow,metacopy=off" },
	/* 4.15: redirects are followed there, so the option must not be lost. */
	{ IS(OVERLAY_OPTIONS, YES, "redirect_dir=nofollow: mounted"),
	  .value = "redirect_dir=nofollow",
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 },
		     { "mount", "metacopy", -EINVAL, 0 } },
	  .not_called = "redirect_dir=nofollow,metacopy=off" },
	{ IS(OVERLAY_OPTIONS, YES, "metacopy=off: mounted"), .value = "metacopy=off",
	  .rules = { { "fsconfig_string", "redirect_dir", -EINVAL, 0 } } },
	{ IS(OVERLAY_OPTIONS, NO, "EINVAL"), .value = "",
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 },
		     { "mount", "metacopy", -EINVAL, 0 },
		     { "mount", "redirect_dir", -EINVAL, 0 } } },
	/* Each alone, and not both. */
	{ IS(OVERLAY_OPTIONS, NO, "both options: fsconfig of an option: EINVAL"),
	  .value = "", .rules = { { "fsconfig_string", "metacopy", -EINVAL, 2 } } },
	{ IS(OVERLAY_OPTIONS, UNKNOWN, "both options: "), .value = "",
	  .rules = { { "fsconfig_string", "metacopy", -EPERM, 2 } } },
	{ IS(OVERLAY_OPTIONS, UNKNOWN, "EPERM"), .value = "",
	  .rules = { { "fsconfig_string", "metacopy", -EPERM, 0 },
		     { "fsconfig_string", "redirect_dir", -EINVAL, 0 } } },
	{ IS(OVERLAY_OPTIONS, UNKNOWN, "EPERM"), .value = "",
	  .rules = { { "fsconfig_string", "redirect_dir", -EPERM, 0 },
		     { "fsconfig_string", "metacopy", -EINVAL, 0 } } },

	{ IS(OVERLAY_USERXATTR, YES, "userxattr: mounted") },
	/* Before 5.11. */
	{ IS(OVERLAY_USERXATTR, NO, "fsconfig of an option: EINVAL"),
	  .rules = { { "fsconfig_flag", "userxattr", -EINVAL, 0 } } },
	{ IS(OVERLAY_USERXATTR, UNKNOWN, "EPERM"),
	  .rules = { { "fsconfig_flag", "userxattr", -EPERM, 0 } } },
	{ IS(OVERLAY_USERXATTR, YES, "mounted"),
	  .rules = { { "fsconfig_flag", NULL, -ENOSYS, 0 } }, .called = ",userxattr" },
};

static const struct row upper_rows[] = {
	{ IS(OVERLAY_UPPER, YES, "a file made, a lower name removed") },
	{ IS(OVERLAY_UPPER, YES, "a file made, a lower name removed"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 } }, .called = ",upperdir=" },
	{ IS(OVERLAY_UPPER, NO, "CMD_CREATE) of an overlay: EINVAL"),
	  .rules = { CREATE_FAILS("rw-overlay", -EINVAL) } },
	{ IS(OVERLAY_UPPER, NO, "creating a file: EROFS"),
	  .rules = { { "mkfile", "rw-overlay", -EROFS, 0 } } },
	{ IS(OVERLAY_UPPER, NO, "removing a name of the lower layer: EROFS"),
	  .rules = { { "unlink", NULL, -EROFS, 0 } } },
	{ IS(OVERLAY_UPPER, NO, "looking for the removed name: EEXIST"),
	  .rules = { { "unlink", NULL, 0, 0 } } },
	{ IS(OVERLAY_UPPER, UNKNOWN, "CMD_CREATE) of an overlay: EPERM"),
	  .rules = { CREATE_FAILS("rw-overlay", -EPERM) } },
	/* Copy-up under confinement. */
	{ IS(OVERLAY_UPPER, UNKNOWN, "removing a name of the lower layer: EACCES"),
	  .rules = { { "unlink", NULL, -EACCES, 0 } } },

	{ IS(OVERLAY_WHITEOUT, YES, "device 0:0: the name is hidden") },
	{ IS(OVERLAY_WHITEOUT, NO, "looking for the hidden name: EEXIST"),
	  .rules = { MKNOD_WITHOUT_EFFECT } },
	{ IS(OVERLAY_WHITEOUT, UNKNOWN, "making a device 0:0: EPERM"),
	  .rules = { { "mknod", NULL, -EPERM, 0 } } },
	{ IS(OVERLAY_WHITEOUT, UNKNOWN, "looking for the hidden name: EACCES"),
	  .rules = { { "stat", ")/both ", -EACCES, 0 } } },
	{ IS(OVERLAY_WHITEOUT, UNKNOWN, NOWHERE), .rules = { NO_NAMESPACE } },
	{ IS(OVERLAY_OPAQUE, YES, "opaque directory: the name is hidden") },
	{ IS(OVERLAY_OPAQUE, NO, "looking for the hidden name: EEXIST"),
	  .rules = { SETXATTR_WITHOUT_EFFECT } },
	{ IS(OVERLAY_OPAQUE, NO, "setting trusted.overlay.opaque: EOPNOTSUPP"),
	  .rules = { { "setxattr", NULL, -EOPNOTSUPP, 0 } } },
	{ IS(OVERLAY_OPAQUE, UNKNOWN, "setting trusted.overlay.opaque: EPERM"),
	  .rules = { { "setxattr", NULL, -EPERM, 0 } } },

	{ IS(OVERLAY_USERNS, YES, "in a user namespace: mounted") },
	/* Before 5.11, but for Ubuntu. */
	{ IS(OVERLAY_USERNS, NO, "CMD_CREATE) of an overlay: EPERM"),
	  .rules = { CREATE_FAILS("in-userns", -EPERM) } },
	{ IS(OVERLAY_USERNS, NO, "mount(2) of an overlay: EPERM"),
	  .rules = { { "fsopen", NULL, -ENOSYS, 0 },
		     { "mount", "in-userns", 0, 1 },
		     { "mount", "overlay", -EPERM, 0 } } },
	{ IS(OVERLAY_USERNS, NO, "looking up a name of the lower layer: ENOENT"),
	  .rules = { { "stat", "lower-name", -ENOENT, 0 } } },
	{ IS(OVERLAY_USERNS, UNKNOWN, "CMD_CREATE) of an overlay: EACCES"),
	  .rules = { CREATE_FAILS("in-userns", -EACCES) } },
	{ IS(OVERLAY_USERNS, UNKNOWN, "unshare(CLONE_NEWUSER): EPERM"),
	  .rules = { { "unshare_user", NULL, -EPERM, 2 } } },
	{ IS(OVERLAY_USERNS, UNKNOWN, "no user namespace to try it in: unshare("),
	  .rules = { { "unshare_user", NULL, -EPERM, 0 } } },
	{ IS(OVERLAY_USERNS, UNKNOWN, "child in a user namespace: ECHILD"),
	  .rules = { { "in_child", NULL, -ECHILD, 3 } } },
	/* The third set of layers: the scratch's and the detached tmpfs's come before. */
	{ IS(OVERLAY_USERNS, UNKNOWN, "making the layers: ENOSPC"),
	  .rules = { { "mkdir", "/l/both/inside", -ENOSPC, 3 } } },
};

static const struct row nosuid_rows[] = {
#if defined(__x86_64__) || defined(__aarch64__)
	/* Ubuntu's kernels; then all others. */
	{ IS(OVERLAY_NOSUID, YES, "ran with its caller's id") },
	{ IS(OVERLAY_NOSUID, NO, "ran with its owner's id"),
	  .rules = { { "exec", ")/geteuid uid=65534", 0, 0 } } },
	{ IS(OVERLAY_NOSUID, UNKNOWN, "no effect here (no_new_privs)"),
	  .rules = { { "exec", "/geteuid uid=65534", 65534 & 0xff, 1 } } },
	{ IS(OVERLAY_NOSUID, UNKNOWN, "no effect here (EPERM)"),
	  .rules = { { "exec", "/geteuid uid=65534", -EPERM, 1 } } },
	{ IS(OVERLAY_NOSUID, UNKNOWN, "running the program through the overlay"),
	  .rules = { { "exec", ")/geteuid uid=65534", -EACCES, 0 } } },
	{ IS(OVERLAY_NOSUID, UNKNOWN, "writing a program: ENOSPC"),
	  .rules = { { "mkfile", "geteuid", -ENOSPC, 0 } } },
	{ IS(OVERLAY_NOSUID, NO, "overlay over a nosuid tmpfs: fsconfig("),
	  .rules = { CREATE_FAILS("overlay", -EINVAL) } },
#endif
	{ IS(OVERLAY_NOSUID, UNKNOWN, "not tried"),
	  .files = { { FILESYSTEMS, NO_OVERLAY } } },
};

/* What a reader does through an overlay over a directory of the host. */
#define THROUGH(name) ":/usr/bin)" name

static const struct row label_rows[] = {
	{ IS(OVERLAY_LABEL_SELF, YES, "overlay over /usr/bin: nothing is lost"),
	  .value = "list,stat,read,map,exec" },
	{ IS(OVERLAY_LABEL_SELF, YES, "nothing is lost"),
	  .value = "list,stat,read,map,exec", .rules = { { "fsopen", NULL, -ENOSYS, 0 } },
	  .called = "mount overlay on /usr/bin " },
	/* u5.4 and 6.12: mprotect is checked again, under the name of the layer. */
	{ IS(OVERLAY_LABEL_SELF, NO, "map in /usr/bin: EACCES through the overlay"),
	  .value = "list,stat,read,exec",
	  .rules = { { "map_exec", THROUGH("/true"), -EACCES, 0 } } },
	/* Denied without the overlay too: that proves nothing, and is not held against it. */
	{ IS(OVERLAY_LABEL_SELF, UNKNOWN,
	     "map in /usr/bin: EACCES without the overlay too"),
	  .value = "list,stat,read,exec", .rules = { { "map_exec", NULL, -EACCES, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, NO, "read in /usr/bin: EACCES through the overlay"),
	  .value = "list,stat,exec",
	  .rules = { { "map_exec", NULL, -EACCES, 0 },
		     { "read_byte", THROUGH("/true"), -EACCES, 0 } } },
	/* 4.4: readdir alone. */
	{ IS(OVERLAY_LABEL_SELF, NO, "list in /usr/bin: EACCES"),
	  .value = "stat,read,map,exec",
	  .rules = { { "list", THROUGH(""), -EACCES, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, NO, "stat in /usr/bin: EACCES"),
	  .rules = { { "stat", THROUGH("/true"), -EACCES, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, NO, "read in /usr/bin: EACCES"),
	  .rules = { { "read_byte", THROUGH("/true"), -EACCES, 0 } } },
	/* The loader leaves with 127. */
	{ IS(OVERLAY_LABEL_SELF, NO, "exec in /usr/bin: ELIBACC"),
	  .value = "list,stat,read,map",
	  .rules = { { "exec", THROUGH("/true"), 127, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, UNKNOWN,
	     "list in /usr/bin: EACCES without the overlay too"),
	  .rules = { { "list", NULL, -EACCES, 0 }, { "read_byte", NULL, -EACCES, 0 } } },
	/* A base that has no such program. */
	{ IS(OVERLAY_LABEL_SELF, YES, "overlay over /etc: nothing is lost"),
	  .value = "list,stat,read,map", .rules = { { "stat", "/true", -ENOENT, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, UNKNOWN, "no directory to try it on"),
	  .rules = { { "stat", "bin/true", -ENOENT, 0 },
		     { "stat", "etc/", -ENOENT, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, NO, "CMD_CREATE) of an overlay: EINVAL"),
	  .rules = { CREATE_FAILS("overlay", -EINVAL) } },
	{ IS(OVERLAY_LABEL_SELF, UNKNOWN, "child: ECHILD"),
	  .rules = { { "in_child", NULL, -ECHILD, 0 } } },
	{ IS(OVERLAY_LABEL_SELF, UNKNOWN, NOWHERE), .rules = { NO_NAMESPACE } },

	{ IS(OVERLAY_LABEL_APP, YES, "nothing is lost"),
	  .value = "list,stat,read,map,exec", .app_label = APP,
	  .called = THROUGH("/true uid=-1 label=" APP) },
	{ IS(OVERLAY_LABEL_APP, YES, "no AppArmor"),
	  .rules = { { "apparmor", NULL, -ENOSYS, 0 } } },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "no label was given") },
	/* It may not be entered: its policy is asked. */
	{ IS(OVERLAY_LABEL_APP, YES, "lets it map /usr/bin/true; snapd gives"),
	  .value = "asked", .rules = { { "apparmor_change", "now", -EACCES, 0 } },
	  .app_label = APP, .called = "apparmor_query " APP " /usr/bin/true" },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "enter it, and cannot be asked: EACCES"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 },
		     { "apparmor_query", NULL, -EACCES, 0 } },
	  .app_label = APP },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "does not let it map /usr/bin/true"),
	  .rules = { { "apparmor_change", "now", -EPERM, 0 },
		     { "apparmor_query", NULL, 0, 0 } },
	  .app_label = APP },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "attach_disconnected cannot be asked"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 } }, .app_label = "other" },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "another name for /usr/bin/true"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 } }, .app_label = APP,
	  .files = { { "/proc/self/mountinfo",
		       "42 1 0:30 /base / ro - squashfs base ro\n" } } },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "cannot be asked: ENOENT"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 } }, .app_label = APP,
	  .files = { { "/proc/self/mountinfo",
		       "43 1 0:30 / / ro - squashfs base ro\n" } } },
	/* We may execute nothing, nor need to. */
	{ IS(OVERLAY_LABEL_APP, YES, "lets it map"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 },
		     { "exec", NULL, -EACCES, 0 } },
	  .app_label = APP },
	/* Through our own overlay we cannot map it ourselves; the helper's is not ours. */
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "policy does not let us enter it"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 },
		     { "map_exec", THROUGH("/true"), -EACCES, 0 } },
	  .app_label = APP, .not_called = "apparmor_query" },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "policy does not let us enter it"),
	  .rules = { { "apparmor_change", "now", -EACCES, 0 } }, .app_label = APP,
	  .helper = true, .not_called = "apparmor_query" },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "no such profile"),
	  .rules = { { "apparmor_change", "now", -ENOENT, 0 } }, .app_label = APP },
	{ IS(OVERLAY_LABEL_APP, NO, "exec in /usr/bin: EACCES through"),
	  .value = "list,stat,read,map",
	  .rules = { { "exec", THROUGH("/true uid=-1 label=" APP), -EACCES, 0 } },
	  .app_label = APP },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN,
	     "exec in /usr/bin: EACCES without the overlay too"),
	  .value = "list,stat,read,map",
	  .rules = { { "exec", "label=" APP, -EACCES, 0 } }, .app_label = APP },

	/* The same through an overlay of overmount-layers. */
	{ IS(OVERLAY_LABEL_APP, YES, "nothing is lost"),
	  .value = "list,stat,read,map,exec", .app_label = APP, .helper = true,
	  .called = "overlay(nosuid-tmpfs1/usr/bin:/usr/bin) -> /usr/bin" },
	{ IS(OVERLAY_LABEL_APP, YES, "nothing is lost"),
	  .value = "list,stat,read,map,exec", .app_label = APP, .helper = true,
	  .rules = { { "layers", "at (none)", -ENOSYS, 0 } },
	  .called = "mount (none) on /usr/bin flags=0x2000" },
	{ IS(OVERLAY_LABEL_APP, NO, "exec in /usr/bin: EACCES through"),
	  .rules = { { "exec", THROUGH("/true uid=-1 label=" APP), -EACCES, 0 } },
	  .app_label = APP, .helper = true },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "overmount-layers: EACCES (making it up)"),
	  .rules = { { "layers", "/usr/bin at", -EACCES, 0 } }, .app_label = APP,
	  .helper = true },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "directory to mount at: ENOSPC"),
	  .rules = { { "layers", "at (none)", -ENOSYS, 0 },
		     { "mkdir", "/helper", -ENOSPC, 0 } },
	  .app_label = APP, .helper = true },
	{ IS(OVERLAY_LABEL_APP, UNKNOWN, "moving what overmount-layers made: EACCES"),
	  .rules = { { "move_mount", "-> /usr/bin", -EACCES, 2 } }, .app_label = APP,
	  .helper = true },
	/* Nobody asks it about what we can do ourselves. */
	{ IS(OVERLAY_LABEL_SELF, YES, "nothing is lost"), .helper = true,
	  .not_called = "layers 1000 nosuid" },

	{ IS(OVERLAY_LABEL_HELPER, YES, "overmount-layers: its label"),
	  .value = "overmount-layers (unconfined)", .helper = true,
	  .called = "layers 1000 nothing at (none)" },
	{ IS(OVERLAY_LABEL_HELPER, NO, "overmount-layers: its label"), .helper = true,
	  .rules = { { "layers", "nothing", 1, 0 } } },
	{ IS(OVERLAY_LABEL_HELPER, NO, "overmount-layers: making it up: EACCES"),
	  .helper = true, .rules = { { "layers", "nothing", -EACCES, 0 } } },
	{ IS(OVERLAY_LABEL_HELPER, UNKNOWN, "overmount-layers: making it up: ECHILD"),
	  .helper = true, .rules = { { "layers", "nothing", -ECHILD, 0 } } },
	{ IS(OVERLAY_LABEL_HELPER, UNKNOWN, "no program was given"),
	  .not_called = "layers 0" },
};

static const struct row lsm_rows[] = {
	{ IS(LSM, YES, "/sys/kernel/security/lsm"),
	  .value = "lockdown,capability,landlock,yama,apparmor" },
	{ IS(LSM, NO, "/sys/kernel/security/lsm"),
	  .files = { { "/sys/kernel/security/lsm", "\n" } } },
	{ IS(LSM, UNKNOWN, "/sys/kernel/security/lsm: ENOENT"),
	  .files = { { "/sys/kernel/security/lsm", NULL } } },

	{ IS(APPARMOR, YES, "aa_is_enabled: yes") },
	{ IS(APPARMOR, NO, "aa_is_enabled: not in this kernel"),
	  .rules = { { "apparmor", NULL, -ENOSYS, 0 } } },
	{ IS(APPARMOR, NO, "aa_is_enabled: disabled at boot"),
	  .rules = { { "apparmor", NULL, -ECANCELED, 0 } } },
	{ IS(APPARMOR, UNKNOWN, "securityfs is not mounted"),
	  .rules = { { "apparmor", NULL, -ENOENT, 0 } } },
	{ IS(APPARMOR, UNKNOWN, "aa_is_enabled: EACCES"),
	  .rules = { { "apparmor", NULL, -EACCES, 0 } } },

	{ IS(APPARMOR_LABEL, YES, "aa_getcon: no mode"), .value = "unconfined" },
	{ IS(APPARMOR_LABEL, YES, "aa_getcon: unconfined"), .value = "helper",
	  .label = "helper", .mode = "unconfined" },
	{ IS(APPARMOR_LABEL, NO, "aa_getcon: enforce"), .value = APP, .label = APP,
	  .mode = "enforce" },
	{ IS(APPARMOR_LABEL, NO, "aa_getcon: no mode"), .value = "unconfined//&" APP,
	  .label = "unconfined//&" APP },
	{ IS(APPARMOR_LABEL, YES, "no AppArmor, so no label"), .value = "unconfined",
	  .rules = { { "apparmor", NULL, -ENOSYS, 0 } } },
	{ IS(APPARMOR_LABEL, UNKNOWN, "aa_getcon: EACCES"),
	  .rules = { { "apparmor_label", NULL, -EACCES, 0 } } },

	{ IS(APPARMOR_MOUNT, YES, "features/mount/mask"),
	  .value = "mount umount pivot_root" },
	/* Mainline 4.4 has a tree, and nothing about mounts in it. */
	{ IS(APPARMOR_MOUNT, NO, "features/mount/mask: not there"),
	  .files = { { FEATURES "mount/mask", NULL } } },
	{ IS(APPARMOR_MOUNT, NO, "features/mount/mask"), .value = "umount amount mounts",
	  .files = { { FEATURES "mount/mask", "umount amount mounts\n" } } },
	{ IS(APPARMOR_MOUNT, NO, "not in this kernel"),
	  .rules = { { "apparmor", NULL, -ENOSYS, 0 } } },
	{ IS(APPARMOR_MOUNT, UNKNOWN, "features/mount/mask: no feature tree"),
	  .files = { NO_TREE, { FEATURES "mount/mask", NULL } } },
	{ IS(APPARMOR_MOUNT, UNKNOWN, "features/mount/mask: EACCES"),
	  .rules = { { "open", "mount/mask", -EACCES, 0 } } },

	{ IS(APPARMOR_PIVOT_ROOT, YES, "features/mount/mask"),
	  .value = "mount umount pivot_root" },
	/* Ubuntu's 4.4. */
	{ IS(APPARMOR_PIVOT_ROOT, YES, "features/namespaces/pivot_root"), .value = "yes",
	  .files = { { FEATURES "mount/mask", "mount umount\n" },
		     { FEATURES "namespaces/pivot_root", "yes\n" } } },
	{ IS(APPARMOR_PIVOT_ROOT, NO, "features/namespaces/pivot_root"), .value = "no",
	  .files = { { FEATURES "mount/mask", "mount umount\n" } } },
	{ IS(APPARMOR_PIVOT_ROOT, NO, "features/namespaces/pivot_root: not there"),
	  .files = { { FEATURES "mount/mask", NULL },
		     { FEATURES "namespaces/pivot_root", NULL } } },
	{ IS(APPARMOR_PIVOT_ROOT, UNKNOWN, "no feature tree"),
	  .files = { NO_TREE,
		     { FEATURES "mount/mask", NULL },
		     { FEATURES "namespaces/pivot_root", NULL } } },

	/* 6.12 and later. */
	{ IS(APPARMOR_MOVE_MOUNT, YES, "features/mount/move_mount"),
	  .value = "detached" },
	/* 5.10 and 6.1. */
	{ IS(APPARMOR_MOVE_MOUNT, NO, "features/mount/move_mount: not there"),
	  .files = { { FEATURES "mount/move_mount", NULL } } },
	{ IS(APPARMOR_MOVE_MOUNT, UNKNOWN, "no feature tree"),
	  .files = { NO_TREE, { FEATURES "mount/move_mount", NULL } } },

	{ IS(APPARMOR_STACKING, YES, "features/domain/stack"), .value = "yes" },
	{ IS(APPARMOR_STACKING, NO, "features/domain/stack"), .value = "no",
	  .files = { { FEATURES "domain/stack", "no\n" } } },
	{ IS(APPARMOR_STACKING, NO, "features/domain/stack: not there"),
	  .files = { { FEATURES "domain/stack", NULL } } },
	{ IS(APPARMOR_STACKING, UNKNOWN, "no feature tree"),
	  .files = { NO_TREE, { FEATURES "domain/stack", NULL } } },
};

#define WITH(fs) "nodev\ttmpfs\nnodev\toverlay\n\tsquashfs\nnodev\t" fs "\n"
#define ENFORCE "/sys/fs/selinux/enforce"

static const struct row other_rows[] = {
	{ IS(SELINUX, NO, "/proc/filesystems has no selinuxfs") },
	{ IS(SELINUX, NO, "has no selinuxfs"),
	  .files = { { FILESYSTEMS, WITH("xselinuxfs") } } },
	{ IS(SELINUX, YES, ENFORCE), .value = "enforcing",
	  .files = { { FILESYSTEMS, WITH("selinuxfs") }, { ENFORCE, "1" } } },
	{ IS(SELINUX, NO, ENFORCE), .value = "permissive",
	  .files = { { FILESYSTEMS, WITH("selinuxfs") }, { ENFORCE, "0" } } },
	/* A container that does not see it is bound by it all the same. */
	{ IS(SELINUX, YES, "selinuxfs is registered; " ENFORCE ": ENOENT"), .value = "",
	  .files = { { FILESYSTEMS, WITH("selinuxfs") }, { ENFORCE, NULL } } },
	{ IS(SELINUX, UNKNOWN, "/proc/filesystems: EACCES"),
	  .rules = { { "open", FILESYSTEMS, -EACCES, 0 } } },
	{ IS(SMACK, NO, "/proc/filesystems has no smackfs") },
	{ IS(SMACK, YES, "has smackfs"), .files = { { FILESYSTEMS, WITH("smackfs") } } },
	{ IS(SMACK, UNKNOWN, "/proc/filesystems: EACCES"),
	  .rules = { { "open", FILESYSTEMS, -EACCES, 0 } } },
};

#define RESTRICT "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

static const struct row transition_rows[] = {
	{ IS(APPARMOR_USERNS, YES, "apparmor_restrict_unprivileged_userns"),
	  .value = "1" },
	{ IS(APPARMOR_USERNS, NO, "apparmor_restrict_unprivileged_userns"), .value = "0",
	  .files = { { RESTRICT, "0\n" } } },
	{ IS(APPARMOR_USERNS, NO, "there is no sysctl"),
	  .files = { { RESTRICT, NULL } } },
	{ IS(APPARMOR_USERNS, NO, "features/namespaces/mask: not there"),
	  .files = { { FEATURES "namespaces/mask", NULL } } },
	{ IS(APPARMOR_USERNS, UNKNOWN, "no feature tree"),
	  .files = { NO_TREE, { FEATURES "namespaces/mask", NULL } } },
	{ IS(APPARMOR_USERNS, UNKNOWN, "EACCES"),
	  .rules = { { "open", RESTRICT, -EACCES, 0 } } },

	{ IS(APPARMOR_ONEXEC, YES, "aa_change_onexec: done"), .value = "unconfined" },
	{ IS(APPARMOR_ONEXEC, YES, "aa_change_onexec: done"), .value = APP,
	  .app_label = APP, .called = "apparmor_change " APP " on exec" },
	{ IS(APPARMOR_ONEXEC, NO, "aa_change_onexec: EACCES"), .value = APP,
	  .rules = { { "apparmor_change", "on exec", -EACCES, 0 } }, .app_label = APP },
	{ IS(APPARMOR_ONEXEC, NO, "ENOENT (no such profile)"), .value = APP,
	  .rules = { { "apparmor_change", "on exec", -ENOENT, 0 } }, .app_label = APP },
	{ IS(APPARMOR_ONEXEC, NO, "not in this kernel"),
	  .rules = { { "apparmor", NULL, -ENOSYS, 0 } } },
	{ IS(APPARMOR_ONEXEC, UNKNOWN, "no label was given"), .label = APP,
	  .mode = "enforce", .not_called = "apparmor_change" },
	{ IS(APPARMOR_OPENED, YES, "opened before: done, opened in the namespace: done"),
	  .app_label = APP, .called = "exec /usr/bin/true uid=-1 label=" APP },
	/* LP #1716339, and all profiles without attach_disconnected. */
	{ IS(APPARMOR_OPENED, NO, "opened before: EACCES, opened in the namespace: done"),
	  .rules = { { "exec", "/usr/bin/true uid=-1 label=" APP, -EACCES, 2 } },
	  .app_label = APP },
	{ IS(APPARMOR_OPENED, UNKNOWN, "opened before: ENOMEM, opened in the namespace"),
	  .rules = { { "exec", "/usr/bin/true uid=-1 label=" APP, -ENOMEM, 2 } },
	  .app_label = APP },
	{ IS(APPARMOR_OPENED, UNKNOWN, "opened in the namespace: EACCES, so nothing"),
	  .rules = { { "exec", "/usr/bin/true uid=-1 label=" APP, -EACCES, 1 } },
	  .app_label = APP },
	{ IS(APPARMOR_OPENED, UNKNOWN, "no such profile"),
	  .rules = { { "apparmor_change", "now", -ENOENT, 0 } }, .app_label = APP },
	{ IS(APPARMOR_OPENED, UNKNOWN, "no program to try it on"),
	  .rules = { { "stat", "bin/true", -ENOENT, 0 } }, .app_label = APP },
	{ IS(APPARMOR_OPENED, UNKNOWN, "no label was given") },
	{ IS(APPARMOR_OPENED, UNKNOWN, "a copy of the mount namespace: ECHILD"),
	  .rules = { { "in_child", NULL, -ECHILD, 3 } }, .app_label = APP },
	{ IS(APPARMOR_OPENED, YES, "no AppArmor, so no path"),
	  .rules = { { "apparmor", NULL, -ENOSYS, 0 } } },

	{ IS(APPARMOR_ONEXEC, UNKNOWN, "ENOMEM"),
	  .rules = { { "apparmor_change", "on exec", -ENOMEM, 0 } } },
};

static const struct {
	const struct row *rows;
	size_t n;
} tables[] = {
	{ mount_rows, ARRAY_SIZE(mount_rows) },
	{ limit_rows, ARRAY_SIZE(limit_rows) },
	{ module_rows, ARRAY_SIZE(module_rows) },
	{ unregistered_rows, ARRAY_SIZE(unregistered_rows) },
	{ overlay_rows, ARRAY_SIZE(overlay_rows) },
	{ option_rows, ARRAY_SIZE(option_rows) },
	{ upper_rows, ARRAY_SIZE(upper_rows) },
	{ nosuid_rows, ARRAY_SIZE(nosuid_rows) },
	{ label_rows, ARRAY_SIZE(label_rows) },
	{ lsm_rows, ARRAY_SIZE(lsm_rows) },
	{ transition_rows, ARRAY_SIZE(transition_rows) },
	{ other_rows, ARRAY_SIZE(other_rows) },
};

/* What no kernel can make a probe say. */
static const struct {
	enum om_fact_id id;
	enum om_tristate state;
} impossible[] = {
	{ _OM_FACT_MAX, OM_NO }, /* nothing where all is known */
#if !defined(__x86_64__) && !defined(__aarch64__)
	/* No program is known for this machine. */
	{ OM_FACT_OVERLAY_NOSUID, OM_YES },
	{ OM_FACT_OVERLAY_NOSUID, OM_NO },
#endif
};

/* --- Running them -------------------------------------------------------------------- */

/* Not print_error(): libapparmor.a has one of its own. */
#define complain(...) ((void)fprintf(stderr, "# " __VA_ARGS__))

static void prepare(struct fake_kernel *k, const struct row *row)
{
	fake_kernel_init(k);
	for (size_t i = 0; i < ARRAY_SIZE(row->rules) && row->rules[i].operation; i++)
		fake_kernel_rule_nth(k, row->rules[i].operation, row->rules[i].arguments,
				     row->rules[i].nth, row->rules[i].result);
	for (size_t i = 0; i < ARRAY_SIZE(row->files) && row->files[i].path; i++)
		fake_kernel_file(k, row->files[i].path, row->files[i].content);
	if (row->label)
		k->label = row->label;
	if (row->mode)
		k->mode = row->mode;
	k->message = row->message;
}

/* Why it is not as the row says, or NULL. */
static const char *differing(const struct row *row, const struct fake_kernel *k,
			     const struct om_fact *fact)
{
	if (fact->state != row->state)
		return "state";
	if (row->evidence && !strstr(fact->evidence, row->evidence))
		return "evidence";
	if (row->value && strcmp(fact->value, row->value) != 0)
		return "value";
	if (row->called && fake_kernel_count(k, row->called) == 0)
		return "a call that was not made";
	if (row->not_called && fake_kernel_count(k, row->not_called) != 0)
		return "a call that was made";
	/* Every rule must have had an effect, or the row does not test what it says. */
	for (size_t i = 0; i < k->n_rules; i++)
		if (k->shared->hits[i] < (k->rules[i].nth ? k->rules[i].nth : 1))
			return "a rule that no call matched";
	return NULL;
}

/* Of any run: each fact has a reason, and nothing stays open. */
static unsigned check_all(const struct om_facts *facts, unsigned fds)
{
	unsigned bad = 0;

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		if (facts->fact[i].evidence[0] && facts->fact[i].state <= OM_UNKNOWN)
			continue;
		complain("%s: no evidence\n", om_fact_name((enum om_fact_id)i));
		bad++;
	}
	if (fake_kernel_fds() != fds) {
		complain("%u fds were open, now %u\n", fds, fake_kernel_fds());
		bad++;
	}
	return bad;
}

static unsigned run_row(const struct row *row, size_t number)
{
	struct fake_kernel k;
	struct om_facts facts;
	const struct om_fact *fact = &facts.fact[row->id];
	const char *why;
	unsigned fds, bad;

	prepare(&k, row);
	fds = fake_kernel_fds();
	om_facts_init(&facts);
	om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
						  .app_label = row->app_label,
						  .layers = row->helper ? HELPER : 0,
						  .load_modules = row->load_modules },
		      OM_FACTS_ALL, &facts);
	bad = check_all(&facts, fds);
	why = differing(row, &k, fact);
	if (why || bad)
		complain("row %zu, %s %s \"%s\": differs in %s\n  is %s, value \"%s\": "
			 "%s\n",
			 number, om_fact_name(row->id), om_tristate_name(row->state),
			 row->evidence ? row->evidence : "", why ? why : "the rest",
			 om_tristate_name(fact->state), fact->value, fact->evidence);
	fake_kernel_done(&k);
	return bad + (why != NULL);
}

static void run_rows(const struct row *rows, size_t n)
{
	unsigned bad = 0;

	for (size_t i = 0; i < n; i++)
		bad += run_row(&rows[i], i);
	assert_int_equal(bad, 0);
}

#define ROWS_TEST(name)                                                                  \
	static void test_##name(void **state)                                            \
	{                                                                                \
		(void)state;                                                             \
		run_rows(name##_rows, ARRAY_SIZE(name##_rows));                          \
	}

ROWS_TEST(mount)
ROWS_TEST(limit)
ROWS_TEST(module)
ROWS_TEST(unregistered)
ROWS_TEST(overlay)
ROWS_TEST(option)
ROWS_TEST(upper)
ROWS_TEST(nosuid)
ROWS_TEST(label)
ROWS_TEST(lsm)
ROWS_TEST(transition)
ROWS_TEST(other)

static bool has_row(enum om_fact_id id, enum om_tristate state)
{
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (size_t i = 0; i < tables[t].n; i++)
			if (tables[t].rows[i].id == id &&
			    tables[t].rows[i].state == state)
				return true;
	return false;
}

static bool is_impossible(enum om_fact_id id, enum om_tristate state)
{
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++)
		if (impossible[i].id == id && impossible[i].state == state)
			return true;
	return false;
}

/* What the kernel of fake/kernel.c can do; what it has not, these two tell. */
static bool is_ability(enum om_fact_id id)
{
	return !is_impossible(id, OM_YES) && id != OM_FACT_SELINUX && id != OM_FACT_SMACK;
}

static void test_every_fact_has_every_state(void **state)
{
	static const enum om_tristate states[] = { OM_NO, OM_YES, OM_UNKNOWN };
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
			enum om_fact_id id = (enum om_fact_id)i;

			if (has_row(id, states[s]) != is_impossible(id, states[s]))
				continue;
			complain("%s: %s\n", om_fact_name(id),
				 om_tristate_name(states[s]));
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void test_each_fact_has_one_row(void **state)
{
	om_fact_set seen = 0;

	(void)state;
	for (size_t i = 0; i < om_n_probe_rows; i++) {
		/* What a row needs stands before it. */
		assert_true((om_probe_rows[i].needs & ~seen) == 0);
		assert_false(seen & OM_FACT_BIT(om_probe_rows[i].id));
		seen |= OM_FACT_BIT(om_probe_rows[i].id);
	}
	assert_true(seen == OM_FACTS_ALL);
}

static void test_capable_kernel(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	fake_kernel_init(&k);
	om_facts_init(&facts);
	om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
						  .app_label = APP,
						  .layers = HELPER },
		      OM_FACTS_ALL, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (is_ability((enum om_fact_id)i))
			assert_int_equal(facts.fact[i].state, OM_YES);
	/* Nothing is left over the directory that was tried. */
	assert_int_equal(fake_kernel_count(&k, "umount /usr/bin 0xa"), 2);
	assert_int_equal(k.mounts.n ? strcmp(k.mounts.v[0].place, "/run") : -1, 0);
	for (size_t i = 0; i < k.mounts.n; i++)
		assert_string_not_equal(k.mounts.v[i].place, "/usr/bin");
	fake_kernel_done(&k);
}

/*
 * What an earlier apply has put on the directory, or around it, is taken away before it is
 * tried; what others have mounted there is theirs.
 */
static void test_label_uncovers(void **state)
{
	static const struct {
		const char *source;
		const char *at[2];
		unsigned umounts; /* with that of the overlay of the trial */
		enum om_tristate verdict;
	} cases[] = {
		{ "overmount", { "/usr/bin", "/usr/bin" }, 3, OM_YES },
		{ "overmount", { "/usr", NULL }, 2, OM_YES },
		{ "overmount", { "/usr/bin", "/usr" }, 3, OM_YES },
		/* Another directory is tried. */
		{ "somebody", { "/usr/bin", NULL }, 0, OM_YES },
		{ "somebody", { "/usr", NULL }, 1, OM_YES },
	};

	(void)state;
	for (size_t turn = 0; turn < 2 * ARRAY_SIZE(cases); turn++) {
		size_t i = turn / 2;
		struct fake_kernel k;
		struct om_facts facts;

		fake_kernel_init(&k);
		k.no_source = turn % 2;
		for (size_t n = 0; n < 2 && cases[i].at[n]; n++)
			assert_int_equal(k.sys.mount(&k.sys, cases[i].source,
						     cases[i].at[n], "tmpfs", 0, NULL),
					 0);
		om_facts_init(&facts);
		om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
							  .app_label = APP },
			      OM_FACT_BIT(OM_FACT_OVERLAY_LABEL_APP), &facts);
		assert_int_equal(om_facts_get(&facts, OM_FACT_OVERLAY_LABEL_APP),
				 cases[i].verdict);
		assert_int_equal(fake_kernel_count(&k, "umount /usr"), cases[i].umounts);
		fake_kernel_done(&k);
	}
}

/* What changes while the kernel runs is not kept. */
static void test_fleeting(void **state)
{
	const om_fact_set always =
		OM_FACT_BIT(OM_FACT_USERNS) | OM_FACT_BIT(OM_FACT_MOUNT_MAX) |
		OM_FACT_BIT(OM_FACT_MOUNTS_LEFT) | OM_FACT_BIT(OM_FACT_OVERLAY_MODULE) |
		OM_FACT_BIT(OM_FACT_SQUASHFS_MODULE) |
		OM_FACT_BIT(OM_FACT_OVERLAY_LABEL_SELF) |
		OM_FACT_BIT(OM_FACT_OVERLAY_LABEL_APP) |
		OM_FACT_BIT(OM_FACT_OVERLAY_LABEL_HELPER) |
		OM_FACT_BIT(OM_FACT_APPARMOR_USERNS) |
		OM_FACT_BIT(OM_FACT_APPARMOR_ONEXEC) |
		OM_FACT_BIT(OM_FACT_APPARMOR_OPENED);
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	for (unsigned registered = 0; registered < 2; registered++) {
		fake_kernel_init(&k);
		if (!registered)
			fake_kernel_file(&k, FILESYSTEMS, NO_OVERLAY);
		om_facts_init(&facts);
		om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
							  .app_label = APP,
							  .layers = HELPER },
			      OM_FACTS_ALL, &facts);
		for (size_t i = 0; i < _OM_FACT_MAX; i++) {
			bool untried = !registered && i >= OM_FACT_OVERLAY_RO &&
				       i <= OM_FACT_OVERLAY_LABEL_APP;

			assert_int_equal(facts.fact[i].fleeting,
					 untried || (always & OM_FACT_BIT(i)));
		}
		fake_kernel_done(&k);
	}
}

/* --- Every call fails once ----------------------------------------------------------- */

/*
 * A run in which call n fails (0: none), on a kernel without the fd mount API if classic;
 * how many calls there were.
 */
static unsigned fail_call(unsigned n, int err, bool classic, struct om_facts *facts,
			  unsigned *bad)
{
	static const char *const fd_api[] = { "fsopen", "open_tree", "move_mount",
					      "mount_setattr" };
	struct fake_kernel k;
	unsigned fds, calls;

	fake_kernel_init(&k);
	for (size_t i = 0; classic && i < ARRAY_SIZE(fd_api); i++)
		fake_kernel_rule(&k, fd_api[i], NULL, -ENOSYS);
	k.fail_at = n;
	k.fail_errno = err;
	fds = fake_kernel_fds();
	om_facts_init(facts);
	om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
						  .app_label = APP,
						  .layers = HELPER },
		      OM_FACTS_ALL, facts);
	*bad += check_all(facts, fds);
	calls = k.shared->calls;
	fake_kernel_done(&k);
	return calls;
}

static void test_every_call_fails_once(void **state)
{
	static const int errors[] = { EIO, ENOMEM, ENOSYS };
	struct om_facts facts;
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(errors); i++) {
		int err = errors[i / 2];
		unsigned n = 0;

		do
			assert_true(++n < 5000);
		while (fail_call(n, err, i % 2 == 1, &facts, &bad) >= n);
		/* It was a whole run. */
		assert_true(n > 200);
	}
	assert_int_equal(bad, 0);
}

/*
 * What was short once says nothing about the kernel: a fact is what it is without that, or
 * it is unknown and asked for again.
 */
static unsigned compare_shortage(const struct om_facts *with,
				 const struct om_facts *without, unsigned n, int err)
{
	unsigned bad = 0;

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const struct om_fact *fact = &with->fact[i];

		if (fact->state == without->fact[i].state ||
		    (fact->state == OM_UNKNOWN && fact->fleeting))
			continue;
		complain("call %u is %s: %s is %s%s: %s\n", n, strerrorname_np(err),
			 om_fact_name((enum om_fact_id)i), om_tristate_name(fact->state),
			 fact->fleeting ? "" : ", and kept", fact->evidence);
		bad++;
	}
	return bad;
}

static void test_shortage_is_no_answer(void **state)
{
	static const int errors[] = { EIO, ENOMEM };
	struct om_facts with, without;
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(errors); i++) {
		bool classic = i % 2 == 1;
		unsigned calls = fail_call(0, 0, classic, &without, &bad);

		for (unsigned n = 1; n <= calls; n++) {
			(void)fail_call(n, errors[i / 2], classic, &with, &bad);
			bad += compare_shortage(&with, &without, n, errors[i / 2]);
		}
	}
	assert_int_equal(bad, 0);
}

/* --- Needs --------------------------------------------------------------------------- */

/* The facts that a run for one fact has set. */
static om_fact_set touched_by(enum om_fact_id id)
{
	struct fake_kernel k;
	struct om_facts facts;
	om_fact_set set = 0;

	fake_kernel_init(&k);
	om_facts_init(&facts);
	om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
						  .app_label = APP,
						  .layers = HELPER },
		      OM_FACT_BIT(id), &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (facts.fact[i].evidence[0])
			set |= OM_FACT_BIT(i);
	fake_kernel_done(&k);
	return set;
}

static void test_only_needs_are_run(void **state)
{
	(void)state;
	assert_true(touched_by(OM_FACT_OPENAT2) == OM_FACT_BIT(OM_FACT_OPENAT2));
	assert_true(touched_by(OM_FACT_MOUNT_API) ==
		    (OM_FACT_BIT(OM_FACT_MOUNT_API) | OM_FACT_BIT(OM_FACT_OPEN_TREE) |
		     OM_FACT_BIT(OM_FACT_FSOPEN) | OM_FACT_BIT(OM_FACT_MOVE_MOUNT)));
	/* Needs of needs. */
	assert_true(touched_by(OM_FACT_APPARMOR_ONEXEC) ==
		    (OM_FACT_BIT(OM_FACT_APPARMOR_ONEXEC) |
		     OM_FACT_BIT(OM_FACT_APPARMOR_LABEL) |
		     OM_FACT_BIT(OM_FACT_APPARMOR)));
	for (size_t i = 0; i < om_n_probe_rows; i++) {
		om_fact_set set = touched_by(om_probe_rows[i].id);

		assert_true(set & OM_FACT_BIT(om_probe_rows[i].id));
		assert_true((om_probe_rows[i].needs & ~set) == 0);
	}
}

/* Facts that were not asked for stay as they are. */
static void test_others_are_left_alone(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	fake_kernel_init(&k);
	om_facts_init(&facts);
	om_facts_set(&facts, OM_FACT_FSOPEN, OM_NO, "kept", "kept");
	om_probe_here(&(struct om_probe_options){ .sys = &k.sys },
		      OM_FACT_BIT(OM_FACT_OPENAT2), &facts);
	assert_string_equal(facts.fact[OM_FACT_FSOPEN].value, "kept");
	om_probe(&(struct om_probe_options){ .sys = &k.sys },
		 OM_FACT_BIT(OM_FACT_CLOSE_RANGE), &facts);
	assert_string_equal(facts.fact[OM_FACT_FSOPEN].value, "kept");
	assert_int_equal(facts.fact[OM_FACT_CLOSE_RANGE].state, OM_YES);
	fake_kernel_done(&k);
}

/* --- Children ------------------------------------------------------------------------ */

static void probe_in_child(struct fake_kernel *k, unsigned timeout_ms,
			   struct om_facts *facts)
{
	unsigned fds = fake_kernel_fds();

	om_facts_init(facts);
	om_probe(&(struct om_probe_options){ .sys = &k->sys,
					     .app_label = APP,
					     .layers = HELPER,
					     .timeout_ms = timeout_ms },
		 OM_FACTS_ALL, facts);
	assert_int_equal(check_all(facts, fds), 0);
	/* No child is left, dead or alive. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* One probe is stopped in one of its calls: its fact is lost, and no other. */
static void lose_one(const char *operation, const char *arguments, int result,
		     enum om_fact_id lost, const char *evidence)
{
	struct fake_kernel k;
	struct om_facts facts;

	fake_kernel_init(&k);
	fake_kernel_rule(&k, operation, arguments, result);
	probe_in_child(&k, result == FAKE_HANG ? 400 : 0, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		bool is_lost = i == (size_t)lost;

		if (!is_lost && is_ability((enum om_fact_id)i))
			assert_int_equal(facts.fact[i].state, OM_YES);
	}
	assert_int_equal(facts.fact[lost].state, OM_UNKNOWN);
	assert_true(facts.fact[lost].fleeting);
	assert_string_equal(facts.fact[lost].evidence, evidence);
	/* Two children: the second began behind it; and apparmor.opened-elsewhere. */
	assert_int_equal(fake_kernel_count(&k, "unshare 0x20000"),
			 lost == om_probe_rows[om_n_probe_rows - 1].id ? 2 : 3);
	fake_kernel_done(&k);
}

static void test_child_finds_the_same(void **state)
{
	struct fake_kernel k;
	struct om_facts here, child;

	(void)state;
	fake_kernel_init(&k);
	probe_in_child(&k, 0, &child);
	/* The child's, and that of apparmor.opened-elsewhere. */
	assert_int_equal(fake_kernel_count(&k, "unshare 0x20000"), 2);
	fake_kernel_done(&k);
	fake_kernel_init(&k);
	om_facts_init(&here);
	om_probe_here(&(struct om_probe_options){ .sys = &k.sys,
						  .app_label = APP,
						  .layers = HELPER },
		      OM_FACTS_ALL, &here);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		assert_int_equal(here.fact[i].state, child.fact[i].state);
		assert_int_equal(here.fact[i].fleeting, child.fact[i].fleeting);
		assert_string_equal(here.fact[i].value, child.fact[i].value);
		assert_string_equal(here.fact[i].evidence, child.fact[i].evidence);
	}
	fake_kernel_done(&k);
}

/* Each in_child of the table is a real one: what grandchildren find comes back. */
static void test_real_grandchildren(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	fake_kernel_init(&k);
	k.sys.in_child = om_sys_in_child;
	probe_in_child(&k, 0, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (is_ability((enum om_fact_id)i))
			assert_int_equal(facts.fact[i].state, OM_YES);
	assert_string_equal(facts.fact[OM_FACT_OVERLAY_LABEL_APP].value,
			    "list,stat,read,map,exec");
	fake_kernel_done(&k);
}

static void test_probe_hangs(void **state)
{
	(void)state;
	lose_one("close_range", NULL, FAKE_HANG, OM_FACT_CLOSE_RANGE,
		 "the probe hung and was killed");
	lose_one("mknod", NULL, FAKE_HANG, OM_FACT_OVERLAY_WHITEOUT,
		 "the probe hung and was killed");
	/* The first and the last row. */
	lose_one("module", "overlay", FAKE_HANG, OM_FACT_OVERLAY_MODULE,
		 "the probe hung and was killed");
	lose_one("layers", "nosuid-tmpfs1", FAKE_HANG, OM_FACT_OVERLAY_LABEL_APP,
		 "the probe hung and was killed");
}

static void test_probe_dies(void **state)
{
	(void)state;
	lose_one("close_range", NULL, FAKE_SIGNAL(SIGSEGV), OM_FACT_CLOSE_RANGE,
		 "the probe was killed by SIGSEGV");
	/* A seccomp filter. */
	lose_one("open_beneath", NULL, FAKE_SIGNAL(SIGSYS), OM_FACT_OPENAT2,
		 "the probe was killed by SIGSYS");
	lose_one("setxattr", NULL, FAKE_SIGNAL(SIGABRT), OM_FACT_OVERLAY_OPAQUE,
		 "the probe was killed by SIGABRT");
	lose_one("move_mount_beneath", NULL, FAKE_EXIT, OM_FACT_MOVE_BENEATH,
		 "the probe's process is gone");
	lose_one("layers", "nosuid-tmpfs1", FAKE_SIGNAL(SIGKILL),
		 OM_FACT_OVERLAY_LABEL_APP, "the probe was killed by SIGKILL");
}

/* Facts that need a lost one are found without it. */
static void test_needed_fact_is_lost(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	fake_kernel_init(&k);
	fake_kernel_rule(&k, "move_mount", "/move", FAKE_SIGNAL(SIGSYS));
	probe_in_child(&k, 0, &facts);
	assert_int_equal(facts.fact[OM_FACT_MOVE_MOUNT].state, OM_UNKNOWN);
	assert_int_equal(facts.fact[OM_FACT_MOUNT_API].state, OM_UNKNOWN);
	assert_string_equal(facts.fact[OM_FACT_MOUNT_API].evidence,
			    "the probe was killed by SIGSYS");
	assert_int_equal(facts.fact[OM_FACT_DETACHED_NESTING].state, OM_YES);
	fake_kernel_done(&k);
}

/* Dies before the first probe, in each child: every fact is lost, and that is all. */
static void test_every_child_dies(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	fake_kernel_init(&k);
	fake_kernel_rule(&k, "unshare", NULL, FAKE_SIGNAL(SIGSYS));
	probe_in_child(&k, 0, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		assert_string_equal(facts.fact[i].evidence,
				    "the probe was killed by SIGSYS");
	fake_kernel_done(&k);
}

/* RLIMIT_NPROC does not bind root, so it is the pipe that is not to be had. */
static void probe_without_fds(struct fake_kernel *k, struct om_facts *facts)
{
	struct rlimit saved, none;

	fake_kernel_init(k);
	om_facts_init(facts);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = (struct rlimit){ 0, saved.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	om_probe(&(struct om_probe_options){ .sys = &k->sys }, OM_FACTS_ALL, facts);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
}

static void test_no_child(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	probe_without_fds(&k, &facts);
	assert_int_equal(k.shared->calls, 0);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		assert_int_equal(facts.fact[i].state, OM_UNKNOWN);
		assert_string_equal(facts.fact[i].evidence,
				    "no child to try it in: EMFILE");
	}
	fake_kernel_done(&k);
}

/* What was short says nothing about the kernel: the next start asks again. */
static void test_no_child_is_not_kept(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;
	unsigned kept = 0;

	(void)state;
	probe_without_fds(&k, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		kept += !facts.fact[i].fleeting;
	fake_kernel_done(&k);
	assert_int_equal(kept, 0);
}

static void test_shortage_is_not_kept(void **state)
{
	static const int errors[] = { ENOMEM, EMFILE, ENFILE, ENOSPC,
				      EAGAIN, EINTR,  ECHILD };
	unsigned kept = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct fake_kernel k;
		struct om_facts facts;

		fake_kernel_init(&k);
		fake_kernel_rule(&k, "fsopen", "tmpfs", -errors[i]);
		om_facts_init(&facts);
		om_probe_here(&(struct om_probe_options){ .sys = &k.sys },
			      OM_FACT_BIT(OM_FACT_FSOPEN), &facts);
		assert_int_equal(facts.fact[OM_FACT_FSOPEN].state, OM_UNKNOWN);
		kept += !facts.fact[OM_FACT_FSOPEN].fleeting;
		fake_kernel_done(&k);
	}
	assert_int_equal(kept, 0);
}

static void test_sigchld_is_ignored(void **state)
{
	struct fake_kernel k;
	struct om_facts facts;

	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	fake_kernel_init(&k);
	k.sys.in_child = om_sys_in_child;
	fake_kernel_rule(&k, "close_range", NULL, FAKE_HANG);
	probe_in_child(&k, 400, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (i != OM_FACT_CLOSE_RANGE && is_ability((enum om_fact_id)i))
			assert_int_equal(facts.fact[i].state, OM_YES);
	assert_int_equal(facts.fact[OM_FACT_CLOSE_RANGE].state, OM_UNKNOWN);
	(void)signal(SIGCHLD, SIG_DFL);
	fake_kernel_done(&k);
}

/* A caller that is killed while a probe hangs: nobody is left to kill the child. */
static void test_child_dies_with_its_caller(void **state)
{
	pid_t caller, r;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	caller = fork();
	if (caller == 0) {
		struct fake_kernel k;
		struct om_facts facts;

		fake_kernel_init(&k);
		fake_kernel_rule(&k, "close_range", NULL, FAKE_HANG);
		probe_in_child(&k, 60000, &facts);
		_exit(0);
	}
	assert_true(caller > 0);
	(void)poll(NULL, 0, 200);
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	/* What it left comes to us. */
	for (unsigned i = 0; (r = waitpid(-1, NULL, WNOHANG)) == 0 && i < 1000; i++)
		(void)poll(NULL, 0, 2);
	assert_int_not_equal(r, 0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_dies_with_its_caller),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_module),
		cmocka_unit_test(test_unregistered),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_option),
		cmocka_unit_test(test_upper),
		cmocka_unit_test(test_nosuid),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_lsm),
		cmocka_unit_test(test_transition),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_every_fact_has_every_state),
		cmocka_unit_test(test_each_fact_has_one_row),
		cmocka_unit_test(test_capable_kernel),
		cmocka_unit_test(test_label_uncovers),
		cmocka_unit_test(test_fleeting),
		cmocka_unit_test(test_every_call_fails_once),
		cmocka_unit_test(test_shortage_is_no_answer),
		cmocka_unit_test(test_only_needs_are_run),
		cmocka_unit_test(test_others_are_left_alone),
		cmocka_unit_test(test_child_finds_the_same),
		cmocka_unit_test(test_real_grandchildren),
		cmocka_unit_test(test_probe_hangs),
		cmocka_unit_test(test_probe_dies),
		cmocka_unit_test(test_needed_fact_is_lost),
		cmocka_unit_test(test_every_child_dies),
		cmocka_unit_test(test_no_child),
		cmocka_unit_test(test_no_child_is_not_kept),
		cmocka_unit_test(test_shortage_is_not_kept),
		cmocka_unit_test(test_sigchld_is_ignored),
	};
	const struct rlimit no_core = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &no_core);
	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
