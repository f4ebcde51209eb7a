/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See kernel.h.
 */
#include "fake/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "layers/layers.h"
#include "profile/profile.h"

#define FILESYSTEMS "/proc/filesystems"
#define FD_PREFIX "/proc/self/fd/"

static struct fake_kernel *self(const struct om_sys *sys)
{
	return sys->userdata;
}

/* --- Names of fds -------------------------------------------------------------------- */

static int new_fd(const char *name, const char *content)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || !content)
		return fd < 0 ? -errno : fd;
	if (om_write_all(fd, content, strlen(content)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}

/* What fd stands for; "(bad)" when it is none of ours, or closed. */
static const char *fd_name(int fd, char buf[static FAKE_NAME_SIZE])
{
	char link[512];
	ssize_t n = readlink(OM_FD_PATH(fd), link, sizeof(link) - 1);

	link[n < 0 ? 0 : n] = '\0';
	if (fd == AT_FDCWD || strncmp(link, "/memfd:", STRLEN("/memfd:")) != 0)
		return fd == AT_FDCWD ? "" : "(bad)";
	link[strlen(link) - STRLEN(" (deleted)")] = '\0';
	(void)snprintf(buf, FAKE_NAME_SIZE, "%.*s", FAKE_NAME_SIZE - 1,
		       link + STRLEN("/memfd:"));
	return buf;
}

#define NAME(fd) fd_name(fd, (char[FAKE_NAME_SIZE]){ 0 })

static bool is_bad(int fd)
{
	return strcmp(NAME(fd), "(bad)") == 0;
}

static const char *join(int dirfd, const char *path, char buf[static FAKE_NAME_SIZE])
{
	const char *dir = NAME(dirfd);

	if (!*dir || *path == '/')
		(void)snprintf(buf, FAKE_NAME_SIZE, "%s", path);
	else if (!*path || strcmp(path, ".") == 0)
		(void)snprintf(buf, FAKE_NAME_SIZE, "%s", dir);
	else
		(void)snprintf(buf, FAKE_NAME_SIZE, "%s/%s", dir, path);
	return buf;
}

#define JOIN(dirfd, path) join(dirfd, path, (char[FAKE_NAME_SIZE]){ 0 })

/* Text with the paths of fds replaced by what they stand for. */
static const char *resolve(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	while (*text && n + 1 < size) {
		char *end;

		if (strncmp(text, FD_PREFIX, STRLEN(FD_PREFIX)) == 0) {
			int fd = (int)strtol(text + STRLEN(FD_PREFIX), &end, 10);

			n += (size_t)snprintf(buf + n, size - n, "%s", NAME(fd));
			text = end;
		} else {
			buf[n++] = *text++;
			buf[n] = '\0';
		}
	}
	return buf;
}

#define RESOLVE_SIZE 1024
#define RESOLVE(text) resolve(text, (char[RESOLVE_SIZE]){ 0 }, RESOLVE_SIZE)

/* --- Rules --------------------------------------------------------------------------- */

static int obey(int result)
{
	if (result == FAKE_EXIT)
		_exit(0);
	while (result == FAKE_HANG)
		(void)pause();
	if (result <= FAKE_SIGNAL(0)) {
		/* A sanitizer would catch it and leave in a way of its own. */
		(void)signal(FAKE_SIGNAL(0) - result, SIG_DFL);
		(void)raise(FAKE_SIGNAL(0) - result);
	}
	return result;
}

/* Writes a call down; true when its answer is *ret, and not that of the model. */
__attribute__((format(printf, 4, 5))) static bool
ruled(struct fake_kernel *k, int *ret, const char *operation, const char *format, ...)
{
	struct fake_shared *s = k->shared;
	char *line = s->log + s->used;
	const char *arguments = line + strlen(operation) + 1;
	size_t room = sizeof(s->log) - s->used;
	va_list ap;

	if (room < 2 * RESOLVE_SIZE)
		abort();
	s->used += (size_t)snprintf(line, room, "%s ", operation);
	va_start(ap, format);
	s->used += (size_t)vsnprintf(line + strlen(line), RESOLVE_SIZE, format, ap);
	va_end(ap);
	s->calls++;
	*ret = 0;
	for (size_t i = 0; i < k->n_rules && *ret == 0; i++) {
		const struct fake_rule *rule = &k->rules[i];

		if (strcmp(rule->operation, operation) != 0 ||
		    (rule->arguments && !strstr(arguments, rule->arguments)))
			continue;
		s->hits[i]++;
		if (rule->nth && rule->nth != s->hits[i])
			continue;
		s->log[s->used++] = '\n';
		*ret = obey(rule->result);
		return true;
	}
	s->log[s->used++] = '\n';
	if (k->fail_at && s->calls == k->fail_at)
		*ret = -k->fail_errno;
	return *ret < 0;
}

void fake_kernel_rule_nth(struct fake_kernel *k, const char *operation,
			  const char *arguments, unsigned nth, int result)
{
	if (k->n_rules == FAKE_MAX_RULES)
		abort();
	k->rules[k->n_rules++] = (struct fake_rule){ operation, arguments, result, nth };
}

void fake_kernel_rule(struct fake_kernel *k, const char *operation, const char *arguments,
		      int result)
{
	fake_kernel_rule_nth(k, operation, arguments, 0, result);
}

unsigned fake_kernel_count(const struct fake_kernel *k, const char *text)
{
	const char *line = k->shared->log;
	unsigned count = 0;

	while (line < k->shared->log + k->shared->used) {
		size_t n = strcspn(line, "\n");

		count += memmem(line, n, text, strlen(text)) != NULL;
		line += n + 1;
	}
	return count;
}

/* --- Files of /proc and /sys --------------------------------------------------------- */

static struct fake_file *find_file(struct fake_kernel *k, const char *path)
{
	for (size_t i = 0; i < k->n_files; i++)
		if (strcmp(k->files[i].path, path) == 0)
			return &k->files[i];
	return NULL;
}

void fake_kernel_file(struct fake_kernel *k, const char *path, const char *content)
{
	struct fake_file *file = find_file(k, path);

	if (!file && k->n_files == FAKE_MAX_FILES)
		abort();
	if (!file)
		file = &k->files[k->n_files++];
	*file = (struct fake_file){ path, content };
}

static void filesystems(struct fake_kernel *k, char *buf, size_t size)
{
	const struct fake_file *file = find_file(k, FILESYSTEMS);

	(void)snprintf(buf, size, "%s%s", file && file->content ? file->content : "",
		       k->shared->loaded);
}

static bool is_registered(struct fake_kernel *k, const char *type)
{
	char text[1024], word[64];

	filesystems(k, text, sizeof(text));
	(void)snprintf(word, sizeof(word), "\t%s\n", type);
	return strstr(text, word) != NULL;
}

/* --- Nodes --------------------------------------------------------------------------- */

static void add_node(struct fake_kernel *k, const char *path, enum fake_kind kind)
{
	struct fake_node node = { .kind = kind };

	(void)snprintf(node.path, sizeof(node.path), "%s", path);
	if (om_vec_push(&k->nodes, node) < 0)
		abort();
}

static struct fake_node *find_node(struct fake_kernel *k, const char *path)
{
	for (size_t i = 0; i < k->nodes.n; i++)
		if (strcmp(k->nodes.v[i].path, path) == 0)
			return &k->nodes.v[i];
	return NULL;
}

/*
 * Takes the path of something in an overlay apart: the layers, and the name in them ("" for
 * the overlay itself).
 */
static bool split_overlay(const char *path, const char **ret_layers,
			  const char **ret_name)
{
	const char *s = path + (*path == '#' ? 1 + strspn(path + 1, "0123456789") : 0);
	int depth = 1;

	s += strncmp(s, "rw-", 3) == 0 ? 3 : 0;
	if (strncmp(s, "overlay(", STRLEN("overlay(")) != 0)
		return false;
	*ret_layers = s += STRLEN("overlay(");
	for (; depth > 0; s++)
		depth += (*s == '(') - (*s == ')');
	*ret_name = *s == '/' ? s + 1 : s;
	return true;
}

/* The next layer's path to name; false behind the last one. */
static bool next_layer(const char **pos, const char *name,
		       char buf[static FAKE_NAME_SIZE])
{
	const char *start = *pos, *s = start;

	for (int depth = 0; depth > 0 || (*s != ':' && *s != ')'); s++)
		depth += (*s == '(') - (*s == ')');
	if (s == start)
		return false;
	(void)snprintf(buf, FAKE_NAME_SIZE, "%.*s/%s", (int)(s - start), start, name);
	*pos = *s == ':' ? s + 1 : s;
	return true;
}

/* Is one of the directories on the way to the last name of path opaque? */
static bool below_opaque(struct fake_kernel *k, const char *path, const char *name)
{
	char dir[FAKE_NAME_SIZE];
	size_t root = strlen(path) - strlen(name);

	(void)snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash = strrchr(dir, '/'); slash && (size_t)(slash - dir) >= root;
	     slash = strrchr(dir, '/')) {
		const struct fake_node *node;

		*slash = '\0';
		node = find_node(k, dir);
		if (node && node->opaque)
			return true;
	}
	return false;
}

