/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe-time: what facts cost, in this process: all of them by trying, those that apply
 * needs by trying, and those by the cache.  Medians; exit 1 when a limit is exceeded.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probe/cache.h"
#include "probe/probe.h"

#define MAX_ROUNDS 1001

struct setting {
	struct om_probe_options options;
	int dirfd;
	const char *key;
};

static int probe_all(const struct setting *s)
{
	struct om_facts facts;

	om_facts_init(&facts);
	om_probe(&s->options, OM_FACTS_ALL, &facts);
	return om_facts_get(&facts, OM_FACT_OPENAT2) == OM_UNKNOWN ? -EIO : 0;
}

static int probe_for_apply(const struct setting *s)
{
	struct om_facts facts;

	om_facts_init(&facts);
	om_probe(&s->options, OM_FACTS_FOR_APPLY, &facts);
	return om_facts_get(&facts, OM_FACT_OVERLAY_RO) == OM_UNKNOWN ? -EIO : 0;
}

/* As a start does it: the key is made anew each time. */
static int load_cache(const struct setting *s)
{
	char key[OM_CACHE_KEY_SIZE];
	struct om_facts facts;
	om_fact_set set;

	om_facts_init(&facts);
	if (om_cache_key(&s->options, key) < 0)
		return -EIO;
	set = om_cache_load(s->dirfd, key, &facts);
	return OM_FACTS_FOR_APPLY & ~set ? -ENOENT : 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int measure(const struct setting *s, const char *what,
		   int (*fn)(const struct setting *), unsigned rounds, double limit_us)
{
	static double us[MAX_ROUNDS];

	for (unsigned i = 0; i < rounds; i++) {
		double start = now_us();
		int r = fn(s);

		us[i] = now_us() - start;
		if (r < 0) {
			(void)fprintf(stderr, "probe-time: %s: %s\n", what, strerror(-r));
			return r;
		}
	}
	qsort(us, rounds, sizeof(us[0]), compare);
	(void)printf("%-26s %6u %10.1f %10.1f %10.1f %10.0f%s\n", what, rounds,
		     us[rounds / 2], us[0], us[rounds * 9 / 10], limit_us,
		     us[rounds / 2] > limit_us ? "  TOO SLOW" : "");
	return us[rounds / 2] > limit_us ? -ETIME : 0;
}

int main(void)
{
	struct setting s = { .options = { .sys = &om_sys_linux } };
	char dir[] = "/tmp/probe-time-XXXXXX";
	struct om_facts facts;
	int r;

	if (!mkdtemp(dir) || (s.dirfd = om_cache_open_dir(dir)) < 0) {
		perror("probe-time: cannot make a directory");
		return 2;
	}
	om_facts_init(&facts);
	om_probe_cached(&s.options, s.dirfd, OM_FACTS_FOR_APPLY, &facts);
	(void)printf("%-26s %6s %10s %10s %10s %10s\n", "FACTS", "ROUNDS", "MEDIAN us",
		     "MIN us", "P90 us", "LIMIT us");
	r = measure(&s, "all, by trying", probe_all, 31, 25000);
	if (r == 0 || r == -ETIME)
		r = measure(&s, "those of apply, by trying", probe_for_apply, 101,
			    25000) |
		    r;
	/* A control of its own: without a cache there is nothing to measure. */
	if (r == 0 || r == -ETIME)
		r = measure(&s, "those of apply, cached", load_cache, 1001, 100) | r;
	(void)unlinkat(s.dirfd, OM_CACHE_NAME, 0);
	(void)om_close(s.dirfd);
	(void)rmdir(dir);
	return r < 0 ? 1 : 0;
}
