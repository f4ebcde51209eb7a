/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What can be used through an overlay of ours.  A security module may check the label of
 * the process that mounted, of the reader, or of both, and by which name differs from
 * kernel to kernel; so each use is tried, on a real directory with its real name, with
 * the overlay and without.  Only what is lost speaks against it; what policy forbids
 * anyway proves nothing, for a mounter that may not read makes its readers fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "layers/layers.h"
#include "probe/fs-name.h"
#include "probe/prober.h"
#include "profile/profile.h"

static const char *const use_names[_OM_USE_MAX] = { "list", "stat", "read", "map",
						    "exec" };

/* Directories that a base has; the one that holds `true` can be tried whole. */
static const struct sample {
	const char *dir;
	const char *file;
	bool program;
} samples[] = {
	{ "/usr/bin", "true", true },
	{ "/bin", "true", true },
	{ "/etc", "passwd", false },
	{ "/etc", "os-release", false },
};

/* More mounts than this on one place are not taken away. */
#define MAX_STACK 64

static int look_for_source(const struct om_sys *sys, int fd, struct om_mount_look *ret)
{
	struct om_mount_id id;
	int r = sys->mount_id(sys, fd, &id.id, &id.unique);

	if (r == 0)
		r = sys->mount_look(sys, &id, ret);
	if (r < 0 || ret->has_source || !id.unique)
		return r;
	/* compat: until 6.13 is the floor; statmount(2) cannot tell it, mountinfo can. */
	id.unique = false;
	r = om_mount_id_as(sys, fd, false, &id.id);
	return r < 0 ? r : sys->mount_look(sys, &id, ret);
}

