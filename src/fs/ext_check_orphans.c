// SPDX-License-Identifier: GPL-3.0-or-later
/* Inodes deleted or cut while open: in use, in no directory, and no damage. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

bool ext_is_orphan(const struct ext_verify *v, uint32_t number)
{
	return v->orphans.count &&
	       bsearch(&number, v->orphans.items, v->orphans.count, sizeof number, by_number);
}

static int add(struct ext_verify *v, uint32_t number, struct error *e)
{
	uint32_t *it = vec_push(&v->orphans);
	if (!it)
		return error_nomem(e);
	*it = number;
	return 0;
}

/* The old form: a list through the deletion times. */
static int follow_list(struct ext_verify *v, struct error *e)
{
	struct ext *x = v->x;
	struct ext_inode in;
	uint32_t next = x->fs->super->s_last_orphan;
	for (uint32_t n = 0; next; n++, next = in.dtime) {
		if (n > x->inodes || next > x->inodes) {
			ext_say(v, CHECK_INODES, 1024,
				"the list of orphaned inodes is damaged at inode %u", next);
			return 0;
		}
		if (n % 1024 == 0 && budget_check(v->b, e) < 0)
			return -1;
		if (ext_inode_read(x, next, &in, e) < 0)
			return ext_relay(v, CHECK_INODES, e);
		if (add(v, next, e) < 0)
			return -1;
	}
	return 0;
}

struct orphan_file {
	struct ext_verify *v;
	const struct ext_inode *in;
};

static int orphan_block(struct orphan_file *o, uint64_t block, struct error *e)
{
	struct ext_verify *v = o->v;
	struct ext *x = v->x;
	uint64_t place = block * x->block_size;
	if (source_read_at(x->src, place, v->block, x->block_size, e) < 0)
		return -1;
	size_t count = x->block_size / 4 - 2;
	uint8_t number[8];
	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(block >> 8 * i);
	uint32_t crc = ext_csum(x, ext_inode_seed(x, o->in), number, 8);
	crc = ext_csum(x, crc, v->block, count * 4);
	if (get_le32(v->block + count * 4) != EXT4_ORPHAN_BLOCK_MAGIC ||
	    (x->csum && get_le32(v->block + count * 4 + 4) != crc)) {
		ext_say(v, CHECK_INODES, (int64_t)place, "a block of the orphan file is damaged");
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t n = get_le32(v->block + i * 4);
		if (n > x->inodes)
			ext_say(v, CHECK_INODES, (int64_t)place,
				"the orphan file names inode %u, which does not exist", n);
		else if (n && add(v, n, e) < 0)
			return -1;
	}
	return 0;
}

static int orphan_run(void *ctx, const struct ext_run *run, struct error *e)
{
	struct orphan_file *o = ctx;
	for (uint64_t i = 0; i < run->count; i++)
		if (budget_check(o->v->b, e) < 0 || orphan_block(o, run->physical + i, e) < 0)
			return -1;
	return 0;
}

int ext_check_orphans(struct ext_verify *v, struct error *e)
{
	static const struct ext_map_ops ops = {.run = orphan_run};
	struct ext *x = v->x;
	struct ext_inode in;
	struct orphan_file o = {v, &in};
	if (follow_list(v, e) < 0)
		return -1;
	if (ext2fs_has_feature_orphan_file(x->fs->super) &&
	    (ext_inode_read(x, x->fs->super->s_orphan_file_inum, &in, e) < 0 ||
	     ext_map(x, &in, &ops, &o, e) < 0) &&
	    ext_relay(v, CHECK_INODES, e) < 0)
		return -1;
	if (v->orphans.count)
		qsort(v->orphans.items, v->orphans.count, sizeof *v->orphans.items, by_number);
	return 0;
}
#endif
