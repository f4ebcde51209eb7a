/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snapd/, by the vectors of what snapd's own tests assert: profiles, what is saved, places,
 * clashes, the command line, users.  docs/snapd-vectors.md says where the others are.
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
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"
#include "snapd/args.h"
#include "snapd/entry.h"
#include "snapd/expand.h"
#include "snapd/file.h"
#include "snapd/freezer.h"
#include "snapd/fstab.h"
#include "snapd/name.h"
#include "snapd/places.h"
#include "snapd/record.h"
#include "snapd/unclash.h"

/* --- Profiles --------------------------------------------------------------------------- */

static int parse(struct om_snapd_profile *p, const char *text, struct om_error *e)
{
	return om_snapd_profile_parse(p, "f", text, strlen(text), e);
}

/* One entry, field by field; options joined by '|'. */
struct line_vector {
	const char *name;
	const char *text;
	const char *fields; /* NAME;DIR;TYPE;OPTIONS;FREQ;PASSNO, or NULL: no entry */
	const char *error;  /* or what the message is */
};

static char *describe(const struct om_snapd_entry *entry)
{
	struct om_str out = { 0 };

	om_str_addf(&out, "%s;%s;%s;", entry->name, entry->dir, entry->type);
	for (size_t i = 0; i < entry->options.n; i++)
		om_str_addf(&out, "%s%s", i > 0 ? "|" : "", entry->options.v[i]);
	om_str_addf(&out, ";%d;%d", entry->freq, entry->passno);
	return om_str_take(&out);
}

static void check_line(const struct line_vector *v)
{
	_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
	struct om_error e = { 0 };
	int r = parse(&p, v->text, &e);
	_cleanup_free_ char *got = r == 0 && p.entries.n ? describe(&p.entries.v[0])
							 : NULL;

	if (v->error && (r != -EINVAL || !om_streq(e.message, v->error)))
		fail_msg("%s: %d, \"%s\", want \"%s\"", v->name, r, e.message, v->error);
	if (!v->error && (r != 0 || !om_streq(got, v->fields)))
		fail_msg("%s: %d, \"%s\", want \"%s\"", v->name, r, got ? got : e.message,
			 v->fields);
}

static const struct line_vector lines[] = {
	{ "V1", "UUID=x / ext4 errors=remount-ro 0 1",
	  "UUID=x;/;ext4;errors=remount-ro;0;1", NULL },
	{ "V2", "none /tmp tmpfs", "none;/tmp;tmpfs;;0;0", NULL },
	{ "V3", "mhddfs#/mnt/dir1,/mnt/dir2 /mnt/dir fuse defaults,allow_other 0 0",
	  "mhddfs#/mnt/dir1,/mnt/dir2;/mnt/dir;fuse;defaults|allow_other;0;0", NULL },
	{ "V4", "na\\040me d\\011ir ty\\012pe optio\\134ns 0 0",
	  "na me;d\tir;ty\npe;optio\\ns;0;0", NULL },
	{ "V5", "1", NULL, "expected at least 3 fields, found 1" },
	{ "V5", "1 2", NULL, "expected at least 3 fields, found 2" },
	{ "V5", "1 2 3 4 5 6 7", "1;2;3;4 5;6;7", NULL },
	{ "V5: any blanks between options", "n d t a b\tc 1 2", "n;d;t;a b c;1;2", NULL },
	{ "V6", "name dir type options foo 0", NULL,
	  "cannot parse dump frequency: \"foo\"" },
	{ "V6", "name dir type options 0 foo", NULL,
	  "cannot parse check pass number: \"foo\"" },
	{ "V7", "name dir type options 5", "name;dir;type;options;5;0", NULL },
	{ "V7", "name dir type options 5 7", "name;dir;type;options;5;7", NULL },
	{ "V11", "a b c d # x y", "a;b;c;d;0;0", NULL },
	{ "V11", "   # c", NULL, NULL },
	{ "V11", "\\134040 b c", "\\040;b;c;;0;0", NULL },
	{ "V11: any other escape stays", "\\050\\04x b c", "\\050\\04x;b;c;;0;0", NULL },
	{ "a line ends with CR LF", "a b c d\r", "a;b;c;d;0;0", NULL },
	{ "an option with an escaped comma is two", "a b c x\\0540 0 0",
	  "a;b;c;x\\0540;0;0", NULL },
};

static void test_lines(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		check_line(&lines[i]);
}

