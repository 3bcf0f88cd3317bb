// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * rpm's own database, Packages.db (SUSE since 15). Little-endian; all is counted in blocks of 16 bytes. A header of 32
 * bytes: "RpmP", version 0, a generation, the number of pages of slots, the next package's number. Slots of 16 up to
 * the end of these pages, each "Slot", a package's number, where it begins and how many blocks it has; it is free
 * where it begins at 0. A package: "BlbS", its number, a time, the length of its header; the header, padded; Adler-32
 * of all that, the length again, "BlbE".
 */
#include "backproof/adler32.h"
#include "rpm.h"

#define BLOCK 16u
#define PAGE 4096u
#define SLOTS_FROM 2u /* behind the header */
#define HEAD 16u
#define TAIL 12u

static int bad(struct error *e, uint64_t at, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s", what);
}

static bool says(const uint8_t *at, const char *magic)
{
	return !memcmp(at, magic, 4);
}

static int add_package(const uint8_t *slot, const uint8_t *data, size_t from, size_t len, struct vouchers *v,
		       struct error *e)
{
	const uint8_t *head = data + from, *tail = head + len - TAIL;
	if (len < HEAD + TAIL || !says(head, "BlbS") || !says(tail + 8, "BlbE") ||
	    get_le32(head + 4) != get_le32(slot + 4))
		return bad(e, from, "a package is not where its slot says");
	uint32_t length = get_le32(head + 12);
	if (length != get_le32(tail + 4) || length > len - HEAD - TAIL || len - HEAD - TAIL - length >= BLOCK)
		return bad(e, from, "a package is not of the length that its slot says");
	if (adler32_sum(head, len - TAIL) != get_le32(tail))
		return bad(e, from, "a package's checksum does not match");
	return rpm_add_header(v, head + HEAD, length, e);
}

int rpm_read_ndb(uint8_t *data, size_t len, struct vouchers *v, struct error *e)
{
	const uint64_t blocks = len / BLOCK;
	if (len < PAGE || len % BLOCK || !says(data, "RpmP"))
		return bad(e, 0, "it is no database of packages");
	if (get_le32(data + 4) != 0)
		return error_set(e, ERROR_UNSUPPORTED, 4, "version %u of the database", get_le32(data + 4));
	const uint64_t pages = get_le32(data + 12);
	if (!pages || pages > len / PAGE)
		return bad(e, 12, "its slots reach out of it");
	uint64_t taken = pages * (PAGE / BLOCK);
	for (uint64_t i = SLOTS_FROM; i < pages * (PAGE / BLOCK); i++) {
		const uint8_t *slot = data + i * BLOCK;
		uint64_t from = get_le32(slot + 8), count = get_le32(slot + 12);
		if (!says(slot, "Slot"))
			return bad(e, i * BLOCK, "a slot is none");
		if (!from)
			continue;
		/* Were they to overlap, a small file might be read for hours. */
		taken += count;
		if (from < pages * (PAGE / BLOCK) || !count || from > blocks || count > blocks - from || taken > blocks)
			return bad(e, i * BLOCK, "a package reaches out of it");
		if (add_package(slot, data, from * BLOCK, count * BLOCK, v, e) < 0)
			return -1;
	}
	return 0;
}
