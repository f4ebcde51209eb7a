/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the overlay file system comes from, by libkmod.  libkmod brings a crypto library
 * whose start costs more than a whole apply, so it is loaded here, when asked, and never
 * on the way of apply.
 */
#include <dlfcn.h>
#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "probe/probe.h"

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

static bool is_blacklisted(const struct kmod_api *api, struct kmod_ctx *ctx,
			   const struct kmod_list *list)
{
	struct kmod_list *left = NULL;
	bool blacklisted;

	if (api->kmod_module_apply_filter(ctx, KMOD_FILTER_BLACKLIST, list, &left) < 0)
		return false;
	blacklisted = !left;
	(void)api->kmod_module_unref_list(left);
	return blacklisted;
}

static void describe(const struct kmod_api *api, struct kmod_ctx *ctx,
		     const struct kmod_list *list, struct om_facts *facts)
{
	struct kmod_module *module = api->kmod_module_get_module(list);
	int state = api->kmod_module_get_initstate(module);

	if (state == KMOD_MODULE_BUILTIN)
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_YES, "builtin", "libkmod");
	else if (state == KMOD_MODULE_LIVE || state == KMOD_MODULE_COMING)
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_YES, "live", "libkmod");
	else if (is_blacklisted(api, ctx, list))
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_NO, "blacklisted",
			     "libkmod: a modprobe.d file says blacklist overlay");
	else
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_NO, "loadable",
			     "libkmod: the module is there and not loaded");
	(void)api->kmod_module_unref(module);
}

static void lookup(const struct kmod_api *api, struct om_facts *facts)
{
	struct kmod_ctx *ctx = api->kmod_new(NULL, NULL);
	struct kmod_list *list = NULL;
	int r;

	if (!ctx) {
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_UNKNOWN, NULL,
			     "libkmod: no context");
		return;
	}
	r = api->kmod_module_new_from_lookup(ctx, "fs-overlay", &list);
	if (r == 0 && !list)
		r = api->kmod_module_new_from_lookup(ctx, "overlay", &list);
	if (r == 0 && list)
		describe(api, ctx, list, facts);
	else
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_NO, "missing",
			     "libkmod: no module and not listed as builtin%s%s",
			     r < 0 ? ": " : "", r < 0 ? strerrorname_np(-r) : "");
	(void)api->kmod_module_unref_list(list);
	(void)api->kmod_unref(ctx);
}

/* A kernel without modules has no list of what is built in: /proc/filesystems tells. */
static bool is_registered(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/filesystems", "re");
	char line[128];

	/* Whole word: Ubuntu's 4.4 lists "overlayfs" too, which is another format. */
	while (f && fgets(line, sizeof(line), f))
		if (strcmp(line, "nodev\toverlay\n") == 0)
			return true;
	return false;
}

void om_probe_module(struct om_facts *facts)
{
	struct kmod_api api = { 0 };

	if (load_kmod(&api) == 0)
		lookup(&api, facts);
	else
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_UNKNOWN, NULL,
			     "%s: cannot load", LIBKMOD_SONAME);
	if (om_facts_get(facts, OM_FACT_OVERLAY_MODULE) != OM_YES && is_registered())
		om_facts_set(facts, OM_FACT_OVERLAY_MODULE, OM_YES, "builtin",
			     "/proc/filesystems lists overlay; libkmod does not know it");
	if (api.library)
		(void)dlclose(api.library);
}
