/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See attacker.h.  The layout of the fixture is in step-scene.c.
 */
#include "fault/attacker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_MOVE_MOUNT 429
#define CALL_MOUNT_SETATTR 442
#define MOVE_F_EMPTY_PATH 4
#define RENAME_SWAP 2

#define HOME "outside/home"
#define EVIL HOME "/evil"

/* --- names ------------------------------------------------------------------------- */

static void parent_of(const char *path, char *buf, size_t size)
{
	char *slash;

	(void)snprintf(buf, size, "%s", path);
	slash = strrchr(buf, '/');
	if (slash)
		*slash = '\0';
}

/* The evil object takes the place of path; what was there, if anything, is kept. */
static bool swap_in(const struct attack *a, const char *path)
{
	if (syscall(SYS_renameat2, a->fs, EVIL, a->fs, path, RENAME_SWAP) == 0)
		return true;
	if (errno == ENOENT && renameat(a->fs, EVIL, a->fs, path) == 0)
		return true;
	/* What cannot be done leaves nothing. */
	(void)unlinkat(a->fs, EVIL "/t", AT_REMOVEDIR);
	(void)unlinkat(a->fs, EVIL "/f", 0);
	(void)unlinkat(a->fs, EVIL, unlinkat(a->fs, EVIL, 0) < 0 ? AT_REMOVEDIR : 0);
	return false;
}

static bool put_link(const struct attack *a, const char *path, const char *content)
{
	return symlinkat(content, a->fs, EVIL) == 0 && swap_in(a, path);
}

