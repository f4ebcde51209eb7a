/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe/cache: what is stored is found again under the same circumstances, and whatever is
 * wrong with it is ignored.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake/tree.h"
#include "base/str.h"
#include "fake/kernel.h"
#include "probe/cache.h"

#define KEY "boot=1\nlabel=x\n"
#define MAX_SIZE 32768
#define FEATURES "/sys/kernel/security/apparmor/features/"
#define FILESYSTEMS "/proc/filesystems"

struct scratch {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	(void)umask(022);
	(void)snprintf(s->path, sizeof(s->path), "/tmp/om-cache-XXXXXX");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->fd >= 0);
	/* A fifo in the place of the cache must not stop us. */
	(void)alarm(60);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scratch *s = *state;

	(void)alarm(0);
	(void)close(s->fd);
	(void)chmod(s->path, 0700);
	fake_remove_tree(s->path);
	free(s);
	return 0;
}

/* --- Helpers ------------------------------------------------------------------------- */

static void fill(char *buf, size_t size, const char *text, size_t i)
{
	size_t n = (size_t)snprintf(buf, size, "%s %zu ", text, i);

	memset(buf + n, 'x', size - 1 - n);
	buf[size - 1] = '\0';
}

/* Each fact differs from the others; every third one has texts of the greatest length. */
static void make_facts(struct om_facts *facts)
{
	om_facts_init(facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		struct om_fact *fact = &facts->fact[i];

		fact->state = (enum om_tristate)(i % 3);
		(void)snprintf(fact->evidence, sizeof(fact->evidence), "evidence %zu", i);
		if (i % 3 == 0)
			continue;
		fill(fact->value, sizeof(fact->value), "value", i);
		if (i % 3 == 1)
			fill(fact->evidence, sizeof(fact->evidence), "long", i);
	}
}

static void assert_same(const struct om_fact *a, const struct om_fact *b)
{
	assert_int_equal(a->state, b->state);
	assert_string_equal(a->value, b->value);
	assert_string_equal(a->evidence, b->evidence);
}

/* A small one, to be spoilt. */
static const om_fact_set small_set = OM_FACT_BIT(OM_FACT_FSOPEN) |
				     OM_FACT_BIT(OM_FACT_OVERLAY_RO);

static void store_small(const struct scratch *s)
{
	struct om_facts facts;

	om_facts_init(&facts);
	om_facts_set(&facts, OM_FACT_FSOPEN, OM_YES, NULL, "fsopen: done");
	om_facts_set(&facts, OM_FACT_OVERLAY_RO, OM_NO, "v", "mount: EINVAL");
	assert_int_equal(om_cache_store(s->fd, KEY, small_set, &facts), 0);
}

