/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tree looks like where a profile wants something: data for the planner.  Paths
 * are absolute below the root that was surveyed, with trusted symbolic links resolved.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/index.h"
#include "base/macro.h"
#include "base/str.h"
#include "base/texts.h"
#include "base/vec.h"
#include "probe/chase.h"
#include "probe/facts.h"
#include "profile/profile.h"
#include "sys/sys.h"

enum om_object {
	OM_OBJECT_NONE,
	OM_OBJECT_DIR,
	OM_OBJECT_FILE,
	OM_OBJECT_SYMLINK,
	OM_OBJECT_OTHER,
};

/* A name in a directory that mimic rebuilds. */
struct om_scene_child {
	const char *name; /* in the texts of the directory, as the link */
	const char *link; /* content of a symbolic link, or NULL */
	enum om_object object;
	uid_t uid; /* of a symbolic link: it is made again, everything else is bound */
	gid_t gid;
};

/* A topmost mount point strictly below a directory. */
struct om_submount {
	char *path;		 /* owned */
	bool unbindable;	 /* by propagation: it cannot be bound elsewhere */
	enum om_tristate locked; /* it cannot be parted from what it covers */
};

/* How it went to lay an overlay over a directory, in a namespace that died with it. */
struct om_scene_try {
	enum om_tristate possible;
	unsigned depth_left; /* levels of overlay that fit on it; no more than 2 are tried */
	char evidence[256];
};

/* A directory in which something is missing, or that lies on the way to it. */
struct om_scene_dir {
	char *path;   /* owned */
	uint64_t dev; /* with ino: to see that it still is the same when it is covered */
	uint64_t ino;
	uint64_t mount_id;
	bool unique;	   /* the kind of mount_id, one for all directories of a scene */
	uint64_t table_id; /* the same mount in mountinfo, where ids are reused */
	unsigned attr;	   /* OM_ATTR_* of the mount it lies on */
	bool read_only;	   /* by mount or by file system: no name can be created */
	bool ours;	   /* on a tmpfs that we mounted: names may be created */
	bool hole;	   /* a target is missing in it, or of another kind */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	/* Of its own mount, found with the submounts. */
	bool unbindable;
	bool fixed;   /* read-only for everybody: its names cannot change */
	bool stacked; /* its file system is an overlay itself */
	char fs_type[32];
	OM_VEC(struct om_submount) submounts;
	bool looked;   /* the following two are filled */
	size_t n_live; /* sockets and fifos among its names: an overlay cuts them off */
	char *live;    /* owned; the first of them, or NULL */
	bool examined; /* an overlay was tried, and whether submounts are locked */
	struct om_scene_try overlay;
	bool listed; /* the following two are filled */
	OM_VEC(struct om_scene_child) children;
	struct om_texts texts; /* of the children */
	uint64_t max_mounts;   /* that a namespace can have; 0 when that is not known */
};

struct om_scene_entry {
	char *target; /* owned; canonical */
	enum om_object target_object;
	char *target_link; /* owned; content when the target is a symbolic link */
	size_t hole;	   /* index of the deepest existing directory above the target */
	char *source;	   /* owned; canonical; NULL for entries without one */
	enum om_object source_object;
	char *source_missing; /* owned; first missing component of the source */
	bool source_ours; /* what exists of a missing source lies on a tmpfs of ours */
	struct om_followed target_way, source_way;
};

/*
 * Nothing has to be made: what is there can take what is asked for, a link that exists is
 * one and the same, and what is to be hidden is not there.
 */
static inline bool om_scene_entry_fits(const struct om_scene_entry *se,
				       const struct om_entry *entry)
{
	bool dir = se->target_object == OM_OBJECT_DIR;
	bool link = se->target_object == OM_OBJECT_SYMLINK;
	bool none = se->target_object == OM_OBJECT_NONE;

	if (none || entry->kind == OM_ENTRY_HIDE)
		return none && entry->kind == OM_ENTRY_HIDE;
	if (entry->kind == OM_ENTRY_BIND_FILE)
		return !dir && !link;
	if (entry->kind == OM_ENTRY_SYMLINK)
		return link && om_streq(se->target_link, entry->symlink);
	return dir;
}

