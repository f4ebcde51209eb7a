/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount apparmor: the AppArmor profile of what would apply the given profiles, and undo
 * them.  The plans are made as for `overmount plan`: what depends on earlier entries is
 * rehearsed in a mount namespace that dies with this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apparmor/emit.h"
#include "apply/apply.h"
#include "apply/ns.h"
#include "apply/stage.h"
#include "apply/state.h"
#include "apply/undo.h"
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/path.h"
#include "cli/cli.h"
#include "layout/layout.h"
#include "probe/chase.h"
#include "probe/fs-name.h"
#include "strategy/wave.h"

struct work {
	const struct om_cli *cli;
	struct om_aa_options options;
	struct om_aa_rules rules;
	struct om_policy policy;
	struct om_facts facts;	 /* of this kernel */
	struct om_record record; /* of the one that is asked about, with --facts */
	struct om_facts planned; /* those that decide */
	/* While a profile is rehearsed; borrowed. */
	const struct om_profile *profile;
	struct om_apply *apply;
	struct om_error *error;
};

/* --- what a plan does not say ----------------------------------------------------------- */

struct places {
	OM_VEC(struct om_aa_place) v;
	OM_VEC(char *) names; /* owned: the fs_name of each that has one */
};

static void places_done(struct places *places)
{
	for (size_t i = 0; i < places->names.n; i++)
		free(places->names.v[i]);
	om_vec_free(&places->names);
	om_vec_free(&places->v);
}
#define _cleanup_places_ _cleanup_(places_done)

/* How the file system calls the hole; what cannot be found out is left open. */
static int find_fs_name(const struct om_survey *survey, const char *hole, char **ret)
{
	_cleanup_free_ char *path =
		om_asprintf("%s%s", survey->root_path[1] ? survey->root_path : "", hole);
	_cleanup_close_ int fd =
		om_open_beneath(survey->sys, survey->root_fd, hole, O_PATH | O_DIRECTORY);
	int r = !path	 ? -ENOMEM
		: fd < 0 ? fd
			 : om_fs_name_now(survey->sys, fd, path, ret);

	return r == -ENOMEM ? r : 0;
}

/*
 * A rule by the file system's name would be one for whatever has that name here: for all
 * homes, when the snap has a directory "home".
 */
static int check_fs_name(const struct work *w, const struct om_survey *survey,
			 const char *hole, const char *name)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!om_aa_reader_families(w->options.technique, w->rules.families) ||
	    om_streq(hole, name))
		return 0;
	fd = om_open_beneath(survey->sys, survey->root_fd, name, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	r = om_fail(w->error, OM_ERR_REFUSED, -EACCES,
		    "cannot permit an overlay in %s: its file system calls it %s, which "
		    "is something else here",
		    OM_Q(hole), OM_Q(name));
	om_error_fix(w->error, "--technique mimic, and overmount apply --strategy mimic");
	return r;
}

static int add_hole(const struct work *w, const struct om_survey *survey,
		    const char *hole, struct places *places)
{
	struct om_aa_place place = { .path = hole };
	char *name = NULL;
	int r = find_fs_name(survey, hole, &name);

	if (r < 0 || !name)
		return r;
	place.fs_name = name;
	r = om_vec_push(&places->names, name);
	if (r < 0) {
		free(name);
		return r;
	}
	r = check_fs_name(w, survey, hole, name);
	return r < 0 ? r : om_vec_push(&places->v, place);
}

/* A bind that is given attributes keeps those of its source. */
static int add_source(const struct om_survey *survey, const char *source,
		      struct places *places)
{
	struct om_aa_place place = { .path = source };
	_cleanup_close_ int fd = om_open_beneath(survey->sys, survey->source_fd, source,
						 O_PATH | O_NOFOLLOW);

	if (fd < 0 || survey->sys->mount_attr(survey->sys, fd, &place.attr) < 0)
		return 0;
	place.has_attr = true;
	return om_vec_push(&places->v, place);
}

static int find_places(const struct work *w, const struct om_plan *plan,
		       struct places *places)
{
	const struct om_survey survey = om_apply_survey(w->apply);
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->steps.n; i++) {
		const struct om_step *step = &plan->steps.v[i];

		if (step->kind == OM_STEP_OVERLAY)
			r = add_hole(w, &survey, step->source, places);
		else if (step->kind == OM_STEP_BIND && step->attr)
			r = add_source(&survey, step->source, places);
	}
	return r;
}

/* --- plans ------------------------------------------------------------------------------ */

