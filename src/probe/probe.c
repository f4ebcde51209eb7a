/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of probes, and the child in which they run.  The child writes what it finds
 * into shared memory, so that a probe that hangs or dies costs only its own fact: the
 * next child goes on behind it.
 */
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"
#include "probe/prober.h"
#include "profile/profile.h"

#define NEEDS(id) OM_FACT_BIT(OM_FACT_##id)

const struct om_probe_row om_probe_rows[] = {
	{ OM_FACT_OVERLAY_MODULE, 0, om_probe_overlay_module },
	{ OM_FACT_SQUASHFS_MODULE, 0, om_probe_squashfs_module },
	{ OM_FACT_OPEN_TREE, 0, om_probe_open_tree },
	{ OM_FACT_FSOPEN, 0, om_probe_fsopen },
	{ OM_FACT_MOVE_MOUNT, 0, om_probe_move_mount },
	{ OM_FACT_MOUNT_API, NEEDS(OPEN_TREE) | NEEDS(FSOPEN) | NEEDS(MOVE_MOUNT),
	  om_probe_mount_api },
	{ OM_FACT_DETACHED_NESTING, 0, om_probe_nesting },
	{ OM_FACT_MOVE_BENEATH, 0, om_probe_beneath },
	{ OM_FACT_MOUNT_SETATTR, 0, om_probe_setattr },
	{ OM_FACT_MOUNT_ID, 0, om_probe_mount_id },
	{ OM_FACT_UNIQUE_MOUNT_ID, 0, om_probe_unique_id },
	{ OM_FACT_STATMOUNT, 0, om_probe_statmount },
	{ OM_FACT_LISTMOUNT, 0, om_probe_listmount },
	{ OM_FACT_OPENAT2, 0, om_probe_openat2 },
	{ OM_FACT_CLOSE_RANGE, 0, om_probe_close_range },
	{ OM_FACT_USERNS, 0, om_probe_userns },
	{ OM_FACT_MOUNT_MAX, 0, om_probe_mount_max },
	{ OM_FACT_MOUNTS_LEFT, NEEDS(MOUNT_MAX), om_probe_mounts_left },
	{ OM_FACT_LSM, 0, om_probe_lsm },
	{ OM_FACT_APPARMOR, 0, om_probe_apparmor },
	{ OM_FACT_APPARMOR_LABEL, NEEDS(APPARMOR), om_probe_apparmor_label },
	{ OM_FACT_APPARMOR_MOUNT, NEEDS(APPARMOR), om_probe_apparmor_mount },
	{ OM_FACT_APPARMOR_PIVOT_ROOT, NEEDS(APPARMOR), om_probe_apparmor_pivot_root },
	{ OM_FACT_APPARMOR_MOVE_MOUNT, NEEDS(APPARMOR), om_probe_apparmor_move_mount },
	{ OM_FACT_APPARMOR_STACKING, NEEDS(APPARMOR), om_probe_apparmor_stacking },
	{ OM_FACT_APPARMOR_USERNS, NEEDS(APPARMOR), om_probe_apparmor_userns },
	{ OM_FACT_APPARMOR_ONEXEC, NEEDS(APPARMOR) | NEEDS(APPARMOR_LABEL),
	  om_probe_apparmor_onexec },
	{ OM_FACT_APPARMOR_OPENED, NEEDS(APPARMOR), om_probe_apparmor_opened },
	{ OM_FACT_SELINUX, 0, om_probe_selinux },
	{ OM_FACT_SMACK, 0, om_probe_smack },
	{ OM_FACT_OVERLAY_RO, 0, om_probe_overlay_ro },
	{ OM_FACT_OVERLAY_LOWERDIR_PLUS, 0, om_probe_lowerdir_plus },
	{ OM_FACT_OVERLAY_LAYER_FD, 0, om_probe_layer_fd },
	{ OM_FACT_OVERLAY_DETACHED_LOWER, 0, om_probe_detached_lower },
	{ OM_FACT_OVERLAY_NOFOLLOW, 0, om_probe_nofollow },
	{ OM_FACT_OVERLAY_METACOPY_OFF, 0, om_probe_metacopy_off },
	{ OM_FACT_OVERLAY_OPTIONS, NEEDS(OVERLAY_NOFOLLOW) | NEEDS(OVERLAY_METACOPY_OFF),
	  om_probe_options_together },
	{ OM_FACT_OVERLAY_DEPTH, 0, om_probe_stack_depth },
	{ OM_FACT_OVERLAY_UPPER, 0, om_probe_upper_tmpfs },
	{ OM_FACT_OVERLAY_WHITEOUT, 0, om_probe_whiteout },
	{ OM_FACT_OVERLAY_OPAQUE, 0, om_probe_opaque },
	{ OM_FACT_OVERLAY_USERXATTR, 0, om_probe_userxattr },
	{ OM_FACT_OVERLAY_USERNS, NEEDS(USERNS), om_probe_overlay_userns },
	{ OM_FACT_OVERLAY_NOSUID, 0, om_probe_nosuid },
	{ OM_FACT_OVERLAY_LABEL_SELF, 0, om_probe_label_self },
	{ OM_FACT_OVERLAY_LABEL_HELPER, 0, om_probe_label_helper },
	{ OM_FACT_OVERLAY_LABEL_APP, NEEDS(APPARMOR), om_probe_label_app },
};
const size_t om_n_probe_rows = ARRAY_SIZE(om_probe_rows);

