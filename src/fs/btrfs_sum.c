// SPDX-License-Identifier: GPL-3.0-or-later
/* The checksums of btrfs: CRC-32C, xxHash64 (seed 0), SHA-256, BLAKE2b of 256 bits (RFC 7693). */
#include <openssl/sha.h>

#include "backproof/crc32c.h"
#include "backproof/xxh64.h"
#include "btrfs.h"

enum { SUM_CRC32C, SUM_XXHASH, SUM_SHA256, SUM_BLAKE2 };

static const struct {
	const char *name;
	unsigned bytes;
} sums[] = {{"crc32c", 4}, {"xxhash64", 8}, {"sha256", 32}, {"blake2b", 32}};

unsigned btrfs_sum_bytes(unsigned type)
{
	return type < ARRAY_SIZE(sums) ? sums[type].bytes : 0;
}

const char *btrfs_sum_name(unsigned type)
{
	return type < ARRAY_SIZE(sums) ? sums[type].name : "?";
}

static inline uint64_t rotate_left(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static const uint64_t blake_iv[8] = {
	UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
	UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
	UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};
static const uint8_t blake_order[10][16] = {
	{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
	{11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
	{9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
	{12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
	{6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline void blake_mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
	v[a] += v[b] + x;
	v[d] = rotate_left(v[d] ^ v[a], 32);
	v[c] += v[d];
	v[b] = rotate_left(v[b] ^ v[c], 40);
	v[a] += v[b] + y;
	v[d] = rotate_left(v[d] ^ v[a], 48);
	v[c] += v[d];
	v[b] = rotate_left(v[b] ^ v[c], 1);
}

static void blake_block(uint64_t h[8], const uint8_t *p, uint64_t total, bool last)
{
	uint64_t v[16], m[16];
	for (int i = 0; i < 8; i++) {
		v[i] = h[i];
		v[i + 8] = blake_iv[i];
	}
	v[12] ^= total;
	if (last)
		v[14] = ~v[14];
	for (int i = 0; i < 16; i++)
		m[i] = get_le64(p + 8 * i);
	for (int r = 0; r < 12; r++) {
		const uint8_t *o = blake_order[r % 10];
		for (int i = 0; i < 4; i++)
			blake_mix(v, i, i + 4, i + 8, i + 12, m[o[2 * i]], m[o[2 * i + 1]]);
		for (int i = 0; i < 4; i++)
			blake_mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[o[8 + 2 * i]],
				  m[o[9 + 2 * i]]);
	}
	for (int i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

static void put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void blake2b_256(const void *data, size_t len, uint8_t out[32])
{
	const uint8_t *p = data;
	uint64_t h[8], total = 0;
	uint8_t tail[128] = {0};
	memcpy(h, blake_iv, sizeof h);
	h[0] ^= 0x01010000 ^ 32;
	for (; len > 128; len -= 128, p += 128)
		blake_block(h, p, total += 128, false);
	if (len)
		memcpy(tail, p, len);
	blake_block(h, tail, total + len, true);
	for (int i = 0; i < 4; i++)
		put_le64(out + 8 * i, h[i]);
}

void btrfs_sum(unsigned type, const void *p, size_t len, uint8_t out[32])
{
	memset(out, 0, 32);
	switch (type) {
	case SUM_CRC32C: {
		uint32_t c = crc32c(p, len);
		for (int i = 0; i < 4; i++)
			out[i] = (uint8_t)(c >> 8 * i);
		break;
	}
	case SUM_XXHASH:
		put_le64(out, xxh64(p, len));
		break;
	case SUM_SHA256:
		SHA256(p, len, out);
		break;
	default:
		blake2b_256(p, len, out);
	}
}

#ifdef __x86_64__
/* The instruction takes three cycles and can begin each cycle: sectors are independent, so take four at a time. */
__attribute__((target("sse4.2"))) static void crc32c_four(const uint8_t *p, size_t sector, uint32_t out[4])
{
	uint64_t c[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, v[4];
	for (size_t i = 0; i < sector; i += 8) {
		memcpy(&v[0], p + i, 8);
		memcpy(&v[1], p + sector + i, 8);
		memcpy(&v[2], p + 2 * sector + i, 8);
		memcpy(&v[3], p + 3 * sector + i, 8);
		c[0] = __builtin_ia32_crc32di(c[0], v[0]);
		c[1] = __builtin_ia32_crc32di(c[1], v[1]);
		c[2] = __builtin_ia32_crc32di(c[2], v[2]);
		c[3] = __builtin_ia32_crc32di(c[3], v[3]);
	}
	for (int i = 0; i < 4; i++)
		out[i] = ~(uint32_t)c[i];
}
#endif

uint64_t btrfs_sums_hold(const struct btrfs *fs, const uint8_t *data, uint64_t count, const uint8_t *want)
{
	uint64_t done = 0;
#ifdef __x86_64__
	if (fs->sum_type == SUM_CRC32C && __builtin_cpu_supports("sse4.2"))
		for (; count - done >= 4; done += 4) {
			uint32_t sum[4];
			crc32c_four(data + done * fs->sector, fs->sector, sum);
			for (unsigned i = 0; i < 4; i++)
				if (sum[i] != get_le32(want + 4 * (done + i)))
					return done + i;
		}
#endif
	while (done < count && btrfs_sum_holds(fs, data + done * fs->sector, fs->sector, want + done * fs->sum_bytes))
		done++;
	return done;
}
