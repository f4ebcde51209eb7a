/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See facts.h.
 */
#include "probe/facts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct om_fact_info table[_OM_FACT_MAX] = {
	[OM_FACT_OPEN_TREE] = {
		"mount-api.open-tree",
		"can a mount be cloned without being attached",
		"Binds can be made out of sight, from an open directory: nobody can swap the "
		"path in between.",
		"mount-api.fd; how every bind is made",
		"open_tree(OPEN_TREE_CLONE) of a private tmpfs",
	},
	[OM_FACT_FSOPEN] = {
		"mount-api.fsopen",
		"can a file system be mounted without being attached",
		"Options are given one by one: no limit of one page, no escaping, and the kernel "
		"can say what it dislikes.",
		"mount-api.fd; how tmpfs and overlay are made",
		"fsopen, fsconfig and fsmount of a tmpfs",
	},
	[OM_FACT_MOVE_MOUNT] = {
		"mount-api.move-mount",
		"can a detached mount be attached",
		"What was built out of sight becomes visible in one call.",
		"mount-api.fd; the one call that commits a construction",
		"move_mount of a detached clone into a private tmpfs",
	},
	[OM_FACT_MOUNT_API] = {
		"mount-api.fd",
		"are all parts of the fd mount API there",
		"With NO, everything is built by mount(2) on a private stage and moved with MS_MOVE.",
		"the surface that the applier builds on",
		"mount-api.open-tree, mount-api.fsopen and mount-api.move-mount together",
	},
	[OM_FACT_DETACHED_NESTING] = {
		"mount-api.detached-nesting",
		"can a mount be attached inside a detached tree",
		"A whole construction can be built detached and needs no private stage.",
		"the surface that the applier builds on",
		"move_mount of a clone into a detached tmpfs",
	},
	[OM_FACT_MOVE_BENEATH] = {
		"mount-api.move-beneath",
		"can a mount be placed beneath another one",
		"A construction can be exchanged for its successor without a moment in which neither "
		"is there.",
		"live updates",
		"move_mount(MOVE_MOUNT_BENEATH) of a clone beneath a private mount",
	},
	[OM_FACT_MOUNT_SETATTR] = {
		"mount-api.setattr",
		"can attributes be set on a whole detached tree",
		"Read-only and the like are complete before a mount is visible.",
		"the surface that the applier builds on",
		"mount_setattr(AT_RECURSIVE) of a detached clone",
	},
	[OM_FACT_MOUNT_ID] = {
		"mount-api.mount-id",
		"does statx tell the id of a mount",
		"With NO, the id is read from /proc/self/fdinfo.",
		"identity of mounts, in the journal and in undo",
		"statx: is STATX_MNT_ID set in the answer",
	},
	[OM_FACT_UNIQUE_MOUNT_ID] = {
		"mount-api.unique-id",
		"do mounts have ids that are never reused",
		"With NO, a mount of ours could be confused with a later one that got its number.",
		"identity of mounts, in the journal and in undo",
		"statx: is STATX_MNT_ID_UNIQUE set in the answer",
	},
	[OM_FACT_STATMOUNT] = {
		"mount-api.statmount",
		"can one mount be asked about by its unique id",
		"Status and undo look at the mounts that are theirs instead of reading them all.",
		"status, undo",
		"statmount of the mount of the working directory",
	},
	[OM_FACT_LISTMOUNT] = {
		"mount-api.listmount",
		"can the mounts below one be listed by unique id",
		"Submounts can be found without reading the whole of mountinfo.",
		"the survey of submounts, status",
		"listmount from the root of the namespace",
	},
	[OM_FACT_OPENAT2] = {
		"openat2",
		"can a path be resolved strictly beneath a directory",
		"With NO, each component is opened by itself, with O_NOFOLLOW.",
		"how every path is resolved",
		"openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)",
	},
	[OM_FACT_CLOSE_RANGE] = {
		"close-range",
		"can a range of file descriptors be closed in one call",
		"With NO, a helper closes what it inherits one by one.",
		"helpers that run with nothing inherited",
		"close_range of the last possible descriptor",
	},
	[OM_FACT_USERNS] = {
		"userns.create",
		"can this process make a user namespace",
		"Ordinary users can build namespaces of their own.",
		"overmount run for ordinary users; overlay.userns",
		"unshare(CLONE_NEWUSER | CLONE_NEWNS) in a child, then a tmpfs",
	},
	[OM_FACT_MOUNT_MAX] = {
		"limits.mount-max",
		"how many mounts can a namespace have",
		"A mimic costs one mount for each sibling.",
		"whether a mimic fits; limits.mounts-left",
		"/proc/sys/fs/mount-max",
	},
	[OM_FACT_MOUNTS_LEFT] = {
		"limits.mounts-left",
		"how many mounts can this namespace still take",
		"A mimic with more siblings than this fails.",
		"whether a mimic fits",
		"limits.mount-max less the lines of /proc/self/mountinfo",
	},
	[OM_FACT_OVERLAY_MODULE] = {
		"overlay.module",
		"is the overlay file system in the kernel now",
		"Explains overlay.ro, and never replaces it: a loadable module is used once it is "
		"loaded (see --load-modules).",
		"the reason given when overlay is not chosen",
		"/proc/filesystems and libkmod: builtin, live, loadable, blacklisted or missing",
	},
	[OM_FACT_SQUASHFS_MODULE] = {
		"squashfs.module",
		"is the squashfs file system in the kernel now",
		"Snaps and bases are squashfs images.",
		"people who look for the reason why an image does not mount",
		"/proc/filesystems and libkmod: builtin, live, loadable, blacklisted or missing",
	},
	[OM_FACT_OVERLAY_RO] = {
		"overlay.ro",
		"does a read-only skeleton over a real directory show both",
		"One overlay adds any number of names, whatever the number of siblings.",
		"strategy overlay",
		"overlay of two lower directories, without upper, then one name of each is looked up",
	},
	[OM_FACT_OVERLAY_LOWERDIR_PLUS] = {
		"overlay.lowerdir-plus",
		"can layers be given one by one",
		"No limit on the length of all layers together, and no escaping.",
		"how strategy overlay names its layers",
		"fsconfig(\"lowerdir+\") with a path, for each of two layers",
	},
	[OM_FACT_OVERLAY_LAYER_FD] = {
		"overlay.layer-fd",
		"can layers be given by file descriptor",
		"The layer is the directory that was opened, whatever its path has become.",
		"how strategy overlay names its layers",
		"fsconfig(\"lowerdir+\") with a descriptor, for each of two layers",
	},
	[OM_FACT_OVERLAY_DETACHED_LOWER] = {
		"overlay.detached-lower",
		"can a layer lie on a detached mount",
		"The skeleton needs no place in the tree.",
		"the surface that the applier builds on",
		"overlay with its layers on a detached tmpfs",
	},
	[OM_FACT_OVERLAY_NOFOLLOW] = {
		"overlay.redirect-nofollow",
		"is redirect_dir=nofollow accepted",
		"A directory of an upper layer cannot point elsewhere by an extended attribute.",
		"options of strategy overlay",
		"overlay.ro with this option alone",
	},
	[OM_FACT_OVERLAY_METACOPY_OFF] = {
		"overlay.metacopy-off",
		"is metacopy=off accepted",
		"A file of an upper layer cannot borrow the content of another one.",
		"options of strategy overlay",
		"overlay.ro with this option alone",
	},
	[OM_FACT_OVERLAY_OPTIONS] = {
		"overlay.options-together",
		"are the accepted options accepted together",
		"The value is the set that is passed. Some kernels take an option only alone.",
		"options of strategy overlay",
		"overlay.ro with all options that were accepted alone",
	},
	[OM_FACT_OVERLAY_DEPTH] = {
		"overlay.stack-depth",
		"can an overlay be a layer of another overlay",
		"The value is the number of levels over a plain file system; no more than two are "
		"tried, since the kernel complains in its log about the third.",
		"constructions over a root that is an overlay already",
		"overlay.ro over the result of overlay.ro",
	},
	[OM_FACT_OVERLAY_UPPER] = {
		"overlay.upper-tmpfs",
		"does an overlay with its upper layer on a tmpfs take new names",
		"Writable holes are possible; what is written goes away with the namespace.",
		"writable overlay, where policy asks for it",
		"overlay with upperdir and workdir on a private tmpfs, then a file and a removal",
	},
	[OM_FACT_OVERLAY_WHITEOUT] = {
		"overlay.whiteout",
		"does a device 0:0 in the skeleton hide a name",
		"A name of the base can be taken away.",
		"changes of kind and hidden names in strategy overlay",
		"overlay.ro with a character device 0:0 in its upper layer",
	},
	[OM_FACT_OVERLAY_OPAQUE] = {
		"overlay.opaque",
		"does trusted.overlay.opaque hide what is below a directory",
		"A directory of the base can be replaced by an empty one.",
		"changes of kind and hidden names in strategy overlay",
		"overlay.ro with the attribute on a directory that both layers have",
	},
	[OM_FACT_OVERLAY_USERXATTR] = {
		"overlay.userxattr",
		"is userxattr accepted",
		"Overlays in user namespaces keep their marks in user.* attributes.",
		"writable overlay in user namespaces",
		"overlay.ro with this option",
	},
	[OM_FACT_OVERLAY_USERNS] = {
		"overlay.userns",
		"can an overlay be mounted in a user namespace",
		"Ordinary users get strategy overlay.",
		"overmount run for ordinary users",
		"overlay.ro in a child, in a user namespace of its own",
	},
	[OM_FACT_OVERLAY_NOSUID] = {
		"overlay.nosuid-inherited",
		"does an overlay keep nosuid of its lower mount",
		"Vendors patch this, and no list of mounts shows it. overmount always passes nosuid, "
		"nodev and noexec of the lower mount itself.",
		"people who compare kernels",
		"a set-user-id program on a nosuid tmpfs, run through an overlay as another user",
	},
	[OM_FACT_OVERLAY_LABEL_SELF] = {
		"overlay.label-self",
		"can this process use what it sees through an overlay that it mounted",
		"A security module checks the label of the process that mounted, too. That the mount "
		"succeeds proves nothing.",
		"strategy overlay under confinement",
		"an overlay over a real directory in a scratch namespace: list, stat, read, map and "
		"execute, each also tried without the overlay",
	},
	[OM_FACT_OVERLAY_LABEL_APP] = {
		"overlay.label-app",
		"can the application use what it sees through an overlay that we mounted",
		"The reader's label is checked behind the overlay, by rules that differ from kernel "
		"to kernel.",
		"strategy overlay under confinement",
		"as overlay.label-self, by a child that has changed to the label given with "
		"--app-label; the overlay is made by --layers-helper, if that is given. Where the "
		"label may not be taken, \"asked\": policy is asked, by libapparmor, what a label of "
		"snapd's may",
	},
	[OM_FACT_OVERLAY_LABEL_HELPER] = {
		"overlay.label-helper",
		"does overmount-layers make overlays with a label that is not enforced",
		"An overlay keeps the label of the program that creates it. The value is the label; "
		"what an application can do through such an overlay, overlay.label-app says.",
		"strategy overlay under confinement",
		"the program given with --layers-helper is executed, and asked for its label",
	},
	[OM_FACT_LSM] = {
		"lsm.list",
		"is any security module in force",
		"The value is the list of the kernel.",
		"people; the key of the cache",
		"/sys/kernel/security/lsm",
	},
	[OM_FACT_APPARMOR] = {
		"apparmor.enabled",
		"is AppArmor in force",
		"With NO, labels play no part.",
		"all other apparmor facts",
		"libapparmor: aa_is_enabled",
	},
	[OM_FACT_APPARMOR_LABEL] = {
		"apparmor.unconfined",
		"is this process unconfined",
		"The value is the label. An overlay keeps the label of the process that creates it.",
		"strategy overlay under confinement",
		"libapparmor: aa_getcon; a named profile counts when its mode is unconfined",
	},
	[OM_FACT_APPARMOR_MOUNT] = {
		"apparmor.mount-mediation",
		"does AppArmor mediate mount(2)",
		"With NO, mount rules have no effect.",
		"which rules a profile needs",
		"features/mount/mask",
	},
	[OM_FACT_APPARMOR_PIVOT_ROOT] = {
		"apparmor.pivot-root-mediation",
		"does AppArmor mediate pivot_root",
		"With NO, pivot_root rules have no effect.",
		"which rules a profile needs",
		"features/mount/mask and features/namespaces/pivot_root",
	},
	[OM_FACT_APPARMOR_MOVE_MOUNT] = {
		"apparmor.move-mount-mediation",
		"does AppArmor mediate move_mount",
		"With YES, a confined process needs a rule for attaching a detached mount; with NO "
		"the fd mount API passes policy by.",
		"which rules a profile needs",
		"features/mount/move_mount",
	},
	[OM_FACT_APPARMOR_STACKING] = {
		"apparmor.stacking",
		"can profiles be stacked",
		"With YES, a helper can be confined by two profiles at once.",
		"transitions into the application's profile",
		"features/domain/stack",
	},
	[OM_FACT_APPARMOR_USERNS] = {
		"apparmor.userns-restriction",
		"does AppArmor restrict user namespaces of ordinary users",
		"With YES, run as an ordinary user may be refused.",
		"the reason given when userns.create is NO",
		"features/namespaces/mask and kernel.apparmor_restrict_unprivileged_userns",
	},
	[OM_FACT_APPARMOR_ONEXEC] = {
		"apparmor.change-onexec",
		"may this process change its label on exec",
		"The value is the label that was tried: that of --app-label, or for an unconfined "
		"process \"unconfined\".",
		"transitions into the application's profile; overlay.label-app",
		"libapparmor: aa_change_onexec, in a child that executes nothing",
	},
	[OM_FACT_APPARMOR_OPENED] = {
		"apparmor.opened-elsewhere",
		"may an application execute what was opened in another mount namespace",
		"AppArmor makes up the path of a file from the mount by which it was opened. In a new "
		"mount namespace that can be another path than the one by which it was opened, or "
		"none, and then rules for its path do not hold.",
		"who starts an application from a program that was opened before",
		"/usr/bin/true executed by a child in a copy of the namespace, with the label of "
		"--app-label: opened in the copy, and opened before it was made",
	},
	[OM_FACT_SELINUX] = {
		"selinux.enforcing",
		"does SELinux deny anything",
		"SELinux checks the label of the process that mounted an overlay, and labels of the "
		"layers; what comes of that overmount does not try.",
		"strategy overlay: with YES it is not chosen",
		"/proc/filesystems has selinuxfs; /sys/fs/selinux/enforce",
	},
	[OM_FACT_SMACK] = {
		"smack.enabled",
		"is Smack in force",
		"Smack checks labels of the layers of an overlay; what comes of that overmount does "
		"not try.",
		"strategy overlay: with YES it is not chosen",
		"/proc/filesystems has smackfs",
	},
};

