/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Profiles in fstab syntax: what is refused and why, what is accepted and as what, and
 * that what is printed reads back as the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/limits.h"
#include "profile/profile.h"

#define OPTS(o) "/src /dst none " o " 0 0\n"
#define TMPFS(o) "tmpfs /dst tmpfs " o " 0 0\n"
#define TARGET(t) "/src " t " none bind 0 0\n"
#define SOURCE(s) s " /dst none bind 0 0\n"

struct bad {
	const char *text;
	const char *where;   /* NULL: not looked at */
	const char *message; /* must be found in the message */
};

/* The numbers are those of the list of malformed inputs (docs/input.md). */
static const struct bad structure[] = {
	/* 3 */ { "/a\n", "p:1: line", "expected 4 to 6 fields, found 1" },
	/* 4 */ { "/a /b\n", "p:1: line", "expected 4 to 6 fields, found 2" },
	/* 5 */ { "/a /b none\n", "p:1: line", "options missing" },
	/* 6 */ { "/a /b none bind 0 0 x\n", "p:1: line", "unexpected text after passno" },
	{ "/a /b none bind 0 0 0 0 0\n", "p:1: line", "unexpected text after passno" },
	/* 7 */ { "/a /b none bind 0 0 # x\n", "p:1: line", "comments must start the line" },
	{ "/a /b none bind # x\n", "p:1: line", "comments must start the line" },
	/* 8 */ { "/a /b\n/a /b none bind 0 0\n", "p:1: line", "found 2" },
	/* 10 */ { "/a /b none bind 0 0\r\n", "p:1: line", "carriage return (DOS file?)" },
	{ "# comment\r\n", "p:1: line", "carriage return (DOS file?)" },
	/* 11 */ { "/a /b\rc none bind 0 0\n", "p:1: target", "control character 0x0d" },
	/* 13 */ { "\xef\xbb\xbf/a /b none bind 0 0\n", "p:1: line", "byte-order mark" },
	/* 15 */
	{ "/a\xc2\xa0/b none bind 0 0\n", "p:1: source",
	  "non-ASCII space 0xc2a0 used as separator" },
	{ "/a /b\xe2\x80\x83none bind 0 0\n", "p:1: target", "non-ASCII space 0xe28083" },
	/* 16 */ { "/a\v/b none bind 0 0\n", "p:1: source", "control character 0x0b" },
	{ "/a\f/b none bind 0 0\n", "p:1: source", "control character 0x0c" },
	/* 24 */ { "/a /b none bind -1 0\n", "p:1: freq", "want 0" },
	/* 25 */ { "/a /b none bind x 0\n", "p:1: freq", "cannot use \"x\": want 0" },
	/* 26 */ { "/a /b none bind 99999999999999999999 0\n", "p:1: freq", "want 0" },
	/* 27 */ { "/a /b none bind 0 3\n", "p:1: passno", "want 0" },
	/* 28 */
	{ "/a /b none bind 0 0\n/a /b none bind 0 0\n", "p:2: target",
	  "cannot mount at \"/b\": duplicate of line 1" },
	/* 29 */
	{ "/a /b none bind 0 0\n\n/c /b none bind 0 0\n", "p:3: target",
	  "cannot mount at \"/b\": already used in line 1" },
};

