// SPDX-License-Identifier: GPL-3.0-or-later
/* The items of one leaf: sizes, bounds, and what has to be said twice. */
#include <sys/stat.h>

#include "btrfs_verify.h"

struct leaf {
	struct btrfs_verify *v;
	const struct btrfs_node *n;
	struct btrfs_tally *t;
	struct btrfs_key key;
	const uint8_t *p;
	uint32_t size;
	uint64_t file, file_end; /* of the file extent before this one, where there is one in this leaf */
};

#define bad_item(l, counter, check, text)                                                          \
	btrfs_broken((l)->v, counter, check, -1, "tree %llu, item (%llu %u %llu): " text,          \
		     LLU((l)->v->tree->id), LLU((l)->key.objectid), (l)->key.type, LLU((l)->key.offset))

static uint64_t mixed(uint64_t a, uint64_t b, uint64_t c, const void *name, size_t len)
{
	struct rng r = {a};
	r.state = rng_next(&r) ^ b;
	r.state = rng_next(&r) ^ c;
	r.state = rng_next(&r) ^ hash_bytes(name, len);
	return rng_next(&r);
}

#define OLD_CACHE ((uint64_t)-12)	 /* of free inode numbers, as older kernels kept it */
#define ROOT_DIR 6			 /* of the tree of roots */
#define INODE_FLAGS UINT64_C(0x180000fff) /* those that there are, and verity */
static const uint8_t modes[] = {S_IFIFO >> 12, S_IFCHR >> 12, S_IFDIR >> 12, S_IFBLK >> 12,
				S_IFREG >> 12, S_IFLNK >> 12, S_IFSOCK >> 12};

static bool is_file_number(uint64_t n)
{
	return n >= BTRFS_FIRST_FREE && n <= BTRFS_LAST_FREE;
}

static void check_inode(struct leaf *l)
{
	if (l->size != 160 || l->key.offset) {
		bad_item(l, bad_items, "btrfs.items", "an inode item of a wrong size");
		return;
	}
	btrfs_note_inode(l->v, l->key.objectid, get_le64(l->p + 64));
	int64_t ctime = (int64_t)get_le64(l->p + 124);
	if (ctime > l->t->newest && ctime <= l->v->now)
		l->t->newest = ctime;
	if (l->key.objectid == OLD_CACHE)
		return;
	uint64_t size = get_le64(l->p + 16), next = l->v->fs->generation + 1;
	uint32_t mode = get_le32(l->p + 52), links = get_le32(l->p + 40);
	/* A kernel reads no leaf with such an inode in it. */
	if ((!is_file_number(l->key.objectid) && l->key.objectid != ROOT_DIR) || mode >> 16 ||
	    !memchr(modes, (int)(mode >> 12), sizeof modes) || (S_ISDIR(mode) && links > 1) ||
	    get_le64(l->p) > next || get_le64(l->p + 8) > next ||
	    (get_le64(l->p + 64) & ~INODE_FLAGS))
		bad_item(l, bad_items, "btrfs.items", "an inode that can't be");
	if (size > (S_ISLNK(mode) ? BTRFS_LINK_BYTES : INT64_MAX))
		bad_item(l, bad_items, "btrfs.items", "an inode with a size that can't be");
	l->t->inodes++;
	l->t->links += links;
}

static void check_refs(struct leaf *l)
{
	bool extended = l->key.type == KEY_EXTREF;
	uint32_t head = extended ? 18 : 10, len;
	for (uint32_t at = 0; at < l->size; at += head + len) {
		const uint8_t *p = l->p + at;
		if (l->size - at < head || l->size - at - head < (len = get_le16(p + head - 2)) || !len) {
			bad_item(l, bad_dirs, "btrfs.directories", "references that go beyond their item");
			return;
		}
		uint64_t parent = extended ? get_le64(p) : l->key.offset;
		l->t->linked++;
		/* The root directory's own reference has no entry. */
		if (parent != l->key.objectid)
			l->t->refs += mixed(parent, l->key.objectid, get_le64(p + head - 10), p + head, len);
	}
}

#define TYPE_XATTR 8 /* of entries: those below are of files */

static bool leads_to_file(const struct btrfs_dirent *d)
{
	const struct btrfs_key *to = &d->location;
	return to->type == KEY_ROOT ? btrfs_is_subvolume(to->objectid)
				    : to->type == KEY_INODE && is_file_number(to->objectid) && !to->offset;
}

