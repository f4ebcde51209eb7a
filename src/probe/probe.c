/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fd mount API is asked first, since it decides how the rest can be asked.
 */
#include "probe/probe.h"

void om_probe_mount_facts(const struct om_sys *sys, struct om_facts *facts)
{
	om_probe_mount_api(sys, facts);
	om_probe_overlay(sys, facts);
}
