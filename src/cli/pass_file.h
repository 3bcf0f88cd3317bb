// SPDX-License-Identifier: GPL-3.0-or-later
/* What check --pass and audit --pass-dir write. */
#ifndef CLI_PASS_FILE_H
#define CLI_PASS_FILE_H

#include "backproof/signature.h"
#include "options.h"

/* Zeroed: no passes are wanted. */
struct passes {
	const struct options *o;
	bool wanted;
	struct signer *given; /* --key */
	VEC(struct pass_signer) signers; /* those that policies name */
};
struct pass_signer {
	char *path;
	struct signer *signer;
};
/*
 * Before any check is run: whether there is a key for each host, and a place for its pass. 0, or the code of what was
 * complained about.
 */
enum code passes_prepare(struct passes *p, const struct options *o, const struct config *c,
			 const struct strings *hosts);
void passes_free(struct passes *p);
/* By its verdict. */
bool lets_patch(const struct host_result *r);
/*
 * Writes the pass of one host in place of the one before. reported: its report was written; one that says PASSED is
 * only written after that. Whatever happens, none is left there that says more than this result. -1 after complaining.
 * Safe to be called by several threads.
 */
int passes_write(const struct passes *p, const struct host_result *r, bool reported) must_check;

#endif
