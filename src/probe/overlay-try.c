/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One try of an overlay, checked by content: a name of each layer must be seen, since old
 * kernels mount with layers missing (mount(2) cuts a long option string in silence) and a
 * mount that succeeds proves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "layers/layers.h"
#include "probe/prober.h"
#include "profile/profile.h"

int om_overlay_make_layers(const struct om_sys *sys, int top)
{
	static const char *const dirs[] = { "s",      "s/upper-name",
					    "l",      "l/lower-name",
					    "l/both", "l/both/inside",
					    "u",      "w" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r = sys->mkdir(sys, top, dirs[i], 0755);

		/* An earlier try may have failed half-way. */
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}

int om_overlay_layers(struct om_prober *p)
{
	int r = p->layers ? 0 : om_overlay_make_layers(p->sys, p->dir);
	p->layers = r == 0;
	return r;
}

bool om_overlay_possible(struct om_prober *p, struct om_fact *fact)
{
	int r = om_prober_registered(p, "overlay", &p->overlay);

	/* With load_modules the kernel is asked too: it may know more than libkmod. */
	if (r > 0 || p->options->load_modules)
		return true;
	fact->fleeting = true;
	if (r == 0)
		om_fact_set_to(
			fact, OM_UNKNOWN, NULL,
			"not tried: overlay is not registered, and trying would load its "
			"module (--load-modules)");
	else
		om_fact_set_to(
			fact, OM_UNKNOWN, NULL,
			"not tried: /proc/filesystems: %s, and trying might load a module",
			strerrorname_np(-r));
	return false;
}

bool om_overlay_ready(struct om_prober *p, struct om_fact *fact)
{
	int r;

	if (!om_overlay_possible(p, fact) || !om_prober_has_place(p, fact))
		return false;
	r = om_overlay_layers(p);
	if (r < 0)
		om_prober_set_untried(fact, r, "making the layers");
	return r == 0;
}

struct layers {
	int skeleton, lower, upper, work; /* owned, but for lower where it was given */
};

static int open_layers(struct om_prober *p, struct om_overlay_try *how, struct layers *l)
{
	const struct om_sys *sys = p->sys;
	const int flags = O_PATH | O_DIRECTORY;

	*l = (struct layers){ -1, how->lower_fd, -1, -1 };
	how->call = "open of the layers";
	if (how->lower_fd <= 0)
		l->lower = sys->open(sys, how->top, how->lower, flags, 0);
	if (l->lower < 0)
		return l->lower;
	if (!how->writable) {
		l->skeleton = sys->open(sys, how->top, how->upper, flags, 0);
		return l->skeleton < 0 ? l->skeleton : 0;
	}
	l->upper = sys->open(sys, how->top, "u", flags, 0);
	if (l->upper < 0)
		return l->upper;
	l->work = sys->open(sys, how->top, "w", flags, 0);
	return l->work < 0 ? l->work : 0;
}

static void close_layers(const struct om_overlay_try *how, struct layers *l)
{
	(void)om_close(l->skeleton);
	(void)om_close(l->upper);
	(void)om_close(l->work);
	if (how->lower_fd <= 0)
		(void)om_close(l->lower);
}

static int set_options(const struct om_sys *sys, int fs, const struct om_overlay_try *how)
{
	int r = 0;

	for (const struct om_option *o = how->options; r == 0 && o && o->key; o++)
		r = o->value ? sys->fsconfig_string(sys, fs, o->key, o->value)
			     : sys->fsconfig_flag(sys, fs, o->key);
	return r;
}

static int set_one_layer(const struct om_sys *sys, int fs, int layer,
			 const struct om_overlay_try *how)
{
	return how->by == OM_LAYERS_FD
		       ? sys->fsconfig_fd(sys, fs, "lowerdir+", layer)
		       : sys->fsconfig_string(sys, fs, "lowerdir+", OM_FD_PATH(layer));
}

static int set_layers(const struct om_sys *sys, int fs, const struct om_overlay_try *how,
		      const struct layers *l)
{
	char both[2 * OM_FD_PATH_SIZE + 2];
	int r;

	if (how->by != OM_LAYERS_STRING) {
		r = set_one_layer(sys, fs, l->skeleton, how);
		return r < 0 ? r : set_one_layer(sys, fs, l->lower, how);
	}
	if (how->writable) {
		r = sys->fsconfig_string(sys, fs, "lowerdir", OM_FD_PATH(l->lower));
		if (r == 0)
			r = sys->fsconfig_string(sys, fs, "upperdir",
						 OM_FD_PATH(l->upper));
		return r < 0 ? r
			     : sys->fsconfig_string(sys, fs, "workdir",
						    OM_FD_PATH(l->work));
	}
	(void)snprintf(both, sizeof(both), "%s:%s", OM_FD_PATH(l->skeleton),
		       OM_FD_PATH(l->lower));
	return sys->fsconfig_string(sys, fs, "lowerdir", both);
}

static int configure(const struct om_sys *sys, int fs, struct om_overlay_try *how,
		     const struct layers *l)
{
	int r;

	how->call = "fsconfig of an option";
	r = set_options(sys, fs, how);
	if (r < 0)
		return r;
	how->call = how->by == OM_LAYERS_STRING ? "fsconfig lowerdir"
		    : how->by == OM_LAYERS_PLUS ? "fsconfig lowerdir+ with a path"
						: "fsconfig lowerdir+ with a descriptor";
	r = set_layers(sys, fs, how, l);
	if (r < 0)
		return r;
	how->call = "fsconfig(FSCONFIG_CMD_CREATE) of an overlay";
	return sys->fsconfig_create(sys, fs);
}

static int open_place(const struct om_sys *sys, const struct om_overlay_try *how)
{
	return sys->open(sys, how->at_dir, how->at, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
}

static int mount_fd_api(const struct om_sys *sys, struct om_overlay_try *how,
			const struct layers *l)
{
	_cleanup_close_ int place = -1;
	_cleanup_close_ int fs = -1;
	_cleanup_close_ int merged = -1;
	int r;

	how->call = "directory to mount at";
	if (how->at)
		place = open_place(sys, how);
	if (how->at && place < 0)
		return place;
	how->tried = true;
	how->call = "fsopen overlay";
	fs = sys->fsopen(sys, "overlay");
	if (fs < 0)
		return fs;
	r = configure(sys, fs, how, l);
	if (r < 0) {
		if (sys->fs_log(sys, fs, how->log, sizeof(how->log)) < 0)
			how->log[0] = '\0';
		return r;
	}
	how->call = "fsmount of an overlay";
	merged = sys->fsmount(sys, fs, how->writable ? 0 : OM_ATTR_RDONLY);
	if (merged < 0)
		return merged;
	if (how->at) {
		how->call = "move_mount of an overlay";
		r = sys->move_mount(sys, merged, place, "");
		if (r < 0)
			return r;
	}
	return TAKE_FD(merged);
}

static void format_data(const struct om_overlay_try *how, const struct layers *l,
			char *buf, size_t size)
{
	struct om_str text = { 0 };

	if (how->writable)
		om_str_addf(&text, "lowerdir=%s,upperdir=%s,workdir=%s",
			    OM_FD_PATH(l->lower), OM_FD_PATH(l->upper),
			    OM_FD_PATH(l->work));
	else
		om_str_addf(&text, "lowerdir=%s:%s", OM_FD_PATH(l->skeleton),
			    OM_FD_PATH(l->lower));
	for (const struct om_option *o = how->options; o && o->key; o++)
		om_str_addf(&text, ",%s%s%s", o->key, o->value ? "=" : "",
			    o->value ? o->value : "");
	(void)snprintf(buf, size, "%s", om_str_get(&text));
	om_str_free(&text);
}

static int mount_classic(const struct om_sys *sys, struct om_overlay_try *how,
			 const struct layers *l)
{
	_cleanup_close_ int place = -1;
	char data[512];
	int r = 0;

	how->tried = false;
	how->call = "directory to mount at";
	how->log[0] = '\0';
	if (!how->at) {
		how->at_dir = how->top;
		how->at = "m";
		r = sys->mkdir(sys, how->top, how->at, 0755);
	}
	place = r < 0 && r != -EEXIST ? r : open_place(sys, how);
	if (place < 0)
		return place;
	format_data(how, l, data, sizeof(data));
	how->tried = true;
	how->call = "mount(2) of an overlay";
	r = sys->mount(sys, "overmount-probe", OM_FD_PATH(place), "overlay",
		       how->writable ? 0 : MS_RDONLY, data);
	if (r < 0)
		return r;
	/* By name: the descriptor shows the directory below what was mounted. */
	how->tried = false;
	how->call = "open of the overlay";
	r = sys->open(sys, how->at_dir, how->at, O_RDONLY | O_DIRECTORY, 0);
	how->tried = r >= 0;
	return r;
}

/* Where the fd mount API is missing, the only way to it is a place of ours. */
static int ask_at_place(struct om_prober *p, struct om_overlay_try *how,
			struct om_layers_ask *ask, struct om_layers_reply *reply)
{
	const struct om_sys *sys = p->sys;
	_cleanup_close_ int place = -1;
	int r = sys->mkdir(sys, p->dir, "helper", 0700);

	how->tried = false;
	how->call = "directory to mount at";
	place = r < 0 && r != -EEXIST
			? r
			: sys->open(sys, p->dir, "helper", O_PATH | O_DIRECTORY, 0);
	if (place < 0)
		return place;
	how->tried = true;
	ask->place = place;
	r = sys->layers(sys, p->options->layers, ask, reply);
	return r < 0 ? r : sys->open(sys, p->dir, "helper", O_RDONLY | O_DIRECTORY, 0);
}

static int move_from_helper(const struct om_sys *sys, int merged, bool detached,
			    int place)
{
	return detached ? sys->move_mount(sys, merged, place, "")
			: sys->mount(sys, OM_FD_PATH(merged), OM_FD_PATH(place), NULL,
				     MS_MOVE, NULL);
}

static int mount_by_helper(struct om_prober *p, struct om_overlay_try *how,
			   const struct layers *l)
{
	const struct om_sys *sys = p->sys;
	struct om_layers_ask ask = { .skeleton = l->skeleton,
				     .hole = l->lower,
				     .place = -1,
				     .attr = OM_ATTR_RDONLY };
	_cleanup_close_ int place = -1;
	_cleanup_close_ int merged = -1;
	struct om_layers_reply reply;
	bool detached;
	int r;

	how->call = "directory to mount at";
	place = open_place(sys, how);
	if (place < 0)
		return place;
	how->tried = true;
	how->call = "overmount-layers";
	merged = sys->layers(sys, p->options->layers, &ask, &reply);
	detached = merged != -ENOSYS;
	if (!detached)
		merged = ask_at_place(p, how, &ask, &reply);
	if (merged < 0) {
		(void)snprintf(how->log, sizeof(how->log), "%s", reply.what);
		return merged;
	}
	how->call = "moving what overmount-layers made";
	r = move_from_helper(sys, merged, detached, place);
	return r < 0 ? r : TAKE_FD(merged);
}

static int check_content(struct om_prober *p, struct om_overlay_try *how, int merged)
{
	int r = how->writable ? 0 : p->sys->stat(p->sys, merged, "upper-name");

	how->call = "looking up a name of the upper layer";
	if (r == 0 && how->lower_fd <= 0) {
		how->call = "looking up a name of the lower layer";
		r = p->sys->stat(p->sys, merged, "lower-name");
	}
	return r;
}

int om_overlay_mount(struct om_prober *p, struct om_overlay_try *how)
{
	_cleanup_close_ int merged = -1;
	struct layers l;
	int r = open_layers(p, how, &l);

	how->log[0] = '\0';
	how->tried = false;
	if (r == 0)
		r = how->by_helper ? mount_by_helper(p, how, &l)
				   : mount_fd_api(p->sys, how, &l);
	/* Any of the calls may be the one that is missing. */
	if (r == -ENOSYS && how->by == OM_LAYERS_STRING && !how->detached_only &&
	    !how->by_helper)
		r = mount_classic(p->sys, how, &l);
	close_layers(how, &l);
	if (r < 0)
		return r;
	merged = r;
	r = check_content(p, how, merged);
	return r < 0 ? r : TAKE_FD(merged);
}

void om_overlay_set(struct om_fact *fact, int r, const char *what,
		    const struct om_overlay_try *how)
{
	char call[128];

	if (r >= 0) {
		om_fact_set_to(fact, OM_YES, NULL, "%s: mounted, both layers seen", what);
		return;
	}
	(void)snprintf(call, sizeof(call), "%s: %s", what, how->call);
	if (!how->tried) {
		om_prober_set_untried(fact, r, call);
		return;
	}
	om_prober_set(fact, r, call, how->log);
	/* Without the module nothing is known about the kernel. */
	if (r == -ENODEV)
		fact->fleeting = true;
}
