/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands share.  Only cli/ prints; stdout is data, stderr is for people.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"
#include "cli/start.h"
#include "probe/facts.h"
#include "probe/probe.h"
#include "probe/record.h"
#include "profile/profile.h"
#include "strategy/policy.h"
#include "strategy/strategy.h"

struct om_command {
	const char *name;
	const char *synopsis;
	const char *summary;
	const char *options; /* lines of the help text */
	int (*run)(const struct om_command *command, int argc, char **argv);
};

extern const struct om_command om_cmd_layout;
extern const struct om_command om_cmd_diff;
extern const struct om_command om_cmd_probe;
extern const struct om_command om_cmd_plan;
extern const struct om_command om_cmd_apply;
extern const struct om_command om_cmd_update;
extern const struct om_command om_cmd_undo;
extern const struct om_command om_cmd_run;
extern const struct om_command om_cmd_status;
extern const struct om_command om_cmd_check;
extern const struct om_command om_cmd_recover;
extern const struct om_command om_cmd_apparmor;

/* Options that several commands take. */
enum om_cli_option {
	OM_OPT_ROOT = 0x100,
	OM_OPT_STATE,
	OM_OPT_STRATEGY,
	OM_OPT_POLICY,
	OM_OPT_ALLOW,
	OM_OPT_STEPS,
	OM_OPT_JSON,
	OM_OPT_NAME,
	OM_OPT_REVISION,
	OM_OPT_INSTANCE_KEY,
	OM_OPT_PROFILE,
	OM_OPT_LAYOUT,
	OM_OPT_SNAP,
	OM_OPT_DATA,
	OM_OPT_COMMON,
	OM_OPT_FACTS,
	OM_OPT_SAVE,
	OM_OPT_COMPARE,
	OM_OPT_EXPLAIN,
	OM_OPT_CACHED,
	OM_OPT_LOAD_MODULES,
	OM_OPT_APP_LABEL,
	OM_OPT_TIMEOUT,
	OM_OPT_NAMESPACE,
	OM_OPT_FORCE,
	OM_OPT_ALL,
	OM_OPT_COMPAT,
	OM_OPT_EXTRA_LAYOUT,
	OM_OPT_PASSWD,
	OM_OPT_GROUP,
	OM_OPT_DIFF,
	OM_OPT_OLD_REVISION,
	OM_OPT_BASE_LAYOUT,
	OM_OPT_BASE_REVISION,
	OM_OPT_FROM_PROFILE,
	OM_OPT_INTERFACES,
	OM_OPT_TECHNIQUE,
	OM_OPT_PORTABLE,
	OM_OPT_SNIPPET,
	OM_OPT_APP,
	OM_OPT_CHECK,
	OM_OPT_PROGRAM,
	OM_OPT_LAYERS_HELPER,
	OM_OPT_CONFINE,
	OM_OPT_STACK,
	_OM_OPT_END,
};

#define OM_CLI_LIST 16

struct om_cli {
	const struct om_command *command;
	const char *value[_OM_OPT_END - OM_OPT_ROOT];
	char *list[OM_CLI_LIST]; /* --extra-layout, in order */
	size_t n_list;
	int layers; /* --layers-helper, once it is opened; 0: none */
	int argc;   /* operands */
	char **argv;
	int exit; /* when negative go on, else leave with it */
};

/*
 * Parses argv by the set of options that the command takes (terminated by 0).  Answers
 * --help and --version itself.
 */
struct om_cli om_cli_parse(const struct om_command *command, const int *options, int argc,
			   char **argv);
const char *om_cli_get(const struct om_cli *cli, enum om_cli_option option);
/* Prints one line and how to get help; 1. */
int om_cli_usage(const struct om_cli *cli, const char *format, ...) _printf_(2, 3);
/* Prints the error with its fix and residue (may be NULL); the exit code. */
int om_cli_error(const struct om_error *e, const struct om_str *residue);
/* Prints a list that is not empty; the exit code. */
int om_cli_errors(const struct om_error_list *errors);

/*
 * Reads a profile, sorted into the order of application; names of owners in it by --passwd
 * and --group.
 */
int om_cli_load_profile(const struct om_cli *cli, const char *file,
			struct om_profile **ret, struct om_error *e) _must_check_;
/* The files by which names of owners are known; om_cli_owners_done() in any case. */
struct om_cli_owners {
	struct om_owner_names passwd, group;
	char *passwd_text, *group_text; /* owned */
};
int om_cli_load_owners(const struct om_cli *cli, struct om_cli_owners *ret,
		       struct om_error *e) _must_check_;
void om_cli_owners_done(struct om_cli_owners *owners);
/* Reads a file of at most max bytes; 0, or -errno with *e filled. */
int om_cli_read_input(const char *file, size_t max, char **ret, size_t *ret_size,
		      struct om_error *e) _must_check_;
/* The layout of a snap.yaml, for those who apply it. */
int om_cli_compile_layout(const struct om_cli *cli, const char *file,
			  struct om_profile **ret, char **ret_name,
			  struct om_error *e) _must_check_;
/* As text, by --compat and --extra-layout too; with all errors of the document. */
int om_cli_print_layout(const struct om_cli *cli, const char *file, struct om_str *out,
			struct om_error_list *errors, struct om_error *e) _must_check_;
