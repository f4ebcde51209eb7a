/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See layout.h.  Accepts what snapd accepts and writes the same bytes for it, but for a
 * few holes of snapd's that are closed here: prefixes are compared by whole components,
 * nested targets are found however they are spelt, and "/" is no target.
 */
#include "layout/layout.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "layout/document.h"
#include "profile/check.h"
#include "profile/text.h"

struct item {
	const struct om_layout_item *raw;
	enum om_layout_key kind;
	char *target; /* expanded, owned */
	char *source; /* expanded, owned; NULL for a tmpfs */
	mode_t mode;
	unsigned long long uid, gid;
	/* Where the strings of the entry begin in the arena. */
	size_t at_source, at_target, at_options, at_scratch;
};

struct compiler {
	const struct om_layout_args *args;
	struct om_error *e;
	struct om_layout_document document;
	const char *name;
	char *snap, *data, *common; /* what the variables stand for; owned */
	struct item *items;	    /* owned; in the order of the raw targets */
	size_t n;
	struct om_str arena;
};

static int fail_memory(struct compiler *c)
{
	return om_fail_errno(c->e, OM_ERR_SYSTEM, -ENOMEM, "cannot compile the layout");
}

static int fail_target(struct compiler *c, const struct item *item, const char *reason)
{
	const struct om_layout_text *target = &item->raw->target;
	int rc = om_fail(c->e, OM_ERR_INPUT, -EINVAL, "cannot lay out %s: %s",
			 OM_Q(target->s), reason);

	om_layout_where(c->e, c->args->file, target, target->s, NULL);
	return rc;
}

static int fail_value(struct compiler *c, const struct item *item, enum om_layout_key key,
		      const char *reason)
{
	const struct om_layout_text *value = &item->raw->values[key];
	const char *noun = key == OM_LAYOUT_TYPE || key >= OM_LAYOUT_USER
				   ? om_layout_key_name(key)
				   : "source";
	int rc = om_fail(c->e, OM_ERR_INPUT, -EINVAL, "cannot use %s %s: %s", noun,
			 OM_Q(value->s), reason);

	om_layout_where(c->e, c->args->file, value, item->raw->target.s,
			om_layout_key_name(key));
	return rc;
}

