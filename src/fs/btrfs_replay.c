// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The replay of one subvolume's log, in the kernel's three passes: inodes and what was deleted, directory
 * entries, then attributes, references and file extents.
 */
#include <sys/stat.h>

#include "btrfs.h"

#define FIXUPS_MAX (4u << 20)

int btrfs_fixup(struct btrfs_replay *r, uint64_t ino, struct error *e)
{
	if (r->fixups.count && r->fixups.items[r->fixups.count - 1] == ino)
		return 0;
	if (r->fixups.count >= FIXUPS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "btrfs: the log changes too many inodes");
	uint64_t *to = vec_push(&r->fixups);
	if (!to)
		return error_nomem(e);
	*to = ino;
	return 0;
}

static int put_xattrs(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e)
{
	struct btrfs_dirent d;
	for (uint32_t at = 0; at < item->size; at += d.bytes) {
		if (btrfs_dirent_at(item->data + at, item->size - at, &d, e) < 0)
			return -1;
		if (btrfs_name_hash(d.name, d.name_len) != item->key.offset)
			return btrfs_bad(e, btrfs_cursor_place(item),
					 "an attribute in the log under the hash of another");
	}
	return btrfs_overlay_put(r->tree->overlay, &item->key, item->data, item->size, e);
}

/* Attributes that the log does not have are gone: it always has all of an inode. */
static int drop_xattrs(struct btrfs_replay *r, uint64_t ino, struct error *e)
{
	struct btrfs_cursor c autocursor = {0}, l autocursor = {0};
	struct btrfs_key key = {ino, KEY_XATTR, 0};
	autofree uint8_t *kept = malloc(r->fs->node);
	int rc = kept ? btrfs_seek(&c, r->fs, r->tree, &key, e) : error_nomem(e);
	while (rc > 0 && c.key.objectid == ino && c.key.type == KEY_XATTR) {
		struct btrfs_dirent have, d;
		uint32_t size = 0;
		int there = btrfs_find(&l, r->fs, r->log, &c.key, e);
		for (uint32_t at = 0; there >= 0 && at < c.size; at += have.bytes) {
			bool found = false;
			if (btrfs_dirent_at(c.data + at, c.size - at, &have, e) < 0)
				return -1;
			for (uint32_t in = 0; there && !found && in < l.size; in += d.bytes) {
				if (btrfs_dirent_at(l.data + in, l.size - in, &d, e) < 0)
					return -1;
				found = d.name_len == have.name_len && !memcmp(d.name, have.name, d.name_len);
			}
			if (found) {
				memcpy(kept + size, c.data + at, have.bytes);
				size += have.bytes;
			}
		}
		key = c.key;
		if (there < 0)
			return -1;
		if (size != c.size && btrfs_overlay_put(r->tree->overlay, &key, size ? kept : NULL, size, e) < 0)
			return -1;
		if (!++key.offset)
			break;
		rc = btrfs_seek(&c, r->fs, r->tree, &key, e);
	}
	return rc < 0 ? -1 : 0;
}

/* Takes one directory entry of the subvolume away unless the log has it too. */
static int drop_entry(struct btrfs_replay *r, const struct btrfs_cursor *c, bool all, struct error *e)
{
	struct btrfs_cursor l autocursor = {0};
	struct btrfs_dirent d, other;
	char name[256];
	if (btrfs_dirent_at(c->data, c->size, &d, e) < 0)
		return -1;
	int rc = all ? 0 : btrfs_find(&l, r->fs, r->log, &c->key, e);
	if (rc < 0)
		return -1;
	if (rc) {
		if (btrfs_dirent_at(l.data, l.size, &other, e) < 0)
			return -1;
		if (other.name_len == d.name_len && !memcmp(other.name, d.name, d.name_len))
			return 0;
	}
	if (d.location.type != KEY_INODE || d.name_len > 255)
		return btrfs_bad(e, ERROR_NO_OFFSET, "the log deletes what is no file");
	memcpy(name, d.name, d.name_len);
	uint64_t dir = c->key.objectid, ino = d.location.objectid;
	if (btrfs_fixup(r, ino, e) < 0)
		return -1;
	return btrfs_link_remove(r, dir, ino, name, d.name_len, e);
}

static int drop_entries(struct btrfs_replay *r, uint64_t dir, uint64_t from, uint64_t to, bool all, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {dir, KEY_DIR_INDEX, from};
	int rc;
	while ((rc = btrfs_seek(&c, r->fs, r->tree, &key, e)) > 0) {
		if (c.key.objectid != dir || c.key.type != KEY_DIR_INDEX || c.key.offset > to)
			return 0;
		key = c.key;
		if (drop_entry(r, &c, all, e) < 0)
			return -1;
		if (!++key.offset)
			break;
	}
	return rc < 0 ? -1 : 0;
}

