/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See scene.h.  Reads only: names, attributes, and mountinfo once.
 */
#include "probe/scene.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"
#include "probe/chase.h"
#include "profile/check.h"

static enum om_object object_of(mode_t mode)
{
	if (S_ISDIR(mode))
		return OM_OBJECT_DIR;
	if (S_ISREG(mode))
		return OM_OBJECT_FILE;
	return S_ISLNK(mode) ? OM_OBJECT_SYMLINK : OM_OBJECT_OTHER;
}

const struct om_scene_dir *om_scene_get_dir(const struct om_scene *scene,
					    const char *path)
{
	size_t i = om_index_find(&scene->dirs_index, path);

	return i == SIZE_MAX ? NULL : &scene->dirs.v[i];
}

static int inspect_dir(const struct om_survey *survey, int fd, struct om_scene_dir *dir)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;

	dir->mode = st.st_mode & 07777;
	dir->uid = st.st_uid;
	dir->gid = st.st_gid;
	r = om_attr_of_fd(fd, &dir->attr);
	if (r == 0)
		r = survey->sys->mount_id(survey->sys, fd, &dir->mount_id, &dir->unique);
	if (r < 0)
		return r;
	/* Only for what is shown: 0, which no mount has, when it cannot be told. */
	dir->table_id = dir->mount_id;
	if (dir->unique &&
	    survey->sys->statx_mount_id(survey->sys, fd, false, &dir->table_id) < 0)
		dir->table_id = 0;
	dir->read_only = dir->attr & OM_ATTR_RDONLY;
	dir->dev = st.st_dev;
	dir->ino = st.st_ino;
	/* What is taken for a stranger's would be covered by a second one. */
	r = om_mount_is_among(survey->sys, fd, survey->ours, survey->n_ours);
	dir->ours = r == 1;
	return r < 0 ? r : 0;
}

struct om_scene_dir *om_scene_add_dir(const struct om_survey *survey,
				      struct om_scene *scene, const char *path,
				      struct om_error *e)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *copy = NULL;
	struct om_scene_dir dir = { 0 };
	size_t known = om_index_find(&scene->dirs_index, path);
	int r;

	if (known != SIZE_MAX)
		return &scene->dirs.v[known];
	fd = om_open_beneath(survey->sys, survey->root_fd, path, O_PATH | O_DIRECTORY);
	r = fd < 0 ? fd : inspect_dir(survey, fd, &dir);
	/* Ids of two kinds say nothing about who shares a mount with whom. */
	if (r == 0 && scene->dirs.n > 0 && dir.unique != scene->dirs.v[0].unique)
		r = -ENODATA;
	copy = strdup(path);
	if (r == 0 && !copy)
		r = -ENOMEM;
	dir.path = copy;
	if (r == 0)
		r = om_vec_push(&scene->dirs, dir);
	if (r == 0) {
		r = om_index_add(&scene->dirs_index, copy, scene->dirs.n - 1);
		scene->dirs.n -= r < 0;
	}
	if (r < 0) {
		(void)om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot inspect %s", OM_Q(path));
		return NULL;
	}
	(void)TAKE_PTR(copy);
	return &scene->dirs.v[scene->dirs.n - 1];
}

static int refuse_link(const struct om_chased *c, struct om_error *e)
{
	if (!c->link)
		return 0;
	return om_fail(e, OM_ERR_REFUSED, -ELOOP,
		       "cannot follow the symbolic link %s: %s", OM_Q(c->link),
		       c->link_reason);
}

/* The profile was asked for what is written; links may lead there. */
static int refuse_reserved(const struct om_chased *c, const struct om_entry *entry,
			   struct om_error *e)
{
	if (om_streq(c->path, entry->target) || !om_profile_is_reserved(c->path))
		return 0;
	return om_fail(e, OM_ERR_REFUSED, -ELOOP,
		       "cannot mount at %s: symbolic links lead to %s, a reserved "
		       "location",
		       OM_Q(entry->target), OM_Q(c->path));
}

/* Is the hole the directory in which the target was missed?  Its owner may exchange it. */
static int check_hole(const struct om_chased *c, const struct om_scene_dir *hole,
		      struct om_error *e)
{
	struct stat st;

