/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See calls.h.
 */
#include "tools/calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

/* Those without a SYS_ constant are younger than the headers that we still build with. */
static const struct {
	const char *name;
	unsigned number;
	bool changes;
} calls[] = {
	{ "mount", SYS_mount, true },
	{ "umount2", SYS_umount2, true },
	{ "open_tree", 428, true },
	{ "move_mount", 429, true },
	{ "fsopen", 430, true },
	{ "fsconfig", 431, true },
	{ "fsmount", 432, true },
	{ "fspick", 433, true },
	{ "mount_setattr", 442, true },
	{ "open_tree_attr", 467, true },
	{ "mkdirat", SYS_mkdirat, true },
	{ "mknodat", SYS_mknodat, true },
	{ "symlinkat", SYS_symlinkat, true },
	{ "linkat", SYS_linkat, true },
	{ "unlinkat", SYS_unlinkat, true },
	{ "renameat2", SYS_renameat2, true },
	{ "fchownat", SYS_fchownat, true },
	{ "fchown", SYS_fchown, true },
	{ "fchmod", SYS_fchmod, true },
	{ "fchmodat", SYS_fchmodat, true },
	{ "fsetxattr", SYS_fsetxattr, true },
	{ "pwrite64", SYS_pwrite64, true },
	{ "fallocate", SYS_fallocate, true },
	{ "ftruncate", SYS_ftruncate, true },
#ifdef SYS_mkdir
	{ "mkdir", SYS_mkdir, true },
	{ "rmdir", SYS_rmdir, true },
	{ "unlink", SYS_unlink, true },
	{ "symlink", SYS_symlink, true },
	{ "rename", SYS_rename, true },
	{ "chmod", SYS_chmod, true },
	{ "renameat", SYS_renameat, true },
	{ "readlink", SYS_readlink, false },
	{ "access", SYS_access, false },
	{ "open", SYS_open, false },
	{ "poll", SYS_poll, false },
	{ "fork", SYS_fork, false },
	{ "arch_prctl", SYS_arch_prctl, false },
#endif
	{ "statx", SYS_statx, false },
	{ "newfstatat", SYS_newfstatat, false },
	{ "fstat", SYS_fstat, false },
	{ "statfs", SYS_statfs, false },
	{ "fstatfs", SYS_fstatfs, false },
	{ "openat", SYS_openat, false },
	{ "openat2", 437, false },
	{ "close", SYS_close, false },
	{ "close_range", 436, false },
	{ "read", SYS_read, false },
	{ "pread64", SYS_pread64, false },
	{ "write", SYS_write, false },
	{ "writev", SYS_writev, false },
	{ "lseek", SYS_lseek, false },
	{ "fsync", SYS_fsync, false },
	{ "flock", SYS_flock, false },
	{ "fcntl", SYS_fcntl, false },
	{ "dup", SYS_dup, false },
	{ "dup3", SYS_dup3, false },
	{ "getdents64", SYS_getdents64, false },
	{ "readlinkat", SYS_readlinkat, false },
	{ "faccessat", SYS_faccessat, false },
	{ "faccessat2", 439, false },
	{ "flistxattr", SYS_flistxattr, false },
	{ "fgetxattr", SYS_fgetxattr, false },
	{ "statmount", 457, false },
	{ "listmount", 458, false },
	{ "clone", SYS_clone, false },
	{ "clone3", 435, false },
	{ "wait4", SYS_wait4, false },
	{ "waitid", SYS_waitid, false },
	{ "ppoll", SYS_ppoll, false },
	{ "kill", SYS_kill, false },
	{ "pidfd_open", 434, false },
	{ "pidfd_send_signal", 424, false },
	{ "pidfd_getfd", 438, false },
	{ "landlock_create_ruleset", 444, false },
	{ "getpid", SYS_getpid, false },
	{ "getuid", SYS_getuid, false },
	{ "geteuid", SYS_geteuid, false },
	{ "getegid", SYS_getegid, false },
	{ "uname", SYS_uname, false },
	{ "umask", SYS_umask, false },
	{ "prctl", SYS_prctl, false },
	{ "mmap", SYS_mmap, false },
	{ "munmap", SYS_munmap, false },
	{ "mremap", SYS_mremap, false },
	{ "mprotect", SYS_mprotect, false },
	{ "madvise", SYS_madvise, false },
	{ "brk", SYS_brk, false },
	{ "ioctl", SYS_ioctl, false },
	{ "pipe2", SYS_pipe2, false },
	{ "unshare", SYS_unshare, false },
	{ "setns", SYS_setns, false },
	{ "getrandom", SYS_getrandom, false },
	{ "clock_gettime", SYS_clock_gettime, false },
	{ "rt_sigaction", SYS_rt_sigaction, false },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, false },
	{ "rt_sigpending", SYS_rt_sigpending, false },
	{ "rt_sigreturn", SYS_rt_sigreturn, false },
	{ "execve", SYS_execve, false },
	{ "exit", SYS_exit, false },
	{ "exit_group", SYS_exit_group, false },
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

const char *call_name(unsigned number)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].number == number)
			return calls[i].name;
	return NULL;
}

bool call_number(const char *name, unsigned *ret)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		if (strcmp(calls[i].name, name) == 0) {
			*ret = calls[i].number;
			return true;
		}
	}
	return false;
}

bool call_changes(unsigned number)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].number == number)
			return calls[i].changes;
	return false;
}
