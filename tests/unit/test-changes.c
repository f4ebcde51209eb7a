/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an update undoes and does (changes.c): profiles are text, mounts are recorded ones,
 * and a bind shows the very directory that its source is, unless a test says otherwise.
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/changes.h"
#include "fake/recorder.h"
#include "fake/tree.h"
#include "fake/wrap.h"
#include "strategy/strategy.h"

#define MAX_SOURCES 8
#define OTHER_DEVICE SIZE_MAX

struct fixture {
	char dir[64];
	char tree[80];
	int root_fd;
	struct recorder rec;
	struct om_sys real; /* the recorder's calls, for those that stand in for them */
	struct om_journal j;
	struct om_profile *old, *new;
	struct om_changes c;
	struct om_error e;
	struct {
		const char *path;
		size_t mount; /* that shows it */
	} sources[MAX_SOURCES];
	size_t n_sources;
};

static struct fixture *current;

/* The call number `at` that opens path fails, or an fstat(2) after it. */
static struct {
	const char *path; /* without the slash */
	unsigned at, calls;
	int error;
	unsigned fstats; /* error 0: the one that fails */
} harm;

static void count_fstats(int fd _unused_)
{
	if (harm.fstats > 0 && --harm.fstats == 0)
		fake_wrap.fail_fstat = EIO;
	else
		fake_wrap = (struct fake_wrap){ 0 };
	if (harm.fstats > 0)
		fake_wrap.on_fstat = count_fstats;
}

static int open_world(const struct om_sys *sys, int dirfd, const char *path, int flags)
{
	struct fixture *f = current;
	int fd = -1;

	if (harm.path && strcmp(path, harm.path) == 0 && ++harm.calls == harm.at &&
	    harm.error)
		return harm.error;
	for (size_t i = 0; i < f->n_sources; i++) {
		char shown[128];

		if (strcmp(path, f->sources[i].path + 1) != 0)
			continue;
		(void)snprintf(shown, sizeof(shown), "%s/%zu", f->rec.scratch,
			       f->sources[i].mount);
		fd = open(f->sources[i].mount == OTHER_DEVICE ? "/proc" : shown,
			  flags | O_CLOEXEC);
	}
	if (fd < 0)
		fd = f->real.open_beneath(sys, dirfd, path, flags);
	if (harm.path && harm.calls == harm.at && harm.fstats > 0)
		fake_wrap.on_fstat = count_fstats;
	return fd;
}

/* The recorder has each mount at a place of its own; the kernel names where it hangs. */
static int point_at(const struct om_sys *sys, const struct om_mount_id *id,
		    uint32_t print, char *buf, size_t size)
{
	int r = current->real.mount_point(sys, id, print, buf, size);

	for (size_t i = 0; r == 0 && i < current->j.acts.n; i++)
		if (current->j.acts.v[i].mount_id == id->id)
			(void)snprintf(buf, size, "%s%s", current->tree,
				       current->j.acts.v[i].path);
	return r;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)umask(022);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-changes-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->tree, sizeof(f->tree), "%s/tree", f->dir);
	assert_int_equal(mkdir(f->tree, 0755), 0);
	f->root_fd = open(f->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	recorder_init(&f->rec);
	f->real = f->rec.sys;
	f->rec.sys.open_beneath = open_world;
	f->rec.sys.mount_point = point_at;
	om_journal_init(&f->j);
	memset(&harm, 0, sizeof(harm));
	current = f;
	*state = f;
	return 0;
}

