/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * User namespaces and limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "probe/prober.h"

static int try_userns(void *arg)
{
	struct om_prober *p = arg;
	const char *call;
	int r = p->sys->unshare_user(p->sys);

	if (r < 0)
		return r;
	r = om_prober_scratch(p->sys, &call);
	return r < 0 ? r : 0;
}

void om_probe_userns(struct om_prober *p, struct om_fact *fact)
{
	int r = p->sys->in_child(p->sys, try_userns, p);
	/* The question is whether this process may: a refusal is the answer. */
	bool refused = r == -EPERM || r == -EACCES || r == -ENOSPC;

	om_prober_set(fact, r, "unshare(CLONE_NEWUSER | CLONE_NEWNS), mount of a tmpfs",
		      NULL);
	if (refused)
		fact->state = OM_NO;
	/* Sysctls and limits decide it, and change while the kernel runs. */
	fact->fleeting = true;
}

void om_probe_mount_max(struct om_prober *p, struct om_fact *fact)
{
	char value[32];
	int r = om_prober_read(p, "/proc/sys/fs/mount-max", value, sizeof(value));
	unsigned long long n;

	fact->fleeting = true;
	if (r == -ENOENT)
		om_fact_set_to(fact, OM_NO, NULL, "/proc/sys/fs/mount-max: not there");
	else if (r < 0)
		om_prober_set(fact, r, "/proc/sys/fs/mount-max", NULL);
	else if (om_parse_number(value, 10, UINT32_MAX, &n) < 0)
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "/proc/sys/fs/mount-max: not a number");
	else
		om_fact_set_to(fact, OM_YES, value, "/proc/sys/fs/mount-max");
}

/* Counts lines without keeping them: a mimic makes hundreds of kilobytes of them. */
static long count_lines(const struct om_prober *p, const char *path)
{
	_cleanup_close_ int fd = p->sys->open(p->sys, AT_FDCWD, path, O_RDONLY, 0);
	char buf[8192];
	long lines = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	return n < 0 ? -errno : lines;
}

void om_probe_mounts_left(struct om_prober *p, struct om_fact *fact)
{
	const struct om_fact *max = &p->facts.fact[OM_FACT_MOUNT_MAX];
	long used = count_lines(p, "/proc/self/mountinfo");
	unsigned long long limit;
	char value[32];

	fact->fleeting = true;
	/* The scratch tmpfs is not one of those that stay. */
	if (used > 0 && p->dir >= 0)
		used--;
	if (used < 0) {
		om_prober_set(fact, (int)used, "/proc/self/mountinfo", NULL);
	} else if (max->state == OM_NO) {
		om_fact_set_to(fact, OM_YES, "unlimited", "%ld mounts, no fs.mount-max",
			       used);
	} else if (om_parse_number(max->value, 10, UINT32_MAX, &limit) < 0) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL, "%s", max->evidence);
	} else {
		long left = (long)limit - used;

		(void)snprintf(value, sizeof(value), "%ld", left > 0 ? left : 0);
		om_fact_set_to(fact, left > 0 ? OM_YES : OM_NO, value,
			       "%ld of %llu mounts are in use", used, limit);
	}
}
