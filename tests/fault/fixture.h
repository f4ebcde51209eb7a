/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree that the profiles of the campaign are for, on a tmpfs of its own: `base` is
 * read-only with a submount, /var/snap in it is writable; `states/SURFACE` are
 * directories for --state.
 */
#pragma once

#include <stdbool.h>

/* An empty file in it. */
#define FIXTURE_OUTPUT "/mnt/output"

/*
 * Mounts a new one at /mnt, in a mount namespace of this process alone, and goes there.
 * What was there is taken away, whatever it is.  False, with errno, when it cannot be.
 */
bool fixture_make(void);

/* A namespace for it: private to this process.  Once. */
bool fixture_unshare(void);