static int observe(const struct om_decisions *d _unused_, const struct om_plan *plan,
		   void *arg)
{
	struct work *w = arg;
	_cleanup_places_ struct places places = { 0 };
	struct om_aa_input in = { .plan = plan, .profile = w->profile };
	int r = find_places(w, plan, &places);

	in.places = places.v.v;
	in.n_places = places.v.n;
	if (r < 0)
		return r;
	return (om_cli_get(w->cli, OM_OPT_APP) ? om_aa_add_app : om_aa_add_plan)(
		&w->rules, &w->options, &in);
}

/* What earlier waves brought is in the way of the next profile. */
static int clear(struct om_apply *apply, struct om_error *e)
{
	const struct om_undo undo = { .sys = apply->sys,
				      .root_fd = apply->root_fd,
				      .root_path = apply->root_path };
	_cleanup_str_ struct om_str residue = { 0 };

	if (om_stage_close(&apply->build) == 0 &&
	    om_undo(&undo, apply->journal, 0, &residue) == 0)
		return 0;
	return om_fail(e, OM_ERR_SYSTEM, -EBUSY, "cannot take back what was rehearsed");
}

static int rehearse(struct work *w, const struct om_policy *policy, struct om_error *e)
{
	_cleanup_free_ char *root_path = NULL;
	struct om_journal journal;
	struct om_apply apply;
	int root_fd = -1, r;

	r = om_cli_open_root(w->cli, &root_fd, &root_path, e);
	if (r < 0)
		return r;
	om_journal_init(&journal);
	om_apply_init(&apply, &om_sys_linux, &w->facts);
	apply.facts = &w->planned;
	apply.root_fd = root_fd;
	apply.root_path = root_path;
	apply.policy = policy;
	apply.journal = &journal;
	apply.observe = observe;
	apply.observe_arg = w;
	apply.rehearse_only = true;
	apply.build.stage_path = "/run";
	w->apply = &apply;
	w->error = e;
	r = om_apply_profile(&apply, w->profile, e);
	if (clear(&apply, r < 0 ? NULL : e) < 0 && r == 0)
		r = -EBUSY;
	om_apply_done(&apply);
	om_journal_done(&journal);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot plan") : 0;
}

/*
 * The profile by what is chosen, and by mimics where it is left open what will be: on other
 * kernels, or because no application was seen to read through an overlay.
 */
static int add_profile(struct work *w, const struct om_profile *profile,
		       struct om_error *e)
{
	bool open = !om_cli_get(w->cli, OM_OPT_TECHNIQUE) ||
		    om_cli_get(w->cli, OM_OPT_PORTABLE);
	bool overlays = w->options.technique != OM_AA_MIMIC;
	struct om_policy mimics = w->policy;
	struct om_error refused = { 0 };
	int r;

	w->profile = profile;
	(void)!om_policy_restrict(&mimics, "mimic");
	if (overlays) {
		r = rehearse(w, &w->policy, e);
		if (r < 0 || !open)
			return r;
	}
	r = rehearse(w, &mimics, &refused);
	/* Where that cannot be done, nobody will do it. */
	if (r < 0 && overlays && refused.kind == OM_ERR_REFUSED)
		return 0;
	if (r < 0)
		*e = refused;
	return r;
}

static int add_input(struct work *w, const char *file, struct om_error *e)
{
	_cleanup_free_ char *path = realpath(file, NULL);
	int r;

	if (!path)
		return om_fail_errno(e, OM_ERR_SYSTEM, -errno, "cannot resolve %s",
				     OM_Q(file));
	r = om_aa_add_input(&w->rules, path);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot plan") : 0;
}

/* --- what is asked for ------------------------------------------------------------------ */

static int check_name(const char *name, struct om_error *e)
{
	const char *key = strchr(name, '_');
	_cleanup_free_ char *snap =
		strndup(name, key ? (size_t)(key - name) : strlen(name));
	const char *reason;

	if (!snap)
		return -ENOMEM;
	reason = om_snap_name_check(snap);
	if (!reason && key)
		reason = om_instance_key_check(key + 1);
	return reason ? om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use the name %s: %s",
				OM_Q(name), reason)
		      : 0;
}

static int check_path(const char *option, const char *path, struct om_error *e)
{
	const char *reason = om_path_unclean(path);

	if (!reason && path[1] == '\0')
		reason = "it is the root";
	return reason ? om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use %s %s: %s", option,
				OM_Q(path), reason)
		      : 0;
}

