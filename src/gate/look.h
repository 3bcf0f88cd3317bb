// SPDX-License-Identifier: GPL-3.0-or-later
/* A restore point opened for people to look into: nothing is judged. */
#ifndef GATE_LOOK_H
#define GATE_LOOK_H

#include "backproof/gate.h"
#include "backproof/subject.h"

struct look {
	struct policy policy;
	struct budget own, *budget;
	struct findings f;
	struct scratch *scratch;
	struct catalog catalog;
	struct check_parameters p; /* archive_visit may be set before look_open */
	struct subject s;
	bool opened;
};

/* All zeros before. budget: NULL for one of its own. What stood in the way of parts of it is in l->f. */
int look_open(struct look *l, const struct strings *paths, const struct gate_overrides *o, struct budget *budget,
	      struct error *e) must_check;
void look_close(struct look *l);
/* 0 when all could be opened; else the code that fits what stood in the way. */
int look_code(const struct findings *f);

#endif
