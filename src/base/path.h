/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lexical algebra of absolute paths.  Nothing here looks at a file system.
 * "Clean" is absolute, without empty, `.` and `..` components and without a slash at
 * the end, but for "/" itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

/* NULL when path is clean and within the limits, else the reason in words. */
const char *om_path_unclean(const char *path) _nonnull_all_;
/* True when path is base or lies under it, by whole components; both clean. */
bool om_path_is_under(const char *path, const char *base) _nonnull_all_;
/* True when path lies under base and is not base. */
bool om_path_is_below(const char *path, const char *base) _nonnull_all_;
/* True when one of the two is under the other. */
bool om_path_overlap(const char *a, const char *b) _nonnull_all_;
/* The part of path behind base, without a leading slash; path must be under base. */
const char *om_path_below(const char *path, const char *base) _nonnull_all_;
/* The path without its leading slash, for *at() calls; "." for "/". */
const char *om_path_relative(const char *path) _nonnull_all_;
size_t om_path_depth(const char *path) _nonnull_all_;
/* Last component; "" for "/". */
const char *om_path_base(const char *path) _nonnull_all_;
/* Parent, malloc'ed; "/" for "/" and its children; NULL when memory is gone. */
char *om_path_parent(const char *path) _nonnull_all_ _must_check_;
/* As om_path_parent(), without memory: buf has room for OM_MAX_PATH + 1 bytes. */
void om_path_parent_to(char *buf, const char *path) _nonnull_all_;
/* dir/name, malloc'ed; name may hold slashes and must not start with one. */
char *om_path_join(const char *dir, const char *name) _nonnull_all_ _must_check_;
/* Length of the prefix of path that has depth components ("/" has 0). */
size_t om_path_prefix_len(const char *path, size_t depth) _nonnull_all_;
/* Bytewise order with an implied slash at the end, so that /a/b-1 sorts before /a/b. */
int om_path_compare(const char *a, const char *b) _nonnull_all_;
