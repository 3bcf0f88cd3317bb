// SPDX-License-Identifier: GPL-3.0-or-later
/* Every directory: its entries name inodes that are in use and of the right type; then link counts.
 */
#include "xfs_verify.h"

struct dir {
	struct xfs_verify *v;
	const struct xfs_inode *in;
	struct xfs_folder *folder;
};

static struct xfs_folder *folder_of(const struct xfs_verify *v, uint64_t inode)
{
	size_t low = 0, high = v->dirs.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->dirs.items[mid].inode < inode)
			low = mid + 1;
		else
			high = mid;
	}
	return low < v->dirs.count && v->dirs.items[low].inode == inode ? &v->dirs.items[low] : NULL;
}

static int check_entry(void *ctx, const struct xfs_dirent *d, struct error *e)
{
	struct dir *it = ctx;
	struct xfs_verify *v = it->v;
	unsigned long long number = it->in->number, target = d->inode;
	bool dots = xfs_dirent_dots(d);
	if (budget_check(v->b, e) < 0)
		return -1;
	if (!dots)
		v->entries++;
	if (!xfs_dirent_named(d)) {
		xfs_say(v, CHECK_DIRS, (int64_t)it->in->place,
			"directory inode %llu: a name with a slash or a NUL in it", number);
		return 0;
	}
	struct xfs_chunk *c = xfs_chunk_of(v, d->inode);
	unsigned i = c ? (unsigned)(d->inode - c->first) : 0;
	if (!c || !c->type[i]) {
		if (!v->unknown)
			xfs_say(v, CHECK_DIRS, (int64_t)it->in->place,
				"directory inode %llu: %.*s is inode %llu, which is not in use",
				number, d->length, d->name, target);
		return 0;
	}
	if (v->x->ftype && d->type != c->type[i])
		xfs_say(v, CHECK_DIRS, (int64_t)it->in->place,
			"directory inode %llu: %.*s is said to be of type %u, but inode %llu is of "
			"type %u",
			number, d->length, d->name, d->type, target, c->type[i]);
	if (dots && d->length == 1 && d->inode != it->in->number)
		xfs_say(v, CHECK_DIRS, (int64_t)it->in->place,
			"directory inode %llu: \".\" is inode %llu", number, target);
	if (dots && d->length == 2 && c->type[i] != XFS_FT_DIR)
		xfs_say(v, CHECK_DIRS, (int64_t)it->in->place,
			"directory inode %llu: \"..\" is no directory", number);
	if (c->left[i] > INT32_MIN && c->left[i] != INT32_MAX)
		c->left[i]--;
	struct xfs_folder *child = dots ? NULL : folder_of(v, d->inode);
	if (dots && d->length == 2)
		it->folder->dotdot = d->inode;
	if (child && child->parent)
		xfs_say(v, CHECK_DIRS, (int64_t)it->in->place,
			"directory inode %llu is in inode %llu and in inode %llu", target,
			(unsigned long long)child->parent, number);
	else if (child)
		child->parent = it->in->number;
	return 0;
}

static struct xfs_folder *up(const struct xfs_verify *v, const struct xfs_folder *d)
{
	return d->parent ? folder_of(v, d->parent) : NULL;
}

/* Up from each directory until the root, or one already known to lead there. */
static void check_tree(struct xfs_verify *v)
{
	vec_each(&v->dirs, start)
	{
		struct xfs_folder *d = start;
		int64_t place = (int64_t)xfs_inode_place(v->x, d->inode);
		if (d->inode == v->x->root) {
			d->parent = d->inode;
			d->mark = 2;
		}
		if (d->dotdot != d->parent)
			xfs_say(v, CHECK_DIRS, place,
				d->parent
				    ? "directory inode %llu: \"..\" is inode %llu, but it is in inode %llu"
				    : "directory inode %llu is in no other (\"..\" is inode %llu, parent %llu)",
				(unsigned long long)d->inode, (unsigned long long)d->dotdot,
				(unsigned long long)d->parent);
	}
	vec_each(&v->dirs, start)
	{
		struct xfs_folder *d = start;
		for (; d && !d->mark; d = up(v, d))
			d->mark = 1;
		uint8_t mark = d && d->mark == 2 ? 2 : 3;
		if (d && d->mark == 1)
			xfs_say(v, CHECK_DIRS, (int64_t)xfs_inode_place(v->x, start->inode),
				"directory inode %llu is inside itself", (unsigned long long)start->inode);
		for (d = start; d && d->mark == 1; d = up(v, d))
			d->mark = mark;
	}
}

int xfs_check_dirs(struct xfs_verify *v, struct error *e)
{
	const struct xfs *x = v->x;
	struct xfs_chunk *root = xfs_chunk_of(v, x->root);
	if (!v->unknown && (!root || root->type[x->root - root->first] != XFS_FT_DIR))
		xfs_say(v, CHECK_DIRS, (int64_t)xfs_inode_place(x, x->root),
			"the root inode %llu is no directory", (unsigned long long)x->root);
	for (size_t i = 0; i < v->dirs.count; i++) {
		struct xfs_runs runs autodestroy(xfs_runs_free) = {0};
		struct xfs_inode in;
		struct dir d = {v, &in, &v->dirs.items[i]};
		if (xfs_inode_read(x, v->dirs.items[i].inode, &in, e) < 0 ||
		    xfs_map_all(x, &in, XFS_DATA_FORK, &runs, e) < 0 ||
		    xfs_dir_each(x, &in, &runs, check_entry, &d, e) < 0 ||
		    xfs_index_check(x, &in, &runs, &v->indexed, e) < 0)
			if (xfs_relay(v, CHECK_DIRS, e) < 0)
				return -1;
	}
	/* What could not be read may have the names that are missing. */
	if (!v->unknown)
		check_tree(v);
	return 0;
}

static bool is_special(const struct xfs *x, uint64_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(x->special); i++)
		if (x->special[i] == number)
			return true;
	return false;
}

int xfs_check_links(struct xfs_verify *v, struct error *e)
{
	(void)e;
	/* What could not be read is said already; counts would only say it again. */
	if (v->unknown)
		return 0;
	vec_each(&v->chunks, c) for (unsigned i = 0; i < 64; i++)
	{
		unsigned long long number = c->first + i;
		if (!c->type[i] || c->left[i] == INT32_MAX || is_special(v->x, number))
			continue;
		if (c->left[i])
			xfs_say(v, CHECK_LINKS, (int64_t)xfs_inode_place(v->x, number),
				"inode %llu: its link count is off by %d", number, c->left[i]);
		if (c->orphans >> i & 1 && v->x->clean)
			xfs_say(v, CHECK_LINKS, (int64_t)xfs_inode_place(v->x, number),
				"inode %llu is in use, but in no directory", number);
	}
	return 0;
}
