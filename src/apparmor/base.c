/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the program needs whatever it applies: to start, its state directory, its stage, and
 * trying what the kernel can do, which happens in a mount namespace of its own.  See emit.h.
 */
#include <stddef.h>

#include "apparmor/emit.h"

/* A rule in which nothing is somebody else's text. */
struct fixed {
	unsigned families;
	unsigned may;
	const char *path;
};

static int add_fixed(struct om_aa_rules *rules, const struct fixed *files, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = om_aa_rules_add(
			rules, &(struct om_aa_rule){
				       .kind = OM_AA_FILE,
				       .families = files[i].families,
				       .may = files[i].may,
				       .path = { { OM_AA_PATTERN(files[i].path) } } });
	return r;
}

static int add_program(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	static const struct fixed files[] = {
		{ OM_AA_ALL, OM_AA_R | OM_AA_M,
		  "/{,usr/}lib{,32,64}/{,**/}*.so{,.[0-9]*}" },
		{ OM_AA_ALL, OM_AA_R, "/etc/ld.so.cache" },
		{ OM_AA_ALL, OM_AA_R | OM_AA_W, "/dev/null" },
		{ OM_AA_ALL, OM_AA_R, "/proc/filesystems" },
		{ OM_AA_ALL, OM_AA_R, "/proc/sys/{fs/mount-max,kernel/random/boot_id}" },
		{ OM_AA_ALL, OM_AA_R, "/proc/[0-9]*/{comm,mountinfo,mounts,status}" },
		{ OM_AA_ALL, OM_AA_R,
		  "/proc/[0-9]*/{,task/[0-9]*/}attr/{,apparmor/}current" },
		{ OM_AA_ALL, OM_AA_R, "/proc/[0-9]*/uid_map" },
		{ OM_AA_REMOUNTS, OM_AA_R, "/proc/[0-9]*/fdinfo/[0-9]*" },
		{ OM_AA_ALL, OM_AA_R, "/sys/kernel/security/lsm" },
		{ OM_AA_ALL, OM_AA_R, "/sys/kernel/security/apparmor/features/**" },
		{ OM_AA_ALL, OM_AA_R, "/sys/module/apparmor/parameters/*" },
	};
	static const struct fixed overlay = { OM_AA_ALL, OM_AA_R,
					      "/sys/module/overlay/parameters/*" };
	int r = om_aa_rules_section(rules,
				    "The program itself, and what it asks the kernel");

	if (r == 0)
		r = om_aa_rules_add(
			rules, &(struct om_aa_rule){ .kind = OM_AA_FILE,
						     .families = OM_AA_ALL,
						     .may = OM_AA_R | OM_AA_M,
						     .path = om_aa_name(o->program) });
	if (r == 0)
		r = add_fixed(rules, files, ARRAY_SIZE(files));
	if (r == 0 && o->technique != OM_AA_MIMIC)
		r = add_fixed(rules, &overlay, 1);
	return r;
}

static int add_rights(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	static const char *const capabilities[] = { "sys_admin",    "chown",
						    "dac_override", "dac_read_search",
						    "fowner",	    "fsetid" };
	struct om_aa_path self = { { OM_AA_PATTERN("snap-update-ns."),
				     OM_AA_LITERAL(o->name) } };
	int r = om_aa_rules_section(
		rules, "Mounts, and directories that are as those that they stand for");

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(capabilities); i++)
		r = om_aa_rules_add(rules,
				    &(struct om_aa_rule){ .kind = OM_AA_CAPABILITY,
							  .families = OM_AA_ALL,
							  .word = capabilities[i] });
	/* Its children, which try what may hang, die with it. */
	if (r == 0)
		r = om_aa_rules_add(rules, &(struct om_aa_rule){ .kind = OM_AA_SIGNAL,
								 .families = OM_AA_ALL,
								 .path = self });
	/* Who has started it may stop it. */
	return r < 0 ? r
		     : om_aa_rules_add(
			       rules, &(struct om_aa_rule){
					      .kind = OM_AA_SIGNAL,
					      .families = OM_AA_ALL,
					      .path = { { OM_AA_PATTERN("unconfined") } },
					      .word = "receive" });
}

/* In the state directory. */
static struct om_aa_path in_state(const struct om_aa_options *o, const char *pattern)
{
	return (struct om_aa_path){ { OM_AA_LITERAL(o->state), OM_AA_PATTERN(pattern) } };
}

static int add_in_state(struct om_aa_rules *rules, const struct om_aa_options *o,
			const struct fixed *files, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = om_aa_rules_add(rules, &(struct om_aa_rule){
						   .kind = OM_AA_FILE,
						   .families = files[i].families,
						   .may = files[i].may,
						   .path = in_state(o, files[i].path) });
	return r;
}

