/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See update.h.  Files are read and written in the tree of the caller, through a
 * descriptor of its root; paths of profiles are those of the namespace, which is joined in
 * between.
 */
#include "snapd/update.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/recover.h"
#include "apply/state.h"
#include "apply/undo.h"
#include "base/cleanup.h"
#include "base/crc.h"
#include "probe/cache.h"
#include "snapd/applied.h"
#include "snapd/as-root.h"
#include "snapd/classes.h"
#include "snapd/entry.h"
#include "snapd/file.h"
#include "snapd/foreign.h"
#include "snapd/freezer.h"
#include "snapd/identity.h"
#include "snapd/live.h"
#include "snapd/mark.h"

/* How long another overmount may work in the namespace before this gives up. */
#define STATE_TIMEOUT_MS 30000
#define MAX_TRIES 3

/* The update of the namespace of a snap. */
struct session {
	const struct om_snapd_update *u;
	const char *name;
	char *desired_path; /* owned, as all here */
	char *current_name;
	char *progress_name;
	char *applied_name;
	char *desired_text;
	char *current_text;
	struct om_snapd_profile desired;
	struct om_snapd_profile current;
	struct om_ns own; /* to come back to */
	struct om_ns ns;  /* of the snap; -1 when this is it */
	int lock_fd;
	struct om_state state;
	struct om_journal journal;
	bool has_current;     /* there is a file of it */
	uint32_t current_id;  /* of that very file */
	bool applied;	      /* the journal has something */
	uint32_t sum;	      /* of the current profile, as the file has it */
	bool listed;	      /* and it is of what the mark speaks of */
	bool noted;	      /* the journal is the one of which the mark speaks */
	uint32_t sum_applied; /* of the text of what is applied */
	bool passing;	      /* something failed that need not fail again */
	bool unsettled;	      /* whoever wrote it last did not come to the end */
	bool ours;	      /* the current profile is as we wrote it */
	struct om_freezer freezer;
};

static void session_init(struct session *s, const struct om_snapd_update *u)
{
	*s = (struct session){ .u = u,
			       .name = u->args->name,
			       .own.fd = -1,
			       .ns.fd = -1,
			       .lock_fd = -1,
			       .state = OM_STATE_INIT };
	om_journal_init(&s->journal);
	om_freezer_init(&s->freezer, u->host_fd, s->name);
}

/* The lock goes first, so that nobody who is thawed waits for it in vain. */
static void session_done(struct session *s)
{
	om_journal_done(&s->journal);
	om_state_done(&s->state);
	s->lock_fd = om_close(s->lock_fd);
	om_freezer_thaw(&s->freezer);
	om_ns_done(&s->ns);
	om_ns_done(&s->own);
	om_snapd_profile_done(&s->desired);
	om_snapd_profile_done(&s->current);
	free(s->desired_path);
	free(s->current_name);
	free(s->progress_name);
	free(s->applied_name);
	free(s->desired_text);
	free(s->current_text);
}

/* --- Before anything changes ---------------------------------------------------------- */

/*
 * The namespace that snap-confine has pinned.  1 when there is none: not there, or a file
 * from which it was unmounted.
 */
static int open_namespace(struct session *s, struct om_error *e)
{
	_cleanup_free_ char *path = om_asprintf(OM_SNAPD_NS_DIR "/%s.mnt", s->name);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!path)
		return -ENOMEM;
	fd = openat(s->u->host_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 1
				       : om_fail_errno(e, OM_ERR_SYSTEM, -errno,
						       "cannot open \"/%s\"", path);
	if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNS)
		return 1;
	if (fstat(fd, &st) < 0)
		return -errno;
	s->ns = (struct om_ns){ .fd = TAKE_FD(fd), .inode = st.st_ino };
	return om_ns_open("/proc/self/ns/mnt", &s->own, e);
}

/* A file that is not there is an empty text. */
static int read_profile(const struct session *s, const char *path, char **ret_text,
			struct om_snapd_profile *ret, struct om_error *e)
{
	size_t size = 0;
	int r = om_snapd_read(s->u->host_fd, path, ret_text, &size, e);

