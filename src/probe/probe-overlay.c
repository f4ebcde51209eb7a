/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A read-only overlay of a skeleton over another directory, checked by content: a name of
 * each layer must be seen, since old kernels mount with layers missing (mount(2) cuts a
 * long option string in silence) and a mount that succeeds proves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "probe/probe.h"
#include "profile/profile.h"

struct attempt {
	bool layer_fd;
	bool nofollow;
	bool metacopy;
};

static int make_layers(const struct om_sys *sys, int top)
{
	static const char *const dirs[] = { "s", "s/upper-name", "l", "l/lower-name",
					    "m" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = sys->mkdir(sys, top, dirs[i], 0755);

		if (r < 0)
			return r;
	}
	return 0;
}

static int shows_both(int merged)
{
	struct stat st;

	if (fstatat(merged, "upper-name", &st, 0) < 0 ||
	    fstatat(merged, "lower-name", &st, 0) < 0)
		return -errno;
	return 0;
}

static int set_layers(const struct om_sys *sys, int fs, int top, bool by_fd)
{
	_cleanup_close_ int skeleton = -1;
	_cleanup_close_ int lower = -1;
	char paths[2 * OM_FD_PATH_SIZE + 2];
	int r;

	skeleton = sys->open(sys, top, "s", O_PATH | O_DIRECTORY, 0);
	lower = sys->open(sys, top, "l", O_PATH | O_DIRECTORY, 0);
	if (skeleton < 0 || lower < 0)
		return skeleton < 0 ? skeleton : lower;
	if (by_fd) {
		r = sys->fsconfig_fd(sys, fs, "lowerdir+", skeleton);
		if (r == 0)
			r = sys->fsconfig_fd(sys, fs, "lowerdir+", lower);
		return r < 0 ? r : sys->fsconfig_create(sys, fs);
	}
	(void)snprintf(paths, sizeof(paths), "%s:%s", OM_FD_PATH(skeleton),
		       OM_FD_PATH(lower));
	r = sys->fsconfig_string(sys, fs, "lowerdir", paths);
	return r < 0 ? r : sys->fsconfig_create(sys, fs);
}

static int try_detached(const struct om_sys *sys, int top, struct attempt attempt)
{
	_cleanup_close_ int fs = -1;
	_cleanup_close_ int merged = -1;
	int r = 0;

	fs = sys->fsopen(sys, "overlay");
	if (fs < 0)
		return fs;
	if (attempt.nofollow)
		r = sys->fsconfig_string(sys, fs, "redirect_dir", "nofollow");
	if (r == 0 && attempt.metacopy)
		r = sys->fsconfig_string(sys, fs, "metacopy", "off");
	if (r == 0)
		r = set_layers(sys, fs, top, attempt.layer_fd);
	if (r < 0)
		return r;
	merged = sys->fsmount(sys, fs, OM_ATTR_RDONLY);
	if (merged < 0)
		return merged;
	/* Where nesting works it goes away with the scratch; elsewhere when it is closed. */
	(void)!sys->move_mount(sys, merged, top, "m");
	return shows_both(merged);
}

static void set_option_fact(struct om_facts *facts, enum om_fact_id id, const char *what,
			    int r)
{
	om_facts_set(facts, id, r < 0 ? OM_NO : OM_YES, NULL, "%s: %s", what,
		     r < 0 ? strerrorname_np(-r) : "mounted, both layers seen");
}

/* Everything at once first: on a capable kernel one mount answers all questions. */
static int probe_detached(const struct om_sys *sys, struct om_facts *facts, int top)
{
	int all, plain, r = make_layers(sys, top);

	if (r < 0)
		return r;
	all = try_detached(sys, top, (struct attempt){ true, true, true });
	plain = all == 0
			? 0
			: try_detached(sys, top, (struct attempt){ false, false, false });
	if (plain == -ENODEV || plain == -EPERM) {
		om_facts_set(facts, OM_FACT_OVERLAY_RO, OM_NO, NULL, "fsopen overlay: %s",
			     strerrorname_np(-plain));
		return 0;
	}
	if (plain < 0)
		return -EOPNOTSUPP; /* layers on a detached mount are not taken: try attached */
	set_option_fact(facts, OM_FACT_OVERLAY_RO, "skeleton over a directory", 0);
	set_option_fact(facts, OM_FACT_OVERLAY_DETACHED_LOWER,
			"layers on a detached tmpfs", 0);
	r = all == 0 ? 0 : try_detached(sys, top, (struct attempt){ true, false, false });
	set_option_fact(facts, OM_FACT_OVERLAY_LAYER_FD, "lowerdir+ by fd", r);
	r = all == 0 ? 0 : try_detached(sys, top, (struct attempt){ false, true, false });
	set_option_fact(facts, OM_FACT_OVERLAY_NOFOLLOW, "redirect_dir=nofollow", r);
	r = all == 0 ? 0 : try_detached(sys, top, (struct attempt){ false, true, true });
	set_option_fact(facts, OM_FACT_OVERLAY_METACOPY_OFF, "metacopy=off", r);
	return 0;
}

/* What the child of probe_attached() reports, in this order. */
enum {
	ATTACHED_PLAIN,
	ATTACHED_NOFOLLOW,
	ATTACHED_METACOPY,
	ATTACHED_LAYER_FD,
	_ATTACHED_MAX
};

