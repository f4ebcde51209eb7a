/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See policy.h.  Nothing in the file is ignored: an unknown key, a word that stands for
 * nothing, a path that is not clean or something said twice refuses the whole file.
 */
#include "strategy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/str.h"
#include "base/yaml.h"

struct reader {
	struct om_yaml yaml;
	struct om_policy *policy;
};

/* A key, and what reads its value.  name is the whole one, as in limits.entries. */
struct key {
	const char *name;
	const char *word; /* the end of it, which stands in the file */
	int (*read)(struct reader *r, const struct key *key);
	size_t offset;		  /* in the policy, of what is read */
	unsigned long long limit; /* of a number */
	unsigned long long least; /* the same */
};

/* what is the word that is wrong. */
static int fail_at(struct reader *r, const yaml_event_t *at, const struct key *key,
		   const char *what, const char *reason)
{
	return om_yaml_fail(&r->yaml, at, key->name, OM_Q(what), reason);
}

/* A text, and there; key->name stands for it in messages when it is neither. */
static int next_text(struct reader *r, const struct key *key, yaml_event_t *event)
{
	int rc = om_yaml_next(&r->yaml, event);
	const char *bad = rc < 0 ? NULL : om_yaml_scalar_bad(event);

	if (rc == 0 && !bad && om_yaml_is_null(event))
		bad = "expected a value, found nothing";
	return bad ? fail_at(r, event, key, key->word, bad) : rc;
}

static int read_schema(struct reader *r, const struct key *key)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	int rc = next_text(r, key, &event);

	if (rc < 0 || om_streq(om_yaml_text(&event), OM_POLICY_SCHEMA))
		return rc;
	return fail_at(r, &event, key, om_yaml_text(&event),
		       "unknown schema, want " OM_POLICY_SCHEMA);
}

static int read_bool(struct reader *r, const struct key *key)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	bool *value = (bool *)((char *)r->policy + key->offset);
	int rc = next_text(r, key, &event);

	if (rc < 0)
		return rc;
	*value = om_streq(om_yaml_text(&event), "true");
	if (*value || om_streq(om_yaml_text(&event), "false"))
		return 0;
	return fail_at(r, &event, key, om_yaml_text(&event), "want true or false");
}

static int read_number(struct reader *r, const struct key *key)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	size_t *value = (size_t *)((char *)r->policy + key->offset);
	unsigned long long number;
	int rc = next_text(r, key, &event);
	char reason[80];

	if (rc < 0)
		return rc;
	if (om_parse_number(om_yaml_text(&event), 10, key->limit, &number) < 0 ||
	    number < key->least) {
		if (key->least > 0)
			(void)snprintf(reason, sizeof(reason),
				       "want a number from %llu to %llu", key->least,
				       key->limit);
		else
			(void)snprintf(reason, sizeof(reason), "want a number up to %llu",
				       key->limit);
		return fail_at(r, &event, key, om_yaml_text(&event), reason);
	}
	*value = (size_t)number;
	return 0;
}

/* Reads a list of texts, and hands each to item. */
static int read_list(struct reader *r, const struct key *key,
		     int (*item)(struct reader *r, const struct key *key,
				 const yaml_event_t *event))
{
	_cleanup_event_ yaml_event_t start = { 0 };
	int rc = om_yaml_next(&r->yaml, &start);

	if (rc < 0)
		return rc;
	if (start.type != YAML_SEQUENCE_START_EVENT || start.data.sequence_start.anchor ||
	    start.data.sequence_start.tag)
		return fail_at(r, &start, key, key->word, "expected a list");
	for (;;) {
		_cleanup_event_ yaml_event_t event = { 0 };
		const char *bad;

		rc = om_yaml_next(&r->yaml, &event);
		if (rc < 0 || event.type == YAML_SEQUENCE_END_EVENT)
			return rc;
		bad = om_yaml_scalar_bad(&event);
		rc = bad ? fail_at(r, &event, key, key->word, bad) : item(r, key, &event);
		if (rc < 0)
			return rc;
	}
}

