/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a profile back to the layout that yields it: what comes out, what has no layout and
 * why, and that going there and back and there again changes nothing.
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
#include "layout/reverse.h"

#define LAYOUT "x-snapd.origin=layout 0 0\n"
#define OVERNAME "rbind,x-snapd.origin=overname 0 0\n"

static struct om_profile *parse(const char *text)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	if (om_profile_parse("p", text, strlen(text), &p, &e) < 0)
		assert_string_equal(e.message, "");
	return p;
}

static void expect(const char *profile, const char *name, const char *want)
{
	struct om_profile *p = parse(profile);
	const struct om_reverse_args args = { .profile = p, .name = name };
	struct om_str out = { 0 };
	struct om_error e = { 0 };

	(void)!om_layout_reverse(&args, &out, &e);
	assert_string_equal(e.message, "");
	assert_string_equal(om_str_get(&out), want);
	om_str_free(&out);
	(void)om_profile_free(p);
}

static void test_what_comes_out(void **state)
{
	(void)state;
	expect("/snap/app_k /snap/app none " OVERNAME
	       "/var/snap/app_k /var/snap/app none " OVERNAME
	       "none /etc/l none x-snapd.kind=symlink,x-snapd.symlink=/snap/app/7/l," LAYOUT
	       "/snap/app/7/f /etc/f none bind,rw,x-snapd.kind=file," LAYOUT
	       "tmpfs /opt/t tmpfs x-snapd.uid=5,x-snapd.gid=6,x-snapd.mode=01777," LAYOUT
	       "tmpfs /opt/u tmpfs " LAYOUT
	       "/var/snap/app/7/d /opt/with\\040space none rbind,rw," LAYOUT
	       "/var/snap/app/common /snap/app/7/x none rbind,rw," LAYOUT,
	       NULL,
	       "# overmount layout --revision 7 --instance-key k\n"
	       "name: app\n"
	       "layout:\n"
	       "  /etc/f:\n    bind-file: $SNAP/f\n"
	       "  /etc/l:\n    symlink: $SNAP/l\n"
	       "  /opt/t:\n    type: tmpfs\n    user: 5\n    group: 6\n    mode: 1777\n"
	       "  /opt/u:\n    type: tmpfs\n"
	       "  \"/opt/with space\":\n    bind: $SNAP_DATA/d\n"
	       "  $SNAP/x:\n    bind: $SNAP_COMMON\n");
	expect("tmpfs /opt/u tmpfs " LAYOUT, "app",
	       "name: app\nlayout:\n  /opt/u:\n    type: tmpfs\n");
	expect("/snap/app/unset/x /opt/u none rbind,rw," LAYOUT, NULL,
	       "name: app\nlayout:\n  /opt/u:\n    bind: $SNAP/x\n");
	expect("", NULL, "layout: {}\n");
	expect("", "app", "name: app\nlayout: {}\n");
	/* Other words for the same. */
	expect("/snap/app/1/x /opt/u none rw,rbind,private,x-snapd.origin=layout 0 0\n"
	       "none /opt/v tmpfs x-snapd.origin=layout,mode=755 0 0\n",
	       NULL,
	       "# overmount layout --revision 1\nname: app\nlayout:\n"
	       "  /opt/u:\n    bind: $SNAP/x\n  /opt/v:\n    type: tmpfs\n");
}