static const struct bad encoding[] = {
	/* 30 */ { TARGET("/b\\000c"), "p:1: target",
		   "octal \\000 (NUL) is not allowed" },
	/* 31 */ { TARGET("/b\\777"), "p:1: target", "octal value above \\377" },
	/* 32 */ { TARGET("/b\\9z"), "p:1: target", "bad escape" },
	{ TARGET("/b\\04z"), "p:1: target", "bad escape" },
	/* 33 */ { TARGET("/b\\"), "p:1: target", "unfinished escape" },
	{ TARGET("/b\\04"), "p:1: target", "unfinished escape" },
	/* 34 */ { TARGET("/b/\\056\\056"), "p:1: target", "'..' component" },
	/* 35 */ { TARGET("/b\\057..\\057c"), "p:1: target", "'..' component" },
	/* 36 */ { TARGET("/b\\012c"), "p:1: target", "control character 0x0a" },
	{ SOURCE("/b\\011c"), "p:1: source", "control character 0x09" },
	/* 37 */
	{ TARGET("/b\033[2J"), "p:1: target",
	  "cannot read \"/b\\x1b[2J\": control character 0x1b" },
	/* 38 */ { TARGET("/b\177"), "p:1: target", "control character 0x7f" },
	{ TARGET("/b\xc2\x85"), "p:1: target", "control character 0x85" },
	/* 39 */ { TARGET("/b\xff"), "p:1: target", "not valid UTF-8" },
	{ TARGET("/b\\377"), "p:1: target", "not valid UTF-8" },
	{ TARGET("/b\xc3"), "p:1: target", "not valid UTF-8" },
	{ TARGET("/b\xed\xa0\x80"), "p:1: target", "not valid UTF-8" },
	{ TARGET("/b\xf4\x90\x80\x80"), "p:1: target", "not valid UTF-8" },
	/* 40 */ { TARGET("/b\xc0\xaf"), "p:1: target", "not valid UTF-8" },
	/* 41 */ { TARGET("/b\xe2\x80\xae"), "p:1: target", "character U+202E" },
	/* 42 */ { TARGET("/b\xe2\x80\x8b"), "p:1: target", "character U+200B" },
	/* 43 */ { "/a b /c none bind 0 0\n", "p:1: line", "unexpected text" },
	{ OPTS("bind,x-snapd.id=a\\012b"), "p:1: options", "control character 0x0a" },
};

static const struct bad paths[] = {
	/* 44 */ { TARGET("b"), "p:1: target", "cannot mount at \"b\": not absolute" },
	/* 45 */ { SOURCE("b"), "p:1: source", "cannot use source \"b\": not absolute" },
	{ SOURCE("none"), "p:1: source", "needs a path" },
	/* 46 */ { TARGET("\"\""), "p:1: target", ": empty" },
	/* 47 */ { TARGET("/b/../c"), "p:1: target", "'..' component" },
	{ SOURCE("/b/.."), "p:1: source", "'..' component" },
	/* 48 */ { TARGET("/b/./c"), "p:1: target", "not clean" },
	/* 49 */ { TARGET("/b//c"), "p:1: target", "not clean" },
	/* 50 */ { TARGET("/b/"), "p:1: target", "not clean" },
	/* 51 */ { TARGET("/"), "p:1: target", "root directory" },
	/* 55 */
	{ TARGET("/proc"), "p:1: target",
	  "cannot mount at \"/proc\": reserved location" },
	{ TARGET("/sys/fs"), "p:1: target", "reserved location" },
	{ TARGET("/dev/shm"), "p:1: target", "reserved location" },
	{ TARGET("/run/overmount"), "p:1: target", "reserved location" },
	{ TARGET("/var/lib/snapd/x"), "p:1: target", "reserved location" },
	{ TARGET("/run/snapd/ns"), "p:1: target", "reserved location" },
	/* 59 */ { "/a /a none bind 0 0\n", "p:1: source", "onto itself" },
	/* 60 */
	{ "/x/a /b none bind 0 0\n/q /r none bind 0 0\n/b/c /x none bind 0 0\n",
	  "p:1: source", "it and the entry at \"/x\" depend on each other" },
	/* 63 */ { TARGET("/b//deleted"), "p:1: target", "not clean" },
	/* 64 */ { TARGET("/b*"), "p:1: target", "character '*' is not allowed" },
	{ TARGET("/b?"), NULL, "character '?'" },
	{ TARGET("/b[a]"), NULL, "character '['" },
	{ TARGET("/b]"), NULL, "character ']'" },
	{ TARGET("/b{a,c}"), NULL, "character '{'" },
	{ TARGET("/b}"), NULL, "character '}'" },
	{ TARGET("/b\""), NULL, "character '\"'" },
	{ TARGET("/b^"), NULL, "character '^'" },
	{ SOURCE("/b@c"), "p:1: source", "character '@'" },
	/* 65 */ { SOURCE("$SNAP/x"), "p:1: source", "unexpanded variable $SNAP" },
	{ TARGET("/b/${HOME}"), "p:1: target", "unexpanded variable $" },
	/* 66 */ { TARGET("@{HOME}/x"), "p:1: target", "character '@'" },
	/* 67 */ { TARGET("~/x"), "p:1: target", "not absolute" },
	/* 75 */ { TARGET("/proc/self/fd/3"), "p:1: target", "reserved location" },
	/* 78 */ { SOURCE("UUID=1234"), "p:1: source", "tags are not supported" },
	{ SOURCE("LABEL=x"), "p:1: source", "tags are not supported" },
	/* 79 */ { "/a /b ext4 ro 0 0\n", "p:1: type", "must be none or tmpfs" },
	/* 80 */ { "/a none swap sw 0 0\n", "p:1: target", "not absolute" },
	/* 81 */ { "/a /b auto bind 0 0\n", "p:1: type", "must be none or tmpfs" },
	/* 82 */ { "/a /b overlay,foo bind 0 0\n", "p:1: type", "layers are chosen" },
	{ "overlay /b overlay lowerdir=/a 0 0\n", "p:1: type", "layers are chosen" },
	/* 84 */ { OPTS("ro"), "p:1: options", "type none needs bind or rbind" },
	{ OPTS("x-snapd.kind=file"), "p:1: options", "type none needs bind or rbind" },
	/* 85 */ { "/a /b tmpfs defaults 0 0\n", "p:1: source", "must be tmpfs" },
	/* 86 */ { "tmpfs /b TMPFS defaults 0 0\n", "p:1: type", "must be none or tmpfs" },
	{ "/a /b none x-snapd.kind=symlink,x-snapd.symlink=/c 0 0\n", "p:1: source",
	  "must be none" },
};

