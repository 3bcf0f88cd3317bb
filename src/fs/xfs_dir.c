// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories: their blocks, and the entries in those. */
#include "xfs.h"

#define HEAD 64 /* of a data block */

int xfs_block_check(const struct xfs *x, const uint8_t *buf, size_t len, size_t crc_at,
		    size_t blkno_at, uint64_t owner, uint64_t place, const char *what,
		    struct error *e)
{
	/* Behind the block number come sequence number, UUID and owner, in all of them. */
	const char *why = NULL;
	if (get_be64(buf + blkno_at) != place / 512)
		why = "belongs elsewhere";
	else if (memcmp(buf + blkno_at + 16, x->meta_uuid, 16))
		why = "is of another file system";
	else if (get_be64(buf + blkno_at + 32) != owner)
		why = "belongs to another inode";
	else if (!xfs_sum_ok(buf, len, crc_at))
		why = "has a wrong checksum";
	else if (!xfs_logged(x, get_be64(buf + blkno_at + 8)))
		why = "is newer than the end of the log";
	if (!why)
		return 0;
	return error_set(e, ERROR_CORRUPT, (int64_t)place, "inode %llu: a %s of it %s",
			 (unsigned long long)owner, what, why);
}

/*
 * A directory block that lies in several places is logged in pieces, and its checksum goes over all
 * of them: the one that was replayed is not that of the whole. It is made good here.
 */
static bool in_pieces(const struct xfs *x, const struct xfs_runs *runs, uint64_t logical)
{
	for (uint64_t i = 0; x->piece_count && i < UINT64_C(1) << x->dir_log; i++) {
		const struct xfs_run *r = xfs_runs_find(runs, logical + i);
		uint64_t place = r ? xfs_fsb_place(x, r->fsb + (logical + i - r->logical)) : 0;
		size_t low = 0, high = x->piece_count;
		while (low < high) {
			size_t mid = low + (high - low) / 2;
			if (x->pieces[mid] == place)
				return true;
			if (x->pieces[mid] < place)
				low = mid + 1;
			else
				high = mid;
		}
	}
	return false;
}

int xfs_dir_read(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *runs,
		 int kind, uint64_t logical, uint8_t *buf, uint64_t *place, struct error *e)
{
	static const char *const names[] = {"directory block", "directory index block",
					    "directory free-space block"};
	bool known;
	if (xfs_runs_read(x, in, runs, logical, UINT64_C(1) << x->dir_log, buf, place, e) < 0)
		return -1;
	if (kind == XFS_DIR_DATA) {
		known = !memcmp(buf, "XDB3", 4) || !memcmp(buf, "XDD3", 4);
	} else if (kind == XFS_DIR_FREE) {
		known = !memcmp(buf, "XDF3", 4);
	} else {
		unsigned magic = get_be16(buf + 8);
		known = magic == 0x3ebe || magic == 0x3df1 || magic == 0x3dff;
	}
	if (!known)
		return error_set(e, ERROR_CORRUPT, (int64_t)*place,
				 "inode %llu: a %s of it has no magic",
				 (unsigned long long)in->number, names[kind]);
	if (in_pieces(x, runs, logical))
		xfs_sum_put(buf, x->dir_size, kind == XFS_DIR_INDEX ? 12 : 4);
	return xfs_block_check(x, buf, x->dir_size, kind == XFS_DIR_INDEX ? 12 : 4,
			       kind == XFS_DIR_INDEX ? 16 : 8, in->number, *place, names[kind], e);
}

/* Case-insensitive directories fold ASCII before they come here. */
uint32_t xfs_name_hash(const char *name, size_t len)
{
	uint32_t h = 0;
	for (size_t i = 0; i < len; i++)
		h = (uint8_t)name[i] ^ (h << 7 | h >> 25);
	return h;
}

bool xfs_dirent_named(const struct xfs_dirent *d)
{
	return d->length && !memchr(d->name, '/', d->length) && !memchr(d->name, 0, d->length);
}

static int malformed(const struct xfs_inode *in, uint64_t place, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)place, "directory inode %llu: %s",
			 (unsigned long long)in->number, what);
}

/* Of an entry in a block. */
static size_t entry_size(const struct xfs *x, size_t name)
{
	return (8 + 1 + name + (x->ftype ? 1 : 0) + 2 + 7) / 8 * 8;
}

/* In the inode: a count, the parent, and entries whose inode numbers have 4 or 8 bytes. */
static int short_form(const struct xfs *x, const struct xfs_inode *in, xfs_dirent_fn *fn, void *ctx,
		      struct error *e)
{
	const uint8_t *p = in->fork[XFS_DATA_FORK], *end = p + in->size;
	size_t wide = in->size >= 2 && p[1] ? 8 : 4, type = x->ftype ? 1 : 0;
	struct xfs_dirent d = {.inode = in->number, .type = XFS_FT_DIR, .length = 1, .name = "."};
	if (in->size < 2 + wide)
		return malformed(in, in->place, "too short", e);
	unsigned count = p[0], wide_ones = 0;
	const uint8_t *q = p + 2 + wide;
	size_t place = HEAD + 2 * entry_size(x, 2); /* where the next one would begin in a block */
	int rc = fn(ctx, &d, e);
	if (rc)
		return rc;
	d = (struct xfs_dirent){.inode = wide == 8 ? get_be64(p + 2) : get_be32(p + 2),
				.type = XFS_FT_DIR,
				.length = 2,
				.name = ".."};
	wide_ones += d.inode > UINT32_MAX;
	rc = fn(ctx, &d, e);
	for (unsigned i = 0; !rc && i < count; i++) {
		if (end - q < 3 || (size_t)(end - q) < 3 + q[0] + type + wide || !q[0])
			return malformed(in, in->place, "an entry that goes beyond its end", e);
		const uint8_t *num = q + 3 + q[0] + type;
		d = (struct xfs_dirent){.inode = wide == 8 ? get_be64(num) : get_be32(num),
					.type = type ? q[3 + q[0]] : XFS_FT_UNKNOWN,
					.length = q[0],
					.name = (const char *)q + 3};
		if (get_be16(q + 1) < place)
			return malformed(in, in->place, "entries that are out of order", e);
		place = get_be16(q + 1) + entry_size(x, q[0]);
		wide_ones += d.inode > UINT32_MAX;
		q = num + wide;
		rc = fn(ctx, &d, e);
	}
	if (!rc && q != end)
		return malformed(in, in->place, "its entries end before it does", e);
	/* As a block it would have an index, too. (Linux does not read what is otherwise.) */
	if (!rc && (wide_ones != p[1] || place + (count + 2) * 8 + 8 > x->dir_size))
		return malformed(in, in->place, "entries that do not fit in it", e);
	return rc;
}

