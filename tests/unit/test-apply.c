/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a profile to calls, against a real directory and recorded mounts: golden plans and
 * call logs of each strategy, and the loop that makes every single call fail.
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

#include "apply/apply.h"
#include "apply/undo.h"
#include "base/fdio.h"
#include "fake/recorder.h"
#include "fake/tree.h"
#include "probe/record.h"
#include "probe/scene.h"
#include "strategy/strategy.h"

static const char profile_text[] =
	"/snap/app/1/foo /usr/share/foo none rbind,rw,x-snapd.origin=layout 0 0\n"
	"/snap/app/1/f.conf /etc/f.conf none bind,rw,x-snapd.kind=file,x-snapd.origin=layout 0 0\n"
	"none /usr/share/X11/link none "
	"x-snapd.kind=symlink,x-snapd.symlink=/snap/app/1/x,x-snapd.origin=layout 0 0\n"
	"tmpfs /usr/share/deep/er/tmp tmpfs mode=1777,size=65536,x-snapd.origin=layout 0 0\n"
	"/snap/app/1/foo /usr/share/doc none rbind,rw,x-snapd.origin=layout 0 0\n"
	"none /usr/share/foo/later none "
	"x-snapd.kind=symlink,x-snapd.symlink=sub,x-snapd.origin=layout 0 0\n";

struct world {
	char dir[64];
	char tree[80];
	struct om_facts facts;
	struct om_policy policy;
	bool recorded;
};

static void make_dir(const struct world *w, const char *path, mode_t mode)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s%s", w->tree, path);
	assert_int_equal(mkdir(whole, 0755), 0);
	assert_int_equal(chmod(whole, mode), 0);
}

