/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The temporary directories of tests.
 */
#pragma once

/* Removes path with all below it. */
void fake_remove_tree(const char *path);
