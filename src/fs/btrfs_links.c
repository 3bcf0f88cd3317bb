// SPDX-License-Identifier: GPL-3.0-or-later
/* Names and references while the log is replayed: each is kept in three items (entry, index, reference). */
#include <sys/stat.h>

#include "backproof/crc32c.h"
#include "btrfs.h"

#define EXTENDED_REFS (UINT64_C(1) << 6)

struct btrfs_key btrfs_extref_key(uint64_t ino, uint64_t parent, const char *name, size_t len)
{
	return (struct btrfs_key){ino, KEY_EXTREF, crc32c_update((uint32_t)parent, name, len)};
}

int btrfs_ref_find(const uint8_t *p, uint32_t size, bool extended, uint64_t parent, const char *name, size_t len,
		   uint32_t *at, uint32_t *bytes, uint64_t *index)
{
	uint32_t head = extended ? 18 : 10;
	for (*at = 0; *at + head <= size; *at += *bytes) {
		const uint8_t *q = p + *at;
		uint32_t n = get_le16(q + head - 2);
		*bytes = head + n;
		if (*bytes > size - *at)
			return 0;
		*index = get_le64(q + head - 10);
		if (n == len && !memcmp(q + head, name, len) && (!extended || get_le64(q) == parent))
			return 1;
	}
	return 0;
}

int btrfs_ref_known(struct btrfs *fs, const struct btrfs_tree *t, uint64_t ino, uint64_t parent, const char *name,
		    size_t len, bool extended, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {ino, KEY_INODE_REF, parent};
	uint32_t at, bytes;
	uint64_t index;
	if (extended)
		key = btrfs_extref_key(ino, parent, name, len);
	int rc = btrfs_find(&c, fs, t, &key, e);
	return rc > 0 ? btrfs_ref_find(c.data, c.size, extended, parent, name, len, &at, &bytes, &index) : rc;
}

/* An item without the bytes at .. at+bytes. */
static int cut_item(struct btrfs_replay *r, const struct btrfs_cursor *c, uint32_t at, uint32_t bytes, struct error *e)
{
	struct btrfs_key key = c->key;
	uint32_t left = c->size - bytes;
	autofree uint8_t *data = malloc(left + 1u);
	if (!data)
		return error_nomem(e);
	memcpy(data, c->data, at);
	memcpy(data + at, c->data + at + bytes, left - at);
	return btrfs_overlay_put(r->tree->overlay, &key, left ? data : NULL, left, e);
}

/* 1; 0: there is no room in a leaf for it; -1. */
static int append_item(struct btrfs_replay *r, const struct btrfs_key *key, const void *more, uint32_t bytes,
		       struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	int rc = btrfs_find(&c, r->fs, r->tree, key, e);
	if (rc < 0)
		return -1;
	uint32_t have = rc ? c.size : 0;
	if (have + bytes > r->fs->node - BTRFS_HEADER - BTRFS_ITEM)
		return 0;
	autofree uint8_t *data = malloc(have + bytes);
	if (!data)
		return error_nomem(e);
	if (have)
		memcpy(data, c.data, have);
	memcpy(data + have, more, bytes);
	return btrfs_overlay_put(r->tree->overlay, key, data, have + bytes, e) < 0 ? -1 : 1;
}

