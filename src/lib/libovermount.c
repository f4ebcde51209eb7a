/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public functions: they look at their arguments, and hand over to whoever does it.
 */
#pragma GCC visibility push(default)
#include "lib/overmount.h"
#pragma GCC visibility pop

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "confine/confine.h"
#include "lib/system.h"

#define FLAGS OVERMOUNT_STACK

/* --- errors ------------------------------------------------------------------------------- */

struct overmount_error {
	struct om_error e;
};

_Static_assert((int)OVERMOUNT_ERROR_INPUT == (int)OM_ERR_INPUT &&
		       (int)OVERMOUNT_ERROR_SYSTEM == (int)OM_ERR_SYSTEM &&
		       (int)OVERMOUNT_ERROR_INTERNAL == (int)OM_ERR_INTERNAL &&
		       (int)OVERMOUNT_ERROR_REFUSED == (int)OM_ERR_REFUSED &&
		       (int)OVERMOUNT_ERROR_UNDONE == (int)OM_ERR_UNDONE &&
		       (int)OVERMOUNT_ERROR_BROKEN == (int)OM_ERR_BROKEN,
	       "the kinds of errors are those of the program");

/* r, with the error that it may be in *ret (which may be missing). */
static int hand_over(int r, const struct om_error *e, struct overmount_error **ret)
{
	if (!ret)
		return r;
	*ret = r < 0 ? malloc(sizeof(**ret)) : NULL;
	if (*ret)
		(*ret)->e = *e;
	return r;
}

const char *overmount_error_message(const struct overmount_error *error)
{
	return error ? error->e.message : "";
}

const char *overmount_error_fix(const struct overmount_error *error)
{
	return error ? error->e.fix : "";
}

int overmount_error_errno(const struct overmount_error *error)
{
	return error ? -error->e.err : 0;
}

int overmount_error_kind(const struct overmount_error *error)
{
	return error ? (int)error->e.kind : OVERMOUNT_ERROR_NONE;
}

struct overmount_error *overmount_error_free(struct overmount_error *error)
{
	free(error);
	return NULL;
}

/* --- arguments ---------------------------------------------------------------------------- */

static int check_name(const char *name, const char *search, struct om_error *e)
{
	if (!name || !*name)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot open a program: no name is given");
	if (!search && !strchr(name, '/'))
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot open %s: no directories to search are given",
			       OM_Q(name));
	return 0;
}

static int check_label(const char *label, unsigned flags, struct om_error *e)
{
	if (!label || !*label)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot enter an AppArmor profile: no label is given");
	if (flags & ~FLAGS)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot enter the AppArmor profile %s: the flags 0x%x are "
			       "not known",
			       OM_Q(label), flags & ~FLAGS);
	return 0;
}

static int check_vectors(char *const argv[], char *const envp[], struct om_error *e)
{
	if (!argv || !argv[0])
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot execute: no arguments are given");
	if (!envp)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot execute %s: no environment is given",
			       OM_Q(argv[0]));
	return 0;
}

static struct om_confine confine_of(const char *label, unsigned flags)
{
	return (struct om_confine){ .label = label, .stack = flags & OVERMOUNT_STACK };
}

/* --- programs in profiles ----------------------------------------------------------------- */

int overmount_open_program(const char *name, const char *search,
			   struct overmount_error **error)
{
	struct om_error e = { 0 };
	int r = check_name(name, search, &e);

	if (r == 0)
		r = om_open_program(om_lib_sys(), name, search ? search : "", &e);
	return hand_over(r, &e, error);
}

int overmount_enter_profile(const char *label, unsigned flags,
			    struct overmount_error **error)
{
	struct om_error e = { 0 };
	int r = check_label(label, flags, &e);

	if (r == 0) {
		const struct om_confine confine = confine_of(label, flags);

		r = om_enter_profile(om_lib_sys(), &confine, &e);
	}
	return hand_over(r, &e, error);
}

int overmount_execute(int fd, char *const argv[], char *const envp[],
		      struct overmount_error **error)
{
	struct om_error e = { 0 };
	int r = check_vectors(argv, envp, &e);

	if (r == 0 && fd < 0)
		r = om_fail(&e, OM_ERR_INPUT, -EINVAL,
			    "cannot execute %s: no descriptor is given", OM_Q(argv[0]));
	if (r == 0)
		r = om_execute_program(fd, argv, envp, &e);
	return hand_over(r, &e, error);
}

int overmount_execute_in_profile(const char *label, unsigned flags, const char *name,
				 const char *search, char *const argv[],
				 char *const envp[], struct overmount_error **error)
{
	struct om_error e = { 0 };
	int r = check_name(name, search, &e);

	if (r == 0)
		r = check_label(label, flags, &e);
	if (r == 0)
		r = check_vectors(argv, envp, &e);
	if (r == 0) {
		const struct om_confine confine = confine_of(label, flags);
		const struct om_program program = { .name = name,
						    .search = search ? search : "",
						    .argv = argv,
						    .envp = envp };

		r = om_execute_in_profile(om_lib_sys(), &confine, &program, &e);
	}
	return hand_over(r, &e, error);
}
