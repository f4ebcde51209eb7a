/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * campaign [options]: makes the system calls of overmount fail, lie or be the last, one
 * after the other, and looks at what is left each time.
 *
 *   --program FILE      what is tested (default: $OVERMOUNT)
 *   --profiles DIR      NAME.fstab, and the table `expected` of exit statuses
 *   --only LIST         these profiles: names, or the beginnings of names
 *   --surfaces LIST     full,no-nesting,no-openat2,4.4,no-overlay; also 6.1 and 5.4
 *   --strategies LIST   overlay,mimic; where one of them makes the very calls that the first
 *                       one makes, its injections are not made again
 *   --modes LIST        once,persistent,kill,nested,lie; or step alone, which has profiles
 *                       of its own (step-scene.c)
 *   --errnos LIST       numbers (default: ten of them)
 *   --every K           every Kth of the injections of a cell; --offset O: which
 *   --cold              no facts are known before a run
 *   --exec              the program is executed for each run, not copied behind the loader
 *   --jobs N            at the same time (default: one for each processor)
 *   --naive FILE        the control instead of the program
 *   --replay PROFILE:SURFACE:STRATEGY:MODE:AT:ERRNO   one injection, at length; with
 *                       step, ACTION instead of ERRNO
 *
 * Prints for each profile and surface `PROFILE SURFACE: N injections[, N bad][, ...]`, then
 * what was bad, each as `  REPLAY VERDICT at CALL`; the last line is the sum of all.  Exit
 * status: 1 when anything was bad or not deterministic, 2 when the campaign itself failed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault/cell.h"
#include "fault/fixture.h"
#include "fault/step-scene.h"
#include "fault/step.h"

#define MAX_PROFILES 100
#define MAX_CELLS 8000
#define MAX_LIST 16
#define MAX_JOBS 32

struct profile {
	char name[64];
	char path[PATH_MAX];
};

struct list {
	const char *v[MAX_LIST];
	unsigned n;
};

/* Written by the workers. */
struct shared {
	unsigned next; /* cell */
	struct tally tallies[MAX_CELLS];
};

static struct {
	struct settings settings;
	struct list surfaces, strategies, modes, only;
	const char *profile_dir, *naive, *replay;
	long jobs;
	struct profile profiles[MAX_PROFILES];
	unsigned n_profiles;
	struct cell cells[MAX_CELLS];
	unsigned n_cells;
	unsigned parts; /* of each cell */
	char *expected; /* the table */
	struct shared *shared;
} c;

static void die(const char *what)
{
	(void)fprintf(stderr, "campaign: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void usage(const char *what, const char *value)
{
	(void)fprintf(stderr, "campaign: %s %s\n", what, value);
	exit(2);
}

static struct list split(const char *text)
{
	struct list list = { .n = 0 };
	char *copy = strdup(text), *save;

	if (!copy)
		die("split");
	for (char *p = strtok_r(copy, ",", &save); p && list.n < MAX_LIST;
	     p = strtok_r(NULL, ",", &save))
		list.v[list.n++] = p;
	return list;
}

/* --- profiles ---------------------------------------------------------------------- */

static bool is_wanted(const char *name)
{
	for (unsigned i = 0; i < c.only.n; i++)
		if (strncmp(name, c.only.v[i], strlen(c.only.v[i])) == 0)
			return true;
	return c.only.n == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct profile *)a)->name,
		      ((const struct profile *)b)->name);
}

static void find_profiles(void)
{
	char *dir = realpath(c.profile_dir, NULL);
	struct dirent *entry;
	DIR *d = opendir(c.profile_dir);

	if (!d || !dir)
		die(c.profile_dir);
	while ((entry = readdir(d))) {
		struct profile *p = &c.profiles[c.n_profiles];
		char *end = strstr(entry->d_name, ".fstab");

		if (!end || end - entry->d_name >= (int)sizeof(p->name))
			continue;
		(void)snprintf(p->path, sizeof(p->path), "%s/%s", dir, entry->d_name);
		*end = '\0';
		(void)snprintf(p->name, sizeof(p->name), "%.63s", entry->d_name);
		if (is_wanted(p->name) && ++c.n_profiles == MAX_PROFILES)
			usage("too many profiles in", dir);
	}
	(void)closedir(d);
	free(dir);
	qsort(c.profiles, c.n_profiles, sizeof(c.profiles[0]), by_name);
}

