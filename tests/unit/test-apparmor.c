/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AppArmor rules: of real layouts against golden texts (OM_UPDATE_GOLDEN=1 writes them anew,
 * to be read by eye), how many there are, and that no path, whatever its bytes, makes a rule
 * of its own.  What the text says is read by a parser of this test's own.
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

#include <cmocka.h>

#include "apparmor/emit.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "base/path.h"
#include "fake/world.h"
#include "layout/layout.h"
#include "probe/fs-name.h"
#include "probe/record.h"
#include "strategy/policy.h"
#include "strategy/wave.h"

/*
 * fail_msg() calls a function that libapparmor, too, has one of that name of, and which of
 * them is called depends on the linker.
 */
#define fail_with(...)                                                                   \
	do {                                                                             \
		print_message(__VA_ARGS__);                                              \
		print_message("\n");                                                     \
		fail();                                                                  \
	} while (0)

/* --- a second reader of AppArmor's syntax ------------------------------------------------ */

/* What a string says: bytes as they are, and what may be something else, above 255. */
#define MAX_TOKENS 20000
#define GLOB 256

struct said {
	int v[MAX_TOKENS];
	size_t n;
};

static void say(struct said *said, int token)
{
	assert_true(said->n < MAX_TOKENS);
	said->v[said->n++] = token;
}

/*
 * Behind the closing quote, or NULL when the text is not one string.  A string that ends in
 * a backslash is none: apparmor_parser takes what looks like an escaped quote for that.
 */
static const char *read_string(const char *text, struct said *said)
{
	said->n = 0;
	if (*text++ != '"')
		return NULL;
	for (; *text != '"'; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned byte;

		if (c < 0x20 || c > 0x7e)
			return NULL;
		if (c == '@' && text[1] == '{')
			return NULL; /* a variable */
		if (strchr("*?[]{}^", c)) {
			say(said, GLOB + c);
		} else if (c != '\\') {
			say(said, c);
		} else if (*++text == 'x') {
			if (sscanf(text + 1, "%2x", &byte) != 1)
				return NULL;
			text += 2;
			say(said, (int)byte);
		} else if (strchr("@*?[]{}^", *text) && *text) {
			say(said, *text);
		} else {
			return NULL;
		}
	}
	return text + 1;
}

/* What the pieces of a path are to say. */
static void expect_path(const struct om_aa_path *path, struct said *said)
{
	said->n = 0;
	for (size_t i = 0; i < OM_AA_PIECES && path->piece[i].text; i++)
		for (const char *p = path->piece[i].text; *p; p++) {
			bool glob = !path->piece[i].literal && strchr("*?[]{}^", *p);

			say(said, (unsigned char)*p + (glob ? GLOB : 0));
		}
}

static bool same(const struct said *a, const struct said *b)
{
	return a->n == b->n && memcmp(a->v, b->v, a->n * sizeof(a->v[0])) == 0;
}

/*
 * One statement: its words without strings, and what its strings say.  Behind its comma, or
 * NULL when it has none.
 */
struct statement {
	char words[512];
	struct said said[2];
	size_t n;
};

static const char *read_statement(const char *text, struct statement *s)
{
	size_t n = 0;
	int depth = 0;

	s->n = 0;
	for (; *text && (*text != ',' || depth > 0); text++) {
		if (*text == '"') {
			if (s->n == 2)
				return NULL;
			text = read_string(text, &s->said[s->n++]);
			if (!text)
				return NULL;
			text--;
			assert_true(n + 2 < sizeof(s->words));
			s->words[n++] = '$';
			continue;
		}
		if (*text == '\n' || *text == '#')
			return NULL;
		depth += (*text == '(') - (*text == ')');
		assert_true(n + 2 < sizeof(s->words));
		s->words[n++] = *text;
	}
	s->words[n] = '\0';
	return *text == ',' ? text + 1 : NULL;
}

static void skip_comment(const char **text)
{
	*text += strspn(*text, " \n");
	while (**text == '#') {
		*text += strcspn(*text, "\n");
		*text += strspn(*text, " \n");
	}
}

/* The words of a rule, with `$` for each string. */
static void expect_words(const struct om_aa_rule *rule, char *buf, size_t size)
{
	struct om_aa_rule bare = *rule;
	struct om_str text = { 0 };
	char *p;

	bare.path = (struct om_aa_path){ { OM_AA_PATTERN("") } };
	if (bare.source.piece[0].text)
		bare.source = bare.path;
	om_aa_rule_print(&bare, &text);
	(void)snprintf(buf, size, "%s", om_str_get(&text));
	buf[strlen(buf) - 1] = '\0'; /* the comma */
	while ((p = strstr(buf, "\"\""))) {
		*p = '$';
		memmove(p + 1, p + 2, strlen(p + 2) + 1);
	}
	om_str_free(&text);
}

/* Does the text say these rules, in their order within sections, and nothing else? */
static bool says_rules(const char *text, const struct om_aa_rules *rules)
{
	static struct statement s;
	static struct said wanted;
	char words[512];

	for (size_t section = 0; section < rules->sections.n; section++) {
		for (size_t i = 0; i < rules->rules.n; i++) {
			const struct om_aa_rule *rule = &rules->rules.v[i];
			size_t source = rule->source.piece[0].text ? 1 : 0;

			if (rule->section != section || !rule->families)
				continue;
			skip_comment(&text);
			text = read_statement(text, &s);
			if (!text)
				return false;
			expect_words(rule, words, sizeof(words));
			if (strcmp(words, s.words) != 0)
				return false;
			expect_path(&rule->path, &wanted);
			if (rule->kind != OM_AA_CAPABILITY &&
			    rule->kind != OM_AA_NETWORK &&
			    (s.n != source + 1 || !same(&s.said[source], &wanted)))
				return false;
			expect_path(&rule->source, &wanted);
			if (source && !same(&s.said[0], &wanted))
				return false;
		}
	}
	skip_comment(&text);
	return *text == '\0';
}

