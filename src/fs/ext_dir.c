// SPDX-License-Identifier: GPL-3.0-or-later
/* Directory blocks and the entries in them: each block's checksum first, then its form. */
#ifdef HAVE_EXT2FS
#include "ext.h"

#define TAIL 12	    /* an entry that nobody can name, holding the block's checksum */
#define HASH_AREA 8 /* behind the name where names are both encrypted and case-folded */

static unsigned record_length(const struct ext *x, const uint8_t *p)
{
	unsigned len = get_le16(p + 4);
	if (x->block_size < 65536)
		return len;
	if (len == 65535 || !len)
		return x->block_size;
	return (len & 65532) | (len & 3) << 16;
}

static bool has_tail(const struct ext *x, const uint8_t *block)
{
	const uint8_t *t = block + x->block_size - TAIL;
	return !get_le32(t) && get_le16(t + 4) == TAIL && get_le16(t + 6) == EXT2_DIR_NAME_LEN_CSUM;
}

/* The offset of the table of an inner block: behind two entries in the root, behind one elsewhere. */
static size_t index_table(const struct ext *x, const struct ext_dir_block *b)
{
	if (!b->logical)
		return 24 + (size_t)b->data[29];
	return record_length(x, b->data) == x->block_size ? 8 : 0;
}

static bool index_sound(const struct ext *x, const struct ext_inode *in,
			const struct ext_dir_block *b)
{
	static const uint8_t zero[4];
	size_t table = index_table(x, b);
	if (!table || table + 8 > b->len)
		return false;
	size_t limit = get_le16(b->data + table), count = get_le16(b->data + table + 2);
	size_t tail = table + limit * 8;
	if (count > limit || tail + 8 > b->len)
		return false;
	uint32_t crc = ext_csum(x, ext_inode_seed(x, in), b->data, table + count * 8);
	crc = ext_csum(x, crc, b->data + tail, 4);
	return ext_csum(x, crc, zero, 4) == get_le32(b->data + tail + 4);
}

static int check_block(const struct ext *x, const struct ext_inode *in, struct ext_dir_block *b,
		       struct error *e)
{
	bool indexed = in->flags & EXT2_INDEX_FL && ext2fs_has_feature_dir_index(x->fs->super);
	bool sound = true;
	/* What looks like the tail of a leaf may be left over in an inner block: the place decides. */
	b->index = indexed && index_table(x, b);
	if (b->index) {
		sound = !x->csum || index_sound(x, in, b);
	} else if (x->csum && has_tail(x, b->data)) {
		sound = ext_csum(x, ext_inode_seed(x, in), b->data, b->len - TAIL) ==
			get_le32(b->data + b->len - 4);
	} else if (x->csum) {
		return error_set(e, ERROR_CORRUPT, (int64_t)b->place,
				 "directory inode %u: a block without its checksum", in->number);
	}
	if (!sound)
		return error_set(e, ERROR_CORRUPT, (int64_t)b->place,
				 "directory inode %u: wrong checksum of a block", in->number);
	return 0;
}

struct blocks {
	const struct ext *x;
	const struct ext_inode *in;
	ext_dir_block_fn *fn;
	void *ctx;
	uint8_t *buf;
	uint64_t next, end;
};

static int run_of_blocks(void *ctx, const struct ext_run *run, struct error *e)
{
	struct blocks *d = ctx;
	const struct ext *x = d->x;
	for (uint64_t i = 0; i < run->count; i++) {
		struct ext_dir_block b = {.logical = run->logical + i,
					  .place = (run->physical + i) * x->block_size,
					  .data = d->buf,
					  .len = x->block_size};
		if (b.logical >= d->end)
			return 0;
		if (b.logical != d->next || run->unwritten)
			return error_set(e, ERROR_CORRUPT, (int64_t)b.place,
					 "directory inode %u has a hole before block %llu",
					 d->in->number, (unsigned long long)b.logical);
		d->next++;
		if (source_read_at(x->src, b.place, d->buf, b.len, e) < 0)
			return error_prefix(e, "directory inode %u", d->in->number);
		if (check_block(x, d->in, &b, e) < 0)
			return -1;
		int rc = d->fn(d->ctx, &b, e);
		if (rc)
			return rc;
	}
	return 0;
}

static int inline_blocks(const struct ext *x, const struct ext_inode *in, ext_dir_block_fn *fn,
			 void *ctx, struct error *e)
{
	autofree uint8_t *data = NULL;
	size_t len = 0;
	if (ext_inode_inline(x, in, &data, &len, e) < 0)
		return -1;
	/* Four bytes name the parent; entries fill the rest of i_block, then the attribute. */
	struct ext_dir_block b = {.place = in->place, .data = data + 4, .len = 56};
	int rc = fn(ctx, &b, e);
	if (rc || len <= 60)
		return rc;
	b.logical = 1;
	b.data = data + 60;
	b.len = len - 60;
	return fn(ctx, &b, e);
}