static const struct bad option[] = {
	/* 87 */ { OPTS("bind,,ro"), "p:1: options", "empty option at position 2" },
	{ OPTS(","), NULL, "empty option at position 1" },
	{ OPTS("bind,"), NULL, "empty option at position 2" },
	/* 88 */ { OPTS("bind,=x"), NULL, "a value without a name" },
	/* 89 */
	{ OPTS("bind,ro,rw"), NULL, "cannot use option \"rw\": it contradicts \"ro\"" },
	/* 90 */ { OPTS("bind,rbind"), NULL, "contradicts \"bind\"" },
	/* 91 */ { OPTS("bind,nosuid,suid"), NULL, "contradicts \"nosuid\"" },
	{ OPTS("bind,dev,nodev"), NULL, "contradicts \"dev\"" },
	{ OPTS("bind,noexec,exec"), NULL, "contradicts \"noexec\"" },
	{ OPTS("bind,noatime,relatime"), NULL, "contradicts \"noatime\"" },
	/* 92 */ { OPTS("bind,frobnicate"), NULL, "unknown option" },
	{ OPTS("bind,x-snapd.foo"), NULL, "unknown option" },
	/* 93 */ { OPTS("bind,loop"), NULL, "not allowed here" },
	{ OPTS("bind,helper=x"), NULL, "not allowed here" },
	{ OPTS("bind,uhelper=x"), NULL, "not allowed here" },
	{ OPTS("bind,X-mount.mkdir"), NULL, "not allowed here" },
	{ OPTS("bind,x-systemd.automount"), NULL, "not allowed here" },
	{ OPTS("bind,user"), NULL, "not allowed here" },
	{ OPTS("bind,users"), NULL, "not allowed here" },
	{ OPTS("bind,_netdev"), NULL, "not allowed here" },
	{ OPTS("bind,remount"), NULL, "not allowed here" },
	{ OPTS("move"), NULL, "not allowed here" },
	/* 94 */ { OPTS("bind,x-snapd.id=\"a,b"), NULL, "unterminated quote" },
	/* 95 */ { OPTS("bind,x-snapd.id=\"a\""), NULL, "quotes are not allowed" },
	/* 96 */ { TMPFS("mode=0999"), NULL, "not octal" },
	/* 97 */ { TMPFS("mode=07777"), NULL, "setuid and setgid bits" },
	{ TMPFS("mode=17777"), NULL, "out of range" },
	/* 98 */ { TMPFS("mode=-1"), NULL, "not octal" },
	{ TMPFS("mode=0x1ff"), NULL, "not octal" },
	{ TMPFS("mode=\\040755"), NULL, "not octal" },
	{ TMPFS("mode="), NULL, "the value is missing" },
	{ TMPFS("mode"), NULL, "the value is missing" },
	/* 99 */ { TMPFS("uid=-1"), NULL, "out of range" },
	{ TMPFS("uid=4294967295"), NULL, "out of range" },
	{ TMPFS("gid=99999999999999999999"), NULL, "out of range" },
	/* 100 */ { TMPFS("uid=root"), NULL, "numeric only" },
	/* 101 */ { TMPFS("uid=1000x"), NULL, "text after the number" },
	/* 102 */ { TMPFS("size=50%"), NULL, "percent" },
	{ TMPFS("size=0"), NULL, "no limit" },
	{ TMPFS("size=-1"), NULL, "not a number of bytes" },
	{ TMPFS("size=1z"), NULL, "not a number of bytes" },
	{ TMPFS("size=1kk"), NULL, "not a number of bytes" },
	{ TMPFS("size=k"), NULL, "not a number of bytes" },
	{ TMPFS("size=99999999999999G"), NULL, "too large" },
	{ TMPFS("size=9999999999999999999999999999999"), NULL, "too large" },
	/* 103 */ { TMPFS("nr_inodes=0"), NULL, "no limit" },
	{ TMPFS("nr_inodes=1k"), NULL, "not a number" },
	/* 104 */ { OPTS("bind,lowerdir=/a"), NULL, "layers are chosen by overmount" },
	/* 105 */ { OPTS("bind,upperdir=/a"), NULL, "layers are chosen by overmount" },
	/* 111 */ { OPTS("bind,metacopy=on"), NULL, "layers are chosen by overmount" },
	{ OPTS("bind,nfs_export=on"), NULL, "layers are chosen by overmount" },
	{ OPTS("bind,verity=require"), NULL, "layers are chosen by overmount" },
	{ OPTS("bind,index=on"), NULL, "layers are chosen by overmount" },
	{ OPTS("bind,xino=auto"), NULL, "layers are chosen by overmount" },
	/* 112 */ { OPTS("bind,context=x"), NULL, "security labels" },
	{ OPTS("bind,seclabel"), NULL, "security labels" },
	/* 113 */ { TMPFS("size=1m,size=2m"), NULL, "given twice" },
	{ OPTS("bind,bind"), NULL, "given twice" },
	/* 114 */ { OPTS("bind,x-snapd.kind=bogus"), NULL, "want file or symlink" },
	{ OPTS("x-snapd.kind=ensure-dir"), NULL, "not supported" },
	{ OPTS("bind,x-snapd.kind="), NULL, "the value is missing" },
	/* 115 */
	{ "none /dst none x-snapd.kind=symlink 0 0\n", NULL,
	  "x-snapd.symlink= is missing" },
	/* 116 */
	{ "none /dst none x-snapd.kind=symlink,x-snapd.symlink= 0 0\n", NULL,
	  "the value is missing" },
	{ "none /dst none x-snapd.kind=symlink,x-snapd.symlink=a\\000b 0 0\n", NULL,
	  "NUL" },
	{ "none /dst none x-snapd.kind=symlink,x-snapd.symlink=a\\012b 0 0\n", NULL,
	  "control character" },
	{ "none /dst none x-snapd.kind=symlink,x-snapd.symlink=/$X 0 0\n", NULL,
	  "unexpanded variable $X" },
	/* 117 */
	{ "/a /b none bind,x-snapd.id=i 0 0\n/a /c none bind,x-snapd.id=i 0 0\n",
	  "p:2: options", "duplicate id, already used in line 1" },
	/* 118 */ { OPTS("bind,x-snapd.needed-by=zz"), "p:1: options", "no entry has it" },
	/* 119 */
	{ OPTS("bind,x-snapd.needed-by=/dst"), "p:1: options", "would need itself" },
	{ "/a /b none bind,x-snapd.needed-by=/d 0 0\n"
	  "/a /c none bind,x-snapd.needed-by=/b 0 0\n"
	  "/a /d none bind,x-snapd.needed-by=/c 0 0\n",
	  "p:2: options", "\"/b\" in x-snapd.needed-by: the entry would need itself" },
	/* The circle does not begin where one comes from. */
	{ "/a /b none bind,x-snapd.needed-by=/c 0 0\n"
	  "/a /c none bind,x-snapd.needed-by=/d 0 0\n"
	  "/a /d none bind,x-snapd.needed-by=/c 0 0\n",
	  "p:3: options", "would need itself" },
	/* 120 */ { OPTS("bind,shared"), NULL, "only private and slave" },
	{ OPTS("bind,rshared"), NULL, "only private and slave" },
	{ OPTS("bind,unbindable"), NULL, "only private and slave" },
	{ OPTS("bind,runbindable"), NULL, "only private and slave" },
	{ OPTS("bind,private,slave"), NULL, "contradicts \"private\"" },
	{ OPTS("bind,x-snapd.ignore-missing"), NULL, "not supported" },
	{ OPTS("bind,x-snapd.origin=bogus"), NULL, "unknown origin" },
	{ OPTS("bind,x-snapd.mode=755"), NULL, "leading 0" },
	{ OPTS("bind,x-snapd.mode=02755"), NULL, "setuid and setgid bits" },
	{ OPTS("bind,ro=1"), NULL, "takes no value" },
	{ OPTS("bind,size=1m"), NULL, "not for a bind mount" },
	{ OPTS("bind,x-snapd.symlink=/a"), NULL, "not for a bind mount" },
	{ TMPFS("bind"), NULL, "not for type tmpfs" },
	{ TMPFS("x-snapd.kind=file"), NULL, "not for type tmpfs" },
	{ TMPFS("x-overmount.create-source"), NULL, "not for type tmpfs" },
	{ "none /dst none ro,x-overmount.hide 0 0\n", NULL,
	  "not for a name that is hidden" },
	{ "none /dst none x-overmount.hide,x-snapd.mode=0700 0 0\n", NULL,
	  "not for a name that is hidden" },
	{ "none /dst none x-overmount.hide=1 0 0\n", NULL, "takes no value" },
	{ "none /dst none x-overmount.hide,x-overmount.hide 0 0\n", NULL, "given twice" },
	{ "/src /dst none x-overmount.hide 0 0\n", "p:1: source", "must be none" },
	{ OPTS("bind,x-overmount.hide"), NULL, "not for a name that is hidden" },
	{ TMPFS("x-overmount.hide"), NULL, "not for type tmpfs" },
	{ "none /dst none x-overmount.hide,x-snapd.kind=symlink,x-snapd.symlink=/a 0 0\n",
	  NULL, "not for a symbolic link" },
	{ "none /dst none ro,x-snapd.kind=symlink,x-snapd.symlink=/a 0 0\n", NULL,
	  "not for a symbolic link" },
	{ TMPFS("mode=0755,x-snapd.mode=0700"), NULL, "contradicts \"mode\"" },
	{ TMPFS("uid=1,x-snapd.uid=2"), NULL, "contradicts \"uid\"" },
	{ OPTS("bind,x-snapd.gid=1,x-snapd.group=2"), NULL,
	  "contradicts \"x-snapd.gid\"" },
};

