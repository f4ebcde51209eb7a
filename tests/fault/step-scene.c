/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See step-scene.h.
 */
#include "fault/step-scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNED 010000000 /* in item.mode: by the attacker */
#define SECRET "SECRET\n"

struct item {
	const char *path;
	unsigned mode;
	const char *text; /* of a file; NULL: a directory */
};

/* Parents come before what is in them. */
static const struct item items[] = {
	{ "base", 0755, NULL },
	{ "base/etc", 0755, NULL },
	{ "base/etc/parent", 0755, NULL },
	{ "base/etc/parent/t", 0755, NULL },
	{ "base/etc/parent/f", 0644, "inside\n" },
	{ "base/etc/closed", 0700, NULL },
	{ "base/etc/closed/secret", 0600, SECRET },
	{ "base/etc/closed/f", 0600, SECRET },
	{ "base/etc/closed/s", 0700, NULL },
	{ "base/etc/closed/s/secret", 0600, SECRET },
	{ "base/usr", 0755, NULL },
	{ "base/mnt", 0755, NULL },
	{ "base/srv", 0755, NULL },
	{ "base/opt", 0755, NULL },
	{ "base/var", 0755, NULL },
	{ "base/var/snap", 0755, NULL },
	{ "base/var/snap/app", OWNED | 0755, NULL },
	{ "base/var/snap/app/tp", OWNED | 0755, NULL },
	{ "base/var/snap/app/tp/t", OWNED | 0755, NULL },
	{ "base/var/snap/app/tp/f", OWNED | 0644, "old\n" },
	{ "base/var/snap/app/sp", OWNED | 0755, NULL },
	{ "base/var/snap/app/sp/s", OWNED | 0755, NULL },
	{ "base/var/snap/app/sp/s/hello", OWNED | 0644, "hello\n" },
	{ "base/var/snap/app/sp/s/sub", OWNED | 0755, NULL },
	{ "base/var/snap/app/sp/f", OWNED | 0644, "file\n" },
	{ "tree", 0755, NULL },
	{ "tree/share", 0755, NULL },
	{ "tree/share/doc", 0755, NULL },
	{ "tree/share/doc/x", 0644, "x\n" },
	{ "tree/sub", 0755, NULL },
	{ "tree/sub/y", 0644, "y\n" },
	{ "ro", OWNED | 0755, NULL },
	{ "ro/tp", OWNED | 0755, NULL },
	{ "ro/tp/doc", OWNED | 0755, NULL },
	{ "ro/tp/doc/z", OWNED | 0644, "z\n" },
	{ "ro/tp/file", OWNED | 0600, "z\n" },
	{ "vol", OWNED | 0755, NULL },
	{ "vol/tp", OWNED | 0755, NULL },
	{ "vol/tp/t", OWNED | 0755, NULL },
	{ "vol/sp", OWNED | 0755, NULL },
	{ "vol/sp/s", OWNED | 0755, NULL },
	{ "vol/sp/s/hello", OWNED | 0644, "vol\n" },
	{ "outside", 0755, NULL },
	{ "outside/dir", 0755, NULL },
	{ "outside/dir/file", 0644, "foreign\n" },
	{ "outside/file", 0644, "foreign\n" },
	{ "outside/parent", 0755, NULL },
	{ "outside/parent/t", 0755, NULL },
	{ "outside/parent/f", 0644, "foreign\n" },
	{ "outside/sources", 0755, NULL },
	{ "outside/sources/s", 0755, NULL },
	{ "outside/sources/f", 0644, "foreign\n" },
	{ "outside/closed", 0700, NULL },
	{ "outside/closed/secret", 0600, SECRET },
	{ "outside/closed/f", 0600, SECRET },
	{ "outside/closed/s", 0700, NULL },
	{ "outside/closed/s/secret", 0600, SECRET },
	{ "outside/home", OWNED | 0755, NULL },
	{ "outside/home/dir", OWNED | 0755, NULL },
	{ "outside/home/file", OWNED | 0644, "" },
	{ "state", 0700, NULL },
};

