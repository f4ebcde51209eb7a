/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See step-judge.h.
 */
#include "fault/step-judge.h"

#include <stdio.h>
#include <string.h>

#include "fault/fixture.h"

#define STATUS_REFUSED 16 /* nothing is applied */
#define STATUS_BROKEN 64

/* --- what is ours ------------------------------------------------------------------ */

static bool is_ours(const struct step_session *s, const struct mount_entry *m)
{
	return !mounts_find(&s->base, m->id) && !attack_is_made(&s->attack, m->id);
}

static unsigned count_ours(const struct step_session *s, const struct step_view *v)
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
static const struct mount_entry *alike(const struct step_view *v,
				       const struct mount_entry *m, bool anywhere)
{
	for (size_t i = 0; i < v->mounts.n; i++) {
		const struct mount_entry *other = &v->mounts.v[i];

		if (v->ours[i] && strcmp(other->type, m->type) == 0 &&
		    (anywhere ? strcmp(other->root, m->root) == 0
			      : strcmp(other->point, m->point) == 0))
			return other;
	}
	return NULL;
}

/* Where the object at path is in the file system of the fixture. */
static void object_of(const char *path, char *buf, size_t size)
{
	static const char *const binds[][2] = {
		{ "/base/usr", "/tree" },
		{ "/base/mnt", "/ro" },
		{ "/base/srv", "/vol" },
		{ "/base/var/snap/app/sp/s/sub", "/tree/sub" },
	};

	for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
		size_t n = strlen(binds[i][0]);

		if (strncmp(path, binds[i][0], n) == 0 &&
		    (path[n] == '/' || path[n] == '\0')) {
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
static bool is_in_ours(const struct step_session *s, const struct mount_entry *m)
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
static bool is_mirror(const struct step_session *s, const struct mount_entry *m)
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

		if (s->complete.ours[i] && strncmp(other->point, m->point, n) == 0 &&
		    other->point[n] == '/')
			return true;
	}
	/* A link has no mount of its own. */
	return strncmp(STEP_PATH "/base/mnt/tp", m->point, n) == 0;
}

static unsigned wanted_attr(const struct step_session *s, const struct mount_entry *m)
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
		if (s->after.ours[i] && strcmp(other->point, m->point) == 0 &&
		    strcmp(other->root, m->root) == 0)
			return other->attr & all;
	}
	other = alike(&s->complete, m, false);
	if (!other && !is_new_fs(m))
		other = alike(&s->complete, m, true);
	if (other)
		return other->attr & all;
	/* What was bound in the place of a source: all profiles ask for these. */
	return MOUNT_NOSUID | MOUNT_NODEV | (is_new_fs(m) ? 0 : MOUNT_RDONLY);
}

/* May the mount be where it is, with exit status 0? */
static bool is_allowed_place(const struct step_session *s, const struct mount_entry *m)
{
	if (m->id == s->attack.victim && s->attack.on_done)
		return true;
	if (s->action->kind == ATTACK_OURS && s->attack.on_done && !is_outside(m))
		return true;
	/* He has bound a peer of the place: the kernel mounts there as well. */
	if (s->profile->shared && s->action->kind == ATTACK_MOUNT)
		return true;
	if (is_outside(m))
		return s->after_done && s->at > 1 && alike(&s->after, m, false);
	return alike(&s->complete, m, false) || alike(&s->after, m, false) ||
	       is_mirror(s, m) || strcmp(m->point, STEP_PATH "/base/opt") == 0;
}

static void judge_mounts(struct step_session *s, int status)
{
	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *m = &s->now.mounts.v[i];
		unsigned wanted;

		if (!is_ours(s, m))
			continue;
		wanted = wanted_attr(s, m);
		if ((m->attr & wanted) != wanted &&
		    !(m->id == s->attack.victim && s->attack.on_done && status == 0))
			step_bad(s, "attributes(%d) %s %x of %x", status, m->point,
				 m->attr, wanted);
		if (status == 0 && !is_allowed_place(s, m))
			step_bad(s, "escape(%d) %s %s", status,
				 m->point[0] ? m->point : "(nowhere)", m->root);
		else if (status != 0 && is_outside(m) && !is_stage(m))
			step_bad(s, "escape(%d) %s %s", status,
				 m->point[0] ? m->point : "(nowhere)", m->root);
	}
}

static void judge_secret(struct step_session *s, int status)
{
	unsigned now = step_count_secrets(&s->now.tree);
	unsigned none = step_count_secrets(&s->none.tree);
	unsigned after = step_count_secrets(&s->after.tree);

	if (now > (none > after ? none : after))
		step_bad(s, "secret(%d)", status);
}

