/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See tracer.h.
 */
#include "fault/tracer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/calls.h"

#define HUNG_SECONDS 10
#define ORPHAN_SECONDS 2
/* More calls than this behind a persistent failure: a loop without an end. */
#define HUNG_CALLS 20000

#define OPEN_TREE_CLONE 1
#define CALL_OPEN_TREE 428
#define CALL_MOVE_MOUNT 429
#define CALL_FSOPEN 430

#if defined(__x86_64__)
#define NUMBER(regs) ((regs).orig_rax)
#define RESULT(regs) ((regs).rax)
#elif defined(__aarch64__)
#define RESULT(regs) ((regs).regs[0])
#else
#error "the tracer knows the registers of x86_64 and aarch64 only"
#endif

struct tracer {
	struct tracer_run *run;
	pid_t pid;
	bool begun;
	bool over; /* the main process is gone */
	bool emulate;
	unsigned seen;
	size_t position; /* in run->expect */
	unsigned last;	 /* the call before this one */
	size_t allocated;
};

static volatile sig_atomic_t alarmed;

static void on_alarm(int signal)
{
	(void)signal;
	alarmed = 1;
}

static void set_timer(unsigned seconds)
{
	/* Again and again: one that comes between two waits wakes nobody. */
	struct itimerval timer = { .it_value.tv_sec = seconds,
				   .it_interval.tv_usec = seconds ? 100000 : 0 };
	struct sigaction action = { .sa_handler = on_alarm };

	alarmed = 0;
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* At the entry of a call: the kernel executes none and the program sees the result. */
static bool answer(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec iov = { .iov_base = &regs, .iov_len = sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov) < 0)
		return false;
	RESULT(regs) = (unsigned long long)(long long)result;
#ifdef __aarch64__
	/* Not the register, but a set of its own, holds what will be executed. */
	int none = -1;
	struct iovec number = { .iov_base = &none, .iov_len = sizeof(none) };

	if (ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &number) < 0)
		return false;
#else
	NUMBER(regs) = (unsigned long long)-1;
#endif
	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &iov) == 0;
}

