/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stage: a private tmpfs on which constructions are built where detached mounts
 * cannot nest, or where there are none.  Mounted when it is first needed.
 */
#pragma once

#include "apply/build.h"
#include "base/macro.h"
#include "sys/sys.h"

#define OM_SLOT_SIZE 16

/* A fresh place for the first mount of a tree: its name on the stage, and its fd. */
int om_stage_slot(struct om_build *b, bool dir,
		  char name[static OM_SLOT_SIZE]) _nonnull_all_ _must_check_;
/* Drops the construction and the stage; 0, or -errno when it is still there. */
int om_stage_close(struct om_build *b) _nonnull_all_ _must_check_;
/* Drops the stage alone: what has an open descriptor can still be looked at. */
int om_stage_unmount(struct om_build *b) _nonnull_all_ _must_check_;
/*
 * Takes away a stage that a killed process left at path, and its directory.  The caller
 * holds the lock of the namespace, so whatever is mounted there is ours.  0 or -errno.
 */
int om_stage_clear(const struct om_sys *sys, int at,
		   const char *path) _nonnull_all_ _must_check_;
