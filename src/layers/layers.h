/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What overmount and overmount-layers say to each other: one request with descriptors, one
 * reply, over a socket that overmount-layers has as its standard input (SOCK_SEQPACKET).
 * A request without descriptors asks only which label it has.
 *
 * An overlay keeps the AppArmor label of the process that made it, so a confined overmount
 * has a program with an unconfined label make it.  That program does nothing else: a
 * read-only overlay of a directory on a tmpfs over a directory of a read-only mount.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

#define OM_LAYERS_VERSION 1
#define OM_LAYERS_SOCKET 0

/* What failed, when there is no program to say it. */
#define OM_LAYERS_EXECUTING "executing it"

/* The descriptors of a request, in this order. */
enum om_layers_fd {
	OM_LAYERS_SKELETON, /* the upper layer */
	OM_LAYERS_HOLE,	    /* the lower one */
	/*
	 * Left out where there is the fd mount API, and then a mount comes back.  Else an
	 * empty directory of ours to mount at: mount(2) has no other way.
	 */
	OM_LAYERS_PLACE,
	OM_LAYERS_MAX_FDS,
};

struct om_layers_request {
	uint32_t version;
	uint32_t attr;	    /* OM_ATTR_*; read-only among them */
	uint32_t n_options; /* how many of om_layers_options the overlay is given */
};

struct om_layers_reply {
	uint32_t version;
	int32_t error;	   /* 0, or a negative errno */
	uint32_t confined; /* whoever made the overlay has a label that is enforced */
	char what[64];	   /* of an error: what was done */
	char label[128];   /* of whoever made it, cut; empty without AppArmor */
	char log[160];	   /* what the kernel says about the error */
};

/*
 * Content of a lower layer must not steer the overlay by xattrs.  4.15 takes the first
 * option and not the second.
 */
struct om_layers_option {
	const char *key;
	const char *value;
};
#define OM_LAYERS_OPTIONS                                                                \
	{ "redirect_dir", "nofollow" },                                                  \
	{                                                                                \
		"metacopy", "off"                                                        \
	}
#define OM_LAYERS_N_OPTIONS 2

/* A request as it came. */
struct om_layers_job {
	struct om_layers_request request;
	int fds[OM_LAYERS_MAX_FDS]; /* owned; -1 where there is none */
};

/*
 * Makes the overlay; what is wrong with the job has been looked at.  fd of the mount, 0 when
 * it was mounted at the place, or -errno with what and log of *reply filled.
 */
int om_layers_mount(const struct om_layers_job *job,
		    struct om_layers_reply *reply) _nonnull_all_ _must_check_;