static struct fake_node *lookup(struct fake_kernel *k, const char *path)
{
	char sub[FAKE_NAME_SIZE];
	const char *pos, *name;

	if (!split_overlay(path, &pos, &name))
		return find_node(k, path);
	if (!*name)
		return find_node(k, "/");
	while (next_layer(&pos, name, sub)) {
		struct fake_node *node = lookup(k, sub);

		if (node)
			return node->kind == FAKE_WHITEOUT ? NULL : node;
		if (below_opaque(k, sub, name))
			return NULL;
	}
	return NULL;
}

/* Where what is made at path is stored: in an overlay, its upper layer. */
static int storage(const char *path, char buf[static FAKE_NAME_SIZE])
{
	const char *pos, *name, *rw = strstr(path, "rw-overlay(");

	(void)snprintf(buf, FAKE_NAME_SIZE, "%s", path);
	if (!split_overlay(path, &pos, &name))
		return 0;
	if (!rw || rw + STRLEN("rw-overlay(") != pos)
		return -EROFS;
	return next_layer(&pos, name, buf) ? 0 : -EROFS;
}

static int make(struct fake_kernel *k, int dirfd, const char *name, enum fake_kind kind)
{
	char path[FAKE_NAME_SIZE], parent[FAKE_NAME_SIZE];
	int r;

	if (is_bad(dirfd))
		return -EBADF;
	(void)snprintf(parent, sizeof(parent), "%s", JOIN(dirfd, name));
	if (lookup(k, parent))
		return -EEXIST;
	r = storage(parent, path);
	*strrchr(parent, '/') = '\0';
	if (!lookup(k, parent))
		return -ENOENT;
	if (r == 0)
		add_node(k, path, kind);
	return r;
}

