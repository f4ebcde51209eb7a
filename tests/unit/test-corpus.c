/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layouts of real snaps, as they are and as they once were (tests/corpus): each compiles, in
 * both modes to the same bytes, or is refused in the words of refused.txt, which names
 * nothing else.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/vec.h"
#include "layout/layout.h"

#define N_HEAD 200
#define N_VARIANTS 467

struct sample {
	char *label; /* SNAP<tab>VARIANT */
	char *text;
	size_t size;
};

static struct corpus {
	OM_VEC(struct sample) samples;
	char *list; /* refused.txt */
} corpus;

static char *read_corpus(const char *name, size_t *ret_size)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	char *text = NULL;

	(void)snprintf(path, sizeof(path), "%s/tests/corpus/%s", top ? top : ".", name);
	if (om_read_file(AT_FDCWD, path, 1 << 20, &text, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return text;
}

static void add_sample(char *label, char *text, size_t size)
{
	assert_non_null(label);
	assert_non_null(text);
	assert_int_equal(
		om_vec_push(&corpus.samples, (struct sample){ label, text, size }), 0);
}

static int is_yaml(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && om_streq(entry->d_name + n - 5, ".yaml");
}

static void load_head(void)
{
	const char *top = getenv("top_srcdir");
	struct dirent **entries = NULL;
	char path[512];
	int n;

	(void)snprintf(path, sizeof(path), "%s/tests/corpus/yaml", top ? top : ".");
	n = scandir(path, &entries, is_yaml, alphasort);
	assert_int_equal(n, N_HEAD);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char *text;
		size_t size;

		(void)snprintf(path, sizeof(path), "yaml/%s", name);
		text = read_corpus(path, &size);
		add_sample(om_asprintf("%.*s\thead", (int)strlen(name) - 5, name), text,
			   size);
		free(entries[i]);
	}
	free(entries);
}

/* A document begins with a line `--- # SNAP SEQ/OF`. */
static void load_variants(void)
{
	_cleanup_free_ char *text = NULL;
	size_t size, n = 0;
	char *p;

	text = read_corpus("variants.yaml", &size);
	for (p = text; *p; n++) {
		char *next = strstr(p, "\n---"), snap[48], variant[16];
		size_t length = next ? (size_t)(next + 1 - p) : strlen(p);

		assert_int_equal(sscanf(p, "--- # %47s %15s", snap, variant), 2);
		add_sample(om_asprintf("%s\t%s", snap, variant), strndup(p, length),
			   length);
		p += length;
	}
	assert_int_equal(n, N_VARIANTS);
}

static int load(void **state)
{
	size_t size;

	(void)state;
	load_head();
	load_variants();
	corpus.list = read_corpus("refused.txt", &size);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus.samples.n; i++) {
		free(corpus.samples.v[i].label);
		free(corpus.samples.v[i].text);
	}
	om_vec_free(&corpus.samples);
	free(corpus.list);
	return 0;
}

/* The profile, or one line for each error: LINE:COLUMN: FIELD: MESSAGE. */
static bool compile(const struct sample *sample, bool snapd, struct om_str *profile,
		    struct om_str *errors)
{
	static struct om_error_list list;
	const struct om_layout_args args = { .file = "y",
					     .text = sample->text,
					     .size = sample->size,
					     .revision = "7",
					     .snapd = snapd,
					     .errors = &list };
	struct om_error e = { 0 };

	memset(&list, 0, sizeof(list));
	if (om_layout_print(&args, profile, &e) == 0)
		return true;
	assert_true(list.n > 0);
	assert_int_equal(list.more, 0);
	assert_int_equal(profile->len, 0);
	for (size_t i = 0; i < list.n; i++) {
		assert_int_equal(list.v[i].kind, OM_ERR_INPUT);
		om_str_addf(errors, "%s: %s\n", list.v[i].where + strlen("y:"),
			    list.v[i].message);
	}
	return false;
}

/* Each line of text behind SNAP, VARIANT and MODE. */
static void add_lines(struct om_str *out, const struct sample *sample, const char *mode,
		      const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		om_str_addf(out, "%s\t%s\t%.*s\n", sample->label, mode, (int)n, text);
		text += n + 1;
	}
}