static void make_file(const struct world *w, const char *path)
{
	char whole[256];
	int fd;

	(void)snprintf(whole, sizeof(whole), "%s%s", w->tree, path);
	fd = open(whole, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	(void)close(fd);
}

static int setup(void **state)
{
	static const char *const dirs[] = { "/usr",
					    "/usr/share",
					    "/usr/share/doc",
					    "/usr/share/zz",
					    "/etc",
					    "/snap",
					    "/snap/app",
					    "/snap/app/1",
					    "/snap/app/1/foo",
					    "/snap/app/1/foo/sub" };
	struct world *w = calloc(1, sizeof(*w));
	char link[256];

	(void)umask(022);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/om-apply-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->tree, sizeof(w->tree), "%s/tree", w->dir);
	make_dir(w, "", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(w, dirs[i], 0755);
	make_dir(w, "/usr/share/X11", 0711);
	make_file(w, "/usr/share/X11/rgb.txt");
	make_file(w, "/usr/share/file");
	make_file(w, "/etc/passwd");
	make_file(w, "/snap/app/1/f.conf");
	(void)snprintf(link, sizeof(link), "%s/usr/share/ln", w->tree);
	assert_int_equal(symlink("file", link), 0);
	om_facts_init(&w->facts);
	for (int i = OM_FACT_MOUNT_API; i <= OM_FACT_OVERLAY_METACOPY_OFF; i++)
		om_facts_set(&w->facts, (enum om_fact_id)i, OM_YES, NULL, "test");
	w->policy = om_policy_default;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	fake_remove_tree(w->dir);
	free(w);
	return 0;
}

struct result {
	int r;
	struct om_error e;
	struct om_str residue;
	size_t acts; /* but for those inside constructions */
	size_t all;
};

static struct om_profile *parse(void)
{
	struct om_profile *p = NULL;
	struct om_error e = { 0 };

	assert_int_equal(
		om_profile_parse("p", profile_text, strlen(profile_text), &p, &e), 0);
	return p;
}

static struct result run_profile(struct world *w, struct recorder *rec,
				 struct om_journal *j)
{
	struct result result = { 0 };
	struct om_profile *p = parse();
	struct om_apply a;

	om_journal_init(j);
	om_apply_init(&a, &rec->sys, &w->facts);
	a.root_fd = open(w->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	a.root_path = w->tree;
	a.policy = &w->policy;
	a.journal = j;
	a.build.stage_path = "/nonexistent";
	result.r = om_apply_or_undo(&a, p, &result.residue, &result.e);
	result.all = j->acts.n;
	for (size_t i = 0; i < j->acts.n; i++)
		result.acts += !j->acts.v[i].inner;
	om_apply_done(&a);
	(void)om_profile_free(p);
	return result;
}

static void undo_profile(const struct world *w, struct recorder *rec,
			 struct om_journal *j)
{
	struct om_str residue = { 0 };
	int root = open(w->tree, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(om_undo(&(struct om_undo){ .sys = &rec->sys,
						    .root_fd = root,
						    .root_path = w->tree },
				 j, 0, &residue),
			 0);
	assert_int_equal(residue.len, 0);
	om_str_free(&residue);
	(void)close(root);
}

static void compare_golden(const char *name, const char *text)
{
	const char *top = getenv("top_srcdir");
	char path[512];
	char *golden = NULL;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/tests/golden/plan/%s", top ? top : ".",
		       name);
	if (getenv("OM_UPDATE_GOLDEN")) {
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		(void)fputs(text, f);
		(void)fclose(f);
		return;
	}
	assert_int_equal(om_read_file(AT_FDCWD, path, 1 << 20, &golden, &size), 0);
	assert_string_equal(golden, text);
	free(golden);
}

/* How the applier would build on that kernel. */
static void describe_surface(const struct om_facts *facts, struct om_str *out)
{
	struct om_build b;

	om_build_init(&b, &om_sys_linux, facts);
	om_str_addf(out, "# built by %s, %s\n",
		    b.fd_api ? "the fd mount API" : "mount(2)",
		    b.detached ? "detached" : "on a private stage");
	om_str_addf(out, "# layers by %s, options %s\n",
		    om_facts_get(facts, OM_FACT_OVERLAY_LAYER_FD) == OM_YES ? "descriptor"
									    : "path",
		    facts->fact[OM_FACT_OVERLAY_OPTIONS].value);
	om_build_done(&b);
}

/* All waves but the first would need what the first one brings: plan that one. */
static void check_plan(struct world *w, const char *golden, bool read_only)
{
	struct om_profile *p = parse();
	const struct om_survey survey = { .sys = &om_sys_linux,
					  .root_fd = open(w->tree, O_PATH | O_CLOEXEC),
					  .source_fd = open(w->tree, O_PATH | O_CLOEXEC),
					  .root_path = w->tree };
	struct om_scene *scene = NULL;
	struct om_decisions d;
	struct om_plan plan = { 0 };
	struct om_str out = { 0 };

	assert_int_equal(om_scene_survey(&survey, p, 0, 5, &scene, NULL), 0);
	for (size_t i = 0; i < scene->dirs.n; i++) {
		scene->dirs.v[i].read_only = read_only;
		scene->dirs.v[i].uid = scene->dirs.v[i].gid = 0;
		scene->dirs.v[i].attr = read_only ? OM_ATTR_RDONLY | OM_ATTR_NODEV : 0;
	}
	assert_int_equal(om_decide(p, scene, &w->facts, &w->policy, &d), 0);
	assert_int_equal(om_apply_list_children(&survey, &d, scene, NULL), 0);
	for (size_t i = 0; i < scene->n; i++)
		om_str_addf(&out, "%s %s %s\n", om_decisions_entry(&d, i)->target,
			    om_strategy_get(d.entries[i].strategy)->name,
			    om_why_id(d.entries[i].why));
	if (w->recorded)
		describe_surface(&w->facts, &out);
	if (om_decisions_refusal(&d, NULL) == 0)
		assert_int_equal(om_expand(&d, &plan), 0);
	for (size_t i = 0; i < plan.steps.n; i++) {
		om_step_render(&plan.steps.v[i], "/base", "/stage", &out);
		om_str_add(&out, "\n");
	}
	compare_golden(golden, om_str_get(&out));
	om_str_free(&out);
	om_plan_done(&plan);
	om_decisions_done(&d);
	(void)om_scene_free(scene);
	(void)close(survey.root_fd);
	(void)close(survey.source_fd);
	(void)om_profile_free(p);
}

static void load_record(struct world *w, const char *name)
{
	const char *top = getenv("top_srcdir");
	struct om_record record;
	struct om_error e = { 0 };
	char path[512];
	char *text = NULL;
	size_t size;

	(void)snprintf(path, sizeof(path), "%s/kernel-matrix/facts/%s.yaml",
		       top ? top : ".", name);
	assert_int_equal(om_read_file(AT_FDCWD, path, 1 << 20, &text, &size), 0);
	assert_int_equal(om_record_read(path, text, size, &record, &e), 0);
	/* Of another kernel than the one before, or the goldens would prove little. */
	assert_string_not_equal(record.kernel, "");
	w->facts = record.facts;
	w->recorded = true;
	free(text);
}

static void test_plan_overlay(void **state)
{
	check_plan(*state, "overlay.txt", true);
}

static void test_plan_mimic(void **state)
{
	struct world *w = *state;

	w->policy.allow[OM_STRATEGY_OVERLAY] = false;
	check_plan(w, "mimic.txt", true);
}

static void test_plan_writable_hole_goes_to_mimic(void **state)
{
	check_plan(*state, "writable.txt", false);
}

static void test_plan_without_overlay(void **state)
{
	struct world *w = *state;

	om_facts_set(&w->facts, OM_FACT_OVERLAY_RO, OM_NO, NULL, "test");
	check_plan(w, "no-overlay.txt", true);
}

static void test_plan_confined_goes_to_mimic(void **state)
{
	struct world *w = *state;

	om_facts_set(&w->facts, OM_FACT_APPARMOR_LABEL, OM_NO, "snap.app", "test");
	check_plan(w, "confined.txt", true);
}

/* Records of real kernels, and of confined mounters on them (kernel-matrix/record). */
static void test_plan_recorded_kernels(void **state)
{
	static const char *const names[] = { "5.10",
					     "6.1",
					     "6.12",
					     "6.18-here",
					     "7.2",
					     "7.3",
					     "6.1-confined",
					     "7.3-confined",
					     "7.3-confined-bad",
					     "7.3-confined-bare" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char golden[64];

		load_record(w, names[i]);
		(void)snprintf(golden, sizeof(golden), "kernel-%s.txt", names[i]);
		check_plan(w, golden, true);
	}
}

static void test_plan_overlay_only_refuses_writable(void **state)
{
	struct world *w = *state;

	w->policy.allow[OM_STRATEGY_MIMIC] = false;
	check_plan(w, "overlay-refused.txt", false);
}

static void test_apply_and_undo(void **state)
{
	struct world *w = *state;
	struct recorder rec;
	struct om_journal j;
	struct result result;

	recorder_init(&rec);
	result = run_profile(w, &rec, &j);
	assert_string_equal(result.e.message, "");
	assert_int_equal(result.r, 0);
	/* /etc, /usr/share, /usr/share/doc; and in a second wave /usr/share/foo. */
	assert_int_equal(result.acts, 4);
	assert_true(result.all > 4);
	assert_true(recorder_attached(&rec) > 4);
	undo_profile(w, &rec, &j);
	om_journal_done(&j);
	recorder_done(&rec);
}

/* SQLite's loop: fail the Nth call for N = 1, 2, 3 until none is left to fail. */
static void fail_every_call(struct world *w, int err)
{
	for (unsigned n = 1;; n++) {
		struct recorder rec;
		struct om_journal j;
		struct result result;
		bool reached;

		recorder_init(&rec);
		rec.fail_at = n;
		rec.fail_errno = err;
		result = run_profile(w, &rec, &j);
		reached = rec.calls >= n;
		if (reached && result.r < 0) {
			/* A single failure never leaves anything behind. */
			assert_int_equal(result.all, 0);
			assert_int_equal(result.residue.len, 0);
			assert_true(result.e.kind == OM_ERR_UNDONE ||
				    result.e.kind == OM_ERR_SYSTEM);
			assert_true(result.e.message[0] != '\0');
		} else {
			assert_int_equal(result.r, 0);
			assert_int_equal(result.acts, 4);
		}
		om_str_free(&result.residue);
		om_journal_done(&j);
		recorder_done(&rec);
		if (!reached)
			break;
		assert_true(n < 2000);
	}
}

static void test_every_call_fails_once(void **state)
{
	fail_every_call(*state, EIO);
	fail_every_call(*state, ENOMEM);
	fail_every_call(*state, EPERM);
}

/* Positive control: when undo cannot work either, that is said. */
static void test_broken_is_told(void **state)
{
	struct world *w = *state;
	unsigned broken = 0;

	for (unsigned n = 1; n < 2000; n++) {
		struct recorder rec;
		struct om_journal j;
		struct result result;
		bool reached;

		recorder_init(&rec);
		rec.fail_at = n;
		rec.fail_on = true;
		result = run_profile(w, &rec, &j);
		reached = rec.calls >= n;
		if (reached)
			assert_true(result.r < 0);
		if (result.e.kind == OM_ERR_BROKEN) {
			assert_true(result.residue.len > 0);
			broken++;
		}
		om_str_free(&result.residue);
		om_journal_done(&j);
		recorder_done(&rec);
		if (!reached)
			break;
	}
	assert_true(broken > 0);
}

static void test_missing_source_touches_nothing(void **state)
{
	struct world *w = *state;
	char path[128];
	struct recorder rec;
	struct om_journal j;
	struct result result;

	(void)snprintf(path, sizeof(path), "%s/snap/app/1/f.conf", w->tree);
	assert_int_equal(unlink(path), 0);
	recorder_init(&rec);
	result = run_profile(w, &rec, &j);
	assert_int_equal(result.e.kind, OM_ERR_REFUSED);
	assert_string_equal(result.e.where, "p:2: source");
	assert_int_equal(rec.calls, 0);
	om_journal_done(&j);
	recorder_done(&rec);
}

/* --- an overlay that takes changes ------------------------------------------------------- */

/* What the kernel of the test says. */
static struct {
	int xattr;     /* to trusted.* */
	unsigned attr; /* of every mount */
} kernel;

static int say_xattr(const struct om_sys *sys _unused_, int fd _unused_,
		     const char *name _unused_, const void *value _unused_,
		     size_t size _unused_)
{
	return kernel.xattr;
}

static int say_attr(const struct om_sys *sys _unused_, int fd _unused_,
		    unsigned *ret_attr)
{
	*ret_attr = kernel.attr;
	return 0;
}

/* Builds it; *ret_options and *ret_userxattr are what will be looked for afterwards. */
static int build_writable(struct world *w, struct recorder *rec, size_t *ret_options,
			  bool *ret_userxattr)
{
	const struct om_step steps[] = {
		{ .kind = OM_STEP_SKELETON,
		  .place = OM_PLACE_SKELETON,
		  .path = "/",
		  .size = 65536,
		  .inodes = 22 },
		{ .kind = OM_STEP_MKDIR,
		  .place = OM_PLACE_SKELETON,
		  .path = "/usr/share",
		  .source = "/usr/share" },
		{ .kind = OM_STEP_MKDIR,
		  .place = OM_PLACE_SKELETON,
		  .path = om_plan_work_dir("/usr/share"),
		  .mode = 0700 },
		{ .kind = OM_STEP_OVERLAY,
		  .place = OM_PLACE_STAGE,
		  .root = true,
		  .writable = true,
		  .path = "/usr/share",
		  .source = "/usr/share" },
	};
	int root = open(w->tree, O_PATH | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct om_error e = { 0 };
	struct om_build b;

	rec->sys.setxattr = say_xattr;
	rec->sys.mount_attr = say_attr;
	om_build_init(&b, &rec->sys, &w->facts);
	b.root_fd = b.source_fd = root;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = om_build_step(&b, &steps[i], &e);
	*ret_options = b.overlay_options;
	*ret_userxattr = b.overlay_userxattr;
	om_build_drop_tree(&b);
	om_build_done(&b);
	(void)close(root);
	return r;
}

static void test_writable_overlay(void **state)
{
	static const struct {
		int xattr;
		unsigned attr;
		const char *failing; /* calls that are not known */
		int r;
		size_t options;
		bool userxattr;
	} cases[] = {
		{ 0, 0, NULL, 0, 3, false },
		{ 0, 0, "fsconfig index=", 0, 2, false },
		{ 0, 0, "fsconfig metacopy=", -EINVAL, 2, false },
		{ 0, 0, "fsconfig workdir=", -EINVAL, 2, false },
		{ -EPERM, 0, NULL, 0, 3, true },
		{ -EPERM, 0, "fsconfig userxattr", -EINVAL, 2, true },
		{ -EOPNOTSUPP, 0, NULL, 0, 3, false },
		{ -EIO, 0, NULL, -EIO, 0, false },
		/* The kernel could not work beside it, and mounted all the same. */
		{ 0, OM_ATTR_RDONLY, NULL, -EROFS, 3, false },
	};
	struct world *w = *state;

	om_facts_set(&w->facts, OM_FACT_OVERLAY_OPTIONS, OM_YES, NULL, "test");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recorder rec;
		bool userxattr;
		size_t options;

		recorder_init(&rec);
		rec.failing = cases[i].failing;
		rec.fail_errno = EINVAL;
		kernel.xattr = cases[i].xattr;
		kernel.attr = cases[i].attr;
		assert_int_equal(build_writable(w, &rec, &options, &userxattr),
				 cases[i].r);
		assert_int_equal(options, cases[i].options);
		assert_int_equal(userxattr, cases[i].userxattr);
		assert_int_equal(!!strstr(rec.log.s, "fsconfig userxattr"),
				 cases[i].userxattr);
		assert_non_null(strstr(rec.log.s, "fsconfig size=65536\n"));
		assert_non_null(strstr(rec.log.s, "fsconfig nr_inodes=22\n"));
		recorder_done(&rec);
	}
}

/* --- an overlay that overmount-layers makes ---------------------------------------------- */

static int build_by_helper(struct world *w, struct recorder *rec, const char *path,
			   struct om_error *e)
{
	const struct om_step steps[] = {
		{ .kind = OM_STEP_SKELETON, .place = OM_PLACE_SKELETON, .path = "/" },
		{ .kind = OM_STEP_MKDIR,
		  .place = OM_PLACE_SKELETON,
		  .path = "/usr/share",
		  .source = "/usr/share" },
		{ .kind = OM_STEP_OVERLAY,
		  .place = OM_PLACE_STAGE,
		  .root = true,
		  .path = "/usr/share",
		  .source = "/usr/share",
		  .attr = OM_ATTR_RDONLY | OM_ATTR_NOSUID },
	};
	int root = open(w->tree, O_PATH | O_DIRECTORY | O_CLOEXEC), r = 0;
	struct om_build b;

	om_build_init(&b, &rec->sys, &w->facts);
	b.root_fd = b.source_fd = root;
	b.layers = 1000;
	b.layers_path = path;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = om_build_step(&b, &steps[i], e);
	if (r == 0)
		assert_int_equal(b.overlay_options, 2);
	om_build_drop_tree(&b);
	om_build_done(&b);
	(void)close(root);
	return r;
}

/* Who is asked for the overlay; stages are in tests/integration/layers.sh. */
static void test_overlay_by_helper(void **state)
{
	struct world *w = *state;
	struct om_error e = { 0 };
	struct recorder rec;

	om_facts_set(&w->facts, OM_FACT_OVERLAY_OPTIONS, OM_YES, NULL, "test");
	recorder_init(&rec);
	assert_int_equal(build_by_helper(w, &rec, NULL, &e), 0);
	assert_non_null(strstr(rec.log.s,
			       "layers m0/usr/share over /usr/share at nowhere "
			       "attr 0x3 options 2 = m1\n"));
	/* Nobody else makes one. */
	assert_null(strstr(rec.log.s, "fsopen overlay"));
	recorder_done(&rec);
}

static int executed;

static int take_program(const struct om_sys *sys _unused_, int program,
			const struct om_layers_ask *ask _unused_,
			struct om_layers_reply *reply _unused_)
{
	executed = program;
	return -EIO;
}

/* By its name it is executed where that names a program, and nobody else can change it. */
static void test_helper_by_its_name(void **state)
{
	static const mode_t modes[] = { 0755, 0775, 0644 };
	struct world *w = *state;
	struct om_error e = { 0 };
	struct recorder rec;
	char path[4096];
	int fd;

	om_facts_set(&w->facts, OM_FACT_OVERLAY_OPTIONS, OM_YES, NULL, "test");
	(void)snprintf(path, sizeof(path), "%s/program", w->tree);
	recorder_init(&rec);
	rec.sys.layers = take_program;
	assert_int_equal(build_by_helper(w, &rec, path, &e), -EIO);
	assert_int_equal(executed, 1000);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(fchmod(fd, modes[i]), 0);
		assert_int_equal(build_by_helper(w, &rec, path, &e), -EIO);
		assert_int_equal(executed == 1000, i > 0);
	}
	(void)close(fd);
	recorder_done(&rec);
}

static void test_helper_that_is_no_help(void **state)
{
	static const struct {
		bool fails, confined;
		enum om_tristate ours, app; /* unconfined; seen to read */
		int r;
		const char *fix;
	} cases[] = {
		{ true, false, OM_NO, OM_UNKNOWN, -EIO,
		  "overmount-layers failed at \"making it up\"" },
		{ false, true, OM_NO, OM_UNKNOWN, -EACCES,
		  "overmount-layers runs as \"overmount-layers (enforce)\"" },
		{ false, true, OM_NO, OM_YES, 0, "" },
		{ false, true, OM_YES, OM_UNKNOWN, 0, "" },
		{ false, false, OM_NO, OM_UNKNOWN, 0, "" },
	};
	struct world *w = *state;

	om_facts_set(&w->facts, OM_FACT_OVERLAY_OPTIONS, OM_YES, NULL, "test");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_error e = { 0 };
		struct recorder rec;

		recorder_init(&rec);
		rec.failing = cases[i].fails ? "layers" : NULL;
		rec.confined_helper = cases[i].confined;
		om_facts_set(&w->facts, OM_FACT_APPARMOR_LABEL, cases[i].ours, NULL, "t");
		om_facts_set(&w->facts, OM_FACT_OVERLAY_LABEL_APP, cases[i].app, NULL,
			     "t");
		assert_int_equal(build_by_helper(w, &rec, NULL, &e), cases[i].r);
		assert_memory_equal(e.fix, cases[i].fix, strlen(cases[i].fix));
		assert_int_equal(e.kind, cases[i].r ? OM_ERR_SYSTEM : OM_ERR_NONE);
		recorder_done(&rec);
	}
}

