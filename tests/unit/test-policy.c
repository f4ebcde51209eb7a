/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies from files: what each key does, and that nothing in a file is ignored.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "strategy/policy.h"

#define SCHEMA "schema: overmount.policy/1\n"

static int read_text(const char *text, struct om_policy *policy, struct om_error *e)
{
	om_error_clear(e);
	return om_policy_read("p.yaml", text, strlen(text), policy, e);
}

static void read_good(const char *text, struct om_policy *policy)
{
	struct om_error e = { 0 };
	int r = read_text(text, policy, &e);

	if (r < 0)
		fail_msg("%s: %s", e.where, e.message);
}

static void test_default(void **state _unused_)
{
	struct om_policy p;

	read_good(SCHEMA, &p);
	assert_memory_equal(&p, &om_policy_default, sizeof(p));
	om_policy_done(&p);
}

static void test_every_key(void **state _unused_)
{
	struct om_policy p;

	read_good(SCHEMA
		  "strategies: [mimic]\n"
		  "write-roots: [/usr, /etc]\n"
		  "reserved:\n  - /etc/secret\n"
		  "mutable-lowers: false\n"
		  "kind-changes: true\nstrict: true\n"
		  "limits: { entries: 10, siblings: 0, submounts: 3, depth: 128 }\n"
		  "writable: { holes: [/usr/share, /opt], size: 4096 }\n",
		  &p);
	assert_false(p.allow[OM_STRATEGY_OVERLAY]);
	assert_true(p.allow[OM_STRATEGY_MIMIC]);
	assert_int_equal(p.order[0], OM_STRATEGY_MIMIC);
	assert_int_equal(p.roots.n, 2);
	assert_string_equal(p.roots.v[0], "/usr");
	assert_string_equal(p.roots.v[1], "/etc");
	assert_int_equal(p.reserved.n, 1);
	assert_string_equal(p.reserved.v[0], "/etc/secret");
	assert_false(p.mutable_lowers);
	assert_true(p.kind_changes);
	assert_true(p.strict);
	assert_int_equal(p.max_entries, 10);
	assert_int_equal(p.max_siblings, 0);
	assert_int_equal(p.max_submounts, 3);
	assert_int_equal(p.max_depth, 128);
	assert_int_equal(p.writable.n, 2);
	assert_string_equal(p.writable.v[1], "/opt");
	assert_int_equal(p.writable_size, 4096);
	om_policy_done(&p);
}

