/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the probes share.  A probe is one row of the table in probe.c: it answers one fact.
 */
#pragma once

#include <stddef.h>

#include "base/macro.h"
#include "probe/facts.h"
#include "probe/probe.h"
#include "sys/sys.h"

/* Uses of an object that overlay.label-* compare, as bits and with what each returned. */
enum om_use {
	OM_USE_LIST,
	OM_USE_STAT,
	OM_USE_READ,
	OM_USE_MAP,
	OM_USE_EXEC,
	_OM_USE_MAX
};

struct om_uses {
	int result[_OM_USE_MAX]; /* 0, or -errno; -ENOTSUP where there was nothing to try */
	int entered;		 /* 0, or why the label could not be changed */
};

/* Lies in memory that grandchildren share. */
struct om_prober {
	const struct om_sys *sys;
	const struct om_probe_options *options;
	struct om_facts facts; /* those found so far */
	int dir;	       /* the private tmpfs, or -1 */
	int dir_err;	       /* then why */
	const char *dir_call;  /* and at which call */
	int overlay;	       /* is overlay registered: 1, 0, -errno */
	int squashfs;
	bool layers; /* made in dir */
	struct om_uses bare, through;
	volatile int current; /* fact that is being tried, for whoever reaps us */
};

struct om_probe_row {
	enum om_fact_id id;
	om_fact_set needs; /* facts that must be found before */
	void (*run)(struct om_prober *p, struct om_fact *fact);
};

/* The rows, in the order in which they run. */
extern const struct om_probe_row om_probe_rows[];
extern const size_t om_n_probe_rows;

/* Nothing found, and no place yet to try anything; *p is zero or shared memory. */
void om_prober_init(struct om_prober *p, const struct om_probe_options *options);
/* Mount namespace and tmpfs of our own: fills dir.  In a child only. */
void om_prober_enter(struct om_prober *p);
/* The first half of it: a private copy of the mount namespace. */
int om_prober_private(const struct om_sys *sys, const char **ret_call);
/* A tmpfs that is in no namespace; fd or -errno, and at which call. */
int om_prober_detached_tmpfs(const struct om_sys *sys, const char **ret_call);
/* Covers some directory with a tmpfs and opens it; fd or -errno. */
int om_prober_scratch(const struct om_sys *sys, const char **ret_call);

/*
 * YES for r >= 0, NO when the kernel says that it cannot, UNKNOWN when somebody says that
 * we may not or something was short.  call is what was tried, detail (may be NULL) what
 * the kernel said about it.
 */
enum om_tristate om_prober_judge(int r);
void om_prober_set(struct om_fact *fact, int r, const char *call, const char *detail);
/*
 * UNKNOWN: what had to be done before the try failed, with whatever errno.  That says
 * nothing about what was to be tried, and may be otherwise the next time.
 */
void om_prober_set_untried(struct om_fact *fact, int r, const char *call);
/* Is there a scratch directory?  If not, says so in fact. */
bool om_prober_has_place(const struct om_prober *p, struct om_fact *fact);
/*
 * As om_prober_set() for a call that was made without the scratch directory, if there is
 * none: then only ENOSYS is an answer.
 */
void om_prober_set_scratch(const struct om_prober *p, struct om_fact *fact, int r,
			   const char *call);
/*
 * Is the file system registered now (1, 0, or -errno)?  *cache keeps the answer; it is
 * -EAGAIN before the first call.  With load_modules its module is loaded first.
 */
int om_prober_registered(struct om_prober *p, const char *name, int *cache);
/* A small text file; 0 or -errno. */
int om_prober_read(const struct om_prober *p, const char *path, char *buf, size_t size);

/* One try of an overlay. */
struct om_option {
	const char *key;
	const char *value; /* NULL: a flag */
};

struct om_overlay_try {
	int top;	   /* directory that holds the layers */
	const char *upper; /* names in it, the upper one first */
	const char *lower;
	int lower_fd; /* instead of lower, when above 0 */
	enum { OM_LAYERS_STRING, OM_LAYERS_PLUS, OM_LAYERS_FD } by;
	const struct om_option *options; /* ended by a NULL key; may be NULL */
	bool writable;	    /* upperdir u and workdir w in top, lower below */
	bool by_helper;	    /* by overmount-layers */
	bool detached_only; /* not by mount(2), where the fd mount API is missing */
	const char *at;	    /* directory to attach it at, below at_dir; NULL: detached */
	int at_dir;
	/* Of a failure: at which call, and whether it was one that answers the question. */
	bool tried;
	const char *call;
	char log[160];
};

/* Layers s and l with a name of their own each, d with one in both, m, u and w. */
int om_overlay_make_layers(const struct om_sys *sys, int top);
/* The same in the scratch directory, which must be there, once; 0 or -errno. */
int om_overlay_layers(struct om_prober *p);
/* Can it be tried, with the layers made?  If not, says so in fact. */
bool om_overlay_ready(struct om_prober *p, struct om_fact *fact);
/* fd of an overlay in which a name of each layer was seen, or -errno. */
int om_overlay_mount(struct om_prober *p, struct om_overlay_try *how);
/* Is it there to be tried?  If not, says so in fact. */
bool om_overlay_possible(struct om_prober *p, struct om_fact *fact);
void om_overlay_set(struct om_fact *fact, int r, const char *what,
		    const struct om_overlay_try *how);

/* The probes. */
#define OM_PROBE(name) void om_probe_##name(struct om_prober *p, struct om_fact *fact)
OM_PROBE(open_tree);
OM_PROBE(fsopen);
OM_PROBE(move_mount);
OM_PROBE(mount_api);
OM_PROBE(nesting);
OM_PROBE(beneath);
OM_PROBE(setattr);
OM_PROBE(mount_id);
OM_PROBE(unique_id);
OM_PROBE(statmount);
OM_PROBE(listmount);
OM_PROBE(openat2);
OM_PROBE(close_range);
OM_PROBE(userns);
OM_PROBE(mount_max);
OM_PROBE(mounts_left);
OM_PROBE(overlay_module);
OM_PROBE(squashfs_module);
OM_PROBE(overlay_ro);
OM_PROBE(lowerdir_plus);
OM_PROBE(layer_fd);
OM_PROBE(detached_lower);
OM_PROBE(nofollow);
OM_PROBE(metacopy_off);
OM_PROBE(options_together);
OM_PROBE(stack_depth);
OM_PROBE(upper_tmpfs);
OM_PROBE(whiteout);
OM_PROBE(opaque);
OM_PROBE(userxattr);
OM_PROBE(overlay_userns);
OM_PROBE(nosuid);
OM_PROBE(label_self);
OM_PROBE(label_app);
OM_PROBE(label_helper);
OM_PROBE(lsm);
OM_PROBE(apparmor);
OM_PROBE(apparmor_label);
OM_PROBE(apparmor_mount);
OM_PROBE(apparmor_pivot_root);
OM_PROBE(apparmor_move_mount);
OM_PROBE(apparmor_stacking);
OM_PROBE(apparmor_userns);
OM_PROBE(apparmor_onexec);
OM_PROBE(apparmor_opened);
OM_PROBE(selinux);
OM_PROBE(smack);