	if (r == -ENOENT)
		*ret_text = strdup("");
	else if (r < 0)
		return r;
	return *ret_text ? om_snapd_profile_parse(ret, path, *ret_text, size, e)
			 : -ENOMEM;
}

/* Is it there, and which file of that name is it? */
static void look_at_current(struct session *s, const char *path)
{
	struct {
		uint64_t ino, seconds, nanoseconds;
	} id = { 0 };
	struct stat st;

	s->has_current = fstatat(s->u->host_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (s->has_current) {
		id.ino = st.st_ino;
		id.seconds = (uint64_t)st.st_mtim.tv_sec;
		id.nanoseconds = (uint64_t)st.st_mtim.tv_nsec;
	}
	s->current_id = om_crc32c(&id, sizeof(id));
}

static int load(struct session *s, struct om_error *e)
{
	_cleanup_free_ char *current = NULL;
	int r;

	s->desired_path = om_asprintf(OM_SNAPD_DESIRED, s->name);
	s->current_name = om_asprintf("snap.%s.fstab", s->name);
	s->progress_name = om_asprintf("snap.%s.undo", s->name);
	s->applied_name = om_asprintf("snap.%s.applied", s->name);
	if (!s->desired_path || !s->current_name || !s->progress_name || !s->applied_name)
		return -ENOMEM;
	current = om_asprintf(OM_SNAPD_NS_DIR "/%s", s->current_name);
	if (!current)
		return -ENOMEM;
	look_at_current(s, current);
	r = read_profile(s, s->desired_path, &s->desired_text, &s->desired, e);
	return r < 0 ? r : read_profile(s, current, &s->current_text, &s->current, e);
}

/*
 * A journal and a lock that a user has made, with root's rights, are root's; made by one who
 * was killed before saying so, too: nobody else could put them there.
 */
static int adopt_state(const struct session *s)
{
	const char *names[] = { s->state.name, s->state.lock_name };
	struct stat dir, st;

	if (fstat(s->state.dirfd, &dir) < 0)
		return -errno;
	if (dir.st_uid != 0 || (dir.st_mode & 0077))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fstatat(s->state.dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid != 0 &&
		    fchownat(s->state.dirfd, names[i], 0, 0, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	return 0;
}

/* Locks the state of the namespace, and joins it. */
static int open_state(struct session *s, struct om_error *e)
{
	const struct om_sys *sys = s->u->sys;
	int r = s->own.fd < 0 ? 0 : sys->join_mount_ns(sys, s->own.fd);

	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot return to the own mount namespace");
	r = om_state_open(sys, s->u->state_path, s->ns.fd < 0 ? NULL : &s->ns,
			  STATE_TIMEOUT_MS, &s->state, e);
	if (r == 0)
		r = adopt_state(s);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot open the state") : 0;
}

static bool is_foreign(const struct om_snapd_entry *entry)
{
	return om_snapd_entry_origin(entry) != OM_ORIGIN_ROOTFS;
}

/* Of the current profile only the root is left, which is snap-confine's. */
static void keep_root(struct session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->current.entries.n; i++)
		if (is_foreign(&s->current.entries.v[i]))
			om_vec_free(&s->current.entries.v[i].options);
		else
			s->current.entries.v[n++] = s->current.entries.v[i];
	s->current.entries.n = n;
}

/* Is it the journal of that very namespace, and not of a later one with its number? */
static bool is_journal_of(const struct om_state *state, const struct om_snapd_mark *mark)
{
	struct om_error ignored = { 0 };
	struct om_journal j;
	bool same;

	if (om_journal_load(&j, state->dirfd, state->name, &ignored) < 0)
		return false;
	same = j.origin.ns.unique && j.origin.ns.id == mark->root;
	om_journal_done(&j);
	return same;
}

/*
 * snap-confine has discarded the namespace before this one, and its mounts with it: the
 * journal is dropped.  What goes wrong with that is no matter of the new one.
 */
static void drop_discarded(const struct session *s, const struct om_snapd_mark *mark)
{
	const struct om_ns dead = { .fd = -1, .inode = mark->ns };
	_cleanup_state_ struct om_state state = OM_STATE_INIT;
	_cleanup_str_ struct om_str residue = { 0 };
	struct om_error ignored = { 0 };
	struct om_journal j;

	if (om_state_open(s->u->sys, s->u->state_path, &dead, 0, &state, &ignored) < 0 ||
	    !is_journal_of(&state, mark))
		return;
	(void)!om_recover(s->u->sys, &state, false, &j, &residue, &ignored);
	om_journal_done(&j);
}

static int settle(struct session *s, struct om_str *residue, struct om_error *e)
{
	struct om_snapd_mark mark;
	bool known = om_snapd_mark_load(s->state.dirfd, s->name, &mark);
	int r = om_recover(s->u->sys, &s->state, false, &s->journal, residue, e);

	if (r < 0)
		return r;
	s->applied = r == OM_RECOVERED_APPLIED || r == OM_RECOVERED_RESTORED;
	s->noted = known && mark.acts == om_snapd_sum_acts(&s->journal);
	s->sum_applied = known ? mark.applied : 0;
	s->sum = om_snapd_sum(s->current_text);
	s->unsettled = known && mark.current != mark.next;
	s->ours = known && (mark.current == s->sum || mark.next == s->sum);
	s->listed = known && mark.next == s->sum;
	if (known && mark.root != 0 && mark.ns != s->state.ns_inode &&
	    s->u->args->from_snap_confine)
		drop_discarded(s, &mark);
	/* What they stand for may come again, by somebody else. */
	if (known && !s->ours)
		om_snapd_mark_forget(s->state.dirfd, s->name);
	if (s->ours)
		(void)unlinkat(s->state.dirfd, s->progress_name, 0);
	/*
	 * What it lists went with the apply that did not end, or with another namespace:
	 * snap-confine asks only for new ones, and need not have emptied the file.
	 */
	if (!s->applied && (s->ours || s->u->args->from_snap_confine))
		keep_root(s);
	return 0;
}

/* --- Is there anything to do? ---------------------------------------------------------- */

static bool is_listed(const struct om_snapd_profile *p,
		      const struct om_snapd_entry *entry)
{
	for (size_t i = 0; i < p->entries.n; i++)
		if (om_snapd_entry_equal(&p->entries.v[i], entry))
			return true;
	return false;
}

static bool is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What it takes is not there, so that trying again makes no sense. */
static bool is_hopeless(const struct om_snapd_entry *entry)
{
	return (om_snapd_entry_is_bind(entry) && !is_there(entry->name)) ||
	       (om_snapd_entry_has(entry, "x-snapd.ignore-missing") &&
		!is_there(entry->dir));
}

/*
 * The entries of interfaces that are not listed, although what they take is there: when
 * they are the same as last time, another try would end the same way.
 */
static uint32_t sum_left(const struct session *s)
{
	_cleanup_str_ struct om_str text = { 0 };

	for (size_t i = 0; i < s->desired.entries.n; i++) {
		const struct om_snapd_entry *entry = &s->desired.entries.v[i];

		if (om_snapd_entry_origin(entry) == OM_ORIGIN_GENERAL &&
		    !is_listed(&s->current, entry) && !is_hopeless(entry))
			om_snapd_entry_print(entry, &text);
	}
	return om_snapd_sum(om_str_get(&text));
}

static bool has_all(const struct session *s)
{
	for (size_t i = 0; i < s->desired.entries.n; i++) {
		const struct om_snapd_entry *entry = &s->desired.entries.v[i];
		bool optional = om_snapd_entry_origin(entry) == OM_ORIGIN_GENERAL;

		if (!is_listed(&s->current, entry) && !(optional && is_hopeless(entry)))
			return false;
	}
	return true;
}

/* Is what it was made for desired? */
static bool is_needed(const struct session *s, const struct om_snapd_entry *entry)
{
	const char *id = om_snapd_entry_value(entry, "x-snapd.needed-by");

	for (size_t i = 0; id && i < s->desired.entries.n; i++)
		if (om_streq(om_snapd_entry_id(&s->desired.entries.v[i]), id))
			return true;
	return false;
}

/* Is everything listed desired, or made for something that is? */
static bool has_no_more(const struct session *s)
{
	for (size_t i = 0; i < s->current.entries.n; i++) {
		const struct om_snapd_entry *entry = &s->current.entries.v[i];

		bool synthetic = om_snapd_entry_has(entry, "x-snapd.synthetic");

		if (is_foreign(entry) &&
		    !(synthetic ? is_needed(s, entry) : is_listed(&s->desired, entry)))
			return false;
	}
	return true;
}

static bool is_done(const struct session *s)
{
	struct om_snapd_mark mark;

	/* What we wrote leaves links out, so that it is known by its origin. */
	if (s->ours)
		return s->noted && s->listed &&
		       om_snapd_mark_load(s->state.dirfd, s->name, &mark) &&
		       mark.desired == om_snapd_sum(s->desired_text) &&
		       (s->applied || s->desired.entries.n == 0) &&
		       mark.left == sum_left(s);
	return !s->applied && has_all(s) && has_no_more(s);
}

/* --- Changing -------------------------------------------------------------------------- */

static int save_profile(const struct session *s, struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };

	om_snapd_profile_print(&s->current, &text);
	return om_snapd_save(s->u->host_fd, OM_SNAPD_NS_DIR, s->current_name, &text, e);
}

/* Is the file what we would write? */
static bool is_saved(const struct session *s)
{
	_cleanup_str_ struct om_str text = { 0 };

	om_snapd_profile_print(&s->current, &text);
	return s->has_current && om_snapd_sum(om_str_get(&text)) == s->sum;
}

/* Before the mark, which says whether it is of what the journal has. */
static int save_applied(struct session *s, const struct om_snapd_applied *applied,
			struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };

	om_snapd_applied_print(applied, &text);
	s->sum_applied = om_snapd_sum(om_str_get(&text));
	return om_snapd_save(s->state.dirfd, ".", s->applied_name, &text, e);
}

