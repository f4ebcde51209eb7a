/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is seen of what was made (status.c), and what undoing it does (undo.c): mounts are
 * recorded ones, names are real.  Each test says what is left and what is told.
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

#include "apply/below.h"
#include "apply/status.h"
#include "apply/undo.h"
#include "base/crc.h"
#include "fake/recorder.h"
#include "fake/tree.h"
#include "fake/wrap.h"

struct fixture {
	char dir[64];
	char tree[80];
	int root_fd;
	struct recorder rec;
	struct om_journal j;
	struct om_str residue;
	struct om_undo u;
	int mounts[5]; /* the fds of what was put, in that order */
	size_t n_mounts;
};

/* What the kernel answers when it is asked where a mount is; not asked: the recorder. */
static struct {
	int error;
	const char *paths[2]; /* in turns */
	unsigned calls;
} point;

static int point_from_script(const struct om_sys *sys _unused_,
			     const struct om_mount_id *id _unused_,
			     uint32_t print _unused_, char *buf, size_t size)
{
	const char *path = point.paths[point.calls++ % 2];

	if (point.error)
		return point.error;
	(void)snprintf(buf, size, "%s", path);
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)umask(022);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-undo-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->tree, sizeof(f->tree), "%s/tree", f->dir);
	assert_int_equal(mkdir(f->tree, 0755), 0);
	f->root_fd = open(f->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(f->root_fd, "a", 0755), 0);
	assert_int_equal(mkdirat(f->root_fd, "a/b", 0755), 0);
	assert_int_equal(mkdirat(f->root_fd, "other", 0755), 0);
	recorder_init(&f->rec);
	om_journal_init(&f->j);
	f->u = (struct om_undo){ .sys = &f->rec.sys,
				 .root_fd = f->root_fd,
				 .root_path = "/base" };
	memset(&point, 0, sizeof(point));
	fake_wrap = (struct fake_wrap){ 0 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_wrap = (struct fake_wrap){ 0 };
	for (size_t i = 0; i < f->n_mounts; i++)
		(void)close(f->mounts[i]);
	om_str_free(&f->residue);
	om_journal_done(&f->j);
	recorder_done(&f->rec);
	(void)close(f->root_fd);
	fake_remove_tree(f->dir);
	free(f);
	return 0;
}

/* --- what is made ---------------------------------------------------------------------- */

/* A mount at path (below the root), of whoever: its fd. */
static int put_mount(struct fixture *f, const char *path)
{
	const struct om_sys *sys = &f->rec.sys;
	int fd = sys->fsmount(sys, -1, OM_ATTR_NODEV);
	int at = sys->open_beneath(sys, f->root_fd, path + 1, O_PATH | O_NOFOLLOW);

	assert_true(fd >= 0 && at >= 0);
	assert_int_equal(sys->move_mount(sys, fd, at, ""), 0);
	(void)close(at);
	f->mounts[f->n_mounts++] = fd;
	return fd;
}

/* A mount of ours, and its act. */
static struct om_act *make_mount(struct fixture *f, const char *path)
{
	int fd = put_mount(f, path);
	struct om_act act = { .inverse = OM_INVERSE_DETACH };
	struct stat st;
	int i;

	assert_int_equal(f->rec.sys.mount_id(&f->rec.sys, fd, &act.mount_id, &act.unique),
			 0);
	if (!act.unique) {
		assert_int_equal(fstat(fd, &st), 0);
		act.ino = st.st_ino;
	}
	act.attr = OM_ATTR_NODEV;
	i = om_journal_intent(&f->j, &act, path);
	assert_true(i >= 0);
	assert_int_equal(om_journal_mark_done(&f->j, (size_t)i), 0);
	return &f->j.acts.v[i];
}

/* A name of ours and its act, not marked as done when it is to be guessed. */
static struct om_act *make_name(struct fixture *f, const char *path, const char *content,
				bool done)
{
	struct om_act act = { .inverse = content ? OM_INVERSE_UNLINK : OM_INVERSE_RMDIR };
	struct stat st;
	int i;

	if (!content) {
		assert_int_equal(mkdirat(f->root_fd, path + 1, 0755), 0);
	} else if (*content) {
		assert_int_equal(symlinkat(content, f->root_fd, path + 1), 0);
		act.print = om_crc32c(content, strlen(content));
	} else {
		(void)close(openat(f->root_fd, path + 1, O_CREAT | O_WRONLY | O_CLOEXEC,
				   0644));
	}
	assert_int_equal(fstatat(f->root_fd, path + 1, &st, AT_SYMLINK_NOFOLLOW), 0);
	i = om_journal_intent(&f->j, &act, path);
	assert_true(i >= 0);
	if (done) {
		f->j.acts.v[i].dev = st.st_dev;
		f->j.acts.v[i].ino = st.st_ino;
		assert_int_equal(om_journal_mark_done(&f->j, (size_t)i), 0);
	}
	return &f->j.acts.v[i];
}

static void write_into(const struct fixture *f, const char *path)
{
	int fd = openat(f->root_fd, path + 1, O_WRONLY | O_CLOEXEC);

	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
}

