// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored exFAT volumes, with the checksums of boot regions and of sets of entries made right again for
 * some. What must hold of any: what is called HELD can be walked, and each of its files read to a clean end.
 */
#include "fs_patched.h"

static struct fs_tour tour = {.type = "exfat", .most = 150};
static const bool strong_sums = false; /* 16 bits */

static uint32_t sum32(uint32_t sum, const uint8_t *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (i != 106 && i != 107 && i != 112)
			sum = (sum << 31 | sum >> 1) + p[i];
	return sum;
}

static void mend(struct patched *p, size_t at)
{
	size_t sector = p->data[108] >= 9 && p->data[108] <= 12 ? (size_t)1 << p->data[108] : 512, region = 12 * sector;
	if (at < 2 * region) {
		size_t start = at / region * region;
		uint32_t sum = sum32(0, p->data + start, 0, 11 * sector);
		for (size_t i = 0; i < sector; i += 4)
			patch_le32(p, start + 11 * sector + i, sum);
		return;
	}
	/* A set of entries: its first one is at most 18 before. */
	for (size_t first = at / 32 * 32, n = 0; n < 19 && first >= 32; n++, first -= 32) {
		const uint8_t *e = p->data + first;
		size_t len = (e[1] + 1u) * 32;
		if (e[0] != 0x85)
			continue;
		if (e[1] < n || e[1] > 18 || len > p->stored - first)
			return;
		uint16_t sum = 0;
		for (size_t i = 0; i < len; i++)
			if (i != 2 && i != 3)
				sum = (uint16_t)((uint16_t)(sum << 15 | sum >> 1) + e[i]);
		patch_write(p, first + 2, (uint8_t[]){(uint8_t)sum, (uint8_t)(sum >> 8)}, 2);
		return;
	}
}

PATCHES_MAIN(500, "fixtures/exfat/*.img.zst")
