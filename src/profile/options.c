/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See options.h.  Three steps: every option is looked up and stored, then kind and
 * defaults follow from all of them, then each option is held against the kind.
 */
#include "profile/options.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "profile/text.h"

/* Options of one slot exclude each other. */
enum slot {
	SLOT_DEFAULTS,
	SLOT_WRITE,
	SLOT_SUID,
	SLOT_DEV,
	SLOT_EXEC,
	SLOT_ATIME,
	SLOT_DIRATIME,
	SLOT_BIND,
	SLOT_PROPAGATION,
	SLOT_MODE,
	SLOT_UID,
	SLOT_GID,
	SLOT_SIZE,
	SLOT_INODES,
	SLOT_KIND,
	SLOT_SYMLINK,
	SLOT_ID,
	SLOT_NEEDED_BY,
	SLOT_SYNTHETIC,
	SLOT_ORIGIN,
	SLOT_DETACH,
	SLOT_XMODE,
	SLOT_XUID,
	SLOT_XGID,
	SLOT_XUSER,
	SLOT_XGROUP,
	SLOT_CREATE_SOURCE,
	SLOT_HIDE,
	_SLOT_MAX,
};

/* Kinds that an option fits; a set of bits. */
enum {
	ON_BIND = 1 << OM_ENTRY_BIND_DIR | 1 << OM_ENTRY_BIND_FILE,
	ON_TMPFS = 1 << OM_ENTRY_TMPFS,
	ON_SYMLINK = 1 << OM_ENTRY_SYMLINK,
	ON_HIDE = 1 << OM_ENTRY_HIDE,
	ON_MOUNT = ON_BIND | ON_TMPFS,
	ON_OBJECT = ON_MOUNT | ON_SYMLINK,
	ON_ALL = ON_OBJECT | ON_HIDE,
};

struct option;

/* What is gathered before the entry is complete. */
struct reader {
	struct om_entry *entry;
	const struct option *seen[_SLOT_MAX];
	const char *kind;
	mode_t mode, xmode;
	uid_t ids[_SLOT_MAX]; /* of the slots that hold an owner */
	char reason[OM_REASON_SIZE];
};

struct option {
	const char *name; /* without the '=' */
	enum slot slot;
	unsigned fits;
	unsigned attr; /* OM_ATTR_* to set */
	/* NULL: a word without a value.  Returns NULL or the reason. */
	const char *(*read)(struct reader *r, const struct option *option,
			    const char *value);
};

static const char *read_octal(const char *value, mode_t *ret)
{
	unsigned long long mode;
	int r = om_parse_number(value, 8, 07777, &mode);

	if (r == -EINVAL)
		return "not octal";
	if (r < 0)
		return "out of range, at most 01777";
	if (mode & 06000)
		return "setuid and setgid bits are not allowed";
	*ret = (mode_t)mode;
	return NULL;
}

static const char *read_mode(struct reader *r, const struct option *option _unused_,
			     const char *value)
{
	return read_octal(value, &r->mode);
}

static const char *read_xmode(struct reader *r, const struct option *option _unused_,
			      const char *value)
{
	if (value[0] != '0')
		return "not octal with a leading 0";
	return read_octal(value, &r->xmode);
}

static const char *read_owner(struct reader *r, const struct option *option,
			      const char *value)
{
	unsigned long long id;

	switch (om_parse_number(value, 10, UINT32_MAX - 1, &id)) {
	case 0:
		r->ids[option->slot] = (uid_t)id;
		return NULL;
	case -ERANGE:
		return "out of range";
	default:
		if (value[0] >= '0' && value[0] <= '9')
			return "text after the number";
		return value[0] == '-' ? "out of range" : "numeric only";
	}
}

