/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of strategies and the loop that chooses.
 */
#include "strategy/strategy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"

static const struct om_strategy *const table[_OM_STRATEGY_MAX] = {
	[OM_STRATEGY_PLAIN] = &om_strategy_plain,
	[OM_STRATEGY_OVERLAY] = &om_strategy_overlay,
	[OM_STRATEGY_MIMIC] = &om_strategy_mimic,
	[OM_STRATEGY_OVERLAY_RW] = &om_strategy_overlay_rw,
	[OM_STRATEGY_REFUSE] = &om_strategy_refuse,
};

const struct om_policy om_policy_default = {
	.allow = { true, true, true, true, true },
	.order = { OM_STRATEGY_OVERLAY, OM_STRATEGY_OVERLAY_RW, OM_STRATEGY_MIMIC },
	.mutable_lowers = true,
	.writable_size = OM_WRITABLE_SIZE,
	.max_entries = OM_MAX_ENTRIES,
	.max_siblings = OM_MAX_SIBLINGS,
	.max_submounts = OM_MAX_SUBMOUNTS,
	.max_depth = OM_MAX_DEPTH,
};

const struct om_strategy *om_strategy_get(enum om_strategy_id id)
{
	return table[id];
}

const struct om_entry *om_decisions_entry(const struct om_decisions *d, size_t i)
{
	return &d->profile->entries[d->scene->first + i];
}

const struct om_scene_dir *om_decisions_hole(const struct om_decisions *d, size_t i)
{
	size_t construction = d->entries[i].construction;
	size_t hole = construction == SIZE_MAX ? d->scene->entries[i].hole
					       : d->constructions.v[construction].hole;

	return &d->scene->dirs.v[hole];
}

static void reject(struct om_decision *decision, enum om_strategy_id id,
		   const struct om_verdict *verdict)
{
	decision->rejected[decision->n_rejected].strategy = id;
	decision->rejected[decision->n_rejected].why = verdict->why;
	decision->rejected[decision->n_rejected].all = verdict->all;
	decision->n_rejected++;
}

static void take(struct om_decision *decision, enum om_strategy_id id, enum om_why why)
{
	decision->strategy = id;
	decision->why = why;
}

/* Whether the entry is settled without a hole: it needs none, or nothing can help. */
static bool decide_plain(const struct om_case *c, struct om_decision *decision)
{
	struct om_verdict verdict = om_rules_judge(table[OM_STRATEGY_PLAIN]->rules, c);

	if (verdict.answer == OM_ANSWER_YES) {
		take(decision, OM_STRATEGY_PLAIN, verdict.why);
		return true;
	}
	reject(decision, OM_STRATEGY_PLAIN, &verdict);
	if (verdict.answer == OM_ANSWER_REFUSE)
		take(decision, OM_STRATEGY_REFUSE, verdict.why);
	return verdict.answer == OM_ANSWER_REFUSE;
}

static void decide_hole(const struct om_case *c, const struct om_policy *policy,
			struct om_decision *decision)
{
	for (size_t k = 0; k < ARRAY_SIZE(policy->order); k++) {
		enum om_strategy_id id = policy->order[k];
		struct om_verdict verdict = { OM_ANSWER_NO, OM_WHY_NOT_ALLOWED,
					      OM_WHY_BIT(OM_WHY_NOT_ALLOWED) };

		if (table[id]->for_writing && c->writes == OM_WRITES_NONE)
			continue;
		if (policy->allow[id])
			verdict = om_rules_judge(table[id]->rules, c);
		if (verdict.answer == OM_ANSWER_YES) {
			take(decision, id, verdict.why);
			return;
		}
		reject(decision, id, &verdict);
	}
	take(decision, OM_STRATEGY_REFUSE, om_refuse_why(decision));
}

void om_case_decide(const struct om_case *c, const struct om_policy *policy,
		    struct om_decision *ret)
{
	*ret = (struct om_decision){ .construction = SIZE_MAX };
	if (!decide_plain(c, ret))
		decide_hole(c, policy, ret);
}

static bool same_mount_below(const struct om_scene *scene, size_t inner, size_t outer)
{
	return scene->dirs.v[inner].mount_id == scene->dirs.v[outer].mount_id &&
	       om_path_is_under(scene->dirs.v[inner].path, scene->dirs.v[outer].path);
}

/*
 * Holes below one another on one mount become one: the outermost.  Stacking one overlay
 * on another would eat the two levels that the kernel allows.
 */
static size_t find_construction(const struct om_decisions *d, size_t hole)
{
	for (size_t i = 0; i < d->constructions.n; i++)
		if (same_mount_below(d->scene, hole, d->constructions.v[i].hole))
			return i;
	return SIZE_MAX;
}

