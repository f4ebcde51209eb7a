/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Contracts that the compiler checks, and the few macros that every file needs.
 */
#pragma once

#include <stddef.h>

#define _must_check_ __attribute__((warn_unused_result))
#define _nonnull_(...) __attribute__((nonnull(__VA_ARGS__)))
#define _nonnull_all_ __attribute__((nonnull))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _unused_ __attribute__((unused))
#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Length of a string literal, as a constant. */
#define STRLEN(literal) (sizeof("" literal "") - 1)
