// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What items of the log change. What is on the disk carries the sequence number of its last change,
 * so that nothing is replayed over what is newer. Checksums are made when a buffer is written, so
 * they are not in the log but made here.
 */
#include "xfs_log.h"

enum {
	DINODE_CORE = 1,
	LOG_DDATA = 2,
	LOG_DEXT = 4,
	LOG_DROOT = 8,
	LOG_DEV = 0x10,
	LOG_ADATA = 0x40,
	LOG_AEXT = 0x80,
	LOG_AROOT = 0x100,
	LOG_OWNERS = 0x600
};
#define CHUNK 128 /* bytes a bit of a buffer's map stands for */

static int nonsense(const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "log: %s", what);
}

int xlog_get(struct xlog *l, uint64_t off, uint8_t *to, size_t len, struct error *e)
{
	if (off > l->x->blocks << l->x->block_log || len > (l->x->blocks << l->x->block_log) - off)
		return nonsense("a change outside of the file system", e);
	return source_read_at(l->overlay, off, to, len, e);
}

int xlog_put(struct xlog *l, uint64_t off, const uint8_t *from, size_t len, struct error *e)
{
	while (len) {
		size_t in = (size_t)(off % l->unit), n = l->unit - in < len ? l->unit - in : len;
		const uint8_t *block = from;
		if (n < l->unit) {
			if (source_read_at(l->overlay, off - in, l->block, l->unit, e) < 0)
				return -1;
			memcpy(l->block + in, from, n);
			block = l->block;
		}
		if (overlay_put(l->overlay, off / l->unit, block, e) < 0)
			return -1;
		off += n;
		from += n;
		len -= n;
	}
	return 0;
}

static bool one_of(uint32_t magic, const char *list)
{
	for (; *list; list += 4)
		if (magic == get_be32(list))
			return true;
	return false;
}

/* Where the sequence number of what lies in a buffer is, by its magic; 0: it has none. *uuid: where
 * that is. */
static size_t stamp_at(const struct xfs *x, const uint8_t *b, size_t *uuid)
{
	uint32_t magic = get_be32(b);
	unsigned da = get_be16(b + 8);
	size_t at = 0;
	if (one_of(magic, "AB3BAB3CIAB3FIB3RMB3R3FC"))
		at = 24;
	else if (magic == get_be32("BMA3"))
		at = 32;
	else if (one_of(magic, "XDB3XDD3XDF3"))
		at = 16;
	else if (da == 0x3ebe || da == 0x3df1 || da == 0x3dff || da == 0x3bee)
		at = 24;
	*uuid = at + 8;
	if (at)
		return at;
	if (magic == get_be32("XAGF"))
		return *uuid = 64, 208;
	if (magic == get_be32("XAGI"))
		return *uuid = 296, 320;
	if (magic == get_be32("XAFL"))
		return *uuid = 8, 24;
	if (magic == get_be32("XSLM"))
		return *uuid = 16, 48;
	if (magic == get_be32("XFSB"))
		return *uuid = x->incompat & XFS_IN_META_UUID ? 248 : 32, 240;
	return 0;
}

/* Where the checksum of a buffer of this type is; 0: it has none, or is not what it should be. */
static size_t sum_at(unsigned type, const uint8_t *b)
{
	uint32_t magic = get_be32(b);
	unsigned da = get_be16(b + 8);
	switch (type) {
	case 4:
		return magic == get_be32("BMA3")		   ? 64
		       : one_of(magic, "AB3BAB3CIAB3FIB3RMB3R3FC") ? 52
								   : 0;
	case 5:
		return magic == get_be32("XAGF") ? 216 : 0;
	case 6:
		return magic == get_be32("XAFL") ? 32 : 0;
	case 7:
		return magic == get_be32("XAGI") ? 312 : 0;
	case 9:
		return magic == get_be32("XSLM") ? 12 : 0;
	case 10:
	case 11:
	case 12:
		return one_of(magic, "XDB3XDD3XDF3") ? 4 : 0;
	case 13:
	case 14:
	case 15:
	case 16:
		return da == 0x3ebe || da == 0x3df1 || da == 0x3dff || da == 0x3bee ? 12 : 0;
	case 17:
		return magic == get_be32("XARM") ? 12 : 0;
	case 18:
		return magic == get_be32("XFSB") ? 224 : 0;
	default:
		return 0;
	}
}

