/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cell.h.  What is asked of every run:
 *   once, persistent   exit 0: complete.  1, 2, 16, 32: as before.  64: only when every
 *                      call fails, and recovery without injection must then work.
 *   kill, nested       after recovery: as before, or complete; again: no change.
 *   lie                exit 0: complete.  Else as before, or 64.
 * Whatever a run left must be gone after undo or recovery: mounts, names, the journal and
 * the stage.  When it is not, the fixture is made anew for the next injection.
 */
#include "fault/cell.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/fixture.h"
#include "fault/snapshot.h"
#include "fault/tracer.h"
#include "tools/calls.h"

#define STATUS_REFUSED 16
#define STATUS_BROKEN 64
#define MISSING "!2\n" /* ENOENT, as snapshot_names() says it */

const char *const mode_names[N_MODES] = { "once",   "persistent", "kill",
					  "nested", "lie",	  "step" };

struct scene {
	struct text mounts, tree, names;
};

struct session {
	const struct settings *settings;
	const struct cell *cell;
	struct tally *tally;
	unsigned number;
	bool verbose;
	char state[64];
	struct scene before, complete, now, settled;
	/* What the kill before left, and how many calls it took to recover from that. */
	struct scene left;
	size_t left_calls;
	struct text facts; /* the file, to be the same before every run */
	bool has_facts;
	/* Of the clean run. */
	struct tracer_call *calls;
	size_t n_calls;
	int clean_status;
	/* Of apply, undo and recovery; bound to this fixture. */
	struct tracer_template templates[3];
};

/* --- looking ----------------------------------------------------------------------- */

static void scene_clear(struct scene *s)
{
	text_clear(&s->mounts);
	text_clear(&s->tree);
	text_clear(&s->names);
}

static void look(const struct session *s, struct scene *ret)
{
	scene_clear(ret);
	snapshot_mounts(&ret->mounts);
	(void)snapshot_tree(&ret->tree, "base");
	/* Beside it nothing may appear. */
	snapshot_names(&ret->tree, ".");
	snapshot_names(&ret->names, s->state);
}

static void text_copy(struct text *to, const struct text *from)
{
	text_clear(to);
	text_add(to, from->s ? from->s : "", from->n);
}

static void scene_copy(struct scene *to, const struct scene *from)
{
	text_copy(&to->mounts, &from->mounts);
	text_copy(&to->tree, &from->tree);
	text_copy(&to->names, &from->names);
}

static bool same(const struct scene *a, const struct scene *b)
{
	return text_same(&a->mounts, &b->mounts) && text_same(&a->tree, &b->tree);
}

/*
 * Nothing in the state directory but what may stay for ever.  It may be gone itself: a
 * program that was told that it made it takes it away.
 */
static bool is_clean(const struct scene *s)
{
	if (s->names.n && strcmp(s->names.s, MISSING) == 0)
		return true;
	for (const char *p = s->names.s, *end; p && *p; p = end + 1) {
		end = strchr(p, '\n');
		if (strncmp(p, "facts\n", 6) != 0 && strncmp(p, "lock\n", 5) != 0 &&
		    strncmp(p, "lock.", 5) != 0)
			return false;
	}
	return true;
}

static bool is_settled(const struct session *s, const struct scene *scene)
{
	return same(scene, &s->before) && is_clean(scene);
}

static void scene_done(struct scene *s)
{
	text_done(&s->mounts);
	text_done(&s->tree);
	text_done(&s->names);
}

static void show_diff(const char *what, const struct text *before,
		      const struct text *after)
{
	struct text diff = { 0 };

	snapshot_diff(&diff, before, after, 40);
	if (diff.n)
		(void)printf("  %s:\n%s", what, diff.s);
	text_done(&diff);
}

static void show(const struct session *s, const char *title, const struct scene *scene)
{
	if (!s->verbose)
		return;
	(void)printf("== %s: %s\n", title,
		     same(scene, &s->before)	 ? "as before"
		     : same(scene, &s->complete) ? "complete"
						 : "neither as before nor complete");
	(void)printf("  state directory: ");
	for (const char *p = scene->names.s; p && *p; p++)
		(void)putchar(*p == '\n' ? ' ' : *p);
	(void)putchar('\n');
	show_diff("mounts, from before to now", &s->before.mounts, &scene->mounts);
	show_diff("tree, from before to now", &s->before.tree, &scene->tree);
	if (same(scene, &s->before) || same(scene, &s->complete))
		return;
	show_diff("mounts, from complete to now", &s->complete.mounts, &scene->mounts);
	show_diff("tree, from complete to now", &s->complete.tree, &scene->tree);
}

