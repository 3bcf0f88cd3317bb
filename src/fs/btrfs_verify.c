// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk of all metadata: every node of every tree, in all its copies, and the items in them. */
#include <sys/stat.h>

#include "btrfs_verify.h"

static struct btrfs_known *find_known(const struct btrfs_verify *v, uint64_t bytenr)
{
	struct rng r = {bytenr};
	for (size_t i = (size_t)rng_next(&r);; i++) {
		struct btrfs_known *k = &v->known[i & (v->slots - 1)];
		if (!k->bytenr || k->bytenr == bytenr)
			return k;
	}
}

static int remember(struct btrfs_verify *v, const struct btrfs_node *n, const struct btrfs_key *last,
		    const struct btrfs_tally *t, struct error *e)
{
	if (!v->slots)
		return 0;
	if (v->stored * 4 >= v->slots * 3) {
		struct btrfs_verify bigger = *v;
		bigger.slots = v->slots * 2;
		bigger.known = calloc(bigger.slots, sizeof *bigger.known);
		if (!bigger.known)
			return error_nomem(e);
		for (size_t i = 0; i < v->slots; i++)
			if (v->known[i].bytenr)
				*find_known(&bigger, v->known[i].bytenr) = v->known[i];
		free(v->known);
		v->known = bigger.known;
		v->slots = bigger.slots;
	}
	struct btrfs_known *k = find_known(v, n->bytenr);
	v->stored += !k->bytenr;
	*k = (struct btrfs_known){n->bytenr, n->generation, {0}, *last, n->level, *t};
	if (n->items)
		k->first = btrfs_node_key(n, 0);
	return 0;
}

static void add_tally(struct btrfs_tally *to, const struct btrfs_tally *t)
{
	to->items += t->items;
	to->indexes += t->indexes;
	to->named += t->named;
	to->refs += t->refs;
	to->links += t->links;
	to->linked += t->linked;
	to->inodes += t->inodes;
	to->entries += t->entries;
	to->extents += t->extents;
	if (t->newest > to->newest)
		to->newest = t->newest;
}

/* All copies. 1 one of them holds (n is it), 0 none and told, -1. */
static int read_copies(struct btrfs_verify *v, const struct btrfs_expect *x, struct btrfs_node *n, struct error *e)
{
	unsigned copies, good = 0, last_good = 0;
	uint64_t place;
	int rc = btrfs_place(v->fs, x->bytenr, v->fs->node, 0, &place, &copies, e);
	for (unsigned i = rc < 0 ? 0 : v->again ? 1 : copies; i--;) {
		if (btrfs_node_read(v->fs, x, i, n, e) == 0) {
			good++;
			last_good = i;
			continue;
		}
		if (e->cls != ERROR_CORRUPT)
			return -1;
		v->bad_nodes++;
		error_prefix(e, "tree %llu, copy %u", LLU(v->tree->id), i);
		finding_error(v->f, PROOF_STRUCTURE, "btrfs.nodes", v->subject, e);
	}
	if (rc < 0) {
		v->bad_nodes++;
		finding_error(v->f, PROOF_STRUCTURE, "btrfs.nodes", v->subject, e);
	}
	if (!good)
		return 0;
	if (!v->again) {
		v->nodes++;
		v->copies += good;
	}
	/* The loop ends with copy 0: read the good one again when that is damaged. */
	return last_good && btrfs_node_read(v->fs, x, last_good, n, e) < 0 ? -1 : 1;
}

static int verify_node(struct btrfs_verify *v, const struct btrfs_expect *x, const struct btrfs_key *upper,
		       struct btrfs_tally *t, struct error *e);

static int verify_children(struct btrfs_verify *v, const struct btrfs_node *n, const struct btrfs_key *upper,
			   struct btrfs_tally *t, struct error *e)
{
	for (uint32_t i = 0; i < n->items; i++) {
		struct btrfs_key first, next;
		struct btrfs_expect x;
		btrfs_expect_child(n, i, v->tree->owner, &first, &x);
		if (i + 1 < n->items)
			next = btrfs_node_key(n, i + 1);
		if (verify_node(v, &x, i + 1 < n->items ? &next : upper, t, e) < 0)
			return -1;
	}
	return 0;
}