static int fake_mkdir(const struct om_sys *sys, int dirfd, const char *name, mode_t mode)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "mkdir", "%s %04o", JOIN(dirfd, name), mode))
		return r;
	return make(k, dirfd, name, FAKE_DIR);
}

static int fake_mkfile(const struct om_sys *sys, int dirfd, const char *name, mode_t mode)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "mkfile", "%s %04o", JOIN(dirfd, name), mode))
		return r;
	return make(k, dirfd, name, FAKE_FILE);
}

static int fake_symlink(const struct om_sys *sys, const char *content, int dirfd,
			const char *name)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "symlink", "%s -> %s", JOIN(dirfd, name), content))
		return r;
	return make(k, dirfd, name, FAKE_FILE);
}

static int fake_mknod(const struct om_sys *sys, int dirfd, const char *name, mode_t mode,
		      dev_t dev)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "mknod", "%s %o %lx", JOIN(dirfd, name), mode,
		  (unsigned long)dev))
		return r;
	return make(k, dirfd, name,
		    S_ISCHR(mode) && dev == 0 ? FAKE_WHITEOUT : FAKE_FILE);
}

static int fake_unlink(const struct om_sys *sys, int dirfd, const char *name, int flags)
{
	struct fake_kernel *k = self(sys);
	const char *path = JOIN(dirfd, name);
	char stored[FAKE_NAME_SIZE];
	struct fake_node *node;
	int r;

	if (ruled(k, &r, "unlink", "%s %#x", path, flags))
		return r;
	node = is_bad(dirfd) ? NULL : lookup(k, path);
	if (!node)
		return is_bad(dirfd) ? -EBADF : -ENOENT;
	if ((node->kind == FAKE_DIR) != (flags == AT_REMOVEDIR))
		return node->kind == FAKE_DIR ? -EISDIR : -ENOTDIR;
	r = storage(path, stored);
	if (r < 0)
		return r;
	node = find_node(k, stored);
	if (node)
		*node->path = '\0';
	if (strcmp(stored, path) != 0)
		add_node(k, stored, FAKE_WHITEOUT);
	return 0;
}

static int fake_chown(const struct om_sys *sys, int dirfd, const char *name, uid_t uid,
		      gid_t gid)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "chown", "%s %u:%u", JOIN(dirfd, name), uid, gid))
		return r;
	return is_bad(dirfd) ? -EBADF : 0;
}

static int fake_chmod(const struct om_sys *sys, int fd, mode_t mode)
{
	struct fake_kernel *k = self(sys);
	struct fake_node *node;
	int r;

	if (ruled(k, &r, "chmod", "%s %04o", NAME(fd), mode))
		return r;
	node = find_node(k, NAME(fd));
	if (!node)
		return -EBADF;
	node->suid = mode & S_ISUID;
	return 0;
}

static int fake_setxattr(const struct om_sys *sys, int fd, const char *name,
			 const void *value, size_t size)
{
	struct fake_kernel *k = self(sys);
	struct fake_node *node;
	int r;

	if (ruled(k, &r, "setxattr", "%s %s", NAME(fd), name))
		return r;
	node = find_node(k, NAME(fd));
	if (!node)
		return -EBADF;
	if (strcmp(name, "trusted.overlay.opaque") == 0)
		node->opaque = size == 1 && *(const char *)value == 'y';
	return 0;
}

/* --- Opening ------------------------------------------------------------------------- */

static const struct fake_mount *mounted_at(const struct fake_kernel *k, const char *path)
{
	for (size_t i = k->mounts.n; i-- > 0;)
		if (strcmp(k->mounts.v[i].place, path) == 0)
			return &k->mounts.v[i];
	return NULL;
}

static int open_path(struct fake_kernel *k, int dirfd, const char *path, int flags)
{
	const char *whole = JOIN(dirfd, path);
	const struct fake_mount *mount = mounted_at(k, whole);
	const struct fake_file *file = find_file(k, whole);
	const struct fake_node *node;
	char text[4096];

	if (*path != '/' && is_bad(dirfd))
		return -EBADF;
	if (strcmp(whole, FILESYSTEMS) == 0 && file && file->content) {
		filesystems(k, text, sizeof(text));
		return new_fd(whole, text);
	}
	if (file)
		return file->content ? new_fd(whole, file->content) : -ENOENT;
	if (mount)
		return new_fd(mount->root, NULL);
	node = lookup(k, whole);
	if (!node)
		return -ENOENT;
	if ((flags & O_DIRECTORY) && node->kind != FAKE_DIR)
		return -ENOTDIR;
	return new_fd(whole, NULL);
}

