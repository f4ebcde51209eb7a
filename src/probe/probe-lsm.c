/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Security modules: which are in force, our label, and what AppArmor mediates.  The
 * feature tree is read file by file: no version says what a vendor has patched.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "base/str.h"
#include "probe/prober.h"

#define FILESYSTEMS_MAX 65536
#define FEATURES "/sys/kernel/security/apparmor/features/"

void om_probe_lsm(struct om_prober *p, struct om_fact *fact)
{
	char list[sizeof(fact->value)];
	int r = om_prober_read(p, "/sys/kernel/security/lsm", list, sizeof(list));

	if (r == 0)
		om_fact_set_to(fact, *list ? OM_YES : OM_NO, list,
			       "/sys/kernel/security/lsm");
	else
		/* Missing before 4.11, and where securityfs is not mounted. */
		om_prober_set_untried(fact, r, "/sys/kernel/security/lsm");
}

void om_probe_apparmor(struct om_prober *p, struct om_fact *fact)
{
	int r = p->sys->apparmor(p->sys);

	switch (r) {
	case 0:
		om_fact_set_to(fact, OM_YES, NULL, "aa_is_enabled: yes");
		break;
	case -ENOSYS:
		om_fact_set_to(fact, OM_NO, NULL, "aa_is_enabled: not in this kernel");
		break;
	case -ECANCELED:
		om_fact_set_to(fact, OM_NO, NULL, "aa_is_enabled: disabled at boot");
		break;
	case -ENOENT:
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "aa_is_enabled: securityfs is not mounted");
		fact->fleeting = true;
		break;
	default:
		om_prober_set_untried(fact, r, "aa_is_enabled");
	}
}

void om_probe_apparmor_label(struct om_prober *p, struct om_fact *fact)
{
	char label[sizeof(fact->value)], mode[16];
	int r;

	if (om_facts_get(&p->facts, OM_FACT_APPARMOR) == OM_NO) {
		om_fact_set_to(fact, OM_YES, "unconfined", "no AppArmor, so no label");
		return;
	}
	r = p->sys->apparmor_label(p->sys, label, sizeof(label), mode, sizeof(mode));
	if (r < 0) {
		om_prober_set_untried(fact, r, "aa_getcon");
		return;
	}
	/* A stack of labels counts as confined: one of them may be. */
	om_fact_set_to(fact,
		       om_streq(label, "unconfined") || om_streq(mode, "unconfined")
			       ? OM_YES
			       : OM_NO,
		       label, "aa_getcon: %s", *mode ? mode : "no mode");
}

/* Answers for a kernel without AppArmor; true when it has. */
static bool has_apparmor(const struct om_prober *p, struct om_fact *fact)
{
	const struct om_fact *enabled = &p->facts.fact[OM_FACT_APPARMOR];

	if (enabled->state == OM_NO)
		om_fact_set_to(fact, OM_NO, NULL, "%s", enabled->evidence);
	return enabled->state != OM_NO;
}

/*
 * A file of the feature tree.  That it is missing is an answer only where the tree is
 * there: its first file is on every kernel that has one.
 */
static int read_feature(const struct om_prober *p, const char *name, char *buf,
			size_t size)
{
	char path[128], any[64];
	int r;

	(void)snprintf(path, sizeof(path), FEATURES "%s", name);
	r = om_prober_read(p, path, buf, size);
	if (r == -ENOENT &&
	    om_prober_read(p, FEATURES "capability", any, sizeof(any)) < 0)
		return -EAGAIN;
	return r;
}

/* Is word one of the words of text? */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = strstr(text, word); s; s = strstr(s + 1, word))
		if ((s == text || s[-1] == ' ') && (s[n] == '\0' || s[n] == ' '))
			return true;
	return false;
}

static void set_unreadable(struct om_fact *fact, const char *name, int r)
{
	om_fact_set_to(fact, OM_UNKNOWN, NULL, "features/%s: %s", name,
		       r == -EAGAIN ? "no feature tree" : strerrorname_np(-r));
	fact->fleeting = true;
}

/* YES when the file has the word (any content for NULL), NO when it is missing. */
static void set_by_feature(const struct om_prober *p, struct om_fact *fact,
			   const char *name, const char *word)
{
	char text[sizeof(fact->value)];
	int r = read_feature(p, name, text, sizeof(text));

	if (r == -ENOENT)
		om_fact_set_to(fact, OM_NO, NULL, "features/%s: not there", name);
	else if (r < 0)
		set_unreadable(fact, name, r);
	else
		om_fact_set_to(fact, !word || has_word(text, word) ? OM_YES : OM_NO, text,
			       "features/%s", name);
}

void om_probe_apparmor_mount(struct om_prober *p, struct om_fact *fact)
{
	if (has_apparmor(p, fact))
		set_by_feature(p, fact, "mount/mask", "mount");
}

