/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See journal.h.
 */
#include "apply/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"

#define MAGIC 0x334a4d4f /* "OMJ3"; the last byte is the version */
#define MAGIC_MASK 0x00ffffff
#define RECORD_SIZE 512
#define RECORD_TEXT 464
/* A path of OM_MAX_PATH bytes needs this many records, and its DONE one more. */
#define RECORDS_PER_ACT (OM_MAX_PATH / RECORD_TEXT + 2)

enum record_type {
	RECORD_HEADER = 1,
	RECORD_INTENT,
	RECORD_MORE, /* the next bytes of the text of the record before */
	RECORD_DONE,
	RECORD_COMMIT,
	RECORD_INNER,  /* the text is packed acts */
	RECORD_UPDATE, /* what comes behind it is of an update that has not ended */
	RECORD_ASIDE,  /* the update puts an act aside */
};

struct record {
	uint32_t magic;
	uint32_t crc; /* of the record with this field 0 */
	uint32_t seq;
	uint16_t type;
	uint16_t inverse;
	uint16_t text_left; /* bytes of text from here on, in this and the next records */
	uint8_t unique;
	uint8_t reusable; /* HEADER: the id is of that kind */
	uint8_t strategy; /* INTENT */
	uint8_t shared;	  /* DONE */
	uint8_t updated;  /* HEADER */
	uint8_t pad;
	uint64_t id; /* INTENT: mount; HEADER: namespace; DONE, ASIDE: index of the act */
	union {
		uint8_t boot[16]; /* HEADER */
		struct {
			uint32_t print;
			uint16_t attr;
			uint16_t want;
			uint64_t ino;
		} what; /* INTENT */
		struct {
			uint64_t dev;
			uint64_t ino;
		} made;		 /* DONE of a name */
		uint64_t newest; /* DONE of a mount */
	};
	char text[RECORD_TEXT];
};

static_assert(sizeof(struct record) == RECORD_SIZE, "records have a fixed size");

/* An inner act in the text of a record; its path follows. */
struct packed {
	uint64_t id;
	uint64_t dev;
	uint64_t ino;
	uint16_t attr;
	uint16_t want;
	uint16_t path_len;
	uint8_t strategy;
	uint8_t flags;
};

static_assert(sizeof(struct packed) == 32, "nothing between the members");

#define FLAG_UNIQUE 1
#define FLAG_ENTRY 2
#define FLAG_FOLLOWS 4
/* What text_left can tell, less the longest path. */
#define MAX_TEXT (UINT16_MAX - OM_MAX_PATH - sizeof(struct packed))

void om_journal_init(struct om_journal *j)
{
	*j = (struct om_journal){ .fd = -1 };
}

void om_journal_done(struct om_journal *j)
{
	for (size_t i = 0; i < j->acts.n; i++)
		free(j->acts.v[i].path);
	om_vec_free(&j->acts);
	free(j->root_path);
	(void)om_close(j->fd);
	om_journal_init(j);
}

static int write_record(struct om_journal *j, struct record *r)
{
	ssize_t n;

	if (j->fd < 0 || j->failed < 0)
		return j->failed;
	r->magic = MAGIC;
	r->seq = j->seq;
	r->crc = 0;
	r->crc = om_crc32c(r, sizeof(*r));
	n = pwrite(j->fd, r, sizeof(*r), (off_t)j->seq * RECORD_SIZE);
	if (n != (ssize_t)sizeof(*r))
		return j->failed = n < 0 ? -errno : -ENOSPC;
	j->seq++;
	return 0;
}

/* A record and, for a long text, those that continue it. */
static int write_text(struct om_journal *j, struct record *r, const char *text,
		      size_t left)
{
	int result;

	do {
		size_t n = left < RECORD_TEXT ? left : RECORD_TEXT;

		memset(r->text, 0, sizeof(r->text));
		memcpy(r->text, text, n);
		r->text_left = (uint16_t)left;
		result = write_record(j, r);
		r->type = RECORD_MORE;
		text += n;
		left -= n;
	} while (result == 0 && left > 0);
	return result;
}

static int keep_origin(struct om_journal *j, const struct om_journal_origin *origin,
		       char *root_path)
{
	j->origin = *origin;
	free(j->root_path);
	j->origin.root_path = j->root_path = root_path;
	return root_path ? 0 : -ENOMEM;
}

