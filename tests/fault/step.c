/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See step.h.  Only the kernel is asked what is mounted, by unique ids: ours is what was
 * not there before and what the attacker did not make.  Verdicts:
 *   escape      a mount of ours where no profile wants one, also outside of the root
 *   secret      a file that nobody may read is seen through a mount of ours
 *   attributes  a mount of ours lacks ro, nosuid, nodev or noexec
 *   outside     something outside was changed
 *   foreign     a mount or a file that is not ours was changed or taken away
 *   state       exit 0, and it is neither as if the action came first nor as if it came last
 *   unnoticed   exit 0 although a mount was taken away before it was in its place
 *   leftover    no exit 0, and something of ours is there
 *   residue     exit 64, and what is left is not named
 *   check       `overmount check` says something else than what is seen
 *   lost        exit 0 although what was written down is gone
 *   left, took  undo or recovery: ours is still there, and nobody says so; a stranger is gone
 */
#include "fault/step.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault/attacker.h"
#include "fault/fixture.h"
#include "fault/step-scene.h"
#include "fault/tracer.h"
#include "tools/calls.h"

#define CALL_OPEN_TREE 428
#define TREE_CLONE 1
#define STATUS_REFUSED 16 /* nothing is applied */
#define STATUS_BROKEN 64

enum command { APPLY, UNDO, RECOVER, CHECK, N_COMMANDS };

static const char *const command_names[N_COMMANDS] = { "apply", "undo", "recover",
						       "check" };

struct session {
	const struct settings *settings;
	const struct cell *cell;
	const struct step_profile *profile;
	struct tally *tally;
	unsigned number;
	bool verbose;
	struct text facts;
	bool has_facts;
	struct tracer_template templates[N_COMMANDS];
	struct attack attack;
	struct mount_table base;   /* before the program began */
	struct text stamps;	   /* as well */
	struct tracer_call *calls; /* of the clean run */
	size_t n_calls;
	int clean_check;
	unsigned committed; /* the call that writes the last record */
	/* Nothing done; applied; only the action; applied, then the action; and first it. */
	struct step_view before, complete, none, after, first, now, settled;
	bool none_done, after_done;
	int first_status;
	/* The verdict that is being worked on. */
	unsigned at;
	const struct action *action;
	bool bad;
};

/* --- telling ----------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void bad(struct session *s,
						      const char *format, ...)
{
	const struct cell *cell = s->cell;
	const char *name = NULL;
	char buf[512], what[256];
	va_list ap;
	int n;

	va_start(ap, format);
	(void)vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	if (s->at > 0 && s->at <= s->n_calls)
		name = call_name(s->calls[s->at - 1].number);
	n = snprintf(buf, sizeof(buf), "%u %s:%s:%s:step:%u:%s %s at %s\n", s->number,
		     cell->profile, cell->surface->name, cell->strategy, s->at,
		     s->action ? s->action->name : "-", what, name ? name : "?");
	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	if (s->verbose)
		(void)printf("VERDICT %s", buf);
	else
		(void)!write(s->settings->report, buf, (size_t)n);
	/* One injection is bad once, however many things are wrong. */
	if (!s->bad)
		s->tally->bad++;
	s->bad = true;
}

static void show_text(const char *what, const struct text *a, const struct text *b)
{
	struct text diff = { 0 };

	snapshot_diff(&diff, a, b, 40);
	if (diff.n)
		(void)printf("  %s:\n%s", what, diff.s);
	text_done(&diff);
}

static void show(const struct session *s, const char *title, const struct step_view *v)
{
	if (!s->verbose)
		return;
	(void)printf("== %s\n", title);
	show_text("mounts, from before to now", &s->before.lines, &v->lines);
	show_text("root, from before to now", &s->before.tree, &v->tree);
	show_text("files below the mounts, from before to now", &s->before.host,
		  &v->host);
}

/* --- running ----------------------------------------------------------------------- */

static bool read_all(const char *path, struct text *ret)
{
	char buf[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	text_clear(ret);
	if (fd < 0)
		return false;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add(ret, buf, (size_t)n);
	(void)close(fd);
	return true;
}

static void write_facts(const struct session *s)
{
	int fd;

	if (!s->has_facts)
		return;
	fd = open(STEP_STATE "/facts", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, s->facts.s, s->facts.n) != (ssize_t)s->facts.n)
		abort();
	(void)close(fd);
}

