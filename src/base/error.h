/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A caller-owned error: what failed, where, why, and the way out.  Nothing here
 * allocates, so an error can be told when memory is gone.
 */
#pragma once

#include <stddef.h>

#include "base/macro.h"

/* What an error means for the caller; the values are the exit codes of the program. */
enum om_error_kind {
	OM_ERR_NONE = 0,
	OM_ERR_INPUT = 1,    /* the arguments or the profile are wrong */
	OM_ERR_SYSTEM = 2,   /* the system said no before anything was changed */
	OM_ERR_INTERNAL = 4, /* a bug of ours */
	OM_ERR_REFUSED = 16, /* cannot be done here, nothing was changed */
	OM_ERR_UNDONE = 32,  /* failed on the way, everything is back */
	OM_ERR_BROKEN = 64,  /* failed, and not everything could be undone */
};

struct om_error {
	enum om_error_kind kind;
	int err;	       /* negative errno */
	unsigned line, column; /* of the place; 0 when there is none */
	char where[384];
	char message[768];
	char fix[384];
};

/*
 * Fills *e (may be NULL) and returns err, a negative errno, so that a failure is one
 * `return`.  The first error wins: an error that is already set is kept.  The message
 * reads `cannot VERB "X": REASON`; untrusted text in it goes through OM_Q().
 */
int om_fail(struct om_error *e, enum om_error_kind kind, int err, const char *format, ...)
	_printf_(4, 5);

/* As om_fail(), with `: <text of err>` appended. */
int om_fail_errno(struct om_error *e, enum om_error_kind kind, int err,
		  const char *format, ...) _printf_(4, 5);

/*
 * Says where the error is: `FILE:LINE:COLUMN: FIELD`.  line and column 0 and field NULL
 * are left out.  A place that is already set is kept.
 */
void om_error_where(struct om_error *e, const char *file, unsigned line, unsigned column,
		    const char *field);

/* Adds the way out, unless one is there already. */
void om_error_fix(struct om_error *e, const char *format, ...) _printf_(2, 3);

void om_error_clear(struct om_error *e);

/* How many errors of one input are told. */
#define OM_MAX_ERRORS 20

/* What is wrong with one input, where it does not end at the first error. */
struct om_error_list {
	struct om_error v[OM_MAX_ERRORS]; /* the first ones, in the order of their places */
	size_t n;
	size_t more; /* besides these */
};

/*
 * For who can go on behind an error of the input.  err is what has just failed and filled
 * *e: with a list it goes there, *e is clear again, and 0 is returned.  Without one, or
 * when it is no error of the input (memory), err is returned and nothing is done.
 */
int om_error_collect(struct om_error_list *list, struct om_error *e, int err)
	_nonnull_(2);
/* The list's first error in *e, and its err; 0 when there is none. */
int om_error_list_first(const struct om_error_list *list,
			struct om_error *e) _nonnull_all_;

/* The reason in words for an errno of a mount-like call; strerror() lies for several. */
const char *om_mount_strerror(int err);