/* --- telling ----------------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void
tell(const struct session *s, unsigned at, int err, const char *format, ...)
{
	const struct cell *cell = s->cell;
	const char *name = NULL;
	char buf[512], what[256];
	va_list ap;
	int n;

	va_start(ap, format);
	(void)vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	if (at > 0 && at <= s->n_calls)
		name = call_name(s->calls[at - 1].number);
	n = snprintf(buf, sizeof(buf), "%u %s:%s:%s:%s%s:%u:%d %s at %s\n", s->number,
		     cell->profile, cell->surface->name, cell->strategy,
		     mode_names[cell->mode], s->settings->cold ? "+cold" : "", at, err,
		     what, name ? name : "?");
	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	if (s->verbose)
		(void)printf("VERDICT %s", buf);
	else
		(void)!write(s->settings->report, buf, (size_t)n);
}

#define bad(s, at, err, ...) ((s)->tally->bad++, tell(s, at, err, __VA_ARGS__))

/* --- running ----------------------------------------------------------------------- */

static bool read_facts(const struct session *s, struct text *ret)
{
	char path[96], buf[4096];
	ssize_t n;
	int fd;

	text_clear(ret);
	(void)snprintf(path, sizeof(path), "%s/facts", s->state);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		text_add(ret, buf, (size_t)n);
	(void)close(fd);
	return true;
}

/* A failure may have spoilt what is known or there; the next run must not see that. */
static void restore_facts(const struct session *s)
{
	static struct text now;
	char path[96];
	int fd;

	(void)mkdir(s->state, 0700);
	if (!s->has_facts && !s->settings->cold)
		return;
	if (s->has_facts && !s->settings->cold && read_facts(s, &now) &&
	    text_same(&now, &s->facts))
		return;
	(void)snprintf(path, sizeof(path), "%s/facts", s->state);
	(void)unlink(path);
	if (s->settings->cold)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, s->facts.s, s->facts.n) != (ssize_t)s->facts.n)
		abort();
	(void)close(fd);
}

static void print_output(void)
{
	char line[1024];
	FILE *f = fopen(FIXTURE_OUTPUT, "re");

	while (f && fgets(line, sizeof(line), f))
		(void)printf("  | %s", line);
	if (f)
		(void)fclose(f);
}

/* A template for the command, made when it is wanted first. */
static const struct tracer_template *template_of(struct session *s, const char *command,
						 const struct tracer_run *t)
{
	struct tracer_template *template =
		&s->templates[strcmp(command, "apply") == 0  ? 0
			      : strcmp(command, "undo") == 0 ? 1
							     : 2];

	if (!template->pid && !s->settings->no_templates)
		(void)tracer_template_open(template, t);
	return template;
}

static void close_templates(struct session *s)
{
	for (size_t i = 0; i < 3; i++)
		tracer_template_close(&s->templates[i]);
}

static void run(struct session *s, const char *command, struct tracer_run *t)
{
	const struct cell *cell = s->cell;
	const char *program = s->settings->program;
	bool allow = cell->allow_kinds;
	const char *const apply[] = { program,
				      "apply",
				      "--root",
				      "base",
				      "--state",
				      s->state,
				      "--strategy",
				      cell->strategy,
				      allow ? "--allow" : cell->path,
				      allow ? "kind-change" : NULL,
				      cell->path,
				      NULL };
	const char *const other[] = { program, command, "--state", s->state, NULL };

	t->argv = strcmp(command, "apply") == 0 ? apply : other;
	t->surface = cell->surface;
	t->output = FIXTURE_OUTPUT;
	t->template = template_of(s, command, t);
	if (tracer_run(t) < 0) {
		(void)fprintf(stderr, "campaign: cannot run %s\n", s->settings->program);
		exit(2);
	}
	t->argv = NULL;
	t->template = NULL;
	if (s->verbose) {
		(void)printf("== %s: exit %d%s%s%s\n", command, t->status,
			     t->killed ? ", killed" : "", t->hung ? ", hung" : "",
			     t->orphans ? ", left a process" : "");
		print_output();
	}
}

static int run_plain(struct session *s, const char *command)
{
	struct tracer_run t = { .how = TRACER_PLAIN };

	run(s, command, &t);
	return t.hung || t.killed ? -1 : t.status;
}

