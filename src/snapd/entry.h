/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an entry of snapd's means, and the same for the engine.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/texts.h"
#include "profile/profile.h"
#include "snapd/fstab.h"

enum om_snapd_kind {
	OM_SNAPD_DIR, /* or a file system */
	OM_SNAPD_FILE,
	OM_SNAPD_SYMLINK,
	OM_SNAPD_ENSURE_DIR,
	OM_SNAPD_UNKNOWN, /* snapd's tool does nothing about it, and says nothing */
};

enum om_snapd_kind om_snapd_entry_kind(const struct om_snapd_entry *entry) _nonnull_all_;
/* An origin that is not known is as none. */
enum om_origin om_snapd_entry_origin(const struct om_snapd_entry *entry) _nonnull_all_;
/* bind or rbind is among the options. */
bool om_snapd_entry_is_bind(const struct om_snapd_entry *entry) _nonnull_all_;

/*
 * The path without empty and `.` components and with each `..` taken back, as snapd cleans
 * one; kept in texts.  NULL when memory is gone.
 */
const char *om_snapd_clean(struct om_texts *texts,
			   const char *path) _nonnull_all_ _must_check_;

/*
 * The entry for the engine; what snapd ignores is left out.  Texts go to texts.  Not for
 * ensure-dir and unknown kinds.  -EINVAL with *e filled (kind INPUT), or -ENOMEM.
 */
int om_snapd_entry_convert(const struct om_snapd_entry *entry, struct om_texts *texts,
			   struct om_entry *ret, struct om_error *e)
	_nonnull_(1, 2, 3) _must_check_;
