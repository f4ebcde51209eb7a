/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See entry.h.  Options of mounts are read by the table that our own profiles have; what
 * snapd writes beside them, and what its tool passes over, is dealt with here.
 */
#include "snapd/entry.h"

#include <errno.h>
#include <string.h>

#include "base/path.h"
#include "profile/options.h"

#define KIND "x-snapd.kind"
#define ORIGIN "x-snapd.origin"

enum om_snapd_kind om_snapd_entry_kind(const struct om_snapd_entry *entry)
{
	static const struct {
		const char *word;
		enum om_snapd_kind kind;
	} kinds[] = {
		{ "", OM_SNAPD_DIR },
		{ "file", OM_SNAPD_FILE },
		{ "symlink", OM_SNAPD_SYMLINK },
		{ "ensure-dir", OM_SNAPD_ENSURE_DIR },
	};
	const char *word = om_snapd_entry_value(entry, KIND);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (om_streq(word ? word : "", kinds[i].word))
			return kinds[i].kind;
	return OM_SNAPD_UNKNOWN;
}

enum om_origin om_snapd_entry_origin(const struct om_snapd_entry *entry)
{
	const char *word = om_snapd_entry_value(entry, ORIGIN);

	if (om_streq(word, "layout"))
		return OM_ORIGIN_LAYOUT;
	if (om_streq(word, "overname"))
		return OM_ORIGIN_OVERNAME;
	if (om_streq(word, "rootfs"))
		return OM_ORIGIN_ROOTFS;
	return OM_ORIGIN_GENERAL;
}

bool om_snapd_entry_is_bind(const struct om_snapd_entry *entry)
{
	return om_snapd_entry_has(entry, "bind") || om_snapd_entry_has(entry, "rbind");
}

const char *om_snapd_clean(struct om_texts *texts, const char *path)
{
	_cleanup_str_ struct om_str clean = { 0 };
	const char *text;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0) {
			const char *last = strrchr(om_str_get(&clean), '/');

			om_str_cut(&clean,
				   last ? (size_t)(last - om_str_get(&clean)) : 0);
		} else if (n > 1 || (n == 1 && *path != '.')) {
			om_str_add(&clean, "/");
			om_str_add_n(&clean, path, n);
		}
		path += n + (path[n] == '/');
	}
	text = clean.len > 0 ? om_str_get(&clean) : "/";
	return clean.err < 0 ? NULL : om_texts_keep(texts, text, strlen(text));
}

/* What snapd's tool does not hand to mount(2), and no reader of ours knows. */
static bool is_ignored(const struct om_snapd_entry *entry, const char *option)
{
	static const char *const known[] = {
		"x-snapd.symlink=",  "x-snapd.id=",    "x-snapd.needed-by=",
		"x-snapd.synthetic", "x-snapd.detach", "x-snapd.mode=",
		"x-snapd.uid=",	     "x-snapd.gid=",   "x-snapd.user=",
		"x-snapd.group=",
	};

	if (!om_startswith(option, "x-snapd."))
		return false;
	if (om_startswith(option, KIND "="))
		return om_snapd_entry_kind(entry) == OM_SNAPD_DIR;
	if (om_startswith(option, ORIGIN "="))
		return om_snapd_entry_origin(entry) == OM_ORIGIN_GENERAL;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (om_startswith(option, known[i]))
			return false;
	return true;
}

static int join(const struct om_snapd_entry *entry, struct om_str *ret)
{
	for (size_t i = 0; i < entry->options.n; i++) {
		if (is_ignored(entry, entry->options.v[i]))
			continue;
		om_str_add(ret, ret->len > 0 ? "," : "");
		om_str_add(ret, entry->options.v[i]);
	}
	if (ret->len == 0)
		om_str_add(ret, "defaults");
	return ret->err;
}

static int check_paths(const struct om_snapd_entry *from, const struct om_entry *entry,
		       struct om_error *e)
{
	const char *bad = om_path_unclean(entry->target);

	if (from->dir[0] != '/')
		bad = "not absolute";
	if (bad || om_streq(entry->target, "/"))
		return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot mount at %s: %s",
			       OM_Q(from->dir),
			       bad ? bad : "it would hide the root directory");
	if (!om_snapd_entry_is_bind(from))
		return 0;
	bad = om_path_unclean(entry->source);
	return bad ? om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use source %s: %s",
			     OM_Q(entry->source), bad)
		   : 0;
}

/* Writable copies of the options: the entry points into the second one. */
static int read_options(struct om_entry *entry, struct om_texts *texts,
			const struct om_str *options, struct om_error *e)
{
	const char *kept = om_texts_keep(texts, om_str_get(options), options->len);
	/* The texts are ours to cut, as long as nobody else has seen them. */
	char *scratch = (char *)(uintptr_t)om_texts_keep(texts, om_str_get(options),
							 options->len);

	if (!kept || !scratch)
		return -ENOMEM;
	entry->options = kept;
	return om_options_read(entry, scratch, e);
}

int om_snapd_entry_convert(const struct om_snapd_entry *entry, struct om_texts *texts,
			   struct om_entry *ret, struct om_error *e)
{
	bool bind = om_snapd_entry_is_bind(entry);
	_cleanup_str_ struct om_str options = { 0 };
	int r = join(entry, &options);

	*ret = (struct om_entry){
		.source = entry->name,
		.target = om_snapd_clean(texts, entry->dir),
		/* A bind has no type, whatever is written there. */
		.type = bind || !*entry->type ? "none" : entry->type,
		.line = entry->line,
	};
	if (r < 0 || !ret->target)
		return -ENOMEM;
	r = check_paths(entry, ret, e);
	if (r == 0 && !om_streq(ret->type, "none") && !om_streq(ret->type, "tmpfs"))
		r = om_fail(e, OM_ERR_INPUT, -EINVAL,
			    "cannot use type %s: it must be none or tmpfs",
			    OM_Q(ret->type));
	return r < 0 ? r : read_options(ret, texts, &options, e);
}
