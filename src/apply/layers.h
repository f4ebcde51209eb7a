/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay by overmount-layers, when the caller has named that program.
 */
#pragma once

#include "apply/build.h"
#include "base/error.h"
#include "base/macro.h"
#include "sys/sys.h"

/*
 * fd of a detached mount, or 0 when it is mounted at ask->place.  -errno, the way out in *e:
 * -EACCES also when the program made it with a label that is enforced, which nobody has
 * seen an application read through.
 */
int om_layers_make(const struct om_build *b, const struct om_layers_ask *ask,
		   struct om_error *e) _nonnull_all_ _must_check_;
