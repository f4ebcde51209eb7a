/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is wrong with what a step has left.  Only the kernel is asked what is mounted, by
 * unique ids: ours is what was not there before and what the attacker did not make.
 * Verdicts, with the exit status in brackets:
 *   escape      a mount of ours where no profile wants one, also outside of the root
 *   secret      a file that nobody may read is seen through a mount of ours
 *   attributes  a mount of ours lacks ro, nosuid, nodev or noexec
 *   outside     something outside was changed
 *   foreign     a mount or a file that is not ours was changed or taken away
 *   state       exit 0, and it is neither as if the action came first nor as if it came last
 *   unnoticed   exit 0 although a mount was taken away before it was in its place
 *   leftover    no exit 0, and something of ours is there
 *   residue     exit 64, and what is left is not named
 *   check       `overmount check` says something else than what is seen
 *   lost        exit 0 although what was written down was gone before the last record, and
 *               undo says that nothing is applied
 *   left, took  undo or recovery: ours is still there, and nobody says so; a stranger is gone
 */
#pragma once

#include "fault/step-session.h"

/* Of an apply that ended as t says; afterwards all is undone. */
void step_judge(struct step_session *s, const struct tracer_run *t);
