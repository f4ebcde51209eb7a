/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layout of a base below that of a snap: what comes out, and what is said where the two
 * meet.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "layout/layout.h"

#define LAYOUT "x-snapd.origin=layout 0 0\n"

static int print(const char *snap, const char *below, const char *key,
		 struct om_error_list *errors, struct om_str *out, struct om_error *e)
{
	const struct om_layout_base base = {
		.file = "base.yaml", .text = below, .size = strlen(below), .revision = "7"
	};
	const struct om_layout_args args = { .file = "snap.yaml",
					     .text = snap,
					     .size = strlen(snap),
					     .revision = "42",
					     .instance_key = key,
					     .base = &base,
					     .errors = errors };

	return om_layout_print(&args, out, e);
}

static void expect(const char *snap, const char *below, const char *key, const char *want)
{
	struct om_error_list errors = { 0 };
	struct om_str out = { 0 }, again = { 0 };
	struct om_error e = { 0 };

	(void)print(snap, below, key, NULL, &out, &e);
	assert_string_equal(e.message, "");
	assert_string_equal(om_str_get(&out), want);
	assert_int_equal(print(snap, below, key, &errors, &again, &e), 0);
	assert_string_equal(om_str_get(&again), want);
	om_str_free(&out);
	om_str_free(&again);
}

#define SNAP "name: app\nlayout:\n"
#define BASE "name: core\nlayout:\n"

static void test_below(void **state)
{
	(void)state;
	expect(SNAP "  /opt/app:\n    bind: $SNAP/app\n",
	       BASE "  /usr/share/b:\n    bind: $SNAP/b\n"
		    "  /etc/b:\n    symlink: $SNAP_COMMON/b\n",
	       "k",
	       "/snap/app_k /snap/app none rbind,x-snapd.origin=overname 0 0\n"
	       "/var/snap/app_k /var/snap/app none rbind,x-snapd.origin=overname 0 0\n"
	       "none /etc/b none x-snapd.kind=symlink,"
	       "x-snapd.symlink=/var/snap/core/common/b," LAYOUT
	       "/snap/core/7/b /usr/share/b none rbind,rw," LAYOUT
	       "/snap/app/42/app /opt/app none rbind,rw," LAYOUT);
	expect("name: app\n", BASE "  /opt/b:\n    type: tmpfs\n", NULL,
	       "tmpfs /opt/b tmpfs " LAYOUT);
	expect(SNAP "  /opt/b:\n    type: tmpfs\n", "name: core\n", NULL,
	       "tmpfs /opt/b tmpfs " LAYOUT);
	/* Nothing in it that could be applied by a name. */
	expect(SNAP "  /opt/b:\n    type: tmpfs\n", "base: bare\n", NULL,
	       "tmpfs /opt/b tmpfs " LAYOUT);
	/* Beside each other, although one text starts with the other. */
	expect(SNAP "  /opt/b:\n    type: tmpfs\n", BASE "  /opt/b-1:\n    type: tmpfs\n",
	       NULL, "tmpfs /opt/b-1 tmpfs " LAYOUT "tmpfs /opt/b tmpfs " LAYOUT);
}

/* A profile has the name of one file: of the other there are no lines. */
static void test_lines(void **state)
{
	static const char *const snap = SNAP "  /opt/a:\n    type: tmpfs\n";
	static const char *const below = BASE "  /opt/b:\n    type: tmpfs\n";
	const struct om_layout_base base = { .file = "base.yaml",
					     .text = below,
					     .size = strlen(below) };
	const struct om_layout_args args = {
		.file = "snap.yaml", .text = snap, .size = strlen(snap), .base = &base
	};
	struct om_profile *p = NULL;
	char *name = NULL;

	(void)state;
	assert_int_equal(om_layout_compile(&args, &p, &name, NULL), 0);
	assert_int_equal(p->n, 2);
	assert_string_equal(p->entries[0].target, "/opt/b");
	assert_int_equal(p->entries[0].line, 0);
	assert_int_equal(p->entries[1].line, 3);
	assert_string_equal(name, "app");
	free(name);
	(void)om_profile_free(p);
}

