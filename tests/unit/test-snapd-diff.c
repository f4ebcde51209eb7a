/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an update keeps, undoes and does, by the vectors of snapd's own tests, V20 to V52,
 * read as the drop-in reads profiles.  Three things are otherwise, everywhere: what is
 * undone comes first, and only then what is kept, which snapd mixes; what is kept or done is
 * in the order of application, which snapd turns around for what it keeps; and whether a
 * target is there already changes no order, since names in a hole are not made one by one.
 * What else is otherwise is said with the vector.
 *
 * V24, V25, V28, V29, V38, V50 and V51 are about what is around the comparison, and are in
 * tests/integration/snapd-vectors.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "diff/diff.h"
#include "fake/diff-text.h"
#include "snapd/entry.h"
#include "snapd/fstab.h"

#define OL ",x-snapd.origin=layout 0 0\n"
#define OV "rbind,x-snapd.origin=overname 0 0\n"
#define SYN(id) "x-snapd.synthetic,x-snapd.needed-by=" id
#define SYN_MODE(id) SYN(id) ",mode=0755,uid=0,gid=0 0 0\n"

/* The texts of the entries are those of the other two. */
struct side {
	struct om_snapd_profile read;
	struct om_texts texts;
	struct om_profile profile;
};

static void side_load(struct side *s, const char *name, const char *text)
{
	struct om_error e = { 0 };

	*s = (struct side){ 0 };
	if (om_snapd_profile_parse(&s->read, "f", text, strlen(text), &e) < 0)
		fail_msg("%s: %s", name, e.message);
	s->profile.n = s->read.entries.n;
	s->profile.entries = calloc(s->profile.n + 1, sizeof(*s->profile.entries));
	assert_non_null(s->profile.entries);
	for (size_t i = 0; i < s->profile.n; i++)
		if (om_snapd_entry_convert(&s->read.entries.v[i], &s->texts,
					   &s->profile.entries[i], &e) < 0)
			fail_msg("%s: %s", name, e.message);
	om_profile_sort(&s->profile);
}

static void side_done(struct side *s)
{
	free(s->profile.entries);
	om_texts_done(&s->texts);
	om_snapd_profile_done(&s->read);
}

struct vector {
	const char *name;
	const char *current, *desired;
	const char *want;
};

static void check(void **state)
{
	const struct vector *v = *state;
	struct om_str got = { 0 };
	struct om_diff diff;
	struct side old, new;

	side_load(&old, v->name, v->current);
	side_load(&new, v->name, v->desired);
	assert_int_equal(om_diff_make(&old.profile, &new.profile, NULL, &diff, NULL), 0);
	diff_text(&diff, &got);
	if (!om_streq(om_str_get(&got), v->want))
		fail_msg("%s:\n%swant:\n%s", v->name, om_str_get(&got), v->want);
	om_str_free(&got);
	om_diff_done(&diff);
	side_done(&old);
	side_done(&new);
}

/* --- Entries, and what lies below them -------------------------------------------------- */

#define STUFF(source) source " /common/stuff none bind 0 0\n"
#define EXTRA(source) source " /common/stuff/extra none bind 0 0\n"
#define UNRELATED "/u /common/unrelated none bind 0 0\n"