static void put_le(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* A directory's size is twice the length of its names. */
static int resize_dir(struct btrfs_replay *r, uint64_t dir, int64_t change, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {dir, KEY_INODE, 0};
	uint8_t data[160];
	int rc = btrfs_find(&c, r->fs, r->tree, &key, e);
	if (rc < 0)
		return -1;
	if (!rc || c.size != sizeof data || !S_ISDIR(get_le32(c.data + 52)))
		return btrfs_bad(e, ERROR_NO_OFFSET, "the log changes a directory that is none (inode %llu)",
				 (unsigned long long)dir);
	memcpy(data, c.data, sizeof data);
	put_le(data + 16, get_le64(data + 16) + (uint64_t)change, 8);
	return btrfs_overlay_put(r->tree->overlay, &key, data, sizeof data, e);
}

int btrfs_link_remove(struct btrfs_replay *r, uint64_t dir, uint64_t ino, const char *name, size_t len, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {ino, KEY_INODE_REF, dir}, item = {dir, KEY_DIR_ITEM, btrfs_name_hash(name, len)};
	struct btrfs_dirent d;
	uint32_t at = 0, bytes = 0;
	uint64_t index = 0;
	int rc = 0;
	for (int extended = 0; extended < 2 && !rc; extended++) {
		if (extended)
			key = btrfs_extref_key(ino, dir, name, len);
		rc = btrfs_find(&c, r->fs, r->tree, &key, e);
		if (rc > 0)
			rc = btrfs_ref_find(c.data, c.size, extended, dir, name, len, &at, &bytes, &index);
		if (rc > 0 && cut_item(r, &c, at, bytes, e) < 0)
			return -1;
	}
	if (rc <= 0)
		return rc < 0 ? -1 : btrfs_bad(e, ERROR_NO_OFFSET, "inode %llu has no reference to its name",
					       (unsigned long long)ino);
	rc = btrfs_find(&c, r->fs, r->tree, &item, e);
	for (at = 0; rc > 0 && at < c.size; at += d.bytes) {
		if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
			return -1;
		if (d.name_len == len && !memcmp(d.name, name, len)) {
			if (cut_item(r, &c, at, d.bytes, e) < 0)
				return -1;
			break;
		}
	}
	if (rc < 0)
		return -1;
	struct btrfs_key by_index = {dir, KEY_DIR_INDEX, index};
	if (btrfs_overlay_put(r->tree->overlay, &by_index, NULL, 0, e) < 0)
		return -1;
	return resize_dir(r, dir, -2 * (int64_t)len, e);
}

static uint8_t entry_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return 1;
	case S_IFDIR:
		return 2;
	case S_IFCHR:
		return 3;
	case S_IFBLK:
		return 4;
	case S_IFIFO:
		return 5;
	case S_IFSOCK:
		return 6;
	default:
		return 7;
	}
}

/* A reference: in the other kind of item where those of one directory fill a leaf, as with many links. */
static int add_ref(struct btrfs_replay *r, uint64_t dir, uint64_t ino, const char *name, size_t len, uint64_t index,
		   struct error *e)
{
	uint8_t ref[18 + 255];
	struct btrfs_key key = {ino, KEY_INODE_REF, dir}, far = btrfs_extref_key(ino, dir, name, len);
	put_le(ref, dir, 8);
	put_le(ref + 8, index, 8);
	put_le(ref + 16, len, 2);
	memcpy(ref + 18, name, len);
	int rc = append_item(r, &key, ref + 8, (uint32_t)(10 + len), e);
	if (!rc && r->fs->incompat & EXTENDED_REFS)
		rc = append_item(r, &far, ref, (uint32_t)(18 + len), e);
	return rc;
}

int btrfs_link_add(struct btrfs_replay *r, uint64_t dir, uint64_t ino, const char *name, size_t len, uint64_t index,
		   bool reference, struct error *e)
{
	struct btrfs_inode in;
	struct btrfs_cursor c autocursor = {0};
	uint8_t entry[30 + 255] = {0};
	struct btrfs_key item = {dir, KEY_DIR_ITEM, btrfs_name_hash(name, len)}, by_index = {dir, KEY_DIR_INDEX, index};
	if (len > 255 || btrfs_inode_read(r->fs, r->tree, ino, &in, e) < 0)
		return len > 255 ? btrfs_bad(e, ERROR_NO_OFFSET, "a name of %zu bytes", len) : -1;
	int rc = btrfs_find(&c, r->fs, r->tree, &by_index, e);
	if (rc)
		return rc < 0 ? -1 : btrfs_bad(e, btrfs_cursor_place(&c), "the log puts a name where another is");
	put_le(entry, ino, 8);
	entry[8] = KEY_INODE;
	put_le(entry + 17, r->fs->generation + 1, 8);
	put_le(entry + 27, len, 2);
	entry[29] = entry_type(in.mode);
	memcpy(entry + 30, name, len);
	rc = append_item(r, &item, entry, (uint32_t)(30 + len), e);
	if (rc > 0 && btrfs_overlay_put(r->tree->overlay, &by_index, entry, (uint32_t)(30 + len), e) < 0)
		rc = -1;
	if (rc > 0 && reference)
		rc = add_ref(r, dir, ino, name, len, index, e);
	if (rc <= 0)
		return rc < 0 ? -1 : btrfs_bad(e, ERROR_NO_OFFSET, "the log makes an item larger than a leaf");
	return resize_dir(r, dir, 2 * (int64_t)len, e);
}

