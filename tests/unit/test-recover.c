/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a later process does with the journal of an earlier one: the journal and the state
 * directory are real, the mounts are recorded ones.
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/recover.h"
#include "base/cleanup.h"
#include "fake/recorder.h"
#include "fake/tree.h"

#define BOOT "0123456789abcde"

struct fixture {
	char dir[64];
	char tree[80];
	char state[80];
	int root_fd;
	int mount_fd;
	struct recorder rec;
	struct om_state s;
	struct om_journal j;
	struct om_str residue;
	struct om_error e;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)umask(022);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-recover-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->tree, sizeof(f->tree), "%s/tree", f->dir);
	(void)snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	assert_int_equal(mkdir(f->tree, 0755), 0);
	assert_int_equal(mkdir(f->state, 0700), 0);
	f->root_fd = open(f->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(f->root_fd, "t", 0755), 0);
	recorder_init(&f->rec);
	f->s = (struct om_state)OM_STATE_INIT;
	f->s.path = f->state;
	f->s.dirfd = open(f->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->s.stage_at = open(f->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->s.ns = (struct om_mount_id){ 42, true };
	memcpy(f->s.boot, BOOT, sizeof(f->s.boot));
	(void)snprintf(f->s.name, sizeof(f->s.name), "journal.1");
	(void)snprintf(f->s.lock_name, sizeof(f->s.lock_name), "lock.1");
	(void)snprintf(f->s.stage_name, sizeof(f->s.stage_name), "stage.1");
	(void)snprintf(f->s.aside_name, sizeof(f->s.aside_name), "aside.1");
	f->mount_fd = -1;
	om_journal_init(&f->j);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->mount_fd);
	om_str_free(&f->residue);
	om_journal_done(&f->j);
	om_state_done(&f->s);
	recorder_done(&f->rec);
	(void)close(f->root_fd);
	fake_remove_tree(f->dir);
	free(f);
	return 0;
}

static int put_mount(struct fixture *f)
{
	const struct om_sys *sys = &f->rec.sys;
	int fd = sys->fsmount(sys, -1, 0);
	int at = sys->open_beneath(sys, f->root_fd, "t", O_PATH | O_NOFOLLOW);

	assert_int_equal(sys->move_mount(sys, fd, at, ""), 0);
	(void)close(at);
	return fd;
}

/* What an earlier process has left: a directory, a mount on "/t", and its journal. */
static void leave(struct fixture *f, const struct om_journal_origin *origin, bool commit)
{
	struct om_act act = { .inverse = OM_INVERSE_DETACH };
	struct om_journal j;

	assert_int_equal(om_journal_create(&j, f->s.dirfd, f->s.name, origin, NULL), 0);
	assert_int_equal(mkdirat(f->root_fd, "d", 0755), 0);
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
				  "/d"),
		0);
	f->mount_fd = put_mount(f);
	assert_int_equal(f->rec.sys.mount_id(&f->rec.sys, f->mount_fd, &act.mount_id,
					     &act.unique),
			 0);
	assert_int_equal(om_journal_intent(&j, &act, "/t"), 1);
	assert_int_equal(om_journal_mark_done(&j, 1), 0);
	if (commit)
		assert_int_equal(om_journal_commit(&j), 0);
	om_journal_done(&j);
	f->rec.calls = 0;
}

static struct om_journal_origin origin_of(const struct fixture *f)
{
	return (struct om_journal_origin){ .root_path = f->tree,
					   .ns = { 42, true },
					   .boot = BOOT };
}

static int recover(struct fixture *f, bool force)
{
	om_error_clear(&f->e);
	return om_recover(&f->rec.sys, &f->s, force, &f->j, &f->residue, &f->e);
}