/* The layout that yields a profile, as text; with what is wrong with each line. */
int om_cli_reverse_layout(const struct om_cli *cli, const char *file, struct om_str *out,
			  struct om_error_list *errors, struct om_error *e) _must_check_;
/* A revision of a snap to compare with another one, sorted into the order of application. */
int om_cli_compile_revision(const struct om_cli *cli, const char *file,
			    const char *revision, struct om_profile **ret,
			    struct om_error_list *errors,
			    struct om_error *e) _must_check_;
/*
 * What --policy permits, or the default, and of it what --strategy leaves; 0, or -errno
 * with *e filled.  om_policy_done() in any case.
 */
int om_cli_policy(const struct om_cli *cli, struct om_policy *ret,
		  struct om_error *e) _must_check_;
/* Opens --root (default "/"); *ret_path is its canonical path, malloc'ed. */
int om_cli_open_root(const struct om_cli *cli, int *ret_fd, char **ret_path,
		     struct om_error *e) _must_check_;
/*
 * Opens --layers-helper into cli->layers, before any namespace is entered; the process keeps
 * it to its end.  0 also without one, or -errno with *e filled: it is not there, or no
 * program that others cannot change.
 */
int om_cli_open_layers(struct om_cli *cli, struct om_error *e) _must_check_;
/*
 * What apply, plan and run need to know, by --load-modules and --app-label; from the
 * cache in state_fd, or in --state when state_fd is negative.  more: facts besides.
 */
void om_cli_probe(const struct om_cli *cli, int state_fd, om_fact_set more,
		  struct om_facts *facts);
/*
 * Why there is no overlay, where there is none.  Only for those who tell people: asking
 * libkmod takes longer than all the rest.
 */
void om_cli_probe_module(const struct om_cli *cli, struct om_facts *facts);
/* The options of probing as the command line has them. */
struct om_probe_options om_cli_probe_options(const struct om_cli *cli);
/* --state, or its default. */
const char *om_cli_state_path(const struct om_cli *cli);
/* Reads recorded facts; 0, or -errno with *e filled. */
int om_cli_load_record(const char *file, struct om_record *ret,
		       struct om_error *e) _must_check_;

/*
 * Opens and locks --state, waiting for --timeout seconds, and joins --namespace.  0, or
 * -errno with *e filled.
 */
struct om_state;
int om_cli_open_state(const struct om_cli *cli, struct om_state *ret,
		      struct om_error *e) _must_check_;

/* As om_cli_open_state(), in a namespace that the caller has found. */
struct om_ns;
int om_cli_open_state_of(const struct om_cli *cli, const struct om_ns *ns,
			 struct om_state *ret, struct om_error *e) _must_check_;

/*
 * Nothing is applied in this mount namespace: -ENOENT with *e filled (REFUSED, its
 * message starting with verb, such as "cannot undo: ").
 */
int om_cli_nothing(struct om_state *state, const char *verb,
		   struct om_error *e) _must_check_;

/* Beside the exit codes that errors have: what was looked at is not as it should be. */
#define OM_EXIT_DIFFERENT 8

/* What the tree looks like at the operands; 0, or -errno with *e filled. */
int om_cli_probe_scene(const struct om_cli *cli, struct om_error *e) _must_check_;

#define OM_HELP_NAMESPACE                                                                 \
	"     --namespace NS      mount namespace to work in: a pid, or a file that it\n" \
	"                           is pinned to (default: the current one)\n"
#define OM_HELP_FORCE                                                                    \
	"     --force             take away, too, what others have mounted on it\n"
#define OM_HELP_TIMEOUT                                                                  \
	"     --timeout SECONDS   how long to wait for another overmount (default: 0)\n"

/* Help lines that several commands share. */
#define OM_HELP_POLICY                                                                   \
	"     --policy FILE       what is permitted, as YAML (docs/plan.md)\n"           \
	"     --strategy NAME     auto, overlay, overlay-rw or mimic\n"                  \
	"     --allow kind-change let names of another kind give way\n"
#define OM_HELP_OWNERS                                                                   \
	"     --passwd FILE       names of users (default: /etc/passwd)\n"               \
	"     --group FILE        names of groups (default: /etc/group)\n"
#define OM_HELP_PROBING                                                                  \
	"     --load-modules      load what is needed and not in the kernel yet\n"       \
	"     --app-label LABEL   AppArmor label of the application\n"                   \
	"     --layers-helper PROGRAM\n"                                                 \
	"                         have overmount-layers make overlays, for one who is\n" \
	"                           confined (docs/apparmor.md)\n"

/*
 * Compiles an AppArmor profile with apparmor_parser, against the features of this kernel, and
 * loads nothing; what the parser says goes to standard error.  0, or -errno with *e filled.
 */
int om_cli_check_apparmor(const char *text, struct om_error *e) _must_check_;

/* Tables, by libsmartcols (loaded when a table is printed). */
struct om_column {
	const char *name;
	bool right;
	bool wrap;
	bool trunc;  /* on a terminal that is too narrow */
	bool number; /* in JSON */
};
/* cells: rows of n_columns strings, borrowed. */
int om_table_print(const char *name, const struct om_column *columns, size_t n_columns,
		   const char *const *cells, size_t n_rows, bool json,
		   struct om_error *e);
