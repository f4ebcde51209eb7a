/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layout of a base below that of a snap.  Between the two holds what holds within one of
 * them: no target lies under another one.  Neither side is preferred, for the snap was built
 * to find what the base promises.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "layout/compiler.h"

/* An item and whose it is. */
struct side {
	const struct om_layout_compiled *item;
	bool base;
};

static int by_target(const void *pa, const void *pb)
{
	const struct side *a = pa, *b = pb;
	int r = om_path_compare(a->item->target, b->item->target);

	return r ? r : a->base - b->base;
}

static int fail_meeting(struct om_layout_compiler *c,
			const struct om_layout_compiled *item,
			const struct om_layout_compiler *base,
			const struct om_layout_compiled *other)
{
	const struct om_layout_text *at = &other->raw->target;
	char file[200], place[232];
	_cleanup_free_ char *reason = NULL;

	(void)snprintf(place, sizeof(place), "%s:%u:%u",
		       om_bare(file, sizeof(file), base->args->file), at->line,
		       at->column);
	if (om_streq(item->target, other->target))
		reason = om_asprintf("the base lays it out, too, at %s", place);
	else
		reason = om_asprintf(om_path_is_under(item->target, other->target)
					     ? "it lies under %s, of the base, at %s"
					     : "it hides %s, of the base, at %s",
				     OM_Q(at->s), place);
	return reason ? om_layout_fail_target(c, item->raw, reason)
		      : om_layout_fail_memory(c);
}

/* With the parent sorted first, everything below it follows at once. */
static int check_sorted(struct om_layout_compiler *c,
			const struct om_layout_compiler *base, const struct side *sides,
			size_t n)
{
	const struct side *above = NULL;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct side *side = &sides[i];

		if (!above || !om_path_is_under(side->item->target, above->item->target))
			above = side;
		else if (side->base != above->base)
			r = side->base ? fail_meeting(c, above->item, base, side->item)
				       : fail_meeting(c, side->item, base, above->item);
	}
	return r;
}

static int check_names(struct om_layout_compiler *c,
		       const struct om_layout_compiler *base)
{
	const struct om_layout_text *name = &base->document.name;
	int r;

	if (!c->space.name || !om_streq(c->space.name, base->space.name))
		return 0;
	r = om_fail(c->e, OM_ERR_INPUT, -EINVAL,
		    "cannot use base %s: it is the snap itself", OM_Q(name->s));
	om_error_where(c->e, base->args->file, name->line, name->column, "name");
	return r;
}

static int check(struct om_layout_compiler *c, const struct om_layout_compiler *base)
{
	size_t n = c->n + base->n;
	_cleanup_free_ struct side *sides = calloc(n + 1, sizeof(*sides));
	int r;

	if (!sides)
		return om_layout_fail_memory(c);
	r = check_names(c, base);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		sides[i] = i < c->n ? (struct side){ &c->items[i], false }
				    : (struct side){ &base->items[i - c->n], true };
	qsort(sides, n, sizeof(*sides), by_target);
	return check_sorted(c, base, sides, n);
}

/* Errors are sorted by their places, which are of one file: these go behind the others. */
static void append(struct om_error_list *errors, const struct om_error_list *behind)
{
	size_t n = 0;

	while (n < behind->n && errors->n < OM_MAX_ERRORS)
		errors->v[errors->n++] = behind->v[n++];
	errors->more += behind->n - n + behind->more;
}

static int compile_base(struct om_layout_compiler *base, struct om_layout_args *args,
			struct om_error_list *errors)
{
	_cleanup_free_ struct om_error_list *own = calloc(1, sizeof(*own));
	int r;

	base->is_base = true;
	if (!own)
		return om_layout_fail_memory(base);
	args->errors = errors ? own : NULL;
	r = om_layout_compile_one(base);
	if (errors)
		append(errors, own);
	return r;
}

int om_layout_compile_both(struct om_layout_compiler *c, struct om_layout_compiler *base,
			   struct om_layout_args *base_args)
{
	struct om_error_list *errors = c->args->errors;
	struct om_error own = { 0 };
	int r = om_layout_compile_one(c), of_base;

	if (!c->args->base || (r < 0 && (!errors || errors->n == 0)))
		return r;
	base->e = &own;
	of_base = compile_base(base, base_args, errors);
	if (r == 0 && of_base < 0)
		*c->e = own;
	if (r == 0)
		r = of_base;
	if (r == 0)
		r = check(c, base);
	if (r == 0 && errors)
		r = om_error_list_first(errors, c->e);
	c->base = base;
	return r;
}

struct om_layout_args om_layout_args_of_base(const struct om_layout_args *args)
{
	return args->base ? (struct om_layout_args){ .file = args->base->file,
						     .text = args->base->text,
						     .size = args->base->size,
						     .revision = args->base->revision,
						     .proposal = args->proposal,
						     .passwd = args->passwd,
						     .group = args->group }
			  : (struct om_layout_args){ 0 };
}
