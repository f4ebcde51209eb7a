/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal on disk: what is read back, and what is not believed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apply/journal.h"
#include "base/crc.h"
#include "fake/wrap.h"

#define RECORD 512

struct fixture {
	char dir[64];
	int dirfd;
	char long_path[4000];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/om-journal-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->dirfd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dirfd >= 0);
	for (size_t i = 0; i < sizeof(f->long_path) - 1; i++)
		f->long_path[i] = i % 200 ? 'a' : '/';
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_wrap = (struct fake_wrap){ 0 };
	(void)unlinkat(f->dirfd, "j", 0);
	(void)close(f->dirfd);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

/* Header, an intent of one record and its done, an intent of nine records. */
static const struct om_journal_origin origin = { .root_path = "/base",
						 .ns = { 42, true },
						 .boot = "0123456789abcde",
						 .made_dir = true };

static void write_two(const struct fixture *f)
{
	struct om_journal j;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 2, 0), 0);
	assert_int_equal(om_journal_intent(&j,
					   &(struct om_act){ .inverse = OM_INVERSE_DETACH,
							     .mount_id = 7,
							     .unique = true,
							     .strategy = 2,
							     .print = 5 },
					   "/usr/share"),
			 0);
	j.acts.v[0].newest = 8;
	assert_int_equal(om_journal_mark_done(&j, 0), 0);
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
				  f->long_path),
		1);
	om_journal_done(&j);
}

static void test_round_trip(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_string_equal(j.root_path, "/base");
	assert_int_equal(j.origin.ns.id, 42);
	assert_true(j.origin.ns.unique);
	assert_true(j.origin.made_dir);
	assert_memory_equal(j.origin.boot, origin.boot, sizeof(origin.boot));
	assert_false(j.committed);
	assert_int_equal(j.acts.n, 2);
	assert_string_equal(j.acts.v[0].path, "/usr/share");
	assert_int_equal(j.acts.v[0].mount_id, 7);
	assert_true(j.acts.v[0].unique);
	assert_int_equal(j.acts.v[0].strategy, 2);
	assert_int_equal(j.acts.v[0].print, 5);
	assert_int_equal(j.acts.v[0].newest, 8);
	assert_true(j.acts.v[0].done);
	assert_string_equal(j.acts.v[1].path, f->long_path);
	assert_int_equal(j.acts.v[1].inverse, OM_INVERSE_RMDIR);
	assert_false(j.acts.v[1].done);
	om_journal_done(&j);
}

static void flip_byte(const struct fixture *f, off_t at)
{
	int fd = openat(f->dirfd, "j", O_RDWR | O_CLOEXEC);
	char c;

	assert_int_equal(pread(fd, &c, 1, at), 1);
	c = (char)(c ^ 1);
	assert_int_equal(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

static void test_torn_last_record_is_absent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	/* Records: header, intent, done, then nine for the long path. */
	flip_byte(f, RECORD * 11 + 100);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 1);
	om_journal_done(&j);
}

/* The rest of a path does not stand behind the end of it. */
static void test_records_are_padded_with_zeros(void **state)
{
	const struct fixture *f = *state;
	const size_t used = sizeof(f->long_path) - 1 - 8 * 464;
	char text[464];
	uint16_t type;
	int fd;

	write_two(f);
	fd = openat(f->dirfd, "j", O_RDONLY | O_CLOEXEC);
	/* What goes on with a path is no intent of its own. */
	assert_int_equal(pread(fd, &type, sizeof(type), RECORD * 11 + 12), sizeof(type));
	assert_int_equal(type, 3);
	assert_int_equal(pread(fd, text, sizeof(text), RECORD * 12 - 464), 464);
	(void)close(fd);
	assert_memory_equal(text, f->long_path + 8 * 464, used);
	for (size_t i = used; i < sizeof(text); i++)
		assert_int_equal(text[i], 0);
}

static void test_damage_in_the_middle_is_refused(void **state)
{
	const struct fixture *f = *state;

	for (off_t record = 0; record < 11; record++) {
		struct om_error e = { 0 };
		struct om_journal j;

		write_two(f);
		flip_byte(f, RECORD * record + 60);
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", &e), -EBADMSG);
		assert_non_null(strstr(e.message, "damaged"));
		om_journal_done(&j);
		assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	}
}

static void test_foreign_mode_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	assert_int_equal(fchmodat(f->dirfd, "j", 0666, 0), 0);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -EPERM);
	om_journal_done(&j);
}

static void test_missing_is_enoent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ENOENT);
	om_journal_done(&j);
}

/* failure.sh found it: killed between the creation of the file and its header. */
static void test_without_header_is_absent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	int fd = openat(f->dirfd, "j", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_int_equal(posix_fallocate(fd, 0, 4 * RECORD), 0);
	(void)close(fd);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ENOENT);
	om_journal_done(&j);
	assert_int_equal(faccessat(f->dirfd, "j", F_OK, 0), -1);
}

static void test_space_is_reserved_before(void **state)
{
	const struct fixture *f = *state;
	const struct om_act act = { .inverse = OM_INVERSE_DETACH, .mount_id = 1 };
	struct om_journal j;
	struct stat before, after;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 3, 0), 0);
	assert_int_equal(fstat(j.fd, &before), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(om_journal_intent(&j, &act, f->long_path), i);
		assert_int_equal(om_journal_mark_done(&j, (size_t)i), 0);
	}
	assert_int_equal(om_journal_commit(&j), 0);
	assert_int_equal(fstat(j.fd, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	om_journal_done(&j);
}

static void test_in_memory_only(void **state)
{
	const struct om_act act = { .inverse = OM_INVERSE_DETACH, .mount_id = 1 };
	struct om_journal j;

	(void)state;
	om_journal_init(&j);
	assert_int_equal(om_journal_reserve(&j, 100, 0), 0);
	assert_int_equal(om_journal_intent(&j, &act, "/a"), 0);
	assert_int_equal(om_journal_intent(&j, &act, "/b"), 1);
	assert_int_equal(om_journal_mark_done(&j, 1), 0);
	assert_int_equal(om_journal_commit(&j), 0);
	assert_true(j.committed);
	assert_int_equal(j.acts.n, 2);
	assert_string_equal(j.acts.v[1].path, "/b");
	assert_false(j.acts.v[0].done);
	assert_true(j.acts.v[1].done);
	om_journal_done(&j);
	assert_int_equal(j.acts.n, 0);
	assert_int_equal(j.fd, -1);
}

static void test_commit_is_read_back(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_commit(&j), 0);
	om_journal_done(&j);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_true(j.committed);
	assert_int_equal(j.acts.n, 0);
	om_journal_done(&j);
}

