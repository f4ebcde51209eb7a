/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The growable array that every list in the program uses.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/macro.h"

#define OM_VEC(type)                                                                     \
	struct {                                                                         \
		type *v; /* owned */                                                     \
		size_t n;                                                                \
		size_t cap;                                                              \
	}

static inline int om_vec_reserve_raw(void **v, size_t *cap, size_t want, size_t size)
{
	size_t grown_cap = *cap ? *cap : 8;
	void *grown;

	if (want <= *cap)
		return 0;
	while (grown_cap < want)
		grown_cap *= 2;
	if (grown_cap > SIZE_MAX / size)
		return -ENOMEM;
	grown = realloc(*v, grown_cap * size);
	if (!grown)
		return -ENOMEM;
	*v = grown;
	*cap = grown_cap;
	return 0;
}

/* Appends item (may be a compound literal) to vec; 0 or -ENOMEM. */
#define om_vec_push(vec, ...)                                                            \
	({                                                                               \
		int om_vec_r_ = om_vec_reserve_raw((void **)&(vec)->v, &(vec)->cap,      \
						   (vec)->n + 1, sizeof(*(vec)->v));     \
		if (om_vec_r_ == 0)                                                      \
			(vec)->v[(vec)->n++] = (__VA_ARGS__);                            \
		om_vec_r_;                                                               \
	})

#define om_vec_free(vec)                                                                 \
	do {                                                                             \
		free((vec)->v);                                                          \
		(vec)->v = NULL;                                                         \
		(vec)->n = (vec)->cap = 0;                                               \
	} while (0)