static const struct {
	const char *line, *where, *message;
} refused[] = {
	{ "tmpfs /opt/x tmpfs defaults 0 0", "p:1: options",
	  "cannot express \"/opt/x\": it is no layout's, for it has no "
	  "x-snapd.origin=layout" },
	{ "none /opt/x none x-overmount.hide,x-snapd.origin=layout 0 0", "p:1: options",
	  "cannot express \"/opt/x\": no layout takes a name away" },
	{ "/snap/app/1/x /opt/x none rbind,rw,x-snapd.detach," LAYOUT, "p:1: options",
	  "cannot express \"/opt/x\": no layout gives x-snapd.detach" },
	{ "/snap/app/1/x /opt/x none rbind,rw,x-snapd.id=one," LAYOUT, "p:1: options",
	  "cannot express \"/opt/x\": no layout gives x-snapd.id" },
	{ "/opt/x /opt/x none rbind,rw,x-snapd.synthetic," LAYOUT, "p:1: options",
	  "cannot express \"/opt/x\": it is a part of a mimic" },
	{ "/snap/app/1/x /opt/x none bind,rw," LAYOUT, "p:1: options",
	  "cannot express \"/opt/x\": a layout differs in recursion, with the options "
	  "\"rbind,rw,x-snapd.origin=layout\"" },
	{ "/snap/app/1/x /opt/x none rbind,nosuid," LAYOUT, "p:1: options",
	  "cannot express \"/opt/x\": a layout differs in attributes, with the options "
	  "\"rbind,rw,x-snapd.origin=layout\"" },
	{ "/snap/app/1/x /opt/x none rbind,slave," LAYOUT, "p:1: options",
	  "propagation" },
	{ "/snap/app/1/x /opt/x none rbind,x-overmount.create-source," LAYOUT,
	  "p:1: options", "creation of its source" },
	{ "/snap/app/1/x /opt/x none rbind,x-snapd.mode=0700," LAYOUT, "p:1: options",
	  "differs in mode" },
	{ "/snap/app/1/x /opt/x none rbind,x-snapd.uid=7," LAYOUT, "p:1: options",
	  "differs in user" },
	{ "tmpfs /opt/x tmpfs size=1m," LAYOUT, "p:1: options", "differs in size" },
	{ "tmpfs /opt/x tmpfs nr_inodes=9," LAYOUT, "p:1: options", "differs in inodes" },
	{ "tmpfs /opt/x tmpfs ro," LAYOUT, "p:1: options", "differs in attributes" },
	{ "/snap/app/1/x /nix none rbind,rw," LAYOUT, "p:1: target",
	  "cannot lay out \"/nix\": it defines a new top-level directory \"/nix\"" },
	{ "/run/systemd/journal.x /run/systemd/journal none rbind,rw," LAYOUT,
	  "p:1: target",
	  "cannot lay out \"/run/systemd/journal\": it is in an off-limits area" },
	{ "/etc/x /opt/x none rbind,rw," LAYOUT, "p:1: source",
	  "cannot use source \"/etc/x\": it must start with $SNAP, $SNAP_DATA or "
	  "$SNAP_COMMON" },
	{ "none /opt/x none x-snapd.kind=symlink,x-snapd.symlink=rel," LAYOUT,
	  "p:1: options", "cannot use source \"rel\": not absolute" },
	{ "/snap/app/1/x /opt/x none rbind,rw," LAYOUT
	  "/snap/app/2/y /opt/y none rbind,rw," LAYOUT,
	  "p:2: source", "cannot use source \"/snap/app/2/y\": it must start with" },
	{ "/snap/app/1/x /opt/x none rbind,rw," LAYOUT
	  "/snap/app/1/y /opt/x/y none rbind,rw," LAYOUT,
	  "p:2: target",
	  "cannot lay out \"/opt/x/y\": it lies under the layout \"/opt/x\"" },
	{ "/snap/app/1/x /opt/x none rbind,rw," LAYOUT
	  "/snap/app/1/x /opt/y none bind,rw,x-snapd.kind=file," LAYOUT,
	  "p:2: source",
	  "cannot use source \"/snap/app/1/x\": another layout uses it as a directory" },
	{ "/snap/app_k /snap/app none " OVERNAME, "p",
	  "cannot express the profile: an instance has more names than it" },
	{ "/snap/app_k /snap/app none " OVERNAME
	  "/var/snap/app_j /var/snap/app none " OVERNAME,
	  "p:2: options",
	  "cannot express \"/var/snap/app\": a layout differs in source" },
	{ "/snap/other /snap/app none " OVERNAME, "p:1: target",
	  "cannot express \"/snap/app\": no instance of the snap has it" },
	{ "/snap/app_k /snap/app none " OVERNAME
	  "/var/snap/app_k /var/snap/app none " OVERNAME "/a_k /a none " OVERNAME,
	  "p:3: target", "cannot express \"/a\": no instance of the snap has it" },
};

static void test_what_has_no_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct om_profile *p = parse(refused[i].line);
		struct om_reverse_args args = { .profile = p, .name = "app" };
		struct om_error_list errors = { 0 };
		struct om_str out = { 0 };
		struct om_error e = { 0 };

		assert_int_equal(om_layout_reverse(&args, &out, &e), -EINVAL);
		assert_string_equal(e.where, refused[i].where);
		assert_non_null(strstr(e.message, refused[i].message));
		assert_int_equal(out.len, 0);
		/* The same with a list, which has all. */
		om_error_clear(&e);
		args.errors = &errors;
		assert_int_equal(om_layout_reverse(&args, &out, &e), -EINVAL);
		assert_string_equal(e.where, refused[i].where);
		assert_true(errors.n >= 1);
		assert_int_equal(om_layout_reverse(&args, &out, NULL), -EINVAL);
		(void)om_profile_free(p);
	}
}

