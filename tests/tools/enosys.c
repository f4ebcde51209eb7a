/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * enosys WHAT -- COMMAND...: runs COMMAND with system calls answered by ENOSYS, so that
 * the ways for older kernels are tested on any kernel.  WHAT is a comma separated list of
 * names, or a preset: 4.4 (mount(2) only), 5.4 (the first fd mount API, no openat2), 6.1
 * (all but what came later; nesting still works, that cannot be masked).
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_CALLS 32

/* Numbers mean nothing without the ABI that they belong to. */
#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "enosys knows the system calls of x86_64 and aarch64 only"
#endif

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
	{ "statx", SYS_statx }, { "open_tree", 428 },  { "move_mount", 429 },
	{ "fsopen", 430 },	{ "fsconfig", 431 },   { "fsmount", 432 },
	{ "fspick", 433 },	{ "clone3", 435 },     { "close_range", 436 },
	{ "openat2", 437 },	{ "faccessat2", 439 }, { "mount_setattr", 442 },
	{ "statmount", 457 },	{ "listmount", 458 },  { "open_tree_attr", 467 },
};

static const struct {
	const char *name;
	const char *calls;
} presets[] = {
	{ "4.4",
	  "statx,open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,clone3,close_range,"
	  "openat2,faccessat2,mount_setattr,statmount,listmount,open_tree_attr" },
	{ "5.4", "close_range,openat2,faccessat2,mount_setattr,statmount,listmount,"
		 "open_tree_attr" },
	{ "6.1", "statmount,listmount,open_tree_attr" },
};

static unsigned number_of(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	(void)fprintf(stderr, "enosys: unknown system call %s\n", name);
	exit(2);
}

static size_t parse(const char *what, unsigned numbers[static MAX_CALLS])
{
	char list[512];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (strcmp(presets[i].name, what) == 0)
			what = presets[i].calls;
	(void)snprintf(list, sizeof(list), "%s", what);
	for (char *save, *p = strtok_r(list, ",", &save); p && n < MAX_CALLS;
	     p = strtok_r(NULL, ",", &save))
		numbers[n++] = number_of(p);
	return n;
}

static int install(const unsigned *numbers, size_t n)
{
	struct sock_filter filter[2 * MAX_CALLS + 5];
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
	for (size_t i = 0; i < n; i++) {
		filter[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							     numbers[i], 0, 1);
		filter[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							     SECCOMP_RET_ERRNO | ENOSYS);
	}
	filter[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = len;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	unsigned numbers[MAX_CALLS];

	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		(void)fprintf(stderr, "usage: enosys WHAT -- COMMAND...\n");
		return 2;
	}
	if (install(numbers, parse(argv[1], numbers)) < 0) {
		perror("enosys: cannot install the filter");
		return 2;
	}
	(void)execvp(argv[3], argv + 3);
	perror("enosys: cannot execute");
	return 127;
}