static int read_options(struct work *w, struct om_error *e)
{
	const char *technique = om_cli_get(w->cli, OM_OPT_TECHNIQUE);
	const char *program = om_cli_get(w->cli, OM_OPT_PROGRAM);
	int r;

	w->options.name = om_cli_get(w->cli, OM_OPT_NAME);
	w->options.state = om_cli_state_path(w->cli);
	w->options.program = program ? program : "/usr/bin/overmount";
	w->options.helper = om_cli_get(w->cli, OM_OPT_LAYERS_HELPER);
	w->options.updates = w->cli->argc > 1;
	if (technique && om_aa_technique_parse(technique, &w->options.technique) < 0)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot use technique %s: want direct, helper or mimic",
			       OM_Q(technique));
	r = check_name(w->options.name, e);
	if (r == 0)
		r = check_path("--state", w->options.state, e);
	if (r == 0 && w->options.helper)
		r = check_path("--layers-helper", w->options.helper, e);
	return r < 0 ? r : check_path("--program", w->options.program, e);
}

/*
 * The technique is what gives an overlay its label, so that is not held against it here.
 * An upper layer is written with it, which none of them permits.
 */
static int read_facts(struct work *w, om_fact_set wants, struct om_error *e)
{
	const char *foreign = om_cli_get(w->cli, OM_OPT_FACTS);
	int r = foreign ? om_cli_load_record(foreign, &w->record, e) : 0;

	if (r < 0)
		return r;
	om_cli_probe(w->cli, -1,
		     wants | OM_FACT_BIT(OM_FACT_APPARMOR_MOVE_MOUNT) |
			     OM_FACT_BIT(OM_FACT_APPARMOR),
		     &w->facts);
	w->planned = foreign ? w->record.facts : w->facts;
	w->rules.families = om_cli_get(w->cli, OM_OPT_PORTABLE)
				    ? OM_AA_ALL
				    : om_aa_families(&w->planned);
	om_facts_set(&w->planned, OM_FACT_APPARMOR_LABEL, OM_YES, NULL, "by technique");
	om_facts_set(&w->planned, OM_FACT_OVERLAY_LABEL_APP, OM_YES, NULL,
		     "by technique");
	/* With one of these two there are no AppArmor profiles in force. */
	om_facts_set(&w->planned, OM_FACT_SELINUX, OM_NO, NULL, "by technique");
	om_facts_set(&w->planned, OM_FACT_SMACK, OM_NO, NULL, "by technique");
	w->policy.allow[OM_STRATEGY_OVERLAY_RW] = false;
	return 0;
}

struct profiles {
	OM_VEC(struct om_profile *) v; /* owned */
};

static void profiles_done(struct profiles *profiles)
{
	for (size_t i = 0; i < profiles->v.n; i++)
		(void)om_profile_free(profiles->v.v[i]);
	om_vec_free(&profiles->v);
}
#define _cleanup_profiles_ _cleanup_(profiles_done)

static int load_profiles(const struct om_cli *cli, struct profiles *ret,
			 struct om_error *e)
{
	int r = 0;

	for (int i = 0; r == 0 && i < cli->argc; i++) {
		struct om_profile *profile = NULL;

		r = om_cli_load_profile(cli, cli->argv[i], &profile, e);
		if (r == 0)
			r = om_vec_push(&ret->v, profile);
		if (r < 0)
			(void)om_profile_free(profile);
	}
	return r;
}

/* An ordinary user can probe only in a namespace of his own. */
static int enter(const struct profiles *profiles, struct om_error *e)
{
	bool waves = false;

	for (size_t i = 0; i < profiles->v.n; i++)
		waves = waves ||
			(profiles->v.v[i]->n > 0 &&
			 om_wave_length(profiles->v.v[i], 0) < profiles->v.v[i]->n);
	if (waves)
		return om_ns_enter_new(&om_sys_linux, e);
	if (geteuid() != 0)
		(void)!om_ns_enter_new(&om_sys_linux, NULL);
	return 0;
}