void om_facts_init(struct om_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		facts->fact[i].state = OM_UNKNOWN;
}

static void set(struct om_fact *fact, enum om_tristate state, const char *value,
		const char *format, va_list ap)
{
	fact->state = state;
	(void)snprintf(fact->value, sizeof(fact->value), "%s", value ? value : "");
	(void)vsnprintf(fact->evidence, sizeof(fact->evidence), format, ap);
}

void om_fact_set_to(struct om_fact *fact, enum om_tristate state, const char *value,
		    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(fact, state, value, format, ap);
	va_end(ap);
}

void om_facts_set(struct om_facts *facts, enum om_fact_id id, enum om_tristate state,
		  const char *value, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set(&facts->fact[id], state, value, format, ap);
	va_end(ap);
}

const struct om_fact_info *om_fact_info(enum om_fact_id id)
{
	return &table[id];
}

const char *om_fact_name(enum om_fact_id id)
{
	return table[id].name;
}

enum om_fact_id om_fact_by_name(const char *name)
{
	enum om_fact_id id = 0;

	while (id < _OM_FACT_MAX && strcmp(table[id].name, name) != 0)
		id++;
	return id;
}

static const char *const tristate_names[] = {
	[OM_NO] = "no",
	[OM_YES] = "yes",
	[OM_UNKNOWN] = "unknown",
};

const char *om_tristate_name(enum om_tristate state)
{
	return tristate_names[state];
}

int om_tristate_parse(const char *word, enum om_tristate *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(tristate_names); i++) {
		if (strcmp(word, tristate_names[i]) == 0) {
			*ret = (enum om_tristate)i;
			return 0;
		}
	}
	return -EINVAL;
}