/* The inode of a mount's root is in the intent; DONE without an object leaves it alone. */
static void test_ids_that_are_reusable(void **state)
{
	const struct fixture *f = *state;
	const struct om_journal_origin reusable = { .root_path = "/",
						    .ns = { 3, false } };
	struct om_journal j;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &reusable, NULL), 0);
	assert_int_equal(om_journal_intent(&j,
					   &(struct om_act){ .inverse = OM_INVERSE_DETACH,
							     .mount_id = 7,
							     .print = 5,
							     .ino = 77 },
					   "/m"),
			 0);
	j.acts.v[0].ino = 0;
	assert_int_equal(om_journal_mark_done(&j, 0), 0);
	om_journal_done(&j);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_false(j.origin.ns.unique);
	assert_false(j.origin.made_dir);
	assert_false(j.acts.v[0].unique);
	assert_int_equal(j.acts.v[0].ino, 77);
	assert_true(j.acts.v[0].done);
	om_journal_done(&j);
}

static void limit_file_size(rlim_t size)
{
	struct rlimit l;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = size < l.rlim_max ? size : l.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

#define N_INNER 3000

static char inner_paths[N_INNER][32];

static void make_inner(const struct fixture *f, struct om_act *acts, size_t *ret_bytes)
{
	*ret_bytes = 0;
	for (size_t i = 0; i < N_INNER; i++) {
		(void)snprintf(inner_paths[i], sizeof(inner_paths[i]), "/usr/share/%zu",
			       i);
		acts[i] =
			(struct om_act){ .inverse = OM_INVERSE_DETACH,
					 .path = i == 7 ? (char *)(uintptr_t)f->long_path
							: inner_paths[i],
					 .mount_id = 100 + i,
					 .unique = i % 2,
					 .strategy = 2,
					 .dev = 3 * i,
					 .ino = 5 * i,
					 .attr = i % 4,
					 .want = i % 8,
					 .inner = true,
					 .entry = i % 3 == 0,
					 .follows = i % 5 == 0 };
		*ret_bytes += om_journal_inner_size(acts[i].path);
	}
}

static void check_inner(const struct om_act *act, const struct om_act *made)
{
	assert_string_equal(act->path, made->path);
	assert_int_equal(act->inverse, OM_INVERSE_DETACH);
	assert_int_equal(act->mount_id, made->mount_id);
	assert_int_equal(act->unique, made->unique);
	assert_int_equal(act->strategy, 2);
	assert_int_equal(act->dev, made->dev);
	assert_int_equal(act->ino, made->ino);
	assert_int_equal(act->attr, made->attr);
	assert_int_equal(act->want, made->want);
	assert_int_equal(act->entry, made->entry);
	assert_int_equal(act->follows, made->follows);
	/* As what it is in. */
	assert_true(act->inner && act->done && act->shared);
}

/* So many that they take several groups of records, one of them with the longest path. */
static void test_inner(void **state)
{
	static const struct om_act outer = {
		.inverse = OM_INVERSE_DETACH, .mount_id = 1, .attr = 9, .want = 8
	};
	static struct om_act acts[N_INNER];
	const struct fixture *f = *state;
	struct om_journal j;
	struct stat before, after;
	size_t bytes;

	make_inner(f, acts, &bytes);
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	/* A part of them is known of later. */
	assert_int_equal(om_journal_reserve(&j, 1, bytes / 2), 0);
	assert_int_equal(om_journal_reserve_more(&j, bytes - bytes / 2), 0);
	assert_int_equal(fstat(j.fd, &before), 0);
	assert_int_equal(om_journal_inner(&j, acts, N_INNER), 0);
	assert_int_equal(om_journal_intent(&j, &outer, "/usr/share"), N_INNER);
	j.acts.v[N_INNER].shared = true;
	assert_int_equal(om_journal_mark_done(&j, N_INNER), 0);
	assert_int_equal(om_journal_commit(&j), 0);
	assert_int_equal(fstat(j.fd, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	om_journal_done(&j);

	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, N_INNER + 1);
	assert_int_equal(om_journal_outer(&j, 0), N_INNER);
	assert_int_equal(om_journal_outer(&j, N_INNER), N_INNER);
	assert_int_equal(om_journal_cover(&j, 0), N_INNER + 1);
	assert_int_equal(j.acts.v[N_INNER].attr, 9);
	assert_int_equal(j.acts.v[N_INNER].want, 8);
	for (size_t i = 0; i < N_INNER; i++)
		check_inner(&j.acts.v[i], &acts[i]);
	om_journal_done(&j);
}

static void test_inner_without_memory_or_space(void **state)
{
	const struct fixture *f = *state;
	struct om_act acts[] = { { .path = (char *)(uintptr_t) "/a", .inner = true },
				 { .path = (char *)(uintptr_t) "/b", .inner = true } };
	struct om_journal j;

	/* Two paths, and the acts before the second; the text, which grows once. */
	for (unsigned n = 1; n <= 4; n++) {
		assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
		fake_wrap.fail_allocation = n;
		assert_int_equal(om_journal_inner(&j, acts, 2), -ENOMEM);
		assert_int_equal(fake_wrap.fail_allocation, 0);
		om_journal_done(&j);
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
		assert_int_equal(j.acts.n, 0);
		om_journal_done(&j);
		assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	}
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	limit_file_size(RECORD);
	assert_int_equal(om_journal_inner(&j, acts, 2), -EFBIG);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(om_journal_inner(&j, acts, 0), 0);
	om_journal_done(&j);
}

static void test_create_takes_nobody_elses_file(void **state)
{
	const struct fixture *f = *state;
	struct om_error e = { 0 };
	struct om_journal j;

	write_two(f);
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, &e), -EEXIST);
	assert_int_equal(e.kind, OM_ERR_SYSTEM);
	assert_non_null(strstr(e.message, "cannot create the journal \"j\""));
	om_journal_done(&j);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 2);
	om_journal_done(&j);
}