#define APP "base/var/snap/app"
#define FOCUS(t, s, is_file)                                                             \
	{                                                                                \
		APP "/tp/" t, APP "/sp/" s, APP "/tp/" t, APP "/sp/" s, is_file          \
	}
#define SAFE "ro,nosuid,nodev"
#define BIND_DIR "/var/snap/app/sp/s /var/snap/app/tp/t none bind," SAFE " 0 0\n"
#define BIND_FILE                                                                        \
	"/var/snap/app/sp/f /var/snap/app/tp/f none bind," SAFE ",x-snapd.kind=file 0 "  \
	"0\n"

const struct step_profile step_profiles[] = {
	{ .name = "bind", .text = BIND_DIR, .focus = FOCUS("t", "s", false) },
	{ .name = "file", .text = BIND_FILE, .focus = FOCUS("f", "f", true) },
	{ .name = "rbind",
	  .text = "/var/snap/app/sp/s /var/snap/app/tp/t none rbind," SAFE " 0 0\n",
	  .focus = FOCUS("t", "s", false),
	  .submount = true },
	{ .name = "tmpfs",
	  .text = "tmpfs /var/snap/app/tp/t tmpfs nosuid,nodev,mode=0750 0 0\n",
	  .focus = FOCUS("t", "s", false) },
	{ .name = "hole",
	  .text = "/var/snap/app/sp/s /mnt/tp/t none bind," SAFE " 0 0\n",
	  .focus = { "base/mnt/tp/t", APP "/sp/s", "ro/tp/t", APP "/sp/s", false },
	  .hole = true },
	{ .name = "link",
	  .text = "none /mnt/tp/t none x-snapd.kind=symlink,x-snapd.symlink=/etc/parent "
		  "0 0\n",
	  .focus = { "base/mnt/tp/t", APP "/sp/s", "ro/tp/t", APP "/sp/s", false },
	  .hole = true },
	{ .name = "volume",
	  .text = "/srv/sp/s /srv/tp/t none bind," SAFE " 0 0\n",
	  .focus = { "base/srv/tp/t", "base/srv/sp/s", "vol/tp/t", "vol/sp/s", false } },
	{ .name = "three",
	  .text = BIND_DIR BIND_FILE "/var/snap/app/sp/s /usr/share/foo none bind," SAFE
				     " 0 0\n",
	  .focus = FOCUS("t", "s", false),
	  .hole = true },
	{ .name = "nested",
	  .text = BIND_DIR "tmpfs /var/snap/app/tp/t/sub tmpfs nosuid,nodev 0 0\n",
	  .focus = FOCUS("t", "s", false) },
	{ .name = "own",
	  .text = "tmpfs /var/snap/app/tp/t tmpfs nosuid,nodev,mode=0755 0 0\n"
		  "/var/snap/app/sp/s /var/snap/app/tp/t/a/b none bind," SAFE " 0 0\n",
	  .focus = FOCUS("t", "s", false) },
	{ .name = "shared",
	  .text = BIND_DIR,
	  .focus = FOCUS("t", "s", false),
	  .shared = true },
};

const size_t n_step_profiles = sizeof(step_profiles) / sizeof(step_profiles[0]);

const struct step_profile *step_profile_get(const char *name)
{
	for (size_t i = 0; i < n_step_profiles; i++)
		if (strcmp(step_profiles[i].name, name) == 0)
			return &step_profiles[i];
	return NULL;
}

/* --- making ------------------------------------------------------------------------ */

static bool make_file(const char *path, const char *text)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	return fd >= 0 && close(fd) == 0 && ok;
}

static bool make_item(const struct item *item)
{
	unsigned mode = item->mode & 07777;

	if (item->text ? !make_file(item->path, item->text) : mkdir(item->path, mode) < 0)
		return false;
	return chmod(item->path, mode) == 0 &&
	       (!(item->mode & OWNED) ||
		chown(item->path, ATTACKER_UID, ATTACKER_UID) == 0);
}

