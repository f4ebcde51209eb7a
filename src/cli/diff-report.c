/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See diff-report.h.
 */
#include "cli/diff-report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "diff/diff.h"

static const struct om_column columns[] = { { .name = "ACT" },
					    { .name = "TARGET" },
					    { .name = "KIND" },
					    { .name = "SOURCE" },
					    { .name = "WHY" } };

enum { N_COLUMNS = ARRAY_SIZE(columns) };

/* What is seen at the target, in a word. */
static const char *source_of(const struct om_entry *entry)
{
	switch (entry->kind) {
	case OM_ENTRY_SYMLINK:
		return entry->symlink;
	case OM_ENTRY_TMPFS:
		return "tmpfs";
	case OM_ENTRY_BIND_DIR:
	case OM_ENTRY_BIND_FILE:
		return entry->source;
	case OM_ENTRY_HIDE:
	case _OM_ENTRY_MAX:
		break;
	}
	return "-";
}

static void free_texts(struct om_str **texts)
{
	for (size_t i = 0; *texts && (*texts)[i].s; i++)
		om_str_free(&(*texts)[i]);
	free(*texts);
}

static int print_table(const struct om_diff *diff, struct om_error *e)
{
	size_t n = diff->changes.n;
	_cleanup_free_ const char **cells = calloc(n * N_COLUMNS + 1, sizeof(*cells));
	/* One more than needed is empty, which ends them. */
	_cleanup_(free_texts) struct om_str *texts = calloc(n + 1, sizeof(*texts));

	if (!cells || !texts)
		return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot print");
	for (size_t i = 0; i < n; i++) {
		const struct om_change *change = &diff->changes.v[i];
		const struct om_entry *entry = om_change_entry(change);
		const char **row = cells + i * N_COLUMNS;

		om_diff_explain(change, &texts[i]);
		if (texts[i].err < 0)
			return om_fail_errno(e, OM_ERR_SYSTEM, -ENOMEM, "cannot print");
		row[0] = om_diff_act_name(change->act);
		row[1] = entry->target;
		row[2] = om_entry_kind_name(entry->kind);
		row[3] = source_of(entry);
		row[4] = om_str_get(&texts[i]);
	}
	return om_table_print("changes", columns, N_COLUMNS, cells, n, false, e);
}

/* The line of the profile that an entry is, or null. */
static void add_line(struct om_json *j, const char *key, const struct om_entry *entry)
{
	_cleanup_str_ struct om_str line = { 0 };

	if (entry)
		om_entry_print(entry, &line);
	if (line.err < 0)
		j->out.err = line.err;
	om_json_string(j, key, entry ? om_str_get(&line) : NULL);
}

static void add_change(struct om_json *j, const struct om_change *change)
{
	const struct om_entry *entry = om_change_entry(change);
	_cleanup_str_ struct om_str why = { 0 };

	om_diff_explain(change, &why);
	if (why.err < 0)
		j->out.err = why.err;
	om_json_object(j, NULL);
	om_json_string(j, "act", om_diff_act_name(change->act));
	om_json_string(j, "target", entry->target);
	om_json_string(j, "kind", om_entry_kind_name(entry->kind));
	om_json_string(j, "reason", om_diff_why_id(change->why));
	om_json_string(j, "what", change->what);
	om_json_string(j, "because", change->because ? change->because->target : NULL);
	om_json_string(j, "why", om_str_get(&why));
	add_line(j, "old", change->old);
	add_line(j, "new", change->new);
	om_json_end_object(j);
}

static int print_json(const struct om_diff *diff, struct om_error *e)
{
	struct om_json j = { 0 };
	int r;

	om_json_object(&j, NULL);
	om_json_string(&j, "schema", "overmount.layout-diff/1");
	om_json_number(&j, "undo", (long long)diff->n[OM_DIFF_UNDO]);
	om_json_number(&j, "keep", (long long)diff->n[OM_DIFF_KEEP]);
	om_json_number(&j, "do", (long long)diff->n[OM_DIFF_DO]);
	om_json_array(&j, "changes");
	for (size_t i = 0; i < diff->changes.n; i++)
		add_change(&j, &diff->changes.v[i]);
	om_json_end_array(&j);
	om_json_end_object(&j);
	r = j.out.err;
	if (r == 0)
		(void)fputs(om_str_get(&j.out), stdout);
	om_str_free(&j.out);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot print") : 0;
}

int om_diff_report(const struct om_profile *old, const struct om_profile *new, bool json,
		   struct om_error *e)
{
	_cleanup_diff_ struct om_diff diff = { 0 };
	int r = om_diff_make(old, new, NULL, &diff, e);

	if (r < 0)
		return r;
	return json ? print_json(&diff, e) : print_table(&diff, e);
}