static bool is_name_char(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/*
 * Replaces $SNAP, $SNAP_DATA and $SNAP_COMMON.  0 with *ret malloc'ed, -ENOMEM, or
 * -EINVAL with the reason in buf.
 */
static int expand(const struct compiler *c, const char *text, char **ret,
		  char buf[static OM_REASON_SIZE])
{
	const struct {
		const char *name, *value;
	} variables[] = { { "SNAP", c->snap },
			  { "SNAP_DATA", c->data },
			  { "SNAP_COMMON", c->common } };
	_cleanup_str_ struct om_str out = { 0 };

	while (*text) {
		size_t plain = strcspn(text, "$"), n = 0;
		const char *value = NULL;

		om_str_add_n(&out, text, plain);
		text += plain;
		if (!*text)
			break;
		text++;
		while (is_name_char(text[n]))
			n++;
		for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
			if (strlen(variables[i].name) == n &&
			    strncmp(variables[i].name, text, n) == 0)
				value = variables[i].value;
		if (!value) {
			(void)snprintf(buf, OM_REASON_SIZE,
				       "reference to unknown variable \"$%.*s\"",
				       (int)(n < 40 ? n : 40), text);
			return -EINVAL;
		}
		om_str_add(&out, value);
		text += n;
	}
	*ret = om_str_take(&out);
	return *ret ? 0 : -ENOMEM;
}

/* The reason why an expanded target is out of bounds, or NULL. */
static const char *target_bad(const struct compiler *c, const char *target,
			      char buf[static OM_REASON_SIZE])
{
	static const char *const off_limits[] = {
		"/dev",		 "/proc",
		"/sys",		 "/media",
		"/run",		 "/var/run",
		"/tmp",		 "/var/lib/snapd",
		"/lib/firmware", "/usr/lib/firmware",
		"/lib/modules",	 "/usr/lib/modules",
		"/var/snap",	 "/home",
		"/boot",	 "/lost+found",
	};
	static const char *const top[] = { "/bin", "/etc", "/lib",  "/lib64",	"/meta",
					   "/mnt", "/opt", "/root", "/sbin",	"/snap",
					   "/srv", "/usr", "/var",  "/writable" };
	char own[64];
	int n;

	if (om_streq(target, "/"))
		return "it would hide the root directory";
	for (size_t i = 0; i < ARRAY_SIZE(off_limits); i++)
		if (om_path_is_under(target, off_limits[i]))
			return "it is in an off-limits area";
	(void)snprintf(own, sizeof(own), "/snap/%s", c->name);
	if (om_path_is_under(target, "/snap") && !om_path_is_under(target, own))
		return "it is in space that belongs to another snap";
	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		if (om_path_is_under(target, top[i]))
			return NULL;
	n = (int)om_path_prefix_len(target, 1);
	if (n > 40)
		return "it defines a new top-level directory";
	(void)snprintf(buf, OM_REASON_SIZE,
		       "it defines a new top-level directory \"%.*s\"", n, target);
	return buf;
}

static int read_target(struct compiler *c, struct item *item)
{
	char buf[OM_REASON_SIZE];
	const char *raw = item->raw->target.s, *reason;
	int rc;

	if (!*raw)
		return fail_target(c, item, "empty path");
	rc = expand(c, raw, &item->target, buf);
	if (rc == -EINVAL)
		return fail_target(c, item, buf);
	if (rc < 0)
		return fail_memory(c);
	/* What is unfit goes first: later reasons quote the path. */
	reason = om_text_unfit(buf, item->target);
	if (!reason)
		reason = om_text_special(buf, item->target);
	if (!reason)
		reason = om_path_unclean(item->target);
	if (!reason)
		reason = target_bad(c, item->target, buf);
	return reason ? fail_target(c, item, reason) : 0;
}

static int read_kind(struct compiler *c, struct item *item)
{
	unsigned found = 0;

	for (unsigned i = OM_LAYOUT_BIND; i <= OM_LAYOUT_TYPE; i++) {
		if (!item->raw->values[i].s)
			continue;
		item->kind = (enum om_layout_key)i;
		found++;
	}
	if (found == 1)
		return 0;
	return fail_target(
		c, item,
		"it must define exactly one of bind, bind-file, symlink and type");
}

static int read_source(struct compiler *c, struct item *item)
{
	char buf[OM_REASON_SIZE];
	const char *raw = item->raw->values[item->kind].s, *reason;
	int rc;

	if (item->kind == OM_LAYOUT_TYPE)
		return om_streq(raw, "tmpfs")
			       ? 0
			       : fail_value(c, item, item->kind, "it must be tmpfs");
	rc = expand(c, raw, &item->source, buf);
	if (rc == -EINVAL)
		return fail_value(c, item, item->kind, buf);
	if (rc < 0)
		return fail_memory(c);
	reason = om_text_unfit(buf, item->source);
	if (!reason)
		reason = om_text_special(buf, item->source);
	if (!reason)
		reason = om_path_unclean(item->source);
	if (!reason && !om_path_is_under(item->source, c->snap) &&
	    !om_path_is_under(item->source, c->data) &&
	    !om_path_is_under(item->source, c->common))
		reason = "it must start with $SNAP, $SNAP_DATA or $SNAP_COMMON";
	/* There is no escape for it among the options, where a link's content goes. */
	if (!reason && item->kind == OM_LAYOUT_SYMLINK && strchr(item->source, ','))
		reason = "a profile cannot express a comma in a symbolic link";
	return reason ? fail_value(c, item, item->kind, reason) : 0;
}

static int read_owner(struct compiler *c, const struct item *item, enum om_layout_key key,
		      unsigned long long *ret)
{
	const char *value = item->raw->values[key].s;

	if (!value || !*value || om_streq(value, "root"))
		return 0;
	if (om_parse_number(value, 10, UINT32_MAX - 1, ret) == 0)
		return 0;
	return fail_value(c, item, key, "it must be root or a number");
}

static int read_attributes(struct compiler *c, struct item *item)
{
	const char *mode = item->raw->values[OM_LAYOUT_MODE].s;
	unsigned long long bits = 0755;
	int rc;

	rc = read_owner(c, item, OM_LAYOUT_USER, &item->uid);
	if (rc < 0)
		return rc;
	rc = read_owner(c, item, OM_LAYOUT_GROUP, &item->gid);
	if (rc < 0)
		return rc;
	if (mode && om_parse_number(mode, 8, UINT32_MAX, &bits) < 0)
		return fail_value(c, item, OM_LAYOUT_MODE,
				  "it must be octal, at most 01777");
	if (bits & ~01777ULL)
		return fail_value(c, item, OM_LAYOUT_MODE,
				  "only the permissions and the sticky bit may be set");
	item->mode = (mode_t)bits;
	return 0;
}

static int by_raw_target(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	return strcmp(a->raw->target.s, b->raw->target.s);
}

static int by_target(const void *pa, const void *pb)
{
	const struct item *a = *(const struct item *const *)pa;
	const struct item *b = *(const struct item *const *)pb;
	int r = om_path_compare(a->target, b->target);

	return r ? r : by_raw_target(a, b);
}

static int by_source(const void *pa, const void *pb)
{
	const struct item *a = *(const struct item *const *)pa;
	const struct item *b = *(const struct item *const *)pb;
	int r = strcmp(a->source, b->source);

	return r ? r : by_raw_target(a, b);
}

/* With the parent sorted first, everything below it follows at once. */
static int check_nesting(struct compiler *c, const struct item **sorted)
{
	const struct item *above = NULL;

	for (size_t i = 0; i < c->n; i++) {
		_cleanup_free_ char *reason = NULL;

		if (!above || !om_path_is_under(sorted[i]->target, above->target)) {
			above = sorted[i];
			continue;
		}
		reason = om_asprintf("it lies under the layout %s",
				     OM_Q(above->raw->target.s));
		return reason ? fail_target(c, sorted[i], reason) : fail_memory(c);
	}
	return 0;
}

static int check_sources(struct compiler *c, const struct item **sorted, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (om_streq(sorted[i]->source, sorted[i - 1]->source) &&
		    sorted[i]->kind != sorted[i - 1]->kind)
			return fail_value(
				c, sorted[i], sorted[i]->kind,
				sorted[i]->kind == OM_LAYOUT_BIND
					? "another layout uses it as a file"
					: "another layout uses it as a directory");
	return 0;
}

static int check_items(struct compiler *c)
{
	_cleanup_free_ const struct item **sorted = calloc(c->n + 1, sizeof(*sorted));
	size_t binds = 0;
	int rc;

	if (!sorted)
		return fail_memory(c);
	for (size_t i = 1; i < c->n; i++)
		if (by_raw_target(&c->items[i - 1], &c->items[i]) == 0)
			return fail_target(c, &c->items[i], "the key is given twice");
	for (size_t i = 0; i < c->n; i++)
		sorted[i] = &c->items[i];
	qsort(sorted, c->n, sizeof(*sorted), by_target);
	rc = check_nesting(c, sorted);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].kind == OM_LAYOUT_BIND ||
		    c->items[i].kind == OM_LAYOUT_BIND_FILE)
			sorted[binds++] = &c->items[i];
	qsort(sorted, binds, sizeof(*sorted), by_source);
	return check_sources(c, sorted, binds);
}