static om_fact_set with_needs(om_fact_set want)
{
	/* Backwards: what a row needs stands before it. */
	for (size_t i = om_n_probe_rows; i-- > 0;)
		if (want & OM_FACT_BIT(om_probe_rows[i].id))
			want |= om_probe_rows[i].needs;
	return want;
}

enum om_tristate om_prober_judge(int r)
{
	switch (r) {
	case -EPERM:
	case -EACCES:
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -ENOSPC:
	case -EAGAIN:
	case -EINTR:
	case -EIO:
	case -EBUSY:
	case -ECHILD:
		return OM_UNKNOWN;
	default:
		return r < 0 ? OM_NO : OM_YES;
	}
}

void om_prober_set(struct om_fact *fact, int r, const char *call, const char *detail)
{
	if (r >= 0)
		om_fact_set_to(fact, OM_YES, NULL, "%s: done", call);
	else if (detail && *detail)
		om_fact_set_to(fact, om_prober_judge(r), NULL, "%s: %s (%s)", call,
			       strerrorname_np(-r), detail);
	else
		om_fact_set_to(fact, om_prober_judge(r), NULL, "%s: %s", call,
			       strerrorname_np(-r));
	/* Policy is replaced, and what was short comes back. */
	if (fact->state == OM_UNKNOWN)
		fact->fleeting = true;
}

void om_prober_set_untried(struct om_fact *fact, int r, const char *call)
{
	om_fact_set_to(fact, OM_UNKNOWN, NULL, "%s: %s", call, strerrorname_np(-r));
	fact->fleeting = true;
}

static void set_no_place(const struct om_prober *p, struct om_fact *fact)
{
	om_fact_set_to(fact, OM_UNKNOWN, NULL, "no place to try it: %s: %s", p->dir_call,
		       strerrorname_np(-p->dir_err));
	fact->fleeting = true;
}

bool om_prober_has_place(const struct om_prober *p, struct om_fact *fact)
{
	if (p->dir < 0)
		set_no_place(p, fact);
	return p->dir >= 0;
}

void om_prober_set_scratch(const struct om_prober *p, struct om_fact *fact, int r,
			   const char *call)
{
	if (p->dir >= 0 || r == -ENOSYS) {
		om_prober_set(fact, r, call, NULL);
		return;
	}
	set_no_place(p, fact);
}

int om_prober_read(const struct om_prober *p, const char *path, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = p->sys->open(p->sys, AT_FDCWD, path, O_RDONLY, 0);
	size_t n;
	int r = fd < 0 ? fd : om_read_fd(fd, size - 1, &text, &n);

	if (r < 0)
		return r;
	memcpy(buf, text, n);
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* In a namespace of our own any directory serves, and nobody else sees it covered. */
int om_prober_scratch(const struct om_sys *sys, const char **ret_call)
{
	static const char *const places[] = { "/run", "/mnt", "/tmp", "/var", "/usr" };
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r < 0; i++) {
		*ret_call = "mount of a tmpfs";
		/* nosuid: overlay.nosuid-inherited looks whether an overlay keeps it. */
		r = sys->mount(sys, "overmount-probe", places[i], "tmpfs", MS_NOSUID,
			       "mode=0755,size=1m");
		if (r == 0) {
			*ret_call = "open of the tmpfs";
			return sys->open(sys, AT_FDCWD, places[i], O_RDONLY | O_DIRECTORY,
					 0);
		}
	}
	return r;
}

