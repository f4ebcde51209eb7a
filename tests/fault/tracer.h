/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a program under ptrace on a surface, and lets one of its system calls, or all from
 * one on, fail, lie or be the last.  Calls are counted over the whole process (not its
 * children) from the first umask(2) on, with which overmount begins, so that the loader's
 * own are left out; exit_group does not count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>
#include <sys/user.h>

#include "tools/surface.h"

enum tracer_how {
	TRACER_PLAIN,	   /* nothing is injected and nothing counted */
	TRACER_COUNT,	   /* nothing is injected, the calls are written down */
	TRACER_ONCE,	   /* call `at` fails with err */
	TRACER_PERSISTENT, /* every call from `at` on fails with err, see below */
	TRACER_KILL,	   /* SIGKILL at the entry of call `at` */
	TRACER_LIE,	   /* call `at` returns 0 and is not executed */
	TRACER_STEP,	   /* act() is done while call `at` has not begun */
};

struct tracer_call {
	unsigned number;
	bool changes; /* see call_changes(), and openat with O_CREAT */
};

/*
 * A program that has come as far as its first umask(2) and waits there to be copied: what
 * the loader does is then done once, and not for each run.
 */
struct tracer_template {
	pid_t pid; /* 0: there is none */
	struct user_regs_struct regs;
};

struct tracer_run {
	const char *const *argv;
	const struct surface *surface; /* NULL: the kernel as it is */
	const char *output; /* where stdout and stderr go; NULL: where ours go */
	/* Of the same argv, surface and output; NULL: the program is executed. */
	const struct tracer_template *template;
	enum tracer_how how;
	unsigned at; /* from 1 */
	int err;
	void (*act)(void *arg);
	void *arg;
	bool only_changes; /* count only what call_changes(), from the start on */
	/*
	 * What a clean run did: the calls up to `at` must be the same, but for how often read(2)
	 * is made in a row, since ids make the mount table longer and shorter.
	 */
	const struct tracer_call *expect;
	size_t n_expect;

	/* How it ended. */
	int status;	     /* exit status, or 128 + signal */
	bool killed;	     /* by a signal */
	bool reached;	     /* call `at` was reached */
	bool strayed;	     /* the calls before it were others than expected */
	unsigned strayed_at; /* the first such call */
	bool hung;	     /* it did not end by itself */
	bool orphans;	     /* it left a process that did not end by itself */
	unsigned number;     /* of call `at` */
	/* Owned; all calls that were counted, with TRACER_COUNT. */
	struct tracer_call *calls;
	size_t n_calls;
};

/*
 * 0, or -1 when the program could not be run.  With TRACER_PERSISTENT these are left
 * alone: exit_group and exit, which cannot fail; close, munmap, mprotect and madvise,
 * whose failure nobody can do anything about; rt_sigreturn.
 */
int tracer_run(struct tracer_run *run);
void tracer_done(struct tracer_run *run);

/* Of run's argv, surface and output.  False: cannot be had, which is no error. */
bool tracer_template_open(struct tracer_template *ret, const struct tracer_run *run);
void tracer_template_close(struct tracer_template *t);
