/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this kernel's overlay can do: options alone and together, layers in each form,
 * depth, upper layers, marks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "probe/prober.h"
#include "profile/profile.h"

static const struct om_option redirect_nofollow[] = { { "redirect_dir", "nofollow" },
						      { NULL, NULL } };
static const struct om_option no_metacopy[] = { { "metacopy", "off" }, { NULL, NULL } };

/* One try in the scratch directory, of which only the outcome counts. */
static void try_once(struct om_prober *p, struct om_fact *fact, const char *what,
		     struct om_overlay_try how)
{
	_cleanup_close_ int merged = -1;

	if (!om_overlay_ready(p, fact))
		return;
	how.top = p->dir;
	how.upper = "s";
	how.lower = "l";
	merged = om_overlay_mount(p, &how);
	om_overlay_set(fact, merged, what, &how);
}

void om_probe_overlay_ro(struct om_prober *p, struct om_fact *fact)
{
	try_once(p, fact, "skeleton over a directory", (struct om_overlay_try){ 0 });
}

void om_probe_lowerdir_plus(struct om_prober *p, struct om_fact *fact)
{
	try_once(p, fact, "layers one by one",
		 (struct om_overlay_try){ .by = OM_LAYERS_PLUS });
}

void om_probe_layer_fd(struct om_prober *p, struct om_fact *fact)
{
	try_once(p, fact, "layers by descriptor",
		 (struct om_overlay_try){ .by = OM_LAYERS_FD });
}

void om_probe_nofollow(struct om_prober *p, struct om_fact *fact)
{
	try_once(p, fact, "redirect_dir=nofollow",
		 (struct om_overlay_try){ .options = redirect_nofollow });
}

void om_probe_metacopy_off(struct om_prober *p, struct om_fact *fact)
{
	try_once(p, fact, "metacopy=off",
		 (struct om_overlay_try){ .options = no_metacopy });
}

/* The one of the two options that decides: accepted, else not known, else refused. */
static enum om_fact_id pick_option(const struct om_facts *facts)
{
	static const enum om_tristate order[] = { OM_YES, OM_UNKNOWN };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (om_facts_get(facts, OM_FACT_OVERLAY_NOFOLLOW) == order[i])
			return OM_FACT_OVERLAY_NOFOLLOW;
		if (om_facts_get(facts, OM_FACT_OVERLAY_METACOPY_OFF) == order[i])
			break;
	}
	return OM_FACT_OVERLAY_METACOPY_OFF;
}

void om_probe_options_together(struct om_prober *p, struct om_fact *fact)
{
	bool nofollow = om_facts_get(&p->facts, OM_FACT_OVERLAY_NOFOLLOW) == OM_YES;
	bool metacopy = om_facts_get(&p->facts, OM_FACT_OVERLAY_METACOPY_OFF) == OM_YES;
	struct om_option both[] = { redirect_nofollow[0],
				    no_metacopy[0],
				    { NULL, NULL } };

	if (nofollow && metacopy) {
		try_once(p, fact, "both options",
			 (struct om_overlay_try){ .options = both });
		if (fact->state == OM_YES)
			(void)snprintf(fact->value, sizeof(fact->value),
				       "redirect_dir=nofollow,metacopy=off");
		return;
	}
	/* What is accepted alone is all that there is to be passed. */
	*fact = p->facts.fact[pick_option(&p->facts)];
	if (nofollow || metacopy)
		(void)snprintf(fact->value, sizeof(fact->value), "%s",
			       nofollow ? "redirect_dir=nofollow" : "metacopy=off");
}

void om_probe_userxattr(struct om_prober *p, struct om_fact *fact)
{
	static const struct om_option option[] = { { "userxattr", NULL },
						   { NULL, NULL } };

	try_once(p, fact, "userxattr", (struct om_overlay_try){ .options = option });
}