static void start_anew(struct session *s)
{
	if (s->attack.fs >= 0)
		(void)close(s->attack.fs);
	if (!step_scene_make(s->profile)) {
		perror("campaign: cannot make the fixture of the step race");
		exit(2);
	}
	s->attack.fs =
		(int)syscall(CALL_OPEN_TREE, AT_FDCWD, STEP_DIR, TREE_CLONE | O_CLOEXEC);
	if (s->attack.fs < 0 || !mounts_read(&s->base)) {
		perror("campaign: the step race needs open_tree and listmount");
		exit(2);
	}
	s->attack.n_made = 0;
	s->attack.done = false;
	s->attack.victim = 0;
	write_facts(s);
}

static void run(struct session *s, enum command command, struct tracer_run *t)
{
	const char *program = s->settings->program;
	const char *const apply[] = {
		program,    "apply",	  "--root",	     STEP_DIR "/base", "--state",
		STEP_STATE, "--strategy", s->cell->strategy, STEP_PROFILE,     NULL
	};
	const char *const other[] = { program, command_names[command], "--state",
				      STEP_STATE, NULL };

	t->argv = command == APPLY ? apply : other;
	t->surface = s->cell->surface;
	t->output = FIXTURE_OUTPUT;
	if (!s->templates[command].pid && !s->settings->no_templates)
		(void)tracer_template_open(&s->templates[command], t);
	t->template = &s->templates[command];
	if (tracer_run(t) < 0) {
		(void)fprintf(stderr, "campaign: cannot run %s\n", program);
		exit(2);
	}
	if (s->verbose) {
		static struct text output;

		(void)printf("== %s: exit %d%s%s%s\n", command_names[command], t->status,
			     t->killed ? ", killed" : "", t->hung ? ", hung" : "",
			     t->orphans ? ", left a process" : "");
		if (read_all(FIXTURE_OUTPUT, &output) && output.n)
			(void)printf("%s", output.s);
	}
}

static int run_plain(struct session *s, enum command command)
{
	struct tracer_run t = { .how = TRACER_PLAIN };

	run(s, command, &t);
	if (t.hung)
		bad(s, "%s hung", command_names[command]);
	else if (t.killed)
		bad(s, "%s crashed(%d)", command_names[command], t.status);
	return t.status;
}

static void act(void *arg)
{
	struct session *s = arg;

	attack_run(&s->attack, s->action);
	if (s->verbose)
		(void)printf("== %s: %s\n", s->action->name,
			     s->attack.done ? "done" : "cannot be done");
}

static void look(const struct session *s, struct step_view *ret)
{
	step_look(ret, s->attack.fs, &s->base);
}

/* --- what is ours ------------------------------------------------------------------ */

static bool is_ours(const struct session *s, const struct mount_entry *m)
{
	return !mounts_find(&s->base, m->id) && !attack_is_made(&s->attack, m->id);
}

static unsigned count_ours(const struct session *s, const struct step_view *v)
{
	unsigned n = 0;

	for (size_t i = 0; i < v->mounts.n; i++)
		n += is_ours(s, &v->mounts.v[i]);
	return n;
}

static bool has_line(const struct text *t, const char *line, size_t n)
{
	for (const char *p = t->s, *end; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		if ((size_t)(end - p) == n && memcmp(p, line, n) == 0)
			return true;
	}
	return false;
}

/* How many lines of a are neither in b nor in c (may be NULL). */
static unsigned count_missing(const struct text *a, const struct text *b,
			      const struct text *c)
{
	unsigned missing = 0;

	for (const char *p = a->s, *end; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		missing += !has_line(b, p, (size_t)(end - p)) &&
			   !(c && has_line(c, p, (size_t)(end - p)));
	}
	return missing;
}

/* How many lines that a and b (unless it is NULL) have are not in c. */
static unsigned count_lost(const struct text *a, const struct text *b,
			   const struct text *c)
{
	unsigned lost = 0;

	for (const char *p = a->s, *end; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		lost += (!b || has_line(b, p, (size_t)(end - p))) &&
			!has_line(c, p, (size_t)(end - p));
	}
	return lost;
}

/* --- judging ----------------------------------------------------------------------- */