/* Calls for each logged stretch of a buffer; inodes: only the pointers of the lists of unlinked
 * inodes are taken. */
static int copy_chunks(struct xlog *l, const struct xlog_item *it, size_t len, bool inodes,
		       struct error *e)
{
	const uint8_t *p = xlog_data(it, 0);
	uint32_t words = get_le32(p + 16), bits = words * 32;
	unsigned region = 1;
	if (words > (it->regions[0].length - 20) / 4)
		return nonsense("a buffer whose map does not fit", e);
	for (uint32_t bit = 0; bit < bits;) {
		if (!(get_le32(p + 20 + bit / 32 * 4) >> bit % 32 & 1)) {
			bit++;
			continue;
		}
		uint32_t n = 1;
		while (bit + n < bits &&
		       get_le32(p + 20 + (bit + n) / 32 * 4) >> (bit + n) % 32 & 1)
			n++;
		if (region >= it->count || it->regions[region].length < CHUNK)
			return nonsense("a buffer with less data than it says", e);
		if (it->regions[region].length / CHUNK < n)
			n = it->regions[region].length / CHUNK;
		size_t at = (size_t)bit * CHUNK, size = (size_t)n * CHUNK, step = l->x->inode_size;
		const uint8_t *from = xlog_data(it, region);
		if (at + size > len)
			return nonsense("a buffer with data beyond its end", e);
		if (!inodes)
			memcpy(l->buffer + at, from, size);
		for (size_t i = at / step * step; inodes && i < at + size && i + step <= len;
		     i += step)
			if (i + 96 >= at && i + 100 <= at + size) {
				memcpy(l->buffer + i + 96, from + (i + 96 - at), 4);
				xfs_sum_put(l->buffer + i, step, 100);
			}
		region++;
		bit += n;
	}
	return 0;
}

int xlog_replay_buffer(struct xlog *l, const struct xlog_item *it, struct error *e)
{
	const uint8_t *p = xlog_data(it, 0);
	unsigned flags = get_le16(p + 4), type = flags >> 11, sectors = get_le16(p + 6);
	uint64_t daddr = get_le64(p + 8), off;
	size_t len = (size_t)sectors * 512, uuid;
	struct xfs *x = l->x;
	if (xlog_is_cancelled(l, daddr, sectors) || flags & XLOG_BUF_QUOTAS ||
	    (type >= 1 && type <= 3))
		return 0;
	if (!len || len > XLOG_RECORD_MAX || mul_overflows(daddr, UINT64_C(512), &off))
		return nonsense("a buffer whose place makes no sense", e);
	if (xlog_get(l, off, l->buffer, len, e) < 0)
		return -1;
	size_t stamp = type == 19 || type == 20 ? 0 : stamp_at(x, l->buffer, &uuid);
	if (stamp && !memcmp(l->buffer + uuid, x->meta_uuid, 16)) {
		uint64_t there = get_be64(l->buffer + stamp);
		if (there && there != UINT64_MAX && there >= it->t->sequence) {
			l->newer++;
			return 0;
		}
	}
	if (copy_chunks(l, it, len, flags & XLOG_BUF_INODES, e) < 0)
		return -1;
	size_t sum = flags & XLOG_BUF_INODES ? 0 : sum_at(type, l->buffer);
	if (sum)
		xfs_sum_put(l->buffer, len, sum);
	if (type >= 10 && type <= 15 && len < x->dir_size)
		for (size_t i = 0; i < len; i += x->block_size) {
			uint64_t *piece = vec_push(&l->pieces);
			if (!piece)
				return error_nomem(e);
			*piece = off + i;
		}
	l->buffers++;
	return xlog_put(l, off, l->buffer, len, e);
}