static void test_no_memory_to_write(void **state)
{
	const struct fixture *f = *state;
	const struct om_act act = { .inverse = OM_INVERSE_DETACH };
	struct om_error e = { 0 };
	struct om_journal j;

	fake_wrap.fail_allocation = 1;
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, &e), -ENOMEM);
	assert_non_null(strstr(e.message, "cannot create the journal: "));
	om_journal_done(&j);
	assert_int_equal(faccessat(f->dirfd, "j", F_OK, 0), -1);

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	/* The copy of the path, and room for one more act. */
	for (unsigned n = 1; n <= 2; n++) {
		fake_wrap.fail_allocation = n;
		assert_int_equal(om_journal_intent(&j, &act, "/a"), -ENOMEM);
		assert_int_equal(fake_wrap.fail_allocation, 0);
		assert_int_equal(j.acts.n, 0);
	}
	assert_int_equal(om_journal_intent(&j, &act, "/a"), 0);
	om_journal_done(&j);
	/* What failed was not written either. */
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 1);
	om_journal_done(&j);
}

/* Each allocation of a load fails once: it is told as that, never as a shorter journal. */
static unsigned count_failing_allocations(const struct fixture *f)
{
	unsigned n = 0;
	int r = -ENOMEM;

	while (r != 0) {
		struct om_error e = { 0 };
		struct om_journal j;

		fake_wrap.fail_allocation = ++n;
		r = om_journal_load(&j, f->dirfd, "j", &e);
		if (r != 0) {
			assert_int_equal(r, -ENOMEM);
			assert_non_null(strstr(e.message, "cannot read the journal"));
		}
		om_journal_done(&j);
	}
	fake_wrap.fail_allocation = 0;
	return n - 1;
}

static void test_no_memory_to_read(void **state)
{
	const struct fixture *f = *state;
	struct om_act inner = { .path = (char *)(uintptr_t) "/a", .inner = true };
	struct om_journal j;

	write_two(f);
	/* The file; three texts, the long one growing; the acts. */
	assert_true(count_failing_allocations(f) >= 6);
	assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_inner(&j, &inner, 1), 0);
	om_journal_done(&j);
	/* The file, the root, the text, a path, the acts. */
	assert_true(count_failing_allocations(f) >= 5);
}

/* What covers an act is a later mount, and none that is inside of another one. */
static void test_cover(void **state)
{
	static const struct om_act mount = { .inverse = OM_INVERSE_DETACH };
	static const struct om_act dir = { .inverse = OM_INVERSE_RMDIR };
	struct om_act inner = { .inverse = OM_INVERSE_DETACH,
				.path = (char *)(uintptr_t) "/a",
				.inner = true };
	struct om_journal j;

	(void)state;
	om_journal_init(&j);
	assert_int_equal(om_journal_intent(&j, &mount, "/a/x"), 0);
	assert_int_equal(om_journal_intent(&j, &dir, "/a"), 1);
	assert_int_equal(om_journal_inner(&j, &inner, 1), 0);
	assert_int_equal(om_journal_intent(&j, &mount, "/b"), 3);
	assert_int_equal(om_journal_cover(&j, 0), 4);
	assert_int_equal(om_journal_intent(&j, &mount, "/a"), 4);
	assert_int_equal(om_journal_intent(&j, &mount, "/a"), 5);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(om_journal_cover(&j, i), 4);
	assert_int_equal(om_journal_cover(&j, 3), 6);
	assert_int_equal(om_journal_cover(&j, 4), 5);
	om_journal_done(&j);
}

static void test_no_space(void **state)
{
	const struct fixture *f = *state;
	const struct om_act act = { .inverse = OM_INVERSE_DETACH };
	struct om_error e = { 0 };
	struct om_journal j;
	uint64_t reserved;

	limit_file_size(0);
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, &e), -EFBIG);
	limit_file_size(RLIM_INFINITY);
	assert_non_null(strstr(e.message, "cannot create the journal \"j\""));
	om_journal_done(&j);
	/* The file that was begun is gone. */
	assert_int_equal(faccessat(f->dirfd, "j", F_OK, 0), -1);

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	reserved = j.reserved;
	limit_file_size(RECORD * 2 + 100);
	assert_int_equal(om_journal_reserve(&j, 1000, 0), -EFBIG);
	assert_int_equal(j.reserved, reserved);
	/* One record fits, and of the next a part. */
	assert_int_equal(om_journal_intent(&j, &act, f->long_path), -ENOSPC);
	assert_int_equal(j.acts.n, 0);
	/* Behind the part nothing could be read, so nothing is written any more. */
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(om_journal_intent(&j, &act, "/a"), -ENOSPC);
	assert_int_equal(j.acts.n, 0);
	assert_int_equal(om_journal_commit(&j), -ENOSPC);
	assert_false(j.committed);
	om_journal_done(&j);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 0);
	om_journal_done(&j);
	assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	limit_file_size(RECORD);
	assert_int_equal(om_journal_intent(&j, &act, "/a"), -EFBIG);
	assert_int_equal(j.acts.n, 0);
	limit_file_size(RLIM_INFINITY);
	om_journal_done(&j);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 0);
	assert_false(j.committed);
	om_journal_done(&j);
}

/* What is reserved once is not asked for again. */
static void test_reserve_is_idempotent(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	int fd;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 5, 0), 0);
	/* A file that cannot be written, so that whoever asks is told. */
	fd = openat(f->dirfd, "j", O_RDONLY | O_CLOEXEC);
	assert_int_equal(dup2(fd, j.fd), j.fd);
	(void)close(fd);
	assert_int_equal(om_journal_reserve(&j, 5, 0), 0);
	assert_int_equal(om_journal_reserve(&j, 6, 0), -EBADF);
	om_journal_done(&j);
}

/* A record as it is on disk (journal.c), for records that no journal of ours has. */
struct forged {
	uint32_t magic, crc, seq;
	uint16_t type, inverse, text_left;
	uint8_t unique, reusable, strategy, pad[3];
	uint64_t id;
	uint64_t what[2];
	char text[464];
};

enum { HEADER = 1, INTENT, MORE, DONE, COMMIT, INNER, UPDATE, ASIDE };

/* A packed act with a path of two bytes. */
#define INNER_TEXT(path)                                                                 \
	"\1\0\0\0\0\0\0\0"                                                               \
	"\0\0\0\0\0\0\0\0"                                                               \
	"\0\0\0\0\0\0\0\0"                                                               \
	"\0\0\0\0\2\0\0\0" path

static void forge(const struct fixture *f, uint32_t k, struct forged r)
{
	int fd = openat(f->dirfd, "j", O_WRONLY | O_CLOEXEC);

	if (r.magic == 0)
		r.magic = 0x334a4d4f;
	r.seq += k;
	r.crc = om_crc32c(&r, sizeof(r));
	assert_int_equal(pwrite(fd, &r, sizeof(r), (off_t)k * RECORD), RECORD);
	(void)close(fd);
}

