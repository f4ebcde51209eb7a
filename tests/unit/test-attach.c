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
#include "base/cleanup.h"
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
	int (*mount_look)(const struct om_sys *sys, const struct om_mount_id *id,
			  struct om_mount_look *ret);
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
	f->mount_look = f->rec.sys.mount_look;
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

static int no_table_id(const struct om_sys *sys _unused_, int fd _unused_,
		       bool unique _unused_, uint64_t *id _unused_)
{
	return -ENODATA;
}

static int look_in_table(const struct om_sys *sys, const struct om_mount_id *id,
			 struct om_mount_look *ret)
{
	says.tree_error = id->unique ? -ENOSYS : 0;
	return scripted_look(sys, id, ret);
}

static void test_look_fails(void **state)
{
	struct fixture *f = *state;
	const struct om_sys real = f->rec.sys;

	says.tree_error = -EIO;
	expect_nothing(f, -EIO, 1);
	/* A filter hides it: that is not held against the kernel, whatever it would say. */
	says.tree_error = -ENOSYS;
	says.tree.propagation = MS_SHARED;
	assert_int_equal(attach(f), 0);
	assert_true(f->j.acts.v[1].done);
	f->rec.mounts.v[0].on_ino = 0;
	f->rec.sys.statx_mount_id = no_table_id;
	assert_int_equal(attach(f), 0);
	f->rec.mounts.v[0].on_ino = 0;
	/* Only the call that wants a unique id: the table says it. */
	f->rec.sys.statx_mount_id = real.statx_mount_id;
	f->rec.sys.mount_look = look_in_table;
	expect_nothing(f, -EPROTO, 4);
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
	f->rec.mounts.v[0].on_ino = 0;
	/* A filter hides it. */
	set_source(&says.other, "none");
	says.other_error = -ENOSYS;
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
		bool userxattr;
	} cases[] = {
		{ "rw,redirect_dir=nofollow,metacopy=off", "Y", 2, 0, false },
		{ "rw,redirect_dir=nofollow,metacopy=on", "Y", 2, -EPROTO, false },
		{ "rw,redirect_dir=on,metacopy=off", "Y", 2, -EPROTO, false },
		{ "rw", "Y", 2, -EPROTO, false },
		{ "rw", "Y", 1, -EPROTO, false },
		{ "rw", "Y", 0, 0, false },
		{ "rw,redirect_dir=nofollow", "Y", 1, 0, false },
		{ "rw", "N", 2, 0, false },
		{ "rw", NULL, 2, 0, false },
		{ NULL, "Y", 2, 0, false },
		/* With an upper layer. */
		{ "rw,redirect_dir=nofollow,metacopy=off,index=off", "Y", 3, 0, false },
		{ "rw,redirect_dir=nofollow,metacopy=off,index=on", "Y", 3, -EPROTO,
		  false },
		{ "rw,redirect_dir=nofollow", "N", 3, 0, false },
		{ "rw,redirect_dir=nofollow,userxattr", "N", 3, 0, true },
		{ "rw,redirect_dir=nofollow", "N", 3, -EPROTO, true },
		{ NULL, "N", 3, 0, true },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		says.tree.has_options = cases[i].options != NULL;
		(void)snprintf(says.tree.options, sizeof(says.tree.options), "%s",
			       cases[i].options ? cases[i].options : "");
		fake_wrap.no_line = !cases[i].parameter;
		fake_wrap.line = cases[i].parameter;
		f->b.overlay_options = cases[i].given;
		f->b.overlay_userxattr = cases[i].userxattr;
		assert_int_equal(attach(f), cases[i].r);
		assert_int_equal(recorder_attached(&f->rec), cases[i].r == 0);
		f->rec.mounts.v[0].on_ino = 0;
	}
}

/* --- what is inside ---------------------------------------------------------------------- */

static const struct om_step entry_step = { .kind = OM_STEP_BIND,
					   .path = "/t/x",
					   .strategy = 1,
					   .entry = 0 };
static const struct om_step sibling_step = { .kind = OM_STEP_BIND,
					     .path = "/t/y",
					     .strategy = 1,
					     .entry = SIZE_MAX };

