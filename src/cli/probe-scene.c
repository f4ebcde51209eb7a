/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount probe PATH...: what the tree looks like where something is wanted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/path.h"
#include "cli/cli.h"
#include "probe/scene.h"

#define N_COLUMNS 9

static const struct {
	unsigned attr;
	const char *name;
} flags[] = {
	{ OM_ATTR_NOSUID, "nosuid" },
	{ OM_ATTR_NODEV, "nodev" },
	{ OM_ATTR_NOEXEC, "noexec" },
};

/* As findmnt would: ro or rw first. */
static char *flag_text(const struct om_scene_dir *dir)
{
	struct om_str text = { 0 };

	om_str_add(&text, dir->read_only ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (dir->attr & flags[i].attr)
			om_str_addf(&text, ",%s", flags[i].name);
	if (dir->unbindable)
		om_str_add(&text, ",unbindable");
	return om_str_take(&text);
}

static char *submount_text(const struct om_scene_dir *dir)
{
	size_t locked = 0, unbindable = 0;
	struct om_str text = { 0 };

	for (size_t i = 0; i < dir->submounts.n; i++) {
		locked += dir->submounts.v[i].locked == OM_YES;
		unbindable += dir->submounts.v[i].unbindable;
	}
	om_str_addf(&text, "%zu", dir->submounts.n);
	if (locked > 0)
		om_str_addf(&text, ", %zu locked", locked);
	if (unbindable > 0)
		om_str_addf(&text, ", %zu unbindable", unbindable);
	return om_str_take(&text);
}

static const char *overlay_text(const struct om_scene_dir *dir)
{
	static const char *const levels[] = { "0", "1", "2" };

	if (dir->overlay.possible == OM_YES)
		return levels[dir->overlay.depth_left];
	return om_tristate_name(dir->overlay.possible);
}

static const char *const object_names[] = {
	[OM_OBJECT_NONE] = "none",   [OM_OBJECT_DIR] = "directory",
	[OM_OBJECT_FILE] = "file",   [OM_OBJECT_SYMLINK] = "symlink",
	[OM_OBJECT_OTHER] = "other",
};

/* Fills one row; the pieces in own are to be freed. */
static int fill_row(const struct om_scene_entry *entry, const struct om_scene_dir *dir,
		    const char **cells, char *own[static 4])
{
	own[0] = flag_text(dir);
	own[1] = om_asprintf("%u:%u", dir->uid, dir->gid);
	own[2] = om_asprintf("%04o", dir->mode);
	own[3] = submount_text(dir);
	if (!own[0] || !own[1] || !own[2] || !own[3])
		return -ENOMEM;
	cells[0] = entry->target;
	cells[1] = object_names[entry->target_object];
	cells[2] = dir->path;
	cells[3] = dir->fs_type;
	cells[4] = own[0];
	cells[5] = own[1];
	cells[6] = own[2];
	cells[7] = own[3];
	cells[8] = overlay_text(dir);
	return 0;
}

static int print_table(const struct om_scene *scene, struct om_error *e)
{
	static const struct om_column columns[N_COLUMNS] = {
		{ .name = "TARGET" }, { .name = "KIND" },      { .name = "HOLE" },
		{ .name = "FSTYPE" }, { .name = "OPTIONS" },   { .name = "OWNER" },
		{ .name = "MODE" },   { .name = "SUBMOUNTS" }, { .name = "OVERLAYS" },
	};
	_cleanup_free_ const char **cells = calloc(scene->n * N_COLUMNS, sizeof(*cells));
	_cleanup_free_ char *(*own)[4] = calloc(scene->n, sizeof(*own));
	int r = cells && own ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < scene->n; i++)
		r = fill_row(&scene->entries[i], &scene->dirs.v[scene->entries[i].hole],
			     cells + i * N_COLUMNS, own[i]);
	if (r == 0)
		r = om_table_print("scene", columns, N_COLUMNS, cells, scene->n, false,
				   e);
	for (size_t i = 0; own && i < scene->n; i++)
		for (size_t k = 0; k < 4; k++)
			free(own[i][k]);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot print") : 0;
}

static void add_submounts(struct om_json *j, const struct om_scene_dir *dir)
{
	om_json_array(j, "submounts");
	for (size_t i = 0; i < dir->submounts.n; i++) {
		const struct om_submount *submount = &dir->submounts.v[i];

		om_json_object(j, NULL);
		om_json_string(j, "path", submount->path);
		om_json_string(j, "locked", om_tristate_name(submount->locked));
		om_json_bool(j, "unbindable", submount->unbindable);
		om_json_end_object(j);
	}
	om_json_end_array(j);
}

