/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules, by libkmod.  It brings a crypto library whose start costs more than a whole
 * apply, so it is loaded when it is asked, and never on the way of apply.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sys/sys.h"

#ifndef LIBKMOD_SONAME
#define LIBKMOD_SONAME "libkmod.so.2"
#endif

#define KMOD_FUNCTIONS(X)                                                                \
	X(kmod_new)                                                                      \
	X(kmod_unref)                                                                    \
	X(kmod_module_new_from_lookup)                                                   \
	X(kmod_module_get_module)                                                        \
	X(kmod_module_get_initstate)                                                     \
	X(kmod_module_apply_filter)                                                      \
	X(kmod_module_probe_insert_module)                                               \
	X(kmod_module_unref)                                                             \
	X(kmod_module_unref_list)

#define DECLARE(fn) typeof(fn) *fn;
struct kmod_api {
	void *library;
	KMOD_FUNCTIONS(DECLARE)
};

static int load_kmod(struct kmod_api *api)
{
	api->library = dlopen(LIBKMOD_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!api->library)
		return -ENOENT;
#define RESOLVE(fn)                                                                      \
	api->fn = (typeof(api->fn))dlsym(api->library, #fn);                             \
	if (!api->fn)                                                                    \
		return -ENOENT;
	KMOD_FUNCTIONS(RESOLVE)
	return 0;
}

/* A name looked up: what there is to close, and the first module that it leads to. */
struct lookup {
	struct kmod_api api;
	struct kmod_ctx *ctx;
	struct kmod_list *list;
	struct kmod_module *module;
};

static void lookup_done(struct lookup *l)
{
	if (l->module)
		(void)l->api.kmod_module_unref(l->module);
	if (l->list)
		(void)l->api.kmod_module_unref_list(l->list);
	if (l->ctx)
		(void)l->api.kmod_unref(l->ctx);
	if (l->api.library)
		(void)dlclose(l->api.library);
}

/* 0 also when nothing is found. */
static int lookup(struct lookup *l, const char *name)
{
	char alias[64];
	int r = load_kmod(&l->api);

	if (r < 0)
		return r;
	l->ctx = l->api.kmod_new(NULL, NULL);
	if (!l->ctx)
		return -ENOMEM;
	/* By its alias, as the kernel asks for it: a blacklist holds for aliases. */
	(void)snprintf(alias, sizeof(alias), "fs-%s", name);
	r = l->api.kmod_module_new_from_lookup(l->ctx, alias, &l->list);
	if (r == 0 && !l->list)
		r = l->api.kmod_module_new_from_lookup(l->ctx, name, &l->list);
	/* A system without any list of modules has none: that is an answer. */
	if (r == -ENOENT || r == -ENOSYS)
		r = 0;
	if (r == 0 && l->list)
		l->module = l->api.kmod_module_get_module(l->list);
	return r;
}

static bool is_blacklisted(const struct lookup *l)
{
	struct kmod_list *left = NULL;
	bool blacklisted;

	if (l->api.kmod_module_apply_filter(l->ctx, KMOD_FILTER_BLACKLIST, l->list,
					    &left) < 0)
		return false;
	blacklisted = !left;
	(void)l->api.kmod_module_unref_list(left);
	return blacklisted;
}

int om_sys_module(const struct om_sys *sys _unused_, const char *name)
{
	_cleanup_(lookup_done) struct lookup l = { 0 };
	int state, r = lookup(&l, name);

	if (r < 0)
		return r;
	if (!l.module)
		return OM_MODULE_MISSING;
	state = l.api.kmod_module_get_initstate(l.module);
	if (state == KMOD_MODULE_BUILTIN)
		return OM_MODULE_BUILTIN;
	if (state == KMOD_MODULE_LIVE || state == KMOD_MODULE_COMING)
		return OM_MODULE_LIVE;
	return is_blacklisted(&l) ? OM_MODULE_BLACKLISTED : OM_MODULE_LOADABLE;
}

int om_sys_module_load(const struct om_sys *sys _unused_, const char *name)
{
	_cleanup_(lookup_done) struct lookup l = { 0 };
	int r = lookup(&l, name);

	if (r < 0)
		return r;
	if (!l.module)
		return -ENOENT;
	r = l.api.kmod_module_probe_insert_module(l.module, KMOD_PROBE_APPLY_BLACKLIST,
						  NULL, NULL, NULL, NULL);
	/* Above 0: the filter that held it back. */
	return r > 0 ? -EACCES : r;
}