static bool exists(const struct fixture *f, const char *path)
{
	struct stat st;

	return fstatat(f->root_fd, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum om_act_state look(const struct fixture *f, const struct om_act *act)
{
	struct om_journal alone = { .acts = { .v = (struct om_act *)(uintptr_t)act,
					      .n = 1 } };
	enum om_act_state state;

	om_acts_look(&f->rec.sys, f->root_fd, &alone, &state);
	return state;
}

/* Undoes all, and says whether everything went. */
static int undo(struct fixture *f)
{
	int r = om_undo(&f->u, &f->j, 0, &f->residue);

	/* Whatever happens, an act is tried once. */
	assert_int_equal(f->j.acts.n, 0);
	return r;
}

static void told(const struct fixture *f, const char *text)
{
	assert_string_equal(om_str_get(&f->residue), text);
}

/* What has become of act i, among all. */
static enum om_act_state look_at(const struct fixture *f, size_t i)
{
	enum om_act_state states[16];

	assert_true(f->j.acts.n <= 16);
	om_acts_look(&f->rec.sys, f->root_fd, &f->j, states);
	return states[i];
}

#define FINDMNT "  findmnt -o +ID,PROPAGATION --mountpoint "

/* --- mounts ---------------------------------------------------------------------------- */

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(om_act_state_name(OM_ACT_PRESENT), "present");
	assert_string_equal(om_act_state_name(OM_ACT_UNKNOWN), "unknown");
	assert_string_equal(om_act_state_text(OM_ACT_USED),
			    "somebody has written into it");
}

/* A mount of ours on the root, which is the root from then on; below it one at /a. */
static void cover_root(struct fixture *f)
{
	const struct om_sys *sys = &f->rec.sys;
	struct om_act act = { .inverse = OM_INVERSE_DETACH, .attr = OM_ATTR_NODEV };
	int i, fd;

	(void)make_mount(f, "/a");
	fd = sys->fsmount(sys, -1, OM_ATTR_NODEV);
	assert_true(fd >= 0);
	assert_int_equal(sys->move_mount(sys, fd, f->root_fd, ""), 0);
	f->mounts[f->n_mounts++] = fd;
	assert_int_equal(sys->mount_id(sys, fd, &act.mount_id, &act.unique), 0);
	i = om_journal_intent(&f->j, &act, "/");
	assert_true(i >= 0);
	assert_int_equal(om_journal_mark_done(&f->j, (size_t)i), 0);
	f->u.root_fd = fd;
}

static void test_root_covered(void **state)
{
	struct fixture *f = *state;

	static const struct om_act gone[] = {
		{ .inverse = OM_INVERSE_DETACH,
		  .mount_id = 9998,
		  .unique = true,
		  .inner = true },
		{ .inverse = OM_INVERSE_DETACH, .mount_id = 9999, .unique = true },
		{ .inverse = OM_INVERSE_RMDIR, .dev = 1, .ino = 1 },
	};

	cover_root(f);
	f->u.covered = &f->root_fd;
	f->u.n_covered = 1;
	/* What came later has gone already: it does not take the root with it. */
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		int at = om_journal_intent(&f->j, &gone[i], "/gone");

		assert_true(at >= 0);
		assert_int_equal(om_journal_mark_done(&f->j, (size_t)at), 0);
	}
	assert_int_equal(undo(f), 0);
	told(f, "");
}

/* Without the root that it lay on, it is found by itself after it has gone. */
static void test_root_covered_unknown(void **state)
{
	struct fixture *f = *state;

	cover_root(f);
	assert_int_equal(undo(f), -EBUSY);
	assert_non_null(strstr(om_str_get(&f->residue), "\"/\""));
}

static void test_mount_present(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_mount(f, "/a/b");
	int fd = -1;

	assert_int_equal(om_act_find_mount(&f->rec.sys, f->root_fd, act, &fd),
			 OM_ACT_PRESENT);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(look(f, act), OM_ACT_PRESENT);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static void test_mount_gone(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_mount(f, "/a/b");
	int fd = 0;

	f->rec.mounts.v[0].on_ino = 0;
	assert_int_equal(om_act_find_mount(&f->rec.sys, f->root_fd, act, &fd),
			 OM_ACT_GONE);
	assert_int_equal(fd, -1);
	assert_int_equal(undo(f), 0);
	told(f, "");
	/* Another one in its place is a stranger's, and nothing to refuse for. */
	make_mount(f, "/a/b");
	f->rec.mounts.v[1].on_ino = 0;
	put_mount(f, "/a/b");
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 1);
}

/* The path itself is gone, and the mount hangs elsewhere: by its id it is found. */
static void test_mount_moved(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_mount(f, "/a/b");
	int at = openat(f->root_fd, "other", O_PATH | O_CLOEXEC);

	assert_int_equal(f->rec.sys.move_mount(&f->rec.sys, f->mounts[0], at, ""), 0);
	(void)close(at);
	assert_int_equal(unlinkat(f->root_fd, "a/b", AT_REMOVEDIR), 0);
	assert_int_equal(look(f, act), OM_ACT_MOVED);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static void test_mount_covered(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_mount(f, "/a/b");
	struct om_error e = { 0 };

	put_mount(f, "/a/b");
	assert_int_equal(look(f, act), OM_ACT_COVERED);
	assert_int_equal(om_undo_check(&f->u, &f->j, &e), -EBUSY);
	assert_int_equal(e.kind, OM_ERR_REFUSED);
	assert_string_equal(e.message, "cannot undo \"/a/b\": something else is mounted "
				       "on top of it");
	assert_non_null(strstr(e.fix, "--force"));
	assert_int_equal(recorder_attached(&f->rec), 2);
	assert_int_equal(undo(f), -EBUSY);
	told(f,
	     "\"/a/b\": something else is mounted on top of it\n" FINDMNT "/base/a/b\n");
	assert_int_equal(recorder_attached(&f->rec), 2);
}

static void test_mount_forced(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	put_mount(f, "/a/b");
	put_mount(f, "/a/b");
	f->u.force = true;
	f->u.root_path = "/";
	assert_int_equal(undo(f), 0);
	told(f, "\"/a/b\": what was mounted on top is taken away too\n"
		"\"/a/b\": what was mounted on top is taken away too\n");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static struct {
	int (*umount)(const struct om_sys *sys, const char *target, int flags);
	unsigned first, last, calls;
} flaky;

/* The calls from `first` to `last` say no, as an interrupt or a shortage would. */
static int flaky_umount(const struct om_sys *sys, const char *target, int flags)
{
	flaky.calls++;
	return flaky.calls >= flaky.first && flaky.calls <= flaky.last
		       ? -EINTR
		       : flaky.umount(sys, target, flags);
}

/* Told even when the mount below goes only at the second try. */
static void test_force_is_told_when_retried(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	put_mount(f, "/a/b");
	f->rec.failing = "fsopen";
	flaky.umount = f->rec.sys.umount;
	flaky.calls = 0;
	flaky.first = flaky.last = 2;
	f->rec.sys.umount = flaky_umount;
	f->u.force = true;
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
	told(f, "\"/a/b\": what was mounted on top is taken away too\n");
}

/* And interrupts alone are not told at all. */
static void test_retried_quietly(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	f->rec.failing = "fsopen";
	flaky.umount = f->rec.sys.umount;
	flaky.calls = 0;
	flaky.first = 1;
	flaky.last = 2;
	f->rec.sys.umount = flaky_umount;
	assert_int_equal(undo(f), 0);
	assert_int_equal(flaky.calls, 3);
	told(f, "");
	/* Not for ever. */
	make_mount(f, "/a/b");
	flaky.first = flaky.calls + 1;
	flaky.last = flaky.calls + 3;
	assert_int_equal(undo(f), -EBUSY);
	assert_int_equal(recorder_attached(&f->rec), 1);
	told(f, "\"/a/b\": Interrupted system call\n" FINDMNT "/base/a/b\n");
}

static void test_force_fails(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	put_mount(f, "/a/b");
	f->u.force = true;
	f->rec.fail_at = 1;
	f->rec.fail_on = true;
	assert_int_equal(undo(f), -EBUSY);
	/* Once, though it was tried three times. */
	told(f, "\"/a/b\": Input/output error\n" FINDMNT "/base/a/b\n");
	assert_int_equal(recorder_attached(&f->rec), 2);
}

/* The cover cannot be opened: the mount is somewhere, and its path leads nowhere. */
static void test_force_without_a_path(void **state)
{
	struct fixture *f = *state;
	char other[128];

	make_mount(f, "/a/b");
	put_mount(f, "/other");
	assert_int_equal(unlinkat(f->root_fd, "a/b", AT_REMOVEDIR), 0);
	/* The kernel says it is where the other one is to be seen, which hangs on it. */
	f->rec.mounts.v[1].on_dev = f->rec.mounts.v[0].dev;
	f->rec.mounts.v[1].on_ino = f->rec.mounts.v[0].ino;
	f->rec.mounts.v[1].in = 0;
	(void)snprintf(other, sizeof(other), "%s/1", f->rec.scratch);
	point.paths[0] = point.paths[1] = other;
	f->rec.sys.mount_point = point_from_script;
	f->u.force = true;
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a/b\": No such file or directory\n" FINDMNT "/base/a/b\n");
	assert_int_equal(recorder_attached(&f->rec), 2);
}

static int says_yes(const struct om_sys *sys _unused_, int fd _unused_,
		    int dirfd _unused_, const char *path _unused_)
{
	return 0;
}

/* The kernel, or a filter, says that it is detached, and it is still there. */
static void test_detach_that_does_nothing(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	f->rec.sys.move_mount = says_yes;
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a/b\": the kernel, or a filter of system calls, says that it is done "
		"and it is not\n" FINDMNT "/base/a/b\n");
}

