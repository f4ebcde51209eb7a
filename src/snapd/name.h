/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of snap instances, in the words in which snapd's own tools refuse them: scripts
 * and tests around snapd look for those.
 */
#pragma once

#include "base/macro.h"

/*
 * NULL when name is a snap's name, by itself or with `_KEY` behind it; else why it is
 * not, as a sentence.
 */
const char *om_instance_name_bad(const char *name) _nonnull_all_;

/* Bytes of the longest name, its key and the NUL. */
#define OM_INSTANCE_NAME_SIZE (40 + 1 + 10 + 1)