/* What settles a crash; with undo in its place, that nothing is there is no error. */
static bool recover(struct session *s)
{
	int status = run_plain(s, s->settings->recover);

	return status == 0 ||
	       (status == STATUS_REFUSED && strcmp(s->settings->recover, "undo") == 0);
}

static void start_anew(struct session *s)
{
	close_templates(s);
	if (!fixture_make()) {
		perror("campaign: cannot make the fixture");
		exit(2);
	}
	restore_facts(s);
}

/* Takes away what a run left, as a user would; false when something stays. */
static bool settle(struct session *s, const char *command)
{
	if (is_settled(s, &s->now))
		return true;
	if (strcmp(command, "undo") == 0)
		(void)run_plain(s, command);
	else
		(void)recover(s);
	look(s, &s->settled);
	show(s, command, &s->settled);
	if (is_settled(s, &s->settled))
		return true;
	start_anew(s);
	return false;
}

/* --- judging ----------------------------------------------------------------------- */

/* What is wrong with how a run ended and what it left; NULL: nothing. */
static const char *judge(struct session *s, const struct tracer_run *t)
{
	bool before = same(&s->now, &s->before);

	if (t->hung)
		return "hung";
	if (t->killed)
		return "crash";
	if (t->orphans)
		return "process left";
	switch (t->status) {
	case 0:
		if (s->clean_status != 0)
			return "success where none can be";
		return same(&s->now, &s->complete) ? NULL : "false success";
	case 1:
	case 2:
	case 16:
	case 32:
		if (!before)
			return "partial";
		/* The call that would remove it may be the one that fails. */
		return t->how == TRACER_ONCE && !is_clean(&s->now) ? "leftover" : NULL;
	case STATUS_BROKEN:
		if (t->how == TRACER_ONCE)
			return "broken";
		s->tally->broken++;
		return NULL;
	default:
		return "status";
	}
}

static void check_strayed(struct session *s, const struct tracer_run *t)
{
	if (!t->strayed)
		return;
	if (s->verbose)
		(void)printf("  strayed at call %u\n", t->strayed_at);
	s->tally->strayed++;
	tell(s, t->at, t->err, "nondeterministic");
}

static void inject(struct session *s, enum tracer_how how, unsigned at, int err)
{
	struct tracer_run t = { .how = how,
				.at = at,
				.err = err,
				.expect = s->calls,
				.n_expect = s->n_calls };
	const char *what;

	restore_facts(s);
	run(s, "apply", &t);
	s->tally->injections++;
	check_strayed(s, &t);
	look(s, &s->now);
	show(s, "after apply", &s->now);
	what = judge(s, &t);
	if (what)
		bad(s, at, err, "%s(%d)", what, t.status);
	if (!settle(s, t.status == 0 ? "undo" : s->settings->recover) && !what)
		bad(s, at, err, "stuck(%d)", t.status);
}

/* Kills an apply and looks at what it left. */
static void kill_apply(struct session *s, unsigned at)
{
	struct tracer_run t = {
		.how = TRACER_KILL, .at = at, .expect = s->calls, .n_expect = s->n_calls
	};

	restore_facts(s);
	run(s, "apply", &t);
	check_strayed(s, &t);
	if (t.orphans)
		bad(s, at, 0, "process left");
	look(s, &s->now);
	show(s, "after the kill", &s->now);
}

/* Is s->now an end that recovery may have? */
static bool is_end(const struct session *s)
{
	return is_settled(s, &s->now) ||
	       (s->clean_status == 0 && same(&s->now, &s->complete));
}

static void inject_kill(struct session *s, unsigned at)
{
	static struct scene first;
	bool ok, is_complete;

	kill_apply(s, at);
	s->tally->injections++;
	ok = recover(s);
	look(s, &s->now);
	show(s, "after recovery", &s->now);
	is_complete = same(&s->now, &s->complete) && s->clean_status == 0;
	if (!is_end(s)) {
		bad(s, at, 0, same(&s->now, &s->before) ? "leftover" : "partial");
	} else if (!ok) {
		bad(s, at, 0, "recovery failed");
	} else {
		look(s, &first);
		ok = recover(s);
		look(s, &s->now);
		show(s, "after another recovery", &s->now);
		if (!ok || !same(&s->now, &first))
			bad(s, at, 0, "recovery is not idempotent");
	}
	if (!settle(s, is_complete ? "undo" : s->settings->recover) && is_complete)
		bad(s, at, 0, "stuck");
}

/* --- nested ------------------------------------------------------------------------ */