static bool put_file(const struct attack *a, const char *path)
{
	int fd = openat(a->fs, EVIL, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && write(fd, "evil\n", 5) == 5;

	if (fd >= 0)
		(void)close(fd);
	return ok && swap_in(a, path);
}

static bool put_dir(const struct attack *a, const char *path)
{
	return mkdirat(a->fs, EVIL, 0755) == 0 && swap_in(a, path);
}

static bool target_link(struct attack *a)
{
	return put_link(a, a->focus->target_at,
			a->focus->file ? STEP_PATH "/outside/file"
				       : STEP_PATH "/outside/dir");
}

/* Upwards, out of the root: from at most eight directories deep. */
static bool target_link_up(struct attack *a)
{
	return put_link(a, a->focus->target_at,
			a->focus->file ? "../../../../../../../../mnt/w/outside/file"
				       : "../../../../../../../../mnt/w/outside/dir");
}

static bool target_link_inside(struct attack *a)
{
	return put_link(a, a->focus->target_at,
			a->focus->file ? "/etc/parent/f" : "/etc/parent/t");
}

static bool parent_link(const struct attack *a, const char *path, const char *content)
{
	char parent[128];

	parent_of(path, parent, sizeof(parent));
	return put_link(a, parent, content);
}

static bool target_parent_link(struct attack *a)
{
	return parent_link(a, a->focus->target_at, STEP_PATH "/outside/parent");
}

static bool target_parent_link_inside(struct attack *a)
{
	return parent_link(a, a->focus->target_at, "/etc/parent");
}

static bool source_link(struct attack *a)
{
	return put_link(a, a->focus->source_at,
			a->focus->file ? STEP_PATH "/outside/closed/secret"
				       : STEP_PATH "/outside/closed");
}

static bool source_link_inside(struct attack *a)
{
	return put_link(a, a->focus->source_at,
			a->focus->file ? "/etc/closed/secret" : "/etc/closed");
}

static bool source_parent_link(struct attack *a)
{
	return parent_link(a, a->focus->source_at, STEP_PATH "/outside/closed");
}

static bool source_parent_link_inside(struct attack *a)
{
	return parent_link(a, a->focus->source_at, "/etc/closed");
}

static bool target_other_kind(struct attack *a)
{
	return a->focus->file ? put_dir(a, a->focus->target_at)
			      : put_file(a, a->focus->target_at);
}

static bool source_other_kind(struct attack *a)
{
	return a->focus->file ? put_dir(a, a->focus->source_at)
			      : put_file(a, a->focus->source_at);
}

static bool target_dangling(struct attack *a)
{
	return put_link(a, a->focus->target_at, "nowhere");
}

static bool target_loop(struct attack *a)
{
	const char *slash = strrchr(a->focus->target_at, '/');

	return put_link(a, a->focus->target_at, slash + 1);
}

static bool target_fifo(struct attack *a)
{
	return mkfifoat(a->fs, EVIL, 0644) == 0 && swap_in(a, a->focus->target_at);
}

static bool source_fifo(struct attack *a)
{
	return mkfifoat(a->fs, EVIL, 0644) == 0 && swap_in(a, a->focus->source_at);
}

/* Another object of the same kind. */
static bool target_same_kind(struct attack *a)
{
	return a->focus->file ? put_file(a, a->focus->target_at)
			      : put_dir(a, a->focus->target_at);
}

static bool source_same_kind(struct attack *a)
{
	return a->focus->file ? put_file(a, a->focus->source_at)
			      : put_dir(a, a->focus->source_at);
}

static bool move_out(const struct attack *a, const char *path)
{
	return renameat(a->fs, path, a->fs, HOME "/out") == 0;
}

static bool target_out(struct attack *a)
{
	return move_out(a, a->focus->target_at);
}

static bool source_out(struct attack *a)
{
	return move_out(a, a->focus->source_at);
}

static bool target_parent_out(struct attack *a)
{
	char parent[128];

	parent_of(a->focus->target_at, parent, sizeof(parent));
	return move_out(a, parent);
}

static bool source_parent_out(struct attack *a)
{
	char parent[128];

	parent_of(a->focus->source_at, parent, sizeof(parent));
	return move_out(a, parent);
}

/* The parent is another directory now, in which the same names are. */
static bool target_parent_other(struct attack *a)
{
	char parent[128], path[160];

	parent_of(a->focus->target_at, parent, sizeof(parent));
	(void)snprintf(path, sizeof(path), "%s", EVIL "/t");
	if (mkdirat(a->fs, EVIL, 0755) < 0 || mkdirat(a->fs, path, 0755) < 0 ||
	    mknodat(a->fs, EVIL "/f", S_IFREG | 0644, 0) < 0)
		return false;
	return swap_in(a, parent);
}

static bool remove_object(const struct attack *a, const char *path)
{
	char below[160];

	if (a->focus->file)
		return unlinkat(a->fs, path, 0) == 0;
	(void)snprintf(below, sizeof(below), "%s/hello", path);
	(void)unlinkat(a->fs, below, 0);
	(void)snprintf(below, sizeof(below), "%s/sub", path);
	(void)unlinkat(a->fs, below, AT_REMOVEDIR);
	return unlinkat(a->fs, path, AT_REMOVEDIR) == 0;
}

static bool source_gone(struct attack *a)
{
	return remove_object(a, a->focus->source_at);
}

static bool target_gone(struct attack *a)
{
	return remove_object(a, a->focus->target_at);
}

static bool target_again(struct attack *a)
{
	const char *path = a->focus->target_at;

	if (!remove_object(a, path) && errno != ENOENT)
		return false;
	if (a->focus->file)
		return mknodat(a->fs, path, S_IFREG | 0666, 0) == 0 &&
		       fchmodat(a->fs, path, 0666, 0) == 0;
	return mkdirat(a->fs, path, 0777) == 0 && fchmodat(a->fs, path, 0777, 0) == 0;
}

static bool target_parent_open(struct attack *a)
{
	char parent[128];

	parent_of(a->focus->target_at, parent, sizeof(parent));
	return fchmodat(a->fs, parent, 0777, 0) == 0;
}

static bool source_closed(struct attack *a)
{
	return fchmodat(a->fs, a->focus->source_at, 0, 0) == 0;
}

static bool source_setuid(struct attack *a)
{
	return fchmodat(a->fs, a->focus->source_at, 06777, 0) == 0;
}

/* --- names, with root -------------------------------------------------------------- */

/* Links to what another user owns may be forbidden to everybody else. */
static bool target_hard_link(struct attack *a)
{
	return linkat(a->fs, "outside/file", a->fs, EVIL, 0) == 0 &&
	       swap_in(a, a->focus->target_at);
}

static bool target_owner(struct attack *a)
{
	return fchownat(a->fs, a->focus->target_at, 4242, 4242, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool source_owner(struct attack *a)
{
	return fchownat(a->fs, a->focus->source_at, 4242, 4242, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- mounts ------------------------------------------------------------------------ */

static const char *at(const char *path, char *buf, size_t size)
{
	if (snprintf(buf, size, STEP_PATH "/%s", path) >= (int)size)
		abort();
	return buf;
}

static bool tmpfs_on(const char *path)
{
	char buf[192];

	return mount("attacker", at(path, buf, sizeof(buf)), "tmpfs", 0, NULL) == 0;
}

static bool bind_on(const char *from, const char *to)
{
	char a[192], b[192];

	return mount(at(from, a, sizeof(a)), at(to, b, sizeof(b)), NULL, MS_BIND, NULL) ==
	       0;
}

static bool mount_on_target(struct attack *a)
{
	return a->focus->file ? bind_on("outside/file", a->focus->target)
			      : tmpfs_on(a->focus->target);
}

static bool mount_on_source(struct attack *a)
{
	return bind_on(a->focus->file ? "outside/file" : "outside/dir", a->focus->source);
}

static bool mount_on_target_parent(struct attack *a)
{
	char parent[128];

	parent_of(a->focus->target, parent, sizeof(parent));
	return bind_on("outside/parent", parent);
}

static bool mount_on_source_parent(struct attack *a)
{
	char parent[128];

	parent_of(a->focus->source, parent, sizeof(parent));
	return bind_on("outside/sources", parent);
}

static bool mount_on_root(struct attack *a)
{
	(void)a;
	return tmpfs_on("base");
}

static bool mount_on_state(struct attack *a)
{
	(void)a;
	return tmpfs_on("state");
}

/* The first name in the state directory with that beginning. */
static bool find_state(const char *begin, char *buf, size_t size)
{
	DIR *d = opendir(STEP_PATH "/state");
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d))) {
		found = strncmp(entry->d_name, begin, strlen(begin)) == 0;
		if (found)
			(void)snprintf(buf, size, "state/%s", entry->d_name);
	}
	if (d)
		(void)closedir(d);
	return found;
}

static bool mount_on_stage(struct attack *a)
{
	char path[300];

	(void)a;
	return find_state("stage.", path, sizeof(path)) && tmpfs_on(path);
}

static bool change_propagation(unsigned long how)
{
	return mount(NULL, STEP_PATH, NULL, how, NULL) == 0;
}

static bool parent_shared(struct attack *a)
{
	(void)a;
	return change_propagation(MS_SHARED);
}

static bool parent_private(struct attack *a)
{
	(void)a;
	return change_propagation(MS_PRIVATE);
}

static bool parent_unbindable(struct attack *a)
{
	(void)a;
	return change_propagation(MS_UNBINDABLE);
}

static bool all_shared(struct attack *a)
{
	(void)a;
	return change_propagation(MS_SHARED | MS_REC);
}

static bool remount(const char *path, unsigned long flags)
{
	char buf[192];

	return mount(NULL, at(path, buf, sizeof(buf)), NULL, MS_REMOUNT | MS_BIND | flags,
		     NULL) == 0;
}

static bool base_writable(struct attack *a)
{
	(void)a;
	return remount("base/usr", 0) && remount("base/mnt", 0);
}

static bool state_read_only(struct attack *a)
{
	(void)a;
	return remount("state", MS_RDONLY);
}

/* --- mounts of the program --------------------------------------------------------- */

bool attack_is_made(const struct attack *a, uint64_t id)
{
	for (size_t i = 0; i < a->n_made; i++)
		if (a->made[i] == id)
			return true;
	return false;
}

static unsigned count_below(const struct mount_table *t, uint64_t id)
{
	unsigned n = 1;

	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].parent == id && t->v[i].id != id)
			n += count_below(t, t->v[i].id);
	return n;
}

