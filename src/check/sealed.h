// SPDX-License-Identifier: GPL-3.0-or-later
/* What a seal has to say to the proofs. */
#ifndef CHECK_SEALED_H
#define CHECK_SEALED_H

#include "backproof/sealed.h"

/* What the seals make of one part that was read: DIGEST where they vouch for it. Says where it differs. */
enum evidence sealed_evidence(const struct subject *s, size_t index, struct findings *f);
/* The machine that the seal speaks of is the one that is asked for, and the one inside. */
void sealed_identity(const struct subject *s, const struct check_parameters *p, struct findings *f);
/* Every volume that the seal names is there. */
void sealed_coverage(const struct subject *s, struct findings *f);

#endif
