// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A driver of a file system by changes to stored volumes: has `static struct fs_tour tour`, mend() and
 * `strong_sums`: metadata has checksums of 32 bits at least, which no mutant meets by chance. Beside what fs_tour.h
 * demands: where metadata carries such checksums and none was made right again, what is HELD has the names, sizes and
 * times that the stored volume has. A driver may know that a log ends earlier for anybody: `ends_earlier`.
 */
#ifndef FUZZ_FS_PATCHED_H
#define FUZZ_FS_PATCHED_H

#include "changes.h"

static const bool strong_sums;
/*
 * Takes the last transaction of the log out of `plain`, of what was stored, where the changes are such that nobody
 * can tell that it was ever written whole; false: it must be noticed, or there is none.
 */
static bool (*const ends_earlier)(const struct patched *p, uint8_t *plain);

/* Whether what was found is what was stored, or what that was some transactions before. */
static bool was_stored(const struct patched *p, uint64_t truth)
{
	uint64_t listing = tour.listing;
	autofree uint8_t *plain = NULL;
	while (listing != truth) {
		if (!plain)
			plain = patch_as_stored(p);
		if (!ends_earlier || !ends_earlier(p, plain))
			return false;
		fs_tour(&tour, plain, p->stored);
		truth = tour.listing;
	}
	return true;
}

static void look_at(const struct patched *p)
{
	static struct truth {
		uint64_t listing;
		bool known;
	} truths[256];
	if (!truths[p->which].known) {
		truths[p->which].known = true;
		autofree uint8_t *plain = patch_as_stored(p);
		fs_tour(&tour, plain, p->stored);
		truths[p->which].listing = tour.listing;
		if (!tour.held && !strstr(p->path, "stale") && !strstr(p->path, "corpus")) {
			fprintf(stderr, "%s is not HELD as it was stored\n", p->path);
			abort();
		}
	}
	fs_tour(&tour, p->data, p->size);
	if (tour.held && tour.told && tour.checksums && strong_sums && !p->mended &&
	    !was_stored(p, truths[p->which].listing)) {
		fprintf(stderr, "%s: HELD, but other names, sizes or times than were stored\n", p->path);
		abort();
	}
}

#ifdef BACKPROOF_SWEEP
#include "sweep.h"
#endif

#endif
