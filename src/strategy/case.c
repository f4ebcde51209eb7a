/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See case.h.  The only place where a decision reads the scene, the facts and the policy.
 */
#include "strategy/case.h"

#include "base/path.h"
#include "base/str.h"
#include "strategy/strategy.h"

struct om_verdict om_rules_judge(const struct om_rule *rules, const struct om_case *c)
{
	struct om_verdict verdict = { .answer = OM_ANSWER_YES };
	const struct om_rule *first = rules;

	while (first->holds && !first->holds(c))
		first++;
	verdict.answer = first->answer;
	verdict.why = first->why;
	if (first->answer == OM_ANSWER_YES)
		return verdict;
	verdict.all = OM_WHY_BIT(first->why);
	for (const struct om_rule *rule = first; rule->holds; rule++)
		if (rule->answer != OM_ANSWER_YES && rule->holds(c))
			verdict.all |= OM_WHY_BIT(rule->why);
	return verdict;
}

bool om_case_is_strict_unknown(const struct om_case *c)
{
	return c->strict &&
	       (c->overlay == OM_OVERLAY_UNKNOWN || c->fit == OM_FIT_UNKNOWN ||
		c->whiteout == OM_WHITEOUT_UNKNOWN ||
		(c->writes == OM_WRITES_ALL && c->upper == OM_UPPER_UNKNOWN));
}

bool om_case_is_part_writable(const struct om_case *c)
{
	return c->writes == OM_WRITES_PART;
}

bool om_case_takes_names(const struct om_case *c)
{
	return c->writes == OM_WRITES_ALL;
}

bool om_case_is_unbindable(const struct om_case *c)
{
	return c->unbindable;
}

bool om_case_has_unbindable(const struct om_case *c)
{
	return c->submount_unbindable;
}

static enum om_case_source source_of(const struct om_entry *entry,
				     const struct om_scene_entry *se)
{
	if (entry->kind != OM_ENTRY_BIND_DIR && entry->kind != OM_ENTRY_BIND_FILE)
		return OM_SOURCE_FINE;
	if (se->source_missing && entry->create_source && se->source_ours)
		return OM_SOURCE_FINE;
	if (se->source_object == OM_OBJECT_NONE)
		return OM_SOURCE_NONE;
	if (entry->kind == OM_ENTRY_BIND_DIR && se->source_object != OM_OBJECT_DIR)
		return OM_SOURCE_NOT_DIR;
	if (entry->kind == OM_ENTRY_BIND_FILE && se->source_object == OM_OBJECT_DIR)
		return OM_SOURCE_NOT_FILE;
	return OM_SOURCE_FINE;
}

static enum om_case_target target_of(const struct om_entry *entry,
				     const struct om_scene_entry *se)
{
	if (se->target_object == OM_OBJECT_NONE)
		return entry->kind == OM_ENTRY_HIDE ? OM_TARGET_ABSENT
						    : OM_TARGET_MISSING;
	if (entry->kind == OM_ENTRY_HIDE)
		return OM_TARGET_HIDES;
	if (!om_scene_entry_fits(se, entry))
		return OM_TARGET_OTHER;
	return entry->kind == OM_ENTRY_SYMLINK ? OM_TARGET_SAME_LINK : OM_TARGET_FITS;
}

/*
 * Another name can be put over it in an overlay, or left out of a mimic.  What is mounted
 * there, or in it, would be lost.
 */
static bool is_replaceable(const struct om_decisions *d, const struct om_scene_entry *se)
{
	const struct om_scene_dir *dir = &d->scene->dirs.v[se->hole];

	if (!d->policy->kind_changes || (dir->ours && !dir->read_only))
		return false;
	for (size_t i = 0; i < dir->submounts.n; i++)
		if (om_path_is_under(dir->submounts.v[i].path, se->target))
			return false;
	return true;
}

static bool is_under_one_of(const char *path, const struct om_policy_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (om_path_is_under(path, paths->v[i]))
			return true;
	return false;
}

void om_case_of_entry(const struct om_decisions *d, size_t i, struct om_case *ret)
{
	const struct om_entry *entry = om_decisions_entry(d, i);
	const struct om_scene_entry *se = &d->scene->entries[i];
	const struct om_scene_dir *dir = &d->scene->dirs.v[se->hole];
	const struct om_policy *policy = d->policy;

	*ret = (struct om_case){
		.target = target_of(entry, se),
		.source = source_of(entry, se),
		.replaceable = is_replaceable(d, se),
		.parent_ours = dir->ours && !dir->read_only,
		.root_hole = dir->path[1] == '\0' && !policy->root_hole,
		/* Both: what a link leads to, and what is in the profile. */
		.reserved = is_under_one_of(se->target, &policy->reserved) ||
			    is_under_one_of(entry->target, &policy->reserved),
		.outside = policy->roots.n > 0 &&
			   !is_under_one_of(se->target, &policy->roots),
		.too_deep = om_path_depth(se->target) > policy->max_depth,
		.too_many = d->profile->n > policy->max_entries,
	};
}

/* A module that is not there now says more than that nothing could be tried. */
static enum om_case_overlay overlay_of(const struct om_facts *facts)
{
	enum om_tristate works = om_facts_get(facts, OM_FACT_OVERLAY_RO);
	const char *module = facts->fact[OM_FACT_OVERLAY_MODULE].value;