/* Mounts in the construction, as building leaves them; the fd of one. */
static void add_inner(struct fixture *f, const struct om_step *step)
{
	struct om_build_inner inner = { .step = step, .dev = 8, .ino = 9 };
	const struct om_sys *sys = &f->rec.sys;
	int fd = sys->fsmount(sys, -1, OM_ATTR_NODEV), at;

	assert_int_equal(mkdirat(f->b.tree_fd, step->path + 3, 0755), 0);
	at = openat(f->b.tree_fd, step->path + 3, O_PATH | O_CLOEXEC);
	assert_int_equal(f->move_mount(sys, fd, at, ""), 0);
	(void)close(at);
	assert_int_equal(f->mount_id(sys, fd, &inner.id.id, &inner.id.unique), 0);
	inner.attr = OM_ATTR_NODEV;
	(void)close(fd);
	assert_int_equal(om_vec_push(&f->b.inner, inner), 0);
	om_str_cut(&f->rec.log, 0);
}

static int no_point(const struct om_sys *sys _unused_,
		    const struct om_mount_id *id _unused_, uint32_t print _unused_,
		    char *buf _unused_, size_t size _unused_)
{
	return -EIO;
}

static void test_inner(void **state)
{
	struct fixture *f = *state;
	const struct om_act *acts;

	f->b.detached = true;
	add_inner(f, &entry_step);
	add_inner(f, &sibling_step);
	assert_int_equal(attach(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 3);
	assert_int_equal(f->j.acts.n, 3);
	acts = f->j.acts.v;
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(acts[i].path, i ? "/t/y" : "/t/x");
		assert_int_equal(acts[i].inverse, OM_INVERSE_DETACH);
		assert_int_equal(acts[i].strategy, 1);
		assert_int_equal(acts[i].mount_id, TREE_ID + 1 + i);
		assert_true(acts[i].unique && acts[i].inner && acts[i].done);
		assert_int_equal(acts[i].entry, i == 0);
		assert_int_equal(acts[i].attr, f->b.inner.v[i].attr);
		assert_int_equal(acts[i].dev, 8);
		assert_int_equal(acts[i].ino, 9);
	}
	assert_false(acts[2].inner);
	assert_int_equal(acts[2].newest, TREE_ID + 2);
	/* The entry is looked at; of the other one the list says that it is there. */
	assert_int_equal(says.id_calls, 3);
}

/* What a recursive bind brings along has no act, and came with it. */
static void test_newest(void **state)
{
	struct fixture *f = *state;

	add_inner(f, &entry_step);
	add_inner(f, &sibling_step);
	f->b.inner.n--;
	f->b.unlisted = true;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.v[1].newest, TREE_ID + 2);
	f->rec.mounts.v[0].on_ino = 0;
	f->b.inner.n = 0;
	f->b.unlisted = false;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.v[2].newest, TREE_ID);
	f->rec.mounts.v[0].on_ino = 0;
	f->b.unlisted = true;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.v[3].newest, TREE_ID + 2);
}

/* A failure hid the unique id of one, so that it cannot be compared. */
static void test_newest_of_both_kinds(void **state)
{
	struct fixture *f = *state;

	add_inner(f, &entry_step);
	f->b.inner.v[0].id = (struct om_mount_id){ TREE_TABLE_ID + 1, false };
	f->b.inner.v[0].dev = f->rec.mounts.v[1].dev;
	f->b.inner.v[0].ino = f->rec.mounts.v[1].ino;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.v[1].newest, TREE_ID + 1);
}

/* The order of making is not that of the steps. */
static void test_newest_is_not_the_last(void **state)
{
	struct fixture *f = *state;
	struct om_build_inner first;

	add_inner(f, &entry_step);
	add_inner(f, &sibling_step);
	first = f->b.inner.v[0];
	f->b.inner.v[0] = f->b.inner.v[1];
	f->b.inner.v[1] = first;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.v[2].newest, TREE_ID + 2);
}

static void add_brought(struct fixture *f)
{
	add_inner(f, &sibling_step);
	f->b.inner.v[0].step = &entry_step;
	f->b.inner.v[0].brought = f->b.inner.v[0].follows = true;
	f->b.inner.v[0].path = strdup(sibling_step.path);
}

static void forget_brought(struct fixture *f)
{
	free(f->b.inner.v[0].path);
	f->b.inner.n = 0;
}