int om_prober_private(const struct om_sys *sys, const char **ret_call)
{
	int r = sys->unshare(sys, CLONE_NEWNS);

	*ret_call = "unshare(CLONE_NEWNS)";
	if (r < 0)
		return r;
	*ret_call = "making the namespace private";
	return sys->mount(sys, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int om_prober_detached_tmpfs(const struct om_sys *sys, const char **ret_call)
{
	_cleanup_close_ int fs = -1;
	int r;

	*ret_call = "fsopen tmpfs";
	fs = sys->fsopen(sys, "tmpfs");
	if (fs < 0)
		return fs;
	*ret_call = "fsconfig of a tmpfs";
	r = sys->fsconfig_string(sys, fs, "mode", "0755");
	if (r == 0)
		r = sys->fsconfig_create(sys, fs);
	if (r < 0)
		return r;
	*ret_call = "fsmount of a tmpfs";
	return sys->fsmount(sys, fs, OM_ATTR_NOSUID | OM_ATTR_NODEV | OM_ATTR_NOEXEC);
}

void om_prober_enter(struct om_prober *p)
{
	int r = om_prober_private(p->sys, &p->dir_call);

	if (r == 0)
		r = om_prober_scratch(p->sys, &p->dir_call);
	p->dir = r < 0 ? -1 : r;
	p->dir_err = r < 0 ? r : 0;
}

/* Runs the rows of want from row first on. */
static void run_rows(struct om_prober *p, om_fact_set want, size_t first)
{
	for (size_t i = first; i < om_n_probe_rows; i++) {
		const struct om_probe_row *row = &om_probe_rows[i];

		p->current = (int)i;
		if (want & OM_FACT_BIT(row->id))
			row->run(p, &p->facts.fact[row->id]);
	}
	p->current = (int)om_n_probe_rows;
}

void om_prober_init(struct om_prober *p, const struct om_probe_options *options)
{
	p->sys = options->sys;
	p->options = options;
	p->dir = -1;
	p->overlay = p->squashfs = -EAGAIN;
}

static void take(om_fact_set set, const struct om_facts *from, struct om_facts *to)
{
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (set & OM_FACT_BIT(i))
			to->fact[i] = from->fact[i];
}

void om_probe_here(const struct om_probe_options *options, om_fact_set want,
		   struct om_facts *facts)
{
	struct om_prober p = { 0 };

	want = with_needs(want);
	om_prober_init(&p, options);
	p.facts = *facts;
	om_prober_enter(&p);
	run_rows(&p, want, 0);
	p.dir = om_close(p.dir);
	take(want, &p.facts, facts);
}

/* 0 when the child is gone or done, -ETIME when it made no progress for timeout_ms. */
static int watch(int reader, const struct om_prober *p, unsigned timeout_ms)
{
	struct pollfd pfd = { .fd = reader, .events = POLLIN };

	for (;;) {
		int before = p->current;
		ssize_t r = OM_RETRY(poll(&pfd, 1, (int)timeout_ms));

		if (r > 0)
			return 0;
		if (r < 0)
			return -errno;
		if (r == 0 && p->current == before)
			return -ETIME;
	}
}

/* A child that cannot be killed (it hangs in the kernel) is left to whoever reaps it. */
static int reap(pid_t pid, bool kill_first)
{
	int status = 0;

	if (kill_first)
		(void)kill(pid, SIGKILL);
	for (unsigned tries = 0; tries < 1000; tries++) {
		pid_t r = waitpid(pid, &status, kill_first ? WNOHANG : 0);

		if (r == pid || (r < 0 && errno != EINTR))
			return status;
		if (r == 0)
			(void)poll(NULL, 0, 1);
	}
	return SIGKILL;
}

static void blame(struct om_prober *p, int watched, int status)
{
	struct om_fact *fact = &p->facts.fact[om_probe_rows[p->current].id];

	fact->fleeting = true;
	if (watched == -ETIME)
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "the probe hung and was killed");
	else if (WIFSIGNALED(status))
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "the probe was killed by SIG%s",
			       sigabbrev_np(WTERMSIG(status)));
	else
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "the probe's process is gone");
}

/* One child from row first on; the row to go on with, or -errno when there is no child. */
static int run_child(struct om_prober *p, om_fact_set want, size_t first,
		     unsigned timeout_ms)
{
	_cleanup_close_ int reader = -1;
	pid_t parent = getpid(), pid;
	int ends[2], watched, status;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	p->current = (int)first;
	p->layers = false;
	pid = fork();
	if (pid == 0) {
		om_sys_die_with(parent);
		om_prober_enter(p);
		run_rows(p, want, first);
		/* Leaving takes the namespace down, which takes a while. */
		(void)!write(ends[1], "", 1);
		_exit(0);
	}
	(void)om_close(ends[1]);
	if (pid < 0)
		return -errno;
	watched = watch(reader, p, timeout_ms);
	status = reap(pid, watched < 0);
	if (p->current == (int)om_n_probe_rows)
		return p->current;
	blame(p, watched, status);
	return p->current + 1;
}

static void run_children(struct om_prober *p, om_fact_set want, unsigned timeout_ms)
{
	int row = 0;

	while (row >= 0 && row < (int)om_n_probe_rows)
		row = run_child(p, want, (size_t)row, timeout_ms);
	for (size_t i = 0; row < 0 && i < om_n_probe_rows; i++)
		if (want & OM_FACT_BIT(om_probe_rows[i].id))
			om_prober_set_untried(&p->facts.fact[om_probe_rows[i].id], row,
					      "no child to try it in");
}

void om_probe(const struct om_probe_options *options, om_fact_set want,
	      struct om_facts *facts)
{
	unsigned timeout_ms = options->timeout_ms ? options->timeout_ms
						  : OM_PROBE_TIMEOUT_MS;
	struct om_prober *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	want = with_needs(want);
	if (p == MAP_FAILED) {
		for (size_t i = 0; i < _OM_FACT_MAX; i++)
			if (want & OM_FACT_BIT(i))
				om_prober_set_untried(&facts->fact[i], -ENOMEM,
						      "no memory to share with a child");
		return;
	}
	om_prober_init(p, options);
	p->facts = *facts;
	run_children(p, want, timeout_ms);
	take(want, &p->facts, facts);
	(void)munmap(p, sizeof(*p));
}