/*
 * Writes the current profile, and notes before that it is ours, whether it is there yet or
 * the one before is: of that nothing is left now.
 */
static int save(struct session *s, struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };
	struct om_snapd_mark mark = { .ns = s->state.ns_inode,
				      .root = s->state.ns.unique ? s->state.ns.id : 0,
				      .current = s->sum,
				      .desired = om_snapd_sum(s->desired_text),
				      .left = sum_left(s),
				      .acts = om_snapd_sum_acts(&s->journal),
				      .applied = s->sum_applied };
	int r;

	/* Whatever is asked next time, it is another answer. */
	if (s->passing)
		mark.left = ~mark.left;
	om_snapd_profile_print(&s->current, &text);
	mark.next = om_snapd_sum(om_str_get(&text));
	r = om_snapd_mark_save(s->state.dirfd, s->name, &mark, e);
	if (r == 0)
		r = save_profile(s, e);
	/* From now on the old text would be somebody else's again. */
	mark.current = mark.next;
	if (r == 0)
		r = om_snapd_mark_save(s->state.dirfd, s->name, &mark, e);
	if (r < 0)
		return r;
	s->sum = mark.next;
	s->has_current = true;
	return 0;
}

static bool has_foreign(const struct session *s)
{
	for (size_t i = 0; i < s->current.entries.n; i++)
		if (is_foreign(&s->current.entries.v[i]))
			return true;
	return false;
}

