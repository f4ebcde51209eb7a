/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which bytes a path or an option may hold.
 */
#pragma once

#include <stddef.h>

#include "base/macro.h"

/* Room for a reason that names the offending byte or character. */
#define OM_REASON_SIZE 96

/*
 * NULL when text is valid UTF-8 without control, direction, zero-width and non-ASCII
 * space characters; else the reason in words (in buf or static).
 */
const char *om_text_unfit(char buf[static OM_REASON_SIZE],
			  const char *text) _nonnull_all_;

/*
 * NULL when text holds no variable and no character that is special in an AppArmor rule;
 * else the reason.
 */
const char *om_text_special(char buf[static OM_REASON_SIZE],
			    const char *text) _nonnull_all_;

/*
 * Length in bytes of the valid UTF-8 character at p, its code point in *ret; 0 when
 * there is none.
 */
size_t om_text_char(const char *p, unsigned *ret) _nonnull_all_;