static const char *read_size(struct reader *r, const struct option *option _unused_,
			     const char *value)
{
	static const char units[] = "kmgt";
	size_t digits = strspn(value, "0123456789");
	char number[24];
	unsigned shift = 0;
	unsigned long long size;

	if (value[digits] == '%' && value[digits + 1] == '\0')
		return "a part of the memory in percent is not supported, give bytes";
	if (value[digits]) {
		const char *unit = strchr(units, value[digits] | 0x20);

		if (digits == 0 || !unit || value[digits + 1])
			return "not a number of bytes (a number, then k, m, g or t)";
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (digits >= sizeof(number))
		return "too large";
	memcpy(number, value, digits);
	number[digits] = '\0';
	if (om_parse_number(number, 10, INT64_MAX >> shift, &size) < 0)
		return "too large";
	if (size == 0)
		return "0 means no limit, which is not allowed";
	r->entry->size = (uint64_t)size << shift;
	return NULL;
}

static const char *read_inodes(struct reader *r, const struct option *option _unused_,
			       const char *value)
{
	unsigned long long n;
	int rc = om_parse_number(value, 10, INT64_MAX, &n);

	if (rc < 0)
		return rc == -ERANGE ? "too large" : "not a number";
	if (n == 0)
		return "0 means no limit, which is not allowed";
	r->entry->inodes = n;
	return NULL;
}

static const char *read_kind(struct reader *r, const struct option *option _unused_,
			     const char *value)
{
	if (om_streq(value, "ensure-dir"))
		return "kind ensure-dir is not supported";
	if (!om_streq(value, "file") && !om_streq(value, "symlink"))
		return "unknown kind, want file or symlink";
	r->kind = value;
	return NULL;
}

static const char *read_symlink(struct reader *r, const struct option *option _unused_,
				const char *value)
{
	if (strlen(value) > OM_MAX_PATH)
		return "longer than 4095 bytes";
	r->entry->symlink = value;
	return om_text_special(r->reason, value);
}

static const char *read_id(struct reader *r, const struct option *option,
			   const char *value)
{
	if (option->slot == SLOT_ID)
		r->entry->id = value;
	else
		r->entry->needed_by = value;
	return NULL;
}

static const char *read_origin(struct reader *r, const struct option *option _unused_,
			       const char *value)
{
	if (om_streq(value, "layout"))
		r->entry->origin = OM_ORIGIN_LAYOUT;
	else if (om_streq(value, "overname"))
		r->entry->origin = OM_ORIGIN_OVERNAME;
	else if (om_streq(value, "rootfs"))
		r->entry->origin = OM_ORIGIN_ROOTFS;
	else
		return "unknown origin, want layout, overname or rootfs";
	return NULL;
}

static const struct option options[] = {
	{ "defaults", SLOT_DEFAULTS, ON_ALL, 0, NULL },
	{ "rw", SLOT_WRITE, ON_MOUNT, 0, NULL },
	{ "ro", SLOT_WRITE, ON_MOUNT, OM_ATTR_RDONLY, NULL },
	{ "suid", SLOT_SUID, ON_MOUNT, 0, NULL },
	{ "nosuid", SLOT_SUID, ON_MOUNT, OM_ATTR_NOSUID, NULL },
	{ "dev", SLOT_DEV, ON_MOUNT, 0, NULL },
	{ "nodev", SLOT_DEV, ON_MOUNT, OM_ATTR_NODEV, NULL },
	{ "exec", SLOT_EXEC, ON_MOUNT, 0, NULL },
	{ "noexec", SLOT_EXEC, ON_MOUNT, OM_ATTR_NOEXEC, NULL },
	{ "noatime", SLOT_ATIME, ON_MOUNT, OM_ATTR_NOATIME, NULL },
	{ "relatime", SLOT_ATIME, ON_MOUNT, OM_ATTR_RELATIME, NULL },
	{ "strictatime", SLOT_ATIME, ON_MOUNT, OM_ATTR_STRICTATIME, NULL },
	{ "nodiratime", SLOT_DIRATIME, ON_MOUNT, OM_ATTR_NODIRATIME, NULL },
	{ "bind", SLOT_BIND, ON_BIND, 0, NULL },
	{ "rbind", SLOT_BIND, ON_BIND, 0, NULL },
	{ "private", SLOT_PROPAGATION, ON_MOUNT, 0, NULL },
	{ "rprivate", SLOT_PROPAGATION, ON_MOUNT, 0, NULL },
	{ "slave", SLOT_PROPAGATION, ON_MOUNT, 0, NULL },
	{ "rslave", SLOT_PROPAGATION, ON_MOUNT, 0, NULL },
	{ "mode", SLOT_MODE, ON_TMPFS, 0, read_mode },
	{ "uid", SLOT_UID, ON_TMPFS, 0, read_owner },
	{ "gid", SLOT_GID, ON_TMPFS, 0, read_owner },
	{ "size", SLOT_SIZE, ON_TMPFS, 0, read_size },
	{ "nr_inodes", SLOT_INODES, ON_TMPFS, 0, read_inodes },
	{ "x-snapd.kind", SLOT_KIND, ON_ALL, 0, read_kind },
	{ "x-snapd.symlink", SLOT_SYMLINK, ON_SYMLINK, 0, read_symlink },
	{ "x-snapd.id", SLOT_ID, ON_ALL, 0, read_id },
	{ "x-snapd.needed-by", SLOT_NEEDED_BY, ON_ALL, 0, read_id },
	{ "x-snapd.synthetic", SLOT_SYNTHETIC, ON_OBJECT, 0, NULL },
	{ "x-snapd.origin", SLOT_ORIGIN, ON_ALL, 0, read_origin },
	{ "x-snapd.detach", SLOT_DETACH, ON_OBJECT, 0, NULL },
	{ "x-snapd.mode", SLOT_XMODE, ON_OBJECT, 0, read_xmode },
	{ "x-snapd.uid", SLOT_XUID, ON_OBJECT, 0, read_owner },
	{ "x-snapd.gid", SLOT_XGID, ON_OBJECT, 0, read_owner },
	{ "x-snapd.user", SLOT_XUSER, ON_OBJECT, 0, read_owner },
	{ "x-snapd.group", SLOT_XGROUP, ON_OBJECT, 0, read_owner },
	{ "x-overmount.create-source", SLOT_CREATE_SOURCE, ON_BIND, 0, NULL },
	{ "x-overmount.hide", SLOT_HIDE, ON_HIDE, 0, NULL },
};

/* Options that mean something elsewhere: told apart from a slip of the pen. */
static const struct {
	const char *name; /* a dot at the end: a prefix */
	const char *reason;
} refused[] = {
	{ "x-snapd.ignore-missing",
	  "not supported: whether an entry applies must be known before" },
	{ "x-snapd.must-exist-dir", "kind ensure-dir is not supported" },
	{ "shared", "only private and slave propagation are possible" },
	{ "rshared", "only private and slave propagation are possible" },
	{ "unbindable", "only private and slave propagation are possible" },
	{ "runbindable", "only private and slave propagation are possible" },
	{ "lowerdir", "layers are chosen by overmount" },
	{ "upperdir", "layers are chosen by overmount" },
	{ "workdir", "layers are chosen by overmount" },
	{ "metacopy", "layers are chosen by overmount" },
	{ "redirect_dir", "layers are chosen by overmount" },
	{ "userxattr", "layers are chosen by overmount" },
	{ "volatile", "layers are chosen by overmount" },
	{ "index", "layers are chosen by overmount" },
	{ "nfs_export", "layers are chosen by overmount" },
	{ "verity", "layers are chosen by overmount" },
	{ "xino", "layers are chosen by overmount" },
	{ "x-systemd.", "not allowed here" },
	{ "x-mount.", "not allowed here" },
	{ "X-mount.", "not allowed here" },
	{ "loop", "not allowed here" },
	{ "helper", "not allowed here" },
	{ "uhelper", "not allowed here" },
	{ "user", "not allowed here" },
	{ "users", "not allowed here" },
	{ "owner", "not allowed here" },
	{ "group", "not allowed here" },
	{ "auto", "not allowed here" },
	{ "noauto", "not allowed here" },
	{ "nofail", "not allowed here" },
	{ "_netdev", "not allowed here" },
	{ "remount", "not allowed here" },
	{ "move", "not allowed here" },
	{ "context", "security labels are not given by a profile" },
	{ "fscontext", "security labels are not given by a profile" },
	{ "defcontext", "security labels are not given by a profile" },
	{ "rootcontext", "security labels are not given by a profile" },
	{ "seclabel", "security labels are not given by a profile" },
};

#define NAME_MAX_DISTANCE 32

/* Edit distance of two short names; large when one is too long to matter. */
static unsigned distance(const char *a, size_t n, const char *b)
{
	unsigned row[NAME_MAX_DISTANCE + 1];
	size_t m = strlen(b);

	if (n > NAME_MAX_DISTANCE || m > NAME_MAX_DISTANCE)
		return NAME_MAX_DISTANCE;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

static int unknown(const char *word, size_t n, struct om_error *e)
{
	const struct option *nearest = NULL;
	unsigned least = n < 6 ? 2 : 4;
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		size_t length = strlen(refused[i].name);
		bool prefix = refused[i].name[length - 1] == '.';

		if (strncmp(word, refused[i].name, length) == 0 &&
		    (prefix || n == length))
			return om_fail(e, OM_ERR_INPUT, -EINVAL,
				       "cannot use option %s: %s", OM_Q(word),
				       refused[i].reason);
	}
	rc = om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use option %s: unknown option",
		     OM_Q(word));
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		unsigned d = distance(word, n, options[i].name);

		if (d < least) {
			least = d;
			nearest = &options[i];
		}
	}
	if (nearest)
		om_error_fix(e, "did you mean \"%s%s\"?", nearest->name,
			     nearest->read ? "=" : "");
	return rc;
}

