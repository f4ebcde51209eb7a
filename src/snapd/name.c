/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See name.h.
 */
#include "snapd/name.h"

#include <stdbool.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

#define NAME_LEAST 2
#define NAME_MOST 40
#define KEY_MOST 10

static bool has(const char *text, size_t n, const char *set)
{
	return strcspn(text, set) < n;
}

static const char *snap_name_bad(const char *name, size_t n)
{
	if (name[0] == '-')
		return "snap name cannot start with a dash";
	if (strspn(name, LETTERS DIGITS "-") < n)
		return "snap name must use lower case letters, digits or dashes";
	if (n > 0 && name[n - 1] == '-')
		return "snap name cannot end with a dash";
	for (size_t i = 1; i < n; i++)
		if (name[i] == '-' && name[i - 1] == '-')
			return "snap name cannot contain two consecutive dashes";
	if (!has(name, n, LETTERS))
		return "snap name must contain at least one letter";
	if (n < NAME_LEAST)
		return "snap name must be longer than 1 character";
	if (n > NAME_MOST)
		return "snap name must be shorter than 40 characters";
	return NULL;
}

static const char *key_bad(const char *key)
{
	size_t n = strlen(key);

	if (strchr(key, '_'))
		return "snap instance name can contain only one underscore";
	if (strspn(key, LETTERS DIGITS) < n)
		return "instance key must use lower case letters or digits";
	if (n == 0)
		return "instance key must contain at least one letter or digit";
	if (n > KEY_MOST)
		return "instance key must be shorter than 10 characters";
	return NULL;
}

const char *om_instance_name_bad(const char *name)
{
	size_t n = strcspn(name, "_");
	const char *bad = snap_name_bad(name, n);

	return bad || !name[n] ? bad : key_bad(name + n + 1);
}