static void forget(struct fixture *f)
{
	if (f->c.sys)
		om_changes_done(&f->c);
	f->c = (struct om_changes){ 0 };
	f->old = om_profile_free(f->old);
	f->new = om_profile_free(f->new);
	for (size_t i = 0; i < f->j.acts.n; i++)
		f->j.acts.v[i].aside = false;
	om_error_clear(&f->e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_wrap = (struct fake_wrap){ 0 };
	forget(f);
	om_journal_done(&f->j);
	recorder_done(&f->rec);
	(void)close(f->root_fd);
	fake_remove_tree(f->dir);
	free(f);
	return 0;
}

/* --- what is there --------------------------------------------------------------------- */

/* The directory that path lies in, and its name, as it is now. */
static int open_parent(const struct fixture *f, const char *path, const char **ret_name)
{
	char parent[256];
	const char *slash = strrchr(path, '/');
	int fd;

	*ret_name = slash + 1;
	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	fd = *parent ? f->real.open_beneath(&f->rec.sys, f->root_fd, parent + 1, O_PATH)
		     : openat(f->root_fd, ".", O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void make_dirs(const struct fixture *f, const char *path)
{
	char prefix[256];

	for (const char *p = path; p; p = strchr(p + 1, '/')) {
		const char *end = strchr(p + 1, '/'), *name;
		size_t n = end ? (size_t)(end - path) : strlen(path);
		int at;

		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)n, path);
		at = open_parent(f, prefix, &name);
		assert_true(mkdirat(at, name, 0755) == 0 || errno == EEXIST);
		(void)close(at);
	}
}

static void make_link(const struct fixture *f, const char *path, const char *content)
{
	const char *name;
	int at = open_parent(f, path, &name);

	(void)unlinkat(at, name, 0);
	assert_int_equal(symlinkat(content, at, name), 0);
	(void)close(at);
}

static void make_file(const struct fixture *f, const char *path)
{
	const char *name;
	int at = open_parent(f, path, &name);

	(void)close(openat(at, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	(void)close(at);
}

static void remove_name(const struct fixture *f, const char *path)
{
	const char *name;
	int at = open_parent(f, path, &name);

	assert_true(unlinkat(at, name, 0) == 0 || unlinkat(at, name, AT_REMOVEDIR) == 0);
	(void)close(at);
}

/* A mount at path, which shows source unless that is NULL. */
static struct om_act attach(struct fixture *f, const char *path, const char *source)
{
	const struct om_sys *sys = &f->rec.sys;
	struct om_act act = { .inverse = OM_INVERSE_DETACH };
	int at, fd = f->real.fsmount(sys, -1, 0);

	make_dirs(f, path);
	at = f->real.open_beneath(sys, f->root_fd, path + 1, O_PATH | O_NOFOLLOW);
	assert_true(fd >= 0 && at >= 0);
	assert_int_equal(f->real.move_mount(sys, fd, at, ""), 0);
	assert_int_equal(f->real.mount_id(sys, fd, &act.mount_id, &act.unique), 0);
	(void)close(at);
	(void)close(fd);
	if (source) {
		assert_true(f->n_sources < MAX_SOURCES);
		f->sources[f->n_sources].path = source;
		f->sources[f->n_sources++].mount = f->rec.mounts.n - 1;
	}
	return act;
}

static size_t write_act(struct fixture *f, const struct om_act *act, const char *path)
{
	int i = om_journal_intent(&f->j, act, path);

	assert_true(i >= 0);
	assert_int_equal(om_journal_mark_done(&f->j, (size_t)i), 0);
	return (size_t)i;
}

/* An entry's mount of its own: the index of its act. */
static size_t plain(struct fixture *f, const char *path, const char *source)
{
	struct om_act act = attach(f, path, source);

	act.strategy = OM_STRATEGY_PLAIN;
	return write_act(f, &act, path);
}

static size_t name(struct fixture *f, const char *path, enum om_inverse inverse)
{
	const struct om_act act = { .inverse = inverse };

	return write_act(f, &act, path);
}

struct part {
	const char *path, *source;
	bool copied; /* only bound back */
};

/* A construction at the hole, with what is in it: the index of its act. */
static size_t construct(struct fixture *f, const char *hole, const struct part *parts,
			size_t n)
{
	struct om_act outer = attach(f, hole, NULL);

	outer.strategy = OM_STRATEGY_OVERLAY;
	for (size_t i = 0; i < n; i++) {
		struct om_act act = attach(f, parts[i].path, parts[i].source);
		char path[256];

		(void)snprintf(path, sizeof(path), "%s", parts[i].path);
		act.path = path;
		act.strategy = OM_STRATEGY_OVERLAY;
		act.inner = true;
		act.entry = !parts[i].copied;
		assert_int_equal(om_journal_inner(&f->j, &act, 1), 0);
	}
	return write_act(f, &outer, hole);
}

/* --- what is asked --------------------------------------------------------------------- */

static struct om_profile *parse(const char *profile_name, const char *text)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	if (om_profile_parse(profile_name, text, strlen(text), &p, &e) < 0)
		assert_string_equal(e.message, "");
	om_profile_sort(p);
	return p;
}

static void prepare(struct fixture *f, const char *old_text, const char *new_text)
{
	forget(f);
	f->old = parse("old", old_text);
	f->new = parse("new", new_text);
	f->c = (struct om_changes){ .sys = &f->rec.sys,
				    .root_fd = f->root_fd,
				    .j = &f->j,
				    .old = f->old,
				    .new = f->new };
	f->rec.calls = 0;
}

static int look(struct fixture *f, const char *old_text, const char *new_text)
{
	prepare(f, old_text, new_text);
	return om_changes_look(&f->c, &f->e);
}

static void render(const struct fixture *f, struct om_str *out)
{
	size_t n = 0;

	for (size_t i = 0; i < f->j.acts.n; i++) {
		if (!f->j.acts.v[i].aside)
			continue;
		om_str_addf(out, "-%s ", f->j.acts.v[i].path);
		n++;
	}
	assert_int_equal(f->c.n_aside, n);
	for (size_t i = 0; i < f->c.fresh.n; i++)
		om_str_addf(out, "+%s ", f->c.fresh.entries[i].target);
}

/* Finds what goes (-) and what comes (+), and changes nothing. */
static void expect_found(struct fixture *f, const char *want)
{
	struct om_str out = { 0 };

	assert_int_equal(om_changes_find(&f->c, &f->e), 0);
	render(f, &out);
	assert_string_equal(om_str_get(&out), want);
	assert_int_equal(f->rec.calls, 0);
	assert_string_equal(f->c.fresh.name, "new");
	om_str_free(&out);
}

static void expect(struct fixture *f, const char *old_text, const char *new_text,
		   const char *want)
{
	if (look(f, old_text, new_text) < 0)
		assert_string_equal(f->e.message, "");
	expect_found(f, want);
}

static void expect_refused(struct fixture *f, const char *old_text, const char *where,
			   const char *message)
{
	assert_int_equal(look(f, old_text, ""), -ESTALE);
	assert_int_equal(f->e.kind, OM_ERR_REFUSED);
	assert_string_equal(f->e.where, where);
	assert_string_equal(f->e.message, message);
	assert_non_null(strstr(f->e.fix, "overmount undo --force"));
}

#define LAYOUT ",x-snapd.origin=layout"
#define BIND(source, target) source " " target " none rbind 0 0\n"
#define BIND_LAST(source, target) source " " target " none rbind" LAYOUT " 0 0\n"
#define TMPFS(target) "tmpfs " target " tmpfs defaults 0 0\n"
#define LINK(target, content)                                                            \
	"none " target " none x-snapd.kind=symlink,x-snapd.symlink=" content " 0 0\n"
#define HIDE(target) "none " target " none x-overmount.hide 0 0\n"

/* --- what is there: look --------------------------------------------------------------- */

/* One of each. */
static size_t make_all(struct fixture *f)
{
	static const struct part parts[] = { { "/h/x", "/s2", false },
					     { "/h/back", NULL, true } };

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	make_dirs(f, "/s3");
	(void)plain(f, "/a", "/s1");
	make_dirs(f, "/h");
	(void)construct(f, "/h", parts, 2);
	make_link(f, "/h/link", "there");
	(void)plain(f, "/tmp", NULL);
	return name(f, "/made", OM_INVERSE_RMDIR);
}

static const char all[] = BIND("/s1", "/a") BIND("/s2", "/h/x") LINK("/h/link", "there")
	HIDE("/h/no") TMPFS("/tmp");

static void test_nothing_changes(void **state)
{
	struct fixture *f = *state;

	/* A name that an application has taken away is none of our mounts. */
	(void)make_all(f);
	expect(f, all, all, "");
	assert_int_equal(f->c.olds[0].mount, 0);
	assert_int_equal(f->c.olds[0].outer, 0);
	assert_int_equal(f->c.olds[2].mount, f->j.acts.n);
	assert_string_equal(f->c.olds[2].entry->target, "/h/no");
	assert_int_equal(f->c.olds[2].outer, 3);
	assert_string_equal(f->c.olds[3].entry->target, "/h/x");
	assert_int_equal(f->c.olds[3].mount, 1);
	assert_int_equal(f->c.olds[3].outer, 3);
	assert_string_equal(f->c.olds[3].source, "/s2");
	assert_null(f->c.olds[4].source);
	/* Done twice, or before anything was looked at. */
	om_changes_done(&f->c);
	om_changes_done(&f->c);
}

static void test_mounts_that_are_not_as_made(void **state)
{
	struct fixture *f = *state;

	make_dirs(f, "/s1");
	(void)plain(f, "/a", "/s1");
	f->rec.mounts.v[0].attr = OM_ATTR_NOEXEC;
	expect_refused(f, BIND("/s1", "/a"), "",
		       "cannot update \"/a\": somebody has changed its attributes");
	f->rec.mounts.v[0].attr = 0;
	f->rec.mounts.v[0].on_ino = 0;
	expect_refused(f, BIND("/s1", "/a"), "",
		       "cannot update \"/a\": somebody has taken it away");
	assert_int_equal(f->c.n_aside, 0);
}

#define NOT_APPLIED "the old profile has it, and it is not applied"
#define NOT_THERE "it is not there as the old profile has it"

static void test_profiles_that_are_not_applied(void **state)
{
	struct fixture *f = *state;

	make_dirs(f, "/s1");
	expect_refused(f, "\n" BIND("/s1", "/a"), "old:2: target",
		       "cannot update \"/a\": " NOT_APPLIED);
	(void)plain(f, "/a", "/s1");
	expect_refused(f, TMPFS("/tmp") BIND("/s1", "/a"), "old:1: target",
		       "cannot update \"/tmp\": " NOT_APPLIED);
	/* Two that lead to one place are not both there. */
	make_link(f, "/l", "/");
	expect_refused(f, BIND("/s1", "/a") BIND("/s1", "/l/a"), "old:2: target",
		       "cannot update \"/l/a\": " NOT_APPLIED);
	expect(f, BIND("/s1", "/l/a"), BIND("/s1", "/l/a"), "");
	expect_refused(
		f, "", "",
		"cannot update \"/a\": it is applied, and the old profile does not "
		"have it");
	/* One on top of the other, and the profile has one of them. */
	(void)plain(f, "/b", NULL);
	free(f->j.acts.v[1].path);
	f->j.acts.v[1].path = strdup("/a");
	f->rec.mounts.v[1].on_dev = f->rec.mounts.v[0].dev;
	f->rec.mounts.v[1].on_ino = f->rec.mounts.v[0].ino;
	f->rec.mounts.v[1].in = 0;
	expect_refused(
		f, BIND("/s1", "/a"), "",
		"cannot update \"/a\": it is applied, and the old profile does not "
		"have it");
}

/* What it was written as, since a later entry has put a link on the way. */
static void test_target_behind_a_later_link(void **state)
{
	struct fixture *f = *state;
	static const char profile[] = BIND("/s1", "/a/b/x") BIND_LAST("/s2", "/a");

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	(void)plain(f, "/a/b/x", "/s1");
	(void)plain(f, "/a", "/s2");
	make_dirs(f, "/a/c/x");
	make_link(f, "/a/b", "c");
	expect(f, profile, profile, "");
	assert_string_equal(f->c.olds[0].target, "/a/c/x");
	assert_int_equal(f->c.olds[0].mount, 0);
}

static void test_sources_that_are_others_now(void **state)
{
	struct fixture *f = *state;

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	make_dirs(f, "/s3");
	/* Another directory, none, and something that leads to none. */
	(void)plain(f, "/a", NULL);
	expect(f, BIND("/s1", "/a"), BIND("/s1", "/a"), "-/a +/a ");
	expect(f, BIND("/gone", "/a"), BIND("/gone", "/a"), "-/a +/a ");
	make_file(f, "/file");
	expect(f, BIND("/file/s", "/a"), BIND("/file/s", "/a"), "-/a +/a ");
	/* Somebody puts a link there, after both profiles were looked at. */
	harm.path = "s1";
	harm.at = 3;
	harm.error = -ELOOP;
	expect(f, BIND("/s1", "/a"), BIND("/s1", "/a"), "-/a +/a ");
	assert_int_equal(harm.calls, 3);
	f->sources[0].path = "/s2";
	f->n_sources = 1;
	expect(f, BIND("/s2", "/a"), BIND("/s2", "/a"), "");
	f->sources[0].mount = OTHER_DEVICE;
	expect(f, BIND("/s2", "/a"), BIND("/s2", "/a"), "-/a +/a ");
	f->sources[0].mount = 0;
	/* Through a link, which leads to what was bound. */
	make_link(f, "/current", "s2");
	expect(f, BIND("/current", "/a"), BIND("/current", "/a"), "");
	assert_string_equal(f->c.olds[0].source, "/s2");
	make_link(f, "/current", "s3");
	expect(f, BIND("/current", "/a"), BIND("/current", "/a"), "-/a +/a ");
}

/* A later entry is where the source was, or the mount: that cannot be told, and stays. */
static void test_sources_that_are_covered(void **state)
{
	struct fixture *f = *state;
	static const char profile[] = BIND("/s/in", "/a/b") BIND_LAST("/s2", "/s")
		BIND_LAST("/s3", "/a");
	static const struct part parts[] = { { "/h/x", "/s2", false } };
	static const char inner[] = BIND("/s", "/b") BIND("/s2", "/h/x");

	make_dirs(f, "/s/in");
	make_dirs(f, "/s2");
	make_dirs(f, "/s3");
	(void)plain(f, "/a/b", NULL);
	(void)name(f, "/s", OM_INVERSE_RMDIR);
	(void)plain(f, "/s", "/s2");
	(void)plain(f, "/a", "/s3");
	expect(f, profile, profile, "");
	om_journal_done(&f->j);
	/* The mount alone. */
	f->n_sources = 0;
	make_dirs(f, "/t");
	(void)plain(f, "/x/y", NULL);
	(void)plain(f, "/x", "/s3");
	expect(f, BIND("/t", "/x/y") BIND_LAST("/s3", "/x"),
	       BIND("/t", "/x/y") BIND_LAST("/s3", "/x"), "");
	om_journal_done(&f->j);
	/* What comes in a construction elsewhere, or is a name, covers nothing. */
	(void)plain(f, "/b", NULL);
	make_dirs(f, "/h");
	(void)construct(f, "/h", parts, 1);
	(void)name(f, "/s", OM_INVERSE_RMDIR);
	expect(f, inner, inner, "-/b +/b ");
}

/* Nothing is decided by what cannot be looked at. */
static void test_looking_fails(void **state)
{
	struct fixture *f = *state;
	static const char *const paths[] = { "s1", "s1", "s1", "l" };
	static const unsigned fstats[] = { 0, 1, 2, 0 };

	make_dirs(f, "/s1");
	(void)plain(f, "/a", "/s1");
	make_link(f, "/l", "there");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		harm.path = paths[i];
		harm.at = 2;
		harm.calls = 0;
		harm.fstats = fstats[i];
		harm.error = fstats[i] ? 0 : -EIO;
		assert_int_equal(look(f, BIND("/s1", "/a") LINK("/l", "there"), ""),
				 -EIO);
		fake_wrap = (struct fake_wrap){ 0 };
		assert_int_equal(f->e.kind, OM_ERR_SYSTEM);
		assert_string_equal(f->e.message, "cannot look at what is applied: "
						  "Input/output error");
	}
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;
	int r;

	(void)make_all(f);
	make_link(f, "/h/no", "x");
	do {
		prepare(f, all, all);
		fake_wrap.fail_allocation = ++n;
		r = om_changes_look(&f->c, &f->e);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(fake_wrap.fail_allocation, 0);
		assert_string_equal(f->e.message, "cannot look at what is applied: "
						  "Cannot allocate memory");
	} while (true);
	/* Two tables with seven paths each, and six more. */
	assert_int_equal(n, 2 * 8 + 6 + 1);
	fake_wrap.fail_allocation = 1;
	assert_int_equal(om_changes_find(&f->c, &f->e), -ENOMEM);
	assert_string_equal(f->e.message,
			    "cannot compare the profiles: Cannot allocate memory");
	assert_int_equal(f->c.n_aside, 0);
}

/* Links that are not followed, or lead nowhere: what they are in is left to planning. */
static void test_paths_that_cannot_be_resolved(void **state)
{
	struct fixture *f = *state;
	static const char *const sources[] = { "/open/l", "/loop", "/file/s" };

	make_dirs(f, "/s1");
	make_dirs(f, "/open");
	make_link(f, "/open/l", "../s1");
	assert_int_equal(fchmodat(f->root_fd, "open", 0777, 0), 0);
	make_link(f, "/loop", "loop");
	make_file(f, "/file");
	(void)plain(f, "/a", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "%s /a none rbind 0 0\n", sources[i]);
		expect(f, text, text, "-/a +/a ");
		assert_string_equal(f->c.olds[0].source, sources[i]);
		assert_string_equal(f->c.news[0].source, sources[i]);
	}
}

