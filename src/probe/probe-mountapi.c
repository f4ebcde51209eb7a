/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fd mount API, on detached mounts only: nothing becomes visible anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "probe/probe.h"
#include "profile/profile.h"

static void set_by_result(struct om_facts *facts, enum om_fact_id id, const char *what,
			  int r)
{
	/* EPERM may be a seccomp filter or a missing capability, not an old kernel. */
	enum om_tristate no = r == -EPERM || r == -EACCES ? OM_UNKNOWN : OM_NO;

	if (r >= 0)
		om_facts_set(facts, id, OM_YES, NULL, "%s: done", what);
	else
		om_facts_set(facts, id, no, NULL, "%s: %s", what, strerrorname_np(-r));
}

static int scratch_tmpfs(const struct om_sys *sys)
{
	_cleanup_close_ int fs = -1;
	int r;

	fs = sys->fsopen(sys, "tmpfs");
	if (fs < 0)
		return fs;
	r = sys->fsconfig_string(sys, fs, "mode", "0755");
	if (r == 0)
		r = sys->fsconfig_create(sys, fs);
	if (r < 0)
		return r;
	return sys->fsmount(sys, fs, OM_ATTR_NOSUID | OM_ATTR_NODEV | OM_ATTR_NOEXEC);
}

static void probe_nesting(const struct om_sys *sys, struct om_facts *facts, int top)
{
	_cleanup_close_ int child = -1;
	int r;

	child = sys->open_tree(sys, top, "", false);
	set_by_result(facts, OM_FACT_MOUNT_API, "fsopen, fsmount, open_tree of a tmpfs",
		      child);
	if (child < 0)
		return;
	r = sys->mount_setattr(sys, child, false, OM_ATTR_RDONLY, MS_PRIVATE);
	set_by_result(facts, OM_FACT_MOUNT_SETATTR, "mount_setattr of a detached clone",
		      r);
	r = sys->mkdir(sys, top, "nest", 0700);
	if (r == 0)
		r = sys->move_mount(sys, child, top, "nest");
	set_by_result(facts, OM_FACT_DETACHED_NESTING, "move_mount into a detached tmpfs",
		      r);
	if (r == -ENOSYS)
		om_facts_set(facts, OM_FACT_MOUNT_API, OM_NO, NULL, "move_mount: ENOSYS");
}

int om_probe_mount_api(const struct om_sys *sys, struct om_facts *facts)
{
	_cleanup_close_ int top = -1;
	_cleanup_close_ int here = -1;
	uint64_t mount_id;
	bool unique = false;
	int r;

	here = sys->open_beneath(sys, AT_FDCWD, ".", O_PATH | O_DIRECTORY);
	set_by_result(facts, OM_FACT_OPENAT2, "openat2 with RESOLVE_BENEATH", here);
	top = scratch_tmpfs(sys);
	if (top < 0) {
		set_by_result(facts, OM_FACT_MOUNT_API, "fsopen and fsmount of a tmpfs",
			      top);
		set_by_result(facts, OM_FACT_DETACHED_NESTING, "fsopen", top);
		set_by_result(facts, OM_FACT_MOUNT_SETATTR, "fsopen", top);
	} else {
		probe_nesting(sys, facts, top);
	}
	if (here < 0)
		here = sys->open(sys, AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
	r = here < 0 ? here : sys->mount_id(sys, here, &mount_id, &unique);
	om_facts_set(facts, OM_FACT_UNIQUE_MOUNT_ID, unique ? OM_YES : OM_NO, NULL,
		     "statx STATX_MNT_ID_UNIQUE: %s",
		     unique  ? "bit set"
		     : r < 0 ? strerrorname_np(-r)
			     : "bit clear");
	return top < 0 ? top : TAKE_FD(top);
}
