/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The end of an update: the journal of what is there now takes the place of the one that
 * was updated.  The new file is like one that apply writes, so it does not grow from update
 * to update, and earlier versions can read it.
 */
#include "apply/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"

/* No number, so that nobody takes it for the journal of another namespace. */
#define SUFFIX ".new"
#define NAME_SIZE 80
/* What has failed once need not fail again; and it must not stay unknown for that. */
#define TRIES 3

static void new_name(char buf[static NAME_SIZE], const char *name)
{
	(void)snprintf(buf, NAME_SIZE, "%s" SUFFIX, name);
}

void om_journal_drop_replacement(int dirfd, const char *name)
{
	char path[NAME_SIZE];

	new_name(path, name);
	(void)unlinkat(dirfd, path, 0);
}

static int reserve(const struct om_journal *j, struct om_journal *next)
{
	size_t acts = 0, inner = 0;

	for (size_t i = 0; i < j->acts.n; i++) {
		if (j->acts.v[i].inner)
			inner += om_journal_inner_size(j->acts.v[i].path);
		else
			acts++;
	}
	return om_journal_reserve(next, acts, inner);
}

static int copy_act(const struct om_journal *j, size_t first, size_t outer,
		    struct om_journal *next)
{
	const struct om_act *act = &j->acts.v[outer];
	int r = om_journal_inner(next, &j->acts.v[first], outer - first);

	if (r == 0)
		r = om_journal_intent(next, act, act->path);
	return r < 0 || !act->done ? r : om_journal_mark_done(next, (size_t)r);
}

static int copy(const struct om_journal *j, struct om_journal *next)
{
	size_t outer;
	int r = reserve(j, next);

	for (size_t i = 0; r >= 0 && i < j->acts.n; i = outer + 1) {
		outer = om_journal_outer(j, i);
		if (outer < j->acts.n && !j->acts.v[outer].aside)
			r = copy_act(j, i, outer, next);
	}
	return r < 0 ? r : om_journal_commit(next);
}

/* What is said of the renaming counts less than what is there. */
static int put_in_place(int fd, int dirfd, const char *from, const char *name)
{
	int said = renameat(dirfd, from, dirfd, name) < 0 ? -errno : 0, there = -EIO;

	for (unsigned i = 0; there < 0 && i < TRIES; i++)
		there = om_fd_is_named(fd, dirfd, name);
	if (there > 0)
		return 0;
	return there < 0 ? -EUCLEAN : said < 0 ? said : -EPROTO;
}

int om_journal_replace(struct om_journal *j, int dirfd, const char *name)
{
	struct om_journal_origin origin = j->origin;
	struct om_journal next;
	char path[NAME_SIZE];
	int r;

	new_name(path, name);
	om_journal_drop_replacement(dirfd, name);
	origin.updated = true;
	r = om_journal_create(&next, dirfd, path, &origin, NULL);
	if (r == 0)
		r = copy(j, &next);
	if (r == 0)
		r = put_in_place(next.fd, dirfd, path, name);
	if (r < 0) {
		if (r != -EUCLEAN)
			om_journal_drop_replacement(dirfd, name);
		om_journal_done(&next);
		return r;
	}
	om_journal_done(j);
	*j = next;
	return 0;
}