int ext_dir_blocks(const struct ext *x, const struct ext_inode *in, ext_dir_block_fn *fn, void *ctx,
		   struct error *e)
{
	static const struct ext_map_ops ops = {.run = run_of_blocks};
	if (!LINUX_S_ISDIR(in->mode))
		return error_set(e, ERROR_CORRUPT, (int64_t)in->place, "inode %u is no directory",
				 in->number);
	if (in->flags & EXT4_INLINE_DATA_FL)
		return inline_blocks(x, in, fn, ctx, e);
	struct blocks d = {.x = x, .in = in, .fn = fn, .ctx = ctx, .end = in->size / x->block_size};
	autofree uint8_t *buf = malloc(x->block_size);
	if (!buf)
		return error_nomem(e);
	d.buf = buf;
	int rc = ext_map(x, in, &ops, &d, e);
	if (!rc && d.next != d.end)
		return error_set(e, ERROR_CORRUPT, (int64_t)in->place,
				 "directory inode %u: %llu blocks of %llu are missing", in->number,
				 (unsigned long long)(d.end - d.next), (unsigned long long)d.end);
	return rc;
}

int ext_dir_entries(const struct ext *x, const struct ext_inode *in, const struct ext_dir_block *b,
		    ext_dirent_fn *fn, void *ctx, struct error *e)
{
	bool typed = ext2fs_has_feature_filetype(x->fs->super);
	size_t behind = in->flags & EXT4_ENCRYPT_FL && in->flags & EXT4_CASEFOLD_FL ? HASH_AREA : 0;
	size_t end = b->len, pos = 0;
	if (x->csum && b->len == x->block_size && !b->index && has_tail(x, b->data) &&
	    !(in->flags & EXT4_INLINE_DATA_FL))
		end -= TAIL;
	while (pos < end) {
		const uint8_t *p = b->data + pos;
		size_t left = end - pos, room;
		if (left < 8)
			break;
		room = record_length(x, p);
		struct ext_dirent d = {.inode = get_le32(p),
				       .length = p[6],
				       .type = typed ? p[7] : 0,
				       .name = (const char *)p + 8};
		size_t need = ((8u + d.length + 3) & ~(size_t)3) +
			      (ext_dirent_dots(&d) || !d.inode ? 0 : behind);
		/* The root of a hash tree ends its ".." at the end of the block, over the sum. */
		if (room < 12 || room % 4 || room > left || need > room)
			return error_set(
				e, ERROR_CORRUPT, (int64_t)(b->place + pos),
				"directory inode %u: an entry of %zu bytes that makes no sense",
				in->number, room);
		pos += room;
		if (!d.inode)
			continue;
		if (d.inode > x->inodes || !d.length)
			return error_set(
				e, ERROR_CORRUPT, (int64_t)(b->place + pos - room),
				"directory inode %u: an entry for inode %u, which does not exist",
				in->number, d.inode);
		int rc = fn(ctx, &d, e);
		if (rc)
			return rc;
	}
	if (pos != end)
		return error_set(e, ERROR_CORRUPT, (int64_t)(b->place + pos),
				 "directory inode %u: its entries do not fill the block",
				 in->number);
	return 0;
}

struct each {
	const struct ext *x;
	const struct ext_inode *in;
	ext_dirent_fn *fn;
	void *ctx;
};

static int each_block(void *ctx, const struct ext_dir_block *b, struct error *e)
{
	struct each *a = ctx;
	return ext_dir_entries(a->x, a->in, b, a->fn, a->ctx, e);
}

int ext_dir_each(const struct ext *x, const struct ext_inode *in, ext_dirent_fn *fn, void *ctx,
		 struct error *e)
{
	struct each a = {x, in, fn, ctx};
	return ext_dir_blocks(x, in, each_block, &a, e);
}

bool ext_dirent_named(const struct ext_dirent *d)
{
	return !memchr(d->name, '/', d->length) && !memchr(d->name, 0, d->length);
}

uint8_t ext_dirent_type(uint16_t mode)
{
	switch (mode & LINUX_S_IFMT) {
	case LINUX_S_IFREG:
		return EXT2_FT_REG_FILE;
	case LINUX_S_IFDIR:
		return EXT2_FT_DIR;
	case LINUX_S_IFLNK:
		return EXT2_FT_SYMLINK;
	case LINUX_S_IFCHR:
		return EXT2_FT_CHRDEV;
	case LINUX_S_IFBLK:
		return EXT2_FT_BLKDEV;
	case LINUX_S_IFIFO:
		return EXT2_FT_FIFO;
	case LINUX_S_IFSOCK:
		return EXT2_FT_SOCK;
	default:
		return EXT2_FT_UNKNOWN;
	}
}
#endif
