/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Surfaces: what a program sees of the kernel, made smaller than it is.  Calls that older
 * kernels lack are answered by ENOSYS (a seccomp filter); what a filter cannot tell is
 * emulated by a tracer, see fault/tracer.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MASK_MAX_CALLS 32

struct mask {
	unsigned numbers[MASK_MAX_CALLS];
	size_t n;
};

/* A preset, or names of calls with commas between; false is told on stderr. */
bool mask_parse(const char *what, struct mask *ret);
/* For this process and what it executes; 0 or -1 and errno. */
int mask_install(const struct mask *mask);

struct surface {
	const char *name;
	const char *mask; /* for mask_parse(); NULL: no filter */
	/* Emulated: detached mounts cannot be mounted on or cloned, as before 6.15. */
	bool no_nesting;
	/* Emulated: there is no overlay file system. */
	bool no_overlay;
};

extern const struct surface surfaces[];
extern const size_t n_surfaces;

/* NULL when there is none of that name. */
const struct surface *surface_get(const char *name);
