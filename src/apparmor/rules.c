/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See rules.h.
 */
#include "apparmor/rules.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

void om_aa_rules_done(struct om_aa_rules *rules)
{
	om_vec_free(&rules->rules);
	om_vec_free(&rules->sections);
	om_index_done(&rules->index);
	om_index_done(&rules->section_index);
	om_texts_done(&rules->texts);
}

static const char *keep(struct om_aa_rules *rules, const char *text)
{
	return text ? om_texts_keep(&rules->texts, text, strlen(text)) : NULL;
}

int om_aa_rules_section(struct om_aa_rules *rules, const char *title)
{
	size_t i = om_index_find(&rules->section_index, title);
	struct om_aa_section section;
	int r;

	if (i != SIZE_MAX) {
		rules->section = i;
		return 0;
	}
	section.title = keep(rules, title);
	if (!section.title)
		return -ENOMEM;
	r = om_vec_push(&rules->sections, section);
	if (r < 0)
		return r;
	rules->section = rules->sections.n - 1;
	return om_index_add(&rules->section_index, section.title, rules->section);
}

static int keep_path(struct om_aa_rules *rules, const struct om_aa_path *from,
		     struct om_aa_path *to)
{
	for (size_t i = 0; i < OM_AA_PIECES && from->piece[i].text; i++) {
		to->piece[i].text = keep(rules, from->piece[i].text);
		if (!to->piece[i].text)
			return -ENOMEM;
	}
	return 0;
}

/* The copy owns nothing: its texts are those of the set. */
static int keep_rule(struct om_aa_rules *rules, struct om_aa_rule *copy)
{
	const char **const texts[] = { &copy->type, &copy->device, &copy->options,
				       &copy->word };
	const struct om_aa_path path = copy->path, source = copy->source;
	int r = keep_path(rules, &path, &copy->path);

	if (r == 0)
		r = keep_path(rules, &source, &copy->source);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++) {
		if (!*texts[i])
			continue;
		*texts[i] = keep(rules, *texts[i]);
		r = *texts[i] ? 0 : -ENOMEM;
	}
	return r;
}

/* What a rule is, without what it lets do. */
static void add_key(const struct om_aa_rule *rule, struct om_str *out)
{
	struct om_aa_rule bare = *rule;

	bare.may = 0;
	om_aa_rule_print(&bare, out);
}

/* Does rule a permit all that b does, wherever b is needed? */
static bool covers(const struct om_aa_rule *a, const struct om_aa_rule *b)
{
	return !(b->may & ~a->may) && !(b->families & ~a->families);
}

/* Is there one that makes this one needless?  If it is the same, it is from now on. */
static bool find_same(struct om_aa_rules *rules, size_t first,
		      const struct om_aa_rule *rule)
{
	for (size_t i = first; i != SIZE_MAX; i = rules->rules.v[i].next) {
		struct om_aa_rule *there = &rules->rules.v[i];

		if (there->may == rule->may && there->families)
			there->families |= rule->families;
		if (covers(there, rule))
			return true;
	}
	return false;
}

/* What the last rule makes needless. */
static void drop_covered(struct om_aa_rules *rules, size_t first)
{
	const struct om_aa_rule *last = &rules->rules.v[rules->rules.n - 1];

	for (size_t i = first; i != SIZE_MAX; i = rules->rules.v[i].next)
		if (&rules->rules.v[i] != last && covers(last, &rules->rules.v[i]))
			rules->rules.v[i].families = 0;
}

static int append(struct om_aa_rules *rules, size_t first, struct om_aa_rule *copy)
{
	size_t last = first;
	int r = keep_rule(rules, copy);

	copy->section = rules->section;
	copy->next = SIZE_MAX;
	if (r == 0)
		r = om_vec_push(&rules->rules, *copy);
	if (r < 0 || first == SIZE_MAX)
		return r;
	while (rules->rules.v[last].next != SIZE_MAX)
		last = rules->rules.v[last].next;
	rules->rules.v[last].next = rules->rules.n - 1;
	drop_covered(rules, first);
	return 0;
}

