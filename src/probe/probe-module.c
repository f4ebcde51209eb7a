/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where file systems come from.  /proc/filesystems says what is there now; libkmod says
 * why something is not, and is asked only here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"
#include "probe/prober.h"

#define FILESYSTEMS "/proc/filesystems"

/* Whole words: Ubuntu's 4.4 lists "overlayfs" too, which is another format. */
static int is_listed(const struct om_prober *p, const char *name)
{
	_cleanup_close_ int fd = p->sys->open(p->sys, AT_FDCWD, FILESYSTEMS, O_RDONLY, 0);
	_cleanup_free_ char *text = NULL;
	size_t size, n = strlen(name);
	int r = fd < 0 ? fd : om_read_fd(fd, 65536, &text, &size);

	if (r < 0)
		return r;
	for (const char *line = text, *next; *line; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		if (length > n && line[length - n - 1] == '\t' &&
		    strncmp(line + length - n, name, n) == 0)
			return 1;
	}
	return 0;
}

int om_prober_registered(struct om_prober *p, const char *name, int *cache)
{
	if (*cache != -EAGAIN)
		return *cache;
	*cache = is_listed(p, name);
	if (*cache == 0 && p->options->load_modules &&
	    p->sys->module_load(p->sys, name) == 0)
		*cache = is_listed(p, name);
	return *cache;
}

static void probe_module(struct om_prober *p, struct om_fact *fact, const char *name,
			 int *cache)
{
	int registered = om_prober_registered(p, name, cache);
	int r = p->sys->module(p->sys, name);
	const char *word = r < 0 ? NULL : om_module_name((enum om_module)r);

	/* Modules come and go. */
	fact->fleeting = true;
	if (registered > 0 && (r < 0 || r == OM_MODULE_LOADABLE ||
			       r == OM_MODULE_MISSING || r == OM_MODULE_BLACKLISTED))
		/* A kernel without modules has no list of what is built in. */
		om_fact_set_to(fact, OM_YES, "builtin",
			       FILESYSTEMS " lists it; libkmod: %s",
			       word ? word : strerrorname_np(-r));
	else if (registered > 0)
		om_fact_set_to(fact, OM_YES, word, FILESYSTEMS " and libkmod");
	else if (r < 0)
		om_fact_set_to(fact, registered == 0 ? OM_NO : OM_UNKNOWN, NULL,
			       FILESYSTEMS ": %s; libkmod: %s",
			       registered == 0 ? "not listed"
					       : strerrorname_np(-registered),
			       strerrorname_np(-r));
	else if (registered == 0 || r == OM_MODULE_LOADABLE || r == OM_MODULE_BLACKLISTED)
		om_fact_set_to(fact, OM_NO, word, "libkmod; " FILESYSTEMS ": %s",
			       registered == 0 ? "not listed"
					       : strerrorname_np(-registered));
	else
		om_fact_set_to(fact, OM_UNKNOWN, word, "libkmod; " FILESYSTEMS ": %s",
			       strerrorname_np(-registered));
}

void om_probe_overlay_module(struct om_prober *p, struct om_fact *fact)
{
	probe_module(p, fact, "overlay", &p->overlay);
}

void om_probe_squashfs_module(struct om_prober *p, struct om_fact *fact)
{
	probe_module(p, fact, "squashfs", &p->squashfs);
}