/* Ranges of a directory's index that the log speaks for. */
static int drop_logged(struct btrfs_replay *r, uint64_t dir, struct error *e)
{
	struct btrfs_cursor c autocursor = {0}, have autocursor = {0};
	struct btrfs_key key = {dir, KEY_INODE, 0};
	int rc = btrfs_find(&have, r->fs, r->tree, &key, e);
	if (rc <= 0)
		return rc;
	key.type = KEY_LOG_INDEX;
	for (rc = btrfs_seek(&c, r->fs, r->log, &key, e); rc > 0; rc = btrfs_next(&c, e)) {
		if (c.key.objectid != dir || c.key.type != KEY_LOG_INDEX)
			return 0;
		if (c.size < 8)
			return btrfs_bad(e, btrfs_cursor_place(&c), "a damaged range in the log of a directory");
		if (drop_entries(r, dir, c.key.offset, get_le64(c.data), false, e) < 0)
			return -1;
	}
	return rc;
}

static void put_le64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static int replay_inode(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	uint8_t data[160];
	uint64_t ino = item->key.objectid;
	uint32_t mode = get_le32(item->data + 52);
	memcpy(data, item->data, sizeof data);
	if (drop_xattrs(r, ino, e) < 0 || (S_ISDIR(mode) && drop_logged(r, ino, e) < 0))
		return -1;
	int rc = btrfs_find(&c, r->fs, r->tree, &item->key, e);
	if (rc < 0)
		return -1;
	if (rc && c.size != sizeof data)
		return btrfs_bad(e, btrfs_cursor_place(&c), "inode %llu has an item of %u bytes",
				 (unsigned long long)ino, c.size);
	uint64_t size = get_le64(data + 16);
	if (rc && !get_le64(data)) {
		/* Generation 0: logged only so that it exists. */
		uint32_t old = get_le32(c.data + 52);
		memcpy(data, c.data, sizeof data);
		if (S_ISREG(mode) && S_ISREG(old) && size)
			put_le64(data + 16, size);
	} else if (S_ISDIR(mode)) {
		/* The size of a directory follows from its entries. */
		put_le64(data + 16, rc && S_ISDIR(get_le32(c.data + 52)) ? get_le64(c.data + 16) : 0);
	}
	if (!get_le64(data))
		put_le64(data, r->fs->generation + 1);
	if (btrfs_overlay_put(r->tree->overlay, &item->key, data, sizeof data, e) < 0)
		return -1;
	if (S_ISREG(mode)) {
		uint64_t sector = r->fs->sector, end = get_le64(data + 16);
		if (end > INT64_MAX)
			return btrfs_bad(e, btrfs_cursor_place(item), "an inode in the log has a size that can't be");
		if (btrfs_drop_extents(r, ino, (end + sector - 1) / sector * sector, UINT64_MAX, e) < 0)
			return -1;
	}
	return btrfs_fixup(r, ino, e);
}

/* Removes what stands at a place of an entry of the log. 1: it is the same entry, 0: the place is free now or is
 * to be left alone, -1. */
static int make_room(struct btrfs_replay *r, uint64_t dir, const struct btrfs_dirent *old,
		     const struct btrfs_dirent *want, bool exists, struct error *e)
{
	char name[256];
	if (!btrfs_key_cmp(&old->location, &want->location) && old->type == want->type)
		return 1;
	if (!exists)
		return 0;
	if (old->location.type != KEY_INODE)
		return btrfs_bad(e, ERROR_NO_OFFSET, "the log replaces what is no file");
	uint64_t ino = old->location.objectid;
	unsigned len = old->name_len; /* that of the new one */
	memcpy(name, old->name, len);
	return btrfs_fixup(r, ino, e) < 0 || btrfs_link_remove(r, dir, ino, name, len, e) < 0 ? -1 : 0;
}

static int inode_exists(struct btrfs_replay *r, uint64_t ino, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {ino, KEY_INODE, 0};
	return btrfs_find(&c, r->fs, r->tree, &key, e);
}

