/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount probe: what this kernel can do, with the evidence; with paths, what the tree
 * looks like there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/state.h"
#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/json.h"
#include "cli/cli.h"
#include "probe/cache.h"
#include "probe/probe.h"
#include "probe/record.h"

#define WIDTH 80
#define INDENT 12

static int find_here(const struct om_cli *cli, struct om_record *record)
{
	const struct om_probe_options options = om_cli_probe_options(cli);
	_cleanup_close_ int state = om_cache_open_dir(om_cli_state_path(cli));
	char key[OM_CACHE_KEY_SIZE];
	struct om_kernel_name name;
	int r = om_kernel_name(&name);

	if (r < 0)
		return r;
	(void)snprintf(record->kernel, sizeof(record->kernel), "%s", name.release);
	(void)snprintf(record->version, sizeof(record->version), "%s", name.build);
	(void)snprintf(record->machine, sizeof(record->machine), "%s", name.machine);
	om_facts_init(&record->facts);
	if (om_cli_get(cli, OM_OPT_CACHED)) {
		om_probe_cached(&options, state, OM_FACTS_ALL, &record->facts);
		return 0;
	}
	/* People want to see what is, so it is tried anew; apply gains by it. */
	om_probe(&options, OM_FACTS_ALL, &record->facts);
	if (state >= 0 && om_cache_key(&options, key) == 0)
		(void)om_cache_store(state, key, OM_FACTS_ALL, &record->facts);
	return 0;
}

static int find(const struct om_cli *cli, struct om_record *record, struct om_error *e)
{
	const char *file = om_cli_get(cli, OM_OPT_FACTS);
	int r;

	if (file)
		return om_cli_load_record(file, record, e);
	r = find_here(cli, record);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot probe") : 0;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int print_table(const struct om_record *record, struct om_error *e)
{
	static const struct om_column columns[] = { { .name = "FACT" },
						    { .name = "STATE" },
						    { .name = "VALUE", .trunc = true },
						    { .name = "EVIDENCE",
						      .trunc = true } };
	const char *cells[_OM_FACT_MAX * ARRAY_SIZE(columns)];
	const char **cell = cells;

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const struct om_fact *fact = &record->facts.fact[i];

		*cell++ = om_fact_name((enum om_fact_id)i);
		*cell++ = om_tristate_name(fact->state);
		*cell++ = or_null(fact->value);
		*cell++ = or_null(fact->evidence);
	}
	return om_table_print("facts", columns, ARRAY_SIZE(columns), cells, _OM_FACT_MAX,
			      false, e);
}

static void add_fact_json(struct om_json *j, const struct om_facts *facts,
			  enum om_fact_id id)
{
	const struct om_fact *fact = &facts->fact[id];
	const struct om_fact_info *info = om_fact_info(id);

	om_json_object(j, NULL);
	om_json_string(j, "fact", info->name);
	om_json_string(j, "state", om_tristate_name(fact->state));
	om_json_string(j, "value", or_null(fact->value));
	om_json_string(j, "evidence", or_null(fact->evidence));
	om_json_string(j, "question", info->question);
	om_json_end_object(j);
}

static void start_json(struct om_json *j, const struct om_record *record)
{
	om_json_object(j, NULL);
	om_json_string(j, "schema", OM_RECORD_SCHEMA);
	om_json_string(j, "kernel", record->kernel);
	om_json_string(j, "version", record->version);
	om_json_string(j, "machine", record->machine);
}

static void end_json(struct om_json *j)
{
	om_json_end_object(j);
	(void)fputs(om_str_get(&j->out), stdout);
	om_str_free(&j->out);
}

static void print_json(const struct om_record *record)
{
	struct om_json j = { 0 };

	start_json(&j, record);
	om_json_array(&j, "facts");
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		add_fact_json(&j, &record->facts, (enum om_fact_id)i);
	om_json_end_array(&j);
	end_json(&j);
}