int om_journal_create(struct om_journal *j, int dirfd, const char *name,
		      const struct om_journal_origin *origin, struct om_error *e)
{
	struct record header = { .type = RECORD_HEADER,
				 .unique = origin->made_dir,
				 .reusable = !origin->ns.unique,
				 .updated = origin->updated,
				 .id = origin->ns.id };
	int r;

	om_journal_init(j);
	memcpy(header.boot, origin->boot, sizeof(header.boot));
	r = keep_origin(j, origin, strdup(origin->root_path));
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot create the journal");
	j->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		       0600);
	r = j->fd < 0 ? -errno : om_journal_reserve(j, 1, 0);
	if (r == 0)
		r = write_text(j, &header, origin->root_path, strlen(origin->root_path));
	if (r < 0) {
		if (j->fd >= 0)
			(void)unlinkat(dirfd, name, 0);
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot create the journal %s",
				     OM_Q(name));
	}
	return 0;
}

static int reserve_to(struct om_journal *j, uint64_t want)
{
	int r;

	if (j->fd < 0 || want <= j->reserved)
		return 0;
	r = posix_fallocate(j->fd, 0, (off_t)(want * RECORD_SIZE));
	if (r == 0)
		j->reserved = want;
	return -r;
}

int om_journal_reserve(struct om_journal *j, size_t acts, size_t inner_bytes)
{
	/* One more for each, since a text may end at the beginning of its last record. */
	return reserve_to(j, j->seq + (uint64_t)(acts + 1) * (RECORDS_PER_ACT + 1) +
				     2 * (inner_bytes / RECORD_TEXT));
}

int om_journal_reserve_more(struct om_journal *j, size_t inner_bytes)
{
	return reserve_to(j, j->reserved + 2 * (inner_bytes / RECORD_TEXT + 1));
}

static int push_act(struct om_journal *j, const struct om_act *act, const char *path)
{
	struct om_act copy = *act;
	int r;

	copy.path = strdup(path);
	r = copy.path ? om_vec_push(&j->acts, copy) : -ENOMEM;
	if (r < 0)
		free(copy.path);
	return r;
}

int om_journal_intent(struct om_journal *j, const struct om_act *act, const char *path)
{
	struct record record = { .type = RECORD_INTENT,
				 .inverse = (uint16_t)act->inverse,
				 .unique = act->unique,
				 .strategy = (uint8_t)act->strategy,
				 .id = act->mount_id,
				 .what = { act->print, (uint16_t)act->attr,
					   (uint16_t)act->want, act->ino } };
	int r = push_act(j, act, path);

	if (r < 0)
		return r;
	r = write_text(j, &record, path, strlen(path));
	if (r < 0) {
		free(j->acts.v[--j->acts.n].path);
		return r;
	}
	return (int)(j->acts.n - 1);
}

size_t om_journal_inner_size(const char *path)
{
	return sizeof(struct packed) + strlen(path);
}

static void pack(const struct om_act *act, struct om_str *text)
{
	const struct packed packed = {
		.id = act->mount_id,
		.dev = act->dev,
		.ino = act->ino,
		.attr = (uint16_t)act->attr,
		.want = (uint16_t)act->want,
		.path_len = (uint16_t)strlen(act->path),
		.strategy = (uint8_t)act->strategy,
		.flags = (uint8_t)((act->unique ? FLAG_UNIQUE : 0) |
				   (act->entry ? FLAG_ENTRY : 0) |
				   (act->follows ? FLAG_FOLLOWS : 0)),
	};

	om_str_add_n(text, (const char *)&packed, sizeof(packed));
	om_str_add_n(text, act->path, packed.path_len);
}

int om_journal_inner(struct om_journal *j, const struct om_act *acts, size_t n)
{
	_cleanup_str_ struct om_str text = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct record record = { .type = RECORD_INNER };

		r = push_act(j, &acts[i], acts[i].path);
		if (r < 0)
			break;
		pack(&acts[i], &text);
		if (i + 1 < n && text.len < MAX_TEXT)
			continue;
		r = text.err < 0 ? text.err
				 : write_text(j, &record, om_str_get(&text), text.len);
		om_str_cut(&text, 0);
	}
	return r;
}

