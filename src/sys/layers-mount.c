/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of overmount-layers; see layers/layers.h.  Of nothing else, so that the program
 * that is trusted with a label of its own can be read in one go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layers/layers.h"
#include "sys/missing.h"
#include "sys/sys.h"

static const struct om_layers_option options[OM_LAYERS_N_OPTIONS] = { OM_LAYERS_OPTIONS };

/* Both layers as mount options name them. */
#define PATHS_SIZE 64

static void format_paths(const struct om_layers_job *job, char buf[static PATHS_SIZE])
{
	(void)snprintf(buf, PATHS_SIZE, "/proc/self/fd/%d:/proc/self/fd/%d",
		       job->fds[OM_LAYERS_SKELETON], job->fds[OM_LAYERS_HOLE]);
}

static int fail(struct om_layers_reply *reply, const char *what)
{
	int r = -errno;

	(void)snprintf(reply->what, sizeof(reply->what), "%s", what);
	return r;
}

static int set_string(int fs, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0);
}

/* By descriptor where the kernel takes that, so that not even /proc is needed. */
static int set_layers(int fs, const struct om_layers_job *job)
{
	char paths[PATHS_SIZE];
	int r = 0;

	for (size_t i = OM_LAYERS_SKELETON; r == 0 && i <= OM_LAYERS_HOLE; i++) {
		r = (int)syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, "lowerdir+", NULL,
				 job->fds[i]);
		/* The first one says whether it does. */
		if (r < 0 && i == OM_LAYERS_SKELETON) {
			format_paths(job, paths);
			return set_string(fs, "lowerdir", paths);
		}
	}
	return r;
}

static int configure(int fs, const struct om_layers_job *job,
		     struct om_layers_reply *reply)
{
	if (set_string(fs, "source", "overmount") < 0)
		return fail(reply, "fsconfig source");
	for (size_t i = 0; i < job->request.n_options; i++)
		if (set_string(fs, options[i].key, options[i].value) < 0)
			return fail(reply, options[i].key);
	if (set_layers(fs, job) < 0)
		return fail(reply, "fsconfig of the layers");
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail(reply, "fsconfig(FSCONFIG_CMD_CREATE) of an overlay");
	return 0;
}

/* Its last message, without the level that it begins with ("e "). */
static void read_log(int fs, struct om_layers_reply *reply)
{
	char message[256];
	ssize_t n;

	while ((n = read(fs, message, sizeof(message) - 1)) > 0) {
		message[n] = '\0';
		message[strcspn(message, "\n")] = '\0';
		(void)snprintf(reply->log, sizeof(reply->log), "%.*s",
			       (int)sizeof(reply->log) - 1,
			       n > 2 ? message + 2 : message);
	}
}

static int make_detached(const struct om_layers_job *job, struct om_layers_reply *reply)
{
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return fail(reply, "fsopen overlay");
	r = configure(fs, job, reply);
	if (r < 0) {
		read_log(fs, reply);
		return r;
	}
	r = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
			 om_attr_to_api(job->request.attr));
	return r < 0 ? fail(reply, "fsmount of an overlay") : r;
}

static int mount_at_place(const struct om_layers_job *job, struct om_layers_reply *reply)
{
	char data[256], paths[PATHS_SIZE], place[32];
	size_t n = 0;

	for (size_t i = 0; i < job->request.n_options; i++)
		n += (size_t)snprintf(data + n, sizeof(data) - n, "%s=%s,",
				      options[i].key, options[i].value);
	format_paths(job, paths);
	(void)snprintf(data + n, sizeof(data) - n, "lowerdir=%s", paths);
	(void)snprintf(place, sizeof(place), "/proc/self/fd/%d",
		       job->fds[OM_LAYERS_PLACE]);
	if (mount("overmount", place, "overlay", om_attr_to_ms(job->request.attr), data) <
	    0)
		return fail(reply, "mount(2) of an overlay");
	return 0;
}

int om_layers_mount(const struct om_layers_job *job, struct om_layers_reply *reply)
{
	return job->fds[OM_LAYERS_PLACE] >= 0 ? mount_at_place(job, reply)
					      : make_detached(job, reply);
}