/* A mount of ours: is there one like it in a state that may be? */
static const struct mount_entry *alike(const struct session *s, const struct step_view *v,
				       const struct mount_entry *m, bool anywhere)
{
	for (size_t i = 0; i < v->mounts.n; i++) {
		const struct mount_entry *other = &v->mounts.v[i];

		if (!mounts_find(&s->before.mounts, other->id) &&
		    strcmp(other->type, m->type) == 0 &&
		    (anywhere ? strcmp(other->root, m->root) == 0
			      : strcmp(other->point, m->point) == 0))
			return other;
	}
	return NULL;
}

/* Where the object at path is in the file system of the fixture. */
static void object_of(const char *path, char *buf, size_t size)
{
	static const char *const binds[][2] = { { "/base/usr", "/tree" },
						{ "/base/mnt", "/ro" },
						{ "/base/srv", "/vol" } };

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(binds[i][0]);

		if (strncmp(path, binds[i][0], n) == 0 && path[n] == '/') {
			(void)snprintf(buf, size, "%s%s", binds[i][1], path + n);
			return;
		}
	}
	(void)snprintf(buf, size, "%s", path);
}

static bool is_outside(const struct mount_entry *m)
{
	static const char root[] = STEP_PATH "/base/";

	return strncmp(m->point, root, sizeof(root) - 1) != 0;
}

static bool is_stage(const struct mount_entry *m)
{
	static const char state[] = STEP_PATH "/state/";

	return strncmp(m->point, state, sizeof(state) - 1) == 0;
}

static bool is_new_fs(const struct mount_entry *m)
{
	return m->root[1] == '\0';
}

/* Is there a file system of ours on the directory that the mount is in? */
static bool is_in_ours(const struct session *s, const struct mount_entry *m)
{
	size_t n = (size_t)(strrchr(m->point, '/') - m->point);

	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *other = &s->now.mounts.v[i];

		if (is_ours(s, other) && is_new_fs(other) &&
		    strncmp(other->point, m->point, n) == 0 && other->point[n] == '\0')
			return true;
	}
	return false;
}

/*
 * Once a target is missing its directory is mirrored: a file system on what is above the
 * target, and what was there on its own place.
 */
static bool is_mirror(const struct session *s, const struct mount_entry *m)
{
	size_t n = strlen(m->point);
	char object[256];

	if (is_outside(m))
		return false;
	object_of(m->point + strlen(STEP_PATH), object, sizeof(object));
	if (strcmp(m->root, object) == 0)
		return true;
	if (!is_new_fs(m))
		return strcmp(strrchr(m->root, '/'), strrchr(m->point, '/')) == 0 &&
		       is_in_ours(s, m);
	for (size_t i = 0; i < s->complete.mounts.n; i++) {
		const struct mount_entry *other = &s->complete.mounts.v[i];

		if (!mounts_find(&s->before.mounts, other->id) &&
		    strncmp(other->point, m->point, n) == 0 && other->point[n] == '/')
			return true;
	}
	/* A link has no mount of its own. */
	return strncmp(STEP_PATH "/base/mnt/tp", m->point, n) == 0;
}

static unsigned wanted_attr(const struct session *s, const struct mount_entry *m)
{
	const unsigned all = MOUNT_RDONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;
	const struct mount_entry *other;

	if (is_stage(m))
		return MOUNT_NOSUID | MOUNT_NODEV;
	if (is_mirror(s, m))
		return 0;
	/* Moved afterwards, with what it is in. */
	for (size_t i = 0; i < s->after.mounts.n && s->at > 1; i++) {
		other = &s->after.mounts.v[i];
		if (!mounts_find(&s->before.mounts, other->id) &&
		    strcmp(other->point, m->point) == 0 &&
		    strcmp(other->root, m->root) == 0)
			return other->attr & all;
	}
	other = alike(s, &s->complete, m, false);
	if (!other && !is_new_fs(m))
		other = alike(s, &s->complete, m, true);
	if (other)
		return other->attr & all;
	/* What was bound in the place of a source: all profiles ask for these. */
	return MOUNT_NOSUID | MOUNT_NODEV | (is_new_fs(m) ? 0 : MOUNT_RDONLY);
}