static void test_order(void **state _unused_)
{
	static const struct {
		const char *list;
		bool overlay, mimic, rw;
		enum om_strategy_id first;
	} rows[] = {
		{ "[overlay, mimic]", true, true, false, OM_STRATEGY_OVERLAY },
		{ "[mimic, overlay]", true, true, false, OM_STRATEGY_MIMIC },
		{ "[mimic]", false, true, false, OM_STRATEGY_MIMIC },
		{ "[overlay]", true, false, false, OM_STRATEGY_OVERLAY },
		{ "[overlay-rw]", false, false, true, OM_STRATEGY_OVERLAY_RW },
		{ "[mimic, overlay-rw, overlay]", true, true, true, OM_STRATEGY_MIMIC },
		{ "[]", false, false, false, OM_STRATEGY_OVERLAY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct om_policy p;
		char text[128];

		(void)snprintf(text, sizeof(text), SCHEMA "strategies: %s\n",
			       rows[i].list);
		read_good(text, &p);
		assert_int_equal(p.allow[OM_STRATEGY_OVERLAY], rows[i].overlay);
		assert_int_equal(p.allow[OM_STRATEGY_MIMIC], rows[i].mimic);
		assert_int_equal(p.allow[OM_STRATEGY_OVERLAY_RW], rows[i].rw);
		assert_int_equal(p.order[0], rows[i].first);
		/* All are still in it. */
		assert_int_equal(1 << p.order[0] | 1 << p.order[1] | 1 << p.order[2],
				 1 << OM_STRATEGY_OVERLAY | 1 << OM_STRATEGY_MIMIC |
					 1 << OM_STRATEGY_OVERLAY_RW);
		om_policy_done(&p);
	}
}

/* --strategy takes away, and gives nothing. */
static void test_restrict(void **state _unused_)
{
	struct om_policy p;

	read_good(SCHEMA "strategies: [mimic, overlay]\n", &p);
	assert_int_equal(om_policy_restrict(&p, "auto"), 0);
	assert_true(p.allow[OM_STRATEGY_OVERLAY] && p.allow[OM_STRATEGY_MIMIC]);
	assert_int_equal(om_policy_restrict(&p, "plain"), -EINVAL);
	assert_int_equal(om_policy_restrict(&p, "overlay"), 0);
	assert_true(p.allow[OM_STRATEGY_OVERLAY]);
	assert_false(p.allow[OM_STRATEGY_MIMIC]);
	assert_int_equal(om_policy_restrict(&p, "mimic"), 0);
	assert_false(p.allow[OM_STRATEGY_OVERLAY] || p.allow[OM_STRATEGY_MIMIC]);
	om_policy_done(&p);
}

/* In the order of the file format; message NULL: the reason is that of another part. */
static const struct {
	const char *text, *where, *message, *fix;
} bad[] = {
	{ "", "p.yaml:1:1: schema",
	  "cannot read \"schema\": the key is missing, want schema: overmount.policy/1",
	  "" },
	{ "strict: true\n", "p.yaml:1:1: schema",
	  "cannot read \"schema\": the key is missing, want schema: overmount.policy/1",
	  "" },
	{ "schema: overmount.policy/2\n", "p.yaml:1:9: schema",
	  "cannot read \"overmount.policy/2\": unknown schema, want overmount.policy/1",
	  "" },
	{ SCHEMA "strategy: mimic\n", "p.yaml:2:1: strategy",
	  "cannot read \"strategy\": unknown key",
	  "the keys here are schema, strategies, write-roots, reserved, mutable-lowers, kind-changes, strict, limits, writable" },
	{ SCHEMA "limits:\n  entry: 1\n", "p.yaml:3:3: entry",
	  "cannot read \"entry\": unknown key",
	  "the keys here are entries, siblings, submounts, depth" },
	{ SCHEMA "strict: true\nstrict: true\n", "p.yaml:3:1: strict",
	  "cannot read \"strict\": the key is given twice", "" },
	{ SCHEMA "strict: yes\n", "p.yaml:2:9: strict",
	  "cannot read \"yes\": want true or false", "" },
	{ SCHEMA "strict:\n", "p.yaml:2:8: strict",
	  "cannot read \"strict\": expected a value, found nothing", "" },
	{ SCHEMA "strict: [true]\n", "p.yaml:2:9: strict",
	  "cannot read \"strict\": expected a string, found a list", "" },
	{ SCHEMA "strategies: mimic\n", "p.yaml:2:13: strategies",
	  "cannot read \"strategies\": expected a list", "" },
	{ SCHEMA "strategies: [mimic, plain]\n", "p.yaml:2:21: strategies",
	  "cannot read \"plain\": no strategy for missing names, want overlay, overlay-rw or mimic",
	  "" },
	{ SCHEMA "strategies: [mimic, mimic]\n", "p.yaml:2:21: strategies",
	  "cannot read \"mimic\": the strategy is given twice", "" },
	{ SCHEMA "strategies: [[mimic]]\n", "p.yaml:2:14: strategies",
	  "cannot read \"strategies\": expected a string, found a list", "" },
	{ SCHEMA "write-roots: [usr]\n", "p.yaml:2:15: write-roots", NULL, "" },
	{ SCHEMA "write-roots: [/usr/../etc]\n", "p.yaml:2:15: write-roots", NULL, "" },
	{ SCHEMA "reserved: [/a, /a]\n", "p.yaml:2:16: reserved",
	  "cannot read \"/a\": the path is given twice", "" },
	{ SCHEMA "reserved: [*a]\n", "p.yaml:2:12: reserved",
	  "cannot read \"reserved\": aliases are not supported", "" },
	{ SCHEMA "limits: 5\n", "p.yaml:2:9: limits",
	  "cannot read \"limits\": expected a map, found a string", "" },
	{ SCHEMA "limits: { depth: 129 }\n", "p.yaml:2:18: limits.depth",
	  "cannot read \"129\": want a number up to 128", "" },
	{ SCHEMA "limits: { depth: -1 }\n", "p.yaml:2:18: limits.depth",
	  "cannot read \"-1\": want a number up to 128", "" },
	{ SCHEMA "limits: { entries: many }\n", "p.yaml:2:20: limits.entries",
	  "cannot read \"many\": want a number up to 4096", "" },
	{ SCHEMA "writable: [/usr]\n", "p.yaml:2:11: writable",
	  "cannot read \"writable\": expected a map, found a list", "" },
	{ SCHEMA "writable: { hole: [/usr] }\n", "p.yaml:2:13: hole",
	  "cannot read \"hole\": unknown key", "the keys here are holes, size" },
	{ SCHEMA "writable: { holes: /usr }\n", "p.yaml:2:20: writable.holes",
	  "cannot read \"holes\": expected a list", "" },
	{ SCHEMA "writable: { holes: [usr] }\n", "p.yaml:2:21: writable.holes", NULL,
	  "" },
	{ SCHEMA "writable: { holes: [/usr/] }\n", "p.yaml:2:21: writable.holes", NULL,
	  "" },
	{ SCHEMA "writable: { holes: [/a, /b, /a] }\n", "p.yaml:2:29: writable.holes",
	  "cannot read \"/a\": the path is given twice", "" },
	{ SCHEMA "writable: { size: 0 }\n", "p.yaml:2:19: writable.size",
	  "cannot read \"0\": want a number from 4096 to 1073741824", "" },
	{ SCHEMA "writable: { size: 4095 }\n", "p.yaml:2:19: writable.size",
	  "cannot read \"4095\": want a number from 4096 to 1073741824", "" },
	{ SCHEMA "writable: { size: 1073741825 }\n", "p.yaml:2:19: writable.size",
	  "cannot read \"1073741825\": want a number from 4096 to 1073741824", "" },
	{ SCHEMA "writable: { size: 99999999999999999999999 }\n",
	  "p.yaml:2:19: writable.size", NULL, "" },
	{ SCHEMA "writable: { size: 16M }\n", "p.yaml:2:19: writable.size",
	  "cannot read \"16M\": want a number from 4096 to 1073741824", "" },
	{ SCHEMA "writable: { size: }\n", "p.yaml:2:19: writable.size",
	  "cannot read \"size\": expected a value, found nothing", "" },
	{ SCHEMA "writable: { size: 4096, size: 4096 }\n", "p.yaml:2:25: writable.size",
	  "cannot read \"size\": the key is given twice", "" },
	{ SCHEMA "writable: { holes: [/a] }\nwritable: { holes: [/b] }\n",
	  "p.yaml:3:1: writable", "cannot read \"writable\": the key is given twice",
	  "" },
	{ SCHEMA "---\nstrict: true\n", "p.yaml:2:1", NULL, "" },
	{ "- a\n", "p.yaml:1:1", NULL, "" },
};

static void test_bad(void **state _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct om_policy p;
		struct om_error e = { 0 };

		assert_int_equal(read_text(bad[i].text, &p, &e), -EINVAL);
		assert_int_equal(e.kind, OM_ERR_INPUT);
		assert_string_equal(e.where, bad[i].where);
		if (bad[i].message)
			assert_string_equal(e.message, bad[i].message);
		assert_string_equal(e.fix, bad[i].fix);
		/* Nothing of a bad file is in force. */
		assert_memory_equal(&p, &om_policy_default, sizeof(p));
		om_policy_done(&p);
	}
}

static void test_many_paths(void **state _unused_)
{
	struct om_str text = { 0 };
	struct om_error e = { 0 };
	struct om_policy p;

	om_str_add(&text, SCHEMA "reserved:\n");
	for (unsigned i = 0; i < OM_MAX_POLICY_PATHS; i++)
		om_str_addf(&text, "  - /p%u\n", i);
	read_good(om_str_get(&text), &p);
	assert_int_equal(p.reserved.n, OM_MAX_POLICY_PATHS);
	om_policy_done(&p);
	om_str_add(&text, "  - /one\n");
	assert_int_equal(read_text(om_str_get(&text), &p, &e), -EINVAL);
	assert_string_equal(e.message,
			    "cannot read \"/one\": more paths than a policy may have");
	om_policy_done(&p);
	om_str_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default), cmocka_unit_test(test_every_key),
		cmocka_unit_test(test_order),	cmocka_unit_test(test_restrict),
		cmocka_unit_test(test_bad),	cmocka_unit_test(test_many_paths),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