/* A paragraph beside its heading, broken between words. */
static void print_paragraph(const char *heading, const char *text)
{
	size_t column = INDENT;

	(void)printf("%-*s", INDENT, heading);
	while (*text) {
		size_t n = strcspn(text, " ");

		if (column > INDENT && column + 1 + n > WIDTH) {
			(void)printf("\n%-*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			(void)putchar(' ');
			column++;
		}
		(void)printf("%.*s", (int)n, text);
		column += n;
		text += n;
		text += strspn(text, " ");
	}
	(void)putchar('\n');
}

static int explain(const struct om_cli *cli, const struct om_record *record,
		   enum om_fact_id id)
{
	const struct om_fact *fact = &record->facts.fact[id];
	const struct om_fact_info *info = om_fact_info(id);
	struct om_json j = { 0 };

	if (om_cli_get(cli, OM_OPT_JSON)) {
		start_json(&j, record);
		om_json_string(&j, "fact", info->name);
		om_json_string(&j, "state", om_tristate_name(fact->state));
		om_json_string(&j, "value", or_null(fact->value));
		om_json_string(&j, "evidence", or_null(fact->evidence));
		om_json_string(&j, "question", info->question);
		om_json_string(&j, "meaning", info->meaning);
		om_json_string(&j, "used_by", info->used_by);
		om_json_string(&j, "found_by", info->how);
		end_json(&j);
		return 0;
	}
	print_paragraph("Fact", info->name);
	print_paragraph("Question", info->question);
	print_paragraph("Answer", om_tristate_name(fact->state));
	if (*fact->value)
		print_paragraph("Value", fact->value);
	if (*fact->evidence)
		print_paragraph("Evidence", fact->evidence);
	print_paragraph("Kernel", record->kernel);
	print_paragraph("Meaning", info->meaning);
	print_paragraph("Used by", info->used_by);
	print_paragraph("Found by", info->how);
	return 0;
}

static bool differs(const struct om_facts *a, const struct om_facts *b,
		    enum om_fact_id id)
{
	const struct om_fact *x = &a->fact[id], *y = &b->fact[id];

	if (x->state != y->state)
		return true;
	/* How many mounts there happen to be says nothing about the kernel. */
	return id != OM_FACT_MOUNTS_LEFT && strcmp(x->value, y->value) != 0;
}

static const char *answer(const struct om_fact *fact, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s%s%s", om_tristate_name(fact->state),
		       *fact->value ? " " : "", fact->value);
	return buf;
}

static int print_differences(const struct om_record *was, const struct om_record *now,
			     struct om_error *e)
{
	const struct om_column columns[] = { { .name = "FACT" },
					     { .name = was->kernel },
					     { .name = now->kernel },
					     { .name = "EVIDENCE", .trunc = true } };
	const char *cells[_OM_FACT_MAX * ARRAY_SIZE(columns)];
	char answers[_OM_FACT_MAX][2][144];
	const char **cell = cells;
	size_t n = 0;

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		if (!differs(&was->facts, &now->facts, (enum om_fact_id)i))
			continue;
		*cell++ = om_fact_name((enum om_fact_id)i);
		*cell++ = answer(&was->facts.fact[i], answers[n][0], 144);
		*cell++ = answer(&now->facts.fact[i], answers[n][1], 144);
		*cell++ = or_null(now->facts.fact[i].evidence);
		n++;
	}
	if (n == 0)
		return 0;
	return om_table_print("differences", columns, ARRAY_SIZE(columns), cells, n,
			      false, e);
}

static void print_differences_json(const struct om_record *was,
				   const struct om_record *now)
{
	struct om_json j = { 0 };

	om_json_object(&j, NULL);
	om_json_string(&j, "schema", "overmount.facts-compare/1");
	om_json_string(&j, "was", was->kernel);
	om_json_string(&j, "now", now->kernel);
	om_json_array(&j, "differences");
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		enum om_fact_id id = (enum om_fact_id)i;

		if (!differs(&was->facts, &now->facts, id))
			continue;
		om_json_object(&j, NULL);
		om_json_string(&j, "fact", om_fact_name(id));
		om_json_string(&j, "was", om_tristate_name(was->facts.fact[i].state));
		om_json_string(&j, "was_value", or_null(was->facts.fact[i].value));
		om_json_string(&j, "now", om_tristate_name(now->facts.fact[i].state));
		om_json_string(&j, "now_value", or_null(now->facts.fact[i].value));
		om_json_string(&j, "evidence", or_null(now->facts.fact[i].evidence));
		om_json_end_object(&j);
	}
	om_json_end_array(&j);
	end_json(&j);
}