static void read_expected(void)
{
	char path[PATH_MAX];
	size_t size = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/expected", c.profile_dir);
	f = fopen(path, "re");
	if (!f || getdelim(&c.expected, &size, '\0', f) < 0)
		die(path);
	(void)fclose(f);
}

/* SURFACE/STRATEGY=STATUS, either may be `*`. */
static bool fits(const char *word, const char *surface, const char *strategy)
{
	char a[32], b[32];

	return sscanf(word, "%31[^/]/%31[^=]=", a, b) == 2 &&
	       (strcmp(a, "*") == 0 || strcmp(a, surface) == 0) &&
	       (strcmp(b, "*") == 0 || strcmp(b, strategy) == 0);
}

static bool has_word(const char *line, const char *end, const char *word)
{
	return memmem(line, (size_t)(end - line), word, strlen(word));
}

/*
 * From a line `PROFILE STATUS [no-change] [allow-kinds] [SURFACE/STRATEGY=STATUS]...`; -1
 * when there is none.
 */
static int expected(struct cell *cell)
{
	size_t n = strlen(cell->profile);
	int status = -1;

	for (const char *line = c.expected; line && *line;) {
		const char *end = strchrnul(line, '\n');

		if (strncmp(line, cell->profile, n) == 0 && line[n] == ' ') {
			status = atoi(line + n);
			cell->no_change = has_word(line, end, " no-change");
			cell->allow_kinds = has_word(line, end, " allow-kinds");
			for (const char *p = line + n + 1; p && p < end;
			     p = strchr(p + 1, ' '))
				if (fits(p + strspn(p, " "), cell->surface->name,
					 cell->strategy))
					return atoi(strchr(p, '=') + 1);
		}
		line = *end ? end + 1 : end;
	}
	return status;
}

/* --- cells ------------------------------------------------------------------------- */

static void add_cell(const struct profile *p, const char *surface, const char *strategy,
		     const char *mode_name, unsigned part)
{
	struct cell *cell = &c.cells[c.n_cells];
	unsigned mode = 0;

	*cell = (struct cell){ .profile = p->name,
			       .path = p->path,
			       .surface = surface_get(surface),
			       .strategy = strategy,
			       .first_strategy = strategy == c.strategies.v[0]
							 ? NULL
							 : c.strategies.v[0],
			       .part = part };
	while (mode < N_MODES && strcmp(mode_names[mode], mode_name) != 0)
		mode++;
	cell->mode = (enum mode)mode;
	if (mode == N_MODES)
		usage("unknown mode", mode_name);
	if (!cell->surface)
		usage("unknown surface", surface);
	if (!c.naive && mode != MODE_STEP) {
		cell->expected = expected(cell);
		if (cell->expected < 0)
			usage("the table says nothing of", p->name);
	}
	if (++c.n_cells == MAX_CELLS)
		usage("too many cells with", p->name);
}

static void add_cells(void)
{
	for (unsigned p = 0; p < c.n_profiles; p++)
		for (unsigned s = 0; s < c.surfaces.n; s++)
			for (unsigned t = 0; t < c.strategies.n; t++)
				for (unsigned m = 0; m < c.modes.n * c.parts; m++)
					add_cell(&c.profiles[p], c.surfaces.v[s],
						 c.strategies.v[t],
						 c.modes.v[m / c.parts], m % c.parts);
}

/* --- workers ----------------------------------------------------------------------- */

static void enter_fixture(void)
{
	/* What a run leaves comes to us, and is noticed. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || !fixture_unshare() || !fixture_make())
		die("cannot make the fixture");
}

/* A tracer and its tracee take turns: on one processor nobody waits for a wake-up. */
static void stay_on(long job)
{
	cpu_set_t allowed, one;
	long n = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	job %= CPU_COUNT(&allowed);
	CPU_ZERO(&one);
	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && n++ == job)
			CPU_SET(cpu, &one);
	(void)sched_setaffinity(0, sizeof(one), &one);
}

static void work(long job)
{
	unsigned i;

	stay_on(job);
	enter_fixture();
	while ((i = __atomic_fetch_add(&c.shared->next, 1, __ATOMIC_SEQ_CST)) <
	       c.n_cells) {
		(c.cells[i].mode == MODE_STEP ? step_run : cell_run)(
			&c.settings, &c.cells[i], i, &c.shared->tallies[i]);
		__atomic_store_n(&c.shared->tallies[i].done, true, __ATOMIC_SEQ_CST);
	}
	_exit(0);
}

