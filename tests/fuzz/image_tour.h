// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef FUZZ_IMAGE_TOUR_H
#define FUZZ_IMAGE_TOUR_H

#include "backproof/finding.h"
#include "backproof/format.h"

/*
 * Opens hostile bytes by a row. Where all is HELD the first disk can be read. excused: in errors that may be all the
 * same, unless a full check looked at it too.
 */
static int image_tour(const struct format *row, const uint8_t *data, size_t size, const char *excused)
{
	struct image im = {0};
	struct findings f;
	struct error e = {0};
	static uint8_t buf[96 * 1024 + 7];
	if (findings_init(&f) < 0)
		abort();
	struct image_context c = {.subject = "image", .f = &f};
	struct source *s = source_memory(data, size, "image", &e);
	if (!s)
		abort();
	if (row->open_image(s, &c, &im, &e) == 0) {
		struct source *d = im.disks.items[0].source;
		bool covered;
		/* Every other time what verify says does not rest on what was read before. */
		bool verified = hash_bytes(data, size) % 2 && im.ops && im.ops->verify &&
				!im.ops->verify(&im, "image", &f, NULL, &covered, &e);
		bool held = findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD;
		if (verified)
			excused = NULL;
		uint64_t total = source_size(d), read = 0;
		for (uint64_t at = 0, n; at < total && read < 8 * MIB; at += n, read += n) {
			struct extent x;
			n = total - at < sizeof buf ? total - at : sizeof buf;
			if (source_extent_at(d, at, &x, &e) == 0 && x.zero && x.length > n) {
				n = x.length;
				read++;
				continue;
			}
			if (source_read_at(d, at, buf, (size_t)n, &e) < 0 && held && !(excused && strstr(e.text, excused)))
				abort();
		}
	} else if (!e.cls) {
		abort();
	}
	image_close(&im);
	source_destroy(s);
	findings_free(&f);
	return 0;
}

#endif
