/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a recursive bind brings along, without a mount: a source and its copy are two trees
 * of directories, and a table says which of them are mounts.
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

#include "apply/brought.h"
#include "base/str.h"
#include "fake/tree.h"
#include "fake/wrap.h"

#define MAX_MOUNTS 8
#define ROOT_ID 100 /* that the source lies on */
#define COPY_ID 200 /* the root of the copy */

struct world {
	char path[64]; /* of both trees */
	int source, copy;
	struct om_sys sys;
	struct om_build b;
	struct om_step step;
};

/* Mounts below ROOT_ID: where the source has them, and their ids in the copy. */
static struct {
	const char *point; /* below the world */
	uint64_t id, copy_id;
	unsigned attr; /* of the copy */
} mounts[MAX_MOUNTS];
static size_t n_mounts;

static struct {
	bool reusable;	     /* ids of the source */
	bool copy_reusable;  /* of what is in the copy */
	bool root_reusable;  /* of the copy itself */
	int list, point, id; /* errors */
	int copy_id;	     /* likewise, of what is in the copy */
	int root_id;	     /* and of the copy itself */
	int open;	     /* of what is beneath it */
	bool full_list;	     /* of mounts elsewhere, and then it fails */
	uint64_t propagation;
	const struct world *world;
} says;