static int shortage;

static int open_short(const struct om_sys *sys _unused_, int dirfd _unused_,
		      const char *path _unused_, int flags _unused_, mode_t mode _unused_)
{
	return shortage;
}

/* What is short says nothing of a path: with it unresolved, others would seem apart. */
static void test_paths_and_shortages(void **state)
{
	struct fixture *f = *state;
	static const int errors[] = { -EMFILE, -ENFILE };
	static const char profile[] = BIND("/file/s", "/a");
	unsigned n = 0;
	int r;

	make_file(f, "/file");
	(void)plain(f, "/a", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		shortage = errors[i];
		f->rec.sys.open = open_short;
		assert_int_equal(look(f, profile, profile), shortage);
		assert_non_null(strstr(f->e.message, "cannot look at what is applied: "
						     "Too many open files"));
	}
	f->rec.sys.open = f->real.open;
	do {
		prepare(f, profile, profile);
		fake_wrap.fail_allocation = ++n;
		r = om_changes_look(&f->c, &f->e);
		assert_int_equal(r, fake_wrap.fail_allocation ? 0 : -ENOMEM);
	} while (r < 0);
	fake_wrap.fail_allocation = 0;
	assert_true(n > 8);
	expect_found(f, "-/a +/a ");
}

/* --- names ----------------------------------------------------------------------------- */

