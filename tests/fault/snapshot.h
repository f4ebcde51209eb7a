/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program can tell of mounts and of a tree, as sorted lines in memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Lines of text, each with its newline. */
struct text {
	char *s; /* owned; never NULL once something was added */
	size_t n, allocated;
};

void text_add(struct text *t, const char *data, size_t n);
void text_clear(struct text *t);
void text_done(struct text *t);
bool text_same(const struct text *a, const struct text *b);
/* Its lines. */
void text_sort(struct text *t);

/*
 * One line for everything below dir, in the order of the names:
 *   PATH TYPE MODE UID GID SIZE RDEV HASH-OR-LINK XATTR=HASH...
 * Two trees that a program cannot tell apart give the same.  Times are left out, and the
 * size of a directory, which belongs to its file system.  Attributes that an overlay keeps
 * for itself (trusted.overlay.*) are left out too.  What cannot be read gives a line
 * `PATH !ERRNO`; the number of those is returned.
 */
unsigned snapshot_tree(struct text *ret, const char *dir);

/*
 * The mount table without ids, propagation groups by kind only, the layers of an overlay
 * by number: the rest of them depends on how they were given, and the tree tells.
 */
void snapshot_mounts(struct text *ret);

/* The names in dir, sorted. */
void snapshot_names(struct text *ret, const char *dir);

/* Lines of only one of the two, with - and + in front, at most max of them. */
void snapshot_diff(struct text *ret, const struct text *before, const struct text *after,
		   unsigned max);