	if (fstat(c->fd, &st) < 0)
		return -errno;
	if (st.st_dev == hole->dev && st.st_ino == hole->ino)
		return 0;
	return om_fail(e, OM_ERR_SYSTEM, -ESTALE,
		       "cannot examine %s: it is exchanged while it is looked at",
		       OM_Q(hole->path));
}

static int survey_target(const struct om_survey *survey, struct om_scene *scene,
			 const struct om_entry *entry, struct om_scene_entry *se,
			 struct om_error *e)
{
	_cleanup_chased_ struct om_chased c = { .fd = -1 };
	_cleanup_free_ char *hole = NULL;
	struct om_scene_dir *dir;
	struct stat st;
	int r = om_chase(survey->sys, survey->root_fd, entry->target, false, &c, e);

	if (r == 0)
		r = refuse_link(&c, e);
	if (r == 0)
		r = refuse_reserved(&c, entry, e);
	if (r < 0)
		return r;
	if (c.blocked)
		return om_fail(e, OM_ERR_REFUSED, -ENOTDIR,
			       "cannot create %s: %s is not a directory",
			       OM_Q(entry->target), OM_Q(c.blocked));
	if (c.existing == strlen(c.path)) {
		char link[PATH_MAX];
		ssize_t n = -1;

		if (fstat(c.fd, &st) < 0)
			return -errno;
		se->target_object = object_of(st.st_mode);
		if (S_ISLNK(st.st_mode))
			n = readlinkat(c.fd, "", link, sizeof(link) - 1);
		if (n >= 0)
			se->target_link = strndup(link, (size_t)n);
		hole = om_path_parent(c.path);
	} else {
		hole = strndup(c.path, c.existing);
	}
	if (!hole)
		return -ENOMEM;
	dir = om_scene_add_dir(survey, scene, hole, e);
	if (!dir)
		return -EIO;
	r = se->target_object == OM_OBJECT_NONE ? check_hole(&c, dir, e) : 0;
	if (r < 0)
		return r;
	dir->hole |= !om_scene_entry_fits(se, entry);
	se->hole = (size_t)(dir - scene->dirs.v);
	se->target_way =
		TAKE_GENERIC(c.followed, struct om_followed, (struct om_followed){ 0 });
	se->target = TAKE_PTR(c.path);
	return 0;
}

static int survey_source(const struct om_survey *survey, const struct om_entry *entry,
			 struct om_scene_entry *se, struct om_error *e)
{
	_cleanup_chased_ struct om_chased c = { .fd = -1 };
	struct stat st;
	int r = om_chase(survey->sys, survey->source_fd, entry->source, true, &c, e);

	if (r == 0)
		r = refuse_link(&c, e);
	if (r < 0)
		return r;
	if (c.blocked || c.existing < strlen(c.path)) {
		size_t depth = om_path_depth(c.path);

		while (depth > 1 && om_path_prefix_len(c.path, depth - 1) > c.existing)
			depth--;
		if (om_path_prefix_len(c.path, 1) > c.existing)
			depth = 1;
		se->source_missing = strndup(c.path, om_path_prefix_len(c.path, depth));
		if (!se->source_missing)
			return -ENOMEM;
		se->source_ours = !c.blocked &&
				  om_mount_is_among(survey->sys, c.fd, survey->ours,
						    survey->n_ours) == 1;
	} else {
		if (fstat(c.fd, &st) < 0)
			return -errno;
		se->source_object = object_of(st.st_mode);
	}
	se->source_way =
		TAKE_GENERIC(c.followed, struct om_followed, (struct om_followed){ 0 });
	se->source = TAKE_PTR(c.path);
	return 0;
}

static int survey_entry(const struct om_survey *survey, struct om_scene *scene,
			const struct om_profile *p, size_t i, struct om_error *e)
{
	const struct om_entry *entry = &p->entries[scene->first + i];
	struct om_scene_entry *se = &scene->entries[i];
	const char *field = "target";
	int r = survey_target(survey, scene, entry, se, e);

	if (r == 0 &&
	    (entry->kind == OM_ENTRY_BIND_DIR || entry->kind == OM_ENTRY_BIND_FILE)) {
		field = "source";
		r = survey_source(survey, entry, se, e);
	}
	if (r < 0) {
		r = om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot examine %s",
				  OM_Q(field[0] == 't' ? entry->target : entry->source));
		om_error_where(e, p->name, entry->line, 0, field);
	}
	return r;
}