static int read_items(struct compiler *c)
{
	int rc = 0;

	c->n = c->document.items.n;
	c->items = calloc(c->n + 1, sizeof(*c->items));
	if (!c->items)
		return fail_memory(c);
	for (size_t i = 0; i < c->n; i++)
		c->items[i].raw = &c->document.items.v[i];
	qsort(c->items, c->n, sizeof(*c->items), by_raw_target);
	for (size_t i = 0; i < c->n && rc == 0; i++) {
		struct item *item = &c->items[i];

		rc = read_target(c, item);
		if (rc == 0)
			rc = read_kind(c, item);
		if (rc == 0)
			rc = read_source(c, item);
		if (rc == 0)
			rc = read_attributes(c, item);
	}
	return rc < 0 ? rc : check_items(c);
}

/* Adds text with its NUL to the arena and returns where it starts. */
static size_t put(struct compiler *c, const char *text)
{
	size_t at = c->arena.len;

	om_str_add_n(&c->arena, text, strlen(text) + 1);
	return at;
}

static void put_options(struct item *item, struct om_str *out)
{
	static const char *const leading[_OM_LAYOUT_KEY_MAX] = {
		[OM_LAYOUT_BIND] = "rbind,rw,",
		[OM_LAYOUT_BIND_FILE] = "bind,rw,x-snapd.kind=file,",
		[OM_LAYOUT_SYMLINK] = "x-snapd.kind=symlink,x-snapd.symlink=",
		[OM_LAYOUT_TYPE] = "",
	};

	om_str_add(out, leading[item->kind]);
	if (item->kind == OM_LAYOUT_SYMLINK)
		om_str_addf(out, "%s,", item->source);
	if (item->uid)
		om_str_addf(out, "x-snapd.uid=%llu,", item->uid);
	if (item->gid)
		om_str_addf(out, "x-snapd.gid=%llu,", item->gid);
	if (item->mode != 0755)
		om_str_addf(out, "x-snapd.mode=%#o,", (unsigned)item->mode);
	om_str_add(out, "x-snapd.origin=layout");
}

