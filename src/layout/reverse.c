/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See reverse.h.  The lines become a document as if it had been read, and it is compiled: so
 * the rules are those of every layout, and what comes out can be held against the profile.
 */
#include "layout/reverse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/index.h"
#include "base/path.h"
#include "base/yaml.h"
#include "layout/compiler.h"

/* libyaml reads no more of a key that shall be known by the colon behind it. */
#define MAX_SIMPLE_KEY 1000

/* Whose layout it is, as far as it is known. */
struct owner {
	char *name, *revision, *key; /* owned; NULL: not known */
};

struct reverser {
	const struct om_reverse_args *args;
	struct om_error *e; /* not NULL */
	struct owner owner;
	struct om_layout_args layout;
	struct om_layout_compiler c;
};

static int fail_memory(struct reverser *r)
{
	return om_fail_errno(r->e, OM_ERR_SYSTEM, -ENOMEM, "cannot make a layout");
}

static int fail_line(struct reverser *r, const struct om_entry *entry, const char *field,
		     const char *reason)
{
	int rc = om_fail(r->e, OM_ERR_INPUT, -EINVAL, "cannot express %s: %s",
			 OM_Q(entry->target), reason);

	om_error_where(r->e, r->args->profile->name, entry->line, 0, field);
	return om_error_collect(r->args->errors, r->e, rc);
}

/* --- whose it is ------------------------------------------------------------------------ */

/* The component at path, which ends at a slash; NULL: no memory. */
static char *component(const char *path)
{
	return strndup(path, strcspn(path, "/"));
}

/* Keeps name and revision of a path of a snap, unless they are known. */
static int learn_path(struct owner *owner, const char *path)
{
	const char *rest = om_startswith(path, "/snap/");
	_cleanup_free_ char *name = NULL, *revision = NULL;

	if (!rest)
		rest = om_startswith(path, "/var/snap/");
	if (!rest)
		return 0;
	name = component(rest);
	if (!name)
		return -ENOMEM;
	if (om_snap_name_check(name) || (owner->name && !om_streq(owner->name, name)))
		return 0;
	if (!owner->name)
		owner->name = TAKE_PTR(name);
	rest += strcspn(rest, "/");
	revision = *rest ? component(rest + 1) : NULL;
	if (*rest && !revision)
		return -ENOMEM;
	if (revision && !owner->revision && !om_snap_revision_check(revision))
		owner->revision = TAKE_PTR(revision);
	return 0;
}

/* The key of an instance stands behind its name. */
static int learn_instance(struct owner *owner, const struct om_entry *entry)
{
	const char *rest = om_startswith(entry->source, entry->target);
	int r = learn_path(owner, entry->target);

	if (r < 0 || owner->key || !rest || rest[0] != '_' ||
	    om_instance_key_check(rest + 1))
		return r;
	owner->key = strdup(rest + 1);
	return owner->key ? 0 : -ENOMEM;
}

/* From the surest to what may lead anywhere. */
enum clue { CLUE_OVERNAME, CLUE_SOURCE, CLUE_TARGET, CLUE_LINK, _CLUE_MAX };

static int learn_entry(struct owner *owner, const struct om_entry *entry, enum clue clue)
{
	if (entry->origin == OM_ORIGIN_OVERNAME)
		return clue == CLUE_OVERNAME ? learn_instance(owner, entry) : 0;
	if (entry->origin != OM_ORIGIN_LAYOUT)
		return 0;
	if (clue == CLUE_SOURCE && om_entry_is_bind(entry))
		return learn_path(owner, entry->source);
	if (clue == CLUE_LINK && entry->kind == OM_ENTRY_SYMLINK)
		return learn_path(owner, entry->symlink);
	return clue == CLUE_TARGET ? learn_path(owner, entry->target) : 0;
}

static int copy_given(char **ret, const char *given)
{
	*ret = given ? strdup(given) : NULL;
	return given && !*ret ? -ENOMEM : 0;
}

static int learn(struct reverser *r)
{
	const struct om_profile *p = r->args->profile;
	int rc = copy_given(&r->owner.name, r->args->name);

	if (rc == 0)
		rc = copy_given(&r->owner.revision, r->args->revision);
	if (rc == 0)
		rc = copy_given(&r->owner.key, r->args->instance_key);
	for (enum clue clue = 0; clue < _CLUE_MAX; clue++)
		for (size_t i = 0; i < p->n && rc == 0; i++)
			rc = learn_entry(&r->owner, &p->entries[i], clue);
	return rc < 0 ? fail_memory(r) : 0;
}

/* --- the document ----------------------------------------------------------------------- */

static int set_text(struct om_layout_text *text, unsigned line, char *owned)
{
	*text = (struct om_layout_text){ .s = owned, .line = line };
	return owned ? 0 : -ENOMEM;
}

