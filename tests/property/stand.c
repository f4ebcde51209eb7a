/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See stand.h.
 */
#include "property/stand.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/undo.h"
#include "base/path.h"
#include "probe/probe.h"

#define PATH_ROOM 4096

struct told *told_new(void)
{
	void *told = mmap(NULL, sizeof(struct told), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return told == MAP_FAILED ? NULL : told;
}

/* Emulated by what the program believes; what a filter can do is done by one. */
static bool enter_surface(const struct surface *surface)
{
	struct mask mask;

	return !surface->mask ||
	       (mask_parse(surface->mask, &mask) && mask_install(&mask) == 0);
}

static bool wait_for(pid_t pid)
{
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool stand_probe(const struct surface *surface, struct told *told)
{
	const struct om_probe_options options = { .sys = &om_sys_linux };
	pid_t pid = fork();

	if (pid == 0) {
		if (!enter_surface(surface))
			_exit(1);
		om_facts_init(&told->facts);
		om_probe(&options,
			 OM_FACTS_FOR_APPLY | OM_FACT_BIT(OM_FACT_OVERLAY_UPPER),
			 &told->facts);
		if (surface->no_nesting)
			om_facts_set(&told->facts, OM_FACT_DETACHED_NESTING, OM_NO, NULL,
				     "property");
		_exit(0);
	}
	return wait_for(pid);
}

static int make_content(const char *path, const struct node *node)
{
	FILE *f;

	if (node->kind == KIND_DIR)
		return mkdir(path, 0700);
	if (node->kind == KIND_LINK)
		return symlink(node->text, path);
	f = fopen(path, "wxe");
	if (!f || fputs(node->text, f) < 0)
		return -1;
	return fclose(f);
}

static int set_rights(const char *path, const struct node *node)
{
	if (lchown(path, node->uid, node->gid) < 0)
		return -1;
	return node->kind == KIND_LINK ? 0 : chmod(path, node->mode);
}

static int make_tree(const char *path, const struct node *dir, bool backwards);

static int make_name(const char *path, const struct node *node, bool backwards)
{
	char below[PATH_ROOM];

	if (snprintf(below, sizeof(below), "%s/%s", path, node->name) >=
		    (int)sizeof(below) ||
	    make_content(below, node) < 0)
		return -1;
	if (node->kind == KIND_DIR)
		return make_tree(below, node, backwards);
	return set_rights(below, node);
}

static int make_names(const char *path, const struct node *node, bool backwards)
{
	if (!node)
		return 0;
	if (backwards && make_names(path, node->next, backwards) < 0)
		return -1;
	if (make_name(path, node, backwards) < 0)
		return -1;
	return backwards ? 0 : make_names(path, node->next, backwards);
}

static int make_tree(const char *path, const struct node *dir, bool backwards)
{
	return make_names(path, dir->first, backwards) < 0 ? -1 : set_rights(path, dir);
}

/* Where the world has its mount i. */
static void mount_path(const struct world *w, int i, const char *base, char *ret)
{
	const struct node *at = w->mounts[i].at;
	char part[PATH_ROOM] = "", longer[PATH_ROOM];

	if (!at) {
		(void)snprintf(ret, PATH_ROOM, "%s", base);
		return;
	}
	for (; at->parent; at = at->parent) {
		(void)snprintf(longer, sizeof(longer), "/%s%s", at->name, part);
		(void)strcpy(part, longer);
	}
	mount_path(w, w->mounts[i].parent, base, longer);
	(void)snprintf(ret, PATH_ROOM, "%s%s", longer, part);
}

static int make_world(const struct world *w, const char *base, bool backwards)
{
	char path[PATH_ROOM];

	for (int i = 0; i < w->n; i++) {
		mount_path(w, i, base, path);
		if (mount("tmpfs", path, "tmpfs", 0, NULL) < 0 ||
		    make_tree(path, w->mounts[i].root, backwards) < 0)
			return -1;
	}
	for (int i = 0; i < w->n; i++) {
		mount_path(w, i, base, path);
		if (w->mounts[i].read_only &&
		    mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
			return -1;
	}
	return 0;
}

static void tell(char room[static STAND_TEXT], const char *path)
{
	static struct text text;

	text_clear(&text);
	(void)snapshot_tree(&text, path);
	(void)snprintf(room, STAND_TEXT, "%s", text.s);
}

static int observe(const struct om_decisions *d, const struct om_plan *plan, void *arg)
{
	struct told *told = arg;
	struct om_str text = { 0 };
	size_t n = strlen(told->holes);

	told->waves++;
	for (size_t i = 0; i < d->constructions.n; i++)
		n += (size_t)snprintf(told->holes + n, sizeof(told->holes) - n, "%s\n",
				      d->scene->dirs.v[d->constructions.v[i].hole].path);
	if (n >= sizeof(told->holes))
		return -E2BIG;
	om_str_add(&text, told->plan);
	for (size_t i = 0; i < plan->steps.n; i++) {
		om_step_render(&plan->steps.v[i], "/", "/stage", &text);
		om_str_add(&text, "\n");
	}
	(void)snprintf(told->plan, STAND_TEXT, "%s", om_str_get(&text));
	om_str_free(&text);
	return 0;
}

/*
 * A refusal after the first wave has undone that one; a root that was covered stays, since
 * only namespaces that end have one.
 */
static bool is_refusal(int r, const struct om_error *e, bool root_hole)
{
	return e->kind == OM_ERR_REFUSED ||
	       ((e->kind == OM_ERR_UNDONE || root_hole) &&
		(r == -EACCES || r == -ELOOP || r == -ENOTDIR));
}

static void judge(struct told *told, int r, const struct om_error *e, bool root_hole)
{
	told->outcome = r == 0			      ? OUTCOME_APPLIED
			: is_refusal(r, e, root_hole) ? OUTCOME_REFUSED
						      : OUTCOME_FAILED;
	(void)snprintf(told->error, sizeof(told->error), "%.300s: %.600s", e->where,
		       e->message);
}

/* As the application would do it. */
static void write_into(const char *base, struct told *told)
{
	char holes[sizeof(told->holes)], path[2 * PATH_ROOM], *saved;

	(void)strcpy(holes, told->holes);
	for (char *hole = strtok_r(holes, "\n", &saved); hole;
	     hole = strtok_r(NULL, "\n", &saved)) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s%s/" STAND_NEW, base, hole);
		f = fopen(path, "wxe");
		if (!f || fputs(STAND_NEW, f) < 0 || fclose(f) < 0)
			(void)snprintf(told->error, sizeof(told->error), "%.900s: %s",
				       path, strerror(errno));
	}
	tell(told->written, base);
}

static void apply(const struct stand *stand, const struct sample *s, const char *base,
		  const char *stage, struct told *told)
{
	struct om_undo undo = { .sys = &om_sys_linux, .root_path = base };
	struct om_str residue = { 0 };
	struct om_error e = { 0 };
	struct om_journal journal;
	struct om_apply a;
	int r;

	om_journal_init(&journal);
	om_apply_init(&a, &om_sys_linux, stand->facts);
	a.root_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	a.root_path = base;
	a.policy = &stand->policy;
	a.journal = &journal;
	a.observe = observe;
	a.observe_arg = told;
	a.build.stage_path = stage;
	r = om_apply_or_undo(&a, s->profile, &residue, &e);
	judge(told, r, &e, stand->policy.root_hole);
	tell(told->seen, base);
	if (r == 0 && stand->write && told->waves == 1)
		write_into(base, told);
	undo.root_fd = a.root_fd;
	if (r == 0 && !stand->policy.root_hole &&
	    om_undo(&undo, &journal, 0, &residue) < 0)
		(void)snprintf(told->error, sizeof(told->error), "undo: %.900s",
			       om_str_get(&residue));
	om_apply_done(&a);
	if (stand->policy.root_hole)
		(void)strcpy(told->after, told->before);
	else
		tell(told->after, base);
}

static int stand_in_child(const struct stand *stand, const struct sample *s,
			  struct told *told)
{
	char base[PATH_ROOM], stage[PATH_ROOM];

	(void)umask(0);
	(void)snprintf(base, sizeof(base), "%s/base", stand->dir);
	(void)snprintf(stage, sizeof(stage), "%s/stage", stand->dir);
	told->outcome = OUTCOME_BROKEN_STAND;
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", stand->dir, "tmpfs", 0, NULL) < 0 || mkdir(base, 0755) < 0 ||
	    make_world(&s->world, base, stand->backwards) < 0 ||
	    !enter_surface(stand->surface))
		return 1;
	tell(told->before, base);
	apply(stand, s, base, stage, told);
	return 0;
}

void stand_run(const struct stand *stand, const struct sample *s, struct told *told)
{
	pid_t pid;

	told->outcome = OUTCOME_NONE;
	told->error[0] = told->plan[0] = '\0';
	told->before[0] = told->seen[0] = told->after[0] = '\0';
	told->holes[0] = told->written[0] = '\0';
	told->waves = 0;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(stand_in_child(stand, s, told));
	if (!wait_for(pid) && told->outcome != OUTCOME_BROKEN_STAND)
		told->outcome = OUTCOME_NONE;
}