static int verify_node(struct btrfs_verify *v, const struct btrfs_expect *x, const struct btrfs_key *upper,
		       struct btrfs_tally *t, struct error *e)
{
	struct btrfs_tally own = {0};
	if (v->b && budget_check(v->b, e) < 0)
		return -1;
	const struct btrfs_known *k = v->slots && v->files ? find_known(v, x->bytenr) : NULL;
	/* What else its place asks of it; if that is not so, it is read again, and told. */
	if (k && k->bytenr && k->generation == x->generation && k->level == x->level && x->first &&
	    !btrfs_key_cmp(&k->first, x->first) && (!upper || btrfs_key_cmp(&k->last, upper) < 0)) {
		add_tally(t, &k->tally);
		return 0;
	}
	autofree struct btrfs_node *n = malloc(sizeof *n + v->fs->node);
	if (!n)
		return error_nomem(e);
	int rc = read_copies(v, x, n, e);
	if (rc <= 0)
		return rc;
	btrfs_note_node(v, n);
	struct btrfs_key last = {0};
	if (n->items)
		last = btrfs_node_key(n, n->items - 1);
	if (upper && n->items && btrfs_key_cmp(&last, upper) >= 0) {
		btrfs_broken(v, bad_nodes, "btrfs.nodes", -1,
			     "tree %llu: the node at the logical address %llu reaches into its neighbour",
			     LLU(v->tree->id), LLU(n->bytenr));
		return 0; /* or nodes might be gone through without end */
	}
	if (!n->level)
		btrfs_check_leaf(v, n, &own);
	else if (verify_children(v, n, upper, &own, e) < 0)
		return -1;
	add_tally(t, &own);
	return v->files ? remember(v, n, &last, &own, e) : 0;
}

/* The directory that it begins with; only an undamaged tree tells that there is none. */
static int check_top(struct btrfs_verify *v, const struct btrfs_tree *tree, struct error *e)
{
	struct btrfs_inode in;
	struct error why = {0};
	int rc = btrfs_inode_read(v->fs, tree, tree->dirid, &in, &why);
	if (rc < 0 && why.cls != ERROR_CORRUPT) {
		*e = why;
		return -1;
	}
	if (rc < 0 || !S_ISDIR(in.mode))
		btrfs_broken(v, bad_dirs, "btrfs.directories", -1, "subvolume %llu begins with inode %llu, which is no "
			     "directory", LLU(tree->id), LLU(tree->dirid));
	return 0;
}

static void begin_tree(struct btrfs_verify *v, const struct btrfs_tree *tree, struct btrfs_expect *x)
{
	*x = (struct btrfs_expect){.bytenr = tree->bytenr, .generation = tree->generation, .owner = tree->owner,
				   .level = tree->level};
	v->tree = tree;
	v->files = btrfs_is_subvolume(tree->id);
	v->end = v->inode = 0;
}

static int verify_tree(struct btrfs_verify *v, const struct btrfs_tree *tree, struct error *e)
{
	struct btrfs_tally t = {0};
	struct btrfs_expect x;
	unsigned before = v->bad_nodes + v->bad_dirs + v->bad_items;
	begin_tree(v, tree, &x);
	if (verify_node(v, &x, NULL, &t, e) < 0)
		return -1;
	if (v->files && v->bad_nodes + v->bad_dirs + v->bad_items == before && check_top(v, tree, e) < 0)
		return -1;
	/* The sums mean something only if all of the tree was seen. */
	if (v->files && v->bad_nodes + v->bad_dirs + v->bad_items == before) {
		if (t.items != t.indexes)
			btrfs_broken(v, bad_dirs, "btrfs.directories", -1,
				     "subvolume %llu: directory entries by name and by index are not the same",
				     LLU(tree->id));
		if (t.named != t.refs)
			btrfs_broken(v, bad_dirs, "btrfs.directories", -1,
				     "subvolume %llu: directory entries and the references of inodes are not the same",
				     LLU(tree->id));
		if (t.links != t.linked)
			btrfs_broken(v, bad_dirs, "btrfs.directories", -1,
				     "subvolume %llu: inodes count %llu links, there are %llu", LLU(tree->id),
				     LLU(t.links), LLU(t.linked));
	}
	add_tally(&v->total, &t);
	return 0;
}

static int verify_logs(struct btrfs_verify *v, struct error *e)
{
	struct btrfs *fs = v->fs;
	struct btrfs_tree logs = {.id = BTRFS_LOG_TREE, .owner = BTRFS_LOG_TREE, .bytenr = fs->log_root,
				  .generation = fs->generation + 1, .level = fs->raw[0xc8], .refs = 1};
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_LOG_TREE, KEY_ROOT, 0};
	if (!fs->log_root)
		return 0;
	unsigned before = v->bad_nodes;
	if (verify_tree(v, &logs, e) < 0)
		return -1;
	if (v->bad_nodes != before)
		return 0;
	int rc = btrfs_seek(&c, fs, &logs, &from, e);
	for (; rc > 0 && c.key.type == KEY_ROOT; rc = btrfs_next(&c, e)) {
		struct btrfs_tree log;
		if (btrfs_root_parse(&c.key, c.data, c.size, &log, e) < 0)
			return 0; /* told when it was opened */
		log.owner = BTRFS_LOG_TREE;
		if (verify_tree(v, &log, e) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}

static void judge_totals(struct btrfs_verify *v)
{
	struct btrfs *fs = v->fs;
	uint64_t places = 0;
	vec_each(&fs->chunks, c) places += c->copies;
	if (v->bad_nodes)
		return;
	if (v->used != fs->used)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1, "%llu bytes are allocated, the superblock says %llu",
			     LLU(v->used), LLU(fs->used));
	if (v->groups != fs->chunks.count || v->group_bytes != v->used)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1,
			     "%llu block groups with %llu bytes in use, there are %zu chunks with %llu",
			     LLU(v->groups), LLU(v->group_bytes), fs->chunks.count, LLU(v->used));
	btrfs_judge_refs(v);
	if (v->dev_extents != places)
		btrfs_broken(v, bad_items, "btrfs.items", -1,
			     "the device has %llu runs for chunks, the chunks have %llu", LLU(v->dev_extents),
			     LLU(places));
	if (v->devices != 1)
		btrfs_broken(v, bad_items, "btrfs.items", -1, "the chunk tree lists this device %llu times",
			     LLU(v->devices));
}

