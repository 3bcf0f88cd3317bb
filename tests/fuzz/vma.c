// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile Proxmox VE backups. Checksums of headers are also made right again, so that what is behind them is met, and
 * the end is taken away. What must hold of any input: what was opened can be read to the end.
 */
#include "../unit/clone_help.h"
#include "mutate.h"

static void check_one(uint8_t *p, size_t len)
{
	struct bytes b = {p, len};
	struct opened_image o = image_of("vma", &b);
	char hex[65];
	for (size_t i = 0; !o.rc && i < o.im.disks.count; i++)
		if (source_size(o.im.disks.items[i].source) > 64 * MIB || disk_digest(o.im.disks.items[i].source, hex))
			abort(); /* more clusters than the file has, or one that can't be read */
	image_shut(&o);
}

static void md5_again(uint8_t *p, size_t len, size_t at)
{
	struct error e;
	uint8_t sum[DIGEST_MAX];
	struct digest *d = digest_new(DIGEST_MD5, &e);
	memset(p + at, 0, 16);
	digest_update(d, p, len);
	NEED(!digest_final(d, sum, &e));
	memcpy(p + at, sum, 16);
	digest_destroy(d);
}

static void repair(uint8_t *p, size_t len)
{
	size_t at = len >= 12288 ? get_be32(p + 56) : 0;
	if (at < 12288 || at > len)
		return;
	md5_again(p, at, 32);
	for (; at + 512 <= len; at += 512 + 4096 * (size_t)get_be16(p + at + 6))
		md5_again(p + at, 512, 24);
}

/* Extents come in any order: one without blocks that is the last goes in front, so that the file ends in blocks. */
static void turn_round(uint8_t *p, size_t len)
{
	uint8_t none[512];
	const size_t first = len >= 12288 ? get_be32(p + 56) : 0;
	size_t last = first;
	if (first < 12288 || first > len)
		return;
	for (size_t at = first; at + 512 <= len; at += 512 + 4096 * (size_t)get_be16(p + at + 6))
		last = at;
	if (last == first || last + 512 != len)
		return;
	memcpy(none, p + last, 512);
	memmove(p + first + 512, p + first, last - first);
	memcpy(p + first, none, 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree uint8_t *copy = malloc(size + 1);
	NEED(copy);
	memcpy(copy, data, size);
	check_one(copy, size);
	repair(copy, size);
	check_one(copy, size);
	turn_round(copy, size);
	/* libFuzzer hardly ever takes only the end away. In a block of its own: a sanitizer sees one byte too many. */
	size_t left = size - (size_t)(hash_bytes(data, size) % (size / 4 + 1));
	autofree uint8_t *cut = malloc(left + 1);
	NEED(cut);
	memcpy(cut, copy, left);
	check_one(cut, left);
	return 0;
}

MUTATE_MAIN(700, "fixtures/vma/*.vma")
