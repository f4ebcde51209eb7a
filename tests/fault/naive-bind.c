/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * naive-bind apply --root BASE ... PROFILE: the control of the step race, a builder that
 * looks at its paths first and uses them again afterwards.  Each entry is resolved, found
 * to be below the root, mounted by its path and made read-only by its path.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[PATH_MAX];

/* The place in the root, after a look where it leads; false: outside, or nothing. */
static bool place(const char *path, char *buf, size_t size)
{
	char resolved[PATH_MAX];
	size_t n = strlen(root);

	return snprintf(buf, size, "%s%s", root, path) < (int)size &&
	       realpath(buf, resolved) && strncmp(resolved, root, n) == 0 &&
	       resolved[n] == '/';
}

static int apply_entry(const char *source, const char *target)
{
	char from[PATH_MAX], to[PATH_MAX];
	struct stat st;

	if (!place(source, from, sizeof(from)) || !place(target, to, sizeof(to)) ||
	    stat(from, &st) < 0 || access(to, F_OK) < 0)
		return 16;
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return 2;
	if (access(to, F_OK) < 0 ||
	    mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV,
		  NULL) < 0)
		return 32;
	return 0;
}

int main(int argc, char **argv)
{
	char line[1024], source[512], target[512];
	FILE *f;
	int r = 0;

	(void)umask(0);
	if (argc < 5 || strcmp(argv[1], "apply") != 0 || !realpath(argv[3], root))
		return 1;
	f = fopen(argv[argc - 1], "re");
	while (f && r == 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%511s %511s", source, target) == 2)
			r = apply_entry(source, target);
	if (f)
		(void)fclose(f);
	return f ? r : 1;
}
