/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fd mount API, identity of mounts, and resolving paths.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "probe/prober.h"
#include "profile/profile.h"

/* A detached mount, by whichever of the two calls there is. */
static int any_detached(const struct om_prober *p)
{
	const char *call;
	int fd = p->sys->open_tree(p->sys, p->dir, "", false);

	return fd >= 0 ? fd : om_prober_detached_tmpfs(p->sys, &call);
}

void om_probe_open_tree(struct om_prober *p, struct om_fact *fact)
{
	_cleanup_close_ int fd = p->sys->open_tree(p->sys, p->dir, "", false);

	om_prober_set_scratch(p, fact, fd, "open_tree(OPEN_TREE_CLONE)");
}

void om_probe_fsopen(struct om_prober *p, struct om_fact *fact)
{
	const char *call;
	_cleanup_close_ int fd = om_prober_detached_tmpfs(p->sys, &call);

	om_prober_set(fact, fd, fd < 0 ? call : "fsopen, fsconfig and fsmount of a tmpfs",
		      NULL);
}

/*
 * Attaches a detached mount at a new directory of the scratch.  Where there is none to
 * be had, the call is still made: ENOSYS tells even then.
 */
static int attach(struct om_prober *p, const char *name)
{
	_cleanup_close_ int fd = any_detached(p);
	int r = p->dir < 0 ? 0 : p->sys->mkdir(p->sys, p->dir, name, 0755);

	if (r < 0)
		return r;
	r = p->sys->move_mount(p->sys, fd, p->dir, name);
	return r < 0 && r != -ENOSYS && fd < 0 ? -EAGAIN : r;
}

static void set_nothing_to_move(struct om_fact *fact)
{
	om_fact_set_to(fact, OM_UNKNOWN, NULL, "move_mount: no detached mount to move");
	fact->fleeting = true;
}

void om_probe_move_mount(struct om_prober *p, struct om_fact *fact)
{
	int r = attach(p, "move");

	if (r == -EAGAIN)
		set_nothing_to_move(fact);
	else
		om_prober_set_scratch(p, fact, r, "move_mount of a detached mount");
}

void om_probe_mount_api(struct om_prober *p, struct om_fact *fact)
{
	static const enum om_fact_id parts[] = { OM_FACT_OPEN_TREE, OM_FACT_FSOPEN,
						 OM_FACT_MOVE_MOUNT };
	enum om_tristate state = OM_YES;

	om_fact_set_to(fact, OM_YES, NULL, "open_tree, fsopen and move_mount: done");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct om_fact *part = &p->facts.fact[parts[i]];

		/* One NO decides, whatever else is unknown. */
		if (part->state == OM_YES || state == OM_NO ||
		    (part->state == OM_UNKNOWN && state == OM_UNKNOWN))
			continue;
		state = part->state;
		*fact = *part;
	}
}

void om_probe_nesting(struct om_prober *p, struct om_fact *fact)
{
	const char *call = "open_tree";
	_cleanup_close_ int top = -1;
	_cleanup_close_ int child = -1;
	int r;

	/* Either call gives a tree: only both missing leaves nothing to nest in. */
	top = om_prober_detached_tmpfs(p->sys, &call);
	if (top < 0)
		top = p->sys->open_tree(p->sys, p->dir, "", false);
	child = any_detached(p);
	if (top < 0 || child < 0) {
		om_prober_set_scratch(p, fact, top < 0 ? top : child,
				      "making two detached mounts");
		return;
	}
	r = p->sys->mkdir(p->sys, top, "nest", 0700);
	if (r == 0)
		r = p->sys->move_mount(p->sys, child, top, "nest");
	om_prober_set(fact, r, "move_mount into a detached tmpfs", NULL);
}