static void test_names_that_are_not_as_made(void **state)
{
	struct fixture *f = *state;
	static const char profile[] = TMPFS("/t") LINK("/t/l", "there");
	static const char again[] = "-/t +/t +/t/l ";

	(void)plain(f, "/t", NULL);
	make_link(f, "/t/l", "there");
	expect(f, profile, profile, "");
	/* Another content, the first part of it, one that goes on, no link, and none. */
	make_link(f, "/t/l", "these");
	expect(f, profile, profile, again);
	make_link(f, "/t/l", "the");
	expect(f, profile, profile, again);
	make_link(f, "/t/l", "there-too");
	expect(f, profile, profile, again);
	remove_name(f, "/t/l");
	make_file(f, "/t/l");
	expect(f, profile, profile, again);
	remove_name(f, "/t/l");
	expect(f, profile, profile, again);
	/* What is hidden has come again. */
	expect(f, TMPFS("/t") HIDE("/t/l"), TMPFS("/t") HIDE("/t/l"), "");
	make_file(f, "/t/l");
	expect(f, TMPFS("/t") HIDE("/t/l"), TMPFS("/t") HIDE("/t/l"), again);
	/* The directory of it is none. */
	expect(f, TMPFS("/t") HIDE("/t/l/x"), TMPFS("/t") HIDE("/t/l/x"), "");
	expect(f, TMPFS("/t") LINK("/t/l/x", "y"), TMPFS("/t") LINK("/t/l/x", "y"),
	       "-/t +/t +/t/l/x ");
}

