/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of libovermount: arguments, errors and whose they are.  What is behind them is
 * test-confine's; tests/integration/libovermount.sh takes the library as its users do.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake/kernel.h"
#include "lib/overmount.h"
#include "lib/system.h"

#define APP "snap.app.x"

static struct fake_kernel k;
static bool no_memory;

/* In the place of src/lib/system.c. */
const struct om_sys *om_lib_sys(void)
{
	return &k.sys;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

static int setup(void **state _unused_)
{
	fake_kernel_init(&k);
	k.label = "mounter";
	k.mode = "enforce";
	k.sys.open = om_sys_linux.open;
	return 0;
}

static int teardown(void **state _unused_)
{
	fake_kernel_done(&k);
	return 0;
}

static char *const args[] = { (char[]){ "name" }, NULL };
static char *const none[] = { NULL };

/* --- arguments ---------------------------------------------------------------------------- */

/* All that a function is asked here, one after the other, and what is said. */
static int ask(unsigned i, struct overmount_error **error, const char **message)
{
	unsigned n = 0;

#define ROW(text, call)                                                                  \
	if (i == n++) {                                                                  \
		*message = text;                                                         \
		return call;                                                             \
	}
	ROW("cannot open a program: no name is given",
	    overmount_open_program(NULL, "/bin", error))
	ROW("cannot open a program: no name is given",
	    overmount_open_program("", "/bin", error))
	ROW("cannot open \"true\": no directories to search are given",
	    overmount_open_program("true", NULL, error))
	ROW("cannot enter an AppArmor profile: no label is given",
	    overmount_enter_profile(NULL, 0, error))
	ROW("cannot enter an AppArmor profile: no label is given",
	    overmount_enter_profile("", OVERMOUNT_STACK, error))
	ROW("cannot enter the AppArmor profile \"" APP
	    "\": the flags 0x80000002 are not known",
	    overmount_enter_profile(APP, 0x80000002U | OVERMOUNT_STACK, error))
	ROW("cannot execute: no arguments are given",
	    overmount_execute(3, NULL, none, error))
	ROW("cannot execute: no arguments are given",
	    overmount_execute(3, none, none, error))
	ROW("cannot execute \"name\": no environment is given",
	    overmount_execute(3, args, NULL, error))
	ROW("cannot execute \"name\": no descriptor is given",
	    overmount_execute(-1, args, none, error))
	ROW("cannot open a program: no name is given",
	    overmount_execute_in_profile(APP, 0, NULL, "/bin", args, none, error))
	ROW("cannot open \"true\": no directories to search are given",
	    overmount_execute_in_profile(APP, 0, "true", NULL, args, none, error))
	ROW("cannot enter an AppArmor profile: no label is given",
	    overmount_execute_in_profile(NULL, 0, "true", "/bin", args, none, error))
	ROW("cannot enter the AppArmor profile \"" APP "\": the flags 0x4 are not known",
	    overmount_execute_in_profile(APP, 4, "true", "/bin", args, none, error))
	ROW("cannot execute: no arguments are given",
	    overmount_execute_in_profile(APP, 0, "true", "/bin", NULL, none, error))
	ROW("cannot execute \"name\": no environment is given",
	    overmount_execute_in_profile(APP, 0, "true", "/bin", args, NULL, error))
#undef ROW
	return 1;
}

static void test_arguments(void **state _unused_)
{
	struct overmount_error *error;
	const char *message;
	unsigned i, calls = k.shared->calls;
	int r;

	for (i = 0; (r = ask(i, &error, &message)) != 1; i++) {
		assert_int_equal(r, -EINVAL);
		assert_string_equal(overmount_error_message(error), message);
		assert_int_equal(overmount_error_errno(error), EINVAL);
		assert_int_equal(overmount_error_kind(error), OVERMOUNT_ERROR_INPUT);
		assert_null(overmount_error_free(error));
		assert_int_equal(ask(i, NULL, &message), -EINVAL);
	}
	assert_int_equal(i, 16);
	/* Nothing was asked, still less done. */
	assert_int_equal(k.shared->calls, calls);
	assert_null(k.pending);
}

/* --- errors ------------------------------------------------------------------------------- */

static void test_no_error(void **state _unused_)
{
	struct overmount_error *error = NULL;

	assert_string_equal(overmount_error_message(NULL), "");
	assert_string_equal(overmount_error_fix(NULL), "");
	assert_int_equal(overmount_error_errno(NULL), 0);
	assert_int_equal(overmount_error_kind(NULL), OVERMOUNT_ERROR_NONE);
	assert_null(overmount_error_free(NULL));
	overmount_error_freep(&error);
	assert_null(error);
}

/* What was in the variable before is not looked at. */
static void test_ownership(void **state _unused_)
{
	struct overmount_error *first, *error = (struct overmount_error *)(uintptr_t)1;

	assert_int_equal(overmount_enter_profile(APP, 0, &error), 0);
	assert_null(error);
	fake_kernel_rule(&k, "apparmor", NULL, -ENOSYS);
	assert_int_equal(overmount_enter_profile(APP, 0, &first), -ENOSYS);
	assert_int_equal(overmount_enter_profile("other", 0, &error), -ENOSYS);
	/* Each is its own, and stays. */
	assert_ptr_not_equal(first, error);
	assert_non_null(strstr(overmount_error_message(first), "\"" APP "\""));
	assert_non_null(strstr(overmount_error_message(error), "\"other\""));
	overmount_error_freep(&first);
	assert_null(first);
	overmount_error_freep(&error);
	/* Who wants no error gets none. */
	assert_int_equal(overmount_enter_profile(APP, 0, NULL), -ENOSYS);
}

static void test_no_memory(void **state _unused_)
{
	struct overmount_error *error = (struct overmount_error *)(uintptr_t)1;
	int r;

	fake_kernel_rule(&k, "apparmor", NULL, -ENOSYS);
	no_memory = true;
	r = overmount_enter_profile(APP, 0, &error);
	no_memory = false;
	assert_int_equal(r, -ENOSYS);
	assert_null(error);
}

/* --- what it is for ------------------------------------------------------------------------- */

static void test_entering(void **state _unused_)
{
	struct overmount_error *error;

	assert_int_equal(overmount_enter_profile(APP, 0, &error), 0);
	assert_string_equal(k.pending, APP);
	assert_string_equal(k.label, "mounter");
	assert_int_equal(fake_kernel_count(&k, "apparmor_change " APP " now"), 1);
	assert_int_equal(fake_kernel_count(&k, "apparmor_change " APP " on exec"), 1);
	assert_int_equal(overmount_enter_profile("beside", OVERMOUNT_STACK, &error), 0);
	assert_string_equal(k.pending, "beside");
	assert_int_equal(fake_kernel_count(&k, "apparmor_stack beside on exec"), 1);
}

static const struct {
	struct fake_rule rule;
	unsigned flags;
	const char *message, *fix;
} refusals[] = {
	{ { "apparmor", NULL, -ENOSYS, 0 },
	  0,
	  "cannot enter the AppArmor profile \"" APP "\": AppArmor is not in this kernel",
	  "boot with apparmor=1 security=apparmor" },
	{ { "apparmor_change", "now", -ENOENT, 0 },
	  0,
	  "cannot enter the AppArmor profile \"" APP "\": it is not loaded",
	  "load it with apparmor_parser -r FILE" },
	{ { "apparmor_change", "now", -EACCES, 0 },
	  0,
	  "cannot enter the AppArmor profile \"" APP
	  "\": that is not permitted to \"mounter\"",
	  "add `change_profile -> \"" APP
	  "\", /proc/[0-9]*/attr/{,apparmor/}{current,exec} rw,` to that profile; with "
	  "no_new_privs nothing helps" },
	{ { "apparmor_stack", "now", -EINVAL, 0 },
	  OVERMOUNT_STACK,
	  "cannot stack the AppArmor profile \"" APP
	  "\": this kernel cannot, or that is no label",
	  "" },
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct fake_rule *rule = &refusals[i].rule;
		struct overmount_error *error;

		(void)teardown(state);
		(void)setup(state);
		fake_kernel_rule(&k, rule->operation, rule->arguments, rule->result);
		assert_int_equal(overmount_enter_profile(APP, refusals[i].flags, &error),
				 rule->result);
		assert_string_equal(overmount_error_message(error), refusals[i].message);
		assert_string_equal(overmount_error_fix(error), refusals[i].fix);
		assert_int_equal(overmount_error_errno(error), -rule->result);
		assert_int_equal(overmount_error_kind(error), OVERMOUNT_ERROR_REFUSED);
		assert_null(k.pending);
		overmount_error_freep(&error);
	}
}

