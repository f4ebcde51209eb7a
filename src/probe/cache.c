/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cache.h.  The file is one block: a header with a checksum, the key, then the facts
 * as strings.  It is made without a name, and gets its name when it is complete; between
 * the old one and the new one there may be none.
 */
#include "probe/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"

#define MAGIC 0x31746361466d4f00ULL /* "\0OmFact1" */
#define MAX_SIZE 32768
#define MAX_TEXT 65536

struct header {
	uint64_t magic;
	uint64_t checksum; /* of all that follows */
	uint32_t size;	   /* of all that follows */
	uint32_t n;	   /* facts */
};

/* FNV-1a: against accidents; against people there are the owner and the mode. */
static uint64_t hash(uint64_t h, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		h = (h ^ bytes[i]) * 0x100000001b3ULL;
	return h;
}
#define HASH_START 0xcbf29ce484222325ULL

/* A small file of the kernel, malloc'ed; NULL with *ret_err when it cannot be read. */
static char *read_text(const struct om_sys *sys, const char *path, int *ret_err)
{
	_cleanup_close_ int fd = sys->open(sys, AT_FDCWD, path, O_RDONLY, 0);
	char *text = NULL;
	size_t size;
	int r = fd < 0 ? fd : om_read_fd(fd, MAX_TEXT, &text, &size);

	if (ret_err)
		*ret_err = r;
	return r < 0 ? NULL : text;
}

static void add_file(struct om_str *key, const struct om_sys *sys, const char *name,
		     const char *path)
{
	_cleanup_free_ char *text = read_text(sys, path, NULL);

	om_str_addf(key, "%s=%.*s\n", name, text ? (int)strcspn(text, "\n") : 0,
		    text ? text : "");
}

/*
 * Of the feature tree, what facts are made from: reading all of it costs more than the
 * probes that a cache saves, and nothing else in it can change a fact.
 */
static void add_features(struct om_str *key, const struct om_sys *sys)
{
	static const char *const names[] = { "capability",
					     "mount/mask",
					     "mount/move_mount",
					     "namespaces/mask",
					     "namespaces/pivot_root",
					     "domain/stack" };
	uint64_t h = HASH_START;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = NULL;
		char path[96];

		(void)snprintf(path, sizeof(path),
			       "/sys/kernel/security/apparmor/features/%s", names[i]);
		text = read_text(sys, path, NULL);
		/* The tree is there or not: asking for each of its files is in vain. */
		if (!text && i == 0)
			break;
		h = hash(h, text ? text : "", text ? strlen(text) + 1 : 0);
	}
	om_str_addf(key, "features=%016llx\n", (unsigned long long)h);
}

/* Who we are, and whether somebody filters our calls. */
static int add_process(struct om_str *key, const struct om_sys *sys)
{
	static const char *const fields[] = { "\nUid:", "\nCapEff:", "\nNoNewPrivs:",
					      "\nSeccomp:" };
	int r;
	_cleanup_free_ char *text = read_text(sys, "/proc/self/status", &r);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(fields); i++) {
		const char *field = strstr(text, fields[i]);

		/* Kernels without seccomp, and before 4.10 without NoNewPrivs. */
		if (!field)
			continue;
		field++;
		om_str_add_n(key, field, strcspn(field, "\n") + 1);
		if (i == 3 && field[STRLEN("Seccomp:\t")] != '0')
			r = -EAGAIN;
	}
	return r;
}

static void add_filesystems(struct om_str *key, const struct om_sys *sys)
{
	_cleanup_free_ char *text = read_text(sys, "/proc/filesystems", NULL);

	om_str_addf(key, "overlay=%d squashfs=%d\n", text && strstr(text, "\toverlay\n"),
		    text && strstr(text, "\tsquashfs\n"));
}

static void add_build(struct om_str *key)
{
	uint64_t h = HASH_START;

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const char *name = om_fact_name((enum om_fact_id)i);

		h = hash(h, name, strlen(name) + 1);
	}
	om_str_addf(key, "overmount=%s %016llx\n", PACKAGE_VERSION,
		    (unsigned long long)h);
}

int om_cache_key(const struct om_probe_options *options,
		 char key[static OM_CACHE_KEY_SIZE])
{
	const struct om_sys *sys = options->sys;
	_cleanup_str_ struct om_str text = { 0 };
	char userns[64] = "";
	struct om_kernel_name name;
	ssize_t n;
	int r = add_process(&text, sys);

	if (r == 0)
		r = om_kernel_name(&name);
	if (r < 0)
		return r;
	om_str_addf(&text, "kernel=%s %s %s\n", name.release, name.build, name.machine);
	add_build(&text);
	add_file(&text, sys, "boot", "/proc/sys/kernel/random/boot_id");
	add_file(&text, sys, "lsm", "/sys/kernel/security/lsm");
	add_file(&text, sys, "label", "/proc/self/attr/current");
	add_features(&text, sys);
	add_filesystems(&text, sys);
	n = readlink("/proc/self/ns/user", userns, sizeof(userns) - 1);
	userns[n > 0 ? n : 0] = '\0';
	om_str_addf(&text, "userns=%s\napp=%s\n", userns,
		    options->app_label ? options->app_label : "");
	if (text.err < 0)
		return text.err;
	if (text.len >= OM_CACHE_KEY_SIZE)
		return -ENAMETOOLONG;
	memcpy(key, om_str_get(&text), text.len + 1);
	return 0;
}

int om_cache_open_dir(const char *path)
{
	_cleanup_close_ int fd =
		open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 0022))
		return -EPERM;
	return TAKE_FD(fd);
}