/* On nothing of ours: nothing can be made anew that has it. */
static void test_names_on_nothing_of_ours(void **state)
{
	struct fixture *f = *state;

	make_link(f, "/l", "there");
	(void)name(f, "/l", OM_INVERSE_UNLINK);
	expect(f, LINK("/l", "there"), LINK("/l", "there"), "");
	assert_int_equal(f->c.olds[0].outer, 1);
	make_link(f, "/l", "these");
	expect_refused(f, LINK("/l", "there"), "old:1: target",
		       "cannot update \"/l\": " NOT_THERE);
	expect_refused(f, HIDE("/l"), "old:1: target",
		       "cannot update \"/l\": " NOT_THERE);
}

/* What is only bound back in a construction carries no name of ours. */
static void test_names_in_what_was_bound_back(void **state)
{
	struct fixture *f = *state;
	static const struct part parts[] = { { "/h/d", NULL, true } };

	make_dirs(f, "/h");
	(void)construct(f, "/h", parts, 1);
	make_link(f, "/h/d/l", "these");
	expect(f, LINK("/h/d/l", "there"), LINK("/h/d/l", "there"), "-/h +/h/d/l ");
}

static void test_names_that_are_covered(void **state)
{
	struct fixture *f = *state;
	static const char profile[] = LINK("/a/l", "there") HIDE("/a/no")
		BIND_LAST("/s1", "/a");

	make_dirs(f, "/s1");
	(void)plain(f, "/a", "/s1");
	make_link(f, "/a/l", "these");
	make_link(f, "/a/no", "these");
	expect(f, profile, profile, "");
}

