// SPDX-License-Identifier: GPL-3.0-or-later
/* Data and the tree of its checksums, one a sector; of what a crash left in the log, the log's. */
#include "btrfs.h"

void btrfs_sums_end(struct btrfs_sums *s)
{
	btrfs_cursor_end(&s->at);
	s->end = s->start = 0;
}

const struct btrfs_log_sum *btrfs_log_sum(const struct btrfs *fs, uint64_t logical)
{
	size_t low = 0, high = fs->log_sums.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (fs->log_sums.items[mid].start <= logical)
			low = mid + 1;
		else
			high = mid;
	}
	const struct btrfs_log_sum *l = low ? &fs->log_sums.items[low - 1] : NULL;
	return l && (logical - l->start) / fs->sector < l->count ? l : NULL;
}

/* Puts s at the checksum of logical. 1 there is one, 0, -1. */
static int find_sum(struct btrfs *fs, struct btrfs_sums *s, uint64_t logical, struct error *e)
{
	struct btrfs_key key = {BTRFS_CSUM_OBJECT, KEY_CSUM, logical};
	const struct btrfs_tree *t = btrfs_tree_by_id(fs, BTRFS_CSUM_TREE);
	/* The log's are of this generation: they win. */
	const struct btrfs_log_sum *l = btrfs_log_sum(fs, logical);
	if (l) {
		s->start = l->start;
		s->end = l->start + l->count * fs->sector;
		s->data = l->data;
		return s->log = true;
	}
	if (!s->log && logical >= s->start && logical < s->end)
		return 1;
	s->log = false;
	s->start = s->end = 0;
	if (!t)
		return 0;
	int rc;
	/* Mostly it is the next item. */
	if (s->at.base && (rc = btrfs_next(&s->at, e)) != 0) {
		if (rc < 0)
			return -1;
		if (btrfs_key_cmp(&s->at.key, &key))
			rc = btrfs_seek_back(&s->at, fs, t, &key, e);
	} else {
		rc = btrfs_seek_back(&s->at, fs, t, &key, e);
	}
	if (rc <= 0)
		return rc;
	if (s->at.key.objectid != BTRFS_CSUM_OBJECT || s->at.key.type != KEY_CSUM ||
	    (logical - s->at.key.offset) / fs->sector >= s->at.size / fs->sum_bytes)
		return 0;
	s->start = s->at.key.offset;
	s->end = s->start + s->at.size / fs->sum_bytes * (uint64_t)fs->sector;
	s->data = s->at.data;
	return 1;
}

int btrfs_sums_cover(struct btrfs *fs, struct btrfs_sums *s, uint64_t logical, uint64_t len, struct error *e)
{
	int rc = 1;
	for (uint64_t end = logical + len; rc > 0 && logical < end; logical = s->log ? logical + fs->sector : s->end)
		rc = find_sum(fs, s, logical, e);
	return rc;
}

/* Of a sector whose first copy, at `place`, is damaged. */
static int read_other(struct btrfs *fs, uint64_t logical, uint64_t place, unsigned copies, uint8_t *data,
		      const uint8_t *want, struct error *e)
{
	for (unsigned m = 1; m < copies; m++) {
		uint64_t other;
		if (btrfs_place(fs, logical, fs->sector, m, &other, &copies, e) < 0 ||
		    source_read_at(fs->src, other, data, fs->sector, e) < 0)
			return -1;
		if (btrfs_sum_holds(fs, data, fs->sector, want)) {
			fs->bad_copies++;
			return 0;
		}
	}
	return btrfs_bad(e, (int64_t)place, "data with a wrong checksum at the logical address %llu",
			 (unsigned long long)logical);
}

int btrfs_data_read(struct btrfs *fs, struct btrfs_sums *s, uint64_t logical, void *buf, uint64_t len, bool summed,
		    struct error *e)
{
	uint64_t place;
	unsigned copies;
	uint8_t *p = buf;
	if (btrfs_place(fs, logical, len, 0, &place, &copies, e) < 0 ||
	    source_read_at(fs->src, place, buf, (size_t)len, e) < 0)
		return -1;
	for (uint64_t at = logical; summed && at < logical + len;) {
		int rc = find_sum(fs, s, at, e);
		if (rc < 0)
			return -1;
		if (!rc)
			return btrfs_bad(e, (int64_t)(place + (at - logical)),
					 "data at the logical address %llu should have a checksum and has none",
					 (unsigned long long)at);
		/* The log's runs may overlap those of the tree. */
		uint64_t end = fs->log_sums.count ? at + fs->sector : s->end;
		const uint8_t *want = s->data + (at - s->start) / fs->sector * fs->sum_bytes;
		end = end < logical + len ? end : logical + len;
		uint64_t count = (end - at) / fs->sector, good = btrfs_sums_hold(fs, p, count, want);
		if (good < count) {
			uint64_t skip = good * fs->sector;
			if (read_other(fs, at + skip, place + (at + skip - logical), copies, p + skip,
				       want + good * fs->sum_bytes, e) < 0)
				return -1;
			good++;
		}
		at += good * fs->sector;
		p += good * fs->sector;
	}
	return 0;
}