static struct om_profile *parse_n(const char *text, size_t size)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	if (om_profile_parse("p", text, size, &p, &e) < 0)
		fail_msg("%s: %s", e.where, e.message);
	assert_non_null(p);
	return p;
}

static struct om_profile *parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void refuse_n(const char *text, size_t size, const char *where,
		     const char *message)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	assert_int_equal(om_profile_parse("p", text, size, &p, &e), -EINVAL);
	assert_null(p);
	assert_int_equal(e.kind, OM_ERR_INPUT);
	if (where)
		assert_string_equal(e.where, where);
	else
		assert_non_null(strstr(e.where, "p:1: "));
	if (!strstr(e.message, message))
		fail_msg("expected \"%s\" in \"%s\"", message, e.message);
	assert_int_equal(strncmp(e.message, "cannot ", 7), 0);
	/* A refusal needs nobody to listen. */
	assert_int_equal(om_profile_parse("p", text, size, &p, NULL), -EINVAL);
}

static void refuse_all(const struct bad *bad, size_t n)
{
	for (size_t i = 0; i < n; i++)
		refuse_n(bad[i].text, strlen(bad[i].text), bad[i].where, bad[i].message);
}

static void test_bad_structure(void **state _unused_)
{
	static const char nul[] = "/a /b\0c none bind 0 0\n";
	static const char utf16[] = "\xff\xfe/\0a\0 \0";

	refuse_all(structure, ARRAY_SIZE(structure));
	/* 12, 14 */
	refuse_n(nul, sizeof(nul) - 1, "p:1: line", "NUL byte at column 6");
	refuse_n(utf16, sizeof(utf16) - 1, "p:1: line", "NUL byte at column 4");
}