static void test_arguments(void **state)
{
	static const struct {
		struct om_reverse_args args;
		const char *message;
	} cases[] = {
		{ { .name = NULL }, "no path tells the name of the snap" },
		{ { .name = "NO" }, "cannot use snap name \"NO\"" },
		{ { .name = "app", .revision = "frob" }, "cannot use revision \"frob\"" },
		{ { .name = "app", .instance_key = "K" },
		  "cannot use instance key \"K\"" },
		{ { .name = "app", .instance_key = "k" }, "an instance has more names" },
	};
	struct om_profile *p = parse("tmpfs /opt/x tmpfs " LAYOUT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int list = 0; list < 2; list++) {
			struct om_reverse_args args = cases[i].args;
			struct om_error_list errors = { 0 };
			struct om_str out = { 0 };
			struct om_error e = { 0 };

			args.profile = p;
			args.errors = list ? &errors : NULL;
			assert_int_equal(om_layout_reverse(&args, &out, &e), -EINVAL);
			assert_non_null(strstr(e.message, cases[i].message));
			assert_int_equal(errors.n, list);
		}
	}
	(void)om_profile_free(p);
}

/* Every line that has no layout, in one run. */
static void test_all_lines(void **state)
{
	struct om_profile *p = parse("tmpfs /opt/a tmpfs defaults 0 0\n"
				     "/snap/app/1/x /opt/b none bind,ro," LAYOUT
				     "/snap/app/1/x /opt/c none rbind,rw," LAYOUT
				     "none /opt/d none x-overmount.hide 0 0\n");
	struct om_error_list errors = { 0 };
	const struct om_reverse_args args = { .profile = p, .errors = &errors };
	struct om_str out = { 0 };
	struct om_error e = { 0 };

	(void)state;
	assert_int_equal(om_layout_reverse(&args, &out, &e), -EINVAL);
	assert_int_equal(errors.n, 3);
	assert_string_equal(errors.v[0].where, "p:1: options");
	assert_string_equal(errors.v[1].where, "p:2: options");
	assert_string_equal(errors.v[2].where, "p:4: options");
	assert_int_equal(out.len, 0);
	(void)om_profile_free(p);
}

/* --- there and back and there again ------------------------------------------------------ */

static uint64_t state_of_random;

static unsigned pick(unsigned n)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (unsigned)(state_of_random >> 33) % n;
}

