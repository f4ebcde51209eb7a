/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount probe: what this kernel can do, with the evidence.
 */
#include "cli/cli.h"
#include "probe/probe.h"

static int run_probe(const struct om_command *command, int argc, char **argv)
{
	static const int options[] = { OM_OPT_JSON, 0 };
	static const struct om_column columns[] = { { .name = "FACT" },
						    { .name = "STATE" },
						    { .name = "VALUE" },
						    { .name = "EVIDENCE" } };
	struct om_cli cli = om_cli_parse(command, options, argc, argv);
	const char *cells[_OM_FACT_MAX * ARRAY_SIZE(columns)];
	const char **cell = cells;
	struct om_error e = { 0 };
	struct om_facts facts;

	if (cli.exit >= 0)
		return cli.exit;
	if (cli.argc != 0)
		return om_cli_usage(&cli, "want no operand");
	om_facts_init(&facts);
	om_probe(&(struct om_probe_options){ .sys = &om_sys_linux }, OM_FACTS_ALL,
		 &facts);
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		*cell++ = om_fact_name((enum om_fact_id)i);
		*cell++ = om_tristate_name(facts.fact[i].state);
		*cell++ = facts.fact[i].value[0] ? facts.fact[i].value : NULL;
		*cell++ = facts.fact[i].evidence[0] ? facts.fact[i].evidence : NULL;
	}
	if (om_table_print("facts", columns, ARRAY_SIZE(columns), cells, _OM_FACT_MAX,
			   om_cli_get(&cli, OM_OPT_JSON) != NULL, &e) < 0)
		return om_cli_error(&e, NULL);
	return 0;
}

const struct om_command om_cmd_probe = {
	.name = "probe",
	.synopsis = "[options]",
	.summary = "show what this kernel can do, by trying",
	.options = "     --json               JSON output\n",
	.run = run_probe,
};
