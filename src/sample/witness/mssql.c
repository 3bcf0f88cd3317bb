// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * SQL Server data files: pages of 8 KiB whose header says (flag 0x200) that it holds a checksum. A match on every
 * page proves the file. A mismatch is told and counts for nothing: the file of a running server that was copied without
 * its log may hold pages half written, which recovery mends.
 */
#include "rows.h"

#define PAGE 8192u
#define CHUNK (32 * PAGE)
#define FLAG_CHECKSUM 0x200u
#define CHECKSUM_AT 60u

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	static const char *const suffixes[] = {".mdf", ".ndf", NULL};
	/* Header version 1, page type 15: the file's header page. */
	return len >= 16 && head[0] == 1 && head[1] == 15 && witness_suffix(path, suffixes);
}

/* Each of 16 sectors is folded by XOR, turned left by 15 less its number, and folded into the whole. */
static uint32_t page_checksum(const uint8_t *page)
{
	uint32_t sum = 0;
	for (unsigned sector = 0; sector < 16; sector++) {
		uint32_t part = 0;
		for (size_t i = sector * 512; i < (sector + 1) * 512; i += 4)
			part ^= i == CHECKSUM_AT ? 0 : get_le32(page + i);
		unsigned turn = 15 - sector;
		sum ^= turn ? part << turn | part >> (32 - turn) : part;
	}
	return sum;
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	autofree uint8_t *buf = malloc(CHUNK);
	uint64_t held = 0;
	if (!buf) {
		error_nomem(e);
		return OUTCOME_UNPROVEN;
	}
	for (uint64_t at = 0; at + PAGE <= size;) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) / PAGE * PAGE : CHUNK;
		if (witness_read(fd, size, at, buf, n, e) < 0)
			return witness_failed(path, e);
		for (size_t i = 0; i < n; i += PAGE) {
			const uint8_t *page = buf + i;
			if (!(get_le16(page + 4) & FLAG_CHECKSUM))
				continue;
			if (page_checksum(page) == get_le32(page + CHECKSUM_AT)) {
				held++;
				continue;
			}
			error_set(e, ERROR_CORRUPT, (int64_t)(at + i),
				  "SQL Server: the checksum of page %llu does not match",
				  (unsigned long long)((at + i) / PAGE));
			return OUTCOME_SKIPPED;
		}
		at += n;
	}
	if (held)
		return OUTCOME_HELD;
	error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "SQL Server: no page carries a checksum");
	return OUTCOME_SKIPPED;
}

const struct witness witness_mssql = {"mssql", recognise, check};