/* --- random paths ------------------------------------------------------------------------ */

static uint64_t state;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

/* A clean path; half of its bytes are those that something might take for its own. */
static char *random_path(void)
{
	static const char *const words[] = { "\"",     "\\",
					     "@{",     "}",
					     "{a,b}",  "*",
					     "?",      "[a-z]",
					     "^",      "#",
					     "\n",     ",",
					     " ",      "\t",
					     "\r",     "->",
					     "=",      "(",
					     ")",      "\xff",
					     "\x80",   "\x01",
					     "\\x41",  "\\",
					     "\"",     " r,\n/** rwx,\n",
					     "..x",    "@{HOME}",
					     "${x}",   "'",
					     "//deny", "|",
					     "%s",     "\xc3\xa9" };
	struct om_str path = { 0 };
	unsigned depth = 1 + pick(4);

	for (unsigned i = 0; i < depth; i++) {
		unsigned n = 1 + pick(4);

		om_str_add(&path, "/");
		for (unsigned k = 0; k < n; k++) {
			char c = (char)(1 + pick(255));

			if (pick(2))
				om_str_add(&path, words[pick(ARRAY_SIZE(words))]);
			else if (c != '/')
				om_str_add_n(&path, &c, 1);
			else
				om_str_add(&path, "x");
		}
	}
	/* A word may have brought an empty component. */
	for (char *p = path.s; *p; p++)
		if (p[0] == '/' && (p[1] == '/' || p[1] == '\0'))
			p[0] = '-';
	path.s[0] = '/';
	if (path.s[1] == '\0' || om_path_unclean(path.s)) {
		om_str_free(&path);
		return random_path();
	}
	return om_str_take(&path);
}

static void add_without_quoting(const struct om_aa_path *path, struct om_str *out)
{
	om_str_add(out, "\"");
	for (size_t i = 0; i < OM_AA_PIECES && path->piece[i].text; i++)
		om_str_add(out, path->piece[i].text);
	om_str_add(out, "\"");
}

/* How many of the paths, with something of ours around, are not said as they are. */
static size_t count_bad(void (*add)(const struct om_aa_path *, struct om_str *), size_t n)
{
	static struct said said, wanted;
	size_t bad = 0;

	state = 88172645463325252ULL;
	while (n-- > 0) {
		char *path = random_path();
		const struct om_aa_path whole = { { OM_AA_PATTERN("/run/[0-9]*"),
						    OM_AA_LITERAL(path),
						    OM_AA_PATTERN("/{,**}") } };
		struct om_str text = { 0 };
		const char *end;

		add(&whole, &text);
		end = read_string(om_str_get(&text), &said);
		expect_path(&whole, &wanted);
		bad += !end || *end != '\0' || !same(&said, &wanted);
		om_str_free(&text);
		free(path);
	}
	return bad;
}

static void test_quoting(void **arg _unused_)
{
	assert_int_equal(count_bad(om_aa_path_add, 100000), 0);
}

static void test_quoting_control(void **arg _unused_)
{
	/* Half of the bytes are harmless, so that a few paths of two bytes pass. */
	assert_true(count_bad(add_without_quoting, 1000) > 900);
}

/* Every byte alone, and the root. */
static void test_quoting_bytes(void **arg _unused_)
{
	static struct said said;

	for (int c = 1; c < 256; c++) {
		const char path[] = { '/', (char)c, '\0' };
		const struct om_aa_path name = om_aa_name(path);
		struct om_str text = { 0 };

		om_aa_path_add(&name, &text);
		assert_non_null(read_string(om_str_get(&text), &said));
		assert_int_equal(said.n, 2);
		assert_int_equal(said.v[1], c);
		om_str_free(&text);
	}
}

static void assert_path(struct om_aa_path path, const char *want)
{
	struct om_str text = { 0 };

	om_aa_path_add(&path, &text);
	assert_string_equal(om_str_get(&text), want);
	om_str_free(&text);
}

static void test_paths(void **arg _unused_)
{
	assert_path(om_aa_name("/"), "\"/\"");
	assert_path(om_aa_dir("/"), "\"/\"");
	assert_path(om_aa_tree("/"), "\"/{,**}\"");
	assert_path(om_aa_name("/a"), "\"/a\"");
	assert_path(om_aa_dir("/a b"), "\"/a b/\"");
	assert_path(om_aa_tree("/a"), "\"/a/{,**}\"");
	assert_path(om_aa_name("/\"\\*@{x}\n?"), "\"/\\x22\\x5c\\*\\@\\{x\\}\\x0a\\?\"");
}

/* --- plans ------------------------------------------------------------------------------- */

static const struct om_aa_options direct = { .name = "app",
					     .technique = OM_AA_DIRECT,
					     .state = "/run/overmount",
					     .program = "/usr/bin/overmount" };

static struct om_profile *parse(const char *text)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	if (om_profile_parse("p", text, strlen(text), &p, &e) < 0)
		fail_with("%s: %s", e.where, e.message);
	om_profile_sort(p);
	return p;
}