/* Header, one intent, and record 2 as given. */
static int load_with(const struct fixture *f, struct forged r, struct om_journal *j)
{
	(void)unlinkat(f->dirfd, "j", 0);
	assert_int_equal(om_journal_create(j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_intent(j,
					   &(struct om_act){ .inverse = OM_INVERSE_DETACH,
							     .mount_id = 1 },
					   "/a"),
			 0);
	om_journal_done(j);
	forge(f, 2, r);
	return om_journal_load(j, f->dirfd, "j", NULL);
}

static void test_records_that_are_not_believed(void **state)
{
	static const struct {
		struct forged record;
		int r;
		size_t acts; /* when it is loaded */
	} cases[] = {
		{ { .type = INTENT, .inverse = 1, .text_left = 2, .text = "/b" }, 0, 2 },
		{ { .type = INTENT, .inverse = 3, .text_left = 2, .text = "/b" }, 0, 2 },
		{ { .type = INTENT, .inverse = 4, .text_left = 2, .text = "/b" },
		  -EBADMSG,
		  0 },
		{ { .type = INTENT, .inverse = 1, .text_left = 1, .text = "b" },
		  -EBADMSG,
		  0 },
		{ { .type = INTENT, .inverse = 1, .text_left = 5, .text = "/../b" },
		  -EBADMSG,
		  0 },
		{ { .type = INTENT, .inverse = 1 }, -EBADMSG, 0 },
		{ { .type = INTENT, .text_left = 2, .text = "/b" }, -EBADMSG, 0 },
		{ { .type = DONE, .id = 0 }, 0, 1 },
		{ { .type = DONE, .id = 1 }, -EBADMSG, 0 },
		{ { .type = COMMIT }, 0, 1 },
		{ { .type = MORE, .text_left = 2, .text = "/b" }, -EBADMSG, 0 },
		{ { .type = 0 }, -EBADMSG, 0 },
		/* What is not whole is not updated. */
		{ { .type = UPDATE }, -EBADMSG, 0 },
		{ { .type = ASIDE }, -EBADMSG, 0 },
		{ { .type = 9 }, -EBADMSG, 0 },
		/* Less than a packed act, and one whose path is not all there. */
		{ { .type = INNER, .text_left = 31 }, -EBADMSG, 0 },
		{ { .type = INNER, .text_left = 33, .text = INNER_TEXT("/\0") },
		  -EBADMSG,
		  0 },
		{ { .type = INNER, .text_left = 34, .text = INNER_TEXT("/b") }, 0, 2 },
		{ { .type = INNER, .text_left = 34, .text = INNER_TEXT("b/") },
		  -EBADMSG,
		  0 },
		{ { .type = INNER }, 0, 1 },
		/* The text goes on, and what goes on was never written. */
		{ { .type = INTENT, .inverse = 1, .text_left = 465, .text = "/b" }, 0, 1 },
		/* The last one, torn. */
		{ { .magic = 0x12345678, .type = COMMIT }, 0, 1 },
		{ { .seq = 1, .type = COMMIT }, 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fixture *f = *state;
		struct om_journal j;
		int r = load_with(f, cases[i].record, &j);

		assert_int_equal(r, cases[i].r);
		if (r == 0)
			assert_int_equal(j.acts.n, cases[i].acts);
		om_journal_done(&j);
	}
}

/* In front of a whole record the same is damage, not the torn end. */
static void test_damage_before_a_whole_record(void **state)
{
	static const struct forged cases[] = {
		{ .magic = 0x12345678, .type = COMMIT },
		{ .seq = 1, .type = COMMIT },
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct om_error e = { 0 };
		struct om_journal j;

		assert_int_equal(load_with(f, cases[i], &j), 0);
		assert_int_equal(j.seq, 2);
		om_journal_done(&j);
		forge(f, 3, (struct forged){ .type = COMMIT });
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", &e), -EBADMSG);
		assert_non_null(strstr(e.message, "record 2 is damaged"));
		om_journal_done(&j);
	}
}

/* A record whose magic alone is zero was written, and is damaged. */
static void test_zero_magic_is_not_absence(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	int fd;

	assert_int_equal(load_with(f, (struct forged){ .type = COMMIT }, &j), 0);
	assert_true(j.committed);
	om_journal_done(&j);
	forge(f, 3, (struct forged){ .type = COMMIT });
	fd = openat(f->dirfd, "j", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "\0\0\0\0", 4, 2 * RECORD), 4);
	(void)close(fd);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -EBADMSG);
	om_journal_done(&j);
}

/* The file ends with the second act's absence, or where its text goes on. */
static void test_cut_file(void **state)
{
	const struct fixture *f = *state;

	for (off_t records = 3; records < 12; records++) {
		struct om_journal j;
		int fd;

		write_two(f);
		fd = openat(f->dirfd, "j", O_WRONLY | O_CLOEXEC);
		assert_int_equal(ftruncate(fd, records * RECORD), 0);
		(void)close(fd);
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
		assert_int_equal(j.acts.n, 1);
		assert_true(j.acts.v[0].done);
		assert_int_equal(j.seq, 3);
		om_journal_done(&j);
		assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	}
}

/* The last record of the file itself is damaged: there is no next one to look at. */
static void test_damage_at_the_very_end(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	int fd;

	write_two(f);
	flip_byte(f, RECORD * 2 + 60);
	fd = openat(f->dirfd, "j", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 3 * RECORD), 0);
	(void)close(fd);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_int_equal(j.acts.n, 1);
	assert_false(j.acts.v[0].done);
	om_journal_done(&j);
}

static void test_empty_texts(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	/* The header's is no path, but nothing walks it before it is opened. */
	write_two(f);
	forge(f, 0, (struct forged){ .type = HEADER, .id = 1 });
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_string_equal(j.root_path, "");
	om_journal_done(&j);
	/* After the file: the copy of the empty text. */
	fake_wrap.fail_allocation = 2;
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ENOMEM);
	assert_int_equal(fake_wrap.fail_allocation, 0);
	om_journal_done(&j);

	assert_int_equal(load_with(f, (struct forged){ .type = INTENT, .inverse = 1 },
				   &j),
			 -EBADMSG);
	om_journal_done(&j);
	/* After the file, the root, the first act's path and the acts. */
	fake_wrap.fail_allocation = 5;
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ENOMEM);
	assert_int_equal(fake_wrap.fail_allocation, 0);
	om_journal_done(&j);
}

