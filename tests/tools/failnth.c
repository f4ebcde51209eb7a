/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * failnth [-a] N ERRNO -- COMMAND...: makes the Nth of the calls that change mounts or
 * files (-a: of all calls behind the first umask(2), with which overmount begins, so that
 * the loader's own are left out) fail with ERRNO (a number) without executing it, counted over the
 * whole process.  With ERRNO 0 the process is killed instead.  Exit status: the
 * command's; 200 when the command made fewer than N such calls; 137 when it was killed.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_REACHED 200

#if defined(__x86_64__)
#define NUMBER(regs) ((regs).orig_rax)
#define RESULT(regs) ((regs).rax)
#elif defined(__aarch64__)
#define NUMBER(regs) ((regs).regs[8])
#define RESULT(regs) ((regs).regs[0])
#else
#error "failnth knows the registers of x86_64 and aarch64 only"
#endif

static bool get_regs(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec iov = { .iov_base = regs, .iov_len = sizeof(*regs) };

	return ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov) == 0;
}

static bool set_regs(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec iov = { .iov_base = regs, .iov_len = sizeof(*regs) };

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &iov) == 0;
}

/* At the entry of a call: the kernel executes none. */
static bool skip_call(pid_t pid, struct user_regs_struct *regs)
{
#ifdef __aarch64__
	/* Not the register, but a set of its own, holds what will be executed. */
	int none = -1;
	struct iovec iov = { .iov_base = &none, .iov_len = sizeof(none) };

	(void)regs;
	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &iov) == 0;
#else
	NUMBER(*regs) = (unsigned long long)-1;
	return set_regs(pid, regs);
#endif
}

static bool is_counted(unsigned long long number)
{
	static const unsigned counted[] = {
#ifdef SYS_mkdir
		SYS_mkdir,
#endif
		SYS_mount,
		SYS_umount2,
		SYS_mkdirat,
		SYS_mkdir,
		SYS_symlinkat,
		SYS_unlinkat,
		SYS_fchownat,
		SYS_fchmod,
		SYS_fsetxattr,
		SYS_pwrite64,
		SYS_fallocate,
		428 /* open_tree */,
		429 /* move_mount */,
		430 /* fsopen */,
		431 /* fsconfig */,
		432 /* fsmount */,
		442 /* mount_setattr */
	};

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
		if (number == counted[i])
			return true;
	return false;
}

static int tracee(char **argv)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(2);
	(void)raise(SIGSTOP);
	(void)execvp(argv[0], argv);
	_exit(127);
}

/* Runs to the next stop; false when the tracee is gone. */
static bool next_stop(pid_t pid, int *status)
{
	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return false;
	return waitpid(pid, status, 0) == pid && !WIFEXITED(*status) &&
	       !WIFSIGNALED(*status);
}

/* -a: calls count from the first umask(2) on, which the command makes when it begins. */
static bool all_calls, begun;

static bool counts(unsigned long long number)
{
	if (!all_calls)
		return is_counted(number);
	if (!begun) {
		begun = number == SYS_umask;
		return false;
	}
	/* Leaving cannot fail. */
	return number != SYS_exit_group;
}

static int trace(pid_t pid, unsigned n, int err)
{
	unsigned seen = 0;
	bool reached = false, entry = true;
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return 2;
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL,
		     (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	while (next_stop(pid, &status)) {
		struct user_regs_struct regs;

		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		if (entry && get_regs(pid, &regs) && counts(NUMBER(regs)) &&
		    ++seen == n) {
			reached = true;
			if (err == 0) {
				(void)kill(pid, SIGKILL);
				(void)waitpid(pid, &status, 0);
				return 137;
			}
			if (!skip_call(pid, &regs) || !next_stop(pid, &status) ||
			    !get_regs(pid, &regs))
				return 2;
			RESULT(regs) = (unsigned long long)(long long)-err;
			if (!set_regs(pid, &regs))
				return 2;
			continue; /* the exit stop is behind us: the next one is an entry */
		}
		entry = !entry;
	}
	if (!reached)
		return EXIT_NOT_REACHED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "-a") == 0) {
		all_calls = true;
		argc--;
		argv++;
	}
	if (argc < 5 || strcmp(argv[3], "--") != 0) {
		(void)fprintf(stderr, "usage: failnth N ERRNO -- COMMAND...\n");
		return 2;
	}
	pid = fork();
	if (pid == 0)
		return tracee(argv + 4);
	return pid < 0 ? 2 : trace(pid, (unsigned)atoi(argv[1]), atoi(argv[2]));
}