/* Steps of every kind at every place, with paths that nobody would like. */
static void add_random_steps(struct om_plan *plan, bool overlay)
{
	char *hole = random_path();
	struct om_step root = { .kind = overlay ? OM_STEP_OVERLAY : OM_STEP_TMPFS,
				.place = OM_PLACE_STAGE,
				.strategy = OM_STRATEGY_OVERLAY,
				.root = true,
				.entry = SIZE_MAX,
				.path = hole,
				.source = hole,
				.attr = pick(256) };
	struct om_step attach = { .kind = OM_STEP_ATTACH,
				  .place = OM_PLACE_LIVE,
				  .entry = SIZE_MAX,
				  .path = hole,
				  .dir = true };

	assert_int_equal(om_plan_add(plan, &root), 0);
	for (unsigned n = pick(14); n > 0; n--) {
		char *name = random_path(), *source = random_path();
		char *path = om_asprintf("%s%s", hole, name);
		struct om_step step = { .kind = OM_STEP_BIND + pick(5),
					.place = pick(2) ? OM_PLACE_STAGE
							 : OM_PLACE_SKELETON,
					.entry = pick(2) ? 0 : SIZE_MAX,
					.path = path,
					.source = source,
					.dir = pick(2),
					.recursive = pick(2),
					.brings = pick(2),
					.attr = pick(2) ? pick(256) : 0 };

		assert_non_null(path);
		if (step.kind == OM_STEP_BIND)
			step.place = OM_PLACE_STAGE;
		if (step.kind == OM_STEP_MKDIR && pick(2))
			step.source = NULL;
		if (om_path_unclean(path) == NULL)
			assert_int_equal(om_plan_add(plan, &step), 0);
		free(name);
		free(source);
		free(path);
	}
	assert_int_equal(om_plan_add(plan, &attach), 0);
	free(hole);
}

/* What is printed of random plans says their rules, and as many as there are. */
static void test_random_plans(void **arg _unused_)
{
	struct om_profile *p = parse("/a /b none bind 0 0\n");
	size_t n = 0;

	state = 362436069362436069ULL;
	for (unsigned i = 0; i < 1500; i++) {
		struct om_aa_rules rules = { .families = 1 + pick(OM_AA_ALL) };
		struct om_aa_options o = direct;
		struct om_plan plan = { 0 };
		struct om_str text = { 0 };
		const struct om_aa_input in = { .plan = &plan, .profile = p };
		char *dir = random_path(), *file = random_path();

		o.state = dir;
		o.updates = pick(2);
		o.technique = (enum om_aa_technique)pick(_OM_AA_TECHNIQUE_MAX);
		o.helper = pick(2) ? file : NULL;
		add_random_steps(&plan, pick(2));
		add_random_steps(&plan, pick(2));
		assert_int_equal(om_aa_add_input(&rules, file), 0);
		assert_int_equal(om_aa_add_base(&rules, &o), 0);
		assert_int_equal(om_aa_add_plan(&rules, &o, &in), 0);
		om_aa_rules_reduce(&rules);
		om_aa_rules_print(&rules, "  ", &text);
		assert_int_equal(text.err, 0);
		/* Whatever follows, apparmor_parser would go on behind it. */
		assert_null(strstr(om_str_get(&text), "\\\""));
		if (!says_rules(om_str_get(&text), &rules)) {
			print_message("plan %u is not said as it is:\n%s", i, text.s);
			fail();
		}
		for (size_t k = 0; k < rules.rules.n; k++)
			n += rules.rules.v[k].families != 0;
		om_str_free(&text);
		om_aa_rules_done(&rules);
		om_plan_done(&plan);
		free(dir);
		free(file);
	}
	(void)om_profile_free(p);
	assert_true(n > 50000);
}

/* --- golden texts ------------------------------------------------------------------------ */

#define CASES "tests/golden/cases"
#define GOLDEN "tests/golden/apparmor"

struct layout_case {
	char name[128];
	char layout[128];
	struct world world;
	struct om_str profile;
	struct om_str policy;
	bool make_sources;
};

static char *read_test_file(const char *dir, const char *name, const char *suffix)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	char *text = NULL;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/%s/%s.%s", top ? top : ".", dir, name,
		       suffix);
	if (om_read_file(AT_FDCWD, path, 1 << 20, &text, &size) < 0)
		fail_with("cannot read %s", path);
	return text;
}

static void read_case(struct layout_case *c, const char *name, const char *suffix)
{
	char *text = read_test_file(CASES, name, suffix), *saved;

	for (char *line = strtok_r(text, "\n", &saved); line;
	     line = strtok_r(NULL, "\n", &saved)) {
		const char *rest;

		if ((rest = om_startswith(line, "entry ")))
			om_str_addf(&c->profile, "%s\n", rest);
		else if ((rest = om_startswith(line, "policy ")))
			om_str_addf(&c->policy, "%s\n", rest);
		else if ((rest = om_startswith(line, "include ")))
			read_case(c, rest, "world");
		else if ((rest = om_startswith(line, "layout ")))
			(void)snprintf(c->layout, sizeof(c->layout), "%s", rest);
		else if (om_streq(line, "make-sources"))
			c->make_sources = true;
		else
			(void)world_line(&c->world, line);
	}
	free(text);
}

static struct om_profile *load_profile(const struct layout_case *c)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };
	struct om_layout_args args = { .file = "snap.yaml", .revision = "1" };
	char *text;

	if (!c->layout[0])
		return parse(om_str_get(&c->profile));
	text = read_test_file("tests/corpus/yaml", c->layout, "yaml");
	args.text = text;
	args.size = strlen(text);
	if (om_layout_compile(&args, &p, NULL, &e) < 0)
		fail_with("%s: %s: %s", c->name, e.where, e.message);
	free(text);
	om_profile_sort(p);
	return p;
}

static void load_facts(const char *kernel, struct om_facts *facts)
{
	char *text = read_test_file("kernel-matrix/facts", kernel, "yaml");
	static struct om_record record;
	struct om_error e = { 0 };

	assert_int_equal(om_record_read("facts", text, strlen(text), &record, &e), 0);
	*facts = record.facts;
	free(text);
}