static int fake_open(const struct om_sys *sys, int dirfd, const char *path, int flags,
		     mode_t mode _unused_)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "open", "%s", JOIN(dirfd, path)))
		return r;
	return open_path(k, dirfd, path, flags);
}

static int fake_open_beneath(const struct om_sys *sys, int dirfd, const char *path,
			     int flags)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "open_beneath", "%s", JOIN(dirfd, path)))
		return r;
	return open_path(k, dirfd, path, flags);
}

/* --- Mounts -------------------------------------------------------------------------- */

/* On top of what is mounted there, as the kernel does for an fd that shows its root. */
static const char *place_of(const struct fake_kernel *k, const char *place)
{
	for (size_t i = k->mounts.n; i-- > 0;)
		if (*k->mounts.v[i].place && strcmp(k->mounts.v[i].root, place) == 0)
			return k->mounts.v[i].place;
	return place;
}

static int attach(struct fake_kernel *k, const char *root, const char *place)
{
	struct fake_mount mount = { 0 };

	if (!lookup(k, place))
		return -ENOENT;
	(void)snprintf(mount.place, sizeof(mount.place), "%s", place_of(k, place));
	(void)snprintf(mount.root, sizeof(mount.root), "%s", root);
	return om_vec_push(&k->mounts, mount);
}

static void new_tmpfs(struct fake_kernel *k, bool nosuid,
		      char root[static FAKE_NAME_SIZE])
{
	(void)snprintf(root, FAKE_NAME_SIZE, "%stmpfs%u", nosuid ? "nosuid-" : "",
		       ++k->n_tmpfs);
	add_node(k, root, FAKE_DIR);
}

/* Without an upper layer there must be two lower ones.  number 0: none yet. */
static int name_overlay(unsigned number, const char *layers, const char *upper,
			char root[static FAKE_NAME_SIZE])
{
	char prefix[16] = "";

	if (!*layers || (!*upper && !strchr(layers, ':')) || strstr(layers, "(bad)"))
		return -EINVAL;
	if (number)
		(void)snprintf(prefix, sizeof(prefix), "#%u", number);
	(void)snprintf(root, FAKE_NAME_SIZE, "%s%soverlay(%s%s%s)", prefix,
		       *upper ? "rw-" : "", upper, *upper ? ":" : "", layers);
	return 0;
}

/* Value of a key in options separated by commas. */
static void find_option(const char *data, const char *key,
			char value[static FAKE_NAME_SIZE])
{
	const char *s = strstr(data, key);

	*value = '\0';
	if (s)
		(void)snprintf(value, FAKE_NAME_SIZE, "%.*s",
			       (int)strcspn(s + strlen(key), ","), s + strlen(key));
}

static void name_source(struct fake_kernel *k, const char *source)
{
	if (k->mounts.n > 0)
		(void)snprintf(k->mounts.v[k->mounts.n - 1].source,
			       sizeof(k->mounts.v[0].source), "%s", source);
}

static int fake_mount(const struct om_sys *sys, const char *source, const char *target,
		      const char *type, unsigned long flags, const char *data)
{
	struct fake_kernel *k = self(sys);
	char layers[FAKE_NAME_SIZE], upper[FAKE_NAME_SIZE], root[FAKE_NAME_SIZE];
	const char *options = data ? RESOLVE(data) : "";
	int r;

	if (ruled(k, &r, "mount", "%s on %s flags=%#lx %s%s", type ? type : "(none)",
		  RESOLVE(target), flags, options, k->in_userns ? " in-userns" : ""))
		return r;
	if (flags & MS_MOVE)
		return attach(k, RESOLVE(source), RESOLVE(target));
	if (!type)
		return 0;
	if (strcmp(type, "tmpfs") == 0) {
		new_tmpfs(k, flags & MS_NOSUID, root);
		r = attach(k, root, RESOLVE(target));
		name_source(k, source);
		return r;
	}
	if (strcmp(type, "overlay") != 0 || !is_registered(k, type))
		return -ENODEV;
	find_option(options, "lowerdir=", layers);
	find_option(options, "upperdir=", upper);
	r = name_overlay(++k->n_overlays, layers, upper, root);
	return r < 0 ? r : attach(k, root, RESOLVE(target));
}

static int fake_umount(const struct om_sys *sys, const char *target, int flags)
{
	struct fake_kernel *k = self(sys);
	const char *place = RESOLVE(target);
	int r;

	if (ruled(k, &r, "umount", "%s %#x", place, flags))
		return r;
	for (size_t i = k->mounts.n; i-- > 0;) {
		if (strcmp(k->mounts.v[i].place, place) != 0)
			continue;
		*k->mounts.v[i].place = '\0';
		return 0;
	}
	return -EINVAL;
}