static bool is_ours(const struct om_sys *sys, const char *dir)
{
	_cleanup_close_ int fd =
		sys->open(sys, AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	struct om_mount_look look;

	return fd >= 0 && look_for_source(sys, fd, &look) == 0 && look.has_source &&
	       om_streq(look.source, OM_SOURCE_NAME);
}

/*
 * In this namespace of our own: an overlay that an earlier apply has put on the directory,
 * or around it, gives other names to what is below it than those that the holes have which
 * the verdict is for, and a mimic hides it.
 */
static void uncover(const struct om_sys *sys)
{
	static const char *const places[] = { "/usr", "/usr/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		for (unsigned k = 0; k < MAX_STACK && is_ours(sys, places[i]); k++)
			if (sys->umount(sys, places[i], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
				break;
}

static const struct sample *find_sample(const struct om_prober *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		_cleanup_close_ int fd = p->sys->open(p->sys, AT_FDCWD, samples[i].dir,
						      O_PATH | O_DIRECTORY | O_NOFOLLOW,
						      0);

		if (fd >= 0 && p->sys->stat(p->sys, fd, samples[i].file) == 0)
			return &samples[i];
	}
	return NULL;
}

static void use_all(const struct om_prober *p, const struct sample *sample,
		    struct om_uses *uses)
{
	const struct om_sys *sys = p->sys;
	_cleanup_close_ int fd = sys->open(sys, AT_FDCWD, sample->dir,
					   O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0) {
		for (size_t i = 0; i < _OM_USE_MAX; i++)
			uses->result[i] = fd;
		return;
	}
	uses->result[OM_USE_LIST] = sys->list(sys, fd);
	uses->result[OM_USE_STAT] = sys->stat(sys, fd, sample->file);
	uses->result[OM_USE_READ] = sys->read_byte(sys, fd, sample->file);
	uses->result[OM_USE_MAP] = sys->map_exec(sys, fd, sample->file);
	uses->result[OM_USE_EXEC] = -ENOTSUP;
	if (sample->program) {
		int status = sys->exec(sys, fd, sample->file, OM_UID_SAME);

		/* 127 is the loader's: it could not map what it needs. */
		uses->result[OM_USE_EXEC] = status > 0 ? -ELIBACC : status;
	}
}

/* Arguments of a child that may change its label; p is shared with it. */
struct reader {
	struct om_prober *p;
	const struct sample *sample;
	struct om_uses *uses;
	const char *label; /* NULL: our own */
};

static int read_as(void *arg)
{
	const struct reader *r = arg;
	const struct om_sys *sys = r->p->sys;

	r->uses->entered = r->label ? sys->apparmor_change(sys, r->label, false) : 0;
	if (r->uses->entered == 0)
		use_all(r->p, r->sample, r->uses);
	return 0;
}

/* Makes each directory on the way to path in the scratch; fd of the last, or -errno. */
static int make_path(const struct om_sys *sys, int dir, const char *path)
{
	_cleanup_close_ int fd = sys->open(sys, dir, ".", O_PATH | O_DIRECTORY, 0);

	while (fd >= 0 && *path) {
		char name[64];
		size_t n = strcspn(++path, "/");
		int next, r;

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		path += n;
		r = sys->mkdir(sys, fd, name, 0755);
		next = r < 0 && r != -EEXIST
			       ? r
			       : sys->open(sys, fd, name, O_PATH | O_DIRECTORY, 0);
		(void)om_close(fd);
		fd = next;
	}
	return TAKE_FD(fd);
}

/*
 * Covers the sample with an overlay of itself.  The skeleton lies at the sample's own
 * path in the scratch, so that the names a security module sees are the natural ones.
 */
static int cover(struct om_prober *p, const struct sample *sample,
		 struct om_overlay_try *how)
{
	const struct om_sys *sys = p->sys;
	_cleanup_close_ int hole = -1;
	_cleanup_close_ int skeleton = -1;
	_cleanup_close_ int merged = -1;
	int r;

	how->call = "making the skeleton";
	skeleton = make_path(sys, p->dir, sample->dir);
	if (skeleton < 0)
		return skeleton;
	r = sys->mkdir(sys, skeleton, "upper-name", 0755);
	if (r < 0 && r != -EEXIST)
		return r;
	how->call = "open of the hole";
	hole = sys->open(sys, AT_FDCWD, sample->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW,
			 0);
	if (hole < 0)
		return hole;
	how->top = skeleton;
	how->upper = ".";
	how->lower_fd = hole;
	how->at_dir = AT_FDCWD;
	how->at = sample->dir;
	/* overlay.label-self is about an overlay of our own. */
	how->by_helper = how->by_helper && p->options->layers > 0;
	merged = om_overlay_mount(p, how);
	return merged < 0 ? merged : 0;
}

/* An errno that says what may be done, and not that something was short. */
static bool is_denial(int r)
{
	return r == -EACCES || r == -EPERM || om_prober_judge(r) == OM_NO;
}

/* Names of the uses that worked, and the first one that the overlay took away. */
static void compare(const struct om_prober *p, struct om_fact *fact, const char *dir)
{
	char worked[64] = "";
	size_t lost = _OM_USE_MAX, unproven = _OM_USE_MAX;

	for (size_t i = _OM_USE_MAX; i-- > 0;) {
		if (p->bare.result[i] >= 0 && is_denial(p->through.result[i]))
			lost = i;
		else if (p->through.result[i] < 0 && p->through.result[i] != -ENOTSUP)
			unproven = i;
	}
	for (size_t i = 0; i < _OM_USE_MAX; i++)
		if (p->through.result[i] >= 0)
			(void)snprintf(worked + strlen(worked),
				       sizeof(worked) - strlen(worked), "%s%s",
				       *worked ? "," : "", use_names[i]);
	if (lost < _OM_USE_MAX)
		om_fact_set_to(fact, OM_NO, worked,
			       "%s in %s: %s through the overlay, done without it",
			       use_names[lost], dir,
			       strerrorname_np(-p->through.result[lost]));
	else if (unproven < _OM_USE_MAX)
		om_fact_set_to(
			fact, OM_UNKNOWN, worked, "%s in %s: %s%s, so nothing is proven",
			use_names[unproven], dir,
			strerrorname_np(-p->through.result[unproven]),
			p->bare.result[unproven] < 0 ? " without the overlay too" : "");
	else
		om_fact_set_to(fact, OM_YES, worked,
			       "overlay over %s: nothing is lost by it", dir);
}

static void set_entered(struct om_fact *fact, int r)
{
	om_fact_set_to(fact, OM_UNKNOWN, NULL, "aa_change_profile: %s",
		       r == -ENOENT		     ? "no such profile"
		       : r == -EACCES || r == -EPERM ? "policy does not let us enter it"
						     : strerrorname_np(-r));
}

/* label: NULL is our own; exec: is a program to be executed, too? */
static void try_label(struct om_prober *p, struct om_fact *fact, const char *label,
		      bool exec)
{
	struct reader reader = { p, NULL, &p->bare, label };
	struct om_overlay_try how = { .by_helper = label };
	const struct sample *sample;
	struct sample silent;
	int r;

	uncover(p->sys);
	sample = find_sample(p);
	if (!sample) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "no directory to try it on");
		return;
	}
	silent = *sample;
	silent.program = false;
	reader.sample = exec ? sample : &silent;
	p->bare = p->through = (struct om_uses){ 0 };
	r = p->sys->in_child(p->sys, read_as, &reader);
	if (r == 0 && p->bare.entered < 0) {
		set_entered(fact, p->bare.entered);
		return;
	}
	how.call = "child";
	if (r == 0)
		r = cover(p, sample, &how);
	if (r < 0) {
		om_overlay_set(fact, r, "overlay over a real directory", &how);
		return;
	}
	reader.uses = &p->through;
	r = p->sys->in_child(p->sys, read_as, &reader);
	(void)p->sys->umount(p->sys, sample->dir, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (r < 0)
		om_prober_set(fact, r, "child", NULL);
	else
		compare(p, fact, sample->dir);
}

/* --- what cannot be tried, but asked -------------------------------------------------------- */

/* snapd gives the profiles of all of a snap's programs the flag attach_disconnected. */
#define SNAP_LABEL "snap."

/* Does the file system know the directory by the name that it has here?  1, 0 or -errno. */
static int has_natural_name(const struct om_sys *sys, const char *dir)
{
	_cleanup_close_ int fd =
		sys->open(sys, AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	_cleanup_free_ char *name = NULL;
	int r = fd < 0 ? fd : om_fs_name_now(sys, fd, dir, &name);

	return r < 0 ? r : om_streq(name, dir);
}

/*
 * An application whose label we may not take: through an overlay of ours that we can use it
 * can, too, if its policy permits the name of a file here, which is that of the file system,
 * and if its profile has attach_disconnected, which nobody tells.
 */
static void ask_policy(const struct om_prober *p, struct om_fact *fact, const char *label,
		       const struct sample *sample)
{
	static const char not_entered[] = "policy does not let us enter it";
	_cleanup_free_ char *path = om_asprintf("%s/%s", sample->dir, sample->file);
	int natural = path ? has_natural_name(p->sys, sample->dir) : -ENOMEM;
	int r = natural < 0 ? natural : p->sys->apparmor_query(p->sys, label, path);

	if (r < 0)
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "%s, and cannot be asked: %s",
			       not_entered, strerrorname_np(-r));
	else if (r == 0 || !natural)
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "%s, and %s %s", not_entered,
			       r == 0 ? "does not let it map" : "has another name for",
			       path);
	else if (!om_startswith(label, SNAP_LABEL))
		om_fact_set_to(
			fact, OM_UNKNOWN, NULL,
			"%s, and whether it has attach_disconnected cannot be asked",
			not_entered);
	else
		om_fact_set_to(
			fact, OM_YES, "asked",
			"%s, but lets it map %s; snapd gives it attach_disconnected",
			not_entered, path);
}

/* Our own label is asked about, too, at each access: ours must do. */
static void try_app(struct om_prober *p, struct om_fact *fact)
{
	const char *label = p->options->app_label;
	struct om_fact own = { 0 };

	try_label(p, fact, label, true);
	if ((p->bare.entered != -EACCES && p->bare.entered != -EPERM) ||
	    p->options->layers > 0)
		return;
	/* Nobody asks our label whether a program may be executed. */
	try_label(p, &own, NULL, false);
	if (own.state == OM_YES)
		ask_policy(p, fact, label, find_sample(p));
}

/* Policy is replaced while the kernel runs; without labels nothing changes. */
static void set_fleeting(const struct om_prober *p, struct om_fact *fact)
{
	if (om_facts_get(&p->facts, OM_FACT_APPARMOR) != OM_NO)
		fact->fleeting = true;
}

void om_probe_label_self(struct om_prober *p, struct om_fact *fact)
{
	if (!om_overlay_possible(p, fact))
		return;
	if (om_prober_has_place(p, fact))
		try_label(p, fact, NULL, true);
	set_fleeting(p, fact);
}

void om_probe_label_app(struct om_prober *p, struct om_fact *fact)
{
	const struct om_fact *enabled = &p->facts.fact[OM_FACT_APPARMOR];

	if (enabled->state == OM_NO) {
		om_fact_set_to(
			fact, OM_YES, NULL,
			"no AppArmor: the application has no label to be asked for");
		return;
	}
	if (!p->options->app_label) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "not tried: no label was given (--app-label)");
		return;
	}
	set_fleeting(p, fact);
	if (!om_overlay_possible(p, fact))
		return;
	if (om_prober_has_place(p, fact))
		try_app(p, fact);
}

