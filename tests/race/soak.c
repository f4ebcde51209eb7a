/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soak [-p LEAK] [-t SECONDS] CYCLES OVERMOUNT ENOSYS PROFILE...: applies and undoes the
 * profiles in turn, CYCLES times or for SECONDS, by four workers at the same time: two in
 * mount namespaces and with state directories of their own (the second masks the newer
 * system calls every other time), and two that share one namespace and one state
 * directory, where each may find that the other was faster (exit status 16).
 *
 * Every so often, when nothing is applied, all must be as it was after the first cycles:
 * the number of mounts, the entries of the state directory, the descriptors of the worker,
 * and no process that was left to it.  At the end also: the children of the last tenth take
 * no more memory than those of the first (5 per cent), and the kernel holds no more mounts
 * than before (mnt_cache in /proc/slabinfo; other programs make mounts too, so that some
 * growth is allowed, but less than a tenth of a mount for each cycle).
 *
 * -p plants a leak in the first worker, as positive control: mount, file, fd, process, rss.
 * Wants a tree at `base` and an empty directory `spare` in the current directory.
 * Exit status: 1 when something leaks or a command ends otherwise than it must.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_WORKERS 4
#define MAX_CHECKS 4096

extern char **environ;

struct options {
	const char *leak;
	double seconds;
	unsigned long cycles, interval;
	char *overmount, *enosys;
	char **profiles;
	unsigned n_profiles;
};

struct worker {
	unsigned index;
	char state[16];
	bool shared;
	unsigned long cycles, applied, slower;
	long rss[MAX_CHECKS]; /* the largest child between two checks, KiB */
	unsigned checks;
	char trouble[256];
};

/* Of all processes. */
struct arena {
	struct worker workers[N_WORKERS];
	pthread_barrier_t barrier; /* of the two that share */
	atomic_bool stop;	   /* the two */
};

struct census {
	unsigned long mounts, entries, fds;
};

static struct options opt = { .seconds = 1e9 };
static struct arena *arena;
static double start;

_Noreturn static void die(const char *what)
{
	(void)fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first trouble is the one that is told. */
__attribute__((format(printf, 2, 3))) static void complain(struct worker *w,
							   const char *format, ...)
{
	va_list ap;

	if (w->trouble[0])
		return;
	va_start(ap, format);
	(void)vsnprintf(w->trouble, sizeof(w->trouble), format, ap);
	va_end(ap);
}

static unsigned long count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long n = 0;
	int c;

	if (!f)
		die(path);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	(void)fclose(f);
	return n;
}

static unsigned long count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned long n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static struct census take_census(const struct worker *w)
{
	return (struct census){ .mounts = count_lines("/proc/self/mountinfo"),
				.entries = count_entries(w->state),
				.fds = count_entries("/proc/self/fd") };
}

/* Mounts that the kernel holds, of all namespaces; 0 when it does not tell. */
static unsigned long count_kernel_mounts(void)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	unsigned long n = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_cache %lu", &n) == 1)
			break;
	if (f)
		(void)fclose(f);
	return n;
}

/* --- one command -------------------------------------------------------------------------- */

