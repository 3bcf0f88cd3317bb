// SPDX-License-Identifier: GPL-3.0-or-later
/* The scan of the inode tables, in large reads, each group's bitmap beside its table. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

#define CHUNK (512u * 1024)

struct table {
	struct ext_verify *v;
	uint32_t group, first; /* number of the first inode */
	uint8_t *bitmap, *chunk;
	uint32_t used, dirs;
};

static int read_bitmap(struct table *t, bool uninit, struct error *e)
{
	struct ext_verify *v = t->v;
	struct ext *x = v->x;
	uint32_t per = x->inodes_per_group;
	uint64_t place = ext2fs_inode_bitmap_loc(x->fs, t->group) * x->block_size;
	memset(t->bitmap, 0, x->block_size);
	if (!uninit) {
		if (source_read_at(x->src, place, t->bitmap, x->block_size, e) < 0) {
			memset(t->bitmap, 0, x->block_size);
			return ext_relay(v, CHECK_BITMAPS, e);
		}
		if (!ext2fs_inode_bitmap_csum_verify(x->fs, t->group, (char *)t->bitmap,
						     (int)(per / 8)))
			ext_say(v, CHECK_BITMAPS, (int64_t)place,
				"group %u: its inode bitmap has a wrong checksum", t->group);
		for (uint32_t i = per / 8; i < x->block_size; i++)
			if (t->bitmap[i] != 0xff) {
				v->loose[CHECK_BITMAPS]++;
				break;
			}
	}
	for (uint32_t i = 0; i < per / 8; i++)
		t->used += (unsigned)__builtin_popcount(t->bitmap[i]);
	uint32_t stated = ext2fs_bg_free_inodes_count(x->fs, t->group);
	v->free_inodes += stated;
	if (per - t->used != stated)
		ext_say(v, CHECK_BITMAPS, (int64_t)place,
			"group %u: %u free inodes, but its descriptor says %u", t->group,
			per - t->used, stated);
	return 0;
}

static bool marked(const struct table *t, uint32_t i)
{
	return t->bitmap[i / 8] & 1 << i % 8;
}

/* An inode that the bitmap calls free. */
static void check_free(struct table *t, const struct ext_inode *in)
{
	struct ext_verify *v = t->v;
	if (is_zero(in->raw, v->x->inode_size))
		return;
	if (!ext_inode_sound(v->x, in))
		ext_say(v, CHECK_INODES, (int64_t)in->place, "inode %u (free): wrong checksum",
			in->number);
	else if (in->links && !in->dtime)
		ext_say(v, CHECK_USE, (int64_t)in->place, "inode %u is in use but marked free",
			in->number);
}

static int remember(struct table *t, const struct ext_inode *in, struct error *e)
{
	struct ext_verify *v = t->v;
	struct ext_node *n = ext_node(v, in->number);
	n->flags = NODE_USED | (ext_is_orphan(v, in->number) ? NODE_ORPHAN : 0);
	n->links = in->links;
	n->type = ext_dirent_type(in->mode);
	if (in->flags & EXT4_EA_INODE_FL) {
		uint64_t refs = (uint64_t)(uint32_t)get_le32(in->raw + 0x0c) << 32 |
				get_le32(in->raw + 0x24);
		n->flags |= NODE_VALUE;
		n->links = refs > 65535 ? 65535 : (uint16_t)refs;
	} else if (in->ctime > v->newest && in->ctime <= v->now) {
		v->newest = in->ctime;
	}
	v->inodes++;
	if (!LINUX_S_ISDIR(in->mode))
		return 0;
	t->dirs++;
	v->dirs++;
	struct ext_folder *d = vec_push(&v->folders);
	if (!d)
		return error_nomem(e);
	d->inode = in->number;
	return 0;
}