/* Takes away every name of an item of references of the subvolume that `known` (the log) does not have. */
static int drop_unknown(struct btrfs_replay *r, const struct btrfs_key *key, uint64_t only_parent, struct error *e)
{
	bool extended = key->type == KEY_EXTREF;
	uint32_t head = extended ? 18 : 10, at = 0;
	for (;;) {
		struct btrfs_cursor c autocursor = {0};
		char name[256];
		int rc = btrfs_find(&c, r->fs, r->tree, key, e);
		if (rc <= 0 || at + head > c.size)
			return rc < 0 ? -1 : 0;
		uint32_t len = get_le16(c.data + at + head - 2);
		uint64_t parent = extended ? get_le64(c.data + at) : key->offset;
		if (len > 255 || at + head + len > c.size)
			return btrfs_bad(e, btrfs_cursor_place(&c), "a damaged item of references");
		memcpy(name, c.data + at + head, len);
		if (!only_parent || parent == only_parent)
			rc = btrfs_ref_known(r->fs, r->log, key->objectid, parent, name, len, extended, e);
		if (rc < 0)
			return -1;
		if (rc)
			at += head + len;
		else if (btrfs_link_remove(r, parent, key->objectid, name, len, e) < 0)
			return -1;
	}
}

/* What stands where a name of the log has to go: another index, or another inode of that name. */
static int clear_way(struct btrfs_replay *r, uint64_t dir, uint64_t ino, uint64_t index, const char *name, size_t len,
		     struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key keys[2] = {{dir, KEY_DIR_INDEX, index}, {dir, KEY_DIR_ITEM, btrfs_name_hash(name, len)}};
	struct btrfs_key refs = {ino, KEY_INODE_REF, dir}, extrefs = btrfs_extref_key(ino, dir, name, len);
	if (drop_unknown(r, &refs, 0, e) < 0 || drop_unknown(r, &extrefs, dir, e) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		struct btrfs_dirent d;
		int rc = btrfs_find(&c, r->fs, r->tree, &keys[i], e);
		for (uint32_t at = 0; rc > 0 && at < c.size; at += d.bytes) {
			if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
				return -1;
			if (d.name_len != len || memcmp(d.name, name, len))
				continue;
			uint64_t victim = d.location.objectid;
			if (d.location.type != KEY_INODE)
				return btrfs_bad(e, ERROR_NO_OFFSET, "the log replaces a subvolume");
			if (btrfs_fixup(r, victim, e) < 0 || btrfs_link_remove(r, dir, victim, name, len, e) < 0)
				return -1;
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* 1: the subvolume has just this name, as entry and by index. */
static int is_linked(struct btrfs_replay *r, uint64_t dir, uint64_t ino, uint64_t index, const char *name, size_t len,
		     struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key keys[2] = {{dir, KEY_DIR_INDEX, index}, {dir, KEY_DIR_ITEM, btrfs_name_hash(name, len)}};
	for (int i = 0; i < 2; i++) {
		struct btrfs_dirent d;
		bool found = false;
		int rc = btrfs_find(&c, r->fs, r->tree, &keys[i], e);
		for (uint32_t at = 0; rc > 0 && at < c.size && !found; at += d.bytes) {
			if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
				return -1;
			found = d.name_len == len && !memcmp(d.name, name, len) && d.location.objectid == ino &&
				d.location.type == KEY_INODE;
		}
		if (rc < 0 || !found)
			return rc < 0 ? -1 : 0;
	}
	return 1;
}

int btrfs_replay_refs(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	bool extended = item->key.type == KEY_EXTREF;
	uint32_t head = extended ? 18 : 10, len;
	uint64_t ino = item->key.objectid;
	for (uint32_t at = 0; at < item->size; at += head + len) {
		const uint8_t *p = item->data + at;
		if (item->size - at < head || item->size - at - head < (len = get_le16(p + head - 2)) ||
		    !btrfs_name_sane((const char *)p + head, len)) {
			if (!extended && ino == item->key.offset)
				return 0; /* the root directory's ".." */
			return btrfs_bad(e, btrfs_cursor_place(item), "a damaged reference in the log");
		}
		uint64_t dir = extended ? get_le64(p) : item->key.offset, index = get_le64(p + head - 10);
		const char *name = (const char *)p + head;
		struct btrfs_key key = {dir, KEY_INODE, 0};
		int rc = btrfs_find(&c, r->fs, r->tree, &key, e);
		if (rc <= 0)
			return rc; /* a parent that was not logged */
		if (dir == ino)
			return 0;
		rc = is_linked(r, dir, ino, index, name, len, e);
		if (rc < 0 || (!rc && (clear_way(r, dir, ino, index, name, len, e) < 0 ||
				       btrfs_link_add(r, dir, ino, name, len, index, false, e) < 0)))
			return -1;
	}
	struct btrfs_key key = item->key;
	if (drop_unknown(r, &key, 0, e) < 0)
		return -1;
	return btrfs_overlay_put(r->tree->overlay, &item->key, item->data, item->size, e);
}