static void test_bad_encoding(void **state _unused_)
{
	refuse_all(encoding, ARRAY_SIZE(encoding));
}

static void test_bad_paths(void **state _unused_)
{
	refuse_all(paths, ARRAY_SIZE(paths));
}

static void test_bad_options(void **state _unused_)
{
	refuse_all(option, ARRAY_SIZE(option));
}

static void repeat(struct om_str *s, const char *text, size_t n)
{
	while (n-- > 0)
		om_str_add(s, text);
}

static void test_limits(void **state _unused_)
{
	_cleanup_str_ struct om_str line = { 0 }, file = { 0 }, many = { 0 };

	/* 17 */
	om_str_add(&line, "# ");
	repeat(&line, "x", OM_MAX_LINE - 2);
	om_profile_free(parse_n(line.s, line.len));
	om_str_add(&line, "x");
	refuse_n(line.s, line.len, "p:1: line", "longer than 65535 bytes");
	/* 18 */
	repeat(&file, "# a comment of 32 bytes        \n", OM_MAX_PROFILE_SIZE / 32);
	om_profile_free(parse_n(file.s, file.len));
	om_str_add(&file, "\n");
	refuse_n(file.s, file.len, "p", "larger than 1 MiB");
	/* 19 */
	for (size_t i = 0; i < OM_MAX_ENTRIES; i++)
		om_str_addf(&many, "/s /t%zu none bind 0 0\n", i);
	om_profile_free(parse_n(many.s, many.len));
	om_str_add(&many, "/s /t none bind 0 0\n");
	refuse_n(many.s, many.len, "p:4097: line", "more than 4096 entries");
}