/* The exit code, or -errno. */
static int compare(const struct om_cli *cli, const struct om_record *now,
		   struct om_error *e)
{
	struct om_record was;
	bool different = false;
	int r = om_cli_load_record(om_cli_get(cli, OM_OPT_COMPARE), &was, e);

	if (r < 0)
		return r;
	if (om_cli_get(cli, OM_OPT_JSON))
		print_differences_json(&was, now);
	else
		r = print_differences(&was, now, e);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		different = different ||
			    differs(&was.facts, &now->facts, (enum om_fact_id)i);
	return r < 0 ? r : different ? OM_EXIT_DIFFERENT : 0;
}

static int save(const struct om_record *record, const char *file, struct om_error *e)
{
	_cleanup_str_ struct om_str text = { 0 };
	_cleanup_close_ int fd = -1;
	int r = om_record_write(record, &text);

	if (r == 0) {
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
			  0644 & ~om_cli_umask);
		r = fd < 0 ? -errno : om_write_all(fd, om_str_get(&text), text.len);
	}
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot write %s", OM_Q(file))
		     : 0;
}

/* What was asked for; the exit code, or -errno. */
static int show(const struct om_cli *cli, enum om_fact_id id, struct om_error *e)
{
	struct om_record record = { 0 };
	int r = find(cli, &record, e);

	if (r < 0)
		return r;
	if (om_cli_get(cli, OM_OPT_SAVE))
		return save(&record, om_cli_get(cli, OM_OPT_SAVE), e);
	if (om_cli_get(cli, OM_OPT_COMPARE))
		return compare(cli, &record, e);
	if (id != _OM_FACT_MAX)
		return explain(cli, &record, id);
	if (!om_cli_get(cli, OM_OPT_JSON))
		return print_table(&record, e);
	print_json(&record);
	return 0;
}

static int run_probe(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_JSON,	    OM_OPT_SAVE,
				       OM_OPT_FACTS,	    OM_OPT_COMPARE,
				       OM_OPT_EXPLAIN,	    OM_OPT_CACHED,
				       OM_OPT_STATE,	    OM_OPT_ROOT,
				       OM_OPT_APP_LABEL,    OM_OPT_LAYERS_HELPER,
				       OM_OPT_LOAD_MODULES, 0 };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	const char *name = om_cli_get(&cli, OM_OPT_EXPLAIN);
	enum om_fact_id id = name ? om_fact_by_name(name) : _OM_FACT_MAX;
	struct om_error e = { 0 };
	int r;

	if (cli.exit >= 0)
		return cli.exit;
	if (name && id == _OM_FACT_MAX)
		return om_cli_usage(&cli, "unknown fact %s", OM_Q(name));
	if ((name != NULL) + (om_cli_get(&cli, OM_OPT_SAVE) != NULL) +
		    (om_cli_get(&cli, OM_OPT_COMPARE) != NULL) + (cli.argc > 0) >
	    1)
		return om_cli_usage(&cli,
				    "want one of --save, --compare, --explain and paths");
	r = om_cli_open_layers(&cli, &e);
	if (r == 0)
		r = cli.argc > 0 ? om_cli_probe_scene(&cli, &e) : show(&cli, id, &e);
	return r < 0 ? om_cli_error(&e, NULL) : r;
}

const struct om_command om_cmd_probe = {
	.name = "probe",
	.synopsis = "[options] [PATH...]",
	.summary = "show what this kernel can do, by trying; with paths, what is there",
	.options =
		"     --json              JSON output\n"
		"     --explain FACT      what a fact means, and how it was found\n"
		"     --save FILE         write the facts to a file, to plan for this kernel\n"
		"     --facts FILE        show saved facts instead of trying\n"
		"     --compare FILE      what differs from saved facts (exit status 8)\n"
		"     --cached            what apply would use, tried only if it is not known\n"
		"     --root DIR          directory below which paths are (default: /)\n"
		"     --state DIR         directory of cached facts (default: " OM_STATE_DIR
		")\n" OM_HELP_PROBING,
	.run = run_probe,
};