/* A tmpfs that is not as small as it was said to be. */
static int say_capacity(const struct om_sys *sys _unused_, int fd _unused_,
			uint64_t *ret_bytes, uint64_t *ret_inodes)
{
	*ret_bytes = UINT64_MAX;
	*ret_inodes = 22;
	return 0;
}

static void test_writable_overlay_without_limit(void **state)
{
	struct recorder rec;
	bool userxattr;
	size_t options;

	recorder_init(&rec);
	kernel.xattr = 0;
	kernel.attr = 0;
	rec.sys.capacity = say_capacity;
	assert_int_equal(build_writable(*state, &rec, &options, &userxattr), -EPROTO);
	recorder_done(&rec);
}

static void test_work_dir_is_beside_the_layer(void **state _unused_)
{
	assert_string_equal(om_plan_work_dir("/usr/share"), "/w");
	assert_string_equal(om_plan_work_dir("/wide"), "/w");
	assert_string_equal(om_plan_work_dir("/x"), "/w");
	assert_string_equal(om_plan_work_dir("/w"), "/x");
	assert_string_equal(om_plan_work_dir("/w/share"), "/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plan_overlay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_mimic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_writable_hole_goes_to_mimic,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_plan_without_overlay, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_plan_confined_goes_to_mimic, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_plan_recorded_kernels, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_plan_overlay_only_refuses_writable,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_apply_and_undo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_call_fails_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_broken_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_source_touches_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlay_by_helper, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helper_by_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helper_that_is_no_help, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_writable_overlay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writable_overlay_without_limit,
						setup, teardown),
		cmocka_unit_test(test_work_dir_is_beside_the_layer),
	};

	return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