static void one_target(const char *unit, size_t n, const char *reason)
{
	_cleanup_str_ struct om_str s = { 0 };

	om_str_add(&s, "/s ");
	repeat(&s, unit, n);
	om_str_add(&s, " none bind 0 0\n");
	if (reason)
		refuse_n(s.s, s.len, "p:1: target", reason);
	else
		om_profile_free(parse_n(s.s, s.len));
}

static void test_path_limits(void **state _unused_)
{
	static const char chunk[] =
		"/0123456789012345678901234567890123456789012345678901234567"
		"89012345678901234567890123456789012345678901234567890123456"
		"7890123456789012345678901234567890123456789012345678901234567"
		"8901234567890123456789012345678901234567890123456789012345678"
		"901234567890123";
	_cleanup_str_ struct om_str name = { 0 };

	/* 52 */
	om_str_add(&name, "/");
	repeat(&name, "x", OM_MAX_COMPONENT);
	one_target(name.s, 1, NULL);
	om_str_add(&name, "x");
	one_target(name.s, 1, "a component is longer than 255 bytes");
	/* 53: 16 times 255 bytes are 4080; one more is too much */
	assert_in_range(sizeof(chunk) - 1, 200, 256);
	one_target(chunk, 4095 / (sizeof(chunk) - 1), NULL);
	one_target(chunk, 4095 / (sizeof(chunk) - 1) + 1, "longer than 4095 bytes");
	/* 54 */
	one_target("/d", OM_MAX_DEPTH, NULL);
	one_target("/d", OM_MAX_DEPTH + 1, "more than 128 components");
}