static bool is_path(int fd, const char *path)
{
	char whole[128];
	struct stat a, b;

	(void)snprintf(whole, sizeof(whole), "%s%s", says.world->path, path);
	return fstat(fd, &a) == 0 && lstat(whole, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static int say_mount_id(const struct om_sys *sys _unused_, int fd, uint64_t *ret_id,
			bool *ret_unique)
{
	char path[64];

	*ret_unique = !says.reusable;
	*ret_id = ROOT_ID;
	if (is_path(fd, "/source"))
		return says.id;
	*ret_id = COPY_ID;
	if (is_path(fd, "/copy")) {
		*ret_unique = !says.root_reusable;
		return says.root_id;
	}
	for (size_t i = 0; i < n_mounts; i++) {
		(void)snprintf(path, sizeof(path), "/copy%s",
			       mounts[i].point + strlen("/source"));
		if (!om_startswith(mounts[i].point, "/source") || !is_path(fd, path))
			continue;
		*ret_unique = !says.copy_reusable;
		*ret_id = mounts[i].copy_id;
	}
	return says.copy_id;
}

static int say_open(const struct om_sys *sys, int dirfd, const char *path, int flags)
{
	return says.open ? says.open : om_sys_linux.open_beneath(sys, dirfd, path, flags);
}

static int say_list(const struct om_sys *sys _unused_, uint64_t id, uint64_t after,
		    uint64_t *ids, size_t n)
{
	size_t found = 0;

	assert_int_equal(id, ROOT_ID);
	if (says.full_list && after == 0) {
		for (; found < n; found++)
			ids[found] = ROOT_ID + MAX_MOUNTS + 1 + found;
		return (int)found;
	}
	if (says.full_list)
		return -EIO;
	for (size_t i = 0; says.list == 0 && i < n_mounts && found < n; i++)
		if (mounts[i].id > after)
			ids[found++] = mounts[i].id;
	return says.list ? says.list : (int)found;
}

static int say_point(const struct om_sys *sys _unused_, const struct om_mount_id *id,
		     uint32_t print _unused_, char *buf, size_t size)
{
	(void)snprintf(buf, size, "/elsewhere");
	for (size_t i = 0; i < n_mounts; i++)
		if (mounts[i].id == id->id)
			(void)snprintf(buf, size, "%s%s", says.world->path,
				       mounts[i].point);
	return says.point;
}

static int say_look(const struct om_sys *sys _unused_,
		    const struct om_mount_id *id _unused_, struct om_mount_look *ret)
{
	*ret = (struct om_mount_look){ .propagation = says.propagation };
	return says.propagation ? 0 : -ENOSYS;
}

static int say_attr(const struct om_sys *sys, int fd, unsigned *ret_attr)
{
	uint64_t id;
	bool unique;

	assert_int_equal(sys->mount_id(sys, fd, &id, &unique), 0);
	*ret_attr = 0;
	for (size_t i = 0; i < n_mounts; i++)
		if (mounts[i].copy_id == id)
			*ret_attr = mounts[i].attr;
	return *ret_attr & OM_ATTR_NODIRATIME ? -EIO : 0;
}

static int setup(void **state)
{
	static const char *const dirs[] = { "source", "source/a", "source/b",
					    "copy",   "copy/a",	  "copy/a/x",
					    "copy/b", "copy/b/y", "source-2",
					    "apart" };
	struct world *w = calloc(1, sizeof(*w));
	char path[128];

	assert_non_null(w);
	(void)snprintf(w->path, sizeof(w->path), "/tmp/om-brought-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", w->path, dirs[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	(void)snprintf(path, sizeof(path), "%s/source", w->path);
	w->source = open(path, O_PATH | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/copy", w->path);
	w->copy = open(path, O_PATH | O_CLOEXEC);
	w->sys = om_sys_linux;
	w->sys.mount_id = say_mount_id;
	w->sys.open_beneath = say_open;
	w->sys.listmount = say_list;
	w->sys.mount_point = say_point;
	w->sys.mount_look = say_look;
	w->sys.mount_attr = say_attr;
	w->b.sys = &w->sys;
	w->step = (struct om_step){ .kind = OM_STEP_BIND,
				    .path = "/t",
				    .attr = OM_ATTR_RDONLY | OM_ATTR_STRICTATIME };
	memset(&says, 0, sizeof(says));
	says.propagation = MS_PRIVATE;
	says.world = w;
	n_mounts = 0;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fake_wrap = (struct fake_wrap){ 0 };
	for (size_t i = 0; i < w->b.inner.n; i++)
		free(w->b.inner.v[i].path);
	om_vec_free(&w->b.inner);
	(void)close(w->source);
	(void)close(w->copy);
	fake_remove_tree(w->path);
	free(w);
	return 0;
}

static void add(const char *point, uint64_t copy_id)
{
	mounts[n_mounts].point = point;
	mounts[n_mounts].id = ROOT_ID + 1 + n_mounts;
	mounts[n_mounts].copy_id = copy_id;
	mounts[n_mounts++].attr = OM_ATTR_RDONLY;
}

static int find(struct world *w)
{
	return om_brought_find(&w->b, &w->step, w->source, w->copy);
}

static void test_nothing_is_brought(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w), 0);
	add("/source-2", 0);
	add("/apart", 0);
	/* The source itself, as a mount. */
	add("/source", 0);
	assert_int_equal(find(w), 0);
	assert_int_equal(w->b.inner.n, 0);
	assert_false(w->b.unlisted);
}

/* In the order of the ids of the copy, behind what was there. */
static void test_what_is_brought(void **state)
{
	struct world *w = *state;
	const struct om_build_inner *v;

	assert_int_equal(om_vec_push(&w->b.inner, (struct om_build_inner){ 0 }), 0);
	w->b.inner.v[0].id.id = 999;
	add("/source/a", 203);
	add("/apart", 0);
	add("/source/a/x", 202);
	add("/source/b/y", 205);
	assert_int_equal(find(w), 0);
	assert_int_equal(w->b.inner.n, 4);
	assert_false(w->b.unlisted);
	v = w->b.inner.v;
	assert_int_equal(v[0].id.id, 999);
	assert_string_equal(v[1].path, "/t/a/x");
	assert_string_equal(v[2].path, "/t/a");
	assert_string_equal(v[3].path, "/t/b/y");
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(v[i].id.id, i < 3 ? 201 + i : 205);
		assert_true(v[i].id.unique && v[i].brought && !v[i].follows);
		assert_ptr_equal(v[i].step, &w->step);
		assert_int_equal(v[i].attr, OM_ATTR_RDONLY);
		assert_int_equal(v[i].want, OM_ATTR_RDONLY);
	}
}

static void test_what_follows_the_source(void **state)
{
	static const uint64_t propagations[] = { MS_SHARED, MS_SLAVE,
						 MS_SHARED | MS_SLAVE, MS_PRIVATE, 0 };
	struct world *w = *state;

	add("/source/a", 201);
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		says.propagation = propagations[i];
		assert_int_equal(find(w), 0);
		assert_int_equal(w->b.inner.n, 1);
		assert_int_equal(w->b.inner.v[0].follows, i < 3);
		free(w->b.inner.v[--w->b.inner.n].path);
	}
}

/* It may be in the copy, and no path leads to it: then it is said that some may be. */
static void test_what_is_hidden(void **state)
{
	struct world *w = *state;

	static const int points[] = { 0, 0, 0, -ENOENT, -ENODATA, -ENAMETOOLONG, 0, 0 };
	static const int opens[] = { 0, 0, 0, 0, 0, 0, -ENOTDIR, -ELOOP };

	for (unsigned i = 0; i < ARRAY_SIZE(points); i++) {
		n_mounts = 0;
		w->b.unlisted = false;
		says.point = points[i];
		says.open = opens[i];
		add("/source/a", 201);
		if (i == 0)
			add("/source/a/not/there", 202);
		if (i == 1) /* on top of another one */
			add("/source/a", 201);
		if (i == 2) /* not to be bound: the copy has none there */
			add("/source/b", COPY_ID);
		assert_int_equal(find(w), 0);
		assert_true(w->b.unlisted);
		assert_int_equal(w->b.inner.n, i < 3);
		while (w->b.inner.n > 0)
			free(w->b.inner.v[--w->b.inner.n].path);
	}
}

static void test_who_cannot_tell(void **state)
{
	struct world *w = *state;

	add("/source/a", 201);
	says.reusable = true;
	assert_int_equal(find(w), 0);
	assert_true(w->b.unlisted);
	w->b.unlisted = says.reusable = false;
	says.list = -ENOSYS;
	assert_int_equal(find(w), 0);
	assert_true(w->b.unlisted);
	assert_int_equal(w->b.inner.n, 0);
}

static void test_what_fails(void **state)
{
	struct world *w = *state;

	add("/source/a", 201);
	says.id = -EMFILE;
	assert_int_equal(find(w), -EMFILE);
	says.id = 0;
	says.point = -EIO;
	assert_int_equal(find(w), -EIO);
	says.point = 0;
	says.copy_reusable = true;
	assert_int_equal(find(w), -ENODATA);
	says.copy_reusable = false;
	mounts[0].attr = OM_ATTR_NODIRATIME;
	assert_int_equal(find(w), -EIO);
	/* It was made read-only with all that came along. */
	mounts[0].attr = OM_ATTR_NOSUID;
	assert_int_equal(find(w), -EPROTO);
	mounts[0].attr = OM_ATTR_RDONLY;
	for (unsigned i = 1; i <= 2; i++) {
		fake_wrap.fail_allocation = i;
		assert_int_equal(find(w), -ENOMEM);
		assert_int_equal(w->b.inner.n, 0);
	}
	assert_int_equal(fake_wrap.fail_allocation, 0);
	assert_int_equal(find(w), 0);
	assert_int_equal(w->b.inner.n, 1);
}

/* None of these says that nothing came along. */
static void test_what_else_fails(void **state)
{
	struct world *w = *state;

	add("/source/a", 201);
	says.open = -EIO;
	assert_int_equal(find(w), -EIO);
	says.open = 0;
	says.copy_id = -EMFILE;
	assert_int_equal(find(w), -EMFILE);
	says.copy_id = 0;
	says.root_id = -EMFILE;
	assert_int_equal(find(w), -EMFILE);
	says.root_id = 0;
	says.root_reusable = true;
	assert_int_equal(find(w), -ENODATA);
	says.root_reusable = false;
	fake_wrap.fail_readlink = EIO;
	assert_int_equal(find(w), -EIO);
	fake_wrap.fail_readlink = 0;
	assert_int_equal(w->b.inner.n, 0);
	assert_false(w->b.unlisted);
}

/* Once it is known that some are not listed, no later look unsays it. */
static void test_what_stays_unlisted(void **state)
{
	struct world *w = *state;

	says.full_list = true;
	assert_int_equal(find(w), 0);
	assert_true(w->b.unlisted);
	assert_int_equal(w->b.inner.n, 0);
	says.full_list = false;
	assert_int_equal(find(w), 0);
	assert_true(w->b.unlisted);
	add("/source/a", 201);
	assert_int_equal(find(w), 0);
	assert_true(w->b.unlisted);
	assert_int_equal(w->b.inner.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_is_brought, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_brought, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_follows_the_source, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_is_hidden, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_cannot_tell, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_else_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_stays_unlisted, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("brought", tests, NULL, NULL);
}