void om_probe_apparmor_pivot_root(struct om_prober *p, struct om_fact *fact)
{
	if (!has_apparmor(p, fact))
		return;
	set_by_feature(p, fact, "mount/mask", "pivot_root");
	/* Ubuntu's 4.4 mediates it and says so elsewhere. */
	if (fact->state == OM_NO)
		set_by_feature(p, fact, "namespaces/pivot_root", "yes");
}

void om_probe_apparmor_move_mount(struct om_prober *p, struct om_fact *fact)
{
	if (has_apparmor(p, fact))
		set_by_feature(p, fact, "mount/move_mount", NULL);
}

void om_probe_apparmor_stacking(struct om_prober *p, struct om_fact *fact)
{
	if (has_apparmor(p, fact))
		set_by_feature(p, fact, "domain/stack", "yes");
}

void om_probe_apparmor_userns(struct om_prober *p, struct om_fact *fact)
{
	char sysctl[16];
	int r;

	if (!has_apparmor(p, fact))
		return;
	set_by_feature(p, fact, "namespaces/mask", "userns_create");
	if (fact->state != OM_YES)
		return;
	/* Profiles can be asked about it; whether the unconfined are, a sysctl says. */
	r = om_prober_read(p, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
			   sysctl, sizeof(sysctl));
	fact->fleeting = true;
	if (r == -ENOENT)
		om_fact_set_to(fact, OM_NO, NULL,
			       "userns_create is mediated, and there is no sysctl that "
			       "restricts the unconfined");
	else if (r < 0)
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "kernel.apparmor_restrict_unprivileged_userns: %s",
			       strerrorname_np(-r));
	else
		om_fact_set_to(fact, om_streq(sysctl, "0") ? OM_NO : OM_YES, sysctl,
			       "kernel.apparmor_restrict_unprivileged_userns");
}

struct onexec {
	const struct om_sys *sys;
	const char *label;
};

static int try_onexec(void *arg)
{
	const struct onexec *o = arg;

	return o->sys->apparmor_change(o->sys, o->label, true);
}

void om_probe_apparmor_onexec(struct om_prober *p, struct om_fact *fact)
{
	bool confined = om_facts_get(&p->facts, OM_FACT_APPARMOR_LABEL) != OM_YES;
	struct onexec o = { p->sys, p->options->app_label };
	int r;

	if (!has_apparmor(p, fact))
		return;
	/* Policy is loaded and replaced while the kernel runs. */
	fact->fleeting = true;
	if (!o.label && confined) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "not tried: no label was given (--app-label)");
		return;
	}
	if (!o.label)
		o.label = "unconfined";
	r = p->sys->in_child(p->sys, try_onexec, &o);
	om_prober_set(fact, r, "aa_change_onexec",
		      r == -ENOENT ? "no such profile" : NULL);
	/* Being refused is the answer here. */
	if (r == -EACCES || r == -EPERM)
		fact->state = OM_NO;
	(void)snprintf(fact->value, sizeof(fact->value), "%s", o.label);
}

/*
 * Whether the file system by which a module is told what to do is registered, which it is
 * when the module is in force.  False with the answer in *fact.
 */
static bool has_control(const struct om_prober *p, struct om_fact *fact, const char *name)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd =
		p->sys->open(p->sys, AT_FDCWD, "/proc/filesystems", O_RDONLY, 0);
	char line[32];
	size_t size;
	int r = fd < 0 ? fd : om_read_fd(fd, FILESYSTEMS_MAX, &text, &size);

	(void)snprintf(line, sizeof(line), "\t%s\n", name);
	if (r < 0)
		om_prober_set_untried(fact, r, "/proc/filesystems");
	else if (!strstr(text, line))
		om_fact_set_to(fact, OM_NO, NULL, "/proc/filesystems has no %s", name);
	else
		return true;
	return false;
}

void om_probe_selinux(struct om_prober *p, struct om_fact *fact)
{
	char mode[16];
	int r;

	if (!has_control(p, fact, "selinuxfs"))
		return;
	r = om_prober_read(p, "/sys/fs/selinux/enforce", mode, sizeof(mode));
	fact->fleeting = true;
	if (r < 0)
		om_fact_set_to(fact, OM_YES, NULL,
			       "selinuxfs is registered; /sys/fs/selinux/enforce: %s",
			       strerrorname_np(-r));
	else
		om_fact_set_to(fact, om_streq(mode, "0") ? OM_NO : OM_YES,
			       om_streq(mode, "0") ? "permissive" : "enforcing",
			       "/sys/fs/selinux/enforce");
}

void om_probe_smack(struct om_prober *p, struct om_fact *fact)
{
	if (has_control(p, fact, "smackfs"))
		om_fact_set_to(fact, OM_YES, NULL, "/proc/filesystems has smackfs");
}
