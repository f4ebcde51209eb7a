/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entering the profile of an application: what is missing is said, and nothing is changed
 * then.  tests/matrix/apparmor.sh does it on real kernels.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "confine/confine.h"
#include "fake/kernel.h"
#include "fake/tree.h"

#define APP "snap.app.x"

static const struct {
	const char *label;
	bool stack;
	struct fake_rule rule;
	const char *message; /* NULL: it is done */
	const char *fix;
} tries[] = {
	{ APP, false, { 0 }, NULL, "" },
	{ APP, true, { 0 }, NULL, "" },
	{ APP,
	  false,
	  { "apparmor", NULL, -ENOSYS, 0 },
	  "AppArmor is not in this kernel",
	  "boot with apparmor=1" },
	{ APP,
	  false,
	  { "apparmor", NULL, -ECANCELED, 0 },
	  "AppArmor was disabled at boot",
	  "boot with apparmor=1" },
	{ APP,
	  false,
	  { "apparmor", NULL, -ENOENT, 0 },
	  "securityfs is not mounted",
	  "mount -t securityfs" },
	{ APP,
	  false,
	  { "apparmor", NULL, -EACCES, 0 },
	  "AppArmor cannot be asked",
	  "boot with" },
	{ APP,
	  false,
	  { "apparmor_change", "now", -ENOENT, 0 },
	  "cannot enter the AppArmor profile \"" APP "\": it is not loaded",
	  "load it with apparmor_parser" },
	{ APP,
	  false,
	  { "apparmor_change", "now", -EACCES, 0 },
	  "that is not permitted to \"mounter\"",
	  "add `change_profile -> \"" APP
	  "\", /proc/[0-9]*/attr/{,apparmor/}{current,exec} rw,` to that profile" },
	{ APP,
	  false,
	  { "apparmor_change", "on exec", -EPERM, 0 },
	  "that is not permitted to \"mounter\"",
	  "add `change_profile" },
	/* Somebody says yes, and nothing is done. */
	{ APP, false, { "apparmor_change", "now", 0, 0 }, "the label is another one", "" },
	{ APP,
	  false,
	  { "apparmor_change", "on exec", 0, 0 },
	  "cannot enter the AppArmor profile",
	  "" },
	{ APP, false, { "in_child", NULL, -ECHILD, 0 }, "No child processes", "" },
	{ APP, false, { "apparmor_label", NULL, -EIO, 1 }, "Input/output error", "" },
	{ APP, false, { "apparmor_label", NULL, -EIO, 2 }, "Input/output error", "" },
	{ APP, false, { "apparmor_pending", NULL, -EIO, 0 }, "Input/output error", "" },
	/* Our own profile does not let its label be read; that of the application does not. */
	{ APP,
	  false,
	  { "apparmor_label", NULL, -EACCES, 1 },
	  "that is not permitted to \"mounter\"",
	  "add `change_profile" },
	{ APP, false, { "apparmor_label", NULL, -EACCES, 2 }, NULL, "" },
	{ APP, true, { "apparmor_label", NULL, -EPERM, 2 }, NULL, "" },
	{ APP,
	  false,
	  { "apparmor_pending", NULL, -EACCES, 0 },
	  "that is not permitted to \"mounter\"",
	  "add `change_profile" },
	{ APP,
	  true,
	  { "apparmor_stack", "now", -EINVAL, 0 },
	  "cannot stack the AppArmor profile \"" APP "\": this kernel cannot",
	  "" },
	{ APP, true, { "apparmor_stack", "now", 0, 0 }, "the label is another one", "" },
};

static void test_entering(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		const struct om_confine confine = { tries[i].label, tries[i].stack };
		struct om_error e = { 0 };
		struct fake_kernel k;
		int r;

		fake_kernel_init(&k);
		k.label = "mounter";
		k.mode = "enforce";
		if (tries[i].rule.operation)
			fake_kernel_rule_nth(&k, tries[i].rule.operation,
					     tries[i].rule.arguments, tries[i].rule.nth,
					     tries[i].rule.result);
		r = om_enter_profile(&k.sys, &confine, &e);
		if (tries[i].message && !strstr(e.message, tries[i].message))
			fail_msg("row %zu: %s", i, e.message);
		assert_memory_equal(e.fix, tries[i].fix, strlen(tries[i].fix));
		assert_int_equal(r < 0, tries[i].message != NULL);
		assert_int_equal(e.kind, r < 0 ? OM_ERR_REFUSED : OM_ERR_NONE);
		/* It is the child that has changed. */
		assert_string_equal(k.label, "mounter");
		if (r == 0)
			assert_string_equal(k.pending, APP);
		/* Unless somebody lies nothing is left behind. */
		if (r < 0 && r != -EPROTO)
			assert_null(k.pending);
		fake_kernel_done(&k);
	}
}