/* What is read is written as it was. */
static void test_round_trip(void **state _unused_)
{
	static const struct {
		const char *in;
		const char *out; /* NULL: the same */
	} texts[] = {
		/* V17 */
		{ "/var/lib/snapd/hostfs/usr/local/share/fonts /usr/local/share/fonts none "
		  "bind,ro 0 0\n/var/lib/snapd/hostfs/usr/share/fonts /usr/share/fonts none "
		  "bind,ro 0 0\n",
		  NULL },
		/* V58 */
		{ "tmpfs /usr/share tmpfs x-snapd.synthetic,x-snapd.needed-by=/usr/share/mysnap "
		  "0 0\n",
		  NULL },
		{ "na\\040me d\\011ir ty\\012pe optio\\134ns 0 0\n", NULL },
		{ "none /tmp tmpfs\n", "none /tmp tmpfs defaults 0 0\n" },
		{ "# nothing\n\n a  b\tc d\n", "a b c d 0 0\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
		_cleanup_str_ struct om_str out = { 0 };

		assert_int_equal(parse(&p, texts[i].in, NULL), 0);
		om_snapd_profile_print(&p, &out);
		assert_string_equal(om_str_get(&out),
				    texts[i].out ? texts[i].out : texts[i].in);
	}
}

/* V8 to V10 */
static void test_V8_V9_V10_format(void **state _unused_)
{
	static const struct {
		const char *name, *dir, *type;
		const char *options[2];
		const char *want;
	} entries[] = {
		{ "", "", "", { 0 }, "none none none defaults 0 0" },
		{ "/dev/sda5",
		  "/media/My Files",
		  "ext4",
		  { "rw", "noatime" },
		  "/dev/sda5 /media/My\\040Files ext4 rw,noatime 0 0" },
		{ "",
		  "$HOME/.local/share",
		  "",
		  { "x-snapd.kind=ensure-dir", "x-snapd.must-exist-dir=$HOME" },
		  "none $HOME/.local/share none x-snapd.kind=ensure-dir,"
		  "x-snapd.must-exist-dir=$HOME 0 0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		const char *options[2] = { entries[i].options[0], entries[i].options[1] };
		struct om_snapd_entry entry = { .name = entries[i].name,
						.dir = entries[i].dir,
						.type = entries[i].type };
		_cleanup_str_ struct om_str out = { 0 };

		entry.options.v = options;
		entry.options.n = options[0] ? 2 : 0;
		om_snapd_entry_print(&entry, &out);
		assert_string_equal(om_str_get(&out), entries[i].want);
	}
}

static void test_equality(void **state _unused_)
{
	static const char *const others[] = {
		"x b c d,e 1 2", "a x c d,e 1 2", "a b x d,e 1 2", "a b c e,d 1 2",
		"a b c d 1 2",	 "a b c d,e 0 2", "a b c d,e 1 0",
	};
	_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };

	assert_int_equal(parse(&p, "a b c d,e 1 2\na b c d,e 1 2\n", NULL), 0);
	assert_true(om_snapd_entry_equal(&p.entries.v[0], &p.entries.v[1]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(parse(&p, others[i], NULL), 0);
		assert_false(om_snapd_entry_equal(&p.entries.v[0], &p.entries.v[2 + i]));
	}
}

/* V15, V16 */
static void test_V15_V16_options(void **state _unused_)
{
	_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
	struct om_snapd_entry *entry;

	assert_int_equal(parse(&p,
			       "none /foo none x-snapd.kind=ensure-dir,"
			       "x-snapd.must-exist-dir=$HOME,x-snapd.kind=file\n"
			       "none /bar none x-snapd.id=foo,rbind\n",
			       NULL),
			 0);
	entry = &p.entries.v[0];
	assert_string_equal(om_snapd_entry_id(entry), "/foo");
	assert_string_equal(om_snapd_entry_id(&p.entries.v[1]), "foo");
	assert_null(om_snapd_entry_value(entry, "x-snapd.needed-by"));
	/* The first one counts. */
	assert_int_equal(om_snapd_entry_kind(entry), OM_SNAPD_ENSURE_DIR);
	assert_true(om_snapd_entry_is_bind(&p.entries.v[1]));
	assert_false(om_snapd_entry_has(entry, "rbind"));
	assert_int_equal(om_snapd_entry_replace(&p, entry,
						"x-snapd.must-exist-dir=/home/username"),
			 0);
	assert_string_equal(entry->options.v[1], "x-snapd.must-exist-dir=/home/username");
	assert_int_equal(om_snapd_entry_replace(&p, entry, "x-snapd.kind="), 0);
	assert_int_equal(om_snapd_entry_replace(&p, entry, "x-snapd.kind"), 0);
	assert_int_equal(om_snapd_entry_replace(&p, entry, "x-snapd.none=x"), 0);
	assert_string_equal(entry->options.v[0], "x-snapd.kind=ensure-dir");
	assert_int_equal(entry->options.n, 3);
}

/* --- For the engine ---------------------------------------------------------------------- */

struct convert_vector {
	const char *name;
	const char *text;
	const char *target;
	enum om_entry_kind kind;
	enum om_origin origin;
	unsigned attr;
	const char *error; /* part of the message */
};

static const struct convert_vector converts[] = {
	{ "V12: flags", "/s /t none bind,ro,nodev,nosuid", "/t", OM_ENTRY_BIND_DIR,
	  OM_ORIGIN_GENERAL, OM_ATTR_RDONLY | OM_ATTR_NODEV | OM_ATTR_NOSUID, NULL },
	{ "V12: snapd's own options are for nobody else", "/s /t none bind,x-snapd.foo",
	  "/t", OM_ENTRY_BIND_DIR, OM_ORIGIN_GENERAL, 0, NULL },
	{ "V12: rw", "/s /t none bind,rw", "/t", OM_ENTRY_BIND_DIR, OM_ORIGIN_GENERAL, 0,
	  NULL },
	{ "V12: a word that would be ignored", "/s /t none bind,bogus", NULL, 0, 0, 0,
	  "unknown option" },
	{ "V13", "tmpfs /t tmpfs x-snapd.mode=", NULL, 0, 0, 0, "the value is missing" },
	{ "V13", "tmpfs /t tmpfs x-snapd.mode=755", NULL, 0, 0, 0, "octal" },
	{ "V13", "tmpfs /t tmpfs x-snapd.mode=pasta", NULL, 0, 0, 0, "octal" },
	{ "V13", "tmpfs /t tmpfs x-snapd.mode=0700pasta", NULL, 0, 0, 0, "octal" },
	{ "V14", "tmpfs /t tmpfs x-snapd.uid=root", NULL, 0, 0, 0, "numeric" },
	{ "V14", "tmpfs /t tmpfs x-snapd.gid=0bogus", NULL, 0, 0, 0, "number" },
	{ "V49: a path is cleaned", "/s /a//b/./c/../d/ none bind", "/a/b/d",
	  OM_ENTRY_BIND_DIR, OM_ORIGIN_GENERAL, 0, NULL },
	{ "a layout", "/s /t none rbind,rw,x-snapd.origin=layout", "/t",
	  OM_ENTRY_BIND_DIR, OM_ORIGIN_LAYOUT, 0, NULL },
	{ "a file", "/s /t none bind,rw,x-snapd.kind=file,x-snapd.origin=layout", "/t",
	  OM_ENTRY_BIND_FILE, OM_ORIGIN_LAYOUT, 0, NULL },
	{ "a link", "unused /t none x-snapd.kind=symlink,x-snapd.symlink=/x", "/t",
	  OM_ENTRY_SYMLINK, OM_ORIGIN_GENERAL, 0, NULL },
	{ "a link to nothing", "none /t none x-snapd.kind=symlink", NULL, 0, 0, 0,
	  "x-snapd.symlink= is missing" },
	{ "an origin of a later snapd", "/s /t none bind,x-snapd.origin=new", "/t",
	  OM_ENTRY_BIND_DIR, OM_ORIGIN_GENERAL, 0, NULL },
	{ "missing ones are looked for before", "/s /t none bind,x-snapd.ignore-missing",
	  "/t", OM_ENTRY_BIND_DIR, OM_ORIGIN_GENERAL, 0, NULL },
	{ "the root", "/s / none bind", NULL, 0, 0, 0, "root directory" },
	{ "a relative target", "/s t none bind", NULL, 0, 0, 0, "not absolute" },
	{ "a relative source", "s /t none bind", NULL, 0, 0, 0, "cannot use source" },
	{ "a file system", "/dev/sda1 /t ext4 ro", NULL, 0, 0, 0, "cannot use type" },
	{ "the private shared memory", "/dev/shm/snap.foo /dev/shm none bind,rw",
	  "/dev/shm", OM_ENTRY_BIND_DIR, OM_ORIGIN_GENERAL, 0, NULL },
};

static void check_convert(const struct convert_vector *v)
{
	_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
	struct om_texts texts = { 0 };
	struct om_entry entry;
	struct om_error e = { 0 };
	int r;

	assert_int_equal(parse(&p, v->text, NULL), 0);
	r = om_snapd_entry_convert(&p.entries.v[0], &texts, &entry, &e);
	if (v->error && (r != -EINVAL || !strstr(e.message, v->error)))
		fail_msg("%s: %d, %s", v->name, r, e.message);
	if (!v->error &&
	    (r != 0 || !om_streq(entry.target, v->target) || entry.kind != v->kind ||
	     entry.origin != v->origin || entry.attr != v->attr))
		fail_msg("%s: %d, %s, target %s, kind %d, origin %d, attr %x", v->name, r,
			 e.message, r == 0 ? entry.target : "", entry.kind, entry.origin,
			 entry.attr);
	om_texts_done(&texts);
}

static void test_convert(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(converts); i++)
		check_convert(&converts[i]);
}

/* Also the mode that snapd writes for a layout of 1777, which its own reader refuses. */
static void test_V13_V14_values(void **state _unused_)
{
	static const struct {
		const char *options;
		mode_t mode;
		uid_t uid;
		gid_t gid;
	} vectors[] = {
		{ "x-snapd.origin=layout", 0755, 0, 0 },
		{ "x-snapd.mode=0700", 0700, 0, 0 },
		{ "x-snapd.mode=01777", 01777, 0, 0 },
		{ "x-snapd.mode=0700,x-snapd.uid=123,x-snapd.gid=456", 0700, 123, 456 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
		_cleanup_free_ char *line =
			om_asprintf("tmpfs /t tmpfs %s", vectors[i].options);
		struct om_texts texts = { 0 };
		struct om_entry entry;

		assert_int_equal(parse(&p, line, NULL), 0);
		assert_int_equal(
			om_snapd_entry_convert(&p.entries.v[0], &texts, &entry, NULL), 0);
		if (entry.mode != vectors[i].mode || entry.uid != vectors[i].uid ||
		    entry.gid != vectors[i].gid)
			fail_msg("%s: %o, %u, %u", line, entry.mode, entry.uid,
				 entry.gid);
		om_texts_done(&texts);
	}
}

/* --- Users: V107, V108, V110 -------------------------------------------------------------- */

static void check_expand(const char *text, const struct om_snapd_user *user,
			 const char *want, const char *error)
{
	_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
	_cleanup_str_ struct om_str out = { 0 };
	struct om_error e = { 0 };
	int r;

	assert_int_equal(parse(&p, text, NULL), 0);
	r = om_snapd_expand(&p, user, &e);
	if (error) {
		assert_int_equal(r, -EINVAL);
		assert_string_equal(e.message, error);
		return;
	}
	assert_int_equal(r, 0);
	om_snapd_profile_print(&p, &out);
	assert_string_equal(om_str_get(&out), want);
}

#define ENSURE_DIR(dir, parent)                                                          \
	"none " dir " none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=" parent       \
	" 0 0\n"

static void test_V107_V108_V110_expand(void **state _unused_)
{
	const struct om_snapd_user user = { .uid = 1000, .home = "/home/u" };
	const struct om_snapd_user homeless = { .uid = 1000,
						.home = "/none",
						.home_bad = "No such file or directory" };

	/* V107 */
	check_expand("$XDG_RUNTIME_DIR/doc/by-app/snap.foo $XDG_RUNTIME_DIR/doc none "
		     "bind,rw 0 0\n" ENSURE_DIR("$HOME/.local/share", "$HOME"),
		     &user,
		     "/run/user/1000/doc/by-app/snap.foo /run/user/1000/doc none bind,rw "
		     "0 0\n" ENSURE_DIR("/home/u/.local/share", "/home/u"),
		     NULL);
	/* V108 */
	check_expand(
		ENSURE_DIR("$HOME/.a", "$HOME"), &homeless, NULL,
		"cannot expand mount entry (none $HOME/.a none x-snapd.kind=ensure-dir,"
		"x-snapd.must-exist-dir=$HOME 0 0): cannot use invalid home directory "
		"\"/none\": No such file or directory");
	check_expand("$XDG_RUNTIME_DIR/a $HOME/b none bind,rw 0 0\n", &homeless,
		     "/run/user/1000/a $HOME/b none bind,rw 0 0\n", NULL);
	/* V110 */
	check_expand("$XDG_RUNTIME_DIR $XDG_RUNTIME_DIR/x none bind 0 0\n"
		     "$XDG_RUNTIME_DIRx /x/$XDG_RUNTIME_DIR none bind 0 0\n",
		     &user,
		     "/run/user/1000 /run/user/1000/x none bind 0 0\n"
		     "$XDG_RUNTIME_DIRx /x/$XDG_RUNTIME_DIR none bind 0 0\n",
		     NULL);
}

static void test_V108_home(void **state _unused_)
{
	assert_null(om_snapd_home_bad("/home/u"));
	assert_string_equal(om_snapd_home_bad(""), "cannot allow empty path");
	assert_string_equal(om_snapd_home_bad("/home/../u"), "cannot allow unclean path");
	assert_string_equal(om_snapd_home_bad("home/u"), "cannot allow relative path");
}

/* --- The command line: V105, V106 --------------------------------------------------------- */

#define MAX_ARGS 6

static const struct args_vector {
	const char *argv[MAX_ARGS];
	struct om_snapd_args want;
	const char *error;
} args_vectors[] = {
	{ { "x", "snap" }, { .name = "snap" }, NULL },
	{ { "x", "--from-snap-confine", "snap" },
	  { .name = "snap", .from_snap_confine = true },
	  NULL },
	{ { "x", "snap", "--from-snap-confine" },
	  { .name = "snap", .from_snap_confine = true },
	  NULL },
	{ { "x", "--user-mounts", "snap" },
	  { .name = "snap", .user_mounts = true },
	  NULL },
	{ { "x", "snap", "-u", "1234" },
	  { .name = "snap", .has_uid = true, .uid = 1234 },
	  NULL },
	{ { "x", "-u", "042", "snap" },
	  { .name = "snap", .has_uid = true, .uid = 42 },
	  NULL },
	{ { "x", "-u", "", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", "1foo", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", "0x16", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", " 42", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", "42 ", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", "42\t", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", "4294967295", "snap" }, { 0 }, "cannot parse user id" },
	{ { "x", "-u", "-1", "snap" }, { 0 }, "user id cannot be negative" },
	{ { "x", "snap", "-u" }, { 0 }, "-u requires an argument" },
	{ { "x", "-invalid" }, { 0 }, "unsupported option" },
	{ { "x", "--option", "snap" }, { 0 }, "unsupported option" },
	{ { "x", "--help" }, { 0 }, "unsupported option" },
	{ { "x", "snap", "snap" }, { 0 }, "too many positional arguments" },
	{ { "x" }, { 0 }, "snap name not provided" },
	{ { "x", "in--valid" }, { 0 }, "snap name cannot contain two consecutive dashes" },
	{ { NULL }, { 0 }, "argv0 is corrupted" },
};

static void check_args(const struct args_vector *v)
{
	char *argv[MAX_ARGS] = { 0 };
	struct om_snapd_args got;
	struct om_error e = { 0 };
	int argc = 0, r;

	for (; v->argv[argc]; argc++)
		argv[argc] = strdup(v->argv[argc]);
	r = om_snapd_args_read(argc, argv, &got, &e);
	if (v->error) {
		assert_int_equal(r, -EINVAL);
		assert_string_equal(e.message, v->error);
	} else {
		assert_int_equal(r, 0);
		assert_string_equal(got.name, v->want.name);
		assert_int_equal(got.from_snap_confine, v->want.from_snap_confine);
		assert_int_equal(got.user_mounts, v->want.user_mounts);
		assert_int_equal(got.has_uid, v->want.has_uid);
		assert_int_equal(got.uid, v->want.uid);
	}
	while (argc > 0)
		free(argv[--argc]);
}

static void test_V105_args(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(args_vectors); i++)
		check_args(&args_vectors[i]);
}

#define TEN "0123456789"
#define FORTY "a123456789" TEN TEN TEN

static void test_V106_names(void **state _unused_)
{
	static const struct {
		const char *name;
		const char *bad; /* NULL: none */
	} names[] = {
		{ "aa", NULL },
		{ "aa_a", NULL },
		{ "hello-world_foo", NULL },
		{ FORTY, NULL },
		{ FORTY "_" TEN, NULL },
		{ "", "snap name must contain at least one letter" },
		{ "a", "snap name must be longer than 1 character" },
		{ "a_a", "snap name must be longer than 1 character" },
		{ "INVALID", "snap name must use lower case letters, digits or dashes" },
		{ "-invalid", "snap name cannot start with a dash" },
		{ "invalid-", "snap name cannot end with a dash" },
		{ "in--valid", "snap name cannot contain two consecutive dashes" },
		{ "1-2", "snap name must contain at least one letter" },
		{ "hello/world",
		  "snap name must use lower case letters, digits or dashes" },
		{ "hello..world",
		  "snap name must use lower case letters, digits or dashes" },
		{ "foo_", "instance key must contain at least one letter or digit" },
		{ "_foo", "snap name must contain at least one letter" },
		{ "foo__456", "snap instance name can contain only one underscore" },
		{ "foo_123_456", "snap instance name can contain only one underscore" },
		{ "foo_A", "instance key must use lower case letters or digits" },
		{ "foo_" TEN "a", "instance key must be shorter than 10 characters" },
		{ FORTY "a", "snap name must be shorter than 40 characters" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *bad = om_instance_name_bad(names[i].name);

		if (!om_streq(bad, names[i].bad))
			fail_msg("V106: %s: %s, want %s", names[i].name,
				 bad ? bad : "fine",
				 names[i].bad ? names[i].bad : "fine");
	}
}

/* --- Places: V86, V88, V89 ---------------------------------------------------------------- */

static void test_V86_V88_places(void **state _unused_)
{
	const struct om_places snap = { .name = "foo" }, instance = { .name = "foo_bar" };
	const struct om_places user = { .name = "foo",
					.of_user = true,
					.home = "/home/u" };
	const struct om_places homeless = { .name = "foo", .of_user = true };
	static const char *const free_places[] = {
		"/tmp",		 "/tmp/x",	 "/var/snap",
		"/var/snap/foo", "/snap/foo",	 "/dev/shm",
		"/run/systemd",	 "/snap/foo/42", "/var/lib/snapd/hostfs/tmp",
	};
	static const char *const others[] = {
		"/",	"/etc", "/tmp2",	  "/snap", "/snap/foobar",
		"/dev", "/run", "/var/lib/snapd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(free_places); i++) {
		assert_true(om_places_permit(&snap, free_places[i]));
		assert_true(om_places_permit(&instance, free_places[i]));
		assert_false(om_places_permit(&user, free_places[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_false(om_places_permit(&snap, others[i]));
		assert_false(om_places_permit(&homeless, others[i]));
	}
	assert_false(om_places_permit(&snap, "/snap/foo_bar"));
	assert_true(om_places_permit(&instance, "/snap/foo_bar/42"));
	assert_true(om_places_permit(&user, "/home/u/.config"));
	assert_false(om_places_permit(&user, "/home/u2"));
}

static void test_V89_modes(void **state _unused_)
{
#define PRIVATE "/var/lib/snapd/hostfs/tmp/snap-private-tmp/snap.x11-server"
	assert_int_equal(om_places_mode("/stuff"), 0755);
	assert_int_equal(om_places_mode(PRIVATE), 0700);
	assert_int_equal(om_places_mode(PRIVATE "/tmp"), 01777);
	assert_int_equal(om_places_mode(PRIVATE "/foo"), 0755);
	assert_int_equal(om_places_mode(PRIVATE "/tmp/.X11-unix"), 01777);
	assert_int_equal(om_places_mode("/tmp/.X11-unix"), 01777);
	assert_int_equal(om_places_mode("/dev/shm/snap.some-snap"), 01777);
	assert_int_equal(om_places_mode("/dev/shm/snap.some-snap/x"), 0755);
}

/* --- What is saved: V57, V58 --------------------------------------------------------------- */

static void check_record(const struct om_step *steps, size_t n, const char *want)
{
	_cleanup_snapd_profile_ struct om_snapd_profile desired = { 0 }, current = { 0 };
	struct om_entry entries[2] = { { .line = 1 }, { .line = 2 } };
	const struct om_profile profile = { .entries = entries, .n = 2 };
	_cleanup_str_ struct om_str out = { 0 };
	struct om_plan plan = { 0 };

	assert_int_equal(parse(&desired,
			       "/snap/s/1/d /subdir/mount none rbind,x-snapd.id=test-id\n"
			       "none /subdir/link none x-snapd.kind=symlink,"
			       "x-snapd.symlink=/x\n",
			       NULL),
			 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(om_plan_add(&plan, &steps[i]), 0);
	assert_int_equal(om_snapd_record(&desired, &profile, &plan, &current), 0);
	om_snapd_profile_print(&current, &out);
	assert_string_equal(om_str_get(&out), want);
	om_plan_done(&plan);
}

#define ENTRY "/snap/s/1/d /subdir/mount none rbind,x-snapd.id=test-id 0 0\n"
#define STAGE .place = OM_PLACE_STAGE, .entry = SIZE_MAX

/* V57, V58, V81: each mount of a mimic, by the id of the entry that it was made for. */
static void test_V57_V58_V81_record_mimic(void **state _unused_)
{
	const struct om_step steps[] = {
		{ .kind = OM_STEP_TMPFS,
		  STAGE,
		  .root = true,
		  .path = "/subdir",
		  .mode = 0755 },
		{ .kind = OM_STEP_MKDIR, STAGE, .path = "/subdir/a" },
		{ .kind = OM_STEP_BIND,
		  STAGE,
		  .path = "/subdir/a",
		  .recursive = true,
		  .dir = true },
		{ .kind = OM_STEP_BIND, STAGE, .path = "/subdir/f" },
		{ .kind = OM_STEP_SYMLINK, STAGE, .path = "/subdir/l", .source = "a" },
		{ .kind = OM_STEP_BIND, .place = OM_PLACE_STAGE, .path = "/subdir/mount" },
		{ .kind = OM_STEP_ATTACH, .entry = SIZE_MAX, .path = "/subdir" },
	};

#define NEEDED "x-snapd.synthetic,x-snapd.needed-by=test-id"
	check_record(steps, ARRAY_SIZE(steps),
		     "tmpfs /subdir tmpfs " NEEDED ",mode=0755,uid=0,gid=0 0 0\n"
		     "/subdir/a /subdir/a none rbind," NEEDED ",x-snapd.detach 0 0\n"
		     "/subdir/f /subdir/f none bind,x-snapd.kind=file," NEEDED
		     ",x-snapd.detach 0 0\n" ENTRY);
}

/* The original unmounts what is listed, in reverse, and could not remove the link. */
static void test_record_overlay(void **state _unused_)
{
	const struct om_step steps[] = {
		{ .kind = OM_STEP_SKELETON,
		  .place = OM_PLACE_SKELETON,
		  .entry = SIZE_MAX,
		  .path = "/" },
		{ .kind = OM_STEP_SYMLINK,
		  .place = OM_PLACE_SKELETON,
		  .entry = 1,
		  .path = "/subdir/link",
		  .source = "/x" },
		{ .kind = OM_STEP_OVERLAY, STAGE, .root = true, .path = "/subdir" },
		{ .kind = OM_STEP_BIND, .place = OM_PLACE_STAGE, .path = "/subdir/mount" },
		{ .kind = OM_STEP_ATTACH, .entry = SIZE_MAX, .path = "/subdir" },
		{ .kind = OM_STEP_BIND,
		  .place = OM_PLACE_STAGE,
		  .root = true,
		  .path = "/subdir/mount" },
		{ .kind = OM_STEP_ATTACH, .path = "/subdir/mount" },
	};

	check_record(steps, 5,
		     "overmount /subdir overlay x-snapd.synthetic,"
		     "x-snapd.needed-by=overmount,x-snapd.detach 0 0\n" ENTRY);
	/* Without a link, it is the entry's. */
	check_record(steps + 2, 3,
		     "overmount /subdir overlay x-snapd.synthetic,"
		     "x-snapd.needed-by=test-id,x-snapd.detach 0 0\n" ENTRY);
	/* Of an entry whose target is there already only that is listed. */
	check_record(steps + 5, 2, ENTRY);
}

/* --- Files, locks, the freezer ------------------------------------------------------------- */

static int make_root(void **state)
{
	static char path[] = "/tmp/om-test-snapd.XXXXXX";

	(void)strcpy(path, "/tmp/om-test-snapd.XXXXXX");
	*state = mkdtemp(path);
	return *state ? 0 : -1;
}

static int remove_root(void **state)
{
	_cleanup_free_ char *command = om_asprintf("rm -rf %s", (char *)*state);

	return command ? system(command) : -1;
}

static int open_root(void **state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void make_dirs(int fd, const char *path)
{
	char copy[256];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		(void)mkdirat(fd, copy, 0755);
		*p = '/';
	}
	(void)mkdirat(fd, copy, 0755);
}

static void put(int fd, const char *path, const char *text)
{
	_cleanup_close_ int file = openat(fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(file >= 0);
	assert_int_equal(om_write_all(file, text, strlen(text)), 0);
}

static void assert_content(int fd, const char *path, const char *want)
{
	char got[256];

	assert_int_equal(om_read_line(fd, path, got, sizeof(got)), 0);
	assert_string_equal(got, want);
}

static void test_save(void **state)
{
	_cleanup_close_ int root = open_root(state);
	_cleanup_str_ struct om_str text = { 0 };
	_cleanup_snapd_profile_ struct om_snapd_profile p = { 0 };
	struct om_error e = { 0 };
	struct stat st;

	om_str_add(&text, "a b c d 0 0\n");
	assert_int_equal(om_snapd_save(root, OM_SNAPD_NS_DIR, "f", &text, &e), -ENOENT);
	make_dirs(root, OM_SNAPD_NS_DIR);
	/* One that is not there is empty. */
	assert_int_equal(om_snapd_load(root, OM_SNAPD_NS_DIR "/f", &p, &e), 0);
	assert_int_equal(p.entries.n, 0);
	put(root, OM_SNAPD_NS_DIR "/f", "old");
	assert_int_equal(om_snapd_save(root, OM_SNAPD_NS_DIR, "f", &text, NULL), 0);
	assert_content(root, OM_SNAPD_NS_DIR "/f", "a b c d 0 0");
	assert_int_equal(fstatat(root, OM_SNAPD_NS_DIR "/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(om_snapd_load(root, OM_SNAPD_NS_DIR "/f", &p, NULL), 0);
	assert_int_equal(p.entries.n, 1);
	/* A reader that was there keeps what it has; nothing else is left beside. */
	assert_int_equal(unlinkat(root, OM_SNAPD_NS_DIR "/f", 0), 0);
	assert_int_equal(unlinkat(root, OM_SNAPD_NS_DIR, AT_REMOVEDIR), 0);
}

/* V109 */
static void test_V109_lock(void **state)
{
	_cleanup_close_ int root = open_root(state);
	struct om_error e = { 0 };
	int fd, held;

	make_dirs(root, "run/snapd");
	assert_int_equal(om_snapd_lock(root, "foo", true, &fd, &e), -EINVAL);
	assert_string_equal(e.message,
			    "mount namespace of snap \"foo\" is not locked but "
			    "--from-snap-confine was used");
	assert_int_equal(om_snapd_lock(root, "foo", false, &held, NULL), 0);
	assert_true(held >= 0);
	/* Another open file, as another process has it. */
	assert_int_equal(om_snapd_lock(root, "foo", true, &fd, NULL), 0);
	assert_int_equal(fd, -1);
	(void)close(held);
	assert_int_equal(om_snapd_lock(root, "foo", true, &fd, NULL), -EINVAL);
}

#define GROUP "sys/fs/cgroup/user.slice/snap.foo.app-1.scope"
#define OTHER "sys/fs/cgroup/user.slice/snap.foobar.app-1.scope"
#define OWN "sys/fs/cgroup/snap.foo.own.service"

static void make_groups(int root, const char *events)
{
	static const char *const groups[] = { GROUP, OTHER, OWN,
					      "sys/fs/cgroup/snap.foo_bar.app.service",
					      "sys/fs/cgroup/snap.foo.app.slice" };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		_cleanup_free_ char *freeze = om_asprintf("%s/cgroup.freeze", groups[i]);
		_cleanup_free_ char *file = om_asprintf("%s/cgroup.events", groups[i]);

		make_dirs(root, groups[i]);
		put(root, freeze, "0");
		put(root, file, events);
	}
	put(root, "sys/fs/cgroup/cgroup.controllers", "");
	make_dirs(root, "proc/self");
	put(root, "proc/self/cgroup", "0::/snap.foo.own.service\n");
}

static void test_freezer_v2(void **state)
{
	_cleanup_close_ int root = open_root(state);
	struct om_freezer f;

	make_groups(root, "populated 1\nfrozen 1\n");
	om_freezer_init(&f, root, "foo");
	assert_int_equal(om_freezer_freeze(&f, NULL), 0);
	assert_content(root, GROUP "/cgroup.freeze", "1");
	/* Neither others nor we ourselves. */
	assert_content(root, OTHER "/cgroup.freeze", "0");
	assert_content(root, OWN "/cgroup.freeze", "0");
	assert_content(root, "sys/fs/cgroup/snap.foo_bar.app.service/cgroup.freeze", "0");
	assert_content(root, "sys/fs/cgroup/snap.foo.app.slice/cgroup.freeze", "0");
	om_freezer_thaw(&f);
	assert_content(root, GROUP "/cgroup.freeze", "0");
}

/* What was asked for is not what is: the kernel's own word is waited for. */
static void test_freezer_v2_refused(void **state)
{
	_cleanup_close_ int root = open_root(state);
	struct om_error e = { 0 };
	struct om_freezer f;

	make_groups(root, "populated 1\nfrozen 0\n");
	om_freezer_init(&f, root, "foo");
	f.timeout_ms = 30;
	assert_int_equal(om_freezer_freeze(&f, &e), -ETIMEDOUT);
	assert_string_equal(e.message,
			    "cannot finish freezing processes of snap \"foo\"");
	assert_content(root, GROUP "/cgroup.freeze", "0");
}

#define FREEZER "sys/fs/cgroup/freezer/snap.foo"

static void test_freezer_v1(void **state)
{
	_cleanup_close_ int root = open_root(state);
	struct om_freezer f;

	/* Nothing to freeze. */
	om_freezer_init(&f, root, "foo");
	assert_int_equal(om_freezer_freeze(&f, NULL), 0);
	make_dirs(root, FREEZER);
	put(root, FREEZER "/freezer.state", "THAWED");
	assert_int_equal(om_freezer_freeze(&f, NULL), 0);
	assert_content(root, FREEZER "/freezer.state", "FROZEN");
	om_freezer_thaw(&f);
	assert_content(root, FREEZER "/freezer.state", "THAWED");
	om_freezer_thaw(&f);
}

/* V82 */
static void test_V82_ensure(void **state)
{
	_cleanup_close_ int root = open_root(state);
	const struct om_places p = { .sys = &om_sys_linux,
				     .root_fd = root,
				     .name = "foo" };
	struct om_error e = { 0 };
	struct stat st;

	assert_int_equal(om_places_ensure(&p, "/home/user/.local/share", "/home/user",
					  &e),
			 -ENOENT);
	assert_string_equal(e.message, "parent directory \"/home/user\" does not exist");
	make_dirs(root, "home/user/.local");
	assert_int_equal(om_places_ensure(&p, "/home/user/.local/share/missing",
					  "/home/user", NULL),
			 0);
	assert_int_equal(fstatat(root, "home/user/.local/share", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fstatat(root, "home/user/.local/share/missing", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(fstatat(root, "home/user/.local", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	/* It is there: nothing to do. */
	assert_int_equal(
		om_places_ensure(&p, "/home/user/.local/share", "/home/user", NULL), 0);
	put(root, "home/user/file", "");
	e = (struct om_error){ 0 };
	assert_int_equal(om_places_ensure(&p, "/home/user/file/x", "/home/user", &e),
			 -ENOTDIR);
	assert_string_equal(e.message, "cannot create directory \"/home/user/file\": "
				       "existing file in the way");
	e = (struct om_error){ 0 };
	assert_int_equal(om_places_ensure(&p, "/home/other", "/home/user", &e), -EINVAL);
	assert_string_equal(e.message,
			    "path \"/home/user\" is not a parent of \"/home/other\"");
}

/* Nothing is made outside of the places that are permitted, and no link is followed. */
static void test_make(void **state)
{
	_cleanup_close_ int root = open_root(state);
	const struct om_places p = { .sys = &om_sys_linux,
				     .root_fd = root,
				     .name = "foo" };
	const struct om_places ours = {
		.sys = &om_sys_linux, .root_fd = root, .name = "foo", .root_ours = true
	};
	struct statfs fs;
	struct stat st;

	/* Names get root as their owner. */
	if (geteuid() != 0)
		skip();
	make_dirs(root, "var/snap");
	make_dirs(root, "etc");
	assert_int_equal(om_places_make(&p, "/var/snap/foo/common/x", false, NULL), 0);
	assert_int_equal(fstatat(root, "var/snap/foo/common/x", &st, 0), 0);
	assert_int_equal(om_places_make(&p, "/var/snap/foo/common/f", true, NULL), 0);
	assert_int_equal(fstatat(root, "var/snap/foo/common/f", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(om_places_make(&p, "/etc/x", false, NULL), 0);
	assert_int_equal(fstatat(root, "etc/x", &st, 0), -1);
	assert_int_equal(om_places_make(&p, "/new/x", false, NULL), 0);
	assert_int_equal(fstatat(root, "new", &st, 0), -1);
	assert_int_equal(symlinkat("../../../etc", root, "var/snap/foo/link"), 0);
	assert_int_equal(om_places_make(&p, "/var/snap/foo/link/y", false, NULL), 0);
	assert_int_equal(fstatat(root, "etc/y", &st, 0), -1);
	/* "/" counts as ours only where it is a tmpfs, whatever the profile says. */
	assert_int_equal(fstatfs(root, &fs), 0);
	assert_int_equal(om_places_make(&ours, "/new/x", false, NULL), 0);
	assert_int_equal(fstatat(root, "new/x", &st, 0),
			 fs.f_type == TMPFS_MAGIC ? 0 : -1);
}

/* --- A layout and what interfaces bring -------------------------------------------------- */

static void unclashes(const char *text, const char *want, unsigned renamed)
{
	_cleanup_snapd_profile_ struct om_snapd_profile in = { 0 }, out = { 0 };
	_cleanup_str_ struct om_str notes = { 0 }, got = { 0 };

	assert_int_equal(parse(&in, text, NULL), 0);
	assert_int_equal(om_snapd_unclash(&in, &out, &notes), 0);
	om_snapd_profile_print(&out, &got);
	assert_string_equal(om_str_get(&got), want);
	for (const char *p = om_str_get(&notes); *p; p++)
		renamed -= *p == '\n';
	assert_int_equal(renamed, 0);
}

/* The layout has the name; what comes from elsewhere gets another one. */
static void test_V91(void **state _unused_)
{
	unclashes("tmpfs /usr/foo tmpfs x-snapd.origin=layout 0 0\n"
		  "tmpfs /usr/foo tmpfs defaults 0 0\n",
		  "tmpfs /usr/foo tmpfs x-snapd.origin=layout 0 0\n"
		  "tmpfs /usr/foo-2 tmpfs defaults 0 0\n",
		  1);
	/* Also when it says the very same, and when another one follows. */
	unclashes("/a /usr/foo none bind,x-snapd.origin=layout 0 0\n"
		  "/a /usr/foo none bind,x-snapd.origin=layout 0 0\n"
		  "/a /usr/foo none bind 0 0\n/a /usr/foo/ none bind 0 0\n",
		  "/a /usr/foo none bind,x-snapd.origin=layout 0 0\n"
		  "/a /usr/foo-2 none bind,x-snapd.origin=layout 0 0\n"
		  "/a /usr/foo-3 none bind 0 0\n/a /usr/foo/ none bind 0 0\n",
		  2);
}

static void test_V92(void **state _unused_)
{
	static const struct {
		const char *options[3], *merged;
	} vectors[] = {
		{ { "noatime,ro", "ro" }, "noatime,ro" },
		{ { "bind,rw", "rbind,ro" }, "rbind" },
		{ { "bind,noatime", "bind,noexec" }, "noatime,noexec,bind" },
		{ { "noexec,noatime", "noatime,nomand", "nodev" },
		  "noexec,noatime,nomand,nodev" },
		/* Read-only only if all are, a bind only if the first one is. */
		{ { "bind,ro", "bind,ro", "bind,rw" }, "bind" },
		{ { "rbind,ro", "bind,ro" }, "ro,rbind" },
		{ { "noexec", "bind" }, "noexec" },
		{ { "async,rw", "ro" }, "defaults" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		_cleanup_str_ struct om_str text = { 0 }, want = { 0 };

		for (size_t k = 0; k < 3 && vectors[i].options[k]; k++)
			om_str_addf(&text, "/a /b none %s 0 0\n", vectors[i].options[k]);
		om_str_addf(&want, "/a /b none %s 0 0\n", vectors[i].merged);
		unclashes(om_str_get(&text), om_str_get(&want), 0);
	}
}

static void test_V93(void **state _unused_)
{
	unclashes("fs1 /foo none bind 0 0\nfs2 /foo none bind 0 0\n",
		  "fs1 /foo none bind 0 0\nfs2 /foo-2 none bind 0 0\n", 1);
	unclashes("/a /foo none bind 0 0\n/a /foo tmpfs defaults 0 0\n",
		  "/a /foo none bind 0 0\n/a /foo-2 tmpfs defaults 0 0\n", 1);
	/* Directories that are only to be there come last, each as it is. */
	unclashes(
		"none $HOME/x none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=$HOME 0 0\n"
		"none $HOME/x none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=$HOME 0 0\n"
		"/a /foo none bind 0 0\n",
		"/a /foo none bind 0 0\n"
		"none $HOME/x none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=$HOME 0 0\n"
		"none $HOME/x none x-snapd.kind=ensure-dir,x-snapd.must-exist-dir=$HOME 0 0\n",
		0);
}

int main(void)
{
#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_V8_V9_V10_format),
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_V15_V16_options),
		cmocka_unit_test(test_convert),
		cmocka_unit_test(test_V13_V14_values),
		cmocka_unit_test(test_V107_V108_V110_expand),
		cmocka_unit_test(test_V108_home),
		cmocka_unit_test(test_V105_args),
		cmocka_unit_test(test_V106_names),
		cmocka_unit_test(test_V86_V88_places),
		cmocka_unit_test(test_V89_modes),
		cmocka_unit_test(test_V57_V58_V81_record_mimic),
		cmocka_unit_test(test_record_overlay),
		cmocka_unit_test(test_V91),
		cmocka_unit_test(test_V92),
		cmocka_unit_test(test_V93),
		WITH_ROOT(test_save),
		WITH_ROOT(test_V109_lock),
		WITH_ROOT(test_freezer_v2),
		WITH_ROOT(test_freezer_v2_refused),
		WITH_ROOT(test_freezer_v1),
		WITH_ROOT(test_V82_ensure),
		WITH_ROOT(test_make),
	};

	(void)umask(0);
	return cmocka_run_group_tests_name("snapd", tests, NULL, NULL);
}
