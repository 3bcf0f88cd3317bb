// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Signed waivers: that a person asks for one, and that a second person approves of it. Each is an in-toto Statement v1
 * with a predicate of our own in a signed DSSE v1 envelope (packaging/schema/waiver-v1.schema.json), a line; a waiver
 * keeps one or two of them, the one of who asks first. They lie in the history, where others may have been: hostile.
 */
#ifndef BACKPROOF_WAIVER_H
#define BACKPROOF_WAIVER_H

#include "backproof/ledger.h"
#include "backproof/person.h"
#include "backproof/signature.h"

#define WAIVER_PREDICATE "urn:backproof:waiver:v1"
#define WAIVER_FORMAT_VERSION "1.0"
#define WAIVER_TEXT_MAX 1024	/* bytes of reason and ticket */
#define WAIVER_NAME_MAX 253	/* of every other text */
#define WAIVER_MAX (64 * KIB)	/* of what a waiver keeps of them */

/* What is no waiver that anybody could have asked for is CORRUPT: without a reason, without an end, or no text. */
int waiver_check(const struct waiver *w, struct error *e) must_check;
/* -1: memory. */
int waiver_copy(struct waiver *to, const struct waiver *from) must_check;

/* By who asks: what w->envelope is to hold. */
int waiver_request(const struct waiver *w, const struct signer *key, struct text *out, struct error *e) must_check;
/* By who approves: what w->envelope is to hold from then on, what it held included. */
int waiver_approve(const struct waiver *w, const struct signer *key, const struct person *who, int64_t now,
		   struct text *out, struct error *e) must_check;

/* What the envelope of a waiver shows. */
struct waiver_signatures {
	char asker_key[KEY_ID_SIZE]; /* "": who asks has not signed */
	bool asker_trusted;	     /* and that is one of the keys, and its signature */
	bool approved, approver_trusted;
	char approver_key[KEY_ID_SIZE];
	struct person approver;
	int64_t approved_at;
};
/*
 * CORRUPT: not such statements, changed since they were signed, or they say anything else than w does. Without an
 * envelope all is empty. To be freed with waiver_signatures_free, whatever is returned.
 */
int waiver_signatures(const struct waiver *w, const struct trusted_keys *keys, struct waiver_signatures *out,
		      struct error *e) must_check;
void waiver_signatures_free(struct waiver_signatures *s);

#endif
