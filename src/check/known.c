// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/text.h"
#include "rows.h"

enum evidence known_evidence(const struct part *pt, struct findings *f)
{
	char was[2 * MERKLE_HASH + 1], is[sizeof was];
	if (!pt->known_from || strcmp(pt->known_from, "history") || !pt->read_whole ||
	    !(pt->digest_mask & 1u << DIGEST_FSVERITY))
		return EVIDENCE_NONE;
	struct finding_text more = {.expected = hex_encode(pt->known_digest, MERKLE_HASH, was),
				    .measured = hex_encode(pt->digests[DIGEST_FSVERITY], MERKLE_HASH, is)};
	bool same = !memcmp(pt->known_digest, pt->digests[DIGEST_FSVERITY], MERKLE_HASH);
	if (!same)
		more.error = ERROR_CORRUPT;
	finding_add(f, PROOF_INTEGRITY, "history.proof", pt->name, same ? OUTCOME_HELD : OUTCOME_BROKEN, &more,
		    same ? "it had to be read whole, and is byte for byte what an earlier full check proved"
			 : "it is not what an earlier full check proved, though nothing was written to it since");
	return same ? EVIDENCE_DIGEST : EVIDENCE_NONE;
}
