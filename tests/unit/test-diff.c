/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * diff/: what an update keeps, undoes and does.  The vectors of snapd are in
 * test-snapd-diff.c; this is what snapd, which goes by paths alone, does not ask.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/index.h"
#include "base/str.h"
#include "diff/diff.h"
#include "diff/ways.h"
#include "fake/diff-text.h"

#define OL ",x-snapd.origin=layout 0 0\n"

static struct om_profile *parse(const char *text)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	if (om_profile_parse("p", text, strlen(text), &p, &e) < 0)
		assert_string_equal(e.message, "");
	om_profile_sort(p);
	return p;
}

static void expect_looked(const char *old_text, const char *new_text,
			  const bool *replaced, const char *want)
{
	struct om_profile *old = parse(old_text), *new = parse(new_text);
	struct om_str out = { 0 };
	struct om_diff diff;
	size_t n[_OM_DIFF_ACT_MAX] = { 0 };

	assert_int_equal(om_diff_make(old, new, replaced, &diff, NULL), 0);
	diff_text(&diff, &out);
	assert_string_equal(om_str_get(&out), want);
	for (size_t i = 0; i < diff.changes.n; i++)
		n[diff.changes.v[i].act]++;
	assert_memory_equal(n, diff.n, sizeof(n));
	assert_int_equal(n[OM_DIFF_KEEP] + n[OM_DIFF_UNDO], old->n);
	om_str_free(&out);
	om_diff_done(&diff);
	(void)om_profile_free(old);
	(void)om_profile_free(new);
}

static void expect(const char *old_text, const char *new_text, const char *want)
{
	expect_looked(old_text, new_text, NULL, want);
}

/* One layout's target is in the source of another, which itself does not change. */
static void test_source_with_a_target(void **state)
{
	(void)state;
	expect("/s/a /s/b/c none rbind,rw" OL "/s/b /s/d none rbind,rw" OL,
	       "/s/z /s/b/c none rbind,rw" OL "/s/b /s/d none rbind,rw" OL,
	       "undo /s/d source-undone /s/b/c\nundo /s/b/c changed source\n"
	       "do /s/b/c changed source\ndo /s/d source-undone /s/b/c\n");
}