static int fake_fsopen(const struct om_sys *sys, const char *type)
{
	struct fake_kernel *k = self(sys);
	struct fake_context context = { .overlay = strcmp(type, "overlay") == 0 };
	char name[64];
	int r;

	if (ruled(k, &r, "fsopen", "%s%s", type, k->in_userns ? " in-userns" : ""))
		return r;
	if (strcmp(type, "tmpfs") != 0 && !is_registered(k, type))
		return -ENODEV;
	if (om_vec_push(&k->contexts, context) < 0)
		abort();
	(void)snprintf(name, sizeof(name), "context:%zu:%s", k->contexts.n - 1, type);
	return new_fd(name, NULL);
}

static struct fake_context *context_of(struct fake_kernel *k, int fs)
{
	size_t i;

	if (sscanf(NAME(fs), "context:%zu:", &i) != 1 || i >= k->contexts.n)
		return NULL;
	return &k->contexts.v[i];
}

static int set_option(struct fake_context *context, const char *key, const char *value)
{
	size_t used;

	if (!context)
		return -EBADF;
	used = strlen(context->layers);
	if (strcmp(key, "lowerdir") == 0)
		(void)snprintf(context->layers, FAKE_NAME_SIZE, "%s", value);
	else if (strcmp(key, "lowerdir+") == 0)
		(void)snprintf(context->layers + used, FAKE_NAME_SIZE - used, "%s%s",
			       used ? ":" : "", value);
	else if (strcmp(key, "upperdir") == 0)
		(void)snprintf(context->upper, FAKE_NAME_SIZE, "%s", value);
	return 0;
}

static int fake_fsconfig_string(const struct om_sys *sys, int fs, const char *key,
				const char *value)
{
	struct fake_kernel *k = self(sys);
	const char *text = RESOLVE(value);
	int r;

	if (ruled(k, &r, "fsconfig_string", "%s %s=%s", NAME(fs), key, text))
		return r;
	return set_option(context_of(k, fs), key, text);
}

static int fake_fsconfig_flag(const struct om_sys *sys, int fs, const char *key)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "fsconfig_flag", "%s %s", NAME(fs), key))
		return r;
	return set_option(context_of(k, fs), key, "");
}

static int fake_fsconfig_fd(const struct om_sys *sys, int fs, const char *key, int fd)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "fsconfig_fd", "%s %s=%s", NAME(fs), key, NAME(fd)))
		return r;
	return is_bad(fd) ? -EBADF : set_option(context_of(k, fs), key, NAME(fd));
}

static int fake_fsconfig_create(const struct om_sys *sys, int fs)
{
	struct fake_kernel *k = self(sys);
	struct fake_context *context = context_of(k, fs);
	char root[FAKE_NAME_SIZE] = "tmpfs";
	int r, named = 0;

	if (context && context->overlay)
		named = name_overlay(0, context->layers, context->upper, root);
	if (ruled(k, &r, "fsconfig_create", "%s%s", root,
		  k->in_userns ? " in-userns" : ""))
		return r;
	if (!context || named < 0)
		return context ? named : -EBADF;
	context->created = true;
	return 0;
}

static int fake_fs_log(const struct om_sys *sys, int fs, char *buf, size_t size)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "fs_log", "%s", NAME(fs)))
		return r;
	(void)snprintf(buf, size, "%s", k->message ? k->message : "");
	return k->message ? 0 : -ENODATA;
}

static int fake_fsmount(const struct om_sys *sys, int fs, unsigned attr)
{
	struct fake_kernel *k = self(sys);
	const struct fake_context *context = context_of(k, fs);
	char root[FAKE_NAME_SIZE];
	int r;

	if (ruled(k, &r, "fsmount", "%s %#x", NAME(fs), attr))
		return r;
	if (!context || !context->created)
		return context ? -EINVAL : -EBADF;
	if (context->overlay)
		r = name_overlay(++k->n_overlays, context->layers, context->upper, root);
	else
		new_tmpfs(k, attr & OM_ATTR_NOSUID, root);
	return r < 0 ? r : new_fd(root, NULL);
}

/* Its label is not enforced, but where a rule says 1. */
static int fake_layers(const struct om_sys *sys, int program,
		       const struct om_layers_ask *ask, struct om_layers_reply *reply)
{
	struct fake_kernel *k = self(sys);
	char layers[FAKE_NAME_SIZE] = "nothing", root[FAKE_NAME_SIZE];
	int r;

	*reply = (struct om_layers_reply){ .what = "making it up",
					   .label = "overmount-layers (unconfined)" };
	if (ask->skeleton >= 0)
		(void)snprintf(layers, sizeof(layers), "%s:%s", NAME(ask->skeleton),
			       NAME(ask->hole));
	if (ruled(k, &r, "layers", "%d %s at %s", program, layers,
		  ask->place < 0 ? "(none)" : NAME(ask->place))) {
		reply->confined = r == 1;
		return r == 1 ? 0 : r;
	}
	if (ask->skeleton < 0)
		return 0;
	r = name_overlay(++k->n_overlays, layers, "", root);
	if (r < 0)
		return r;
	return ask->place < 0 ? new_fd(root, NULL) : attach(k, root, NAME(ask->place));
}

