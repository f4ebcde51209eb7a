/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See path.h.
 */
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"

static const char *unclean_component(const char *component, size_t n)
{
	if (n == 0)
		return "not clean: it has an empty component or ends in a slash";
	if (n == 1 && component[0] == '.')
		return "not clean: it has a '.' component";
	if (n == 2 && component[0] == '.' && component[1] == '.')
		return "it has a '..' component";
	if (n > OM_MAX_COMPONENT)
		return "a component is longer than 255 bytes";
	return NULL;
}

const char *om_path_unclean(const char *path)
{
	const char *p = path;
	size_t depth = 0;

	if (*path == '\0')
		return "empty";
	if (*path != '/')
		return "not absolute";
	if (strlen(path) > OM_MAX_PATH)
		return "longer than 4095 bytes";
	if (path[1] == '\0')
		return NULL;
	while (*p == '/') {
		size_t n = strcspn(++p, "/");
		const char *reason = unclean_component(p, n);

		if (reason)
			return reason;
		p += n;
		if (++depth > OM_MAX_DEPTH)
			return "more than 128 components";
	}
	return NULL;
}

bool om_path_is_under(const char *path, const char *base)
{
	size_t n = strlen(base);

	if (n == 1)
		return true;
	return strncmp(path, base, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool om_path_is_below(const char *path, const char *base)
{
	return om_path_is_under(path, base) && strcmp(path, base) != 0;
}

bool om_path_overlap(const char *a, const char *b)
{
	return om_path_is_under(a, b) || om_path_is_under(b, a);
}

const char *om_path_below(const char *path, const char *base)
{
	size_t n = strlen(base);

	path += n == 1 ? 0 : n;
	return *path == '/' ? path + 1 : path;
}

const char *om_path_relative(const char *path)
{
	return path[1] == '\0' ? "." : path + 1;
}

size_t om_path_depth(const char *path)
{
	size_t depth = 0;

	if (path[1] == '\0')
		return 0;
	for (const char *p = path; *p; p++)
		depth += *p == '/';
	return depth;
}

const char *om_path_base(const char *path)
{
	return strrchr(path, '/') + 1;
}

char *om_path_parent(const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	return strndup(path, n ? n : 1);
}

void om_path_parent_to(char *buf, const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	n = n ? n : 1;
	memcpy(buf, path, n);
	buf[n] = '\0';
}

char *om_path_join(const char *dir, const char *name)
{
	return om_asprintf("%s/%s", dir[1] == '\0' ? "" : dir, name);
}

size_t om_path_prefix_len(const char *path, size_t depth)
{
	size_t n = 0;

	if (depth == 0)
		return 1;
	while (depth-- > 0)
		n += 1 + strcspn(path + n + 1, "/");
	return n;
}

int om_path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	/* An ended path behaves as if a slash followed. */
	unsigned char ca = *a ? (unsigned char)*a : '/';
	unsigned char cb = *b ? (unsigned char)*b : '/';

	if (ca != cb)
		return ca < cb ? -1 : 1;
	return (*a != '\0') - (*b != '\0');
}
