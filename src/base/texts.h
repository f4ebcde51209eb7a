/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many short texts that are freed together: a block for each would cost more than they do.
 */
#pragma once

#include <stddef.h>

#include "base/macro.h"
#include "base/vec.h"

struct om_texts {
	OM_VEC(char *) rooms; /* owned; each holds many texts */
	char *room;	      /* in the last of them */
	size_t left;
};

/* A copy of the first n bytes of text, with a NUL behind; NULL: no memory. */
const char *om_texts_keep(struct om_texts *texts, const char *text,
			  size_t n) _nonnull_all_ _must_check_;
void om_texts_done(struct om_texts *texts);