size_t om_journal_first_inner(const struct om_journal *j, size_t i)
{
	while (i > 0 && j->acts.v[i - 1].inner)
		i--;
	return i;
}

size_t om_journal_outer(const struct om_journal *j, size_t i)
{
	while (i < j->acts.n && j->acts.v[i].inner)
		i++;
	return i;
}

size_t om_journal_cover(const struct om_journal *j, size_t i)
{
	size_t k = om_journal_outer(j, i) + 1;

	for (; k < j->acts.n; k++)
		if (j->acts.v[k].inverse == OM_INVERSE_DETACH && !j->acts.v[k].inner &&
		    om_path_is_under(j->acts.v[i].path, j->acts.v[k].path))
			return k;
	return j->acts.n;
}

/* What is inside is done, and shared, as the construction is. */
static void set_done(struct om_journal *j, size_t act)
{
	j->acts.v[act].done = true;
	for (size_t i = om_journal_first_inner(j, act); i < act; i++) {
		j->acts.v[i].done = true;
		j->acts.v[i].shared = j->acts.v[act].shared;
	}
}

int om_journal_mark_done(struct om_journal *j, size_t act)
{
	struct record record = { .type = RECORD_DONE,
				 .id = act,
				 .shared = j->acts.v[act].shared };

	if (j->acts.v[act].inverse == OM_INVERSE_DETACH) {
		record.newest = j->acts.v[act].newest;
	} else {
		record.made.dev = j->acts.v[act].dev;
		record.made.ino = j->acts.v[act].ino;
	}
	set_done(j, act);
	return write_record(j, &record);
}

/*
 * Judges record k; 0, -ENODATA when it was never written, -EBADMSG when damaged, -EPROTO
 * when another version of this program wrote it.
 */
static int judge_record(struct record *r, size_t k)
{
	uint32_t crc = r->crc;

	if (r->magic == 0 && crc == 0)
		return -ENODATA;
	if (k == 0 && r->magic != MAGIC &&
	    (r->magic & MAGIC_MASK) == (MAGIC & MAGIC_MASK))
		return -EPROTO;
	r->crc = 0;
	if (r->magic != MAGIC || r->seq != k || crc != om_crc32c(r, sizeof(*r)))
		return -EBADMSG;
	return 0;
}

static int check_record(const char *data, size_t k, struct record *ret)
{
	memcpy(ret, data + k * RECORD_SIZE, sizeof(*ret));
	return judge_record(ret, k);
}

/*
 * Has somebody removed or cut it since it was read?  Only that counts: with the commit in
 * it, it is one of a whole profile, whatever else cannot be looked at.
 */
static bool is_lost(const struct om_journal *j)
{
	struct record last = { 0 };
	struct stat st;

	if (j->fd < 0)
		return false;
	if (fstat(j->fd, &st) == 0 &&
	    (st.st_nlink == 0 || st.st_size < (off_t)j->seq * RECORD_SIZE))
		return true;
	/* Cut, then made as long again by the commit: what was before that is gone. */
	return pread(j->fd, &last, sizeof(last), (off_t)(j->seq - 2) * RECORD_SIZE) >=
		       0 &&
	       judge_record(&last, j->seq - 2) < 0;
}

/*
 * Would undo find what is written here?  Somebody may have removed or cut the file, or a
 * filter have said that it was written.
 */
static int read_back(const struct om_journal *j)
{
	for (uint32_t k = 0; k < j->seq; k++) {
		struct record r = { 0 };

		if (pread(j->fd, &r, sizeof(r), (off_t)k * RECORD_SIZE) < 0)
			return -errno;
		if (judge_record(&r, k) < 0)
			return -EPROTO;
	}
	return 0;
}

int om_journal_commit(struct om_journal *j)
{
	struct record record = { .type = RECORD_COMMIT };
	/* Before, for with that record on the disk a profile counts as whole. */
	int r = j->fd >= 0 ? read_back(j) : 0;

	if (r == 0)
		r = write_record(j, &record);
	if (r == 0 && is_lost(j))
		r = -ESTALE;
	j->committed = r == 0;
	return r;
}

