// SPDX-License-Identifier: GPL-3.0-or-later
/* What apt is about to do, as it tells it to DPkg::Pre-Install-Pkgs. Hostile input. */
#ifndef GATE_HOOK_APT_H
#define GATE_HOOK_APT_H

#include "backproof/base.h"

#define HOOK_APT_MAX (16 * MIB)
#define HOOK_APT_ACTIONS (UINT64_C(1) << 18)

struct apt_transaction {
	size_t actions;
	size_t upgrades; /* of packages that are not our own */
	size_t own;	 /* upgrades of our own packages */
	char *first;	 /* name of one of the upgrades, or NULL; letters, digits, "+-." */
	bool repairs;	 /* apt-get -f install, without names of packages: it only mends what is broken */
};
void apt_transaction_free(struct apt_transaction *t);
/* Only an upgrade that is no repair has to be allowed by somebody. */
bool apt_transaction_is_gated(const struct apt_transaction *t);
/*
 * CORRUPT: it is not what apt writes, whole; UNSUPPORTED: of another version of the protocol; LIMIT: more than anybody
 * upgrades.
 */
int apt_transaction_parse(const char *text, size_t length, struct apt_transaction *out, struct error *e) must_check;

#endif
