// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Passes: a signed verdict that expires, for the machine that is patched. An in-toto Statement v1 with a test-result
 * predicate (https://in-toto.io/attestation/test-result/v0.1) in a signed DSSE v1 envelope. Hostile input.
 */
#ifndef BACKPROOF_PASS_H
#define BACKPROOF_PASS_H

#include "backproof/finding.h"
#include "backproof/signature.h"
#include "backproof/text.h"

#define PASS_PREDICATE "https://in-toto.io/attestation/test-result/v0.1"
#define PASS_FORMAT_VERSION "1.1"
#define PASS_MAX (4 * MIB)
#define PASS_NAME_MAX 253 /* bytes of the names of hosts and policies */
#define PASS_VALID_MAX (INT64_C(366) * 86400) /* seconds; what is good for longer was not meant */

/* One file that was proved. */
struct pass_subject {
	char *name; /* base name */
	uint64_t size;
	bool has_sha256, has_fsverity;
	uint8_t sha256[32], fsverity[32];
};
/* Of a pass whose code is waived: who took it on themselves, and until when. */
struct pass_waiver {
	char *user, *reason; /* NULL: none, and there is no waiver */
	char *login, *ticket, *approved_by; /* or NULL */
	int covers;	     /* enum code: what it would be */
	int64_t recorded_at, ends_at;
};
struct pass {
	char *host;
	char *machine_id; /* of the machine inside the backup, or NULL */
	char *hostname;	  /* found inside, or NULL */
	char *label;	  /* of the restore point */
	int code;	  /* enum code; 0: safe, PASSED; 87: waived, WARNED */
	struct pass_waiver waiver;
	char *suspect;	  /* why the backup must not be trusted for a clean restore, or NULL */
	char *policy;
	uint8_t policy_digest[32]; /* SHA-256 of the policy as it applied */
	char *depth;	  /* "full" */
	char *proofs[PROOF_COUNT]; /* "held" */
	struct strings reasons;
	uint32_t confidence, damage; /* millionths; 0: all was read */
	int64_t verified_at; /* when the check began */
	int64_t expires_at;
	int64_t taken_at; /* of the backup; 0: not known */
	char id[33];	  /* 128 random bits in hex: two passes are never the same */
	VEC(struct pass_subject) subjects;
	char key_id[KEY_ID_SIZE]; /* that signed it; filled by pass_open */
	bool trusted;
};
void pass_free(struct pass *p);

/* A signed envelope as text. Fills p->id. */
int pass_write(struct pass *p, const struct signer *key, struct text *out, struct error *e) must_check;
/*
 * CORRUPT: no pass, or changed since it was signed; UNSUPPORTED: of a version that is not known. One that nobody signed
 * is CORRUPT. By a key that is not among keys: 0 with trusted false.
 */
int pass_open(const char *text, size_t len, const struct trusted_keys *keys, struct pass *out,
	      struct error *e) must_check;

#endif
