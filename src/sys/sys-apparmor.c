/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AppArmor, by libapparmor, which knows where each kernel keeps its interface.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/apparmor.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sys/sys.h"

int om_sys_apparmor(const struct om_sys *sys _unused_)
{
	return aa_is_enabled() ? 0 : -errno;
}

int om_sys_apparmor_label(const struct om_sys *sys _unused_, char *label,
			  size_t label_size, char *mode, size_t mode_size)
{
	_cleanup_free_ char *text = NULL;
	char *word; /* points into text */

	if (aa_getcon(&text, &word) < 0)
		return -errno;
	if (snprintf(label, label_size, "%s", text) >= (int)label_size)
		return -ENAMETOOLONG;
	(void)snprintf(mode, mode_size, "%s", word ? word : "");
	return 0;
}

int om_sys_apparmor_query(const struct om_sys *sys _unused_, const char *label,
			  const char *path)
{
	static const uint32_t wanted[] = { AA_MAY_READ, AA_EXEC_MMAP };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int allowed, audited;

		if (aa_query_file_path(wanted[i], label, path, &allowed, &audited) < 0)
			return -errno;
		if (!allowed)
			return 0;
	}
	return 1;
}

int om_sys_apparmor_change(const struct om_sys *sys _unused_, const char *label,
			   bool on_exec)
{
	int r = on_exec ? aa_change_onexec(label) : aa_change_profile(label);

	return r < 0 ? -errno : 0;
}

int om_sys_apparmor_stack(const struct om_sys *sys _unused_, const char *label,
			  bool on_exec)
{
	int r = on_exec ? aa_stack_onexec(label) : aa_stack_profile(label);

	return r < 0 ? -errno : 0;
}

int om_sys_apparmor_pending(const struct om_sys *sys _unused_, char *label, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *mode; /* points into text */

	/* Of this thread: libapparmor sets what it sets for one, too. */
	if (aa_getprocattr((pid_t)syscall(SYS_gettid), "exec", &text, &mode) < 0)
		/* What is not set is answered with nothing, which libapparmor cannot read. */
		return errno == EINVAL ? -ENODATA : -errno;
	return snprintf(label, size, "%s", text) >= (int)size ? -ENAMETOOLONG : 0;
}
