/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree-snapshot DIR...: one line for everything below each DIR, see fault/snapshot.h.
 * What cannot be read is an error.
 */
#include <stdio.h>

#include "fault/snapshot.h"

int main(int argc, char **argv)
{
	struct text text = { 0 };
	unsigned errors = 0;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: tree-snapshot DIR...\n");
		return 1;
	}
	for (int i = 1; i < argc; i++)
		errors += snapshot_tree(&text, argv[i]);
	if (fwrite(text.s, 1, text.n, stdout) != text.n || fflush(stdout) != 0)
		return 2;
	text_done(&text);
	if (errors)
		(void)fprintf(stderr, "tree-snapshot: cannot read everything, see !\n");
	return errors ? 2 : 0;
}