/* The ways to ask for something else. */
static void test_changed(void **state)
{
	static const struct {
		const char *old, *new, *what;
	} cases[] = {
		{ "tmpfs /m tmpfs x-snapd.origin=layout", "/s /m none rbind" OL, "kind" },
		{ "/s /m none bind", "/t /m none bind", "source" },
		{ "/s /m none bind", "/s /m none rbind", "recursion" },
		{ "/s /m none bind", "/s /m none bind,ro", "attributes" },
		{ "/s /m none bind", "/s /m none bind,slave", "propagation" },
		{ "/s /m none bind", "/s /m none bind,x-overmount.create-source",
		  "creation of its source" },
		{ "none /m none x-snapd.kind=symlink,x-snapd.symlink=/a",
		  "none /m none x-snapd.kind=symlink,x-snapd.symlink=/b", "link" },
		{ "tmpfs /m tmpfs mode=755", "tmpfs /m tmpfs mode=700", "mode" },
		{ "tmpfs /m tmpfs uid=1", "tmpfs /m tmpfs uid=2", "user" },
		{ "tmpfs /m tmpfs gid=1", "tmpfs /m tmpfs gid=2", "group" },
		{ "tmpfs /m tmpfs size=4k", "tmpfs /m tmpfs size=8k", "size" },
		{ "tmpfs /m tmpfs nr_inodes=4", "tmpfs /m tmpfs nr_inodes=8", "inodes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char want[128];

		(void)snprintf(want, sizeof(want),
			       "undo /m changed %s\ndo /m changed %s\n", cases[i].what,
			       cases[i].what);
		expect(cases[i].old, cases[i].new, want);
		expect(cases[i].new, cases[i].old, want);
	}
}

/* Bytes that differ and mean the same. */
static void test_same_in_other_words(void **state)
{
	static const struct {
		const char *old, *new;
	} cases[] = {
		{ "/s /m none bind,ro", "/s /m none ro,bind" },
		{ "/s /m none bind", "/s /m none bind,rw,private,x-snapd.detach" },
		{ "/s /m none bind", "/s /m none bind,x-snapd.id=one" },
		{ "tmpfs /m tmpfs mode=0700,uid=5", "none /m tmpfs x-snapd.mode=0700,"
						    "x-snapd.user=5" },
		{ "tmpfs /m tmpfs x-snapd.origin=layout",
		  "tmpfs /m tmpfs x-snapd.mode=0755" },
		{ "tmpfs /m tmpfs size=4k", "tmpfs /m tmpfs size=4096" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].old, cases[i].new, "keep /m same\n");
}

/* Another object behind the name: only who looks can know. */
static void test_source_replaced(void **state)
{
	static const char *const text = "/s /m none bind 0 0\n"
					"/m/x /n none rbind 0 0\n"
					"tmpfs /t tmpfs defaults 0 0\n";
	static const bool replaced[] = { true, false, true };
	static const bool not_replaced[] = { false, false, false };

	(void)state;
	expect_looked(text, text, replaced,
		      "undo /n source-undone /m\nundo /m source-replaced\n"
		      "do /m source-replaced\ndo /n source-undone /m\n"
		      "keep /t same\n");
	expect_looked(text, text, not_replaced,
		      "keep /m same\nkeep /n same\nkeep /t same\n");
}

/* What is built together with a change goes with it, and what depends on that. */
static void test_rebuilt(void **state)
{
	struct om_profile *p = parse("/s /m none bind 0 0\n"
				     "/m/x /n none rbind 0 0\n"
				     "tmpfs /t tmpfs defaults 0 0\n");
	static const bool rebuilt[] = { true, false, true };
	struct om_str out = { 0 };
	struct om_diff diff;

	(void)state;
	assert_int_equal(om_diff_make_built(p, p, NULL, rebuilt, &diff, NULL), 0);
	diff_text(&diff, &out);
	assert_string_equal(om_str_get(&out),
			    "undo /t rebuilt\nundo /n source-undone /m\n"
			    "undo /m rebuilt\ndo /m rebuilt\n"
			    "do /n source-undone /m\ndo /t rebuilt\n");
	om_str_free(&out);
	om_diff_done(&diff);
	(void)om_profile_free(p);
}

/* What comes new, above, below, and where a source passes. */
static void test_new_among(void **state)
{
	(void)state;
	expect("/s /a/b none bind 0 0\n", "/t /a none bind 0 0\n/s /a/b none bind 0 0\n",
	       "undo /a/b target-new /a\ndo /a new\ndo /a/b target-new /a\n");
	/* Of an earlier origin below it: covered by it, so it has to be there before. */
	expect("/s /a none rbind" OL, "/t /a/b none bind 0 0\n/s /a none rbind" OL,
	       "undo /a target-new /a/b\ndo /a/b new\ndo /a target-new /a/b\n");
	/* Of a later origin: upon it, as it would be in a fresh namespace. */
	expect("/s /a/b none bind 0 0\n", "/s /a/b none bind 0 0\n/t /a none rbind" OL,
	       "keep /a/b same\ndo /a new\n");
	/* A new bind shows the target of a later one, which must not be in it. */
	expect("/s /z/x none bind 0 0\n", "/z /b none rbind 0 0\n/s /z/x none bind 0 0\n",
	       "undo /z/x shown /b\ndo /b new\ndo /z/x shown /b\n");
	expect("/s /z none bind 0 0\n", "/s /z none bind 0 0\n/y /zz none bind 0 0\n",
	       "keep /z same\ndo /zz new\n");
}

/* An entry that moves to another origin changes places with what it meets, if with any. */
static void test_reordered(void **state)
{
	(void)state;
	expect("/s /a/b none bind 0 0\n/t /c none bind 0 0\n",
	       "/s /a/b none bind" OL "/t /c none bind 0 0\n",
	       "keep /c same\nkeep /a/b same\n");
	expect("/s /a none rbind 0 0\n/t /a/b none bind 0 0\n",
	       "/s /a none rbind" OL "/t /a/b none bind 0 0\n",
	       "undo /a/b target-undone /a\nundo /a reordered /a/b\n"
	       "do /a/b target-undone /a\ndo /a reordered /a/b\n");
	/* The first shows the second, or it does not. */
	expect("/z /a none rbind 0 0\n/t /z/b none bind 0 0\n",
	       "/z /a none rbind" OL "/t /z/b none bind 0 0\n",
	       "undo /a reordered /z/b\nkeep /z/b same\ndo /a reordered /z/b\n");
}

static void test_reasons_are_told(void **state)
{
	const struct om_entry other = { .target = "/o\n" };

	(void)state;
	for (enum om_diff_why why = 0; why < _OM_DIFF_WHY_MAX; why++) {
		const struct om_change change = { .why = why,
						  .because = &other,
						  .what = "mode" };
		struct om_str text = { 0 };

		assert_true(strlen(om_diff_why_id(why)) > 2);
		om_diff_explain(&change, &text);
		assert_true(text.len > 10);
		assert_null(strchr(om_str_get(&text), '\n'));
		for (enum om_diff_why k = 0; k < why; k++)
			assert_string_not_equal(om_diff_why_id(k), om_diff_why_id(why));
		om_str_free(&text);
	}
	assert_string_equal(om_diff_why_id(_OM_DIFF_WHY_MAX), "unknown");
	assert_string_equal(om_diff_act_name(_OM_DIFF_ACT_MAX), "unknown");
}

static void test_sentences(void **state)
{
	const struct om_entry other = { .target = "/o" };
	const struct om_change changes[] = {
		{ .why = OM_DIFF_CHANGED, .what = "mode" },
		{ .why = OM_DIFF_SOURCE_UNDONE, .because = &other },
		{ .why = OM_DIFF_SHOWN, .because = &other },
		{ .why = OM_DIFF_REORDERED, .because = &other },
	};
	struct om_str text = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		om_diff_explain(&changes[i], &text);
		om_str_add(&text, "\n");
	}
	assert_string_equal(om_str_get(&text),
			    "differs in mode\n"
			    "its source meets \"/o\", which is undone\n"
			    "it must not be there yet when \"/o\" is done\n"
			    "it and \"/o\" change places\n");
	om_str_free(&text);
}

