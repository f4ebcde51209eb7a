/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds facts by trying.  What can be tried on detached mounts alone is tried in this
 * process: closing the fds leaves nothing.  What needs an attached mount (kernels without
 * the fd mount API) is tried in a child, in a mount namespace that dies with it.
 */
#pragma once

#include "base/error.h"
#include "base/macro.h"
#include "probe/facts.h"
#include "sys/sys.h"

/* The facts that applying a plan depends on.  Never fails: what cannot be tried is unknown. */
void om_probe_mount_facts(const struct om_sys *sys, struct om_facts *facts) _nonnull_all_;

/* AppArmor's state and our own label (libapparmor). */
void om_probe_lsm(struct om_facts *facts) _nonnull_all_;

/*
 * Where overlay comes from (libkmod, loaded for this call only): builtin, live, loadable,
 * blacklisted, missing.  Explains overlay.ro, never replaces it, and loads no module.
 */
void om_probe_module(struct om_facts *facts) _nonnull_all_;

/*
 * The two parts of om_probe_mount_facts().  The first returns a detached scratch tmpfs
 * (owned by the caller) that the second goes on with, or -errno.
 */
int om_probe_mount_api(const struct om_sys *sys, struct om_facts *facts) _nonnull_all_;
void om_probe_overlay(const struct om_sys *sys, struct om_facts *facts,
		      int scratch) _nonnull_all_;
