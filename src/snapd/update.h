/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * snap-update-ns: makes the mount namespace of a snap what its profile says, under the
 * lock of the snap and with its processes frozen, and writes down what is there.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "snapd/args.h"
#include "snapd/expand.h"
#include "sys/sys.h"

struct om_snapd_update {
	const struct om_sys *sys; /* borrowed, as all here */
	const struct om_snapd_args *args;
	int host_fd;			  /* "/" as the caller has it */
	const char *state_path;		  /* of the journals */
	const struct om_snapd_user *user; /* with args->user_mounts */
	/*
	 * Told what went wrong with an entry that the snap can start without: one line, as
	 * snapd's tool logs it.
	 */
	void (*say)(const char *line);
	bool (*interrupted)(void); /* may be NULL */
};

/*
 * What the command line asks for.  0 also when there is no namespace to update.  On
 * failure *e says what failed, and nothing that this call made is left, unless its kind is
 * BROKEN; residue then has what.
 */
int om_snapd_update(const struct om_snapd_update *u, struct om_str *residue,
		    struct om_error *e) _nonnull_(1, 2, 3) _must_check_;
