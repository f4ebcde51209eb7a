/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overmount-layers: makes one read-only overlay of descriptors that overmount hands over,
 * hands the mount back, and ends.  It may be trusted with a label that permits everything,
 * so it takes nothing else: no argument, no environment, no path.
 *
 * Whoever may execute it may be confined, and wrong.  What it can get that way is a
 * directory of a tmpfs over a directory that nobody can write through that mount, with no
 * right that the latter's mount denies; at no place but an empty directory of a tmpfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "layers/layers.h"
#include "profile/profile.h"
#include "sys/sys.h"

/* What a mount may deny, and an overlay of it must. */
#define DENIALS (OM_ATTR_NOSUID | OM_ATTR_NODEV | OM_ATTR_NOEXEC)
#define ATTRS                                                                            \
	(OM_ATTR_RDONLY | DENIALS | OM_ATTR_NOATIME | OM_ATTR_NODIRATIME |               \
	 OM_ATTR_RELATIME | OM_ATTR_STRICTATIME)

static int fail(struct om_layers_reply *reply, int r, const char *what)
{
	(void)snprintf(reply->what, sizeof(reply->what), "%s", what);
	return r;
}

static void job_done(struct om_layers_job *job)
{
	for (size_t i = 0; i < OM_LAYERS_MAX_FDS; i++)
		job->fds[i] = om_close(job->fds[i]);
}

static bool is_our_socket(void)
{
	int type = 0, domain = 0;
	socklen_t size = sizeof(int);

	return getsockopt(OM_LAYERS_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       getsockopt(OM_LAYERS_SOCKET, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       type == SOCK_SEQPACKET && domain == AF_UNIX;
}

/* Takes over the descriptors; what is not asked for is cut off by the kernel. */
static size_t take_fds(struct msghdr *message, struct om_layers_job *job)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(job->fds, CMSG_DATA(c), n * sizeof(int));
	}
	return n;
}