/* How far it is, is noted in the directory that is locked, under the name of the snap. */
static int undo_foreign(struct session *s, struct om_error *e)
{
	struct om_snapd_listed l = { .sys = s->u->sys, .sum = s->sum ^ s->current_id };
	_cleanup_close_ int root =
		l.sys->open(l.sys, AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	_cleanup_close_ int fd = -1;

	if (root < 0)
		return root;
	fd = openat(s->state.dirfd, s->progress_name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot create %s",
				     OM_Q(s->progress_name));
	l.root_fd = root;
	l.progress_fd = fd;
	return om_snapd_undo_listed(&l, &s->current, e);
}

/*
 * The lock went with the journal: whoever waited for it has another one now.  What has
 * failed once need not fail again, and there is no way back from here.
 */
static int reopen_state(struct session *s, struct om_error *e)
{
	int r = -EIO;

	for (unsigned tries = 0; r < 0 && tries < MAX_TRIES; tries++) {
		om_error_clear(e);
		om_state_done(&s->state);
		r = open_state(s, e);
	}
	return r;
}

/* Of what was made nothing is there any more. */
static void forget_acts(struct session *s)
{
	om_journal_done(&s->journal);
	om_journal_init(&s->journal);
	(void)unlinkat(s->state.dirfd, s->applied_name, 0);
	s->sum_applied = 0;
	keep_root(s);
}

/* Everything that was made before goes, whoever made it. */
static int undo(struct session *s, struct om_str *residue, struct om_error *e)
{
	const struct om_sys *sys = s->u->sys;
	int r = 0;

	if (!s->applied && !has_foreign(s))
		return 0;
	if (!s->ours && has_foreign(s))
		r = undo_foreign(s, e);
	if (r == 0 && s->applied)
		r = om_recover_undo(sys, &s->state, false, &s->journal, residue, e);
	if (r < 0)
		return r;
	forget_acts(s);
	r = reopen_state(s, e);
	/* Without a note there is still the file, and it must not list what is gone. */
	if (r < 0)
		(void)!save_profile(s, NULL);
	else
		r = save(s, e);
	/* It is only about what is done now; the same profile may come again. */
	if (r == 0)
		(void)unlinkat(s->state.dirfd, s->progress_name, 0);
	return r;
}

/* Is "/" the tmpfs that snap-confine made, by its own word? */
static bool has_own_root(const struct session *s)
{
	for (size_t i = 0; i < s->current.entries.n; i++)
		if (!is_foreign(&s->current.entries.v[i]))
			return true;
	return false;
}

/* After a failure: what was applied goes again, and the current profile says so. */
static int take_back(struct session *s, struct om_apply *apply, struct om_str *residue,
		     struct om_error *e)
{
	const struct om_undo how = { .sys = apply->sys,
				     .root_fd = apply->root_fd,
				     .root_path = apply->root_path };
	struct om_error ignored = { 0 };

	if (e->kind == OM_ERR_SYSTEM || e->kind == OM_ERR_REFUSED)
		e->kind = OM_ERR_UNDONE;
	if (om_undo(&how, &s->journal, 0, residue) < 0)
		e->kind = OM_ERR_BROKEN;
	if (e->kind == OM_ERR_BROKEN)
		return -EBUSY;
	forget_acts(s);
	(void)!save(s, &ignored);
	return om_state_forget(&s->state);
}

static void say(void *arg, const char *line)
{
	const struct session *s = arg;

	s->u->say(line);
}

/* What is told of it, and where names may be made: the same for all ways to a profile. */
static struct om_places places_of(const struct session *s, const struct om_apply *apply)
{
	return (struct om_places){ .sys = apply->sys,
				   .root_fd = apply->root_fd,
				   .name = s->name,
				   .root_ours = has_own_root(s) };
}

static struct om_snapd_classes classes_of(struct session *s, struct om_apply *apply,
					  const struct om_places *places)
{
	return (struct om_snapd_classes){ .apply = apply,
					  .places = places,
					  .desired = &s->desired,
					  .current = &s->current,
					  .file = s->desired_path,
					  .say = say,
					  .say_arg = s,
					  .passing = &s->passing };
}

/* What cannot be compared is done anew by the next update. */
static int note_items(struct session *s, const struct om_snapd_items *items,
		      struct om_error *e)
{
	_cleanup_applied_ struct om_snapd_applied applied;
	int r = om_snapd_applied_make(&s->desired, items, &applied);

	if (r == -EEXIST || r == -EINVAL)
		return 0;
	return r < 0 ? r : save_applied(s, &applied, e);
}

static int apply_all(struct session *s, struct om_apply *apply, struct om_str *residue,
		     struct om_error *e)
{
	const struct om_places places = places_of(s, apply);
	struct om_snapd_classes classes = classes_of(s, apply, &places);
	struct om_snapd_items items = { 0 };
	int r;

	classes.items = &items;
	r = om_snapd_apply_classes(&classes, residue, e);
	if (r == 0)
		r = note_items(s, &items, e);
	om_vec_free(&items.list);
	if (r == 0)
		r = save(s, e);
	/* Last: without it the next one undoes what it finds, whatever is written down. */
	if (r == 0) {
		r = om_journal_commit(&s->journal);
		if (r < 0)
			(void)om_fail_errno(e, OM_ERR_SYSTEM, r,
					    "cannot commit the journal");
	}
	return r;
}

static void find_facts(const struct om_sys *sys, int state_fd, struct om_facts *facts)
{
	const struct om_probe_options options = { .sys = sys };
	const struct om_profile none = { 0 };

	om_facts_init(facts);
	om_probe_cached(&options, state_fd,
			OM_FACTS_FOR_APPLY | om_decide_wants(&none, &om_policy_default),
			facts);
}

/* om_apply_done() in any case. */
static int prepare_apply(struct session *s, struct om_apply *apply,
			 struct om_facts *facts)
{
	const struct om_sys *sys = s->u->sys;

	/* What was found with few rights is not for others. */
	find_facts(sys, geteuid() == 0 ? s->state.dirfd : -1, facts);
	om_apply_init(apply, sys, facts);
	apply->root_path = "/";
	apply->journal = &s->journal;
	apply->build.stage_at = s->state.stage_at;
	apply->build.stage_path = s->state.stage_name;
	apply->interrupted = s->u->interrupted;
	apply->root_fd = sys->open(sys, AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	return apply->root_fd < 0 ? apply->root_fd : 0;
}

static int apply(struct session *s, struct om_str *residue, struct om_error *e)
{
	struct om_journal_origin origin = { .root_path = "/",
					    .ns = s->state.ns,
					    .made_dir = s->state.made };
	struct om_facts facts;
	struct om_apply apply;
	int r = prepare_apply(s, &apply, &facts);

	memcpy(origin.boot, s->state.boot, sizeof(origin.boot));
	if (r == 0)
		r = om_journal_create(&s->journal, s->state.dirfd, s->state.name, &origin,
				      e);
	if (r == 0)
		r = adopt_state(s);
	if (r == 0) {
		r = apply_all(s, &apply, residue, e);
		if (r < 0)
			(void)!take_back(s, &apply, residue, e);
	}
	om_apply_done(&apply);
	return r;
}

/* --- Changing only what has to -------------------------------------------------------- */

/* What is applied, as far as that is written down and is what the journal has. */
static int load_applied(const struct session *s, struct om_snapd_applied *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = om_snapd_read(s->state.dirfd, s->applied_name, &text, &size, NULL);

	if (r == 0 && om_snapd_sum(text) != s->sum_applied)
		r = -ESTALE;
	return r < 0 ? r : om_snapd_applied_parse(text, size, ret);
}

/* Of a new state that cannot be written down nothing may be left. */
static void drop_all(struct session *s, struct om_str *residue, struct om_error *e)
{
	struct om_error own = { 0 };

	e->kind = OM_ERR_UNDONE;
	if (om_recover_undo(s->u->sys, &s->state, false, &s->journal, residue, &own) <
	    0) {
		e->kind = OM_ERR_BROKEN;
		return;
	}
	forget_acts(s);
	(void)!save(s, &own);
}

/* From `old`; as om_snapd_live_update(). */
static int update_from(struct session *s, const struct om_snapd_applied *old,
		       struct om_str *residue, struct om_error *e)
{
	_cleanup_applied_ struct om_snapd_applied now = { 0 };
	struct om_snapd_live live = { .state = &s->state, .old = old, .ret = &now };
	struct om_snapd_classes classes;
	struct om_places places;
	struct om_facts facts;
	struct om_apply apply;
	int r = prepare_apply(s, &apply, &facts);

	places = places_of(s, &apply);
	classes = classes_of(s, &apply, &places);
	live.classes = &classes;
	r = r < 0 ? 1 : om_snapd_live_update(&live, residue, e);
	if (r == 0)
		r = adopt_state(s);
	if (r == 0)
		r = save_applied(s, &now, e);
	if (r == 0)
		r = save(s, e);
	if (r < 0 && live.ended)
		drop_all(s, residue, e);
	om_apply_done(&apply);
	return r;
}

/* 1: it has to be done anew, and nothing has changed. */
static int update_live(struct session *s, struct om_str *residue, struct om_error *e)
{
	_cleanup_applied_ struct om_snapd_applied old = { 0 };
	int r;

	if (!s->listed || !s->applied || !s->noted || s->desired.entries.n == 0 ||
	    load_applied(s, &old) < 0)
		return 1;
	r = update_from(s, &old, residue, e);
	if (r != 1)
		return r;
	/* Whatever it said, doing it anew says it again. */
	om_error_clear(e);
	s->passing = false;
	om_journal_done(&s->journal);
	r = om_recover(s->u->sys, &s->state, false, &s->journal, residue, e);
	s->applied = r == OM_RECOVERED_APPLIED || r == OM_RECOVERED_RESTORED;
	return r < 0 ? r : 1;
}

static int change(struct session *s, struct om_str *residue, struct om_error *e)
{
	int r = om_freezer_freeze(&s->freezer, e);

	if (r == 0)
		r = update_live(s, residue, e);
	if (r <= 0)
		return r;
	r = undo(s, residue, e);
	if (r == 0 && s->desired.entries.n > 0)
		return apply(s, residue, e);
	if (r == 0 && !is_saved(s))
		r = save(s, e);
	return r < 0 ? r : om_state_forget(&s->state);
}

/* What is left out is told each time, not only when something else has changed, too. */
static void tell_missing(const struct session *s)
{
	for (size_t i = 0; i < s->desired.entries.n; i++) {
		const struct om_snapd_entry *entry = &s->desired.entries.v[i];

		if (om_snapd_entry_origin(entry) == OM_ORIGIN_GENERAL &&
		    om_snapd_entry_is_bind(entry) && !is_there(entry->name) &&
		    !om_snapd_entry_has(entry, "x-snapd.ignore-missing") &&
		    !is_listed(&s->current, entry))
			om_snapd_tell(say, (void *)(uintptr_t)s, entry,
				      "the source does not exist");
	}
}

/* Nothing has to change; what is written down may have to be completed. */
static int leave(struct session *s, struct om_error *e)
{
	int r = 0;

	tell_missing(s);
	if (s->ours && s->unsettled)
		r = save(s, e);
	/* The file is there from now on, as snapd's tool leaves it. */
	else if (!is_saved(s) && !has_foreign(s))
		r = save_profile(s, e);
	if (!s->applied)
		(void)!om_state_forget(&s->state);
	return r;
}

static int update_snap(struct session *s, struct om_str *residue, struct om_error *e)
{
	bool held = s->u->args->from_snap_confine;
	int r = om_snapd_check_rights(e);

	if (r == 0 && !held)
		r = open_namespace(s, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = om_snapd_lock(s->u->host_fd, s->name, held, &s->lock_fd, e);
	if (r == 0)
		r = load(s, e);
	if (r == 0)
		r = open_state(s, e);
	if (r == 0)
		r = settle(s, residue, e);
	if (r < 0)
		return r;
	return is_done(s) ? leave(s, e) : change(s, residue, e);
}

static int run_session(const struct om_snapd_update *u, struct om_str *residue,
		       struct om_error *e)
{
	struct session s;
	int r;

	session_init(&s, u);
	r = update_snap(&s, residue, e);
	session_done(&s);
	return r;
}

/* Whoever has started the tool, what it makes is root's. */
static int update_as_root(const struct om_snapd_update *u, struct om_str *residue,
			  struct om_error *e)
{
	struct om_snapd_update as_root = *u;
	struct om_sys sys;
	int r;

	if (geteuid() == 0)
		return run_session(u, residue, e);
	r = om_snapd_check_rights(e);
	if (r == 0)
		r = om_snapd_make_state_dir(u->state_path, e);
	om_snapd_as_root(u->sys, &sys);
	as_root.sys = &sys;
	return r < 0 ? r : run_session(&as_root, residue, e);
}

/* --- The profile of a user ------------------------------------------------------------- */

static void say_user(void *arg, const char *line)
{
	const struct om_snapd_update *u = arg;

	u->say(line);
}

/* Its namespace dies with the app, so nothing is written down. */
static int apply_user(const struct om_snapd_update *u, const char *path,
		      const struct om_snapd_profile *desired,
		      const struct om_snapd_user *user, struct om_apply *apply,
		      struct om_str *residue, struct om_error *e)
{
	struct om_snapd_profile current = { 0 };
	struct om_snapd_items items = { 0 };
	bool passing = false;
	const struct om_places places = { .sys = apply->sys,
					  .root_fd = apply->root_fd,
					  .name = u->args->name,
					  .of_user = true,
					  .home = user->home_bad ? NULL : user->home };
	const struct om_snapd_classes classes = { .apply = apply,
						  .places = &places,
						  .desired = desired,
						  .current = &current,
						  .items = &items,
						  .file = path,
						  .say = say_user,
						  .say_arg = (void *)(uintptr_t)u,
						  .passing = &passing };
	int r = om_snapd_apply_classes(&classes, residue, e);

	om_vec_free(&items.list);
	om_snapd_profile_done(&current);
	return r;
}

static int enter_user(const struct om_snapd_update *u, const char *path,
		      const struct om_snapd_profile *desired,
		      const struct om_snapd_user *user, struct om_str *residue,
		      struct om_error *e)
{
	struct om_journal journal;
	struct om_facts facts;
	struct om_apply apply;
	int r;

	find_facts(u->sys, -1, &facts);
	om_apply_init(&apply, u->sys, &facts);
	om_journal_init(&journal);
	apply.journal = &journal;
	apply.root_path = "/";
	apply.build.stage_at = AT_FDCWD;
	apply.build.stage_path = "/mnt";
	apply.interrupted = u->interrupted;
	apply.root_fd = u->sys->open(u->sys, AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	r = apply.root_fd < 0 ? apply.root_fd
			      : apply_user(u, path, desired, user, &apply, residue, e);
	om_apply_done(&apply);
	om_journal_done(&journal);
	return r;
}

/* Whether the home can be used is seen as the user, whose right to see it counts. */
static void look_at_home(struct om_snapd_user *user)
{
	_cleanup_close_ int fd = -1;

	user->home_bad = om_snapd_home_bad(user->home);
	if (user->home_bad)
		return;
	fd = open(user->home, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		user->home_bad = strerror(errno);
}

static int update_user(const struct om_snapd_update *u, struct om_str *residue,
		       struct om_error *e)
{
	_cleanup_snapd_profile_ struct om_snapd_profile desired = { 0 };
	_cleanup_free_ char *path = om_asprintf(OM_SNAPD_DESIRED_USER, u->args->name);
	struct om_snapd_user user = *u->user;
	int r = path ? om_snapd_load(u->host_fd, path, &desired, e) : -ENOMEM;

	if (r < 0 || desired.entries.n == 0)
		return r;
	r = om_snapd_become_user(e);
	if (r < 0)
		return r;
	look_at_home(&user);
	r = om_snapd_expand(&desired, &user, e);
	return r < 0 ? r : enter_user(u, path, &desired, &user, residue, e);
}

int om_snapd_update(const struct om_snapd_update *u, struct om_str *residue,
		    struct om_error *e)
{
	int r;

	if (u->args->user_mounts) {
		r = update_user(u, residue, e);
	} else if (u->args->has_uid) {
		/* snapd keeps no namespaces of users any more. */
		r = 0;
	} else {
		r = update_as_root(u, residue, e);
	}
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot update") : 0;
}