/* The youngest that a path leads to; an fd on it, or -1. */
static int find_ours(struct attack *a)
{
	static struct mount_table now;
	uint64_t below = UINT64_MAX;

	if (!mounts_read(&now))
		return -1;
	for (;;) {
		const struct mount_entry *best = NULL;
		int fd;

		for (size_t i = 0; i < now.n; i++)
			if (now.v[i].id < below && (!best || now.v[i].id > best->id) &&
			    !mounts_find(a->base, now.v[i].id))
				best = &now.v[i];
		if (!best)
			return -1;
		below = best->id;
		fd = open(best->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && mounts_id_of(fd) == best->id) {
			a->victim = best->id;
			a->victims = count_below(&now, best->id);
			a->on_done = strncmp(best->point, STEP_PATH "/base/",
					     strlen(STEP_PATH "/base/")) == 0;
			return fd;
		}
		if (fd >= 0)
			(void)close(fd);
	}
}

static bool ours_gone(struct attack *a)
{
	char path[32];
	int fd = find_ours(a);
	bool ok;

	if (fd < 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ok = umount2(path, MNT_DETACH) == 0;
	(void)close(fd);
	return ok;
}

static bool ours_attr(struct attack *a, uint64_t set, uint64_t clear,
		      uint64_t propagation)
{
	const uint64_t attr[4] = { set, clear, propagation, 0 };
	int fd = find_ours(a);
	bool ok;

	if (fd < 0)
		return false;
	ok = syscall(CALL_MOUNT_SETATTR, fd, "", AT_EMPTY_PATH, attr, sizeof(attr)) == 0;
	(void)close(fd);
	return ok;
}

static bool ours_writable(struct attack *a)
{
	return ours_attr(a, 0, MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV, 0);
}

static bool ours_shared(struct attack *a)
{
	return ours_attr(a, 0, 0, MS_SHARED);
}

static bool ours_elsewhere(struct attack *a)
{
	struct stat st;
	int to, fd = find_ours(a);
	bool ok;

	if (fd < 0)
		return false;
	to = open(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? STEP_PATH "/" HOME "/dir"
							     : STEP_PATH "/" HOME "/file",
		  O_PATH | O_CLOEXEC);
	ok = syscall(CALL_MOVE_MOUNT, fd, "", to, "", MOVE_F_EMPTY_PATH | 0x40) == 0;
	(void)close(fd);
	(void)close(to);
	return ok;
}

static bool ours_covered(struct attack *a)
{
	static struct mount_table now;
	const struct mount_entry *m;
	struct stat st;
	int fd = find_ours(a);
	bool ok;

	if (fd < 0 || !mounts_read(&now))
		return false;
	m = mounts_find(&now, a->victim);
	ok = m && fstat(fd, &st) == 0 &&
	     (S_ISDIR(st.st_mode) ? mount("attacker", m->point, "tmpfs", 0, NULL) == 0
				  : mount(STEP_PATH "/outside/file", m->point, NULL,
					  MS_BIND, NULL) == 0);
	(void)close(fd);
	return ok;
}

/* --- the state directory ----------------------------------------------------------- */

static bool fill_state(struct attack *a)
{
	static const char zeros[4096];
	int fd = open(STEP_PATH "/state/fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char path[64];
	bool ok = fd >= 0;

	(void)a;
	while (fd >= 0 && write(fd, zeros, sizeof(zeros)) > 0)
		;
	if (fd >= 0)
		(void)close(fd);
	for (int i = 0; i < 4096; i++) {
		(void)snprintf(path, sizeof(path), STEP_PATH "/state/fill%d", i);
		if (mknod(path, S_IFREG | 0600, 0) < 0)
			break;
	}
	return ok;
}

static bool find_journal(char *buf, size_t size)
{
	char name[300];

	if (!find_state("journal.", name, sizeof(name)))
		return false;
	(void)at(name, buf, size);
	return true;
}

static bool journal_gone(struct attack *a)
{
	char path[400];

	(void)a;
	return find_journal(path, sizeof(path)) && unlink(path) == 0;
}

static bool journal_link(struct attack *a)
{
	char path[400];

	(void)a;
	return find_journal(path, sizeof(path)) && unlink(path) == 0 &&
	       symlink(STEP_PATH "/outside/file", path) == 0;
}

static bool journal_cut(struct attack *a)
{
	char path[400];

	(void)a;
	return find_journal(path, sizeof(path)) && truncate(path, 0) == 0;
}

static bool journal_spoilt(struct attack *a)
{
	char path[400];
	bool ok;
	int fd;

	(void)a;
	if (!find_journal(path, sizeof(path)))
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && pwrite(fd, "spoilt", 6, 100) == 6;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool lock_gone(struct attack *a)
{
	char name[300], path[400];

	(void)a;
	return find_state("lock", name, sizeof(name)) &&
	       unlink(at(name, path, sizeof(path))) == 0;
}

static bool facts_spoilt(struct attack *a)
{
	int fd = open(STEP_PATH "/state/facts", O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, "spoilt\n", 7) == 7;

	(void)a;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool state_open(struct attack *a)
{
	(void)a;
	return chmod(STEP_PATH "/state", 0777) == 0;
}

static bool uncover_state(void)
{
	return umount2(STEP_PATH "/state", MNT_DETACH) == 0;
}

static bool state_writable(void)
{
	return remount("state", 0);
}

static bool state_closed(void)
{
	return chmod(STEP_PATH "/state", 0700) == 0;
}

static bool profile_changed(struct attack *a)
{
	static const char text[] = "tmpfs /opt tmpfs ro,nosuid,nodev 0 0\n";
	int fd = open(STEP_PATH "/profile.fstab", O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, sizeof(text) - 1) > 0;

	(void)a;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* --- all of it --------------------------------------------------------------------- */

const struct action actions[] = {
	{ "target-link", ATTACK_PATH, target_link, NULL },
	{ "target-link-up", ATTACK_PATH, target_link_up, NULL },
	{ "target-link-inside", ATTACK_PATH, target_link_inside, NULL },
	{ "target-parent-link", ATTACK_PATH, target_parent_link, NULL },
	{ "target-parent-link-inside", ATTACK_PATH, target_parent_link_inside, NULL },
	{ "target-parent-other", ATTACK_PATH, target_parent_other, NULL },
	{ "target-other-kind", ATTACK_PATH, target_other_kind, NULL },
	{ "target-same-kind", ATTACK_PATH, target_same_kind, NULL },
	{ "target-dangling", ATTACK_PATH, target_dangling, NULL },
	{ "target-loop", ATTACK_PATH, target_loop, NULL },
	{ "target-fifo", ATTACK_PATH, target_fifo, NULL },
	{ "target-out", ATTACK_PATH, target_out, NULL },
	{ "target-parent-out", ATTACK_PATH, target_parent_out, NULL },
	{ "target-gone", ATTACK_PATH, target_gone, NULL },
	{ "target-again", ATTACK_PATH, target_again, NULL },
	{ "target-parent-open", ATTACK_PATH, target_parent_open, NULL },
	{ "source-link", ATTACK_PATH, source_link, NULL },
	{ "source-link-inside", ATTACK_PATH, source_link_inside, NULL },
	{ "source-parent-link", ATTACK_PATH, source_parent_link, NULL },
	{ "source-parent-link-inside", ATTACK_PATH, source_parent_link_inside, NULL },
	{ "source-other-kind", ATTACK_PATH, source_other_kind, NULL },
	{ "source-same-kind", ATTACK_PATH, source_same_kind, NULL },
	{ "source-fifo", ATTACK_PATH, source_fifo, NULL },
	{ "source-out", ATTACK_PATH, source_out, NULL },
	{ "source-parent-out", ATTACK_PATH, source_parent_out, NULL },
	{ "source-gone", ATTACK_PATH, source_gone, NULL },
	{ "source-closed", ATTACK_PATH, source_closed, NULL },
	{ "source-setuid", ATTACK_PATH, source_setuid, NULL },
	{ "target-hard-link", ATTACK_ROOT, target_hard_link, NULL },
	{ "target-owner", ATTACK_ROOT, target_owner, NULL },
	{ "source-owner", ATTACK_ROOT, source_owner, NULL },
	{ "mount-on-target", ATTACK_MOUNT, mount_on_target, NULL },
	{ "mount-on-target-parent", ATTACK_MOUNT, mount_on_target_parent, NULL },
	{ "mount-on-source", ATTACK_MOUNT, mount_on_source, NULL },
	{ "mount-on-source-parent", ATTACK_MOUNT, mount_on_source_parent, NULL },
	{ "mount-on-root", ATTACK_MOUNT, mount_on_root, NULL },
	{ "parent-shared", ATTACK_MOUNT, parent_shared, NULL },
	{ "parent-private", ATTACK_MOUNT, parent_private, NULL },
	{ "parent-unbindable", ATTACK_MOUNT, parent_unbindable, NULL },
	{ "all-shared", ATTACK_MOUNT, all_shared, NULL },
	{ "base-writable", ATTACK_MOUNT, base_writable, NULL },
	{ "ours-gone", ATTACK_OURS, ours_gone, NULL },
	{ "ours-writable", ATTACK_OURS, ours_writable, NULL },
	{ "ours-shared", ATTACK_OURS, ours_shared, NULL },
	{ "ours-elsewhere", ATTACK_OURS, ours_elsewhere, NULL },
	{ "ours-covered", ATTACK_OURS, ours_covered, NULL },
	{ "mount-on-stage", ATTACK_STATE, mount_on_stage, NULL },
	{ "mount-on-state", ATTACK_STATE, mount_on_state, uncover_state },
	{ "state-read-only", ATTACK_STATE, state_read_only, state_writable },
	{ "state-full", ATTACK_STATE, fill_state, NULL },
	{ "state-open", ATTACK_STATE, state_open, state_closed },
	{ "journal-gone", ATTACK_JOURNAL, journal_gone, NULL },
	{ "journal-link", ATTACK_JOURNAL, journal_link, NULL },
	{ "journal-cut", ATTACK_JOURNAL, journal_cut, NULL },
	{ "journal-spoilt", ATTACK_JOURNAL, journal_spoilt, NULL },
	{ "lock-gone", ATTACK_STATE, lock_gone, NULL },
	{ "facts-spoilt", ATTACK_STATE, facts_spoilt, NULL },
	{ "profile-changed", ATTACK_MOUNT, profile_changed, NULL },
};

const size_t n_actions = sizeof(actions) / sizeof(actions[0]);

/* What hangs there has been put there by somebody else if it was not there before. */
static void note_made(struct attack *a, const struct mount_table *before)
{
	static struct mount_table after;

	a->n_made = 0;
	if (!mounts_read(&after))
		return;
	for (size_t i = 0; i < after.n && a->n_made < 8; i++) {
		static const char stage[] = STEP_PATH "/state/stage.";

		if (mounts_find(before, after.v[i].id))
			continue;
		a->made[a->n_made++] = after.v[i].id;
		a->on_stage = strncmp(after.v[i].point, stage, sizeof(stage) - 1) == 0;
	}
}

static bool as_user(struct attack *a, const struct action *action)
{
	bool ok;

	if (setns(a->user_ns, CLONE_NEWNS) < 0 ||
	    (action->kind == ATTACK_PATH &&
	     (setresgid((gid_t)-1, ATTACKER_UID, (gid_t)-1) < 0 ||
	      setresuid((uid_t)-1, ATTACKER_UID, (uid_t)-1) < 0)))
		return false;
	ok = action->run(a);
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 &&
	       setresgid((gid_t)-1, 0, (gid_t)-1) == 0 &&
	       setns(a->own_ns, CLONE_NEWNS) == 0 && fchdir(a->work) == 0 && ok;
}

void attack_run(struct attack *a, const struct action *action)
{
	static struct mount_table before;

	a->victim = 0;
	a->victims = 0;
	a->on_done = a->on_stage = false;
	a->n_made = 0;
	(void)mounts_read(&before);
	a->done = action->kind <= ATTACK_ROOT ? as_user(a, action) : action->run(a);
	note_made(a, &before);
}