/* May the mount be where it is, with exit status 0? */
static bool is_allowed_place(const struct session *s, const struct mount_entry *m)
{
	if (m->id == s->attack.victim && s->attack.on_done)
		return true;
	if (s->action->kind == ATTACK_OURS && s->attack.on_done && !is_outside(m))
		return true;
	/* He has bound a peer of the place: the kernel mounts there as well. */
	if (s->profile->shared && s->action->kind == ATTACK_MOUNT)
		return true;
	if (is_outside(m))
		return s->after_done && s->at > 1 && alike(s, &s->after, m, false);
	return alike(s, &s->complete, m, false) || alike(s, &s->after, m, false) ||
	       is_mirror(s, m) || strcmp(m->point, STEP_PATH "/base/opt") == 0;
}

static void judge_mounts(struct session *s, int status)
{
	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *m = &s->now.mounts.v[i];
		unsigned wanted;

		if (!is_ours(s, m))
			continue;
		wanted = wanted_attr(s, m);
		if ((m->attr & wanted) != wanted &&
		    !(m->id == s->attack.victim && s->attack.on_done && status == 0))
			bad(s, "attributes(%d) %s %x of %x", status, m->point, m->attr,
			    wanted);
		if (status == 0 && !is_allowed_place(s, m))
			bad(s, "escape(%d) %s %s", status,
			    m->point[0] ? m->point : "(nowhere)", m->root);
		else if (status != 0 && is_outside(m) && !is_stage(m))
			bad(s, "escape(%d) %s %s", status,
			    m->point[0] ? m->point : "(nowhere)", m->root);
	}
}

static void judge_secret(struct session *s, int status)
{
	unsigned now = step_count_secrets(&s->now.tree);
	unsigned none = step_count_secrets(&s->none.tree);
	unsigned after = step_count_secrets(&s->after.tree);

	if (now > (none > after ? none : after))
		bad(s, "secret(%d)", status);
}

/* What would be there without the program. */
static const struct step_view *without(const struct session *s)
{
	return s->attack.done && s->none_done ? &s->none : &s->before;
}

static void judge_foreign(struct session *s, int status)
{
	const struct step_view *ref = without(s);

	if (!text_same(&s->now.stamps, &s->stamps))
		bad(s, "outside(%d)", status);
	if (!text_same(&s->now.host, &ref->host))
		bad(s, "foreign(%d) files", status);
	for (size_t i = 0; i < s->attack.n_made && !s->attack.on_stage; i++)
		if (!mounts_find(&s->now.mounts, s->attack.made[i]))
			bad(s, "foreign(%d) a mount is gone", status);
}

/* Exit 0, and a mount of ours was the victim. */
static void judge_victim(struct session *s)
{
	unsigned missing = count_lost(&s->complete.lines, NULL, &s->now.lines);
	unsigned more = count_missing(&s->now.lines, &s->complete.lines, NULL);

	if (!s->attack.on_done ? missing > 0
			       : missing > s->attack.victims ||
					 more > s->attack.victims + s->attack.n_made)
		bad(s, "%s(0) %u mounts missing, %u more",
		    s->attack.on_done ? "state" : "unnoticed", missing, more);
}

/* How many mounts are neither in a nor in b; what mirrors a directory may be wherever. */
static unsigned count_more(const struct session *s, const struct text *a,
			   const struct text *b)
{
	static struct text line;
	unsigned more = 0;

	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *m = &s->now.mounts.v[i];

		text_clear(&line);
		if (m->point[0] && strncmp(m->point, STEP_PATH, strlen(STEP_PATH)) != 0)
			continue;
		mounts_line(&line, m, mounts_find(&s->base, m->id));
		more += count_missing(&line, a, b) && !(is_ours(s, m) && is_mirror(s, m));
	}
	return more;
}

/* Does one mirror a directory that no other run had to? */
static bool has_new_mirror(const struct session *s)
{
	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *m = &s->now.mounts.v[i];

		if (is_ours(s, m) && is_mirror(s, m) &&
		    !alike(s, &s->complete, m, false) && !alike(s, &s->after, m, false))
			return true;
	}
	return false;
}

