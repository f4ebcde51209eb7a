/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the place of sys-kmod.c, for programs without shared libraries: nothing that they do
 * depends on what is known of a module that is not loaded, and none is loaded by them.
 */
#include <errno.h>

#include "sys/sys.h"

int om_sys_module(const struct om_sys *sys _unused_, const char *name _unused_)
{
	return -ENOSYS;
}

int om_sys_module_load(const struct om_sys *sys _unused_, const char *name _unused_)
{
	return -ENOSYS;
}
