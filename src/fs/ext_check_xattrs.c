// SPDX-License-Identifier: GPL-3.0-or-later
/* Attributes: hashes, shared blocks and their reference counts, values in inodes of their own. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

struct place {
	struct ext_verify *v;
	int64_t offset;
	uint32_t inode; /* 0: in a block */
};

/* The hash over name and value that each entry carries; old kernels took name bytes as signed. */
static bool hash_is(const struct ext_xattr *a, const uint8_t *value, size_t size)
{
	uint32_t stated = get_le32(a->entry + 12), plain = 0, with_sign = 0;
	for (size_t i = 0; i < a->length; i++) {
		plain = plain << 5 ^ plain >> 27 ^ (uint8_t)a->name[i];
		with_sign = with_sign << 5 ^ with_sign >> 27 ^ (uint32_t)(int8_t)a->name[i];
	}
	for (size_t i = 0; i < size; i += 4) {
		uint8_t word[4] = {0};
		memcpy(word, value + i, size - i < 4 ? size - i : 4);
		plain = plain << 16 ^ plain >> 16 ^ get_le32(word);
		with_sign = with_sign << 16 ^ with_sign >> 16 ^ get_le32(word);
	}
	return stated == plain || stated == with_sign;
}

static bool hash_sound(const struct ext_xattr *a)
{
	return !get_le32(a->entry + 12) || a->value_inode || hash_is(a, a->value, a->size);
}

#define VALUE_SUM 8 /* where the inode has the sum of what it holds: its time of last access */

/* Its size is told twice: here and by the inode that holds it. Whether that holds one at all is counted later. */
static int check_value(struct ext_verify *v, const struct ext_xattr *a, struct error *e)
{
	struct ext_inode in;
	uint8_t sum[4];
	if (ext_inode_read(v->x, a->value_inode, &in, e) < 0)
		return ext_relay(v, CHECK_XATTRS, e);
	if (!(in.flags & EXT4_EA_INODE_FL))
		return 0;
	if (in.size != a->size) {
		ext_say(v, CHECK_XATTRS, (int64_t)in.place, "inode %u holds %llu bytes of an attribute that has %zu",
			a->value_inode, (unsigned long long)in.size, (size_t)a->size);
		return 0;
	}
	autofree uint8_t *value = malloc(a->size + 1);
	if (!value)
		return error_nomem(e);
	if (ext_read_small(v->x, &in, value, a->size, e) < 0)
		return ext_relay(v, CHECK_XATTRS, e);
	uint32_t crc = ext_csum(v->x, v->x->seed, value, a->size);
	for (int i = 0; i < 4; i++)
		sum[i] = (uint8_t)(crc >> 8 * i);
	if (get_le32(in.raw + VALUE_SUM) != crc)
		ext_say(v, CHECK_XATTRS, (int64_t)in.place,
			"inode %u: the value of an attribute has the sum 0x%08x, computed 0x%08x", a->value_inode,
			get_le32(in.raw + VALUE_SUM), crc);
	else if (get_le32(a->entry + 12) && !hash_is(a, sum, sizeof sum))
		ext_say(v, CHECK_XATTRS, (int64_t)in.place, "inode %u holds the value of another attribute",
			a->value_inode);
	return 0;
}

static int check_one(void *ctx, const struct ext_xattr *a, struct error *e)
{
	struct place *p = ctx;
	struct ext_verify *v = p->v;
	v->attributes++;
	if (budget_check(v->b, e) < 0)
		return -1;
	/* Inside inodes few kernels keep it, and none for inline data. */
	if (!hash_sound(a) && !(a->index == 7 && p->inode))
		ext_say(v, CHECK_XATTRS, p->offset,
			"%s %u: an attribute's hash is wrong: name or value changed",
			p->inode ? "inode" : "block", p->inode);
	if (!a->value_inode)
		return 0;
	/* The inode may come later in the scan: values are counted when all inodes are known. */
	uint64_t *ref = vec_push(&v->acls);
	if (!ref)
		return error_nomem(e);
	*ref = UINT64_C(1) << 63 | a->value_inode;
	return check_value(v, a, e);
}

int ext_check_inode_xattrs(struct ext_verify *v, const struct ext_inode *in, struct error *e)
{
	struct place p = {v, (int64_t)in->place, in->number};
	if (ext_xattr_in_inode(v->x, in, check_one, &p, e) < 0)
		return ext_relay(v, CHECK_XATTRS, e);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int check_block(struct ext_verify *v, uint64_t block, uint64_t users, struct error *e)
{
	struct ext *x = v->x;
	struct place p = {v, (int64_t)(block * x->block_size), 0};
	uint64_t taken, first = 0;
	uint32_t refs = 0;
	if (ext_xattr_in_block(x, block, &refs, check_one, &p, e) < 0)
		return ext_relay(v, CHECK_XATTRS, e);
	if (refs != users)
		ext_say(v, CHECK_XATTRS, p.offset,
			"attribute block %llu has %llu users, but counts %u",
			(unsigned long long)block, (unsigned long long)users, refs);
	if (ext_claim(v, ext_cluster_of(x, block), 1, &taken, &first, e) < 0)
		return -1;
	if (taken)
		ext_say(v, CHECK_CLAIMS, p.offset,
			"attribute block %llu belongs to something else too",
			(unsigned long long)block);
	return 0;
}

static void count_value(struct ext_verify *v, uint32_t inode)
{
	struct ext_node *n = ext_node(v, inode);
	if (!n || !(n->flags & NODE_VALUE))
		ext_say(v, CHECK_XATTRS, (int64_t)ext_inode_place(v->x, inode),
			"inode %u is said to hold an attribute, but does not", inode);
	else if (n->seen < 65535)
		n->seen++;
}

int ext_check_xattrs(struct ext_verify *v, struct error *e)
{
	const uint64_t value = UINT64_C(1) << 63;
	size_t blocks = 0;
	if (v->acls.count)
		qsort(v->acls.items, v->acls.count, sizeof *v->acls.items, by_value);
	/* Blocks come first, sorted, so in disk order; what they add goes behind them. */
	size_t end = v->acls.count;
	for (size_t i = 0, n; i < end && v->acls.items[i] < value; i += n) {
		uint64_t block = v->acls.items[i];
		for (n = 1; i + n < end && v->acls.items[i + n] == block; n++)
			;
		blocks++;
		if (budget_check(v->b, e) < 0 || check_block(v, block, n, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < v->acls.count; i++)
		if (v->acls.items[i] & value)
			count_value(v, (uint32_t)v->acls.items[i]);
	v->acls.count = blocks;
	return 0;
}
#endif