/* A cover that is taken away again and again: not for ever. */
static void test_covers_without_end(void **state)
{
	struct fixture *f = *state;
	size_t lines = 0;

	make_mount(f, "/a/b");
	put_mount(f, "/a/b");
	f->rec.sys.move_mount = says_yes;
	f->u.force = true;
	assert_int_equal(undo(f), -EBUSY);
	assert_non_null(strstr(om_str_get(&f->residue), "says that it is done"));
	for (const char *p = om_str_get(&f->residue); *p; p++)
		lines += *p == '\n';
	assert_true(lines >= 2 * 64 && lines <= 2 * 3 * 65);
}

/* The act of a mount with a reusable id, as if it were there. */
static struct om_act reusable_act(struct fixture *f, const char *path)
{
	f->rec.reusable_ids = true;
	return *make_mount(f, path);
}

static struct {
	int error;
	uint32_t print;
} table;

static int look_from_script(const struct om_sys *sys _unused_,
			    const struct om_mount_id *id _unused_,
			    struct om_mount_look *ret)
{
	*ret = (struct om_mount_look){ .print = table.print };
	return table.error;
}

static int first_id(const struct om_sys *sys _unused_, int fd _unused_, uint64_t *id,
		    bool *unique)
{
	*id = 100;
	*unique = false;
	return 0;
}

static void test_reusable_ids(void **state)
{
	struct fixture *f = *state;
	const struct om_sys real = f->rec.sys;
	struct om_act act = reusable_act(f, "/a/b");

	f->rec.sys.mount_look = look_from_script;
	table.error = 0;
	table.print = 5;
	/* Detached mounts have no line in the table: the id and the inode must do. */
	assert_int_equal(look(f, &act), OM_ACT_PRESENT);
	act.print = 5;
	assert_int_equal(look(f, &act), OM_ACT_PRESENT);
	/* The id is another mount's by now. */
	act.print = 6;
	assert_int_not_equal(look(f, &act), OM_ACT_PRESENT);
	act.print = 5;
	act.ino++;
	assert_int_equal(look(f, &act), OM_ACT_GONE);
	act.ino--;
	table.error = -EIO;
	assert_int_equal(look(f, &act), OM_ACT_UNKNOWN);
	table.error = 0;
	/* The recorder needs fstat(2) for ids of its own. */
	f->rec.sys.mount_id = first_id;
	f->rec.sys.open_beneath = om_sys_linux.open_beneath;
	f->rec.sys.open = om_sys_linux.open;
	fake_wrap.fail_fstat = EIO;
	assert_int_equal(look(f, &act), OM_ACT_UNKNOWN);
	fake_wrap.fail_fstat = 0;
	f->rec.sys = real;
	f->rec.sys.mount_look = look_from_script;
	assert_int_equal(look(f, &act), OM_ACT_PRESENT);
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* A unique id is never compared with a reusable one. */
static void test_kinds_of_ids(void **state)
{
	struct fixture *f = *state;
	struct om_act act = *make_mount(f, "/a/b");

	f->rec.reusable_ids = true;
	act.mount_id = 100;
	assert_int_equal(look(f, &act), OM_ACT_GONE);
	f->rec.sys.mount_point = point_from_script;
	point.error = -ENOSYS;
	assert_int_equal(look(f, &act), OM_ACT_UNKNOWN);
}

static int no_open(const struct om_sys *sys _unused_, int dirfd _unused_,
		   const char *path _unused_, int flags _unused_, mode_t mode _unused_)
{
	return -EMFILE;
}

static struct {
	int (*mount_id)(const struct om_sys *sys, int fd, uint64_t *id, bool *unique);
	int (*open_beneath)(const struct om_sys *sys, int dirfd, const char *path,
			    int flags);
	unsigned id_calls, fail_id, open_calls, fail_open;
} broken;

static int broken_id(const struct om_sys *sys, int fd, uint64_t *id, bool *unique)
{
	return ++broken.id_calls == broken.fail_id ? -EIO
						   : broken.mount_id(sys, fd, id, unique);
}

static int broken_open(const struct om_sys *sys, int dirfd, const char *path, int flags)
{
	return ++broken.open_calls == broken.fail_open
		       ? -EIO
		       : broken.open_beneath(sys, dirfd, path, flags);
}

/* The nth mount_id() or open_beneath() of the next look fails. */
static void fail_call(struct fixture *f, unsigned id, unsigned open_beneath)
{
	if (!broken.mount_id || f->rec.sys.mount_id != broken_id) {
		broken.mount_id = f->rec.sys.mount_id;
		broken.open_beneath = f->rec.sys.open_beneath;
		f->rec.sys.mount_id = broken_id;
		f->rec.sys.open_beneath = broken_open;
	}
	broken.id_calls = broken.open_calls = 0;
	broken.fail_id = id;
	broken.fail_open = open_beneath;
}

static int no_look(const struct om_sys *sys _unused_,
		   const struct om_mount_id *id _unused_,
		   struct om_mount_look *ret _unused_)
{
	return -ENOSYS;
}

/* --- what is inside a construction ------------------------------------------------------- */

/* /a, with an entry on /a/x and something that is bound back on /a/y: acts 0, 1 and 2. */
static void make_construction(struct fixture *f)
{
	static const char *const names[] = { "x", "y" };
	struct om_act acts[2], outer;
	int fd, tree;

	/* The act of the outer one comes behind those of the inner ones. */
	outer = *make_mount(f, "/a");
	free(f->j.acts.v[--f->j.acts.n].path);
	outer.path = NULL;
	tree = f->rec.sys.open_beneath(&f->rec.sys, f->root_fd, "a", O_PATH);
	for (size_t i = 0; i < 2; i++) {
		char path[8];
		struct stat st;

		(void)snprintf(path, sizeof(path), "/a/%s", names[i]);
		assert_int_equal(mkdirat(tree, names[i], 0755), 0);
		fd = put_mount(f, path);
		acts[i] = (struct om_act){ .inverse = OM_INVERSE_DETACH,
					   .path = strdup(path),
					   .inner = true,
					   .entry = i == 0 };
		assert_int_equal(f->rec.sys.mount_id(&f->rec.sys, fd, &acts[i].mount_id,
						     &acts[i].unique),
				 0);
		assert_int_equal(fstat(fd, &st), 0);
		acts[i].dev = st.st_dev;
		acts[i].ino = st.st_ino;
		acts[i].attr = OM_ATTR_NODEV;
	}
	(void)close(tree);
	assert_int_equal(om_journal_inner(&f->j, acts, 2), 0);
	free(acts[0].path);
	free(acts[1].path);
	assert_int_equal(om_journal_intent(&f->j, &outer, "/a"), 2);
	assert_int_equal(om_journal_mark_done(&f->j, 2), 0);
}

/* The nth mount that was put is where somebody else wants it. */
static void move_to_other(struct fixture *f, size_t n)
{
	int at = openat(f->root_fd, "other", O_PATH | O_CLOEXEC);

	assert_int_equal(f->rec.sys.move_mount(&f->rec.sys, f->mounts[n], at, ""), 0);
	(void)close(at);
}

static void test_inner_goes_with_outer(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(look_at(f, i), OM_ACT_PRESENT);
		assert_true(f->j.acts.v[i].done);
	}
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	f->rec.log.len = 0;
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 0);
	/* With one call. */
	assert_null(strstr(om_str_get(&f->rec.log), "move_mount m1 "));
	assert_non_null(strstr(om_str_get(&f->rec.log), "move_mount m0 "));
}

