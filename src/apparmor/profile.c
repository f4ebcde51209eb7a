/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text around the rules.  See emit.h.
 */
#include <errno.h>
#include <stddef.h>

#include "apparmor/emit.h"

static const char *const technique_words[_OM_AA_TECHNIQUE_MAX] = {
	[OM_AA_DIRECT] = "direct",
	[OM_AA_HELPER] = "helper",
	[OM_AA_MIMIC] = "mimic",
};

int om_aa_technique_parse(const char *word, enum om_aa_technique *ret)
{
	for (size_t i = 0; i < _OM_AA_TECHNIQUE_MAX; i++)
		if (om_streq(technique_words[i], word)) {
			*ret = (enum om_aa_technique)i;
			return 0;
		}
	return -EINVAL;
}

/* Told only where a rule may have one of the words. */
static void add_legend(unsigned families, const char *indent, struct om_str *out)
{
	static const struct {
		enum om_aa_family family;
		const char *text;
	} legend[] = {
		{ OM_AA_MOUNT2, "mount(2) alone" },
		{ OM_AA_FD_REMOUNT,
		  "mounts by descriptor that AppArmor does not see, attributes by mount(2)" },
		{ OM_AA_FD, "mounts by descriptor that AppArmor does not see" },
		{ OM_AA_FD_MOVE, "AppArmor sees move_mount(2)" },
		{ OM_AA_DETACHED,
		  "the same, and constructions are built in no namespace" },
	};

	if ((families & (families - 1)) == 0)
		return;
	om_str_addf(out, "%s# What only some kernels need ends in their kind:\n", indent);
	for (size_t i = 0; i < ARRAY_SIZE(legend); i++)
		if (families & legend[i].family)
			om_str_addf(out, "%s#   %-10s  %s\n", indent,
				    om_aa_family_name(legend[i].family), legend[i].text);
}

static void add_head(const struct om_aa_rules *rules, const struct om_aa_options *o,
		     const char *indent, struct om_str *out)
{
	om_str_addf(out,
		    "%s# What applies and undoes the mount profile of snap %s, by %s.\n",
		    indent, o->name,
		    o->technique == OM_AA_MIMIC ? "mimics alone" : "overlays and mimics");
	add_legend(rules->families, indent, out);
}

void om_aa_profile_print(const struct om_aa_rules *rules, const struct om_aa_options *o,
			 bool snippet, struct om_str *out)
{
	const char *indent = "  ";

	if (snippet) {
		add_head(rules, o, indent, out);
		om_aa_rules_print(rules, indent, out);
		return;
	}
	add_head(rules, o, "", out);
	/* Trees that no namespace has have paths only when these are attached, and a file
	 * without a name only when deleted ones are asked about. */
	om_str_addf(
		out,
		"profile snap-update-ns.%s flags=(attach_disconnected,mediate_deleted) {",
		o->name);
	om_aa_rules_print(rules, indent, out);
	om_str_add(out, "}\n");
	if (rules->covers_helper)
		om_str_addf(
			out,
			"\n# overmount-layers lies in %s, where the profile above lets other "
			"mounts take its place.\n# Keep it elsewhere: whoever takes the mounter "
			"over can execute what he likes by its name.\n",
			OM_Q(rules->covers_helper));
	if (o->technique == OM_AA_HELPER)
		om_str_add(
			out,
			"\n# An overlay keeps the label of who made it.  This one does nothing else.\n"
			"profile overmount-layers flags=(unconfined) {\n}\n");
}
