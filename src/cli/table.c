/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables by libsmartcols, which only commands that print one need: it is loaded here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>

#include "cli/cli.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef LIBSMARTCOLS_SONAME
#define LIBSMARTCOLS_SONAME "libsmartcols.so.1"
#endif

#define SCOLS_FUNCTIONS(X)                                                               \
	X(scols_new_table)                                                               \
	X(scols_unref_table)                                                             \
	X(scols_table_set_name)                                                          \
	X(scols_table_enable_json)                                                       \
	X(scols_table_new_column)                                                        \
	X(scols_column_set_json_type)                                                    \
	X(scols_table_new_line)                                                          \
	X(scols_line_set_data)                                                           \
	X(scols_print_table)

#define DECLARE(fn) typeof(fn) *fn;
struct scols_api {
	SCOLS_FUNCTIONS(DECLARE)
};

static int load(struct scols_api *api)
{
	void *library = dlopen(LIBSMARTCOLS_SONAME, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return -ENOENT;
#define RESOLVE(fn)                                                                      \
	api->fn = (typeof(api->fn))dlsym(library, #fn);                                  \
	if (!api->fn)                                                                    \
		return -ENOENT;
	SCOLS_FUNCTIONS(RESOLVE)
	return 0;
}

static int add_columns(const struct scols_api *api, struct libscols_table *table,
		       const struct om_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].wrap ? SCOLS_FL_WRAP : 0) |
			    (columns[i].trunc ? SCOLS_FL_TRUNC : 0);
		struct libscols_column *c =
			api->scols_table_new_column(table, columns[i].name, 0, flags);

		if (!c)
			return -ENOMEM;
		if (columns[i].number)
			(void)api->scols_column_set_json_type(c, SCOLS_JSON_NUMBER);
	}
	return 0;
}

static int fill(const struct scols_api *api, struct libscols_table *table,
		size_t n_columns, const char *const *cells, size_t n_rows)
{
	for (size_t row = 0; row < n_rows; row++) {
		struct libscols_line *line = api->scols_table_new_line(table, NULL);

		if (!line)
			return -ENOMEM;
		for (size_t i = 0; i < n_columns; i++)
			if (api->scols_line_set_data(line, i,
						     cells[row * n_columns + i]) < 0)
				return -ENOMEM;
	}
	return 0;
}

int om_table_print(const char *name, const struct om_column *columns, size_t n_columns,
		   const char *const *cells, size_t n_rows, bool json, struct om_error *e)
{
	struct scols_api api;
	struct libscols_table *table;
	int r = load(&api);

	if (r < 0)
		return om_fail(e, OM_ERR_SYSTEM, r, "cannot load \"%s\"",
			       LIBSMARTCOLS_SONAME);
	table = api.scols_new_table();
	r = table ? add_columns(&api, table, columns, n_columns) : -ENOMEM;
	if (r == 0 && json)
		r = api.scols_table_enable_json(table, 1) ||
				    api.scols_table_set_name(table, name)
			    ? -ENOMEM
			    : 0;
	if (r == 0)
		r = fill(&api, table, n_columns, cells, n_rows);
	if (r == 0)
		r = api.scols_print_table(table);
	api.scols_unref_table(table);
	return r < 0 ? om_fail_errno(e, OM_ERR_SYSTEM, r, "cannot print a table") : 0;
}
