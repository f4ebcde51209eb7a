/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See expand.h.  A variable counts only as the first component of a path.
 */
#include "snapd/expand.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "snapd/entry.h"

#define MUST_EXIST "x-snapd.must-exist-dir"

/* The text behind the variable, or NULL when path does not start with it. */
static const char *behind(const char *path, const char *variable)
{
	const char *rest = om_startswith(path, variable);

	return rest && (*rest == '\0' || *rest == '/') ? rest : NULL;
}

/* *path with value in the place of the variable, where it is there. */
static int replace(struct om_snapd_profile *p, const char **path, const char *variable,
		   const char *value)
{
	const char *rest = behind(*path, variable), *kept;
	_cleanup_free_ char *text = NULL;

	if (!rest)
		return 0;
	text = om_asprintf("%s%s", value, rest);
	kept = text ? om_texts_keep(&p->texts, text, strlen(text)) : NULL;
	if (!kept)
		return -ENOMEM;
	*path = kept;
	return 0;
}

const char *om_snapd_home_bad(const char *home)
{
	if (!*home)
		return "cannot allow empty path";
	if (*home != '/')
		return "cannot allow relative path";
	return om_path_unclean(home) ? "cannot allow unclean path" : NULL;
}

static int refuse_home(const struct om_snapd_entry *entry,
		       const struct om_snapd_user *user, struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };

	om_snapd_entry_print(entry, &text);
	return om_fail(e, OM_ERR_INPUT, -EINVAL,
		       "cannot expand mount entry (%s): cannot use invalid home "
		       "directory %s: %s",
		       om_str_get(&text), OM_Q(user->home), user->home_bad);
}

static int expand_home(struct om_snapd_profile *p, struct om_snapd_entry *entry,
		       const struct om_snapd_user *user, struct om_error *e)
{
	const char *parent = om_snapd_entry_value(entry, MUST_EXIST);
	_cleanup_free_ char *option = NULL;
	int r;

	if (!behind(entry->dir, "$HOME") && !(parent && behind(parent, "$HOME")))
		return 0;
	if (user->home_bad)
		return refuse_home(entry, user, e);
	r = replace(p, &entry->dir, "$HOME", user->home);
	if (r < 0 || !parent)
		return r;
	r = replace(p, &parent, "$HOME", user->home);
	option = r == 0 ? om_asprintf(MUST_EXIST "=%s", parent) : NULL;
	return option ? om_snapd_entry_replace(p, entry, option) : -ENOMEM;
}

int om_snapd_expand(struct om_snapd_profile *p, const struct om_snapd_user *user,
		    struct om_error *e)
{
	_cleanup_free_ char *runtime = om_asprintf("/run/user/%u", user->uid);
	int r = runtime ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < p->entries.n; i++) {
		struct om_snapd_entry *entry = &p->entries.v[i];

		r = replace(p, &entry->name, "$XDG_RUNTIME_DIR", runtime);
		if (r == 0)
			r = replace(p, &entry->dir, "$XDG_RUNTIME_DIR", runtime);
		if (r == 0 && om_snapd_entry_kind(entry) == OM_SNAPD_ENSURE_DIR)
			r = expand_home(p, entry, user, e);
	}
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot expand the profile")
		     : 0;
}
