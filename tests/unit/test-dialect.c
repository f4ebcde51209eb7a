/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first proposal of layouts: its section of a snap.yaml and its lines of a profile become
 * the same profile, which is today's.
 */
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
#include "profile/owner.h"
#include "profile/profile.h"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/sh\n"
	"nobodyelse:x:7:7::/:/bin/false\n"
	"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	"broken:x\n"
	"wrong:x:seven:7::/:/bin/false\n"
	"long:x:00000000000000000007:7::/:/bin/false\n";
static const char group[] = "root:x:0:\nnogroup:x:65534:\nnobody:x:99:\nlast:x:5:";

#define PROPOSED                                                                            \
	"name: app\n"                                                                       \
	"layout:\n"                                                                         \
	"  /usr:\n    bind: $SNAP/usr\n"                                                    \
	"  /mytmp:\n    type: tmpfs\n    user: nobody\n    group: nobody\n    mode: 1777\n" \
	"  /mylink:\n    symlink: /link/target\n"

static const char *const today =
	"none /mylink none "
	"x-snapd.kind=symlink,x-snapd.symlink=/link/target,x-snapd.origin=layout 0 0\n"
	"tmpfs /mytmp tmpfs "
	"x-snapd.uid=65534,x-snapd.gid=99,x-snapd.mode=01777,x-snapd.origin=layout 0 0\n"
	"/snap/app/1/usr /usr none rbind,rw,x-snapd.origin=layout 0 0\n";

static const char *const lines =
	"none /mylink x-snap-symlink x-snap-symlink:/link/target 0 0\n"
	"none /mytmp tmpfs x-snap-user:nobody,x-snap-group:nobody,x-snap-mode:1777 0 0\n"
	"/snap/app/1/usr /usr none rbind,rw,x-snapd.origin=layout 0 0\n";

static int read_profile(const char *text, struct om_profile **ret, struct om_error *e)
{
	const struct om_profile_args args = { .name = "p",
					      .text = text,
					      .size = strlen(text),
					      .passwd = { "passwd", passwd },
					      .group = { "group", group } };

	return om_profile_read(&args, ret, e);
}

static int compile(const char *text, bool proposal, bool snapd, struct om_str *out,
		   struct om_error *e)
{
	const struct om_layout_args args = { .file = "snap.yaml",
					     .text = text,
					     .size = strlen(text),
					     .revision = "1",
					     .proposal = proposal,
					     .snapd = snapd,
					     .passwd = { "passwd", passwd },
					     .group = { "group", group } };

	return om_layout_print(&args, out, e);
}

static void test_one_profile(void **state)
{
	struct om_profile *p = NULL;
	struct om_str out = { 0 };
	struct om_error e = { 0 };

	(void)state;
	(void)compile(PROPOSED, true, false, &out, &e);
	assert_string_equal(e.message, "");
	assert_string_equal(om_str_get(&out), today);
	om_str_cut(&out, 0);
	(void)read_profile(lines, &p, &e);
	assert_string_equal(e.message, "");
	om_profile_print(p, &out);
	assert_string_equal(om_str_get(&out), today);
	assert_int_equal(p->entries[0].kind, OM_ENTRY_SYMLINK);
	assert_string_equal(p->entries[0].symlink, "/link/target");
	assert_int_equal(p->entries[1].kind, OM_ENTRY_TMPFS);
	assert_int_equal(p->entries[1].mode, 01777);
	assert_int_equal(p->entries[1].uid, 65534);
	assert_int_equal(p->entries[1].gid, 99);
	assert_int_equal(p->entries[1].line, 2);
	assert_int_equal(p->entries[1].origin, OM_ORIGIN_LAYOUT);
	(void)om_profile_free(p);
	om_str_free(&out);
}

static void test_lines(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "none /a tmpfs x-snap-user:root,x-snap-group:root,x-snap-mode:755",
		  "tmpfs /a tmpfs x-snapd.origin=layout" },
		{ "tmpfs /a tmpfs x-snap-group:7,x-snap-mode:0",
		  "tmpfs /a tmpfs x-snapd.gid=7,x-snapd.mode=0,x-snapd.origin=layout" },
		{ "none /a tmpfs ro,x-snap-mode:01777,size=1m,nosuid",
		  "tmpfs /a tmpfs ro,size=1m,nosuid,x-snapd.mode=01777,"
		  "x-snapd.origin=layout" },
		{ "none /a tmpfs x-snap-mode:700,x-snapd.origin=layout",
		  "tmpfs /a tmpfs x-snapd.origin=layout,x-snapd.mode=0700" },
		{ "none /a tmpfs x-snap-user:4294967294",
		  "tmpfs /a tmpfs x-snapd.uid=4294967294,x-snapd.origin=layout" },
		{ "none /a tmpfs x-snap-group:last",
		  "tmpfs /a tmpfs x-snapd.gid=5,x-snapd.origin=layout" },
		{ "none /a x-snap-symlink x-snap-symlink:relative:with:colons",
		  "none /a none x-snapd.kind=symlink,"
		  "x-snapd.symlink=relative:with:colons,x-snapd.origin=layout" },
		{ "none /my\\040link x-snap-symlink x-snap-symlink:/a\\040b",
		  "none /my\\040link none x-snapd.kind=symlink,x-snapd.symlink=/a\\040b,"
		  "x-snapd.origin=layout" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_profile *p = NULL, *again = NULL;
		struct om_str out = { 0 }, twice = { 0 };
		struct om_error e = { 0 };

		(void)read_profile(cases[i].line, &p, &e);
		assert_string_equal(e.message, "");
		om_profile_print(p, &out);
		assert_memory_equal(om_str_get(&out), cases[i].want,
				    strlen(cases[i].want));
		assert_string_equal(om_str_get(&out) + strlen(cases[i].want), " 0 0\n");
		/* What is printed is today's, and stays as it is. */
		assert_int_equal(om_profile_parse("p", out.s, out.len, &again, NULL), 0);
		om_profile_print(again, &twice);
		assert_string_equal(om_str_get(&twice), om_str_get(&out));
		assert_null(om_entry_difference(p->entries, again->entries));
		(void)om_profile_free(p);
		(void)om_profile_free(again);
		om_str_free(&out);
		om_str_free(&twice);
	}
}