static void load_policy(const struct layout_case *c, bool mimic, struct om_policy *policy)
{
	struct om_str text = { 0 };
	struct om_error e = { 0 };

	om_str_addf(&text, "schema: overmount.policy/1\n%s", om_str_get(&c->policy));
	if (om_policy_read("policy", om_str_get(&text), text.len, policy, &e) < 0)
		fail_with("%s: %s: %s", c->name, e.where, e.message);
	if (mimic)
		assert_int_equal(om_policy_restrict(policy, "mimic"), 0);
	policy->allow[OM_STRATEGY_OVERLAY_RW] = false;
	om_str_free(&text);
}

/* A hole on the snap's own file system, which knows it by another name. */
static const struct om_aa_place places[] = {
	{ .path = "/snap/app/1/stuff", .fs_name = "/stuff" },
	{ .path = "/usr/share", .fs_name = "/usr/share" },
	{ .path = "/snap/app/1/data",
	  .has_attr = true,
	  .attr = OM_ATTR_RDONLY | OM_ATTR_NODEV },
};

typedef int (*add_plan)(struct om_aa_rules *, const struct om_aa_options *,
			const struct om_aa_input *);

static void add_case(const char *name, const struct om_aa_options *o, add_plan add,
		     struct om_aa_rules *rules)
{
	struct layout_case c = { 0 };
	struct om_policy policy;
	struct om_facts facts;
	struct om_profile *p;
	size_t n;

	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	read_case(&c, name, "case");
	p = load_profile(&c);
	if (c.make_sources)
		world_make_sources(&c.world, p);
	load_facts("7.3", &facts);
	load_policy(&c, o->technique == OM_AA_MIMIC, &policy);
	for (size_t first = 0; first < p->n; first += n) {
		struct om_plan plan = { 0 };
		const struct om_aa_input in = { .plan = &plan,
						.profile = p,
						.places = places,
						.n_places = ARRAY_SIZE(places) };
		struct om_scene *scene;
		struct om_decisions d;

		n = om_wave_length(p, first);
		scene = world_survey(&c.world, p, first, n);
		assert_int_equal(om_decide(p, scene, &facts, &policy, &d), 0);
		world_list(&c.world, &d, scene);
		if (om_decisions_refusal(&d, NULL) < 0)
			fail_with("%s is refused", name);
		assert_int_equal(om_expand(&d, &plan), 0);
		assert_int_equal(add(rules, o, &in), 0);
		world_apply(&c.world, &d);
		om_plan_done(&plan);
		om_decisions_done(&d);
		(void)om_scene_free(scene);
	}
	om_policy_done(&policy);
	(void)om_profile_free(p);
	world_done(&c.world);
	om_str_free(&c.profile);
	om_str_free(&c.policy);
}

static void compare_golden(const char *name, const char *text)
{
	char file[160], path[512];
	const char *top = getenv("top_srcdir");
	char *golden;

	(void)snprintf(file, sizeof(file), "%s", name);
	if (getenv("OM_UPDATE_GOLDEN")) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s/%s/%s.txt", top ? top : ".",
			       GOLDEN, file);
		f = fopen(path, "we");
		assert_non_null(f);
		assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
	}
	golden = read_test_file(GOLDEN, file, "txt");
	assert_string_equal(text, golden);
	free(golden);
}

static const char *const case_names[] = {
	"readme",
	"layout-gimp",
	"layout-steam",
	"layout-gnome-boxes",
	"layout-charmed-postgresql",
	"modes-and-owners",
	"hide",
	"snapd-7773-nested",
	"snapd-8481-nested-mimic",
	"lp-1831010-chain-in-snap",
	"three-waves",
};

static const struct {
	enum om_aa_technique technique;
	unsigned families;
	const char *name;
} forms[] = {
	{ OM_AA_DIRECT, OM_AA_ALL, "direct, portable" },
	{ OM_AA_HELPER, OM_AA_FD_MOVE, "helper, fd-move" },
	{ OM_AA_HELPER, OM_AA_DETACHED, "helper, detached" },
	{ OM_AA_MIMIC, OM_AA_MOUNT2, "mimic, mount2" },
	{ OM_AA_MIMIC, OM_AA_FD_REMOUNT, "mimic, fd-remount" },
	{ OM_AA_MIMIC, OM_AA_FD, "mimic, fd" },
	{ OM_AA_MIMIC, OM_AA_DETACHED, "mimic, detached" },
};

static void print_form(const char *name, size_t form, struct om_str *out)
{
	struct om_aa_rules rules = { .families = forms[form].families };
	struct om_aa_options o = direct;

	o.technique = forms[form].technique;
	add_case(name, &o, om_aa_add_plan, &rules);
	om_str_addf(out, "%s=== %s\n", out->len ? "\n" : "", forms[form].name);
	om_aa_rules_reduce(&rules);
	om_aa_rules_print(&rules, "", out);
	om_aa_rules_done(&rules);
}

static void test_golden(void **arg _unused_)
{
	for (size_t i = 0; i < ARRAY_SIZE(case_names); i++) {
		struct om_str text = { 0 };

		for (size_t k = 0; k < ARRAY_SIZE(forms); k++)
			print_form(case_names[i], k, &text);
		compare_golden(case_names[i], om_str_get(&text));
		om_str_free(&text);
	}
}