static int add_path(struct reader *r, const struct key *key, const yaml_event_t *event)
{
	struct om_policy_paths *paths =
		(struct om_policy_paths *)((char *)r->policy + key->offset);
	const char *path = om_yaml_text(event);
	const char *bad = om_path_unclean(path);
	char **grown;

	for (size_t i = 0; !bad && i < paths->n; i++)
		if (om_streq(paths->v[i], path))
			bad = "the path is given twice";
	if (!bad && paths->n >= OM_MAX_POLICY_PATHS)
		bad = "more paths than a policy may have";
	if (bad)
		return fail_at(r, event, key, path, bad);
	grown = reallocarray(paths->v, paths->n + 1, sizeof(*grown));
	if (!grown)
		return om_yaml_fail_memory(&r->yaml);
	paths->v = grown;
	grown[paths->n] = strdup(path);
	return grown[paths->n++] ? 0 : om_yaml_fail_memory(&r->yaml);
}

static int read_paths(struct reader *r, const struct key *key)
{
	return read_list(r, key, add_path);
}

static size_t count_allowed(const struct om_policy *policy)
{
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_SIZE(policy->order); k++)
		n += policy->allow[policy->order[k]];
	return n;
}

/* The place of a strategy for holes in the order, or -1. */
static int find_strategy(const struct om_policy *policy, const char *name)
{
	for (size_t k = 0; k < ARRAY_SIZE(policy->order); k++)
		if (om_streq(om_strategy_get(policy->order[k])->name, name))
			return (int)k;
	return -1;
}

/* Those that were read come first, the ones that are left out keep their order. */
static int add_strategy(struct reader *r, const struct key *key,
			const yaml_event_t *event)
{
	struct om_policy *policy = r->policy;
	const char *name = om_yaml_text(event);
	size_t n = count_allowed(policy);
	int at = find_strategy(policy, name);
	enum om_strategy_id id;

	if (at < 0)
		return fail_at(
			r, event, key, name,
			"no strategy for missing names, want overlay, overlay-rw or mimic");
	id = policy->order[at];
	if (policy->allow[id])
		return fail_at(r, event, key, name, "the strategy is given twice");
	for (size_t k = (size_t)at; k > n; k--)
		policy->order[k] = policy->order[k - 1];
	policy->order[n] = id;
	policy->allow[id] = true;
	return 0;
}

static int read_strategies(struct reader *r, const struct key *key)
{
	for (size_t k = 0; k < ARRAY_SIZE(r->policy->order); k++)
		r->policy->allow[r->policy->order[k]] = false;
	return read_list(r, key, add_strategy);
}

static int read_map(struct reader *r, const struct key *keys, unsigned *seen);
static int read_limits(struct reader *r, const struct key *key);
static int read_writable(struct reader *r, const struct key *key);