void om_probe_label_helper(struct om_prober *p, struct om_fact *fact)
{
	static const struct om_layers_ask who = { -1, -1, -1, OM_ATTR_RDONLY, 0 };
	struct om_layers_reply reply;
	char call[96];
	int r;

	/* Policy is replaced, and the next one may name another program, or none. */
	fact->fleeting = true;
	if (p->options->layers <= 0) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "not tried: no program was given (--layers-helper)");
		return;
	}
	r = p->sys->layers(p->sys, p->options->layers, &who, &reply);
	if (r == 0) {
		om_fact_set_to(fact, reply.confined ? OM_NO : OM_YES, reply.label,
			       "overmount-layers: its label%s",
			       *reply.label ? "" : ": there is none");
		return;
	}
	(void)snprintf(call, sizeof(call), "overmount-layers: %s", reply.what);
	om_prober_set(fact, r, call, NULL);
	/* Being refused is an answer here. */
	if (r == -EACCES || r == -EPERM)
		fact->state = OM_NO;
}

/* Arguments of the child that executes in a copy of the namespace; shared with it. */
struct opened {
	struct om_prober *p;
	const struct sample *sample;
	int before; /* the directory of the sample, opened before */
};

static int run_in(const struct om_sys *sys, int dir, const struct sample *sample)
{
	int status = sys->exec(sys, dir, sample->file, OM_UID_SAME);

	return status > 0 ? -ELIBACC : status;
}