/* What would be there without the program. */
static const struct step_view *without(const struct step_session *s)
{
	return s->attack.done && s->none_done ? &s->none : &s->before;
}

/*
 * How many mounts of the attacker (of those that were there in before, unless it is NULL)
 * are gone.  Of a shared one there are copies, which go with what they are in.
 */
static unsigned count_taken(const struct step_session *s, const struct step_view *before,
			    const struct step_view *now)
{
	unsigned was = 0, is = 0;

	for (size_t i = 0; i < s->attack.n_made; i++) {
		was += !before || mounts_find(&before->mounts, s->attack.made[i]);
		is += mounts_find(&now->mounts, s->attack.made[i]) != NULL;
	}
	return is > 0 && s->profile->shared ? 0 : was - is;
}

static void judge_foreign(struct step_session *s, int status)
{
	const struct step_view *ref = without(s);

	if (!text_same(&s->now.stamps, &s->stamps))
		step_bad(s, "outside(%d)", status);
	if (!text_same(&s->now.host, &ref->host))
		step_bad(s, "foreign(%d) files", status);
	if (!s->attack.on_stage && count_taken(s, NULL, &s->now) > 0)
		step_bad(s, "foreign(%d) a mount is gone", status);
}

/* How many mounts are neither in a nor in b; what mirrors a directory may be wherever. */
static unsigned count_more(const struct step_session *s, const struct text *a,
			   const struct text *b)
{
	static struct text line;
	unsigned more = 0;

	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *m = &s->now.mounts.v[i];

		text_clear(&line);
		if (!step_has_line(m))
			continue;
		mounts_line(&line, m, s->now.base[i]);
		more += count_missing(&line, a, b) && !(is_ours(s, m) && is_mirror(s, m));
	}
	return more;
}

/* How many mounts of last, and of first unless it is NULL, are not there. */
static unsigned count_gone(const struct step_session *s, const struct step_view *last,
			   const struct step_view *first)
{
	static struct text line;
	unsigned gone = 0;

	for (size_t i = 0; i < last->mounts.n; i++) {
		const struct mount_entry *m = &last->mounts.v[i];

		/* Behind the action all may be elsewhere, and nothing had to be done in
		 * front of it. */
		if (!step_has_line(m) ||
		    (last->ours[i] && (is_mirror(s, m) || (!first && is_outside(m)))))
			continue;
		text_clear(&line);
		mounts_line(&line, m, last->base[i]);
		gone += count_lost(&line, first ? &first->lines : NULL, &s->now.lines);
	}
	return gone;
}

/* Exit 0, and a mount of ours was the victim. */
static void judge_victim(struct step_session *s)
{
	unsigned missing = count_lost(&s->complete.lines, NULL, &s->now.lines);
	unsigned more = count_more(s, &s->complete.lines, NULL);

	if (!s->attack.on_done ? missing > 0
			       : missing > s->attack.victims ||
					 more > s->attack.victims + s->attack.n_made)
		step_bad(s, "%s(0) %u mounts missing, %u more",
			 s->attack.on_done ? "state" : "unnoticed", missing, more);
}

/* Does one mirror a directory that no other run had to? */
static bool has_new_mirror(const struct step_session *s)
{
	for (size_t i = 0; i < s->now.mounts.n; i++) {
		const struct mount_entry *m = &s->now.mounts.v[i];

		if (is_ours(s, m) && is_mirror(s, m) && !alike(&s->complete, m, false) &&
		    !alike(&s->after, m, false))
			return true;
	}
	return false;
}

/* Exit 0: as if the action came first, or last, each mount for itself. */
static void judge_success(struct step_session *s)
{
	const struct step_view *first = s->first_status == 0 ? &s->first : NULL;
	const struct step_view *last = s->attack.done && s->after_done ? &s->after
								       : &s->complete;
	unsigned lost, more;

	if (s->action->kind == ATTACK_OURS && s->attack.done) {
		judge_victim(s);
		return;
	}
	/* What propagates depends on what is a slave already. */
	if (!s->attack.done || s->at == 1 ||
	    (s->profile->shared && s->action->kind == ATTACK_MOUNT))
		return;
	lost = count_gone(s, last, first);
	more = count_more(s, &last->lines, first ? &first->lines : NULL);
	if (lost || more)
		step_bad(s, "state(0) %u mounts missing, %u more", lost, more);
	if (has_new_mirror(s))
		return;
	lost = count_lost(&last->tree, first ? &first->tree : NULL, &s->now.tree);
	more = count_missing(&s->now.tree, &last->tree, first ? &first->tree : NULL);
	if (lost || more)
		step_bad(s, "state(0) %u names missing, %u more", lost, more);
}