/* Exit 0: as if the action came first, or last, each mount for itself. */
static void judge_success(struct session *s)
{
	const struct step_view *first = s->first_status == 0 ? &s->first : NULL;
	const struct step_view *last = s->attack.done && s->after_done ? &s->after
								       : &s->complete;
	unsigned lost, more;

	if (s->action->kind == ATTACK_OURS && s->attack.done) {
		judge_victim(s);
		return;
	}
	if (!s->attack.done || s->at == 1)
		return;
	lost = count_lost(&last->lines, first ? &first->lines : NULL, &s->now.lines);
	more = count_more(s, &last->lines, first ? &first->lines : NULL);
	if (lost || more)
		bad(s, "state(0) %u mounts missing, %u more", lost, more);
	if (has_new_mirror(s))
		return;
	lost = count_lost(&last->tree, first ? &first->tree : NULL, &s->now.tree);
	more = count_missing(&s->now.tree, &last->tree, first ? &first->tree : NULL);
	if (lost || more)
		bad(s, "state(0) %u names missing, %u more", lost, more);
}

/* No success: as without the program, or it says what is left. */
static void judge_failure(struct session *s, int status)
{
	static struct text output;
	unsigned ours = count_ours(s, &s->now);

	if (status == STATUS_BROKEN) {
		s->tally->broken++;
		if (ours &&
		    (!read_all(FIXTURE_OUTPUT, &output) || !output.n ||
		     (!strstr(output.s, "findmnt") && !strstr(output.s, "stage"))))
			bad(s, "residue(64) %u mounts", ours);
		return;
	}
	if (status != 1 && status != 2 && status != 16 && status != 32)
		bad(s, "status(%d)", status);
	else if (ours)
		bad(s, "leftover(%d) %u mounts", status, ours);
	else if (!text_same(&s->now.tree, &without(s)->tree))
		bad(s, "leftover(%d) names", status);
	else if (s->action->kind < ATTACK_STATE &&
		 count_lost(&without(s)->lines, NULL, &s->now.lines) > 0)
		bad(s, "foreign(%d) mounts are changed", status);
}

/* --- afterwards -------------------------------------------------------------------- */

static void judge_check(struct session *s)
{
	bool complete = text_same(&s->now.lines, &s->complete.lines);
	bool gone = count_lost(&s->complete.lines, NULL, &s->now.lines) > 0;
	int status;

	if (s->action->kind >= ATTACK_STATE)
		return;
	status = run_plain(s, CHECK);
	if (complete && text_same(&s->now.tree, &s->complete.tree) &&
	    status != s->clean_check)
		bad(s, "check(%d) all is there", status);
	/* Attributes are not looked at. */
	if (gone && status == 0 && s->attack.on_done &&
	    strcmp(s->action->name, "ours-writable") != 0 &&
	    strcmp(s->action->name, "ours-shared") != 0)
		bad(s, "check(0) something is not there");
}

/* Something of ours stays. */
static void judge_rest(struct session *s, int applied, int status)
{
	static struct text output;
	unsigned ours = count_ours(s, &s->settled);

	if (s->action->kind == ATTACK_JOURNAL) {
		/* Behind the last word of the program nobody can notice. */
		if (status == 0 ||
		    (status == STATUS_REFUSED && applied == 0 && s->at <= s->committed))
			bad(s, "lost(%d) %u mounts", status, ours);
	} else if (status == 0) {
		bad(s, "left(0) %u mounts", ours);
	} else if (s->action->repair) {
		bad(s, "left(%d) %u mounts after the repair", status, ours);
	} else if (!read_all(FIXTURE_OUTPUT, &output) || !strchr(output.s, '/')) {
		bad(s, "left(%d) without a word", status);
	}
}

static void judge_taken(struct session *s, int status)
{
	unsigned before = 0, after = 0;

	for (size_t i = 0; i < s->attack.n_made; i++) {
		before += mounts_find(&s->now.mounts, s->attack.made[i]) != NULL;
		after += mounts_find(&s->settled.mounts, s->attack.made[i]) != NULL;
	}
	if (after < before && !s->attack.on_stage)
		bad(s, "took(%d) %u mounts", status, before - after);
	if (!text_same(&s->settled.stamps, &s->stamps) ||
	    !text_same(&s->settled.host, &without(s)->host))
		bad(s, "took(%d) files", status);
}

