/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The transition of this thread into the AppArmor profile of an application, on its next
 * exec.  Names of files play no part in it: the label is named, and the program is opened
 * beforehand, so it does not matter by which path AppArmor knows it in a new namespace.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

struct om_confine {
	const char *label; /* borrowed */
	bool stack;	   /* beside the label that there is, not in its place */
};

struct om_program {
	const char *name;   /* borrowed, as all here */
	const char *search; /* directories separated by colons; for a name without slash */
	char *const *argv;  /* not empty */
	char *const *envp;
};

/*
 * Opens the program `name`, searched for in the directories of search (separated by colons)
 * when it has no slash, as execvp(3) does.  fd, close-on-exec, or -errno with *e (kind SYSTEM):
 * -ENOENT when there is none, -EACCES when all that there are cannot be executed.
 */
int om_open_program(const struct om_sys *sys, const char *name, const char *search,
		    struct om_error *e) _nonnull_(1, 2, 3) _must_check_;

/*
 * Tries in a child what comes of entering the profile, and then has the next exec of this
 * thread enter it; that it will is read back.  0, or -errno with *e saying what is missing
 * (kind REFUSED), and then nothing is changed.
 */
int om_enter_profile(const struct om_sys *sys, const struct om_confine *confine,
		     struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * Executes what om_open_program() opened, a script too.  Returns only when that fails:
 * -errno with *e (kind SYSTEM), -EACCES also when the new label may not.
 */
int om_execute_program(int fd, char *const *argv, char *const *envp, struct om_error *e)
	_nonnull_(2, 3);

/*
 * All three, in the order in which nothing depends on what the new label may: open, enter,
 * execute.  Returns only when one of them fails, as that one does.
 */
int om_execute_in_profile(const struct om_sys *sys, const struct om_confine *confine,
			  const struct om_program *program, struct om_error *e)
	_nonnull_(1, 2, 3);