static int add_state(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	static const struct fixed files[] = {
		{ OM_AA_ALL, OM_AA_R | OM_AA_W, "/" },
		{ OM_AA_ALL, OM_AA_R | OM_AA_W, "/journal.[0-9]*" },
		{ OM_AA_ALL, OM_AA_R | OM_AA_W | OM_AA_K, "/lock.[0-9]*" },
		/* Written without a name, as #INODE, and linked when it is complete. */
		{ OM_AA_ALL, OM_AA_R | OM_AA_W | OM_AA_L, "/{facts,#[0-9]*}" },
	};
	int r = om_aa_rules_section(rules,
				    "The journal, its lock, and facts that are kept");

	return r < 0 ? r : add_in_state(rules, o, files, ARRAY_SIZE(files));
}

static int add_stage_mounts(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	const struct om_aa_rule mounts[] = {
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_STAGED,
		  .type = "tmpfs",
		  .options = "rw, nosuid, nodev, noexec",
		  .device = "overmount",
		  .path = in_state(o, "/stage.[0-9]*/") },
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_STAGED,
		  .options = "private",
		  .path = in_state(o, "/stage.[0-9]*/") },
		{ .kind = OM_AA_UMOUNT,
		  .families = OM_AA_STAGED,
		  .path = in_state(o, "/stage.[0-9]*/") },
		/* AppArmor cannot tell what it is that is moved, so its place says nothing
		 * more than this. */
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_FD_MOVE,
		  .options = "move",
		  .path = in_state(o, "/stage.[0-9]*/[0-9]*{,/,/**}") },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(mounts); i++)
		r = om_aa_rules_add(rules, &mounts[i]);
	return r;
}

static int add_stage(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	static const struct fixed files[] = {
		{ OM_AA_STAGED, OM_AA_R | OM_AA_W, "/stage.[0-9]*/{,**/}" },
	};
	int r = om_aa_rules_section(
		rules, "The stage, a tmpfs on which constructions are built");

	if (r == 0)
		r = add_in_state(rules, o, files, ARRAY_SIZE(files));
	return r < 0 ? r : add_stage_mounts(rules, o);
}

static int add_aside_mounts(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	const struct om_aa_path dir = in_state(o, "/aside.[0-9]*/");
	const struct om_aa_rule mounts[] = {
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_ALL,
		  .type = "tmpfs",
		  .options = "rw, nosuid, nodev, noexec",
		  .device = "overmount",
		  .path = dir },
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_ALL,
		  .options = "private",
		  .path = dir },
		{ .kind = OM_AA_UMOUNT, .families = OM_AA_ALL, .path = dir },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(mounts); i++)
		r = om_aa_rules_add(rules, &mounts[i]);
	return r;
}

/* A directory or a file for each mount that goes. */
static int add_aside(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	static const struct fixed files[] = {
		{ OM_AA_ALL, OM_AA_W, "/aside.[0-9]*/{,[0-9]*{,/}}" },
	};
	int r = om_aa_rules_section(
		rules, "Where an update keeps what goes, until it has ended");

	if (r == 0)
		r = add_in_state(rules, o, files, ARRAY_SIZE(files));
	return r < 0 ? r : add_aside_mounts(rules, o);
}

static int add_probe_mounts(struct om_aa_rules *rules)
{
	static const struct om_aa_rule mounts[] = {
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_ALL,
		  .options = "rprivate",
		  .path = { { OM_AA_PATTERN("/") } } },
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_ALL,
		  .type = "tmpfs",
		  .options = "rw, nosuid",
		  .device = "overmount-probe",
		  .path = { { OM_AA_PATTERN("/run/") } } },
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_MOUNT2,
		  .type = "overlay",
		  .options = "ro",
		  .device = "overmount-probe",
		  .path = { { OM_AA_PATTERN("/run/{m,one,two}/") } } },
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_MOVES,
		  .options = "move",
		  .path = { { OM_AA_PATTERN("/run/{move,one,two}/") } } },
		/* Into a mount that no namespace has. */
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_MOVES,
		  .options = "move",
		  .path = { { OM_AA_PATTERN("/nest/") } } },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(mounts); i++)
		r = om_aa_rules_add(rules, &mounts[i]);
	return r;
}

static int add_probe(struct om_aa_rules *rules)
{
	static const struct fixed files[] = {
		{ OM_AA_ALL, OM_AA_R, "/run/" },
		{ OM_AA_ALL, OM_AA_W, "/run/{l,m,move,one,s,two,u,w}/{,**/}" },
		{ OM_AA_BY_FD, OM_AA_W, "/{l,nest,s,u,w}/{,**/}" },
		/* The overlay there, and its layers by the names that their file system has. */
		{ OM_AA_MOUNT2, OM_AA_R, "/{,run/}{l,m,one,s,two}/" },
	};
	int r = om_aa_rules_section(
		rules, "Trying what the kernel can do, in a mount namespace of its own");

	if (r == 0)
		r = add_fixed(rules, files, ARRAY_SIZE(files));
	return r < 0 ? r : add_probe_mounts(rules);
}