static const char *one_of(const char *const *texts, unsigned n)
{
	return texts[pick(n)];
}
#define ONE_OF(...)                                                                      \
	one_of((const char *const[]){ __VA_ARGS__ },                                     \
	       ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

/* What is hard to write in YAML, to escape, or to tell apart from something else. */
static const char *name(void)
{
	return ONE_OF("a", "b", "c", "d", "e", "f.conf", "a b", "a: b", "a #b", "#", "-",
		      "null", "~", "0", "\\xc3\\xa4", "'", "a,b", "=", "%", "&a", "!b",
		      "|", "lib64", "snap", "\\\\", "a:", ":a", "yes",
		      "x-snapd.kind=file");
}

static void add_item(struct om_str *out, bool proposal)
{
	om_str_addf(out, "  \"%s/%s\":\n",
		    ONE_OF("/etc", "/opt", "/usr/share", "/var/lib/x", "$SNAP", "$SNAP/d",
			   proposal ? "" : "/srv"),
		    name());
	switch (pick(4)) {
	case 0:
		om_str_addf(out, "    bind: \"%s/%s\"\n",
			    ONE_OF("$SNAP", "$SNAP_DATA", "$SNAP_COMMON"), name());
		return;
	case 1:
		om_str_addf(out, "    bind-file: \"%s/%s\"\n",
			    ONE_OF("$SNAP", "$SNAP_DATA", "$SNAP_COMMON"), name());
		return;
	case 2:
		om_str_addf(out, "    symlink: \"%s/%s\"\n",
			    ONE_OF("$SNAP", "$SNAP_DATA", "$SNAP_COMMON",
				   proposal ? "/link" : "$SNAP",
				   proposal ? "/snap/zz/9" : "$SNAP"),
			    name());
		return;
	default:
		om_str_add(out, "    type: tmpfs\n");
		if (pick(2))
			om_str_addf(out, "    user: %u\n", pick(3));
		if (pick(2))
			om_str_addf(out, "    group: %u\n", pick(70000));
		if (pick(2))
			om_str_addf(out, "    mode: %s\n",
				    ONE_OF("755", "0755", "1777", "0", "700"));
	}
}

static int compile(const struct om_str *yaml, const char *revision, const char *key,
		   bool proposal, struct om_profile **ret)
{
	const struct om_layout_args args = { .file = "snap.yaml",
					     .text = om_str_get(yaml),
					     .size = yaml->len,
					     .revision = revision,
					     .instance_key = key,
					     .proposal = proposal };

	return om_layout_compile(&args, ret, NULL, NULL);
}

/* The options that the first line of a document names. */
static const char *option(const char *yaml, const char *option, char buf[static 16])
{
	const char *end = strchr(yaml, '\n'), *at = strstr(yaml, option);

	if (yaml[0] != '#' || !at || at > end)
		return NULL;
	(void)snprintf(buf, 16, "%.*s", (int)strcspn(at + strlen(option), " \n"),
		       at + strlen(option));
	return buf;
}

static void print_sorted(struct om_profile *p, struct om_str *out)
{
	om_profile_sort(p);
	om_profile_print(p, out);
}

static void reverse(const struct om_profile *p, bool proposal, bool named,
		    struct om_str *out)
{
	struct om_reverse_args args = { .profile = p, .proposal = proposal };
	struct om_error e = { 0 };

	if (om_layout_reverse(&args, out, &e) == 0)
		return;
	/* Whose it is cannot be seen where only file systems are asked for. */
	if (!strstr(e.message, "no path tells the name") || named)
		assert_string_equal(e.message, "");
	args.name = "app";
	assert_int_equal(om_layout_reverse(&args, out, NULL), 0);
}

/* 0 when the random layout compiles. */
static int there_and_back(bool proposal)
{
	static const char *const revisions[] = { NULL, "1", "x7", "unset" };
	const char *revision = revisions[pick(4)], *key = pick(3) ? NULL : "k";
	struct om_str yaml = { 0 }, again = { 0 }, twice = { 0 }, one = { 0 },
		      two = { 0 };
	struct om_profile *p = NULL, *q = NULL;
	char buf[2][16];
	int r;

	om_str_add(&yaml, "name: app\nlayout:\n");
	for (unsigned n = 1 + pick(5); n > 0; n--)
		add_item(&yaml, proposal);
	r = compile(&yaml, revision, key, proposal, &p);
	if (r == 0) {
		print_sorted(p, &one);
		reverse(p, proposal, key != NULL, &again);
		assert_int_equal(compile(&again, option(again.s, "--revision ", buf[0]),
					 option(again.s, "--instance-key ", buf[1]),
					 proposal, &q),
				 0);
		print_sorted(q, &two);
		assert_string_equal(om_str_get(&two), om_str_get(&one));
		reverse(q, proposal, key != NULL, &twice);
		assert_string_equal(om_str_get(&twice), om_str_get(&again));
	}
	(void)om_profile_free(p);
	(void)om_profile_free(q);
	om_str_free(&yaml);
	om_str_free(&again);
	om_str_free(&twice);
	om_str_free(&one);
	om_str_free(&two);
	return r;
}

#define RUNS 20000

static void test_identity(void **state)
{
	(void)state;
	state_of_random = 0x5eed;
	for (int proposal = 0; proposal < 2; proposal++) {
		unsigned good = 0;

		for (unsigned run = 0; run < RUNS; run++)
			good += there_and_back(proposal) == 0;
		print_message("# %u of %u layouts go there and back\n", good, RUNS);
		assert_true(good > RUNS / 10);
	}
}

/* A key of YAML that is too long for libyaml to be a simple one. */
static void test_long_paths(void **state)
{
	static const size_t lengths[] = { 900, 990, 1000, 1010, 1030, 2000, 4000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (const char *c = "a'"; *c; c++) {
			struct om_str line = { 0 }, yaml = { 0 }, out = { 0 };
			struct om_profile *p, *q = NULL;

			om_str_add(&line, "/snap/app/1/x /opt");
			while (line.len < lengths[i])
				om_str_addf(&line, "/%c%099d", *c, 0);
			om_str_add(&line, " none rbind,rw," LAYOUT);
			p = parse(om_str_get(&line));
			reverse(p, false, true, &yaml);
			assert_int_equal(compile(&yaml, "1", NULL, false, &q), 0);
			print_sorted(q, &out);
			assert_string_equal(om_str_get(&out), om_str_get(&line));
			(void)om_profile_free(p);
			(void)om_profile_free(q);
			om_str_free(&line);
			om_str_free(&yaml);
			om_str_free(&out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_out),
		cmocka_unit_test(test_what_has_no_layout),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_all_lines),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_long_paths),
	};

	return cmocka_run_group_tests_name("reverse", tests, NULL, NULL);
}
