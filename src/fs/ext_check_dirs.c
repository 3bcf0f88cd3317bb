// SPDX-License-Identifier: GPL-3.0-or-later
/* Every directory: its blocks, its entries against the inodes they name; then the tree and the links. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

#define AHEAD 64 /* directories that are asked of a disk before they are read */

struct reading {
	struct ext_verify *v;
	struct ext_folder *folder;
	const struct ext_inode *in;
	uint64_t place; /* of the block */
	uint64_t entries;
	bool dots;		  /* expected at the start of the first block */
	struct ext_dirent *names; /* of this block: a hash table of open addressing */
	size_t slots;		  /* a power of two, more than a block has entries */
};

/* A name twice in one block; in others a hash tree would have put it elsewhere. */
static bool seen_before(struct reading *r, const struct ext_dirent *d)
{
	for (size_t i = hash_bytes(d->name, d->length);; i++) {
		struct ext_dirent *slot = &r->names[i & (r->slots - 1)];
		if (!slot->inode) {
			*slot = *d;
			return false;
		}
		if (slot->length == d->length && !memcmp(slot->name, d->name, d->length))
			return true;
	}
}

static void count_link(struct ext_node *n)
{
	if (n && n->seen < 65535)
		n->seen++;
}

static int bad_entry(struct reading *r, const struct ext_dirent *d, struct error *e,
		     const char *what)
{
	(void)e;
	ext_say(r->v, CHECK_DIRS, (int64_t)r->place,
		"directory inode %u: entry \"%.*s\" %s (inode %u)", r->in->number, (int)d->length,
		d->name, what, d->inode);
	return 0;
}

static int check_entry(void *ctx, const struct ext_dirent *d, struct error *e)
{
	struct reading *r = ctx;
	struct ext_verify *v = r->v;
	struct ext_node *n = ext_node(v, d->inode);
	uint64_t index = r->entries++;
	if (budget_check(v->b, e) < 0)
		return -1;
	if (!n || !(n->flags & NODE_USED) || (!n->links && !(n->flags & NODE_ORPHAN)))
		return bad_entry(r, d, e, "names an inode that is not in use");
	count_link(n);
	if (seen_before(r, d))
		return bad_entry(r, d, e, "stands there twice");
	if (n->type != d->type && d->type && n->type)
		bad_entry(r, d, e, "has another type than its inode");
	if (r->dots && index < 2) {
		bool dot = d->length == index + 1 && ext_dirent_dots(d);
		if (!dot || (!index && d->inode != r->in->number))
			bad_entry(r, d, e, "stands where \".\" and \"..\" belong");
		if (index)
			r->folder->dotdot = d->inode;
		return 0;
	}
	v->entries++;
	if (ext_dirent_dots(d))
		return bad_entry(r, d, e, "is in the wrong place");
	if (!(r->in->flags & EXT4_ENCRYPT_FL) && !ext_dirent_named(d))
		return bad_entry(r, d, e, "has a slash or a NUL in its name");
	if (ext_is_special(v, d->inode) || n->flags & NODE_VALUE)
		return bad_entry(r, d, e, "names an inode that serves the file system itself");
	struct ext_folder *child = n->type == EXT2_FT_DIR ? ext_folder(v, d->inode) : NULL;
	if (child && child->parent)
		return bad_entry(r, d, e, "is a directory that is in two places");
	if (child)
		child->parent = r->in->number;
	return 0;
}

static int check_block(void *ctx, const struct ext_dir_block *b, struct error *e)
{
	struct reading *r = ctx;
	r->place = b->place;
	memset(r->names, 0, r->slots * sizeof *r->names);
	return ext_dir_entries(r->v->x, r->in, b, check_entry, r, e);
}

static int check_folder(struct ext_verify *v, struct ext_folder *d, struct error *e)
{
	struct ext *x = v->x;
	struct ext_inode in;
	struct reading r = {.v = v, .folder = d, .in = &in, .names = v->names, .slots = v->slots};
	const struct ext_node *n = ext_node(v, d->inode);
	if (ext_inode_read(x, d->inode, &in, e) < 0)
		return ext_relay(v, CHECK_DIRS, e);
	if (n && n->flags & NODE_ORPHAN && !n->links)
		return 0; /* removed while in use: empty, and its ".." may be gone */
	r.dots = !(in.flags & EXT4_INLINE_DATA_FL);
	if (!r.dots) {
		d->dotdot = get_le32(in.raw + 0x28);
		count_link(ext_node(v, d->inode));
		count_link(ext_node(v, d->dotdot));
	}
	if (ext_dir_blocks(x, &in, check_block, &r, e) < 0)
		return ext_relay(v, CHECK_DIRS, e);
	if (r.dots && r.entries < 2)
		ext_say(v, CHECK_DIRS, (int64_t)in.place, "directory inode %u has no \"..\"",
			d->inode);
	if (in.flags & EXT2_INDEX_FL && r.dots && ext2fs_has_feature_dir_index(x->fs->super)) {
		v->indexed++;
		if (ext_htree_check(x, &in, &v->odd_names, e) < 0)
			return ext_relay(v, CHECK_DIRS, e);
	}
	return 0;
}