/* err stands for the call of the recovery. */
static void kill_recovery(struct session *s, unsigned at, unsigned j,
			  const struct scene *end)
{
	struct tracer_run t = { .how = TRACER_KILL, .at = j };
	bool ok;

	kill_apply(s, at);
	run(s, s->settings->recover, &t);
	look(s, &s->now);
	show(s, "after the kill of the recovery", &s->now);
	s->tally->injections++;
	ok = recover(s);
	look(s, &s->now);
	show(s, "after recovery", &s->now);
	if (!ok || !same(&s->now, end) || !is_end(s))
		bad(s, at, (int)j, ok ? "nested" : "recovery failed");
	if (!settle(s, same(&s->now, &s->complete) ? "undo" : s->settings->recover) && ok)
		bad(s, at, (int)j, "stuck");
}

/* Another part in each cell, so that a sample of all cells meets all calls. */
static bool is_sampled(const struct session *s, unsigned i)
{
	const struct settings *settings = s->settings;

	return (i + settings->offset + s->number) % settings->every == 0;
}

/*
 * Between two changes that can be seen, an apply that is killed leaves the same: what the
 * call before left, and takes as many calls to recover from, was tried with that.
 */
static bool is_news(struct session *s, const struct scene *left, size_t n_calls)
{
	bool news = n_calls != s->left_calls || !same(left, &s->left) ||
		    !text_same(&left->names, &s->left.names);

	scene_copy(&s->left, left);
	s->left_calls = n_calls;
	return news;
}

/* only: that call of the recovery, or 0 for all. */
static void inject_nested(struct session *s, unsigned at, unsigned only)
{
	static struct scene left, end;
	struct tracer_run t = { .how = TRACER_COUNT };
	bool news;

	kill_apply(s, at);
	if (is_settled(s, &s->now))
		return;
	scene_copy(&left, &s->now);
	run(s, s->settings->recover, &t);
	news = is_news(s, &left, t.n_calls) || only;
	look(s, &end);
	scene_clear(&s->now);
	if (!settle(s, same(&end, &s->complete) ? "undo" : s->settings->recover))
		bad(s, at, 0, "stuck");
	for (unsigned j = 1; news && j <= t.n_calls; j++)
		if (only ? j == only : is_sampled(s, at / s->settings->every + j))
			kill_recovery(s, at, j, &end);
	tracer_done(&t);
}

/* --- a cell ------------------------------------------------------------------------ */

/* The control of all that follows: what was done is taken away. */
static bool undo_clean(struct session *s)
{
	int status = run_plain(s, "undo");

	look(s, &s->now);
	if (s->settings->naive) {
		start_anew(s);
		return true;
	}
	if (is_settled(s, &s->now) && (status == 0 || status == STATUS_REFUSED))
		return true;
	bad(s, 0, 0, "undo(%d) without any injection", status);
	start_anew(s);
	return false;
}

/* So that the runs to come know the facts. */
static bool warm_up(struct session *s)
{
	look(s, &s->before);
	(void)run_plain(s, "apply");
	if (!undo_clean(s))
		return false;
	s->has_facts = read_facts(s, &s->facts);
	return true;
}

/* The run without injection, which says what the others are compared with. */
static bool run_clean(struct session *s)
{
	struct tracer_run t = { .how = TRACER_COUNT };

	if (!warm_up(s))
		return false;
	restore_facts(s);
	run(s, "apply", &t);
	s->calls = t.calls;
	s->n_calls = t.n_calls;
	s->clean_status = t.status;
	look(s, &s->complete);
	if (t.status != s->cell->expected && !s->settings->naive)
		bad(s, 0, 0, "exit status %d, want %d", t.status, s->cell->expected);
	if (t.status == 0 && same(&s->complete, &s->before) != s->cell->no_change)
		bad(s, 0, 0, "control: what it does is not what is seen");
	if (t.status != 0 && !is_settled(s, &s->complete))
		bad(s, 0, 0, "partial(%d) without any injection", t.status);
	return undo_clean(s);
}

/* With one of n injections wanted and n errors, each call meets one error, the next its next. */
static void inject_errnos(struct session *s, enum tracer_how how, unsigned at)
{
	unsigned n = s->settings->n_errnos;

	for (unsigned k = 0; k < n; k++)
		if (is_sampled(s, at * n + (at + k) % n))
			inject(s, how, at, s->settings->errnos[k]);
}

