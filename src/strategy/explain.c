/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See explain.h.  Everything that comes from a profile or a tree is quoted.
 */
#include "strategy/explain.h"

#include <stdint.h>

static void label(struct om_str *out, const char *text)
{
	om_str_addf(out, "%-9s ", text);
}

static void explain_asked(const struct om_decisions *d, size_t i, struct om_str *out)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	char name[OM_QUOTE_SIZE];

	label(out, "Asked");
	switch (entry->kind) {
	case OM_ENTRY_BIND_DIR:
		om_str_addf(out, "show the directory %s here%s", OM_Q(entry->source),
			    entry->recursive ? ", with what is mounted in it" : "");
		break;
	case OM_ENTRY_BIND_FILE:
		om_str_addf(out, "show the file %s here", OM_Q(entry->source));
		break;
	case OM_ENTRY_TMPFS:
		om_str_add(out, "an empty tmpfs here");
		break;
	case OM_ENTRY_SYMLINK:
		om_str_addf(out, "a symbolic link to %s here", OM_Q(entry->symlink));
		break;
	case OM_ENTRY_HIDE:
		om_str_add(out, "nothing here: the name is to be hidden");
		break;
	case _OM_ENTRY_MAX:
		break;
	}
	om_str_addf(out, " (%s:%u)\n", om_bare(name, sizeof(name), d->profile->name),
		    entry->line);
}

static const char *object_name(enum om_object object)
{
	static const char *const names[] = {
		[OM_OBJECT_NONE] = "nothing",
		[OM_OBJECT_DIR] = "a directory",
		[OM_OBJECT_FILE] = "a file",
		[OM_OBJECT_SYMLINK] = "a symbolic link",
		[OM_OBJECT_OTHER] = "something that is neither directory, file nor link",
	};

	return names[object];
}

static void explain_dir(const struct om_scene_dir *dir, struct om_str *out)
{
	if (dir->fs_type[0])
		om_str_addf(out, "%s, ", OM_Q(dir->fs_type));
	om_str_add(out, dir->fixed	 ? "read-only for everybody"
			: dir->read_only ? "mounted read-only"
			: dir->ours	 ? "writable, mounted by this profile"
					 : "writable");
	if (dir->submounts.n > 0)
		om_str_addf(out, ", %zu mount%s in it", dir->submounts.n,
			    dir->submounts.n == 1 ? "" : "s");
	if (dir->n_live > 0)
		om_str_addf(out, ", %zu live object%s (sockets, fifos), first %s",
			    dir->n_live, dir->n_live == 1 ? "" : "s", OM_Q(dir->live));
	if (dir->examined)
		om_str_addf(out, "; an overlay over it: %s", dir->overlay.evidence);
}

static size_t count_sharing(const struct om_decisions *d, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < d->scene->n; k++)
		n += k != i && d->entries[k].construction == d->entries[i].construction;
	return n;
}

static void explain_found(const struct om_decisions *d, size_t i, struct om_str *out)
{
	const struct om_scene_entry *se = &d->scene->entries[i];
	bool shared = d->entries[i].construction != SIZE_MAX;
	size_t others = shared ? count_sharing(d, i) : 0;
	const struct om_scene_dir *hole = om_decisions_hole(d, i);

	label(out, "Found");
	om_str_addf(out, "%s at %s", object_name(se->target_object), OM_Q(se->target));
	if (se->source_missing)
		om_str_addf(out, "; of the source %s is missing",
			    OM_Q(se->source_missing));
	om_str_add(out, "\n");
	label(out, shared ? "Hole" : "Parent");
	om_str_addf(out, "%s: ", OM_Q(hole->path));
	explain_dir(hole, out);
	if (others > 0)
		om_str_addf(out, "; shared with %zu other entr%s", others,
			    others == 1 ? "y" : "ies");
	om_str_add(out, "\n");
}