/* With all that is around. */
static void test_golden_whole(void **arg _unused_)
{
	struct om_str text = { 0 };

	for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
		struct om_aa_rules rules = { .families = forms[k].families };
		struct om_aa_options o = direct;

		o.technique = forms[k].technique;
		assert_int_equal(om_aa_add_input(&rules,
						 "/var/lib/snapd/mount/snap.app.fstab"),
				 0);
		assert_int_equal(om_aa_add_base(&rules, &o), 0);
		om_str_addf(&text, "%s=== %s\n", text.len ? "\n" : "", forms[k].name);
		om_aa_rules_reduce(&rules);
		om_aa_profile_print(&rules, &o, false, &text);
		om_aa_rules_done(&rules);
	}
	compare_golden("whole", om_str_get(&text));
	om_str_free(&text);
}

/* From one profile to another, with all that is around. */
static void test_golden_update(void **arg _unused_)
{
	struct om_str text = { 0 };

	for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
		struct om_aa_rules rules = { .families = forms[k].families };
		struct om_aa_options o = direct;

		o.technique = forms[k].technique;
		o.updates = true;
		assert_int_equal(om_aa_add_base(&rules, &o), 0);
		add_case("readme", &o, om_aa_add_plan, &rules);
		add_case("modes-and-owners", &o, om_aa_add_plan, &rules);
		om_str_addf(&text, "%s=== %s\n", text.len ? "\n" : "", forms[k].name);
		om_aa_rules_reduce(&rules);
		om_aa_profile_print(&rules, &o, false, &text);
		om_aa_rules_done(&rules);
	}
	compare_golden("update", om_str_get(&text));
	om_str_free(&text);
}

/* --- which kinds ------------------------------------------------------------------------- */

/* Is there one that permits as much?  The same path, and all that may be done. */
static bool has_rule(const struct om_aa_rules *rules, const struct om_aa_rule *wanted)
{
	struct om_aa_rule bare = *wanted;
	struct om_str want = { 0 };
	bool found = false;

	bare.may = 0;
	om_aa_rule_print(&bare, &want);
	for (size_t i = 0; i < rules->rules.n && !found; i++) {
		struct om_str text = { 0 };

		bare = rules->rules.v[i];
		bare.may = 0;
		om_aa_rule_print(&bare, &text);
		found = rules->rules.v[i].families &&
			!(wanted->may & ~rules->rules.v[i].may) &&
			om_streq(om_str_get(&text), om_str_get(&want));
		om_str_free(&text);
	}
	om_str_free(&want);
	return found;
}

static void make_rules(const char *name, const struct om_aa_options *o, unsigned families,
		       struct om_aa_rules *rules)
{
	*rules = (struct om_aa_rules){ .families = families };
	assert_int_equal(om_aa_add_base(rules, o), 0);
	add_case(name, o, om_aa_add_plan, rules);
	om_aa_rules_reduce(rules);
}

/*
 * What a portable profile says that a kind needs is what one for that kind alone has: no
 * rule is marked for a kind that does without, and none lacks the mark.
 */
static size_t check_marks(const char *name, const struct om_aa_options *o,
			  unsigned family)
{
	struct om_aa_rules all, one;
	size_t marked = 0;

	make_rules(name, o, OM_AA_ALL, &all);
	make_rules(name, o, family, &one);
	for (size_t i = 0; i < one.rules.n; i++)
		if (one.rules.v[i].families && !has_rule(&all, &one.rules.v[i]))
			fail_with("%s: a rule of one kind is in no portable profile",
				  name);
	for (size_t i = 0; i < all.rules.n; i++) {
		if (!(all.rules.v[i].families & family))
			continue;
		marked++;
		if (!has_rule(&one, &all.rules.v[i])) {
			struct om_str text = { 0 };

			om_aa_rule_print(&all.rules.v[i], &text);
			fail_with("%s: marked for %s, which does without: %s", name,
				  om_aa_family_name(family), om_str_get(&text));
		}
	}
	om_aa_rules_done(&all);
	om_aa_rules_done(&one);
	return marked;
}

static void test_marks(void **arg _unused_)
{
	struct om_aa_options o = direct;
	size_t marked = 0;

	for (unsigned i = 0; i < _OM_AA_TECHNIQUE_MAX * ARRAY_SIZE(case_names); i++)
		for (unsigned family = OM_AA_MOUNT2; family <= OM_AA_DETACHED;
		     family <<= 1) {
			o.technique = i % _OM_AA_TECHNIQUE_MAX;
			o.updates = family & (OM_AA_FD | OM_AA_DETACHED);
			marked += check_marks(case_names[i / _OM_AA_TECHNIQUE_MAX], &o,
					      family);
		}
	assert_true(marked > 5000);
}

/* --- of applications --------------------------------------------------------------------- */

static void test_golden_app(void **arg _unused_)
{
	static const char *const names[] = { "layout-gimp", "modes-and-owners",
					     "lp-1831010-chain-in-snap" };
	struct om_str text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct om_aa_rules rules = { .families = OM_AA_ALL };

		add_case(names[i], &direct, om_aa_add_app, &rules);
		om_str_addf(&text, "%s=== %s\n", text.len ? "\n" : "", names[i]);
		om_aa_rules_reduce(&rules);
		om_aa_rules_print(&rules, "", &text);
		om_aa_rules_done(&rules);
	}
	compare_golden("app", om_str_get(&text));
	om_str_free(&text);
}

static size_t count_rules(const struct om_aa_rules *rules, const char *title)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->rules.n; i++) {
		const struct om_aa_rule *rule = &rules->rules.v[i];
		const char *its = rules->sections.v[rule->section].title;

		n += rule->families && (!title || om_startswith(its, title));
	}
	return n;
}