static void test_inner_gone(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		f->rec.reusable_ids = i == 1;
		make_construction(f);
		f->rec.mounts.v[f->rec.mounts.n - 2].on_ino = 0;
		f->rec.mounts.v[f->rec.mounts.n - 1].on_ino = 0;
		assert_int_equal(look_at(f, 0), OM_ACT_GONE);
		assert_int_equal(look_at(f, 1), OM_ACT_GONE);
		assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
		/* It came along with a source that has lost it, too. */
		f->j.acts.v[0].follows = true;
		assert_int_equal(look_at(f, 0), OM_ACT_PRESENT);
		assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
		assert_int_equal(undo(f), 0);
		told(f, "");
		assert_int_equal(recorder_attached(&f->rec), 0);
		f->n_mounts = 0; /* leaks fds in favour of the fixture's size */
	}
}

/* Both kinds, with both kinds of ids: they would stay, so they are taken away first. */
static void test_inner_moved(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 4; i++) {
		f->rec.reusable_ids = i / 2;
		make_construction(f);
		move_to_other(f, 1 + i % 2);
		assert_int_equal(look_at(f, i % 2), OM_ACT_MOVED);
		assert_int_equal(look_at(f, 1 - i % 2), OM_ACT_PRESENT);
		assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
		assert_int_equal(undo(f), 0);
		told(f, "");
		assert_int_equal(recorder_attached(&f->rec), 0);
		for (size_t k = 0; k < 3; k++)
			(void)close(f->mounts[k]);
		f->n_mounts = 0;
	}
}

/* The construction went without it; an id that is reusable may be a stranger's by now. */
static void test_inner_moved_and_outer_gone(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	move_to_other(f, 1);
	f->rec.mounts.v[0].on_ino = 0;
	assert_int_equal(look_at(f, 0), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
	for (size_t k = 0; k < 3; k++)
		(void)close(f->mounts[k]);
	f->n_mounts = 0;

	f->rec.reusable_ids = true;
	make_construction(f);
	move_to_other(f, 1);
	f->rec.mounts.v[f->rec.mounts.n - 3].on_ino = 0;
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 1);
}

static void test_inner_that_stays(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	move_to_other(f, 1);
	f->rec.failing = "move_mount m1 ";
	flaky.umount = f->rec.sys.umount;
	flaky.calls = 0;
	flaky.first = 1;
	flaky.last = 3;
	f->rec.sys.umount = flaky_umount;
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a/x\": Interrupted system call\n" FINDMNT "/base/a/x\n");
	assert_int_equal(recorder_attached(&f->rec), 3);
}

/* Of entries it is known that a stranger is on top; of what is bound back it is not asked. */
static void test_inner_covered(void **state)
{
	struct fixture *f = *state;
	struct om_error e = { 0 };

	make_construction(f);
	put_mount(f, "/a/y");
	assert_int_equal(look_at(f, 1), OM_ACT_COVERED);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	f->rec.mounts.v[3].on_ino = 0;
	(void)close(f->mounts[--f->n_mounts]);
	put_mount(f, "/a/x");
	assert_int_equal(look_at(f, 0), OM_ACT_COVERED);
	assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
	assert_int_equal(om_undo_check(&f->u, &f->j, &e), -EBUSY);
	assert_string_equal(e.message, "cannot undo \"/a/x\": something else is mounted "
				       "on top of it");
	assert_int_equal(undo(f), -EBUSY);
	told(f,
	     "\"/a/x\": something else is mounted on top of it\n" FINDMNT "/base/a/x\n");
	assert_int_equal(recorder_attached(&f->rec), 4);
}

