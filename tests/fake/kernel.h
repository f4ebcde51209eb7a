/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An om_sys that answers from a small model of a capable kernel, and needs no privilege:
 * nothing is mounted, every fd is a memfd that carries the name of what it stands for.
 * The model knows which names exist, what hides them in an overlay, and what is mounted
 * where, so that a probe that prepares its try wrongly gets another answer.  Rules replace
 * the answer of single calls.
 *
 * Names: a path of the host is itself; a tmpfs is "tmpfs1", or "nosuid-tmpfs1"; an overlay
 * is "#1overlay(UPPER:LOWER)", or "#1rw-overlay(...)".  What is in them follows after a
 * slash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "sys/sys.h"

/* Results of a rule that do not return. */
#define FAKE_HANG -20000
#define FAKE_EXIT -20001 /* the process leaves with status 0 */
#define FAKE_SIGNAL(sig) (-30000 - (sig))

#define FAKE_NAME_SIZE 240
#define FAKE_MAX_RULES 16
#define FAKE_MAX_FILES 24

struct fake_rule {
	const char *operation; /* as in struct om_sys */
	const char *arguments; /* substring of what the log says of them; NULL: any */
	int result;	       /* -errno, the number to return, or FAKE_* */
	unsigned nth;	       /* of the matching calls; 0: each */
};

struct fake_file {
	const char *path;
	const char *content; /* NULL: there is no such file */
};

enum fake_kind { FAKE_DIR, FAKE_FILE, FAKE_WHITEOUT };

struct fake_node {
	char path[FAKE_NAME_SIZE];
	enum fake_kind kind;
	bool opaque;
	bool suid;
};

struct fake_mount {
	char place[FAKE_NAME_SIZE];
	char root[FAKE_NAME_SIZE];
	char source[16];
};

/* A context of fsopen(2). */
struct fake_context {
	bool overlay, created;
	char layers[FAKE_NAME_SIZE];
	char upper[FAKE_NAME_SIZE];
};

/* Shared with children, so that their calls are seen too. */
struct fake_shared {
	unsigned calls;
	unsigned hits[FAKE_MAX_RULES];
	char loaded[64]; /* what module_load adds to /proc/filesystems */
	size_t used;
	char log[1 << 18];
};

struct fake_kernel {
	struct om_sys sys; /* pass &k->sys */
	struct fake_rule rules[FAKE_MAX_RULES];
	size_t n_rules;
	struct fake_file files[FAKE_MAX_FILES];
	size_t n_files;
	OM_VEC(struct fake_node) nodes;
	OM_VEC(struct fake_mount) mounts;
	OM_VEC(struct fake_context) contexts;
	struct fake_shared *shared;
	unsigned n_tmpfs, n_overlays;
	const char *pending; /* of the next exec; NULL: none */
	char stack[64];	     /* for label */
	const char *label;   /* of this process; "unconfined" */
	const char *mode;    /* of that label; "" */
	const char *message; /* of a context of fsopen(2), or NULL */
	bool in_userns;
	bool no_source;	  /* by unique ids it does not tell the source of a mount */
	unsigned fail_at; /* this call fails, the first being 1; 0: none */
	int fail_errno;
};

void fake_kernel_init(struct fake_kernel *k);
void fake_kernel_done(struct fake_kernel *k);

/* The first rule that matches wins.  Texts are kept by reference. */
void fake_kernel_rule(struct fake_kernel *k, const char *operation, const char *arguments,
		      int result);
/* The same for the nth matching call alone. */
void fake_kernel_rule_nth(struct fake_kernel *k, const char *operation,
			  const char *arguments, unsigned nth, int result);
/* Content of a file of /proc or /sys; NULL: it is missing. */
void fake_kernel_file(struct fake_kernel *k, const char *path, const char *content);
/* How many calls' log lines ("operation arguments") have text in them. */
unsigned fake_kernel_count(const struct fake_kernel *k, const char *text);
/* How many fds this process has open. */
unsigned fake_kernel_fds(void);