/*
 * overlay.label-app: an overlay over a directory of the base is read, mapped and executed
 * with the label of the application.
 */
static int add_label_mounts(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	const struct om_aa_path dir = { { OM_AA_PATTERN("/usr/bin/") } };
	const struct om_aa_rule own = { .kind = OM_AA_MOUNT,
					.families = OM_AA_MOUNT2,
					.type = "overlay",
					.options = "ro",
					.device = "overmount-probe",
					.path = dir };
	/* What the helper has made at a place of ours comes from there. */
	const struct om_aa_rule helpers = {
		.kind = OM_AA_MOUNT,
		.families = OM_AA_MOUNT2,
		.options = "move",
		.source = { { OM_AA_PATTERN("/run/helper/") } },
		.path = dir
	};
	const struct om_aa_path app = { { OM_AA_PATTERN("snap."), OM_AA_LITERAL(o->name),
					  OM_AA_PATTERN(".*") } };
	const struct om_aa_rule mounts[] = {
		{ .kind = OM_AA_MOUNT,
		  .families = OM_AA_MOVES,
		  .options = "move",
		  .path = dir },
		{ .kind = OM_AA_UMOUNT, .families = OM_AA_ALL, .path = dir },
		{ .kind = OM_AA_CHANGE_PROFILE, .families = OM_AA_ALL, .path = app },
		/* Who hangs with that label dies with its parent: the kernel asks whether
		 * that one may. */
		{ .kind = OM_AA_SIGNAL,
		  .families = OM_AA_ALL,
		  .path = app,
		  .word = "send",
		  .options = "kill" },
	};
	int r = om_aa_rules_add(rules, o->technique == OM_AA_HELPER ? &helpers : &own);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(mounts); i++)
		r = om_aa_rules_add(rules, &mounts[i]);
	return r;
}

static int add_label(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	/* Programs that are called by many names are one file, and true a link to it. */
	static const struct fixed direct[] = {
		{ OM_AA_ALL, OM_AA_R | OM_AA_M, "/usr/bin/{,true,busybox,coreutils}" },
		{ OM_AA_ALL, OM_AA_W, "/run/usr/{,bin/,bin/upper-name/}" },
	};
	/* Nothing is read but by the application, and by the helper. */
	static const struct fixed helper[] = {
		{ OM_AA_ALL, OM_AA_W, "/run/usr/{,bin/,bin/upper-name/}" },
		{ OM_AA_MOUNT2, OM_AA_R | OM_AA_W, "/run/helper/" },
	};
	int r = om_aa_rules_section(
		rules,
		"Trying whether an application can use what it sees through an overlay");

	if (r == 0)
		r = o->technique == OM_AA_HELPER
			    ? add_fixed(rules, helper, ARRAY_SIZE(helper))
			    : add_fixed(rules, direct, ARRAY_SIZE(direct));
	return r < 0 ? r : add_label_mounts(rules, o);
}

/* It is executed, and talked to over a socket.  What it is may be asked of any file. */
static int add_helper(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	const struct om_aa_path path =
		om_aa_name(o->helper ? o->helper : OM_AA_HELPER_PATH);
	const struct om_aa_rule helper[] = {
		{ .kind = OM_AA_EXEC,
		  .families = OM_AA_ALL,
		  .path = path,
		  .word = "overmount-layers" },
		{ .kind = OM_AA_NETWORK, .families = OM_AA_ALL, .word = "unix seqpacket" },
		{ .kind = OM_AA_SIGNAL,
		  .families = OM_AA_ALL,
		  .path = { { OM_AA_PATTERN("overmount-layers") } },
		  .word = "send",
		  .options = "kill" },
	};
	int r = om_aa_rules_section(rules, "The helper that makes overlays");

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(helper); i++)
		r = om_aa_rules_add(rules, &helper[i]);
	return r;
}

int om_aa_add_base(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	int r = add_program(rules, o);

	if (r == 0)
		r = add_rights(rules, o);
	if (r == 0)
		r = add_state(rules, o);
	if (r == 0)
		r = add_stage(rules, o);
	if (r == 0 && o->updates)
		r = add_aside(rules, o);
	if (r == 0)
		r = add_probe(rules);
	if (r == 0 && o->technique != OM_AA_MIMIC)
		r = add_label(rules, o);
	if (r == 0 && o->technique == OM_AA_HELPER)
		r = add_helper(rules, o);
	return r;
}

int om_aa_add_input(struct om_aa_rules *rules, const char *path)
{
	int r = om_aa_rules_section(rules, "Profiles that it is given");

	return r < 0 ? r
		     : om_aa_rules_add(rules,
				       &(struct om_aa_rule){ .kind = OM_AA_FILE,
							     .families = OM_AA_ALL,
							     .may = OM_AA_R,
							     .path = om_aa_name(path) });
}