/* What a bind brought along is written down like what was made, and is no entry. */
static void test_inner_is_brought(void **state)
{
	struct fixture *f = *state;

	add_brought(f);
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.n, 2);
	assert_string_equal(f->j.acts.v[0].path, sibling_step.path);
	assert_true(f->j.acts.v[0].inner && f->j.acts.v[0].follows);
	assert_false(f->j.acts.v[0].entry || f->j.acts.v[1].follows);
	forget_brought(f);
}

/* With its source, which shares what happens to it. */
static void test_brought_goes_again(void **state)
{
	struct fixture *f = *state;

	for (unsigned follows = 0; follows < 2; follows++) {
		add_brought(f);
		f->b.inner.v[0].follows = follows;
		f->rec.mounts.v[f->rec.mounts.n - 1].on_ino = 0;
		if (follows)
			assert_int_equal(attach(f), 0);
		else
			expect_nothing(f, -ESTALE, 2);
		forget_brought(f);
		assert_int_equal(unlinkat(f->b.tree_fd, "y", AT_REMOVEDIR), 0);
	}
}

/* The plan knew nothing of it, and now there is no space. */
static void test_no_space_for_brought(void **state)
{
	struct fixture *f = *state;

	add_brought(f);
	f->j.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	expect_nothing(f, -EBADF, 0);
	(void)close(f->j.fd);
	f->j.fd = -1;
	forget_brought(f);
}

static void test_inner_of_a_new_root(void **state)
{
	static const struct om_step step = { .path = "/t/x" };
	struct fixture *f = *state;

	assert_int_equal(mkdirat(f->b.tree_fd, "t", 0755), 0);
	f->step.path = "/";
	add_inner(f, &(struct om_step){ .path = "/t/"
						"t/x" });
	f->b.inner.v[0].step = &step;
	assert_int_equal(attach(f), 0);
	assert_int_equal(f->j.acts.n, 2);
}

/* Somebody has taken it away while nobody else could see it. */
static void test_inner_is_not_there(void **state)
{
	((struct fixture *)*state)->b.detached = true;

	static const struct om_step *const steps[] = { &entry_step, &sibling_step };

	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = *state;

		add_inner(f, steps[i]);
		f->rec.mounts.v[f->rec.mounts.n - 1].on_ino = 0;
		expect_nothing(f, -ESTALE, 2 * (i + 1));
		f->b.inner.n = 0;
	}
}

static void test_inner_cannot_be_looked_at(void **state)
{
	struct fixture *f = *state;

	add_inner(f, &entry_step);
	/* After those of the construction and of what its path shows. */
	says.fail_id = 3;
	f->rec.sys.mount_point = no_point;
	expect_nothing(f, -ESTALE, 2);
}

/* Mounted on by somebody who could not wait: not our failure. */
static int move_and_change(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	((struct recorder *)sys->userdata)->mounts.v[0].attr ^= OM_ATTR_RDONLY;
	return current->move_mount(sys, fd, dirfd, path);
}

/* Somebody has remounted it on the stage. */
static void test_inner_is_changed(void **state)
{
	struct fixture *f = *state;

	add_inner(f, &sibling_step);
	f->b.inner.v[0].attr ^= OM_ATTR_RDONLY;
	expect_nothing(f, -ESTALE, 2);
}

static void test_tree_is_changed(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.move_mount = move_and_change;
	expect_nothing(f, -ESTALE, 1);
}

static void test_inner_is_covered(void **state)
{
	struct fixture *f = *state;
	int at, fd;

	f->rec.sys.mount_look = f->mount_look;
	add_inner(f, &entry_step);
	at = openat(f->b.tree_fd, "x", O_PATH | O_CLOEXEC);
	fd = f->rec.sys.open(&f->rec.sys, f->b.tree_fd, "x", O_PATH, 0);
	(void)close(at);
	at = f->rec.sys.fsmount(&f->rec.sys, -1, 0);
	assert_int_equal(f->move_mount(&f->rec.sys, at, fd, ""), 0);
	(void)close(at);
	(void)close(fd);
	assert_int_equal(attach(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 3);
}

static void test_inner_cannot_be_written(void **state)
{
	struct fixture *f = *state;

	add_inner(f, &entry_step);
	/* The list; the path of the first. */
	for (unsigned n = 1; n <= 2; n++) {
		om_str_addf(&f->rec.log, "%8000s", "");
		om_str_cut(&f->rec.log, 0);
		fake_wrap.fail_allocation = n;
		expect_nothing(f, -ENOMEM, 0);
		assert_int_equal(fake_wrap.fail_allocation, 0);
	}
	assert_int_equal(f->rec.log.len, 0);
}

/* After the move: it is not known to be as it was. */
static void test_attributes_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	f->rec.fail_attr = EIO;
	expect_nothing(f, -EIO, 1);
}