/* The end of the heap; 0: there is none. */
static long find_break(pid_t pid)
{
	unsigned long from, to = 0, end = 0;
	char path[32], line[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	while (f && !end && fgets(line, sizeof(line), f))
		if (strstr(line, "[heap]") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			end = to;
	if (f)
		(void)fclose(f);
	return (long)end;
}

/*
 * brk(2) has no error: a kernel that cannot says where the break is.  An errno would be
 * taken for a break far beyond all memory.
 */
static bool fail(pid_t pid, unsigned number, int err)
{
	return answer(pid, number == SYS_brk ? find_break(pid) : -err);
}

static bool read_string(pid_t pid, uint64_t address, char *buf, size_t size)
{
	struct iovec local = { .iov_base = buf, .iov_len = size - 1 };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address,
				.iov_len = size - 1 };
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool is_overlay(pid_t pid, uint64_t address)
{
	char name[9];

	return address && read_string(pid, address, name, sizeof(name)) &&
	       strcmp(name, "overlay") == 0;
}

/* Is the mount that fd of the process lies on in no mount namespace? */
static bool is_detached(pid_t pid, int fd)
{
	char path[64], line[1024];
	int id = -1, other;
	FILE *f;

	if (fd < 0)
		return false; /* AT_FDCWD */
	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		(void)sscanf(line, "mnt_id: %d", &id);
	if (!f || fclose(f) != 0 || id < 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%d ", &other) == 1 && other == id) {
			(void)fclose(f);
			return false;
		}
	}
	return f && fclose(f) == 0;
}

static bool path_is_absolute(pid_t pid, uint64_t address)
{
	char c[2];

	return read_string(pid, address, c, sizeof(c)) && c[0] == '/';
}

/* What the surface answers instead of the kernel: -errno, or 1 for nothing. */
static long emulated(const struct tracer *t, pid_t pid,
		     const struct __ptrace_syscall_info *info)
{
	const struct surface *surface = t->run->surface;
	const __uint64_t *args = info->entry.args;

	if (surface->no_overlay && info->entry.nr == CALL_FSOPEN &&
	    is_overlay(pid, args[0]))
		return -ENODEV;
	if (surface->no_overlay && info->entry.nr == SYS_mount &&
	    is_overlay(pid, args[2]))
		return -ENODEV;
	if (surface->no_nesting && info->entry.nr == CALL_MOVE_MOUNT &&
	    is_detached(pid, (int)args[2]) && !path_is_absolute(pid, args[3]))
		return -EINVAL;
	if (surface->no_nesting && info->entry.nr == CALL_OPEN_TREE &&
	    (args[2] & OPEN_TREE_CLONE) && is_detached(pid, (int)args[0]) &&
	    !path_is_absolute(pid, args[1]))
		return -EINVAL;
	return 1;
}

static bool counts(struct tracer *t, unsigned number)
{
	if (t->run->only_changes)
		return call_changes(number);
	if (!t->begun) {
		t->begun = number == SYS_umask;
		return false;
	}
	return number != SYS_exit_group;
}

static bool may_fail(unsigned number)
{
	switch (number) {
	case SYS_exit_group:
	case SYS_exit:
	case SYS_close:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_madvise:
	case SYS_rt_sigreturn:
		return false;
	default:
		return true;
	}
}

/* Is the call the next one that is expected? */
static bool is_expected(struct tracer *t, unsigned number)
{
	const struct tracer_run *run = t->run;

	if (number == SYS_read && t->last == SYS_read &&
	    (t->position == run->n_expect || run->expect[t->position].number != SYS_read))
		return true;
	while (number != SYS_read && t->last == SYS_read && t->position < run->n_expect &&
	       run->expect[t->position].number == SYS_read)
		t->position++;
	return t->position < run->n_expect && run->expect[t->position++].number == number;
}

static void note(struct tracer *t, const struct __ptrace_syscall_info *info)
{
	struct tracer_run *run = t->run;
	unsigned number = (unsigned)info->entry.nr;
	struct tracer_call call = { .number = number };

	call.changes = call_changes(number) ||
		       (number == SYS_openat && (info->entry.args[2] & O_CREAT));
	if (run->expect && t->seen <= run->at && !run->strayed &&
	    !is_expected(t, number)) {
		run->strayed = true;
		run->strayed_at = t->seen;
	}
	t->last = number;
	if (run->how != TRACER_COUNT)
		return;
	if (run->n_calls == t->allocated) {
		t->allocated = t->allocated ? 2 * t->allocated : 512;
		run->calls = realloc(run->calls, t->allocated * sizeof(*run->calls));
		if (!run->calls)
			abort();
	}
	run->calls[run->n_calls++] = call;
}

/* The main process enters a counted call; true when it is to be let go. */
static bool inject(struct tracer *t, unsigned number)
{
	struct tracer_run *run = t->run;

	if (t->seen == run->at) {
		run->reached = true;
		run->number = number;
	}
	switch (run->how) {
	case TRACER_PLAIN:
	case TRACER_COUNT:
		return false;
	case TRACER_PERSISTENT:
		if (t->seen > run->at + HUNG_CALLS)
			alarmed = 1;
		if (t->seen >= run->at && may_fail(number))
			(void)fail(t->pid, number, run->err);
		return false;
	case TRACER_ONCE:
	case TRACER_LIE:
		if (t->seen == run->at)
			(void)(run->how == TRACER_LIE ? answer(t->pid, 0)
						      : fail(t->pid, number, run->err));
		return t->seen == run->at && !t->emulate;
	case TRACER_KILL:
		if (t->seen == run->at)
			(void)kill(t->pid, SIGKILL);
		return false;
	case TRACER_STEP:
		if (t->seen == run->at)
			run->act(run->arg);
		return t->seen == run->at && !t->emulate;
	}
	return false;
}

/* A stop at a system call; true when the process is to be let go. */
static bool at_call(struct tracer *t, pid_t pid)
{
	struct __ptrace_syscall_info info;
	bool injected = false, detach = false;
	long result;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	if (pid == t->pid && counts(t, (unsigned)info.entry.nr)) {
		t->seen++;
		note(t, &info);
		detach = inject(t, (unsigned)info.entry.nr);
		injected = t->run->at && t->run->how != TRACER_STEP &&
			   (t->seen == t->run->at ||
			    (t->run->how == TRACER_PERSISTENT && t->seen > t->run->at));
	}
	if (t->emulate && !injected) {
		result = emulated(t, pid, &info);
		if (result <= 0)
			(void)answer(pid, result);
	}
	return detach;
}

static void stopped(struct tracer *t, pid_t pid, int status)
{
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		if (at_call(t, pid)) {
			(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
			return;
		}
		signal = 0;
	} else if (signal == SIGTRAP || signal == SIGSTOP) {
		signal = 0; /* exec, fork and the first stop of a child */
	}
	(void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal);
}

static void ended(struct tracer *t, int status)
{
	t->over = true;
	t->run->killed = WIFSIGNALED(status);
	t->run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	/* What it left must go by itself, and soon. */
	set_timer(ORPHAN_SECONDS);
}

/* Templates are children that stay. */
static pid_t templates[8];

static bool is_template(pid_t pid)
{
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		if (templates[i] == pid)
			return true;
	return false;
}

/* How many children are left, zombies too; each gets the signal unless it is 0. */
static unsigned count_children(int signal)
{
	char path[64];
	unsigned n = 0;
	int pid;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		if (is_template(pid))
			continue;
		n++;
		if (signal)
			(void)kill(pid, signal);
	}
	if (f)
		(void)fclose(f);
	return n;
}

