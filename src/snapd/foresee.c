/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See foresee.h.  Mounts are found by their paths: in the copy they have other ids.
 */
#include "snapd/foresee.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "apply/attach.h"
#include "apply/ns.h"
#include "base/cleanup.h"
#include "probe/chase.h"

/* Of lines; with more to say than that, it is said by doing it. */
#define SAID_SIZE (64 << 10)

/* What the child tells, in memory that both see. */
struct result {
	struct om_error e;
	bool passing;
	size_t n_said;
	char said[SAID_SIZE];
	size_t n_items;
	struct om_snapd_item items[];
};

struct foresight {
	const struct om_snapd_classes *like;
	const struct om_journal *j;
	const struct om_state *state;
	struct result *result;
	size_t max_items;
};

static void say(void *arg, const char *line)
{
	struct result *result = arg;
	size_t n = strlen(line) + 1;

	/* More than there is room for is noticed by the parent. */
	if (n < SAID_SIZE - result->n_said) {
		memcpy(result->said + result->n_said, line, n - 1);
		result->said[result->n_said + n - 1] = '\n';
		result->n_said += n;
	} else {
		result->n_said = SAID_SIZE;
	}
}

static int take_away(const struct om_sys *sys, int root_fd, const struct om_journal *j)
{
	for (size_t i = j->acts.n; i-- > 0;) {
		const struct om_act *act = &j->acts.v[i];
		_cleanup_close_ int fd = -1;
		int r;

		if (act->inner || act->inverse != OM_INVERSE_DETACH)
			continue;
		r = fd = om_open_beneath(sys, root_fd, act->path, O_PATH | O_NOFOLLOW);
		if (fd >= 0)
			r = om_detach(sys, fd);
		if (r < 0)
			return r;
	}
	return 0;
}

static int apply_classes(const struct foresight *f, struct om_apply *apply)
{
	struct result *result = f->result;
	struct om_snapd_profile current = { 0 };
	struct om_snapd_items items = { 0 };
	_cleanup_str_ struct om_str residue = { 0 };
	struct om_places places = *f->like->places;
	struct om_snapd_classes classes = *f->like;
	int r;

	places.root_fd = apply->root_fd;
	classes.apply = apply;
	classes.places = &places;
	classes.current = &current;
	classes.items = &items;
	classes.say = say;
	classes.say_arg = result;
	classes.passing = &result->passing;
	r = om_snapd_apply_classes(&classes, &residue, &result->e);
	if (r == 0 && items.list.n > f->max_items)
		r = -E2BIG;
	if (r == 0 && items.list.n > 0)
		memcpy(result->items, items.list.v,
		       items.list.n * sizeof(*result->items));
	result->n_items = items.list.n;
	om_vec_free(&items.list);
	om_snapd_profile_done(&current);
	return r;
}

static int foresee(void *arg)
{
	const struct foresight *f = arg;
	const struct om_apply *like = f->like->apply;
	const struct om_sys *sys = like->sys;
	_cleanup_close_ int state_fd = -1;
	struct om_journal journal;
	struct om_apply apply;
	int r = om_ns_enter_new(sys, &f->result->e);

	if (r < 0)
		return r;
	om_journal_init(&journal);
	om_apply_init(&apply, sys, like->facts);
	apply.journal = &journal;
	apply.root_path = like->root_path;
	apply.interrupted = like->interrupted;
	/* Opened only now: they must be those of the new namespace. */
	state_fd = sys->open(sys, AT_FDCWD, f->state->path, O_PATH | O_DIRECTORY, 0);
	apply.build.stage_at = state_fd;
	apply.build.stage_path = f->state->stage_name;
	r = apply.root_fd =
		sys->open(sys, AT_FDCWD, like->root_path, O_PATH | O_DIRECTORY, 0);
	if (r >= 0)
		r = take_away(sys, apply.root_fd, f->j);
	if (r == 0)
		r = apply_classes(f, &apply);
	om_apply_done(&apply);
	om_journal_done(&journal);
	return r;
}

static int take_result(const struct result *result, const struct om_snapd_classes *like,
		       struct om_snapd_items *items, struct om_str *said)
{
	int r = result->n_said < SAID_SIZE ? 0 : -E2BIG;

	om_str_add_n(said, result->said, result->n_said);
	for (size_t i = 0; r == 0 && i < result->n_items; i++)
		r = om_vec_push(&items->list, result->items[i]);
	if (result->passing)
		*like->passing = true;
	return r < 0 ? r : said->err;
}

int om_snapd_foresee(const struct om_snapd_classes *like, const struct om_journal *j,
		     const struct om_state *state, struct om_snapd_items *items,
		     struct om_str *said, struct om_error *e)
{
	/* Itself, and its source. */
	size_t max = 2 * like->desired->entries.n;
	size_t size = sizeof(struct result) + max * sizeof(struct om_snapd_item);
	struct foresight f = { .like = like, .j = j, .state = state, .max_items = max };
	int r;

	f.result = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (f.result == MAP_FAILED)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot look ahead");
	r = like->apply->sys->in_child(like->apply->sys, foresee, &f);
	if (r == 0)
		r = take_result(f.result, like, items, said);
	else if (e && f.result->e.kind != OM_ERR_NONE)
		*e = f.result->e;
	(void)munmap(f.result, size);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot look ahead") : 0;
}
