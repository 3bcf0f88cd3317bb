// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Logs of XFS said by hand: records with right checksums in place of the log of an image that was unmounted cleanly.
 * All of the log is of one round before, so that it ends behind the last record written here.
 */
#ifndef XFS_LOG_HELP_H
#define XFS_LOG_HELP_H

#include <sys/stat.h>

#include "xfs_help.h"

#define ROUND 1000u
#define LOG_OPS_MAX (256 * 1024)
enum { OP_START = 1, OP_COMMIT = 2, OP_CONTINUE = 4, OP_WAS_CONTINUED = 8, OP_END = 0x10, OP_UNMOUNT = 0x20 };

static struct image whole, im; /* as it was; as it is changed */
static uint8_t ops[LOG_OPS_MAX];
static size_t ops_length, log_head; /* log_head: the sector where the next record goes */
static uint32_t log_round, tail_round; /* tail_round: of the record at the tail */
static unsigned ops_count;
static uint32_t ops_id;

static inline void put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned k = 0; k < bytes; k++)
		p[k] = (uint8_t)(v >> 8 * k);
}
static inline void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned k = 0; k < bytes; k++)
		p[k] = (uint8_t)(v >> 8 * (bytes - 1 - k));
}

static inline void images_open(const char *path)
{
	whole = load_xfs(path);
	im.len = whole.len;
	im.data = malloc(im.len);
	NEED(whole.data && im.data);
	memcpy(im.data, whole.data, im.len);
}
static inline void images_close(void)
{
	free_image(&whole);
	free_image(&im);
}

static inline uint64_t log_start(void)
{
	return xfs_block_at(&im, get_be64(im.data + 48));
}
static inline size_t log_sectors(void)
{
	return (size_t)(((uint64_t)get_be32(im.data + 96) << im.data[120]) / 512);
}

static inline uint8_t *log_at(size_t sector)
{
	return im.data + log_start() + sector % log_sectors() * 512;
}

/* The image as it was; all of the log is of one round, and the next record goes to `from`, of another one. */
static inline void log_from(size_t from, uint32_t filled, uint32_t round)
{
	memcpy(im.data, whole.data, im.len);
	for (size_t i = 0; i < log_sectors(); i++) {
		memset(log_at(i), 0, 512);
		put_be(log_at(i), filled, 4);
	}
	log_round = tail_round = round;
	log_head = from;
	ops_length = 0;
	ops_count = 0;
	ops_id = 77;
}
static inline void log_begin(void)
{
	log_from(0, ROUND - 1, ROUND);
}

static inline void op(unsigned flags, const void *data, size_t len)
{
	NEED(ops_length + 12 + len <= sizeof ops);
	uint8_t *p = ops + ops_length;
	put_be(p, ops_id, 4);
	put_be(p + 4, len, 4);
	p[8] = 0x69;
	p[9] = (uint8_t)flags;
	p[10] = p[11] = 0;
	if (len)
		memcpy(p + 12, data, len);
	ops_length += 12 + len;
	ops_count++;
}
static inline void trans_begin(void)
{
	uint8_t head[16] = {0};
	put_le(head, 0x5452414e, 4);
	put_le(head + 8, ops_id, 4);
	op(OP_START, NULL, 0);
	op(0, head, sizeof head);
}
static inline void trans_commit(void)
{
	op(OP_COMMIT, NULL, 0);
}

