/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See step-session.h.
 */
#include "fault/step-session.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault/fixture.h"
#include "tools/calls.h"

#define CALL_OPEN_TREE 428
#define TREE_CLONE 1

static const char *const command_names[N_STEP_COMMANDS] = { "apply", "undo", "recover",
							    "check" };

void step_bad(struct step_session *s, const char *format, ...)
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

void step_show(const struct step_session *s, const char *title, const struct step_view *v)
{
	if (!s->verbose)
		return;
	(void)printf("== %s\n", title);
	show_text("mounts, from before to now", &s->before.lines, &v->lines);
	show_text("root, from before to now", &s->before.tree, &v->tree);
	show_text("files below the mounts, from before to now", &s->before.host,
		  &v->host);
}

bool step_read(const char *path, struct text *ret)
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

static void write_facts(const struct step_session *s)
{
	int fd;

	if (!s->has_facts)
		return;
	fd = open(STEP_STATE "/facts", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, s->facts.s, s->facts.n) != (ssize_t)s->facts.n)
		abort();
	(void)close(fd);
}

void step_start_anew(struct step_session *s)
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

void step_command(struct step_session *s, enum step_command command, struct tracer_run *t)
{
	const char *program = s->settings->program;
	const char *const apply[] = {
		program,    "apply",	  "--root",	     STEP_DIR "/base", "--state",
		STEP_STATE, "--strategy", s->cell->strategy, STEP_PROFILE,     NULL
	};
	const char *const other[] = { program, command_names[command], "--state",
				      STEP_STATE, NULL };

	t->argv = command == STEP_APPLY ? apply : other;
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
		if (step_read(FIXTURE_OUTPUT, &output) && output.n)
			(void)printf("%s", output.s);
	}
}

int step_command_plain(struct step_session *s, enum step_command command)
{
	struct tracer_run t = { .how = TRACER_PLAIN };

	step_command(s, command, &t);
	if (t.hung)
		step_bad(s, "%s hung", command_names[command]);
	else if (t.killed)
		step_bad(s, "%s crashed(%d)", command_names[command], t.status);
	return t.status;
}

void step_act(void *arg)
{
	struct step_session *s = arg;

	attack_run(&s->attack, s->action);
	if (s->verbose)
		(void)printf("== %s: %s\n", s->action->name,
			     s->attack.done ? "done" : "cannot be done");
}

void step_session_look(const struct step_session *s, struct step_view *ret)
{
	step_look(ret, &s->attack);
}
