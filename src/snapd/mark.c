/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See mark.h.
 */
#include "snapd/mark.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/fdio.h"
#include "snapd/file.h"
#include "snapd/name.h"

#define PREFIX "snap."
#define FORMAT "overmount.snapd/2 "
#define NAME_SIZE (sizeof(PREFIX) + OM_INSTANCE_NAME_SIZE)

static const char *file_name(char buf[static NAME_SIZE], const char *name)
{
	(void)snprintf(buf, NAME_SIZE, PREFIX "%s", name);
	return buf;
}

uint32_t om_snapd_sum(const char *text)
{
	return om_crc32c(text, strlen(text));
}

bool om_snapd_mark_load(int state_fd, const char *name, struct om_snapd_mark *ret)
{
	char file[NAME_SIZE], line[128];

	return om_read_line(state_fd, file_name(file, name), line, sizeof(line)) == 0 &&
	       sscanf(line,
		      FORMAT "%" SCNu64 " %" SCNu64 " %8" SCNx32 " %8" SCNx32 " %8" SCNx32
			     " %8" SCNx32 " %8" SCNx32 " %8" SCNx32,
		      &ret->ns, &ret->root, &ret->current, &ret->next, &ret->desired,
		      &ret->left, &ret->acts, &ret->applied) == 8;
}

int om_snapd_mark_save(int state_fd, const char *name, const struct om_snapd_mark *mark,
		       struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };
	char file[NAME_SIZE];

	om_str_addf(&text,
		    FORMAT "%" PRIu64 " %" PRIu64 " %08" PRIx32 " %08" PRIx32
			   " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 "\n",
		    mark->ns, mark->root, mark->current, mark->next, mark->desired,
		    mark->left, mark->acts, mark->applied);
	return om_snapd_save(state_fd, ".", file_name(file, name), &text, e);
}

void om_snapd_mark_forget(int state_fd, const char *name)
{
	char file[NAME_SIZE];

	(void)unlinkat(state_fd, file_name(file, name), 0);
}