/* The same twice, and a second revision adds only what is new. */
static void test_superset(void **arg _unused_)
{
	struct om_aa_rules once = { .families = OM_AA_ALL };
	struct om_aa_rules twice = { .families = OM_AA_ALL };
	struct om_str a = { 0 }, b = { 0 };
	char *saved;
	size_t n;

	add_case("readme", &direct, om_aa_add_plan, &once);
	add_case("readme", &direct, om_aa_add_plan, &twice);
	add_case("readme", &direct, om_aa_add_plan, &twice);
	om_aa_rules_print(&once, "", &a);
	om_aa_rules_print(&twice, "", &b);
	assert_string_equal(om_str_get(&a), om_str_get(&b));
	n = count_rules(&twice, NULL);
	add_case("layout-gimp", &direct, om_aa_add_plan, &twice);
	assert_true(count_rules(&twice, NULL) > n);
	om_str_free(&b);
	om_aa_rules_print(&twice, "", &b);
	for (char *line = strtok_r(a.s, "\n", &saved); line;
	     line = strtok_r(NULL, "\n", &saved))
		assert_non_null(strstr(om_str_get(&b), line));
	om_aa_rules_done(&once);
	om_aa_rules_done(&twice);
	om_str_free(&a);
	om_str_free(&b);
}

/* --- how many ---------------------------------------------------------------------------- */

/* Directories that snapd's profile has a mimic of, each with 18 rules. */
struct variants {
	struct om_str seen; /* one a line */
	size_t n;
};

static void add_variants(struct variants *v, const char *dir, size_t assumed)
{
	size_t depth = om_path_depth(dir);

	for (size_t i = assumed - 1; i <= depth; i++) {
		char line[OM_MAX_PATH + 3];

		(void)snprintf(line, sizeof(line), "\n%.*s\n",
			       (int)om_path_prefix_len(dir, i), dir);
		if (v->seen.s && strstr(v->seen.s, line))
			continue;
		om_str_add(&v->seen, line);
		v->n++;
	}
}

static bool snapd_takes_for_writable(const char *path)
{
	return om_startswith(path, "/var/snap/") || om_startswith(path, "/home/") ||
	       om_startswith(path, "/root/");
}

/* What snapd's own generator makes of the layout, without its single read rules. */
static size_t count_snapd(const char *name)
{
	struct layout_case c = { 0 };
	struct variants v = { 0 };
	struct om_profile *p;
	size_t n = 0;

	read_case(&c, name, "case");
	p = load_profile(&c);
	for (size_t i = 0; i < p->n; i++) {
		const struct om_entry *entry = &p->entries[i];
		char *parent = om_path_parent(entry->target);

		n += om_entry_is_mount(entry) ? 3 : 1;
		if (!snapd_takes_for_writable(entry->target))
			add_variants(&v, parent, 2);
		free(parent);
		if (entry->source && entry->source[0] == '/' &&
		    !snapd_takes_for_writable(entry->source)) {
			parent = om_path_parent(entry->source);
			add_variants(&v, parent, 4);
			free(parent);
		}
	}
	n += v.n * 18;
	om_str_free(&v.seen);
	(void)om_profile_free(p);
	world_done(&c.world);
	om_str_free(&c.profile);
	om_str_free(&c.policy);
	return n;
}

static size_t count_form(const char *name, enum om_aa_technique technique,
			 unsigned families)
{
	struct om_aa_rules rules = { .families = families };
	struct om_aa_options o = direct;
	size_t n;

	o.technique = technique;
	add_case(name, &o, om_aa_add_plan, &rules);
	om_aa_rules_reduce(&rules);
	n = count_rules(&rules, NULL);
	om_aa_rules_done(&rules);
	return n;
}

static const char *const counted[] = {
	"readme",
	"layout-gimp",
	"layout-steam",
	"layout-gnome-boxes",
	"layout-charmed-postgresql",
	"layout-octave",
	"layout-umu-launcher",
};

/* The table of docs/apparmor.md. */
static void test_counts(void **arg _unused_)
{
	static const struct {
		enum om_aa_technique technique;
		unsigned families;
	} columns[] = {
		{ OM_AA_DIRECT, OM_AA_FD_MOVE }, { OM_AA_DIRECT, OM_AA_DETACHED },
		{ OM_AA_DIRECT, OM_AA_ALL },	 { OM_AA_MIMIC, OM_AA_FD_MOVE },
		{ OM_AA_MIMIC, OM_AA_ALL },
	};
	struct om_str text = { 0 };

	om_str_add(&text,
		   "| layout | entries | snapd | overlay, fd-move | overlay, detached "
		   "| overlay, all kinds | mimic, fd-move | mimic, all kinds |\n"
		   "|---|---:|---:|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		const char *layout = om_startswith(counted[i], "layout-");
		struct layout_case c = { 0 };
		struct om_profile *p;

		read_case(&c, counted[i], "case");
		p = load_profile(&c);
		om_str_addf(&text, "| %s | %zu | %zu |", layout ? layout : counted[i],
			    p->n, count_snapd(counted[i]));
		for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
			om_str_addf(&text, " %zu |",
				    count_form(counted[i], columns[k].technique,
					       columns[k].families));
		om_str_add(&text, "\n");
		(void)om_profile_free(p);
		world_done(&c.world);
		om_str_free(&c.profile);
		om_str_free(&c.policy);
	}
	compare_golden("counts", om_str_get(&text));
	om_str_free(&text);
}

/* A directory on the way to a name: each costs one more, however many entries share it. */
static bool is_on_the_way(const struct om_aa_rule *rule, const char *title)
{
	char quoted[1200];

	if (rule->kind != OM_AA_FILE || !rule->path.piece[0].literal ||
	    rule->path.piece[1].text == NULL ||
	    strcmp(rule->path.piece[1].text, "/") != 0)
		return false;
	(void)snprintf(quoted, sizeof(quoted), "Names in \"%s\"",
		       rule->path.piece[0].text);
	return !om_startswith(title, quoted);
}