static int compare_holes(const struct om_scene *scene, size_t a, size_t b)
{
	size_t da = om_path_depth(scene->dirs.v[a].path);
	size_t db = om_path_depth(scene->dirs.v[b].path);

	return da != db ? (da < db ? -1 : 1)
			: strcmp(scene->dirs.v[a].path, scene->dirs.v[b].path);
}

/* Inserts the hole so that outer ones come first. */
static int add_construction(struct om_decisions *d, size_t hole)
{
	size_t at;
	int r;

	for (size_t i = 0; i < d->constructions.n; i++)
		if (d->constructions.v[i].hole == hole)
			return 0;
	r = om_vec_push(&d->constructions, (struct om_construction){ .hole = hole });
	if (r < 0)
		return r;
	for (at = d->constructions.n - 1; at > 0; at--) {
		if (compare_holes(d->scene, d->constructions.v[at - 1].hole, hole) <= 0)
			break;
		d->constructions.v[at] = d->constructions.v[at - 1];
	}
	d->constructions.v[at].hole = hole;
	return 0;
}

/* Drops holes that lie in an outer one on the same mount. */
static void merge_constructions(struct om_decisions *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->constructions.n; i++) {
		bool inside = false;

		for (size_t j = 0; j < kept; j++)
			inside = inside ||
				 same_mount_below(d->scene, d->constructions.v[i].hole,
						  d->constructions.v[j].hole);
		if (!inside)
			d->constructions.v[kept++] = d->constructions.v[i];
	}
	d->constructions.n = kept;
}

/* Decides what needs no hole, and collects the holes of the rest. */
static int decide_entries(struct om_decisions *d)
{
	for (size_t i = 0; i < d->scene->n; i++) {
		struct om_decision *decision = &d->entries[i];
		struct om_case c;
		int r;

		decision->construction = SIZE_MAX;
		om_case_of_entry(d, i, &c);
		if (decide_plain(&c, decision))
			continue;
		/* Not decided: what the hole says comes next. */
		take(decision, _OM_STRATEGY_MAX, decision->rejected[0].why);
		r = add_construction(d, d->scene->entries[i].hole);
		if (r < 0)
			return r;
	}
	merge_constructions(d);
	return 0;
}

/* Does the policy let it take new names after apply? */
static bool is_writable(const struct om_decisions *d, size_t hole)
{
	const struct om_policy_paths *paths = &d->policy->writable;

	for (size_t i = 0; i < paths->n; i++)
		if (om_path_is_under(d->scene->dirs.v[hole].path, paths->v[i]))
			return true;
	return false;
}

static void find_constructions(struct om_decisions *d)
{
	for (size_t i = 0; i < d->scene->n; i++) {
		size_t hole = d->scene->entries[i].hole, at;

		if (d->entries[i].strategy != _OM_STRATEGY_MAX)
			continue;
		at = d->entries[i].construction = find_construction(d, hole);
		d->constructions.v[at].live |= d->scene->dirs.v[hole].n_live > 0;
		if (is_writable(d, hole))
			d->constructions.v[at].writable = true;
		else
			d->constructions.v[at].sealed = true;
		d->constructions.v[at].hides |= om_decisions_entry(d, i)->kind ==
						OM_ENTRY_HIDE;
	}
}

/* Nothing of an entry counts any more: what share a hole share the decision. */
static int decide_holes(struct om_decisions *d)
{
	struct om_decision *holes =
		calloc(d->constructions.n ? d->constructions.n : 1, sizeof(*holes));

	if (!holes)
		return -ENOMEM;
	find_constructions(d);
	for (size_t i = 0; i < d->constructions.n; i++) {
		struct om_case c = { 0 };

		om_case_of_hole(d, i, &c);
		decide_hole(&c, d->policy, &holes[i]);
		d->constructions.v[i].strategy = holes[i].strategy;
	}
	for (size_t i = 0; i < d->scene->n; i++) {
		struct om_decision *decision = &d->entries[i];
		const struct om_decision *hole;

		if (decision->strategy != _OM_STRATEGY_MAX)
			continue;
		hole = &holes[decision->construction];
		take(decision, hole->strategy, hole->why);
		for (size_t k = 0; k < hole->n_rejected; k++)
			decision->rejected[decision->n_rejected++] = hole->rejected[k];
	}
	free(holes);
	return 0;
}

int om_decide(const struct om_profile *profile, const struct om_scene *scene,
	      const struct om_facts *facts, const struct om_policy *policy,
	      struct om_decisions *ret)
{
	int r;