/* A stack is entered when one of its labels is the one, and none that begins like it. */
static void test_labels_of_a_stack(void **state _unused_)
{
	static const struct {
		const char *own;
		bool found;
	} rows[] = { { "a", true }, { APP "y", true }, { "a//&b", true } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct om_confine confine = { APP, true };
		struct om_error e = { 0 };
		struct fake_kernel k;

		fake_kernel_init(&k);
		k.label = rows[i].own;
		assert_int_equal(om_enter_profile(&k.sys, &confine, &e), 0);
		fake_kernel_done(&k);
		/* Where the stack is not made, only the own label is there. */
		fake_kernel_init(&k);
		k.label = rows[i].own;
		fake_kernel_rule(&k, "apparmor_stack", "now", 0);
		assert_int_equal(om_enter_profile(&k.sys, &confine, &e), -EPROTO);
		fake_kernel_done(&k);
	}
}

/* --- this thread and its child -------------------------------------------------------------- */

static pid_t asked; /* whose attribute was read */

int __wrap_aa_getprocattr(pid_t tid, const char *attr, char **label, char **mode);
int __wrap_aa_getprocattr(pid_t tid, const char *attr, char **label, char **mode)
{
	asked = strcmp(attr, "exec") == 0 ? tid : 0;
	*label = strdup(APP);
	*mode = NULL;
	return 0;
}

static void *ask_pending(void *arg)
{
	char label[64];
	int r = om_sys_apparmor_pending(&om_sys_linux, label, sizeof(label));

	*(pid_t *)arg = r < 0 ? (pid_t)r : (pid_t)syscall(SYS_gettid);
	return NULL;
}