/* By what is written they would not have been surveyed together (strategy/wave.h). */
static bool depends_on(const struct om_survey *survey, const struct om_scene_entry *later,
		       const struct om_scene_entry *earlier)
{
	bool one_root = survey->source_fd == survey->root_fd;

	return om_paths_depend(later->target, one_root ? later->source : NULL,
			       earlier->target, one_root ? earlier->source : NULL);
}

static bool went_elsewhere(const struct om_entry *entry, const struct om_scene_entry *se)
{
	return strcmp(entry->target, se->target) != 0 ||
	       (se->source && strcmp(entry->source, se->source) != 0);
}

static bool is_followed(const struct om_followed *followed, const char *target)
{
	for (size_t i = 0; i < followed->links.n; i++)
		if (om_path_is_under(followed->links.v[i], target))
			return true;
	return false;
}

/* Is a link on the way of the one at what the other one brings, or below? */
static bool leads_through(const struct om_survey *survey,
			  const struct om_scene_entry *one,
			  const struct om_scene_entry *other)
{
	bool one_root = survey->source_fd == survey->root_fd;

	return is_followed(&one->target_way, other->target) ||
	       (one_root && is_followed(&one->source_way, other->target));
}

static int refuse_pair(const struct om_profile *p, const struct om_entry *later,
		       const struct om_entry *earlier, bool on_way, struct om_error *e)
{
	const char *target = OM_Q(later->target), *other = OM_Q(earlier->target);
	int r = on_way ? om_fail(e, OM_ERR_REFUSED, -ELOOP,
				 "cannot mount at %s: it or the entry at %s takes the "
				 "place of a symbolic link that leads to the other",
				 target, other)
		       : om_fail(e, OM_ERR_REFUSED, -ELOOP,
				 "cannot mount at %s: symbolic links lead it and the "
				 "entry at %s to one place",
				 target, other);

	om_error_where(e, p->name, later->line, 0, "target");
	om_error_fix(e, "write their paths without symbolic links");
	return r;
}

static int check_pair(const struct om_survey *survey, const struct om_scene *scene,
		      const struct om_profile *p, size_t i, size_t k, struct om_error *e)
{
	const struct om_entry *later = &p->entries[scene->first + i];
	const struct om_entry *earlier = &p->entries[scene->first + k];
	const struct om_scene_entry *one = &scene->entries[i],
				    *other = &scene->entries[k];

	if (!went_elsewhere(later, one) && !went_elsewhere(earlier, other))
		return 0;
	if (depends_on(survey, one, other))
		return refuse_pair(p, later, earlier, false, e);
	if (leads_through(survey, one, other) || leads_through(survey, other, one))
		return refuse_pair(p, later, earlier, true, e);
	return 0;
}

/*
 * Symbolic links may lead one entry into what another one brings.  Built together, names
 * would be made in the source of a bind.  Or the other one puts something in the place of
 * the link, and the same path leads elsewhere afterwards.
 */
static int check_links(const struct om_survey *survey, const struct om_scene *scene,
		       const struct om_profile *p, struct om_error *e)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; !any && i < scene->n; i++)
		any = went_elsewhere(&p->entries[scene->first + i], &scene->entries[i]);
	for (size_t i = 0; any && i < scene->n; i++)
		for (size_t k = 0; r == 0 && k < i; k++)
			r = check_pair(survey, scene, p, i, k, e);
	return r;
}

/* Something that is there would have to give way: what is mounted in it is asked for. */
static bool has_other_kind(const struct om_scene *scene, const struct om_profile *p)
{
	for (size_t i = 0; i < scene->n; i++)
		if (scene->entries[i].target_object != OM_OBJECT_NONE &&
		    !om_scene_entry_fits(&scene->entries[i],
					 &p->entries[scene->first + i]))
			return true;
	return false;
}

