/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout/: what compiles to what, and what is refused in which words.
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

static int compile(const char *text, const char *key, struct om_str *out,
		   struct om_error *e)
{
	const struct om_layout_args args = { .file = "snap.yaml",
					     .text = text,
					     .size = strlen(text),
					     .revision = "42",
					     .instance_key = key };
	struct om_profile *p = NULL;
	int r = om_layout_compile(&args, &p, NULL, e);

	if (r == 0)
		om_profile_print(p, out);
	(void)om_profile_free(p);
	return r;
}

static int print_all(const char *text, struct om_error_list *errors, struct om_str *out,
		     struct om_error *e)
{
	const struct om_layout_args args = {
		.file = "snap.yaml", .text = text, .size = strlen(text), .errors = errors
	};

	return om_layout_print(&args, out, e);
}

static void expect(const char *text, const char *key, const char *want)
{
	struct om_str out = { 0 };
	struct om_error e = { 0 };

	(void)compile(text, key, &out, &e);
	assert_string_equal(e.message, "");
	assert_string_equal(om_str_get(&out), want);
	om_str_free(&out);
}

/* snapd's own example, byte for byte. */
static void test_as_snapd(void **state)
{
	(void)state;
	expect("name: vanguard\n"
	       "layout:\n"
	       "  /usr:\n    bind: $SNAP/usr\n"
	       "  /lib/mytmp:\n    type: tmpfs\n    mode: 1777\n"
	       "  /lib/mylink:\n    symlink: $SNAP/link/target\n"
	       "  /etc/foo.conf:\n    bind-file: $SNAP/foo.conf\n",
	       NULL,
	       "/snap/vanguard/42/foo.conf /etc/foo.conf none "
	       "bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0\n"
	       "none /lib/mylink none x-snapd.kind=symlink,"
	       "x-snapd.symlink=/snap/vanguard/42/link/target,x-snapd.origin=layout 0 0\n"
	       "tmpfs /lib/mytmp tmpfs x-snapd.mode=01777,x-snapd.origin=layout 0 0\n"
	       "/snap/vanguard/42/usr /usr none rbind,rw,x-snapd.origin=layout 0 0\n");
}

static void test_variables(void **state)
{
	(void)state;
	expect("name: app\nlayout:\n  /opt/a:\n    bind: $SNAP_DATA/a\n  /opt/b:\n    bind: $SNAP_COMMON/b\n",
	       NULL,
	       "/var/snap/app/42/a /opt/a none rbind,rw,x-snapd.origin=layout 0 0\n"
	       "/var/snap/app/common/b /opt/b none rbind,rw,x-snapd.origin=layout 0 0\n");
}

static void test_instance(void **state)
{
	(void)state;
	expect("name: app\nlayout:\n  /opt/a:\n    bind: $SNAP/a\n", "key",
	       "/snap/app_key /snap/app none rbind,x-snapd.origin=overname 0 0\n"
	       "/var/snap/app_key /var/snap/app none rbind,x-snapd.origin=overname 0 0\n"
	       "/snap/app/42/a /opt/a none rbind,rw,x-snapd.origin=layout 0 0\n");
}

static void test_no_layout_is_empty(void **state)
{
	(void)state;
	expect("name: app\napps:\n  a:\n    command: x\n", NULL, "");
}

