/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount profile as data: what shall appear where.  Ordered, immutable after load; all
 * strings lie in one arena that the profile owns.  Pure: no system call, clock,
 * environment or errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/macro.h"
#include "base/str.h"

/* What the name at the target becomes. */
enum om_entry_kind {
	OM_ENTRY_BIND_DIR,  /* a directory of the tree shown at the target */
	OM_ENTRY_BIND_FILE, /* a file of the tree shown at the target */
	OM_ENTRY_TMPFS,	    /* an empty, private file system */
	OM_ENTRY_SYMLINK,   /* a symbolic link */
	OM_ENTRY_HIDE,	    /* nothing: a name of the base is taken away */
	_OM_ENTRY_MAX,
};

/* Order of application (snapd: overname before content before layout). */
enum om_origin {
	OM_ORIGIN_ROOTFS, /* snap-confine's root; never applied by us */
	OM_ORIGIN_OVERNAME,
	OM_ORIGIN_GENERAL,
	OM_ORIGIN_LAYOUT,
	_OM_ORIGIN_MAX,
};

/* Mount attributes that an entry asks for; OM_ATTR_* is a set of bits. */
enum om_attr {
	OM_ATTR_RDONLY = 1 << 0,
	OM_ATTR_NOSUID = 1 << 1,
	OM_ATTR_NODEV = 1 << 2,
	OM_ATTR_NOEXEC = 1 << 3,
	OM_ATTR_NOATIME = 1 << 4,
	OM_ATTR_NODIRATIME = 1 << 5,
	OM_ATTR_RELATIME = 1 << 6,
	OM_ATTR_STRICTATIME = 1 << 7,
};

/* Of attributes those that the kernel shows: strictatime it does not. */
static inline unsigned om_attr_visible(unsigned attr)
{
	return attr & ~(unsigned)OM_ATTR_STRICTATIME;
}

enum om_propagation {
	OM_PROPAGATION_DEFAULT, /* private */
	OM_PROPAGATION_PRIVATE,
	OM_PROPAGATION_SLAVE,
};

#define OM_MODE_UNSET ((mode_t)-1)

struct om_entry {
	enum om_entry_kind kind;
	enum om_origin origin;
	/* As in the file, decoded; `none` stands for no source. */
	const char *source;
	const char *target;  /* clean */
	const char *type;    /* none, tmpfs */
	const char *options; /* byte for byte, comma separated; "defaults" when empty */
	/* Read out of the options. */
	const char *symlink; /* content of the link, for OM_ENTRY_SYMLINK */
	bool recursive;	     /* rbind */
	bool create_source;  /* x-overmount.create-source: make a missing source */
	unsigned attr;	     /* OM_ATTR_* */
	enum om_propagation propagation;
	mode_t mode; /* OM_MODE_UNSET when not given */
	uid_t uid;
	gid_t gid;
	uint64_t size;	 /* tmpfs: bytes, 0 when not given */
	uint64_t inodes; /* tmpfs: 0 when not given */
	/* Bookkeeping that snapd writes into the profiles that it saves. */
	const char *id;	       /* x-snapd.id; the target when not given */
	const char *needed_by; /* id of the entry that this one was made for, or NULL */
	bool synthetic;	       /* x-snapd.synthetic */
	bool detach;	       /* x-snapd.detach */
	unsigned line;	       /* of the file it comes from; 0 when made by a program */
	unsigned order;	       /* scratch of om_profile_sort() */
};

/* What is left is made of names alone. */
static inline bool om_entry_is_mount(const struct om_entry *entry)
{
	return entry->kind != OM_ENTRY_SYMLINK && entry->kind != OM_ENTRY_HIDE;
}

static inline bool om_entry_is_bind(const struct om_entry *entry)
{
	return entry->kind == OM_ENTRY_BIND_DIR || entry->kind == OM_ENTRY_BIND_FILE;
}

struct om_profile {
	struct om_entry *entries; /* owned */
	size_t n;
	char *name;  /* owned; for messages: the file's name */
	char *arena; /* owned; every string of every entry */
};

struct om_profile *om_profile_free(struct om_profile *p);
static inline void om_profile_free_p(struct om_profile **p)
{
	(void)om_profile_free(*p);
}
#define _cleanup_profile_ _cleanup_(om_profile_free_p)

/* A passwd or group file, in which names of owners are looked up. */
struct om_owner_names {
	const char *file; /* for messages */
	const char *text; /* NULL: there is no such file */
};

struct om_profile_args {
	const char *name; /* of the file, for messages */
	const char *text;
	size_t size;
	struct om_owner_names passwd, group;
};

/*
 * Reads a profile in fstab syntax.  Strict: every ignored byte would be an error, and any
 * error refuses the whole profile.  Lines as the first proposal of layouts spelt them
 * become what they are today.  On success *ret is owned by the caller.  Errors: -EINVAL with
 * *e filled (kind OM_ERR_INPUT), -ENOMEM.
 */
int om_profile_read(const struct om_profile_args *args, struct om_profile **ret,
		    struct om_error *e) _nonnull_(1, 2) _must_check_;
/* As om_profile_read(), where no name of an owner can be looked up. */
int om_profile_parse(const char *name, const char *text, size_t size,
		     struct om_profile **ret, struct om_error *e)
	_nonnull_(1, 2, 4) _must_check_;
/* Whether a profile may have names of owners, so that the files are wanted. */
bool om_profile_wants_names(const char *text, size_t size) _nonnull_all_;

/* Appends the profile in fstab syntax, one line an entry, as snapd writes it. */
void om_profile_print(const struct om_profile *p, struct om_str *out) _nonnull_all_;
/* One entry, without the newline. */
void om_entry_print(const struct om_entry *entry, struct om_str *out) _nonnull_all_;

/*
 * Sorts into the order of application: overname, general, layout; then by path, a parent
 * before what lies below it.  Stable.
 */
void om_profile_sort(struct om_profile *p) _nonnull_all_;

/*
 * Does what the later entry finds, or what the earlier one has given it, depend on their
 * order?  By the text of their paths alone; a source is NULL where nothing is bound.
 */
bool om_paths_depend(const char *target, const char *source, const char *earlier_target,
		     const char *earlier_source) _nonnull_(1, 3);

/* Lower-case word for messages and JSON: bind, bind-file, tmpfs, symlink, hide. */
const char *om_entry_kind_name(enum om_entry_kind kind);

/*
 * What two entries do not agree in, in a word or two (static), or NULL when they ask for
 * the same.  Origin, ids and the other bookkeeping do not count.
 */
const char *om_entry_difference(const struct om_entry *a,
				const struct om_entry *b) _nonnull_all_;