static int set_values(struct om_layout_item *item, const struct om_entry *entry)
{
	static const enum om_layout_key keys[_OM_ENTRY_MAX] = {
		[OM_ENTRY_BIND_DIR] = OM_LAYOUT_BIND,
		[OM_ENTRY_BIND_FILE] = OM_LAYOUT_BIND_FILE,
		[OM_ENTRY_TMPFS] = OM_LAYOUT_TYPE,
		[OM_ENTRY_SYMLINK] = OM_LAYOUT_SYMLINK,
	};
	const char *value = entry->kind == OM_ENTRY_SYMLINK ? entry->symlink
			    : om_entry_is_bind(entry)	    ? entry->source
							    : "tmpfs";
	struct om_layout_text *values = item->values;
	unsigned line = entry->line;
	int r = set_text(&item->target, line, strdup(entry->target));

	if (r == 0)
		r = set_text(&values[keys[entry->kind]], line, strdup(value));
	if (entry->kind != OM_ENTRY_TMPFS)
		return r;
	if (r == 0 && entry->uid)
		r = set_text(&values[OM_LAYOUT_USER], line,
			     om_asprintf("%u", (unsigned)entry->uid));
	if (r == 0 && entry->gid)
		r = set_text(&values[OM_LAYOUT_GROUP], line,
			     om_asprintf("%u", (unsigned)entry->gid));
	if (r == 0 && entry->mode != 0755)
		r = set_text(&values[OM_LAYOUT_MODE], line,
			     om_asprintf("%o", (unsigned)entry->mode));
	return r;
}

/* Why an entry comes from no layout, whatever its paths are; or NULL. */
static const char *foreign(const struct om_entry *entry)
{
	if (entry->synthetic || entry->needed_by)
		return "it is a part of a mimic";
	if (entry->detach)
		return "no layout gives x-snapd.detach";
	if (!om_streq(entry->id, entry->target))
		return "no layout gives x-snapd.id";
	if (entry->kind == OM_ENTRY_HIDE)
		return "no layout takes a name away";
	if (entry->origin != OM_ORIGIN_LAYOUT && entry->origin != OM_ORIGIN_OVERNAME)
		return "it is no layout's, for it has no x-snapd.origin=layout";
	return NULL;
}

static int make_document(struct reverser *r)
{
	const struct om_profile *p = r->args->profile;
	int rc = 0;

	for (size_t i = 0; i < p->n && rc == 0; i++) {
		const struct om_entry *entry = &p->entries[i];
		const char *reason = foreign(entry);

		if (reason) {
			rc = fail_line(r, entry, "options", reason);
			continue;
		}
		/* Those come from the key of the instance. */
		if (entry->origin == OM_ORIGIN_OVERNAME)
			continue;
		if (om_vec_push(&r->c.document.items, (struct om_layout_item){ 0 }) < 0 ||
		    set_values(&r->c.document.items.v[r->c.document.items.n - 1], entry) <
			    0)
			rc = fail_memory(r);
	}
	return rc;
}

/* --- what it yields --------------------------------------------------------------------- */

static int compare_entry(struct reverser *r, const struct om_entry *entry,
			 const struct om_entry *yielded)
{
	_cleanup_free_ char *reason = NULL;
	const char *what;

	if (!yielded)
		return fail_line(r, entry, "target", "no instance of the snap has it");
	what = om_entry_difference(entry, yielded);
	if (!what)
		return 0;
	reason = om_asprintf("a layout differs in %s, with the options %s", what,
			     OM_Q(yielded->options));
	return reason ? fail_line(r, entry, "options", reason) : fail_memory(r);
}

static int compare_all(struct reverser *r, const struct om_profile *yield,
		       const struct om_index *index)
{
	const struct om_profile *p = r->args->profile;
	size_t found = 0;
	int rc = 0;

	for (size_t i = 0; i < p->n && rc == 0; i++) {
		size_t k = om_index_find(index, p->entries[i].target);

		/* What was told already is not told twice. */
		if (foreign(&p->entries[i]))
			continue;
		found += k != SIZE_MAX;
		rc = compare_entry(r, &p->entries[i],
				   k == SIZE_MAX ? NULL : &yield->entries[k]);
	}
	if (rc < 0 || found == yield->n)
		return rc;
	rc = om_fail(r->e, OM_ERR_INPUT, -EINVAL,
		     "cannot express the profile: an instance has more names than it");
	om_error_where(r->e, p->name, 0, 0, NULL);
	return om_error_collect(r->args->errors, r->e, rc);
}

/* Both are put into the same order when they are applied, so that does not count. */
static int compare(struct reverser *r)
{
	_cleanup_profile_ struct om_profile *yield = NULL;
	struct om_index index = { 0 };
	int rc = om_layout_emit(&r->c, &yield);

	for (size_t i = 0; rc == 0 && i < yield->n; i++)
		if (om_index_add(&index, yield->entries[i].target, i) < 0)
			rc = fail_memory(r);
	if (rc == 0)
		rc = compare_all(r, yield, &index);
	om_index_done(&index);
	return rc;
}

/* --- the text --------------------------------------------------------------------------- */

static void put_scalar(struct om_str *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._$+-";

	if ((*text == '/' || *text == '$') && !text[strspn(text, plain)])
		om_str_add(out, text);
	else
		om_yaml_add_quoted(out, text);
}