/* Until the program and all that it left are gone. */
static void follow(struct tracer *t)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL | (t->over ? WNOHANG : 0));

		if (pid == 0) {
			if (count_children(0) == 0)
				return;
			pid = waitpid(-1, &status, __WALL);
		}
		if (pid < 0 && errno != EINTR)
			return;
		if (pid > 0 && WIFSTOPPED(status))
			stopped(t, pid, status);
		else if (pid == t->pid)
			ended(t, status);
		if (!alarmed)
			continue;
		alarmed = 0;
		if (t->over)
			t->run->orphans = true;
		else
			t->run->hung = true;
		(void)count_children(SIGKILL);
	}
}

static void prepare(const struct tracer_run *run, bool traced, int status_fd)
{
	struct mask mask;
	int in[2], out = -1;

	/*
	 * Nothing is to be read.  A pipe, since a call that lies may give its number as the one
	 * of a mount: nobody can mount or move a pipe.
	 */
	if (pipe2(in, O_CLOEXEC) < 0 || dup2(in[0], 0) < 0)
		_exit(126);
	if (run->output) {
		out = open(run->output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
		if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(126);
		if (out > 2)
			(void)close(out);
	}
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0))
		_exit(126);
	if (run->surface && run->surface->mask &&
	    (!mask_parse(run->surface->mask, &mask) || mask_install(&mask) < 0))
		_exit(126);
	/* execvp(3) changes nothing of it. */
	(void)execvp(run->argv[0], (char *const *)(uintptr_t)run->argv);
	(void)!write(status_fd, "x", 1);
	_exit(127);
}

static unsigned long options_for(const struct tracer *t, bool forks)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;

	if (t->emulate || forks)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	return options;
}

static bool start(struct tracer *t, bool traced, bool forks, int status_fd)
{
	int status;

	t->pid = fork();
	if (t->pid == 0)
		prepare(t->run, traced, status_fd);
	if (t->pid < 0 || !traced)
		return t->pid > 0;
	return waitpid(t->pid, &status, 0) == t->pid && WIFSTOPPED(status) &&
	       ptrace(PTRACE_SETOPTIONS, t->pid, NULL, (void *)options_for(t, forks)) ==
		       0 &&
	       ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL) == 0;
}

/* --- templates --------------------------------------------------------------------- */

static bool get_regs(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec iov = { .iov_base = regs, .iov_len = sizeof(*regs) };

	return ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov) == 0;
}

static bool set_regs(pid_t pid, const struct user_regs_struct *regs)
{
	struct user_regs_struct copy = *regs;
	struct iovec iov = { .iov_base = &copy, .iov_len = sizeof(copy) };

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &iov) == 0;
}

/* The process runs to its next stop; its status. */
static int next_stop(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0)
		return -1;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSTOPPED(status) ? status : -1;
}

#ifdef __x86_64__
#define SYSCALL_SIZE 2

/* The template at the entry of a call: to make it another one. */
static bool become_fork(const struct tracer_template *template)
{
	struct user_regs_struct regs = template->regs;

	/* A child of ours, not of the template, so that we hear when it ends. */
	regs.orig_rax = SYS_clone;
	regs.rdi = CLONE_PARENT | SIGCHLD;
	regs.rsi = regs.rdx = regs.r10 = regs.r8 = 0;
	return set_regs(template->pid, &regs);
}