/* What is refused, in the form of refused.txt; what compiles must be good. */
static void try_sample(const struct sample *sample, struct om_str *refused)
{
	_cleanup_str_ struct om_str ours = { 0 }, snapds = { 0 }, again = { 0 };
	_cleanup_str_ struct om_str errors = { 0 }, snapd_errors = { 0 };
	_cleanup_profile_ struct om_profile *p = NULL;
	bool good = compile(sample, false, &ours, &errors);
	bool snapd_good = compile(sample, true, &snapds, &snapd_errors);
	struct om_error e = { 0 };

	if (om_streq(om_str_get(&errors), om_str_get(&snapd_errors))) {
		add_lines(refused, sample, "both", om_str_get(&errors));
	} else {
		add_lines(refused, sample, "strict", om_str_get(&errors));
		add_lines(refused, sample, "snapd", om_str_get(&snapd_errors));
	}
	if (good && snapd_good)
		assert_string_equal(om_str_get(&ours), om_str_get(&snapds));
	if (!good)
		return;
	assert_true(ours.len > 0);
	if (om_profile_parse("p", ours.s, ours.len, &p, &e) < 0)
		fail_msg("%s: %s: %s", sample->label, e.where, e.message);
	om_profile_print(p, &again);
	assert_string_equal(om_str_get(&again), ours.s);
}

static void try_all(struct om_str *refused)
{
	for (size_t i = 0; i < corpus.samples.n; i++)
		try_sample(&corpus.samples.v[i], refused);
	assert_int_equal(refused->err, 0);
}

static bool has_line(const char *text, const char *line, size_t n)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (strncmp(text, line, n) == 0 && text[n] == '\n')
			return true;
	return false;
}

/* How many lines of a are not in b; each goes to out. */
static unsigned missing(const char *a, const char *b, const char *what,
			struct om_str *out)
{
	unsigned n = 0;

	for (; *a; a += strcspn(a, "\n") + 1) {
		size_t length = strcspn(a, "\n");

		if (has_line(b, a, length))
			continue;
		om_str_addf(out, "# %s: %.*s\n", what, (int)length, a);
		n++;
	}
	return n;
}

static unsigned compare(const char *list, const char *refused, struct om_str *out)
{
	return missing(list, refused, "listed, but that is not said", out) +
	       missing(refused, list, "refused, but not listed", out);
}

static void test_all_are_good_or_listed(void **state)
{
	_cleanup_str_ struct om_str refused = { 0 }, out = { 0 };

	(void)state;
	try_all(&refused);
	if (compare(corpus.list, om_str_get(&refused), &out) == 0)
		return;
	/* cmocka cuts what is long. */
	printf("%s", om_str_get(&out));
	fail();
}

/* Somebody else's list would be noticed. */
static void test_controls(void **state)
{
	static const char compiles[] = "alsa\t1/2\tboth\t1:1: layout: cannot read\n";
	_cleanup_str_ struct om_str refused = { 0 }, out = { 0 }, more = { 0 };
	char *first_end = strchr(corpus.list, '\n');

	(void)state;
	try_all(&refused);
	assert_non_null(first_end);
	/* One that compiles is listed. */
	om_str_addf(&more, "%s%s", corpus.list, compiles);
	assert_int_equal(compare(om_str_get(&more), om_str_get(&refused), &out), 1);
	assert_non_null(strstr(om_str_get(&out), "alsa\t1/2"));
	/* One that is refused is not listed. */
	assert_int_equal(compare(first_end + 1, om_str_get(&refused), &out), 1);
	/* A reason is another one. */
	first_end[-1] ^= 1;
	assert_int_equal(compare(corpus.list, om_str_get(&refused), &out), 2);
	first_end[-1] ^= 1;
}

static double user_seconds(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
}

/* Processor time, which does not depend on what else the machine does. */
static void test_a_thousand_in_a_second(void **state)
{
	double start = user_seconds(), took;
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		_cleanup_str_ struct om_str profile = { 0 }, errors = { 0 };

		good += compile(&corpus.samples.v[i % corpus.samples.n], false, &profile,
				&errors);
	}
	took = user_seconds() - start;
	printf("# 1000 layouts, of which %zu compile: %.3f s of the processor\n", good,
	       took);
	assert_true(good > 950);
	assert_true(took < 1.0);
}

/* The largest that is read, in both modes. */
static void test_the_largest_in_a_second(void **state)
{
	_cleanup_str_ struct om_str text = { 0 }, errors = { 0 };
	double start;

	(void)state;
	om_str_add(&text, "name: app\nlayout:\n");
	for (unsigned i = 0; i < OM_MAX_ENTRIES; i++)
		om_str_addf(&text, "  /usr/share/d%u/e: {bind: $SNAP/d%u}\n", i, i);
	assert_int_equal(text.err, 0);
	start = user_seconds();
	for (int snapd = 0; snapd < 2; snapd++) {
		const struct sample sample = { NULL, text.s, text.len };
		_cleanup_str_ struct om_str profile = { 0 };

		assert_true(compile(&sample, snapd, &profile, &errors));
	}
	printf("# twice %d entries: %.3f s of the processor\n", OM_MAX_ENTRIES,
	       user_seconds() - start);
	assert_true(user_seconds() - start < 1.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_good_or_listed),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_a_thousand_in_a_second),
		cmocka_unit_test(test_the_largest_in_a_second),
	};

	return cmocka_run_group_tests_name("corpus", tests, load, unload);
}
