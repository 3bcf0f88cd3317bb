// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The hash tree of a large directory. Readers here go through all entries, but a kernel finds a name by
 * its hash only: a name in the wrong leaf is lost to the restored system.
 */
#ifdef HAVE_EXT2FS
#include "ext.h"

#define LEVELS_MAX 3

struct span {
	uint32_t low, high; /* hashes low .. high belong here */
	uint8_t kind;	    /* 0: in no table; 1: leaf; 2: inner */
};

struct htree {
	const struct ext *x;
	const struct ext_inode *in;
	struct ext_runs runs;
	struct span *spans;
	uint64_t count;
	unsigned levels;
	int version, flags; /* of the hash; flags: EXT4_CASEFOLD_FL, or 0 */
	bool beside;	    /* the hash has a key, which is not here: it is kept beside each name */
	bool unknown;	    /* names are folded by tables that are not here */
	uint64_t odd;
};

static void htree_free(struct htree *t)
{
	free(t->runs.items);
	free(t->spans);
}

static int bad(const struct htree *t, uint64_t logical, struct error *e, const char *what)
{
	uint64_t block = ext_runs_find(&t->runs, logical);
	return error_set(e, ERROR_CORRUPT, (int64_t)(block * t->x->block_size),
			 "directory inode %u: %s", t->in->number, what);
}

/* The table of an inner block, whose hashes are low .. high. */
static int table(struct htree *t, uint64_t logical, unsigned level, uint32_t low, uint32_t high,
		 struct error *e)
{
	const struct ext *x = t->x;
	autofree uint8_t *data = malloc(x->block_size);
	uint64_t block = ext_runs_find(&t->runs, logical);
	if (!data)
		return error_nomem(e);
	if (!block)
		return bad(t, logical, e, "an inner block of its index is missing");
	if (source_read_at(x->src, block * x->block_size, data, x->block_size, e) < 0)
		return -1;
	size_t at = logical ? 8 : 32, tail = x->csum ? 8 : 0;
	size_t limit = get_le16(data + at), count = get_le16(data + at + 2);
	if (limit != (x->block_size - at - tail) / 8 || !count || count > limit)
		return bad(t, logical, e, "its index has counts that make no sense");
	t->spans[logical].kind = 2;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *p = data + at + i * 8;
		uint32_t from = i ? get_le32(p) : low, child = get_le32(p + 4) & 0x0fffffff;
		uint32_t to = i + 1 < count ? get_le32(p + 8) : high;
		if (child >= t->count || t->spans[child].kind)
			return bad(t, logical, e, "its index points to a block twice or outside");
		if (to > high || to < from)
			return bad(t, logical, e, "its index is out of order");
		t->spans[child] = (struct span){from, to, 1};
		if (level && table(t, child, level - 1, from, to, e) < 0)
			return -1;
	}
	return 0;
}

struct leaf {
	struct htree *t;
	uint64_t logical;
};

static uint32_t hash_of(const struct htree *t, const struct ext_dirent *d)
{
	const uint32_t *seed = t->x->fs->super->s_hash_seed;
	ext2_dirhash_t hash = 0, minor;
	if (t->beside)
		return get_le32((const uint8_t *)d->name + (d->length + 3) / 4 * 4);
	/* What can't be folded, because it is no text, is taken as it is. */
	if (ext2fs_dirhash2(t->version, d->name, d->length, t->x->fs->encoding, t->flags, seed, &hash, &minor))
		ext2fs_dirhash(t->version, d->name, d->length, seed, &hash, &minor);
	return hash;
}

static bool is_ascii(const struct ext_dirent *d)
{
	uint8_t all = 0;
	for (size_t i = 0; i < d->length; i++)
		all |= (uint8_t)d->name[i];
	return all < 0x80;
}

static int check_name(void *ctx, const struct ext_dirent *d, struct error *e)
{
	struct leaf *l = ctx;
	struct htree *t = l->t;
	const struct span *s = &t->spans[l->logical];
	uint32_t hash = hash_of(t, d);
	/* Hashes are even. An odd bound: names with the one below it go on in the next leaf. */
	if (hash >= (s->low & ~1u) && (s->high == UINT32_MAX || hash < s->high))
		return 0;
	/* Versions of Linux fold some characters differently, and newer ones look everywhere. */
	if (t->flags && !is_ascii(d)) {
		t->odd++;
		return 0;
	}
	return bad(t, l->logical, e, "a name is not where its index has it: it can't be opened");
}

static int check_block(void *ctx, const struct ext_dir_block *b, struct error *e)
{
	struct htree *t = ctx;
	struct leaf l = {t, b->logical};
	if (t->spans[b->logical].kind == 2)
		return 0;
	if (!t->spans[b->logical].kind)
		return bad(t, b->logical, e, "a block that its index does not have");
	return t->unknown ? 0 : ext_dir_entries(t->x, t->in, b, check_name, &l, e);
}

int ext_htree_check(const struct ext *x, const struct ext_inode *in, uint64_t *odd, struct error *e)
{
	struct htree t autodestroy(htree_free) = {
		.x = x,
		.in = in,
		.count = in->size / x->block_size,
		.flags = in->flags & EXT4_CASEFOLD_FL,
		.beside = in->flags & EXT4_ENCRYPT_FL && in->flags & EXT4_CASEFOLD_FL,
	};
	uint8_t head[32];
	unsigned levels_max = ext2fs_has_feature_largedir(x->fs->super) ? LEVELS_MAX : 2;
	if (ext_map_all(x, in, &t.runs, e) < 0)
		return -1;
	if (t.count > x->blocks || !t.count || !ext_runs_find(&t.runs, 0))
		return bad(&t, 0, e, "no root of its index");
	t.spans = calloc((size_t)t.count, sizeof *t.spans);
	if (!t.spans)
		return error_nomem(e);
	if (source_read_at(x->src, ext_runs_find(&t.runs, 0) * x->block_size, head, sizeof head,
			   e) < 0)
		return -1;
	t.version = head[28];
	t.levels = head[30];
	if (get_le32(head + 24) || head[29] != 8 || t.levels >= levels_max ||
	    (t.beside ? t.version != EXT2_HASH_SIPHASH : t.version > EXT2_HASH_TEA))
		return bad(&t, 0, e, "the root of its index makes no sense");
	t.unknown = t.flags && !t.beside && !x->fs->encoding;
	if (x->fs->super->s_flags & EXT2_FLAGS_UNSIGNED_HASH && t.version <= EXT2_HASH_TEA)
		t.version += EXT2_HASH_LEGACY_UNSIGNED;
	if (table(&t, 0, t.levels, 0, UINT32_MAX, e) < 0)
		return -1;
	int rc = ext_dir_blocks(x, in, check_block, &t, e);
	*odd += t.odd;
	return rc;
}
#endif