static int put_item(struct compiler *c, struct item *item)
{
	_cleanup_str_ struct om_str options = { 0 };

	put_options(item, &options);
	if (options.err < 0)
		return fail_memory(c);
	item->at_target = put(c, item->target);
	if (item->kind == OM_LAYOUT_BIND || item->kind == OM_LAYOUT_BIND_FILE)
		item->at_source = put(c, item->source);
	item->at_options = put(c, options.s);
	item->at_scratch = put(c, options.s);
	return 0;
}

/* The snap's own directories under the names that its code knows. */
static int put_overname(struct compiler *c, struct item *item, const char *dir)
{
	const char *options = "rbind,x-snapd.origin=overname";

	item->kind = OM_LAYOUT_BIND;
	item->target = om_asprintf("%s/%s", dir, c->name);
	item->source = om_asprintf("%s/%s_%s", dir, c->name, c->args->instance_key);
	if (!item->target || !item->source)
		return fail_memory(c);
	item->at_target = put(c, item->target);
	item->at_source = put(c, item->source);
	item->at_options = put(c, options);
	item->at_scratch = put(c, options);
	return 0;
}

static int add_entry(struct compiler *c, struct om_profile *p, const struct item *item)
{
	struct om_entry *entry = &p->entries[p->n];
	const char *field;
	int rc;

	*entry = (struct om_entry){
		.source = item->kind == OM_LAYOUT_TYPE	    ? "tmpfs"
			  : item->kind == OM_LAYOUT_SYMLINK ? "none"
							    : p->arena + item->at_source,
		.target = p->arena + item->at_target,
		.type = item->kind == OM_LAYOUT_TYPE ? "tmpfs" : "none",
		.options = p->arena + item->at_options,
		.line = item->raw ? item->raw->target.line : 0,
	};
	p->n++;
	rc = om_entry_complete(entry, p->arena + item->at_scratch, &field, c->e);
	if (rc < 0 && item->raw)
		om_layout_where(c->e, c->args->file, &item->raw->target,
				item->raw->target.s, NULL);
	return rc;
}

static int fill(struct compiler *c, struct item overname[static 2], struct om_profile *p)
{
	size_t overnames = c->args->instance_key ? 2 : 0;
	int rc = 0;

	if (overnames) {
		rc = put_overname(c, &overname[0], "/snap");
		if (rc == 0)
			rc = put_overname(c, &overname[1], "/var/snap");
	}
	for (size_t i = 0; i < c->n && rc == 0; i++)
		rc = put_item(c, &c->items[i]);
	if (rc < 0)
		return rc;
	p->name = strdup(c->args->file);
	p->entries = calloc(overnames + c->n + 1, sizeof(*p->entries));
	p->arena = om_str_take(&c->arena);
	if (!p->name || !p->entries || !p->arena)
		return fail_memory(c);
	for (size_t i = 0; i < overnames && rc == 0; i++)
		rc = add_entry(c, p, &overname[i]);
	for (size_t i = 0; i < c->n && rc == 0; i++)
		rc = add_entry(c, p, &c->items[i]);
	return rc < 0 ? rc : om_profile_check(p, c->e);
}

