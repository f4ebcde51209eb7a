/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overmount-layers that is none.  What is wrong with it stands in the file "strange" of
 * the working directory, for it is given no argument:
 *
 *   short, version, none, many     its reply
 *   error                          -EIO, and texts that have no end
 *   later                          twice it is ./helper, then it dies
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "layers/layers.h"

static int send_reply(const struct om_layers_reply *reply, size_t size, size_t n)
{
	const int fds[2] = { OM_LAYERS_SOCKET, OM_LAYERS_SOCKET };
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(int[2]))];
	} control = { 0 };
	struct iovec io = { (void *)(uintptr_t)reply, size };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	control.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	message.msg_control = n > 0 ? &control : NULL;
	message.msg_controllen = n > 0 ? CMSG_SPACE(n * sizeof(int)) : 0;
	return sendmsg(OM_LAYERS_SOCKET, &message, 0) < 0;
}

/* The first time it is asked for its label, the second time for an overlay. */
static int be_helper_twice(void)
{
	int fd = open("again", O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || lseek(fd, 0, SEEK_END) > 2)
		return 1;
	(void)execl("./helper", "overmount-layers", (char *)NULL);
	return 1;
}

int main(void)
{
	struct om_layers_reply reply = { .version = OM_LAYERS_VERSION };
	char mode[16] = "";
	FILE *f = fopen("strange", "re");

	if (!f || !fgets(mode, sizeof(mode), f))
		return 1;
	(void)fclose(f);
	mode[strcspn(mode, "\n")] = '\0';
	if (strcmp(mode, "short") == 0)
		return send_reply(&reply, 4, 0);
	if (strcmp(mode, "none") == 0)
		return send_reply(&reply, sizeof(reply), 0);
	if (strcmp(mode, "many") == 0)
		return send_reply(&reply, sizeof(reply), 2);
	if (strcmp(mode, "later") == 0)
		return be_helper_twice();
	if (strcmp(mode, "version") == 0) {
		reply.version++;
		return send_reply(&reply, sizeof(reply), 1);
	}
	memset(&reply, 'x', sizeof(reply));
	reply.version = OM_LAYERS_VERSION;
	reply.error = -EIO;
	return send_reply(&reply, sizeof(reply), 0);
}