static const struct {
	const char *line, *where, *message;
} refused_lines[] = {
	{ "none /a tmpfs x-snap-user:frob", "p:1: options",
	  "cannot use user \"frob\": it is neither a number nor a name in passwd" },
	{ "none /a tmpfs x-snap-group:frob", "p:1: options",
	  "cannot use group \"frob\": it is neither a number nor a name in group" },
	{ "none /a tmpfs x-snap-user:broken", "p:1: options",
	  "cannot use user \"broken\": its line in passwd has no valid number" },
	{ "none /a tmpfs x-snap-user:wrong", "p:1: options",
	  "cannot use user \"wrong\": its line in passwd has no valid number" },
	{ "none /a tmpfs x-snap-user:long", "p:1: options",
	  "cannot use user \"long\": its line in passwd has no valid number" },
	{ "none /a tmpfs x-snap-user:4294967295", "p:1: options",
	  "cannot use user \"4294967295\": it must be below 4294967295" },
	{ "none /a tmpfs x-snap-mode:2777", "p:1: options",
	  "cannot use option \"x-snap-mode\": not octal, or above 01777" },
	{ "none /a tmpfs x-snap-mode:rwx", "p:1: options",
	  "cannot use option \"x-snap-mode\": not octal, or above 01777" },
	{ "none /a tmpfs x-snap-mode:", "p:1: options",
	  "cannot use option \"x-snap-mode:\": want a colon and a value" },
	{ "none /a tmpfs x-snap-mode=1777", "p:1: options",
	  "cannot use option \"x-snap-mode=1777\": want a colon and a value" },
	{ "none /a tmpfs ro,x-snap-mode", "p:1: options",
	  "cannot use option \"x-snap-mode\": want a colon and a value" },
	{ "none /a tmpfs x-snap-mode:1,x-snap-mode:1", "p:1: options",
	  "cannot use option \"x-snap-mode:1\": given twice" },
	{ "none /a tmpfs x-snap-frob:1", "p:1: options",
	  "cannot use option \"x-snap-frob:1\": unknown option, want "
	  "x-snap-user:, x-snap-group:, x-snap-mode: or x-snap-symlink:" },
	{ "none /a tmpfs x-snap-mode:700,x-snapd.mode=0700,mode=755", "p:1: options",
	  "cannot use option \"x-snapd.mode=0700\": given twice" },
	{ "none /a x-snap-symlink defaults", "p:1: options",
	  "cannot make a symbolic link at \"/a\": x-snap-symlink: is missing" },
	{ "none /a tmpfs x-snap-symlink:/b", "p:1: options",
	  "cannot use option \"x-snap-symlink\": the type must be x-snap-symlink" },
	{ "none /a x-snap-symlink x-snap-symlink:/b,x-snap-mode:700", "p:1: options",
	  "cannot use option \"x-snap-mode\": only for type tmpfs" },
	{ "/s /a none bind,x-snap-user:1", "p:1: options",
	  "cannot use option \"x-snap-user\": only for type tmpfs" },
	{ "none /a x-snap-symlink x-snap-symlink:/b*", "p:1: options",
	  "cannot use option \"x-snapd.symlink=/b*\": character '*' is not "
	  "allowed" },
	{ "/s /a x-snap-symlink x-snap-symlink:/b", "p:1: source",
	  "cannot use source \"/s\": the source of a symbolic link must be none" },
	{ "none /proc/a x-snap-symlink x-snap-symlink:/b", "p:1: target",
	  "cannot mount at \"/proc/a\": reserved location" },
	{ "none /a x-snap-frob x-snap-symlink:/b", "p:1: options",
	  "cannot use option \"x-snap-symlink\": the type must be "
	  "x-snap-symlink" },
};

