// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored XFS volumes, with the checksums of what was changed made right again for some. What must hold of
 * any: what is held can be walked and every file read; where no checksum was mended, it is what was stored.
 */
#include "fs_patched.h"

static struct fs_tour tour = {.type = "xfs", .most = 1500};
static const bool strong_sums = true;

/* Of its own, so that the reader's is tested too. */
static void put_crc(struct patched *p, size_t at, size_t len, size_t hole)
{
	uint32_t crc = ~0u;
	if (len > p->stored - at || hole + 4 > len)
		return;
	for (size_t i = 0; i < len; i++) {
		crc ^= i >= hole && i < hole + 4 ? 0 : p->data[at + i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	patch_le32(p, at + hole, ~crc);
}

/* A record of the log: its first header but for the checksum, the headers that follow, and the data. */
static void put_log_crc(struct patched *p, size_t at)
{
	uint32_t len = get_be32(p->data + at + 12), size = get_be32(p->data + at + 320), version = get_be32(p->data + at + 8);
	size_t heads = version > 1 && size > 32768 ? (size + 32767) / 32768 : 1, total = heads * 512 + len;
	if (heads > 8 || len > 256 * 1024 || total > p->stored - at || !get_le32(p->data + at + 32))
		return;
	uint32_t crc = ~0u;
	for (size_t i = 0; i < total; i++) {
		size_t in = i < heads * 512 ? i % 512 : 0;
		if (i < heads * 512 && in >= (i < 512 ? 328 : 260))
			continue;
		crc ^= i >= 32 && i < 36 ? 0 : p->data[at + i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	patch_le32(p, at + 32, ~crc);
}

/* By its magic: how much of it the checksum covers, and where that is. */
static bool mend_block(struct patched *p, size_t block)
{
	const uint8_t *b = p->data + block;
	uint32_t size = get_be32(p->data + 4) <= 4096 ? get_be32(p->data + 4) : 4096;
	unsigned da = get_be16(b + 8);
	if (block + 4096 > p->stored || size < 512)
		return false;
	if (!memcmp(b, "XFSB", 4))
		put_crc(p, block, 512, 224);
	else if (!memcmp(b, "XAGF", 4))
		put_crc(p, block, 512, 216);
	else if (!memcmp(b, "XAGI", 4))
		put_crc(p, block, 512, 312);
	else if (!memcmp(b, "XAFL", 4))
		put_crc(p, block, 512, 32);
	else if (!memcmp(b, "IN", 2))
		put_crc(p, block, 512, 100);
	else if (!memcmp(b, "BMA3", 4))
		put_crc(p, block, size, 64);
	else if (!memcmp(b, "AB3", 3) || !memcmp(b, "IAB3", 4) || !memcmp(b, "FIB3", 4) || !memcmp(b, "R3FC", 4) ||
		 !memcmp(b, "RMB3", 4))
		put_crc(p, block, size, 52);
	else if (!memcmp(b, "XDB3", 4) || !memcmp(b, "XDD3", 4) || !memcmp(b, "XDF3", 4))
		put_crc(p, block, 4096, 4);
	else if (da == 0x3ebe || da == 0x3df1 || da == 0x3dff)
		put_crc(p, block, 4096, 12);
	else if (da == 0x3bee || !memcmp(b, "XSLM", 4) || !memcmp(b, "XARM", 4))
		put_crc(p, block, size, 12);
	else
		return false;
	return true;
}

static void mend(struct patched *p, size_t at)
{
	size_t n = 0, block = at / 512 * 512;
	for (; n < 8 && !mend_block(p, block) && block; n++)
		block -= 512;
	if (n < 8 && block)
		return;
	for (n = 0, block = at / 512 * 512; n < 72 && block; n++, block -= 512)
		if (get_be32(p->data + block) == 0xfeedbabe) {
			put_log_crc(p, block);
			return;
		}
}

static size_t log_start, log_sectors;

static uint8_t *log_at(uint8_t *image, size_t sector)
{
	return image + log_start + sector * 512;
}
static uint32_t round_of(const uint8_t *sector)
{
	return get_be32(sector + (get_be32(sector) == 0xfeedbabe ? 4 : 0));
}

/* Never written, by its looks: of the round before, and more of it changed than that number. */
static bool is_lost(const struct patched *p, uint8_t *stored, size_t sector, size_t own)
{
	return round_of(log_at(p->data, sector)) == round_of(log_at(stored, 0)) - 1 &&
	       memcmp(log_at(p->data, sector) + own, log_at(stored, sector) + own, 512 - own);
}

/*
 * Of the eight records that may have been written at once, any sector may never have been: then the log ends before
 * that record, for a kernel too.
 */
static bool log_ends_earlier(const struct patched *p, uint8_t *plain)
{
	size_t records[8], n = 0, end = 0;
	bool lost = false;
	autofree uint8_t *stored = patch_as_stored(p);
	uint64_t fsb = get_be64(stored + 48), ag = fsb >> stored[124], block = fsb & ((1ull << stored[124]) - 1);
	log_start = (size_t)(ag * get_be32(stored + 84) + block) << stored[120];
	log_sectors = ((size_t)get_be32(stored + 96) << stored[120]) / 512;
	uint32_t round = round_of(log_at(stored, 0));
	for (; end < log_sectors && round_of(log_at(stored, end)) == round; end++)
		if (get_be32(log_at(stored, end)) == 0xfeedbabe)
			records[n++ % 8] = end;
	for (size_t k = n < 8 ? 0 : n - 8; k < n; k++) {
		size_t from = records[k % 8], next = k + 1 < n ? records[(k + 1) % 8] : end;
		for (size_t s = from; s < next; s++)
			lost |= is_lost(p, stored, s, s == from ? 8 : 4);
		/* The last that `plain` has. */
		if (round_of(log_at(plain, from)) != round || (k + 1 < n && round_of(log_at(plain, next)) == round))
			continue;
		for (size_t s = from; s < next && lost; s++) {
			memset(log_at(plain, s), 0, 512);
			for (unsigned i = 0; i < 4; i++)
				log_at(plain, s)[i] = (uint8_t)((round - 1) >> (24 - 8 * i));
		}
		return lost;
	}
	return false;
}
static bool (*const ends_earlier)(const struct patched *p, uint8_t *plain) = log_ends_earlier;

PATCHES_MAIN(240, "fixtures/xfs/*.zst")