int om_journal_begin_update(struct om_journal *j)
{
	struct record record = { .type = RECORD_UPDATE };
	uint64_t records = 1;
	int r;

	j->n_before = j->acts.n;
	j->seq_before = j->seq;
	for (size_t i = 0; i < j->acts.n; i++)
		records += j->acts.v[i].aside;
	r = reserve_to(j, j->seq + records);
	if (r == 0)
		r = write_record(j, &record);
	if (r < 0)
		return r;
	j->updating = true;
	j->committed = false;
	record.type = RECORD_ASIDE;
	for (size_t i = 0; r == 0 && i < j->acts.n; i++) {
		record.id = i;
		if (j->acts.v[i].aside)
			r = write_record(j, &record);
	}
	return r;
}

int om_journal_cut(struct om_journal *j)
{
	off_t size = (off_t)j->seq_before * RECORD_SIZE;
	struct stat st;

	if (ftruncate(j->fd, size) < 0 || fstat(j->fd, &st) < 0)
		return -errno;
	if (st.st_size != size)
		return -EPROTO;
	j->seq = j->seq_before;
	j->reserved = j->seq;
	j->failed = 0;
	j->updating = false;
	j->committed = true;
	for (size_t i = 0; i < j->acts.n; i++)
		j->acts.v[i].aside = false;
	return 0;
}

static int take_text(const char *data, size_t n, size_t *k, struct om_str *text)
{
	struct record r;
	size_t left;

	do {
		int result = *k < n ? check_record(data, *k, &r) : -ENODATA;

		if (result < 0)
			return result;
		left = r.text_left;
		om_str_add_n(text, r.text, left < RECORD_TEXT ? left : RECORD_TEXT);
		left -= left < RECORD_TEXT ? left : RECORD_TEXT;
		if (left > 0)
			(*k)++;
	} while (left > 0);
	return text->err;
}

static int replay_header(struct om_journal *j, const struct record *r,
			 struct om_str *text)
{
	struct om_journal_origin origin = { .ns = { r->id, !r->reusable },
					    .made_dir = r->unique,
					    .updated = r->updated };

	memcpy(origin.boot, r->boot, sizeof(origin.boot));
	return keep_origin(j, &origin, om_str_take(text));
}

static int replay_intent(struct om_journal *j, const struct record *r,
			 struct om_str *text)
{
	struct om_act act = { .inverse = (enum om_inverse)r->inverse,
			      .strategy = r->strategy,
			      .mount_id = r->id,
			      .unique = r->unique,
			      .print = r->what.print,
			      .attr = r->what.attr,
			      .want = r->what.want,
			      .ino = r->what.ino };
	int result;

	if (r->inverse < OM_INVERSE_DETACH || r->inverse > OM_INVERSE_UNLINK)
		return -EBADMSG;
	act.path = om_str_take(text);
	result = !act.path		     ? -ENOMEM
		 : om_path_unclean(act.path) ? -EBADMSG
					     : om_vec_push(&j->acts, act);
	if (result < 0)
		free(act.path);
	return result;
}

/* The next packed act at *p, which moves behind it. */
static int unpack(struct om_journal *j, const char **p, const char *end)
{
	struct packed packed;
	struct om_act act = { .inverse = OM_INVERSE_DETACH, .inner = true };
	int r;

	if ((size_t)(end - *p) < sizeof(packed))
		return -EBADMSG;
	memcpy(&packed, *p, sizeof(packed));
	*p += sizeof(packed);
	if ((size_t)(end - *p) < packed.path_len)
		return -EBADMSG;
	act.mount_id = packed.id;
	act.dev = packed.dev;
	act.ino = packed.ino;
	act.attr = packed.attr;
	act.want = packed.want;
	act.strategy = packed.strategy;
	act.unique = packed.flags & FLAG_UNIQUE;
	act.entry = packed.flags & FLAG_ENTRY;
	act.follows = packed.flags & FLAG_FOLLOWS;
	act.path = strndup(*p, packed.path_len);
	*p += packed.path_len;
	r = !act.path			? -ENOMEM
	    : om_path_unclean(act.path) ? -EBADMSG
					: om_vec_push(&j->acts, act);
	if (r < 0)
		free(act.path);
	return r;
}

static int replay_inner(struct om_journal *j, const struct om_str *text)
{
	const char *p = text->s, *end = p + text->len;
	int r = 0;

	while (r == 0 && p < end)
		r = unpack(j, &p, end);
	return r;
}