/* A tmpfs that no namespace has, with the layers in it; fd or -errno. */
static int detached_layers(const struct om_sys *sys, struct om_overlay_try *how)
{
	const char *call;
	_cleanup_close_ int top = om_prober_detached_tmpfs(sys, &call);
	int r = top < 0 ? top : om_overlay_make_layers(sys, top);

	how->call = "detached tmpfs";
	return r < 0 ? r : TAKE_FD(top);
}

void om_probe_detached_lower(struct om_prober *p, struct om_fact *fact)
{
	struct om_overlay_try how = { .upper = "s", .lower = "l", .detached_only = true };
	_cleanup_close_ int top = -1;
	_cleanup_close_ int merged = -1;

	if (!om_overlay_possible(p, fact))
		return;
	top = detached_layers(p->sys, &how);
	how.top = top;
	/* Without the fd mount API there are no detached mounts to be layers. */
	how.tried = top == -ENOSYS;
	merged = top < 0 ? top : om_overlay_mount(p, &how);
	om_overlay_set(fact, merged, "layers on a detached tmpfs", &how);
}

/* An overlay of s over lower_fd (or l), attached at a new directory; fd or -errno. */
static int stack(struct om_prober *p, struct om_overlay_try *how, const char *at,
		 int lower_fd)
{
	int r = p->sys->mkdir(p->sys, p->dir, at, 0755);

	*how = (struct om_overlay_try){ .top = p->dir,
					.upper = "s",
					.lower = "l",
					.lower_fd = lower_fd,
					.at_dir = p->dir,
					.at = at,
					.call = "directory to mount at" };
	return r < 0 ? r : om_overlay_mount(p, how);
}

void om_probe_stack_depth(struct om_prober *p, struct om_fact *fact)
{
	struct om_overlay_try how;
	_cleanup_close_ int one = -1;
	_cleanup_close_ int two = -1;

	if (!om_overlay_ready(p, fact))
		return;
	one = stack(p, &how, "depth1", 0);
	if (one >= 0)
		two = stack(p, &how, "depth2", one);
	om_overlay_set(fact, one < 0 ? one : two, "overlay over overlay", &how);
	if (one >= 0)
		(void)snprintf(fact->value, sizeof(fact->value), "%d", two < 0 ? 1 : 2);
}

static int write_through(struct om_prober *p, struct om_overlay_try *how, int merged)
{
	int r;

	how->call = "creating a file";
	r = p->sys->mkfile(p->sys, merged, "new", 0644);
	if (r < 0)
		return r;
	how->call = "removing a name of the lower layer";
	r = p->sys->unlink(p->sys, merged, "lower-name", AT_REMOVEDIR);
	if (r < 0)
		return r;
	how->call = "looking for the removed name";
	r = p->sys->stat(p->sys, merged, "lower-name");
	return r == -ENOENT ? 0 : r < 0 ? r : -EEXIST;
}

void om_probe_upper_tmpfs(struct om_prober *p, struct om_fact *fact)
{
	struct om_overlay_try how = { .lower = "l", .writable = true };
	_cleanup_close_ int merged = -1;
	int r;

	if (!om_overlay_ready(p, fact))
		return;
	how.top = p->dir;
	merged = om_overlay_mount(p, &how);
	r = merged < 0 ? merged : write_through(p, &how, merged);
	om_overlay_set(fact, r, "upper layer on a tmpfs", &how);
	if (r == 0)
		om_fact_set_to(
			fact, OM_YES, NULL,
			"upper layer on a tmpfs: a file made, a lower name removed");
}

/* Is name hidden by what was put in layer `mark`? */
static void probe_hidden(struct om_prober *p, struct om_fact *fact, const char *what,
			 const char *mark, const char *name)
{
	struct om_overlay_try how = { .top = p->dir, .upper = mark, .lower = "l" };
	_cleanup_close_ int merged = om_overlay_mount(p, &how);
	int r = merged;

	if (merged >= 0) {
		r = p->sys->stat(p->sys, merged, name);
		how.call = "looking for the hidden name";
		r = r == 0 ? -EEXIST : r == -ENOENT ? 0 : r;
	}
	om_overlay_set(fact, r, what, &how);
	if (r == 0)
		om_fact_set_to(fact, OM_YES, NULL, "%s: the name is hidden", what);
}