static void test_programs(void **state _unused_)
{
	struct overmount_error *error;
	int fd = overmount_open_program("true", "/nonexistent:/usr/bin:/bin", &error);

	assert_true(fd > 2);
	assert_null(error);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	(void)close(fd);
	/* With a slash nothing is searched. */
	fd = overmount_open_program("/bin/true", NULL, &error);
	assert_true(fd > 2);
	(void)close(fd);
	assert_int_equal(overmount_open_program("true", "/nonexistent", &error), -ENOENT);
	assert_string_equal(overmount_error_message(error),
			    "cannot execute \"true\": No such file or directory");
	assert_int_equal(overmount_error_kind(error), OVERMOUNT_ERROR_SYSTEM);
	overmount_error_freep(&error);
	assert_int_equal(overmount_open_program("/etc/passwd", NULL, &error), -EACCES);
	overmount_error_freep(&error);
	/* A descriptor that is none. */
	assert_int_equal(overmount_execute(1 << 20, args, none, &error), -EBADF);
	assert_string_equal(overmount_error_message(error),
			    "cannot execute \"name\": Bad file descriptor");
	assert_int_equal(overmount_error_kind(error), OVERMOUNT_ERROR_SYSTEM);
	overmount_error_freep(&error);
}

/* The program comes first, then the profile: what fails leaves the rest undone, and no fd. */
static void test_all_of_it(void **state _unused_)
{
	unsigned fds = fake_kernel_fds();
	struct overmount_error *error;

	assert_int_equal(overmount_execute_in_profile(APP, 0, "true", "/nonexistent",
						      args, none, &error),
			 -ENOENT);
	assert_int_equal(overmount_error_kind(error), OVERMOUNT_ERROR_SYSTEM);
	assert_int_equal(fake_kernel_count(&k, "apparmor"), 0);
	overmount_error_freep(&error);
	fake_kernel_rule(&k, "apparmor_stack", "now", -EACCES);
	assert_int_equal(overmount_execute_in_profile(APP, OVERMOUNT_STACK, "/bin/true",
						      NULL, args, none, &error),
			 -EACCES);
	assert_int_equal(overmount_error_kind(error), OVERMOUNT_ERROR_REFUSED);
	assert_null(k.pending);
	overmount_error_freep(&error);
	assert_int_equal(fake_kernel_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test(test_no_error),
		cmocka_unit_test_setup_teardown(test_ownership, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entering, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_programs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_of_it, setup, teardown),
	};

	return cmocka_run_group_tests_name("lib", tests, NULL, NULL);
}