static void check_entries(struct leaf *l)
{
	struct btrfs_dirent d;
	unsigned count = 0;
	for (uint32_t at = 0; at < l->size; at += d.bytes, count++) {
		if (btrfs_dirent_at(l->p + at, l->size - at, &d, NULL) < 0) {
			bad_item(l, bad_dirs, "btrfs.directories", "entries that go beyond their item");
			return;
		}
		if (l->key.type != KEY_DIR_INDEX && l->key.offset != btrfs_name_hash(d.name, d.name_len)) {
			bad_item(l, bad_dirs, "btrfs.directories", "a name under the hash of another");
			return;
		}
		if (l->key.type == KEY_XATTR) {
			if (d.type == TYPE_XATTR && d.name_len <= 255 && is_zero(l->p + at, 17))
				continue;
			bad_item(l, bad_dirs, "btrfs.directories", "an attribute that can't be");
			return;
		}
		if (!btrfs_name_sane(d.name, d.name_len) || d.data_len || d.type >= TYPE_XATTR || !d.type ||
		    !leads_to_file(&d)) {
			bad_item(l, bad_dirs, "btrfs.directories", "an entry that can't be");
			return;
		}
		uint64_t h = mixed(l->key.objectid, d.location.objectid, (uint64_t)d.location.type << 8 | d.type,
				   d.name, d.name_len);
		if (l->key.type == KEY_DIR_ITEM) {
			l->t->items += h;
			continue;
		}
		l->t->indexes += h;
		l->t->entries++;
		if (d.location.type == KEY_INODE)
			l->t->named += mixed(l->key.objectid, d.location.objectid, l->key.offset, d.name, d.name_len);
	}
	if (!count || (count > 1 && l->key.type == KEY_DIR_INDEX))
		bad_item(l, bad_dirs, "btrfs.directories", "a wrong number of entries");
}

static void tell_unsummed(struct leaf *l, const struct btrfs_extent *x)
{
	if (!btrfs_summed(l->v, l->key.objectid, x))
		bad_item(l, bad_extents, "btrfs.extents", "its data should have checksums and has none");
}

static void check_extent(struct leaf *l)
{
	struct btrfs *fs = l->v->fs;
	struct btrfs_extent x;
	struct error e;
	uint64_t end;
	l->t->extents++;
	if (btrfs_extent_parse(fs, l->p, l->size, &x, &e) < 0) {
		l->v->bad_extents += e.cls == ERROR_CORRUPT;
		error_prefix(&e, "tree %llu inode %llu", LLU(l->v->tree->id), LLU(l->key.objectid));
		finding_error(l->v->f, PROOF_STRUCTURE, "btrfs.extents", l->v->subject, &e);
		return;
	}
	if (l->key.offset % fs->sector || add_overflows(l->key.offset, x.bytes, &end)) {
		bad_item(l, bad_extents, "btrfs.extents", "a file extent at a place that can't be");
		return;
	}
	if ((l->file == l->key.objectid && l->key.offset < l->file_end) || (!x.type && l->key.offset))
		bad_item(l, bad_extents, "btrfs.extents", "file extents that overlap");
	l->file = l->key.objectid;
	l->file_end = end;
	if (!btrfs_extent_in_chunk(fs, &x))
		bad_item(l, bad_extents, "btrfs.extents", "its data lies in no chunk for data");
	else
		tell_unsummed(l, &x);
}

/* Of what was looked at before. */
static void check_summed(struct leaf *l)
{
	struct btrfs_extent x;
	if (btrfs_extent_parse(l->v->fs, l->p, l->size, &x, NULL) == 0)
		tell_unsummed(l, &x);
}

/*
 * Both are in order: each begins behind the end of the one before. An allocated run lies in one chunk; a run of
 * checksums may go on into the next.
 */
static bool in_order(struct leaf *l, uint64_t start, uint64_t bytes, bool one_chunk)
{
	uint64_t at = start, left = bytes;
	if (start < l->v->end || !bytes)
		return false;
	while (left) {
		const struct btrfs_chunk *c = btrfs_chunk_of(l->v->fs, at);
		uint64_t room = c ? c->length - (at - c->logical) : 0;
		if (!c || (one_chunk && left > room))
			return false;
		at += left < room ? left : room;
		left -= left < room ? left : room;
	}
	l->v->end = at;
	return true;
}

static void check_sums(struct leaf *l)
{
	struct btrfs *fs = l->v->fs;
	uint64_t bytes = l->size / fs->sum_bytes * (uint64_t)fs->sector;
	if (l->size % fs->sum_bytes || l->key.offset % fs->sector || !in_order(l, l->key.offset, bytes, false))
		bad_item(l, bad_items, "btrfs.items", "checksums of what is no data, or twice");
	btrfs_note_sums(l->v, l->key.offset, bytes);
	l->v->sum_bytes += bytes;
}

static void check_allocation(struct leaf *l)
{
	uint64_t bytes = l->key.type == KEY_METADATA ? l->v->fs->node : l->key.offset;
	if (l->size < 24 || l->key.objectid % l->v->fs->sector || !in_order(l, l->key.objectid, bytes, true))
		bad_item(l, bad_extents, "btrfs.extents", "an allocated run that overlaps another or lies in no chunk");
	else if (!btrfs_note_allocation(l->v, &l->key, l->p, l->size))
		bad_item(l, bad_extents, "btrfs.extents", "an allocated run of no kind, or with wrong references");
	l->v->used += bytes;
}