/* --- what goes: find ------------------------------------------------------------------- */

static const struct part two[] = { { "/h/x", "/s1", false }, { "/h/y", "/s2", false } };

static void test_plain_mounts(void **state)
{
	struct fixture *f = *state;

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	(void)plain(f, "/a", "/s1");
	(void)plain(f, "/b", "/s2");
	expect(f, BIND("/s1", "/a") BIND("/s2", "/b"),
	       BIND("/s2", "/a") BIND("/s2", "/b") BIND("/s1", "/c"), "-/a +/a +/c ");
	expect(f, BIND("/s1", "/a") BIND("/s2", "/b"), BIND("/s1", "/a"), "-/b ");
}

static void test_a_construction_goes_as_a_whole(void **state)
{
	struct fixture *f = *state;
	static const char both[] = BIND("/s1", "/h/x") BIND("/s2", "/h/y");

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	make_dirs(f, "/s3");
	make_dirs(f, "/h");
	(void)construct(f, "/h", two, 2);
	/* One leaves; one comes into the hole; one comes where a mount is. */
	expect(f, both, BIND("/s1", "/h/x"), "-/h +/h/x ");
	expect(f, both, BIND("/s1", "/h/x") BIND("/s2", "/h/y") BIND("/s3", "/h/z"),
	       "-/h +/h/x +/h/y +/h/z ");
	make_dirs(f, "/h/x/in");
	expect(f, both, BIND("/s1", "/h/x") BIND("/s3", "/h/x/in") BIND("/s2", "/h/y"),
	       "+/h/x/in ");
	/* A name in the hole is a change of it, too. */
	expect(f, both, BIND("/s1", "/h/x") BIND("/s2", "/h/y") LINK("/h/l", "x"),
	       "-/h +/h/l +/h/x +/h/y ");
}