static const struct option *find(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strncmp(word, options[i].name, n) == 0 && options[i].name[n] == '\0')
			return &options[i];
	return NULL;
}

static int bad(struct om_error *e, const char *word, const char *reason)
{
	return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use option %s: %s", OM_Q(word),
		       reason);
}

static int read_word(struct reader *r, const char *word, struct om_error *e)
{
	size_t n = strcspn(word, "=");
	const char *value = word[n] ? word + n + 1 : NULL;
	const struct option *option = find(word, n), *other;
	const char *reason;

	if (n == 0)
		return bad(e, word, "a value without a name");
	if (!option)
		return unknown(word, n, e);
	other = r->seen[option->slot];
	if (other == option)
		return bad(e, word, "given twice");
	if (other)
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot use option %s: it contradicts \"%s\"", OM_Q(word),
			       other->name);
	r->seen[option->slot] = option;
	r->entry->attr |= option->attr;
	if (!option->read)
		return value ? bad(e, word, "takes no value") : 0;
	if (!value || !*value)
		return bad(e, word, "the value is missing");
	reason = option->read(r, option, value);
	return reason ? bad(e, word, reason) : 0;
}

static int read_words(struct reader *r, char *scratch, struct om_error *e)
{
	unsigned position = 1;
	char *next = scratch;

	while (next) {
		char *word = strsep(&next, ",");
		int rc;

		if (!*word)
			return om_fail(
				e, OM_ERR_INPUT, -EINVAL,
				"cannot use options %s: empty option at position %u",
				OM_Q(r->entry->options), position);
		rc = read_word(r, word, e);
		if (rc < 0)
			return rc;
		position++;
	}
	return 0;
}

