/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks overmount-layers for what it must not do, and for what it may.
 *
 *   ask-layers PROGRAM REQUEST FILE...     the descriptors are of the FILEs, in that order
 *
 * A REQUEST is its bytes in hexadecimal.  Prints "ERROR WHAT", the name of the errno or 0 and
 * what failed, how many descriptors came back, and whether its label is enforced; "nothing" when
 * there is no reply.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "layers/layers.h"

#define MAX_FDS 8

union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(int[MAX_FDS]))];
};

static size_t read_hex(const char *text, unsigned char *bytes, size_t size)
{
	size_t n = 0;

	while (n < size && text[2 * n] && text[2 * n + 1]) {
		const char pair[3] = { text[2 * n], text[2 * n + 1], '\0' };

		bytes[n++] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return n;
}

static void ask(int socket, const char *request, char **files, size_t n)
{
	unsigned char bytes[256];
	union control control = { 0 };
	struct iovec io = { bytes, read_hex(request, bytes, sizeof(bytes)) };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };
	int fds[MAX_FDS];

	for (size_t i = 0; i < n; i++) {
		fds[i] = open(files[i], O_PATH | O_CLOEXEC);
		if (fds[i] < 0) {
			perror(files[i]);
			exit(2);
		}
	}
	control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	message.msg_control = n > 0 ? &control : NULL;
	message.msg_controllen = n > 0 ? CMSG_SPACE(n * sizeof(int)) : 0;
	if (sendmsg(socket, &message, 0) < 0) {
		perror("sendmsg");
		exit(2);
	}
}

static void tell(int socket)
{
	struct om_layers_reply reply = { 0 };
	union control control = { 0 };
	struct iovec io = { &reply, sizeof(reply) };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	if (size != (ssize_t)sizeof(reply)) {
		(void)puts("nothing");
		return;
	}
	(void)printf("%s %s, %zu descriptors%s\n",
		     reply.error ? strerrorname_np(-reply.error) : "0", reply.what,
		     c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0,
		     reply.confined ? ", confined" : "");
}

int main(int argc, char **argv)
{
	int ends[2];
	pid_t pid;

	if (argc < 3 || argc - 3 > MAX_FDS ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return 2;
	ask(ends[0], argv[2], argv + 3, (size_t)argc - 3);
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], OM_LAYERS_SOCKET);
		(void)execl(argv[1], argv[1], (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	tell(ends[0]);
	return pid < 0 || waitpid(pid, NULL, 0) < 0 ? 2 : 0;
}
