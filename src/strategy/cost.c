/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See cost.h.
 */
#include "strategy/cost.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"

/* Bytes, rounded from what the slabs of a 6.18 kernel grew by (docs/plan.md). */
enum {
	MEMORY_MOUNT = 512,
	MEMORY_TMPFS = 4608,   /* the super block, without the mount and the root */
	MEMORY_OVERLAY = 8192, /* the same */
	MEMORY_UPPER = 2048,   /* on top of it, for an upper layer */
	MEMORY_INODE = 1024,   /* with its name */
};

static void add_mount(struct om_cost *cost, uint64_t super_block)
{
	cost->mounts++;
	cost->memory += MEMORY_MOUNT + super_block;
}

static void add_inodes(struct om_cost *cost, size_t n)
{
	cost->inodes += n;
	cost->memory += n * MEMORY_INODE;
}

static void add_step(struct om_cost *cost, const struct om_step *step, bool layer)
{
	cost->steps++;
	switch (step->kind) {
	case OM_STEP_SKELETON:
	case OM_STEP_TMPFS:
		add_mount(cost, MEMORY_TMPFS);
		add_inodes(cost, 1);
		break;
	case OM_STEP_OVERLAY:
		add_mount(cost, MEMORY_OVERLAY);
		if (step->writable) {
			/* What the kernel makes to work in. */
			add_inodes(cost, 1);
			cost->memory += MEMORY_UPPER;
		}
		break;
	case OM_STEP_BIND:
		add_mount(cost, 0);
		break;
	case OM_STEP_MKDIR:
		/* The layer lies at the hole's path, with what leads there. */
		add_inodes(cost, layer ? om_path_depth(step->path) : 1);
		break;
	case OM_STEP_MKFILE:
	case OM_STEP_SYMLINK:
	case OM_STEP_WHITEOUT:
		add_inodes(cost, 1);
		break;
	case OM_STEP_SEAL:
	case OM_STEP_ATTACH:
	case _OM_STEP_MAX:
		break;
	}
}

static void add(struct om_cost *to, const struct om_cost *cost)
{
	to->steps += cost->steps;
	to->mounts += cost->mounts;
	to->inodes += cost->inodes;
	to->memory += cost->memory;
}

/* The first entry of each construction. */
static size_t *find_payers(const struct om_decisions *d)
{
	size_t *payers =
		calloc(d->constructions.n ? d->constructions.n : 1, sizeof(*payers));

	for (size_t i = d->scene->n; payers && i-- > 0;)
		if (d->entries[i].construction != SIZE_MAX)
			payers[d->entries[i].construction] = i;
	return payers;
}

/* Constructions are expanded in order, so the next one that is attached is known. */
static size_t find_attached(const struct om_decisions *d, size_t from,
			    const struct om_step *step)
{
	for (size_t i = from; i < d->constructions.n; i++)
		if (strcmp(d->scene->dirs.v[d->constructions.v[i].hole].path,
			   step->path) == 0)
			return i;
	return SIZE_MAX;
}

int om_cost_of_plan(const struct om_decisions *d, const struct om_plan *plan,
		    struct om_cost *ret)
{
	size_t *payers = find_payers(d);
	struct om_cost common = { 0 };
	size_t next = 0;

	if (!payers)
		return -ENOMEM;
	memset(ret, 0, d->scene->n * sizeof(*ret));
	for (size_t i = 0; i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];
		bool layer = i > 0 && step[-1].kind == OM_STEP_SKELETON;
		size_t at;

		if (step->entry != SIZE_MAX) {
			add_step(&ret[step->entry - d->scene->first], step, layer);
			continue;
		}
		add_step(&common, step, layer);
		if (step->kind != OM_STEP_ATTACH)
			continue;
		at = find_attached(d, next, step);
		if (at == SIZE_MAX)
			continue;
		add(&ret[payers[at]], &common);
		common = (struct om_cost){ 0 };
		next = at + 1;
	}
	free(payers);
	return 0;
}

void om_cost_print(const struct om_cost *cost, struct om_str *out)
{
	om_str_addf(out, "%zu mount%s, %zu inode%s, about %llu KiB of kernel memory",
		    cost->mounts, cost->mounts == 1 ? "" : "s", cost->inodes,
		    cost->inodes == 1 ? "" : "s",
		    (unsigned long long)(cost->memory + 1023) / 1024);
}