static int check_used(struct table *t, const struct ext_inode *in, struct error *e)
{
	struct ext_verify *v = t->v;
	bool reserved = in->number < EXT2_FIRST_INO(v->x->fs->super) && in->number != EXT2_ROOT_INO;
	if (reserved && is_zero(in->raw, v->x->inode_size))
		return 0;
	if (!ext_inode_sound(v->x, in)) {
		ext_say(v, CHECK_INODES, (int64_t)in->place, "inode %u: wrong checksum", in->number);
		return 0;
	}
	bool orphan = ext_is_orphan(v, in->number);
	if (!in->links && !orphan && !reserved && !(in->flags & EXT4_EA_INODE_FL)) {
		if (v->x->settled)
			ext_say(v, CHECK_USE, (int64_t)in->place,
				"inode %u is deleted, but marked used and in no list of orphans",
				in->number);
		else
			v->loose[CHECK_LINKS]++;
		return 0;
	}
	if (reserved && !in->links && in->number != EXT2_BAD_INO) {
		if ((in->mode && !LINUX_S_ISREG(in->mode)) || in->size || in->blocks)
			ext_say(v, CHECK_INODES, (int64_t)in->place,
				"reserved inode %u is not in use, but not empty", in->number);
		return 0;
	}
	if (in->dtime && in->links && !orphan)
		ext_say(v, CHECK_INODES, (int64_t)in->place,
			"inode %u is in use but has a time of deletion", in->number);
	if (remember(t, in, e) < 0 || ext_check_inode(v, in, e) < 0)
		return -1;
	return 0;
}

static int scan_chunk(struct table *t, uint32_t from, uint32_t count, uint64_t place,
		      struct error *e)
{
	struct ext *x = t->v->x;
	struct extent hole;
	bool any = false;
	for (uint32_t i = from; i < from + count && !any; i++)
		any = marked(t, i);
	if (budget_check(t->v->b, e) < 0)
		return -1;
	if (!any && place < source_size(x->src)) {
		if (source_extent_at(x->src, place, &hole, e) < 0)
			return -1;
		if (hole.zero && hole.length >= (uint64_t)count * x->inode_size)
			return 0;
	}
	if (source_read_at(x->src, place, t->chunk, (size_t)count * x->inode_size, e) < 0)
		return ext_relay(t->v, CHECK_INODES, e);
	for (uint32_t i = 0; i < count; i++) {
		struct ext_inode in;
		uint64_t off = (uint64_t)i * x->inode_size;
		ext_inode_parse(x, t->first + from + i, t->chunk + off, place + off, &in);
		if (!marked(t, from + i))
			check_free(t, &in);
		else if (check_used(t, &in, e) < 0)
			return -1;
	}
	return 0;
}

static int scan_group(struct table *t, struct error *e)
{
	struct ext_verify *v = t->v;
	struct ext *x = v->x;
	struct ext_group *g = &v->groups[t->group];
	uint32_t per = x->inodes_per_group, unused = ext2fs_bg_itable_unused(x->fs, t->group);
	bool uninit = x->group_csum && ext2fs_bg_flags_test(x->fs, t->group, EXT2_BG_INODE_UNINIT);
	t->used = t->dirs = 0;
	t->first = t->group * per + 1;
	if (g->bad)
		return 0;
	if (read_bitmap(t, uninit, e) < 0)
		return -1;
	/* Behind the used part a table may never have been written. */
	g->limit = uninit ? 0 : per;
	if (g->limit && x->group_csum && unused <= per)
		g->limit = per - unused;
	for (uint32_t i = g->limit; i < per; i++)
		if (marked(t, i)) {
			ext_say(v, CHECK_USE, (int64_t)ext_inode_place(x, t->first + i),
				"inode %u is marked used in a part of its table that was never used",
				t->first + i);
			break;
		}
	if (!g->limit)
		return 0;
	g->nodes = calloc(g->limit, sizeof *g->nodes);
	if (!g->nodes)
		return error_nomem(e);
	uint32_t step = CHUNK / x->inode_size;
	for (uint32_t i = 0; i < g->limit; i += step) {
		uint32_t n = g->limit - i < step ? g->limit - i : step;
		if (scan_chunk(t, i, n, ext_inode_place(x, t->first + i), e) < 0)
			return -1;
	}
	uint32_t stated = ext2fs_bg_used_dirs_count(x->fs, t->group);
	if (stated != t->dirs)
		ext_say(v, CHECK_GROUPS, (int64_t)ext_inode_place(x, t->first),
			"group %u has %u directories, but its descriptor says %u", t->group,
			t->dirs, stated);
	return 0;
}

int ext_check_inodes(struct ext_verify *v, struct error *e)
{
	autofree uint8_t *bitmap = malloc(v->x->block_size);
	autofree uint8_t *chunk = malloc(CHUNK);
	struct table t = {.v = v, .bitmap = bitmap, .chunk = chunk};
	if (!bitmap || !chunk)
		return error_nomem(e);
	for (t.group = 0; t.group < v->x->groups; t.group++)
		if (scan_group(&t, e) < 0)
			return -1;
	return 0;
}
#endif
