/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the application's own profile needs.  See emit.h.
 */
#include <stdio.h>

#include "apparmor/emit.h"

static int add_entry(struct om_aa_rules *rules, const struct om_entry *entry)
{
	unsigned may = OM_AA_R | OM_AA_M | OM_AA_K | OM_AA_IX;
	char title[1024];
	int r;

	if (!om_entry_is_mount(entry))
		return 0;
	if (!(entry->attr & OM_ATTR_RDONLY))
		may |= OM_AA_W | OM_AA_L;
	(void)snprintf(title, sizeof(title), "Entry %s: %s", OM_Q(entry->target),
		       om_entry_kind_name(entry->kind));
	r = om_aa_rules_section(rules, title);
	return r < 0 ? r
		     : om_aa_rules_add(
			       rules,
			       &(struct om_aa_rule){
				       .kind = OM_AA_FILE,
				       .families = OM_AA_ALL,
				       .may = may,
				       .path = {
					       { OM_AA_LITERAL(entry->target),
						 OM_AA_PATTERN(
							 entry->kind == OM_ENTRY_BIND_FILE
								 ? ""
								 : "{,/**}") } } });
}

unsigned om_aa_reader_families(enum om_aa_technique technique, unsigned families)
{
	switch (technique) {
	case OM_AA_DIRECT:
		return families;
	case OM_AA_HELPER:
		return families & OM_AA_REMOUNTS;
	case OM_AA_MIMIC:
	case _OM_AA_TECHNIQUE_MAX:
		break;
	}
	return 0;
}

/* A hole that the file system below it has another name for. */
static int add_hole(struct om_aa_rules *rules, const struct om_aa_options *o,
		    const struct om_aa_input *in, const char *hole)
{
	for (size_t i = 0; i < in->n_places; i++) {
		const struct om_aa_place *place = &in->places[i];
		char title[1024];
		int r;

		if (!om_streq(place->path, hole) || !place->fs_name ||
		    om_streq(place->fs_name, hole))
			continue;
		(void)snprintf(title, sizeof(title),
			       "What %s has, by the name that its file system knows",
			       OM_Q(hole));
		r = om_aa_rules_section(rules, title);
		return r < 0 ? r
			     : om_aa_rules_add(
				       rules,
				       &(struct om_aa_rule){
					       .kind = OM_AA_FILE,
					       .families = om_aa_reader_families(
						       o->technique, rules->families),
					       .may = OM_AA_R | OM_AA_M,
					       .path = om_aa_tree(place->fs_name) });
	}
	return 0;
}

/* With this label a child of the mounter tries what can be used, and may have to be ended. */
static int add_trial(struct om_aa_rules *rules, const struct om_aa_options *o)
{
	int r = om_aa_rules_section(
		rules, "Trying whether it can use what it sees through an overlay");

	return r < 0 ? r
		     : om_aa_rules_add(
			       rules,
			       &(struct om_aa_rule){
				       .kind = OM_AA_SIGNAL,
				       .families = OM_AA_ALL,
				       .path = { { OM_AA_PATTERN("snap-update-ns."),
						   OM_AA_LITERAL(o->name) } },
				       .word = "receive",
				       .options = "kill" });
}

int om_aa_add_app(struct om_aa_rules *rules, const struct om_aa_options *o,
		  const struct om_aa_input *in)
{
	int r = o->technique == OM_AA_MIMIC ? 0 : add_trial(rules, o);

	for (size_t i = 0; r == 0 && i < in->profile->n; i++)
		r = add_entry(rules, &in->profile->entries[i]);
	for (size_t i = 0; r == 0 && i < in->plan->steps.n; i++)
		if (in->plan->steps.v[i].kind == OM_STEP_OVERLAY)
			r = add_hole(rules, o, in, in->plan->steps.v[i].source);
	return r;
}