/* The three largest free places, the largest first, are in the head of a block. Linux does not read one where not. */
#define BEST 48
struct room {
	const uint8_t *b;
	unsigned seen; /* bits of those that were there */
	bool last;     /* what came last was free */
};

static bool room_init(struct room *r, const uint8_t *b)
{
	*r = (struct room){.b = b};
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *p = b + BEST + i * 4;
		unsigned len = get_be16(p + 2);
		if ((!len && get_be16(p)) || (i && len > get_be16(p - 2)))
			return false;
		r->seen |= len ? 0 : 1u << i;
	}
	return true;
}

static bool room_is(struct room *r, size_t at, size_t len)
{
	bool beside = r->last;
	r->last = true;
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *p = r->b + BEST + i * 4;
		if (get_be16(p) != at)
			continue;
		r->seen |= 1u << i;
		return !beside && get_be16(p + 2) == len;
	}
	return !beside && len <= get_be16(r->b + BEST + 10);
}

/* The entries of a data block, which lies at byte `offset` of the directory. */
static int data_block(const struct xfs *x, const struct xfs_inode *in, const uint8_t *b,
		      uint64_t offset, uint64_t place, xfs_dirent_fn *fn, void *ctx,
		      struct error *e)
{
	size_t end = x->dir_size, type = x->ftype ? 1 : 0;
	struct room room;
	if (!room_init(&room, b))
		return malformed(in, place, "a table of free space that makes no sense", e);
	if (!memcmp(b, "XDB3", 4)) {
		uint64_t index = get_be32(b + end - 8);
		if (index > (end - HEAD - 8) / 8)
			return malformed(in, place, "its index does not fit", e);
		end -= 8 + (size_t)index * 8;
	}
	for (size_t at = HEAD; at < end;) {
		if (end - at < 8)
			return malformed(in, place, "an entry that goes beyond its block", e);
		if (get_be16(b + at) == 0xffff) {
			size_t len = get_be16(b + at + 2);
			if (!len || len % 8 || len > end - at || get_be16(b + at + len - 2) != at)
				return malformed(in, place, "free space that makes no sense", e);
			if (!room_is(&room, at, len))
				return malformed(in, place, "free space that is not as its table has it", e);
			at += len;
			continue;
		}
		if (end - at < 16)
			return malformed(in, place, "an entry that goes beyond its block", e);
		size_t name = b[at + 8], len = entry_size(x, name);
		room.last = false;
		if (!name || len > end - at || get_be16(b + at + len - 2) != at)
			return malformed(in, place, "an entry that makes no sense", e);
		struct xfs_dirent d = {.inode = get_be64(b + at),
				       .address = (uint32_t)((offset + at) / 8),
				       .type = type ? b[at + 9 + name] : XFS_FT_UNKNOWN,
				       .length = (uint8_t)name,
				       .name = (const char *)b + at + 9};
		int rc = fn(ctx, &d, e);
		if (rc)
			return rc;
		at += len;
	}
	return room.seen == 7 ? 0 : malformed(in, place, "a table of free space that is not there", e);
}

int xfs_dir_each(const struct xfs *x, const struct xfs_inode *in, const struct xfs_runs *runs,
		 xfs_dirent_fn *fn, void *ctx, struct error *e)
{
	struct xfs_runs own autodestroy(xfs_runs_free) = {0};
	uint64_t per = UINT64_C(1) << x->dir_log, next = 0, place;
	if (in->format == XFS_FMT_LOCAL)
		return short_form(x, in, fn, ctx, e);
	if (!runs) {
		if (xfs_map_all(x, in, XFS_DATA_FORK, &own, e) < 0)
			return -1;
		runs = &own;
	}
	autofree uint8_t *b = malloc(x->dir_size);
	if (!b)
		return error_nomem(e);
	if (!runs->count || runs->items[0].logical)
		return malformed(in, in->place, "its first block is missing", e);
	for (size_t i = 0; i < runs->count; i++) {
		const struct xfs_run *r = &runs->items[i];
		for (uint64_t at = r->logical / per * per;
		     at < r->logical + r->count && at < xfs_dir_leaf(x); at += per) {
			if (at < next)
				continue;
			if (xfs_dir_read(x, in, runs, XFS_DIR_DATA, at, b, &place, e) < 0)
				return -1;
			if (!memcmp(b, "XDB3", 4) && (at || in->size != x->dir_size))
				return malformed(in, place, "a block that should be the only one",
						 e);
			int rc = data_block(x, in, b, at << x->block_log, place, fn, ctx, e);
			if (rc)
				return rc;
			next = at + per;
		}
	}
	if (next << x->block_log != in->size)
		return malformed(in, in->place, "its size is not that of its blocks", e);
	return 0;
}
