/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that the tools of the tests know by name, and which of them change
 * something that others can see.
 */
#pragma once

#include <stdbool.h>

/* NULL when the number is not in the table. */
const char *call_name(unsigned number);
/* False when the name is not in the table. */
bool call_number(const char *name, unsigned *ret);
/* Does the call change mounts, files or a state on the way there? */
bool call_changes(unsigned number);