static const struct vector simple[] = {
	{ "V20", "", "", "" },
	{ "V21", STUFF("/s"), STUFF("/s"), "keep /common/stuff same\n" },
	{ "V22", "", STUFF("/s"), "do /common/stuff new\n" },
	{ "V23", STUFF("/s"), "", "undo /common/stuff gone\n" },
	{ "V26", STUFF("/s") EXTRA("/e"), "",
	  "undo /common/stuff/extra gone\n"
	  "undo /common/stuff gone\n" },
	{ "V27", "",
	  "none /c/stuff/dir/symlink1 none x-snapd.kind=symlink,x-snapd.symlink=/s 0 0\n"
	  "/s/2 /c/stuff/dir/file2 none bind,x-snapd.kind=file 0 0\n"
	  "/s/dir /c/stuff/dir none bind 0 0\n"
	  "/s /c/stuff none bind 0 0\n"
	  "/s/1 /c/stuff/dir/file1 none bind,x-snapd.kind=file 0 0\n",
	  "do /c/stuff new\n"
	  "do /c/stuff/dir new\n"
	  "do /c/stuff/dir/file1 new\n"
	  "do /c/stuff/dir/file2 new\n"
	  "do /c/stuff/dir/symlink1 new\n" },
	{ "V30", STUFF("/sda1") EXTRA("/e") UNRELATED,
	  STUFF("/sda2") EXTRA("/e") UNRELATED,
	  "undo /common/stuff/extra target-undone /common/stuff\n"
	  "undo /common/stuff changed source\n"
	  "do /common/stuff changed source\n"
	  "do /common/stuff/extra target-undone /common/stuff\n"
	  "keep /common/unrelated same\n" },
	{ "V31", STUFF("/s") EXTRA("/sda1") UNRELATED,
	  STUFF("/s") EXTRA("/sda2") UNRELATED,
	  "undo /common/stuff/extra changed source\n"
	  "keep /common/stuff same\n"
	  "do /common/stuff/extra changed source\n"
	  "keep /common/unrelated same\n" },
	/* A name that only begins like a path that changes. */
	{ "V34",
	  "/sda1 /a/b none bind 0 0\n/c /a/b/c none bind 0 0\n"
	  "/1 /a/b-1 none bind 0 0\n/3 /a/b-1/3 none bind 0 0\n",
	  "/sda2 /a/b none bind 0 0\n/1 /a/b-1 none bind 0 0\n"
	  "/c /a/b/c none bind 0 0\n",
	  "undo /a/b/c target-undone /a/b\n"
	  "undo /a/b changed source\n"
	  "undo /a/b-1/3 gone\n"
	  "keep /a/b-1 same\n"
	  "do /a/b changed source\n"
	  "do /a/b/c target-undone /a/b\n" },
	{ "V49", "/a /a/b none bind 0 0\n", "/a /a//b/ none bind 0 0\n",
	  "keep /a/b same\n" },
	{ "V52", "tmpfs /m tmpfs x-snapd.origin=layout 0 0\n", "/s /m none rbind" OL,
	  "undo /m changed kind\n"
	  "do /m changed kind\n" },
};

/* --- Overname: LP #1906821, it comes first and stays ------------------------------------ */

#define OVERNAME "/foo/bar_bar /foo/bar none " OV "/snap/foo_bar /snap/foo none " OV

static const struct vector overname[] = {
	{ "V35", "", STUFF("/sda1") EXTRA("/e") UNRELATED OVERNAME,
	  "do /foo/bar new\n"
	  "do /snap/foo new\n"
	  "do /common/stuff new\n"
	  "do /common/stuff/extra new\n"
	  "do /common/unrelated new\n" },
	{ "V36", OVERNAME, OVERNAME STUFF("/s") UNRELATED,
	  "keep /foo/bar same\n"
	  "keep /snap/foo same\n"
	  "do /common/stuff new\n"
	  "do /common/unrelated new\n" },
	{ "V37", OVERNAME "/z /foo/bar/zed none bind 0 0\n",
	  "/z /foo/bar/baz none bind 0 0\n" OVERNAME,
	  "undo /foo/bar/zed gone\n"
	  "keep /foo/bar same\n"
	  "keep /snap/foo same\n"
	  "do /foo/bar/baz new\n" },
};

/* --- Mimics ------------------------------------------------------------------------------- */

#define SUBDIR "/snap/name/42/subdir"
#define FARM(id)                                                                         \
	"tmpfs " SUBDIR " tmpfs " SYN(id) " 0 0\n" SUBDIR "/existing " SUBDIR            \
					  "/existing none bind,ro," SYN(id) " 0 0\n"
#define CREATED "/snap/other/123/libs " SUBDIR "/created none bind,ro"

