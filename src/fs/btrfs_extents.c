// SPDX-License-Identifier: GPL-3.0-or-later
/* File extents while the log is replayed: the old ones are cut away under each new one. */
#include "btrfs.h"

#define NO_HOLES (UINT64_C(1) << 9)

static void put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* The part from .. to of an extent that begins at `start` stays. */
static int keep_part(struct btrfs_replay *r, const uint8_t item[53], const struct btrfs_key *key, uint64_t from,
		     uint64_t to, struct error *e)
{
	uint8_t part[53];
	struct btrfs_key at = {key->objectid, KEY_EXTENT_DATA, from};
	memcpy(part, item, sizeof part);
	put_le64(part + 37, get_le64(item + 37) + (from - key->offset));
	put_le64(part + 45, to - from);
	return btrfs_overlay_put(r->tree->overlay, &at, part, sizeof part, e);
}

/* x: what is at the cursor. */
static int drop_one(struct btrfs_replay *r, const struct btrfs_cursor *c, const struct btrfs_extent *x, uint64_t from,
		    uint64_t to, struct error *e)
{
	struct btrfs_key key = c->key;
	uint8_t item[53];
	uint64_t end;
	if (add_overflows(key.offset, x->bytes, &end))
		return btrfs_bad(e, btrfs_cursor_place(c), "a file extent that can't be");
	if (x->type)
		memcpy(item, c->data, sizeof item);
	if (!x->type && (from > key.offset || to < end))
		return btrfs_bad(e, btrfs_cursor_place(c), "the log cuts an inline extent");
	if (btrfs_overlay_put(r->tree->overlay, &key, NULL, 0, e) < 0 ||
	    (from > key.offset && keep_part(r, item, &key, key.offset, from, e) < 0) ||
	    (to < end && keep_part(r, item, &key, to, end, e) < 0))
		return -1;
	return 0;
}

int btrfs_drop_extents(struct btrfs_replay *r, uint64_t ino, uint64_t from, uint64_t to, struct error *e)
{
	struct btrfs_key key = {ino, KEY_EXTENT_DATA, 0};
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_extent x;
	if (from >= to)
		return 0;
	/* Those before may reach in: by 256 MiB at most, if it is not the item of a hole. */
	if ((r->fs->incompat & NO_HOLES) && from > GIB)
		key.offset = from - GIB;
	/* The log's extents come in order: what was cut for the last one need not be looked at again. */
	if (r->cut_inode == ino && r->cut_from <= from && r->cut_from > key.offset)
		key.offset = r->cut_from;
	r->cut_inode = ino;
	r->cut_from = from;
	for (;;) {
		int rc = btrfs_seek(&c, r->fs, r->tree, &key, e);
		while (rc > 0 && c.key.objectid == ino && c.key.type == KEY_EXTENT_DATA && c.key.offset < to) {
			if (btrfs_extent_parse(r->fs, c.data, c.size, &x, e) < 0)
				return -1;
			if (c.key.offset >= from || x.bytes > from - c.key.offset)
				break;
			rc = btrfs_next(&c, e);
		}
		if (rc <= 0 || c.key.objectid != ino || c.key.type != KEY_EXTENT_DATA || c.key.offset >= to)
			return rc < 0 ? -1 : 0;
		key = c.key;
		if (drop_one(r, &c, &x, from, to, e) < 0)
			return -1;
		key.offset++;
	}
}

int btrfs_replay_extent(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e)
{
	struct btrfs_extent x;
	struct btrfs_inode in;
	struct btrfs_cursor c autocursor = {0};
	uint64_t start = item->key.offset, sector = r->fs->sector, end;
	if (btrfs_extent_parse(r->fs, item->data, item->size, &x, e) < 0 ||
	    btrfs_inode_read(r->fs, r->tree, item->key.objectid, &in, e) < 0)
		return -1;
	uint64_t bytes = x.type ? x.bytes : (x.ram_bytes + sector - 1) / sector * sector;
	if (start % sector || (!x.type && start) || add_overflows(start, bytes, &end) ||
	    !btrfs_extent_in_chunk(r->fs, &x) || (r->last_inode == item->key.objectid && start < r->last_end))
		return btrfs_bad(e, btrfs_cursor_place(item), "a file extent in the log that can't be");
	r->last_inode = item->key.objectid;
	r->last_end = end;
	int rc = x.type ? btrfs_find(&c, r->fs, r->tree, &item->key, e) : 0;
	if (rc < 0 || (rc && c.size == item->size && !memcmp(c.data, item->data, c.size)))
		return rc < 0 ? -1 : 0;
	if (btrfs_drop_extents(r, item->key.objectid, start, end, e) < 0)
		return -1;
	/* A hole needs no item where the file system has the feature for it. */
	if (x.type && !x.disk && (r->fs->incompat & NO_HOLES))
		return 0;
	return btrfs_overlay_put(r->tree->overlay, &item->key, item->data, item->size, e);
}