int om_scene_survey(const struct om_survey *survey, const struct om_profile *p,
		    size_t first, size_t n, struct om_scene **ret, struct om_error *e)
{
	_cleanup_scene_ struct om_scene *scene = calloc(1, sizeof(*scene));
	int r;

	if (!scene)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot survey");
	scene->first = first;
	scene->entries = calloc(n ? n : 1, sizeof(*scene->entries));
	if (!scene->entries)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot survey");
	for (scene->n = 0; scene->n < n; scene->n++) {
		r = survey_entry(survey, scene, p, scene->n, e);

		if (r < 0) {
			scene->n++;
			return r;
		}
	}
	r = survey->apart ? 0 : check_links(survey, scene, p, e);
	if (r == 0 && has_other_kind(scene, p))
		r = om_scene_find_submounts(survey, scene, e);
	if (r == 0)
		*ret = TAKE_PTR(scene);
	return r;
}

/*
 * Adds a mount point below dir unless one above it is there already.  mountinfo is in
 * order of creation, and a mount may have been moved above an older one.
 */
static int add_submount(struct om_scene_dir *dir, const char *path, bool unbindable)
{
	struct om_submount submount = { .unbindable = unbindable, .locked = OM_UNKNOWN };
	size_t kept = 0;
	int r;

	for (size_t i = 0; i < dir->submounts.n; i++) {
		if (!om_path_is_under(path, dir->submounts.v[i].path))
			continue;
		/* One that cannot be bound makes what holds it unfit to be bound whole. */
		dir->submounts.v[i].unbindable |= unbindable;
		return 0;
	}
	for (size_t i = 0; i < dir->submounts.n; i++) {
		if (om_path_is_under(dir->submounts.v[i].path, path))
			free(dir->submounts.v[i].path);
		else
			dir->submounts.v[kept++] = dir->submounts.v[i];
	}
	dir->submounts.n = kept;
	submount.path = strdup(path);
	if (!submount.path)
		return -ENOMEM;
	r = om_vec_push(&dir->submounts, submount);
	if (r < 0)
		free(submount.path);
	return r;
}

static int add_to_dirs(struct om_scene *scene, const char *path, bool unbindable)
{
	for (size_t i = 0; i < scene->dirs.n; i++) {
		int r = om_path_is_below(path, scene->dirs.v[i].path)
				? add_submount(&scene->dirs.v[i], path, unbindable)
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* What the table of mounts says of the mount that directories lie on. */
static void describe_dirs(struct om_scene *scene, struct libmnt_fs *fs, bool unbindable)
{
	const char *type = mnt_fs_get_fstype(fs);
	const char *options = mnt_fs_get_fs_options(fs);
	char *value;
	size_t size;
	bool fixed = options && mnt_optstr_get_option(options, "ro", &value, &size) == 0;

	for (size_t i = 0; i < scene->dirs.n; i++) {
		struct om_scene_dir *dir = &scene->dirs.v[i];

		if (!dir->table_id || (uint64_t)mnt_fs_get_id(fs) != dir->table_id)
			continue;
		dir->unbindable = unbindable;
		dir->fixed = fixed;
		dir->stacked = om_streq(type, "overlay");
		(void)snprintf(dir->fs_type, sizeof(dir->fs_type), "%s",
			       type ? type : "");
	}
}

/*
 * mountinfo also lists what another mount covers.  Only what a path really leads to is a
 * submount: something on another mount than the directory's own.
 */
static int drop_hidden(const struct om_survey *survey, struct om_scene_dir *dir)
{
	size_t kept = 0;
	int result = 0;

	for (size_t i = 0; i < dir->submounts.n; i++) {
		_cleanup_close_ int fd = -1;
		uint64_t id = 0;
		int r;

		fd = om_open_beneath(survey->sys, survey->root_fd,
				     dir->submounts.v[i].path, O_PATH);
		r = fd < 0 ? fd : om_mount_id_as(survey->sys, fd, dir->unique, &id);
		/* Only that the path leads elsewhere hides it: whatever else goes wrong, a
		 * submount that is taken for hidden would be missing afterwards. */
		if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -ELOOP && result == 0)
			result = r;
		if (r == 0 && id != dir->mount_id)
			dir->submounts.v[kept++] = dir->submounts.v[i];
		else
			free(dir->submounts.v[i].path);
	}
	dir->submounts.n = kept;
	return result;
}

static bool is_unbindable(struct libmnt_fs *fs)
{
	const char *fields = mnt_fs_get_optional_fields(fs);

	return fields && strstr(fields, "unbindable");
}

/*
 * libmount says 1 when it gave up half way, and that all is well when memory ran out between
 * two lines: a table that ends early has to be noticed, since a submount that is not in it
 * would be missing afterwards.
 */
static int read_table(struct libmnt_table *table)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *stream = NULL;
	size_t size;
	int lines = 0;
	int r = om_read_file(AT_FDCWD, "/proc/self/mountinfo", OM_MAX_MOUNTINFO, &text,
			     &size);

	if (r < 0)
		return r;
	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	stream = fmemopen(text, size, "r");
	if (!stream)
		return -ENOMEM;
	r = mnt_table_parse_stream(table, stream, "/proc/self/mountinfo");
	if (r == 0 && mnt_table_get_nents(table) != lines)
		r = -ENOMEM;
	return r > 0 ? -EIO : r;
}