static int make_rules(struct work *w, struct om_error *e)
{
	_cleanup_profiles_ struct profiles profiles = { 0 };
	bool app = om_cli_get(w->cli, OM_OPT_APP);
	om_fact_set wants = 0;
	int r = load_profiles(w->cli, &profiles, e);

	/* Before anything is entered: a path may lead elsewhere then. */
	for (int i = 0; r == 0 && !app && i < w->cli->argc; i++) {
		w->rules.families = OM_AA_ALL;
		r = add_input(w, w->cli->argv[i], e);
	}
	for (size_t i = 0; i < profiles.v.n; i++)
		wants |= om_decide_wants(profiles.v.v[i], &w->policy);
	if (r == 0)
		r = enter(&profiles, e);
	if (r == 0)
		r = read_facts(w, wants, e);
	if (r == 0 && !app)
		r = om_aa_add_base(&w->rules, &w->options);
	for (size_t i = 0; r == 0 && i < profiles.v.n; i++)
		if (profiles.v.v[i]->n > 0)
			r = add_profile(w, profiles.v.v[i], e);
	om_aa_rules_reduce(&w->rules);
	return r;
}

static int print(const struct work *w, struct om_error *e)
{
	bool app = om_cli_get(w->cli, OM_OPT_APP);
	bool check = om_cli_get(w->cli, OM_OPT_CHECK);
	bool snippet = om_cli_get(w->cli, OM_OPT_SNIPPET);
	_cleanup_str_ struct om_str text = { 0 };

	if (app)
		om_aa_rules_print(&w->rules, "  ", &text);
	else
		om_aa_profile_print(&w->rules, &w->options, snippet, &text);
	if (text.err < 0)
		return om_fail_errno(e, OM_ERR_SYSTEM, text.err, "cannot print");
	if (check)
		return om_cli_check_apparmor(om_str_get(&text), e);
	(void)fputs(om_str_get(&text), stdout);
	return 0;
}

static int run_apparmor(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_NAME,
				       OM_OPT_TECHNIQUE,
				       OM_OPT_PORTABLE,
				       OM_OPT_SNIPPET,
				       OM_OPT_APP,
				       OM_OPT_CHECK,
				       OM_OPT_PROGRAM,
				       OM_OPT_LAYERS_HELPER,
				       OM_OPT_ROOT,
				       OM_OPT_PASSWD,
				       OM_OPT_GROUP,
				       OM_OPT_POLICY,
				       OM_OPT_ALLOW,
				       OM_OPT_FACTS,
				       OM_OPT_STATE,
				       OM_OPT_LOAD_MODULES,
				       0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	struct work w = { .cli = &cli, .policy = om_policy_default };
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc == 0)
		return om_cli_usage(&cli, "want a profile, or several");
	if (!om_cli_get(&cli, OM_OPT_NAME))
		return om_cli_usage(&cli, "want --name");
	if (om_cli_get(&cli, OM_OPT_CHECK) &&
	    (om_cli_get(&cli, OM_OPT_APP) || om_cli_get(&cli, OM_OPT_SNIPPET)))
		return om_cli_usage(&cli, "--check wants a whole profile");
	r = read_options(&w, &e);
	if (r == 0)
		r = om_cli_policy(&cli, &w.policy, &e);
	if (r == 0)
		r = make_rules(&w, &e);
	if (r == 0)
		r = print(&w, &e);
	om_aa_rules_done(&w.rules);
	om_policy_done(&w.policy);
	if (r < 0) {
		(void)om_fail_errno(&e, OM_ERR_SYSTEM, r, "cannot make a profile");
		return om_cli_error(&e, NULL);
	}
	return 0;
}

const struct om_command om_cmd_apparmor = {
	.name = "apparmor",
	.synopsis = "[options] --name SNAP PROFILE...",
	.summary = "print the AppArmor profile of what applies and undoes profiles",
	.options =
		"     --name SNAP         instance name of the snap\n"
		"     --technique NAME    who makes overlays so that applications can use\n"
		"                           them: direct, helper, or mimic: nobody (default:\n"
		"                           direct, and mimics for when they cannot)\n"
		"     --portable          for every kind of kernel, not only for this one\n"
		"     --facts FILE        for the kernel whose facts were saved there\n"
		"     --snippet           the rules alone\n"
		"     --app               what the applications' own profiles need\n"
		"     --check             print nothing, but compile it with apparmor_parser\n"
		"     --program FILE      where overmount is (default: /usr/bin/overmount)\n"
		"     --layers-helper PROGRAM\n"
		"                         where overmount-layers is (default:\n"
		"                           " OM_AA_HELPER_PATH ")\n"
		"     --root DIR          directory below which all paths are (default: /)\n"
		"     --state DIR         directory of the journal (default: " OM_STATE_DIR
		")\n"
		"     --policy FILE       what is permitted, as YAML (docs/plan.md)\n"
		"     --allow kind-change let names of another kind give way\n"
		"     --load-modules      load what is needed and not in the kernel yet\n",
	.run = run_apparmor,
};