static void check_ref(struct leaf *l)
{
	if (!btrfs_note_ref(l->v, &l->key, l->p, l->size))
		bad_item(l, bad_extents, "btrfs.extents", "a reference that its run does not count");
}

/* What is free in a chunk: without it, or with another size, nothing is mounted. */
static void check_group(struct leaf *l)
{
	const struct btrfs_chunk *c = btrfs_chunk_of(l->v->fs, l->key.objectid);
	if (l->size != 24 || !c || c->logical != l->key.objectid || c->length != l->key.offset ||
	    get_le64(l->p + 8) != BTRFS_FIRST_FREE || get_le64(l->p) > c->length ||
	    get_le64(l->p + 16) != c->type) {
		bad_item(l, bad_extents, "btrfs.extents", "a block group of no chunk, or not as its chunk");
		return;
	}
	l->v->groups++;
	l->v->group_bytes += get_le64(l->p);
}

static void check_dev_extent(struct leaf *l)
{
	if (l->key.objectid != l->v->fs->device)
		return;
	const struct btrfs_chunk *c = l->size == 48 ? btrfs_chunk_of(l->v->fs, get_le64(l->p + 16)) : NULL;
	bool found = false;
	l->v->dev_extents++;
	if (c && (get_le64(l->p) != BTRFS_CHUNK_TREE || get_le64(l->p + 8) != BTRFS_FIRST_FREE))
		c = NULL;
	for (unsigned i = 0; c && c->logical == get_le64(l->p + 16) && i < c->copies; i++)
		found |= c->places[i] == l->key.offset && c->length == get_le64(l->p + 24);
	if (!found)
		bad_item(l, bad_items, "btrfs.items", "the device lists another chunk here, or none");
}

/* The kernel takes the size of a device from here, the scan for devices from the superblock. */
static void check_device(struct leaf *l)
{
	const uint8_t *own = l->v->fs->raw + 0xc9;
	if (l->key.offset != l->v->fs->device)
		return;
	l->v->devices++;
	if (l->size != 98 || memcmp(l->p, own, 16) || memcmp(l->p + 66, own + 66, 32))
		bad_item(l, bad_items, "btrfs.items", "not the device that the superblock describes");
}

void btrfs_check_leaf(struct btrfs_verify *v, const struct btrfs_node *n, struct btrfs_tally *t)
{
	struct leaf l = {.v = v, .n = n, .t = t};
	for (uint32_t i = 0; i < n->items; i++) {
		l.key = btrfs_node_key(n, i);
		l.p = btrfs_leaf_item(n, i, &l.size);
		uint8_t type = l.key.type;
		uint64_t id = v->tree->id;
		if (v->again) {
			if (type == KEY_INODE)
				btrfs_note_inode(v, l.key.objectid, get_le64(l.p + 64));
			else if (type == KEY_EXTENT_DATA)
				check_summed(&l);
			continue;
		}
		if (type == KEY_EXTENT_DATA)
			btrfs_note_extent(v, &l.key, l.p, l.size);
		bool inodes = v->files || id == BTRFS_ROOT_TREE || id == BTRFS_DATA_RELOC_TREE;
		if (inodes && type == KEY_INODE)
			check_inode(&l);
		else if (v->files && (type == KEY_INODE_REF || type == KEY_EXTREF))
			check_refs(&l);
		else if (inodes && (type == KEY_DIR_ITEM || type == KEY_DIR_INDEX || type == KEY_XATTR))
			check_entries(&l);
		else if (v->files && type == KEY_EXTENT_DATA)
			check_extent(&l);
		else if (id == BTRFS_CSUM_TREE && type == KEY_CSUM)
			check_sums(&l);
		else if (id == BTRFS_EXTENT_TREE && (type == KEY_EXTENT || type == KEY_METADATA))
			check_allocation(&l);
		else if (id == BTRFS_EXTENT_TREE && btrfs_is_ref(type))
			check_ref(&l);
		else if ((id == BTRFS_EXTENT_TREE || id == BTRFS_BLOCK_GROUP_TREE) && type == KEY_BLOCK_GROUP)
			check_group(&l);
		else if (id == BTRFS_FREE_SPACE_TREE && !btrfs_note_free(v, &l.key, l.p, l.size))
			bad_item((&l), bad_extents, "btrfs.extents", "free space that can't be");
		else if (id == BTRFS_DEV_TREE && type == KEY_DEV_EXTENT)
			check_dev_extent(&l);
		else if (id == BTRFS_CHUNK_TREE && type == KEY_DEV_ITEM)
			check_device(&l);
	}
}
