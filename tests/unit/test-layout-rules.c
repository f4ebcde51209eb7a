/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout/, vector by vector: what snapd does with a layout (V90 to V104 of its vectors,
 * and its rules of schema, variables and order), and where the mode of our own differs.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "layout/layout.h"

#define OK NULL
#define LAYOUT "x-snapd.origin=layout 0 0\n"
#define TMPFS(target) "  " target ":\n    type: tmpfs\n"
#define BIND(target, source) "  " target ":\n    bind: " source "\n"
#define SYMLINK(target, source) "  " target ":\n    symlink: " source "\n"

/* A layout of snap foo, revision 42. */
struct vector {
	const char *layout; /* the lines below `layout:` */
	const char *strict; /* OK, or what the message must hold */
	const char *snapd;
};

static int print(const char *text, bool snapd, struct om_str *out, struct om_error *e)
{
	const struct om_layout_args args = { .file = "snap.yaml",
					     .text = text,
					     .size = strlen(text),
					     .revision = "42",
					     .snapd = snapd };

	return om_layout_print(&args, out, e);
}

static void check_mode(const struct vector *v, size_t i, bool snapd, struct om_str *out)
{
	const char *want = snapd ? v->snapd : v->strict;
	const char *mode = snapd ? "snapd" : "strict";
	struct om_error e = { 0 };
	char text[1024];
	int r;

	(void)snprintf(text, sizeof(text), "name: foo\nlayout:\n%s", v->layout);
	r = print(text, snapd, out, &e);
	if (!want && r < 0)
		fail_msg("%zu, %s: refused: %s: %s", i, mode, e.where, e.message);
	if (want && r == 0)
		fail_msg("%zu, %s: accepted: %s", i, mode, v->layout);
	if (want && (r != -EINVAL || e.kind != OM_ERR_INPUT || !strstr(e.message, want)))
		fail_msg("%zu, %s: %s: %s", i, mode, e.where, e.message);
	for (const char *p = e.message; *p; p++)
		if (!isprint((unsigned char)*p))
			fail_msg("%zu, %s: the message cannot be shown", i, mode);
	if (want && !om_startswith(e.where, "snap.yaml:"))
		fail_msg("%zu, %s: no place: %s", i, mode, e.where);
	if (want && out->len)
		fail_msg("%zu, %s: something was printed", i, mode);
}

static void check_vectors(const struct vector *vectors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct om_str strict = { 0 }, snapd = { 0 };

		check_mode(&vectors[i], i, false, &strict);
		check_mode(&vectors[i], i, true, &snapd);
		/* What both accept comes out the same. */
		if (!vectors[i].strict && !vectors[i].snapd)
			assert_string_equal(om_str_get(&strict), om_str_get(&snapd));
		om_str_free(&strict);
		om_str_free(&snapd);
	}
}

static void expect_text(const char *text, bool snapd, const char *want)
{
	struct om_str out = { 0 };
	struct om_error e = { 0 };

	if (print(text, snapd, &out, &e) < 0)
		fail_msg("refused: %s: %s", e.where, e.message);
	assert_string_equal(om_str_get(&out), want);
	om_str_free(&out);
}

static void expect_both(const char *layout, const char *want)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "name: foo\nlayout:\n%s", layout);
	expect_text(text, false, want);
	expect_text(text, true, want);
}