static void test_hints(void **state _unused_)
{
	static const struct {
		const char *text, *fix;
	} cases[] = {
		{ OPTS("bind,nosiud"), "did you mean \"nosuid\"?" },
		{ OPTS("bin"), "did you mean \"bind\"?" },
		{ OPTS("bind,x-snapd.orign=layout"),
		  "did you mean \"x-snapd.origin=\"?" },
		{ OPTS("bind,frobnicate"), "" },
		{ "tmpfs /b TMPFS defaults 0 0\n", "write it in lower case" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_profile *p = NULL;
		struct om_error e = { 0 };

		assert_int_equal(om_profile_parse("p", cases[i].text,
						  strlen(cases[i].text), &p, &e),
				 -EINVAL);
		assert_string_equal(e.fix, cases[i].fix);
	}
}

static void test_accepted(void **state _unused_)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "", 0 },			      /* 1 */
		{ "\n# one\n\n   # two\n \t \n", 0 }, /* 2 */
		{ "/a /b none bind 0 0", 1 },	      /* 9 */
		{ "/a /b none bind\n", 1 },
		{ "/a /b none bind 0\n", 1 },
		{ "  /a\t\t/b  none\tbind 0 0  \n", 1 },
		{ "/a#b /b#c none bind 0 0\n", 1 },
		{ "/a /x\\040(deleted) none bind 0 0\n", 1 }, /* 62 */
		{ "/a=b /c=d,e:f none bind 0 0\n", 1 },
		{ "/na\xc3\xafve /\xe6\x97\xa5\xe6\x9c\xac none bind 0 0\n", 1 },
		{ "/a /\\303\\251 none bind 0 0\n", 1 },
		{ "/a /b\\134040 none bind 0 0\n", 1 },
		{ "/a /b none defaults,bind,exec,suid,dev,rw 0 0\n", 1 },
		{ "/a /b none rbind,ro,nosuid,nodev,noexec,noatime,nodiratime 0 0\n", 1 },
		{ "/a /b none bind,relatime,rslave 0 0\n/a /c none bind,strictatime,private 0 0\n",
		  2 },
		{ "/a /b none bind,x-snapd.detach,x-snapd.id=x,x-snapd.mode=0755 0 0\n",
		  1 },
		{ "none /b tmpfs defaults 0 0\n", 1 },
		{ "tmpfs /b tmpfs mode=01777,uid=0,gid=4294967294,size=16m,nr_inodes=10 0 0\n",
		  1 },
		{ "tmpfs /u tmpfs x-snapd.synthetic,x-snapd.needed-by=/u/s 0 0\n"
		  "/u/x /u/x none bind,x-snapd.synthetic,x-snapd.needed-by=/u/s 0 0\n"
		  "/s /u/s none bind,ro 0 0\n",
		  3 },
		{ "/snap/a_k /snap/a none rbind,x-snapd.origin=overname 0 0\n", 1 },
		{ "/a /b none bind,x-snapd.origin=rootfs,x-overmount.create-source 0 0\n",
		  1 },
		/* What needs others may be needed itself, and by several. */
		{ "/a /b none bind,x-snapd.needed-by=/c 0 0\n"
		  "/a /c none bind,x-snapd.needed-by=/d 0 0\n"
		  "/a /d none bind 0 0\n/a /e none bind,x-snapd.needed-by=/d 0 0\n",
		  4 },
		/* A source below the target of another entry is no cycle yet. */
		{ "/s /x none bind 0 0\n/x/a /b none bind 0 0\n", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_profile_ struct om_profile *p = parse(cases[i].text);

		assert_int_equal(p->n, cases[i].n);
		assert_string_equal(p->name, "p");
	}
}

static void test_bind_entry(void **state _unused_)
{
	_cleanup_profile_ struct om_profile *p = parse(
		"\n/a\\040b /c none rbind,ro,nosuid,nodev,noexec,noatime,nodiratime,slave,"
		"x-snapd.origin=layout,x-snapd.mode=01777,x-snapd.user=1,x-snapd.gid=2,"
		"x-overmount.create-source 0 0\n"
		"/f /g none bind,x-snapd.kind=file\n");
	const struct om_entry *d = &p->entries[0], *f = &p->entries[1];

	assert_int_equal(d->kind, OM_ENTRY_BIND_DIR);
	assert_int_equal(d->origin, OM_ORIGIN_LAYOUT);
	assert_string_equal(d->source, "/a b");
	assert_string_equal(d->target, "/c");
	assert_string_equal(d->id, "/c");
	assert_null(d->needed_by);
	assert_true(d->recursive);
	assert_true(d->create_source);
	assert_int_equal(d->attr, OM_ATTR_RDONLY | OM_ATTR_NOSUID | OM_ATTR_NODEV |
					  OM_ATTR_NOEXEC | OM_ATTR_NOATIME |
					  OM_ATTR_NODIRATIME);
	assert_int_equal(d->propagation, OM_PROPAGATION_SLAVE);
	assert_int_equal(d->mode, 01777);
	assert_int_equal(d->uid, 1);
	assert_int_equal(d->gid, 2);
	assert_int_equal(d->line, 2);
	assert_int_equal(f->kind, OM_ENTRY_BIND_FILE);
	assert_int_equal(f->origin, OM_ORIGIN_GENERAL);
	assert_false(f->recursive);
	assert_int_equal(f->attr, 0);
	assert_int_equal(f->mode, OM_MODE_UNSET);
	assert_int_equal(f->propagation, OM_PROPAGATION_DEFAULT);
	assert_string_equal(f->options, "bind,x-snapd.kind=file");
}

