// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the tree of extents says of who uses each run, against what the other trees use: a run in use that is not
 * allocated is the next to be written over. Sums that do not depend on order; a node that snapshots share is looked at
 * once, and as often its extents have references.
 */
#include "btrfs_verify.h"

enum { /* types of references, in an extent's item and as keys behind it */
	REF_OWNER = 172, REF_NODE = 176, REF_DATA = 178, REF_SHARED_NODE = 182, REF_SHARED_DATA = 184,
};
enum { FREE_RUN = 199, FREE_BITS = 200 };
enum { IS_DATA = 1, IS_NODE = 2 };

#define FREE_TREE_VALID UINT64_C(3) /* it is there, and it is true */

static uint64_t of_run(uint64_t start, uint64_t bytes)
{
	struct rng r = {start};
	r.state = rng_next(&r) ^ bytes;
	return rng_next(&r);
}

static uint64_t of_owner(uint64_t start, uint64_t tree, uint64_t inode, uint64_t offset)
{
	return of_run(of_run(start, tree), of_run(inode, offset));
}

/* Runs next to each other come to the same as one over both. */
static void tile(struct btrfs_verify *v, uint64_t start, uint64_t end)
{
	v->tiled += of_run(end, 0) - of_run(start, 0);
}

/* Where no snapshots are, each use has one owner; of other trees it always has. */
static bool owned(const struct btrfs_verify *v, uint64_t tree)
{
	return !btrfs_is_subvolume(tree) || !v->slots;
}

void btrfs_note_node(struct btrfs_verify *v, const struct btrfs_node *n)
{
	if (v->tree->id == BTRFS_LOG_TREE || v->again)
		return;
	v->nodes_used += of_run(n->bytenr, v->fs->node);
	if (owned(v, v->tree->id))
		v->owners_used += of_owner(n->bytenr, v->tree->id, 0, 0);
}

void btrfs_note_extent(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size)
{
	if (v->tree->id == BTRFS_LOG_TREE || size != 53 || !p[20] || !get_le64(p + 21))
		return;
	v->data_used += of_run(get_le64(p + 21), get_le64(p + 29));
	if (owned(v, v->tree->id))
		v->owners_used += of_owner(get_le64(p + 21), v->tree->id, key->objectid,
					   key->offset - get_le64(p + 37));
}

static void note_owner(struct btrfs_verify *v, uint64_t start, uint8_t type, uint64_t tree, const uint8_t *data)
{
	if (type == REF_SHARED_NODE || type == REF_SHARED_DATA)
		v->shared = true;
	else if (type == REF_NODE && owned(v, tree))
		v->owners_allocated += of_owner(start, tree, 0, 0);
	else if (type == REF_DATA && owned(v, tree))
		v->owners_allocated += get_le32(data + 24) *
				       of_owner(start, tree, get_le64(data + 8), get_le64(data + 16));
}

/* References in one, at `at`. False: it can't be. */
static bool one_ref(struct btrfs_verify *v, uint64_t start, const uint8_t *p, uint32_t size, uint32_t *at, bool data,
		    uint64_t *refs)
{
	uint8_t type = p[*at];
	uint32_t bytes = type == REF_DATA ? 29 : type == REF_SHARED_DATA ? 13 : 9;
	if (bytes > size - *at || (type != REF_OWNER && type != (data ? REF_DATA : REF_NODE) &&
				   type != (data ? REF_SHARED_DATA : REF_SHARED_NODE)))
		return false;
	note_owner(v, start, type, get_le64(p + *at + 1), p + *at + 1);
	*refs += type == REF_OWNER ? 0 : data ? get_le32(p + *at + bytes - 4) : 1;
	*at += bytes;
	return true;
}