static size_t count_hole(const struct om_aa_rules *rules, size_t section)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->rules.n; i++) {
		const struct om_aa_rule *rule = &rules->rules.v[i];

		n += rule->section == section && rule->families &&
		     !is_on_the_way(rule, rules->sections.v[section].title);
	}
	return n;
}

/* Rules of holes alone: the most that one has, and how many holes there are. */
static size_t most_of_hole(unsigned families, bool updates, size_t *holes)
{
	struct om_aa_options o = direct;
	size_t most = 0;

	o.updates = updates;
	*holes = 0;
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		struct om_aa_rules rules = { .families = families };

		add_case(counted[i], &o, om_aa_add_plan, &rules);
		for (size_t k = 0; k < rules.sections.n; k++) {
			size_t n = count_hole(&rules, k);

			if (!strstr(rules.sections.v[k].title, ", by overlay"))
				continue;
			++*holes;
			most = n > most ? n : most;
		}
		om_aa_rules_done(&rules);
	}
	return most;
}

/* Beside what its entries need, a hole of an overlay has few rules, on any kernel. */
static void test_hole_limit(void **arg _unused_)
{
	size_t holes;

	for (unsigned family = OM_AA_MOUNT2; family <= OM_AA_DETACHED; family <<= 1) {
		assert_in_range(most_of_hole(family, false, &holes), 2, 10);
		assert_true(holes > 10);
	}
	assert_in_range(most_of_hole(OM_AA_ALL, false, &holes), 2, 10);
	/* Where it is put while an update may yet fail. */
	assert_in_range(most_of_hole(OM_AA_ALL, true, &holes), 3, 11);
}

/* --- small things ------------------------------------------------------------------------ */

static void test_families(void **arg _unused_)
{
	static const struct {
		const char *kernel;
		unsigned families;
	} known[] = { { "5.10", OM_AA_FD_REMOUNT },
		      { "6.1", OM_AA_FD },
		      { "6.12", OM_AA_FD_MOVE },
		      { "7.3", OM_AA_DETACHED } };
	struct om_facts facts;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		load_facts(known[i].kernel, &facts);
		assert_int_equal(om_aa_families(&facts), known[i].families);
	}
	om_facts_set(&facts, OM_FACT_MOUNT_API, OM_NO, NULL, "edited");
	assert_int_equal(om_aa_families(&facts), OM_AA_MOUNT2);
	om_facts_set(&facts, OM_FACT_MOUNT_API, OM_UNKNOWN, NULL, "edited");
	assert_int_equal(om_aa_families(&facts), OM_AA_MOUNT2 | OM_AA_DETACHED);
	om_facts_init(&facts);
	assert_int_equal(om_aa_families(&facts), OM_AA_ALL);
	/* A kernel without AppArmor may be replaced by one that has it. */
	om_facts_set(&facts, OM_FACT_MOUNT_API, OM_YES, NULL, "edited");
	om_facts_set(&facts, OM_FACT_DETACHED_NESTING, OM_NO, NULL, "edited");
	om_facts_set(&facts, OM_FACT_MOUNT_SETATTR, OM_YES, NULL, "edited");
	om_facts_set(&facts, OM_FACT_APPARMOR, OM_NO, NULL, "edited");
	om_facts_set(&facts, OM_FACT_APPARMOR_MOVE_MOUNT, OM_NO, NULL, "edited");
	assert_int_equal(om_aa_families(&facts), OM_AA_FD | OM_AA_FD_MOVE);
}

