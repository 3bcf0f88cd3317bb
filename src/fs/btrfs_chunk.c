// SPDX-License-Identifier: GPL-3.0-or-later
/* Logical addresses: the chunks that the superblock lists lead to the chunk tree, which has them all. */
#include "btrfs.h"

#define TYPES UINT64_C(7)
#define STRIPED (UINT64_C(1) << 3 | UINT64_C(1) << 6 | UINT64_C(3) << 7) /* RAID0, RAID10, RAID5, RAID6 */
#define PROFILES (UINT64_C(0x7ff) & ~TYPES)
#define STRIPE_BYTES (64 * KIB)
#define CHUNKS_MAX (1u << 20) /* 1 PiB of the usual ones */

int btrfs_chunk_parse(const struct btrfs *fs, uint64_t logical, const uint8_t *p, uint32_t size,
		      struct btrfs_chunk *out, struct error *e)
{
	unsigned stripes = size >= 80 ? get_le16(p + 44) : 0;
	uint64_t end;
	*out = (struct btrfs_chunk){.logical = logical};
	if (!stripes || size != 48 + 32 * stripes)
		return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu has %u stripes in %u bytes",
				 (unsigned long long)logical, stripes, size);
	out->length = get_le64(p);
	out->type = get_le64(p + 24);
	if (!out->length || add_overflows(logical, out->length, &end) || logical % fs->sector ||
	    out->length % fs->sector || !(out->type & TYPES) || get_le64(p + 16) != STRIPE_BYTES ||
	    get_le32(p + 40) != fs->sector)
		return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu has a length of %llu and type %#llx",
				 (unsigned long long)logical, (unsigned long long)out->length,
				 (unsigned long long)out->type);
	if (out->type & ~(TYPES | PROFILES))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "btrfs: a chunk of type %#llx",
				 (unsigned long long)out->type);
	uint64_t profile = out->type & PROFILES;
	if (profile & (profile - 1))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu has two profiles (%#llx)",
				 (unsigned long long)logical, (unsigned long long)out->type);
	static const struct {
		uint64_t profile;
		unsigned stripes;
	} counts[] = {{0, 1}, {1 << 4, 2}, {1 << 5, 2}, {1 << 9, 3}, {1 << 10, 4}}; /* single, RAID1, DUP, RAID1C34 */
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (profile == counts[i].profile && stripes != counts[i].stripes)
			return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu has %u stripes, its profile %u",
					 (unsigned long long)logical, stripes, counts[i].stripes);
	if ((out->type & STRIPED) && stripes > 1) {
		if (fs->devices > 1 && !(out->type & (UINT64_C(3) << 7)))
			return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
					 "btrfs: its data is striped over %u of its %llu devices, of which this is one",
					 stripes, (unsigned long long)fs->devices);
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, 
				 "btrfs: a striped profile (%#llx), %llu devices",
				 (unsigned long long)out->type, (unsigned long long)fs->devices);
	}
	for (unsigned i = 0; i < stripes; i++) {
		const uint8_t *s = p + 48 + 32 * i;
		if (get_le64(s) != fs->device)
			continue;
		uint64_t at = get_le64(s + 8);
		if (add_overflows(at, out->length, &end) || end > fs->device_bytes)
			return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu lies beyond the end of the device",
					 (unsigned long long)logical);
		if (out->copies < BTRFS_MIRRORS) /* RAID0 and RAID10 of one stripe are as single */
			out->places[out->copies++] = at;
	}
	if (!out->copies)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
				 "btrfs: it has %llu devices, and data that is not on this one",
				 (unsigned long long)fs->devices);
	return 0;
}

/* The last chunk that does not begin behind logical. */
static size_t find_slot(const struct btrfs *fs, uint64_t logical)
{
	size_t low = 0, high = fs->chunks.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (fs->chunks.items[mid].logical <= logical)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct btrfs_chunk *btrfs_chunk_of(const struct btrfs *fs, uint64_t logical)
{
	size_t n = find_slot(fs, logical);
	const struct btrfs_chunk *c = n ? &fs->chunks.items[n - 1] : NULL;
	return c && logical - c->logical < c->length ? c : NULL;
}

int btrfs_place(const struct btrfs *fs, uint64_t logical, uint64_t len, unsigned mirror, uint64_t *place,
		unsigned *copies, struct error *e)
{
	const struct btrfs_chunk *c = btrfs_chunk_of(fs, logical);
	if (!c || len > c->length - (logical - c->logical))
		return btrfs_bad(e, ERROR_NO_OFFSET, "%llu bytes at the logical address %llu are in no chunk",
				 (unsigned long long)len, (unsigned long long)logical);
	*copies = c->copies;
	*place = c->places[mirror < c->copies ? mirror : 0] + (logical - c->logical);
	return 0;
}

static int add_chunk(struct btrfs *fs, const struct btrfs_chunk *c, struct error *e)
{
	size_t n = find_slot(fs, c->logical);
	if (fs->chunks.count >= CHUNKS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "btrfs: more than %u chunks", CHUNKS_MAX);
	if (n && fs->chunks.items[n - 1].logical == c->logical) {
		if (memcmp(&fs->chunks.items[n - 1], c, sizeof *c))
			return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu is described in two ways",
					 (unsigned long long)c->logical);
		return 0;
	}
	if ((n && c->logical - fs->chunks.items[n - 1].logical < fs->chunks.items[n - 1].length) ||
	    (n < fs->chunks.count && fs->chunks.items[n].logical - c->logical < c->length))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the chunk at %llu overlaps another",
				 (unsigned long long)c->logical);
	if (!vec_push(&fs->chunks))
		return error_nomem(e);
	struct btrfs_chunk *to = fs->chunks.items + n;
	memmove(to + 1, to, (fs->chunks.count - 1 - n) * sizeof *to);
	*to = *c;
	return 0;
}

static int add_listed(struct btrfs *fs, struct error *e)
{
	const uint8_t *p = fs->raw + 0x32b;
	uint32_t left = get_le32(fs->raw + 0xa0);
	struct btrfs_chunk c;
	while (left) {
		uint32_t need = left >= 17 + 48 ? 17 + 48 + 32u * get_le16(p + 17 + 44) : UINT32_MAX;
		if (need > left || p[8] != KEY_CHUNK)
			return btrfs_bad(e, 0x1032b, "the superblock's list of system chunks is damaged");
		struct btrfs_key key = btrfs_key_at(p);
		if (btrfs_chunk_parse(fs, key.offset, p + 17, need - 17, &c, e) < 0 || add_chunk(fs, &c, e) < 0)
			return -1;
		p += need;
		left -= need;
	}
	return 0;
}

int btrfs_chunks_open(struct btrfs *fs, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_FIRST_FREE, KEY_CHUNK, 0};
	if (add_listed(fs, e) < 0)
		return -1;
	int rc = btrfs_seek(&c, fs, &fs->chunk_tree, &from, e);
	for (; rc > 0; rc = btrfs_next(&c, e)) {
		struct btrfs_chunk chunk;
		if (c.key.objectid != BTRFS_FIRST_FREE || c.key.type != KEY_CHUNK)
			break;
		if (btrfs_chunk_parse(fs, c.key.offset, c.data, c.size, &chunk, e) < 0 || add_chunk(fs, &chunk, e) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}