static void test_another_version(void **state)
{
	const struct fixture *f = *state;
	struct om_error e = { 0 };
	struct om_journal j;

	write_two(f);
	forge(f, 0, (struct forged){ .magic = 0x344a4d4f, .type = HEADER });
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", &e), -EPROTO);
	assert_non_null(strstr(e.message, "another version of overmount wrote it"));
	assert_string_equal(e.fix, "undo with that version");
	om_journal_done(&j);
	/* Not taken for one of ours at all. */
	forge(f, 0, (struct forged){ .magic = 0x336a4d4f, .type = HEADER });
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -EBADMSG);
	om_journal_done(&j);
	/* The version is asked for in the first record only. */
	assert_int_equal(load_with(f, (struct forged){ .magic = 0x344a4d4f }, &j), 0);
	assert_int_equal(j.seq, 2);
	om_journal_done(&j);
}

static void expect_distrust(const struct fixture *f)
{
	struct om_error e = { 0 };
	struct om_journal j;

	assert_int_equal(om_journal_load(&j, f->dirfd, "j", &e), -EPERM);
	assert_int_equal(e.kind, OM_ERR_SYSTEM);
	assert_non_null(strstr(e.message, "cannot trust the journal \"j\""));
	om_journal_done(&j);
}

static void test_files_that_are_not_trusted(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_two(f);
	assert_int_equal(fchmodat(f->dirfd, "j", 0620, 0), 0);
	expect_distrust(f);
	assert_int_equal(fchmodat(f->dirfd, "j", 0602, 0), 0);
	expect_distrust(f);
	assert_int_equal(fchmodat(f->dirfd, "j", 0644, 0), 0);
	fake_wrap.other_user = true;
	/* Root's is trusted by others, too. */
	if (getuid() == 0) {
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
		om_journal_done(&j);
		assert_int_equal(fchownat(f->dirfd, "j", 5, 5, 0), 0);
	}
	expect_distrust(f);
	fake_wrap.other_user = false;
	if (getuid() == 0)
		assert_int_equal(fchownat(f->dirfd, "j", 0, 0, 0), 0);
	fake_wrap.fail_fstat = EIO;
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -EIO);
	fake_wrap.fail_fstat = 0;
	om_journal_done(&j);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	om_journal_done(&j);
	assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);

	assert_int_equal(mkfifoat(f->dirfd, "j", 0600), 0);
	expect_distrust(f);
	assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	assert_int_equal(symlinkat("/dev/null", f->dirfd, "j"), 0);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -ELOOP);
	om_journal_done(&j);
}

static void test_too_large(void **state)
{
	const struct fixture *f = *state;
	struct om_error e = { 0 };
	struct om_journal j;
	int fd;

	write_two(f);
	fd = openat(f->dirfd, "j", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 64 * 1024 * 1024 + 1), 0);
	(void)close(fd);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", &e), -EFBIG);
	assert_non_null(strstr(e.message, "cannot read the journal \"j\""));
	om_journal_done(&j);
}

/* What happens to the file before the commit, and what the commit says. */
static int commit_after(const struct fixture *f,
			void (*harm)(const struct fixture *f, struct om_journal *j))
{
	const struct om_act act = { .inverse = OM_INVERSE_DETACH, .mount_id = 1 };
	struct om_journal j;
	int r;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(om_journal_reserve(&j, 1, 0), 0);
	assert_int_equal(om_journal_intent(&j, &act, "/usr"), 0);
	assert_int_equal(om_journal_mark_done(&j, 0), 0);
	harm(f, &j);
	r = om_journal_commit(&j);
	fake_wrap.fail_fstat = 0;
	fake_wrap.on_fstat = NULL;
	assert_int_equal(j.committed, r == 0);
	om_journal_done(&j);
	(void)unlinkat(f->dirfd, "j", 0);
	return r;
}

static void harm_nothing(const struct fixture *f, struct om_journal *j)
{
	(void)f;
	(void)j;
}

static void harm_name(const struct fixture *f, struct om_journal *j)
{
	(void)j;
	assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
}

static void harm_content(const struct fixture *f, struct om_journal *j)
{
	(void)j;
	flip_byte(f, RECORD + 100);
}

static void harm_size(const struct fixture *f, struct om_journal *j)
{
	(void)f;
	assert_int_equal(ftruncate(j->fd, RECORD), 0);
}

/* What can be written, and not be read. */
static void harm_reading(const struct fixture *f, struct om_journal *j)
{
	int fd = openat(f->dirfd, "j", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	(void)close(j->fd);
	j->fd = fd;
}

static void harm_looking(const struct fixture *f, struct om_journal *j)
{
	(void)f;
	(void)j;
	fake_wrap.fail_fstat = EIO;
}

static int harmed_dirfd;

static void remove_name(int fd)
{
	(void)fd;
	(void)unlinkat(harmed_dirfd, "j", 0);
}

static void cut(int fd)
{
	assert_int_equal(ftruncate(fd, RECORD), 0);
}

static void harm_name_at_the_end(const struct fixture *f, struct om_journal *j)
{
	(void)j;
	harmed_dirfd = f->dirfd;
	fake_wrap.on_fstat = remove_name;
}

static void harm_size_at_the_end(const struct fixture *f, struct om_journal *j)
{
	(void)f;
	(void)j;
	fake_wrap.on_fstat = cut;
}

/* As if it had been cut after it was read and before the commit was written. */
static void leave_commit(int fd)
{
	static const char nothing[RECORD];
	struct stat st;

	fake_wrap.on_fstat = NULL;
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at + RECORD < st.st_size; at += RECORD) {
		char record[RECORD];

		assert_int_equal(pread(fd, record, sizeof(record), at + RECORD), RECORD);
		if (memcmp(record, nothing, sizeof(record)) == 0)
			break;
		assert_int_equal(pwrite(fd, nothing, sizeof(nothing), at), RECORD);
	}
}

static void harm_before_the_commit(const struct fixture *f, struct om_journal *j)
{
	(void)f;
	(void)j;
	fake_wrap.on_fstat = leave_commit;
}

/* The commit is there, and what was before it cannot be looked at. */
static void refuse_reading(int fd)
{
	int other = openat(harmed_dirfd, "j", O_WRONLY | O_CLOEXEC);

	fake_wrap.on_fstat = NULL;
	assert_true(other >= 0);
	assert_int_equal(dup3(other, fd, O_CLOEXEC), fd);
	(void)close(other);
}

static void harm_reading_at_the_end(const struct fixture *f, struct om_journal *j)
{
	(void)j;
	harmed_dirfd = f->dirfd;
	fake_wrap.on_fstat = refuse_reading;
}