/* Up from each directory until the root, or one already known to lead there. */
static void check_tree(struct ext_verify *v)
{
	struct ext_folder *root = ext_folder(v, EXT2_ROOT_INO);
	if (!root) {
		ext_say(v, CHECK_DIRS, ERROR_NO_OFFSET, "the root directory is missing");
		return;
	}
	root->mark = 2;
	root->parent = EXT2_ROOT_INO;
	vec_each(&v->folders, start)
	{
		struct ext_folder *d = start;
		const struct ext_node *n = ext_node(v, d->inode);
		if (n->flags & NODE_ORPHAN && !n->links) {
			d->mark = 2;
			continue;
		}
		if (d->dotdot != d->parent)
			ext_say(v, CHECK_DIRS, (int64_t)ext_inode_place(v->x, d->inode),
				d->parent
					? "directory inode %u: \"..\" is inode %u, but it is in inode %u"
					: "directory inode %u is in no other (\"..\" is inode %u, parent %u)",
				d->inode, d->dotdot, d->parent);
		while (d && !d->mark) {
			d->mark = 1;
			d = d->parent ? ext_folder(v, d->parent) : NULL;
		}
		bool rooted = d && d->mark == 2;
		bool circle = d && d->mark == 1;
		for (d = start; d && d->mark == 1; d = d->parent ? ext_folder(v, d->parent) : NULL)
			d->mark = rooted ? 2 : 3;
		if (circle)
			ext_say(v, CHECK_DIRS, (int64_t)ext_inode_place(v->x, start->inode),
				"directory inode %u is inside itself", start->inode);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct ext_folder *const *x = a, *const *y = b;
	return ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

int ext_check_dirs(struct ext_verify *v, struct error *e)
{
	autofree struct ext_folder **order = calloc(v->folders.count + 1, sizeof(void *));
	autofree struct ext_dirent *names = NULL;
	/* An entry takes 12 bytes at least. */
	for (v->slots = 64; v->slots < v->x->block_size / 12 * 2;)
		v->slots *= 2;
	names = v->names = calloc(v->slots, sizeof *names);
	if (!order || !names)
		return error_nomem(e);
	for (size_t i = 0; i < v->folders.count; i++)
		order[i] = &v->folders.items[i];
	if (v->folders.count)
		qsort(order, v->folders.count, sizeof *order, by_place);
	for (size_t i = 0; i < v->folders.count; i++) {
		if (i + AHEAD < v->folders.count)
			source_expect(v->x->src, order[i + AHEAD]->place, v->x->block_size);
		if (budget_check(v->b, e) < 0 || check_folder(v, order[i], e) < 0)
			return -1;
	}
	check_tree(v);
	return 0;
}

static void check_link(struct ext_verify *v, uint32_t number, const struct ext_node *n)
{
	bool dir = n->type == EXT2_FT_DIR;
	int64_t place = (int64_t)ext_inode_place(v->x, number);
	if (n->flags & NODE_VALUE) {
		if (n->seen < 65535 && n->links < 65535 && n->seen != n->links)
			ext_say(v, CHECK_XATTRS, place,
				"inode %u holds an attribute of %u inodes, but counts %u", number,
				n->seen, n->links);
		return;
	}
	if (ext_is_special(v, number) || n->seen == n->links || n->seen == 65535)
		return;
	/* A directory with too many others in it stops counting at 1; orphans of it were removed. */
	if (dir && (n->links == 1 || n->flags & NODE_ORPHAN))
		return;
	if (!v->x->settled)
		v->loose[CHECK_LINKS]++;
	else if (!n->seen)
		ext_say(v, CHECK_LINKS, place, "inode %u is in use, but in no directory", number);
	else
		ext_say(v, CHECK_LINKS, place, "inode %u has %u links, but counts %u", number,
			n->seen, n->links);
}

int ext_check_links(struct ext_verify *v, struct error *e)
{
	struct ext *x = v->x;
	/* Entries that could not be read were not counted: what follows from that is no news. */
	if (v->broken[CHECK_DIRS] || v->broken[CHECK_INODES] || v->broken[CHECK_BITMAPS]) {
		v->loose[CHECK_LINKS]++;
		return 0;
	}
	for (uint32_t g = 0; g < x->groups; g++) {
		const struct ext_group *group = &v->groups[g];
		if (budget_check(v->b, e) < 0)
			return -1;
		for (uint32_t i = 0; i < group->limit && group->nodes; i++)
			if (group->nodes[i].flags & NODE_USED)
				check_link(v, g * x->inodes_per_group + i + 1, &group->nodes[i]);
	}
	return 0;
}
#endif