/* No success: as without the program, or it says what is left. */
static void judge_failure(struct step_session *s, int status)
{
	static struct text output;
	unsigned ours = count_ours(s, &s->now);

	if (status == STATUS_BROKEN) {
		s->tally->broken++;
		if (ours &&
		    (!step_read(FIXTURE_OUTPUT, &output) || !output.n ||
		     (!strstr(output.s, "findmnt") && !strstr(output.s, "stage"))))
			step_bad(s, "residue(64) %u mounts", ours);
		return;
	}
	if (status != 1 && status != 2 && status != 16 && status != 32)
		step_bad(s, "status(%d)", status);
	else if (ours)
		step_bad(s, "leftover(%d) %u mounts", status, ours);
	else if (!text_same(&s->now.tree, &without(s)->tree))
		step_bad(s, "leftover(%d) names", status);
	else if (s->action->kind < ATTACK_STATE &&
		 count_lost(&without(s)->lines, NULL, &s->now.lines) > 0)
		step_bad(s, "foreign(%d) mounts are changed", status);
}

/* --- afterwards -------------------------------------------------------------------- */

static void judge_check(struct step_session *s)
{
	/* How a mount propagates is not in its line. */
	bool complete = text_same(&s->now.lines, &s->complete.lines) &&
			!(s->attack.done && strcmp(s->action->name, "ours-shared") == 0);
	bool gone = count_lost(&s->complete.lines, NULL, &s->now.lines) > 0;
	int status;

	if (s->action->kind >= ATTACK_STATE)
		return;
	status = step_command_plain(s, STEP_CHECK);
	if (complete && text_same(&s->now.tree, &s->complete.tree) &&
	    status != s->clean_check)
		step_bad(s, "check(%d) all is there", status);
	if (gone && status == 0 && s->attack.on_done)
		step_bad(s, "check(0) something is not there");
}

/* Something of ours stays. */
static void judge_rest(struct step_session *s, int applied, int status)
{
	static struct text output;
	unsigned ours = count_ours(s, &s->settled);

	if (s->action->kind == ATTACK_JOURNAL) {
		/* Behind the last word of the program nobody can notice. */
		if (status == 0 ||
		    (status == STATUS_REFUSED && applied == 0 && s->at <= s->committed))
			step_bad(s, "lost(%d) %u mounts", status, ours);
	} else if (status == 0) {
		step_bad(s, "left(0) %u mounts", ours);
	} else if (s->action->repair) {
		step_bad(s, "left(%d) %u mounts after the repair", status, ours);
	} else if (!step_read(FIXTURE_OUTPUT, &output) || !strchr(output.s, '/')) {
		step_bad(s, "left(%d) without a word", status);
	}
}

static void judge_taken(struct step_session *s, int status)
{
	unsigned taken = count_taken(s, &s->now, &s->settled);

	if (taken > 0 && !s->attack.on_stage)
		step_bad(s, "took(%d) %u mounts", status, taken);
	if (!text_same(&s->settled.stamps, &s->stamps) ||
	    !text_same(&s->settled.host, &without(s)->host))
		step_bad(s, "took(%d) files", status);
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

static int settle_once(struct step_session *s, int applied)
{
	int status = step_command_plain(s, applied == 0 ? STEP_UNDO : STEP_RECOVER);

	step_session_look(s, &s->settled);
	step_show(s, "after undo or recovery", &s->settled);
	judge_taken(s, status);
	return status;
}

/* Undo or recovery, without force: nothing of ours, or a reason. */
static void settle(struct step_session *s, int applied)
{
	int status = settle_once(s, applied);

	if (s->attack.done && s->action->repair &&
	    (count_ours(s, &s->settled) > 0 || status != 0)) {
		if (status == 0)
			step_bad(s, "left(0) %u mounts", count_ours(s, &s->settled));
		if (!s->action->repair())
			step_bad(s, "control: no repair");
		step_session_look(s, &s->now);
		status = settle_once(s, applied);
	}
	if (count_ours(s, &s->settled) > 0)
		judge_rest(s, applied, status);
	else if (!text_same(&s->settled.tree, &without(s)->tree))
		step_bad(s, "left(%d) names", status);
	else if (s->action->kind != ATTACK_JOURNAL && status == 0 && !is_state_clean())
		step_bad(s, "left(0) a name in the state directory");
}

void step_judge(struct step_session *s, const struct tracer_run *t)
{
	if (t->hung || t->killed || t->orphans) {
		step_bad(s, "%s",
			 t->hung     ? "hung"
			 : t->killed ? "crash"
				     : "process left");
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
