/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * set-xattr NAME VALUE PATH: sets an extended attribute, of a link itself.  Exit status 1
 * where the file system has none of that kind.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

int main(int argc, char **argv)
{
	if (argc != 4) {
		(void)fprintf(stderr, "usage: set-xattr NAME VALUE PATH\n");
		return 2;
	}
	if (lsetxattr(argv[3], argv[1], argv[2], strlen(argv[2]), 0) == 0)
		return 0;
	if (errno == ENOTSUP)
		return 1;
	perror("set-xattr");
	return 2;
}
