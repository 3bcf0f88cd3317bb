// SPDX-License-Identifier: GPL-3.0-or-later
/* The trees that the root tree names, where subvolumes are linked, and which is the default. */
#include "backproof/text.h"
#include "btrfs.h"

#define TREES_MAX (1u << 19) /* ids of entries have room for no more */
#define DEPTH_MAX 256
#define ROOT_FLAGS (UINT64_C(1) << 48 | 1) /* read-only; being deleted */

bool btrfs_is_subvolume(uint64_t id)
{
	return id == BTRFS_FS_TREE || (id >= BTRFS_FIRST_FREE && id <= BTRFS_LAST_FREE);
}

int btrfs_root_parse(const struct btrfs_key *key, const uint8_t *p, uint32_t size, struct btrfs_tree *out,
		     struct error *e)
{
	/* How far a deletion has come: a key, and its level above the leaves. */
	if (size < 239 || p[238] >= BTRFS_LEVELS || p[237] >= BTRFS_LEVELS || (get_le64(p + 220) && !p[237]) ||
	    (get_le64(p + 208) & ~ROOT_FLAGS))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the root item of tree %llu is damaged",
				 (unsigned long long)key->objectid);
	*out = (struct btrfs_tree){.id = key->objectid, .offset = key->offset};
	out->generation = get_le64(p + 160);
	out->dirid = get_le64(p + 168);
	out->bytenr = get_le64(p + 176);
	out->flags = get_le64(p + 208);
	out->refs = get_le32(p + 216);
	out->level = p[238];
	/* Snapshots and relocation share nodes of other trees. */
	out->owner = btrfs_is_subvolume(out->id) || out->id == BTRFS_RELOC_TREE ? 0 : out->id;
	if (size >= 439) {
		out->ctime = (int64_t)get_le64(p + 327);
		out->otime = (int64_t)get_le64(p + 339);
	}
	return 0;
}

struct btrfs_tree *btrfs_tree_by_id(const struct btrfs *fs, uint64_t id)
{
	size_t low = 0, high = fs->trees.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (fs->trees.items[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < fs->trees.count && fs->trees.items[low].id == id ? &fs->trees.items[low] : NULL;
}

static int read_roots(struct btrfs *fs, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {0};
	int rc = btrfs_seek(&c, fs, &fs->root, &from, e);
	for (; rc > 0; rc = btrfs_next(&c, e)) {
		if (c.key.type != KEY_ROOT)
			continue;
		if (fs->trees.count >= TREES_MAX)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "btrfs: more than %u trees", TREES_MAX);
		struct btrfs_tree *t = vec_push(&fs->trees);
		if (!t)
			return error_nomem(e);
		if (btrfs_root_parse(&c.key, c.data, c.size, t, e) < 0)
			return -1;
		if (t->generation > fs->generation || get_le64(c.data + 200) > fs->generation + 1) /* last snapshot */
			return btrfs_bad(e, btrfs_cursor_place(&c), "tree %llu is newer than the superblock",
					 (unsigned long long)t->id);
	}
	return rc;
}

static int read_links(struct btrfs *fs, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_FS_TREE, 0, 0};
	int rc = btrfs_seek(&c, fs, &fs->root, &from, e);
	for (; rc > 0; rc = btrfs_next(&c, e)) {
		if (c.key.type != KEY_ROOT_REF)
			continue;
		uint32_t len = c.size >= 18 ? get_le16(c.data + 16) : 0;
		struct btrfs_tree *t = btrfs_tree_by_id(fs, c.key.offset);
		if (!len || c.size != 18 + len || !btrfs_name_sane((const char *)c.data + 18, len) || !t || t->name)
			return btrfs_bad(e, btrfs_cursor_place(&c), "the link of subvolume %llu is damaged",
					 (unsigned long long)c.key.offset);
		t->parent = c.key.objectid;
		t->parent_dir = get_le64(c.data);
		t->name = strndup((const char *)c.data + 18, len);
		if (!t->name)
			return error_nomem(e);
	}
	return rc;
}

static int find_default(struct btrfs *fs, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_dirent d;
	struct btrfs_key key = {get_le64(fs->raw + 0x80), KEY_DIR_ITEM, btrfs_name_hash("default", 7)};
	fs->default_tree = BTRFS_FS_TREE;
	int rc = btrfs_find(&c, fs, &fs->root, &key, e);
	for (uint32_t at = 0; rc > 0 && at < c.size; at += d.bytes) {
		if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
			return -1;
		if (d.name_len == 7 && !memcmp(d.name, "default", 7) && d.location.type == KEY_ROOT)
			fs->default_tree = d.location.objectid;
	}
	const struct btrfs_tree *t = btrfs_tree_by_id(fs, fs->default_tree);
	if (rc >= 0 && (!t || !t->refs))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the default subvolume %llu does not exist",
				 (unsigned long long)fs->default_tree);
	return rc < 0 ? -1 : 0;
}

int btrfs_roots_open(struct btrfs *fs, struct error *e)
{
	if (read_roots(fs, e) < 0 || read_links(fs, e) < 0)
		return -1;
	const struct btrfs_tree *files = btrfs_tree_by_id(fs, BTRFS_FS_TREE);
	if (!files || !files->refs || !btrfs_tree_by_id(fs, BTRFS_EXTENT_TREE))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the root tree names no tree of files or of extents");
	return find_default(fs, e);
}

/* The path of a directory inside its subvolume, put before what is in t. 1, 0 when it has none, -1. */
static int put_dirs(struct btrfs *fs, const struct btrfs_tree *tree, uint64_t dir, char **path, struct error *e)
{
	for (unsigned depth = 0; dir != tree->dirid; depth++) {
		struct btrfs_cursor c autocursor = {0};
		struct btrfs_key key = {dir, KEY_INODE_REF, 0};
		int rc = btrfs_seek(&c, fs, tree, &key, e);
		if (rc <= 0 || c.key.objectid != dir || c.key.type != KEY_INODE_REF || c.size < 10 || depth > DEPTH_MAX)
			return rc < 0 ? -1 : 0;
		unsigned len = get_le16(c.data + 8);
		if (len > c.size - 10)
			return 0;
		char *longer = text_format("%.*s/%s", (int)len, (const char *)c.data + 10, *path);
		if (!longer)
			return error_nomem(e);
		free(*path);
		*path = longer;
		dir = c.key.offset;
	}
	return 1;
}

int btrfs_tree_path(const struct btrfs *fs, const struct btrfs_tree *t, char **out, struct error *e)
{
	autofree char *path = strdup("");
	if (!path)
		return error_nomem(e);
	for (unsigned depth = 0; t->id != BTRFS_FS_TREE; depth++) {
		const struct btrfs_tree *parent = btrfs_tree_by_id(fs, t->parent);
		if (!t->name || !parent || depth > DEPTH_MAX)
			return 0;
		char *longer = text_format("%s%s%s", t->name, *path ? "/" : "", path);
		if (!longer)
			return error_nomem(e);
		free(path);
		path = longer;
		int rc = put_dirs((struct btrfs *)fs, parent, t->parent_dir, &path, e);
		if (rc <= 0)
			return rc;
		t = parent;
	}
	*out = take(path);
	return 1;
}
