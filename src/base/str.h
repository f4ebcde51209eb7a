/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Growing strings, and the only place where untrusted bytes are made fit for people,
 * shells and terminals.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"

/*
 * A string that grows.  Adding after a failed allocation does nothing; the failure is
 * kept in err (0 or -ENOMEM), so that a caller checks once at the end.
 */
struct om_str {
	char *s; /* owned; NULL while empty */
	size_t len;
	size_t cap;
	int err;
};

void om_str_add(struct om_str *str, const char *text) _nonnull_all_;
void om_str_add_n(struct om_str *str, const char *text, size_t n) _nonnull_(1);
void om_str_addf(struct om_str *str, const char *format, ...) _printf_(2, 3) _nonnull_(1);
/* Adds text as one word of a POSIX shell: quoted only where it must be. */
void om_str_add_shell(struct om_str *str, const char *text) _nonnull_all_;
/* Forgets what was added since the text was len bytes long. */
void om_str_cut(struct om_str *str, size_t len) _nonnull_all_;
/* The text so far, never NULL; valid until the next addition. */
const char *om_str_get(const struct om_str *str) _nonnull_all_;
/* Hands the text over (caller frees) and empties str; NULL after a failed allocation. */
char *om_str_take(struct om_str *str) _nonnull_all_;
void om_str_free(struct om_str *str);
#define _cleanup_str_ _cleanup_(om_str_free)

/* malloc'ed printf; NULL when memory is gone. */
char *om_asprintf(const char *format, ...) _printf_(1, 2) _must_check_;

/* Bytes that a quoted string can take: 128 bytes of four characters, quotes and a tail. */
#define OM_QUOTE_SIZE 576

/*
 * Writes text between double quotes into buf: printable ASCII stays, every other byte,
 * `"` and `\` become \xHH; more than 128 bytes are cut and end in `…(+N)` spelt in ASCII.
 * Returns buf.  Untrusted bytes never reach a log or a terminal in another way.
 */
char *om_quote(char buf[static OM_QUOTE_SIZE], const char *text);
#define OM_Q(text) om_quote((char[OM_QUOTE_SIZE]){ 0 }, (text))

/* As om_quote() without the quotes, for names that start a message; returns buf. */
char *om_bare(char *buf, size_t size, const char *text);

/* Parses a whole string as a decimal or octal number up to max; 0, -EINVAL or -ERANGE. */
int om_parse_number(const char *text, int base, unsigned long long max,
		    unsigned long long *ret_value) _nonnull_all_ _must_check_;

bool om_streq(const char *a, const char *b);
/* The text behind prefix, or NULL. */
const char *om_startswith(const char *text, const char *prefix) _nonnull_all_;
