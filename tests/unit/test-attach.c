/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one step that makes a construction visible, and the one that takes a mount away:
 * what is believed, what is withdrawn, and what is left for undo when that fails.
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

#include "apply/attach.h"
#include "apply/undo.h"
#include "fake/recorder.h"
#include "fake/tree.h"
#include "fake/wrap.h"

/* Ids, as the recorder gives them: of the construction, and of what is below it. */
#define TREE_ID 1000
#define TREE_TABLE_ID 100
#define ROOT_ID 1

struct fixture {
	char dir[64];
	char tree[80];
	int root_fd;
	struct recorder rec;
	struct om_facts facts;
	struct om_build b;
	struct om_journal j;
	struct om_step step;
	int (*move_mount)(const struct om_sys *sys, int fd, int dirfd, const char *path);
	int (*mount_id)(const struct om_sys *sys, int fd, uint64_t *id, bool *unique);
};

/* What the kernel says of a mount: of the construction, what is below it, and another. */
static struct {
	struct om_mount_look tree, parent, other;
	int tree_error, parent_error, other_error;
	unsigned id_calls, fail_id; /* which mount_id() fails, from 1 on */
	bool no_fstat_after_id;
	int full_fd; /* becomes /dev/full once the intent is written */
} says;

static const struct fixture *current;

static int scripted_look(const struct om_sys *sys _unused_, const struct om_mount_id *id,
			 struct om_mount_look *ret)
{
	if (says.full_fd >= 0) {
		int full = open("/dev/full", O_RDWR | O_CLOEXEC);

		assert_int_equal(dup2(full, says.full_fd), says.full_fd);
		(void)close(full);
	}
	if (id->id == TREE_ID || id->id == TREE_TABLE_ID) {
		*ret = says.tree;
		return says.tree_error;
	}
	*ret = id->id == ROOT_ID ? says.parent : says.other;
	return id->id == ROOT_ID ? says.parent_error : says.other_error;
}

static int scripted_id(const struct om_sys *sys, int fd, uint64_t *id, bool *unique)
{
	int r = ++says.id_calls == says.fail_id ? -EIO
						: current->mount_id(sys, fd, id, unique);

	if (says.no_fstat_after_id)
		fake_wrap.fail_fstat = EIO;
	return r;
}

/* Its construction: a tmpfs that is not attached yet. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)umask(022);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-attach-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->tree, sizeof(f->tree), "%s/tree", f->dir);
	assert_int_equal(mkdir(f->tree, 0755), 0);
	f->root_fd = open(f->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(f->root_fd, "t", 0755), 0);
	recorder_init(&f->rec);
	f->mount_id = f->rec.sys.mount_id;
	f->move_mount = f->rec.sys.move_mount;
	f->rec.sys.mount_look = scripted_look;
	f->rec.sys.mount_id = scripted_id;
	om_facts_init(&f->facts);
	om_facts_set(&f->facts, OM_FACT_MOUNT_API, OM_YES, NULL, "test");
	om_build_init(&f->b, &f->rec.sys, &f->facts);
	f->b.tree_fd = f->rec.sys.fsmount(&f->rec.sys, -1, 0);
	assert_true(f->b.tree_fd >= 0);
	om_str_cut(&f->rec.log, 0);
	om_journal_init(&f->j);
	f->step = (struct om_step){
		.kind = OM_STEP_ATTACH, .path = "/t", .strategy = 3, .dir = true
	};
	memset(&says, 0, sizeof(says));
	says.full_fd = -1;
	says.tree.propagation = says.parent.propagation = MS_PRIVATE;
	fake_wrap = (struct fake_wrap){ 0 };
	current = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_wrap = (struct fake_wrap){ 0 };
	om_build_done(&f->b);
	om_journal_done(&f->j);
	recorder_done(&f->rec);
	(void)close(f->root_fd);
	fake_remove_tree(f->dir);
	free(f);
	return 0;
}

static int attach(struct fixture *f)
{
	says.id_calls = 0;
	return om_attach(&f->b, &f->j, f->root_fd, &f->step);
}

/* It did not come about, nothing is to be seen of it, and nothing claims that it did. */
static void expect_nothing(struct fixture *f, int error, size_t intents)
{
	assert_int_equal(attach(f), error);
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_int_equal(f->j.acts.n, intents);
	if (intents > 0)
		assert_false(f->j.acts.v[intents - 1].done);
}