/* The checksum of a record that is in its place. */
static inline void record_sum(uint8_t *h)
{
	uint32_t length = get_be32(h + 12), size = get_be32(h + 320), crc = ~0u;
	size_t heads = size > 32768 ? (size + 32767) / 32768 : 1;
	memset(h + 32, 0, 4);
	for (size_t i = 0; i < heads * 512 + length; i++) {
		size_t in = i < heads * 512 ? i % 512 : 0;
		if (i < heads * 512 && in >= (i < 512 ? 328u : 260u))
			continue;
		crc ^= h[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	put_le(h + 32, ~crc, 4);
}

/* All operations so far become a record, which may go on at the log's beginning; tail: of the log, as its sector. */
static inline uint8_t *record(size_t tail)
{
	static uint8_t h[LOG_OPS_MAX + 9 * 512];
	size_t sectors = (ops_length + 511) / 512, heads = sectors > 64 ? (sectors + 63) / 64 : 1, end = log_sectors();
	NEED(heads + sectors < end && sectors <= 512);
	memset(h, 0, sizeof h);
	put_be(h, 0xfeedbabe, 4);
	put_be(h + 4, log_round, 4);
	put_be(h + 8, 2, 4);
	put_be(h + 12, ops_length, 4);
	put_be(h + 16, (uint64_t)log_round << 32 | log_head, 8);
	put_be(h + 24, (uint64_t)tail_round << 32 | tail, 8);
	put_be(h + 36, UINT32_MAX, 4);
	put_be(h + 40, ops_count, 4);
	put_be(h + 300, 1, 4);
	memcpy(h + 304, im.data + 32, 16);
	put_be(h + 320, heads * 32768, 4);
	uint8_t *data = h + heads * 512;
	memcpy(data, ops, ops_length);
	for (size_t i = 0; i < sectors; i++)
		memcpy(i < 64 ? h + 44 + i * 4 : h + i / 64 * 512 + 4 + i % 64 * 4, data + i * 512, 4);
	for (size_t i = 1; i < heads + sectors; i++)
		put_be(h + i * 512, log_round + (log_head + i >= end), 4);
	record_sum(h);
	uint8_t *at = log_at(log_head);
	for (size_t i = 0; i < heads + sectors; i++)
		memcpy(log_at(log_head + i), h + i * 512, 512);
	log_round += log_head + heads + sectors >= end;
	log_head = (log_head + heads + sectors) % end;
	ops_length = 0;
	ops_count = 0;
	return at;
}

/* ------------------------------------------------------------------------------------------ items */

/* A buffer of `len` bytes at byte `place`, from which `size` bytes from `at` on are logged; multiples of 128. */
static inline void log_buffer(uint64_t place, size_t len, unsigned flags, unsigned type, size_t at, const void *data,
			      size_t size)
{
	uint8_t item[20 + 64] = {0};
	size_t words = (len / 128 + 31) / 32;
	NEED(words <= 16);
	put_le(item, 0x123c, 2);
	put_le(item + 2, size ? 2 : 1, 2);
	put_le(item + 4, flags | type << 11, 2);
	put_le(item + 6, len / 512, 2);
	put_le(item + 8, place / 512, 8);
	put_le(item + 16, words, 4);
	for (size_t k = at / 128; k < (at + size) / 128; k++)
		item[20 + k / 8] |= (uint8_t)(1 << k % 8);
	op(0, item, 20 + words * 4);
	if (size)
		op(0, data, size);
}

/* The core of an inode as the log has it. */
static inline void core_of(uint64_t number, uint8_t core[176])
{
	static const uint8_t fields[][2] = {{0, 2},   {2, 2},	{8, 4},	  {12, 4},  {16, 4},  {20, 2},	{22, 2},  {24, 8},
					    {32, 8},  {40, 8},	{48, 8},  {56, 8},  {64, 8},  {72, 4},	{76, 4},  {80, 2},
					    {84, 4},  {88, 2},	{90, 2},  {92, 4},  {104, 8}, {120, 8}, {128, 4}, {144, 8},
					    {152, 8}};
	const uint8_t *raw = im.data + xfs_inode_at(&im, number);
	memcpy(core, raw, 176);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		for (unsigned k = 0; k < fields[i][1]; k++)
			core[fields[i][0] + k] = raw[fields[i][0] + fields[i][1] - 1 - k];
}
static inline void inode_item(uint64_t number, uint32_t fields, unsigned regions, uint8_t item[56])
{
	uint64_t place = xfs_inode_at(&im, number), buffer = place / 8192 * 8192;
	memset(item, 0, 56);
	put_le(item, 0x123b, 2);
	put_le(item + 2, regions, 2);
	put_le(item + 4, fields, 4);
	put_le(item + 16, number, 8);
	put_le(item + 40, buffer / 512, 8);
	put_le(item + 48, 16, 4);
	put_le(item + 52, place - buffer, 4);
}
static inline void log_inode(uint64_t number, uint32_t fields, const uint8_t core[176], const void *fork, size_t size)
{
	uint8_t item[56];
	inode_item(number, fields, size ? 3 : 2, item);
	op(0, item, sizeof item);
	op(0, core, 176);
	if (size)
		op(0, fork, size);
}
static inline void log_intent(unsigned type, uint64_t id)
{
	uint8_t item[32] = {0};
	put_le(item, type, 2);
	put_le(item + 2, 1, 2);
	put_le(item + 8, id, 8);
	op(0, item, sizeof item);
}

/* ---------------------------------------------------------------------------------------- outcomes */

static struct opened seen;

static inline uint64_t number_of(const char *path)
{
	struct opened o = open_xfs(&whole, false);
	struct fs_entry it;
	NEED(o.fs && fs_lookup(o.fs, path, false, &it, &o.e) == 1);
	uint64_t id = it.id;
	close_image(&o);
	return id;
}

static inline void show_here(int line, const char *what)
{
	test_bad_here++;
	fprintf(stderr, "%s:%d: %s\n", __FILE__, line, what);
	show_findings(&seen.f);
}

/* It is replayed and all of it holds. Left open in `seen`. */
static inline void replayed_at(int line)
{
	seen = open_xfs(&im, true);
	NEED(seen.fs);
	const struct fs_info *info = fs_info(seen.fs);
	if (!info->replayed || info->stale_view || findings_proof(&seen.f, PROOF_STRUCTURE) != OUTCOME_HELD)
		show_here(line, "not replayed");
}
/* The log makes no sense: that is told, and the older state is shown. */
static inline void refused_at(int line, enum outcome want)
{
	seen = open_xfs(&im, true);
	NEED(seen.fs);
	const struct fs_info *info = fs_info(seen.fs);
	if (!info->stale_view || info->replayed || !has_finding(&seen.f, "xfs.log", want) ||
	    findings_proof(&seen.f, PROOF_STRUCTURE) == OUTCOME_HELD)
		show_here(line, "not refused");
	close_image(&seen);
}
#define REPLAYED() replayed_at(__LINE__)
#define REFUSED() refused_at(__LINE__, OUTCOME_BROKEN)

#endif
