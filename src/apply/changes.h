/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an update undoes and does: the difference between two profiles, lifted to what was
 * built.  A construction stays or goes as a whole, and with it whatever depends on it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "apply/journal.h"
#include "base/error.h"
#include "base/macro.h"
#include "profile/profile.h"
#include "sys/sys.h"

/* An entry of the old or of the new profile, and where it is. */
struct om_changes_entry {
	const struct om_entry *entry; /* borrowed */
	/* Owned; without links, as far as they lead anywhere now. */
	char *target;
	char *source; /* of a bind, else NULL */
	/* Of the old profile: the act that shows it, and the one that goes with it. */
	size_t mount; /* acts.n: it is a name */
	size_t outer; /* acts.n: nothing was made for it */
};

struct om_changes {
	const struct om_sys *sys; /* borrowed, as all here but what is said to be owned */
	int root_fd;
	struct om_journal *j;		      /* acts that go have `aside` set */
	const struct om_profile *old, *new;   /* in the order of application */
	struct om_changes_entry *olds, *news; /* owned */
	size_t *outers; /* owned; the acts that are not inside another one, in order */
	size_t n_outers;
	bool *touched; /* owned; of old: it cannot stay, whatever the profiles say */
	struct om_profile
		fresh; /* its entries are owned: what comes, in the order of new */
	size_t n_aside;
};

/*
 * Looks which act shows which entry of old, and whether all is as it was made.  0; REFUSED
 * when old is not what is applied, or when somebody has changed a mount of it; -errno.
 * om_changes_done() in any case.
 */
int om_changes_look(struct om_changes *c, struct om_error *e) _nonnull_(1) _must_check_;
/* Finds what goes (aside of the acts) and what comes (fresh); more each time it is asked. */
int om_changes_find(struct om_changes *c, struct om_error *e) _nonnull_(1) _must_check_;
/* The act goes, too, for what comes would cover it: to be followed by om_changes_find(). */
void om_changes_take(struct om_changes *c, size_t act) _nonnull_all_;
void om_changes_done(struct om_changes *c);
#define _cleanup_changes_ _cleanup_(om_changes_done)
