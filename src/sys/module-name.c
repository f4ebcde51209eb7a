/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a module is, in words: also for programs that cannot ask.
 */
#include "sys/sys.h"

const char *om_module_name(enum om_module module)
{
	static const char *const names[] = {
		[OM_MODULE_MISSING] = "missing",
		[OM_MODULE_BUILTIN] = "builtin",
		[OM_MODULE_LIVE] = "live",
		[OM_MODULE_LOADABLE] = "loadable",
		[OM_MODULE_BLACKLISTED] = "blacklisted",
	};

	return names[module];
}