/* libapparmor sets the label of the next exec for a thread: it is read back from that one. */
static void test_pending_of_thread(void **state _unused_)
{
	pthread_t thread;
	pid_t tid;

	assert_int_equal(pthread_create(&thread, NULL, ask_pending, &tid), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(asked, tid);
	assert_int_not_equal(asked, getpid());
}

static int change_dumpable(const struct om_sys *sys _unused_, const char *label _unused_,
			   bool on_exec _unused_)
{
	return prctl(PR_GET_DUMPABLE) == 0 ? -ENOTUNIQ : -ENOTTY;
}

/* Who has the label of the application already cannot look into the child that tries it. */
static void test_child_cannot_be_traced(void **state _unused_)
{
	const struct om_confine confine = { APP, false };
	struct om_error e = { 0 };
	struct fake_kernel k;

	fake_kernel_init(&k);
	k.sys.in_child = om_sys_in_child;
	k.sys.apparmor_change = change_dumpable;
	assert_int_equal(om_enter_profile(&k.sys, &confine, &e), -ENOTUNIQ);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
	fake_kernel_done(&k);
}

static void put_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

/* --- all of it ------------------------------------------------------------------------------ */

static void test_order(void **state _unused_)
{
	const struct om_confine confine = { APP, false };
	char *argv[] = { (char[]){ "name" }, NULL };
	struct om_program program = { "nothing", "/nonexistent", argv, argv + 1 };
	char dir[] = "/tmp/om-confine-XXXXXX", broken[64];
	unsigned fds = fake_kernel_fds();
	struct om_error e = { 0 };
	struct fake_kernel k;

	assert_non_null(mkdtemp(dir));
	put_file(dir, "broken", "no program", 0755);
	(void)snprintf(broken, sizeof(broken), "%s/broken", dir);
	/* What is not there is found missing before anything is tried. */
	fake_kernel_init(&k);
	k.sys.open = om_sys_linux.open;
	assert_int_equal(om_execute_in_profile(&k.sys, &confine, &program, &e), -ENOENT);
	assert_int_equal(e.kind, OM_ERR_SYSTEM);
	assert_int_equal(fake_kernel_count(&k, "apparmor"), 0);
	assert_null(k.pending);
	/* What cannot be entered is not executed, and is closed. */
	om_error_clear(&e);
	program.name = "/bin/true";
	fake_kernel_rule(&k, "apparmor_change", "now", -EACCES);
	assert_int_equal(om_execute_in_profile(&k.sys, &confine, &program, &e), -EACCES);
	assert_int_equal(e.kind, OM_ERR_REFUSED);
	assert_null(k.pending);
	fake_kernel_done(&k);
	/* And what is no program is found out last. */
	om_error_clear(&e);
	fake_kernel_init(&k);
	k.sys.open = om_sys_linux.open;
	program.name = broken;
	assert_int_equal(om_execute_in_profile(&k.sys, &confine, &program, &e), -ENOEXEC);
	assert_int_equal(e.kind, OM_ERR_SYSTEM);
	assert_string_equal(k.pending, APP);
	fake_kernel_done(&k);
	assert_int_equal(fake_kernel_fds(), fds);
	fake_remove_tree(dir);
}

/* --- the program -------------------------------------------------------------------------- */

static int run(int fd)
{
	char *argv[] = { (char[]){ "name" }, (char[]){ "7" }, NULL };
	char *envp[] = { NULL };
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(om_execute_program(fd, argv, envp, NULL) < 0 ? 99 : 98);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* What cannot be executed is still closed on the next exec, though a script has to be open. */
static void test_no_interpreter(const char *dir, const char *search)
{
	char *argv[] = { (char[]){ "name" }, NULL };
	struct om_error e = { 0 };
	int fd;

	put_file(dir, "lost", "#!/nonexistent/interpreter\n", 0755);
	fd = om_open_program(&om_sys_linux, "lost", search, &e);
	assert_true(fd > 2);
	assert_int_equal(om_execute_program(fd, argv, argv + 1, &e), -ENOENT);
	assert_string_equal(e.message,
			    "cannot execute \"name\": No such file or directory");
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	(void)close(fd);
}

/* A failure tells the same as its errno. */
static int open_program(const char *name, const char *search)
{
	struct om_error e = { 0 };
	int fd = om_open_program(&om_sys_linux, name, search, &e);

	assert_int_equal(e.kind, fd < 0 ? OM_ERR_SYSTEM : OM_ERR_NONE);
	if (fd < 0) {
		assert_int_equal(e.err, fd);
		assert_non_null(strstr(e.message, "cannot execute \""));
		assert_non_null(strstr(e.message, strerror(-fd)));
	}
	return fd;
}

static void test_programs(void **state _unused_)
{
	char dir[] = "/tmp/om-confine-XXXXXX", search[256], whole[256];
	int fd;

	assert_non_null(mkdtemp(dir));
	put_file(dir, "text", "text", 0644);
	put_file(dir, "script", "#!/bin/sh\nexit $1\n", 0755);
	put_file(dir, "broken", "no program", 0755);
	(void)snprintf(search, sizeof(search), "/nonexistent:%s:/bin:/usr/bin", dir);
	(void)snprintf(whole, sizeof(whole), "%s/script", dir);

	fd = open_program("script", search);
	assert_true(fd > 2);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(run(fd), 7);
	(void)close(fd);
	fd = open_program(whole, "");
	assert_int_equal(run(fd), 7);
	(void)close(fd);
	fd = open_program("false", search);
	assert_int_equal(run(fd), 1);
	(void)close(fd);
	fd = open_program("broken", search);
	assert_int_equal(run(fd), 99);
	(void)close(fd);
	test_no_interpreter(dir, search);
	/* As execvp(3): what cannot be executed is no reason to end the search, but is told. */
	assert_int_equal(open_program("text", search), -EACCES);
	assert_int_equal(open_program("nothing", search), -ENOENT);
	assert_int_equal(open_program("", search), -ENOENT);
	assert_int_equal(open_program(dir, search), -EACCES);
	fake_remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entering),
		cmocka_unit_test(test_labels_of_a_stack),
		cmocka_unit_test(test_pending_of_thread),
		cmocka_unit_test(test_child_cannot_be_traced),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests_name("confine", tests, NULL, NULL);
}
