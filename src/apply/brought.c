/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See brought.h.  The kernel lists no mounts of a tree that is in no namespace, so the
 * source is asked where it has mounts, and at the same places the copy has the new ones.
 */
#include "apply/brought.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "apply/below.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/path.h"
#include "probe/chase.h"

struct search {
	struct om_build *b;
	const struct om_step *step;
	int fd;
	uint64_t id;   /* of the mount that fd is the root of */
	size_t before; /* mounts that were known before */
	bool follows;
	char from[OM_MAX_PATH + 1]; /* the source, as this process sees it */
};

/* It may have come along where it is not seen. */
#define SKIPPED 1

static bool is_known(const struct search *s, uint64_t id)
{
	for (size_t i = s->before; i < s->b->inner.n; i++)
		if (s->b->inner.v[i].id.id == id)
			return true;
	return false;
}

/* path: from the root of the new mount. */
static int add(const struct search *s, const char *path)
{
	struct om_build_inner inner = { .step = s->step,
					.want = om_attr_visible(s->step->attr),
					.brought = true,
					.follows = s->follows };
	_cleanup_close_ int fd =
		om_open_beneath(s->b->sys, s->fd, path, O_PATH | O_NOFOLLOW);
	int r;

	/* Hidden, as the source has it hidden; or not to be bound. */
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? SKIPPED : fd;
	r = s->b->sys->mount_id(s->b->sys, fd, &inner.id.id, &inner.id.unique);
	if (r == 0 && !inner.id.unique)
		r = -ENODATA;
	if (r < 0)
		return r;
	if (inner.id.id <= s->id || is_known(s, inner.id.id))
		return SKIPPED;
	r = s->b->sys->mount_attr(s->b->sys, fd, &inner.attr);
	if (r == 0 && (inner.attr & inner.want) != inner.want)
		r = -EPROTO;
	if (r < 0)
		return r;
	inner.path = om_path_join(s->step->path, path + 1);
	r = inner.path ? om_vec_push(&s->b->inner, inner) : -ENOMEM;
	if (r < 0)
		free(inner.path);
	return r;
}

static int look_at(const struct search *s, uint64_t id)
{
	const struct om_mount_id mount = { id, true };
	char point[OM_MAX_PATH + 1];
	int r = s->b->sys->mount_point(s->b->sys, &mount, 0, point, sizeof(point));

	/* Gone meanwhile, or where no path leads. */
	if (r < 0)
		return r == -ENOENT || r == -ENODATA || r == -ENAMETOOLONG ? SKIPPED : r;
	return om_path_is_below(point, s->from)
		       ? add(s, om_path_below(point, s->from) - 1)
		       : 0;
}

static int find_from(struct search *s, int source)
{
	ssize_t n = readlink(OM_FD_PATH(source), s->from, sizeof(s->from) - 1);

	if (n < 0)
		return -errno;
	s->from[n] = '\0';
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct om_build_inner *x = a, *y = b;

	return x->id.id < y->id.id ? -1 : x->id.id > y->id.id;
}

/* Mounts come and go with those of the source if that is shared: it is made a slave. */
static bool does_follow(const struct om_sys *sys, const struct om_mount_id *source)
{
	struct om_mount_look look;

	return sys->mount_look(sys, source, &look) == 0 &&
	       look.propagation & (MS_SHARED | MS_SLAVE);
}

int om_brought_find(struct om_build *b, const struct om_step *step, int source, int fd)
{
	struct search s = { .b = b, .step = step, .fd = fd, .before = b->inner.n };
	struct om_mount_id id;
	struct om_below below;
	uint64_t next;
	bool unique;
	int r = b->sys->mount_id(b->sys, source, &id.id, &id.unique);

	if (r < 0)
		return r;
	om_below_init(&below, b->sys, &id);
	if (!om_below_next(&below, &next)) {
		b->unlisted = b->unlisted || below.failed;
		return 0;
	}
	s.follows = does_follow(b->sys, &id);
	r = find_from(&s, source);
	if (r == 0)
		r = b->sys->mount_id(b->sys, fd, &s.id, &unique);
	if (r == 0 && !unique)
		r = -ENODATA;
	while (r >= 0) {
		r = look_at(&s, next);
		b->unlisted = b->unlisted || r == SKIPPED;
		if (!om_below_next(&below, &next))
			break;
	}
	b->unlisted = b->unlisted || below.failed;
	/* A copy has them in another order, and ids are asked for in theirs. */
	if (b->inner.n > s.before)
		qsort(b->inner.v + s.before, b->inner.n - s.before, sizeof(*b->inner.v),
		      compare_ids);
	return r < 0 ? r : 0;
}