static void test_refused_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused_lines); i++) {
		struct om_profile *p = NULL;
		struct om_error e = { 0 };

		assert_int_equal(read_profile(refused_lines[i].line, &p, &e), -EINVAL);
		assert_string_equal(e.message, refused_lines[i].message);
		assert_string_equal(e.where, refused_lines[i].where);
		assert_null(p);
		assert_int_equal(read_profile(refused_lines[i].line, &p, NULL), -EINVAL);
	}
}

/* Without the files there are numbers only. */
static void test_no_files(void **state)
{
	static const char *const named = "none /a tmpfs x-snap-user:nobody 0 0\n";
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	(void)state;
	assert_int_equal(om_profile_parse("p", named, strlen(named), &p, &e), -EINVAL);
	assert_string_equal(e.message,
			    "cannot use user \"nobody\": it is neither a number "
			    "nor a name in a file");
	assert_true(om_profile_wants_names(named, strlen(named)));
	assert_true(om_profile_wants_names("x-snap-group:", 13));
	assert_false(om_profile_wants_names("x-snap-mode:1 x-snapd.uid=1", 27));
}

/* Many short lines need the most room for what they become. */
static void test_room(void **state)
{
	struct om_str text = { 0 };
	struct om_profile *p = NULL;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		om_str_addf(&text, "%s /%u %s\n", i % 2 ? "a" : "none", i,
			    i % 2 ? "none bind" : "x-snap-symlink x-snap-symlink:b");
	assert_int_equal(read_profile(om_str_get(&text), &p, NULL), -EINVAL);
	om_str_cut(&text, 0);
	for (unsigned i = 0; i < 4000; i++)
		om_str_addf(&text, "none /%u %s\n", i,
			    i % 2 ? "x-snap-symlink x-snap-symlink:b"
				  : "tmpfs x-snap-user:nobody,x-snap-group:nobody");
	assert_int_equal(read_profile(om_str_get(&text), &p, NULL), 0);
	assert_int_equal(p->n, 4000);
	assert_string_equal(p->entries[3999].symlink, "b");
	assert_int_equal(p->entries[3998].gid, 99);
	(void)om_profile_free(p);
	om_str_free(&text);
}

/* What the proposal could say and today's rules refuse, by each of the modes. */
static void test_modes(void **state)
{
	static const struct {
		const char *layout, *strict, *snapd;
	} cases[] = {
		{ "  /mytmp:\n    type: tmpfs\n", "top-level", "top-level" },
		{ "  /usr/l:\n    symlink: /link/target\n", "must start with $SNAP",
		  "must start with $SNAP" },
		{ "  /usr/t:\n    type: tmpfs\n    user: nobody\n", NULL,
		  "must be root" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct om_str out = { 0 };
		struct om_error e = { 0 };

		(void)snprintf(text, sizeof(text), "name: app\nlayout:\n%s",
			       cases[i].layout);
		assert_int_equal(compile(text, true, false, &out, &e), 0);
		assert_true(out.len > 0);
		om_str_cut(&out, 0);
		if (cases[i].strict) {
			assert_int_equal(compile(text, false, false, &out, &e), -EINVAL);
			assert_non_null(strstr(e.message, cases[i].strict));
		}
		om_error_clear(&e);
		assert_int_equal(compile(text, false, true, &out, &e), -EINVAL);
		assert_non_null(strstr(e.message, cases[i].snapd));
		om_str_free(&out);
	}
}

/* The proposal is no way around what protects the system. */
static void test_still_refused(void **state)
{
	static const struct {
		const char *layout, *message;
	} cases[] = {
		{ "  /:\n    type: tmpfs\n", "it would hide the root directory" },
		{ "  /proc/x:\n    type: tmpfs\n", "off-limits" },
		{ "  /tmp:\n    type: tmpfs\n", "off-limits" },
		{ "  /var:\n    type: tmpfs\n", "/var/lib/snapd" },
		{ "  /snap/other/x:\n    type: tmpfs\n", "another snap" },
		{ "  /mylink:\n    symlink: link/target\n", "not absolute" },
		{ "  /mylink:\n    symlink: /link/../target\n", ".." },
		{ "  /mylink:\n    symlink: /link/*\n", "'*'" },
		{ "  /mylink:\n    symlink: $HOME/x\n", "$HOME" },
		{ "  /mylink:\n    symlink: /a,b\n", "comma" },
		{ "  /mybind:\n    bind: /etc\n", "must start with $SNAP" },
		{ "  /mytmp:\n    type: tmpfs\n    mode: 2777\n", "sticky bit" },
		{ "  /mytmp:\n    type: tmpfs\n    user: frob\n", "neither a number" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct om_str out = { 0 };
		struct om_error e = { 0 };

		(void)snprintf(text, sizeof(text), "name: app\nlayout:\n%s",
			       cases[i].layout);
		assert_int_equal(compile(text, true, false, &out, &e), -EINVAL);
		assert_non_null(strstr(e.message, cases[i].message));
		assert_int_equal(out.len, 0);
		om_str_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_profile),   cmocka_unit_test(test_lines),
		cmocka_unit_test(test_refused_lines), cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_room),	      cmocka_unit_test(test_modes),
		cmocka_unit_test(test_still_refused),
	};

	return cmocka_run_group_tests_name("dialect", tests, NULL, NULL);
}
