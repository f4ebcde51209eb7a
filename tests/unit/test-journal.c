/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal on disk: what is read back, and what is not believed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/journal.h"

#define RECORD 512

struct fixture {
	char dir[64];
	int dirfd;
	char long_path[4000];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-journal-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->dirfd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dirfd >= 0);
	for (size_t i = 0; i < sizeof(f->long_path) - 1; i++)
		f->long_path[i] = i % 200 ? 'a' : '/';
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlinkat(f->dirfd, "j", 0);
	(void)close(f->dirfd);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

/* Header, an intent of one record and its done, an intent of nine records. */
static const struct om_journal_origin origin = { .root_path = "/base",
						 .ns = { 42, true },
						 .boot = "0123456789abcde",
						 .made_dir = true };

static void write_two(const struct fixture *f)
{
	struct om_journal j;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 2), 0);
	assert_int_equal(om_journal_intent(&j,
					   &(struct om_act){ .inverse = OM_INVERSE_DETACH,
							     .mount_id = 7,
							     .unique = true,
							     .strategy = 2,
							     .print = 5 },
					   "/usr/share"),
			 0);
	j.acts.v[0].dev = 8;
	j.acts.v[0].ino = 9;
	assert_int_equal(om_journal_mark_done(&j, 0), 0);
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
				  f->long_path),
		1);
	om_journal_done(&j);
}

static void test_round_trip(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_string_equal(j.root_path, "/base");
	assert_int_equal(j.origin.ns.id, 42);
	assert_true(j.origin.ns.unique);
	assert_true(j.origin.made_dir);
	assert_memory_equal(j.origin.boot, origin.boot, sizeof(origin.boot));
	assert_false(j.committed);
	assert_int_equal(j.acts.n, 2);
	assert_string_equal(j.acts.v[0].path, "/usr/share");
	assert_int_equal(j.acts.v[0].mount_id, 7);
	assert_true(j.acts.v[0].unique);
	assert_int_equal(j.acts.v[0].strategy, 2);
	assert_int_equal(j.acts.v[0].print, 5);
	assert_int_equal(j.acts.v[0].dev, 8);
	assert_int_equal(j.acts.v[0].ino, 9);
	assert_true(j.acts.v[0].done);
	assert_string_equal(j.acts.v[1].path, f->long_path);
	assert_int_equal(j.acts.v[1].inverse, OM_INVERSE_RMDIR);
	assert_false(j.acts.v[1].done);
	om_journal_done(&j);
}

static void flip_byte(const struct fixture *f, off_t at)
{
	int fd = openat(f->dirfd, "j", O_RDWR | O_CLOEXEC);
	char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 1);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

static void test_torn_last_record_is_absent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	/* Records: header, intent, done, then nine for the long path. */
	flip_byte(f, RECORD * 11 + 100);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 1);
	om_journal_done(&j);
}

static void test_damage_in_the_middle_is_refused(void **state)
{
	const struct fixture *f = *state;

	for (off_t record = 0; record < 11; record++) {
		struct om_error e = { 0 };
		struct om_journal j;

		write_two(f);
		flip_byte(f, RECORD * record + 60);
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", &e), -EBADMSG);
		assert_non_null(strstr(e.message, "damaged"));
		om_journal_done(&j);
		assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	}
}

static void test_foreign_mode_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	assert_int_equal(fchmodat(f->dirfd, "j", 0666, 0), 0);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -EPERM);
	om_journal_done(&j);
}

static void test_missing_is_enoent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ENOENT);
	om_journal_done(&j);
}

/* failure.sh found it: killed between the creation of the file and its header. */
static void test_without_header_is_absent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	int fd = openat(f->dirfd, "j", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_int_equal(posix_fallocate(fd, 0, 4 * RECORD), 0);
	(void)close(fd);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ENOENT);
	om_journal_done(&j);
	assert_int_equal(faccessat(f->dirfd, "j", F_OK, 0), -1);
}

static void test_space_is_reserved_before(void **state)
{
	const struct fixture *f = *state;
	const struct om_act act = { .inverse = OM_INVERSE_DETACH, .mount_id = 1 };
	struct om_journal j;
	struct stat before, after;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 3), 0);
	assert_int_equal(fstat(j.fd, &before), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(om_journal_intent(&j, &act, f->long_path), i);
		assert_int_equal(om_journal_mark_done(&j, (size_t)i), 0);
	}
	assert_int_equal(om_journal_commit(&j), 0);
	assert_int_equal(fstat(j.fd, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	om_journal_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_last_record_is_absent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_damage_in_the_middle_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_mode_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_missing_is_enoent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_header_is_absent, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_space_is_reserved_before, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