static int read_mounts(const struct om_survey *survey, struct om_scene *scene)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int r = table && iter ? read_table(table) : -ENOMEM;

	/* Mounts are listed parents first, so the topmost of a subtree comes first. */
	while (r == 0 && mnt_table_next_fs(table, iter, &fs) == 0) {
		const char *target = mnt_fs_get_target(fs);

		scene->n_mounts++;
		describe_dirs(scene, fs, is_unbindable(fs));
		if (target && om_path_is_below(target, survey->root_path))
			r = add_to_dirs(scene,
					om_path_below(target, survey->root_path) - 1,
					is_unbindable(fs));
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return r;
}

int om_scene_find_submounts(const struct om_survey *survey, struct om_scene *scene,
			    struct om_error *e)
{
	int r;

	if (scene->has_submounts)
		return 0;
	r = read_mounts(survey, scene);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r,
				     "cannot read \"/proc/self/mountinfo\"");
	for (size_t i = 0; r == 0 && i < scene->dirs.n; i++)
		r = drop_hidden(survey, &scene->dirs.v[i]);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot examine a submount");
	for (size_t i = 0; r == 0 && i < scene->dirs.n; i++)
		if (scene->dirs.v[i].hole)
			r = om_scene_look(survey, &scene->dirs.v[i], e);
	scene->has_submounts = r == 0;
	return r;
}

/* The first bytes of a name as a number that sorts as they do. */
static uint64_t sort_key(const char *name)
{
	uint64_t key = 0;

	for (unsigned shift = 64; shift > 0 && *name; name++) {
		shift -= 8;
		key |= (uint64_t)(unsigned char)*name << shift;
	}
	return key;
}

/* No more than what the sort itself needs of memory: touching it costs as much. */
struct keyed {
	uint64_t key;
	const struct om_scene_child *child;
};

static int compare_keyed(const void *a, const void *b)
{
	const struct keyed *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return strcmp(x->child->name, y->child->name);
}

static bool is_sorted(const struct om_scene_dir *dir)
{
	const struct om_scene_child *v = dir->children.v;

	for (size_t i = 1; i < dir->children.n; i++)
		if (strcmp(v[i - 1].name, v[i].name) > 0)
			return false;
	return true;
}

/* To each place what keyed says, ring by ring. */
static void permute(struct om_scene_child *v, struct keyed *keyed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct om_scene_child first = v[i];
		size_t at = i, from;

		while ((from = (size_t)(keyed[at].child - v)) != i) {
			v[at] = v[from];
			keyed[at].child = &v[at];
			at = from;
		}
		v[at] = first;
		keyed[at].child = &v[at];
	}
}

/*
 * squashfs and erofs list their names in order: then there is nothing to be done.  Beside
 * 100,000 names on a tmpfs comparing whole names was a tenth of what a plan takes.
 */
static int sort_children(struct om_scene_dir *dir)
{
	_cleanup_free_ struct keyed *keyed = NULL;
	size_t n = dir->children.n;

	if (is_sorted(dir))
		return 0;
	keyed = calloc(n, sizeof(*keyed));
	if (!keyed)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		keyed[i] = (struct keyed){ sort_key(dir->children.v[i].name),
					   &dir->children.v[i] };
	qsort(keyed, n, sizeof(*keyed), compare_keyed);
	permute(dir->children.v, keyed, n);
	return 0;
}