#define M "/snap/name/42"
#define P1 "/c1 " M "/provider-1 none bind,ro 0 0\n"
#define P2 "/snap/provider-2/x1 " M "/provider-2 none bind,ro 0 0\n"
#define PART(name)                                                                       \
	M "/" name " " M "/" name " none bind,ro," SYN(M "/provider-1") " 0 0\n"
#define PROVIDERS                                                                        \
	"tmpfs " M " tmpfs " SYN(M "/provider-1") " 0 0\n" PART("provider-2")            \
		PART("bin") PART("meta")

static const struct vector mimics[] = {
	{ "V32", FARM(SUBDIR "/created") CREATED " 0 0\n", "",
	  "undo " SUBDIR "/existing unneeded\n"
	  "undo " SUBDIR "/created gone\n"
	  "undo " SUBDIR " unneeded\n" },
	{ "V33", FARM(SUBDIR "/created") CREATED " 0 0\n", CREATED " 0 0\n",
	  "keep " SUBDIR " needed\n"
	  "keep " SUBDIR "/existing needed\n"
	  "keep " SUBDIR "/created same\n" },
	/* LP #2043993: what a mimic was made for is found by its id. */
	{ "V33, by its id", FARM("one") CREATED ",x-snapd.id=one 0 0\n",
	  CREATED ",x-snapd.id=one 0 0\n",
	  "keep " SUBDIR " needed\n"
	  "keep " SUBDIR "/existing needed\n"
	  "keep " SUBDIR "/created same\n" },
	/* LP #2144666: what a mimic brought back does not stand for what is mounted. */
	{ "V43", PROVIDERS P1, P1 P2,
	  "undo " M "/provider-2 in-the-way " M "/provider-2\n"
	  "keep " M " needed\n"
	  "keep " M "/bin needed\n"
	  "keep " M "/meta needed\n"
	  "keep " M "/provider-1 same\n"
	  "do " M "/provider-2 new\n" },
	{ "V44", PROVIDERS P1, P2,
	  "undo " M "/provider-2 unneeded\n"
	  "undo " M "/provider-1 gone\n"
	  "undo " M "/meta unneeded\n"
	  "undo " M "/bin unneeded\n"
	  "undo " M " unneeded\n"
	  "do " M "/provider-2 new\n" },
};

/* --- Content and layouts of it ------------------------------------------------------------ */

#define RUNTIME(rev) "/snap/rt/1 /snap/app/" rev "/foo-runtime none bind,ro 0 0\n"
#define LINK                                                                             \
	"none /opt/foo-runtime none x-snapd.kind=symlink,"                               \
	"x-snapd.symlink=/snap/app/x1/foo-runtime" OL
#define BIND "/snap/app/x2/foo-runtime /opt/foo-runtime none rbind,rw" OL
#define OPT "tmpfs /opt tmpfs " SYN_MODE("/opt/foo-runtime")

/* A link becomes a bind and a link again; the mimic around it stays. */
static const struct vector runtimes[] = {
	{ "V39", "", LINK RUNTIME("x1"),
	  "do /snap/app/x1/foo-runtime new\n"
	  "do /opt/foo-runtime new\n" },
	{ "V40", RUNTIME("x1") LINK OPT, BIND RUNTIME("x2"),
	  "undo /opt/foo-runtime changed kind\n"
	  "undo /snap/app/x1/foo-runtime gone\n"
	  "keep /opt needed\n"
	  "do /snap/app/x2/foo-runtime new\n"
	  "do /opt/foo-runtime changed kind\n" },
	{ "V41", OPT BIND RUNTIME("x2"), LINK RUNTIME("x1"),
	  "undo /opt/foo-runtime changed kind\n"
	  "undo /snap/app/x2/foo-runtime gone\n"
	  "keep /opt needed\n"
	  "do /snap/app/x1/foo-runtime new\n"
	  "do /opt/foo-runtime changed kind\n" },
	/* LP #1831010: the target of one layout is in the source of another. */
	{ "V42", "/s/1/a /s/1/b/c none rbind,rw" OL "/s/1/b /s/1/d none rbind,rw" OL,
	  "/s/2/a /s/2/b/c none rbind,rw" OL "/s/2/b /s/2/d none rbind,rw" OL,
	  "undo /s/1/d gone\n"
	  "undo /s/1/b/c gone\n"
	  "do /s/2/b/c new\n"
	  "do /s/2/d new\n" },
};