/* --- what is done ---------------------------------------------------------------------- */

static void test_attach(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(attach(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 1);
	assert_string_equal(om_str_get(&f->rec.log),
			    "mount_setattr m0 recursive attr 0 propagation 0x80000\n"
			    "move_mount m0 -> /t\n");
	assert_int_equal(f->j.acts.n, 1);
	assert_string_equal(f->j.acts.v[0].path, "/t");
	assert_int_equal(f->j.acts.v[0].inverse, OM_INVERSE_DETACH);
	assert_int_equal(f->j.acts.v[0].strategy, 3);
	assert_int_equal(f->j.acts.v[0].mount_id, TREE_ID);
	assert_true(f->j.acts.v[0].unique);
	assert_int_equal(f->j.acts.v[0].print, 0);
	assert_int_equal(f->j.acts.v[0].ino, 0);
	assert_true(f->j.acts.v[0].done);
}

/* Without the fd API it is one call too: the move of the stage's mount. */
static void test_attach_by_path(void **state)
{
	struct fixture *f = *state;

	f->b.fd_api = false;
	assert_int_equal(attach(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 1);
	assert_non_null(strstr(om_str_get(&f->rec.log), "mount m0 -> /t type none flags "
							"0x2000 "));
	assert_null(strstr(om_str_get(&f->rec.log), "move_mount"));
	assert_true(f->j.acts.v[0].done);
}

/* The root's own path shows what is below it: nothing to be compared. */
static void test_attach_over_the_root(void **state)
{
	struct fixture *f = *state;

	f->step.path = "/";
	assert_int_equal(attach(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 1);
	assert_int_equal(says.id_calls, 1);
	assert_true(f->j.acts.v[0].done);
}

static void test_reusable_id(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	f->rec.reusable_ids = true;
	says.tree.print = 77;
	assert_int_equal(attach(f), 0);
	assert_int_equal(fstat(f->b.tree_fd, &st), 0);
	assert_int_equal(f->j.acts.v[0].mount_id, TREE_TABLE_ID);
	assert_false(f->j.acts.v[0].unique);
	assert_int_equal(f->j.acts.v[0].print, 77);
	assert_int_equal(f->j.acts.v[0].ino, st.st_ino);
}

static struct {
	unsigned calls;
} late;

/* Nowhere while it is detached, and in the table when it is attached. */
static int look_later(const struct om_sys *sys _unused_,
		      const struct om_mount_id *id _unused_, struct om_mount_look *ret)
{
	*ret = (struct om_mount_look){ .propagation = MS_PRIVATE, .print = 77 };
	return ++late.calls == 1 ? -ENOENT : 0;
}

static void test_reusable_id_of_a_detached_mount(void **state)
{
	struct fixture *f = *state;

	f->rec.reusable_ids = true;
	f->rec.sys.mount_look = look_later;
	late.calls = 0;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.v[0].print, 0);
	assert_true(f->j.acts.v[0].done);
}

/* --- what fails before anything is to be seen -------------------------------------------- */

static void test_no_target(void **state)
{
	struct fixture *f = *state;

	f->step.path = "/nonexistent";
	expect_nothing(f, -ENOENT, 0);
	assert_int_equal(f->rec.log.len, 0);
}

static int reusable_id(const struct om_sys *sys _unused_, int fd _unused_, uint64_t *id,
		       bool *unique)
{
	*id = TREE_TABLE_ID;
	*unique = false;
	return 0;
}

/* Without an identity nothing is moved: it could not be undone. */
static void test_no_identity(void **state)
{
	struct fixture *f = *state;

	says.fail_id = 1;
	expect_nothing(f, -EIO, 0);
	/* The recorder needs fstat(2) for ids of its own. */
	f->rec.sys.mount_id = reusable_id;
	fake_wrap.fail_fstat = ENOLINK;
	expect_nothing(f, -ENOLINK, 0);
	fake_wrap.fail_fstat = 0;
	says.tree_error = -EIO;
	expect_nothing(f, -EIO, 0);
	assert_int_equal(f->rec.log.len, 0);
}

static void test_no_intent(void **state)
{
	struct fixture *f = *state;

	om_str_addf(&f->rec.log, "%8000s", "");
	om_str_cut(&f->rec.log, 0);
	fake_wrap.fail_allocation = 1;
	expect_nothing(f, -ENOMEM, 0);
	assert_int_equal(f->rec.log.len, 0);
}

static void test_move_fails(void **state)
{
	static const char *const calls[] = { "mount_setattr", "move_mount" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		f->rec.failing = calls[i];
		expect_nothing(f, -EIO, i + 1);
	}
	f->b.fd_api = false;
	f->rec.failing = "mount m0";
	expect_nothing(f, -EIO, 3);
}

/* --- what is withdrawn ------------------------------------------------------------------- */

/* The directory is renamed, and another takes its name, between the look and the move. */
static int move_after_rename(const struct om_sys *sys, int fd, int dirfd,
			     const char *path)
{
	if (!*path) {
		assert_int_equal(
			renameat(current->root_fd, "t", current->root_fd, "away"), 0);
		assert_int_equal(mkdirat(current->root_fd, "t", 0755), 0);
	}
	return current->move_mount(sys, fd, dirfd, path);
}

static int move_and_remove(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	if (!*path)
		assert_int_equal(
			renameat(current->root_fd, "t", current->root_fd, "away"), 0);
	return current->move_mount(sys, fd, dirfd, path);
}

static void test_renamed_on_the_way(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.move_mount = move_after_rename;
	expect_nothing(f, -ESTALE, 1);
}

static void test_gone_on_the_way(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.move_mount = move_and_remove;
	expect_nothing(f, -ENOENT, 1);
}

static int move_says_yes(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	return *path ? current->move_mount(sys, fd, dirfd, path) : 0;
}

static void test_move_that_does_nothing(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.move_mount = move_says_yes;
	expect_nothing(f, -ESTALE, 1);
}

static void test_what_is_there_has_no_identity(void **state)
{
	struct fixture *f = *state;

	says.fail_id = 2;
	expect_nothing(f, -EIO, 1);
}

static void test_look_fails(void **state)
{
	struct fixture *f = *state;

	says.tree_error = -EIO;
	expect_nothing(f, -EIO, 1);
	/* A filter hides it: that is not held against the kernel, whatever it would say. */
	says.tree_error = -ENOSYS;
	says.tree.propagation = MS_SHARED;
	assert_int_equal(attach(f), 0);
	assert_true(f->j.acts.v[1].done);
}

/* A mount is shared only where what is below it is. */
static void test_propagation(void **state)
{
	struct fixture *f = *state;

	says.tree.propagation = MS_SHARED;
	expect_nothing(f, -EPROTO, 1);
	says.parent_error = -EIO;
	expect_nothing(f, -EIO, 2);
	says.parent_error = 0;
	/* The first is of the construction, the second of its place. */
	says.fail_id = 3;
	expect_nothing(f, -EIO, 3);
	says.fail_id = 0;
	says.parent.propagation = MS_SHARED | MS_SLAVE;
	assert_int_equal(attach(f), 0);
	assert_true(f->j.acts.v[3].done);
}

static void set_source(struct om_mount_look *look, const char *source)
{
	look->has_source = source != NULL;
	(void)snprintf(look->source, sizeof(look->source), "%s", source ? source : "");
}

static void test_source_of_the_root(void **state)
{
	struct fixture *f = *state;

	set_source(&says.tree, "none");
	f->b.tree_is_new = true;
	expect_nothing(f, -EPROTO, 1);
	/* That of a bind is somebody else's. */
	f->b.tree_is_new = false;
	assert_int_equal(attach(f), 0);
	f->rec.mounts.v[0].on_ino = 0;
	f->b.tree_is_new = true;
	set_source(&says.tree, OM_SOURCE_NAME);
	assert_int_equal(attach(f), 0);
	f->rec.mounts.v[0].on_ino = 0;
	/* The kernel does not say. */
	set_source(&says.tree, NULL);
	assert_int_equal(attach(f), 0);
}

/* Each tmpfs in the construction, and none of an earlier one. */
static void test_source_of_nested_mounts(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 2000; id < 2003; id++)
		assert_int_equal(om_vec_push(&f->b.ours,
					     (struct om_mount_id){ id, id != 2001 }),
				 0);
	set_source(&says.other, "none");
	f->b.ours_before = 2;
	expect_nothing(f, -EPROTO, 1);
	f->b.ours_before = 3;
	assert_int_equal(attach(f), 0);
	f->rec.mounts.v[0].on_ino = 0;
	/* mount(2) takes the source with all the rest: not looked at. */
	f->b.ours.n = 2;
	f->b.ours_before = 1;
	assert_int_equal(attach(f), 0);
	f->rec.mounts.v[0].on_ino = 0;
	f->b.ours_before = 0;
	says.other_error = -EIO;
	expect_nothing(f, -EIO, 4);
	says.other_error = 0;
	set_source(&says.other, OM_SOURCE_NAME);
	assert_int_equal(attach(f), 0);
}

/* An option that is the default is not shown, so that it is missing proves nothing. */
static void test_overlay_options(void **state)
{
	static const struct {
		const char *options;   /* NULL: the kernel does not say */
		const char *parameter; /* NULL: there is none */
		size_t given;
		int r;
	} cases[] = {
		{ "rw,redirect_dir=nofollow,metacopy=off", "Y", 2, 0 },
		{ "rw,redirect_dir=nofollow,metacopy=on", "Y", 2, -EPROTO },
		{ "rw,redirect_dir=on,metacopy=off", "Y", 2, -EPROTO },
		{ "rw", "Y", 2, -EPROTO },
		{ "rw", "Y", 1, -EPROTO },
		{ "rw", "Y", 0, 0 },
		{ "rw,redirect_dir=nofollow", "Y", 1, 0 },
		{ "rw", "N", 2, 0 },
		{ "rw", NULL, 2, 0 },
		{ NULL, "Y", 2, 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		says.tree.has_options = cases[i].options != NULL;
		(void)snprintf(says.tree.options, sizeof(says.tree.options), "%s",
			       cases[i].options ? cases[i].options : "");
		fake_wrap.no_line = !cases[i].parameter;
		fake_wrap.line = cases[i].parameter;
		f->b.overlay_options = cases[i].given;
		assert_int_equal(attach(f), cases[i].r);
		assert_int_equal(recorder_attached(&f->rec), cases[i].r == 0);
		f->rec.mounts.v[0].on_ino = 0;
	}
}

/* What cannot be withdrawn is left for undo, which finds it by the intent. */
static void test_withdrawing_fails(void **state)
{
	struct om_str residue = { 0 };
	struct fixture *f = *state;

	says.tree_error = -EIO;
	f->rec.failing = "umount";
	/* The tmpfs that would be its grave. */
	f->rec.fail_at = f->rec.calls + 3;
	assert_int_equal(attach(f), -EBUSY);
	assert_int_equal(recorder_attached(&f->rec), 1);
	assert_int_equal(f->j.acts.n, 1);
	assert_false(f->j.acts.v[0].done);
	f->rec.failing = NULL;
	assert_int_equal(om_undo(&(struct om_undo){ .sys = &f->rec.sys,
						    .root_fd = f->root_fd,
						    .root_path = "/" },
				 &f->j, 0, &residue),
			 0);
	assert_int_equal(residue.len, 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* Done, and it cannot be written down: an error, and undo finds it all the same. */
static void test_done_cannot_be_written(void **state)
{
	static const struct om_journal_origin origin = { .root_path = "/" };
	struct om_str residue = { 0 };
	struct fixture *f = *state;

	assert_int_equal(om_journal_create(&f->j, f->root_fd, "j", &origin, NULL), 0);
	says.full_fd = f->j.fd;
	assert_int_equal(attach(f), -ENOSPC);
	assert_int_equal(f->j.acts.n, 1);
	assert_int_equal(recorder_attached(&f->rec), 1);
	assert_int_equal(om_undo(&(struct om_undo){ .sys = &f->rec.sys,
						    .root_fd = f->root_fd,
						    .root_path = "/" },
				 &f->j, 0, &residue),
			 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* --- taking away ------------------------------------------------------------------------- */

static void test_detach(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(attach(f), 0);
	om_str_cut(&f->rec.log, 0);
	assert_int_equal(om_detach(&f->rec.sys, f->b.tree_fd), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_string_equal(om_str_get(&f->rec.log),
			    "fsopen tmpfs\nfsconfig create\nfsmount attr 0x6 = m1\n"
			    "mkdir m1 g 0700\nmove_mount m0 -> m1/g\n");
}

/* A file is buried in a file. */
static void test_detach_a_file(void **state)
{
	struct fixture *f = *state;
	int file = openat(f->root_fd, "f", O_CREAT | O_RDONLY | O_CLOEXEC, 0644);
	int fd = f->rec.sys.open_tree(&f->rec.sys, file, "", false);

	assert_int_equal(f->rec.sys.move_mount(&f->rec.sys, fd, file, ""), 0);
	om_str_cut(&f->rec.log, 0);
	assert_int_equal(om_detach(&f->rec.sys, fd), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
	assert_non_null(strstr(om_str_get(&f->rec.log), "mkfile m2 g 0600\n"));
	(void)close(fd);
	(void)close(file);
}

/* Whatever of it fails, umount takes the same mount; and when that fails, that is told. */
static void test_detach_by_umount(void **state)
{
	static const char *const calls[] = { "fsopen", "fsconfig", "fsmount", "mkdir",
					     "move_mount m0 -> m" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		f->rec.failing = NULL;
		assert_int_equal(attach(f), 0);
		om_str_cut(&f->rec.log, 0);
		f->rec.failing = calls[i];
		assert_int_equal(om_detach(&f->rec.sys, f->b.tree_fd), 0);
		assert_int_equal(recorder_attached(&f->rec), 0);
		assert_non_null(strstr(om_str_get(&f->rec.log), "umount m0 2\n"));
	}
	f->rec.failing = NULL;
	assert_int_equal(attach(f), 0);
	f->rec.fail_at = f->rec.calls + 1;
	f->rec.fail_on = true;
	assert_int_equal(om_detach(&f->rec.sys, f->b.tree_fd), -EIO);
	assert_int_equal(recorder_attached(&f->rec), 1);
}

/* What cannot be looked at is not buried in a place of the wrong kind. */
static void test_detach_what_is_no_mount(void **state)
{
	struct fixture *f = *state;

	om_str_cut(&f->rec.log, 0);
	assert_true(om_detach(&f->rec.sys, -1) < 0);
	assert_null(strstr(om_str_get(&f->rec.log), "fsopen"));
}

/* --- what may be covered --------------------------------------------------------------- */

static void test_target_of_another_kind(void **state)
{
	struct fixture *f = *state;

	f->step.dir = false;
	expect_nothing(f, -EISDIR, 0);
	f->step.dir = true;
	assert_int_equal(unlinkat(f->root_fd, "t", AT_REMOVEDIR), 0);
	(void)close(openat(f->root_fd, "t", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	expect_nothing(f, -ENOTDIR, 0);
	/* O_PATH opens the link itself, and the kernel would mount on it. */
	assert_int_equal(unlinkat(f->root_fd, "t", 0), 0);
	assert_int_equal(symlinkat("/", f->root_fd, "t"), 0);
	expect_nothing(f, -ELOOP, 0);
}

static void test_target_that_is_not_the_hole(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(fstatat(f->root_fd, "t", &st, 0), 0);
	f->b.hole_dev = st.st_dev;
	f->b.hole_ino = st.st_ino + 1;
	expect_nothing(f, -ESTALE, 0);
	f->b.hole_dev = st.st_dev + 1;
	f->b.hole_ino = st.st_ino;
	expect_nothing(f, -ESTALE, 0);
	f->b.hole_dev = st.st_dev;
	assert_int_equal(attach(f), 0);
}

static void test_reusable_id_without_an_inode(void **state)
{
	struct fixture *f = *state;

	f->rec.reusable_ids = true;
	says.no_fstat_after_id = true;
	expect_nothing(f, -EIO, 0);
}

static unsigned looks_left;

static int open_then_no_fstat(const struct om_sys *sys, int dirfd, const char *path,
			      int flags)
{
	int fd = openat(dirfd, path, flags | O_CLOEXEC);

	(void)sys;
	if (looks_left-- == 1)
		fake_wrap.fail_fstat = EIO;
	return fd;
}

static void test_target_that_cannot_be_looked_at(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.open_beneath = open_then_no_fstat;
	looks_left = 1;
	expect_nothing(f, -EIO, 0);
}

/* Somebody covers the target after it was opened: the kernel stacks ours on top of that. */
static void test_target_covered_meanwhile(void **state)
{
	struct fixture *f = *state;

	says.tree.parent = ROOT_ID;
	assert_int_equal(attach(f), 0);
	assert_int_equal(om_detach(&f->rec.sys, f->b.tree_fd), 0);
	says.tree.parent = ROOT_ID + 7;
	expect_nothing(f, -ESTALE, 2);
}

/* Of the parent, after that of the construction and of what the path shows. */
static void test_parent_that_cannot_be_told(void **state)
{
	struct fixture *f = *state;

	says.tree.parent = ROOT_ID;
	says.fail_id = 3;
	expect_nothing(f, -EIO, 1);
}

/* Somebody mounts on top of it before it is looked at: withdrawing would take that along. */
static int move_and_cover(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	int r = current->move_mount(sys, fd, dirfd, path);

	if (!*path && r == 0) {
		int stranger = sys->fsmount(sys, -1, 0);

		r = current->move_mount(sys, stranger, fd, "");
		(void)close(stranger);
	}
	return r;
}

static void test_covered_before_it_is_looked_at(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.move_mount = move_and_cover;
	says.other.parent = TREE_ID;
	assert_int_equal(attach(f), -EBUSY);
	assert_int_equal(recorder_attached(&f->rec), 2);
	assert_int_equal(f->j.acts.n, 1);
	assert_false(f->j.acts.v[0].done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reusable_id_without_an_inode, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_target_covered_meanwhile, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_parent_that_cannot_be_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_target_of_another_kind, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_target_that_is_not_the_hole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_target_that_cannot_be_looked_at,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_covered_before_it_is_looked_at,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach_by_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attach_over_the_root, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_reusable_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reusable_id_of_a_detached_mount,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_target, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_intent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_move_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renamed_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_move_that_does_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_is_there_has_no_identity, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_look_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_propagation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_source_of_the_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_source_of_nested_mounts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_overlay_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_withdrawing_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_done_cannot_be_written, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_detach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_by_umount, setup, teardown),
		cmocka_unit_test_setup_teardown(test_detach_what_is_no_mount, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