bool btrfs_note_allocation(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size)
{
	uint64_t refs = get_le64(p), here = 0, flags = get_le64(p + 16) & 3;
	bool data = flags == IS_DATA;
	uint64_t bytes = key->type == KEY_METADATA ? v->fs->node : key->offset;
	uint32_t at = key->type == KEY_EXTENT && !data ? 24 + 18 : 24; /* a node's first key and level */
	if (v->refs_owed || !refs || (flags != IS_DATA && flags != IS_NODE) ||
	    get_le64(p + 8) > v->fs->generation + 1 || (!data && bytes != v->fs->node) ||
	    (key->type == KEY_METADATA && (data || key->offset >= BTRFS_LEVELS)))
		return false;
	while (at < size)
		if (!one_ref(v, key->objectid, p, size, &at, data, &here))
			return false;
	if (here > refs)
		return false;
	v->refs_owed = refs - here;
	v->owing = key->objectid;
	tile(v, key->objectid, key->objectid + bytes);
	*(data ? &v->data_allocated : &v->nodes_allocated) += (data ? refs : 1) * of_run(key->objectid, bytes);
	return true;
}

bool btrfs_note_ref(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size)
{
	uint64_t refs = 1;
	if (key->type == REF_OWNER)
		return true;
	if (key->type == REF_DATA || key->type == REF_SHARED_DATA) {
		if (size != (key->type == REF_DATA ? 28u : 4u))
			return false;
		refs = get_le32(p + size - 4);
	}
	if (key->objectid != v->owing || !refs || refs > v->refs_owed)
		return false;
	v->refs_owed -= refs;
	note_owner(v, key->objectid, key->type, key->type == REF_DATA ? get_le64(p) : key->offset, p);
	return true;
}

bool btrfs_note_free(struct btrfs_verify *v, const struct btrfs_key *key, const uint8_t *p, uint32_t size)
{
	uint64_t bits = key->offset / v->fs->sector, from = 0;
	/* mkfs leaves some of chunks that it took away again. */
	if (!btrfs_chunk_of(v->fs, key->objectid))
		return true;
	if (key->type == FREE_RUN) {
		tile(v, key->objectid, key->objectid + key->offset);
		return !size;
	}
	if (key->type != FREE_BITS)
		return true;
	if (size != (bits + 7) / 8)
		return false;
	for (uint64_t i = 0; i <= bits; i++) {
		if (i < bits && p[i / 8] >> i % 8 & 1)
			continue;
		if (from < i)
			tile(v, key->objectid + from * v->fs->sector, key->objectid + i * v->fs->sector);
		from = i + 1;
	}
	return true;
}

bool btrfs_is_ref(uint8_t type)
{
	return type == REF_OWNER || type == REF_NODE || type == REF_DATA || type == REF_SHARED_NODE ||
	       type == REF_SHARED_DATA;
}

/* In the tree of free space lies what is not allocated, where a kernel takes it for true. */
static void judge_free(struct btrfs_verify *v)
{
	if ((get_le64(v->fs->raw + 0xb4) & FREE_TREE_VALID) != FREE_TREE_VALID)
		return;
	vec_each(&v->fs->chunks, c) v->tiled -= of_run(c->logical + c->length, 0) - of_run(c->logical, 0);
	if (v->tiled)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1,
			     "what is listed as free and what is allocated are not all of the chunks");
}

void btrfs_judge_refs(struct btrfs_verify *v)
{
	if (v->refs_owed)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1,
			     "the run at %llu has fewer references than it counts", LLU(v->owing));
	judge_free(v);
	/* Of what is being deleted or moved part has references and is not looked at. */
	vec_each(&v->fs->trees, t)
	{
		if (t->id == BTRFS_RELOC_TREE || (!t->refs && btrfs_is_subvolume(t->id)))
			return;
	}
	if (v->nodes_allocated != v->nodes_used)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1, "the nodes that are allocated are not those in use");
	if (v->data_allocated != v->data_used)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1,
			     "the data that is allocated is not what files refer to, or not as often");
	if (!v->shared && v->owners_allocated != v->owners_used)
		btrfs_broken(v, bad_extents, "btrfs.extents", -1, "what is allocated is said to belong to others");
}