void om_probe_beneath(struct om_prober *p, struct om_fact *fact)
{
	_cleanup_close_ int fd = -1;
	int r = attach(p, "beneath");

	if (r == 0) {
		fd = any_detached(p);
		r = fd < 0 ? fd
			   : p->sys->move_mount_beneath(p->sys, fd, p->dir, "beneath");
	} else if (r == -EAGAIN) {
		set_nothing_to_move(fact);
		return;
	}
	om_prober_set_scratch(p, fact, r, "move_mount(MOVE_MOUNT_BENEATH)");
}

void om_probe_setattr(struct om_prober *p, struct om_fact *fact)
{
	_cleanup_close_ int fd = any_detached(p);
	int r = p->sys->mount_setattr(p->sys, fd, true, OM_ATTR_RDONLY, MS_PRIVATE);

	if (r < 0 && r != -ENOSYS && fd < 0 && p->dir >= 0)
		om_prober_set_untried(fact, fd,
				      "mount_setattr: no detached mount to set it on");
	else
		om_prober_set_scratch(p, fact, r,
				      "mount_setattr(AT_RECURSIVE) of a detached mount");
}

/* What identity is asked of: the directory that we are in, whoever we are. */
static int open_here(const struct om_prober *p)
{
	return p->sys->open(p->sys, AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
}

static void probe_id(struct om_prober *p, struct om_fact *fact, bool unique,
		     const char *bit)
{
	_cleanup_close_ int fd = open_here(p);
	char call[48];
	uint64_t id;
	int r;

	if (fd < 0) {
		om_prober_set_untried(fact, fd, "open of \".\"");
		return;
	}
	r = p->sys->statx_mount_id(p->sys, fd, unique, &id);
	(void)snprintf(call, sizeof(call), "statx %s", bit);
	if (r == -ENODATA)
		om_fact_set_to(fact, OM_NO, NULL, "%s: bit clear", call);
	else if (r == 0)
		om_fact_set_to(fact, OM_YES, NULL, "%s: bit set", call);
	else
		om_prober_set(fact, r, call, NULL);
}

void om_probe_mount_id(struct om_prober *p, struct om_fact *fact)
{
	probe_id(p, fact, false, "STATX_MNT_ID");
}

void om_probe_unique_id(struct om_prober *p, struct om_fact *fact)
{
	probe_id(p, fact, true, "STATX_MNT_ID_UNIQUE");
}

void om_probe_statmount(struct om_prober *p, struct om_fact *fact)
{
	_cleanup_close_ int fd = open_here(p);
	uint64_t id = 0, parent;
	int r = p->sys->statx_mount_id(p->sys, fd, true, &id);

	if (r < 0 && p->sys->listmount(p->sys, OM_MOUNT_ROOT, 0, &id, 1) < 1)
		id = 0;
	r = p->sys->statmount(p->sys, id, &parent);
	/* Without an id there is nothing to ask about, but a missing call says so first. */
	if (id == 0 && r < 0 && r != -ENOSYS)
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "statmount: no unique id to ask");
	else
		om_prober_set(fact, r, "statmount of the mount of \".\"", NULL);
}

void om_probe_listmount(struct om_prober *p, struct om_fact *fact)
{
	uint64_t ids[4];

	om_prober_set(fact,
		      p->sys->listmount(p->sys, OM_MOUNT_ROOT, 0, ids, ARRAY_SIZE(ids)),
		      "listmount(LSMT_ROOT)", NULL);
}

void om_probe_openat2(struct om_prober *p, struct om_fact *fact)
{
	_cleanup_close_ int fd =
		p->sys->open_beneath(p->sys, AT_FDCWD, ".", O_PATH | O_DIRECTORY);

	om_prober_set(fact, fd, "openat2(RESOLVE_BENEATH)", NULL);
}

void om_probe_close_range(struct om_prober *p, struct om_fact *fact)
{
	/* The last number that there can be: nobody has it open. */
	om_prober_set(fact, p->sys->close_range(p->sys, ~0U, ~0U),
		      "close_range of one descriptor", NULL);
}
