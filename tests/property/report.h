/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs properties and tells of them in TAP.  What fails is made smaller and shown with the
 * seed that gives it again: OM_PROPERTY_SEED=N.
 */
#pragma once

#include <stdbool.h>

#include "fault/snapshot.h"
#include "property/choice.h"

/* NULL, or what is wrong. */
typedef const char *(*check_fn)(struct choices *c, const void *arg);
/* The case, for people. */
typedef void (*show_fn)(struct choices *c, const void *arg, struct text *ret);

/* OM_PROPERTY=full. */
bool property_full(void);
struct property {
	const char *what;
	check_fn check;
	show_fn show;
	const void *arg;
	unsigned cases;
	unsigned tries; /* of the shrinker */
	unsigned small; /* of a control, which must fail: numbers that may be left */
};

void property_run(const struct property *p);
/* A test that is not random. */
void property_result(bool good, const char *what);
/* Prints the plan; the exit status. */
int property_end(void);