int om_aa_rules_add(struct om_aa_rules *rules, const struct om_aa_rule *rule)
{
	_cleanup_str_ struct om_str key = { 0 };
	struct om_aa_rule copy = *rule;
	const char *kept;
	size_t first;
	int r;

	copy.families &= rules->families;
	if (!copy.families)
		return 0;
	add_key(rule, &key);
	if (key.err < 0)
		return key.err;
	first = om_index_find(&rules->index, om_str_get(&key));
	if (first != SIZE_MAX && find_same(rules, first, &copy))
		return 0;
	r = append(rules, first, &copy);
	if (r < 0 || first != SIZE_MAX)
		return r;
	kept = keep(rules, om_str_get(&key));
	return kept ? om_index_add(&rules->index, kept, rules->rules.n - 1) : -ENOMEM;
}

static void add_may(unsigned may, struct om_str *out)
{
	static const struct {
		unsigned bit;
		const char *letters;
	} known[] = { { OM_AA_R, "r" }, { OM_AA_W, "w" }, { OM_AA_M, "m" },
		      { OM_AA_K, "k" }, { OM_AA_L, "l" }, { OM_AA_IX, "ix" } };

	om_str_add(out, " ");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (may & known[i].bit)
			om_str_add(out, known[i].letters);
}

static void add_path(const char *before, const struct om_aa_path *path,
		     struct om_str *out)
{
	if (!path->piece[0].text)
		return;
	om_str_add(out, before);
	om_aa_path_add(path, out);
}

static void print_mount(const struct om_aa_rule *rule, struct om_str *out)
{
	om_str_add(out, "mount");
	if (rule->type)
		om_str_addf(out, " fstype=%s", rule->type);
	if (rule->options)
		om_str_addf(out, " options=(%s)", rule->options);
	if (rule->device)
		om_str_addf(out, " %s", rule->device);
	add_path(" ", &rule->source, out);
	add_path(" -> ", &rule->path, out);
}

void om_aa_rule_print(const struct om_aa_rule *rule, struct om_str *out)
{
	switch (rule->kind) {
	case OM_AA_FILE:
		add_path("", &rule->path, out);
		add_may(rule->may, out);
		break;
	case OM_AA_MOUNT:
		print_mount(rule, out);
		break;
	case OM_AA_UMOUNT:
		add_path("umount ", &rule->path, out);
		break;
	case OM_AA_CAPABILITY:
		om_str_addf(out, "capability %s", rule->word);
		break;
	case OM_AA_SIGNAL:
		om_str_addf(out, "signal (%s)",
			    rule->word ? rule->word : "send, receive");
		if (rule->options)
			om_str_addf(out, " set=(%s)", rule->options);
		add_path(" peer=", &rule->path, out);
		break;
	case OM_AA_CHANGE_PROFILE:
		add_path("change_profile -> ", &rule->path, out);
		break;
	case OM_AA_EXEC:
		add_path("", &rule->path, out);
		om_str_addf(out, " px -> %s", rule->word);
		break;
	case OM_AA_NETWORK:
		om_str_addf(out, "network %s", rule->word);
		break;
	}
	om_str_add(out, ",");
}

/*
 * The path, with a star in place of its last name, as text that needs no more escaping; false
 * when there is none, or when that may mean more than one name itself.
 */
static bool widen(const struct om_aa_path *path, struct om_str *out)
{
	_cleanup_str_ struct om_str text = { 0 };
	const char *inner, *slash;
	size_t n;
	bool dir;

	om_aa_path_add(path, &text);
	if (text.err < 0 || text.len < STRLEN("\"/x\""))
		return false;
	inner = om_str_get(&text) + 1;
	n = text.len - 2;
	dir = inner[n - 1] == '/';
	slash = memrchr(inner, '/', n - dir);
	if (!slash || memchr(slash, '*', n - (size_t)(slash - inner)) ||
	    strcspn(slash, "?[]{}") < n - (size_t)(slash - inner))
		return false;
	om_str_addf(out, "%.*s/*%s", (int)(slash - inner), inner, dir ? "/" : "");
	return true;
}