static int make_profile(struct compiler *c, struct om_profile **ret)
{
	_cleanup_profile_ struct om_profile *p = calloc(1, sizeof(*p));
	struct item overname[2] = { 0 };
	int rc = p ? fill(c, overname, p) : fail_memory(c);

	for (size_t i = 0; i < ARRAY_SIZE(overname); i++) {
		free(overname[i].target);
		free(overname[i].source);
	}
	if (rc < 0)
		return rc;
	*ret = TAKE_PTR(p);
	return 0;
}

static const char *revision_bad(const char *revision)
{
	const char *digits = revision + (revision[0] == 'x');

	if (om_streq(revision, "unset"))
		return NULL;
	if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 10)
		return "it must be a number, x and a number, or unset";
	return NULL;
}

static int fail_argument(struct compiler *c, const char *what, const char *value,
			 const char *reason)
{
	return om_fail(c->e, OM_ERR_INPUT, -EINVAL, "cannot use %s %s: %s", what,
		       OM_Q(value), reason);
}

static int check_name(struct compiler *c)
{
	const char *reason;
	int rc;

	c->name = c->args->name ? c->args->name : c->document.name.s;
	if (!c->name) {
		if (c->document.items.n == 0 && !c->args->instance_key)
			return 0;
		rc = om_fail(c->e, OM_ERR_INPUT, -EINVAL,
			     "cannot compile the layout: the document has no name");
		om_error_where(c->e, c->args->file, 0, 0, "name");
		om_error_fix(c->e, "give the name of the snap on the command line");
		return rc;
	}
	reason = om_snap_name_check(c->name);
	if (!reason)
		return 0;
	rc = fail_argument(c, "snap name", c->name, reason);
	if (!c->args->name)
		om_error_where(c->e, c->args->file, c->document.name.line,
			       c->document.name.column, "name");
	return rc;
}

static int prepare(struct compiler *c)
{
	const char *revision = c->args->revision ? c->args->revision : "unset";
	const char *key = c->args->instance_key, *reason;
	int rc = check_name(c);

	if (rc < 0)
		return rc;
	reason = key ? om_instance_key_check(key) : NULL;
	if (reason)
		return fail_argument(c, "instance key", key, reason);
	reason = revision_bad(revision);
	if (reason)
		return fail_argument(c, "revision", revision, reason);
	c->snap = om_asprintf("/snap/%s/%s", c->name ? c->name : "", revision);
	c->data = om_asprintf("/var/snap/%s/%s", c->name ? c->name : "", revision);
	c->common = om_asprintf("/var/snap/%s/common", c->name ? c->name : "");
	return c->snap && c->data && c->common ? 0 : fail_memory(c);
}

static int compile(struct compiler *c, struct om_profile **ret)
{
	int rc;

	rc = om_layout_document_read(c->args->file, c->args->text, c->args->size,
				     &c->document, c->e);
	if (rc < 0)
		return rc;
	rc = prepare(c);
	if (rc < 0)
		return rc;
	rc = read_items(c);
	if (rc < 0)
		return rc;
	return make_profile(c, ret);
}

static void compiler_free(struct compiler *c)
{
	for (size_t i = 0; i < c->n && c->items; i++) {
		free(c->items[i].target);
		free(c->items[i].source);
	}
	free(c->items);
	free(c->snap);
	free(c->data);
	free(c->common);
	om_str_free(&c->arena);
	om_layout_document_free(&c->document);
}

int om_layout_compile(const struct om_layout_args *args, struct om_profile **ret,
		      char **ret_name, struct om_error *e)
{
	_cleanup_(compiler_free) struct compiler c = { .args = args, .e = e };
	_cleanup_profile_ struct om_profile *p = NULL;
	_cleanup_free_ char *name = NULL;
	int rc;

	rc = compile(&c, &p);
	if (rc < 0)
		return rc;
	if (ret_name && c.name) {
		name = strdup(c.name);
		if (!name)
			return fail_memory(&c);
	}
	if (ret_name)
		*ret_name = TAKE_PTR(name);
	*ret = TAKE_PTR(p);
	return 0;
}
