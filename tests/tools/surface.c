/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See surface.h.
 */
#include "tools/surface.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "tools/calls.h"

/* Numbers mean nothing without the ABI that they belong to. */
#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "the tools know the system calls of x86_64 and aarch64 only"
#endif

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	const char *calls;
} presets[] = {
	/* What Ubuntu Core 16, 18 and 20 lack; seen on their kernels. */
	{ "4.4",
	  "statx,open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,clone3,"
	  "pidfd_open,pidfd_send_signal,pidfd_getfd,close_range,openat2,faccessat2,"
	  "mount_setattr,statmount,listmount,open_tree_attr,landlock_create_ruleset" },
	{ "4.15",
	  "open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,clone3,"
	  "pidfd_open,pidfd_send_signal,pidfd_getfd,close_range,openat2,faccessat2,"
	  "mount_setattr,statmount,listmount,open_tree_attr,landlock_create_ruleset" },
	{ "5.4", "pidfd_getfd,close_range,openat2,faccessat2,mount_setattr,statmount,"
		 "listmount,open_tree_attr,landlock_create_ruleset" },
	{ "6.1", "statmount,listmount,open_tree_attr" },
};

const struct surface surfaces[] = {
	{ .name = "full" },
	{ .name = "no-nesting", .no_nesting = true },
	{ .name = "no-openat2", .mask = "openat2" },
	{ .name = "4.4", .mask = "4.4" },
	{ .name = "no-overlay", .no_overlay = true },
	{ .name = "6.1", .mask = "6.1", .no_nesting = true },
	{ .name = "5.4", .mask = "5.4", .no_nesting = true },
};

const size_t n_surfaces = N(surfaces);

const struct surface *surface_get(const char *name)
{
	for (size_t i = 0; i < n_surfaces; i++)
		if (strcmp(surfaces[i].name, name) == 0)
			return &surfaces[i];
	return NULL;
}

bool mask_parse(const char *what, struct mask *ret)
{
	char list[1024];

	*ret = (struct mask){ 0 };
	for (size_t i = 0; i < N(presets); i++)
		if (strcmp(presets[i].name, what) == 0)
			what = presets[i].calls;
	(void)snprintf(list, sizeof(list), "%s", what);
	for (char *save, *p = strtok_r(list, ",", &save); p && ret->n < MASK_MAX_CALLS;
	     p = strtok_r(NULL, ",", &save)) {
		if (!call_number(p, &ret->numbers[ret->n++])) {
			(void)fprintf(stderr, "unknown system call %s\n", p);
			return false;
		}
	}
	return true;
}

int mask_install(const struct mask *mask)
{
	struct sock_filter filter[2 * MASK_MAX_CALLS + 5];
	struct sock_fprog program = { .filter = filter };
	unsigned short len = 0;

	filter[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     offsetof(struct seccomp_data, arch));
	/* A program of another ABI would pass unseen, and the test with it. */
	filter[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						     NATIVE_ARCH, 1, 0);
	filter[len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < mask->n; i++) {
		filter[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							     mask->numbers[i], 0, 1);
		filter[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							     SECCOMP_RET_ERRNO | ENOSYS);
	}
	filter[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = len;
	/*
	 * Who may administer the system needs no promise to get no new privileges, which
	 * would forbid changes of the AppArmor label as well.
	 */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
