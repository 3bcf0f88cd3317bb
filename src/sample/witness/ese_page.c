// SPDX-License-Identifier: GPL-3.0-or-later
#include "ese.h"

#define FLAG_ECC 0x2000u   /* the page carries the new form of checksum */
#define SMALL_PAGE 8192u   /* larger ones have four blocks, each with a checksum of its own */
#define MORE_CHECKSUMS 40u /* where a large page keeps those of its second to fourth block */

static uint32_t xor_words(const uint8_t *p, size_t from, size_t to)
{
	uint32_t sum = 0;
	for (size_t i = from; i < to; i += 4)
		sum ^= get_le32(p + i);
	return sum;
}

bool ese_is_header(const uint8_t *head, size_t len)
{
	return len >= 16 && get_le32(head + 4) == ESE_MAGIC && get_le32(head + 8) == 0x620 && get_le32(head + 12) <= 1;
}

int ese_header_read(const uint8_t *p, struct ese_header *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	if (get_le32(p + 4) != ESE_MAGIC)
		return error_set(e, ERROR_CORRUPT, 4, "no signature of an ESE database");
	out->version = get_le32(p + 8);
	out->stream = get_le32(p + 12) == 1;
	out->state = get_le32(p + 52);
	out->unshadowed = get_le32(p + 208);
	out->revision = get_le32(p + 232);
	out->page_size = get_le32(p + 236);
	out->log_low = get_le32(p + 296);
	out->log_high = get_le32(p + 300);
	if (!out->page_size && out->revision < 9)
		out->page_size = 4096; /* older ones knew no other */
	if (out->page_size < 2048 || out->page_size > ESE_PAGE_MAX || (out->page_size & (out->page_size - 1)))
		return error_set(e, ERROR_CORRUPT, 236, "ESE: page size %u is none", out->page_size);
	if (out->state < ESE_JUST_CREATED || out->state > ESE_FORCED)
		return error_set(e, ERROR_CORRUPT, 52, "ESE: state %u is none", out->state);
	return 0;
}

bool ese_header_held(const uint8_t *p, uint32_t page_size)
{
	uint32_t wanted = get_le32(p) ^ ESE_MAGIC;
	if (page_size >= 4 && page_size <= ESE_PAGE_MAX && xor_words(p, 4, page_size) == wanted)
		return true;
	return page_size > ESE_HEADER && xor_words(p, 4, ESE_HEADER) == wanted;
}

/*
 * The low half: XOR of all words, and the page's number. The high half: of the positions of all bits that are set,
 * counted from the block's first, XOR of them (low 16 bits) and of their complements (high 16), so that one flipped
 * bit shows where it is. The place of the checksum itself counts as zeros.
 */
uint64_t ese_checksum(const uint8_t *block, size_t size, uint32_t number, bool first)
{
	uint32_t sum = 0, words = 0, bits = 0, limit = (uint32_t)size * 8 - 1;
	for (size_t i = first ? 8 : 0; i < size; i += 4) {
		uint32_t w = get_le32(block + i);
		sum ^= w;
		if (__builtin_parity(w))
			words ^= (uint32_t)(i / 4);
	}
	for (uint32_t k = 0; k < 32; k++)
		if (sum >> k & 1)
			bits ^= k;
	uint32_t place = words << 5 | bits;
	uint32_t complement = (__builtin_parity(sum) ? ~place : place) & limit;
	return (uint64_t)(complement << 16 | place) << 32 | (sum ^ number);
}

static uint32_t block_size(uint32_t page)
{
	return page <= SMALL_PAGE ? page : page <= 16 * KIB ? 4096 : 8192;
}

/* Offset in the page of the one bit whose flip makes the two differ, or -1. */
static int64_t single_bit(uint64_t stored, uint64_t counted, uint32_t size)
{
	uint32_t diff = (uint32_t)(stored >> 32) ^ (uint32_t)(counted >> 32);
	uint32_t place = diff & 0xffff, limit = size * 8 - 1;
	uint32_t column = (uint32_t)stored ^ (uint32_t)counted;
	if ((diff >> 16 ^ place) != limit || place > limit || column != UINT32_C(1) << place % 32)
		return -1;
	return (int64_t)place / 8;
}

static int check_ecc(const uint8_t *page, uint32_t size, uint32_t number, int64_t at, struct error *e)
{
	uint32_t block = block_size(size);
	for (uint32_t off = 0, i = 0; off < size; off += block, i++) {
		uint64_t stored = get_le64(i ? page + MORE_CHECKSUMS + 8 * (size_t)(i - 1) : page);
		uint64_t counted = ese_checksum(page + off, block, number, !i);
		if (stored == counted)
			continue;
		int64_t bit = single_bit(stored, counted, block);
		return error_set(e, ERROR_CORRUPT, at + off + (bit > 0 ? bit : 0),
				 bit >= 0 ? "ESE: page %u: one bit is wrong (ECC)"
					  : "ESE: page %u: checksum is %016llx, stored is %016llx",
				 number, (unsigned long long)counted, (unsigned long long)stored);
	}
	return 0;
}

enum ese_page ese_page_check(const uint8_t *page, uint32_t size, uint32_t number, uint32_t links[2], struct error *e)
{
	int64_t at = ((int64_t)number + 1) * size;
	links[0] = links[1] = 0;
	if (is_zero(page, size))
		return ESE_PAGE_EMPTY;
	/* Large pages came after the old form. */
	if (size > SMALL_PAGE || get_le32(page + 36) & FLAG_ECC) {
		if (check_ecc(page, size, number, at, e) < 0)
			return ESE_PAGE_BROKEN;
	} else if ((xor_words(page, 4, size) ^ ESE_MAGIC) != get_le32(page)) {
		error_set(e, ERROR_CORRUPT, at, "ESE: page %u: checksum is %08x, stored is %08x", number,
			  xor_words(page, 4, size) ^ ESE_MAGIC, get_le32(page));
		return ESE_PAGE_BROKEN;
	} else if (get_le32(page + 4) != number) {
		error_set(e, ERROR_CORRUPT, at, "ESE: page %u says that it is page %u", number, get_le32(page + 4));
		return ESE_PAGE_BROKEN;
	}
	links[0] = get_le32(page + 16);
	links[1] = get_le32(page + 20);
	return ESE_PAGE_HELD;
}