static void test_inner_covered_and_forced(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	put_mount(f, "/a/x");
	f->u.force = true;
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* Where each mount is, by the order of making. */
static const char *points[8];

static int point_by_id(const struct om_sys *sys _unused_, const struct om_mount_id *id,
		       uint32_t print _unused_, char *buf, size_t size)
{
	if (!points[id->id - 1000])
		return -ENODATA;
	(void)snprintf(buf, size, "%s", points[id->id - 1000]);
	return 0;
}

/* A later construction of ours covers it all, and is undone before. */
static void test_inner_covered_by_ours(void **state)
{
	struct fixture *f = *state;

	const struct om_sys real = ((struct fixture *)*state)->rec.sys;
	static const char *const paths[] = { "/base/a", "/base/a/x", "/base/a/y",
					     "/base/a" };

	make_construction(f);
	make_mount(f, "/a");
	memcpy(points, paths, sizeof(paths));
	f->rec.sys.mount_point = point_by_id;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(look_at(f, i), OM_ACT_PRESENT);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	/* Somebody has moved it: not below the cover, or elsewhere in there. */
	points[1] = "/elsewhere/a/x";
	assert_int_equal(look_at(f, 0), OM_ACT_MOVED);
	points[1] = "/base/a/z";
	assert_int_equal(look_at(f, 0), OM_ACT_MOVED);
	points[1] = NULL;
	assert_int_equal(look_at(f, 0), OM_ACT_MOVED);
	points[1] = "/base/a/x";
	points[3] = "/a/b";
	assert_int_equal(look_at(f, 0), OM_ACT_MOVED);
	points[3] = "a";
	assert_int_equal(look_at(f, 0), OM_ACT_MOVED);
	points[3] = NULL;
	assert_int_equal(look_at(f, 0), OM_ACT_MOVED);
	points[3] = "/base/a";
	/* That it is there at all is looked at. */
	f->rec.mounts.v[1].on_ino = 0;
	assert_int_equal(look_at(f, 0), OM_ACT_GONE);
	f->rec.sys.mount_look = look_from_script;
	table.print = 5;
	table.error = 0;
	f->j.acts.v[2].print = 5;
	assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
	f->j.acts.v[2].print = 6;
	assert_int_equal(look_at(f, 2), OM_ACT_GONE);
	table.error = -EIO;
	assert_int_equal(look_at(f, 2), OM_ACT_UNKNOWN);
	table.error = -ENOSYS;
	assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
	table.error = 0;
	/* The cover is gone. */
	f->j.acts.v[2].print = 0;
	f->rec.sys = real;
	f->rec.mounts.v[3].on_ino = 0;
	assert_int_equal(look_at(f, 3), OM_ACT_GONE);
	assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static void test_name_covered_by_ours(void **state)
{
	struct fixture *f = *state;

	make_name(f, "/a/n", "", true);
	make_mount(f, "/a");
	assert_int_equal(look_at(f, 0), OM_ACT_PRESENT);
}

/* Its construction was never attached: whatever is at its place is not ours. */
static void test_inner_without_outer(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	free(f->j.acts.v[--f->j.acts.n].path);
	assert_int_equal(look_at(f, 0), OM_ACT_GONE);
	assert_int_equal(om_journal_outer(&f->j, 0), 2);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 3);
}

/* Reusable ids: the device counts, too. */
static void test_inner_of_another_device(void **state)
{
	struct fixture *f = *state;

	f->rec.reusable_ids = true;
	make_construction(f);
	f->j.acts.v[0].dev++;
	assert_int_equal(look_at(f, 0), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
}

static void test_mount_changed(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	/* Its own attributes, those of its file system as well, and how it propagates. */
	f->j.acts.v[0].want = OM_ATTR_NODEV;
	f->j.acts.v[1].attr ^= OM_ATTR_RDONLY;
	f->j.acts.v[2].shared = true;
	assert_int_equal(look_at(f, 0), OM_ACT_PRESENT);
	assert_int_equal(look_at(f, 1), OM_ACT_CHANGED);
	assert_int_equal(look_at(f, 2), OM_ACT_CHANGED);
	f->j.acts.v[0].want |= OM_ATTR_RDONLY;
	assert_int_equal(look_at(f, 0), OM_ACT_CHANGED);
	/* Nobody has looked at it before it is done. */
	f->j.acts.v[1].done = f->j.acts.v[2].done = false;
	assert_int_equal(look_at(f, 1), OM_ACT_PRESENT);
	assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
	f->j.acts.v[2].done = true;
	f->rec.fail_attr = EIO;
	assert_int_equal(look_at(f, 2), OM_ACT_UNKNOWN);
	f->rec.fail_attr = 0;
	/* A filter hides how it propagates. */
	f->rec.sys.mount_look = no_look;
	assert_int_equal(look_at(f, 2), OM_ACT_PRESENT);
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* The newest mount below is the last one that was made. */
static void know_newest(struct fixture *f)
{
	f->j.acts.v[2].newest = 1000 + f->rec.mounts.n - 1;
}

/* Inside of what is bound back, or deeper: one that came when all was done. */
static void test_stranger_inside(void **state)
{
	struct fixture *f = *state;
	struct om_error e = { 0 };
	char where[160];

	make_construction(f);
	know_newest(f);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	put_mount(f, "/a/y");
	(void)snprintf(where, sizeof(where),
		       "cannot undo \"/a\": something else is mounted inside of it, at "
		       "\"%s/3\"",
		       f->rec.scratch);
	assert_int_equal(om_undo_check(&f->u, &f->j, &e), -EBUSY);
	assert_string_equal(e.message, where);
	f->rec.sys.mount_point = point_from_script;
	point.error = -ENODATA;
	e = (struct om_error){ 0 };
	assert_int_equal(om_undo_check(&f->u, &f->j, &e), -EBUSY);
	assert_string_equal(e.message,
			    "cannot undo \"/a\": something else is mounted inside of it");
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a\": something else is mounted inside of it\n" FINDMNT "/base/a\n");
	assert_int_equal(recorder_attached(&f->rec), 4);
}

static void test_stranger_inside_and_forced(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	know_newest(f);
	put_mount(f, "/a/y");
	f->u.force = true;
	assert_int_equal(undo(f), 0);
	told(f, "\"/a\": what was mounted inside of it is taken away too\n");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static int slave_look(const struct om_sys *sys _unused_,
		      const struct om_mount_id *id _unused_, struct om_mount_look *ret)
{
	*ret = (struct om_mount_look){ .propagation = MS_SLAVE };
	return 0;
}

/* What came by itself goes by itself; and a later act of ours is no stranger. */
static void test_no_stranger_inside(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	know_newest(f);
	put_mount(f, "/a/y");
	f->rec.sys.mount_look = slave_look;
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	/* Nor is what cannot be looked at. */
	f->rec.sys.mount_look = no_look;
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	f->rec.mounts.v[3].on_ino = 0;
	(void)close(f->mounts[--f->n_mounts]);
	make_mount(f, "/a/y")->newest = 1004;
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* An entry is covered by ours while what it is in is not; and acts of all kinds follow. */
static void test_inner_entry_covered_by_ours(void **state)
{
	struct fixture *f = *state;
	struct om_act inner = { .inverse = OM_INVERSE_DETACH,
				.path = (char *)(uintptr_t) "/other/x",
				.inner = true };

	make_construction(f);
	know_newest(f);
	make_mount(f, "/a/x")->newest = 1003;
	/* A failure has hidden its unique id, so that it cannot be told from others. */
	f->j.acts.v[3].unique = false;
	f->j.acts.v[3].newest = 103;
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	f->j.acts.v[3].unique = true;
	f->j.acts.v[3].newest = 1003;
	make_name(f, "/other/n", "", true);
	assert_int_equal(om_journal_inner(&f->j, &inner, 1), 0);
	make_mount(f, "/other")->newest = 1004;
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	/* Not the newest of all, and not newer than what is known. */
	f->j.acts.v[3].newest = 1002;
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	assert_int_equal(undo(f), 0);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* What could not be undone is ours, not a stranger's, to what it is in. */
static void test_left_inside_is_no_stranger(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	know_newest(f);
	make_mount(f, "/a/y")->newest = 1003;
	f->rec.failing = "move_mount m3 ";
	flaky.umount = f->rec.sys.umount;
	flaky.calls = 0;
	flaky.first = 1;
	flaky.last = 3;
	f->rec.sys.umount = flaky_umount;
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a/y\": Interrupted system call\n" FINDMNT "/base/a/y\n");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* How new the mounts of an attach that failed are was never looked at. */
static void test_covered_after_a_failed_attach(void **state)
{
	struct om_act inner = { .inverse = OM_INVERSE_DETACH,
				.path = (char *)(uintptr_t) "/a/y/x",
				.inner = true };
	struct fixture *f = *state;
	struct om_act *act;

	make_construction(f);
	know_newest(f);
	assert_int_equal(om_journal_inner(&f->j, &inner, 1), 0);
	act = make_mount(f, "/a/y");
	act->done = false;
	act->newest = 0;
	put_mount(f, "/a/y");
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a/y\": something else is mounted on top of it\n" FINDMNT
		"/base/a/y\n\"/a\": something else is mounted inside of it\n" FINDMNT
		"/base/a\n");
	assert_int_equal(recorder_attached(&f->rec), 5);
}

/* Without a stranger it goes with what it lies in. */
static void test_left_after_a_failed_attach(void **state)
{
	struct fixture *f = *state;

	make_construction(f);
	know_newest(f);
	make_mount(f, "/a/y")->done = false;
	f->rec.failing = "move_mount m3 ";
	flaky.umount = f->rec.sys.umount;
	flaky.calls = 0;
	flaky.first = 1;
	flaky.last = 3;
	f->rec.sys.umount = flaky_umount;
	assert_int_equal(undo(f), -EBUSY);
	told(f, "\"/a/y\": Interrupted system call\n" FINDMNT "/base/a/y\n");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

static int no_list(const struct om_sys *sys _unused_, uint64_t id _unused_,
		   uint64_t after _unused_, uint64_t *ids _unused_, size_t n _unused_)
{
	return -ENOSYS;
}

static int many(const struct om_sys *sys _unused_, uint64_t id _unused_, uint64_t after,
		uint64_t *ids, size_t n)
{
	size_t k = 0;

	/* Even numbers from 2 to 2000. */
	after -= after % 2;
	while (k < n && after + 2 <= 2000)
		ids[k++] = after += 2;
	return (int)k;
}

/* More than one call gives. */
static void test_below(void **state)
{
	struct fixture *f = *state;
	struct om_below below;

	f->rec.sys.listmount = many;
	om_below_init(&below, &f->rec.sys, &(struct om_mount_id){ 1, true });
	for (uint64_t id = 1; id <= 2010; id++)
		assert_int_equal(om_below_has(&below, &(struct om_mount_id){ id, true }),
				 id % 2 == 0 && id <= 2000);
	om_below_init(&below, &f->rec.sys, &(struct om_mount_id){ 1, true });
	assert_false(om_below_has(&below, &(struct om_mount_id){ 4, false }));
	assert_int_equal(om_below_newest(&f->rec.sys, &(struct om_mount_id){ 1, true }),
			 2000);
	f->rec.sys.listmount = no_list;
	assert_int_equal(om_below_newest(&f->rec.sys, &(struct om_mount_id){ 1, true }),
			 0);
	om_below_init(&below, &f->rec.sys, &(struct om_mount_id){ 1, false });
	assert_false(om_below_has(&below, &(struct om_mount_id){ 4, true }));
}

/* Where the kernel looks for a mount, it may be renamed away before it is opened. */
static void test_mount_chased(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_mount(f, "/other");
	char mount[96];

	(void)snprintf(mount, sizeof(mount), "%s/0", f->rec.scratch);
	f->rec.sys.mount_point = point_from_script;
	f->rec.mounts.v[0].on_ino = 0;
	/* Seen on the second try. */
	point.paths[0] = "/nonexistent/x";
	point.paths[1] = mount;
	assert_int_equal(look(f, act), OM_ACT_MOVED);
	assert_int_equal(point.calls, 2);
	/* Something else is there, and then it is not: that is no cover. */
	point.paths[0] = f->tree;
	point.calls = 0;
	assert_int_equal(look(f, act), OM_ACT_MOVED);
	/* Two places in turns, for ever. */
	point.paths[1] = "/tmp";
	point.calls = 0;
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	assert_int_equal(point.calls, 1024);
	/* The same one all the time, with something else there, or nothing. */
	point.paths[1] = f->tree;
	point.calls = 0;
	assert_int_equal(look(f, act), OM_ACT_COVERED);
	assert_int_equal(point.calls, 32);
	point.paths[0] = point.paths[1] = "/nonexistent/x";
	assert_int_equal(look(f, act), OM_ACT_COVERED);
	/* What cannot be asked for, or opened, is not known to be covered. */
	point.paths[0] = point.paths[1] = f->tree;
	fail_call(f, 2, 0);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	f->rec.sys.open = no_open;
	point.calls = 0;
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	assert_int_equal(point.calls, 1);
}

static void test_mount_unknown(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_mount(f, "/a/b");

	put_mount(f, "/a/b");
	f->rec.sys.mount_point = point_from_script;
	point.error = -EIO;
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	f->u.force = true;
	assert_int_equal(undo(f), -EBUSY);
	told(f,
	     "\"/a/b\": something else is there, and this kernel cannot look for it\n" FINDMNT
	     "/base/a/b\n");
	assert_int_equal(recorder_attached(&f->rec), 2);
}

/* After our own detach, what cannot be looked for is believed to be gone. */
static void test_mount_unknown_after_detach(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	f->rec.sys.mount_point = point_from_script;
	point.error = -EIO;
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* A filter hides statmount: what is not a mount point, or never was done, is not there. */
static void test_mount_guessed(void **state)
{
	struct fixture *f = *state;
	struct om_act *act = make_mount(f, "/a/b");

	f->rec.sys.mount_point = point_from_script;
	for (unsigned i = 0; i < 2; i++) {
		point.error = i ? -EPERM : -ENOSYS;
		f->rec.mounts.v[0].on_ino = 0;
		assert_int_equal(look(f, act), OM_ACT_GONE);
	}
	/* Something else is mounted there. */
	put_mount(f, "/a/b");
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	act->done = false;
	assert_int_equal(look(f, act), OM_ACT_GONE);
	/* Not that it was not done, if the path cannot even be looked at. */
	fail_call(f, 0, 2);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	fail_call(f, 2, 0);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	act->done = true;
	f->rec.mounts.v[1].on_ino = 0;
	fail_call(f, 0, 0);
	assert_int_equal(look(f, act), OM_ACT_GONE);
	fail_call(f, 0, 3);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	fail_call(f, 3, 0);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	fail_call(f, 0, 0);
	assert_int_equal(unlinkat(f->root_fd, "a/b", AT_REMOVEDIR), 0);
	assert_int_equal(look(f, act), OM_ACT_GONE);
}

/* A mount of ours on one of ours is no stranger's, on the place or above it. */
static void test_check_knows_our_own(void **state)
{
	struct fixture *f = *state;
	struct om_error e = { 0 };

	make_name(f, "/a/n", "", true);
	make_mount(f, "/a/b");
	make_mount(f, "/a/b");
	make_name(f, "/a/m", "", true);
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	make_mount(f, "/a");
	/* Ours at another place does not hide the stranger. */
	make_mount(f, "/other");
	assert_int_equal(om_undo_check(&f->u, &f->j, NULL), 0);
	f->n_mounts = 0; /* leaks fds in favour of the fixture's size */
	put_mount(f, "/a");
	assert_int_equal(om_undo_check(&f->u, &f->j, &e), -EBUSY);
	assert_string_equal(e.message,
			    "cannot undo \"/a\": something else is mounted on top of it");
}

static void test_undo_stops_at_first(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	make_mount(f, "/other");
	assert_int_equal(om_undo(&f->u, &f->j, 1, &f->residue), 0);
	assert_int_equal(f->j.acts.n, 1);
	assert_int_equal(recorder_attached(&f->rec), 1);
}

/* One that cannot be undone does not keep the others. */
static void test_undo_goes_on(void **state)
{
	struct fixture *f = *state;

	make_name(f, "/a/n", "", true);
	make_mount(f, "/a/b");
	put_mount(f, "/a/b");
	make_mount(f, "/other");
	assert_int_equal(undo(f), -EBUSY);
	assert_false(exists(f, "/a/n"));
	assert_int_equal(recorder_attached(&f->rec), 2);
}

/* The words that are told are lost with the memory, not the undoing. */
static void test_no_memory_to_tell(void **state)
{
	struct fixture *f = *state;

	make_mount(f, "/a/b");
	put_mount(f, "/a/b");
	/* So that nothing but what is told needs memory. */
	om_str_addf(&f->rec.log, "%8000s", "");
	om_str_cut(&f->rec.log, 0);
	fake_wrap.fail_allocation = 1;
	f->u.force = true;
	assert_int_equal(undo(f), 0);
	assert_int_equal(f->residue.err, -ENOMEM);
	assert_int_equal(recorder_attached(&f->rec), 0);
}

/* The path in the command needs memory, too: the line above it is told without. */
static void test_no_memory_for_the_command(void **state)
{
	struct fixture *f = *state;
	struct om_act act = *make_mount(f, "/a/b");
	unsigned n = 0;
	bool seen = false;

	put_mount(f, "/a/b");
	om_str_addf(&f->rec.log, "%8000s", "");
	om_str_cut(&f->rec.log, 0);
	while (!seen && ++n < 20) {
		fake_wrap.fail_allocation = n;
		assert_int_equal(undo(f), -EBUSY);
		fake_wrap.fail_allocation = 0;
		seen = strcmp(om_str_get(&f->residue),
			      "\"/a/b\": something else is mounted on top of it\n") == 0;
		om_str_free(&f->residue);
		assert_int_equal(om_journal_intent(&f->j, &act, "/a/b"), 0);
	}
	assert_true(seen);
	assert_int_equal(recorder_attached(&f->rec), 2);
}

/* --- names ----------------------------------------------------------------------------- */

static void test_names_present(void **state)
{
	static const char *const contents[] = { NULL, "", "target" };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(contents); i++) {
		struct fixture *f = *state;
		/* Done, or killed before that was written down. */
		const struct om_act *act =
			make_name(f, "/a/n", contents[i % 3], i < ARRAY_SIZE(contents));

		assert_int_equal(look(f, act), OM_ACT_PRESENT);
		assert_int_equal(undo(f), 0);
		told(f, "");
		assert_false(exists(f, "/a/n"));
	}
}

static void test_names_gone(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_name(f, "/a/n", "", true);

	assert_int_equal(unlinkat(f->root_fd, "a/n", 0), 0);
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	/* With its directory, or with a file in the place of that. */
	act = make_name(f, "/a/b/n", "", true);
	assert_int_equal(unlinkat(f->root_fd, "a/b/n", 0), 0);
	assert_int_equal(unlinkat(f->root_fd, "a/b", AT_REMOVEDIR), 0);
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(symlinkat("x", f->root_fd, "a/b"), 0);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	assert_int_equal(unlinkat(f->root_fd, "a/b", 0), 0);
	(void)close(openat(f->root_fd, "a/b", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_true(exists(f, "/a/b"));
}

/* Another object has the name: it stays, whatever kind it is of. */
static void test_names_replaced(void **state)
{
	struct fixture *f = *state;
	struct om_act *act = make_name(f, "/a/n", "", true);

	act->ino++;
	assert_int_equal(look(f, act), OM_ACT_GONE);
	act->ino--;
	act->dev++;
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	assert_true(exists(f, "/a/n"));
	assert_int_equal(unlinkat(f->root_fd, "a/n", 0), 0);

	/* A directory in the place of a file, a file in that of a directory. */
	make_name(f, "/a/n", NULL, true)->inverse = OM_INVERSE_UNLINK;
	make_name(f, "/a/m", "", true)->inverse = OM_INVERSE_RMDIR;
	assert_int_equal(mkfifoat(f->root_fd, "a/fifo", 0644), 0);
	assert_int_equal(
		om_journal_intent(&f->j, &(struct om_act){ .inverse = OM_INVERSE_UNLINK },
				  "/a/fifo"),
		2);
	for (size_t i = 0; i < f->j.acts.n; i++)
		assert_int_equal(look(f, &f->j.acts.v[i]), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_true(exists(f, "/a/n"));
	assert_true(exists(f, "/a/m"));
	assert_true(exists(f, "/a/fifo"));
}

/* Numbers of devices are given out anew with each boot. */
static void test_names_of_another_boot(void **state)
{
	struct fixture *f = *state;

	make_name(f, "/a/n", "", true)->dev++;
	make_name(f, "/a/m", "", true)->ino++;
	f->u.other_boot = true;
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_false(exists(f, "/a/n"));
	assert_true(exists(f, "/a/m"));
}

static void test_names_used(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_name(f, "/a/n", "", true);

	write_into(f, "/a/n");
	assert_int_equal(look(f, act), OM_ACT_USED);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_true(exists(f, "/a/n"));
	/* A directory with something in it. */
	act = make_name(f, "/a/d", NULL, true);
	assert_int_equal(mkdirat(f->root_fd, "a/d/in", 0755), 0);
	assert_int_equal(look(f, act), OM_ACT_PRESENT);
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_true(exists(f, "/a/d/in"));
}

/* Killed before it was written down: only what would have been made is taken for ours. */
static void test_names_not_done(void **state)
{
	struct fixture *f = *state;
	struct om_act *act = make_name(f, "/a/n", "", false);

	write_into(f, "/a/n");
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	assert_true(exists(f, "/a/n"));
	act = make_name(f, "/a/linked", "", false);
	assert_int_equal(linkat(f->root_fd, "a/linked", f->root_fd, "a/twice", 0), 0);
	assert_int_equal(look(f, act), OM_ACT_GONE);
	act = make_name(f, "/a/l", "target", false);
	act->print++;
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	assert_true(exists(f, "/a/linked"));
	assert_true(exists(f, "/a/l"));
	act = make_name(f, "/a/d", NULL, false);
	fake_wrap.other_user = true;
	assert_int_equal(look(f, act), OM_ACT_GONE);
	assert_int_equal(undo(f), 0);
	assert_true(exists(f, "/a/d"));
	told(f, "");
}

/* The link went between the two looks at it. */
static void test_link_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_name(f, "/a/l", "target", false);

	assert_int_equal(look(f, act), OM_ACT_PRESENT);
	fake_wrap.fail_readlink = EIO;
	assert_int_equal(look(f, act), OM_ACT_GONE);
	fake_wrap.fail_readlink = 0;
}

static void test_names_unknown(void **state)
{
	struct fixture *f = *state;
	const struct om_act *act = make_name(f, "/a/n", "", true);

	assert_int_equal(om_act_find_name(act, false, -1), OM_ACT_UNKNOWN);
	assert_int_equal(om_act_find_name(act, false,
					  openat(f->root_fd, "other", O_PATH)),
			 OM_ACT_GONE);
	(void)close(openat(f->root_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	assert_int_equal(om_act_find_name(act, false, openat(f->root_fd, "file", O_PATH)),
			 OM_ACT_GONE);
	fail_call(f, 0, 1);
	assert_int_equal(look(f, act), OM_ACT_UNKNOWN);
	f->rec.failing = "unlink";
	assert_int_equal(undo(f), -EBUSY);
	/* A name has no mount to look for. */
	told(f, "\"/a/n\": Input/output error\n");
	assert_true(exists(f, "/a/n"));
}

/* What removing a name may say that is none of our business. */
static void test_names_that_others_took(void **state)
{
	static const int errors[] = { ENOENT, ENOTDIR, ENOTEMPTY, EEXIST };
	struct fixture *f = *state;

	f->rec.failing = "unlink";
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		make_name(f, "/a/d", NULL, true);
		f->rec.fail_errno = errors[i];
		assert_int_equal(undo(f), 0);
		told(f, "");
		assert_int_equal(unlinkat(f->root_fd, "a/d", AT_REMOVEDIR), 0);
	}
}

/* The namespace is dead: its mounts are not looked for, the names are. */
static void test_names_only(void **state)
{
	struct fixture *f = *state;

	make_name(f, "/a/n", "", true);
	make_mount(f, "/a/b");
	f->u.names_only = true;
	assert_int_equal(undo(f), 0);
	told(f, "");
	assert_false(exists(f, "/a/n"));
	assert_int_equal(recorder_attached(&f->rec), 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_state_names, setup, teardown),
	cmocka_unit_test_setup_teardown(test_root_covered, setup, teardown),
	cmocka_unit_test_setup_teardown(test_root_covered_unknown, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_present, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_gone, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_moved, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_covered, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_forced, setup, teardown),
	cmocka_unit_test_setup_teardown(test_force_is_told_when_retried, setup, teardown),
	cmocka_unit_test_setup_teardown(test_retried_quietly, setup, teardown),
	cmocka_unit_test_setup_teardown(test_force_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_force_without_a_path, setup, teardown),
	cmocka_unit_test_setup_teardown(test_detach_that_does_nothing, setup, teardown),
	cmocka_unit_test_setup_teardown(test_covers_without_end, setup, teardown),
	cmocka_unit_test_setup_teardown(test_reusable_ids, setup, teardown),
	cmocka_unit_test_setup_teardown(test_kinds_of_ids, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_goes_with_outer, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_gone, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_moved, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_moved_and_outer_gone, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_that_stays, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_covered, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_covered_and_forced, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_covered_by_ours, setup, teardown),
	cmocka_unit_test_setup_teardown(test_name_covered_by_ours, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_without_outer, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_of_another_device, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_changed, setup, teardown),
	cmocka_unit_test_setup_teardown(test_stranger_inside, setup, teardown),
	cmocka_unit_test_setup_teardown(test_stranger_inside_and_forced, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_stranger_inside, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_entry_covered_by_ours, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_left_inside_is_no_stranger, setup, teardown),
	cmocka_unit_test_setup_teardown(test_covered_after_a_failed_attach, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_left_after_a_failed_attach, setup, teardown),
	cmocka_unit_test_setup_teardown(test_below, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_chased, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_unknown, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_unknown_after_detach, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mount_guessed, setup, teardown),
	cmocka_unit_test_setup_teardown(test_check_knows_our_own, setup, teardown),
	cmocka_unit_test_setup_teardown(test_undo_stops_at_first, setup, teardown),
	cmocka_unit_test_setup_teardown(test_undo_goes_on, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_memory_to_tell, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_memory_for_the_command, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_present, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_gone, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_replaced, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_of_another_boot, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_used, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_not_done, setup, teardown),
	cmocka_unit_test_setup_teardown(test_link_that_cannot_be_read, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_unknown, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_that_others_took, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_only, setup, teardown),
};

int main(void)
{
	return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