static bool seen(const struct reader *r, enum slot slot, const char *name)
{
	return r->seen[slot] && om_streq(r->seen[slot]->name, name);
}

static int decide_kind(struct reader *r, struct om_error *e)
{
	struct om_entry *entry = r->entry;

	if (om_streq(entry->type, "tmpfs")) {
		entry->kind = OM_ENTRY_TMPFS;
		if (r->kind)
			return bad(e, "x-snapd.kind", "not for type tmpfs");
	} else if (om_streq(r->kind, "symlink")) {
		entry->kind = OM_ENTRY_SYMLINK;
		if (!entry->symlink)
			return om_fail(e, OM_ERR_INPUT, -EINVAL,
				       "cannot make a symbolic link at %s: "
				       "x-snapd.symlink= is missing",
				       OM_Q(entry->target));
	} else if (r->seen[SLOT_HIDE] && !r->kind) {
		entry->kind = OM_ENTRY_HIDE;
	} else if (r->seen[SLOT_BIND]) {
		entry->kind = r->kind ? OM_ENTRY_BIND_FILE : OM_ENTRY_BIND_DIR;
	} else {
		return om_fail(e, OM_ERR_INPUT, -EINVAL,
			       "cannot use options %s: type none needs bind or rbind",
			       OM_Q(entry->options));
	}
	return 0;
}