static void print_report(unsigned first, unsigned end)
{
	char path[64], line[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", c.settings.report);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned cell = (unsigned)atoi(line);

		if (cell >= first && cell < end)
			(void)printf(" %s", strchr(line, ' '));
	}
	if (f)
		(void)fclose(f);
}

static void print_tally(const struct tally *t)
{
	(void)printf("%u injections", t->injections);
	if (t->bad)
		(void)printf(", %u bad", t->bad);
	if (t->broken)
		(void)printf(", %u broken", t->broken);
	if (t->strayed)
		(void)printf(", %u nondeterministic", t->strayed);
	(void)putchar('\n');
}

static void add_tally(struct tally *sum, const struct tally *t)
{
	sum->injections += t->injections;
	sum->bad += t->bad;
	sum->broken += t->broken;
	sum->strayed += t->strayed;
}

/* Prints groups from cell *next on that are complete: one profile on one surface. */
static void print_done(unsigned *next, struct tally *total)
{
	unsigned size = c.strategies.n * c.modes.n * c.parts;

	while (*next < c.n_cells) {
		struct tally sum = { 0 };

		for (unsigned i = *next; i < *next + size; i++) {
			if (!__atomic_load_n(&c.shared->tallies[i].done,
					     __ATOMIC_SEQ_CST))
				return;
			add_tally(&sum, &c.shared->tallies[i]);
		}
		(void)printf("%s %s: ", c.cells[*next].profile,
			     c.cells[*next].surface->name);
		print_tally(&sum);
		if (sum.bad || sum.strayed)
			print_report(*next, *next + size);
		(void)fflush(stdout);
		add_tally(total, &sum);
		*next += size;
	}
}

static int run_all(void)
{
	static const struct timespec nap = { .tv_nsec = 50000000 };
	struct tally total = { 0 };
	unsigned next = 0;
	long running = 0;
	int status;

	for (; running < c.jobs; running++) {
		pid_t pid = fork();

		if (pid == 0)
			work(running);
		if (pid < 0)
			die("fork");
	}
	while (running > 0) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
			usage("a worker failed:", "see above");
		if (pid > 0)
			running--;
		else
			(void)nanosleep(&nap, NULL);
		print_done(&next, &total);
	}
	(void)printf("%u injections, %u bad, %u broken, %u nondeterministic\n",
		     total.injections, total.bad, total.broken, total.strayed);
	return total.bad || total.strayed || next < c.n_cells;
}

static int replay(void)
{
	char *copy = strdup(c.replay), *save, *field[6];
	struct tally tally = { 0 };
	unsigned n = 0;

	for (char *p = copy ? strtok_r(copy, ":", &save) : NULL; p && n < 6;
	     p = strtok_r(NULL, ":", &save))
		field[n++] = p;
	if (n < 6)
		usage("want PROFILE:SURFACE:STRATEGY:MODE:AT:ERRNO, not", c.replay);
	if (strchr(field[3], '+')) {
		c.settings.cold = true;
		*strchr(field[3], '+') = '\0';
	}
	for (unsigned p = 0; p < c.n_profiles; p++)
		if (strcmp(c.profiles[p].name, field[0]) == 0)
			add_cell(&c.profiles[p], field[1], field[2], field[3], 0);
	if (c.n_cells == 0)
		usage("unknown profile", field[0]);
	enter_fixture();
	if (c.cells[0].mode == MODE_STEP)
		step_replay(&c.settings, &c.cells[0], (unsigned)atoi(field[4]), field[5],
			    &tally);
	else
		cell_replay(&c.settings, &c.cells[0], (unsigned)atoi(field[4]),
			    atoi(field[5]), &tally);
	print_tally(&tally);
	free(copy);
	return tally.bad || tally.strayed;
}

/* --- options ----------------------------------------------------------------------- */

static void set_errnos(const char *text)
{
	struct list list = split(text);

	for (c.settings.n_errnos = 0; c.settings.n_errnos < list.n; c.settings.n_errnos++)
		c.settings.errnos[c.settings.n_errnos] =
			atoi(list.v[c.settings.n_errnos]);
}

static unsigned number(const char *text, unsigned min)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n < min || n > 1000000)
		usage("want a number, not", text);
	return (unsigned)n;
}

