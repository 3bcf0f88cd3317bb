// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * All data that has checksums, in the order of the checksum tree (which is that of chunks), every copy. The
 * checksum tree has no item for data that is no longer in use.
 */
#include "btrfs.h"

#define RUN_BYTES (512 * 1024)
#define BAD_MAX 1000 /* told one by one up to there; then it is enough */

struct scrub {
	struct btrfs *fs;
	const char *subject;
	struct findings *f;
	const struct budget *b;
	uint8_t *buf;
	uint64_t bytes, bad, repairable;
};

static void tell(struct scrub *s, uint64_t logical, uint64_t place, bool other)
{
	s->bad++;
	s->repairable += other;
	btrfs_finding(s->f, "btrfs.data", s->subject, OUTCOME_BROKEN, place,
		      "data at the logical address %llu has a wrong checksum%s", (unsigned long long)logical,
		      other ? "; another copy is whole" : "");
}

/* One copy of a run whose checksums are at `sums`. */
static int scrub_copy(struct scrub *s, uint64_t logical, uint64_t bytes, const uint8_t *sums, unsigned mirror,
		      unsigned copies, struct error *e)
{
	struct btrfs *fs = s->fs;
	uint64_t place;
	unsigned unused;
	if (btrfs_place(fs, logical, bytes, mirror, &place, &unused, e) < 0 ||
	    source_read_at(fs->src, place, s->buf, (size_t)bytes, e) < 0)
		return -1;
	for (uint64_t at = 0; at < bytes; at += fs->sector) {
		const uint8_t *want = sums + at / fs->sector * fs->sum_bytes;
		at += btrfs_sums_hold(fs, s->buf + at, (bytes - at) / fs->sector, want) * fs->sector;
		if (at == bytes)
			break;
		bool other = false;
		uint8_t again[65536];
		for (unsigned m = 0; m < copies && !other; m++) {
			uint64_t there;
			if (m == mirror || btrfs_place(fs, logical + at, fs->sector, m, &there, &unused, e) < 0 ||
			    source_read_at(fs->src, there, again, fs->sector, e) < 0)
				continue;
			other = btrfs_sum_holds(fs, again, fs->sector, sums + at / fs->sector * fs->sum_bytes);
		}
		tell(s, logical + at, place + at, other);
	}
	s->bytes += bytes;
	return 0;
}

/* 0, also when what was found is damage and told. */
static int scrub_run(struct scrub *s, uint64_t logical, uint64_t bytes, const uint8_t *sums, struct error *e)
{
	struct btrfs *fs = s->fs;
	while (bytes && s->bad < BAD_MAX) {
		uint64_t n = bytes < RUN_BYTES ? bytes : RUN_BYTES, place;
		unsigned copies = 0;
		int rc = s->b ? budget_check(s->b, e) : 0;
		if (rc < 0)
			return -1;
		const struct btrfs_chunk *c = btrfs_chunk_of(fs, logical);
		if (c && n > c->length - (logical - c->logical)) /* it goes on in the next */
			n = c->length - (logical - c->logical);
		rc = btrfs_place(fs, logical, n, 0, &place, &copies, e);
		for (unsigned m = 0; m < copies && !rc; m++)
			rc = scrub_copy(s, logical, n, sums, m, copies, e);
		if (rc < 0) {
			if (e->cls != ERROR_CORRUPT)
				return -1;
			s->bad++;
			finding_error(s->f, PROOF_STRUCTURE, "btrfs.data", s->subject, e);
		}
		logical += n;
		bytes -= n;
		sums += n / fs->sector * fs->sum_bytes;
	}
	return 0;
}

static int scrub_all(struct scrub *s, struct error *e)
{
	struct btrfs *fs = s->fs;
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_CSUM_OBJECT, KEY_CSUM, 0};
	const struct btrfs_tree *t = btrfs_tree_by_id(fs, BTRFS_CSUM_TREE);
	int rc = t ? btrfs_seek(&c, fs, t, &from, e) : 0;
	for (; rc > 0 && s->bad < BAD_MAX; rc = btrfs_next(&c, e)) {
		uint64_t count = c.size / fs->sum_bytes;
		if (c.key.objectid == BTRFS_CSUM_OBJECT && c.key.type == KEY_CSUM &&
		    scrub_run(s, c.key.offset, count * fs->sector, c.data, e) < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	vec_each(&fs->log_sums, l)
	{
		if (scrub_run(s, l->start, l->count * fs->sector, l->data, e) < 0)
			return -1;
	}
	return 0;
}

int btrfs_scrub(void *self, const char *subject, struct findings *f, const struct budget *b, struct error *e)
{
	struct btrfs_view *v = self;
	struct scrub s = {.fs = v->fs, .subject = subject, .f = f, .b = b, .buf = malloc(RUN_BYTES)};
	if (!s.buf)
		return error_nomem(e);
	int rc = scrub_all(&s, e);
	free(s.buf);
	if (rc < 0)
		return -1;
	if (!s.bad)
		btrfs_finding(f, "btrfs.data", subject, OUTCOME_HELD, -1, "%llu bytes of data match their checksums",
			      (unsigned long long)s.bytes);
	return 0;
}