static void add_entry(struct om_json *j, const struct om_scene_entry *entry,
		      const struct om_scene_dir *dir)
{
	char mode[8];

	(void)snprintf(mode, sizeof(mode), "%04o", dir->mode);
	om_json_object(j, NULL);
	om_json_string(j, "target", entry->target);
	om_json_string(j, "kind", object_names[entry->target_object]);
	om_json_string(j, "hole", dir->path);
	om_json_string(j, "fstype", dir->fs_type);
	om_json_bool(j, "read_only", dir->read_only);
	om_json_bool(j, "fixed", dir->fixed);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		om_json_bool(j, flags[i].name, dir->attr & flags[i].attr);
	om_json_bool(j, "unbindable", dir->unbindable);
	om_json_number(j, "uid", dir->uid);
	om_json_number(j, "gid", dir->gid);
	om_json_string(j, "mode", mode);
	add_submounts(j, dir);
	om_json_number(j, "live_objects", (long long)dir->n_live);
	om_json_string(j, "first_live_object", dir->live);
	om_json_string(j, "overlay", om_tristate_name(dir->overlay.possible));
	om_json_number(j, "overlay_depth_left", dir->overlay.depth_left);
	om_json_string(j, "overlay_evidence", dir->overlay.evidence);
	om_json_end_object(j);
}

static void print_json(const struct om_scene *scene)
{
	struct om_json j = { 0 };

	om_json_object(&j, NULL);
	om_json_string(&j, "schema", "overmount.scene/1");
	om_json_array(&j, "targets");
	for (size_t i = 0; i < scene->n; i++)
		add_entry(&j, &scene->entries[i], &scene->dirs.v[scene->entries[i].hole]);
	om_json_end_array(&j);
	om_json_end_object(&j);
	(void)fputs(om_str_get(&j.out), stdout);
	om_str_free(&j.out);
}

/* Why an overlay does not fit, and what it would cut off: a table has no room for it. */
static void print_notes(const struct om_scene *scene)
{
	for (size_t i = 0; i < scene->dirs.n; i++) {
		const struct om_scene_dir *dir = &scene->dirs.v[i];

		if (dir->overlay.possible != OM_YES)
			(void)printf("%s: overlay %s: %s\n", dir->path,
				     om_tristate_name(dir->overlay.possible),
				     dir->overlay.evidence);
		if (dir->n_live > 0)
			(void)printf("%s: %zu live objects (sockets, fifos), first %s\n",
				     dir->path, dir->n_live, dir->live);
	}
}

static int survey(const struct om_cli *cli, const struct om_survey *how,
		  const struct om_profile *p, struct om_scene **ret, struct om_error *e)
{
	bool load_modules = om_cli_get(cli, OM_OPT_LOAD_MODULES) != NULL;
	int r = om_scene_survey(how, p, 0, p->n, ret, e);

	if (r == 0)
		r = om_scene_find_submounts(how, *ret, e);
	for (size_t i = 0; r == 0 && i < (*ret)->dirs.n; i++)
		r = om_scene_examine(how, &(*ret)->dirs.v[i], load_modules, e);
	return r;
}

int om_cli_probe_scene(const struct om_cli *cli, struct om_error *e)
{
	_cleanup_free_ struct om_entry *entries =
		calloc((size_t)cli->argc, sizeof(*entries));
	char name[] = "(paths)";
	struct om_profile p = { .entries = entries, .name = name };
	_cleanup_scene_ struct om_scene *scene = NULL;
	_cleanup_free_ char *root_path = NULL;
	struct om_survey how = { .sys = &om_sys_linux, .apart = true };
	_cleanup_close_ int root_fd = -1;
	int r;

	if (!entries)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot survey");
	for (int i = 0; i < cli->argc; i++) {
		const char *reason = om_path_unclean(cli->argv[i]);

		if (reason)
			return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot survey %s: %s",
				       OM_Q(cli->argv[i]), reason);
		entries[p.n++] = (struct om_entry){ .kind = OM_ENTRY_TMPFS,
						    .target = cli->argv[i] };
	}
	r = om_cli_open_root(cli, &root_fd, &root_path, e);
	if (r < 0)
		return r;
	how.root_fd = how.source_fd = root_fd;
	how.root_path = root_path;
	r = survey(cli, &how, &p, &scene, e);
	if (r < 0)
		return r;
	if (om_cli_get(cli, OM_OPT_JSON)) {
		print_json(scene);
		return 0;
	}
	r = print_table(scene, e);
	print_notes(scene);
	return r;
}
