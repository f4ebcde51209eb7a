/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an update takes away, where it is meanwhile, and how it comes back: mounts are
 * recorded ones.  Each test says where they are then and what is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/aside.h"
#include "apply/status.h"
#include "fake/recorder.h"
#include "fake/tree.h"
#include "fake/wrap.h"

#define NAME "aside.1"
#define MAX_MOUNTS 8
#define TRIES 3

struct fixture {
	char dir[64];
	int at; /* the state directory */
	int root_fd;
	struct recorder rec;
	struct om_sys real; /* the recorder's calls, for those that stand in for them */
	struct om_build aside;
	struct om_journal j;
	struct om_str residue;
	int mounts[MAX_MOUNTS]; /* the fds of what was put, in that order */
	size_t n_mounts;
};

/* What stands in for a call fails so often; how often it was asked for. */
static struct {
	const struct fixture *f;
	int error;
	unsigned times, calls;
} harm;

static bool is_harmed(void)
{
	harm.calls++;
	if (harm.times == 0)
		return false;
	harm.times--;
	return true;
}

static void set_harm(int error, unsigned times)
{
	harm.error = error;
	harm.times = times;
	harm.calls = 0;
}

/* The recorder's mount(2) shows nothing of a new file system; here something is there. */
static int mount_tmpfs(const struct om_sys *sys, const char *source, const char *target,
		       const char *type, unsigned long flags, const char *data)
{
	int r = harm.f->real.mount(sys, source, target, type, flags, data);
	int at, fd;

	if (r < 0 || !type)
		return r;
	assert_string_equal(type, "tmpfs");
	assert_int_equal(sscanf(target, "/proc/self/fd/%d", &at), 1);
	fd = harm.f->real.fsmount(sys, -1, 0);
	assert_true(fd >= 0);
	r = harm.f->real.move_mount(sys, fd, at, "");
	(void)close(fd);
	return r;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[80];

	assert_non_null(f);
	(void)umask(022);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-aside-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(path, sizeof(path), "%s/state", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	f->at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/tree", f->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	f->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(f->root_fd, "a", 0755), 0);
	assert_int_equal(mkdirat(f->root_fd, "b", 0755), 0);
	(void)close(openat(f->root_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	recorder_init(&f->rec);
	f->real = f->rec.sys;
	f->rec.sys.mount = mount_tmpfs;
	om_journal_init(&f->j);
	om_aside_init(&f->aside, &f->rec.sys, f->at, NAME);
	memset(&harm, 0, sizeof(harm));
	harm.f = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_wrap = (struct fake_wrap){ 0 };
	if (f->aside.stage_fd >= 0)
		(void)close(f->aside.stage_fd);
	for (size_t i = 0; i < f->n_mounts; i++)
		(void)close(f->mounts[i]);
	om_str_free(&f->residue);
	om_journal_done(&f->j);
	recorder_done(&f->rec);
	(void)close(f->root_fd);
	(void)close(f->at);
	fake_remove_tree(f->dir);
	free(f);
	return 0;
}

/* --- what is there --------------------------------------------------------------------- */

static int open_at(const struct fixture *f, const char *path)
{
	int at = f->rec.sys.open_beneath(&f->rec.sys, f->root_fd, path + 1,
					 O_PATH | O_NOFOLLOW);

	assert_true(at >= 0);
	return at;
}

/* A mount at path (below the root), of whoever: its fd. */
static int put_mount(struct fixture *f, const char *path)
{
	const struct om_sys *sys = &f->rec.sys;
	int at = open_at(f, path);
	/* Of the kind of what is there. */
	int fd = f->real.open_tree(sys, at, "", false);

	assert_true(fd >= 0);
	assert_int_equal(f->real.move_mount(sys, fd, at, ""), 0);
	(void)close(at);
	f->mounts[f->n_mounts++] = fd;
	return fd;
}

/* One of ours, which is to go. */
static void make_mount(struct fixture *f, const char *path)
{
	int fd = put_mount(f, path), i;
	struct om_act act = { .inverse = OM_INVERSE_DETACH };
	struct stat st;

	assert_int_equal(f->real.mount_id(&f->rec.sys, fd, &act.mount_id, &act.unique),
			 0);
	assert_int_equal(fstat(fd, &st), 0);
	act.ino = act.unique ? 0 : st.st_ino;
	act.aside = true;
	i = om_journal_intent(&f->j, &act, path);
	assert_true(i >= 0);
	assert_int_equal(om_journal_mark_done(&f->j, (size_t)i), 0);
}

static int put(struct fixture *f, size_t i)
{
	return om_aside_put(&f->aside, &f->j, i, f->root_fd);
}

/* As an update does it: what came last goes first. */
static void put_all(struct fixture *f)
{
	assert_int_equal(om_journal_begin_update(&f->j), 0);
	for (size_t i = f->j.acts.n; i-- > 0;)
		assert_int_equal(put(f, i), 0);
}

static enum om_act_state look(const struct fixture *f, size_t i)
{
	int fd;
	enum om_act_state state =
		om_act_find_mount(&f->rec.sys, f->root_fd, &f->j.acts.v[i], &fd);

	if (fd >= 0)
		(void)close(fd);
	return state;
}

static int back(struct fixture *f)
{
	om_str_cut(&f->rec.log, 0);
	om_str_cut(&f->residue, 0);
	return om_aside_back(&f->rec.sys, f->at, NAME, f->root_fd, &f->j, &f->residue);
}

static void told(const struct fixture *f, const char *text)
{
	assert_string_equal(om_str_get(&f->residue), text);
}

static void logged(const struct fixture *f, const char *text)
{
	assert_string_equal(om_str_get(&f->rec.log), text);
}

#define CANNOT(path, why) "\"" path "\": cannot be brought back: " why "\n"
#define STALE "something on the way was renamed or replaced meanwhile"

/* --- away ------------------------------------------------------------------------------ */

static void test_there_and_back(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	make_mount(f, "/file");
	/* On top of the first one. */
	make_mount(f, "/a");
	put_all(f);
	/* In slots with their numbers, on the fourth mount. */
	assert_non_null(strstr(f->rec.log.s, "move_mount m2 -> m3/2\n"));
	assert_non_null(
		strstr(f->rec.log.s, "mkfile m3 1 0600\nmove_mount m1 -> m3/1\n"));
	assert_non_null(strstr(f->rec.log.s, "mkdir m3 0 0700\nmove_mount m0 -> m3/0\n"));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(look(f, i), OM_ACT_MOVED);
	assert_int_equal(back(f), 0);
	told(f, "");
	logged(f, "move_mount m0 -> /a\nmove_mount m1 -> /file\nmove_mount m2 -> m0\n");
	assert_int_equal(look(f, 0), OM_ACT_COVERED);
	assert_int_equal(look(f, 1), OM_ACT_PRESENT);
	assert_int_equal(look(f, 2), OM_ACT_PRESENT);
	/* Whoever was killed while it came back does it again. */
	assert_int_equal(back(f), 0);
	told(f, "");
	logged(f, "");
}

static void test_what_is_on_top_comes_along(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	assert_int_equal(f->real.mkdir(&f->rec.sys, f->mounts[0], "x", 0755), 0);
	make_mount(f, "/a/x");
	f->j.acts.v[1].aside = false;
	assert_int_equal(put(f, 0), 0);
	assert_int_equal(look(f, 1), OM_ACT_MOVED);
	assert_int_equal(om_journal_begin_update(&f->j), 0);
	assert_int_equal(back(f), 0);
	assert_int_equal(look(f, 1), OM_ACT_PRESENT);
}

static void test_with_mount_alone(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	f->rec.failing = "move_mount m0";
	f->rec.fail_errno = ENOSYS;
	put_all(f);
	assert_int_equal(look(f, 0), OM_ACT_MOVED);
	assert_int_equal(back(f), 0);
	told(f, "");
	logged(f,
	       "move_mount m0 -> /a (failed)\nmount m0 -> /a type none flags 0x2000 \n");
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
}

static void test_put_what_is_not_in_its_place(void **state)
{
	struct fixture *f = *state;
	int at = open_at(f, "/b");

	make_mount(f, "/a");
	put_mount(f, "/a");
	assert_int_equal(look(f, 0), OM_ACT_COVERED);
	assert_int_equal(put(f, 0), -ESTALE);
	f->rec.mounts.v[1].on_ino = 0;
	assert_int_equal(f->real.move_mount(&f->rec.sys, f->mounts[0], at, ""), 0);
	(void)close(at);
	assert_int_equal(put(f, 0), -ESTALE);
	f->rec.mounts.v[0].on_ino = 0;
	assert_int_equal(look(f, 0), OM_ACT_GONE);
	f->rec.calls = 0;
	assert_int_equal(put(f, 0), -ESTALE);
	/* Not even a place for it was made. */
	assert_int_equal(f->rec.calls, 0);
	assert_int_equal(faccessat(f->at, NAME, F_OK, 0), -1);
}

/* A call that fails, and what it leaves: the mount where it was. */
static void expect_put_fails(struct fixture *f, int error)
{
	assert_int_equal(put(f, 0), error);
	f->rec.failing = NULL;
	f->rec.sys.move_mount = f->real.move_mount;
	f->rec.sys.mount_id = f->real.mount_id;
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
}

static void look_again(int fd _unused_)
{
	fake_wrap = (struct fake_wrap){ 0 };
}

static void fail_one_fstat(int fd _unused_)
{
	fake_wrap = (struct fake_wrap){ .on_fstat = look_again, .fail_fstat = EIO };
}

/* The id is told, and then the first look at what has it fails. */
static int mount_id_then_harm(const struct om_sys *sys, int fd, uint64_t *ret_id,
			      bool *ret_unique)
{
	int r = harm.f->real.mount_id(sys, fd, ret_id, ret_unique);

	if (is_harmed())
		fake_wrap.on_fstat = fail_one_fstat;
	return r;
}

static int move_nothing(const struct om_sys *sys _unused_, int fd _unused_,
			int dirfd _unused_, const char *path _unused_)
{
	harm.calls++;
	return 0;
}

static void test_put_fails(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	f->rec.sys.mount_id = mount_id_then_harm;
	set_harm(0, 1);
	expect_put_fails(f, -EIO);
	assert_int_equal(faccessat(f->at, NAME, F_OK, 0), -1);
	f->rec.failing = "mkdir /tmp/om-aside";
	expect_put_fails(f, -EIO);
	f->rec.failing = "move_mount m0";
	expect_put_fails(f, -EIO);
	/* The place stays; an update that failed takes it away with all that is in it. */
	assert_int_equal(
		f->real.unlink(&f->rec.sys, f->aside.stage_fd, "0", AT_REMOVEDIR), 0);
	/* Said to be done, by a filter. */
	f->rec.sys.move_mount = move_nothing;
	expect_put_fails(f, -EPROTO);
	assert_int_equal(harm.calls, 2);
}

static int say_error(const struct om_sys *sys _unused_, int fd _unused_,
		     int dirfd _unused_, const char *name _unused_)
{
	return -EMFILE;
}

/* Moved, and nobody can tell: so it did not work, and it is brought back. */
static void test_put_that_cannot_be_seen(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	make_mount(f, "/b");
	put_all(f);
	assert_int_equal(back(f), 0);
	assert_int_equal(
		f->real.unlink(&f->rec.sys, f->aside.stage_fd, "0", AT_REMOVEDIR), 0);
	f->rec.sys.same_object = say_error;
	assert_int_equal(put(f, 0), -EMFILE);
	f->rec.sys.same_object = f->real.same_object;
	assert_int_equal(look(f, 0), OM_ACT_MOVED);
	assert_int_equal(back(f), 0);
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
}

/* --- and back -------------------------------------------------------------------------- */

static int open_harmed(const struct om_sys *sys, int dirfd, const char *path, int flags,
		       mode_t mode)
{
	bool is_dir = strcmp(path, NAME) == 0;

	if ((is_dir || strcmp(path, "0") == 0) && is_dir == (harm.error == -EMFILE) &&
	    is_harmed())
		return harm.error;
	return harm.f->real.open(sys, dirfd, path, flags, mode);
}

/* The update was stopped before it moved anything, or all of it. */
static void test_back_what_was_not_moved(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	/* On top of the first, so it would have gone before that. */
	make_mount(f, "/a");
	make_mount(f, "/b");
	assert_int_equal(om_journal_begin_update(&f->j), 0);
	assert_int_equal(look(f, 0), OM_ACT_COVERED);
	f->rec.sys.open = open_harmed;
	set_harm(-EMFILE, 0);
	assert_int_equal(back(f), 0);
	/* What is not there is not looked for again. */
	assert_int_equal(harm.calls, 1);
	f->rec.sys.open = f->real.open;
	assert_int_equal(put(f, 2), 0);
	/* The slot was made, and nothing was moved into it. */
	assert_int_equal(f->real.mkdir(&f->rec.sys, f->aside.stage_fd, "1", 0700), 0);
	assert_int_equal(back(f), 0);
	told(f, "");
	logged(f, "move_mount m2 -> /b\n");
	assert_int_equal(look(f, 1), OM_ACT_PRESENT);
	assert_int_equal(look(f, 2), OM_ACT_PRESENT);
}

/* What stays, names, and what has come since are none of its business. */
static void test_back_others(void **state)
{
	struct fixture *f = *state;
	struct om_act act = { .inverse = OM_INVERSE_RMDIR, .aside = true };

	make_mount(f, "/a");
	f->j.acts.v[0].aside = false;
	f->rec.mounts.v[0].on_ino = 0;
	assert_int_equal(om_journal_intent(&f->j, &act, "/nothing"), 1);
	assert_int_equal(om_journal_begin_update(&f->j), 0);
	act.inverse = OM_INVERSE_DETACH;
	act.mount_id = 4711;
	assert_int_equal(om_journal_intent(&f->j, &act, "/nothing"), 2);
	assert_int_equal(back(f), 0);
	told(f, "");
	logged(f, "");
	/* What is not back is told, and the others come back all the same. */
	make_mount(f, "/b");
	f->j.n_before = f->j.acts.n;
	assert_int_equal(put(f, 3), 0);
	assert_int_equal(back(f), -EBUSY);
	told(f, CANNOT("/nothing", STALE));
	assert_int_equal(look(f, 3), OM_ACT_PRESENT);
}

/* Where it was is no more. */
static void test_back_without_a_place(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	make_mount(f, "/b");
	put_all(f);
	assert_int_equal(unlinkat(f->root_fd, "a", AT_REMOVEDIR), 0);
	assert_int_equal(back(f), -EBUSY);
	told(f, CANNOT("/a", "No such file or directory"));
	assert_int_equal(look(f, 0), OM_ACT_MOVED);
	assert_int_equal(look(f, 1), OM_ACT_PRESENT);
	/* Nothing is lost: made again, it shows it. */
	assert_int_equal(mkdirat(f->root_fd, "a", 0755), 0);
	assert_int_equal(back(f), 0);
	told(f, "");
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
}

static int move_harmed(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	return is_harmed() ? harm.error : harm.f->real.move_mount(sys, fd, dirfd, path);
}

static int mount_id_harmed(const struct om_sys *sys, int fd, uint64_t *ret_id,
			   bool *ret_unique)
{
	return is_harmed() ? harm.error
			   : harm.f->real.mount_id(sys, fd, ret_id, ret_unique);
}

/* Twice is no reason to give up; then it is told. */
static void expect_tries(struct fixture *f, int error, const char *why)
{
	set_harm(error, TRIES - 1);
	assert_int_equal(back(f), 0);
	assert_int_equal(harm.times, 0);
	told(f, "");
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
	assert_int_equal(
		f->real.unlink(&f->rec.sys, f->aside.stage_fd, "0", AT_REMOVEDIR), 0);
	assert_int_equal(put(f, 0), 0);
	set_harm(error, TRIES);
	assert_int_equal(back(f), -EBUSY);
	assert_int_equal(harm.calls, TRIES);
	told(f, why);
	assert_int_equal(look(f, 0), OM_ACT_MOVED);
	set_harm(0, 0);
	f->rec.sys.open = f->real.open;
	f->rec.sys.mount_id = f->real.mount_id;
	f->rec.sys.move_mount = f->real.move_mount;
}

static void test_back_tries(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	put_all(f);
	/* The slot, the id of what is in it, what else it is, the move. */
	f->rec.sys.open = open_harmed;
	expect_tries(f, -EIO, CANNOT("/a", "Input/output error"));
	f->rec.sys.mount_id = mount_id_harmed;
	expect_tries(f, -EINTR, CANNOT("/a", "Interrupted system call"));
	f->rec.sys.mount_id = mount_id_then_harm;
	expect_tries(f, 0, CANNOT("/a", "Input/output error"));
	f->rec.sys.move_mount = move_harmed;
	expect_tries(f, -ENOMEM, CANNOT("/a", "Cannot allocate memory"));
	/* All that is aside: then it is said what can be seen, that it is not there. */
	f->rec.sys.open = open_harmed;
	expect_tries(f, -EMFILE, CANNOT("/a", STALE));
	assert_int_equal(back(f), 0);
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
}

static void test_back_that_does_nothing(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	put_all(f);
	f->rec.sys.move_mount = move_nothing;
	set_harm(0, 0);
	assert_int_equal(back(f), -EBUSY);
	assert_int_equal(harm.calls, TRIES);
	told(f, CANNOT("/a", STALE));
	assert_int_equal(look(f, 0), OM_ACT_MOVED);
}

/* As soon as it is back, somebody mounts on top of it. */
static int move_and_cover(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	int r = harm.f->real.move_mount(sys, fd, dirfd, path), other;

	if (r < 0 || !is_harmed())
		return r;
	other = harm.f->real.fsmount(sys, -1, 0);
	assert_true(other >= 0);
	assert_int_equal(harm.f->real.move_mount(sys, other, fd, ""), 0);
	(void)close(other);
	return 0;
}

/* It is there, and `check` tells what lies on it; it is not moved again. */
static void test_back_and_covered(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a");
	put_all(f);
	f->rec.sys.move_mount = move_and_cover;
	set_harm(0, 1);
	assert_int_equal(back(f), 0);
	told(f, "");
	assert_int_equal(harm.calls, 1);
	assert_int_equal(look(f, 0), OM_ACT_COVERED);
}

static void test_reusable_ids(void **state)
{
	struct fixture *f = *state;

	f->rec.reusable_ids = true;
	make_mount(f, "/a");
	put_all(f);
	assert_int_equal(look(f, 0), OM_ACT_MOVED);
	/* Another mount that was given the same number is not ours. */
	f->j.acts.v[0].ino++;
	assert_int_equal(back(f), -EBUSY);
	told(f, CANNOT("/a", STALE));
	logged(f, "");
	f->j.acts.v[0].ino--;
	assert_int_equal(back(f), 0);
	assert_int_equal(look(f, 0), OM_ACT_PRESENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_on_top_comes_along, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_with_mount_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_what_is_not_in_its_place, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_put_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_that_cannot_be_seen, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_back_what_was_not_moved, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_back_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_without_a_place, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_back_tries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_back_that_does_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_back_and_covered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reusable_ids, setup, teardown),
	};

	return cmocka_run_group_tests_name("aside", tests, NULL, NULL);
}