static int check_fits(const struct reader *r, struct om_error *e)
{
	static const char *const where[_OM_ENTRY_MAX] = {
		[OM_ENTRY_BIND_DIR] = "not for a bind mount",
		[OM_ENTRY_BIND_FILE] = "not for a bind mount",
		[OM_ENTRY_TMPFS] = "not for type tmpfs",
		[OM_ENTRY_SYMLINK] = "not for a symbolic link",
		[OM_ENTRY_HIDE] = "not for a name that is hidden",
	};

	for (size_t i = 0; i < _SLOT_MAX; i++)
		if (r->seen[i] && !(r->seen[i]->fits & 1u << r->entry->kind))
			return bad(e, r->seen[i]->name, where[r->entry->kind]);
	return 0;
}

/* One owner that may be given under three names, as long as they agree. */
static int merge_owner(const struct reader *r, const enum slot slots[static 3],
		       uid_t *ret, struct om_error *e)
{
	const struct option *given = NULL;

	for (size_t i = 0; i < 3; i++) {
		const struct option *option = r->seen[slots[i]];

		if (!option)
			continue;
		if (given && r->ids[slots[i]] != *ret)
			return om_fail(e, OM_ERR_INPUT, -EINVAL,
				       "cannot use option \"%s\": it contradicts \"%s\"",
				       option->name, given->name);
		given = option;
		*ret = r->ids[slots[i]];
	}
	return 0;
}

static int merge(struct reader *r, struct om_error *e)
{
	static const enum slot users[] = { SLOT_UID, SLOT_XUID, SLOT_XUSER };
	static const enum slot groups[] = { SLOT_GID, SLOT_XGID, SLOT_XGROUP };
	struct om_entry *entry = r->entry;
	int rc;

	if (r->mode != OM_MODE_UNSET && r->xmode != OM_MODE_UNSET && r->mode != r->xmode)
		return bad(e, "x-snapd.mode", "it contradicts \"mode\"");
	entry->mode = r->mode != OM_MODE_UNSET ? r->mode : r->xmode;
	/* What a layout means that says nothing, although the kernel's default is 01777. */
	if (entry->mode == OM_MODE_UNSET && entry->kind == OM_ENTRY_TMPFS &&
	    entry->origin == OM_ORIGIN_LAYOUT)
		entry->mode = 0755;
	rc = merge_owner(r, users, &entry->uid, e);
	if (rc < 0)
		return rc;
	return merge_owner(r, groups, &entry->gid, e);
}

int om_options_read(struct om_entry *entry, char *scratch, struct om_error *e)
{
	struct reader r = { .entry = entry,
			    .mode = OM_MODE_UNSET,
			    .xmode = OM_MODE_UNSET };
	size_t quotes = 0;
	int rc;

	for (const char *p = entry->options; *p; p++)
		quotes += *p == '"';
	if (quotes)
		return om_fail(e, OM_ERR_INPUT, -EINVAL, "cannot use options %s: %s",
			       OM_Q(entry->options),
			       quotes % 2 ? "unterminated quote"
					  : "quotes are not allowed");
	entry->origin = OM_ORIGIN_GENERAL;
	entry->id = entry->target;
	rc = read_words(&r, scratch, e);
	if (rc < 0)
		return rc;
	rc = decide_kind(&r, e);
	if (rc < 0)
		return rc;
	rc = check_fits(&r, e);
	if (rc < 0)
		return rc;
	entry->recursive = seen(&r, SLOT_BIND, "rbind");
	entry->create_source = r.seen[SLOT_CREATE_SOURCE] != NULL;
	entry->synthetic = r.seen[SLOT_SYNTHETIC] != NULL;
	entry->detach = r.seen[SLOT_DETACH] != NULL;
	if (r.seen[SLOT_PROPAGATION])
		entry->propagation = seen(&r, SLOT_PROPAGATION, "slave") ||
						     seen(&r, SLOT_PROPAGATION, "rslave")
					     ? OM_PROPAGATION_SLAVE
					     : OM_PROPAGATION_PRIVATE;
	return merge(&r, e);
}