static void test_meeting(void **state)
{
	static const struct {
		const char *snap, *below, *where, *message;
	} cases[] = {
		{ "  /opt/a:\n    bind: $SNAP/a\n", "  /opt/a:\n    type: tmpfs\n",
		  "snap.yaml:3:3: layout./opt/a",
		  "cannot lay out \"/opt/a\": the base lays it out, too, at "
		  "base.yaml:3:3" },
		{ "  /opt/a/b:\n    bind: $SNAP/a\n", "  /opt/a:\n    type: tmpfs\n",
		  "snap.yaml:3:3: layout./opt/a/b",
		  "cannot lay out \"/opt/a/b\": it lies under \"/opt/a\", of the base, at base.yaml:3:3" },
		{ "  /x:\n    type: tmpfs\n  /opt/a:\n    bind: $SNAP/a\n",
		  "  /etc/x:\n    type: tmpfs\n  /opt/a/b:\n    type: tmpfs\n",
		  "snap.yaml:3:3: layout./x", "top-level" },
		{ "  /opt/a:\n    bind: $SNAP/a\n",
		  "  /etc/x:\n    type: tmpfs\n  /opt/a/b:\n    type: tmpfs\n",
		  "snap.yaml:3:3: layout./opt/a",
		  "cannot lay out \"/opt/a\": it hides \"/opt/a/b\", of the base, at base.yaml:5:3" },
		{ "  /opt/a:\n    bind: $SNAP/a\n", "  /proc/x:\n    type: tmpfs\n",
		  "base.yaml:3:3: layout./proc/x", "off-limits" },
		{ "  /opt/a:\n    bind: $SNAP/a\n",
		  "  /opt/b:\n    bind: /snap/app/42/a\n",
		  "base.yaml:4:11: layout./opt/b.bind", "must start with $SNAP" },
		{ "  /snap/core/7/x:\n    bind: $SNAP/a\n",
		  "  /opt/b:\n    bind: $SNAP/x\n",
		  "snap.yaml:3:3: layout./snap/core/7/x", "another snap" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_error_list errors = { 0 };
		struct om_str out = { 0 };
		struct om_error e = { 0 };
		char snap[256], below[256];

		(void)snprintf(snap, sizeof(snap), "%s%s", SNAP, cases[i].snap);
		(void)snprintf(below, sizeof(below), "%s%s", BASE, cases[i].below);
		assert_int_equal(print(snap, below, NULL, NULL, &out, &e), -EINVAL);
		assert_string_equal(e.where, cases[i].where);
		assert_non_null(strstr(e.message, cases[i].message));
		om_error_clear(&e);
		assert_int_equal(print(snap, below, NULL, &errors, &out, &e), -EINVAL);
		assert_string_equal(e.where, cases[i].where);
		assert_int_equal(errors.n, 1);
		assert_int_equal(out.len, 0);
		om_str_free(&out);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *snap, *below, *where, *message, *fix;
	} cases[] = {
		{ SNAP "  /opt/a:\n    type: tmpfs\n",
		  "name: app\nlayout:\n  /opt/b:\n    type: tmpfs\n",
		  "base.yaml:1:7: name", "cannot use base \"app\": it is the snap itself",
		  "" },
		{ SNAP "  /opt/a:\n    type: tmpfs\n",
		  "layout:\n  /opt/b:\n    type: tmpfs\n", "base.yaml: name",
		  "cannot compile the layout: the document has no name",
		  "write its name: into it" },
		{ "layout:\n  /opt/b:\n    type: tmpfs\n",
		  BASE "  /opt/a:\n    type: tmpfs\n", "snap.yaml: name",
		  "cannot compile the layout: the document has no name",
		  "give the name of the snap on the command line" },
		{ SNAP "  /opt/a:\n    type: tmpfs\n",
		  "name: CORE\nlayout:\n  /opt/b:\n    type: tmpfs\n",
		  "base.yaml:1:7: name",
		  "cannot use snap name \"CORE\": it must use lower case letters, digits "
		  "or dashes",
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_str out = { 0 };
		struct om_error e = { 0 };

		assert_int_equal(print(cases[i].snap, cases[i].below, NULL, NULL, &out,
				       &e),
				 -EINVAL);
		assert_string_equal(e.where, cases[i].where);
		assert_string_equal(e.message, cases[i].message);
		assert_string_equal(e.fix, cases[i].fix);
		om_str_free(&out);
	}
}

/* All of the snap, then all of the base; where the two meet only when both are good. */
static void test_all_errors(void **state)
{
	struct om_error_list errors = { 0 };
	struct om_str out = { 0 };
	struct om_error e = { 0 };

	(void)state;
	assert_int_equal(print(SNAP "  /a:\n    type: tmpfs\n  /b:\n    type: tmpfs\n",
			       BASE "  /c:\n    type: tmpfs\n  /opt/d:\n    type: ext4\n",
			       NULL, &errors, &out, &e),
			 -EINVAL);
	assert_int_equal(errors.n, 4);
	assert_string_equal(errors.v[0].where, "snap.yaml:3:3: layout./a");
	assert_string_equal(errors.v[1].where, "snap.yaml:5:3: layout./b");
	assert_string_equal(errors.v[2].where, "base.yaml:3:3: layout./c");
	assert_string_equal(errors.v[3].where, "base.yaml:6:11: layout./opt/d.type");
	assert_string_equal(e.where, errors.v[0].where);
	errors = (struct om_error_list){ 0 };
	om_error_clear(&e);
	assert_int_equal(print(SNAP
			       "  /opt/a:\n    type: tmpfs\n  /opt/b:\n    type: tmpfs\n",
			       BASE "  /opt/a/x:\n    type: tmpfs\n"
				    "  /opt/a/y:\n    type: tmpfs\n"
				    "  /opt/b:\n    type: tmpfs\n",
			       NULL, &errors, &out, &e),
			 -EINVAL);
	assert_int_equal(errors.n, 3);
	assert_non_null(strstr(errors.v[1].message, "base.yaml:5:3"));
	assert_string_equal(errors.v[2].where, "snap.yaml:5:3: layout./opt/b");
	assert_int_equal(out.len, 0);
	om_str_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below),	   cmocka_unit_test(test_lines),
		cmocka_unit_test(test_meeting),	   cmocka_unit_test(test_names),
		cmocka_unit_test(test_all_errors),
	};

	return cmocka_run_group_tests_name("layout-base", tests, NULL, NULL);
}
