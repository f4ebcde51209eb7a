/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A world made real, in a mount namespace of a child that dies with it, and the profile
 * applied to it.
 */
#pragma once

#include "property/gen.h"
#include "tools/surface.h"

#define STAND_TEXT (512U * 1024)

enum outcome {
	OUTCOME_NONE, /* the child died */
	OUTCOME_BROKEN_STAND,
	OUTCOME_APPLIED,
	OUTCOME_REFUSED,
	OUTCOME_FAILED,
};

/* What the child tells; shared with it. */
struct told {
	enum outcome outcome;
	char error[1024];
	char plan[STAND_TEXT];
	char before[STAND_TEXT];
	char seen[STAND_TEXT]; /* after apply */
	char holes[8192];      /* where names were added, one a line */
	unsigned waves;
	char written[STAND_TEXT]; /* after a new name in each of them */
	char after[STAND_TEXT];	  /* after undo */
	struct om_facts facts;	  /* of stand_probe() */
};

struct stand {
	const char *dir;	      /* an empty directory, for the tmpfs */
	const struct om_facts *facts; /* of the surface */
	const struct surface *surface;
	struct om_policy policy;
	bool backwards; /* names are made in the other order */
	bool write;	/* once it is applied, a file is made in each hole */
};

/* Made in each hole, with that content. */
#define STAND_NEW "om-new"

/* Memory that children share; NULL when there is none. */
struct told *told_new(void);
/* The facts of a surface, found in a child; false when that cannot be. */
bool stand_probe(const struct surface *surface, struct told *told);
/* Makes the world, applies, looks, undoes, looks. */
void stand_run(const struct stand *stand, const struct sample *s, struct told *told);
