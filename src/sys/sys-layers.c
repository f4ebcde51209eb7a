/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other end of layers/layers.h: has overmount-layers make an overlay.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "layers/layers.h"
#include "sys/sys.h"

union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(int[OM_LAYERS_MAX_FDS]))];
};

/* In the child.  A reply of ours tells why there is no program to give one. */
static void execute(int program, int socket)
{
	struct om_layers_reply reply = { .version = OM_LAYERS_VERSION };
	char *argv[] = { (char[]){ "overmount-layers" }, NULL };
	char *envp[] = { NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Everything else is closed by the exec. */
	for (int fd = STDOUT_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (dup2(socket, OM_LAYERS_SOCKET) >= 0)
		(void)syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	reply.error = -errno;
	(void)snprintf(reply.what, sizeof(reply.what), OM_LAYERS_EXECUTING);
	(void)send(socket, &reply, sizeof(reply), MSG_NOSIGNAL);
	_exit(127);
}

/* How many descriptors go along, and whether one comes back. */
static size_t count_fds(const struct om_layers_ask *what)
{
	return what->skeleton < 0 ? 0
	       : what->place < 0  ? OM_LAYERS_PLACE
				  : OM_LAYERS_MAX_FDS;
}

static int ask(int socket, const struct om_layers_ask *what)
{
	const int fds[OM_LAYERS_MAX_FDS] = { [OM_LAYERS_SKELETON] = what->skeleton,
					     [OM_LAYERS_HOLE] = what->hole,
					     [OM_LAYERS_PLACE] = what->place };
	size_t size = sizeof(int) * count_fds(what);
	struct om_layers_request request = { .version = OM_LAYERS_VERSION,
					     .attr = what->attr,
					     .n_options = (uint32_t)what->n_options };
	struct iovec io = { &request, sizeof(request) };
	union control control = { 0 };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(size),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), fds, size);
	message.msg_control = size ? &control : NULL;
	message.msg_controllen = size ? CMSG_SPACE(size) : 0;
	return OM_RETRY(sendmsg(socket, &message, MSG_NOSIGNAL)) < 0 ? -errno : 0;
}

/* The one descriptor that came, or -1. */
static int take_fd(struct msghdr *message)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int hear(int socket, const struct om_layers_ask *what,
		struct om_layers_reply *reply)
{
	struct iovec io = { reply, sizeof(*reply) };
	union control control;
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  /* Of more than one the kernel drops the rest. */
				  .msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t size = OM_RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
	_cleanup_close_ int fd = -1;

	/* It ended without having heard what it was asked; what it said comes after that. */
	if (size < 0 && errno == ECONNRESET)
		size = OM_RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
	if (size <= 0) {
		(void)snprintf(reply->what, sizeof(reply->what), "waiting for its reply");
		return size < 0 ? -errno : -ECHILD;
	}
	fd = take_fd(&message);
	reply->what[sizeof(reply->what) - 1] = reply->log[sizeof(reply->log) - 1] =
		reply->label[sizeof(reply->label) - 1] = '\0';
	if (size == (ssize_t)sizeof(*reply) && reply->version == OM_LAYERS_VERSION &&
	    reply->error < 0)
		return reply->error;
	if (size != (ssize_t)sizeof(*reply) || reply->version != OM_LAYERS_VERSION ||
	    message.msg_flags & MSG_CTRUNC || reply->error != 0 ||
	    (count_fds(what) == OM_LAYERS_PLACE ? fd <= STDERR_FILENO : fd >= 0)) {
		(void)snprintf(reply->what, sizeof(reply->what),
			       "understanding its reply");
		return -EPROTO;
	}
	return fd >= 0 ? TAKE_FD(fd) : 0;
}

int om_sys_layers(const struct om_sys *sys _unused_, int program,
		  const struct om_layers_ask *what, struct om_layers_reply *reply)
{
	_cleanup_close_ int ours = -1;
	_cleanup_close_ int theirs = -1;
	pid_t parent = getpid(), pid;
	int ends[2], r;

	*reply = (struct om_layers_reply){ .what = "starting it" };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	r = ask(ours, what);
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		om_sys_die_with(parent);
		execute(program, theirs);
	}
	if (pid < 0)
		return -errno;
	theirs = om_close(theirs);
	r = hear(ours, what, reply);
	/* -ECHILD: the program ignores SIGCHLD. */
	(void)OM_RETRY(waitpid(pid, NULL, 0));
	return r;
}