static void test_commit_reads_back(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(commit_after(f, harm_nothing), 0);
	assert_int_equal(commit_after(f, harm_name), -ESTALE);
	assert_int_equal(commit_after(f, harm_content), -EPROTO);
	assert_int_equal(commit_after(f, harm_size), -EPROTO);
	assert_int_equal(commit_after(f, harm_reading), -EBADF);
	/* After the commit was written. */
	assert_int_equal(commit_after(f, harm_looking), 0);
	assert_int_equal(commit_after(f, harm_name_at_the_end), -ESTALE);
	assert_int_equal(commit_after(f, harm_size_at_the_end), -ESTALE);
	assert_int_equal(commit_after(f, harm_before_the_commit), -ESTALE);
	assert_int_equal(commit_after(f, harm_reading_at_the_end), 0);
}

/* A whole one: a directory, and a construction at "/c" with a mount in it. */
static void write_whole(const struct fixture *f, struct om_journal *j)
{
	static char inner_path[] = "/c/i";
	const struct om_act inner = { .inverse = OM_INVERSE_DETACH,
				      .path = inner_path,
				      .mount_id = 8,
				      .unique = true,
				      .inner = true,
				      .entry = true };

	(void)unlinkat(f->dirfd, "j", 0);
	assert_int_equal(om_journal_create(j, f->dirfd, "j", &origin, NULL), 0);
	assert_int_equal(
		om_journal_intent(j, &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
				  "/d"),
		0);
	assert_int_equal(om_journal_mark_done(j, 0), 0);
	assert_int_equal(om_journal_inner(j, &inner, 1), 0);
	assert_int_equal(om_journal_intent(j,
					   &(struct om_act){ .inverse = OM_INVERSE_DETACH,
							     .mount_id = 9,
							     .unique = true },
					   "/c"),
			 2);
	assert_int_equal(om_journal_mark_done(j, 2), 0);
	assert_int_equal(om_journal_commit(j), 0);
}

static void expect_whole(const struct fixture *f, const char *const *paths, size_t n)
{
	struct om_journal j;

	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_true(j.committed);
	assert_false(j.updating);
	assert_int_equal(j.acts.n, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(j.acts.v[i].path, paths[i]);
		assert_true(j.acts.v[i].done);
		assert_false(j.acts.v[i].aside);
	}
	om_journal_done(&j);
}

static const char *const whole[] = { "/d", "/c/i", "/c" };

static void test_update_and_back(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_whole(f, &j);
	j.acts.v[2].aside = true;
	assert_int_equal(om_journal_begin_update(&j), 0);
	assert_true(j.updating);
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_DETACH },
				  "/new"),
		3);
	om_journal_done(&j);

	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_true(j.updating);
	assert_false(j.committed);
	assert_int_equal(j.n_before, 3);
	assert_int_equal(j.acts.n, 4);
	assert_false(j.acts.v[0].aside);
	assert_true(j.acts.v[2].aside);
	/* What came has been undone. */
	free(j.acts.v[--j.acts.n].path);
	assert_int_equal(om_journal_cut(&j), 0);
	assert_false(j.updating);
	assert_true(j.committed);
	expect_whole(f, whole, 3);
	/* It can be updated again. */
	j.acts.v[0].aside = true;
	assert_int_equal(om_journal_begin_update(&j), 0);
	assert_int_equal(om_journal_cut(&j), 0);
	expect_whole(f, whole, 3);
	om_journal_done(&j);
}

static void test_update_without_space(void **state)
{
	const struct fixture *f = *state;
	off_t size;
	struct om_journal j;
	struct stat st;

	write_whole(f, &j);
	j.acts.v[0].aside = j.acts.v[2].aside = true;
	assert_int_equal(fstat(j.fd, &st), 0);
	size = (off_t)j.seq * RECORD;
	/* More than was reserved for the acts: nothing is written. */
	assert_int_equal(ftruncate(j.fd, size), 0);
	j.reserved = j.seq;
	limit_file_size((rlim_t)size + RECORD);
	assert_int_equal(om_journal_begin_update(&j), -EFBIG);
	assert_false(j.updating);
	expect_whole(f, whole, 3);
	/* Said to be reserved: the first record fits, or not even that. */
	j.reserved += 3;
	assert_int_equal(om_journal_begin_update(&j), -EFBIG);
	assert_true(j.updating);
	assert_int_equal(om_journal_cut(&j), 0);
	expect_whole(f, whole, 3);
	j.acts.v[0].aside = true;
	j.reserved += 3;
	limit_file_size((rlim_t)size);
	assert_int_equal(om_journal_begin_update(&j), -EFBIG);
	assert_false(j.updating);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(om_journal_cut(&j), 0);
	expect_whole(f, whole, 3);
	om_journal_done(&j);
}

/* Somebody makes the file longer again before it is looked at. */
static void lengthen(int fd)
{
	assert_int_equal(ftruncate(fd, 100 * RECORD), 0);
}

static void test_cut_that_fails(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	int fd;

	write_whole(f, &j);
	assert_int_equal(om_journal_begin_update(&j), 0);
	fake_wrap.fail_fstat = EIO;
	assert_int_equal(om_journal_cut(&j), -EIO);
	fake_wrap = (struct fake_wrap){ .on_fstat = lengthen };
	assert_int_equal(om_journal_cut(&j), -EPROTO);
	assert_true(j.updating);
	fake_wrap = (struct fake_wrap){ 0 };
	assert_int_equal(om_journal_cut(&j), 0);
	fd = openat(f->dirfd, "j", O_RDONLY | O_CLOEXEC);
	assert_int_equal(dup2(fd, j.fd), j.fd);
	(void)close(fd);
	assert_int_equal(om_journal_cut(&j), -EINVAL);
	om_journal_done(&j);
}

static void test_updates_that_are_not_believed(void **state)
{
	static const struct forged cases[] = {
		{ .type = UPDATE },	    /* in an update */
		{ .type = COMMIT },	    /* that has not ended */
		{ .type = ASIDE, .id = 3 }, /* there are three */
		{ .type = ASIDE, .id = 1 }, /* it goes with another one */
	};
	const struct fixture *f = *state;
	struct om_journal j;
	uint32_t seq;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		write_whole(f, &j);
		assert_int_equal(om_journal_begin_update(&j), 0);
		seq = j.seq;
		om_journal_done(&j);
		forge(f, seq, cases[i]);
		assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), -EBADMSG);
		om_journal_done(&j);
	}
}