/* The whole file, if it is one that we made; size or -errno. */
static ssize_t read_block(int dirfd, char buf[static MAX_SIZE])
{
	_cleanup_close_ int fd = openat(dirfd, OM_CACHE_NAME,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 0077) ||
	    st.st_nlink != 1 || st.st_size > MAX_SIZE)
		return -EPERM;
	n = OM_RETRY(read(fd, buf, MAX_SIZE));
	return n == st.st_size ? n : -EIO;
}

/* The next string of the block, or NULL when there is none that ends in it. */
static const char *next_string(const char **pos, const char *end)
{
	const char *start = *pos;
	const char *nul = start < end ? memchr(start, '\0', (size_t)(end - start)) : NULL;

	if (!nul)
		return NULL;
	*pos = nul + 1;
	return start;
}

static int parse_fact(const char **pos, const char *end, struct om_facts *facts,
		      om_fact_set *set)
{
	const char *name = next_string(pos, end);
	const char *state = next_string(pos, end);
	const char *value = next_string(pos, end);
	const char *evidence = next_string(pos, end);
	struct om_fact *fact;
	enum om_fact_id id;

	if (!name || !state || !value || !evidence)
		return -EINVAL;
	id = om_fact_by_name(name);
	if (id == _OM_FACT_MAX || strlen(value) >= sizeof(fact->value) ||
	    strlen(evidence) >= sizeof(fact->evidence))
		return -EINVAL;
	fact = &facts->fact[id];
	*fact = (struct om_fact){ 0 };
	if (om_tristate_parse(state, &fact->state) < 0)
		return -EINVAL;
	memcpy(fact->value, value, strlen(value) + 1);
	memcpy(fact->evidence, evidence, strlen(evidence) + 1);
	*set |= OM_FACT_BIT(id);
	return 0;
}

om_fact_set om_cache_load(int dirfd, const char *key, struct om_facts *facts)
{
	char buf[MAX_SIZE];
	ssize_t n = read_block(dirfd, buf);
	const char *pos = buf + sizeof(struct header), *end, *stored;
	struct header header;
	struct om_facts found;
	om_fact_set set = 0;

	if (n < (ssize_t)sizeof(header))
		return 0;
	end = buf + n;
	memcpy(&header, buf, sizeof(header));
	if (header.magic != MAGIC || header.size != (size_t)(end - pos) ||
	    header.checksum != hash(HASH_START, pos, header.size))
		return 0;
	stored = next_string(&pos, end);
	if (!stored || strcmp(stored, key) != 0)
		return 0;
	found = *facts;
	for (uint32_t i = 0; i < header.n; i++)
		if (parse_fact(&pos, end, &found, &set) < 0)
			return 0;
	if (pos != end)
		return 0;
	*facts = found;
	return set;
}

static uint32_t add_facts(struct om_str *block, om_fact_set set,
			  const struct om_facts *facts)
{
	uint32_t n = 0;

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const struct om_fact *fact = &facts->fact[i];
		const char *strings[] = { om_fact_name((enum om_fact_id)i),
					  om_tristate_name(fact->state), fact->value,
					  fact->evidence };

		if (!(set & OM_FACT_BIT(i)) || fact->fleeting)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(strings); k++)
			om_str_add_n(block, strings[k], strlen(strings[k]) + 1);
		n++;
	}
	return n;
}

static int publish(int dirfd, const void *data, size_t size)
{
	_cleanup_close_ int fd =
		openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = om_write_all(fd, data, size);
	if (r < 0)
		return r;
	/* A reader sees the old one, none, or the new one. */
	if (unlinkat(dirfd, OM_CACHE_NAME, 0) < 0 && errno != ENOENT)
		return -errno;
	if (linkat(AT_FDCWD, OM_FD_PATH(fd), dirfd, OM_CACHE_NAME, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

int om_cache_store(int dirfd, const char *key, om_fact_set set,
		   const struct om_facts *facts)
{
	_cleanup_str_ struct om_str block = { 0 };
	struct header header = { .magic = MAGIC };

	om_str_add_n(&block, (const char *)&header, sizeof(header));
	om_str_add_n(&block, key, strlen(key) + 1);
	header.n = add_facts(&block, set, facts);
	if (block.err < 0)
		return block.err;
	if (block.len > MAX_SIZE)
		return -EFBIG;
	header.size = (uint32_t)(block.len - sizeof(header));
	header.checksum = hash(HASH_START, block.s + sizeof(header), header.size);
	memcpy(block.s, &header, sizeof(header));
	return publish(dirfd, block.s, block.len);
}

static bool any_lasting(const struct om_facts *facts, om_fact_set set)
{
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if ((set & OM_FACT_BIT(i)) && !facts->fact[i].fleeting)
			return true;
	return false;
}

void om_probe_cached(const struct om_probe_options *options, int dirfd, om_fact_set want,
		     struct om_facts *facts)
{
	char key[OM_CACHE_KEY_SIZE], after[OM_CACHE_KEY_SIZE];
	om_fact_set cached = 0, missing;
	bool usable = dirfd >= 0 && om_cache_key(options, key) == 0;

	if (usable)
		cached = om_cache_load(dirfd, key, facts);
	missing = want & ~cached;
	if (!missing)
		return;
	om_probe(options, missing, facts);
	if (!usable || !any_lasting(facts, missing) || om_cache_key(options, after) < 0)
		return;
	/* Probing may have loaded a module: what was cached was found without it. */
	if (strcmp(key, after) != 0)
		cached = 0;
	(void)om_cache_store(dirfd, after, cached | missing, facts);
}
