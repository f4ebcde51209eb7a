/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pure model of a mount namespace: directories, files and links as values, and mounts
 * that put one tree on top of a directory of another.  One world at a time lives in a
 * pool; nothing is freed but all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "fault/snapshot.h"
#include "profile/profile.h"

/* The last one only in skeletons. */
enum kind { KIND_DIR, KIND_FILE, KIND_LINK, KIND_WHITEOUT };

struct node {
	enum kind kind;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	const char *name;		    /* in its directory */
	const char *text;		    /* content of a file or of a link */
	struct node *parent, *first, *next; /* children sorted by name */
	struct node *under;		    /* in a view: what is covered here */
};

struct mounted {
	struct node *root;
	struct node *at; /* what it covers, seen through mount `parent`; NULL: detached */
	int parent;
	bool gone;
	bool read_only;
	bool ours;    /* a tmpfs of an entry */
	bool ours_fs; /* and its binds */
};

#define MAX_MOUNTS 512

struct world {
	struct mounted mounts[MAX_MOUNTS]; /* 0 is the root */
	int n;
};

/* What a path leads to. */
struct place {
	int mount;
	struct node *node; /* NULL: nothing */
};

/* Forgets all nodes and texts. */
void pool_reset(void);
const char *pool_text(const char *text);
char *pool_room(size_t n);

struct node *node_new(enum kind kind, mode_t mode, uid_t uid, gid_t gid);
/* NULL when the name is taken. */
struct node *node_add(struct node *dir, const char *name, struct node *child);
/* As node_add(), with what a directory with the set-group-ID bit hands down. */
struct node *node_make(struct node *dir, const char *name, struct node *child);
struct node *node_find(const struct node *dir, const char *name);
void node_remove(struct node *child);
struct node *node_copy(const struct node *node);
/* What an overlay shows. */
struct node *node_merge(const struct node *upper, const struct node *lower);

int world_mount(struct world *w, struct node *root);
void world_put(struct world *w, int mount, struct place at);
/* As bind and rbind: the new mount, detached. */
int world_bind(struct world *w, struct place source, bool recursive);
/* With all that hangs on it. */
void world_umount(struct world *w, int mount);

/* What lies on top there. */
struct place world_top(const struct world *w, struct place at);
struct place world_child(const struct world *w, struct place dir, const char *name);
/* Follows no link.  path is absolute, below start. */
struct place world_walk(const struct world *w, struct place start, const char *path);
struct place world_lookup(const struct world *w, const char *path);

/*
 * The path without links on the way (nor at its end, with follow_last); what does not
 * exist is kept as it is.  NULL: a link on the way is not to be trusted, or leads round.
 */
char *world_resolve(const struct world *w, const char *path, bool follow_last);
/* Is a link on the way to target or source of the entry, which is at target or below? */
bool world_leads_through(const struct world *w, const struct om_entry *entry,
			 const char *target);
/* The longest part of the path that exists; *ret is what it leads to. */
char *world_existing(const struct world *w, const char *path, struct place *ret);

/* As snapshot_tree() would tell it. */
void world_print(const struct world *w, struct text *ret);
/* Which mount hangs where. */
void world_print_mounts(const struct world *w, struct text *ret);