static void test_replaced(void **state)
{
	static const char *const paths[] = { "/d", "/new" };
	const struct fixture *f = *state;
	struct om_journal j;
	struct stat st;

	write_whole(f, &j);
	j.acts.v[2].aside = true;
	assert_int_equal(om_journal_begin_update(&j), 0);
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_DETACH },
				  "/new"),
		3);
	j.acts.v[3].newest = 77;
	assert_int_equal(om_journal_mark_done(&j, 3), 0);
	/* What an earlier one has left is not in the way. */
	assert_int_equal(close(openat(f->dirfd, "j.new", O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(om_journal_replace(&j, f->dirfd, "j"), 0);
	assert_true(j.committed);
	assert_true(j.origin.updated);
	assert_true(j.origin.made_dir);
	om_journal_done(&j);
	expect_whole(f, paths, 2);
	assert_int_equal(faccessat(f->dirfd, "j.new", F_OK, 0), -1);
	assert_int_equal(om_journal_load(&j, f->dirfd, "j", NULL), 0);
	assert_true(j.origin.updated);
	assert_int_equal(j.acts.v[1].newest, 77);
	/* An act that never happened stays one. */
	assert_int_equal(om_journal_begin_update(&j), 0);
	assert_int_equal(
		om_journal_intent(&j, &(struct om_act){ .inverse = OM_INVERSE_UNLINK },
				  "/x"),
		2);
	assert_int_equal(om_journal_replace(&j, f->dirfd, "j"), 0);
	assert_false(j.acts.v[2].done);
	assert_int_equal(fstat(j.fd, &st), 0);
	om_journal_done(&j);
}

static void test_replacing_that_fails(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_whole(f, &j);
	assert_int_equal(om_journal_begin_update(&j), 0);
	limit_file_size(RECORD * 2);
	assert_true(om_journal_replace(&j, f->dirfd, "j") < 0);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(faccessat(f->dirfd, "j.new", F_OK, 0), -1);
	assert_int_equal(mkdirat(f->dirfd, "j.new", 0700), 0);
	assert_int_equal(om_journal_replace(&j, f->dirfd, "j"), -EEXIST);
	assert_int_equal(unlinkat(f->dirfd, "j.new", AT_REMOVEDIR), 0);
	/* Something else has its name: the file that was written is not the one there. */
	assert_int_equal(unlinkat(f->dirfd, "j", 0), 0);
	assert_int_equal(mkdirat(f->dirfd, "j", 0700), 0);
	assert_int_equal(om_journal_replace(&j, f->dirfd, "j"), -EISDIR);
	assert_int_equal(unlinkat(f->dirfd, "j", AT_REMOVEDIR), 0);
	assert_true(j.updating);
	om_journal_done(&j);
}

/* In an update that puts the construction aside and has made "/new". */
static void write_updating(const struct fixture *f, struct om_journal *j)
{
	write_whole(f, j);
	j->acts.v[2].aside = true;
	assert_int_equal(om_journal_begin_update(j), 0);
	assert_int_equal(
		om_journal_intent(j, &(struct om_act){ .inverse = OM_INVERSE_RMDIR },
				  "/new"),
		3);
	assert_int_equal(om_journal_mark_done(j, 3), 0);
}

/* Nothing is left of the replacement, and the update can be taken back. */
static void expect_not_replaced(const struct fixture *f, struct om_journal *j)
{
	assert_int_equal(faccessat(f->dirfd, "j.new", F_OK, 0), -1);
	assert_true(j->updating);
	assert_int_equal(j->acts.n, 4);
	assert_true(j->acts.v[2].aside);
	free(j->acts.v[--j->acts.n].path);
	assert_int_equal(om_journal_cut(j), 0);
	om_journal_done(j);
	expect_whole(f, whole, 3);
}

static void test_replacing_without_memory(void **state)
{
	const struct fixture *f = *state;
	unsigned n = 0;
	struct om_journal j;
	int r;

	do {
		write_updating(f, &j);
		/* What stays has a mount in it, too. */
		j.acts.v[2].aside = false;
		fake_wrap.fail_allocation = ++n;
		r = om_journal_replace(&j, f->dirfd, "j");
		if (r < 0) {
			assert_int_equal(r, -ENOMEM);
			assert_int_equal(fake_wrap.fail_allocation, 0);
			j.acts.v[2].aside = true;
			expect_not_replaced(f, &j);
		}
	} while (r < 0);
	fake_wrap.fail_allocation = 0;
	/* The root, four paths, the acts, and the text of what is inside. */
	assert_true(n > 7);
	om_journal_done(&j);
	expect_whole(f, (const char *const[]){ "/d", "/c/i", "/c", "/new" }, 4);
}

static int next_fd(void)
{
	int fd = dup(STDIN_FILENO);

	assert_true(fd >= 0);
	(void)close(fd);
	return fd;
}

/* The header fits, and the acts do not. */
static void test_replacing_without_space(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;
	uint64_t reserved;
	int fd;

	assert_int_equal(om_journal_create(&j, f->dirfd, "j", &origin, NULL), 0);
	reserved = j.reserved;
	om_journal_done(&j);
	write_updating(f, &j);
	fd = next_fd();
	limit_file_size(reserved * RECORD);
	assert_int_equal(om_journal_replace(&j, f->dirfd, "j"), -EFBIG);
	limit_file_size(RLIM_INFINITY);
	assert_int_equal(next_fd(), fd);
	expect_not_replaced(f, &j);
}

/* What was to be in a construction that is not written down was never attached. */
static void test_replaced_without_what_was_never_attached(void **state)
{
	static char path[] = "/e/i";
	const struct om_act inner = { .inverse = OM_INVERSE_DETACH,
				      .path = path,
				      .inner = true };
	const struct fixture *f = *state;
	struct om_journal j;

	write_updating(f, &j);
	assert_int_equal(om_journal_inner(&j, &inner, 1), 0);
	assert_int_equal(om_journal_replace(&j, f->dirfd, "j"), 0);
	om_journal_done(&j);
	expect_whole(f, (const char *const[]){ "/d", "/new" }, 2);
}

static unsigned n_looks;

/* The commit looks once; then the name is looked at. */
static bool is_look_at_name(void)
{
	return ++n_looks > 1;
}

static int replace_with(const struct fixture *f, struct om_journal *j,
			void (*harm)(int fd))
{
	int r;

	harmed_dirfd = f->dirfd;
	n_looks = 0;
	fake_wrap.on_fstat = harm;
	r = om_journal_replace(j, f->dirfd, "j");
	fake_wrap = (struct fake_wrap){ 0 };
	return r;
}

static void fail_two_looks(int fd)
{
	(void)fd;
	fake_wrap.fail_fstat = is_look_at_name() && n_looks <= 3 ? EINTR : 0;
}

static void fail_three_looks(int fd)
{
	(void)fd;
	fake_wrap.fail_fstat = is_look_at_name() && n_looks <= 4 ? EINTR : 0;
}

/* It counts as replaced as soon as anybody can see that; if nobody can, it is unknown. */
static void test_replacing_that_cannot_be_seen(void **state)
{
	static const char *const paths[] = { "/d", "/new" };
	const struct fixture *f = *state;
	struct om_journal j;

	write_updating(f, &j);
	assert_int_equal(replace_with(f, &j, fail_two_looks), 0);
	assert_int_equal(n_looks, 4);
	assert_false(j.updating);
	assert_int_equal(j.acts.n, 2);
	om_journal_done(&j);
	expect_whole(f, paths, 2);

	write_updating(f, &j);
	assert_int_equal(replace_with(f, &j, fail_three_looks), -EUCLEAN);
	assert_int_equal(n_looks, 4);
	assert_true(j.updating);
	assert_int_equal(j.acts.n, 4);
	om_journal_done(&j);
	/* It was; whoever looks next is told so. */
	expect_whole(f, paths, 2);
}

static void remove_both(int fd)
{
	(void)fd;
	if (!is_look_at_name())
		return;
	(void)unlinkat(harmed_dirfd, "j", 0);
	/* As if the renaming had failed. */
	(void)close(openat(harmed_dirfd, "j.new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

/* Where nobody knows which of the two it is, the new one is not removed. */
static void test_replacing_nobody_knows_what(void **state)
{
	const struct fixture *f = *state;
	struct om_journal j;

	write_updating(f, &j);
	assert_int_equal(replace_with(f, &j, remove_both), -EUCLEAN);
	assert_int_equal(n_looks, 4);
	assert_true(j.updating);
	assert_int_equal(j.acts.n, 4);
	om_journal_done(&j);
	assert_int_equal(faccessat(f->dirfd, "j.new", F_OK, 0), 0);
	om_journal_drop_replacement(f->dirfd, "j");
	assert_int_equal(faccessat(f->dirfd, "j.new", F_OK, 0), -1);
}

/* As if the renaming had only been said to have been done. */
static void rename_back(int fd)
{
	(void)fd;
	if (!is_look_at_name())
		return;
	assert_int_equal(renameat(harmed_dirfd, "j", harmed_dirfd, "j.new"), 0);
	assert_int_equal(renameat(harmed_dirfd, "kept", harmed_dirfd, "j"), 0);
}

static void put_other_device(int fd)
{
	int other;

	if (!is_look_at_name())
		return;
	rename_back(fd);
	other = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(dup3(other, fd, O_CLOEXEC), fd);
	(void)close(other);
}

/* A filter says yes, and the old one is still there: another file, even another device. */
static void test_replacing_that_did_nothing(void **state)
{
	static void (*const harms[])(int fd) = { rename_back, put_other_device };
	const struct fixture *f = *state;
	struct om_journal j;

	for (size_t i = 0; i < ARRAY_SIZE(harms); i++) {
		write_updating(f, &j);
		assert_int_equal(linkat(f->dirfd, "j", f->dirfd, "kept", 0), 0);
		assert_int_equal(replace_with(f, &j, harms[i]), -EPROTO);
		expect_not_replaced(f, &j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(test_commit_reads_back, setup, teardown),
	cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
	cmocka_unit_test_setup_teardown(test_torn_last_record_is_absent, setup, teardown),
	cmocka_unit_test_setup_teardown(test_records_are_padded_with_zeros, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_damage_in_the_middle_is_refused, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_foreign_mode_is_refused, setup, teardown),
	cmocka_unit_test_setup_teardown(test_missing_is_enoent, setup, teardown),
	cmocka_unit_test_setup_teardown(test_without_header_is_absent, setup, teardown),
	cmocka_unit_test_setup_teardown(test_space_is_reserved_before, setup, teardown),
	cmocka_unit_test_setup_teardown(test_in_memory_only, setup, teardown),
	cmocka_unit_test_setup_teardown(test_commit_is_read_back, setup, teardown),
	cmocka_unit_test_setup_teardown(test_ids_that_are_reusable, setup, teardown),
	cmocka_unit_test(test_cover),
	cmocka_unit_test_setup_teardown(test_inner, setup, teardown),
	cmocka_unit_test_setup_teardown(test_inner_without_memory_or_space, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_create_takes_nobody_elses_file, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_no_memory_to_write, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_memory_to_read, setup, teardown),
	cmocka_unit_test_setup_teardown(test_no_space, setup, teardown),
	cmocka_unit_test_setup_teardown(test_reserve_is_idempotent, setup, teardown),
	cmocka_unit_test_setup_teardown(test_records_that_are_not_believed, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_damage_before_a_whole_record, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_zero_magic_is_not_absence, setup, teardown),
	cmocka_unit_test_setup_teardown(test_cut_file, setup, teardown),
	cmocka_unit_test_setup_teardown(test_damage_at_the_very_end, setup, teardown),
	cmocka_unit_test_setup_teardown(test_empty_texts, setup, teardown),
	cmocka_unit_test_setup_teardown(test_another_version, setup, teardown),
	cmocka_unit_test_setup_teardown(test_files_that_are_not_trusted, setup, teardown),
	cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
	cmocka_unit_test_setup_teardown(test_update_and_back, setup, teardown),
	cmocka_unit_test_setup_teardown(test_update_without_space, setup, teardown),
	cmocka_unit_test_setup_teardown(test_cut_that_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_updates_that_are_not_believed, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
	cmocka_unit_test_setup_teardown(test_replacing_that_fails, setup, teardown),
	cmocka_unit_test_setup_teardown(test_replacing_without_memory, setup, teardown),
	cmocka_unit_test_setup_teardown(test_replacing_without_space, setup, teardown),
	cmocka_unit_test_setup_teardown(test_replaced_without_what_was_never_attached,
					setup, teardown),
	cmocka_unit_test_setup_teardown(test_replacing_that_cannot_be_seen, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_replacing_nobody_knows_what, setup,
					teardown),
	cmocka_unit_test_setup_teardown(test_replacing_that_did_nothing, setup, teardown),
};

int main(void)
{
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
