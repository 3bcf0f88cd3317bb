// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A driver of a file system by changes to stored volumes: has `static struct fs_tour tour`, mend() and
 * `strong_sums`: metadata has checksums of 32 bits at least, which no mutant meets by chance. Beside what fs_tour.h
 * demands: where metadata carries such checksums and none was made right again, what is HELD has the names, sizes and
 * times that the stored volume has.
 */
#ifndef FUZZ_FS_PATCHED_H
#define FUZZ_FS_PATCHED_H

#include "changes.h"

static const bool strong_sums;

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
	/* A log with asynchronous commits ends, for a kernel too, where a commit block is torn. */
	if (tour.held && tour.told && tour.checksums && strong_sums && !p->mended && !strstr(p->path, "async") &&
	    tour.listing != truths[p->which].listing) {
		fprintf(stderr, "%s: HELD, but other names, sizes or times than were stored\n", p->path);
		abort();
	}
}

#ifdef BACKPROOF_SWEEP
#include "sweep.h"
#endif

#endif
