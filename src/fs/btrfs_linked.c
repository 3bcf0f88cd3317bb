// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where subvolumes are linked: in the root tree, from above and from below, and as an entry of the directory. What has
 * no entry is not seen by who walks there, and what has no link from below can't be mounted by its number.
 */
#include "btrfs_verify.h"

/* 1: the item that leads up from a subvolume says the same as the one that leads down. */
static int leads_up(struct btrfs *fs, const struct btrfs_tree *t, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {t->id, KEY_ROOT_BACKREF, t->parent};
	int rc = btrfs_find(&c, fs, &fs->root, &key, e);
	size_t len = strlen(t->name);
	return rc <= 0 ? rc : c.size == 18 + len && get_le64(c.data) == t->parent_dir && get_le16(c.data + 16) == len &&
				      !memcmp(c.data + 18, t->name, len);
}

/* 1: its directory has it. */
static int has_entry(struct btrfs *fs, const struct btrfs_tree *t, struct error *e)
{
	const struct btrfs_tree *parent = btrfs_tree_by_id(fs, t->parent);
	size_t len = strlen(t->name);
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key key = {t->parent_dir, KEY_DIR_ITEM, btrfs_name_hash(t->name, len)};
	struct btrfs_dirent d;
	int rc = parent && parent->refs ? btrfs_find(&c, fs, parent, &key, e) : 0;
	for (uint32_t at = 0; rc > 0 && at < c.size; at += d.bytes) {
		if (btrfs_dirent_at(c.data + at, c.size - at, &d, e) < 0)
			return -1;
		if (d.location.objectid == t->id && d.location.type == KEY_ROOT && d.name_len == len &&
		    !memcmp(d.name, t->name, len))
			return 1;
	}
	return rc < 0 ? -1 : 0;
}

int btrfs_check_links(struct btrfs_verify *v, struct error *e)
{
	vec_each(&v->fs->trees, t)
	{
		struct error why = {0};
		const char *what = NULL;
		if (t->id == BTRFS_FS_TREE || !btrfs_is_subvolume(t->id))
			continue;
		int up = t->refs && t->name ? leads_up(v->fs, t, &why) : 0;
		int down = up > 0 ? has_entry(v->fs, t, &why) : 0;
		if (up < 0 || down < 0) {
			if (why.cls != ERROR_CORRUPT) {
				*e = why;
				return -1;
			}
			continue; /* told where the trees were walked */
		}
		if (!t->refs)
			what = t->name ? "is deleted and still linked" : NULL;
		else if (!t->name)
			what = "is linked nowhere";
		else if (!up)
			what = "has no link to its parent, or another";
		else if (!down)
			what = "has no entry where it is linked";
		if (what)
			btrfs_broken(v, bad_dirs, "btrfs.directories", -1, "subvolume %llu %s", LLU(t->id), what);
	}
	return 0;
}