/* Only what may stay for ever, and what fills the directory. */
static bool is_state_clean(void)
{
	static const char *const names[] = { "facts", "lock", "fill" };
	static struct text found;
	bool clean = true;

	text_clear(&found);
	snapshot_names(&found, STEP_STATE);
	for (const char *p = found.s, *end; p && *p; p = end + 1) {
		bool known = false;

		end = strchr(p, '\n');
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			known = known || strncmp(p, names[i], strlen(names[i])) == 0;
		clean = clean && known;
	}
	return clean;
}

static int settle_once(struct session *s, int applied)
{
	int status = run_plain(s, applied == 0 ? UNDO : RECOVER);

	look(s, &s->settled);
	show(s, "after undo or recovery", &s->settled);
	judge_taken(s, status);
	return status;
}

/* Undo or recovery, without force: nothing of ours, or a reason. */
static void settle(struct session *s, int applied)
{
	int status = settle_once(s, applied);

	if (s->attack.done && s->action->repair &&
	    (count_ours(s, &s->settled) > 0 || status != 0)) {
		if (status == 0)
			bad(s, "left(0) %u mounts", count_ours(s, &s->settled));
		if (!s->action->repair())
			bad(s, "control: no repair");
		look(s, &s->now);
		status = settle_once(s, applied);
	}
	if (count_ours(s, &s->settled) > 0)
		judge_rest(s, applied, status);
	else if (!text_same(&s->settled.tree, &without(s)->tree))
		bad(s, "left(%d) names", status);
	else if (s->action->kind != ATTACK_JOURNAL && status == 0 && !is_state_clean())
		bad(s, "left(0) a name in the state directory");
}

static void judge(struct session *s, const struct tracer_run *t)
{
	if (t->hung || t->killed || t->orphans) {
		bad(s, "%s", t->hung ? "hung" : t->killed ? "crash" : "process left");
		return;
	}
	judge_mounts(s, t->status);
	judge_secret(s, t->status);
	judge_foreign(s, t->status);
	if (s->settings->naive)
		return;
	if (t->status == 0) {
		judge_success(s);
		judge_check(s);
	} else {
		judge_failure(s, t->status);
	}
	settle(s, t->status);
}

/* --- steps ------------------------------------------------------------------------- */

static void step(struct session *s, unsigned at)
{
	struct tracer_run t = { .how = TRACER_STEP,
				.at = at,
				.act = act,
				.arg = s,
				.expect = s->calls,
				.n_expect = s->n_calls };

	start_anew(s);
	look(s, &s->now);
	text_clear(&s->stamps);
	text_add(&s->stamps, s->now.stamps.s, s->now.stamps.n);
	s->at = at;
	s->bad = false;
	run(s, APPLY, &t);
	s->tally->injections++;
	if (t.strayed) {
		s->tally->strayed++;
		bad(s, "nondeterministic");
	}
	look(s, &s->now);
	show(s, "after apply", &s->now);
	if (at == 1)
		s->first_status = t.status;
	judge(s, &t);
}

/* The action alone, and behind a whole apply. */
static void take_references(struct session *s, const struct action *action)
{
	s->action = action;
	s->at = 0;
	s->bad = false;
	start_anew(s);
	attack_run(&s->attack, action);
	s->none_done = s->attack.done;
	look(s, &s->none);
	start_anew(s);
	(void)run_plain(s, APPLY);
	attack_run(&s->attack, action);
	s->after_done = s->attack.done;
	look(s, &s->after);
	/* As if it came first: nothing is decided yet at the first call. */
	start_anew(s);
	attack_run(&s->attack, action);
	s->first_status = run_plain(s, APPLY);
	look(s, &s->first);
}

static bool open_namespaces(struct session *s)
{
	struct attack *a = &s->attack;

	*a = (struct attack){ .focus = &s->profile->focus, .base = &s->base, .fs = -1 };
	a->work = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	a->own_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	step_scene_clear();
	if (a->work < 0 || a->own_ns < 0 || unshare(CLONE_NEWNS) < 0)
		return false;
	a->user_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return a->user_ns >= 0 && setns(a->own_ns, CLONE_NEWNS) == 0 &&
	       fchdir(a->work) == 0;
}

