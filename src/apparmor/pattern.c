/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See pattern.h.
 */
#include "apparmor/pattern.h"

#include <string.h>

struct om_aa_path om_aa_name(const char *path)
{
	return (struct om_aa_path){ .piece = { OM_AA_LITERAL(path) } };
}

struct om_aa_path om_aa_dir(const char *path)
{
	return (struct om_aa_path){ .piece = { OM_AA_LITERAL(path),
					       OM_AA_PATTERN(path[1] == '\0' ? NULL
									     : "/") } };
}

struct om_aa_path om_aa_tree(const char *path)
{
	return (struct om_aa_path){
		.piece = { OM_AA_LITERAL(path),
			   OM_AA_PATTERN(path[1] == '\0' ? "{,**}" : "/{,**}") }
	};
}

/*
 * Glob characters, and what begins a variable: behind a name that ends in @, a pattern may
 * begin with a brace.
 */
static bool has_meaning(char c)
{
	return strchr("@*?[]{}^", c) != NULL;
}

/*
 * A backslash or a quote is written as a number.  The parser takes the longest text for a
 * string, and with \\" at the end of one it goes on to a quote of a later line.
 */
static bool is_number(unsigned char c)
{
	return c < 0x20 || c > 0x7e || c == '\\' || c == '"';
}

static void add_literal(const char *text, struct om_str *out)
{
	for (; *text; text++) {
		if (is_number((unsigned char)*text))
			om_str_addf(out, "\\x%02x", (unsigned char)*text);
		else
			om_str_addf(out, has_meaning(*text) ? "\\%c" : "%c", *text);
	}
}

void om_aa_path_add(const struct om_aa_path *path, struct om_str *out)
{
	om_str_add(out, "\"");
	for (size_t i = 0; i < OM_AA_PIECES && path->piece[i].text; i++) {
		if (path->piece[i].literal)
			add_literal(path->piece[i].text, out);
		else
			om_str_add(out, path->piece[i].text);
	}
	om_str_add(out, "\"");
}