static int replay_entry(struct btrfs_replay *r, const struct btrfs_cursor *item, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_dirent d, old;
	uint64_t dir = item->key.objectid;
	bool same_item = false, same_index = false;
	if (btrfs_dirent_at(item->data, item->size, &d, e) < 0)
		return -1;
	if (!btrfs_name_sane(d.name, d.name_len) || d.location.type != KEY_INODE)
		return btrfs_bad(e, btrfs_cursor_place(item), "an entry in the log that can't be");
	uint64_t ino = d.location.objectid;
	int exists = inode_exists(r, ino, e), rc = exists < 0 ? -1 : inode_exists(r, dir, e);
	if (rc <= 0)
		return rc < 0 ? -1 : btrfs_bad(e, btrfs_cursor_place(item), "an entry in the log for no directory");
	struct btrfs_key key = {dir, KEY_DIR_ITEM, btrfs_name_hash(d.name, d.name_len)};
	rc = btrfs_find(&c, r->fs, r->tree, &key, e);
	for (uint32_t at = 0; rc > 0 && at < c.size; at += old.bytes) {
		if (btrfs_dirent_at(c.data + at, c.size - at, &old, e) < 0)
			return -1;
		if (old.name_len == d.name_len && !memcmp(old.name, d.name, d.name_len)) {
			rc = make_room(r, dir, &old, &d, exists, e);
			same_item = rc > 0;
			break;
		}
	}
	if (rc < 0)
		return -1;
	rc = btrfs_find(&c, r->fs, r->tree, &item->key, e);
	if (rc > 0) {
		if (btrfs_dirent_at(c.data, c.size, &old, e) < 0)
			return -1;
		if (old.name_len == d.name_len && !memcmp(old.name, d.name, d.name_len))
			same_index = (rc = make_room(r, dir, &old, &d, exists, e)) > 0;
	}
	if (rc < 0 || (same_item && same_index))
		return rc < 0 ? -1 : 0;
	/* With a reference in the log it comes with that. */
	for (int extended = 0; extended < 2; extended++)
		if ((rc = btrfs_ref_known(r->fs, r->log, ino, dir, d.name, d.name_len, extended, e)) != 0)
			return rc < 0 ? -1 : 0;
	if (!exists || same_item || same_index)
		return 0;
	if (btrfs_link_add(r, dir, ino, d.name, d.name_len, item->key.offset, true, e) < 0)
		return -1;
	return btrfs_fixup(r, ino, e);
}

enum pass { PASS_INODES, PASS_ENTRIES, PASS_REST };

static int replay_item(struct btrfs_replay *r, enum pass pass, const struct btrfs_cursor *c, bool *ignore,
		       struct error *e)
{
	if (c->key.type == KEY_INODE) {
		if (c->size != 160)
			return btrfs_bad(e, btrfs_cursor_place(c), "an inode item of %u bytes in the log", c->size);
		*ignore = !get_le32(c->data + 40); /* never linked */
	}
	if (*ignore)
		return 0;
	if (c->key.type == KEY_INODE && pass == PASS_INODES)
		return replay_inode(r, c, e);
	if (c->key.type == KEY_DIR_INDEX && pass == PASS_ENTRIES)
		return replay_entry(r, c, e);
	if (pass < PASS_REST)
		return 0;
	if (c->key.type == KEY_XATTR)
		return put_xattrs(r, c, e);
	if (c->key.type == KEY_INODE_REF || c->key.type == KEY_EXTREF)
		return btrfs_replay_refs(r, c, e);
	return c->key.type == KEY_EXTENT_DATA ? btrfs_replay_extent(r, c, e) : 0;
}

static int count_links(struct btrfs_replay *r, uint64_t ino, uint32_t *links, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {ino, KEY_INODE_REF, 0};
	int rc = btrfs_seek(&c, r->fs, r->tree, &key, e);
	*links = 0;
	for (; rc > 0 && c.key.objectid == ino && c.key.type <= KEY_EXTREF; rc = btrfs_next(&c, e)) {
		uint32_t head = c.key.type == KEY_INODE_REF ? 10 : 18;
		for (uint32_t at = 0; at + head <= c.size; at += head + get_le16(c.data + at + head - 2))
			++*links;
	}
	return rc < 0 ? -1 : 0;
}

/* Link counts follow from the references; a directory that has lost its last loses its entries. */
static int fix_links(struct btrfs_replay *r, uint64_t ino, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {ino, KEY_INODE, 0};
	uint8_t data[160];
	uint32_t links;
	int rc = btrfs_find(&c, r->fs, r->tree, &key, e);
	if (rc <= 0)
		return rc;
	if (c.size != sizeof data)
		return btrfs_bad(e, btrfs_cursor_place(&c), "an inode item of %u bytes", c.size);
	memcpy(data, c.data, sizeof data);
	if (count_links(r, ino, &links, e) < 0)
		return -1;
	if (links == get_le32(data + 40))
		return 0;
	for (int i = 0; i < 4; i++)
		data[40 + i] = (uint8_t)(links >> 8 * i);
	if (btrfs_overlay_put(r->tree->overlay, &key, data, sizeof data, e) < 0)
		return -1;
	if (links || !S_ISDIR(get_le32(data + 52)))
		return 0;
	return drop_entries(r, ino, 0, UINT64_MAX, true, e);
}

int btrfs_replay_tree(struct btrfs_replay *r, struct error *e)
{
	for (enum pass pass = PASS_INODES; pass <= PASS_REST; pass++) {
		struct btrfs_cursor c autocursor = {0};
		struct btrfs_key from = {0};
		bool ignore = false;
		int rc = btrfs_seek(&c, r->fs, r->log, &from, e);
		for (; rc > 0; rc = btrfs_next(&c, e))
			if (replay_item(r, pass, &c, &ignore, e) < 0)
				return error_prefix(e, "item (%llu %u %llu)", (unsigned long long)c.key.objectid,
						    c.key.type, (unsigned long long)c.key.offset);
		if (rc < 0)
			return -1;
	}
	for (size_t i = 0; i < r->fixups.count; i++)
		if (fix_links(r, r->fixups.items[i], e) < 0)
			return -1;
	return 0;
}