static void test_refused(void **state)
{
	static const struct {
		const char *layout;
		const char *where;
		const char *message;
	} cases[] = {
		{ "  usr/x:\n    bind: $SNAP/x\n", ":3:", "absolute" },
		{ "  /usr/../x:\n    bind: $SNAP/x\n", ":3:", ".." },
		{ "  /proc/x:\n    bind: $SNAP/x\n", ":3:", "cannot" },
		{ "  /var/lib/snapd/x:\n    bind: $SNAP/x\n", ":3:", "off-limits" },
		{ "  /nix:\n    bind: $SNAP/x\n", ":3:", "top-level" },
		{ "  /usr/x:\n    bind: /etc\n", ":4:", "$SNAP" },
		{ "  /usr/x:\n    bind: $HOME/x\n", ":4:", "$HOME" },
		{ "  /usr/x:\n    bind: $SNAP/*\n", ":4:", "'*'" },
		{ "  /usr/x:\n    bind: $SNAP/x\n    symlink: $SNAP/y\n", "", "cannot" },
		{ "  /usr/x:\n    mode: 755\n", "", "cannot" },
		{ "  /usr/x:\n    type: ext4\n", ":4:", "ext4" },
		{ "  /usr/x:\n    type: tmpfs\n    mode: 02755\n", ":5:", "02755" },
		{ "  /usr/x:\n    type: tmpfs\n    mode: 9\n", ":5:", "9" },
		{ "  /usr/x:\n    type: tmpfs\n    user: nobody\n", ":5:", "nobody" },
		{ "  /usr/x:\n    bond: $SNAP/x\n", ":4:", "bond" },
		{ "  /usr/x:\n    bind: $SNAP/x\n  /usr/x:\n    bind: $SNAP/y\n",
		  ":5:", "cannot" },
		{ "  /usr/x:\n    bind: $SNAP/x\n  /usr/x/y:\n    bind: $SNAP/y\n", "",
		  "/usr/x" },
		{ "  /usr/x: &a\n    bind: $SNAP/x\n  /usr/y: *a\n", "", "cannot" },
		{ "  - a\n", ":3:", "cannot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_str out = { 0 };
		struct om_error e = { 0 };
		char text[512];

		(void)snprintf(text, sizeof(text), "name: app\nlayout:\n%s",
			       cases[i].layout);
		if (compile(text, NULL, &out, &e) != -EINVAL)
			fail_msg("case %zu was accepted: %s", i, cases[i].layout);
		assert_int_equal(e.kind, OM_ERR_INPUT);
		if (!strstr(e.where, "snap.yaml") || !strstr(e.where, cases[i].where) ||
		    !strstr(e.message, cases[i].message))
			fail_msg("case %zu: %s: %s", i, e.where, e.message);
		om_str_free(&out);
	}
}

static void test_plural_and_broken_documents(void **state)
{
	static const char *const texts[] = {
		"name: app\nlayouts:\n  /usr/x:\n    bind: $SNAP/x\n",
		"name: app\nlayout: [\n", "a\tb:\n\t- c", "---\n--- x\n",
		"layout:\n  /usr/x:\n    bind: $SNAP/x\n"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct om_str out = { 0 };
		struct om_error e = { 0 };

		assert_true(compile(texts[i], NULL, &out, &e) < 0);
		assert_true(e.message[0] != '\0');
		om_str_free(&out);
	}
}

/* What editors leave in a file. */
static void test_tabs_and_marks(void **state)
{
	static const struct {
		const char *text, *fix;
	} broken[] = {
		{ "name: app\nlayout:\n\t/usr/x: {type: tmpfs}\n",
		  "indent with blanks, not with tabs" },
		{ "name: app\nlayout:\n  /usr/x:\n  \ttype: [\n",
		  "indent with blanks, not with tabs" },
		{ "name: app\n\tx: 1\nlayout: {\n", "indent with blanks, not with tabs" },
		{ "name:\tapp\nlayout: {\n", "" },
		{ "name: app\nlayout: {", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct om_str out = { 0 };
		struct om_error e = { 0 };

		assert_int_equal(compile(broken[i].text, NULL, &out, &e), -EINVAL);
		assert_string_equal(e.fix, broken[i].fix);
	}
	expect("\xef\xbb\xbfname: app\nlayout:\n  /usr/x: {type: tmpfs}\n", NULL,
	       "tmpfs /usr/x tmpfs x-snapd.origin=layout 0 0\n");
	expect("\xef\xbb\xbf", NULL, "");
}

/* That there is a name is seen, even if it cannot be read. */
static void test_bad_name(void **state)
{
	struct om_error_list errors = { 0 };
	struct om_error e = { 0 };
	struct om_str out = { 0 };

	(void)state;
	assert_int_equal(print_all("name: [app]\nlayout:\n  /usr/x: {type: tmpfs}\n",
				   &errors, &out, &e),
			 -EINVAL);
	assert_int_equal(errors.n, 1);
	assert_string_equal(e.where, "snap.yaml:1:7: name");
	assert_string_equal(e.message,
			    "cannot read the YAML document: expected a string, "
			    "found a list");
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"",   "a",    "-a",
		"a-", "a--b", "A",
		"1",  "a_b",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(om_snap_name_check(bad[i]));
	assert_null(om_snap_name_check("test-snapd-layout"));
	assert_null(om_snap_name_check("0xgingi-zen-browser"));
	assert_non_null(om_instance_key_check("toolongkey1"));
	assert_null(om_instance_key_check("k1"));
}

/* All errors of a document at once, in its order, wherever they were found. */
static void test_all_errors(void **state)
{
	static const char text[] = "name: app\n"
				   "layout:\n"
				   "  /usr/z:\n"
				   "    bnd: {a: [b, c]}\n"
				   "    mode: [1, 2]\n"
				   "  [/usr/a, b]: {bind: c}\n"
				   "  /nix:\n"
				   "    type: ext4\n"
				   "    mode: 9\n"
				   "  /usr/a:\n"
				   "    bind: $HOME\n"
				   "  /usr/a/b:\n"
				   "    bind: ${SNAP}/x\n"
				   "layouts: 1\n";
	static const char *const want[] = {
		"snap.yaml:4:5: layout./usr/z: cannot read \"bnd\": unknown key, want bind, "
		"bind-file, symlink, type, user, group or mode",
		"snap.yaml:5:11: layout./usr/z.mode: cannot read the layout: expected a "
		"string, found a list",
		"snap.yaml:6:3: layout: cannot read the layout: expected a string, found a "
		"list",
		"snap.yaml:7:3: layout./nix: cannot lay out \"/nix\": it defines a new "
		"top-level directory \"/nix\"",
		"snap.yaml:8:11: layout./nix.type: cannot use type \"ext4\": it must be "
		"tmpfs",
		"snap.yaml:9:11: layout./nix.mode: cannot use mode \"9\": it must be octal, "
		"at most 01777",
		"snap.yaml:11:11: layout./usr/a.bind: cannot use source \"$HOME\": reference "
		"to unknown variable \"$HOME\"",
		"snap.yaml:12:3: layout./usr/a/b: cannot lay out \"/usr/a/b\": it lies under "
		"the layout \"/usr/a\"",
		"snap.yaml:13:11: layout./usr/a/b.bind: cannot use source \"${SNAP}/x\": "
		"reference to unknown variable \"$\"",
		"snap.yaml:14:1: layouts: cannot read the YAML document: use singular "
		"\"layout\" instead of plural \"layouts\"",
	};
	struct om_error_list errors = { 0 };
	struct om_error e = { 0 };
	struct om_str out = { 0 };

	(void)state;
	assert_int_equal(print_all(text, &errors, &out, &e), -EINVAL);
	for (size_t i = 0; i < errors.n && i < ARRAY_SIZE(want); i++) {
		char line[1200];

		(void)snprintf(line, sizeof(line), "%s: %s", errors.v[i].where,
			       errors.v[i].message);
		assert_string_equal(line, want[i]);
	}
	assert_int_equal(errors.n, ARRAY_SIZE(want));
	assert_int_equal(errors.more, 0);
	assert_string_equal(errors.v[8].fix,
			    "write variables without braces, such as $SNAP/x");
	assert_string_equal(e.where, errors.v[0].where);
	assert_int_equal(out.len, 0);
}

static void test_errors_up_to_20(void **state)
{
	struct om_error_list errors = { 0 };
	struct om_error e = { 0 };
	struct om_str text = { 0 }, out = { 0 };

	(void)state;
	om_str_add(&text, "name: app\nlayout:\n");
	/* Found in the order of the targets, which is not that of the lines. */
	for (int i = 0; i < 25; i++)
		om_str_addf(&text, "  /nix/%02d: {type: tmpfs}\n", 50 - i);
	/* A document that cannot be read to its end: what was found before is told. */
	om_str_add(&text, "  /usr/x: {bond: 1}\n");
	assert_int_equal(print_all(om_str_get(&text), &errors, &out, &e), -EINVAL);
	assert_int_equal(errors.n, OM_MAX_ERRORS);
	assert_int_equal(errors.more, 6);
	for (size_t i = 0; i < OM_MAX_ERRORS; i++)
		assert_int_equal(errors.v[i].line, i + 3);
	memset(&errors, 0, sizeof(errors));
	om_error_clear(&e);
	om_str_add(&text, "  [\n");
	assert_int_equal(print_all(om_str_get(&text), &errors, &out, &e), -EINVAL);
	assert_int_equal(errors.n, 2);
	assert_int_equal(errors.v[0].line, 28);
	assert_non_null(strstr(errors.v[1].message, "cannot read the YAML document"));
	om_str_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_snapd),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_no_layout_is_empty),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_plural_and_broken_documents),
		cmocka_unit_test(test_tabs_and_marks),
		cmocka_unit_test(test_bad_name),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_errors_up_to_20),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
