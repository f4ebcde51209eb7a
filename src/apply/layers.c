/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See layers.h.
 */
#include "apply/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "layers/layers.h"

#define TECHNIQUE "overmount apparmor --technique helper"

/* Its label is what the overlay keeps: with an enforced one nothing is gained by it. */
static bool is_bad_label(const struct om_build *b, const struct om_layers_reply *reply)
{
	return reply->confined &&
	       om_facts_get(b->facts, OM_FACT_APPARMOR_LABEL) == OM_NO &&
	       om_facts_get(b->facts, OM_FACT_OVERLAY_LABEL_APP) != OM_YES;
}

static void explain(int r, const struct om_layers_reply *reply, struct om_error *e)
{
	if (r == -EACCES && om_streq(reply->what, OM_LAYERS_EXECUTING))
		om_error_fix(e, "let the AppArmor profile execute overmount-layers, "
				"as " TECHNIQUE " prints it");
	else if (r == -ECHILD)
		om_error_fix(e, "overmount-layers ended without a reply: see whether "
				"--layers-helper names it, and it may run here");
	else if (reply->log[0])
		om_error_fix(e, "overmount-layers failed at %s, and the kernel says: %s",
			     OM_Q(reply->what), OM_Q(reply->log));
	else
		om_error_fix(e, "overmount-layers failed at %s", OM_Q(reply->what));
}

const char *om_layers_check(const struct stat *program)
{
	if (!S_ISREG(program->st_mode))
		return "not a regular file";
	if (!(program->st_mode & 0111))
		return "not executable";
	if ((program->st_uid != 0 && program->st_uid != geteuid()) ||
	    program->st_mode & 0022)
		return "others can change it";
	return NULL;
}

/* fd of the program by its path, or negative. */
static int open_again(const struct om_build *b)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!b->layers_path)
		return -ENOENT;
	fd = b->sys->open(b->sys, AT_FDCWD, b->layers_path, O_PATH, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || om_layers_check(&st))
		return -EACCES;
	return TAKE_FD(fd);
}

int om_layers_make(const struct om_build *b, const struct om_layers_ask *ask,
		   struct om_error *e)
{
	_cleanup_close_ int again = open_again(b);
	struct om_layers_reply reply;
	int r = b->sys->layers(b->sys, again > 0 ? again : b->layers, ask, &reply);

	if (r < 0) {
		explain(r, &reply, e);
		return r;
	}
	if (!is_bad_label(b, &reply))
		return r;
	if (r > 0)
		(void)om_close(r);
	om_error_fix(e,
		     "overmount-layers runs as %s: load the profiles that " TECHNIQUE
		     " prints",
		     OM_Q(reply.label));
	return -EACCES;
}