static bool has_journal(const struct fixture *f)
{
	return faccessat(f->s.dirfd, f->s.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_name(const struct fixture *f)
{
	return faccessat(f->root_fd, "d", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Everything is as it was left, and can still be recovered. */
static void expect_untouched(const struct fixture *f)
{
	assert_true(has_journal(f));
	assert_true(has_name(f));
	assert_int_equal(f->rec.calls, 0);
	assert_int_equal(f->residue.len, 0);
	assert_int_equal(f->j.acts.n, 0);
	assert_int_equal(f->j.fd, -1);
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(recover(f, false), OM_RECOVERED_NOTHING);
	assert_int_equal(f->e.kind, OM_ERR_NONE);
	assert_int_equal(f->rec.calls, 0);
	/* No namespace to stage in. */
	f->s.stage_at = om_close(f->s.stage_at);
	assert_int_equal(recover(f, false), OM_RECOVERED_NOTHING);
}

static void test_undone(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave(f, &origin, false);
	assert_int_equal(recover(f, false), OM_RECOVERED_UNDONE);
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_false(has_name(f));
	assert_false(has_journal(f));
	assert_int_equal(f->residue.len, 0);
	assert_int_equal(f->j.fd, -1);
	/* The directory was there before. */
	assert_int_equal(access(f->state, F_OK), 0);
	assert_int_equal(recover(f, false), OM_RECOVERED_NOTHING);
}

static void test_made_directory_goes_too(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	origin.made_dir = true;
	leave(f, &origin, false);
	assert_int_equal(recover(f, false), OM_RECOVERED_UNDONE);
	assert_int_equal(access(f->state, F_OK), -1);
}

/* Whoever made the directory in this run takes it away, whatever the journal says. */
static void test_directory_that_we_made(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave(f, &origin, false);
	f->s.made = true;
	assert_int_equal(recover(f, false), OM_RECOVERED_UNDONE);
	assert_int_equal(access(f->state, F_OK), -1);
}

static void test_applied_stays(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave(f, &origin, true);
	assert_int_equal(recover(f, false), OM_RECOVERED_APPLIED);
	assert_int_equal(f->rec.calls, 0);
	assert_true(has_journal(f));
	/* It is loaded, for the caller. */
	assert_int_equal(f->j.acts.n, 2);
	assert_true(f->j.committed);
	assert_int_equal(
		om_recover_undo(&f->rec.sys, &f->s, false, &f->j, &f->residue, &f->e), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_false(has_name(f));
	assert_false(has_journal(f));
}

/* The mounts have died with the boot or the namespace; names are looked at. */
static void test_dropped(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	/* A whole one, too: what it says is gone. */
	origin.boot[0] = 'x';
	leave(f, &origin, true);
	assert_int_equal(recover(f, false), OM_RECOVERED_DROPPED);
	assert_false(has_name(f));
	assert_false(has_journal(f));
	assert_int_equal(recorder_attached(&f->rec), 1);
	f->rec.mounts.v[0].on_ino = 0;
	(void)close(f->mount_fd);

	origin = origin_of(f);
	origin.ns.id++;
	leave(f, &origin, false);
	assert_int_equal(recover(f, false), OM_RECOVERED_DROPPED);
	assert_false(has_name(f));
	assert_false(has_journal(f));
	assert_int_equal(recorder_attached(&f->rec), 1);
}

/* Numbers of devices are compared within a boot, and only there. */
static void test_devices_of_another_boot(void **state)
{
	struct fixture *f = *state;

	for (unsigned other = 0; other < 2; other++) {
		struct om_journal_origin origin = origin_of(f);
		struct om_journal j;
		struct stat st;

		origin.ns.id++;
		origin.boot[0] = other ? 'x' : origin.boot[0];
		assert_int_equal(
			om_journal_create(&j, f->s.dirfd, f->s.name, &origin, NULL), 0);
		(void)mkdirat(f->root_fd, "d", 0755);
		assert_int_equal(fstatat(f->root_fd, "d", &st, 0), 0);
		assert_int_equal(
			om_journal_intent(&j,
					  &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
					  "/d"),
			0);
		j.acts.v[0].ino = st.st_ino;
		j.acts.v[0].dev = st.st_dev + 1;
		assert_int_equal(om_journal_mark_done(&j, 0), 0);
		om_journal_done(&j);
		assert_int_equal(recover(f, false), OM_RECOVERED_DROPPED);
		assert_int_equal(has_name(f), !other);
	}
}

/* The root of a dead namespace is nowhere, and with it all that was in it. */
static void test_dropped_without_a_root(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	origin.root_path = "/nonexistent/root";
	origin.boot[0] = 'x';
	leave(f, &origin, false);
	assert_int_equal(recover(f, false), OM_RECOVERED_DROPPED);
	assert_false(has_journal(f));
	assert_int_equal(f->e.kind, OM_ERR_NONE);
}

static void test_no_root(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	origin.root_path = "/nonexistent/root";
	leave(f, &origin, false);
	assert_int_equal(recover(f, false), -ENOENT);
	assert_int_equal(f->e.kind, OM_ERR_SYSTEM);
	assert_string_equal(f->e.message, "cannot undo beneath \"/nonexistent/root\": "
					  "No such file or directory");
	expect_untouched(f);
}

/* Whoever runs out of descriptors in the middle would leave a half of it. */
static void test_too_few_descriptors(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);
	struct rlimit old, l;
	unsigned failed = 0;
	int r;

	leave(f, &origin, false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	l = old;
	for (rlim_t n = 0;; n++) {
		l.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
		r = recover(f, false);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		if (r == OM_RECOVERED_UNDONE)
			break;
		assert_int_equal(r, -EMFILE);
		expect_untouched(f);
		/* A limit above a number in use gives no descriptor more. */
		if (fcntl((int)n, F_GETFD) < 0)
			failed += strstr(f->e.message, "cannot undo beneath") != NULL;
	}
	/* The root, and what undo needs beside. */
	assert_int_equal(failed, 1 + 8);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static void test_covered_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);
	int fd;

	leave(f, &origin, false);
	fd = put_mount(f);
	f->rec.calls = 0;
	assert_int_equal(recover(f, false), -EBUSY);
	assert_int_equal(f->e.kind, OM_ERR_REFUSED);
	expect_untouched(f);
	assert_int_equal(recover(f, true), OM_RECOVERED_UNDONE);
	assert_non_null(strstr(om_str_get(&f->residue), "taken away too"));
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_false(has_journal(f));
	(void)close(fd);
}

/* A journal of which something is left stays, for another try. */
static void test_not_everything(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave(f, &origin, false);
	f->rec.failing = "unlink";
	assert_int_equal(recover(f, false), -EBUSY);
	assert_int_equal(f->e.kind, OM_ERR_BROKEN);
	assert_string_equal(f->e.message, "cannot undo everything");
	assert_string_equal(om_str_get(&f->residue), "\"/d\": Input/output error\n");
	assert_true(has_journal(f));
	assert_int_equal(f->j.fd, -1);
	f->rec.failing = NULL;
	assert_int_equal(recover(f, false), OM_RECOVERED_UNDONE);
	assert_false(has_name(f));
}

static const struct fixture *current;

/* While we undo, somebody puts a directory in the place of the journal. */
static int open_and_replace(const struct om_sys *sys, int dirfd, const char *path,
			    int flags, mode_t mode)
{
	if (strcmp(path, current->tree) == 0) {
		assert_int_equal(unlinkat(current->s.dirfd, current->s.name, 0), 0);
		assert_int_equal(mkdirat(current->s.dirfd, current->s.name, 0700), 0);
	}
	return om_sys_linux.open(sys, dirfd, path, flags, mode);
}

static void test_journal_cannot_be_removed(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);
	int r;

	leave(f, &origin, false);
	current = f;
	f->rec.sys.open = open_and_replace;
	r = recover(f, false);
	assert_true(r == -EISDIR || r == -EPERM);
	assert_int_equal(f->e.kind, OM_ERR_BROKEN);
	assert_non_null(
		strstr(f->e.message, "cannot remove the journal \"journal.1\": "));
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_int_equal(f->j.fd, -1);
}

static void test_bad_journal(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	leave(f, &origin, false);
	assert_int_equal(fchmodat(f->s.dirfd, f->s.name, 0666, 0), 0);
	assert_int_equal(recover(f, true), -EPERM);
	assert_int_equal(f->e.kind, OM_ERR_SYSTEM);
	expect_untouched(f);
	assert_int_equal(fchmodat(f->s.dirfd, f->s.name, 0600, 0), 0);
	/* Whose it is cannot be told: that is not "another's". */
	f->s.ns.unique = false;
	assert_int_equal(recover(f, true), -ENODATA);
	assert_int_equal(f->e.kind, OM_ERR_REFUSED);
	expect_untouched(f);
}

static void test_old_stage(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	/* A directory alone goes away. */
	assert_int_equal(mkdirat(f->s.stage_at, f->s.stage_name, 0700), 0);
	assert_int_equal(recover(f, false), OM_RECOVERED_NOTHING);
	assert_int_equal(faccessat(f->s.stage_at, f->s.stage_name, F_OK, 0), -1);
	/* One that stays is a reason to touch nothing else. */
	assert_int_equal(mkdirat(f->s.stage_at, f->s.stage_name, 0700), 0);
	leave(f, &origin, false);
	f->rec.failing = "unlink";
	/* Whatever the caller's was: it is empty afterwards. */
	f->j.fd = 12345;
	assert_int_equal(recover(f, false), -EIO);
	assert_int_equal(f->e.kind, OM_ERR_SYSTEM);
	assert_non_null(strstr(f->e.message, "cannot take an old stage away"));
	f->rec.calls = 0;
	expect_untouched(f);
	assert_int_equal(recorder_attached(&f->rec), 1);
}

/*
 * An update was killed: act 1 is to go, and is aside if that is asked for; a directory has
 * been made.
 */
static void leave_update(struct fixture *f, const struct om_journal_origin *origin,
			 bool aside)
{
	const struct om_sys *sys = &f->rec.sys;
	struct om_journal j;
	int at;

	leave(f, origin, true);
	assert_int_equal(om_journal_load(&j, f->s.dirfd, f->s.name, NULL), 0);
	j.acts.v[0].aside = j.acts.v[1].aside = true;
	assert_int_equal(om_journal_begin_update(&j), 0);
	assert_int_equal(mkdirat(f->s.stage_at, "aside.1", 0700), 0);
	assert_int_equal(mkdirat(f->s.stage_at, "aside.1/1", 0700), 0);
	if (aside) {
		at = openat(f->s.stage_at, "aside.1/1", O_PATH | O_CLOEXEC);
		assert_int_equal(sys->move_mount(sys, f->mount_fd, at, ""), 0);
		(void)close(at);
	}
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
				  "/new"),
		2);
	assert_int_equal(mkdirat(f->root_fd, "new", 0755), 0);
	om_journal_done(&j);
	assert_int_equal(
		close(openat(f->s.dirfd, "journal.1.new", O_CREAT | O_WRONLY, 0600)), 0);
	f->rec.calls = 0;
}

/* The mount that was there before lies on "/t" again, and the journal is a whole one. */
static void expect_restored(struct fixture *f)
{
	const struct om_sys *sys = &f->rec.sys;
	int fd = sys->open_beneath(sys, f->root_fd, "t", O_PATH | O_NOFOLLOW);

	assert_int_equal(sys->same_object(sys, fd, f->mount_fd, ""), 1);
	(void)close(fd);
	assert_int_equal(faccessat(f->root_fd, "new", F_OK, 0), -1);
	assert_true(has_name(f));
	assert_true(f->j.committed);
	assert_false(f->j.updating);
	assert_int_equal(f->j.acts.n, 2);
	assert_int_equal(faccessat(f->s.dirfd, "journal.1.new", F_OK, 0), -1);
	om_journal_done(&f->j);
	assert_int_equal(recover(f, false), OM_RECOVERED_APPLIED);
	assert_int_equal(f->j.acts.n, 2);
	assert_false(f->j.acts.v[1].aside);
}

static int (*real_move)(const struct om_sys *, int, int, const char *);

/* A slot goes with the tmpfs that it is on; here it is a directory like any other. */
static int move_and_remove_slot(const struct om_sys *sys, int fd, int dirfd,
				const char *path)
{
	int r = real_move(sys, fd, dirfd, path);

	if (r == 0 && sys->same_object(sys, fd, current->mount_fd, "") == 1)
		(void)unlinkat(current->s.stage_at, "aside.1/1", AT_REMOVEDIR);
	return r;
}

static void hook_move(struct fixture *f)
{
	current = f;
	real_move = f->rec.sys.move_mount;
	f->rec.sys.move_mount = move_and_remove_slot;
}

static void test_update_is_taken_back(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave_update(f, &origin, true);
	hook_move(f);
	assert_int_equal(recover(f, false), OM_RECOVERED_RESTORED);
	assert_int_equal(f->residue.len, 0);
	expect_restored(f);
	assert_int_equal(faccessat(f->s.stage_at, "aside.1", F_OK, 0), -1);
}

/* Killed before the first mount was moved. */
static void test_update_that_moved_nothing(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave_update(f, &origin, false);
	assert_int_equal(unlinkat(f->s.stage_at, "aside.1/1", AT_REMOVEDIR), 0);
	assert_int_equal(recover(f, true), OM_RECOVERED_RESTORED);
	expect_restored(f);
}

/* Whatever fails, the next one goes on from there. */
static void test_update_is_taken_back_in_the_end(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);

	leave_update(f, &origin, true);
	hook_move(f);
	/* What came cannot be undone: what was there does not come upon it. */
	f->rec.failing = "unlink";
	assert_int_equal(recover(f, false), -EBUSY);
	assert_int_equal(f->e.kind, OM_ERR_BROKEN);
	assert_null(strstr(f->rec.log.s, "move_mount m0 -> t"));
	f->rec.failing = "move_mount";
	assert_int_equal(recover(f, false), -EBUSY);
	assert_int_equal(f->e.kind, OM_ERR_BROKEN);
	assert_non_null(strstr(om_str_get(&f->residue),
			       "\"/t\": cannot be brought back: Input/output error\n"));
	assert_int_equal(f->j.fd, -1);
	/* All is back, but what it was in stays: the update has ended. */
	f->rec.failing = NULL;
	assert_int_equal(mkdirat(f->s.stage_at, "aside.1/x", 0700), 0);
	assert_int_equal(recover(f, false), -EBUSY);
	assert_non_null(strstr(om_str_get(&f->residue), "\"journal.1\": "));
	assert_int_equal(recover(f, false), OM_RECOVERED_APPLIED);
}