static void assert_fs_name(uint64_t id, const char *path, const char *want)
{
	static const char table[] =
		"22 1 7:0 / / ro,nodev - squashfs /dev/loop0 ro\n"
		"23 22 7:1 / /snap/foo/x1 ro - squashfs /dev/loop1 ro\n"
		"24 22 8:1 /@/etc /etc rw shared:1 - btrfs /dev/sda1 rw\n"
		"25 22 0:9 / /a\\040b\\134c rw - tmpfs none rw\n"
		"222 22 0:9 /deep /x rw - tmpfs none rw";
	char *name = NULL;
	int r = om_fs_name(table, id, path, &name);

	if (!want) {
		assert_int_equal(r, -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(name, want);
	free(name);
}

static void test_fs_name(void **arg _unused_)
{
	assert_fs_name(22, "/usr/share", "/usr/share");
	assert_fs_name(22, "/", "/");
	assert_fs_name(23, "/snap/foo/x1/stuff", "/stuff");
	assert_fs_name(23, "/snap/foo/x1", "/");
	assert_fs_name(24, "/etc/ssl", "/@/etc/ssl");
	assert_fs_name(24, "/etc", "/@/etc");
	assert_fs_name(25, "/a b\\c/d", "/d");
	assert_fs_name(222, "/x/y", "/deep/y");
	assert_fs_name(2, "/x", NULL);
	assert_fs_name(23, "/usr/share", NULL);
}

static void test_techniques(void **arg _unused_)
{
	enum om_aa_technique technique = OM_AA_MIMIC;

	assert_int_equal(om_aa_technique_parse("direct", &technique), 0);
	assert_int_equal(technique, OM_AA_DIRECT);
	assert_int_equal(om_aa_technique_parse("helper", &technique), 0);
	assert_int_equal(technique, OM_AA_HELPER);
	assert_int_equal(om_aa_technique_parse("Direct", &technique), -EINVAL);
	assert_int_equal(om_aa_technique_parse("", &technique), -EINVAL);
}

/* The attributes of the source are told again where an attribute is set by mount(2). */
static void test_bind_attributes(void **arg _unused_)
{
	struct om_aa_rules rules = { .families = OM_AA_FD_REMOUNT };
	struct om_plan plan = { 0 };
	struct om_profile *p = parse("/snap/app/1/data /mnt none bind,nosuid 0 0\n");
	const struct om_aa_input in = { .plan = &plan,
					.profile = p,
					.places = places,
					.n_places = ARRAY_SIZE(places) };
	struct om_str text = { 0 };

	assert_int_equal(om_plan_add(&plan,
				     &(struct om_step){ .kind = OM_STEP_BIND,
							.place = OM_PLACE_STAGE,
							.root = true,
							.dir = true,
							.path = "/mnt",
							.source = "/snap/app/1/data",
							.attr = OM_ATTR_NOSUID }),
			 0);
	assert_int_equal(om_aa_add_plan(&rules, &direct, &in), 0);
	om_aa_rules_print(&rules, "", &text);
	assert_non_null(strstr(om_str_get(&text),
			       "options=(remount, bind, ro, nosuid, nodev) -> "
			       "\"/run/overmount/stage.[0-9]*/[0-9]*/\","));
	om_str_free(&text);
	om_aa_rules_done(&rules);
	om_plan_done(&plan);
	(void)om_profile_free(p);
}

/* What is permitted for all names of a directory, or from everywhere, is not said again. */
static void test_reduce(void **arg _unused_)
{
#define RULE(kind_, families_, may_, ...)                                                \
	{                                                                                \
		.kind = (kind_), .families = (families_), .may = (may_), __VA_ARGS__     \
	}
#define PATH(...) .path = { { __VA_ARGS__ } }
#define SOURCE(...) .source = { { __VA_ARGS__ } }
	static const struct om_aa_rule add[] = {
		RULE(OM_AA_FILE, OM_AA_ALL, OM_AA_W, PATH(OM_AA_LITERAL("/d/a b/"))),
		RULE(OM_AA_FILE, OM_AA_ALL, OM_AA_W, PATH(OM_AA_LITERAL("/d/file"))),
		RULE(OM_AA_FILE, OM_AA_ALL, OM_AA_R, PATH(OM_AA_LITERAL("/d/read/"))),
		RULE(OM_AA_FILE, OM_AA_FD, OM_AA_W, PATH(OM_AA_LITERAL("/d/fd/"))),
		RULE(OM_AA_FILE, OM_AA_ALL, OM_AA_W, PATH(OM_AA_PATTERN("/d/{,**}/"))),
		RULE(OM_AA_FILE, OM_AA_ALL, OM_AA_W, PATH(OM_AA_LITERAL("/d/e/deep/"))),
		RULE(OM_AA_UMOUNT, OM_AA_ALL, 0, PATH(OM_AA_LITERAL("/d/u/"))),
		RULE(OM_AA_FILE, OM_AA_FD | OM_AA_FD_MOVE, OM_AA_W,
		     PATH(OM_AA_LITERAL("/d"), OM_AA_PATTERN("/*/"))),
		RULE(OM_AA_FILE, OM_AA_MOUNT2, OM_AA_W, PATH(OM_AA_PATTERN("/d/*"))),
		RULE(OM_AA_MOUNT, OM_AA_ALL, 0, PATH(OM_AA_LITERAL("/g/")),
		     SOURCE(OM_AA_LITERAL("/d/"))),
		RULE(OM_AA_MOUNT, OM_AA_ALL, 0, PATH(OM_AA_LITERAL("/x/y/")),
		     SOURCE(OM_AA_LITERAL("/d/"))),
		RULE(OM_AA_MOUNT, OM_AA_FD, 0, PATH(OM_AA_PATTERN("/*/"))),
		RULE(OM_AA_MOUNT, OM_AA_FD_MOVE, 0, PATH(OM_AA_LITERAL("/x/y/"))),
		RULE(OM_AA_MOUNT, OM_AA_MOUNT2, 0, PATH(OM_AA_PATTERN("/x/*/")),
		     SOURCE(OM_AA_LITERAL("/d/"))),
	};
	struct om_aa_rules rules = { .families = OM_AA_MOUNT2 | OM_AA_FD |
						 OM_AA_FD_MOVE };
	struct om_str text = { 0 };

	assert_int_equal(om_aa_rules_section(&rules, "all"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(add); i++)
		assert_int_equal(om_aa_rules_add(&rules, &add[i]), 0);
	om_aa_rules_reduce(&rules);
	om_aa_rules_print(&rules, "", &text);
	assert_string_equal(om_str_get(&text),
			    "\n# all\n"
			    "\"/d/a b/\" w, # mount2\n"
			    "\"/d/file\" w, # fd, fd-move\n"
			    "\"/d/read/\" r,\n"
			    "\"/d/{,**}/\" w,\n"
			    "\"/d/e/deep/\" w,\n"
			    "umount \"/d/u/\",\n"
			    "\"/d/*/\" w, # fd, fd-move\n"
			    "\"/d/*\" w, # mount2\n"
			    "mount \"/d/\" -> \"/g/\", # mount2, fd-move\n"
			    "mount \"/d/\" -> \"/x/y/\", # fd\n"
			    "mount -> \"/*/\", # fd\n"
			    "mount -> \"/x/y/\", # fd-move\n"
			    "mount \"/d/\" -> \"/x/*/\", # mount2\n");
	om_str_free(&text);
	om_aa_rules_done(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reduce),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_quoting_control),
		cmocka_unit_test(test_quoting_bytes),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_random_plans),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_golden_whole),
		cmocka_unit_test(test_golden_update),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_golden_app),
		cmocka_unit_test(test_superset),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_hole_limit),
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_fs_name),
		cmocka_unit_test(test_techniques),
		cmocka_unit_test(test_bind_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
