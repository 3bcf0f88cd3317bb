// SPDX-License-Identifier: GPL-3.0-or-later
#include "known.h"

#include "backproof/digest.h"

static bool is_the_file(const struct known_file *k, const struct stat *st)
{
	return st && (uint64_t)st->st_size == k->size && st->st_dev == k->device && st->st_ino == k->inode &&
	       st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec == k->mtime_ns &&
	       st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec == k->ctime_ns;
}

static void disagree(const struct part *pt, const struct known_file *k, struct findings *f)
{
	char was[2 * MERKLE_HASH + 1], is[sizeof was];
	struct finding_text more = {.error = ERROR_CORRUPT,
				    .expected = hex_encode(pt->known_digest, MERKLE_HASH, was),
				    .measured = hex_encode(k->fsverity, MERKLE_HASH, is)};
	finding_add(f, PROOF_INTEGRITY, "history.seal", pt->name, OUTCOME_BROKEN, &more,
		    "the %s has another digest of it than an earlier full check found, and nothing was written since",
		    pt->known_from);
}

void known_from_history(struct part *pt, const struct check_parameters *p, struct findings *f)
{
	for (size_t i = 0; i < p->known_count; i++) {
		const struct known_file *k = &p->known[i];
		if (k->index != pt->index || !pt->source || !is_the_file(k, source_stat(pt->source)))
			continue;
		pt->proved_at = k->proved_at;
		if (k->has_sha256 && !pt->known_sha256)
			pt->known_sha256 = k->sha256;
		if (pt->known_from) {
			if (memcmp(pt->known_digest, k->fsverity, sizeof k->fsverity))
				disagree(pt, k, f);
			else if (!pt->known_chunks)
				pt->known_chunks = k->chunks; /* its side file is gone */
			return;
		}
		pt->known_from = "history";
		pt->known_chunks = k->chunks;
		memcpy(pt->known_digest, k->fsverity, sizeof k->fsverity);
		return;
	}
}