static void test_update_whose_journal_cannot_be_cut(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);
	struct om_journal j;
	int fd;

	leave_update(f, &origin, false);
	assert_int_equal(om_journal_load(&j, f->s.dirfd, f->s.name, NULL), 0);
	fd = openat(f->s.dirfd, f->s.name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(dup2(fd, j.fd), j.fd);
	(void)close(fd);
	assert_int_equal(om_recover_put_back(&f->rec.sys, &f->s, f->root_fd, &j,
					     &f->residue),
			 -EBUSY);
	assert_non_null(strstr(om_str_get(&f->residue), "\"journal.1\": "));
	assert_true(j.updating);
	om_journal_done(&j);
}

static void test_update_without_a_root(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	origin.root_path = "/nonexistent/root";
	leave_update(f, &origin, true);
	assert_int_equal(recover(f, false), -ENOENT);
	assert_int_equal(f->e.kind, OM_ERR_SYSTEM);
	assert_int_equal(f->rec.calls, 0);
}

static void test_stranger_on_an_update(void **state)
{
	struct fixture *f = *state;
	const struct om_journal_origin origin = origin_of(f);
	static char inner_path[] = "/u/i";
	const struct om_act inner = { .inverse = OM_INVERSE_DETACH,
				      .path = inner_path,
				      .mount_id = 1,
				      .unique = true,
				      .inner = true };
	const struct om_sys *sys = &f->rec.sys;
	struct om_act act = { .inverse = OM_INVERSE_DETACH };
	struct om_journal j;
	int at, fds[2];

	leave_update(f, &origin, true);
	assert_int_equal(mkdirat(f->root_fd, "u", 0755), 0);
	assert_int_equal(om_journal_load(&j, f->s.dirfd, f->s.name, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 2, 100), 0);
	for (unsigned i = 0; i < 2; i++) {
		fds[i] = sys->fsmount(sys, -1, 0);
		at = sys->open_beneath(sys, f->root_fd, "u", O_PATH | O_NOFOLLOW);
		assert_int_equal(sys->move_mount(sys, fds[i], at, ""), 0);
		(void)close(at);
	}
	assert_int_equal(sys->mount_id(sys, fds[0], &act.mount_id, &act.unique), 0);
	assert_int_equal(om_journal_inner(&j, &inner, 1), 0);
	assert_int_equal(om_journal_intent(&j, &act, "/u"), 4);
	om_journal_done(&j);
	f->rec.calls = 0;
	hook_move(f);
	assert_int_equal(recover(f, false), -EBUSY);
	assert_int_equal(f->e.kind, OM_ERR_REFUSED);
	assert_int_equal(f->rec.calls, 0);
	assert_int_equal(recover(f, true), OM_RECOVERED_RESTORED);
	expect_restored(f);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* It had ended: what was aside goes. */
static void test_what_an_update_has_left(void **state)
{
	struct fixture *f = *state;
	struct om_journal_origin origin = origin_of(f);

	origin.updated = true;
	leave(f, &origin, true);
	assert_int_equal(mkdirat(f->s.stage_at, "aside.1", 0700), 0);
	f->rec.failing = "unlink";
	assert_int_equal(recover(f, false), -EIO);
	assert_int_equal(f->e.kind, OM_ERR_SYSTEM);
	assert_non_null(strstr(f->e.message, "what an update has put aside"));
	f->rec.failing = NULL;
	assert_int_equal(recover(f, false), OM_RECOVERED_APPLIED);
	assert_int_equal(faccessat(f->s.stage_at, "aside.1", F_OK, 0), -1);
	om_journal_done(&f->j);
	f->s.stage_at = om_close(f->s.stage_at);
	assert_int_equal(recover(f, false), OM_RECOVERED_APPLIED);
}

static void test_update_of_another_boot(void **state)
{
	struct fixture *f = *state;

	for (unsigned ended = 0; ended < 2; ended++) {
		struct om_journal_origin origin = origin_of(f);

		origin.boot[0] = 'x';
		origin.updated = ended;
		if (ended)
			leave(f, &origin, true);
		else
			leave_update(f, &origin, false);
		(void)unlinkat(f->s.stage_at, "aside.1/1", AT_REMOVEDIR);
		(void)mkdirat(f->s.stage_at, "aside.1", 0700);
		assert_int_equal(recover(f, false), OM_RECOVERED_DROPPED);
		assert_false(has_journal(f));
		assert_int_equal(faccessat(f->s.stage_at, "aside.1", F_OK, 0), -1);
		assert_int_equal(faccessat(f->s.dirfd, "journal.1.new", F_OK, 0), -1);
		f->rec.mounts.v[f->rec.mounts.n - 1].on_ino = 0;
		(void)close(f->mount_fd);
		f->mount_fd = -1;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_made_directory_goes_too, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_directory_that_we_made, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_applied_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_of_another_boot, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_dropped_without_a_root, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_few_descriptors, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_covered_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal_cannot_be_removed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_stage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_update_is_taken_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_update_that_moved_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_update_is_taken_back_in_the_end,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_update_whose_journal_cannot_be_cut,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_update_without_a_root, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stranger_on_an_update, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_an_update_has_left, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_update_of_another_boot, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