static const struct option options[] = {
	{ "program", required_argument, NULL, 'p' },
	{ "profiles", required_argument, NULL, 'P' },
	{ "only", required_argument, NULL, 'o' },
	{ "surfaces", required_argument, NULL, 's' },
	{ "strategies", required_argument, NULL, 't' },
	{ "modes", required_argument, NULL, 'm' },
	{ "errnos", required_argument, NULL, 'e' },
	{ "every", required_argument, NULL, 'k' },
	{ "offset", required_argument, NULL, 'O' },
	{ "jobs", required_argument, NULL, 'j' },
	{ "cold", no_argument, NULL, 'c' },
	{ "exec", no_argument, NULL, 'x' },
	{ "naive", required_argument, NULL, 'n' },
	{ "replay", required_argument, NULL, 'r' },
	{ 0 },
};

static void set_option(int option, const char *value)
{
	switch (option) {
	case 'p':
		c.settings.program = value;
		break;
	case 'P':
		c.profile_dir = value;
		break;
	case 'o':
		c.only = split(value);
		break;
	case 's':
		c.surfaces = split(value);
		break;
	case 't':
		c.strategies = split(value);
		break;
	case 'm':
		c.modes = split(value);
		break;
	case 'e':
		set_errnos(value);
		break;
	case 'k':
		c.settings.every = number(value, 1);
		break;
	case 'O':
		c.settings.offset = number(value, 0);
		break;
	case 'j':
		c.jobs = number(value, 1);
		break;
	case 'c':
		c.settings.cold = true;
		break;
	case 'x':
		c.settings.no_templates = true;
		break;
	case 'n':
		c.settings.program = c.naive = value;
		c.settings.naive = true;
		break;
	case 'r':
		c.replay = value;
		break;
	default:
		exit(2);
	}
}

/* Is there `recover` already, or does undo do its work? */
static const char *find_recover(void)
{
	char command[PATH_MAX + 64];

	(void)snprintf(command, sizeof(command),
		       "'%s' recover --help >/dev/null 2>&1 </dev/null",
		       c.settings.program);
	return !c.naive && system(command) == 0 ? "recover" : "undo";
}

static void set_defaults(void)
{
	c.settings.program = getenv("OVERMOUNT");
	c.settings.every = 1;
	c.profile_dir = "tests/fault/profiles";
	c.surfaces = split("full,no-nesting,no-openat2,4.4,no-overlay");
	c.strategies = split("overlay,mimic");
	c.modes = split("once,persistent,kill,lie");
	c.jobs = sysconf(_SC_NPROCESSORS_ONLN);
	/* EIO ENOMEM ENOSPC EPERM EINTR EAGAIN EBUSY ENOSYS EINVAL EMFILE */
	set_errnos("5,12,28,1,4,11,16,38,22,24");
}

static bool is_step(void)
{
	return (c.modes.n == 1 && strcmp(c.modes.v[0], mode_names[MODE_STEP]) == 0) ||
	       (c.replay && strstr(c.replay, ":step:"));
}

static void add_step_profiles(void)
{
	for (size_t i = 0; i < n_step_profiles; i++)
		if (is_wanted(step_profiles[i].name))
			(void)snprintf(c.profiles[c.n_profiles++].name,
				       sizeof(c.profiles[0].name), "%s",
				       step_profiles[i].name);
}

static void add_naive(void)
{
	struct profile *p = &c.profiles[c.n_profiles++];

	(void)snprintf(p->name, sizeof(p->name), "naive");
	(void)snprintf(p->path, sizeof(p->path), "/dev/null");
}

int main(int argc, char **argv)
{
	int option;

	set_defaults();
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		set_option(option, optarg);
	if (c.settings.program)
		c.settings.program = realpath(c.settings.program, NULL);
	if (!c.settings.program)
		die("no program: give --program or set OVERMOUNT");
	c.settings.recover = find_recover();
	c.parts = is_step() ? STEP_PARTS : 1;
	if (is_step()) {
		add_step_profiles();
	} else if (c.naive) {
		add_naive();
	} else {
		find_profiles();
		read_expected();
	}
	if (c.replay)
		return replay();
	add_cells();
	c.settings.report = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	c.shared = mmap(NULL, sizeof(*c.shared), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c.settings.report < 0 || c.shared == MAP_FAILED)
		die("cannot begin");
	if (c.jobs > MAX_JOBS)
		c.jobs = MAX_JOBS;
	return run_all();
}
