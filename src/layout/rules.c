/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See rules.h.  snapd compares some prefixes byte by byte, expands a variable that it
 * does not know to nothing when a digit follows, and lets a layout hide its own
 * directories.  All of that is found here, and nothing of it in the mode of our own.
 */
#include "layout/rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"

int om_layout_space_init(struct om_layout_space *space, const char *name,
			 const char *revision, bool snapd)
{
	const char *shown = name ? name : "";

	space->name = name;
	space->snapd = snapd;
	space->snap = om_asprintf("/snap/%s/%s", shown, revision);
	space->data = om_asprintf("/var/snap/%s/%s", shown, revision);
	space->common = om_asprintf("/var/snap/%s/common", shown);
	return space->snap && space->data && space->common ? 0 : -ENOMEM;
}

void om_layout_space_done(struct om_layout_space *space)
{
	free(space->snap);
	free(space->data);
	free(space->common);
}

/* The value of the variable whose name is n bytes long, or NULL. */
static const char *find_variable(const struct om_layout_space *space, const char *name,
				 size_t n)
{
	const struct {
		const char *name, *value;
	} variables[] = { { "SNAP", space->snap },
			  { "SNAP_DATA", space->data },
			  { "SNAP_COMMON", space->common } };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (strlen(variables[i].name) == n &&
		    strncmp(variables[i].name, name, n) == 0)
			return variables[i].value;
	return NULL;
}

int om_layout_expand(const struct om_layout_space *space, const char *text, char **ret,
		     char buf[static OM_REASON_SIZE])
{
	_cleanup_str_ struct om_str out = { 0 };

	for (;;) {
		size_t plain = strcspn(text, "$"), n = 0, digits = 0;
		const char *value;

		om_str_add_n(&out, text, plain);
		text += plain;
		if (!*text)
			break;
		text++;
		while (isalpha((unsigned char)text[n]) || text[n] == '_')
			n++;
		while (isalnum((unsigned char)text[n + digits]) ||
		       text[n + digits] == '_')
			digits++;
		/* snapd checks the name up to a digit, and then expands the whole of it. */
		value = find_variable(space, text, space->snapd ? n : n + digits);
		if (!value) {
			(void)snprintf(buf, OM_REASON_SIZE,
				       "reference to unknown variable \"$%.*s\"",
				       (int)(n + digits < 40 ? n + digits : 40), text);
			return -EINVAL;
		}
		if (!space->snapd || digits == 0)
			om_str_add(&out, value);
		text += n + digits;
	}
	*ret = om_str_take(&out);
	return *ret ? 0 : -ENOMEM;
}

/* Absolute and without anything that could be left out; no limit is asked. */
static bool is_clean(const char *path)
{
	if (path[0] != '/' || om_streq(path, "/"))
		return path[0] == '/';
	while (*path) {
		size_t n = strcspn(++path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
	}
	return true;
}

/* Why the bytes of a path are not good, whatever it names. */
static const char *form_bad(const struct om_layout_space *space, const char *path,
			    char buf[static OM_REASON_SIZE])
{
	const char *reason;

	if (space->snapd) {
		const char *p = strpbrk(path, "?*[]{}^\"");

		if (!p)
			return is_clean(path) ? NULL : "it must be absolute and clean";
		(void)snprintf(buf, OM_REASON_SIZE, "character '%c' is not allowed", *p);
		return buf;
	}
	/* What is unfit goes first: later reasons quote the path. */
	reason = om_text_unfit(buf, path);
	if (!reason)
		reason = om_text_special(buf, path);
	return reason ? reason : om_path_unclean(path);
}

static bool is_off_limits(const char *target)
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

	for (size_t i = 0; i < ARRAY_SIZE(off_limits); i++)
		if (om_path_is_under(target, off_limits[i]))
			return true;
	return false;
}

static const char *top_level_bad(const char *target, char buf[static OM_REASON_SIZE])
{
	static const char *const top[] = { "/bin", "/etc", "/lib",  "/lib64",	"/meta",
					   "/mnt", "/opt", "/root", "/sbin",	"/snap",
					   "/srv", "/usr", "/var",  "/writable" };
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		if (om_path_is_under(target, top[i]))
			return NULL;
	n = (int)om_path_prefix_len(target, 1);
	/* What cannot be shown as it is stands, quoted, before the reason. */
	for (int i = 0; i < n; i++)
		if (n > 40 || target[i] < ' ' || target[i] > '~')
			return "it defines a new top-level directory";
	(void)snprintf(buf, OM_REASON_SIZE,
		       "it defines a new top-level directory \"%.*s\"", n, target);
	return buf;
}

/* Whether a target below /snap belongs to somebody else. */
static bool is_foreign(const struct om_layout_space *space, const char *raw,
		       const char *target)
{
	char own[64];

	(void)snprintf(own, sizeof(own), "/snap/%s", space->name);
	if (space->snapd)
		return om_startswith(raw, "/snap/") && !om_startswith(raw, own);
	return om_path_is_under(target, "/snap") && !om_path_is_under(target, own);
}

const char *om_layout_target_bad(const struct om_layout_space *space, const char *raw,
				 const char *target, char buf[static OM_REASON_SIZE])
{
	const char *reason = form_bad(space, target, buf);

	if (reason)
		return reason;
	if (om_streq(target, "/"))
		return space->snapd ? NULL : "it would hide the root directory";
	if (is_off_limits(target))
		return "it is in an off-limits area";
	if (is_foreign(space, raw, target))
		return "it is in space that belongs to another snap";
	/* Without it snapd cannot be reached.  snapd lets it happen, but no snap does it. */
	if (!space->snapd && om_path_is_under("/var/lib/snapd", target))
		return "it would hide /var/lib/snapd";
	return space->proposal ? NULL : top_level_bad(target, buf);
}

static bool is_in(const struct om_layout_space *space, const char *path, const char *base)
{
	return space->snapd ? om_startswith(path, base) != NULL
			    : om_path_is_under(path, base);
}

const char *om_layout_source_bad(const struct om_layout_space *space, const char *source,
				 char buf[static OM_REASON_SIZE])
{
	const char *reason = form_bad(space, source, buf);

	if (!reason && !is_in(space, source, space->snap) &&
	    !is_in(space, source, space->data) && !is_in(space, source, space->common))
		reason = "it must start with $SNAP, $SNAP_DATA or $SNAP_COMMON";
	return reason;
}

const char *om_layout_link_bad(const struct om_layout_space *space, const char *link,
			       char buf[static OM_REASON_SIZE])
{
	return space->proposal ? form_bad(space, link, buf)
			       : om_layout_source_bad(space, link, buf);
}