static void test_shared_is_written_down(void **state)
{
	struct fixture *f = *state;

	says.tree.propagation = says.parent.propagation = MS_SHARED;
	assert_int_equal(attach(f), 0);
	assert_true(f->j.acts.v[0].shared);
}

/* --- what is given up -------------------------------------------------------------------- */

static void test_abandon(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.mount_look = f->mount_look;
	add_inner(f, &entry_step);
	assert_int_equal(om_abandon(&f->b, f->root_fd), 0);
	assert_int_equal(f->b.tree_fd, -1);
	assert_int_equal(f->b.inner.n, 0);
	/* It was in no namespace. */
	assert_int_equal(f->rec.log.len, 0);
	assert_int_equal(om_abandon(&f->b, f->root_fd), 0);
}

/* Somebody has moved a part of it out of the stage, or the root of it. */
static void test_abandon_what_was_moved(void **state)
{
	struct fixture *f = *state;

	f->rec.sys.mount_look = f->mount_look;
	for (size_t i = 0; i < 2; i++) {
		int at = openat(f->root_fd, "t", O_PATH | O_CLOEXEC), fd = f->b.tree_fd;

		if (i == 1) {
			add_inner(f, &entry_step);
			fd = f->rec.sys.open(&f->rec.sys, f->b.tree_fd, "x", O_PATH, 0);
		}
		assert_int_equal(f->move_mount(&f->rec.sys, fd, at, ""), 0);
		assert_int_equal(recorder_attached(&f->rec), 1);
		assert_int_equal(om_abandon(&f->b, f->root_fd), 0);
		assert_int_equal(recorder_attached(&f->rec), 0);
		(void)close(at);
		if (i == 1)
			(void)close(fd);
		f->b.tree_fd = f->rec.sys.fsmount(&f->rec.sys, -1, 0);
	}
}

static void test_abandon_fails(void **state)
{
	struct fixture *f = *state;
	int at = openat(f->root_fd, "t", O_PATH | O_CLOEXEC), fd;

	f->rec.sys.mount_look = f->mount_look;
	add_inner(f, &entry_step);
	fd = f->rec.sys.open(&f->rec.sys, f->b.tree_fd, "x", O_PATH, 0);
	assert_int_equal(f->move_mount(&f->rec.sys, fd, at, ""), 0);
	f->rec.fail_at = 1;
	f->rec.fail_on = true;
	assert_int_equal(om_abandon(&f->b, f->root_fd), -EBUSY);
	(void)close(fd);
	(void)close(at);
	f->rec.fail_at = 0;
	f->b.skeleton_fd = f->rec.sys.fsmount(&f->rec.sys, -1, 0);
	at = openat(f->root_fd, ".", O_PATH | O_CLOEXEC);
	assert_int_equal(f->move_mount(&f->rec.sys, f->b.skeleton_fd, at, ""), 0);
	f->rec.fail_at = 1;
	assert_int_equal(om_abandon(&f->b, f->root_fd), -EBUSY);
	f->rec.fail_at = 0;
	f->b.tree_fd = f->rec.sys.fsmount(&f->rec.sys, -1, 0);
	assert_int_equal(f->move_mount(&f->rec.sys, f->b.tree_fd, at, ""), 0);
	(void)close(at);
	f->rec.fail_at = 1;
	assert_int_equal(om_abandon(&f->b, f->root_fd), -EBUSY);
}

static struct {
	unsigned tries, fails;
} stage;

static int stage_stays(const struct om_sys *sys _unused_, const char *target _unused_,
		       int flags _unused_)
{
	return ++stage.tries <= stage.fails ? -EBUSY : 0;
}

static void test_abandon_a_stage_that_stays(void **state)
{
	struct fixture *f = *state;

	f->b.stage_fd = openat(f->root_fd, ".", O_PATH | O_CLOEXEC);
	f->rec.sys.umount = stage_stays;
	stage.tries = 0;
	stage.fails = 2;
	assert_int_equal(om_abandon(&f->b, f->root_fd), -EBUSY);
	stage.fails = 3;
	assert_int_equal(om_abandon(&f->b, f->root_fd), 0);
	f->b.stage_fd = om_close(f->b.stage_fd);
}