static int run(struct worker *w, char *const *argv)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	int status = -1;
	pid_t pid;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
					       O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
					       O_WRONLY, 0);
	if (posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		die(argv[0]);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	if (w->rss[w->checks] < usage.ru_maxrss)
		w->rss[w->checks] = usage.ru_maxrss;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect(struct worker *w, const char *what, int status)
{
	if (status == 0)
		return;
	if (w->shared && status == 16)
		w->slower++;
	else
		complain(w, "cycle %lu: %s ends with %d", w->cycles, what, status);
}

static void cycle(struct worker *w)
{
	static char strategies[][8] = { "overlay", "mimic" };
	static char masked[] = "4.4", dashes[] = "--", apply[] = "apply", undo[] = "undo";
	static char state[] = "--state", root[] = "--root", base[] = "base";
	static char strategy[] = "--strategy", timeout[] = "--timeout", twenty[] = "20";
	char *profile = opt.profiles[w->cycles / 2 % opt.n_profiles];
	char *applying[] = { opt.enosys,
			     masked,
			     dashes,
			     opt.overmount,
			     apply,
			     root,
			     base,
			     state,
			     w->state,
			     timeout,
			     twenty,
			     strategy,
			     strategies[w->cycles / 4 % 2],
			     profile,
			     NULL };
	char *undoing[] = { opt.enosys, masked,	  dashes,  opt.overmount, undo,
			    state,	w->state, timeout, twenty,	  NULL };
	size_t first = w->index == 1 && w->cycles % 2 ? 0 : 3;
	int status = run(w, applying + first);

	expect(w, "apply", status);
	w->applied += status == 0;
	expect(w, "undo", run(w, undoing + first));
	w->cycles++;
}

/* --- positive controls -------------------------------------------------------------------- */

static void leave_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (fork() == 0)
			(void)sleep(3);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void take_memory(struct worker *w)
{
	struct rusage usage;
	pid_t pid = fork();

	if (pid == 0) {
		char *p = malloc(64 << 20);

		for (size_t i = 0; p && i < 64 << 20; i += 4096)
			((volatile char *)p)[i] = 1;
		_exit(0);
	}
	if (wait4(pid, NULL, 0, &usage) == pid && w->rss[w->checks] < usage.ru_maxrss)
		w->rss[w->checks] = usage.ru_maxrss;
}

static void plant(struct worker *w)
{
	char path[64];

	if (strcmp(opt.leak, "mount") == 0 &&
	    mount("planted", "spare", "tmpfs", 0, NULL) < 0)
		die("mount");
	(void)snprintf(path, sizeof(path), "%s/planted", w->state);
	if (strcmp(opt.leak, "file") == 0)
		(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	if (strcmp(opt.leak, "fd") == 0 && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		die("/dev/null");
	if (strcmp(opt.leak, "process") == 0)
		leave_process();
	if (strcmp(opt.leak, "rss") == 0)
		take_memory(w);
}

/* --- a worker ----------------------------------------------------------------------------- */

static void check(struct worker *w, const struct census *before)
{
	struct census c = take_census(w);

	if (c.mounts != before->mounts)
		complain(w, "cycle %lu: %lu mounts, were %lu", w->cycles, c.mounts,
			 before->mounts);
	if (c.entries != before->entries)
		complain(w, "cycle %lu: %lu entries in the state directory, were %lu",
			 w->cycles, c.entries, before->entries);
	if (c.fds != before->fds)
		complain(w, "cycle %lu: %lu descriptors, were %lu", w->cycles, c.fds,
			 before->fds);
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		complain(w, "cycle %lu: a process is left", w->cycles);
}

/* Both stand still between the barriers. */
static void meet(const struct worker *w)
{
	if (w->shared)
		(void)pthread_barrier_wait(&arena->barrier);
}

static bool is_finished(const struct worker *w)
{
	bool done = w->trouble[0] || w->cycles >= opt.cycles ||
		    now() - start > opt.seconds || w->checks == MAX_CHECKS;

	if (!w->shared)
		return done;
	/* One decides for both, so that nobody waits in vain. */
	if (done)
		atomic_store(&arena->stop, true);
	meet(w);
	return atomic_load(&arena->stop);
}

static void work(struct worker *w)
{
	struct census before;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (unsigned i = 0; i < 8; i++)
		cycle(w);
	meet(w);
	before = take_census(w);
	w->rss[0] = 0;
	do {
		meet(w);
		for (unsigned long i = 0; i < opt.interval && !w->trouble[0]; i++)
			cycle(w);
		if (opt.leak && w->index == 0 && w->checks > 0)
			plant(w);
		meet(w);
		check(w, &before);
		w->checks++;
	} while (!is_finished(w));
}

static long largest(const struct worker *w, unsigned from, unsigned to)
{
	long max = 0;

	for (unsigned i = from; i < to; i++)
		if (w->rss[i] > max)
			max = w->rss[i];
	return max;
}

static bool report(struct worker *w)
{
	unsigned tenth = w->checks < 10 ? 1 : w->checks / 10;
	long first = largest(w, 0, tenth);
	long last = largest(w, w->checks - tenth, w->checks);

	if (last * 100 > first * 105)
		complain(w, "memory grows from %ld to %ld KiB", first, last);
	(void)printf("worker %u: cycles=%lu applied=%lu slower=%lu checks=%u "
		     "rss=%ld..%ldKiB%s%s\n",
		     w->index, w->cycles, w->applied, w->slower, w->checks, first, last,
		     w->trouble[0] ? " TROUBLE: " : "", w->trouble);
	return !w->trouble[0];
}

/* The processes of one namespace: one worker, or the two that share. */
static pid_t start_workers(unsigned first, unsigned n)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("unshare");
	for (unsigned i = first; i < first + n; i++) {
		struct worker *w = &arena->workers[i];

		w->index = i;
		w->shared = n > 1;
		(void)snprintf(w->state, sizeof(w->state), "state%u", first);
		if (fork() == 0) {
			work(w);
			_exit(0);
		}
	}
	while (n-- > 0) {
		int status = -1;

		/* Without the other it would wait for ever: it dies with this process. */
		if (wait(&status) < 0 || status != 0)
			_exit(2);
	}
	_exit(0);
}

static bool wait_for_all(const pid_t *pids)
{
	bool good = true;

	for (unsigned n = 3; n > 0; n--) {
		int status = -1;

		(void)waitpid(-1, &status, 0);
		if (status == 0)
			continue;
		/* One that cannot go on; others may be waiting for it. */
		good = false;
		for (unsigned i = 0; i < 3; i++)
			(void)kill(pids[i], SIGKILL);
	}
	return good;
}

static void prepare(void)
{
	pthread_barrierattr_t attr;

	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		die("mmap");
	(void)pthread_barrierattr_init(&attr);
	(void)pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	(void)pthread_barrier_init(&arena->barrier, &attr, 2);
	(void)pthread_barrierattr_destroy(&attr);
}

static bool soak(void)
{
	unsigned long before = count_kernel_mounts(), after, cycles = 0;
	pid_t pids[3];
	double seconds;
	bool good;

	start = now();
	for (unsigned i = 0; i < 3; i++) {
		pids[i] = start_workers(i, i < 2 ? 1 : 2);
		if (pids[i] < 0)
			die("fork");
	}
	good = wait_for_all(pids);
	seconds = now() - start;
	for (unsigned i = 0; i < N_WORKERS; i++) {
		good = report(&arena->workers[i]) && good;
		cycles += arena->workers[i].cycles;
	}
	/* Mounts go after a grace period. */
	for (unsigned i = 0; i < 20; i++) {
		after = count_kernel_mounts();
		if (after <= before + cycles / 10)
			break;
		(void)usleep(100000);
	}
	if (after > before + cycles / 10 + 256) {
		(void)printf("the kernel holds %lu mounts, held %lu\n", after, before);
		good = false;
	}
	(void)printf("cycles=%lu seconds=%.1f rate=%.0f/s kernel-mounts=%lu..%lu\n",
		     cycles, seconds, (double)cycles / seconds, before, after);
	return good;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "p:t:")) != -1) {
		if (option == 'p')
			opt.leak = optarg;
		else if (option == 't')
			opt.seconds = atof(optarg);
		else
			return 2;
	}
	if (argc - optind < 4) {
		(void)fprintf(stderr,
			      "usage: soak [-p LEAK] [-t SECONDS] CYCLES OVERMOUNT "
			      "ENOSYS PROFILE...\n");
		return 2;
	}
	opt.cycles = (strtoul(argv[optind], NULL, 10) + N_WORKERS - 1) / N_WORKERS;
	opt.interval = opt.cycles < 10000 ? opt.cycles / 10 + 1 : 1000;
	if (opt.interval > 25 && opt.seconds < 60)
		opt.interval = 25;
	opt.overmount = argv[optind + 1];
	opt.enosys = argv[optind + 2];
	opt.profiles = argv + optind + 3;
	opt.n_profiles = (unsigned)(argc - optind - 3);
	prepare();
	return soak() ? 0 : 1;
}