static void put_be(uint8_t *to, const uint8_t *le, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = le[len - 1 - i];
}

/* An inode's core is logged as the machine had it: little-endian, otherwise as on the disk. */
static void put_core(uint8_t *to, const uint8_t *p, uint64_t sequence)
{
	static const uint8_t fields[][2] = {
	    {0, 2},  {2, 2},  {8, 4},  {12, 4},	 {16, 4},  {20, 2},  {22, 2},
	    {24, 8}, {56, 8}, {64, 8}, {72, 4},	 {76, 4},  {80, 2},  {84, 4},
	    {88, 2}, {90, 2}, {92, 4}, {104, 8}, {120, 8}, {128, 4}, {152, 8},
	};
	static const uint8_t times[] = {32, 40, 48, 144};
	bool big = get_le64(p + 120) & XFS_BIGTIME;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		put_be(to + fields[i][0], p + fields[i][0], fields[i][1]);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		put_be(to + times[i], p + times[i], big ? 8 : 4);
		if (!big)
			put_be(to + times[i] + 4, p + times[i] + 4, 4);
	}
	to[4] = p[4];
	to[5] = p[5];
	to[6] = to[7] = 0;
	to[82] = p[82];
	to[83] = p[83];
	for (int i = 0; i < 8; i++)
		to[112 + i] = (uint8_t)(sequence >> (56 - 8 * i));
	memset(to + 132, 0, 12);
	memcpy(to + 160, p + 160, 16);
}

/* The root of a map as it is in memory has a longer header and room for other numbers of keys. */
static int put_root(uint8_t *to, size_t room, const uint8_t *p, size_t len, struct error *e)
{
	if (len < 72 || room < 20)
		return nonsense("the root of a map that is too short", e);
	unsigned count = get_be16(p + 6);
	size_t from_max = (len - 72) / 16, to_max = (room - 4) / 16;
	if (!count || count > from_max || count > to_max)
		return nonsense("the root of a map that does not fit", e);
	memcpy(to, p + 4, 4);
	memcpy(to + 4, p + 72, (size_t)count * 8);
	memcpy(to + 4 + to_max * 8, p + 72 + from_max * 8, (size_t)count * 8);
	return 0;
}

static int put_fork(uint8_t *to, size_t room, const struct xlog_item *it, unsigned region,
		    bool root, struct error *e)
{
	if (region >= it->count)
		return nonsense("an inode without the fork that it says", e);
	const uint8_t *p = xlog_data(it, region);
	size_t len = it->regions[region].length;
	if (root)
		return put_root(to, room, p, len, e);
	if (len > room)
		return nonsense("a fork that does not fit into its inode", e);
	memcpy(to, p, len);
	return 0;
}