/* What is compared with; false: no race can tell anything. */
static bool begin(struct session *s)
{
	struct tracer_run t = { .how = TRACER_COUNT };
	int status;

	start_anew(s);
	(void)run_plain(s, APPLY);
	s->has_facts = !s->settings->naive && read_all(STEP_STATE "/facts", &s->facts);
	start_anew(s);
	look(s, &s->before);
	run(s, APPLY, &t);
	s->calls = t.calls;
	s->n_calls = t.n_calls;
	for (size_t i = 0; i < t.n_calls; i++)
		if (t.calls[i].number == SYS_pwrite64)
			s->committed = (unsigned)i + 1;
	look(s, &s->complete);
	show(s, "complete", &s->complete);
	if (t.status != 0 || text_same(&s->before.tree, &s->complete.tree)) {
		bad(s, "control: exit status %d, or nothing is seen", t.status);
		return false;
	}
	if (s->settings->naive)
		return true;
	s->clean_check = run_plain(s, CHECK);
	if (s->clean_check != 0)
		bad(s, "control: check(%d) without any action", s->clean_check);
	status = run_plain(s, UNDO);
	look(s, &s->now);
	if (status != 0 || !text_same(&s->now.lines, &s->before.lines) ||
	    !text_same(&s->now.tree, &s->before.tree)) {
		bad(s, "control: undo(%d) without any action", status);
		return false;
	}
	return true;
}

static struct session *open_session(const struct settings *settings,
				    const struct cell *cell, unsigned number,
				    struct tally *tally)
{
	static struct session session;
	struct session *s = &session;

	*s = (struct session){ .settings = settings,
			       .cell = cell,
			       .profile = step_profile_get(cell->profile),
			       .tally = tally,
			       .number = number };
	if (!s->profile || !open_namespaces(s)) {
		perror("campaign: cannot begin the step race");
		exit(2);
	}
	return s;
}

static void close_session(struct session *s)
{
	struct step_view *views[] = { &s->before, &s->complete, &s->none,   &s->after,
				      &s->first,  &s->now,	&s->settled };

	for (size_t i = 0; i < N_COMMANDS; i++)
		tracer_template_close(&s->templates[i]);
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		step_view_done(views[i]);
	text_done(&s->facts);
	text_done(&s->stamps);
	free(s->calls);
	(void)close(s->attack.fs);
	(void)close(s->attack.own_ns);
	(void)close(s->attack.user_ns);
	(void)close(s->attack.work);
	step_scene_clear();
}

/* Another part in each cell and for each action. */
static bool is_sampled(const struct session *s, unsigned at, size_t action)
{
	const struct settings *settings = s->settings;

	return (at + action + settings->offset + s->number) % settings->every == 0;
}

static bool any_sampled(const struct session *s, size_t action)
{
	for (unsigned at = 1; at <= s->n_calls; at++)
		if (is_sampled(s, at, action))
			return true;
	return false;
}

void step_run(const struct settings *settings, const struct cell *cell, unsigned number,
	      struct tally *tally)
{
	struct session *s = open_session(settings, cell, number, tally);

	/* Where nothing is to be constructed, all strategies do the same. */
	if (!settings->naive && !s->profile->hole &&
	    strcmp(cell->strategy, "mimic") != 0) {
		close_session(s);
		return;
	}
	if (begin(s)) {
		for (size_t i = 0; i < n_actions; i++) {
			if (!any_sampled(s, i))
				continue;
			take_references(s, &actions[i]);
			for (unsigned at = 1; at <= s->n_calls; at++)
				if (is_sampled(s, at, i))
					step(s, at);
		}
	}
	close_session(s);
}

static void print_calls(const struct session *s)
{
	for (unsigned i = 1; i <= s->n_calls; i++)
		(void)printf("%4u %s%s\n", i, call_name(s->calls[i - 1].number),
			     i == s->at ? " <<<" : "");
}

void step_replay(const struct settings *settings, const struct cell *cell, unsigned at,
		 const char *action, struct tally *tally)
{
	struct session *s = open_session(settings, cell, 0, tally);

	for (size_t i = 0; i < n_actions; i++) {
		if (strcmp(actions[i].name, action) != 0)
			continue;
		if (!begin(s))
			break;
		s->at = at;
		s->verbose = true;
		if (at == 0 || at > s->n_calls) {
			print_calls(s);
			break;
		}
		print_calls(s);
		s->verbose = false;
		take_references(s, &actions[i]);
		s->verbose = true;
		step(s, at);
	}
	close_session(s);
}