static int fake_open_tree(const struct om_sys *sys, int dirfd, const char *path,
			  bool recursive)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "open_tree", "%s%s", JOIN(dirfd, path),
		  recursive ? " recursive" : ""))
		return r;
	return open_path(k, dirfd, *path ? path : ".", 0);
}

static int fake_move_mount(const struct om_sys *sys, int fd, int dirfd, const char *path)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "move_mount", "%s -> %s%s", NAME(fd), JOIN(dirfd, path),
		  k->in_userns ? " in-userns" : ""))
		return r;
	if (is_bad(fd) || is_bad(dirfd))
		return -EBADF;
	return attach(k, NAME(fd), JOIN(dirfd, path));
}

static int fake_move_mount_beneath(const struct om_sys *sys, int fd, int dirfd,
				   const char *path)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "move_mount_beneath", "%s -> %s", NAME(fd), JOIN(dirfd, path)))
		return r;
	if (is_bad(fd) || is_bad(dirfd))
		return -EBADF;
	return mounted_at(k, JOIN(dirfd, path)) ? 0 : -EINVAL;
}

static int fake_mount_setattr(const struct om_sys *sys, int fd, bool recursive,
			      unsigned attr, unsigned long propagation)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "mount_setattr", "%s%s %#x %#lx", NAME(fd),
		  recursive ? " recursive" : "", attr, propagation))
		return r;
	return is_bad(fd) ? -EBADF : 0;
}

/* --- Identity ------------------------------------------------------------------------ */

#define FIRST_UNIQUE 4294967338
#define FIRST_REUSABLE 42

/* Number of the mount that has the root, from 1; 0: that of the namespace. */
static size_t mount_of(const struct fake_kernel *k, const char *root)
{
	for (size_t i = k->mounts.n; i-- > 0;)
		if (strcmp(k->mounts.v[i].root, root) == 0)
			return i + 1;
	return 0;
}

static int fake_statx_mount_id(const struct om_sys *sys, int fd, bool unique,
			       uint64_t *ret_id)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "statx_mount_id", "%s %s", NAME(fd),
		  unique ? "unique" : "reusable"))
		return r;
	*ret_id = (unique ? FIRST_UNIQUE : FIRST_REUSABLE) + mount_of(k, NAME(fd));
	return is_bad(fd) ? -EBADF : 0;
}

static int fake_mount_look(const struct om_sys *sys, const struct om_mount_id *id,
			   struct om_mount_look *ret)
{
	struct fake_kernel *k = self(sys);
	size_t i = id->id - (id->unique ? FIRST_UNIQUE : FIRST_REUSABLE);
	int r;

	if (ruled(k, &r, "mount_look", "%s", id->unique ? "unique" : "reusable"))
		return r;
	*ret = (struct om_mount_look){ .has_source = !(k->no_source && id->unique) };
	if (ret->has_source && i > 0 && i <= k->mounts.n)
		(void)snprintf(ret->source, sizeof(ret->source), "%s",
			       k->mounts.v[i - 1].source);
	return 0;
}

static int fake_mount_id(const struct om_sys *sys, int fd, uint64_t *ret_id,
			 bool *ret_unique)
{
	*ret_unique = true;
	return fake_statx_mount_id(sys, fd, true, ret_id);
}

static int fake_statmount(const struct om_sys *sys, uint64_t id, uint64_t *ret_parent)
{
	int r;

	if (ruled(self(sys), &r, "statmount", "%llu", (unsigned long long)id))
		return r;
	*ret_parent = id - 1;
	return id == 4294967338 ? 0 : -ENOENT;
}

static int fake_listmount(const struct om_sys *sys, uint64_t id, uint64_t after,
			  uint64_t *ids, size_t n)
{
	int r;

	if (ruled(self(sys), &r, "listmount", "%llu", (unsigned long long)id))
		return r;
	if (id != OM_MOUNT_ROOT || after != 0 || n == 0)
		return -EINVAL;
	ids[0] = 4294967338;
	return 1;
}

static int fake_close_range(const struct om_sys *sys, unsigned first, unsigned last)
{
	int r;

	(void)ruled(self(sys), &r, "close_range", "%u %u", first, last);
	return r;
}

/* --- Processes ----------------------------------------------------------------------- */

static int fake_unshare(const struct om_sys *sys, int flags)
{
	int r;

	(void)ruled(self(sys), &r, "unshare", "%#x", (unsigned)flags);
	return r;
}

static int fake_unshare_user(const struct om_sys *sys)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "unshare_user", " "))
		return r;
	k->in_userns = true;
	return 0;
}

static int fake_pivot_root(const struct om_sys *sys, int fd)
{
	int r;

	(void)ruled(self(sys), &r, "pivot_root", "%s", NAME(fd));
	return r;
}

#define MAX_FD 64