	*ret = (struct om_decisions){
		.profile = profile, .scene = scene, .facts = facts, .policy = policy
	};
	ret->entries = calloc(scene->n ? scene->n : 1, sizeof(*ret->entries));
	if (!ret->entries)
		return -ENOMEM;
	r = decide_entries(ret);
	return r < 0 ? r : decide_holes(ret);
}

bool om_decide_lists(const struct om_facts *facts, const struct om_policy *policy)
{
	struct om_case c = { 0 };
	bool lists = false;

	om_case_of_facts(facts, policy, &c);
	for (size_t k = 0; k < ARRAY_SIZE(policy->order); k++) {
		enum om_strategy_id id = policy->order[k];

		if (!policy->allow[id] ||
		    (table[id]->for_writing && policy->writable.n == 0) ||
		    om_rules_judge(table[id]->rules, &c).answer != OM_ANSWER_YES)
			continue;
		if (!table[id]->lists_children)
			return false;
		lists = true;
	}
	return lists;
}

om_fact_set om_decide_wants(const struct om_profile *profile,
			    const struct om_policy *policy)
{
	om_fact_set want = policy->writable.n > 0 ? OM_FACT_BIT(OM_FACT_OVERLAY_UPPER)
						  : 0;

	for (size_t i = 0; i < profile->n; i++)
		if (profile->entries[i].kind == OM_ENTRY_HIDE)
			want |= OM_FACT_BIT(OM_FACT_OVERLAY_WHITEOUT);
	return want;
}

void om_decisions_done(struct om_decisions *d)
{
	free(d->entries);
	om_vec_free(&d->constructions);
	*d = (struct om_decisions){ 0 };
}

static const char *refused_field(enum om_why why)
{
	bool source = why == OM_WHY_NO_SOURCE || why == OM_WHY_SOURCE_NOT_DIR ||
		      why == OM_WHY_SOURCE_NOT_FILE;

	return source ? "source" : "target";
}

static const struct om_scene_dir *listed_hole(const struct om_decisions *d, size_t index)
{
	const struct om_construction *construction = &d->constructions.v[index];
	const struct om_scene_dir *dir = &d->scene->dirs.v[construction->hole];

	return table[construction->strategy]->lists_children && dir->listed ? dir : NULL;
}

/* No fewer mounts than these are made; links are made again. */
static size_t count_bound(const struct om_scene_dir *dir)
{
	size_t n = 0;

	for (size_t i = 0; i < dir->children.n; i++)
		n += dir->children.v[i].object != OM_OBJECT_SYMLINK;
	return n;
}

/* How many mounts the copies of all holes need, at least. */
static size_t count_all_bound(const struct om_decisions *d, uint64_t *ret_max)
{
	size_t n = 0;

	*ret_max = 0;
	for (size_t i = 0; i < d->constructions.n; i++) {
		const struct om_scene_dir *dir = listed_hole(d, i);

		if (!dir)
			continue;
		n += count_bound(dir);
		*ret_max = dir->max_mounts;
	}
	return n;
}

static void refuse_later(struct om_decision *decision, enum om_why why)
{
	const struct om_verdict verdict = { OM_ANSWER_NO, why, OM_WHY_BIT(why) };

	reject(decision, decision->strategy, &verdict);
	take(decision, OM_STRATEGY_REFUSE, why);
}

/* What only the listed children tell. */
static void review(struct om_decisions *d)
{
	uint64_t max;
	size_t bound = count_all_bound(d, &max);
	/* A child that is opened on the way to a target is no mount: one an entry at most. */
	bool too_many = max > 0 && d->scene->n_mounts + bound > max + d->scene->n;

	for (size_t i = 0; i < d->scene->n; i++) {
		struct om_decision *decision = &d->entries[i];
		const struct om_scene_dir *dir;

		if (decision->construction == SIZE_MAX ||
		    decision->strategy == OM_STRATEGY_REFUSE)
			continue;
		dir = listed_hole(d, decision->construction);
		if (dir && dir->children.n > d->policy->max_siblings)
			refuse_later(decision, OM_WHY_MIMIC_LIMIT);
		else if (dir && too_many)
			refuse_later(decision, OM_WHY_MIMIC_MOUNTS);
	}
}