static void test_other_entries(void **state _unused_)
{
	_cleanup_profile_ struct om_profile *p = parse(
		"tmpfs /t tmpfs mode=700,uid=5,gid=6,size=3K,nr_inodes=7,ro,rprivate 0 0\n"
		"tmpfs /l tmpfs x-snapd.origin=layout 0 0\n"
		"tmpfs /d tmpfs defaults 0 0\n"
		"none /s none x-snapd.kind=symlink,x-snapd.symlink=../a\\040b 0 0\n"
		"none /h none x-overmount.hide,x-snapd.origin=layout 0 0\n");
	const struct om_entry *t = p->entries;

	assert_int_equal(t[0].kind, OM_ENTRY_TMPFS);
	assert_int_equal(t[0].mode, 0700);
	assert_int_equal(t[0].uid, 5);
	assert_int_equal(t[0].gid, 6);
	assert_int_equal(t[0].size, 3072);
	assert_int_equal(t[0].inodes, 7);
	assert_int_equal(t[0].attr, OM_ATTR_RDONLY);
	assert_int_equal(t[0].propagation, OM_PROPAGATION_PRIVATE);
	assert_int_equal(t[1].mode, 0755);
	assert_int_equal(t[2].mode, OM_MODE_UNSET);
	assert_int_equal(t[3].kind, OM_ENTRY_SYMLINK);
	assert_string_equal(t[3].symlink, "../a b");
	assert_string_equal(t[3].options, "x-snapd.kind=symlink,x-snapd.symlink=../a b");
	assert_int_equal(t[4].kind, OM_ENTRY_HIDE);
	assert_int_equal(t[4].origin, OM_ORIGIN_LAYOUT);
}

static void test_print(void **state _unused_)
{
	static const char text[] =
		"/dev/sda5 /media/My\\040Files none bind,rw,noatime 0 0\n"
		"/a\\134b /c\\134040 none bind 0 0\n"
		"tmpfs /lib/mytmp tmpfs x-snapd.mode=01777,x-snapd.origin=layout 0 0\n"
		"none /s none x-snapd.kind=symlink,x-snapd.symlink=/a\\040b\\134 0 0\n"
		"none /h none x-overmount.hide 0 0\n"
		"tmpfs /x tmpfs defaults 0 0\n";
	static const struct om_entry empty = { .type = "", .options = "" };
	static const struct om_entry odd = { .source = "na me",
					     .target = "d\tir",
					     .type = "ty\npe",
					     .options = "optio\\ns" };
	_cleanup_profile_ struct om_profile *p = parse(text), *q = NULL;
	_cleanup_str_ struct om_str out = { 0 }, one = { 0 }, again = { 0 };

	om_profile_print(p, &out);
	assert_string_equal(om_str_get(&out), text);
	q = parse(om_str_get(&out));
	om_profile_print(q, &again);
	assert_string_equal(om_str_get(&again), text);
	for (size_t i = 0; i < p->n; i++) {
		assert_string_equal(p->entries[i].source, q->entries[i].source);
		assert_string_equal(p->entries[i].target, q->entries[i].target);
		assert_string_equal(p->entries[i].options, q->entries[i].options);
		assert_int_equal(p->entries[i].kind, q->entries[i].kind);
		assert_int_equal(p->entries[i].mode, q->entries[i].mode);
	}
	/* snapd's own examples of writing. */
	om_entry_print(&empty, &one);
	assert_string_equal(om_str_get(&one), "none none none defaults 0 0");
	om_str_free(&one);
	om_entry_print(&odd, &one);
	assert_string_equal(om_str_get(&one),
			    "na\\040me d\\011ir ty\\012pe optio\\134ns 0 0");
}

static void test_kind_names(void **state _unused_)
{
	assert_string_equal(om_entry_kind_name(OM_ENTRY_BIND_DIR), "bind");
	assert_string_equal(om_entry_kind_name(OM_ENTRY_BIND_FILE), "bind-file");
	assert_string_equal(om_entry_kind_name(OM_ENTRY_TMPFS), "tmpfs");
	assert_string_equal(om_entry_kind_name(OM_ENTRY_SYMLINK), "symlink");
	assert_string_equal(om_entry_kind_name(OM_ENTRY_HIDE), "hide");
	assert_string_equal(om_entry_kind_name(_OM_ENTRY_MAX), "unknown");
	assert_null(om_profile_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_structure),
		cmocka_unit_test(test_bad_encoding),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_path_limits),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_bind_entry),
		cmocka_unit_test(test_other_entries),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_kind_names),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