int xlog_replay_inode(struct xlog *l, const struct xlog_item *it, struct error *e)
{
	const uint8_t *p = xlog_data(it, 0);
	const struct xfs *x = l->x;
	bool narrow = it->regions[0].length == 52; /* as 32-bit machines packed it */
	if ((!narrow && it->regions[0].length != 56) || it->count < 2 ||
	    it->regions[1].length < XFS_CORE)
		return nonsense("an inode that is too short", e);
	const uint8_t *q = narrow ? p + 12 : p + 16;
	uint32_t fields = get_le32(p + 4), sectors = get_le32(q + 32), in = get_le32(q + 36);
	uint64_t number = get_le64(q), daddr = get_le64(q + 24), off;
	uint8_t raw[XFS_INODE_MAX];
	const uint8_t *core = xlog_data(it, 1);
	if (xlog_is_cancelled(l, daddr, sectors))
		return 0;
	if (mul_overflows(daddr, UINT64_C(512), &off) || add_overflows(off, (uint64_t)in, &off) ||
	    off != xfs_inode_place(x, number))
		return nonsense("an inode whose place makes no sense", e);
	if (fields & LOG_OWNERS)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "log: extents were exchanged between two files");
	if (xlog_get(l, off, raw, x->inode_size, e) < 0)
		return -1;
	if (raw[0] != 'I' || raw[1] != 'N' || get_le16(core) != 0x494e || core[4] != 3 ||
	    get_le64(core + 152) != number)
		return nonsense("an inode that is none", e);
	uint64_t there = get_be64(raw + 112);
	if (there && there != UINT64_MAX && there > it->t->sequence) {
		l->newer++;
		return 0;
	}
	put_core(raw, core, it->t->sequence);
	size_t room = x->inode_size - XFS_CORE, split = raw[82] * 8u;
	if (split > room)
		return nonsense("an inode whose forks make no sense", e);
	unsigned region = 2;
	if (fields & LOG_DEV)
		put_be(raw + XFS_CORE, q + 8, 4);
	if (fields & (LOG_DDATA | LOG_DEXT | LOG_DROOT) &&
	    put_fork(raw + XFS_CORE, split ? split : room, it, region++, fields & LOG_DROOT, e) < 0)
		return -1;
	if (fields & (LOG_ADATA | LOG_AEXT | LOG_AROOT) &&
	    put_fork(raw + XFS_CORE + split, split ? room - split : 0, it, region,
		     fields & LOG_AROOT, e) < 0)
		return -1;
	xfs_sum_put(raw, x->inode_size, 100);
	l->inodes++;
	return xlog_put(l, off, raw, x->inode_size, e);
}

/* A chunk of new inodes: all fields but these few are zero. */
int xlog_replay_icreate(struct xlog *l, const struct xlog_item *it, struct error *e)
{
	const uint8_t *p = xlog_data(it, 0);
	const struct xfs *x = l->x;
	if (it->regions[0].length < 28)
		return nonsense("new inodes: too short", e);
	uint64_t ag = get_be32(p + 4), first = get_be32(p + 8), count = get_be32(p + 12),
		 blocks = get_be32(p + 20);
	uint32_t cluster = 8192 * (x->inode_size / 256),
		 step = cluster > x->block_size ? cluster >> x->block_log : 1;
	if (get_be32(p + 16) != x->inode_size || !count || count > 8192 || ag >= x->ag_count ||
	    !xfs_fsb_ok(x, xfs_ag_fsb(x, ag, first), blocks) ||
	    count << x->inode_log != blocks << x->block_log)
		return nonsense("new inodes whose place makes no sense", e);
	if (x->align < step)
		step = 8192 > x->block_size ? 8192 >> x->block_log : 1;
	uint64_t fsb = xfs_ag_fsb(x, ag, first), place = xfs_fsb_place(x, fsb);
	for (uint64_t i = 0; i < blocks; i += step)
		if (xlog_is_cancelled(l, (place + (i << x->block_log)) / 512,
				      step << (x->block_log - 9)))
			return 0;
	for (uint64_t i = 0; i < count; i++) {
		uint8_t raw[XFS_INODE_MAX] = {'I', 'N', 0, 0, 3};
		uint64_t number = (fsb << x->chunk_log) + i;
		memcpy(raw + 92, p + 24, 4);
		memset(raw + 96, 0xff, 4);
		for (int k = 0; k < 8; k++)
			raw[152 + k] = (uint8_t)(number >> (56 - 8 * k));
		memcpy(raw + 160, x->meta_uuid, 16);
		xfs_sum_put(raw, x->inode_size, 100);
		if (xlog_put(l, place + (i << x->inode_log), raw, x->inode_size, e) < 0)
			return -1;
	}
	l->buffers++;
	return 0;
}