/* Closes what was opened since, as the end of a process would. */
static void open_fds(bool open[static MAX_FD], bool close_others)
{
	for (int fd = 0; fd < MAX_FD; fd++) {
		bool is_open = fcntl(fd, F_GETFD) >= 0;

		if (close_others && is_open && !open[fd])
			(void)close(fd);
		else if (!close_others)
			open[fd] = is_open;
	}
}

/* In this process; what a child would keep to itself is put back. */
static int fake_in_child(const struct om_sys *sys, int (*fn)(void *arg), void *arg)
{
	struct fake_kernel *k = self(sys);
	const char *label = k->label;
	bool in_userns = k->in_userns;
	size_t n = k->mounts.n;
	bool open[MAX_FD];
	int r, dumpable;

	if (ruled(k, &r, "in_child", " "))
		return r;
	open_fds(open, false);
	dumpable = prctl(PR_GET_DUMPABLE);
	r = fn(arg);
	(void)prctl(PR_SET_DUMPABLE, dumpable);
	open_fds(open, true);
	k->label = label;
	k->in_userns = in_userns;
	k->mounts.n = n;
	return r;
}

static int use(const struct om_sys *sys, const char *operation, int dirfd,
	       const char *name)
{
	struct fake_kernel *k = self(sys);
	const char *path = JOIN(dirfd, name);
	int r;

	if (ruled(k, &r, operation, "%s label=%s", path, k->label))
		return r;
	if (is_bad(dirfd))
		return -EBADF;
	return lookup(k, path) ? 0 : -ENOENT;
}

static int fake_list(const struct om_sys *sys, int dirfd)
{
	return use(sys, "list", dirfd, ".");
}

static int fake_stat(const struct om_sys *sys, int dirfd, const char *name)
{
	return use(sys, "stat", dirfd, name);
}

static int fake_read_byte(const struct om_sys *sys, int dirfd, const char *name)
{
	return use(sys, "read_byte", dirfd, name);
}

static int fake_map_exec(const struct om_sys *sys, int dirfd, const char *name)
{
	return use(sys, "map_exec", dirfd, name);
}

/* A program that leaves with the low bits of its effective user id, where uid is given. */
static int fake_exec(const struct om_sys *sys, int dirfd, const char *name, uid_t uid)
{
	struct fake_kernel *k = self(sys);
	const char *path = JOIN(dirfd, name);
	const struct fake_node *node;
	int r;

	if (ruled(k, &r, "exec", "%s uid=%d label=%s", path, (int)uid, k->label))
		return r;
	node = is_bad(dirfd) ? NULL : lookup(k, path);
	if (!node)
		return is_bad(dirfd) ? -EBADF : -ENOENT;
	if (uid == OM_UID_SAME)
		return 0;
	/* An overlay's name tells those of its layers: it honours their nosuid. */
	return node->suid && !strstr(path, "nosuid-") ? 0 : (int)(uid & 0xff);
}

/* --- Policy and modules -------------------------------------------------------------- */

static int fake_apparmor(const struct om_sys *sys)
{
	int r;

	(void)ruled(self(sys), &r, "apparmor", " ");
	return r;
}

static int fake_apparmor_label(const struct om_sys *sys, char *label, size_t label_size,
			       char *mode, size_t mode_size)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "apparmor_label", " "))
		return r;
	(void)snprintf(label, label_size, "%s", k->label);
	(void)snprintf(mode, mode_size, "%s", k->mode);
	return 0;
}

static int fake_apparmor_query(const struct om_sys *sys, const char *label,
			       const char *path)
{
	int r;

	return ruled(self(sys), &r, "apparmor_query", "%s %s", label, path) ? r : 1;
}

static int fake_apparmor_change(const struct om_sys *sys, const char *label, bool on_exec)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "apparmor_change", "%s %s", label, on_exec ? "on exec" : "now"))
		return r;
	if (!on_exec)
		k->label = label;
	else
		k->pending = label;
	return 0;
}

/* Such a stack has its own label first. */
static int fake_apparmor_stack(const struct om_sys *sys, const char *label, bool on_exec)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "apparmor_stack", "%s %s", label, on_exec ? "on exec" : "now"))
		return r;
	if (on_exec) {
		k->pending = label;
		return 0;
	}
	(void)snprintf(k->stack, sizeof(k->stack), "%s//&%s", k->label, label);
	k->label = k->stack;
	return 0;
}

static int fake_apparmor_pending(const struct om_sys *sys, char *label, size_t size)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "apparmor_pending", " "))
		return r;
	(void)snprintf(label, size, "%s", k->pending ? k->pending : "");
	return k->pending ? 0 : -ENODATA;
}

static int fake_module(const struct om_sys *sys, const char *name)
{
	struct fake_kernel *k = self(sys);
	int r;

	if (ruled(k, &r, "module", "%s", name))
		return r;
	return is_registered(k, name) ? OM_MODULE_LIVE : OM_MODULE_LOADABLE;
}

static int fake_module_load(const struct om_sys *sys, const char *name)
{
	struct fake_kernel *k = self(sys);
	size_t used = strlen(k->shared->loaded);
	int r;

	if (ruled(k, &r, "module_load", "%s", name))
		return r;
	(void)snprintf(k->shared->loaded + used, sizeof(k->shared->loaded) - used,
		       "nodev\t%s\n", name);
	return 0;
}