/* Behind the call: the process makes the one that it wanted to make. */
static bool again(pid_t pid, const struct tracer_template *template)
{
	struct user_regs_struct regs = template->regs;

	regs.rip -= SYSCALL_SIZE;
	regs.rax = SYS_umask;
	regs.orig_rax = (unsigned long long)-1;
	return set_regs(pid, &regs);
}
#else
/* The program is executed for each run. */
#define SYSCALL_SIZE 0

static bool become_fork(const struct tracer_template *template)
{
	(void)template;
	return false;
}

static bool again(pid_t pid, const struct tracer_template *template)
{
	(void)pid;
	(void)template;
	return false;
}
#endif

/* The copy stops at once, behind the call that made it. */
static pid_t copy(const struct tracer_template *template)
{
	unsigned long pid = 0;
	int status;

	if (!become_fork(template))
		return -1;
	status = next_stop(template->pid);
	if (status >> 8 != (SIGTRAP | PTRACE_EVENT_FORK << 8) ||
	    ptrace(PTRACE_GETEVENTMSG, template->pid, NULL, &pid) < 0)
		return -1;
	if (next_stop(template->pid) < 0 || !again(template->pid, template) ||
	    next_stop(template->pid) < 0)
		return -1;
	while (waitpid((pid_t)pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	return WIFSTOPPED(status) && again((pid_t)pid, template) ? (pid_t)pid : -1;
}

static bool start_copy(struct tracer *t, bool traced)
{
	if (t->run->output && truncate(t->run->output, 0) < 0)
		return false;
	t->pid = copy(t->run->template);
	if (t->pid < 0)
		return false;
	if (!traced)
		return ptrace(PTRACE_DETACH, t->pid, NULL, NULL) == 0;
	return ptrace(PTRACE_SETOPTIONS, t->pid, NULL, (void *)options_for(t, false)) ==
		       0 &&
	       ptrace(PTRACE_SYSCALL, t->pid, NULL, NULL) == 0;
}

static bool run_to_umask(struct tracer_template *ret)
{
	struct __ptrace_syscall_info info;
	int status;

	while (waitpid(ret->pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return false;
	while (status >= 0) {
		if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80) &&
		    ptrace(PTRACE_GET_SYSCALL_INFO, ret->pid, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_umask)
			return get_regs(ret->pid, &ret->regs);
		status = next_stop(ret->pid);
	}
	return false;
}

bool tracer_template_open(struct tracer_template *ret, const struct tracer_run *run)
{
	struct tracer_run copy_of_run = *run;
	struct tracer t = { .run = &copy_of_run };
	size_t i = 0;

	*ret = (struct tracer_template){ 0 };
	while (i < sizeof(templates) / sizeof(templates[0]) && templates[i])
		i++;
	if (SYSCALL_SIZE == 0 || i == sizeof(templates) / sizeof(templates[0]))
		return false;
	copy_of_run.only_changes = false;
	if (!start(&t, true, true, -1))
		return false;
	ret->pid = templates[i] = t.pid;
	if (run_to_umask(ret))
		return true;
	tracer_template_close(ret);
	return false;
}

void tracer_template_close(struct tracer_template *t)
{
	if (!t->pid)
		return;
	(void)kill(t->pid, SIGKILL);
	while (waitpid(t->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		if (templates[i] == t->pid)
			templates[i] = 0;
	*t = (struct tracer_template){ 0 };
}

/* --- runs -------------------------------------------------------------------------- */

int tracer_run(struct tracer_run *run)
{
	struct tracer t = { .run = run };
	int fds[2];
	char c;
	bool traced;
	int r = -1;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	t.emulate = run->surface &&
		    (run->surface->no_nesting || run->surface->no_overlay);
	traced = t.emulate || run->how != TRACER_PLAIN;
	set_timer(HUNG_SECONDS);
	if (run->template && run->template->pid ? start_copy(&t, traced)
						: start(&t, traced, false, fds[1])) {
		follow(&t);
		r = t.over && read(fds[0], &c, 1) < 0 ? 0 : -1;
	}
	set_timer(0);
	(void)close(fds[0]);
	(void)close(fds[1]);
	if (run->how > TRACER_COUNT && !run->reached && run->expect &&
	    t.position < run->n_expect)
		run->strayed = true;
	return r;
}

void tracer_done(struct tracer_run *run)
{
	free(run->calls);
	run->calls = NULL;
	run->n_calls = 0;
}