int om_decisions_refusal(struct om_decisions *d, struct om_error *e)
{
	review(d);
	for (size_t i = 0; i < d->scene->n; i++) {
		const struct om_entry *entry = om_decisions_entry(d, i);
		const struct om_decision *decision = &d->entries[i];
		const struct om_scene_entry *se = &d->scene->entries[i];
		const char *field = refused_field(decision->why);
		const char *missing = se->source_missing;
		int r;

		if (decision->strategy != OM_STRATEGY_REFUSE)
			continue;
		r = om_fail(e, OM_ERR_REFUSED, -EACCES, "cannot %s %s: %s%s%s [%s]",
			    field[0] == 's'		   ? "bind"
			    : entry->kind == OM_ENTRY_HIDE ? "hide"
							   : "create",
			    OM_Q(field[0] == 's' ? entry->source : entry->target),
			    om_why_text(decision->why),
			    missing ? ", first missing is " : "",
			    missing ? OM_Q(missing) : "", om_why_id(decision->why));
		om_error_where(e, d->profile->name, entry->line, 0, field);
		if (om_why_fix(decision->why))
			om_error_fix(e, "%s", om_why_fix(decision->why));
		return r;
	}
	return 0;
}

/* Directories (and the file) of a source that the profile allows to be made. */
static int expand_source(const struct om_decisions *d, size_t i, struct om_plan *plan)
{
	const struct om_scene_entry *se = &d->scene->entries[i];
	bool file = om_decisions_entry(d, i)->kind == OM_ENTRY_BIND_FILE;
	size_t last, depth;
	int r = 0;

	if (!se->source_missing)
		return 0;
	last = om_path_depth(se->source);
	depth = om_path_depth(se->source_missing);
	for (; r == 0 && depth <= last; depth++) {
		char *path = strndup(se->source, om_path_prefix_len(se->source, depth));
		struct om_step step = { .kind = OM_STEP_MKDIR,
					.place = OM_PLACE_LIVE,
					.entry = d->scene->first + i,
					.path = path,
					.mode = 0755 };

		if (!path)
			return -ENOMEM;
		if (file && depth == last)
			step.kind = OM_STEP_MKFILE;
		r = om_plan_add(plan, &step);
		free(path);
	}
	return r;
}

static int expand_by(const struct om_decisions *d, enum om_strategy_id id, size_t index,
		     struct om_plan *plan)
{
	plan->strategy = id;
	return table[id]->expand(d, index, plan);
}

int om_expand(const struct om_decisions *d, struct om_plan *plan)
{
	int r = 0;

	plan->strategy = OM_STRATEGY_PLAIN;
	for (size_t i = 0; r == 0 && i < d->scene->n; i++)
		r = expand_source(d, i, plan);
	for (size_t i = 0; r == 0 && i < d->constructions.n; i++)
		r = expand_by(d, d->constructions.v[i].strategy, i, plan);
	for (size_t i = 0; r == 0 && i < d->scene->n; i++)
		if (d->entries[i].construction == SIZE_MAX)
			r = expand_by(d, d->entries[i].strategy, i, plan);
	return r;
}

int om_expand_as(const struct om_decisions *d, enum om_strategy_id id,
		 struct om_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->constructions.n; i++)
		r = expand_by(d, id, i, plan);
	return r;
}

bool om_construction_asks(const struct om_construction *construction,
			  enum om_strategy_id id)
{
	return construction->writable || !table[id]->for_writing;
}

void om_expand_room(const struct om_decisions *d, size_t index, size_t own,
		    struct om_step *step)
{
	if (!d->constructions.v[index].writable)
		return;
	step->size = d->policy->writable_size;
	/* No more of them than files that have something in them would fit. */
	step->inodes = step->size / OM_WRITABLE_UNIT + own;
}

int om_expand_attach(const struct om_plan_target *target, struct om_plan *plan)
{
	return om_plan_add(plan, &(struct om_step){ .kind = OM_STEP_ATTACH,
						    .place = OM_PLACE_LIVE,
						    .entry = target->entry,
						    .path = target->path,
						    .dir = target->dir });
}

static unsigned default_attr(const struct om_entry *entry)
{
	/* A tmpfs of ours holds no programs and no devices that anybody asked for. */
	return entry->attr |
	       (entry->kind == OM_ENTRY_TMPFS ? OM_ATTR_NOSUID | OM_ATTR_NODEV : 0);
}

int om_expand_entry_mount(const struct om_decisions *d, size_t i, enum om_place place,
			  struct om_plan *plan)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	const struct om_scene_entry *se = &d->scene->entries[i];
	struct om_step step = {
		.kind = entry->kind == OM_ENTRY_TMPFS ? OM_STEP_TMPFS : OM_STEP_BIND,
		.place = OM_PLACE_STAGE,
		.root = place == OM_PLACE_LIVE,
		.recursive = entry->recursive,
		.brings = entry->recursive,
		.dir = entry->kind != OM_ENTRY_BIND_FILE,
		.entry = d->scene->first + i,
		.path = se->target,
		.source = se->source,
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.attr = default_attr(entry),
		.propagation = entry->propagation,
		.size = entry->size,
		.inodes = entry->inodes,
	};

	return om_entry_is_mount(entry) ? om_plan_add(plan, &step) : 0;
}