/* A name comes into the tmpfs that is in the hole, or onto what is bound there. */
static void test_a_tmpfs_in_a_construction(void **state)
{
	struct fixture *f = *state;
	static const struct part parts[] = { { "/h/t", NULL, false },
					     { "/h/x", "/s1", false } };
	static const char was[] = BIND("/s2", "/a") LINK("/h/l", "there") TMPFS("/h/t")
		BIND("/s1", "/h/x");

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	make_dirs(f, "/h");
	(void)plain(f, "/a", "/s2");
	(void)construct(f, "/h", parts, 2);
	make_link(f, "/h/l", "there");
	expect(f, was,
	       BIND("/s2", "/a") LINK("/h/l", "there") TMPFS("/h/t") LINK("/h/t/n", "x")
		       BIND("/s1", "/h/x"),
	       "-/h +/h/l +/h/t +/h/t/n +/h/x ");
	expect(f, was,
	       BIND("/s2", "/a") LINK("/h/l", "there") TMPFS("/h/t") BIND("/s1", "/h/x")
		       LINK("/h/x/n", "x"),
	       "+/h/x/n ");
}

/* What is on top of what goes goes, too, and so does what shows it. */
static void test_dependents(void **state)
{
	struct fixture *f = *state;
	static const char rest[] = BIND_LAST("/h/data", "/shown")
		BIND_LAST("/s4", "/apart");
	static const char was[] = BIND("/s1", "/h/x") BIND("/s2", "/h/y")
		BIND("/s3", "/h/y/top") BIND_LAST("/h/data", "/shown")
			BIND_LAST("/s4", "/apart");
	char now[256];

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	make_dirs(f, "/s3");
	make_dirs(f, "/s4");
	make_dirs(f, "/h");
	(void)construct(f, "/h", two, 2);
	(void)plain(f, "/h/y/top", "/s3");
	(void)name(f, "/h/y/top/made", OM_INVERSE_UNLINK);
	(void)plain(f, "/shown", "/h/data");
	(void)plain(f, "/apart", "/s4");
	(void)snprintf(now, sizeof(now), "%s%s",
		       BIND("/s2", "/h/y") BIND("/s3", "/h/y/top"), rest);
	expect(f, was, was, "");
	expect(f, was, now,
	       "-/h -/h/y/top -/h/y/top/made -/shown +/h/y +/h/y/top +/shown ");
}

