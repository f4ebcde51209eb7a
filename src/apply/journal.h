/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The write-ahead journal: what is about to become visible is written down with the
 * identity of the mount before it happens, so that undo needs only the journal, never the
 * plan.  Records are 512 bytes with a checksum, in a file whose space is reserved before
 * the first change; a torn last record counts as absent, since its act starts only after
 * the write has returned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/vec.h"
#include "strategy/plan.h"
#include "sys/sys.h"

/* One visible change. */
struct om_act {
	enum om_inverse inverse;
	unsigned strategy; /* enum om_strategy_id: who asked for it */
	char *path;	   /* owned; below the root */
	uint64_t mount_id; /* of the mount, for OM_INVERSE_DETACH */
	bool unique;	   /* the id is never reused */
	/*
	 * What else tells it from another: of a mount whose id is reusable, what the table
	 * says (struct om_mount_look); of a symbolic link, its content (om_crc32c).
	 */
	uint32_t print;
	/*
	 * Of a mount whose id is reusable: the inode of its root.  Of a name, once it is
	 * done: the object that was made, or 0 when none was.
	 */
	uint64_t ino;
	uint64_t dev;
	unsigned attr;	 /* of the mount and its file system, OM_ATTR_* */
	unsigned want;	 /* those that the mount itself must have */
	bool shared;	 /* the mount was shared once it was done */
	uint64_t newest; /* unique id: what is in the mount with a greater one came later */
	bool done;
	/*
	 * A mount inside a construction: comes before the act that made that visible, and
	 * goes with it.  Of one whose id is reusable, dev and ino are those of its root.
	 */
	bool inner;
	bool entry;   /* asked for by the profile, not only bound back */
	bool follows; /* it came along with a source, and goes when that one's goes */
	bool aside;   /* no inner one: an update that has not ended takes it away */
};

/* Of a mount. */
static inline struct om_mount_id om_act_id(const struct om_act *act)
{
	return (struct om_mount_id){ act->mount_id, act->unique };
}

/* Where and when a journal was begun. */
struct om_journal_origin {
	const char *root_path;
	struct om_mount_id ns; /* of the root mount: stands for the mount namespace */
	uint8_t boot[16];      /* id of the boot */
	bool made_dir;	       /* its directory was made for it and goes with it */
	/* It took the place of another one, whose mounts may still be aside. */
	bool updated;
};

struct om_journal {
	OM_VEC(struct om_act) acts;
	struct om_journal_origin origin;
	char *root_path; /* owned; that of origin */
	bool committed;
	int fd; /* owned; -1: kept in memory only, for a namespace that dies with us */
	int failed; /* the error of a write; what comes behind it could not be read */
	uint32_t seq;
	uint64_t reserved; /* records for which space is reserved */
	/*
	 * An update has begun and not ended: what it has made comes behind the acts, and the
	 * records, that there were before.
	 */
	bool updating;
	size_t n_before;
	uint32_t seq_before;
};

/* In memory only. */
void om_journal_init(struct om_journal *j) _nonnull_all_;
void om_journal_done(struct om_journal *j);

/*
 * Creates the file name in directory dirfd (exclusively) with a header.  0 or -errno.
 */
int om_journal_create(struct om_journal *j, int dirfd, const char *name,
		      const struct om_journal_origin *origin, struct om_error *e)
	_nonnull_(1, 3, 4) _must_check_;
/*
 * Reads one that an earlier process wrote and keeps it open for marking.  -EBADMSG when
 * a record other than the last is damaged.
 */
int om_journal_load(struct om_journal *j, int dirfd, const char *name, struct om_error *e)
	_nonnull_(1, 3) _must_check_;

/*
 * Makes sure that `acts` more acts, and inner ones of so many bytes together, can be
 * written without needing space.
 */
int om_journal_reserve(struct om_journal *j, size_t acts,
		       size_t inner_bytes) _nonnull_all_ _must_check_;
/* Inner ones of so many bytes more than was known then. */
int om_journal_reserve_more(struct om_journal *j,
			    size_t inner_bytes) _nonnull_all_ _must_check_;
/* What an inner act takes. */
size_t om_journal_inner_size(const char *path) _nonnull_all_;
/*
 * Writes that these mounts are in the construction whose intent comes next; copies acts
 * and their paths.
 */
int om_journal_inner(struct om_journal *j, const struct om_act *acts, size_t n)
	_nonnull_(1) _must_check_;
/* Writes the intent: act, with a copy of path.  The index of the act, or -errno. */
int om_journal_intent(struct om_journal *j, const struct om_act *act,
		      const char *path) _nonnull_all_ _must_check_;
/* Writes that it happened, with the identity of the name (dev and ino of the act). */
int om_journal_mark_done(struct om_journal *j, size_t act) _nonnull_all_ _must_check_;
int om_journal_commit(struct om_journal *j) _nonnull_all_ _must_check_;

/*
 * Writes that an update begins, and which acts it puts aside (om_act.aside).  0 or -errno;
 * om_journal_cut() in either case, unless om_journal_replace() has done its work.
 */
int om_journal_begin_update(struct om_journal *j) _nonnull_all_ _must_check_;
/*
 * As it was before the update began, by one call.  What that has made is undone already.
 * 0, or -errno: then the update counts as not ended, and whoever loads it settles that.
 */
int om_journal_cut(struct om_journal *j) _nonnull_all_ _must_check_;
/*
 * Ends the update of j, the file name in directory dirfd: what stays and what came new is
 * written into a file of its own that takes its place with one call.  -errno: it has not,
 * and j is as before; -EUCLEAN: it is not known whether it has.
 */
int om_journal_replace(struct om_journal *j, int dirfd,
		       const char *name) _nonnull_all_ _must_check_;
/* Removes what a replacement that was cut short has left. */
void om_journal_drop_replacement(int dirfd, const char *name) _nonnull_all_;

/* The first act that is inside of act i, or i when nothing is. */
size_t om_journal_first_inner(const struct om_journal *j, size_t i) _nonnull_all_;
/* The first act from index i on that is no inner one; acts.n when there is none. */
size_t om_journal_outer(const struct om_journal *j, size_t i) _nonnull_all_;
/*
 * The first later act whose mount covers the place of act i, and is undone before; acts.n
 * when there is none.
 */
size_t om_journal_cover(const struct om_journal *j, size_t i) _nonnull_all_;
