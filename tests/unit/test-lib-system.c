/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The child of libovermount in processes of all sorts: what the caller does with its signals
 * and children does not change the answer, and the child changes nothing for the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/system.h"

static int answer(void *arg)
{
	return *(int *)arg;
}

static int in_child(int (*fn)(void *arg), int number)
{
	return om_lib_sys()->in_child(om_lib_sys(), fn, &number);
}

static int end(void *arg)
{
	_exit(*(int *)arg);
}

static int die(void *arg)
{
	return kill(getpid(), *(int *)arg);
}

static void test_answers(void **state _unused_)
{
	assert_int_equal(in_child(answer, 7), 7);
	assert_int_equal(in_child(answer, -EACCES), -EACCES);
	assert_int_equal(in_child(end, 0), -ECHILD);
	assert_int_equal(in_child(die, SIGKILL), -ECHILD);
	/* It is reaped each time. */
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- signals ------------------------------------------------------------------------------ */

static volatile sig_atomic_t handled, reaped;

static void handle(int number)
{
	handled++;
	while (number == SIGCHLD && waitpid(-1, NULL, WNOHANG) > 0)
		reaped++;
}

static void handle_signal(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	handled = reaped = 0;
	assert_int_equal(sigaction(number, &action, NULL), 0);
}

/* A handler that reaps whatever there is finds nothing any more. */
static void test_sigchld(void **state _unused_)
{
	handle_signal(SIGCHLD, handle);
	for (int i = 0; i < 50; i++)
		assert_int_equal(in_child(answer, i), i);
	assert_int_equal(handled, 50);
	assert_int_equal(reaped, 0);
	/* Control: of a child of the caller's it would have been told. */
	if (fork() == 0)
		_exit(0);
	while (handled == 50)
		(void)sched_yield();
	assert_int_equal(reaped, 1);
	handle_signal(SIGCHLD, SIG_IGN);
	assert_int_equal(in_child(answer, 7), 7);
	handle_signal(SIGCHLD, SIG_DFL);
}

static int raise_here(void *arg)
{
	(void)raise(*(int *)arg);
	return handled;
}

/* No handler of the caller runs in the child, and its mask is what it was. */
static void test_handlers(void **state _unused_)
{
	sigset_t mask, now;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR2);
	assert_int_equal(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
	handle_signal(SIGUSR1, handle);
	assert_int_equal(in_child(raise_here, SIGUSR1), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	assert_int_equal(sigismember(&now, SIGUSR2), 1);
	assert_int_equal(sigismember(&now, SIGUSR1), 0);
	assert_int_equal(sigismember(&now, SIGCHLD), 0);
	/* Control: here it does. */
	(void)raise(SIGUSR1);
	assert_int_equal(handled, 1);
	(void)sigemptyset(&mask);
	assert_int_equal(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
}

/* --- threads ------------------------------------------------------------------------------ */

static atomic_bool stop;
static atomic_int stolen;

static void *wait_for_any(void *arg)
{
	while (!atomic_load(&stop))
		if (waitpid(-1, NULL, WNOHANG) > 0)
			(void)atomic_fetch_add(&stolen, 1);
		else
			(void)sched_yield();
	return arg;
}

/* Whoever waits for the child, the answer is the same. */
static void test_other_waiter(void **state _unused_)
{
	pthread_t thread;
	int wrong = 0;

	assert_int_equal(pthread_create(&thread, NULL, wait_for_any, NULL), 0);
	for (int i = 0; i < 5000 && (i < 200 || atomic_load(&stolen) == 0); i++)
		wrong += in_child(answer, i) != i;
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(wrong, 0);
	/* It was put to the proof. */
	assert_true(atomic_load(&stolen) > 0);
}

/* --- descriptors -------------------------------------------------------------------------- */

/* In a process without standard streams a program may get the number of one. */
static void test_closed_streams(void **state _unused_)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)close(0);
		_exit(om_lib_sys()->open(om_lib_sys(), AT_FDCWD, "/", O_PATH, 0) == 0 &&
				      fcntl(0, F_GETFD) == FD_CLOEXEC
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(om_lib_sys()->open(om_lib_sys(), AT_FDCWD, "/nonexistent",
					    O_PATH, 0),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_sigchld),
		cmocka_unit_test(test_handlers),
		cmocka_unit_test(test_other_waiter),
		cmocka_unit_test(test_closed_streams),
	};

	return cmocka_run_group_tests_name("lib-system", tests, NULL, NULL);
}