/* In the child: what came of it is in p->bare (opened there) and p->through (before). */
static int run_both(void *arg)
{
	const struct opened *o = arg;
	struct om_prober *p = o->p;
	const struct om_sys *sys = p->sys;
	_cleanup_close_ int dir = -1;
	int r = sys->unshare(sys, CLONE_NEWNS);

	if (r == 0)
		r = dir = sys->open(sys, AT_FDCWD, o->sample->dir,
				    O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (r < 0)
		return r;
	p->bare.entered = sys->apparmor_change(sys, p->options->app_label, false);
	if (p->bare.entered < 0)
		return 0;
	p->bare.result[OM_USE_EXEC] = run_in(sys, dir, o->sample);
	p->through.result[OM_USE_EXEC] = run_in(sys, o->before, o->sample);
	return 0;
}

static void set_opened(const struct om_prober *p, struct om_fact *fact)
{
	int there = p->bare.result[OM_USE_EXEC], before = p->through.result[OM_USE_EXEC];

	if (p->bare.entered < 0)
		set_entered(fact, p->bare.entered);
	else if (there < 0)
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "opened in the namespace: %s, so nothing is proven",
			       strerrorname_np(-there));
	else if (before < 0)
		om_fact_set_to(fact, is_denial(before) ? OM_NO : OM_UNKNOWN, NULL,
			       "opened before: %s, opened in the namespace: done",
			       strerrorname_np(-before));
	else
		om_fact_set_to(fact, OM_YES, NULL,
			       "opened before: done, opened in the namespace: done");
}

void om_probe_apparmor_opened(struct om_prober *p, struct om_fact *fact)
{
	struct opened o = { .p = p, .sample = find_sample(p), .before = -1 };
	int r;

	set_fleeting(p, fact);
	if (om_facts_get(&p->facts, OM_FACT_APPARMOR) == OM_NO) {
		om_fact_set_to(fact, OM_YES, NULL, "no AppArmor, so no path is made up");
		return;
	}
	if (!p->options->app_label || !o.sample || !o.sample->program) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "not tried: %s",
			       p->options->app_label
				       ? "no program to try it on"
				       : "no label was given (--app-label)");
		return;
	}
	p->bare = p->through = (struct om_uses){ 0 };
	r = o.before = p->sys->open(p->sys, AT_FDCWD, o.sample->dir,
				    O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (r >= 0)
		r = p->sys->in_child(p->sys, run_both, &o);
	(void)om_close(o.before);
	if (r < 0)
		om_prober_set_untried(fact, r, "a copy of the mount namespace");
	else
		set_opened(p, fact);
}
