// SPDX-License-Identifier: GPL-3.0-or-later
/* Inodes, directory entries and file extents as items hold them. */
#include <sys/stat.h>

#include "backproof/crc32c.h"
#include "btrfs.h"

/* An entry's id: the index of its tree, then the number of its inode. Bit 63: an empty place of a subvolume. */
#define INODE_BITS 44
#define EMPTY (UINT64_C(1) << 63)

uint32_t btrfs_name_hash(const void *name, size_t len)
{
	return crc32c_update(~UINT32_C(1), name, len);
}

bool btrfs_name_sane(const char *name, size_t len)
{
	return len && len <= 255 && !memchr(name, '/', len) && !memchr(name, 0, len) &&
	       !(len == 1 && name[0] == '.') && !(len == 2 && !memcmp(name, "..", 2));
}

int btrfs_inode_read(struct btrfs *fs, const struct btrfs_tree *t, uint64_t number, struct btrfs_inode *in,
		     struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {number, KEY_INODE, 0};
	int rc = btrfs_find(&c, fs, t, &key, e);
	if (rc < 0)
		return -1;
	const uint8_t *p = c.data;
	if (!rc || c.size < 160 || number >> INODE_BITS)
		return btrfs_bad(e, btrfs_cursor_place(&c), "subvolume %llu has no inode %llu",
				 (unsigned long long)t->id, (unsigned long long)number);
	*in = (struct btrfs_inode){
		.tree = t, .number = number, .generation = get_le64(p), .size = get_le64(p + 16),
		.links = get_le32(p + 40), .uid = get_le32(p + 44), .gid = get_le32(p + 48), .mode = get_le32(p + 52),
		.flags = get_le64(p + 64), .ctime = (int64_t)get_le64(p + 124), .mtime = (int64_t)get_le64(p + 136),
	};
	if (in->size > INT64_MAX)
		return btrfs_bad(e, btrfs_cursor_place(&c), "inode %llu has a size that can't be",
				 (unsigned long long)number);
	return 0;
}

uint64_t btrfs_id(const struct btrfs *fs, const struct btrfs_inode *in)
{
	return (uint64_t)(in->tree - fs->trees.items) << INODE_BITS | in->number | (in->empty ? EMPTY : 0);
}

static void make_empty(struct btrfs_inode *in)
{
	in->empty = true;
	in->size = 0;
	in->links = 1;
	in->uid = in->gid = 0;
	in->mode = S_IFDIR | 0755;
}

int btrfs_inode_by_id(struct btrfs *fs, uint64_t id, struct btrfs_inode *in, struct error *e)
{
	uint64_t tree = (id & ~EMPTY) >> INODE_BITS;
	if (tree >= fs->trees.count)
		return btrfs_bad(e, ERROR_NO_OFFSET, "there is no such inode");
	int rc = btrfs_inode_read(fs, &fs->trees.items[tree], id & ((UINT64_C(1) << INODE_BITS) - 1), in, e);
	if (!rc && (id & EMPTY))
		make_empty(in);
	return rc;
}

/* Where the first data of a file lies; 0 when that is not cheap to say. */
static uint64_t first_place(struct btrfs *fs, const struct btrfs_inode *in)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {in->number, KEY_EXTENT_DATA, 0};
	struct btrfs_extent x;
	uint64_t place;
	unsigned copies;
	struct error e;
	if (!in->size || btrfs_seek(&c, fs, in->tree, &key, &e) <= 0 || c.key.objectid != in->number ||
	    c.key.type != KEY_EXTENT_DATA || btrfs_extent_parse(fs, c.data, c.size, &x, &e) < 0)
		return 0;
	if (!x.type)
		return (uint64_t)btrfs_cursor_place(&c);
	return x.disk && !btrfs_place(fs, x.disk, x.disk_bytes, 0, &place, &copies, &e) ? place : 0;
}

void btrfs_entry(struct btrfs *fs, const struct btrfs_inode *in, struct fs_entry *out)
{
	*out = (struct fs_entry){
		.id = btrfs_id(fs, in), .mode = in->mode, .uid = in->uid, .gid = in->gid, .links = in->links,
		.size = in->size, .mtime = in->mtime, .ctime = in->ctime,
	};
	out->type = S_ISREG(in->mode) ? ENTRY_FILE : S_ISDIR(in->mode) ? ENTRY_DIR
		  : S_ISLNK(in->mode) ? ENTRY_LINK : ENTRY_OTHER;
	if (out->type == ENTRY_FILE)
		out->place = first_place(fs, in);
}

