/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names and revisions of snaps and keys of instances, by snapd's grammar.
 */
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "layout/layout.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

const char *om_snap_name_check(const char *name)
{
	size_t n = strlen(name);

	if (name[strspn(name, LETTERS DIGITS "-")])
		return "it must use lower case letters, digits or dashes";
	if (n < 2)
		return "it must be longer than 1 character";
	if (n > 40)
		return "it must not be longer than 40 characters";
	if (name[0] == '-')
		return "it cannot start with a dash";
	if (name[n - 1] == '-')
		return "it cannot end with a dash";
	if (strstr(name, "--"))
		return "it cannot contain two consecutive dashes";
	if (!strpbrk(name, LETTERS))
		return "it must contain at least one letter";
	return NULL;
}

const char *om_instance_key_check(const char *key)
{
	if (!*key)
		return "it must contain at least one letter or digit";
	if (key[strspn(key, LETTERS DIGITS)])
		return "it must use lower case letters or digits";
	if (strlen(key) > 10)
		return "it must not be longer than 10 characters";
	return NULL;
}

const char *om_snap_revision_check(const char *revision)
{
	const char *digits = revision + (revision[0] == 'x');

	if (om_streq(revision, "unset"))
		return NULL;
	if (!*digits || digits[strspn(digits, DIGITS)] || strlen(digits) > 10)
		return "it must be a number, x and a number, or unset";
	return NULL;
}