static int move_and_cover_inner(const struct om_sys *sys, int fd, int dirfd,
				const char *path)
{
	int r = current->move_mount(sys, fd, dirfd, path);

	if (!*path && r == 0) {
		int stranger = sys->fsmount(sys, -1, 0);
		int at = sys->open(sys, fd, "x", O_PATH, 0);

		r = current->move_mount(sys, stranger, at, "");
		(void)close(stranger);
		(void)close(at);
	}
	return r;
}

/* It would go along. */
static void test_stranger_hinders_withdrawing(void **state)
{
	struct fixture *f = *state;

	add_inner(f, &entry_step);
	f->rec.sys.move_mount = move_and_cover_inner;
	says.tree_error = -EIO;
	assert_int_equal(attach(f), -EBUSY);
	assert_int_equal(recorder_attached(&f->rec), 3);
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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_reusable_id_without_an_inode, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_target_covered_meanwhile, setup, teardown),
	cmocka_unit_test_setup_teardown(test_parent_that_cannot_be_told, setup, teardown),
	cmocka_unit_test_setup_teardown(test_target_of_another_kind, setup, teardown),
	cmocka_unit_test_setup_teardown(test_target_that_is_not_the_hole, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_target_that_cannot_be_looked_at, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_covered_before_it_is_looked_at, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_attach, setup, teardown),
	cmocka_unit_test_setup_teardown(test_attach_by_path, setup, teardown),
	cmocka_unit_test_setup_teardown(test_attach_over_the_root, setup, teardown),
	cmocka_unit_test_setup_teardown(test_reusable_id, setup, teardown),
	cmocka_unit_test_setup_teardown(test_reusable_id_of_a_detached_mount, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_no_target, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_identity, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_intent, setup, teardown),
	cmocka_unit_test_setup_teardown(test_move_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_renamed_on_the_way, setup, teardown),
	cmocka_unit_test_setup_teardown(test_gone_on_the_way, setup, teardown),
	cmocka_unit_test_setup_teardown(test_move_that_does_nothing, setup, teardown),
	cmocka_unit_test_setup_teardown(test_what_is_there_has_no_identity, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_look_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_propagation, setup, teardown),
	cmocka_unit_test_setup_teardown(test_source_of_the_root, setup, teardown),
	cmocka_unit_test_setup_teardown(test_source_of_nested_mounts, setup, teardown),
	cmocka_unit_test_setup_teardown(test_overlay_options, setup, teardown),
	cmocka_unit_test_setup_teardown(test_newest_is_not_the_last, setup, teardown),
	cmocka_unit_test_setup_teardown(test_newest_of_both_kinds, setup, teardown),
	cmocka_unit_test_setup_teardown(test_stranger_hinders_withdrawing, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_inner, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_is_brought, setup, teardown),
	cmocka_unit_test_setup_teardown(test_brought_goes_again, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_space_for_brought, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_is_covered, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_is_changed, setup, teardown),
	cmocka_unit_test_setup_teardown(test_tree_is_changed, setup, teardown),
	cmocka_unit_test_setup_teardown(test_abandon, setup, teardown),
	cmocka_unit_test_setup_teardown(test_abandon_what_was_moved, setup, teardown),
	cmocka_unit_test_setup_teardown(test_abandon_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_abandon_a_stage_that_stays, setup, teardown),
	cmocka_unit_test_setup_teardown(test_newest, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_of_a_new_root, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_is_not_there, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_cannot_be_looked_at, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_cannot_be_written, setup, teardown),
	cmocka_unit_test_setup_teardown(test_attributes_cannot_be_read, setup, teardown),
	cmocka_unit_test_setup_teardown(test_shared_is_written_down, setup, teardown),
	cmocka_unit_test_setup_teardown(test_withdrawing_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_done_cannot_be_written, setup, teardown),
	cmocka_unit_test_setup_teardown(test_detach, setup, teardown),
	cmocka_unit_test_setup_teardown(test_detach_a_file, setup, teardown),
	cmocka_unit_test_setup_teardown(test_detach_by_umount, setup, teardown),
	cmocka_unit_test_setup_teardown(test_detach_what_is_no_mount, setup, teardown),
};

int main(void)
{
	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