/* What a load finds; what it does not find it must not have touched. */
static om_fact_set load(const struct scratch *s, const char *key)
{
	struct om_facts facts, before;
	om_fact_set set;

	make_facts(&facts);
	before = facts;
	set = om_cache_load(s->fd, key, &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (!(set & OM_FACT_BIT(i)))
			assert_memory_equal(&facts.fact[i], &before.fact[i],
					    sizeof(facts.fact[i]));
	return set;
}

static void assert_ignored(const struct scratch *s)
{
	assert_true(load(s, KEY) == 0);
}

static void assert_used(const struct scratch *s)
{
	assert_true(load(s, KEY) == small_set);
}

static size_t read_cache(const struct scratch *s, char buf[static 2 * MAX_SIZE])
{
	int fd = openat(s->fd, OM_CACHE_NAME, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, 2 * MAX_SIZE);
	assert_true(n > 0);
	(void)close(fd);
	return (size_t)n;
}

static void write_cache(const struct scratch *s, const char *data, size_t size)
{
	int fd = openat(s->fd, OM_CACHE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	(void)close(fd);
}

static unsigned count_names(const struct scratch *s)
{
	DIR *dir = opendir(s->path);
	const struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	(void)closedir(dir);
	return n;
}

static struct stat stat_cache(const struct scratch *s)
{
	struct stat st;

	assert_int_equal(fstatat(s->fd, OM_CACHE_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

/* --- What is stored is found ---------------------------------------------------------- */

static void test_round_trip(void **state)
{
	const struct scratch *s = *state;
	struct om_facts facts, found;

	make_facts(&facts);
	om_facts_init(&found);
	assert_int_equal(om_cache_store(s->fd, KEY, OM_FACTS_ALL, &facts), 0);
	assert_true(om_cache_load(s->fd, KEY, &found) == OM_FACTS_ALL);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		assert_same(&found.fact[i], &facts.fact[i]);
		assert_false(found.fact[i].fleeting);
	}
}

static void test_fleeting_is_not_kept(void **state)
{
	const struct scratch *s = *state;
	struct om_facts facts;
	om_fact_set lasting = 0;

	make_facts(&facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		facts.fact[i].fleeting = i % 4 == 1;
		lasting |= i % 4 == 1 ? 0 : OM_FACT_BIT(i);
	}
	assert_int_equal(om_cache_store(s->fd, KEY, OM_FACTS_ALL, &facts), 0);
	assert_true(load(s, KEY) == lasting);
}

static void test_only_the_set_is_kept(void **state)
{
	const struct scratch *s = *state;
	struct om_facts facts;

	make_facts(&facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		assert_int_equal(om_cache_store(s->fd, KEY, OM_FACT_BIT(i), &facts), 0);
		assert_true(load(s, KEY) == OM_FACT_BIT(i));
	}
}

static void test_other_key(void **state)
{
	static const char *const keys[] = { "", "boot=2\nlabel=x\n", KEY "x",
					    "boot=1\nlabel=x" };
	const struct scratch *s = *state;

	store_small(s);
	assert_used(s);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_true(load(s, keys[i]) == 0);
}

/* --- What is stored leaves one file --------------------------------------------------- */

static void test_one_file_is_left(void **state)
{
	const struct scratch *s = *state;
	struct stat st;

	for (unsigned i = 0; i < 3; i++) {
		store_small(s);
		st = stat_cache(s);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_nlink, 1);
		assert_int_equal(count_names(s), 1);
	}
}

/* Its mode does not depend on what the caller's files may be. */
static void test_umask_does_not_matter(void **state)
{
	const struct scratch *s = *state;

	(void)umask(0);
	store_small(s);
	(void)umask(022);
	assert_int_equal(stat_cache(s).st_mode & 07777, 0600);
}

static void test_store_replaces_what_is_there(void **state)
{
	const struct scratch *s = *state;
	char target[128];
	struct stat st;

	(void)snprintf(target, sizeof(target), "%s/target", s->path);
	(void)close(open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlinkat(target, s->fd, OM_CACHE_NAME), 0);
	store_small(s);
	assert_used(s);
	/* What the link pointed to is not written to. */
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(unlinkat(s->fd, OM_CACHE_NAME, 0), 0);
	assert_int_equal(mkfifoat(s->fd, OM_CACHE_NAME, 0600), 0);
	store_small(s);
	assert_used(s);
	assert_int_equal(count_names(s), 1);
}

static void test_store_that_fails(void **state)
{
	const struct scratch *s = *state;
	struct rlimit saved, small;
	struct om_facts facts;

	make_facts(&facts);
	store_small(s);
	/* The disk is full: what was there before is still good. */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
	small = (struct rlimit){ 100, saved.rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(om_cache_store(s->fd, KEY, OM_FACTS_ALL, &facts), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_used(s);
	assert_int_equal(count_names(s), 1);
	/* A directory in its place stays there. */
	assert_int_equal(unlinkat(s->fd, OM_CACHE_NAME, 0), 0);
	assert_int_equal(mkdirat(s->fd, OM_CACHE_NAME, 0700), 0);
	assert_true(om_cache_store(s->fd, KEY, OM_FACTS_ALL, &facts) < 0);
	assert_int_equal(count_names(s), 1);
	assert_int_equal(om_cache_store(-1, KEY, OM_FACTS_ALL, &facts), -EBADF);
}

static void test_store_too_much(void **state)
{
	const struct scratch *s = *state;
	struct om_facts facts;
	char *key = malloc(MAX_SIZE + 1);

	assert_non_null(key);
	memset(key, 'k', MAX_SIZE);
	key[MAX_SIZE] = '\0';
	make_facts(&facts);
	assert_int_equal(om_cache_store(s->fd, key, OM_FACTS_ALL, &facts), -EFBIG);
	assert_int_equal(count_names(s), 0);
	free(key);
}

/* --- What is wrong is ignored --------------------------------------------------------- */

static void test_nothing_there(void **state)
{
	const struct scratch *s = *state;

	assert_ignored(s);
	assert_int_equal(count_names(s), 0);
}

static void test_mode(void **state)
{
	const struct scratch *s = *state;

	store_small(s);
	for (mode_t bit = 1; bit <= 040; bit <<= 1) {
		assert_int_equal(fchmodat(s->fd, OM_CACHE_NAME, 0600 | bit, 0), 0);
		assert_ignored(s);
	}
	assert_int_equal(fchmodat(s->fd, OM_CACHE_NAME, 0600, 0), 0);
	assert_used(s);
}

/*
 * Root can give its file away.  Others cannot, but there is the root directory, which is
 * not theirs.
 */
static void test_owner(void **state)
{
	const struct scratch *s = *state;

	store_small(s);
	if (geteuid() != 0) {
		assert_int_equal(om_cache_open_dir("/"), -EPERM);
		return;
	}
	assert_int_equal(fchownat(s->fd, OM_CACHE_NAME, 65534, 65534, 0), 0);
	assert_ignored(s);
	assert_int_equal(fchownat(s->fd, OM_CACHE_NAME, 0, 65534, 0), 0);
	assert_used(s);
	assert_int_equal(fchown(s->fd, 65534, 65534), 0);
	assert_int_equal(om_cache_open_dir(s->path), -EPERM);
}

static void test_hard_link(void **state)
{
	const struct scratch *s = *state;

	store_small(s);
	assert_int_equal(linkat(s->fd, OM_CACHE_NAME, s->fd, "other", 0), 0);
	assert_ignored(s);
	assert_int_equal(unlinkat(s->fd, "other", 0), 0);
	assert_used(s);
}

static void test_not_a_file(void **state)
{
	const struct scratch *s = *state;

	store_small(s);
	assert_int_equal(renameat(s->fd, OM_CACHE_NAME, s->fd, "good"), 0);
	assert_int_equal(symlinkat("good", s->fd, OM_CACHE_NAME), 0);
	assert_ignored(s);
	assert_int_equal(unlinkat(s->fd, OM_CACHE_NAME, 0), 0);
	assert_int_equal(mkfifoat(s->fd, OM_CACHE_NAME, 0600), 0);
	assert_ignored(s);
	assert_int_equal(unlinkat(s->fd, OM_CACHE_NAME, 0), 0);
	assert_int_equal(mkdirat(s->fd, OM_CACHE_NAME, 0700), 0);
	assert_ignored(s);
	assert_int_equal(unlinkat(s->fd, OM_CACHE_NAME, AT_REMOVEDIR), 0);
	assert_int_equal(renameat(s->fd, "good", s->fd, OM_CACHE_NAME), 0);
	assert_used(s);
}

static void test_every_truncation(void **state)
{
	const struct scratch *s = *state;
	char buf[2 * MAX_SIZE];
	size_t size;

	store_small(s);
	size = read_cache(s, buf);
	for (size_t n = 0; n < size; n++) {
		write_cache(s, buf, n);
		assert_ignored(s);
	}
	write_cache(s, buf, size);
	assert_used(s);
	/* One byte more. */
	buf[size] = '\0';
	write_cache(s, buf, size + 1);
	assert_ignored(s);
}

static void test_every_flip(void **state)
{
	const struct scratch *s = *state;
	char buf[2 * MAX_SIZE];
	size_t size;

	store_small(s);
	size = read_cache(s, buf);
	for (size_t i = 0; i < size; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[i] = (char)(buf[i] ^ (1 << bit));
			write_cache(s, buf, size);
			assert_ignored(s);
			buf[i] = (char)(buf[i] ^ (1 << bit));
		}
	}
	write_cache(s, buf, size);
	assert_used(s);
}

/* --- Forged ones: the checksum is right, and what it covers is not -------------------- */

struct header {
	uint64_t magic, checksum;
	uint32_t size, n;
};

static void forge(const struct scratch *s, uint32_t n, const struct om_str *text)
{
	struct header header = { 0x31746361466d4f00ULL, 0xcbf29ce484222325ULL,
				 (uint32_t)text->len, n };
	char *whole = malloc(sizeof(header) + text->len);

	assert_non_null(whole);
	for (size_t i = 0; i < text->len; i++)
		header.checksum =
			(header.checksum ^ (unsigned char)text->s[i]) * 0x100000001b3ULL;
	memcpy(whole, &header, sizeof(header));
	memcpy(whole + sizeof(header), text->s, text->len);
	write_cache(s, whole, sizeof(header) + text->len);
	free(whole);
}

static void add_string(struct om_str *text, const char *string)
{
	om_str_add_n(text, string, strlen(string) + 1);
}

static void add_fact(struct om_str *text, const char *name, const char *word,
		     const char *value, const char *evidence)
{
	add_string(text, name);
	add_string(text, word);
	add_string(text, value);
	add_string(text, evidence);
}

/* One forged fact, said to be n; what is found. */
static om_fact_set forge_one(const struct scratch *s, uint32_t n, const char *name,
			     const char *word, const char *value, const char *evidence)
{
	struct om_str text = { 0 };

	add_string(&text, KEY);
	add_fact(&text, name, word, value, evidence);
	forge(s, n, &text);
	om_str_free(&text);
	return load(s, KEY);
}

static void test_forged_fact(void **state)
{
	const struct scratch *s = *state;
	char value[129], evidence[257];

	memset(value, 'v', sizeof(value));
	value[128] = '\0';
	memset(evidence, 'e', sizeof(evidence));
	evidence[256] = '\0';
	assert_true(forge_one(s, 1, "overlay.ro", "yes", value + 1, evidence + 1) ==
		    OM_FACT_BIT(OM_FACT_OVERLAY_RO));
	assert_true(forge_one(s, 1, "overlay.ro", "yes", value, "e") == 0);
	assert_true(forge_one(s, 1, "overlay.ro", "yes", "v", evidence) == 0);
	assert_true(forge_one(s, 1, "overlay.rx", "yes", "v", "e") == 0);
	assert_true(forge_one(s, 1, "", "yes", "v", "e") == 0);
	assert_true(forge_one(s, 1, "overlay.ro", "maybe", "v", "e") == 0);
	assert_true(forge_one(s, 1, "overlay.ro", "", "v", "e") == 0);
	assert_true(forge_one(s, 0, "overlay.ro", "yes", "v", "e") == 0);
	assert_true(forge_one(s, 2, "overlay.ro", "yes", "v", "e") == 0);
	assert_true(forge_one(s, UINT32_MAX, "overlay.ro", "yes", "v", "e") == 0);
}

static void test_forged_text(void **state)
{
	const struct scratch *s = *state;
	struct om_str text = { 0 };

	/* No string ends in it. */
	om_str_add_n(&text, KEY, STRLEN(KEY));
	forge(s, 0, &text);
	assert_ignored(s);
	/* The key alone: nothing was worth keeping. */
	om_str_add_n(&text, "", 1);
	forge(s, 0, &text);
	assert_ignored(s);
	/* The last string has no end. */
	add_fact(&text, "overlay.ro", "yes", "v", "e");
	text.len--;
	forge(s, 1, &text);
	assert_ignored(s);
	/* The first of two is good; then both are, and one is said to be there. */
	text.len++;
	add_fact(&text, "openat2", "maybe", "v", "e");
	forge(s, 2, &text);
	assert_ignored(s);
	text.len -= sizeof("maybe") + sizeof("v") + sizeof("e");
	add_string(&text, "no");
	add_string(&text, "v");
	add_string(&text, "e");
	forge(s, 1, &text);
	assert_ignored(s);
	forge(s, 2, &text);
	assert_true(load(s, KEY) ==
		    (OM_FACT_BIT(OM_FACT_OVERLAY_RO) | OM_FACT_BIT(OM_FACT_OPENAT2)));
	om_str_free(&text);
}

static void test_oversize(void **state)
{
	const struct scratch *s = *state;
	struct om_str text = { 0 };
	uint32_t n = 0;

	add_string(&text, KEY);
	while (text.len <= MAX_SIZE) {
		add_fact(&text, "overlay.ro", "yes", "value", "evidence");
		n++;
	}
	forge(s, n, &text);
	assert_ignored(s);
	/* Just below the limit it is used, so it is the size that counts. */
	while (text.len + sizeof(struct header) > MAX_SIZE) {
		text.len -= sizeof("overlay.ro") + sizeof("yes") + sizeof("value") +
			    sizeof("evidence");
		n--;
	}
	forge(s, n, &text);
	assert_true(load(s, KEY) == OM_FACT_BIT(OM_FACT_OVERLAY_RO));
	om_str_free(&text);
}

/* --- The directory --------------------------------------------------------------------- */

static void test_open_dir(void **state)
{
	static const mode_t good[] = { 0700, 0755, 0711 };
	static const mode_t bad[] = { 0775, 0757, 0777, 01777, 0720, 0702 };
	const struct scratch *s = *state;
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int fd;

		assert_int_equal(fchmod(s->fd, good[i]), 0);
		fd = om_cache_open_dir(s->path);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		(void)close(fd);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(fchmod(s->fd, bad[i]), 0);
		assert_int_equal(om_cache_open_dir(s->path), -EPERM);
	}
	assert_int_equal(fchmod(s->fd, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/x", s->path);
	assert_int_equal(om_cache_open_dir(path), -ENOENT);
	assert_int_equal(symlink(".", path), 0);
	assert_true(om_cache_open_dir(path) < 0);
	assert_int_equal(unlink(path), 0);
	(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(om_cache_open_dir(path), -ENOTDIR);
}

static void test_open_dir_leaks_nothing(void **state)
{
	const struct scratch *s = *state;
	unsigned fds = fake_kernel_fds();

	assert_int_equal(fchmod(s->fd, 0777), 0);
	assert_int_equal(om_cache_open_dir(s->path), -EPERM);
	store_small(s);
	assert_used(s);
	assert_int_equal(fchmodat(s->fd, OM_CACHE_NAME, 0644, 0), 0);
	assert_ignored(s);
	assert_int_equal(fake_kernel_fds(), fds);
}

/* --- Several at once ------------------------------------------------------------------- */

static void store_often(const struct scratch *s, const char *word)
{
	struct om_facts facts;

	om_facts_init(&facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		om_facts_set(&facts, (enum om_fact_id)i, OM_YES, word, "%s", word);
	for (unsigned i = 0; i < 300; i++)
		(void)om_cache_store(s->fd, KEY, OM_FACTS_ALL, &facts);
	_exit(0);
}

/* A reader sees all of one store or nothing. */
static void test_readers_see_whole_ones(void **state)
{
	static const char *const words[] = { "one", "two" };
	const struct scratch *s = *state;
	unsigned running = ARRAY_SIZE(words);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			store_often(s, words[i]);
	}
	while (running > 0) {
		struct om_facts facts;
		om_fact_set set;

		om_facts_init(&facts);
		set = om_cache_load(s->fd, KEY, &facts);
		assert_true(set == 0 || set == OM_FACTS_ALL);
		for (size_t i = 1; set && i < _OM_FACT_MAX; i++)
			assert_same(&facts.fact[i], &facts.fact[0]);
		running -= waitpid(-1, NULL, WNOHANG) > 0;
	}
	/* Whoever was last, one is there at the end. */
	assert_true(load(s, KEY) == OM_FACTS_ALL);
	assert_int_equal(count_names(s), 1);
}

/* --- The key --------------------------------------------------------------------------- */

struct change {
	const char *path, *content;
	const char *app_label;
};

static int key_of(const struct change *change, char key[static OM_CACHE_KEY_SIZE])
{
	struct fake_kernel k;
	unsigned fds = fake_kernel_fds();
	int r;

	fake_kernel_init(&k);
	if (change->path)
		fake_kernel_file(&k, change->path, change->content);
	r = om_cache_key(&(struct om_probe_options){ .sys = &k.sys,
						     .app_label = change->app_label },
			 key);
	/* It only reads. */
	assert_int_equal(k.shared->calls, fake_kernel_count(&k, "open /"));
	fake_kernel_done(&k);
	assert_int_equal(fake_kernel_fds(), fds);
	return r;
}

#define STATUS(uid, cap, nnp)                                                            \
	"Name:\tx\nUid:\t" uid "\nCapEff:\t" cap "\nNoNewPrivs:\t" nnp "\nSeccomp:\t0\n"

static const struct change differing[] = {
	{ NULL, NULL, NULL },
	{ NULL, NULL, "snap.app.x" },
	{ NULL, NULL, "snap.app.y" },
	{ FILESYSTEMS, "nodev\ttmpfs\n\tsquashfs\n", NULL },
	{ FILESYSTEMS, "nodev\ttmpfs\nnodev\toverlay\n", NULL },
	{ FILESYSTEMS, "nodev\ttmpfs\n", NULL },
	{ "/sys/kernel/security/lsm", "capability,apparmor", NULL },
	{ "/sys/kernel/security/lsm", NULL, NULL },
	{ "/proc/self/attr/current", "snap.app.x (enforce)\n", NULL },
	{ "/proc/self/attr/current", "snap.app.x (complain)\n", NULL },
	{ "/proc/sys/kernel/random/boot_id", "another\n", NULL },
	{ "/proc/self/status", STATUS("1000\t1000\t1000\t1000", "0", "0"), NULL },
	{ "/proc/self/status", STATUS("0\t0\t0\t0", "0", "0"), NULL },
	{ "/proc/self/status", STATUS("0\t0\t0\t0", "000001ffffffffff", "1"), NULL },
	{ FEATURES "capability", "0x1\n", NULL },
	{ FEATURES "capability", NULL, NULL },
	{ FEATURES "mount/mask", "mount umount\n", NULL },
	{ FEATURES "mount/mask", NULL, NULL },
	{ FEATURES "mount/move_mount", NULL, NULL },
	{ FEATURES "namespaces/mask", NULL, NULL },
	{ FEATURES "namespaces/pivot_root", "yes\n", NULL },
	{ FEATURES "domain/stack", "no\n", NULL },
};

static void test_key_changes(void **state)
{
	static char keys[ARRAY_SIZE(differing)][OM_CACHE_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(differing); i++) {
		assert_int_equal(key_of(&differing[i], keys[i]), 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(keys[i], keys[k]);
	}
}

/* What cannot change a fact does not spoil the cache. */
static void test_key_stays(void **state)
{
	static const struct change same[] = {
		{ NULL, NULL, NULL },
		{ FILESYSTEMS, "nodev\toverlay\n\text4\nnodev\tproc\n\tsquashfs\n",
		  NULL },
		{ "/proc/self/mountinfo", "", NULL },
		{ "/proc/self/status",
		  "Name:\tother\nPid:\t7\nUid:\t0\t0\t0\t0\n"
		  "CapEff:\t000001ffffffffff\nNoNewPrivs:\t0\nSeccomp:\t0\n"
		  "Seccomp_filters:\t0\n",
		  NULL },
	};
	char first[OM_CACHE_KEY_SIZE], key[OM_CACHE_KEY_SIZE];

	(void)state;
	assert_int_equal(key_of(&same[0], first), 0);
	for (size_t i = 1; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(key_of(&same[i], key), 0);
		assert_string_equal(key, first);
	}
}

/* "overlayfs" is another file system. */
static void test_key_knows_whole_words(void **state)
{
	static const struct change without = { FILESYSTEMS, "nodev\ttmpfs\n", NULL };
	static const struct change other = { FILESYSTEMS,
					     "nodev\toverlayfs\nnodev\tmysquashfs\n",
					     NULL };
	char a[OM_CACHE_KEY_SIZE], b[OM_CACHE_KEY_SIZE];

	(void)state;
	assert_int_equal(key_of(&without, a), 0);
	assert_int_equal(key_of(&other, b), 0);
	assert_string_equal(a, b);
}

static void test_key_under_seccomp(void **state)
{
	static const struct change filters[] = {
		{ "/proc/self/status", "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n",
		  NULL },
		{ "/proc/self/status", "Name:\tx\nSeccomp:\t1\n", NULL },
	};
	static const struct change none = { "/proc/self/status", "Name:\tx\nUid:\t0\n",
					    NULL };
	static const struct change missing = { "/proc/self/status", NULL, NULL };
	char key[OM_CACHE_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		assert_int_equal(key_of(&filters[i], key), -EAGAIN);
	/* A kernel that has no filters does not speak of them. */
	assert_int_equal(key_of(&none, key), 0);
	assert_int_equal(key_of(&missing, key), -ENOENT);
}

/* The groups of a process come before: there may be 65,536 of them. */
static void test_key_of_many_groups(void **state)
{
	struct om_str text = { 0 };
	struct change change = { "/proc/self/status", NULL, NULL };
	char key[OM_CACHE_KEY_SIZE];
	int r;

	(void)state;
	om_str_add(&text, "Name:\tx\nUid:\t0\t0\t0\t0\nGroups:\t");
	for (unsigned i = 0; i < 1000; i++)
		om_str_addf(&text, "%u ", 100000 + i);
	om_str_add(&text, "\nCapEff:\t0\nNoNewPrivs:\t0\nSeccomp:\t2\n");
	change.content = om_str_get(&text);
	r = key_of(&change, key);
	om_str_free(&text);
	assert_int_equal(r, -EAGAIN);
}

/* Labels of stacked profiles are long, and what differs may stand last. */
static void test_key_of_long_labels(void **state)
{
	struct change change = { "/proc/self/attr/current", NULL, NULL };
	char a[OM_CACHE_KEY_SIZE], b[OM_CACHE_KEY_SIZE], label[400];
	int r;

	(void)state;
	memset(label, 'l', sizeof(label));
	label[399] = '\0';
	change.content = label;
	r = key_of(&change, a);
	label[398] = 'm';
	/* Either they differ, or there is no key. */
	assert_true((r < 0 && key_of(&change, b) < 0) ||
		    (r == 0 && key_of(&change, b) == 0 && strcmp(a, b) != 0));
}

static void test_key_too_long(void **state)
{
	char label[OM_CACHE_KEY_SIZE + 1], key[OM_CACHE_KEY_SIZE];

	(void)state;
	memset(label, 'l', sizeof(label));
	label[OM_CACHE_KEY_SIZE] = '\0';
	assert_int_equal(key_of(&(struct change){ NULL, NULL, label }, key),
			 -ENAMETOOLONG);
}

/* --- Probing with a cache -------------------------------------------------------------- */

static unsigned forks;

static void count_fork(void)
{
	forks++;
}

static const om_fact_set lasting = OM_FACT_BIT(OM_FACT_MOUNT_API) |
				   OM_FACT_BIT(OM_FACT_CLOSE_RANGE);

/* Probes with the cache; how many children it took. */
static unsigned probe(const struct scratch *s, struct fake_kernel *k, bool load_modules,
		      om_fact_set want, struct om_facts *facts)
{
	unsigned before = forks, fds = fake_kernel_fds();

	om_facts_init(facts);
	om_probe_cached(&(struct om_probe_options){ .sys = &k->sys,
						    .load_modules = load_modules },
			s->fd, want, facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (want & OM_FACT_BIT(i))
			assert_true(facts->fact[i].evidence[0] != '\0');
	assert_int_equal(fake_kernel_fds(), fds);
	return forks - before;
}

/* Calls other than those that read what the key is made of. */
static unsigned acts(const struct fake_kernel *k)
{
	return k->shared->calls - fake_kernel_count(k, "open /");
}

static void test_second_start_tries_nothing(void **state)
{
	const struct scratch *s = *state;
	struct fake_kernel k;
	struct om_facts first, second;
	unsigned before;

	fake_kernel_init(&k);
	assert_int_equal(probe(s, &k, false, lasting, &first), 1);
	before = acts(&k);
	assert_true(before > 0);
	assert_int_equal(count_names(s), 1);
	assert_int_equal(probe(s, &k, false, lasting, &second), 0);
	assert_int_equal(acts(&k), before);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (lasting & OM_FACT_BIT(i))
			assert_same(&first.fact[i], &second.fact[i]);
	/* It is the cache that answers. */
	fake_kernel_rule(&k, "close_range", NULL, -ENOSYS);
	assert_int_equal(probe(s, &k, false, lasting, &second), 0);
	assert_int_equal(second.fact[OM_FACT_CLOSE_RANGE].state, OM_YES);
	/* Another boot. */
	fake_kernel_file(&k, "/proc/sys/kernel/random/boot_id", "another\n");
	assert_int_equal(probe(s, &k, false, lasting, &second), 1);
	assert_int_equal(second.fact[OM_FACT_CLOSE_RANGE].state, OM_NO);
	fake_kernel_done(&k);
}

/* What is not there yet is found alone, and added. */
static void test_missing_facts_are_added(void **state)
{
	const struct scratch *s = *state;
	const om_fact_set more = lasting | OM_FACT_BIT(OM_FACT_OPENAT2);
	struct fake_kernel k;
	struct om_facts facts;

	fake_kernel_init(&k);
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	assert_int_equal(fake_kernel_count(&k, "close_range"), 1);
	assert_int_equal(probe(s, &k, false, more, &facts), 1);
	assert_int_equal(fake_kernel_count(&k, "close_range"), 1);
	assert_int_equal(fake_kernel_count(&k, "open_beneath"), 1);
	assert_int_equal(probe(s, &k, false, more, &facts), 0);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (more & OM_FACT_BIT(i))
			assert_int_equal(facts.fact[i].state, OM_YES);
	fake_kernel_done(&k);
}

static void test_without_cache(void **state)
{
	const struct scratch *s = *state;
	struct fake_kernel k;
	struct om_facts facts;

	fake_kernel_init(&k);
	om_facts_init(&facts);
	om_probe_cached(&(struct om_probe_options){ .sys = &k.sys }, -1, lasting, &facts);
	assert_int_equal(facts.fact[OM_FACT_MOUNT_API].state, OM_YES);
	/* Under a filter nothing is kept, nor is what was kept believed. */
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	fake_kernel_rule(&k, "close_range", NULL, -ENOSYS);
	fake_kernel_file(&k, "/proc/self/status", "Name:\tx\nSeccomp:\t2\n");
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	assert_int_equal(facts.fact[OM_FACT_CLOSE_RANGE].state, OM_NO);
	assert_int_equal(unlinkat(s->fd, OM_CACHE_NAME, 0), 0);
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	assert_int_equal(count_names(s), 0);
	fake_kernel_done(&k);
}

static void test_spoilt_cache_is_made_anew(void **state)
{
	const struct scratch *s = *state;
	struct fake_kernel k;
	struct om_facts facts;
	char buf[2 * MAX_SIZE];
	size_t size;

	fake_kernel_init(&k);
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	size = read_cache(s, buf);
	buf[size / 2] = (char)(buf[size / 2] ^ 1);
	write_cache(s, buf, size);
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	assert_int_equal(probe(s, &k, false, lasting, &facts), 0);
	assert_int_equal(count_names(s), 1);
	fake_kernel_done(&k);
}

/* A module that is missing now may be there later. */
static void test_missing_module_is_not_kept(void **state)
{
	const om_fact_set want = OM_FACT_BIT(OM_FACT_OVERLAY_MODULE) |
				 OM_FACT_BIT(OM_FACT_OVERLAY_RO) |
				 OM_FACT_BIT(OM_FACT_OVERLAY_DEPTH);
	const struct scratch *s = *state;
	struct fake_kernel k;
	struct om_facts facts;

	fake_kernel_init(&k);
	fake_kernel_file(&k, FILESYSTEMS, "nodev\ttmpfs\n");
	assert_int_equal(probe(s, &k, false, want, &facts), 1);
	assert_int_equal(facts.fact[OM_FACT_OVERLAY_RO].state, OM_UNKNOWN);
	assert_int_equal(count_names(s), 0);
	/* Nor is it when trying was allowed. */
	fake_kernel_rule(&k, "module_load", NULL, -ENOENT);
	assert_int_equal(probe(s, &k, true, want, &facts), 1);
	assert_int_equal(facts.fact[OM_FACT_OVERLAY_RO].state, OM_NO);
	assert_int_equal(facts.fact[OM_FACT_OVERLAY_DEPTH].state, OM_NO);
	assert_int_equal(count_names(s), 0);
	fake_kernel_done(&k);
}

/* Facts from before a module was loaded are not kept beside those from after it. */
static void test_module_is_loaded_in_between(void **state)
{
	const om_fact_set overlay = OM_FACT_BIT(OM_FACT_OVERLAY_RO);
	const struct scratch *s = *state;
	struct fake_kernel k;
	struct om_facts facts;

	fake_kernel_init(&k);
	fake_kernel_file(&k, FILESYSTEMS, "nodev\ttmpfs\n");
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	assert_int_equal(probe(s, &k, true, lasting | overlay, &facts), 1);
	assert_int_equal(fake_kernel_count(&k, "module_load overlay"), 1);
	assert_int_equal(facts.fact[OM_FACT_OVERLAY_RO].state, OM_YES);
	assert_int_equal(facts.fact[OM_FACT_CLOSE_RANGE].state, OM_YES);
	assert_int_equal(fake_kernel_count(&k, "close_range"), 1);
	/* The new one is kept under the new circumstances, and only that one. */
	assert_int_equal(probe(s, &k, false, overlay, &facts), 0);
	assert_int_equal(probe(s, &k, false, lasting, &facts), 1);
	assert_int_equal(fake_kernel_count(&k, "close_range"), 2);
	fake_kernel_done(&k);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(round_trip),
		TEST(fleeting_is_not_kept),
		TEST(only_the_set_is_kept),
		TEST(other_key),
		TEST(one_file_is_left),
		TEST(umask_does_not_matter),
		TEST(store_replaces_what_is_there),
		TEST(store_that_fails),
		TEST(store_too_much),
		TEST(nothing_there),
		TEST(mode),
		TEST(owner),
		TEST(hard_link),
		TEST(not_a_file),
		TEST(every_truncation),
		TEST(every_flip),
		TEST(forged_fact),
		TEST(forged_text),
		TEST(oversize),
		TEST(open_dir),
		TEST(open_dir_leaks_nothing),
		TEST(readers_see_whole_ones),
		TEST(key_changes),
		TEST(key_stays),
		TEST(key_knows_whole_words),
		TEST(key_under_seccomp),
		TEST(key_of_many_groups),
		TEST(key_of_long_labels),
		TEST(key_too_long),
		TEST(second_start_tries_nothing),
		TEST(missing_facts_are_added),
		TEST(without_cache),
		TEST(spoilt_cache_is_made_anew),
		TEST(missing_module_is_not_kept),
		TEST(module_is_loaded_in_between),
	};

	(void)pthread_atfork(count_fork, NULL, NULL);
	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
