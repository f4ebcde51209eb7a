/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See step.h.  Each action is done alone, behind a whole apply and in front of one, for the
 * comparison; then before each call.
 */
#include "fault/step.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault/step-judge.h"
#include "fault/step-session.h"
#include "tools/calls.h"

static void step(struct step_session *s, unsigned at)
{
	struct tracer_run t = { .how = TRACER_STEP,
				.at = at,
				.act = step_act,
				.arg = s,
				.expect = s->calls,
				.n_expect = s->n_calls };

	step_start_anew(s);
	step_session_look(s, &s->now);
	text_clear(&s->stamps);
	text_add(&s->stamps, s->now.stamps.s, s->now.stamps.n);
	s->at = at;
	s->bad = false;
	step_command(s, STEP_APPLY, &t);
	s->tally->injections++;
	if (t.strayed) {
		s->tally->strayed++;
		step_bad(s, "nondeterministic");
	}
	step_session_look(s, &s->now);
	step_show(s, "after apply", &s->now);
	if (at == 1)
		s->first_status = t.status;
	step_judge(s, &t);
}

/* The action alone, and behind a whole apply. */
static void take_references(struct step_session *s, const struct action *action)
{
	s->action = action;
	s->at = 0;
	s->bad = false;
	step_start_anew(s);
	attack_run(&s->attack, action);
	s->none_done = s->attack.done;
	step_session_look(s, &s->none);
	step_start_anew(s);
	(void)step_command_plain(s, STEP_APPLY);
	attack_run(&s->attack, action);
	s->after_done = s->attack.done;
	step_session_look(s, &s->after);
	/* As if it came first: nothing is decided yet at the first call. */
	step_start_anew(s);
	attack_run(&s->attack, action);
	s->first_status = step_command_plain(s, STEP_APPLY);
	step_session_look(s, &s->first);
}

static bool open_namespaces(struct step_session *s)
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
static bool begin(struct step_session *s)
{
	struct tracer_run t = { .how = TRACER_COUNT };
	int status;

	step_start_anew(s);
	(void)step_command_plain(s, STEP_APPLY);
	s->has_facts = !s->settings->naive && step_read(STEP_STATE "/facts", &s->facts);
	step_start_anew(s);
	step_session_look(s, &s->before);
	step_command(s, STEP_APPLY, &t);
	s->calls = t.calls;
	s->n_calls = t.n_calls;
	for (size_t i = 0; i < t.n_calls; i++)
		if (t.calls[i].number == SYS_pwrite64)
			s->committed = (unsigned)i + 1;
	step_session_look(s, &s->complete);
	step_show(s, "complete", &s->complete);
	if (t.status != 0 || text_same(&s->before.tree, &s->complete.tree)) {
		step_bad(s, "control: exit status %d, or nothing is seen", t.status);
		return false;
	}
	if (s->settings->naive)
		return true;
	s->clean_check = step_command_plain(s, STEP_CHECK);
	if (s->clean_check != 0 && s->cell->part == 0)
		step_bad(s, "control: check(%d) without any action", s->clean_check);
	status = step_command_plain(s, STEP_UNDO);
	step_session_look(s, &s->now);
	if (status != 0 || !text_same(&s->now.lines, &s->before.lines) ||
	    !text_same(&s->now.tree, &s->before.tree)) {
		step_bad(s, "control: undo(%d) without any action", status);
		return false;
	}
	return true;
}

static struct step_session *open_session(const struct settings *settings,
					 const struct cell *cell, unsigned number,
					 struct tally *tally)
{
	static struct step_session session;
	struct step_session *s = &session;

	*s = (struct step_session){ .settings = settings,
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

static void close_session(struct step_session *s)
{
	struct step_view *views[] = { &s->before, &s->complete, &s->none,   &s->after,
				      &s->first,  &s->now,	&s->settled };

	for (size_t i = 0; i < N_STEP_COMMANDS; i++)
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
static bool is_sampled(const struct step_session *s, unsigned at, size_t action)
{
	const struct settings *settings = s->settings;

	return (at * n_actions + action + settings->offset + 7919U * s->number) %
		       settings->every ==
	       0;
}

static bool any_sampled(const struct step_session *s, size_t action)
{
	for (unsigned at = 1; at <= s->n_calls; at++)
		if (is_sampled(s, at, action))
			return true;
	return false;
}

void step_run(const struct settings *settings, const struct cell *cell, unsigned number,
	      struct tally *tally)
{
	struct step_session *s = open_session(settings, cell, number, tally);

	/* Where nothing is to be constructed, all strategies do the same. */
	if (!settings->naive && !s->profile->hole &&
	    strcmp(cell->strategy, "mimic") != 0) {
		close_session(s);
		return;
	}
	if (begin(s)) {
		for (size_t i = 0; i < n_actions; i++) {
			if (i % STEP_PARTS != cell->part || !any_sampled(s, i))
				continue;
			take_references(s, &actions[i]);
			for (unsigned at = 1; at <= s->n_calls; at++)
				if (is_sampled(s, at, i))
					step(s, at);
		}
	}
	close_session(s);
}

static void print_calls(const struct step_session *s)
{
	for (unsigned i = 1; i <= s->n_calls; i++)
		(void)printf("%4u %s%s\n", i, call_name(s->calls[i - 1].number),
			     i == s->at ? " <<<" : "");
}

void step_replay(const struct settings *settings, const struct cell *cell, unsigned at,
		 const char *action, struct tally *tally)
{
	struct step_session *s = open_session(settings, cell, 0, tally);

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
