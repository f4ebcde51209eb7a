/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay by overmount-layers, when the caller has named that program.
 */
#pragma once

#include <sys/stat.h>

#include "apply/build.h"
#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

/*
 * What keeps the program from being used, or NULL.  It may be executed with more rights than
 * ours: nobody else may have a say in it.
 */
const char *om_layers_check(const struct stat *program) _nonnull_all_ _must_check_;
/*
 * fd of a detached mount, or 0 when it is mounted at ask->place.  -errno, the way out in *e:
 * -EACCES also when the program made it with a label that is enforced, which nobody has
 * seen an application read through.
 *
 * The program is opened by b->layers_path once more, and b->layers is executed only where
 * that is of no use: an update puts mounts aside, and a program that was opened through one
 * of them has a path then by which no AppArmor profile lets anybody execute it.
 */
int om_layers_make(const struct om_build *b, const struct om_layers_ask *ask,
		   struct om_error *e) _nonnull_all_ _must_check_;
