/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/: quoting, numbers, paths and JSON.
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

#include "base/error.h"
#include "base/index.h"
#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "base/texts.h"

/* All 256 bytes: nothing but printable ASCII ever comes out. */
static void test_quote_every_byte(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++) {
		const char text[] = { 'a', (char)c, 'b', '\0' };

		for (const char *p = OM_Q(text); *p; p++)
			assert_true(*p >= 0x20 && *p <= 0x7e);
	}
	assert_string_equal(OM_Q("a\"b\\c\x1b"), "\"a\\x22b\\x5cc\\x1b\"");
}

static void test_quote_is_bounded(void **state)
{
	char text[1000];

	(void)state;
	memset(text, 0xff, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(strlen(OM_Q(text)) < OM_QUOTE_SIZE);
	assert_non_null(strstr(OM_Q(text), "...(+871)\""));
}

static void test_shell_words(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} cases[] = {
		{ "/usr/share/foo", "/usr/share/foo" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "it's", "'it'\\''s'" },
		{ "$x", "'$x'" },
		{ "a\nb'", "$'a\\x0ab\\''" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_str out = { 0 };

		om_str_add_shell(&out, cases[i].text);
		assert_string_equal(om_str_get(&out), cases[i].want);
		om_str_free(&out);
	}
}

static void test_numbers(void **state)
{
	unsigned long long v = 7;

	(void)state;
	assert_int_equal(om_parse_number("1777", 8, 07777, &v), 0);
	assert_int_equal(v, 01777);
	assert_int_equal(om_parse_number("", 10, 10, &v), -EINVAL);
	assert_int_equal(om_parse_number("8", 8, 100, &v), -EINVAL);
	assert_int_equal(om_parse_number("-1", 10, 100, &v), -EINVAL);
	assert_int_equal(om_parse_number("1x", 10, 100, &v), -EINVAL);
	assert_int_equal(om_parse_number("101", 10, 100, &v), -ERANGE);
	assert_int_equal(om_parse_number("100", 10, 100, &v), 0);
	assert_int_equal(om_parse_number("99999999999999999999999", 10, UINT64_MAX, &v),
			 -ERANGE);
}

static void test_unclean_paths(void **state)
{
	static const char *const bad[] = { "",	  "a",	     "a/b",   "//",
					   "/a/", "/a//b",   "/.",    "/a/.",
					   "/..", "/a/../b", "/a/./b" };
	static const char *const good[] = { "/",      "/a",  "/a b",
					    "/a/..b", "/.a", "/x (deleted)" };
	char component[300] = "/";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(om_path_unclean(bad[i]));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(om_path_unclean(good[i]));
	memset(component + 1, 'x', 255);
	assert_null(om_path_unclean(component));
	component[256] = 'x';
	assert_non_null(om_path_unclean(component));
}

static void test_path_algebra(void **state)
{
	char *text;

	(void)state;
	assert_true(om_path_is_under("/snap/foo/x", "/snap/foo"));
	assert_true(om_path_is_under("/snap/foo", "/snap/foo"));
	assert_true(om_path_is_under("/x", "/"));
	assert_false(om_path_is_under("/snap/foo-evil", "/snap/foo"));
	assert_false(om_path_is_below("/snap/foo", "/snap/foo"));
	assert_string_equal(om_path_below("/a/b/c", "/a"), "b/c");
	assert_string_equal(om_path_below("/a", "/a"), "");
	assert_string_equal(om_path_below("/a", "/"), "a");
	assert_int_equal(om_path_depth("/"), 0);
	assert_int_equal(om_path_depth("/a/b"), 2);
	assert_int_equal(om_path_prefix_len("/a/bc/d", 2), 5);
	text = om_path_parent("/a");
	assert_string_equal(text, "/");
	free(text);
	text = om_path_join("/", "a");
	assert_string_equal(text, "/a");
	free(text);
}

/* More keys than any first size holds, and keys that are prefixes of one another. */
static void test_index(void **state)
{
	static char keys[3000][16];
	struct om_index index = { 0 };

	(void)state;
	assert_true(om_index_find(&index, "") == SIZE_MAX);
	for (size_t i = 0; i < 3000; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "/%zu", i);
		assert_true(om_index_find(&index, keys[i]) == SIZE_MAX);
		assert_int_equal(om_index_add(&index, keys[i], i), 0);
	}
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(om_index_find(&index, keys[i]), i);
	assert_true(om_index_find(&index, "/3000") == SIZE_MAX);
	assert_true(om_index_find(&index, "/") == SIZE_MAX);
	om_index_done(&index);
	assert_true(om_index_find(&index, "/1") == SIZE_MAX);
}

static void test_path_order(void **state)
{
	static const char *const sorted[] = { "/a/b-1", "/a/b-1/3", "/a/b", "/a/b/c",
					      "/b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sorted); k++) {
			int c = om_path_compare(sorted[i], sorted[k]);

			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
}

static void test_json(void **state)
{
	struct om_json j = { 0 };

	(void)state;
	om_json_object(&j, NULL);
	om_json_string(&j, "a", "q\"\\\n\xff\xc3\xa9");
	om_json_array(&j, "list");
	om_json_number(&j, NULL, -3);
	om_json_bool(&j, NULL, true);
	om_json_string(&j, NULL, NULL);
	om_json_end_array(&j);
	om_json_array(&j, "empty");
	om_json_end_array(&j);
	om_json_end_object(&j);
	assert_string_equal(
		om_str_get(&j.out),
		"{\n   \"a\": \"q\\\"\\\\\\u000a\\u00ff\xc3\xa9\",\n   \"list\": [\n"
		"      -3,\n      true,\n      null\n   ],\n   \"empty\": []\n}\n");
	om_str_free(&j.out);
}

static void test_first_error_wins(void **state)
{
	struct om_error e = { 0 };

	(void)state;
	assert_int_equal(om_fail(&e, OM_ERR_INPUT, -EINVAL, "cannot %s", "a"), -EINVAL);
	assert_int_equal(om_fail(&e, OM_ERR_SYSTEM, -EIO, "cannot b"), -EIO);
	om_error_where(&e, "f\x1b", 3, 0, "target");
	om_error_where(&e, "other", 4, 0, "source");
	assert_int_equal(e.kind, OM_ERR_INPUT);
	assert_string_equal(e.message, "cannot a");
	assert_string_equal(e.where, "f\\x1b:3: target");
	assert_int_equal(om_fail(NULL, OM_ERR_INPUT, -EIO, "x"), -EIO);
}

/* Whatever their length, and however many. */
static void test_texts(void **state _unused_)
{
	static char large[100000];
	struct om_texts texts = { 0 };
	const char *kept[3000];
	const char *whole;

	memset(large, 'x', sizeof(large) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = om_texts_keep(&texts, large, i % 100);
	whole = om_texts_keep(&texts, large, sizeof(large) - 1);
	assert_string_equal(whole, large);
	assert_string_equal(om_texts_keep(&texts, "after", 3), "aft");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		assert_int_equal(strlen(kept[i]), i % 100);
		assert_memory_equal(kept[i], large, i % 100);
	}
	om_texts_done(&texts);
	assert_int_equal(texts.rooms.n, 0);
	/* It can be used again. */
	assert_string_equal(om_texts_keep(&texts, "again", 5), "again");
	om_texts_done(&texts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote_every_byte),
		cmocka_unit_test(test_quote_is_bounded),
		cmocka_unit_test(test_shell_words),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_unclean_paths),
		cmocka_unit_test(test_path_algebra),
		cmocka_unit_test(test_path_order),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_first_error_wins),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