/* A path by the variable that it lies in. */
static void put_path(struct om_str *out, const struct om_layout_space *space,
		     const char *path)
{
	const struct {
		const char *name, *value;
	} variables[] = { { "$SNAP", space->snap },
			  { "$SNAP_DATA", space->data },
			  { "$SNAP_COMMON", space->common } };
	_cleanup_str_ struct om_str text = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(variables) && text.len == 0; i++)
		if (om_path_is_under(path, variables[i].value))
			om_str_addf(&text, "%s%s", variables[i].name,
				    path + strlen(variables[i].value));
	if (text.err < 0)
		out->err = text.err;
	put_scalar(out, text.len ? text.s : path);
}

static void put_item(struct om_str *out, const struct om_layout_space *space,
		     const struct om_layout_compiled *item)
{
	_cleanup_str_ struct om_str target = { 0 };

	put_path(&target, space, item->target);
	if (target.err < 0)
		out->err = target.err;
	om_str_addf(out, target.len > MAX_SIMPLE_KEY ? "  ? %s\n  :\n" : "  %s:\n",
		    om_str_get(&target));
	om_str_addf(out, "    %s: ", om_layout_key_name(item->kind));
	if (item->kind == OM_LAYOUT_TYPE)
		om_str_add(out, "tmpfs");
	else
		put_path(out, space, item->source);
	om_str_add(out, "\n");
	for (unsigned k = OM_LAYOUT_USER; k < _OM_LAYOUT_KEY_MAX; k++)
		if (item->raw->values[k].s)
			om_str_addf(out, "    %s: %s\n",
				    om_layout_key_name((enum om_layout_key)k),
				    item->raw->values[k].s);
}

/* By which options the document yields the profile, where they matter. */
static void put_options(struct om_str *out, const struct reverser *r)
{
	const struct owner *owner = &r->owner;
	bool revision = owner->revision && !om_streq(owner->revision, "unset");

	if (!revision && !owner->key && !r->args->proposal)
		return;
	om_str_add(out, "# overmount layout");
	if (r->args->proposal)
		om_str_add(out, " --compat proposal");
	if (revision)
		om_str_addf(out, " --revision %s", owner->revision);
	if (owner->key)
		om_str_addf(out, " --instance-key %s", owner->key);
	om_str_add(out, "\n");
}

static int put_document(struct reverser *r, struct om_str *out)
{
	size_t start = out->len;

	put_options(out, r);
	if (r->owner.name)
		om_str_addf(out, "name: %s\n", r->owner.name);
	om_str_add(out, r->c.n > 0 ? "layout:\n" : "layout: {}\n");
	for (size_t i = 0; i < r->c.n; i++)
		put_item(out, &r->c.space, &r->c.items[i]);
	if (out->err == 0)
		return 0;
	om_str_cut(out, start);
	return fail_memory(r);
}

static void reverser_done(struct reverser *r)
{
	om_layout_compiler_done(&r->c);
	free(r->owner.name);
	free(r->owner.revision);
	free(r->owner.key);
}

static int fail_owner(struct reverser *r)
{
	int rc = om_fail(r->e, OM_ERR_INPUT, -EINVAL,
			 "cannot make a layout: no path tells the name of the snap");

	om_error_where(r->e, r->args->profile->name, 0, 0, NULL);
	om_error_fix(r->e, "give it with --name");
	return rc;
}

/* Rules are told all at once, but what breaks one yields nothing to compare. */
static int judge(struct reverser *r)
{
	struct om_error_list *rules = r->layout.errors;
	int rc;

	if (!r->owner.name && r->c.document.items.n > 0)
		return fail_owner(r);
	rc = om_layout_compile_items(&r->c);
	if (rc == 0 && (!rules || rules->n == 0))
		rc = compare(r);
	for (size_t i = 0; rules && i < rules->n && rc == 0; i++) {
		*r->e = rules->v[i];
		rc = om_error_collect(r->args->errors, r->e, r->e->err);
	}
	return rc;
}

static int reverse(struct reverser *r)
{
	_cleanup_free_ struct om_error_list *rules = calloc(1, sizeof(*rules));
	int rc = rules ? learn(r) : fail_memory(r);

	r->layout = (struct om_layout_args){
		.file = r->args->profile->name,
		.name = r->owner.name,
		.revision = r->owner.revision,
		.instance_key = r->owner.key,
		.proposal = r->args->proposal,
		.errors = r->args->errors ? rules : NULL,
	};
	if (rc == 0)
		rc = make_document(r);
	if (rc == 0)
		rc = judge(r);
	r->layout.errors = NULL;
	return rc;
}

int om_layout_reverse(const struct om_reverse_args *args, struct om_str *out,
		      struct om_error *e)
{
	struct om_error own = { 0 };
	_cleanup_(reverser_done) struct reverser r = { .args = args, .e = e ? e : &own };
	int rc;

	r.c.args = &r.layout;
	r.c.e = r.e;
	rc = reverse(&r);
	if (args->errors) {
		rc = om_error_collect(args->errors, r.e, rc);
		if (rc == 0)
			rc = om_error_list_first(args->errors, r.e);
	}
	return rc < 0 ? rc : put_document(&r, out);
}