int btrfs_dirent_at(const uint8_t *p, uint32_t left, struct btrfs_dirent *d, struct error *e)
{
	if (left < 30 || 30u + get_le16(p + 25) + get_le16(p + 27) > left || !get_le16(p + 27))
		return btrfs_bad(e, ERROR_NO_OFFSET, "a directory entry or attribute goes beyond its item");
	*d = (struct btrfs_dirent){.location = btrfs_key_at(p), .type = p[29], .name = (const char *)p + 30,
				   .name_len = get_le16(p + 27), .data_len = get_le16(p + 25)};
	d->data = p + 30 + d->name_len;
	d->bytes = 30u + d->name_len + d->data_len;
	return 0;
}

int btrfs_follow(struct btrfs *fs, const struct btrfs_inode *dir, const struct btrfs_dirent *d, struct btrfs_inode *out,
		 struct error *e)
{
	if (d->location.type == KEY_INODE)
		return btrfs_inode_read(fs, dir->tree, d->location.objectid, out, e);
	if (d->location.type != KEY_ROOT || !btrfs_is_subvolume(d->location.objectid))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the entry %.*s leads nowhere", d->name_len, d->name);
	const struct btrfs_tree *t = btrfs_tree_by_id(fs, d->location.objectid);
	if (t && t->refs && t->name && t->parent == dir->tree->id && t->parent_dir == dir->number &&
	    strlen(t->name) == d->name_len && !memcmp(t->name, d->name, d->name_len))
		return btrfs_inode_read(fs, t, t->dirid, out, e);
	/* A snapshot has an empty directory where the original has a subvolume. */
	*out = *dir;
	make_empty(out);
	return 0;
}

int btrfs_dir_find(struct btrfs *fs, const struct btrfs_inode *dir, const char *name, size_t len,
		   struct btrfs_inode *out, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {dir->number, KEY_DIR_ITEM, btrfs_name_hash(name, len)};
	struct btrfs_dirent d;
	int rc = dir->empty ? 0 : btrfs_find(&c, fs, dir->tree, &key, e);
	for (uint32_t at = 0; rc > 0 && at < c.size; at += d.bytes) {
		if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
			return -1;
		if (d.name_len == len && !memcmp(d.name, name, len))
			return btrfs_follow(fs, dir, &d, out, e) < 0 ? -1 : 1;
	}
	return rc < 0 ? -1 : 0;
}

int btrfs_extent_parse(const struct btrfs *fs, const uint8_t *p, uint32_t size, struct btrfs_extent *x,
		       struct error *e)
{
	uint64_t end;
	if (size < 21)
		return btrfs_bad(e, ERROR_NO_OFFSET, "a file extent of %u bytes", size);
	*x = (struct btrfs_extent){.generation = get_le64(p), .ram_bytes = get_le64(p + 8), .packed = p[16],
				   .type = p[20]};
	if (x->packed > BTRFS_ZSTD || p[17] || get_le16(p + 18))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "btrfs: a file extent with compression %u, encryption %u, encoding %u", p[16], p[17],
				 get_le16(p + 18));
	if (!x->type) {
		x->inlined = p + 21;
		x->inlined_bytes = size - 21;
		x->bytes = x->ram_bytes;
		if (x->ram_bytes > fs->sector || (!x->packed && x->ram_bytes != x->inlined_bytes))
			return btrfs_bad(e, ERROR_NO_OFFSET, "an inline extent says %llu bytes and has %u",
					 (unsigned long long)x->ram_bytes, x->inlined_bytes);
		return 0;
	}
	if (x->type > 2 || size != 53)
		return btrfs_bad(e, ERROR_NO_OFFSET, "a file extent of type %u in %u bytes", x->type, size);
	x->disk = get_le64(p + 21);
	x->disk_bytes = get_le64(p + 29);
	x->offset = get_le64(p + 37);
	x->bytes = get_le64(p + 45);
	if (!x->bytes || (x->bytes | x->disk | x->disk_bytes | x->offset | x->ram_bytes) % fs->sector ||
	    add_overflows(x->offset, x->bytes, &end) || add_overflows(x->disk, x->disk_bytes, &end))
		return btrfs_bad(e, ERROR_NO_OFFSET, "a file extent of %llu bytes that can't be",
				 (unsigned long long)x->bytes);
	if (!x->disk)
		return 0;
	if (!x->disk_bytes || x->offset + x->bytes > (x->packed ? x->ram_bytes : x->disk_bytes) ||
	    (x->packed && (x->ram_bytes > BTRFS_UNPACKED_MAX || x->disk_bytes > BTRFS_UNPACKED_MAX)))
		return btrfs_bad(e, ERROR_NO_OFFSET, "a file extent that goes beyond its data at %llu",
				 (unsigned long long)x->disk);
	return 0;
}

bool btrfs_extent_in_chunk(const struct btrfs *fs, const struct btrfs_extent *x)
{
	if (!x->type || !x->disk)
		return true;
	const struct btrfs_chunk *c = btrfs_chunk_of(fs, x->disk);
	return c && x->disk_bytes <= c->length - (x->disk - c->logical) && c->type & 1;
}
