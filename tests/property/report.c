/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See report.h.
 */
#include "property/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned tests, failed;

bool property_full(void)
{
	const char *value = getenv("OM_PROPERTY");

	return value && strcmp(value, "full") == 0;
}

static bool fails(struct choices *c, const void *arg)
{
	const struct property *p = arg;

	return p->check(c, p->arg);
}

static uint64_t first_seed(void)
{
	const char *value = getenv("OM_PROPERTY_SEED");

	return value ? strtoull(value, NULL, 10) : 1;
}

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void property_result(bool good, const char *what)
{
	tests++;
	failed += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", tests, what);
}

static void comment(const struct text *text)
{
	for (char *p = text->s, *end; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		printf("#   %.*s\n", (int)(end - p), p);
	}
}

/* Makes the case small and shows it; how many numbers are left. */
static size_t explain(struct choices *c, const struct property *p, uint64_t seed)
{
	static struct text text;
	size_t before = c->n;
	unsigned tries = shrink(c, fails, p, p->tries);

	printf("# OM_PROPERTY_SEED=%llu: %s; %zu numbers became %zu in %u tries\n",
	       (unsigned long long)seed, p->check(c, p->arg), before, c->n, tries);
	text_clear(&text);
	choices_rewind(c);
	p->show(c, p->arg, &text);
	comment(&text);
	return c->n;
}

void property_run(const struct property *p)
{
	static struct choices c;
	uint64_t seed = first_seed();
	double start = seconds();
	bool found = false;
	size_t left = 0;
	unsigned i;
	char line[256];

	for (i = 0; i < p->cases && !found; i++) {
		choices_start(&c, seed + i);
		found = p->check(&c, p->arg);
		if (found)
			left = explain(&c, p, seed + i);
	}
	(void)snprintf(line, sizeof(line),
		       "%s%s: %u cases from seed %llu on, %.0f a second",
		       p->small ? "control: " : "", p->what, i, (unsigned long long)seed,
		       i / (seconds() - start));
	property_result(p->small ? found && left <= p->small : !found, line);
	(void)fflush(stdout);
}

int property_end(void)
{
	printf("1..%u\n", tests);
	return failed ? 1 : 0;
}