static void test_V90(void **state)
{
	static const char text[] = "name: vanguard\nlayout:\n"
				   "  /usr:\n    bind: $SNAP/usr\n"
				   "  /lib/mytmp:\n    type: tmpfs\n    mode: 1777\n"
				   "  /lib/mylink:\n    symlink: $SNAP/link/target\n"
				   "  /etc/foo.conf:\n    bind-file: $SNAP/foo.conf\n";
	static const char lines[] =
		"/snap/vanguard/42/foo.conf /etc/foo.conf none "
		"bind,rw,x-snapd.kind=file," LAYOUT
		"none /lib/mylink none x-snapd.kind=symlink,"
		"x-snapd.symlink=/snap/vanguard/42/link/target," LAYOUT
		"tmpfs /lib/mytmp tmpfs x-snapd.mode=01777," LAYOUT
		"/snap/vanguard/42/usr /usr none rbind,rw," LAYOUT;
	static const char overnames[] =
		"/snap/vanguard_key /snap/vanguard none rbind,x-snapd.origin=overname 0 0\n"
		"/var/snap/vanguard_key /var/snap/vanguard none "
		"rbind,x-snapd.origin=overname 0 0\n";
	struct om_layout_args args = { .file = "f",
				       .text = text,
				       .size = strlen(text),
				       .revision = "42",
				       .instance_key = "key" };

	(void)state;
	expect_text(text, false, lines);
	expect_text(text, true, lines);
	for (int snapd = 0; snapd < 2; snapd++) {
		struct om_str out = { 0 };

		args.snapd = snapd;
		assert_int_equal(om_layout_print(&args, &out, NULL), 0);
		assert_string_equal(om_startswith(om_str_get(&out), overnames), lines);
		om_str_free(&out);
	}
}

static void test_V94(void **state)
{
	static const char *const kinds[] = { "    bind: $SNAP/a\n",
					     "    bind-file: $SNAP/b\n",
					     "    symlink: $SNAP/c\n",
					     "    type: tmpfs\n" };

	(void)state;
	for (unsigned set = 0; set < 1u << ARRAY_SIZE(kinds); set++) {
		struct om_str layout = { 0 };
		struct vector v = { 0 };

		om_str_add(&layout, "  /usr/foo:\n    mode: 755\n");
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (set & 1u << i)
				om_str_add(&layout, kinds[i]);
		v.layout = om_str_get(&layout);
		/* One kind is right, none and several are not. */
		if (set == 0 || (set & (set - 1)))
			v.strict = v.snapd = "must define one of";
		check_vectors(&v, 1);
		om_str_free(&layout);
	}
}