	if (works == OM_YES)
		return OM_OVERLAY_WORKS;
	if (om_streq(module, "blacklisted"))
		return OM_OVERLAY_BLACKLISTED;
	if (om_streq(module, "loadable"))
		return OM_OVERLAY_NOT_LOADED;
	return works == OM_NO || om_streq(module, "missing") ? OM_OVERLAY_ABSENT
							     : OM_OVERLAY_UNKNOWN;
}

/*
 * The overlay keeps the label of who makes it.  Of ours, only seeing the application use it
 * proves enough; of one that is not enforced, only seeing that it cannot speaks against it.
 */
static enum om_case_label label_of(const struct om_facts *facts)
{
	enum om_tristate reads = om_facts_get(facts, OM_FACT_OVERLAY_LABEL_APP);

	enum om_tristate helper = om_facts_get(facts, OM_FACT_OVERLAY_LABEL_HELPER);

	if (om_facts_get(facts, OM_FACT_SELINUX) == OM_YES ||
	    om_facts_get(facts, OM_FACT_SMACK) == OM_YES)
		return OM_LABEL_OTHER;
	if (om_facts_get(facts, OM_FACT_APPARMOR_LABEL) != OM_NO)
		return OM_LABEL_NONE;
	if (helper == OM_YES && reads != OM_NO)
		return OM_LABEL_HELPER;
	if (reads == OM_YES)
		return OM_LABEL_READS;
	return helper == OM_UNKNOWN ? OM_LABEL_KEPT : OM_LABEL_HELPER_KEPT;
}

/* The layer lies at the path of the hole: that of the root has no place beside it. */
static enum om_case_upper upper_of(const struct om_facts *facts, const char *path)
{
	if (path[1] == '\0')
		return OM_UPPER_NO_PLACE;
	switch (om_facts_get(facts, OM_FACT_OVERLAY_UPPER)) {
	case OM_YES:
		return OM_UPPER_WORKS;
	case OM_NO:
		return OM_UPPER_ABSENT;
	case OM_UNKNOWN:
		break;
	}
	return OM_UPPER_UNKNOWN;
}

static bool has_locked(const struct om_scene_dir *hole)
{
	for (size_t i = 0; i < hole->submounts.n; i++)
		if (hole->submounts.v[i].locked == OM_YES)
			return true;
	return false;
}

static enum om_case_fit fit_of(const struct om_scene_dir *hole)
{
	if (!hole->examined || hole->overlay.possible == OM_YES)
		return OM_FIT_YES;
	if (hole->overlay.possible == OM_UNKNOWN)
		return OM_FIT_UNKNOWN;
	if (has_locked(hole))
		return OM_FIT_LOCKED;
	return hole->stacked ? OM_FIT_DEPTH : OM_FIT_NO;
}

static enum om_case_whiteout whiteout_of(const struct om_facts *facts)
{
	enum om_tristate hides = om_facts_get(facts, OM_FACT_OVERLAY_WHITEOUT);

	return hides == OM_YES	? OM_WHITEOUT_FINE
	       : hides == OM_NO ? OM_WHITEOUT_NO
				: OM_WHITEOUT_UNKNOWN;
}

/* Where programs leave what others look for at run time. */
static bool is_live_area(const char *path)
{
	static const char *const areas[] = { "/run", "/var/run", "/dev", "/proc",
					     "/sys" };

	for (size_t i = 0; i < ARRAY_SIZE(areas); i++)
		if (om_path_is_under(path, areas[i]))
			return true;
	return false;
}

static bool has_unbindable(const struct om_scene_dir *hole)
{
	for (size_t i = 0; i < hole->submounts.n; i++)
		if (hole->submounts.v[i].unbindable)
			return true;
	return false;
}

void om_case_of_facts(const struct om_facts *facts, const struct om_policy *policy,
		      struct om_case *ret)
{
	ret->strict = policy->strict;
	ret->overlay = overlay_of(facts);
	ret->label = label_of(facts);
}

void om_case_of_hole(const struct om_decisions *d, size_t index, struct om_case *ret)
{
	const struct om_construction *construction = &d->constructions.v[index];
	const struct om_scene_dir *hole = &d->scene->dirs.v[construction->hole];
	size_t n = hole->submounts.n;

	om_case_of_facts(d->facts, d->policy, ret);
	ret->upper = upper_of(d->facts, hole->path);
	ret->writes = !construction->writable ? OM_WRITES_NONE
		      : construction->sealed  ? OM_WRITES_PART
					      : OM_WRITES_ALL;
	ret->writable = !hole->read_only;
	ret->live_area = !hole->fixed && is_live_area(hole->path);
	ret->live_objects = construction->live;
	ret->mutable = !hole->fixed && !d->policy->mutable_lowers;
	ret->unbindable = hole->unbindable;
	ret->submount_unbindable = has_unbindable(hole);
	ret->fit = fit_of(hole);
	ret->submounts = n == 0				 ? OM_SUBMOUNTS_NONE
			 : n <= d->policy->max_submounts ? OM_SUBMOUNTS_FEW
							 : OM_SUBMOUNTS_MANY;
	ret->whiteout = construction->hides ? whiteout_of(d->facts) : OM_WHITEOUT_FINE;
}
