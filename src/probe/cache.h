/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts kept from one start to the next, below the run directory.  A cache that is
 * corrupt, belongs to somebody else or was made under other circumstances is as good as
 * none: it is ignored and made anew.  Nothing here can fail for the caller.
 */
#pragma once

#include "base/macro.h"
#include "probe/facts.h"
#include "probe/probe.h"

#define OM_CACHE_NAME "facts"
#define OM_CACHE_KEY_SIZE 2048

/*
 * All that cached facts depend on, as text: boot, kernel, security modules and their
 * features, labels, user namespace, capabilities, which file systems are registered.
 * -EAGAIN under a seccomp filter: it may hide calls, and no key tells one filter from
 * another.
 */
int om_cache_key(const struct om_probe_options *options,
		 char key[static OM_CACHE_KEY_SIZE]) _nonnull_all_ _must_check_;

/* The cached facts into *facts; which they are (0: no usable cache). */
om_fact_set om_cache_load(int dirfd, const char *key,
			  struct om_facts *facts) _nonnull_all_;

/*
 * Replaces the cache by those facts of set that are worth keeping.  At no point is a
 * half-written one to be seen, or anything left behind; 0 or -errno.
 */
int om_cache_store(int dirfd, const char *key, om_fact_set set,
		   const struct om_facts *facts) _nonnull_all_;

/*
 * Opens a directory that may hold a cache: it belongs to the caller and nobody else can
 * write there.  fd or -errno.
 */
int om_cache_open_dir(const char *path) _nonnull_all_ _must_check_;

/*
 * As om_probe(), with what the cache in dirfd has; what had to be found is added to it.
 * dirfd may be negative: no cache.
 */
void om_probe_cached(const struct om_probe_options *options, int dirfd, om_fact_set want,
		     struct om_facts *facts) _nonnull_all_;