static void explain_reasons(enum om_why why, om_why_set all, struct om_str *out)
{
	om_str_addf(out, "%s [%s]\n", om_why_text(why), om_why_id(why));
	for (enum om_why other = 0; other < _OM_WHY_MAX; other++) {
		if (other == why || !(all & OM_WHY_BIT(other)))
			continue;
		label(out, "");
		om_str_addf(out, "also: %s [%s]\n", om_why_text(other), om_why_id(other));
	}
}

static void explain_other(enum om_strategy_id id, const struct om_cost_others *others,
			  struct om_str *out)
{
	if (!others || !others->known[id])
		return;
	label(out, "");
	om_str_add(out, "would cost ");
	om_cost_print(&others->cost[id], out);
	om_str_add(out, "\n");
}

static bool is_rejected(const struct om_decision *decision, enum om_strategy_id id)
{
	for (size_t k = 0; k < decision->n_rejected; k++)
		if (decision->rejected[k].strategy == id)
			return true;
	return false;
}

/* Those that were not asked, because an earlier one can. */
static void explain_not_asked(const struct om_decisions *d, size_t i,
			      const struct om_cost_others *others, struct om_str *out)
{
	const struct om_decision *decision = &d->entries[i];

	if (decision->construction == SIZE_MAX)
		return;
	for (size_t k = 0; k < ARRAY_SIZE(d->policy->order); k++) {
		enum om_strategy_id id = d->policy->order[k];

		if (id == decision->strategy || is_rejected(decision, id) ||
		    !om_construction_asks(&d->constructions.v[decision->construction],
					  id))
			continue;
		label(out, om_strategy_get(id)->name);
		om_str_add(out, "not asked: an earlier strategy can\n");
		explain_other(id, others, out);
	}
}

/* What a hole needs counts for the first entry that shares it. */
static void explain_payer(const struct om_decisions *d, size_t i, struct om_str *out)
{
	size_t k = 0;

	if (d->entries[i].construction == SIZE_MAX)
		return;
	while (d->entries[k].construction != d->entries[i].construction)
		k++;
	if (k == i)
		return;
	label(out, "");
	om_str_addf(out, "besides what the hole needs, which counts for %s\n",
		    OM_Q(om_decisions_entry(d, k)->target));
}

static void explain_chosen(const struct om_decisions *d, size_t i,
			   const struct om_cost *cost, struct om_str *out)
{
	const struct om_decision *decision = &d->entries[i];
	const char *fix = om_why_fix(decision->why);

	label(out, om_strategy_get(decision->strategy)->name);
	om_str_add(out, "chosen: ");
	explain_reasons(decision->why, 0, out);
	if (decision->strategy == OM_STRATEGY_REFUSE && fix) {
		label(out, "");
		om_str_addf(out, "fix: %s\n", fix);
	}
	if (!cost)
		return;
	label(out, "");
	om_str_addf(out, "%zu step%s, ", cost->steps, cost->steps == 1 ? "" : "s");
	om_cost_print(cost, out);
	om_str_add(out, "\n");
	explain_payer(d, i, out);
}

void om_explain(const struct om_decisions *d, size_t i, const struct om_cost *cost,
		const struct om_cost_others *others, struct om_str *out)
{
	const struct om_decision *decision = &d->entries[i];

	label(out, "Entry");
	om_str_addf(out, "%s\n", OM_Q(om_decisions_entry(d, i)->target));
	explain_asked(d, i, out);
	explain_found(d, i, out);
	for (size_t k = 0; k < decision->n_rejected; k++) {
		enum om_strategy_id id = decision->rejected[k].strategy;

		label(out, om_strategy_get(id)->name);
		om_str_add(out, "no: ");
		explain_reasons(decision->rejected[k].why, decision->rejected[k].all,
				out);
		explain_other(id, others, out);
	}
	explain_chosen(d, i, cost, out);
	explain_not_asked(d, i, others, out);
}