/* First of all trees: then it is known of what there are checksums. */
static int verify_sums(struct btrfs_verify *v, const struct btrfs_tree *tree, struct error *e)
{
	unsigned before = v->bad_nodes + v->bad_items;
	v->sums_seen = true;
	if (tree && verify_tree(v, tree, e) < 0)
		return -1;
	v->sums_seen &= v->bad_nodes + v->bad_items == before;
	return 0;
}

/* Whether all data has checksums, where there are more runs of them than are kept at once. */
static int verify_rest(struct btrfs_verify *v, struct error *e)
{
	int rc = 0;
	v->again = true;
	while (v->sums_seen && !v->bad_nodes && !v->bad_extents && (rc = btrfs_sums_next(v, e)) > 0) {
		if (v->slots)
			memset(v->known, 0, v->slots * sizeof *v->known);
		v->stored = 0;
		vec_each(&v->fs->trees, t)
		{
			struct btrfs_tally t_none = {0};
			struct btrfs_expect x;
			if (!btrfs_is_subvolume(t->id) || !t->refs)
				continue;
			begin_tree(v, t, &x);
			if (verify_node(v, &x, NULL, &t_none, e) < 0)
				return -1;
		}
	}
	return rc;
}

static int verify_all(struct btrfs_verify *v, struct error *e)
{
	struct btrfs *fs = v->fs;
	const struct btrfs_tree *sums = btrfs_tree_by_id(fs, BTRFS_CSUM_TREE);
	if (verify_tree(v, &fs->root, e) < 0 || verify_tree(v, &fs->chunk_tree, e) < 0 || verify_sums(v, sums, e) < 0)
		return -1;
	size_t dropped = 0;
	vec_each(&fs->trees, t)
	{
		if (t == sums)
			continue;
		/* Being deleted: part of its nodes is free already. */
		if (!t->refs && btrfs_is_subvolume(t->id)) {
			dropped++;
			continue;
		}
		if (verify_tree(v, t, e) < 0)
			return -1;
	}
	if (verify_logs(v, e) < 0 || btrfs_check_links(v, e) < 0 || btrfs_check_logged(v, e) < 0 ||
	    verify_rest(v, e) < 0)
		return -1;
	if (v->sums_lost)
		return error_nomem(e);
	judge_totals(v);
	if (!v->bad_nodes)
		btrfs_finding(v->f, "btrfs.nodes", v->subject, OUTCOME_HELD, -1,
			      "%llu nodes of %zu trees, %llu copies: checksums and places%s", LLU(v->nodes),
			      fs->trees.count + 2, LLU(v->copies),
			      dropped ? " (subvolumes that are being deleted apart)" : "");
	if (!v->bad_dirs)
		btrfs_finding(v->f, "btrfs.directories", v->subject, OUTCOME_HELD, -1,
			      "%llu entries agree with %llu inodes", LLU(v->total.entries), LLU(v->total.inodes));
	if (!v->bad_extents)
		btrfs_finding(v->f, "btrfs.extents", v->subject, OUTCOME_HELD, -1,
			      "%llu file extents in bounds; %llu bytes allocated, none twice", LLU(v->total.extents),
			      LLU(v->used));
	if (!v->bad_items)
		btrfs_finding(v->f, "btrfs.items", v->subject, OUTCOME_HELD, -1,
			      "chunks as the device has them; checksums for %llu bytes of data", LLU(v->sum_bytes));
	return 0;
}

int btrfs_verify(void *self, const char *subject, struct findings *f, const struct budget *b, int64_t now,
		 int64_t *newest, struct error *e)
{
	struct btrfs_view *view = self;
	struct btrfs_verify v = {.fs = view->fs, .subject = subject, .f = f, .b = b, .now = now,
				 .sums_to = UINT64_MAX};
	/* Only snapshots share nodes. */
	vec_each(&view->fs->trees, t) if (btrfs_is_subvolume(t->id) && t->offset) v.slots = 16;
	if (v.slots && !(v.known = calloc(v.slots, sizeof *v.known)))
		return error_nomem(e);
	int rc = verify_all(&v, e);
	free(v.known);
	vec_free(&v.sums);
	*newest = v.total.newest;
	return rc;
}