static int try_attached(const struct om_sys *sys, int top, const char *options)
{
	_cleanup_close_ int skeleton = -1;
	_cleanup_close_ int lower = -1;
	_cleanup_close_ int at = -1;
	_cleanup_close_ int merged = -1;
	char data[3 * OM_FD_PATH_SIZE + 64];
	int r;

	skeleton = sys->open(sys, top, "s", O_PATH | O_DIRECTORY, 0);
	lower = sys->open(sys, top, "l", O_PATH | O_DIRECTORY, 0);
	r = sys->mkdir(sys, top, "m", 0755);
	if (r < 0 && r != -EEXIST)
		return r;
	at = sys->open(sys, top, "m", O_PATH | O_DIRECTORY, 0);
	if (skeleton < 0 || lower < 0 || at < 0)
		return -EIO;
	(void)snprintf(data, sizeof(data), "lowerdir=%s:%s%s", OM_FD_PATH(skeleton),
		       OM_FD_PATH(lower), options);
	r = sys->mount(sys, "overlay", OM_FD_PATH(at), "overlay", MS_RDONLY, data);
	if (r < 0)
		return r;
	merged = sys->open(sys, top, "m", O_PATH | O_DIRECTORY, 0);
	r = merged < 0 ? merged : shows_both(merged);
	if (merged >= 0)
		(void)sys->umount(sys, OM_FD_PATH(merged), MNT_DETACH);
	return r;
}

/* In a namespace of our own any directory serves, and nobody sees it covered. */
static int mount_scratch(const struct om_sys *sys, const char **ret_place)
{
	static const char *const places[] = { "/mnt", "/tmp", "/run", "/var", "/usr" };
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r < 0; i++) {
		*ret_place = places[i];
		r = sys->mount(sys, "tmpfs", places[i], "tmpfs", MS_NOSUID | MS_NODEV,
			       NULL);
	}
	return r;
}

static void attached_child(const struct om_sys *sys, int result[static _ATTACHED_MAX])
{
	_cleanup_close_ int top = -1;
	const char *place = NULL;
	int r;

	for (size_t i = 0; i < _ATTACHED_MAX; i++)
		result[i] = -EPERM;
	r = sys->unshare(sys, CLONE_NEWNS);
	if (r == -EPERM)
		r = sys->unshare(sys, CLONE_NEWUSER | CLONE_NEWNS);
	if (r == 0)
		r = sys->mount(sys, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r == 0)
		r = mount_scratch(sys, &place);
	if (r < 0) {
		result[ATTACHED_PLAIN] = r;
		return;
	}
	top = sys->open(sys, AT_FDCWD, place, O_PATH | O_DIRECTORY, 0);
	r = top < 0 ? top : make_layers(sys, top);
	result[ATTACHED_PLAIN] = r < 0 ? r : try_attached(sys, top, "");
	if (result[ATTACHED_PLAIN] < 0)
		return;
	result[ATTACHED_NOFOLLOW] = try_attached(sys, top, ",redirect_dir=nofollow");
	result[ATTACHED_METACOPY] =
		try_attached(sys, top, ",redirect_dir=nofollow,metacopy=off");
	result[ATTACHED_LAYER_FD] =
		try_detached(sys, top, (struct attempt){ .layer_fd = true });
}

static int run_child(const struct om_sys *sys, int result[static _ATTACHED_MAX])
{
	_cleanup_close_ int reader = -1;
	int pipe_fd[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	reader = pipe_fd[0];
	pid = fork();
	if (pid == 0) {
		attached_child(sys, result);
		n = write(pipe_fd[1], result, sizeof(*result) * _ATTACHED_MAX);
		_exit(n < 0);
	}
	(void)om_close(pipe_fd[1]);
	if (pid < 0)
		return -errno;
	n = read(reader, result, sizeof(*result) * _ATTACHED_MAX);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == (ssize_t)(sizeof(*result) * _ATTACHED_MAX) ? 0 : -EIO;
}

/* Kernels whose overlay takes no detached layer, or that have only mount(2). */
static void probe_attached(const struct om_sys *sys, struct om_facts *facts)
{
	int result[_ATTACHED_MAX];
	int r = run_child(sys, result);

	if (r < 0) {
		om_facts_set(facts, OM_FACT_OVERLAY_RO, OM_UNKNOWN, NULL, "no child: %s",
			     strerrorname_np(-r));
		return;
	}
	set_option_fact(facts, OM_FACT_OVERLAY_RO, "skeleton over a directory, mount(2)",
			result[ATTACHED_PLAIN]);
	om_facts_set(facts, OM_FACT_OVERLAY_DETACHED_LOWER, OM_NO, NULL,
		     "no fd mount API, or layers on a detached tmpfs refused");
	set_option_fact(facts, OM_FACT_OVERLAY_NOFOLLOW, "redirect_dir=nofollow",
			result[ATTACHED_NOFOLLOW]);
	set_option_fact(facts, OM_FACT_OVERLAY_METACOPY_OFF,
			"metacopy=off, with nofollow", result[ATTACHED_METACOPY]);
	set_option_fact(facts, OM_FACT_OVERLAY_LAYER_FD, "lowerdir+ by fd",
			result[ATTACHED_LAYER_FD]);
}

void om_probe_overlay(const struct om_sys *sys, struct om_facts *facts, int scratch)
{
	if (scratch < 0 || om_facts_get(facts, OM_FACT_MOUNT_API) != OM_YES ||
	    probe_detached(sys, facts, scratch) < 0)
		probe_attached(sys, facts);
}
