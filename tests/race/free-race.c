/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * free-race [-n] [-s SECONDS] [-e ESCAPES] ATTACK SURFACE EFFECTIVE: applies and undoes one
 * read-only bind over and over, while an attacker on another processor, who owns a
 * directory on the way, renames as fast as the kernel lets it.  It stops when EFFECTIVE
 * applications have really tried to attach, after SECONDS, or after ESCAPES.
 *
 *   ATTACK   target    the target and a link that leads out change places
 *            out       the target's parent is moved out of the root and back
 *            source    a component of the source and a link to a secret change places
 *            parent    the target's parent and a link that leads out change places
 *            hole      the directory that a construction shall cover, and a link
 *            sibling   what a construction shall show again, and a link to a secret
 *   SURFACE  native    the real table: openat2 and the fd mount API
 *            walk      without openat2
 *            old       mount(2) only, ids of mounts that are reused
 *   -n       a naive program in place of the engine, as positive control
 *
 * Needs root, a private mount namespace with a tmpfs as current directory, and
 * statmount(2).  While the attacker stands still the kernel is asked what is mounted where,
 * showing what and how: nothing is taken from the engine's word.
 *
 *   escapes  outside of the root, or showing the secret
 *   wrong    said to be applied, but elsewhere, more than one mount, or not read-only
 *   left     said to be undone or refused, but a mount is there
 *   stuck    a mount is there, and that was said (exit status 64 of the program)
 *   carried  elsewhere, but the attacker has moved something since the attach, and so may
 *            have carried the mount away with its directory.  No mounter can help that, so
 *            it is no failure.
 *   settled  nothing was moved between the attach and the look: those that prove something
 *
 * Exit status: 1 when there are escapes, wrong, left or stuck ones; 77 without
 * statmount(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/undo.h"
#include "base/cleanup.h"
#include "probe/probe.h"
#include "sys/missing.h"

#define ATTACKER 1234 /* uid: a user whose links nobody trusts */
#define MAX_MOUNTS 512

struct attack {
	const char *name;
	const char *from, *to;
	unsigned flags;
	const char *source, *target; /* of the bind; the target may be what is covered */
	const char *missing; /* below the target, and so it is covered as a whole */
};

static const struct attack attacks[] = {
	{ "target", "root/data/p/t", "root/data/p/link", RENAME_EXCHANGE, "/src/good",
	  "/data/p/t", NULL },
	{ "out", "root/data/p", "outside/p", 0, "/src/good", "/data/p/t", NULL },
	{ "source", "root/data/s", "root/data/slink", RENAME_EXCHANGE, "/data/s/c",
	  "/dst/t", NULL },
	{ "parent", "root/data/p", "root/data/plink", RENAME_EXCHANGE, "/src/good",
	  "/data/p/t", NULL },
	{ "hole", "root/data/h", "root/data/hlink", RENAME_EXCHANGE, "/src/good",
	  "/data/h", "/data/h/new" },
	{ "sibling", "root/data/h/s", "root/data/h/slink", RENAME_EXCHANGE, "/data/h/s",
	  "/data/h", "/data/h/new" },
};

/* Shared with the attacker. */
struct shared {
	atomic_ullong moves; /* renames that succeeded */
	atomic_bool pause, paused;
};

struct count {
	unsigned long long runs, effective, applied, withdrawn, refused, settled, carried;
	unsigned long long escapes, wrong, left, stuck;
};

struct race {
	const struct attack *attack;
	const char *surface;
	bool naive;
	unsigned long long want, max_escapes;
	double max_seconds;
	struct shared *shared;
	struct count count;
	/* Of this application. */
	bool effective;
	unsigned long long moved; /* moves when the attach had returned */
	/* Fixed. */
	char root[PATH_MAX], target[PATH_MAX], source[PATH_MAX];
	int root_fd;
	ino_t good, secret;
	uint64_t newest; /* id of the newest mount that is not ours */
	struct om_sys sys;
	struct om_facts facts;
	struct om_policy policy;
	struct om_profile *profile;
};

_Noreturn static void die(const char *what)
{
	(void)fprintf(stderr, "free-race: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* one processor will do, slowly */
}

/* --- the attacker ----------------------------------------------------------------------- */

static void wait_until(atomic_bool *flag, bool value)
{
	for (unsigned i = 1; atomic_load(flag) != value; i++)
		if (i % 1000 == 0)
			(void)sched_yield();
}

_Noreturn static void attacker(const struct race *race, pid_t parent)
{
	const struct attack *a = race->attack;
	struct shared *s = race->shared;
	unsigned random = 2463534242;
	/* The slower the surface, the longer a rest must be to cover an application. */
	unsigned shift = strcmp(race->surface, "old") == 0 ? 13 : 16;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	pin(1);
	if (setgid(ATTACKER) < 0 || setuid(ATTACKER) < 0)
		_exit(1);
	/* Changing ids has cleared it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (bool forth = true;; forth = !forth) {
		const char *from = forth || a->flags ? a->from : a->to;
		const char *to = forth || a->flags ? a->to : a->from;

		if (atomic_load(&s->pause)) {
			atomic_store(&s->paused, true);
			wait_until(&s->pause, false);
			atomic_store(&s->paused, false);
		}
		if (renameat2(AT_FDCWD, from, AT_FDCWD, to, a->flags) == 0)
			atomic_fetch_add(&s->moves, 1);
		/* Now and then a rest, so that all phases of the victim are met and some
		 * applications are judged before anything has been moved again. */
		random ^= random << 13;
		random ^= random >> 17;
		random ^= random << 5;
		for (unsigned i = random % 8 ? 0 : random >> shift; i > 0; i--)
			if (atomic_load(&s->pause))
				break;
	}
}

static void freeze(struct shared *s)
{
	atomic_store(&s->pause, true);
	wait_until(&s->paused, true);
}

static void thaw(struct shared *s)
{
	atomic_store(&s->pause, false);
	wait_until(&s->paused, false);
}

/* --- what the kernel says ----------------------------------------------------------------- */

#define STATMOUNT_PROPAGATE_FROM 0x00000004U
#define STATMOUNT_MNT_POINT 0x00000010U

struct mount_info {
	uint32_t size, mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type;
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	uint32_t mnt_root, mnt_point;
	uint64_t spare[50];
	char text[2 * PATH_MAX];
};

static bool ask(uint64_t id, struct mount_info *ret)
{
	struct om_mnt_id_req request = { .size = sizeof(request),
					 .mnt_id = id,
					 .param = OM_STATMOUNT_MNT_BASIC |
						  STATMOUNT_MNT_POINT };

	return syscall(SYS_statmount, &request, ret, sizeof(*ret), 0) == 0 &&
	       (ret->mask & request.param) == request.param;
}

/* Mounts of this namespace that were not there at the start; how many, newest first. */
static size_t list_ours(const struct race *race, uint64_t *ret)
{
	uint64_t ids[MAX_MOUNTS];
	int n = race->sys.listmount(&race->sys, OM_MOUNT_ROOT, 0, ids, MAX_MOUNTS);
	size_t ours = 0;

	if (n == -ENOSYS)
		exit(77);
	if (n < 0)
		die("listmount");
	while (n-- > 0)
		if (ids[n] > race->newest)
			ret[ours++] = ids[n];
	return ours;
}

/* What the mount shows: an inode, found through its mount point and checked to be its. */
static ino_t shown(const struct mount_info *info)
{
	_cleanup_close_ int fd =
		open(info->text + info->mnt_point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statx stx;

	if (fd < 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE | STATX_INO, &stx) < 0)
		return 0;
	return stx.stx_mnt_id == info->mnt_id ? stx.stx_ino : 0;
}

struct view {
	size_t mounts, below;
	bool at_target, outside, secret, weak;
};

static void look(const struct race *race, struct view *ret)
{
	uint64_t ours[MAX_MOUNTS];
	size_t root_len = strlen(race->root), target_len = strlen(race->target);

	*ret = (struct view){ .mounts = list_ours(race, ours) };
	for (size_t i = 0; i < ret->mounts; i++) {
		const uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
		struct mount_info info;
		const char *point;
		bool below;
		ino_t ino;

		if (!ask(ours[i], &info))
			die("statmount");
		point = info.text + info.mnt_point;
		ino = shown(&info);
		/* What a construction holds hangs below its root. */
		below = race->attack->missing &&
			strncmp(point, race->target, target_len) == 0 &&
			point[target_len] == '/';
		if (strcmp(point, race->target) == 0)
			ret->at_target = true;
		else if (below)
			ret->below++;
		else if (strncmp(point, race->root, root_len) != 0 ||
			 point[root_len] != '/')
			ret->outside = true;
		ret->secret |= ino == race->secret;
		ret->weak |= ino != race->good || (info.mnt_attr & attr) != attr;
	}
}

/* Whatever is there goes, so that each application starts with nothing. */
static void sweep(const struct race *race)
{
	uint64_t ours[MAX_MOUNTS];
	struct mount_info info;
	size_t n;

	while ((n = list_ours(race, ours)) > 0) {
		if (!ask(ours[0], &info))
			die("statmount");
		if (umount2(info.text + info.mnt_point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			die("umount2");
	}
}

/* --- surfaces ----------------------------------------------------------------------------- */

static struct race *race_of(const struct om_sys *sys)
{
	return sys->userdata;
}

/* The attach: from now on nothing but the attacker moves it. */
static int attached(const struct om_sys *sys, int r)
{
	race_of(sys)->effective = true;
	race_of(sys)->moved = atomic_load(&race_of(sys)->shared->moves);
	return r;
}

static int no_open_beneath(const struct om_sys *sys _unused_, int dirfd _unused_,
			   const char *path _unused_, int flags _unused_)
{
	return -ENOSYS;
}

/* With a path it goes into the grave, which is none of our attaches. */
static int count_move_mount(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	int r = om_sys_linux.move_mount(sys, fd, dirfd, path);

	return *path ? r : attached(sys, r);
}

static int count_mount(const struct om_sys *sys, const char *source, const char *target,
		       const char *type, unsigned long flags, const char *data)
{
	int r = om_sys_linux.mount(sys, source, target, type, flags, data);

	return flags & MS_MOVE ? attached(sys, r) : r;
}

static int no_fsopen(const struct om_sys *sys _unused_, const char *type _unused_)
{
	return -ENOSYS;
}

static int no_open_tree(const struct om_sys *sys _unused_, int dirfd _unused_,
			const char *path _unused_, bool recursive _unused_)
{
	return -ENOSYS;
}

static int no_move_mount(const struct om_sys *sys _unused_, int fd _unused_,
			 int dirfd _unused_, const char *path _unused_)
{
	return -ENOSYS;
}

static int no_mount_setattr(const struct om_sys *sys _unused_, int fd _unused_,
			    bool recursive _unused_, unsigned attr _unused_,
			    unsigned long propagation _unused_)
{
	return -ENOSYS;
}

static int old_statx_mount_id(const struct om_sys *sys, int fd, bool unique,
			      uint64_t *ret_id)
{
	return unique ? -ENODATA : om_sys_linux.statx_mount_id(sys, fd, false, ret_id);
}

static int old_mount_id(const struct om_sys *sys, int fd, uint64_t *ret_id,
			bool *ret_unique)
{
	*ret_unique = false;
	return om_sys_linux.statx_mount_id(sys, fd, false, ret_id);
}

static void choose_surface(struct race *race)
{
	struct om_sys *sys = &race->sys;

	*sys = om_sys_linux;
	sys->userdata = race;
	sys->move_mount = count_move_mount;
	sys->mount = count_mount;
	if (strcmp(race->surface, "native") == 0)
		return;
	sys->open_beneath = no_open_beneath;
	if (strcmp(race->surface, "walk") == 0)
		return;
	sys->fsopen = no_fsopen;
	sys->open_tree = no_open_tree;
	sys->move_mount = no_move_mount;
	sys->mount_setattr = no_mount_setattr;
	sys->statx_mount_id = old_statx_mount_id;
	sys->mount_id = old_mount_id;
}

/* --- the victims -------------------------------------------------------------------------- */

static bool attacks_source(const struct race *race)
{
	return strcmp(race->attack->name, "source") == 0 ||
	       strcmp(race->attack->name, "sibling") == 0;
}

/* Looks first and mounts by path then; for `out`, by descriptor, but never looks again. */
static int naive_apply(struct race *race)
{
	const struct om_sys *sys = &race->sys;
	bool source = attacks_source(race);
	_cleanup_close_ int tree = -1;
	_cleanup_close_ int at = -1;
	char real[PATH_MAX];
	int r;

	if (race->attack->flags == 0) {
		at = sys->open_beneath(sys, race->root_fd, race->attack->target + 1,
				       O_PATH);
		tree = sys->open_tree(sys, AT_FDCWD, race->source, false);
		if (at < 0 || tree < 0)
			return -1;
		r = sys->mount_setattr(sys, tree, false, OM_ATTR_RDONLY | OM_ATTR_NOSUID,
				       0);
		return r < 0 ? r : sys->move_mount(sys, tree, at, "");
	}
	if (!realpath(source ? race->source : race->target, real) ||
	    strncmp(real, race->root, strlen(race->root)) != 0)
		return -1;
	r = attached(sys,
		     sys->mount(sys, race->source, race->target, NULL, MS_BIND, NULL));
	if (r == 0)
		r = sys->mount(sys, NULL, race->target, NULL,
			       MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL);
	return r;
}

static int engine_apply(struct race *race, struct om_journal *j, struct om_error *e)
{
	struct om_str residue = { 0 };
	struct om_apply a;
	char stage[] = "stage";
	int r;

	om_apply_init(&a, &race->sys, &race->facts);
	a.root_fd = fcntl(race->root_fd, F_DUPFD_CLOEXEC, 3);
	a.root_path = race->root;
	a.policy = &race->policy;
	a.journal = j;
	a.build.stage_path = stage;
	r = om_apply_or_undo(&a, race->profile, &residue, e);
	om_apply_done(&a);
	om_str_free(&residue);
	return r;
}

/* The attacker stands still; judged by what is there. */
static void judge_applied(struct race *race, int r, const struct om_error *e)
{
	struct count *c = &race->count;
	bool carried = race->moved != atomic_load(&race->shared->moves);
	struct view v;

	look(race, &v);
	c->applied += r == 0;
	if (r < 0 && e->kind == OM_ERR_UNDONE)
		c->withdrawn++;
	else if (r < 0)
		c->refused++;
	if (v.mounts == 0) {
		c->wrong += r == 0;
		return;
	}
	/* Only one of the attackers can carry anything out. */
	if (v.secret || (v.outside && !(carried && race->attack->flags == 0)))
		c->escapes++;
	c->settled += !carried;
	if (r < 0 && !race->naive) {
		c->left += e->kind != OM_ERR_BROKEN;
		c->stuck += e->kind == OM_ERR_BROKEN;
		return;
	}
	if (race->attack->missing)
		v.weak = false; /* of which one? the target is not the only one */
	if (v.mounts > 1 + (carried ? v.mounts : v.below) || v.weak ||
	    (!v.at_target && !v.outside && !carried))
		c->wrong++;
	else if (!v.at_target && carried)
		c->carried++;
}

/* Without an attach there is nothing to judge, only that nothing is there. */
static bool is_idle(struct race *race, int r, const struct om_error *e)
{
	uint64_t ours[MAX_MOUNTS];

	if (race->effective || r == 0 || e->kind == OM_ERR_BROKEN ||
	    list_ours(race, ours) > 0)
		return false;
	race->count.refused++;
	return true;
}

static void undo(struct race *race, struct om_journal *j)
{
	struct om_str residue = { 0 };
	const struct om_undo how = { .sys = &race->sys,
				     .root_fd = race->root_fd,
				     .root_path = race->root };
	struct view v;
	int r = om_undo(&how, j, 0, &residue);

	freeze(race->shared);
	look(race, &v);
	race->count.left += v.mounts > 0 && r == 0;
	race->count.stuck += v.mounts > 0 && r < 0;
	sweep(race);
	thaw(race->shared);
	om_str_free(&residue);
}

static void one_application(struct race *race)
{
	struct om_error e = { 0 };
	struct om_journal j;
	int r;

	om_journal_init(&j);
	race->effective = false;
	race->count.runs++;
	r = race->naive ? naive_apply(race) : engine_apply(race, &j, &e);
	race->count.effective += race->effective;
	if (!is_idle(race, r, &e)) {
		freeze(race->shared);
		judge_applied(race, r, &e);
		if (r < 0 || race->naive)
			sweep(race);
		thaw(race->shared);
		if (r == 0 && !race->naive)
			undo(race, &j);
	}
	om_journal_done(&j);
}

/* --- the scene ---------------------------------------------------------------------------- */

static void make_tree(void)
{
	static const struct {
		const char *path;
		bool attackers;
	} dirs[] = {
		{ "root", false },	    { "root/src", false },
		{ "root/src/good", false }, { "root/dst", false },
		{ "root/dst/t", false },    { "root/data", true },
		{ "root/data/p", true },    { "root/data/p/t", true },
		{ "root/data/s", true },    { "root/data/s/c", true },
		{ "root/data/h", true },    { "root/data/h/s", true },
		{ "outside", true },	    { "outside/t", true },
		{ "secret", false },	    { "secret/c", false },
		{ "stage", false },
	};
	static const struct {
		const char *content, *path;
	} links[] = {
		{ "/outside/t", "root/data/p/link" }, { "/secret", "root/data/slink" },
		{ "/outside", "root/data/plink" },    { "/outside/t", "root/data/hlink" },
		{ "/secret/c", "root/data/h/slink" },
	};
	char here[PATH_MAX / 2], content[PATH_MAX];

	if (!getcwd(here, sizeof(here)))
		die("getcwd");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		uid_t uid = dirs[i].attackers ? ATTACKER : 0;

		if (mkdir(dirs[i].path, 0755) < 0 || chown(dirs[i].path, uid, uid) < 0)
			die(dirs[i].path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		(void)snprintf(content, sizeof(content), "%s%s", here, links[i].content);
		if (symlink(content, links[i].path) < 0 ||
		    lchown(links[i].path, ATTACKER, ATTACKER) < 0)
			die(links[i].path);
	}
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		die(path);
	return st.st_ino;
}

static void set_scene(struct race *race)
{
	const struct om_probe_options options = { .sys = &race->sys };
	char text[PATH_MAX];
	uint64_t ids[MAX_MOUNTS];
	size_t n;

	make_tree();
	race->root_fd = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (race->root_fd < 0 || !realpath("root", race->root))
		die("root");
	(void)snprintf(race->target, sizeof(race->target), "%.2000s%s", race->root,
		       race->attack->target);
	(void)snprintf(race->source, sizeof(race->source), "%.2000s%s", race->root,
		       race->attack->source);
	race->good = inode_of(race->source);
	race->secret = inode_of("secret/c");
	choose_surface(race);
	om_facts_init(&race->facts);
	om_probe(&options, OM_FACTS_FOR_APPLY, &race->facts);
	/* A target that is away must not be made: this is about the one that is there. */
	race->policy = om_policy_default;
	race->policy.allow[OM_STRATEGY_OVERLAY] = race->attack->missing != NULL;
	race->policy.allow[OM_STRATEGY_MIMIC] = race->attack->missing != NULL;
	n = (size_t)snprintf(text, sizeof(text), "%s %s none bind,ro,nosuid 0 0\n",
			     race->attack->missing ? "/src/good" : race->attack->source,
			     race->attack->missing ? race->attack->missing
						   : race->attack->target);
	if (om_profile_parse("p", text, n, &race->profile, NULL) < 0)
		die("profile");
	n = list_ours(race, ids);
	for (size_t i = 0; i < n; i++)
		if (ids[i] > race->newest)
			race->newest = ids[i];
	if (race->newest == 0)
		die("listmount");
}

static void report(const struct race *race, double seconds)
{
	const struct count *c = &race->count;

	(void)printf("%s%s/%s: runs=%llu effective=%llu applied=%llu withdrawn=%llu "
		     "refused=%llu settled=%llu carried=%llu ",
		     race->naive ? "naive-" : "", race->attack->name, race->surface,
		     c->runs, c->effective, c->applied, c->withdrawn, c->refused,
		     c->settled, c->carried);
	(void)printf("escapes=%llu wrong=%llu left=%llu stuck=%llu renames=%llu "
		     "seconds=%.2f rate=%.0f/s\n",
		     c->escapes, c->wrong, c->left, c->stuck,
		     (unsigned long long)race->shared->moves, seconds,
		     (double)c->runs / seconds);
}

static void run(struct race *race)
{
	const struct count *c = &race->count;
	pid_t self = getpid(), pid = fork();
	double start = now();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		attacker(race, self);
	pin(0);
	while (c->effective < race->want && c->escapes < race->max_escapes &&
	       now() - start < race->max_seconds) {
		one_application(race);
		/* An attacker that died would look like one that never succeeds. */
		if (waitpid(pid, NULL, WNOHANG) != 0)
			die("the attacker is gone");
	}
	report(race, now() - start);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static int usage(void)
{
	(void)fprintf(stderr, "usage: free-race [-n] [-s SECONDS] [-e ESCAPES] "
			      "target|out|source|parent|hole|sibling "
			      "native|walk|old EFFECTIVE\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct race race = { .max_seconds = 1e9, .max_escapes = ULLONG_MAX };
	const struct count *c = &race.count;
	int option;

	while ((option = getopt(argc, argv, "ns:e:")) != -1) {
		if (option == 'n')
			race.naive = true;
		else if (option == 's')
			race.max_seconds = atof(optarg);
		else if (option == 'e')
			race.max_escapes = strtoull(optarg, NULL, 10);
		else
			return usage();
	}
	for (size_t i = 0; argc - optind == 3 && i < ARRAY_SIZE(attacks); i++)
		if (strcmp(attacks[i].name, argv[optind]) == 0)
			race.attack = &attacks[i];
	if (!race.attack)
		return usage();
	race.surface = argv[optind + 1];
	race.want = strtoull(argv[optind + 2], NULL, 10);
	(void)umask(0);
	race.shared = mmap(NULL, sizeof(*race.shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race.shared == MAP_FAILED)
		die("mmap");
	set_scene(&race);
	run(&race);
	(void)om_profile_free(race.profile);
	return c->escapes + c->wrong + c->left + c->stuck > 0;
}