#define CONTENT2 "/snap/potato/x2/attached-content"
#define CONTENT3 "/snap/potato/x3/attached-content"
#define BOOT "/usr/share/secureboot"
#define SECUREBOOT                                                                       \
	"tmpfs " BOOT " tmpfs " SYN_MODE(BOOT "/potato") BOOT                            \
		"/updates " BOOT                                                         \
		"/updates none rbind," SYN(BOOT "/potato") ",x-snapd.detach 0 0\n"
#define ATTACHED(content) "/snap/content/7 " content " none bind,ro 0 0\n"
#define POTATO(content) content " " BOOT "/potato none rbind,rw" OL

/*
 * LP #2072395.  In V46 and V47 snapd keeps the layout when its content goes or comes, and
 * goes on showing what was there before, which its own test calls a bug.  Here the layout
 * is made again, and nothing else.
 */
static const struct vector contents[] = {
	{ "V45", SECUREBOOT ATTACHED(CONTENT2) POTATO(CONTENT2),
	  POTATO(CONTENT2) ATTACHED(CONTENT2),
	  "keep " BOOT " needed\n"
	  "keep " BOOT "/updates needed\n"
	  "keep " CONTENT2 " same\n"
	  "keep " BOOT "/potato same\n" },
	{ "V46", SECUREBOOT ATTACHED(CONTENT2) POTATO(CONTENT2), POTATO(CONTENT2),
	  "undo " BOOT "/potato source-undone " CONTENT2 "\n"
	  "undo " CONTENT2 " gone\n"
	  "keep " BOOT " needed\n"
	  "keep " BOOT "/updates needed\n"
	  "do " BOOT "/potato source-undone " CONTENT2 "\n" },
	{ "V47", SECUREBOOT POTATO(CONTENT2), POTATO(CONTENT2) ATTACHED(CONTENT2),
	  "undo " BOOT "/potato source-new " CONTENT2 "\n"
	  "keep " BOOT " needed\n"
	  "keep " BOOT "/updates needed\n"
	  "do " CONTENT2 " new\n"
	  "do " BOOT "/potato source-new " CONTENT2 "\n" },
	{ "V48", SECUREBOOT ATTACHED(CONTENT2) POTATO(CONTENT2),
	  POTATO(CONTENT3) ATTACHED(CONTENT3),
	  "undo " BOOT "/potato changed source\n"
	  "undo " CONTENT2 " gone\n"
	  "keep " BOOT " needed\n"
	  "keep " BOOT "/updates needed\n"
	  "do " CONTENT3 " new\n"
	  "do " BOOT "/potato changed source\n" },
};

/* Each vector is a test of its own, by its name. */
static size_t add_tests(struct CMUnitTest *tests, size_t n, const struct vector *vectors,
			size_t n_vectors)
{
	for (size_t i = 0; i < n_vectors; i++)
		tests[n++] = (struct CMUnitTest){
			.name = vectors[i].name,
			.test_func = check,
			.initial_state = (void *)(uintptr_t)&vectors[i],
		};
	return n;
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(simple) + ARRAY_SIZE(overname) +
				ARRAY_SIZE(mimics) + ARRAY_SIZE(runtimes) +
				ARRAY_SIZE(contents)];
	size_t n = 0;

	n = add_tests(tests, n, simple, ARRAY_SIZE(simple));
	n = add_tests(tests, n, overname, ARRAY_SIZE(overname));
	n = add_tests(tests, n, mimics, ARRAY_SIZE(mimics));
	n = add_tests(tests, n, runtimes, ARRAY_SIZE(runtimes));
	n = add_tests(tests, n, contents, ARRAY_SIZE(contents));
	return _cmocka_run_group_tests("snapd-diff", tests, n, NULL, NULL);
}
