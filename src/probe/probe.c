/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fd mount API is asked first, since it decides how the rest can be asked.
 */
#include "probe/probe.h"

#include "base/cleanup.h"

void om_probe_mount_facts(const struct om_sys *sys, struct om_facts *facts)
{
	/*
	 * One scratch for both, and the probed mounts hang in it where they can: dissolving
	 * a detached tree waits for an RCU grace period, so it shall be one tree.
	 */
	_cleanup_close_ int scratch = om_probe_mount_api(sys, facts);

	om_probe_overlay(sys, facts, scratch);
}