static int add_child(struct om_scene_dir *dir, int fd, const struct dirent *d)
{
	struct om_scene_child child = { 0 };
	struct stat st = { .st_mode = DTTOIF(d->d_type) };
	char link[PATH_MAX];
	int r;

	if (dir->children.n >= OM_MAX_SIBLINGS)
		return -E2BIG;
	/* A link is made again, so its owner is asked for; of the rest the kind is enough. */
	if (d->d_type == DT_UNKNOWN || d->d_type == DT_LNK) {
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		child.uid = st.st_uid;
		child.gid = st.st_gid;
	}
	child.object = object_of(st.st_mode);
	if (child.object == OM_OBJECT_SYMLINK) {
		ssize_t n = readlinkat(fd, d->d_name, link, sizeof(link) - 1);

		if (n < 0)
			return -errno;
		child.link = om_texts_keep(&dir->texts, link, (size_t)n);
		if (!child.link)
			return -ENOMEM;
	}
	child.name = om_texts_keep(&dir->texts, d->d_name, strlen(d->d_name));
	r = child.name ? om_scene_note_live(dir, child.name, st.st_mode) : -ENOMEM;
	return r < 0 ? r : om_vec_push(&dir->children, child);
}

static int list_fd(struct om_scene_dir *dir, DIR *stream)
{
	for (;;) {
		const struct dirent *d;
		int r;

		errno = 0;
		d = readdir(stream);
		if (!d)
			return -errno;
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		r = add_child(dir, dirfd(stream), d);
		if (r < 0)
			return r;
	}
}

/* Its names only if it is the directory that was looked at. */
static int list_same(struct om_scene_dir *dir, DIR *stream)
{
	struct stat st;

	if (fstat(dirfd(stream), &st) < 0)
		return -errno;
	return st.st_dev == dir->dev && st.st_ino == dir->ino ? list_fd(dir, stream)
							      : -ESTALE;
}

/* Whoever makes thousands of mounts asks before how many there may be. */
static uint64_t read_max_mounts(const struct om_survey *survey)
{
	_cleanup_close_ int fd = survey->sys->open(survey->sys, AT_FDCWD,
						   "/proc/sys/fs/mount-max", O_RDONLY, 0);
	char text[32];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long long max = 0;

	if (n <= 0)
		return 0;
	text[n - (text[n - 1] == '\n')] = '\0';
	return om_parse_number(text, 10, UINT64_MAX, &max) < 0 ? 0 : max;
}

int om_scene_list(const struct om_survey *survey, struct om_scene_dir *dir,
		  struct om_error *e)
{
	_cleanup_closedir_ DIR *stream = NULL;
	int fd, r;

	if (dir->listed)
		return 0;
	fd = om_open_beneath(survey->sys, survey->root_fd, dir->path,
			     O_RDONLY | O_DIRECTORY);
	if (fd >= 0)
		stream = om_fdopendir(fd);
	r = fd < 0 ? fd : !stream ? -ENOMEM : list_same(dir, stream);
	if (r == -E2BIG)
		return om_fail(e, OM_ERR_REFUSED, r,
			       "cannot copy %s: more than %d names in it",
			       OM_Q(dir->path), OM_MAX_SIBLINGS);
	if (r == 0)
		r = sort_children(dir);
	if (r < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot list %s",
				     OM_Q(dir->path));
	dir->max_mounts = read_max_mounts(survey);
	dir->listed = dir->looked = true;
	return 0;
}

static void dir_done(struct om_scene_dir *dir)
{
	free(dir->path);
	free(dir->live);
	for (size_t i = 0; i < dir->submounts.n; i++)
		free(dir->submounts.v[i].path);
	om_vec_free(&dir->submounts);
	om_vec_free(&dir->children);
	om_texts_done(&dir->texts);
}

struct om_scene *om_scene_free(struct om_scene *scene)
{
	if (!scene)
		return NULL;
	for (size_t i = 0; i < scene->n; i++) {
		free(scene->entries[i].target);
		free(scene->entries[i].target_link);
		free(scene->entries[i].source);
		free(scene->entries[i].source_missing);
		om_followed_done(&scene->entries[i].target_way);
		om_followed_done(&scene->entries[i].source_way);
	}
	free(scene->entries);
	for (size_t i = 0; i < scene->dirs.n; i++)
		dir_done(&scene->dirs.v[i]);
	om_vec_free(&scene->dirs);
	om_index_done(&scene->dirs_index);
	free(scene);
	return NULL;
}
