/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every cap on what a user controls, in one place.  Sources: reliability notes on
 * malformed input (docs/input.md), and the kernel for path and component lengths.
 */
#pragma once

#define OM_MAX_PROFILE_SIZE (1024 * 1024) /* bytes of a profile file */
#define OM_MAX_YAML_SIZE (1024 * 1024)	  /* bytes of a snap.yaml, or of recorded facts */
#define OM_MAX_NAMES_SIZE (16 << 20)	  /* bytes of a passwd or group file */
#define OM_MAX_YAML_DEPTH 64		  /* nested collections, outside `layout:` too */
#define OM_MAX_LINE 65535		  /* bytes of one profile line */
#define OM_MAX_ENTRIES 4096		  /* entries of one profile */
#define OM_MAX_PATH 4095		  /* bytes of a path, without the NUL */
#define OM_MAX_COMPONENT 255		  /* bytes of a path component */
#define OM_MAX_DEPTH 128		  /* components of a path */
#define OM_MAX_SIBLINGS 131072		  /* names of a directory that mimic copies */
#define OM_MAX_MOUNTINFO (256 << 20)	  /* bytes of a table of mounts */
#define OM_MAX_SUBMOUNTS 64		  /* submounts that overlay binds back */
#define OM_MAX_LINKS 40			  /* symbolic links met in one path */
#define OM_WRITABLE_SIZE (16U << 20)	/* bytes that a writable hole takes by default */
#define OM_WRITABLE_UNIT 4096		/* bytes of it for one inode, and the least */
#define OM_MAX_WRITABLE_SIZE (1U << 30) /* bytes that a policy can permit it */
#define OM_MAX_POLICY_PATHS 256		/* paths of one list of a policy */