static bool bind(const char *from, const char *to, bool ro)
{
	return mount(from, to, NULL, MS_BIND, NULL) == 0 &&
	       (!ro ||
		mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
}

static bool fill(const struct step_profile *profile)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (!make_item(&items[i]))
			return false;
	return make_file("profile.fstab", profile->text) &&
	       bind("tree", "base/usr", true) && bind("ro", "base/mnt", true) &&
	       bind("vol", "base/srv", false) &&
	       (!profile->submount ||
		bind("tree/sub", "base/var/snap/app/sp/s/sub", false)) &&
	       mount("om-state", "state", "tmpfs", 0,
		     "mode=0700,size=256k,nr_inodes=64") == 0 &&
	       (!profile->shared || mount(NULL, ".", NULL, MS_SHARED, NULL) == 0);
}

void step_scene_clear(void)
{
	while (umount2(STEP_DIR, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	(void)rmdir(STEP_DIR);
}

bool step_scene_make(const struct step_profile *profile)
{
	bool ok;

	step_scene_clear();
	if ((mkdir(STEP_DIR, 0755) < 0 && errno != EEXIST) ||
	    mount("om-step", STEP_DIR, "tmpfs", 0, "mode=0755") < 0 ||
	    chdir(STEP_DIR) < 0)
		return false;
	ok = fill(profile);
	return chdir("..") == 0 && ok;
}

/* --- looking ----------------------------------------------------------------------- */

static struct text *stamps;
static size_t stamps_skip; /* of the paths: they begin with a descriptor */

static int stamp(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s %lld.%09ld\n", path + stamps_skip,
			 (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);

	(void)flag;
	(void)ftw;
	/* What the attacker owns changes by what he does. */
	if (st->st_uid == 0)
		text_add(stamps, line, (size_t)n);
	return 0;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool step_has_line(const struct mount_entry *m)
{
	return !m->point[0] || is_below(m->point, STEP_PATH);
}

static void add_lines(struct step_view *v, const struct attack *attack)
{
	for (size_t i = 0; i < v->mounts.n; i++) {
		const struct mount_entry *m = &v->mounts.v[i];

		v->base[i] = mounts_find(attack->base, m->id);
		v->ours[i] = !v->base[i] && !attack_is_made(attack, m->id);
		if (step_has_line(m))
			mounts_line(&v->lines, m, v->base[i]);
	}
	text_sort(&v->lines);
}

void step_look(struct step_view *ret, const struct attack *attack)
{
	char path[64];

	text_clear(&ret->lines);
	text_clear(&ret->tree);
	text_clear(&ret->host);
	text_clear(&ret->stamps);
	if (!mounts_read(&ret->mounts))
		abort();
	add_lines(ret, attack);
	(void)snapshot_tree(&ret->tree, STEP_DIR "/base");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/.", attack->fs);
	(void)snapshot_tree(&ret->host, path);
	stamps = &ret->stamps;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/outside", attack->fs);
	stamps_skip = strlen(path) - strlen("outside");
	(void)nftw(path, stamp, 16, FTW_PHYS);
	text_sort(&ret->stamps);
}

void step_view_done(struct step_view *v)
{
	text_done(&v->lines);
	text_done(&v->tree);
	text_done(&v->host);
	text_done(&v->stamps);
}

unsigned step_count_secrets(const struct text *tree)
{
	static const char name[] = "/etc/closed/secret ";
	const char *line = tree->s ? strstr(tree->s, name) : NULL;
	const char *end = line ? strchr(line, '\n') : NULL;
	char hash[17];
	unsigned n = 0;

	/* The last field of its line. */
	if (!end || end - line < 17)
		return 0;
	(void)snprintf(hash, sizeof(hash), "%.16s", end - 16);
	for (const char *p = strstr(tree->s, hash); p; p = strstr(p + 1, hash))
		n++;
	return n;
}