static int replay_done(struct om_journal *j, const struct record *r)
{
	if (r->id >= j->acts.n)
		return -EBADMSG;
	j->acts.v[r->id].shared = r->shared;
	set_done(j, r->id);
	if (j->acts.v[r->id].inverse == OM_INVERSE_DETACH) {
		j->acts.v[r->id].newest = r->newest;
	} else {
		j->acts.v[r->id].dev = r->made.dev;
		j->acts.v[r->id].ino = r->made.ino;
	}
	return 0;
}

/* Only what is whole is updated, and nothing is committed before that has ended. */
static int replay_update(struct om_journal *j)
{
	if (!j->committed)
		return -EBADMSG;
	j->updating = true;
	j->committed = false;
	j->n_before = j->acts.n;
	j->seq_before = j->seq;
	return 0;
}

static int replay_aside(struct om_journal *j, const struct record *r)
{
	if (!j->updating || r->id >= j->n_before || j->acts.v[r->id].inner)
		return -EBADMSG;
	j->acts.v[r->id].aside = true;
	return 0;
}

static int replay(struct om_journal *j, const struct record *r, struct om_str *text)
{
	switch ((enum record_type)r->type) {
	case RECORD_HEADER:
		return replay_header(j, r, text);
	case RECORD_INTENT:
		return replay_intent(j, r, text);
	case RECORD_DONE:
		return replay_done(j, r);
	case RECORD_COMMIT:
		j->committed = !j->updating;
		return j->updating ? -EBADMSG : 0;
	case RECORD_INNER:
		return replay_inner(j, text);
	case RECORD_UPDATE:
		return replay_update(j);
	case RECORD_ASIDE:
		return replay_aside(j, r);
	case RECORD_MORE:
		break;
	}
	return -EBADMSG;
}

static int replay_all(struct om_journal *j, const char *data, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		_cleanup_str_ struct om_str text = { 0 };
		struct record r, next;
		int result = check_record(data, k, &r);

		if (result == 0)
			result = take_text(data, n, &k, &text);
		/* Torn at the end: the act was never begun. */
		if (result == -ENODATA ||
		    (result == -EBADMSG &&
		     (k + 1 == n || check_record(data, k + 1, &next) == -ENODATA)))
			return 0;
		if (result == 0)
			result = replay(j, &r, &text);
		if (result < 0)
			return result;
		j->seq = (uint32_t)k + 1;
	}
	return 0;
}

int om_journal_load(struct om_journal *j, int dirfd, const char *name, struct om_error *e)
{
	_cleanup_free_ char *data = NULL;
	size_t size;
	struct stat st;
	bool trusted;
	int r;

	om_journal_init(j);
	j->fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (j->fd < 0)
		return -errno; /* -ENOENT is for the caller to judge */
	if (fstat(j->fd, &st) < 0)
		return -errno;
	/* Root's is as good to others as their own; no branch, for only root can try it. */
	trusted = (st.st_uid == geteuid()) | (st.st_uid == 0);
	if (!S_ISREG(st.st_mode) || !trusted || (st.st_mode & 0022))
		return om_fail(e, OM_ERR_SYSTEM, -EPERM,
			       "cannot trust the journal %s: owner or mode is not ours",
			       OM_Q(name));
	r = om_read_fd(j->fd, 64 * 1024 * 1024, &data, &size);
	if (r == 0)
		r = replay_all(j, data, size / RECORD_SIZE);
	if (r == 0 && !j->root_path) {
		/* Its maker died before the header was there, so before anything was done. */
		(void)unlinkat(dirfd, name, 0);
		return -ENOENT;
	}
	if (r == -EBADMSG)
		return om_fail(e, OM_ERR_SYSTEM, r,
			       "cannot read the journal %s: record %u is damaged",
			       OM_Q(name), j->seq);
	if (r == -EPROTO) {
		r = om_fail(e, OM_ERR_SYSTEM, r,
			    "cannot read the journal %s: another version of overmount "
			    "wrote it",
			    OM_Q(name));
		om_error_fix(e, "undo with that version");
	}
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot read the journal %s",
				     OM_Q(name));
	return 0;
}