struct om_scene {
	struct om_scene_entry *entries; /* one per profile entry surveyed */
	size_t first;			/* index of the first of them in the profile */
	size_t n;
	OM_VEC(struct om_scene_dir) dirs;
	struct om_index dirs_index; /* of their paths */
	bool has_submounts;	    /* they have been found */
	size_t n_mounts; /* that are listed, found with the submounts; there may be more */
};

struct om_survey {
	const struct om_sys *sys;
	int root_fd;
	int source_fd;	       /* where sources are resolved: root_fd, or another root */
	const char *root_path; /* of root_fd, as mountinfo of this process shows it */
	const struct om_mount_id *ours; /* of file systems that we mounted */
	size_t n_ours;
	bool apart; /* entries are looked at one by one, not to be planned together */
	bool list;  /* the names in holes will be wanted: no look at them before */
};

/*
 * Looks at entries first..first+n-1 of p.  Only reads; opens nothing but O_PATH.  Links
 * are followed, beneath the root, when root (or the caller) owns them and the directory
 * that holds them, and nobody else can write there.  Errors: -errno, *e filled with the
 * entry's line.
 */
int om_scene_survey(const struct om_survey *survey, const struct om_profile *p,
		    size_t first, size_t n, struct om_scene **ret, struct om_error *e)
	_nonnull_(1, 2, 5) _must_check_;

/*
 * Fills submounts of all directories, from mountinfo (read once per scene; the survey does
 * it when a target is of another kind), and looks at
 * what can hinder an overlay over a hole: the names of a read-only one whose file system
 * can change, and by a try what only the kernel knows (om_scene_look()).
 */
int om_scene_find_submounts(const struct om_survey *survey, struct om_scene *scene,
			    struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * Fills what costs a child and a look at every name: live objects, whether submounts are
 * locked, and whether an overlay can be laid over that very directory.  Submounts must
 * have been found before.  load_modules: see om_probe_options.
 */
int om_scene_examine(const struct om_survey *survey, struct om_scene_dir *dir,
		     bool load_modules, struct om_error *e) _nonnull_(1, 2) _must_check_;

/*
 * What a decision about a hole needs and mountinfo does not tell.  Costs nothing where
 * nothing can hinder: a file system that is read-only for everybody is not listed, and an
 * overlay is tried only over another one, or over submounts that may be locked.
 */
int om_scene_look(const struct om_survey *survey, struct om_scene_dir *dir,
		  struct om_error *e) _nonnull_(1, 2) _must_check_;

/* Notes a name of the directory if it is a socket or a fifo, unless all are noted. */
int om_scene_note_live(struct om_scene_dir *dir, const char *name,
		       mode_t mode) _nonnull_all_ _must_check_;

/*
 * Fills children of a directory of the scene, and what a look at its names tells; -E2BIG
 * above OM_MAX_SIBLINGS.
 */
int om_scene_list(const struct om_survey *survey, struct om_scene_dir *dir,
		  struct om_error *e) _nonnull_(1, 2) _must_check_;

/* The directory of the scene at path, added when missing; NULL with *e filled. */
struct om_scene_dir *om_scene_add_dir(const struct om_survey *survey,
				      struct om_scene *scene, const char *path,
				      struct om_error *e) _nonnull_(1, 2, 3);
/* The same without adding; NULL when it is not there. */
const struct om_scene_dir *om_scene_get_dir(const struct om_scene *scene,
					    const char *path) _nonnull_all_;

struct om_scene *om_scene_free(struct om_scene *scene);
static inline void om_scene_free_p(struct om_scene **scene)
{
	(void)om_scene_free(*scene);
}
#define _cleanup_scene_ _cleanup_(om_scene_free_p)
