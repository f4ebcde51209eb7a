/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quote-path: reads paths, each ended by a NUL, and prints each on a line as a rule has it:
 * the name, and everything in the directory of that name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "apparmor/pattern.h"

static int print(struct om_aa_path path)
{
	struct om_str text = { 0 };
	int r;

	om_aa_path_add(&path, &text);
	r = text.err < 0 || puts(om_str_get(&text)) < 0 ? -1 : 0;
	om_str_free(&text);
	return r;
}

int main(void)
{
	char *path = NULL;
	size_t size = 0;
	int r = 0;

	while (r == 0 && getdelim(&path, &size, '\0', stdin) > 0) {
		r = print(om_aa_name(path));
		if (r == 0)
			r = print(om_aa_tree(path));
	}
	free(path);
	return r < 0 || fflush(stdout) != 0;
}