/* Of those of a rule, the families where that other one, with its path, does not do as well. */
static unsigned without(const struct om_aa_rules *rules, const struct om_aa_rule *rule,
			const struct om_aa_rule *other)
{
	_cleanup_str_ struct om_str key = { 0 };
	unsigned families = rule->families;

	add_key(other, &key);
	if (key.err < 0)
		return families;
	for (size_t i = om_index_find(&rules->index, om_str_get(&key)); i != SIZE_MAX;
	     i = rules->rules.v[i].next)
		if (!(rule->may & ~rules->rules.v[i].may))
			families &= ~rules->rules.v[i].families;
	return families;
}

/* Where no rule permits the same for all names of the directory, or from everywhere. */
static unsigned needed_families(const struct om_aa_rules *rules,
				const struct om_aa_rule *rule)
{
	_cleanup_str_ struct om_str path = { 0 };
	struct om_aa_rule other = *rule;
	bool has_source = rule->source.piece[0].text;
	unsigned families = rule->families;

	other.source = (struct om_aa_path){ 0 };
	if (has_source)
		families &= without(rules, rule, &other);
	if (!rule->path.piece[0].text || !widen(&rule->path, &path))
		return families;
	other.path = (struct om_aa_path){ { OM_AA_PATTERN(om_str_get(&path)) } };
	families &= without(rules, rule, &other);
	other.source = rule->source;
	if (has_source)
		families &= without(rules, rule, &other);
	return families;
}

void om_aa_rules_reduce(struct om_aa_rules *rules)
{
	for (size_t i = 0; i < rules->rules.n; i++)
		rules->rules.v[i].families = needed_families(rules, &rules->rules.v[i]);
}

static const struct {
	enum om_aa_family family;
	const char *name;
} family_names[] = {
	{ OM_AA_MOUNT2, "mount2" },
	{ OM_AA_FD_REMOUNT, "fd-remount" },
	{ OM_AA_FD, "fd" },
	{ OM_AA_FD_MOVE, "fd-move" },
	{ OM_AA_DETACHED, "detached" },
};

const char *om_aa_family_name(enum om_aa_family family)
{
	for (size_t i = 0; i < ARRAY_SIZE(family_names); i++)
		if (family_names[i].family == family)
			return family_names[i].name;
	return NULL;
}

static void add_families(unsigned families, struct om_str *out)
{
	const char *before = " # ";

	for (size_t i = 0; i < ARRAY_SIZE(family_names); i++) {
		if (!(families & family_names[i].family))
			continue;
		om_str_addf(out, "%s%s", before, family_names[i].name);
		before = ", ";
	}
}

static void print_section(const struct om_aa_rules *rules, size_t section,
			  const char *indent, struct om_str *out)
{
	bool titled = false;

	for (size_t i = 0; i < rules->rules.n; i++) {
		const struct om_aa_rule *rule = &rules->rules.v[i];

		if (rule->section != section || !rule->families)
			continue;
		if (!titled)
			om_str_addf(out, "\n%s# %s\n", indent,
				    rules->sections.v[section].title);
		titled = true;
		om_str_add(out, indent);
		om_aa_rule_print(rule, out);
		if (rules->families & ~rule->families)
			add_families(rule->families & rules->families, out);
		om_str_add(out, "\n");
	}
}

void om_aa_rules_print(const struct om_aa_rules *rules, const char *indent,
		       struct om_str *out)
{
	for (size_t i = 0; i < rules->sections.n; i++)
		print_section(rules, i, indent, out);
}