static void test_ways(void **state)
{
	struct om_ways ways = { 0 };

	(void)state;
	assert_int_equal(om_ways_least(&ways, "/"), OM_WAY_NONE);
	assert_int_equal(om_ways_add(&ways, "/a/b", 5), 0);
	assert_int_equal(om_ways_add(&ways, "/a/b/c/d", 3), 0);
	assert_int_equal(om_ways_add(&ways, "/a/b", 7), 0);
	assert_int_equal(om_ways_above(&ways, "/a"), OM_WAY_NONE);
	assert_int_equal(om_ways_least(&ways, "/a"), 3);
	assert_int_equal(om_ways_above(&ways, "/a/b"), 5);
	assert_int_equal(om_ways_least(&ways, "/a/b"), 3);
	assert_int_equal(om_ways_least(&ways, "/a/b/x"), 5);
	assert_int_equal(om_ways_above(&ways, "/a/b/c/d/e"), 3);
	assert_int_equal(om_ways_least(&ways, "/a/bb"), OM_WAY_NONE);
	assert_int_equal(om_ways_add(&ways, "/", 1), 0);
	assert_int_equal(om_ways_least(&ways, "/a/bb"), 1);
	om_ways_done(&ways);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double time_diff(unsigned n)
{
	struct om_str old = { 0 }, new = { 0 };
	struct om_profile *from, *to;
	struct om_diff diff;
	double took;

	for (unsigned i = 0; i < n; i++) {
		om_str_addf(&old, "/snap/a/1/d%u /usr/share/a/b/c/d%u none rbind,rw" OL,
			    i, i);
		om_str_addf(&new, "/snap/a/%u/d%u /usr/share/a/b/c/d%u none rbind,rw" OL,
			    i % 2 + 1, i, i);
	}
	from = parse(om_str_get(&old));
	to = parse(om_str_get(&new));
	took = now();
	assert_int_equal(om_diff_make(from, to, NULL, &diff, NULL), 0);
	took = now() - took;
	assert_int_equal(diff.n[OM_DIFF_KEEP], n / 2);
	assert_int_equal(diff.n[OM_DIFF_UNDO], n / 2);
	om_diff_done(&diff);
	(void)om_profile_free(from);
	(void)om_profile_free(to);
	om_str_free(&old);
	om_str_free(&new);
	return took;
}

/* Comparing each with each would take four times as long for twice as many. */
static void test_speed(void **state)
{
	double few = 1, many = 1;

	(void)state;
	for (int i = 0; i < 5; i++) {
		double t = time_diff(500);

		few = t < few ? t : few;
		t = time_diff(2000);
		many = t < many ? t : many;
	}
	print_message("# 500 entries %.2f ms, 2000 entries %.2f ms\n", few * 1e3,
		      many * 1e3);
	assert_true(many < 0.1);
	assert_true(many < 10 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_source_with_a_target),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_same_in_other_words),
		cmocka_unit_test(test_source_replaced),
		cmocka_unit_test(test_rebuilt),
		cmocka_unit_test(test_new_among),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_reasons_are_told),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_speed),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