static void inject_at(struct session *s, unsigned at)
{
	switch (s->cell->mode) {
	case MODE_ONCE:
		inject_errnos(s, TRACER_ONCE, at);
		break;
	case MODE_PERSISTENT:
		inject_errnos(s, TRACER_PERSISTENT, at);
		break;
	case MODE_KILL:
		if (is_sampled(s, at))
			inject_kill(s, at);
		break;
	case MODE_NESTED:
		if (is_sampled(s, at))
			inject_nested(s, at, 0);
		break;
	case MODE_LIE:
		if (s->calls[at - 1].changes && is_sampled(s, at))
			inject(s, TRACER_LIE, at, 0);
		break;
	case MODE_STEP: /* step.c */
	case N_MODES:
		break;
	}
}

static struct session *open_session(const struct settings *settings,
				    const struct cell *cell, unsigned number,
				    struct tally *tally)
{
	static struct session session;
	struct session *s = &session;

	session = (struct session){
		.settings = settings, .cell = cell, .tally = tally, .number = number
	};
	(void)snprintf(s->state, sizeof(s->state), "states/%s", cell->surface->name);
	return s;
}

static void close_session(struct session *s)
{
	close_templates(s);
	scene_done(&s->before);
	scene_done(&s->complete);
	scene_done(&s->now);
	scene_done(&s->settled);
	scene_done(&s->left);
	text_done(&s->facts);
	free(s->calls);
}

static bool same_calls(const struct session *s, const struct tracer_run *t)
{
	if (t->n_calls != s->n_calls || t->status != s->clean_status)
		return false;
	for (size_t i = 0; i < t->n_calls; i++)
		if (t->calls[i].number != s->calls[i].number)
			return false;
	return true;
}

/*
 * Is it the same run as with the strategy before, call for call?  Where no name has to be
 * added to a directory, or each strategy but one is refused, all of them are.
 */
static bool is_repeat(struct session *s)
{
	struct tracer_run t = { .how = TRACER_COUNT };
	struct cell first = *s->cell;
	const struct cell *cell = s->cell;
	bool repeat;

	if (!cell->first_strategy)
		return false;
	close_templates(s);
	first.strategy = cell->first_strategy;
	s->cell = &first;
	restore_facts(s);
	run(s, "apply", &t);
	look(s, &s->now);
	repeat = same_calls(s, &t) && same(&s->now, &s->complete) &&
		 text_same(&s->now.names, &s->complete.names);
	tracer_done(&t);
	repeat = undo_clean(s) && repeat;
	s->cell = cell;
	close_templates(s);
	return repeat;
}

void cell_run(const struct settings *settings, const struct cell *cell, unsigned number,
	      struct tally *tally)
{
	struct session *s = open_session(settings, cell, number, tally);

	if (run_clean(s) && !is_repeat(s))
		for (unsigned at = 1; at <= s->n_calls; at++)
			inject_at(s, at);
	close_session(s);
}

/* Around call `at`; all of them, a line for each, when it is 0. */
static void print_calls(const struct session *s, unsigned at)
{
	unsigned first = at > 12 ? at - 12 : 1;

	for (unsigned i = 1; at == 0 && i <= s->n_calls; i++)
		(void)printf("%4u %u %s\n", i, s->calls[i - 1].number,
			     call_name(s->calls[i - 1].number));
	if (at == 0)
		return;

	(void)printf("== %zu calls, around %u:", s->n_calls, at);
	for (unsigned i = first; i <= at + 4 && i <= s->n_calls; i++) {
		const char *name = call_name(s->calls[i - 1].number);

		(void)printf(" %s%s%s", i == at ? ">>>" : "", name ? name : "?",
			     i == at ? "<<<" : "");
	}
	(void)putchar('\n');
}

void cell_replay(const struct settings *settings, const struct cell *cell, unsigned at,
		 int err, struct tally *tally)
{
	struct session *s = open_session(settings, cell, 0, tally);

	s->verbose = true;
	if (!run_clean(s) || at > s->n_calls) {
		close_session(s);
		return;
	}
	print_calls(s, at);
	if (at > 0) {
		switch (cell->mode) {
		case MODE_ONCE:
			inject(s, TRACER_ONCE, at, err);
			break;
		case MODE_PERSISTENT:
			inject(s, TRACER_PERSISTENT, at, err);
			break;
		case MODE_KILL:
			inject_kill(s, at);
			break;
		case MODE_NESTED:
			inject_nested(s, at, (unsigned)err);
			break;
		case MODE_LIE:
			inject(s, TRACER_LIE, at, 0);
			break;
		case MODE_STEP:
		case N_MODES:
			break;
		}
	}
	close_session(s);
}