/* A layer of its own, with the name that tries look for. */
static int make_mark_layer(struct om_prober *p, const char *layer)
{
	char name[32];
	int r = p->sys->mkdir(p->sys, p->dir, layer, 0755);

	(void)snprintf(name, sizeof(name), "%s/upper-name", layer);
	return r < 0 ? r : p->sys->mkdir(p->sys, p->dir, name, 0755);
}

void om_probe_whiteout(struct om_prober *p, struct om_fact *fact)
{
	int r;

	if (!om_overlay_ready(p, fact))
		return;
	r = make_mark_layer(p, "whiteout");
	if (r == 0)
		r = p->sys->mknod(p->sys, p->dir, "whiteout/both", S_IFCHR | 0000, 0);
	if (r < 0)
		om_prober_set_untried(fact, r, "making a device 0:0");
	else
		probe_hidden(p, fact, "device 0:0", "whiteout", "both");
}

static int make_opaque(struct om_prober *p)
{
	_cleanup_close_ int fd = -1;
	int r = make_mark_layer(p, "opaque");

	if (r == 0)
		r = p->sys->mkdir(p->sys, p->dir, "opaque/both", 0755);
	if (r < 0)
		return r;
	fd = p->sys->open(p->sys, p->dir, "opaque/both", O_RDONLY | O_DIRECTORY, 0);
	return fd < 0 ? fd
		      : p->sys->setxattr(p->sys, fd, "trusted.overlay.opaque", "y", 1);
}

/* A tmpfs without such attributes is an answer; anything else is not. */
static void set_mark_failure(struct om_fact *fact, int r)
{
	static const char call[] = "setting trusted.overlay.opaque";

	if (r == -EOPNOTSUPP)
		om_prober_set(fact, r, call, NULL);
	else
		om_prober_set_untried(fact, r, call);
}

void om_probe_opaque(struct om_prober *p, struct om_fact *fact)
{
	int r;

	if (!om_overlay_ready(p, fact))
		return;
	r = make_opaque(p);
	if (r < 0)
		set_mark_failure(fact, r);
	else
		probe_hidden(p, fact, "opaque directory", "opaque", "both/inside");
}

/* In a child: nothing of the parent's namespace is left, so a scratch of its own. */
static int try_in_userns(void *arg)
{
	struct om_prober *p = arg;
	struct om_fact *fact = &p->facts.fact[OM_FACT_OVERLAY_USERNS];
	struct om_overlay_try how = { .upper = "s", .lower = "l" };
	_cleanup_close_ int merged = -1;
	_cleanup_close_ int top = -1;
	int r = p->sys->unshare_user(p->sys);

	how.call = "unshare(CLONE_NEWUSER)";
	if (r == 0) {
		r = top = om_prober_scratch(p->sys, &how.call);
		how.top = top;
	}
	if (top >= 0) {
		how.call = "making the layers";
		r = om_overlay_make_layers(p->sys, top);
	}
	if (r < 0) {
		om_prober_set(fact, r, how.call, NULL);
		return 0;
	}
	merged = om_overlay_mount(p, &how);
	om_overlay_set(fact, merged, "in a user namespace", &how);
	/* A tmpfs could be mounted there, so a refusal is about overlay. */
	if (merged == -EPERM)
		fact->state = OM_NO;
	return 0;
}

void om_probe_overlay_userns(struct om_prober *p, struct om_fact *fact)
{
	const struct om_fact *userns = &p->facts.fact[OM_FACT_USERNS];
	int r;

	if (!om_overlay_possible(p, fact))
		return;
	if (userns->state != OM_YES) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "no user namespace to try it in: %s", userns->evidence);
		fact->fleeting = true;
		return;
	}
	r = p->sys->in_child(p->sys, try_in_userns, p);
	if (r < 0)
		om_prober_set(fact, r, "child in a user namespace", NULL);
}