/* --- A capable kernel ---------------------------------------------------------------- */

#define FEATURES "/sys/kernel/security/apparmor/features/"

static const struct fake_file capable_files[] = {
	{ FILESYSTEMS, "nodev\tsysfs\nnodev\ttmpfs\n\tsquashfs\nnodev\toverlay\n" },
	{ "/proc/sys/fs/mount-max", "100000\n" },
	{ "/proc/self/mountinfo", "42 1 0:30 / / ro - squashfs base ro\n"
				  "2\n3\n4\n5\n" },
	{ "/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"
			       "NoNewPrivs:\t0\nSeccomp:\t0\n" },
	{ "/proc/self/attr/current", "unconfined\n" },
	{ "/proc/sys/kernel/random/boot_id", "0b5e1b2e-0000-4000-8000-000000000001\n" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n" },
	{ "/sys/kernel/security/lsm", "lockdown,capability,landlock,yama,apparmor" },
	{ FEATURES "capability", "0xffffff\n" },
	{ FEATURES "mount/mask", "mount umount pivot_root\n" },
	{ FEATURES "mount/move_mount", "detached\n" },
	{ FEATURES "namespaces/mask", "userns_create\n" },
	{ FEATURES "namespaces/pivot_root", "no\n" },
	{ FEATURES "domain/stack", "yes\n" },
};

static const struct {
	const char *path;
	enum fake_kind kind;
} capable_nodes[] = {
	{ "/", FAKE_DIR },
	{ ".", FAKE_DIR },
	{ "/run", FAKE_DIR },
	{ "/mnt", FAKE_DIR },
	{ "/tmp", FAKE_DIR },
	{ "/var", FAKE_DIR },
	{ "/usr", FAKE_DIR },
	{ "/usr/bin", FAKE_DIR },
	{ "/usr/bin/true", FAKE_FILE },
	{ "/bin", FAKE_DIR },
	{ "/bin/true", FAKE_FILE },
	{ "/etc", FAKE_DIR },
	{ "/etc/passwd", FAKE_FILE },
	{ "/etc/os-release", FAKE_FILE },
};

static const struct om_sys operations = {
	.open = fake_open,
	.open_beneath = fake_open_beneath,
	.mkdir = fake_mkdir,
	.mkfile = fake_mkfile,
	.symlink = fake_symlink,
	.unlink = fake_unlink,
	.chown = fake_chown,
	.chmod = fake_chmod,
	.setxattr = fake_setxattr,
	.mknod = fake_mknod,
	.mount = fake_mount,
	.umount = fake_umount,
	.fsopen = fake_fsopen,
	.fsconfig_string = fake_fsconfig_string,
	.fsconfig_flag = fake_fsconfig_flag,
	.fsconfig_fd = fake_fsconfig_fd,
	.fsconfig_create = fake_fsconfig_create,
	.fs_log = fake_fs_log,
	.fsmount = fake_fsmount,
	.open_tree = fake_open_tree,
	.move_mount = fake_move_mount,
	.move_mount_beneath = fake_move_mount_beneath,
	.mount_setattr = fake_mount_setattr,
	.mount_id = fake_mount_id,
	.statx_mount_id = fake_statx_mount_id,
	.mount_look = fake_mount_look,
	.statmount = fake_statmount,
	.listmount = fake_listmount,
	.close_range = fake_close_range,
	.unshare = fake_unshare,
	.unshare_user = fake_unshare_user,
	.pivot_root = fake_pivot_root,
	.in_child = fake_in_child,
	.list = fake_list,
	.stat = fake_stat,
	.read_byte = fake_read_byte,
	.map_exec = fake_map_exec,
	.exec = fake_exec,
	.layers = fake_layers,
	.apparmor = fake_apparmor,
	.apparmor_label = fake_apparmor_label,
	.apparmor_query = fake_apparmor_query,
	.apparmor_change = fake_apparmor_change,
	.apparmor_stack = fake_apparmor_stack,
	.apparmor_pending = fake_apparmor_pending,
	.module = fake_module,
	.module_load = fake_module_load,
};

void fake_kernel_init(struct fake_kernel *k)
{
	*k = (struct fake_kernel){
		.sys = operations, .label = "unconfined", .mode = "", .fail_errno = EIO
	};
	k->sys.userdata = k;
	k->shared = mmap(NULL, sizeof(*k->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (k->shared == MAP_FAILED)
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(capable_files); i++)
		fake_kernel_file(k, capable_files[i].path, capable_files[i].content);
	for (size_t i = 0; i < ARRAY_SIZE(capable_nodes); i++)
		add_node(k, capable_nodes[i].path, capable_nodes[i].kind);
}

void fake_kernel_done(struct fake_kernel *k)
{
	(void)munmap(k->shared, sizeof(*k->shared));
	om_vec_free(&k->nodes);
	om_vec_free(&k->mounts);
	om_vec_free(&k->contexts);
}

unsigned fake_kernel_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}