static const struct key limit_keys[] = {
	{ "limits.entries", "entries", read_number,
	  offsetof(struct om_policy, max_entries), OM_MAX_ENTRIES, 0 },
	{ "limits.siblings", "siblings", read_number,
	  offsetof(struct om_policy, max_siblings), OM_MAX_SIBLINGS, 0 },
	{ "limits.submounts", "submounts", read_number,
	  offsetof(struct om_policy, max_submounts), OM_MAX_SUBMOUNTS, 0 },
	{ "limits.depth", "depth", read_number, offsetof(struct om_policy, max_depth),
	  OM_MAX_DEPTH, 0 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static const struct key writable_keys[] = {
	{ "writable.holes", "holes", read_paths, offsetof(struct om_policy, writable), 0,
	  0 },
	{ "writable.size", "size", read_number, offsetof(struct om_policy, writable_size),
	  OM_MAX_WRITABLE_SIZE, OM_WRITABLE_UNIT },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static const struct key top_keys[] = {
	{ "schema", "schema", read_schema, 0, 0, 0 },
	{ "strategies", "strategies", read_strategies, 0, 0, 0 },
	{ "write-roots", "write-roots", read_paths, offsetof(struct om_policy, roots), 0,
	  0 },
	{ "reserved", "reserved", read_paths, offsetof(struct om_policy, reserved), 0,
	  0 },
	{ "mutable-lowers", "mutable-lowers", read_bool,
	  offsetof(struct om_policy, mutable_lowers), 0, 0 },
	{ "kind-changes", "kind-changes", read_bool,
	  offsetof(struct om_policy, kind_changes), 0, 0 },
	{ "strict", "strict", read_bool, offsetof(struct om_policy, strict), 0, 0 },
	{ "limits", "limits", read_limits, 0, 0, 0 },
	{ "writable", "writable", read_writable, 0, 0, 0 },
	{ NULL, NULL, NULL, 0, 0, 0 },
};

static int read_inner(struct reader *r, const struct key *key, const struct key *keys)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	unsigned seen = 0;
	int rc = om_yaml_next(&r->yaml, &event);
	const char *bad = rc < 0 ? NULL : om_yaml_map_bad(&event);

	if (bad)
		return fail_at(r, &event, key, key->word, bad);
	return rc < 0 ? rc : read_map(r, keys, &seen);
}

static int read_limits(struct reader *r, const struct key *key)
{
	return read_inner(r, key, limit_keys);
}

static int read_writable(struct reader *r, const struct key *key)
{
	return read_inner(r, key, writable_keys);
}

static int fail_key(struct reader *r, const yaml_event_t *event, const struct key *keys)
{
	char bare[100], list[160] = "";
	const char *name = om_yaml_text(event);
	int rc = om_yaml_fail(&r->yaml, event, om_bare(bare, sizeof(bare), name),
			      OM_Q(name), "unknown key");

	for (const struct key *key = keys; key->name; key++) {
		size_t used = strlen(list);

		(void)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
			       key->word);
	}
	om_error_fix(r->yaml.e, "the keys here are %s", list);
	return rc;
}

static int read_pair(struct reader *r, const yaml_event_t *event, const struct key *keys,
		     unsigned *seen)
{
	const char *bad = om_yaml_scalar_bad(event);

	if (bad)
		return om_yaml_fail(&r->yaml, event, NULL, NULL, bad);
	for (size_t i = 0; keys[i].name; i++) {
		if (!om_streq(keys[i].word, om_yaml_text(event)))
			continue;
		if (*seen & 1u << i)
			return fail_at(r, event, &keys[i], keys[i].word,
				       "the key is given twice");
		*seen |= 1u << i;
		return keys[i].read(r, &keys[i]);
	}
	return fail_key(r, event, keys);
}

/* The pairs of a map whose start was read. */
static int read_map(struct reader *r, const struct key *keys, unsigned *seen)
{
	for (;;) {
		_cleanup_event_ yaml_event_t event = { 0 };
		int rc = om_yaml_next_key(&r->yaml, &event);

		if (rc > 0)
			rc = read_pair(r, &event, keys, seen);
		else
			return rc;
		if (rc < 0)
			return rc;
	}
}

static int read_policy(struct reader *r)
{
	_cleanup_event_ yaml_event_t top = { 0 };
	const yaml_event_t start = { 0 };
	unsigned seen = 0;
	int rc = om_yaml_top(&r->yaml, &top);
	const char *bad = rc > 0 ? om_yaml_map_bad(&top) : NULL;

	if (bad)
		return om_yaml_fail(&r->yaml, &top, NULL, NULL, bad);
	if (rc > 0) {
		rc = read_map(r, top_keys, &seen);
		if (rc == 0)
			rc = om_yaml_end(&r->yaml);
	}
	/* An empty file would be a policy that says nothing: more likely a mistake. */
	if (rc == 0 && !(seen & 1u))
		return fail_at(r, &start, &top_keys[0], top_keys[0].word,
			       "the key is missing, want schema: " OM_POLICY_SCHEMA);
	return rc;
}

int om_policy_read(const char *file, const char *text, size_t size, struct om_policy *ret,
		   struct om_error *e)
{
	struct reader r = { .policy = ret };
	int rc;

	*ret = om_policy_default;
	rc = om_yaml_open(&r.yaml, file, text, size, e);
	if (rc == 0)
		rc = read_policy(&r);
	om_yaml_close(&r.yaml);
	if (rc < 0) {
		om_policy_done(ret);
		*ret = om_policy_default;
	}
	return rc;
}

static void paths_done(struct om_policy_paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->v[i]);
	free(paths->v);
	*paths = (struct om_policy_paths){ 0 };
}

void om_policy_done(struct om_policy *policy)
{
	paths_done(&policy->roots);
	paths_done(&policy->reserved);
	paths_done(&policy->writable);
}

int om_policy_restrict(struct om_policy *policy, const char *name)
{
	int at = find_strategy(policy, name);

	if (om_streq(name, "auto"))
		return 0;
	if (at < 0)
		return -EINVAL;
	for (size_t k = 0; k < ARRAY_SIZE(policy->order); k++)
		if ((int)k != at)
			policy->allow[policy->order[k]] = false;
	return 0;
}