static void test_V95(void **state)
{
	static const struct vector vectors[] = {
		{ "  /usr/x:\n    type: ext4\n", "type \"ext4\"", "type \"ext4\"" },
		{ "  /usr/x:\n    type: tmpfs\n    user: foo\n", "user \"foo\"",
		  "user \"foo\"" },
		{ "  /usr/x:\n    type: tmpfs\n    group: foo\n", "group \"foo\"",
		  "group \"foo\"" },
		/* A number is a name that snapd does not take. */
		{ "  /usr/x:\n    type: tmpfs\n    user: 1000\n", OK, "must be root" },
		{ "  /usr/x:\n    type: tmpfs\n    group: 0\n", OK, "must be root" },
		{ "  /usr/x:\n    type: tmpfs\n    user: root\n    group: root\n", OK,
		  OK },
		{ "  /usr/x:\n    type: tmpfs\n    mode: 02755\n", "sticky bit",
		  "sticky bit" },
		{ "  /usr/x:\n    type: tmpfs\n    mode: 04755\n", "sticky bit",
		  "sticky bit" },
		{ "  /usr/x:\n    type: tmpfs\n    mode: 09\n", "octal", "octal" },
		{ "  /usr/x:\n    type: tmpfs\n    mode: 77777777777777\n", "octal",
		  "octal" },
		{ BIND("$FOO", "$SNAP/x"), "unknown variable \"$FOO\"",
		  "unknown variable \"$FOO\"" },
		{ BIND("/usr/x", "$BAR"), "unknown variable \"$BAR\"",
		  "unknown variable \"$BAR\"" },
		{ SYMLINK("/usr/x", "$BAR"), "unknown variable \"$BAR\"",
		  "unknown variable \"$BAR\"" },
		{ BIND("/usr/x", "/etc"), "must start with $SNAP", "must start with" },
		{ SYMLINK("/usr/x", "/etc"), "must start with $SNAP", "must start with" },
		{ BIND("/usr/x", "$SNAP/sda[0123]"), "'['", "'['" },
		{ BIND("/usr/x", "$SNAP/*"), "'*'", "'*'" },
		{ BIND("/usr/x", "$SNAP/a\"quote"), "'\"'", "'\"'" },
		{ BIND("/usr/x", "$SNAP/^invalid"), "'^'", "'^'" },
		{ BIND("/usr/x", "$SNAP/{here,there}"), "'{'", "'{'" },
		{ SYMLINK("/usr/x", "$SNAP/**"), "'*'", "'*'" },
		{ BIND("/usr/x", "$SNAP/../x"), "'..'", "absolute and clean" },
		{ BIND("/usr/x", "$SNAP/x/"), "clean", "clean" },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

static void test_V96(void **state)
{
	static const char *const places[] = {
		"/dev",
		"/dev/foo",
		"/home",
		"/proc",
		"/sys",
		"/run",
		"/run/foo",
		"/var/run",
		"/var/run/foo",
		"/boot",
		"/lost+found",
		"/media",
		"/var/snap",
		"/var/lib/snapd",
		"/tmp",
		"/var/lib/snapd/hostfs",
		"/lib/firmware",
		"/lib/modules",
		"/usr/lib/firmware",
		"/usr/lib/modules",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char layout[128];
		struct vector v = { layout, "off-limits", "off-limits" };

		(void)snprintf(layout, sizeof(layout), TMPFS("%s"), places[i]);
		check_vectors(&v, 1);
	}
}

static void test_V97(void **state)
{
	(void)state;
	expect_both(BIND("/usr", "$SNAP/usr"),
		    "/snap/foo/42/usr /usr none rbind,rw," LAYOUT);
	expect_both(SYMLINK("/usr", "$SNAP/usr"),
		    "none /usr none x-snapd.kind=symlink,"
		    "x-snapd.symlink=/snap/foo/42/usr," LAYOUT);
	expect_both(SYMLINK("/etc/foo.conf", "$SNAP_DATA/foo.conf"),
		    "none /etc/foo.conf none x-snapd.kind=symlink,"
		    "x-snapd.symlink=/var/snap/foo/42/foo.conf," LAYOUT);
	expect_both(TMPFS("/usr/x") "    mode: 01755\n",
		    "tmpfs /usr/x tmpfs x-snapd.mode=01755," LAYOUT);
	expect_both(TMPFS("/usr/x") "    mode: 0655\n",
		    "tmpfs /usr/x tmpfs x-snapd.mode=0655," LAYOUT);
	expect_both(TMPFS("/usr/x") "    mode: 0755\n", "tmpfs /usr/x tmpfs " LAYOUT);
	expect_both(TMPFS("/usr/x") "    mode: 0\n",
		    "tmpfs /usr/x tmpfs x-snapd.mode=0," LAYOUT);
	expect_both(SYMLINK("$SNAP/data", "$SNAP_DATA"),
		    "none /snap/foo/42/data none x-snapd.kind=symlink,"
		    "x-snapd.symlink=/var/snap/foo/42," LAYOUT);
	/* snapd is below it, and no snap of the corpus does it: V102 says what we do. */
	expect_text("name: foo\nlayout:\n" BIND("/var", "$SNAP_DATA/var"), true,
		    "/var/snap/foo/42/var /var none rbind,rw," LAYOUT);
}

static void test_V98(void **state)
{
	static const struct vector vectors[] = {
		{ TMPFS("/usr/foo") TMPFS("/usr/foo/bar"), "lies under", "lies under" },
		{ TMPFS("/usr/foo/bar") TMPFS("/usr/foo"), "lies under", "lies under" },
		{ BIND("/usr/foo", "$SNAP/a") BIND("/usr/foo/bar", "$SNAP/b"),
		  "lies under", "lies under" },
		{ SYMLINK("/usr/foo", "$SNAP/a") TMPFS("/usr/foo/bar"), "lies under",
		  "lies under" },
		{ "  /usr/foo:\n    bind-file: $SNAP/a\n" TMPFS("/usr/foo/b/c"),
		  "lies under", "lies under" },
		{ TMPFS("/etc/foo") TMPFS("/etc/foo.conf"), OK, OK },
		{ TMPFS("/etc/foo") TMPFS("/etc/foobar"), OK, OK },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

static void test_V99(void **state)
{
	static const struct vector vectors[] = {
		{ BIND("/etc/norf", "$SNAP/s") "  /etc/corge:\n    bind-file: $SNAP/s\n",
		  "as a file", "as a file" },
		{ "  /etc/norf:\n    bind-file: $SNAP/s\n" BIND("/etc/corge", "$SNAP/s"),
		  "as a directory", "as a directory" },
		{ BIND("/etc/norf",
		       "/snap/foo/42/s") "  /etc/corge:\n    bind-file: $SNAP/s\n",
		  "as a file", "as a file" },
		{ SYMLINK("/etc/norf", "$SNAP/s") BIND("/etc/corge", "$SNAP/s"), OK, OK },
		{ BIND("/etc/norf", "$SNAP/s") BIND("/etc/corge", "$SNAP/s"), OK, OK },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

static void test_V100(void **state)
{
	static const struct vector vectors[] = {
		{ TMPFS("/snap/that-snap/current/stuff"), "another snap",
		  "another snap" },
		{ TMPFS("$SNAP/relative"), OK, OK },
		{ TMPFS("/snap/foo/42/relative"), OK, OK },
		/* All snaps are below it; snapd asks only what is below /snap/. */
		{ TMPFS("/snap"), "another snap", OK },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

static void test_V101(void **state)
{
	static const struct vector vectors[] = {
		{ TMPFS("/nonexistent-dir"), "top-level directory \"/nonexistent-dir\"",
		  "top-level directory \"/nonexistent-dir\"" },
		{ TMPFS("/nonexistent-dir/subdir"), "top-level directory", "top-level" },
		{ TMPFS("///////unclean-absolute-dir"), "not clean", "clean" },
		{ TMPFS("/lib32"), "top-level directory", "top-level directory" },
		{ TMPFS("\"/x\\ey\""), "control character", "top-level directory" },
		{ TMPFS("/\xc3\xa9"), "top-level directory", "top-level directory" },
		{ TMPFS("$SNAP/with\"quote"), "'\"'", "'\"'" },
		{ TMPFS("$SNAP/myDir[0123]"), "'['", "'['" },
		{ TMPFS("$SNAP/here{a,b}"), "'{'", "'{'" },
		{ TMPFS("$SNAP/anywhere*"), "'*'", "'*'" },
		{ TMPFS("usr/x"), "not absolute", "absolute" },
		{ TMPFS("usr"), "not absolute", "absolute" },
		{ TMPFS("\"\""), "empty path", "empty path" },
		{ TMPFS("/usr/../etc/x"), "'..'", "clean" },
		{ TMPFS("/usr/./x"), "clean", "clean" },
		{ TMPFS("/usr/x/"), "clean", "clean" },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

static void test_V102(void **state)
{
	static const struct vector vectors[] = {
		{ TMPFS("/home/x"), "off-limits", "off-limits" },
		{ TMPFS("$SNAP_DATA/x"), "off-limits", "off-limits" },
		{ TMPFS("$SNAP_COMMON/x"), "off-limits", "off-limits" },
		/* Holes of snapd's: the root, and what snapd itself stands on. */
		{ BIND("/", "$SNAP"), "hide the root directory", OK },
		{ TMPFS("/var/lib"), "hide /var/lib/snapd", OK },
		{ TMPFS("/var"), "hide /var/lib/snapd", OK },
		/* Real layouts do this. */
		{ BIND("/lib", "$SNAP/lib"), OK, OK },
		{ BIND("/usr/lib", "$SNAP/usr/lib"), OK, OK },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
	expect_text("name: foo\nlayout:\n" BIND("/", "$SNAP"), true,
		    "/snap/foo/42 / none rbind,rw," LAYOUT);
}

static void test_V103(void **state)
{
	static const struct vector vectors[] = {
		/* Sorted by what was written, the parent comes last. */
		{ TMPFS("$SNAP/a/b") TMPFS("/snap/foo/42/a"), "lies under", OK },
		{ TMPFS("$SNAP/a") TMPFS("/snap/foo/42/a/b"), "lies under",
		  "lies under" },
		{ TMPFS("$SNAP/a") TMPFS("/snap/foo/42/a"), "lies under", "lies under" },
		/* Below "/" there is nothing to snapd, which looks for "//". */
		{ BIND("/", "$SNAP") TMPFS("/usr/x"), "hide the root directory", OK },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

static void test_V104(void **state)
{
	static const struct vector vectors[] = {
		{ TMPFS("/snap/foobar/x"), "another snap", OK },
		{ TMPFS("/snap/fo/x"), "another snap", "another snap" },
		{ BIND("/usr/x", "/snap/foo/420/x"), "must start with", OK },
		{ BIND("/usr/x", "/var/snap/foo/commonly"), "must start with", OK },
		{ SYMLINK("/usr/x", "/snap/foo/420"), "must start with", OK },
		{ BIND("/usr/x", "/snap/foo/4"), "must start with", "must start with" },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
}

/* 2.1: the schema, where snapd passes over what it does not know. */
static void test_schema(void **state)
{
	static const struct vector vectors[] = {
		{ "  /usr/x:\n    type: tmpfs\n    size: 1m\n", "\"size\": unknown key",
		  OK },
		{ "  /usr/x:\n    type: tmpfs\n    size: {a: [b, c]}\n", "unknown key",
		  OK },
		{ TMPFS("/usr/x") "    type: tmpfs\n", "given twice", OK },
		{ "  /usr/x:\n    type: ext4\n    type: tmpfs\n", "given twice", OK },
		{ TMPFS("/usr/x") TMPFS("/usr/x"), "given twice", OK },
		{ TMPFS("/usr/x") "  /usr/x:\n    type: ext4\n", "given twice", "ext4" },
		{ "  /usr/x:\n    type: tmpfs\n    bind: ''\n", "found bind and type",
		  OK },
		{ "  /usr/x:\n    type: tmpfs\n    mode:\n", "found nothing", OK },
		{ "  /usr/x:\n    type: tmpfs\n    mode: ''\n", "octal", OK },
		{ "  /usr/x:\n", "found nothing", "found nothing" },
		{ "  /usr/x: tmpfs\n", "found a string", "found a string" },
		{ "  /usr/x: [a]\n", "found a list", "found a list" },
		{ "  /usr/x:\n    bind: [a]\n", "found a list", "found a list" },
		{ "  /usr/x:\n    bind: {a: b}\n", "found a map", "found a map" },
		{ "  /usr/x:\n    mode: 0700\n    bind: $SNAP/x\n",
		  "only a tmpfs has a mode", OK },
		{ "  /usr/x:\n    user: 7\n    bind: $SNAP/x\n",
		  "only a tmpfs has an owner", "must be root" },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
	expect_text("name: a\nname: foo\nlayout:\n" TMPFS("/usr/x") "layout:\n" TMPFS(
			    "/usr/a"),
		    true, "tmpfs /usr/a tmpfs " LAYOUT "tmpfs /usr/x tmpfs " LAYOUT);
	/* snapd reads one document and never looks at the next. */
	expect_text("name: foo\nlayout:\n" TMPFS("/usr/x") "---\n[\n", true,
		    "tmpfs /usr/x tmpfs " LAYOUT);
}

/* 2.2: variables. */
static void test_variables(void **state)
{
	static const struct vector vectors[] = {
		{ BIND("/usr/x", "${SNAP}/x"), "unknown variable \"$\"",
		  "unknown variable \"$\"" },
		{ BIND("/usr/x", "$SNAP_USER_DATA/x"), "$SNAP_USER_DATA",
		  "$SNAP_USER_DATA" },
		{ BIND("/usr/x", "$SNAP/x$"), "unknown variable \"$\"",
		  "unknown variable" },
		{ BIND("/usr/x", "$$SNAP/x"), "unknown variable \"$\"",
		  "unknown variable" },
		/* snapd checks $SNAP and expands $SNAP1, to nothing. */
		{ TMPFS("$SNAP1/usr/x"), "unknown variable \"$SNAP1\"", OK },
		{ BIND("/usr/x", "$SNAP1/x"), "unknown variable \"$SNAP1\"",
		  "must start with" },
		/* In the middle of a path. */
		{ TMPFS("/usr/x$SNAP"), OK, OK },
		{ BIND("/usr/x", "$SNAP/y$SNAP_COMMON"), OK, OK },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
	expect_text("name: foo\nlayout:\n" TMPFS("$SNAP1/usr/x"), true,
		    "tmpfs /usr/x tmpfs " LAYOUT);
	expect_both(TMPFS("/usr/x$SNAP"), "tmpfs /usr/x/snap/foo/42 tmpfs " LAYOUT);
	expect_both(BIND("/usr/x", "$SNAP_COMMON/y"),
		    "/var/snap/foo/common/y /usr/x none rbind,rw," LAYOUT);
}

/* Bytes that snapd lets through; ours go to places where they would be read wrongly. */
static void test_bytes(void **state)
{
	static const struct vector vectors[] = {
		{ BIND("\"/usr/a b\"", "\"$SNAP/a\\tb\""), "control character", OK },
		{ BIND("\"/usr/a b\"", "\"$SNAP/a b\""), OK, OK },
		{ SYMLINK("/usr/x", "\"$SNAP/a,b\""), "comma", OK },
		{ BIND("/usr/x", "\"$SNAP/a,b\""), OK, OK },
		{ BIND("/usr/x", "$SNAP/a@b"), "'@'", OK },
		{ BIND("/usr/x", "\"$SNAP/a\\u202Eb\""), "U+202E", OK },
		{ BIND("/usr/x", "\"$SNAP/a\\0b\""), "NUL", "NUL" },
	};

	(void)state;
	check_vectors(vectors, ARRAY_SIZE(vectors));
	expect_text("name: foo\nlayout:\n" BIND("\"/usr/a b\"",
						"\"$SNAP/a\\tb\\\\c\\n\""),
		    true,
		    "/snap/foo/42/a\\011b\\134c\\012 /usr/a\\040b none rbind,rw," LAYOUT);
}

/* 2.5: by the bytes that were written, so a variable goes first. */
static void test_order(void **state)
{
	(void)state;
	expect_both(TMPFS("/usr/b") TMPFS("/usr/a-1") TMPFS("$SNAP/z") TMPFS("/etc/x")
			    TMPFS("/usr/a"),
		    "tmpfs /snap/foo/42/z tmpfs " LAYOUT "tmpfs /etc/x tmpfs " LAYOUT
		    "tmpfs /usr/a tmpfs " LAYOUT "tmpfs /usr/a-1 tmpfs " LAYOUT
		    "tmpfs /usr/b tmpfs " LAYOUT);
}

static void test_extra_layouts(void **state)
{
	static const char text[] = "name: foo\nlayout:\n" TMPFS("/usr/x");
	static const struct om_layout_extra journal = { "/run/systemd/journal.snap-g",
							"/run/systemd/journal" };
	static const struct om_layout_extra bad = { "/run/x", "/proc/x" };
	struct om_layout_args args = { .file = "f",
				       .text = text,
				       .size = strlen(text),
				       .extras = &journal,
				       .n_extras = 1 };
	struct om_error e = { 0 };
	struct om_str out = { 0 };

	(void)state;
	for (int snapd = 0; snapd < 2; snapd++) {
		args.snapd = snapd;
		om_str_cut(&out, 0);
		assert_int_equal(om_layout_print(&args, &out, NULL), 0);
		assert_string_equal(om_str_get(&out),
				    "tmpfs /usr/x tmpfs " LAYOUT
				    "/run/systemd/journal.snap-g /run/systemd/journal "
				    "none rbind,rw," LAYOUT);
	}
	args.extras = &bad;
	assert_int_equal(om_layout_print(&args, &out, NULL), 0);
	args.snapd = false;
	assert_int_equal(om_layout_print(&args, &out, &e), -EINVAL);
	assert_non_null(strstr(e.message, "\"/proc/x\": reserved location"));
	om_str_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_V90),	      cmocka_unit_test(test_V94),
		cmocka_unit_test(test_V95),	      cmocka_unit_test(test_V96),
		cmocka_unit_test(test_V97),	      cmocka_unit_test(test_V98),
		cmocka_unit_test(test_V99),	      cmocka_unit_test(test_V100),
		cmocka_unit_test(test_V101),	      cmocka_unit_test(test_V102),
		cmocka_unit_test(test_V103),	      cmocka_unit_test(test_V104),
		cmocka_unit_test(test_schema),	      cmocka_unit_test(test_variables),
		cmocka_unit_test(test_bytes),	      cmocka_unit_test(test_order),
		cmocka_unit_test(test_extra_layouts),
	};

	return cmocka_run_group_tests_name("layout-rules", tests, NULL, NULL);
}
