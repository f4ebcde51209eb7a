/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See error.h.  This file formats into fixed buffers only.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static void set_message(struct om_error *e, enum om_error_kind kind, int err,
			const char *format, va_list ap)
{
	e->kind = kind;
	e->err = err;
	(void)vsnprintf(e->message, sizeof(e->message), format, ap);
}

int om_fail(struct om_error *e, enum om_error_kind kind, int err, const char *format, ...)
{
	va_list ap;

	if (!e || e->kind != OM_ERR_NONE)
		return err;
	va_start(ap, format);
	set_message(e, kind, err, format, ap);
	va_end(ap);
	return err;
}

int om_fail_errno(struct om_error *e, enum om_error_kind kind, int err,
		  const char *format, ...)
{
	size_t used;
	va_list ap;

	if (!e || e->kind != OM_ERR_NONE)
		return err;
	va_start(ap, format);
	set_message(e, kind, err, format, ap);
	va_end(ap);
	used = strlen(e->message);
	(void)snprintf(e->message + used, sizeof(e->message) - used, ": %s",
		       om_mount_strerror(err));
	return err;
}

void om_error_where(struct om_error *e, const char *file, unsigned line, unsigned column,
		    const char *field)
{
	char place[32] = "";
	char name[256] = "";

	if (!e || e->where[0])
		return;
	if (line > 0 && column > 0)
		(void)snprintf(place, sizeof(place), ":%u:%u", line, column);
	else if (line > 0)
		(void)snprintf(place, sizeof(place), ":%u", line);
	if (field)
		(void)snprintf(name, sizeof(name), "%s%s", file ? ": " : "", field);
	e->line = line;
	e->column = column;
	(void)snprintf(e->where, sizeof(e->where), "%s%s%s",
		       file ? om_bare((char[256]){ 0 }, 256, file) : "", place, name);
}

void om_error_fix(struct om_error *e, const char *format, ...)
{
	va_list ap;

	if (!e || e->fix[0])
		return;
	va_start(ap, format);
	(void)vsnprintf(e->fix, sizeof(e->fix), format, ap);
	va_end(ap);
}

void om_error_clear(struct om_error *e)
{
	if (e)
		memset(e, 0, sizeof(*e));
}

static bool is_before(const struct om_error *a, const struct om_error *b)
{
	return a->line < b->line || (a->line == b->line && a->column < b->column);
}

int om_error_collect(struct om_error_list *list, struct om_error *e, int err)
{
	size_t at;

	if (!list || e->kind != OM_ERR_INPUT)
		return err;
	at = list->n;
	while (at > 0 && is_before(e, &list->v[at - 1]))
		at--;
	if (list->n == OM_MAX_ERRORS)
		list->more++;
	else
		list->n++;
	/* A full list loses its last one. */
	if (at < list->n) {
		memmove(&list->v[at + 1], &list->v[at],
			(list->n - 1 - at) * sizeof(*list->v));
		list->v[at] = *e;
	}
	om_error_clear(e);
	return 0;
}

int om_error_list_first(const struct om_error_list *list, struct om_error *e)
{
	if (list->n == 0)
		return 0;
	*e = list->v[0];
	return e->err;
}

const char *om_mount_strerror(int err)
{
	switch (-err) {
	case ENODEV:
		return "the kernel does not have this file system type";
	case ENOSPC:
		return "out of space, or the limit of mounts (fs.mount-max) is reached";
	case ELOOP:
		return "a symbolic link is in the way, or layers overlap";
	case EINVAL:
		return "the kernel refuses this combination (EINVAL)";
	case ESTALE:
		return "something on the way was renamed or replaced meanwhile";
	case EPROTO:
		return "the kernel, or a filter of system calls, says that it is done "
		       "and it is not";
	case EPERM:
		return "not permitted: CAP_SYS_ADMIN is needed, or a security module says no";
	default:
		return strerror(-err);
	}
}