static void test_names_come_and_go_on_a_tmpfs(void **state)
{
	struct fixture *f = *state;
	static const char was[] = TMPFS("/t") LINK("/t/l", "there") TMPFS("/u");
	static const struct part parts[] = { { "/h/d", NULL, true } };

	(void)plain(f, "/t", NULL);
	(void)plain(f, "/u", NULL);
	make_dirs(f, "/h");
	(void)construct(f, "/h", parts, 1);
	make_link(f, "/t/l", "there");
	expect(f, was, TMPFS("/t") TMPFS("/u"), "-/t +/t ");
	expect(f, was, TMPFS("/t") LINK("/t/l", "there") TMPFS("/u") LINK("/u/m", "n"),
	       "-/u +/u +/u/m ");
}

/* A source that is made where it is missing is a name, too. */
static void test_sources_that_are_made(void **state)
{
	struct fixture *f = *state;

	(void)plain(f, "/t", NULL);
	make_dirs(f, "/t/s");
	make_dirs(f, "/z");
	expect(f, TMPFS("/t"), TMPFS("/t") BIND("/t/s", "/z"), "+/z ");
	expect(f, TMPFS("/t"),
	       TMPFS("/t") "/t/s /z none rbind,x-overmount.create-source 0 0\n",
	       "-/t +/t +/z ");
}

static void test_what_cannot_be_moved(void **state)
{
	struct fixture *f = *state;

	make_dirs(f, "/s1");
	(void)plain(f, "/a", "/s1");
	(void)name(f, "/a/made", OM_INVERSE_RMDIR);
	f->j.acts.v[0].shared = true;
	f->j.acts.v[0].done = false;
	/* It stays, so nothing is wrong with it. */
	expect(f, BIND("/s1", "/a"), BIND("/s1", "/a"), "");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(look(f, BIND("/s1", "/a"), ""), 0);
		f->j.acts.v[0].shared = i == 0;
		if (i == 1)
			f->j.acts.v[0].path[1] = '\0';
		assert_int_equal(om_changes_find(&f->c, &f->e), -EBUSY);
		assert_int_equal(f->e.kind, OM_ERR_REFUSED);
		assert_non_null(strstr(
			f->e.message, i ? "cannot update \"/\": it lies on a shared mount"
					: "cannot update \"/a\": it lies on a shared "
					  "mount"));
		assert_string_equal(f->e.fix, "overmount undo, then overmount apply");
	}
	f->j.acts.v[0].path[1] = 'a';
}

/* The rehearsal has found that it would be covered. */
static void test_what_is_taken_later(void **state)
{
	struct fixture *f = *state;
	static const char both[] = BIND("/s1", "/a") BIND("/s2", "/b");

	make_dirs(f, "/s1");
	make_dirs(f, "/s2");
	(void)plain(f, "/a", "/s1");
	(void)plain(f, "/b", "/s2");
	expect(f, both, both, "");
	om_changes_take(&f->c, 0);
	om_changes_take(&f->c, 0);
	om_changes_take(&f->c, 2);
	expect_found(f, "-/a +/a ");
	om_changes_take(&f->c, 1);
	expect_found(f, "-/a -/b +/a +/b ");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_nothing_changes, setup, teardown),
	cmocka_unit_test_setup_teardown(test_mounts_that_are_not_as_made, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_profiles_that_are_not_applied, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_target_behind_a_later_link, setup, teardown),
	cmocka_unit_test_setup_teardown(test_sources_that_are_others_now, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_sources_that_are_covered, setup, teardown),
	cmocka_unit_test_setup_teardown(test_looking_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
	cmocka_unit_test_setup_teardown(test_paths_that_cannot_be_resolved, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_paths_and_shortages, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_that_are_not_as_made, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_on_nothing_of_ours, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_in_what_was_bound_back, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_names_that_are_covered, setup, teardown),
	cmocka_unit_test_setup_teardown(test_plain_mounts, setup, teardown),
	cmocka_unit_test_setup_teardown(test_a_construction_goes_as_a_whole, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_a_tmpfs_in_a_construction, setup, teardown),
	cmocka_unit_test_setup_teardown(test_dependents, setup, teardown),
	cmocka_unit_test_setup_teardown(test_names_come_and_go_on_a_tmpfs, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_sources_that_are_made, setup, teardown),
	cmocka_unit_test_setup_teardown(test_what_cannot_be_moved, setup, teardown),
	cmocka_unit_test_setup_teardown(test_what_is_taken_later, setup, teardown),
};

int main(void)
{
	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
