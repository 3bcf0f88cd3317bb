// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef GATE_PATCH_H
#define GATE_PATCH_H

#include "backproof/patch.h"

struct held_lease {
	struct lease lease;
	bool lost;
};

struct patch {
	struct patch_request q;
	struct policy policy;
	struct strings groups; /* of the host, with a limit; sorted */
	struct history *history; /* NULL: there is none */
	VEC(struct held_lease) leases;
	int64_t renew_at; /* CLOCK_MONOTONIC, ns */
};

/* The command and the check after it. What came of them is in *record. */
void patch_start(struct patch *p, struct patch_record *record);

/* Groups of the host with a limit. -1: memory. */
int patch_groups(const struct config *c, const char *host, struct strings *out) must_check;
/* All of them, or none and the verdict of r says why. */
bool patch_take_leases(struct patch *p, struct host_result *r) must_check;
/* When it is time. One that is lost is told once, and what runs goes on. */
void patch_renew_leases(struct patch *p);
void patch_drop_leases(struct patch *p);

#endif