static int receive(struct om_layers_job *job, struct om_layers_reply *reply)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(int[OM_LAYERS_MAX_FDS]))];
	} control;
	struct iovec io = { &job->request, sizeof(job->request) };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  /* Not sizeof: padding would take one more. */
				  .msg_controllen =
					  CMSG_LEN(sizeof(int[OM_LAYERS_MAX_FDS])) };
	ssize_t size;
	size_t n;

	do
		size = recvmsg(OM_LAYERS_SOCKET, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return fail(reply, -errno, "reading the request");
	n = take_fds(&message, job);
	if (size != (ssize_t)sizeof(job->request) ||
	    message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return fail(reply, -EPROTO, "reading the request");
	if (n != 0 && n != OM_LAYERS_PLACE && n != OM_LAYERS_MAX_FDS)
		return fail(reply, -EPROTO, "counting the descriptors");
	return 0;
}

static int check_request(const struct om_layers_request *request,
			 struct om_layers_reply *reply)
{
	if (request->version != OM_LAYERS_VERSION)
		return fail(reply, -EPROTO, "comparing versions");
	if (request->attr & ~(uint32_t)ATTRS || !(request->attr & OM_ATTR_RDONLY) ||
	    request->n_options > OM_LAYERS_N_OPTIONS)
		return fail(reply, -EPROTO, "checking the request");
	return 0;
}

static int is_dir(int fd, bool on_tmpfs, struct stat *st)
{
	struct statfs fs;

	if (fstat(fd, st) < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (!S_ISDIR(st->st_mode))
		return -ENOTDIR;
	return on_tmpfs && fs.f_type != TMPFS_MAGIC ? -EMEDIUMTYPE : 0;
}

static int check_empty(int fd)
{
	_cleanup_closedir_ DIR *stream = NULL;
	const struct dirent *entry;
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (own < 0)
		return -errno;
	stream = om_fdopendir(own);
	if (!stream)
		return -ENOMEM;
	do {
		errno = 0;
		entry = readdir(stream);
	} while (entry &&
		 (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry ? -ENOTEMPTY : -errno;
}

/* Empty, and out of everybody else's reach, as a place on the stage is. */
static int check_place(int fd, struct om_layers_reply *reply)
{
	struct stat st;
	int r = is_dir(fd, true, &st);

	if (r == 0 && (st.st_uid != geteuid() || st.st_mode & 0077))
		r = -EPERM;
	if (r == 0)
		r = check_empty(fd);
	return r < 0 ? fail(reply, r, "checking the place to mount at") : 0;
}

static int check_fds(struct om_layers_job *job, struct om_layers_reply *reply)
{
	struct stat st;
	unsigned attr;
	int r = is_dir(job->fds[OM_LAYERS_SKELETON], true, &st);

	if (r < 0)
		return fail(reply, r, "checking the skeleton");
	r = is_dir(job->fds[OM_LAYERS_HOLE], false, &st);
	if (r == 0)
		r = om_attr_of_fd(job->fds[OM_LAYERS_HOLE], &attr);
	if (r == 0 && !(attr & OM_ATTR_RDONLY))
		r = -EPERM;
	if (r < 0)
		return fail(reply, r, "checking the directory below");
	job->request.attr |= attr & DENIALS;
	return job->fds[OM_LAYERS_PLACE] < 0
		       ? 0
		       : check_place(job->fds[OM_LAYERS_PLACE], reply);
}

/* As aa_getcon(3) finds it, of this very process: how long it is, or -errno. */
static ssize_t read_current(char *buf, size_t size)
{
	static const char *const files[] = { "/proc/self/attr/apparmor/current",
					     "/proc/self/attr/current" };
	ssize_t n = -ENOENT;

	for (size_t i = 0; n == -ENOENT && i < ARRAY_SIZE(files); i++) {
		_cleanup_close_ int fd = open(files[i], O_RDONLY | O_CLOEXEC);

		n = fd < 0 ? -1 : read(fd, buf, size - 1);
		n = n < 0 ? -errno : n;
	}
	buf[n < 0 ? 0 : n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return n;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Who may not look has a label that is enforced. */
static void read_label(struct om_layers_reply *reply)
{
	ssize_t n = read_current(reply->label, sizeof(reply->label));

	/* There is no such module, and not only no /proc to say so. */
	if (n == -EINVAL || (n == -ENOENT && access("/proc/self/stat", F_OK) == 0))
		return;
	reply->confined = n < 0 || (strcmp(reply->label, "unconfined") != 0 &&
				    !ends_with(reply->label, " (unconfined)"));
}

/* A mount, if there is one, goes with the reply, and nowhere else. */
static int answer(const struct om_layers_reply *reply, int mount_fd)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec io = { (void *)(uintptr_t)reply, sizeof(*reply) };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	if (mount_fd > 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						  .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), &mount_fd, sizeof(mount_fd));
	}
	return sendmsg(OM_LAYERS_SOCKET, &message, MSG_NOSIGNAL) ==
			       (ssize_t)sizeof(*reply)
		       ? 0
		       : 1;
}

int main(void)
{
	struct om_layers_job job = { .fds = { -1, -1, -1 } };
	struct om_layers_reply reply = { .version = OM_LAYERS_VERSION };
	int r;

	if (!is_our_socket()) {
		(void)fprintf(stderr, "overmount-layers: cannot start: only overmount "
				      "can use it\nfix: overmount apply "
				      "--layers-helper overmount-layers PROFILE\n");
		return 1;
	}
	r = receive(&job, &reply);
	if (r == 0)
		r = check_request(&job.request, &reply);
	if (r == 0 && job.fds[OM_LAYERS_SKELETON] >= 0) {
		r = check_fds(&job, &reply);
		if (r == 0)
			r = om_layers_mount(&job, &reply);
	}
	reply.error = r < 0 ? r : 0;
	read_label(&reply);
	job_done(&job);
	return answer(&reply, r);
}
