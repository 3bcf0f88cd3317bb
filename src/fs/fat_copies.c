// SPDX-License-Identifier: GPL-3.0-or-later
/* The copies of the FAT are written together: where they differ, one of them is damaged. */
#include "fat.h"

#define CHUNK (64 * KIB)

int fat_judge_copies(const struct fat *fs, const char *subject, struct findings *f,
		     const struct budget *b, struct error *e)
{
	if (!fs->mirrored || fs->copies < 2) {
		fat_finding(f, "fat.copies", subject, OUTCOME_SKIPPED, -1,
			    fs->mirrored ? "there is only one FAT" : "mirroring of the FATs is off");
		return 0;
	}
	autofree uint8_t *first = malloc(CHUNK), *other = malloc(CHUNK);
	if (!first || !other)
		return error_nomem(e);
	unsigned bad = 0;
	for (unsigned copy = 1; copy < fs->copies; copy++) {
		uint64_t done = 0, at = fs->fat_at + copy * fs->fat_bytes;
		while (done < fs->used_bytes) {
			uint64_t left = fs->used_bytes - done;
			size_t n = left < CHUNK ? (size_t)left : CHUNK, i = 0;
			if (b && budget_check(b, e) < 0)
				return -1;
			if (source_read_at(fs->src, fs->fat_at + done, first, n, e) < 0 ||
			    source_read_at(fs->src, at + done, other, n, e) < 0) {
				if (e->cls != ERROR_CORRUPT)
					return -1;
				bad++;
				finding_error(f, PROOF_STRUCTURE, "fat.copies", subject, e);
				break;
			}
			if (memcmp(first, other, n)) {
				while (first[i] == other[i])
					i++;
				bad++;
				fat_finding(f, "fat.copies", subject, OUTCOME_BROKEN, at + done + i,
					    "copy %u of the FAT differs from the first, from byte %llu on",
					    copy + 1, (unsigned long long)(done + i));
				break;
			}
			done += n;
		}
	}
	if (!bad)
		fat_finding(f, "fat.copies", subject, OUTCOME_HELD, -1,
			    "%u copies of the FAT, %llu bytes each, are alike", fs->copies,
			    (unsigned long long)fs->used_bytes);
	return 0;
}
