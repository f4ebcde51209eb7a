/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is looked at in a directory before a decision, and what is not: on a real directory
 * that needs no privilege.  What only a kernel can say is in tests/integration/reasons.sh.
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake/tree.h"
#include "probe/scene.h"

struct world {
	char path[64];
	struct om_survey survey;
	struct om_scene_dir dir;
};

static struct om_sys counting;
static unsigned listings, children;

static int count_open(const struct om_sys *sys _unused_, int dirfd, const char *path,
		      int flags)
{
	listings += !(flags & O_PATH);
	return om_sys_linux.open_beneath(&om_sys_linux, dirfd, path, flags);
}

static int count_child(const struct om_sys *sys _unused_, int (*run)(void *arg) _unused_,
		       void *arg _unused_)
{
	children++;
	return 0;
}

static void make(const struct world *w, const char *name, mode_t type)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/hole/%s", w->path, name);
	assert_int_equal(mknod(path, type | 0600, 0), 0);
}

static int setup(void **state)
{
	static char hole[] = "/hole";
	struct world *w = calloc(1, sizeof(*w));
	char path[128];

	assert_non_null(w);
	(void)snprintf(w->path, sizeof(w->path), "/tmp/om-scene-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	(void)snprintf(path, sizeof(path), "%s/hole", w->path);
	assert_int_equal(mkdir(path, 0755), 0);
	make(w, "file", S_IFREG);
	counting = om_sys_linux;
	counting.open_beneath = count_open;
	counting.in_child = count_child;
	listings = children = 0;
	w->survey = (struct om_survey){ .sys = &counting,
					.root_fd = open(w->path, O_PATH | O_CLOEXEC),
					.root_path = w->path };
	w->dir = (struct om_scene_dir){ .path = hole, .hole = true, .read_only = true };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	(void)close(w->survey.root_fd);
	free(w->dir.live);
	om_vec_free(&w->dir.children);
	om_texts_done(&w->dir.texts);
	fake_remove_tree(w->path);
	free(w);
	return 0;
}

static void look(struct world *w)
{
	assert_int_equal(om_scene_look(&w->survey, &w->dir, NULL), 0);
}

static void test_live_objects_are_counted(void **state)
{
	struct world *w = *state;

	look(w);
	assert_int_equal(w->dir.n_live, 0);
	assert_int_equal(listings, 1);
	make(w, "pipe", S_IFIFO);
	make(w, "socket", S_IFSOCK);
	w->dir.looked = false;
	look(w);
	assert_int_equal(w->dir.n_live, 2);
	assert_true(strcmp(w->dir.live, "pipe") == 0 ||
		    strcmp(w->dir.live, "socket") == 0);
	/* Once: whoever looks again gets the same. */
	look(w);
	assert_int_equal(w->dir.n_live, 2);
	assert_int_equal(listings, 2);
	assert_int_equal(children, 0);
}

/* Who wants the names anyhow gets them by the look, which then is no other one. */
static void test_names_that_are_wanted_are_listed_once(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(fstatat(w->survey.root_fd, "hole", &st, 0), 0);
	w->dir.dev = st.st_dev;
	w->dir.ino = st.st_ino;
	make(w, "b-pipe", S_IFIFO);
	make(w, "a-socket", S_IFSOCK);
	w->survey.list = true;
	look(w);
	assert_true(w->dir.listed && w->dir.looked);
	assert_int_equal(w->dir.n_live, 2);
	assert_int_equal(w->dir.children.n, 3);
	assert_string_equal(w->dir.children.v[0].name, "a-socket");
	assert_string_equal(w->dir.children.v[1].name, "b-pipe");
	assert_string_equal(w->dir.children.v[2].name, "file");
	assert_int_equal(w->dir.children.v[0].object, OM_OBJECT_OTHER);
	assert_int_equal(w->dir.children.v[2].object, OM_OBJECT_FILE);
	assert_int_equal(om_scene_list(&w->survey, &w->dir, NULL), 0);
	assert_int_equal(w->dir.n_live, 2);
	assert_int_equal(listings, 1);
	/* After a look they are listed, and the sockets not counted twice. */
	om_vec_free(&w->dir.children);
	w->dir.listed = false;
	assert_int_equal(om_scene_list(&w->survey, &w->dir, NULL), 0);
	assert_int_equal(w->dir.n_live, 2);
	assert_int_equal(listings, 2);
}

/* Where nothing can come of it nothing is asked. */
static void test_nothing_is_listed_for_nothing(void **state)
{
	struct world *w = *state;

	make(w, "pipe", S_IFIFO);
	w->dir.fixed = true;
	look(w);
	w->dir.fixed = false;
	w->dir.read_only = false;
	look(w);
	w->dir.read_only = true;
	w->dir.ours = true;
	look(w);
	assert_int_equal(w->dir.n_live, 0);
	assert_int_equal(listings, 0);
	assert_int_equal(children, 0);
	assert_false(w->dir.examined);
}

static void test_an_overlay_is_tried_over_another_one(void **state)
{
	struct world *w = *state;

	w->dir.fixed = w->dir.stacked = true;
	look(w);
	assert_true(w->dir.examined);
	/* The child that is counted says nothing, or overlay is not there to be tried. */
	assert_int_equal(w->dir.overlay.possible, OM_UNKNOWN);
	assert_true(children <= 1);
}

static void test_a_directory_that_is_gone_is_an_error(void **state)
{
	static char gone[] = "/gone";
	struct world *w = *state;
	struct om_error e = { 0 };

	w->dir.path = gone;
	assert_int_equal(om_scene_look(&w->survey, &w->dir, &e), -ENOENT);
	assert_int_equal(e.kind, OM_ERR_SYSTEM);
	assert_string_equal(e.message,
			    "cannot look into \"/gone\": No such file or directory");
}

/* What is there and fits, for each kind of entry. */
static void test_what_fits(void **state _unused_)
{
	static const bool fits[_OM_ENTRY_MAX][OM_OBJECT_OTHER + 1] = {
		[OM_ENTRY_BIND_DIR] = { [OM_OBJECT_DIR] = true },
		[OM_ENTRY_TMPFS] = { [OM_OBJECT_DIR] = true },
		[OM_ENTRY_BIND_FILE] = { [OM_OBJECT_FILE] = true, [OM_OBJECT_OTHER] = true },
		[OM_ENTRY_SYMLINK] = { [OM_OBJECT_SYMLINK] = true },
		[OM_ENTRY_HIDE] = { [OM_OBJECT_NONE] = true },
	};
	char same[] = "/x", other[] = "/y";

	for (enum om_entry_kind kind = 0; kind < _OM_ENTRY_MAX; kind++)
		for (enum om_object object = OM_OBJECT_NONE; object <= OM_OBJECT_OTHER;
		     object++) {
			struct om_entry entry = { .kind = kind, .symlink = "/x" };
			struct om_scene_entry se = { .target_object = object,
						     .target_link = same };

			assert_int_equal(om_scene_entry_fits(&se, &entry),
					 fits[kind][object]);
			se.target_link = other;
			assert_int_equal(om_scene_entry_fits(&se, &entry),
					 fits[kind][object] && kind != OM_ENTRY_SYMLINK);
		}
}

/* Before which look the hole is exchanged for another directory. */
static struct {
	unsigned at, calls;
	const char *path;
} exchange;

static int exchanging_open(const struct om_sys *sys _unused_, int dirfd, const char *path,
			   int flags)
{
	char hole[128], other[128], old[128];

	(void)snprintf(hole, sizeof(hole), "%s/hole", exchange.path);
	(void)snprintf(other, sizeof(other), "%s/other", exchange.path);
	(void)snprintf(old, sizeof(old), "%s/old", exchange.path);
	if (++exchange.calls == exchange.at) {
		assert_int_equal(rename(hole, old), 0);
		assert_int_equal(rename(other, hole), 0);
	}
	return om_sys_linux.open_beneath(&om_sys_linux, dirfd, path, flags);
}

/* A name that is missed in one directory may be there in the one that comes in its place. */
static void test_a_hole_that_is_exchanged(void **state)
{
	static const char text[] = "tmpfs /hole/t tmpfs mode=0755 0 0\n";
	struct world *w = *state;
	_cleanup_profile_ struct om_profile *p = NULL;
	char path[128];
	unsigned looks = 0;

	assert_int_equal(om_profile_parse("p", text, strlen(text), &p, NULL), 0);
	exchange.path = w->path;
	counting.open_beneath = exchanging_open;
	for (exchange.at = 1; looks == 0; exchange.at++) {
		_cleanup_scene_ struct om_scene *scene = NULL;
		struct om_error e = { 0 };
		int r;

		(void)snprintf(path, sizeof(path), "%s/other", w->path);
		assert_int_equal(mkdir(path, 0755), 0);
		(void)snprintf(path, sizeof(path), "%s/other/t", w->path);
		assert_int_equal(mkdir(path, 0755), 0);
		exchange.calls = 0;
		r = om_scene_survey(&w->survey, p, 0, 1, &scene, &e);
		if (exchange.calls < exchange.at)
			looks = exchange.calls;
		if (r < 0) {
			assert_int_equal(r, -ESTALE);
			assert_non_null(strstr(e.message, "exchanged while"));
		} else {
			assert_int_equal(scene->entries[0].target_object,
					 looks ? OM_OBJECT_NONE : OM_OBJECT_DIR);
		}
		if (looks)
			break;
		(void)snprintf(path, sizeof(path), "%s/hole/t", w->path);
		assert_int_equal(rmdir(path), 0);
		(void)snprintf(path, sizeof(path), "%s/old", w->path);
		fake_remove_tree(path);
	}
	assert_true(looks >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_live_objects_are_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_names_that_are_wanted_are_listed_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_listed_for_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_overlay_is_tried_over_another_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_directory_that_is_gone_is_an_error,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_hole_that_is_exchanged, setup,
						teardown),
		cmocka_unit_test(test_what_fits),
	};

	return cmocka_run_group_tests_name("scene", tests, NULL, NULL);
}
